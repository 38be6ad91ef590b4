"""JPEGs whose end is missing.  Where next to nothing is lost, the picture opens; where more is, it is refused."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import IO

import numpy as np
from PIL import Image

LEAST_ROWS = 0.95
"""Share of the rows that must be there."""

_END = b"\xff\xd9"
_NOISE = bytes(value for value in random.Random(1).randbytes(20_000) if value != 0xFF)  # noqa: S311


def without_end(data: bytes, decode: Callable[[io.BytesIO], Image.Image]) -> tuple[Image.Image, float] | None:
    """Decode a JPEG that ends too early.

    The decoder fills up what is missing.  It is found by decoding twice, once with noise in place of what is missing:
    rows that are in the file do not change.

    Args:
        data: the JPEG.
        decode: opens and decodes a JPEG from memory, in whatever size.

    Returns:
        The picture and the share of its rows that is there; None where less than `LEAST_ROWS` is.
    """
    if not _all_passes(data):
        return None
    if data.endswith(b"\xff"):
        data = data[:-1]  # half of a marker
    picture = decode(io.BytesIO(data + _END))
    other = decode(io.BytesIO(data + _NOISE + _END))
    differ = np.flatnonzero((np.asarray(picture) != np.asarray(other)).reshape(picture.height, -1).any(axis=1))
    share = float(differ[0]) / picture.height if differ.size else 1.0
    return (picture, share) if share >= LEAST_ROWS else None


def odd_kind(file: IO[bytes]) -> str:
    """Return what is unusual about a JPEG by its header, such as "12 bits a sample"; empty for a usual one."""
    file.seek(0)
    data = file.read(1 << 20)
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xF7:
            return "JPEG-LS"
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return "" if data[at + 4] == 8 else f"{data[at + 4]} bits a sample"
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return ""


def ends_early(data: bytes) -> bool:
    """Tell, without decoding, whether the end of a JPEG or PNG is missing; False for all else."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    at = 2
    while data.startswith(b"\xff\xd8") and at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:  # the picture itself, in which these two bytes stand for nothing else
            return data.find(b"\xff\xd9", at) < 0
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _all_passes(data: bytes) -> bool:
    """Tell whether every coefficient has had its last pass begun: a progressive JPEG cut earlier is a blurred one."""
    parts: set[int] = set()
    done: set[tuple[int, int]] = set()
    at = 2
    while at + 4 <= len(data):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            break
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD9 or marker == 0x01:
            at += 1 if marker == 0xFF else 2  # inside the data of a pass
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + size]
        if marker in (0xC0, 0xC1, 0xC2) and len(body) >= 6:
            parts = set(body[6 : 6 + 3 * body[5] : 3])
        elif marker == 0xDA and body and len(body) >= 4 + 2 * body[0]:
            ids = body[1 : 1 + 2 * body[0] : 2]
            first, last, low = body[-3], body[-2], body[-1] & 15
            if low == 0:
                done.update((part, k) for part in ids for k in range(first, min(last, 63) + 1))
        at += 2 + size
    return bool(parts) and all((part, k) in done for part in parts for k in range(64))

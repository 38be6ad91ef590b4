"""Raw files of cameras: what the sensor measured is not developed here, but most hold a JPEG made by the camera.

Learning from a thumbnail would look right and be wrong, so a preview counts only if it is large.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO

from resnext_gui.engine.pictures.files import RAW_SUFFIXES, ImageError, PathLike, display
from resnext_gui.engine.pictures.tiff_structure import Directory, Tag, directories

SHORT_SIDE = 480
"""Pixels of a preview's shorter side that always suffice; a smaller one must be as large as the sensor's picture."""

_SENSOR = frozenset({32803, 34892})
"""Photometric interpretations: a colour filter array, and linear samples of a sensor."""

_TAGGED = (b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM")
_MOST_SEARCHED = 256 << 20
_MOST_TRIES = 4096


@dataclass(frozen=True, slots=True)
class Preview:
    """A JPEG inside a raw file.

    Attributes:
        data: the JPEG.
        orientation: EXIF orientation that the raw file gives, 1..8; one of the JPEG's own goes before it.
    """

    data: bytes
    orientation: int


def is_raw(path: PathLike, head: bytes, found: list[Directory]) -> bool:
    """Tell whether a file is a raw one, by what it holds or, for what is built like one, by its name.

    Args:
        path: its name.
        head: its first 32 bytes.
        found: its TIFF directories, if any.
    """
    if head.startswith(_TAGGED) or head[4:12] == b"ftypcrx ":
        return True
    if not found:
        return head[:4] == b"IIU\0" or head[6:14] == b"HEAPCCDR"
    if any(Tag.DNG_VERSION in each.values or each.one(Tag.PHOTOMETRIC) in _SENSOR for each in found):
        return True
    return PurePath(path).suffix.lower() in RAW_SUFFIXES or head[:4] in (b"IIRO", b"IIRS", b"MMOR", b"IIU\0")


def preview(path: PathLike, file: IO[bytes], head: bytes, found: list[Directory]) -> Preview:
    """Return the largest JPEG in a raw file.

    Raises:
        ImageError: ``unsupported``: there is none, or none that is large enough; ``broken``: it lies beyond the end.
    """
    name = display(path)
    size = file.seek(0, 2)
    listed = list(_listed(found))
    jpegs = _sized(file, listed)
    dng = any(Tag.DNG_VERSION in each.values for each in found)
    if not dng and not any(_suffices(shape, found) for shape, _, _ in jpegs):
        # Some makers keep it where only they know, or in files that are no TIFF: any JPEG with a header will do.
        jpegs += _searched(file, min(size, _MOST_SEARCHED))
    good = [jpeg for jpeg in jpegs if _suffices(jpeg[0], found)]
    if not good:
        if any(place + length > size for place, length in listed):
            raise ImageError(
                "broken", f"'{name}' is damaged or incomplete.", "Copy it again from where it came from, or remove it."
            )
        kind = "DNG" if dng else PurePath(path).suffix[1:].upper()
        raise ImageError(
            "unsupported",
            f"'{name}' is a raw file{f' ({kind})' if kind else ''} without a full-size preview.",
            "Save it as JPEG with the camera's program or any that develops raw files.",
        )
    (_, offset, length) = max(good, key=lambda jpeg: jpeg[0][0] * jpeg[0][1])
    file.seek(offset)
    return Preview(file.read(length), _orientation(file, head, found))


def _suffices(shape: tuple[int, int], found: list[Directory]) -> bool:
    short = min(shape)
    sensor = max(
        (min(each.one(Tag.WIDTH), each.one(Tag.HEIGHT)) for each in found if each.one(Tag.PHOTOMETRIC) in _SENSOR),
        default=0,
    )
    return short >= SHORT_SIDE or (sensor > 0 and short >= 0.9 * sensor)


def _listed(found: list[Directory]) -> list[tuple[int, int]]:
    """Return (offset, bytes) of all that the directories call a JPEG, but for the sensor's own samples."""
    places: list[tuple[int, int]] = []
    for each in found:
        if each.one(Tag.PHOTOMETRIC) in _SENSOR:
            continue
        if each.one(Tag.JPEG) and each.one(Tag.JPEG_BYTES):
            places.append((each.one(Tag.JPEG), each.one(Tag.JPEG_BYTES)))
        strips, sizes = each.all(Tag.STRIPS), each.all(Tag.STRIP_BYTES)
        if each.one(Tag.COMPRESSION) in (6, 7) and len(strips) == len(sizes) == 1:
            places.append((strips[0], sizes[0]))
        if Tag.PANASONIC_JPEG in each.places:
            places.append(each.places[Tag.PANASONIC_JPEG])
    return places


def _sized(file: IO[bytes], places: list[tuple[int, int]]) -> list[tuple[tuple[int, int], int, int]]:
    """Return (width and height, offset, bytes) of those that are JPEGs that can be decoded."""
    end = file.seek(0, 2)
    found = []
    for offset, length in places:
        shape = jpeg_size(file, offset, min(length, end - offset))
        if shape is not None and offset + length <= end:
            found.append((shape, offset, length))
    return found


def jpeg_size(file: IO[bytes], offset: int, length: int) -> tuple[int, int] | None:
    """Return width and height of the JPEG at `offset`; None where there is none of 8 bits and one or three colours."""
    end = offset + length
    file.seek(offset)
    if file.read(2) != b"\xff\xd8":
        return None
    at = offset + 2
    for _ in range(256):
        if at + 4 > end:
            return None
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[0] != 0xFF:
            return None
        marker, size = head[1], int.from_bytes(head[2:4], "big")
        if marker in (0xC0, 0xC1, 0xC2):
            depth, height, width, colours = struct.unpack(">BHHB", head[4:10])
            return (width, height) if depth == 8 and colours in (1, 3) and width and height else None
        if size < 2 or not (0xC4 <= marker <= 0xFE) or marker in (0xD8, 0xD9, 0xDA) or 0xC5 <= marker <= 0xCF:
            return None
        at += 2 + size
    return None


def _searched(file: IO[bytes], end: int) -> list[tuple[tuple[int, int], int, int]]:
    """Look for JPEGs anywhere in a file."""
    found: list[tuple[tuple[int, int], int, int]] = []
    file.seek(0)
    data = file.read(end)
    at = 0
    for _ in range(_MOST_TRIES):
        at = data.find(b"\xff\xd8\xff", at)
        if at < 0:
            break
        shape = jpeg_size(file, at, end - at)
        if shape is not None:
            found.append((shape, at, end - at))  # a decoder stops at the JPEG's own end
        at += 3
    return found


def _orientation(file: IO[bytes], head: bytes, found: list[Directory]) -> int:
    if not found and head[4:12] == b"ftypcrx ":
        # Canon's container holds small TIFF files of metadata; the first has the orientation.
        file.seek(0)
        box = file.read(1 << 20)
        at = box.find(b"CMT1")
        if at > 0:
            found = directories(io.BytesIO(box[at + 4 : at + 4 + (64 << 10)]))
    value = found[0].one(Tag.ORIENTATION, 1) if found else 1
    return value if 1 <= value <= 8 else 1

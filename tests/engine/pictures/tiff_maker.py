"""Writes TIFF files of every kind, tag by tag, also raw ones; and PNGs of 16 bits, which Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np

_LETTER = {1: "B", 3: "H", 4: "I"}


@dataclass
class Page:
    """A directory: tags to (kind, numbers), strips of data, and directories below."""

    tags: dict[int, tuple[int, list[int]]]
    strips: list[bytes] = field(default_factory=list)
    below: list[Page] = field(default_factory=list)
    jpeg: bytes = b""


def tiff(pages: list[Page], order: str = "<", magic: bytes = b"", big: bool = False) -> bytes:
    """The file that holds these pages."""
    word, room = ("Q", 8) if big else ("I", 4)
    out = bytearray(16 if big else 8)

    def put(data: bytes) -> int:
        out.extend(b"\0" * (len(out) % 2))
        out.extend(data)
        return len(out) - len(data)

    def directory(page: Page, following: int) -> int:
        tags = dict(page.tags)
        if page.below:
            tags[330] = (4, [directory(each, 0) for each in page.below])
        if page.strips:
            tags[273] = (4, [put(strip) for strip in page.strips])
            tags[279] = (4, [len(strip) for strip in page.strips])
        if page.jpeg:
            tags[513], tags[514] = (4, [put(page.jpeg)]), (4, [len(page.jpeg)])
        entries = b""
        for tag in sorted(tags):
            kind, numbers = tags[tag]
            data = struct.pack(f"{order}{len(numbers)}{_LETTER[kind]}", *numbers)
            place = data.ljust(room, b"\0") if len(data) <= room else struct.pack(order + word, put(data))
            entries += struct.pack(order + "HH" + word, tag, kind, len(numbers)) + place
        return put(
            struct.pack(order + ("Q" if big else "H"), len(tags)) + entries + struct.pack(order + word, following)
        )

    first = 0
    for page in reversed(pages):
        first = directory(page, first)
    mark = b"II" if order == "<" else b"MM"
    if big:
        out[:16] = mark + struct.pack(order + "HHHQ", 43, 8, 0, first)
    else:
        out[:8] = (magic or mark + struct.pack(order + "H", 42)) + struct.pack(order + "I", first)
    return bytes(out)


def samples(
    values: np.ndarray, photometric: int = 2, order: str = "<", planar: bool = False, deflate: bool = False,
    predictor: int = 1, extra: list[int] | None = None, tags: dict[int, tuple[int, list[int]]] | None = None,
) -> Page:  # fmt: skip
    """A page of samples (height, width, samples), 32 rows a strip."""
    height, width, count = values.shape
    form = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    found = {
        254: (4, [0]), 256: (4, [width]), 257: (4, [height]), 258: (3, [8 * values.dtype.itemsize] * count),
        259: (3, [8 if deflate else 1]), 262: (3, [photometric]), 277: (3, [count]), 278: (4, [32]),
        284: (3, [2 if planar else 1]), 317: (3, [predictor]), 339: (3, [form] * count), **(tags or {}),
    }  # fmt: skip
    if extra is not None:
        found[338] = (3, extra)
    planes = [values[..., n : n + 1] for n in range(count)] if planar else [values]
    strips = [_strip(plane[top : top + 32], order, predictor) for plane in planes for top in range(0, height, 32)]
    return Page(found, [zlib.compress(strip) if deflate else strip for strip in strips])


def _strip(rows: np.ndarray, order: str, predictor: int) -> bytes:
    height, width, count = rows.shape
    if predictor == 2:
        rows = np.concatenate([rows[:, :1], rows[:, 1:] - rows[:, :-1]], axis=1)
    if predictor == 3:
        high_first = np.ascontiguousarray(rows.astype(rows.dtype.newbyteorder(">"))).view(np.uint8)
        apart = high_first.reshape(height, width * count, -1).transpose(0, 2, 1).reshape(height, -1, count)
        return np.concatenate([apart[:, :1], apart[:, 1:] - apart[:, :-1]], axis=1).tobytes()
    return rows.astype(rows.dtype.newbyteorder(order)).tobytes()


def png16(values: np.ndarray) -> bytes:
    """A PNG of 16 bits: grey without or with alpha, RGB or RGBA (height, width, 1 to 4), with every filter in turns."""
    height, width, count = values.shape
    back = 2 * count
    raw, above = b"", np.zeros(width * back, int)
    for y in range(height):
        row = np.ascontiguousarray(values[y].astype(">u2")).view(np.uint8).reshape(-1).astype(int)
        left, corner = (np.concatenate([np.zeros(back, int), line[:-back]]) for line in (row, above))
        guess = left + above - corner
        a, b, c = abs(guess - left), abs(guess - above), abs(guess - corner)
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
        expected = [0 * row, left, above, (left + above) // 2, paeth][y % 5]
        raw += bytes([y % 5]) + ((row - expected) % 256).astype(np.uint8).tobytes()
        above = row

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[count], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def sensor(width: int, height: int, linear: bool = False) -> Page:
    """What a sensor measured: noise."""
    noise = np.random.default_rng(0).integers(0, 4096, (height, width, 3 if linear else 1), np.uint16)
    return samples(noise, 34892 if linear else 32803)

"""The directories of a TIFF file, also of the raw files that are built like one.  Reads headers only, all bounded.

Source: TIFF 6.0 (Adobe, 1992), the BigTIFF design, TIFF/EP and DNG 1.7 for what raw files add.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from typing import IO

MOST_DIRECTORIES = 64
MOST_ENTRIES = 1024
MOST_VALUES = 1 << 20

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTER = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}

_HEADS = {
    b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">",
    b"IIRO": "<", b"IIRS": "<", b"MMOR": ">", b"IIU\0": "<",  # Olympus, Panasonic
}  # fmt: skip


class Tag:
    """Numbers of the tags that matter here."""

    SUBFILE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    STRIPS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    COLOUR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILES = 324
    TILE_BYTES = 325
    SUB_DIRECTORIES = 330
    EXTRA = 338
    FORMAT = 339
    JPEG = 513
    JPEG_BYTES = 514
    SUBSAMPLING = 530
    DNG_VERSION = 50706
    PANASONIC_JPEG = 0x2E


@dataclass(frozen=True, slots=True)
class Directory:
    """One picture of the file: its tags.

    Attributes:
        order: ``"<"`` or ``">"``, as `struct` has it.
        values: tag to its numbers; text and the like are left out.
        places: tag to (offset, bytes) of values that lie outside the directory.
        main: whether it is in the chain of pictures, and not below one.
    """

    order: str
    values: dict[int, tuple[int, ...]]
    places: dict[int, tuple[int, int]]
    main: bool

    def one(self, tag: int, default: int = 0) -> int:
        """Return the first number of a tag."""
        found = self.values.get(tag)
        return found[0] if found else default

    def all(self, tag: int) -> tuple[int, ...]:
        """Return all numbers of a tag."""
        return self.values.get(tag, ())


def directories(file: IO[bytes]) -> list[Directory]:
    """Return the directories of a file, those below others included; empty where it is no such file.

    What leads outside the file, in circles, or beyond the limits is left out.
    """
    try:
        file.seek(0)
        head = file.read(16)
        order = _HEADS.get(head[:4])
        if order is None:
            return []
        big = head[:4] in (b"II+\0", b"MM\0+")
        start = struct.unpack(order + "Q", head[8:16])[0] if big else struct.unpack(order + "I", head[4:8])[0]
        waiting: deque[tuple[int, bool]] = deque([(start, True)])
        seen: set[int] = set()
        found: list[Directory] = []
        while waiting and len(found) < MOST_DIRECTORIES:
            offset, main = waiting.popleft()
            if offset in seen or not offset:
                continue
            seen.add(offset)
            read = _directory(file, offset, order, big, main)
            if read is None:
                continue
            directory, following = read
            found.append(directory)
            waiting.extend((place, False) for place in directory.all(Tag.SUB_DIRECTORIES)[:MOST_DIRECTORIES])
            if main:
                waiting.append((following, True))
    except (OSError, struct.error, ValueError, OverflowError):
        return []
    return found


def _directory(file: IO[bytes], offset: int, order: str, big: bool, main: bool) -> tuple[Directory, int] | None:
    count_bytes, entry, word = (8, 20, "Q") if big else (2, 12, "I")
    file.seek(offset)
    head = file.read(count_bytes)
    if len(head) < count_bytes:
        return None
    count = struct.unpack(order + ("Q" if big else "H"), head)[0]
    if not 0 < count <= MOST_ENTRIES:
        return None
    body = file.read(count * entry + (8 if big else 4))
    if len(body) < count * entry:
        return None
    values: dict[int, tuple[int, ...]] = {}
    places: dict[int, tuple[int, int]] = {}
    for at in range(0, count * entry, entry):
        tag, kind = struct.unpack_from(order + "HH", body, at)
        number = struct.unpack_from(order + word, body, at + 4)[0]
        room = 8 if big else 4
        inline = body[at + entry - room : at + entry]
        if kind not in _BYTES or number > MOST_VALUES:
            if kind in _BYTES:  # too many to be numbers that matter, but a preview may lie there
                places[tag] = (struct.unpack(order + word, inline)[0], number * _BYTES[kind])
            continue
        size = number * _BYTES[kind]
        if size > room:
            place = struct.unpack(order + word, inline)[0]
            places[tag] = (place, size)
        if kind not in _LETTER or kind in (11, 12):
            continue
        if size > room:
            file.seek(place)
            inline = file.read(size)
        if len(inline) >= size and number:
            values[tag] = struct.unpack_from(f"{order}{number}{_LETTER[kind]}", inline)
    tail = body[count * entry :]
    following = struct.unpack(order + word, tail)[0] if len(tail) == (8 if big else 4) else 0
    return Directory(order, values, places, main), following

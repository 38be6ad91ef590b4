"""A cache of pooled features on disk.

One folder a combination of weights, preprocessing, size and precision; in it a few append-only segments, each written
by one process alone, so that several processes share a folder without locks.  Every record carries the hash of the
photograph's bytes and a checksum: what was cut short or damaged is passed over and computed again, never trusted.
The whole folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from resnext_gui.project import guard

Features = npt.NDArray[np.float32]

_MAGIC = b"RNXF0001"
_HEADER = 64
_MOST_SEGMENTS = 12
_MOST_READ = 2 << 30
"""Bytes: 250,000 photographs of the widest network.  What is beyond is computed again."""


def cache_key(**parts: object) -> str:
    """Return a short name for everything that a feature depends on besides the photograph itself."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class FeatureCache:
    """Features by content hash.  Usable from one thread; several processes may have the same folder open."""

    def __init__(self, folder: Path, width: int) -> None:
        """Args:
        folder: made when the first feature is added.
        width: numbers in a feature vector.
        """
        self.folder = folder
        self.width = width
        self._record = np.dtype([("hash", "V32"), ("values", "<f4", (width,)), ("sum", "<u4")])
        self._places: dict[bytes, tuple[int, int]] = {}
        self._segments: list[npt.NDArray[np.void]] = []
        self._own: IO[bytes] | None = None
        self._fresh: dict[bytes, Features] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._places) + len(self._fresh)

    def __contains__(self, content: str) -> bool:
        return self.get(content) is not None

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, content: str) -> Features | None:
        """Return the features (width,) of a photograph by its content hash (hexadecimal), or None."""
        name = _name(content)
        fresh = self._fresh.get(name)
        if fresh is not None:
            return fresh
        place = self._places.get(name)
        if place is None:
            return None
        record = self._segments[place[0]][place[1]]
        values = np.array(record["values"], np.float32)
        if int(record["sum"]) != _checksum(name, values) or not np.isfinite(values).all():
            del self._places[name]
            return None
        return values

    def add(self, content: str, values: Features) -> None:
        """Keep the features of a photograph.  Where the disk refuses, they are kept in memory only."""
        name = _name(content)
        values = np.ascontiguousarray(values, "<f4").reshape(self.width)
        self._fresh[name] = values
        with suppress(OSError):
            if self._own is None:
                self._own = self._new_segment()
            self._own.write(name + values.tobytes() + _checksum(name, values).to_bytes(4, "little"))

    def flush(self) -> None:
        """Bring what was added onto the disk."""
        if self._own is not None:
            with suppress(OSError):
                self._own.flush()

    def close(self) -> None:
        """Write what is left and let go of the files; many small segments become one."""
        if self._own is not None:
            with suppress(OSError):
                self._own.close()
            self._own = None
        if len(self._segments) > _MOST_SEGMENTS:
            self._merge()
        self._segments.clear()
        self._places.clear()

    def _new_segment(self) -> IO[bytes]:
        guard.make_folder(self.folder)
        stream = guard.open_new(self.folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.features")
        stream.write((_MAGIC + self.width.to_bytes(4, "little")).ljust(_HEADER, b"\0"))
        return stream

    def _read(self) -> None:
        files = sorted(self.folder.glob("*.features")) if self.folder.is_dir() else []
        left = _MOST_READ
        for file in files:
            try:
                with guard.open_read(file) as stream:
                    header = stream.read(_HEADER)
                    size = stream.seek(0, os.SEEK_END)
                count = (size - _HEADER) // self._record.itemsize
                if not header.startswith(_MAGIC) or int.from_bytes(header[8:12], "little") != self.width:
                    guard.remove(file)
                    continue
                if count <= 0 or size > left:
                    continue
                left -= size
                # read whole, not mapped: a mapped file that shrinks underneath ends the process
                with guard.open_read(file) as stream:
                    stream.seek(_HEADER)
                    segment = np.frombuffer(stream.read(count * self._record.itemsize), self._record)
            except (OSError, ValueError):
                continue
            number = len(self._segments)
            self._segments.append(segment)
            raw = np.ascontiguousarray(segment["hash"]).tobytes()
            for row in range(len(segment)):
                self._places[raw[row * 32 : row * 32 + 32]] = (number, row)

    def _merge(self) -> None:
        before = list(self.folder.glob("*.features"))
        with suppress(OSError):
            names = list(self._places)
            partial = self.folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
            with guard.open_new(partial) as stream:
                stream.write((_MAGIC + self.width.to_bytes(4, "little")).ljust(_HEADER, b"\0"))
                for name in names:
                    number, row = self._places[name]
                    stream.write(self._segments[number][row].tobytes())
                for name, values in self._fresh.items():
                    stream.write(name + values.tobytes() + _checksum(name, values).to_bytes(4, "little"))
            partial.replace(partial.with_suffix(".features"))
            for file in before:
                guard.remove(file)


def _name(content: str) -> bytes:
    """Return 32 bytes for a content hash; other lengths than SHA-256's are hashed to it."""
    try:
        raw = bytes.fromhex(content)
    except ValueError:
        raw = content.encode()
    return raw if len(raw) == 32 else hashlib.sha256(raw).digest()


def _checksum(name: bytes, values: Features) -> int:
    return zlib.crc32(values.tobytes(), zlib.crc32(name))

"""A cache of pooled features on disk.

One folder a combination of weights, preprocessing, size and precision; in it a few append-only segments, each written
by one process alone, which holds an operating-system lock on it as long as it writes: others read it, and leave it.
Every record carries the hash of the photograph's bytes and a checksum: what was cut short or damaged is passed over and
computed again, never trusted.
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
from resnext_gui.project.files import is_locked, try_lock

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
        self._seen: dict[Path, int] = {}  # segments that were read, and how many bytes of each
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
                self._own = self._new_segment(self._new_name(".features"))
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
        self._seen.clear()
        self._places.clear()

    def _new_name(self, suffix: str) -> Path:
        return self.folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{suffix}"

    def _new_segment(self, file: Path) -> IO[bytes]:
        guard.make_folder(self.folder)
        stream = guard.open_new(file)
        try_lock(stream)  # until it is closed
        stream.write((_MAGIC + self.width.to_bytes(4, "little")).ljust(_HEADER, b"\0"))
        stream.flush()
        return stream

    def _read(self) -> None:
        left = _MOST_READ
        for _ in range(5):  # what vanishes meanwhile has been merged into another segment: look for that
            files = sorted(self.folder.glob("*.features")) if self.folder.is_dir() else []
            whole = True
            for file in files:
                if file not in self._seen:
                    size = self._read_segment(file, left)
                    whole &= size is not None
                    left -= size or 0
            if whole:
                return

    def _read_segment(self, file: Path, most: int) -> int | None:
        """Read a segment as far as it is whole; returns how many bytes that were, or None where it has vanished."""
        try:
            # read, not mapped: a mapped file that shrinks underneath ends the process
            with guard.open_read(file) as stream:
                header = stream.read(_HEADER)
                rows = stream.read() if os.fstat(stream.fileno()).st_size <= most else b""
        except FileNotFoundError:
            return None
        except OSError:
            return 0
        if len(header) < _HEADER:  # has only just been begun, or never came further
            return 0
        if not header.startswith(_MAGIC) or int.from_bytes(header[8:12], "little") != self.width:
            with suppress(OSError):
                if not is_locked(file):
                    guard.remove(file)
            return 0
        segment = np.frombuffer(rows, self._record, len(rows) // self._record.itemsize)
        number = len(self._segments)
        self._segments.append(segment)
        self._seen[file] = len(header) + len(rows)
        raw = np.ascontiguousarray(segment["hash"]).tobytes()
        for row in range(len(segment)):
            self._places[raw[row * 32 : row * 32 + 32]] = (number, row)
        return self._seen[file]

    def _merge(self) -> None:
        """Write what was read as one segment, and remove those that it was read from."""
        for left in self.folder.glob("*.part"):
            with suppress(OSError):
                if not is_locked(left):
                    guard.remove(left)
        with suppress(OSError):
            partial = self._new_name(".part")
            with self._new_segment(partial) as stream:
                for number, row in self._places.values():
                    stream.write(self._segments[number][row].tobytes())
            partial.replace(partial.with_suffix(".features"))
            for file, size in self._seen.items():
                with suppress(OSError):
                    # whoever still writes it, or has written more since it was read, keeps it
                    if not is_locked(file) and file.stat().st_size == size:
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

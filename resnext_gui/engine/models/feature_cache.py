"""A cache of pooled features on disk: one table of one SQLite file, which any number of processes share.

Every row carries the hash of the photograph's bytes and a checksum: what is damaged is passed over and computed again,
never trusted.  A file that is not what it should be is thrown away, and where the disk refuses, features are kept in
memory only.  The file may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from resnext_gui.project import guard, sqlite_file

Features = npt.NDArray[np.float32]

_TABLE = (
    "CREATE TABLE features (key TEXT NOT NULL, content TEXT NOT NULL, numbers BLOB NOT NULL, checksum INTEGER NOT NULL,"
    " PRIMARY KEY (key, content))"
)
_BUSY_SECONDS = 10.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_MOST_READ = 2 << 30
"""Bytes: 250,000 photographs of the widest network.  What is beyond is computed again."""


def cache_key(**parts: object) -> str:
    """Return a short name for everything that a feature depends on besides the photograph itself."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class FeatureCache:
    """Features by content hash.  Usable from one thread; several processes may have the same file open."""

    def __init__(self, cache: Path, key: str, width: int) -> None:
        """Args:
        cache: the folder of a project's caches; made when the first feature is added.
        key: names everything that a feature depends on besides the photograph.
        width: numbers in a feature vector.
        """
        self._file, self._key, self._width = cache / "features.db", key, width
        self._db: sqlite3.Connection | None = None
        self._known: dict[str, Features] = {}
        self._fresh: dict[str, Features] = {}
        with suppress(OSError):
            guard.remove_folder(cache / "features")  # of earlier versions
        if self._file.exists():
            self._attempt(self._read)

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, content: str) -> bool:
        return content in self._known

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, content: str) -> Features | None:
        """Return the features (width,) of a photograph by its content hash, or None."""
        return self._known.get(content)

    def add(self, content: str, values: Features) -> None:
        """Keep the features of a photograph.  They are on the disk after the next `flush`."""
        values = np.ascontiguousarray(values, "<f4").reshape(self._width)
        self._known[content] = self._fresh[content] = values

    def flush(self) -> None:
        """Bring what was added onto the disk.  Where that refuses, it is tried again the next time."""
        if self._fresh and self._attempt(self._write):
            self._fresh.clear()

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.flush()
        self._let_go()
        self._known.clear()

    def _read(self, db: sqlite3.Connection) -> None:
        left = _MOST_READ
        for content, numbers, checksum in db.execute(
            "SELECT content, numbers, checksum FROM features"
            " WHERE key = ? AND typeof(content) = 'text' AND typeof(numbers) = 'blob' AND length(numbers) = ?",
            (self._key, 4 * self._width),
        ):
            values = np.frombuffer(numbers, "<f4")
            if checksum == _checksum(content, values) and np.isfinite(values).all():
                self._known[content] = values
            left -= len(numbers)
            if left < 0:
                break

    def _write(self, db: sqlite3.Connection) -> None:
        rows = [(self._key, name, row.tobytes(), _checksum(name, row)) for name, row in self._fresh.items()]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)", rows)
        db.execute("COMMIT")

    def _attempt(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        """Do `work` with the file; returns whether it went well.  A file that is damaged is thrown away."""
        try:
            work(self._open())
        except OSError:  # also where a link lies, which is somebody else's
            self._let_go()
            return False
        except sqlite3.Error as error:
            self._let_go()
            # the kind of trouble is in the lowest byte; without any, the file holds something else than our table
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB) & 0xFF in _DAMAGED:
                for suffix in sqlite_file.COMPANIONS:
                    with suppress(OSError):
                        guard.remove(self._file.with_name(self._file.name + suffix))
            return False
        return True

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            folder = self._file.parent
            guard.make_folder(folder)
            if os.access(folder, os.W_OK):
                self._db = sqlite_file.connect(self._file, "mode=rwc", _BUSY_SECONDS)
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes back is computed again
                self._db.execute(_TABLE.replace("TABLE", "TABLE IF NOT EXISTS"))
            else:
                self._db = sqlite_file.connect(self._file, "mode=ro&immutable=1", _BUSY_SECONDS)
            found = self._db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 2").fetchall()
            if found != [(_TABLE,)]:
                raise sqlite3.DatabaseError("it does not hold what it should")
        return self._db

    def _let_go(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _checksum(content: str, values: Features) -> int:
    return zlib.crc32(values.tobytes(), zlib.crc32(content.encode()))

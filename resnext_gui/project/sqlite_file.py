"""Opening a SQLite file that may come from somebody else: no link is followed, and nothing in the file runs."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

from resnext_gui.project import guard
from resnext_gui.texts import text

COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What the names of a SQLite file and of the files that SQLite puts beside it end with."""

_LONGEST = 64 << 20
"""Bytes of one value: ids of a few million photographs that were moved together."""

_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")


def connect(file: Path, mode: str, busy_seconds: float) -> sqlite3.Connection:
    """Open `file`, hardened; each statement is a transaction of its own unless one is begun.

    Args:
        file: in a project.
        mode: as in the address of a file: ``"mode=rw"``, ``"mode=rwc"`` (made where it is not there) or
            ``"mode=ro"``, also with ``"&immutable=1"``.
        busy_seconds: to wait for other writers.

    Raises:
        sqlite3.Error: it cannot be opened, or is no such file.
        OddFileError: it, or what SQLite would read beside it, is no ordinary file of ours.
    """
    _refuse_odd_files(file)
    uri = file.as_uri()
    if not uri.startswith("file:///"):  # a network share on Windows, which SQLite wants as a path
        uri = "file:////" + uri.removeprefix("file://")
    db = sqlite3.connect(f"{uri}?{mode}", uri=True, timeout=busy_seconds, isolation_level=None)
    try:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        if hasattr(db, "setconfig"):  # from Python 3.12 on
            for option, value in (("DEFENSIVE", True), ("ENABLE_TRIGGER", False), ("ENABLE_VIEW", False)):
                db.setconfig(getattr(sqlite3, f"SQLITE_DBCONFIG_{option}"), value)
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA cell_size_check = ON")
    except BaseException:
        db.close()
        raise
    return db


def _refuse_odd_files(file: Path) -> None:
    """Refuse what SQLite would follow, wait for, or be led astray by.

    A rollback journal may name a file that SQLite removes when it has played it back.  Ours never do.
    """
    guard.check(file)
    for suffix in COMPANIONS:
        part = file.with_name(file.name + suffix)
        try:
            facts = os.lstat(part)
        except OSError:
            continue
        if guard.is_link(part):
            raise guard.OddFileError(part, text("a_link"))
        if not stat.S_ISREG(facts.st_mode):
            raise guard.OddFileError(part, text("not_ordinary"))
        if suffix == "-journal" and facts.st_size:
            end = b""
            with contextlib.suppress(OSError), guard.open_read(part) as stream:
                stream.seek(max(0, facts.st_size - len(_SUPER_JOURNAL)))
                end = stream.read()
            if end == _SUPER_JOURNAL:
                raise guard.OddFileError(part, text("others_journal"))

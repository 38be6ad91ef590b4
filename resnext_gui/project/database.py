"""The project's SQLite file: its schema, its migrations, and how trouble with it is told.  Standard library only."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from resnext_gui.project import guard, sqlite_file
from resnext_gui.project.files import file_trouble, odd_file, tidy
from resnext_gui.project.records import ProjectError

APPLICATION_ID = 0x52584E47
"""``RXNG``: marks the file as ours, so that another program's database is never altered."""

SCHEMA_VERSION = 2
FILE_NAME = "project.db"
BUSY_SECONDS = 10.0

STATUSES = ("ok", "changed", "unreadable", "gone")
"""As stored: the index into this tuple.  Usable photographs have 0 or 1."""

KINDS = ("learning", "practice", "exam")
"""As stored: the index into this tuple."""

_SCHEMA_1 = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('changes', 1);

CREATE TABLE imports (id INTEGER PRIMARY KEY, at REAL NOT NULL, text TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, import_id INTEGER, path NOT NULL, rule TEXT NOT NULL, label TEXT
);

CREATE TABLE labels (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, position INTEGER NOT NULL DEFAULT 0,
    excluded INTEGER NOT NULL DEFAULT 0, import_id INTEGER, removed INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX labels_by_name ON labels (name) WHERE removed = 0;
-- Where photographs go whose folder is named as a label once was, before it was renamed or merged.
CREATE TABLE aliases (name TEXT PRIMARY KEY, label_id INTEGER NOT NULL) WITHOUT ROWID;

-- path holds text, or a blob where the file name is no valid Unicode.
CREATE TABLE photos (
    id INTEGER PRIMARY KEY, path NOT NULL, label_id INTEGER, hash TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, status INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '', source_id INTEGER, import_id INTEGER, sort TEXT NOT NULL, folded TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX photos_by_path ON photos (path);
CREATE INDEX photos_by_label ON photos (label_id, sort, id) WHERE removed = 0 AND status <= 1;
CREATE INDEX photos_by_status ON photos (status, sort, id) WHERE removed = 0 AND status > 1;
CREATE INDEX photos_by_hash ON photos (hash);
CREATE INDEX photos_by_import ON photos (import_id);

-- Keyed by content: a kind, once given, never changes.
CREATE TABLE kinds (hash TEXT PRIMARY KEY, kind INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, text TEXT NOT NULL, steps TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path NOT NULL, label TEXT NOT NULL, probability REAL NOT NULL,
    top TEXT NOT NULL, model TEXT NOT NULL, milliseconds REAL NOT NULL, at REAL NOT NULL, corrected TEXT
);
CREATE TABLE models (id INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE exams (model TEXT PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID;
"""


def _first_schema(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA_1.split(";\n"):
        connection.execute(statement)


JOURNAL_KEEPS = 300
"""So many operations can be undone."""


def _labels_of_the_disk(connection: sqlite3.Connection) -> None:
    """What the disk says of each photograph: ``disk_label`` is the label last read from folder, name or table.

    Empty: it lay where no label is; NULL: not known before the next look.  ``disputed``: the disk has said something
    else since the person corrected the label.
    """
    connection.execute("ALTER TABLE photos ADD COLUMN disk_label TEXT")
    connection.execute("ALTER TABLE photos ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0")
    connection.execute("CREATE INDEX photos_disputed ON photos (sort, id) WHERE disputed = 1")
    made = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
    if made is not None and made[0] > JOURNAL_KEEPS:
        return  # what was corrected long ago is forgotten: nothing is known before the next look
    # What the person has never moved is still labelled as it was read.
    corrected: set[int] = set()
    for (steps,) in connection.execute("SELECT steps FROM journal WHERE undone = 0 AND text LIKE 'Move %'"):
        for kind, *rest in json.loads(steps):
            if kind == "photos":
                corrected.update(photo for group in rest[1].values() for photo in group)
    connection.execute(
        "UPDATE photos SET disk_label = COALESCE((SELECT name FROM labels WHERE labels.id = label_id), '')"
        " WHERE id NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(corrected)),),
    )


Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: tuple[Migration, ...] = (_first_schema, _labels_of_the_disk)
"""``MIGRATIONS[n]`` brings a file of version n to version n + 1, inside one transaction."""


READ_SECONDS = 10.0
"""No single question to the file takes longer, with a million photographs; one that does is given up."""

LOOK_SECONDS = 0.6
"""So long a file that this process has not opened before is looked through for damage; a large one only in part."""

_EVERY = 20_000
"""Steps of SQLite's machine between two looks at the clock."""


@functools.cache
def _schema(migrations: tuple[Migration, ...]) -> frozenset[tuple[str, str, str, str]]:
    """Return what these migrations make: (type, name, table, statement) of everything in the file."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for migration in migrations:
            migration(db)
        return _schema_of(db)


def _schema_of(db: sqlite3.Connection) -> frozenset[tuple[str, str, str, str]]:
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master LIMIT 1000").fetchall()
    return frozenset((str(kind), str(name), str(table), _plain(str(sql))) for kind, name, table, sql in rows)


def _plain(sql: str) -> str:
    """Return a statement without comments and line breaks, which may change from version to version."""
    return " ".join(re.sub(r"--[^\n]*", "", sql).split())


@functools.cache
def _misfits(migrations: tuple[Migration, ...]) -> tuple[str, ...]:
    """Return questions that find a row whose values are not of the kinds that the program writes."""
    kinds = {"INTEGER": "'integer'", "REAL": "'real', 'integer'", "TEXT": "'text'", "": "'text', 'blob'"}
    ranges = {
        ("photos", "status"): f"BETWEEN 0 AND {len(STATUSES) - 1}",
        ("kinds", "kind"): f"BETWEEN 0 AND {len(KINDS) - 1}",
    }
    questions = []
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for migration in migrations:
            migration(db)
        tables = [
            row[0]
            for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        ]
        for table in tables:
            wrong = []
            for _, column, declared, needed, _, _ in db.execute(f'PRAGMA table_info("{table}")'):
                if declared not in kinds:
                    continue
                allowed = kinds[declared] + ("" if needed else ", 'null'")
                wrong.append(f'typeof("{column}") NOT IN ({allowed})')
                if (table, column) in ranges:
                    wrong.append(f'"{column}" NOT {ranges[table, column]}')
            if wrong:
                questions.append(f'SELECT 1 FROM "{table}" WHERE {" OR ".join(wrong)} LIMIT 1')
    return tuple(questions)


_looked_at: set[tuple[str, int, int]] = set()
"""Files that this process has looked through."""


def stored_path(path: str) -> str | bytes:
    """Return `path` as SQLite can hold it: text, or bytes where the name is no valid Unicode."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def loaded_path(value: str | bytes) -> str:
    """Undo `stored_path`."""
    return value if isinstance(value, str) else os.fsdecode(value)


class Database:
    """An open project file.  One thread at a time; any number of processes."""

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self.folder = folder
        self.read_only = read_only
        self._until = float("inf")
        guard.protect(folder)
        self._db = self._connect()

    # ----------------------------------------------------------------------------------------------------------------
    # Opening

    @property
    def file(self) -> Path:
        """The database file."""
        return self.folder / FILE_NAME

    def _connect(self) -> sqlite3.Connection:
        if not self.read_only:
            mode = "mode=rw"
        elif self.file.with_name(FILE_NAME + "-wal").exists():
            mode = "mode=ro"
        else:
            # Without a journal nobody is writing, and only so can SQLite read from a folder it may not write to.
            mode = "mode=ro&immutable=1"
        try:
            db = sqlite_file.connect(self.file, mode, BUSY_SECONDS)
        except guard.OddFileError as error:
            raise odd_file(error) from error
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        db.set_progress_handler(lambda: time.monotonic() > self._until, _EVERY)
        return db

    def _examine(self) -> int:
        """Compare what the file holds with what our migrations make; return its version.

        Raises:
            ProjectError: ``not_a_project``, ``newer_version`` or ``damaged``.
        """
        db = self._db
        db.execute("BEGIN")  # version and content of the same moment: another process may be migrating
        try:
            version, marker = self._version(), int(db.execute("PRAGMA application_id").fetchone()[0])
            found = _schema_of(db)
        finally:
            db.execute("COMMIT")
        if (marker != APPLICATION_ID and (found or version)) or version < 0:
            raise self._not_ours()
        self._refuse_newer(version)
        if found != _schema(MIGRATIONS[:version]):
            odd = sorted(name for _, name, _, _ in found ^ _schema(MIGRATIONS[:version]))[0]
            raise ProjectError("damaged:schema", path=tidy(str(self.file)), part=tidy(odd)[:60])
        return version

    def _look_through(self) -> None:
        """Look for damage, and for values of other kinds than ours: once in a process, and for a moment only."""
        try:
            facts = self.file.stat()
        except OSError:
            return
        key = (str(self.file), facts.st_ino, facts.st_dev)
        if key in _looked_at:
            return
        until = time.monotonic() + LOOK_SECONDS
        for question in ("PRAGMA quick_check(1)", *_misfits(MIGRATIONS[: self._version()])):
            self._until = until
            try:
                row = self._db.execute(question).fetchone()
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
                    raise
                break  # a large file: what is wrong in the rest of it is told when it is met
            finally:
                self._until = float("inf")
            if row is not None and row[0] != "ok":
                raise self._damaged()
        _looked_at.add(key)

    def _damaged(self) -> ProjectError:
        return ProjectError("damaged", path=tidy(str(self.folder)))

    def _prepare(self, create: bool) -> None:
        """Check that the file is a project of ours, set the connection up, and migrate it."""
        with self._translated():
            db = self._db
            self._until = time.monotonic() + READ_SECONDS
            version = self._examine()
            self._until = float("inf")
            marker = db.execute("PRAGMA application_id").fetchone()[0]
            if version == 0 and not create and marker not in (0, APPLICATION_ID):
                raise self._not_ours()  # without a mark it is one that was begun on a full disk: nothing is in it
            self._look_through()
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("PRAGMA cache_size = -16000")
            if self.read_only:
                if version < SCHEMA_VERSION:
                    self._migrate_in_memory()
                return
            db.execute("PRAGMA journal_mode = WAL")
            # Each correction is on the disk when it is told to be done.  With NORMAL a power cut takes back the last
            # ones; FULL costs one more sync a transaction, which 100 portions of an import do not notice.
            db.execute("PRAGMA synchronous = FULL")
            if version < SCHEMA_VERSION:
                self._migrate(version)

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _not_ours(self) -> ProjectError:
        return ProjectError("not_a_project", path=tidy(str(self.file)))

    def _refuse_newer(self, version: int) -> None:
        if version > SCHEMA_VERSION:
            name = tidy(self.folder.name)
            raise ProjectError("newer_version", name=name, version=str(version), known=str(SCHEMA_VERSION))

    def _migrate_in_memory(self) -> None:
        """Read an older project that cannot be written to as if it were of today's format."""
        copy = sqlite3.connect(":memory:", isolation_level=None)
        self._db.backup(copy)
        self._db.close()
        self._db = copy
        self._migrate(0)

    def _migrate(self, version: int) -> None:
        if version > 0:
            # A copy beside it, since a migration cannot be undone by an older program.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with contextlib.suppress(OSError):
                handle, copy = guard.temporary(self.folder, ".project-format.")
                os.close(handle)
                shutil.copy2(self.file, copy)
                Path(copy).replace(self.file.with_name(f"project-format-{version}.backup.db"))
        self._db.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have migrated while this one waited for the lock.
            for number in range(self._version(), SCHEMA_VERSION):
                MIGRATIONS[number](self._db)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._db.execute("COMMIT")
        except BaseException:
            self._rollback()
            raise

    def close(self) -> None:
        """Close the file.  Closing twice does no harm."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    # ----------------------------------------------------------------------------------------------------------------
    # Reading and writing

    def _rows(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._translated(), self._in_time():
            return self._db.execute(sql, tuple(values)).fetchall()

    def _one(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        with self._translated(), self._in_time():
            row = self._db.execute(sql, tuple(values)).fetchone()
        return None if row is None else row[0]

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        self._until = time.monotonic() + READ_SECONDS
        try:
            yield
        finally:
            self._until = float("inf")

    @contextlib.contextmanager
    def _writing(self, changes: bool = True) -> Iterator[sqlite3.Connection]:
        """One short write transaction.  `changes`: photographs or labels change, so `data_version` goes up."""
        if self.read_only:
            raise ProjectError("read_only:project", path=tidy(str(self.folder)))
        if not self.file.exists():
            # SQLite would go on writing into a deleted file, and all of it would be lost.
            raise self._gone()
        with self._translated():
            # IMMEDIATE takes the write lock at once: a reader that turns writer in the middle could not wait for it.
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                if changes:
                    self._db.execute("UPDATE counters SET value = value + 1 WHERE name = 'changes'")
                self._db.execute("COMMIT")
            except BaseException:
                self._rollback()
                raise

    def _rollback(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # a full disk may have rolled it back already
            self._db.execute("ROLLBACK")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Show what is read inside as of one moment, whatever other processes write.  Nothing can be written inside."""
        _ = self.identity  # made now where it is missing
        with self._translated():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._rollback()

    @property
    def identity(self) -> str:
        """Tells this project from every other one; rows of another project's tables mean nothing here."""
        found = self._one("SELECT value FROM settings WHERE key = 'identity'")
        if found is None and not self.read_only:
            with self._writing(changes=False) as db:
                db.execute("INSERT OR IGNORE INTO settings VALUES ('identity', ?)", (f'"{uuid.uuid4().hex}"',))
            found = self._one("SELECT value FROM settings WHERE key = 'identity'")
        return str(found or "").strip('"')

    def data_version(self) -> int:
        """Return a number that changes whenever any process changed photographs or labels.  Cheap: one small read."""
        return int(self._one("SELECT value FROM counters WHERE name = 'changes'") or 0)

    # ----------------------------------------------------------------------------------------------------------------
    # Trouble

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        except UnicodeDecodeError as error:  # what SQLite says of a damaged file quotes from it
            raise self._damaged() from error

    def _gone(self) -> ProjectError:
        return ProjectError("folder_gone:project", path=tidy(str(self.folder)))

    def _trouble(self, error: sqlite3.Error) -> Exception:
        """Return the sentence for a database error, or the error itself where it is a fault of ours."""
        code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
        full_code = getattr(error, "sqlite_errorcode", 0) or 0
        if code == sqlite3.SQLITE_FULL:
            return file_trouble(OSError(errno.ENOSPC, "full"), self.folder)
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
            return self._not_ours()
        # Text that is no UTF-8 has no number, values too large for memory or of another kind than ours have these.
        misread = isinstance(error, sqlite3.OperationalError) and (not full_code or "malformed JSON" in str(error))
        if misread or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_INTERRUPT):
            return self._damaged()
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return ProjectError("locked", path=tidy(str(self.folder)), seconds=round(BUSY_SECONDS))
        moved = full_code == sqlite3.SQLITE_READONLY_DBMOVED
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR) or moved:
            if self.file.exists() and not moved:
                if not os.access(self.folder, os.W_OK):
                    return file_trouble(OSError(errno.EACCES, "read-only"), self.folder)
                if _is_full(self.folder):
                    return file_trouble(OSError(errno.ENOSPC, "full"), self.folder)
            return self._gone()
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
            return file_trouble(OSError(errno.EACCES, "read-only"), self.folder)
        return error


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False

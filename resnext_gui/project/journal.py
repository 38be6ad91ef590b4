"""Undo and redo that survive restarts.  Standard library only.

Every correction writes, in the same transaction, what it changed: steps that can be taken back and taken again.
Nothing is deleted for it: removed photographs and labels only carry a mark.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from resnext_gui.project.database import JOURNAL_KEEPS, Database
from resnext_gui.project.records import ProjectError
from resnext_gui.texts import Text, restored, stored

Step = list[Any]
"""JSON, one of:

- ``["label", id, before, after]``: before and after are ``[name, position, excluded, removed]``.
- ``["alias", name, before, after]``: label ids, or None for no alias.
- ``["photos", after, {before: [photo ids]}]``: label ids, "" for unlabelled.
- ``["removed", [photo ids]]``
- ``["settled", [photo ids]]``: what the disk says otherwise of them was decided about.
- ``["import", import_id]``
"""


class Journal(Database):
    """The part of a project that remembers operations."""

    def undo_text(self) -> str | None:
        """Return what `undo` would take back, such as "Move 3 photographs to rust", or None."""
        what = self._one("SELECT text FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1")
        return None if what is None else str(restored(what))

    def redo_text(self) -> str | None:
        """Return what `redo` would do again, or None."""
        what = self._one("SELECT text FROM journal WHERE undone = 1 ORDER BY id LIMIT 1")
        return None if what is None else str(restored(what))

    def undo_size(self) -> int:
        """Return about how many photographs `undo` would concern."""
        return self._size("SELECT steps FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1")

    def redo_size(self) -> int:
        """Return about how many photographs `redo` would concern."""
        return self._size("SELECT steps FROM journal WHERE undone = 1 ORDER BY id LIMIT 1")

    def _size(self, sql: str) -> int:
        text = str(self._one(sql) or "[]")
        if not text.startswith('[["import",'):
            # Where there are ids, they make up nearly all of the text.
            return text.count(",") if '["photos",' in text or '["removed",' in text else 1
        sql = "SELECT COUNT(*) FROM photos WHERE import_id = json_extract(?, '$[0][1]')"
        return int(self._one(sql, (text,)) or 0)

    def undo(self) -> str | None:
        """Take the last operation back.  Returns its text, or None where there is none.

        Raises:
            ProjectError: ``cannot_undo``: labels changed in a way that leaves no room for it.
        """
        return self._travel("SELECT id, text, steps FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1", back=True)

    def redo(self) -> str | None:
        """Do the operation again that was undone last.  Returns its text, or None where there is none.

        Raises:
            ProjectError: ``cannot_undo``, as for `undo`.
        """
        return self._travel("SELECT id, text, steps FROM journal WHERE undone = 1 ORDER BY id LIMIT 1", back=False)

    def _travel(self, sql: str, back: bool) -> str | None:
        what = ""
        try:
            with self._writing() as db:
                row = db.execute(sql).fetchone()
                if row is None:
                    return None
                number, what, steps = row
                try:
                    for step in reversed(json.loads(steps)) if back else json.loads(steps):
                        _apply(db, step, back)
                except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
                    raise self._damaged() from error  # no program of ours has written that
                db.execute("UPDATE journal SET undone = ? WHERE id = ?", (int(back), number))
        except sqlite3.IntegrityError as error:
            raise ProjectError("cannot_undo" if back else "cannot_undo:again", what=restored(what)) from error
        return str(restored(what))

    def _record(self, db: sqlite3.Connection, what: Text | str, steps: list[Step]) -> int:
        """Write an operation into the journal, inside the caller's transaction.  What was undone before is dropped."""
        db.execute("DELETE FROM journal WHERE undone = 1")
        cursor = db.execute(
            "INSERT INTO journal (at, text, steps) VALUES (?, ?, ?)",
            (time.time(), stored(what), steps_text(steps)),
        )
        number = int(cursor.lastrowid or 0)
        db.execute("DELETE FROM journal WHERE id <= ?", (number - JOURNAL_KEEPS,))
        return number


def steps_text(steps: list[Step]) -> str:
    """Return `steps` as the journal stores them."""
    return json.dumps(steps, separators=(",", ":"))


def set_label_row(db: sqlite3.Connection, label_id: int, row: list[Any]) -> None:
    """Write ``[name, position, excluded, removed]`` of a label."""
    db.execute("UPDATE labels SET name = ?, position = ?, excluded = ?, removed = ? WHERE id = ?", (*row, label_id))


def set_alias(db: sqlite3.Connection, name: str, label_id: int | None) -> None:
    """Let `name` stand for a label, or for none."""
    if label_id is None:
        db.execute("DELETE FROM aliases WHERE name = ?", (name,))
    else:
        db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?)", (name, label_id))


def set_photo_labels(db: sqlite3.Connection, ids: list[int], label_id: int | None) -> None:
    """Move photographs, without a word in the journal."""
    db.execute(
        "UPDATE photos SET label_id = ? WHERE id IN (SELECT value FROM json_each(?))", (label_id, json.dumps(ids))
    )


def set_disputed(db: sqlite3.Connection, ids: list[int], disputed: bool) -> None:
    """Note whether the disk says otherwise than the person does, without a word in the journal."""
    db.execute(
        "UPDATE photos SET disputed = ? WHERE id IN (SELECT value FROM json_each(?))", (int(disputed), json.dumps(ids))
    )


def _apply(db: sqlite3.Connection, step: Step, back: bool) -> None:
    kind, *rest = step
    if kind == "label":
        label_id, before, after = rest
        set_label_row(db, label_id, before if back else after)
    elif kind == "alias":
        name, before, after = rest
        set_alias(db, name, before if back else after)
    elif kind == "photos":
        after, groups = rest
        for before, ids in groups.items():
            set_photo_labels(db, ids, (int(before) if before else None) if back else after)
    elif kind == "removed":
        db.execute(
            "UPDATE photos SET removed = ? WHERE id IN (SELECT value FROM json_each(?))",
            (int(not back), json.dumps(rest[0])),
        )
    elif kind == "settled":
        set_disputed(db, rest[0], back)
    elif kind == "import":
        _apply_import(db, rest[0], back)


def _apply_import(db: sqlite3.Connection, import_id: int, back: bool) -> None:
    db.execute("UPDATE imports SET undone = ? WHERE id = ?", (int(back), import_id))
    db.execute("UPDATE photos SET removed = ? WHERE import_id = ?", (int(back), import_id))
    if back:
        # Labels that this import brought go with it, unless someone else's photographs are in them by now.
        db.execute(
            "UPDATE labels SET removed = 1 WHERE import_id = ? AND NOT EXISTS"
            " (SELECT 1 FROM photos WHERE photos.label_id = labels.id AND photos.removed = 0)",
            (import_id,),
        )
    else:
        db.execute("UPDATE labels SET removed = 0 WHERE import_id = ?", (import_id,))

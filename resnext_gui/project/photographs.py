"""Photographs: adding, finding, moving, forgetting.  Standard library only."""

from __future__ import annotations

import json
import sqlite3
import time
from array import array
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

from resnext_gui.messages import Source
from resnext_gui.project.database import KINDS, STATUSES, loaded_path, stored_path
from resnext_gui.project.files import natural, tidy
from resnext_gui.project.journal import Step, set_disputed, set_photo_labels, steps_text
from resnext_gui.project.labels import USABLE, Labels, clean_label, find_label, insert_label, label_name
from resnext_gui.project.records import Known, NewPhoto, Photo, ProjectError
from resnext_gui.texts import Text, restored, some, stored, text

_COLUMNS = "p.id, p.path, p.label_id, l.name, p.hash, p.size, p.mtime_ns, p.width, p.height, p.status, p.reason, k.kind"
_JOINS = "FROM photos p LEFT JOIN labels l ON l.id = p.label_id LEFT JOIN kinds k ON k.hash = p.hash"


_WIDEST = 1 << 20
"""Pixels."""


class Photographs(Labels):
    """The part of a project that keeps photographs."""

    # ----------------------------------------------------------------------------------------------------------------
    # Counting and finding

    def photo_count(self) -> int:
        """Return how many photographs can be shown, labelled or not."""
        return int(self._one(f"SELECT COUNT(*) FROM photos WHERE {USABLE}"))

    def unlabelled_count(self) -> int:
        """Return how many of them have no label."""
        return int(self._one(f"SELECT COUNT(*) FROM photos WHERE {USABLE} AND label_id IS NULL"))

    def unreadable_count(self) -> int:
        """Return how many files could not be read."""
        return self._with_status("unreadable")

    def _with_status(self, status: str) -> int:
        return int(
            self._one(
                "SELECT COUNT(*) FROM photos WHERE removed = 0 AND status > 1 AND status = ?", (STATUSES.index(status),)
            )
        )

    def counts(self) -> dict[str, int]:
        """Return all numbers at once.

        Of ``photographs``, ``labelled``, ``unlabelled``, ``unreadable``, ``gone``, ``disagree`` (the disk says another
        label than the person did), and ``labels``.
        """
        total, unlabelled = self.photo_count(), self.unlabelled_count()
        return {
            "photographs": total,
            "labelled": total - unlabelled,
            "unlabelled": unlabelled,
            "unreadable": self.unreadable_count(),
            "gone": self._with_status("gone"),
            "disagree": int(self._one("SELECT COUNT(*) FROM photos WHERE disputed = 1 AND removed = 0")),
            "labels": int(self._one("SELECT COUNT(*) FROM labels WHERE removed = 0")),
        }

    def photo_ids(
        self, where: str | int = "all", search: str = "", kind: str | None = None, order: str = "label"
    ) -> array[int]:
        """Return the ids of photographs; fast enough to be called at every keystroke.

        Args:
            where: ``"all"`` (all that can be shown), ``"unlabelled"``, ``"unreadable"``, ``"gone"``, ``"disagree"``
                (the disk says another label than the person did), or a label's id.
            search: words that must all occur in the file's name, in any case.
            kind: only ``"learning"``, ``"practice"`` or ``"exam"``.
            order: ``"label"`` (by label, then by name, unlabelled last), ``"name"``, or ``"added"`` (newest first).

        Raises:
            ValueError: `where`, `kind` or `order` is none of these.
        """
        tests, values = ["removed = 0"], []
        if where in ("unreadable", "gone"):
            tests += ["status > 1", "status = ?"]
            values.append(STATUSES.index(str(where)))
        else:
            tests.append("status <= 1")
            if where == "unlabelled":
                tests.append("label_id IS NULL")
            elif where == "disagree":
                tests.append("disputed = 1")
            elif isinstance(where, int):
                tests.append("label_id = ?")
                values.append(where)
            elif where != "all":
                raise ValueError(
                    f"where must be all, unlabelled, unreadable, gone, disagree or a label's id. Received: {where}"
                )
        for word in tidy(search).casefold().split():
            tests.append("instr(folded, ?) > 0")
            values.append(word)  # type: ignore[arg-type]
        if kind is not None:
            tests.append("EXISTS (SELECT 1 FROM kinds k WHERE k.hash = photos.hash AND k.kind = ?)")
            values.append(KINDS.index(kind))
        if order not in ("label", "name", "added"):
            raise ValueError(f"order must be label, name or added. Received: {order}")
        ordering = "id DESC" if order == "added" else "sort, id"
        if where == "all" and order == "label":
            return self._ids_by_label(" AND ".join(tests), values)
        return self._ids(f"SELECT id FROM photos WHERE {' AND '.join(tests)} ORDER BY {ordering}", values)

    def _ids_by_label(self, test: str, values: list[int]) -> array[int]:
        # Label by label, so that each part comes ready sorted out of the index.
        found = array("q")
        sql = f"SELECT id FROM photos WHERE {test} AND label_id IS ? ORDER BY sort, id"
        for label_id in [*(label.id for label in self.labels()), None]:
            found.extend(self._ids(sql, [*values, label_id]))
        return found

    def _ids(self, sql: str, values: Sequence[Any]) -> array[int]:
        # One JSON text is twice as fast as a row for each id.  The limit keeps SQLite from dropping the inner order.
        text = self._one(f"SELECT json_group_array(id) FROM ({sql} LIMIT -1)", values)
        return array("q", json.loads(text))

    def photos(self, ids: Iterable[int]) -> list[Photo]:
        """Return these photographs in the order of `ids`; ids that do not exist are left out."""
        ids = list(ids)
        rows = self._rows(
            f"SELECT {_COLUMNS} {_JOINS} WHERE p.removed = 0 AND p.id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids),),
        )
        found = {row[0]: _photo(row) for row in rows}
        return [found[i] for i in ids if i in found]

    def photo(self, photo_id: int) -> Photo:
        """Return one photograph.

        Raises:
            ProjectError: ``no_photograph``.
        """
        found = self.photos([photo_id])
        if not found:
            raise ProjectError("no_photograph")
        return found[0]

    def photo_at(self, path: str) -> Photo | None:
        """Return the photograph whose file is `path`, if the project has it."""
        rows = self._rows(f"SELECT {_COLUMNS} {_JOINS} WHERE p.removed = 0 AND p.path = ?", (stored_path(path),))
        return _photo(rows[0]) if rows else None

    def known_files(self) -> dict[str, Known]:
        """Return what the project remembers of every file, forgotten ones too, by path."""
        rows = self._rows("SELECT path, id, size, mtime_ns, hash, status, label_id, removed, disk_label FROM photos")
        return {
            loaded_path(path): Known(i, size, mtime, digest, STATUSES[status], label is not None, bool(removed), said)
            for path, i, size, mtime, digest, status, label, removed, said in rows
        }

    def present_paths(self) -> list[str]:
        """Return where the photographs lie that are not gone, unreadable ones too."""
        rows = self._rows("SELECT path FROM photos WHERE removed = 0 AND status != ?", (STATUSES.index("gone"),))
        return [loaded_path(path) for (path,) in rows]

    # ----------------------------------------------------------------------------------------------------------------
    # Imports

    def begin_import(self, what: Text | str) -> int:
        """Note that an import begins and return its id.  `what` says in the undo menu what it was."""
        with self._writing() as db:
            cursor = db.execute("INSERT INTO imports (at, text) VALUES (?, ?)", (time.time(), stored(what)))
            return int(cursor.lastrowid or 0)

    def finish_import(self, import_id: int, what: Text | str) -> None:
        """Give a finished import its final text, such as "Add 4,000 photographs"."""
        with self._writing() as db:
            words = stored(what)
            db.execute("UPDATE imports SET text = ? WHERE id = ?", (words, import_id))
            db.execute("UPDATE journal SET text = ? WHERE steps = ?", (words, steps_text([["import", import_id]])))

    def import_undone(self, import_id: int) -> bool:
        """Tell whether the person took the import back, perhaps while it was still going on."""
        return bool(self._one("SELECT undone FROM imports WHERE id = ?", (import_id,)))

    def add_source(self, source: Source, import_id: int) -> int:
        """Remember where photographs came from, so that `sources` can be looked through again."""
        with self._writing() as db:
            cursor = db.execute(
                "INSERT INTO sources (import_id, path, rule, label) VALUES (?, ?, ?, ?)",
                (import_id, stored_path(source.path), source.rule, source.label),
            )
            return int(cursor.lastrowid or 0)

    def sources(self) -> list[Source]:
        """Return where the photographs came from, without imports that were taken back and without repetitions."""
        rows = self._rows(
            "SELECT path, rule, sources.label FROM sources JOIN imports ON imports.id = import_id"
            " WHERE undone = 0 ORDER BY sources.id DESC"
        )
        found: dict[str, Source] = {}
        for path, rule, label in rows:  # the newest rule for a path wins
            found.setdefault(loaded_path(path), Source(loaded_path(path), rule, label))
        return list(reversed(found.values()))

    def import_sources(self, import_id: int) -> list[Source]:
        """Return what one import was asked to look through."""
        rows = self._rows("SELECT path, rule, label FROM sources WHERE import_id = ? ORDER BY id", (import_id,))
        return [Source(loaded_path(path), rule, label) for path, rule, label in rows]

    def forget_source(self, path: str) -> None:
        """Do not look through this source again, say because its folder was moved and added from its new place."""
        with self._writing(changes=False) as db:
            db.execute("DELETE FROM sources WHERE path = ?", (stored_path(path),))

    def add_photos(self, photos: Sequence[NewPhoto], source: int | None = None, import_id: int | None = None) -> int:
        """Add photographs, in one short transaction.  A file that is there already is only brought up to date.

        A label that was renamed or merged is found under its old name too.

        Args:
            photos: at most a few hundred, so that other processes need not wait for long.
            source: id from `add_source`.
            import_id: id from `begin_import`; without one, this call can be undone by itself.

        Returns:
            How many were new.

        Raises:
            ProjectError: the project cannot be written to.
        """
        added = 0
        with self._writing() as db:
            if import_id is None:
                what = stored(text("add_photographs", photographs=some(len(photos))))
                cursor = db.execute("INSERT INTO imports (at, text) VALUES (?, ?)", (time.time(), what))
                import_id = int(cursor.lastrowid or 0)
            what, undone = db.execute("SELECT text, undone FROM imports WHERE id = ?", (import_id,)).fetchone()
            if undone:
                return 0
            label_ids: dict[str, int | None] = {}
            for photo in photos:
                name = clean_label(photo.label or "")
                if name not in label_ids:
                    label_ids[name] = _label_for(db, name, import_id)
                added += _add_one(db, photo, label_ids[name], source, import_id)
            if added:
                self._note_import(db, import_id, what)
        return added

    def _note_import(self, db: sqlite3.Connection, import_id: int, what: str) -> None:
        steps: list[Step] = [["import", import_id]]
        if not db.execute("SELECT 1 FROM journal WHERE steps = ?", (steps_text(steps),)).fetchone():
            self._record(db, what, steps)

    # ----------------------------------------------------------------------------------------------------------------
    # Changes

    def set_status(self, ids: Iterable[int], status: str, reason: Text | str = "") -> None:
        """Note a fact about files: ``"ok"``, ``"changed"``, ``"unreadable"`` or ``"gone"``.  Not an undoable step."""
        with self._writing() as db:
            db.execute(
                "UPDATE photos SET status = ?, reason = ? WHERE id IN (SELECT value FROM json_each(?))",
                (STATUSES.index(status), tidy(stored(reason)), json.dumps(list(ids))),
            )

    def relocate_photos(self, moves: Iterable[tuple[int, str]]) -> int:
        """Note that files lie elsewhere now; ids whose new path is taken are left out.  Returns how many moved."""
        moved = 0
        with self._writing() as db:
            for photo_id, path in moves:
                cursor = db.execute(
                    "UPDATE OR IGNORE photos SET path = ?, status = MIN(status, 1), sort = ?, folded = ?"
                    " WHERE id = ? AND status != 2",
                    (stored_path(path), *_name_keys(path), photo_id),
                )
                moved += cursor.rowcount
                db.execute("UPDATE photos SET status = 0 WHERE id = ? AND status = 1", (photo_id,))
        return moved

    def note_dates(self, dates: Iterable[tuple[int, int]]) -> None:
        """Note that files have another date and the same content: pairs of id and nanoseconds since 1970."""
        with self._writing() as db:
            db.executemany("UPDATE photos SET mtime_ns = ? WHERE id = ?", [(date, i) for i, date in dates])

    def move(self, ids: Iterable[int], label_id: int | None) -> None:
        """Give photographs another label, or none.

        Raises:
            ProjectError: ``no_label``.
        """
        with self._writing() as db:
            name = label_name(db, label_id)
            groups: dict[str, list[int]] = {}
            rows = db.execute(
                "SELECT id, label_id FROM photos WHERE id IN (SELECT value FROM json_each(?)) AND label_id IS NOT ?",
                (json.dumps(list(ids)), label_id),
            )
            for photo_id, before in rows:
                groups.setdefault("" if before is None else str(before), []).append(photo_id)
            changed = [i for group in groups.values() for i in group]
            if changed:
                set_photo_labels(db, changed, label_id)
                steps: list[Step] = [["photos", label_id, groups]]
                settled = _disputed_of(db, changed)
                if settled:
                    set_disputed(db, settled, False)
                    steps.append(["settled", settled])
                self._record(db, text("move_photographs", photographs=some(len(changed)), label=name), steps)

    def remove_photos(self, ids: Iterable[int]) -> None:
        """Forget photographs.  The files are untouched, and a folder that is read again does not bring them back."""
        with self._writing() as db:
            found = [
                row[0]
                for row in db.execute(
                    "SELECT id FROM photos WHERE removed = 0 AND id IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(ids)),),
                )
            ]
            if found:
                db.execute(
                    "UPDATE photos SET removed = 1 WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(found),)
                )
                self._record(db, text("remove_photographs", photographs=some(len(found))), [["removed", found]])


def _disputed_of(db: sqlite3.Connection, ids: list[int]) -> list[int]:
    rows = db.execute(
        "SELECT id FROM photos WHERE disputed = 1 AND id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
    )
    return [row[0] for row in rows]


def _photo(row: tuple[Any, ...]) -> Photo:
    i, path, label_id, label, digest, size, mtime, width, height, status, reason, kind = row
    if not 0 <= width <= _WIDEST or not 0 <= height <= _WIDEST:  # no picture has that: not known
        width = height = 0
    return Photo(
        i, loaded_path(path), label_id, label, digest, size, mtime, width, height, STATUSES[status],
        tidy(str(restored(reason))), None if kind is None else KINDS[kind],
    )  # fmt: skip


def _name_keys(path: str) -> tuple[str, str]:
    """Return the texts by which a file is sorted and searched."""
    name = PurePath(path).name
    return natural(name), tidy(name).casefold()


def _label_for(db: sqlite3.Connection, name: str, import_id: int) -> int | None:
    if not name:
        return None
    found = find_label(db, name)
    return insert_label(db, name, import_id) if found is None else found


def _add_one(db: sqlite3.Connection, photo: NewPhoto, label_id: int | None, source: int | None, import_id: int) -> int:
    """Insert or bring up to date; returns 1 where it is new to the person."""
    path = stored_path(photo.path)
    row = db.execute("SELECT id, removed FROM photos WHERE path = ?", (path,)).fetchone()
    facts = (photo.hash, photo.size, photo.mtime_ns, photo.width, photo.height)
    state = (STATUSES.index(photo.status), tidy(stored(photo.reason)))
    if row is None:
        db.execute(
            "INSERT INTO photos (path, label_id, hash, size, mtime_ns, width, height, status, reason, source_id,"
            " import_id, sort, folded, disk_label) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                path,
                label_id,
                *facts,
                *state,
                source,
                import_id,
                *_name_keys(photo.path),
                clean_label(photo.label or ""),
            ),
        )
        return 1
    photo_id, removed = row
    db.execute(
        "UPDATE photos SET hash = ?, size = ?, mtime_ns = ?, width = ?, height = ?, status = ?, reason = ?"
        " WHERE id = ?",
        (*facts, *state, photo_id),
    )
    if removed:
        db.execute(
            "UPDATE photos SET removed = 0, import_id = ?, source_id = ?, label_id = ?, disk_label = ?, disputed = 0"
            " WHERE id = ?",
            (import_id, source, label_id, clean_label(photo.label or ""), photo_id),
        )
        return 1
    return 0

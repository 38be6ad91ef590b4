"""Labels: adding, renaming, merging, leaving out.  Standard library only."""

from __future__ import annotations

import hashlib
import sqlite3
import unicodedata
from typing import Any

from resnext_gui.project.database import loaded_path
from resnext_gui.project.files import natural, tidy
from resnext_gui.project.journal import Journal, Step, set_alias, set_label_row, set_photo_labels
from resnext_gui.project.records import Label, ProjectError
from resnext_gui.texts import Text, text

USABLE = "removed = 0 AND status <= 1"
"""In SQL: a photograph that can be shown and learnt from.  The indexes say it in the same words."""


LONGEST = 120
"""Characters that a label may have."""


def clean_label(name: str) -> str:
    """Return `name` as a label is stored: one line, no control characters, composed Unicode, at most 120 characters.

    A longer name keeps its beginning and a sum of the rest, so that two names stay two labels.  The result may be
    empty, also for a name of invisible characters alone.
    """
    name = unicodedata.normalize("NFC", tidy(name))
    name = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    name = " ".join(name.split())
    if len(name) > LONGEST:
        mark = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        name = f"{name[: LONGEST - 10].rstrip()}… {mark}"
    return name if alike(name) else ""


def alike(name: str) -> str:
    """Return what two names have in common that look the same to a person.

    Case, width, composition, spaces and invisible characters make no difference.
    """
    name = unicodedata.normalize("NFKC", name).casefold()
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cc", "Mn") or unicodedata.combining(c))
    return " ".join(unicodedata.normalize("NFKC", name).split())


class Labels(Journal):
    """The part of a project that keeps labels."""

    def labels(self) -> list[Label]:
        """Return the labels by position, then name (``part 2`` before ``part 10``), with their usable photographs."""
        counts = dict(self._rows(f"SELECT label_id, COUNT(*) FROM photos WHERE {USABLE} GROUP BY label_id"))
        rows = self._rows("SELECT id, name, excluded, position FROM labels WHERE removed = 0")
        found = [Label(i, name, counts.get(i, 0), bool(excluded), position) for i, name, excluded, position in rows]
        return sorted(found, key=lambda label: (label.position, natural(label.name), label.name))

    def under_two_labels(self) -> list[tuple[list[str], list[str]]]:
        """Return, for each content that lies under several labels in use, these labels and the files' paths."""
        rows = self._rows(
            "SELECT p.hash, l.name, p.path FROM photos p JOIN labels l ON l.id = p.label_id WHERE p.removed = 0"
            " AND p.status <= 1 AND l.excluded = 0 AND p.hash IN (SELECT hash FROM photos WHERE removed = 0"
            " AND status <= 1 AND label_id IS NOT NULL AND hash != '' GROUP BY hash"
            " HAVING MIN(label_id) != MAX(label_id)) ORDER BY p.id"
        )
        found: dict[str, tuple[list[str], list[str]]] = {}
        for digest, label, path in rows:
            names, paths = found.setdefault(digest, ([], []))
            if label not in names:
                names.append(label)
            paths.append(loaded_path(path))
        return [(sorted(names, key=natural), paths) for names, paths in found.values() if len(names) > 1]

    def label_rows(self, names: list[str]) -> dict[str, Any]:
        """Return what `names_now` needs to know the labels called `names` again: JSON-able, to be kept with a model."""
        ids = {name: label_id for label_id, name in self._rows("SELECT id, name FROM labels WHERE removed = 0")}
        return {"project": self.identity, "ids": [ids.get(name) for name in names]}

    def names_now(self, names: list[str], rows: dict[str, Any] | None = None) -> list[str]:
        """Return what the labels that a model knows as `names` are called now.

        A renamed one has its new name, a merged one the name of that into which it was merged (so a name may come
        twice); one that is no more keeps its name.

        Args:
            names: of the labels when the model was made.
            rows: from `label_rows` then; without it, or from another project, they are known by their names alone.
        """
        rows = rows if isinstance(rows, dict) else {}
        ids = rows.get("ids")
        if rows.get("project") != self.identity or not isinstance(ids, list) or len(ids) != len(names):
            ids = [None] * len(names)
        known = {row[0]: (row[1], row[2]) for row in self._rows("SELECT id, name, removed FROM labels")}
        found = []
        for name, label_id in zip(names, ids, strict=True):
            called, removed = known.get(label_id if isinstance(label_id, int) else None, (name, True))
            with self._translated():
                heir = find_label(self._db, called) if removed else None
            found.append(known[heir][0] if heir is not None else called)
        return found

    def add_label(self, name: str) -> int:
        """Add a label and return its id.

        Raises:
            ProjectError: ``bad_label`` (empty) or ``label_exists``.
        """
        name = _named(name)
        with self._writing() as db:
            _refuse_double(db, name)
            steps: list[Step] = []
            _drop_alias(db, name, steps)
            label_id = insert_label(db, name)
            steps.append(["label", label_id, [name, 0, 0, 1], [name, 0, 0, 0]])
            self._record(db, text("add_label", label=name), steps)
        return label_id

    def rename_label(self, label_id: int, name: str) -> None:
        """Give a label another name.  Folders named as before go on feeding it.

        Raises:
            ProjectError: ``bad_label``, ``no_label``, or ``label_exists``, whose hint is to merge.
        """
        name = _named(name)
        with self._writing() as db:
            before = _row(db, label_id)
            if before[0] == name:
                return
            _refuse_double(db, name)
            steps: list[Step] = []
            _drop_alias(db, name, steps)
            after = [name, *before[1:]]
            set_label_row(db, label_id, after)
            steps.append(["label", label_id, before, after])
            _add_alias(db, before[0], label_id, steps)
            self._record(db, text("rename_label", label=before[0], name=name), steps)

    def merge_labels(self, source_id: int, into_id: int) -> None:
        """Move all photographs of one label into another and drop the emptied one.

        Raises:
            ProjectError: ``no_label``.
        """
        if source_id == into_id:
            return
        with self._writing() as db:
            source, into = _row(db, source_id), _row(db, into_id)
            ids = [row[0] for row in db.execute("SELECT id FROM photos WHERE label_id = ?", (source_id,))]
            steps: list[Step] = [["photos", into_id, {str(source_id): ids}]]
            set_photo_labels(db, ids, into_id)
            for (name,) in db.execute("SELECT name FROM aliases WHERE label_id = ?", (source_id,)).fetchall():
                steps.append(["alias", name, source_id, into_id])
                set_alias(db, name, into_id)
            after = [*source[:3], 1]
            set_label_row(db, source_id, after)
            steps.append(["label", source_id, source, after])
            _add_alias(db, source[0], into_id, steps)
            self._record(db, text("merge_label", label=source[0], into=into[0]), steps)

    def exclude_label(self, label_id: int, excluded: bool) -> None:
        """Leave a label out of training and measuring, or take it in again.

        Raises:
            ProjectError: ``no_label``.
        """
        with self._writing() as db:
            before = _row(db, label_id)
            after = [before[0], before[1], int(excluded), before[3]]
            if before == after:
                return
            set_label_row(db, label_id, after)
            what = text("leave_out_label" if excluded else "use_label", label=before[0])
            self._record(db, what, [["label", label_id, before, after]])

    def remove_label(self, label_id: int) -> None:
        """Drop an empty label.

        Raises:
            ProjectError: ``no_label``, or ``label_not_empty``.
        """
        with self._writing() as db:
            before = _row(db, label_id)
            used = db.execute("SELECT 1 FROM photos WHERE label_id = ? AND removed = 0 LIMIT 1", (label_id,)).fetchone()
            if used:
                raise ProjectError("label_not_empty", label=before[0])
            after = [*before[:3], 1]
            set_label_row(db, label_id, after)
            self._record(db, text("remove_label", label=before[0]), [["label", label_id, before, after]])


def insert_label(db: sqlite3.Connection, name: str, import_id: int | None = None) -> int:
    """Insert a label's row and return its id; the name must be clean and free."""
    cursor = db.execute("INSERT INTO labels (name, import_id) VALUES (?, ?)", (name, import_id))
    return int(cursor.lastrowid or 0)


def find_label(db: sqlite3.Connection, name: str) -> int | None:
    """Return the id of the label called `name`, now or formerly."""
    row = db.execute("SELECT id FROM labels WHERE name = ? AND removed = 0", (name,)).fetchone()
    if row is None:
        row = db.execute(
            "SELECT label_id FROM aliases JOIN labels ON labels.id = label_id AND removed = 0 WHERE aliases.name = ?",
            (name,),
        ).fetchone()
    return None if row is None else int(row[0])


def label_name(db: sqlite3.Connection, label_id: int | None) -> Text | str:
    """Return a label's name for a sentence."""
    return text("unlabelled") if label_id is None else str(_row(db, label_id)[0])


def _named(name: str) -> str:
    name = clean_label(name)
    if not name:
        raise ProjectError("bad_label")
    return name


def _row(db: sqlite3.Connection, label_id: int) -> list[Any]:
    row = db.execute(
        "SELECT name, position, excluded, removed FROM labels WHERE id = ? AND removed = 0", (label_id,)
    ).fetchone()
    if row is None:
        raise ProjectError("no_label")
    return list(row)


def _refuse_double(db: sqlite3.Connection, name: str) -> None:
    if db.execute("SELECT 1 FROM labels WHERE name = ? AND removed = 0", (name,)).fetchone():
        raise ProjectError("label_exists", label=name)


def _drop_alias(db: sqlite3.Connection, name: str, steps: list[Step]) -> None:
    row = db.execute("SELECT label_id FROM aliases WHERE name = ?", (name,)).fetchone()
    if row is not None:
        steps.append(["alias", name, row[0], None])
        set_alias(db, name, None)


def _add_alias(db: sqlite3.Connection, name: str, label_id: int, steps: list[Step]) -> None:
    row = db.execute("SELECT label_id FROM aliases WHERE name = ?", (name,)).fetchone()
    steps.append(["alias", name, None if row is None else row[0], label_id])
    set_alias(db, name, label_id)

"""Labels follow the disk, except where the person has said otherwise.  Standard library only.

Folders, file names and tables say of each photograph what it shows.  What was read last is remembered, so that a change
on the disk (a picture moved to another folder, a folder renamed, a corrected table) can be told from a correction that
the person made in the project.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from resnext_gui.project.journal import Step, set_alias, set_disputed, set_label_row, set_photo_labels
from resnext_gui.project.labels import clean_label, find_label, insert_label
from resnext_gui.project.photographs import Photographs
from resnext_gui.texts import some, text

PORTION = 5000
"""Photographs noted in one transaction."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of reading the disk again.

    Attributes:
        labelled: photographs without a label that took one.
        relabelled: photographs that took another label.
        disagree: photographs whose label the person had corrected, and of which the disk says something else now.
    """

    labelled: int = 0
    relabelled: int = 0
    disagree: int = 0


class DiskLabels(Photographs):
    """The part of a project that knows what the disk says."""

    def follow_disk(self, said: Iterable[tuple[int, str]]) -> Followed:
        """Let labels follow the disk, as one undoable step.

        A label that was renamed or merged in the project is found under its old name too; where the disk has no word
        of a photograph, its label stays.  Where the person has corrected a label and the disk has changed since, the
        correction stays and the photograph is noted as disputed.

        Args:
            said: pairs of a photograph's id and the label that folder, name or table give now.

        Raises:
            ProjectError: the project cannot be written to.
        """
        now = {photo: name for photo, given in said if (name := clean_label(given))}
        if not now:
            return Followed()
        ids: dict[str, int | None] = {}

        def label_of(name: str) -> int | None:
            if name not in ids:
                ids[name] = find_label(self._db, name)
            return ids[name]

        with self._translated():
            rows = self._db.execute(
                "SELECT id, label_id, disk_label FROM photos WHERE removed = 0"
                " AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(now)),),
            ).fetchall()
            taken: dict[str, list[int]] = {}
            noted: list[tuple[str, int, int]] = []
            was = {photo: (label_id, before) for photo, label_id, before in rows if before != now[photo]}
            for photo, (label_id, before) in was.items():
                name = now[photo]
                agrees = label_id is not None and label_of(name) == label_id
                # Whose label it is cannot be told where nothing was read before.
                own = label_of(before) != label_id if before else label_id is not None
                noted.append((name, int(own and not agrees), photo))
                if not own and not agrees:
                    taken.setdefault(name, []).append(photo)
        labelled, count = self._take(taken, was) if taken else (0, 0)
        disagree = sum(disputed for _, disputed, _ in noted)
        # Written after the labels and in portions, so that nobody waits for long: cut short, the next look finds the
        # same and ends it.
        for start in range(0, len(noted), PORTION):
            with self._writing(changes=disagree > 0) as db:
                db.executemany(
                    "UPDATE photos SET disk_label = ?, disputed = ? WHERE id = ?", noted[start : start + PORTION]
                )
        return Followed(labelled, count - labelled, disagree)

    def _take(self, taken: dict[str, list[int]], was: dict[int, tuple[int | None, str | None]]) -> tuple[int, int]:
        """Give photographs the labels of the disk; return how many had none before, and how many there are in all."""
        with self._writing() as db:
            # What another process has corrected since it was looked at stays.
            everyone = json.dumps([photo for photos in taken.values() for photo in photos])
            rows = db.execute(
                "SELECT id, label_id FROM photos WHERE id IN (SELECT value FROM json_each(?))", (everyone,)
            )
            same = {photo for photo, label_id in rows if was[photo][0] == label_id}
            left = {name: kept for name, photos in taken.items() if (kept := [p for p in photos if p in same])}
            labelled = sum(was[photo][0] is None for photos in left.values() for photo in photos)
            steps, count = _take(db, left, {photo: before for photo, (_, before) in was.items() if before})
            if steps:
                what = "label_photographs" if labelled == count else "relabel_photographs"
                self._record(db, text(what, photographs=some(count)), steps)
        return labelled, count

    def disputed_names(self) -> list[str]:
        """Return the labels that the disk gives to disputed photographs, the most frequent first."""
        rows = self._rows(
            "SELECT disk_label FROM photos WHERE disputed = 1 AND removed = 0 GROUP BY disk_label"
            " ORDER BY COUNT(*) DESC, disk_label"
        )
        return [str(name) for (name,) in rows]

    def take_disk_labels(self, ids: Iterable[int]) -> int:
        """Give disputed photographs the label that the disk gives, as one undoable step.  Returns how many."""
        return self._settle(ids, take=True)

    def keep_labels(self, ids: Iterable[int]) -> int:
        """Keep the labels of disputed photographs whatever the disk says, as one undoable step.  Returns how many."""
        return self._settle(ids, take=False)

    def _settle(self, ids: Iterable[int], take: bool) -> int:
        with self._writing() as db:
            rows = db.execute(
                "SELECT id, disk_label FROM photos WHERE disputed = 1 AND removed = 0"
                " AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
            settled = [photo for photo, _ in rows]
            if not settled:
                return 0
            steps: list[Step] = [["settled", settled]]
            set_disputed(db, settled, False)
            if take:
                taken: dict[str, list[int]] = {}
                for photo, name in rows:
                    taken.setdefault(name, []).append(photo)
                steps += _take(db, taken, {})[0]
            what = "label_from_disk" if take else "keep_labels"
            self._record(db, text(what, photographs=some(len(settled))), steps)
        return len(settled)


def _take(db: sqlite3.Connection, taken: dict[str, list[int]], said_before: dict[int, str]) -> tuple[list[Step], int]:
    """Move photographs to labels of these names; labels come and go as the disk's do.

    A label of which all photographs are called otherwise now is renamed; one that has a name of the person's keeps it,
    and answers to the disk's new name as well.

    Returns:
        The journal's steps, and how many photographs have another label, or another name of it, now.
    """
    steps: list[Step] = []
    count = 0
    emptied: set[int] = set()
    for name, ids in taken.items():
        groups: dict[str, list[int]] = {}
        rows = db.execute(
            "SELECT id, label_id FROM photos WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
        )
        for photo, before in rows:
            groups.setdefault("" if before is None else str(before), []).append(photo)
        label_id = find_label(db, name)
        if label_id is None and len(groups) == 1 and "" not in groups:
            old = int(next(iter(groups)))
            row = _label_row(db, old)
            if not row[3] and _in_label(db, old) == len(ids):  # the whole label is called otherwise now
                if said_before and row[0] not in {said_before.get(photo) for photo in ids}:
                    set_alias(db, name, old)
                    steps.append(["alias", name, None, old])
                    continue
                after = [name, *row[1:]]
                set_label_row(db, old, after)
                steps.append(["label", old, row, after])
                count += len(ids)
                continue
        if label_id is None:
            label_id = insert_label(db, name)
            steps.append(["label", label_id, [name, 0, 0, 1], [name, 0, 0, 0]])
        set_photo_labels(db, ids, label_id)
        steps.append(["photos", label_id, groups])
        count += len(ids)
        emptied.update(int(before) for before in groups if before)
    for label_id in sorted(emptied):
        row = _label_row(db, label_id)
        if not row[3] and not _in_label(db, label_id):
            after = [*row[:3], 1]
            set_label_row(db, label_id, after)
            steps.append(["label", label_id, row, after])
    return steps, count


def _label_row(db: sqlite3.Connection, label_id: int) -> list[Any]:
    return list(db.execute("SELECT name, position, excluded, removed FROM labels WHERE id = ?", (label_id,)).fetchone())


def _in_label(db: sqlite3.Connection, label_id: int) -> int:
    sql = "SELECT COUNT(*) FROM photos WHERE label_id = ? AND removed = 0"
    return int(db.execute(sql, (label_id,)).fetchone()[0])

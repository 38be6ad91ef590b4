"""Learning, practice, exam: who learns from which photograph, decided once.  Standard library only.

A kind belongs to the content of a file, so copies stay together, and it never changes: what a model was measured on
yesterday is what it is measured on tomorrow, however many photographs come in between.
"""

from __future__ import annotations

import hashlib
import json

from resnext_gui.project.database import KINDS, STATUSES, loaded_path
from resnext_gui.project.disk_labels import DiskLabels
from resnext_gui.project.labels import USABLE
from resnext_gui.project.records import Item

SHARE = 0.15
"""Of a label's distinct photographs, for practice and again for the exam."""

_LEARNING, _PRACTICE, _EXAM = range(3)


def targets(total: int) -> tuple[int, int]:
    """Return how many of `total` distinct photographs of a label are for practice and for the exam.

    Five or more: 15 % each, at least one.  Two to four: one for practice, no exam.  One: it is learnt from.
    """
    share = max(1, int(total * SHARE + 0.5))
    if total >= 5:
        return share, share
    return (1, 0) if total >= 2 else (0, 0)


def deal(have: tuple[int, int, int], new: list[str]) -> dict[str, int]:
    """Give each new content hash of a label a kind; what others `have` (learning, practice, exam) stays.

    The order of `new` does not matter: a hash of the hash decides who goes where, so that neither file names nor
    camera order do.
    """
    practice, exam = targets(sum(have) + len(new))
    wanted = [max(0, practice - have[_PRACTICE]), max(0, exam - have[_EXAM])]
    kinds = {}
    for number, digest in enumerate(sorted(new, key=_shuffled)):
        if number < wanted[1]:
            kinds[digest] = _EXAM
        elif number < wanted[1] + wanted[0]:
            kinds[digest] = _PRACTICE
        else:
            kinds[digest] = _LEARNING
    return kinds


def _shuffled(digest: str) -> bytes:
    return hashlib.blake2b(digest.encode(), digest_size=8, person=b"kinds").digest()


class Kinds(DiskLabels):
    """The part of a project that knows which photographs are for what."""

    def assign_kinds(self) -> None:
        """Give a kind to every labelled content that has none.  Calling it again changes nothing."""
        fresh = (
            f"SELECT 1 FROM photos p WHERE {USABLE} AND label_id IS NOT NULL AND hash != ''"
            " AND NOT EXISTS (SELECT 1 FROM kinds k WHERE k.hash = p.hash) LIMIT 1"
        )
        if self.read_only or self._one(fresh) is None:
            return
        with self._writing() as db:
            given: dict[str, int] = {}
            for label in sorted(db.execute("SELECT id, name FROM labels WHERE removed = 0"), key=lambda row: row[1]):
                rows = db.execute(
                    "SELECT DISTINCT p.hash, k.kind FROM photos p LEFT JOIN kinds k ON k.hash = p.hash"
                    " WHERE p.removed = 0 AND p.status <= 1 AND p.label_id = ? AND p.hash != ''",
                    (label[0],),
                ).fetchall()
                have, new = [0, 0, 0], []
                for digest, kind in rows:
                    kind = given.get(digest, kind)
                    if kind is None:
                        new.append(digest)
                    else:
                        have[kind] += 1
                given.update(deal((have[0], have[1], have[2]), new))
            db.executemany("INSERT OR IGNORE INTO kinds VALUES (?, ?)", given.items())

    def undo(self) -> str | None:
        """Take the last operation back; see `Journal.undo`.

        An import that is taken back before there was any run takes its kinds along: imported again by another rule
        its photographs are dealt anew, so that every label gets its share.  After a run kinds stay for good, since a
        model that learnt a photograph must never meet it in the exam.
        """
        last = self._one("SELECT steps FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1")
        text = super().undo()
        if last is not None and last.startswith('[["import"') and not any(self.folder.glob("runs/*/run.json")):
            self._forget_kinds()
        return text

    def _forget_kinds(self) -> None:
        """Forget the kinds of what no photograph holds any more, in portions, so that nobody waits for long."""
        unused = "NOT EXISTS (SELECT 1 FROM photos WHERE photos.hash = kinds.hash AND photos.removed = 0)"
        hashes = [row[0] for row in self._rows(f"SELECT hash FROM kinds WHERE {unused}")]
        for start in range(0, len(hashes), 5000):
            with self._writing(changes=False) as db:
                db.execute(
                    f"DELETE FROM kinds WHERE hash IN (SELECT value FROM json_each(?)) AND {unused}",
                    (json.dumps(hashes[start : start + 5000]),),
                )

    def training_labels(self) -> list[str]:
        """Return the names that a model learns: labels that are not left out and have a usable photograph."""
        return [label.name for label in self.labels() if label.count and not label.excluded]

    def unreadable_labels(self) -> list[str]:
        """Return the names of labels that are not left out and of whose photographs none can be read."""
        rows = self._rows(
            "SELECT DISTINCT label_id FROM photos WHERE removed = 0 AND status = ? AND label_id IS NOT NULL",
            (STATUSES.index("unreadable"),),
        )
        damaged = {row[0] for row in rows}
        return [x.name for x in self.labels() if x.id in damaged and not x.count and not x.excluded]

    def items(self, kind: str | None = None) -> list[Item]:
        """Return what can be learnt from or measured on, each content once in a label.

        In an order that follows from labels and contents alone, so that a run's randomness does too.

        Args:
            kind: only ``"learning"``, ``"practice"`` or ``"exam"``; None for all, those without a kind yet included.

        Raises:
            ValueError: no such kind.
        """
        test, values = "", []
        if kind is not None:
            test, values = " AND k.kind = ?", [KINDS.index(kind)]
        index = {label.id: n for n, label in enumerate(x for x in self.labels() if x.count and not x.excluded)}
        rows = self._rows(
            "SELECT p.label_id, p.hash, MIN(p.id), p.path, k.kind FROM photos p LEFT JOIN kinds k ON k.hash = p.hash"
            f" WHERE p.removed = 0 AND p.status <= 1 AND p.label_id IS NOT NULL AND p.hash != ''{test}"
            " GROUP BY p.label_id, p.hash",
            values,
        )
        found = [
            Item(photo_id, loaded_path(path), digest, index[label], None if number is None else KINDS[number])
            for label, digest, photo_id, path, number in rows
            if label in index
        ]
        found.sort(key=lambda item: (item.label, item.hash))
        return found

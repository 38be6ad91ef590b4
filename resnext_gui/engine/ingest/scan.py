"""Photographs in: what a scan, a preview, a comparison with the disk, and a check-up do.

Nothing here decodes a picture in full except the check-up: a scan reads each file once, for its content hash and its
header.  What turns out broken later is marked in the project by whoever meets it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from resnext_gui.engine.ingest import findings
from resnext_gui.engine.ingest.gather import Candidate, Gathered, absolute, gather
from resnext_gui.engine.ingest.reach import AWAY, Reach, folders_of, verdict
from resnext_gui.engine.ingest.reading import listing_tick, read_all
from resnext_gui.engine.ingest.reconcile import labels_are_the_disks
from resnext_gui.engine.pictures.files import ImageError, display
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import Preview, Scan, Source, UserError
from resnext_gui.project import Known, NewPhoto, Project
from resnext_gui.project.disk_labels import Followed
from resnext_gui.project.files import natural
from resnext_gui.texts import some

_NOT_KEPT = frozenset({"missing", "vanished", "folder"})
"""Refusals that leave nothing to remember: there is no file."""

_LISTED = 1000
"""So many refused files are named in a receipt; the rest is counted."""


# --------------------------------------------------------------------------------------------------------------------
# Scanning


@dataclass(slots=True)
class _Tally:
    labels: Counter[str] = field(default_factory=Counter)
    photographs: int = 0
    unlabelled: int = 0
    duplicates: int = 0
    back: int = 0
    unreadable: int = 0
    examples: list[list[str]] = field(default_factory=list)

    def refuse(self, path: str, message: str) -> None:
        self.unreadable += 1
        if len(self.examples) < _LISTED:
            self.examples.append([display(path), message])


def scan_job(command: Scan, job: JobContext) -> dict[str, Any]:
    """Add what the sources hold to the project, a few of every label first; returns the import receipt.

    What was added stays when the job is stopped or a drive goes away; it can be undone as one step.

    Raises:
        UserError: ``not_reachable``, ``no_photographs``, ``bad_table``, with ``ask`` ``two_readings`` and
            ``odd_label``, or the project's own trouble.
        JobStopped: the person stopped it.
    """
    with Project.open(command.project) as project:
        gathered = gather(command.sources, listing_tick(job))
        asked = findings.question(gathered) if command.ask else None
        if asked is not None:
            rules = ", ".join(f"--labels {_quoted(rule)}" for rule in gathered.doubts or [gathered.used])
            hint = f"Say which is meant: {rules}."
            if asked["finding"] == "odd_label":
                hint = f"{asked['hint']} Or say that it is one: {rules}."
            raise UserError(asked["finding"], asked["message"], hint)
        if not gathered.files and not gathered.troubles:
            names = ", ".join(f"'{display(source.path)}'" for source in command.sources)
            said = " ".join(findings.sentence(one) for one in findings.about_sources(gathered))
            raise UserError(
                "no_photographs",
                f"There are no photographs in {names}. {said}".rstrip(),
                "Choose a folder with one sub-folder per label, with JPEG or PNG pictures in them.",
            )
        return _Scanner(project, command, gathered, job).run()


def _quoted(rule: str) -> str:
    return f'"{rule}"' if " " in rule else rule


class _Scanner:
    """One scan: reads, stores in small portions, and counts."""

    def __init__(self, project: Project, command: Scan, gathered: Gathered, job: JobContext) -> None:
        self.project = project
        self.command = command
        self.gathered = gathered
        self.job = job
        self.tally = _Tally()
        self.names = ", ".join(os.path.basename(absolute(s.path)) or display(s.path) for s in command.sources)  # noqa: PTH119
        before = {source.path: source.rule for source in project.sources()}
        self.import_id = project.begin_import(f"Add photographs from {display(self.names)[:60]}")
        self.source_ids = [
            project.add_source(Source(absolute(source.path), gathered.kept_rule(n), label), self.import_id)
            for n, (source, label) in enumerate(zip(command.sources, self._given_labels(), strict=True))
        ]
        # By a rule that a person chooses now, what is known is read anew.
        self.trusted = [
            labels_are_the_disks(gathered, number, source)
            or source.rule not in ("auto", before.get(absolute(source.path), "auto"))
            for number, source in enumerate(command.sources)
        ]
        self.reach = Reach(folders_of(command.sources), (file.path for file in gathered.files))
        self.ready: dict[int, list[NewPhoto]] = {}
        self.stored_at = time.monotonic()
        self.known = project.known_files()
        self.said: dict[int, str] = {}
        self.followed = Followed()
        self.by_hash: dict[str, list[str]] = {}
        for path, memory in self.known.items():
            if memory.hash and not memory.removed:
                self.by_hash.setdefault(memory.hash, []).append(path)
        self.moves: list[tuple[int, str]] = []

    def run(self) -> dict[str, Any]:
        """Read everything and return the receipt."""
        for path, message in self.gathered.troubles:
            self.tally.refuse(path, message)
        try:
            self._read()
        finally:
            # Also after a stop: what was read is kept.
            self._store()
            self._settle_moves()
            self.followed = self.project.follow_disk(self.said.items())
            self.project.finish_import(self.import_id, f"Add {some(self.tally.photographs)}")
        return self._receipt()

    def _given_labels(self) -> Iterator[str | None]:
        """Yield the label of each source: folders that were dropped together and are one label each stay that."""
        for source, rule in zip(self.command.sources, self.gathered.rules, strict=True):
            whole = os.path.basename(absolute(source.path)) if rule == "folder" else None  # noqa: PTH119
            yield source.label or whole

    def _hear(self, file: Candidate, known: Known, moved: bool = False) -> None:
        """Note which label the disk gives to a photograph that the project has."""
        if file.label and file.label != known.disk_label and (moved or self.trusted[file.source] or not known.labelled):
            self.said[known.id] = file.label

    def _new_ones(self) -> Iterator[Candidate]:
        for file in self.gathered.files:
            known = self.known.get(file.path)
            if known is None or known.removed or known.status == "gone":
                yield file
                continue
            try:
                facts = os.stat(file.path)  # noqa: PTH116
                same = (facts.st_size, facts.st_mtime_ns) == (known.size, known.mtime_ns)
            except OSError:
                same = False
            if same:
                self.tally.duplicates += 1
                self._hear(file, known)
            else:
                yield file

    def _read(self) -> None:
        total, began, told = len(self.gathered.files), time.monotonic(), 0.0
        for done, (file, outcome) in enumerate(read_all(self._new_ones(), self.job), start=1):
            self._take(file, outcome)
            now = time.monotonic()
            pending = sum(map(len, self.ready.values()))
            if pending >= 128 or (pending and now - self.stored_at > 0.5):
                self._store()
            if now - told > 0.1:
                told = now
                read = done + self.tally.duplicates
                left = (now - began) / done * (total - read) if done >= 20 else None
                self.job.progress("reading", read, total, f"Read {read:,} of {total:,}", left)
        self.job.progress("reading", total, total, f"Read {total:,} of {total:,}", 0.0)

    def _take(self, file: Candidate, outcome: NewPhoto | ImageError) -> None:
        known = self.known.get(file.path)
        again = known is not None and not known.removed
        portion = self.ready.setdefault(file.source, [])
        if isinstance(outcome, NewPhoto):
            portion.append(outcome)
            if known is not None and again:
                self.tally.duplicates += 1
                self.tally.back += known.status == "gone"
                self._hear(file, known)
                return
            if known is None and self._moved_here(file, outcome):
                portion.pop()
                return
            self.tally.photographs += 1
            if outcome.label is None:
                self.tally.unlabelled += 1
            else:
                self.tally.labels[outcome.label] += 1
            return
        if outcome.code in AWAY and not os.path.islink(file.path):  # noqa: PTH114
            self.reach.require(file.path)
        message = outcome.message
        if outcome.code == "missing" and not os.path.islink(file.path):  # noqa: PTH114
            message = f"'{display(file.path)}' vanished while the folder was read."
        self.tally.refuse(file.path, message)
        if outcome.code not in _NOT_KEPT:
            size, mtime = 0, 0
            try:
                facts = os.stat(file.path)  # noqa: PTH116
            except OSError:
                return
            if verdict(outcome) is not None:  # else another date than the file's has it read again
                size, mtime = facts.st_size, facts.st_mtime_ns
            portion.append(NewPhoto(file.path, size, mtime, label=file.label, status="unreadable", reason=message))

    def _moved_here(self, file: Candidate, photo: NewPhoto) -> bool:
        """Tell whether this is a known photograph that was moved, or whose drive has another name now."""
        name = os.path.basename(photo.path)  # noqa: PTH119
        left = [old for old in self.by_hash.get(photo.hash, ()) if not os.path.lexists(old)]
        if not left:
            return False
        old = next((path for path in left if os.path.basename(path) == name), left[0])  # noqa: PTH119
        self.moves.append((self.known[old].id, photo.path))
        self.by_hash[photo.hash].remove(old)
        self._hear(file, self.known[old], moved=True)
        return True

    def _settle_moves(self) -> None:
        if not self.moves:
            return
        self.project.relocate_photos(self.moves)
        remaining = self.project.known_files()
        for source in self.project.sources():
            root = os.path.join(source.path, "")  # noqa: PTH118
            if not os.path.lexists(source.path) and not any(path.startswith(root) for path in remaining):
                self.project.forget_source(source.path)

    def _store(self) -> None:
        self.stored_at = time.monotonic()
        ready, self.ready = self.ready, {}
        for source, photos in ready.items():
            for start in range(0, len(photos), 128):
                self.project.add_photos(photos[start : start + 128], self.source_ids[source], self.import_id)
        if ready and self.project.import_undone(self.import_id):
            self.job.control.stop()  # the person took the import back while it was going on

    def _receipt(self) -> dict[str, Any]:
        tally = self.tally
        labels = sorted(tally.labels.items(), key=lambda item: natural(item[0]))
        return {
            "import_id": self.import_id,
            "labels": [[name, count] for name, count in labels],
            "photographs": tally.photographs,
            "unlabelled": tally.unlabelled,
            "duplicates": tally.duplicates,
            "moved": len(self.moves),
            "back": tally.back,
            "labelled": self.followed.labelled,
            "relabelled": self.followed.relabelled,
            "disagree": self.project.counts()["disagree"],
            "unreadable": tally.examples,
            "unreadable_count": tally.unreadable,
            "passed_over": self.gathered.passed_over,
            "rule": self.gathered.rule,
            **_told_rules(self.gathered),
            **self._findings(),
        }

    def _findings(self) -> dict[str, Any]:
        """Return the findings: those about this import, then those about the whole project, notes last."""
        project = self.project
        labels = {label.name: label.count for label in project.labels()}
        used = {name: count for name, count in labels.items() if count}
        lost = [
            name for name in dict.fromkeys(f.label for f in self.gathered.files if f.label) if not labels.get(name, 1)
        ]
        found = findings.about_sources(self.gathered)
        found += findings.about_labels(used, lost)
        if self.tally.unlabelled and used:
            found.append(findings.unlabelled([], self.tally.unlabelled))
        found += findings.many_two_labels(project.under_two_labels())
        found.sort(key=lambda one: one["finding"] in findings.NOTES)
        elsewhere = ("unlabelled", "two_readings")  # in the receipt's numbers and rules
        said = [findings.sentence(one) for one in found if one["finding"] not in elsewhere]
        return {"findings": found, "warnings": said}


def _told_rules(gathered: Gathered) -> dict[str, Any]:
    """Return what each rule gives, which one was used, and which are as sensible."""
    tables = {
        rule: [[label, *row] for label, row in sorted(found.items(), key=lambda item: (not item[0], natural(item[0])))]
        for rule, found in gathered.readings.items()
    }
    return {"rules": tables, "auto": gathered.used, "doubts": list(gathered.doubts)}


# --------------------------------------------------------------------------------------------------------------------
# Preview


def preview_job(command: Preview, job: JobContext) -> dict[str, Any]:
    """Say which labels the sources give under each rule; reads no picture and changes nothing.

    Returns:
        ``rules``: for each rule [label, count, an example] in order; ``auto``: the rule that is used where none is
        chosen; ``doubts``: rules as sensible as that, itself first; ``photographs``: the number of files.

    Raises:
        UserError: ``not_reachable``, ``bad_table``.
        JobStopped: the person stopped it.
    """
    sources = [Source(source.path, "auto", source.label) for source in command.sources]
    auto = gather(sources, listing_tick(job), every_rule=True)
    return {**_told_rules(auto), "photographs": len(auto.files)}

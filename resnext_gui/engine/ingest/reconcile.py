"""Compares a project with the disk: what is new, gone, changed, or moved.  Never deletes anything."""

from __future__ import annotations

import itertools
import os
import stat
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from resnext_gui.engine.ingest.gather import Candidate, Gathered, absolute, gather
from resnext_gui.engine.ingest.reach import Reach, can_list, folders_of, is_table
from resnext_gui.engine.ingest.reading import read_all
from resnext_gui.engine.ingest.thumbnails import prune_cache
from resnext_gui.engine.pictures.files import ImageError, display
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import COLUMN, Reconcile, Source, UserError
from resnext_gui.project import Known, NewPhoto, Project
from resnext_gui.project.disk_labels import Followed
from resnext_gui.texts import some

_EXAMPLES = 12


@dataclass(slots=True)
class _Difference:
    new: list[Candidate] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    redated: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    emptied: dict[str, list[str]] = field(default_factory=dict)
    """Photographs by folder where none of those known is left: all were moved, or the drive is away."""
    said: dict[str, str] = field(default_factory=dict)
    """The label that the disk gives now, by path, where it may differ from the one read last."""

    def cannot_reach(self, place: str) -> None:
        if place not in self.unreachable:
            self.unreachable.append(place)


CACHE_MOST = 8 << 30
"""Bytes that thumbnails, features and decoded pixels of a project may take; looked at whenever it is opened."""

REDATED_MOST = 4 << 30
"""Bytes that are read again to see whether files with a new date and the old size have the old content, too."""


def reconcile_job(command: Reconcile, job: JobContext) -> dict[str, Any]:
    """Say what differs between the project and the disk, and follow the disk; with `apply`, read what is new, too.

    A photograph is gone only where the place it lay in can be reached: while a drive is away its photographs are left
    as they are, and what was called gone and is there again is back.  Moved photographs are recognised by content.
    Files that only have another date, as after a copy or a restored backup, are not called changed: the project takes
    the date.  Labels follow folders and tables where the person has corrected nothing (`Project.follow_disk`).

    With `apply`, new ones are added as one undoable import and changed ones are read again.  With `gone`, the person
    says that what is out of reach is gone.

    Returns:
        The counts ``new``, ``gone``, ``changed``, ``moved``, ``back``, ``relabelled``, ``labelled`` and ``disagree``
        (all whose label the person corrected and of which the disk says something else since), ``unreachable``
        places, ``examples``, and with `apply` the ``receipt``.

    Raises:
        UserError: the project's own trouble.
        JobStopped: the person stopped it.
    """
    with Project.open(command.project) as project:
        known = project.known_files()
        found = _compare(project, known, command.gone, job)
        _match_moved(found, known, job)
        _look_into_redated(project, found, known, job)
        followed = Followed() if project.read_only else _follow(project, found, known)
        result: dict[str, Any] = {
            "new": len(found.new),
            "gone": len(found.gone),
            "changed": len(found.changed),
            "moved": len(found.moved),
            "back": len(found.back),
            "relabelled": followed.relabelled,
            "labelled": followed.labelled,
            "disagree": project.counts()["disagree"],
            "unreachable": [display(path) for path in found.unreachable],
            "examples": {
                "new": [display(file.path) for file in found.new[:_EXAMPLES]],
                "gone": [display(path) for path in found.gone[:_EXAMPLES]],
                "changed": [display(path) for path in found.changed[:_EXAMPLES]],
            },
        }
        if command.apply and not project.read_only:
            receipt = _apply(project, found, known, job)
            result["receipt"] = {**{key: result[key] for key in FOLLOWED}, **receipt}
        elif not project.read_only:
            prune_cache(project, CACHE_MOST)
        return result


FOLLOWED = ("moved", "back", "relabelled", "labelled", "disagree")
"""What every receipt says of photographs that the project knew already."""


def _compare(project: Project, known: dict[str, Known], given_up: bool, job: JobContext) -> _Difference:
    found = _Difference()

    def tick(count: int) -> None:
        job.check()
        job.progress("comparing", count, 0, f"Compared {some(count)} so far")

    listed: set[str] = set()
    sources = project.sources()
    expected = [path for path, memory in known.items() if not memory.removed and memory.status != "gone"]
    for source in sources:
        try:
            try:
                gathered = gather([source], tick)
            except UserError as error:
                if error.code not in ("bad_table", "no_column") or not os.path.isdir(absolute(source.path)):  # noqa: PTH112
                    raise
                gathered = gather([replace(source, rule="none")], tick)  # the table is gone, the photographs are not
        except UserError as error:
            if error.code in ("not_reachable", "bad_table", "missing"):
                place = absolute(source.path)
                below = os.path.join(place, "")  # noqa: PTH118
                # The folder of photographs that were all given up is missed by nobody.
                if is_table(source) or any(path.startswith(below) for path in expected):
                    found.cannot_reach(place)
                continue
            raise
        trusted = labels_are_the_disks(gathered, 0, source)
        for file in gathered.files:
            if file.path in listed:
                continue
            listed.add(file.path)
            memory = known.get(file.path)
            if memory is None:
                if os.path.isfile(file.path):  # noqa: PTH113
                    found.new.append(file)
            elif trusted and file.label and file.label != memory.disk_label:
                found.said[file.path] = file.label
    lost: list[str] = []
    for number, (path, memory) in enumerate(known.items()):
        if number % 128 == 0:
            tick(number)
        if not memory.removed and not _look(path, memory, found):
            lost.append(path)
    _sort_out_lost(lost, Reach(folders_of(sources), expected), known, found, given_up)
    return found


def _sort_out_lost(lost: list[str], reach: Reach, known: dict[str, Known], found: _Difference, given_up: bool) -> None:
    """Tell of files that are not there whether they are gone or their place is out of reach."""
    places: dict[str, str | None] = {}
    for path in lost:
        if _look(path, known[path], found):  # the drive has come back meanwhile
            continue
        folder = os.path.dirname(path)  # noqa: PTH120
        if folder not in places or os.path.islink(path):  # noqa: PTH114
            places[folder] = reach.lost(path)
        place = places[folder]
        if place is None or given_up:
            found.gone.append(path)
        elif can_list(place):
            found.emptied.setdefault(place, []).append(path)
        elif known[path].status != "gone":
            found.cannot_reach(place)


def labels_are_the_disks(gathered: Gathered, number: int, source: Source) -> bool:
    """Whether a new label for a file that lies where it lay comes from a change on the disk.

    So it does where a table gives it.  A folder may be another label's because one was added elsewhere, which is no
    reason to relabel what did not move.
    """
    rule = gathered.rules[number]
    return source.label is not None or rule == "csv" or rule.startswith(COLUMN)


def _look(path: str, memory: Known, found: _Difference) -> bool:
    """Compare one file with what is known of it; False where it is not there."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - hundreds of thousands of these
    except (OSError, ValueError):
        return False
    if not stat.S_ISREG(facts.st_mode):
        return False
    if facts.st_size == memory.size and facts.st_mtime_ns != memory.mtime_ns and memory.hash:
        found.redated.append(path)
    elif (facts.st_size, facts.st_mtime_ns) != (memory.size, memory.mtime_ns):
        if memory.mtime_ns or os.access(path, os.R_OK):  # without a date: it may not be read
            found.changed.append(path)
    elif memory.status == "gone":
        found.back.append(path)
    return True


def _follow(project: Project, found: _Difference, known: dict[str, Known]) -> Followed:
    """Bring the project up to date in what needs no reading."""
    if found.moved:
        project.relocate_photos([(known[old].id, new) for old, new in found.moved])
    if found.back:
        project.set_status([known[path].id for path in found.back], "ok")
    gone = [known[path].id for path in found.gone if known[path].status != "gone"]
    if gone:
        project.set_status(gone, "gone", "The file is no longer there.")
    said = [(known[path].id, label) for path, label in found.said.items() if not known[path].removed]
    return project.follow_disk(said)


def _look_into_redated(project: Project, found: _Difference, known: dict[str, Known], job: JobContext) -> None:
    """Read the files that have a new date and the old size: those with another content are changed."""
    asked: list[Candidate] = []
    left = REDATED_MOST
    for path in found.redated:
        left -= known[path].size
        if left >= 0 and known[path].status == "ok":
            asked.append(Candidate(path, None, -1))
        else:
            found.changed.append(path)
    if not asked:
        return
    same: list[tuple[int, int]] = []
    for number, (file, outcome) in enumerate(read_all(asked, job), start=1):
        job.progress("comparing", number, len(asked), f"Compared {number:,} of {len(asked):,}")
        if isinstance(outcome, ImageError) or outcome.hash != known[file.path].hash:
            found.changed.append(file.path)
        else:
            same.append((known[file.path].id, outcome.mtime_ns))
    if same and not project.read_only:
        project.note_dates(same)


def _match_moved(found: _Difference, known: dict[str, Known], job: JobContext) -> None:
    """Pair photographs that are not where they were with new files of the same content."""
    missing: dict[str, list[str]] = defaultdict(list)
    for path in [*found.gone, *itertools.chain(*found.emptied.values())]:
        if known[path].hash:
            missing[known[path].hash].append(path)
    sizes = {known[path].size for paths in missing.values() for path in paths}
    asked = [file for file in found.new if _size(file.path) in sizes]
    moved: dict[str, str] = {}
    for number, (file, outcome) in enumerate(read_all(asked, job) if asked else (), start=1):
        job.progress("comparing", number, len(asked), f"Compared {number:,} of {len(asked):,}")
        old = [] if isinstance(outcome, ImageError) else missing.get(outcome.hash, [])
        if old:
            name = os.path.basename(file.path)  # noqa: PTH119
            same = next((path for path in old if os.path.basename(path) == name), old[0])  # noqa: PTH119
            old.remove(same)
            moved[file.path] = same
            if file.label:
                found.said[same] = file.label
    found.moved = [(old, new) for new, old in moved.items()]
    found.new = [file for file in found.new if file.path not in moved]
    taken = set(moved.values())
    for place, paths in found.emptied.items():
        if taken.isdisjoint(paths):
            found.cannot_reach(place)
        else:
            found.gone += paths
    found.gone = [path for path in found.gone if path not in taken and known[path].status != "gone"]


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return -1


def _apply(project: Project, found: _Difference, known: dict[str, Known], job: JobContext) -> dict[str, Any]:
    """Read what is new and what has changed."""
    changed = set(found.changed)
    files = [*found.new, *(Candidate(path, None, -1) for path in found.changed)]
    import_id = project.begin_import("Add new photographs")
    portion: list[NewPhoto] = []
    added = unreadable = 0
    try:
        for number, (file, outcome) in enumerate(read_all(files, job), start=1):
            job.progress("reading", number, len(files), f"Read {number:,} of {len(files):,}")
            if isinstance(outcome, ImageError):
                unreadable += 1
                if file.path in changed and os.path.isfile(file.path):  # noqa: PTH113
                    project.set_status([known[file.path].id], "unreadable", outcome.message)
                continue
            portion.append(outcome)
            if len(portion) >= 128:
                added += project.add_photos(portion, None, import_id)
                portion = []
    finally:
        if portion:
            added += project.add_photos(portion, None, import_id)
        project.finish_import(import_id, f"Add {some(added)}")
    return {"import_id": import_id, "photographs": added, "unreadable_count": unreadable}

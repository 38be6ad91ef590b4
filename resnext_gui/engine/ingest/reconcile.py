"""Compares a project with the disk: what is new, gone, changed, or moved.  Never deletes anything."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from resnext_gui.engine.ingest.gather import Candidate, absolute, gather
from resnext_gui.engine.ingest.reading import read_all
from resnext_gui.engine.pictures.files import ImageError, display
from resnext_gui.engine.pictures.thumbnails import prune_cache
from resnext_gui.engine.worker.control import Control, Emit
from resnext_gui.messages import Progress, Reconcile, Source, UserError
from resnext_gui.project import Known, NewPhoto, Project
from resnext_gui.project.photographs import some

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


CACHE_MOST = 8 << 30
"""Bytes that thumbnails, features and decoded pixels of a project may take; looked at whenever it is opened."""

REDATED_MOST = 4 << 30
"""Bytes that are read again to see whether files with a new date and the old size have the old content, too."""


def reconcile_job(command: Reconcile, emit: Emit, control: Control) -> dict[str, Any]:
    """Say what differs between the project and the disk; with `apply`, bring the project up to date.

    A source whose folder is gone is reported as unreachable and its photographs are left as they are: the drive may
    return.  Moved photographs are recognised by name and size, and with `apply` by content.  Files that only have
    another date, as after a copy or a restored backup, are not called changed: the project takes the date.

    Applied: new ones are added as one undoable import, gone ones are marked, changed ones are read again, moved ones
    get their new path.

    Raises:
        UserError: the project's own trouble.
        JobStopped: the person stopped it.
    """
    with Project.open(command.project) as project:
        known = project.known_files()
        sources = project.sources()
        found = _compare(sources, known, command.job_id, emit, control)
        _match_moved(found, known)
        _look_into_redated(project, found, known, command.job_id, emit, control)
        result: dict[str, Any] = {
            "new": len(found.new),
            "gone": len(found.gone),
            "changed": len(found.changed),
            "moved": len(found.moved),
            "unreachable": [display(path) for path in found.unreachable],
            "examples": {
                "new": [display(file.path) for file in found.new[:_EXAMPLES]],
                "gone": [display(path) for path in found.gone[:_EXAMPLES]],
                "changed": [display(path) for path in found.changed[:_EXAMPLES]],
            },
        }
        if command.apply and not project.read_only:
            result["receipt"] = _apply(project, found, known, command.job_id, emit, control)
        elif not project.read_only:
            prune_cache(project, CACHE_MOST)
        return result


def _compare(sources: list[Source], known: dict[str, Known], job_id: str, emit: Emit, control: Control) -> _Difference:
    found = _Difference()

    def tick(count: int) -> None:
        control.check()
        emit(Progress(job_id, "comparing", count, 0, f"Compared {some(count)} so far"))

    listed: set[str] = set()
    for source in sources:
        try:
            gathered = gather([source], tick)
        except UserError as error:
            if error.code in ("not_reachable", "bad_table", "missing"):
                found.unreachable.append(absolute(source.path))
                continue
            raise
        for file in gathered.files:
            if file.path in listed:
                continue
            listed.add(file.path)
            if file.path not in known and os.path.isfile(file.path):  # noqa: PTH113
                found.new.append(file)
    lost = tuple(os.path.join(path, "") for path in found.unreachable)  # noqa: PTH118
    for number, (path, memory) in enumerate(known.items()):
        if number % 128 == 0:
            tick(number)
        if memory.removed or path in found.unreachable or (lost and path.startswith(lost)):
            continue
        _look(path, memory, found)
    return found


def _look(path: str, memory: Known, found: _Difference) -> None:
    try:
        facts = os.stat(path)  # noqa: PTH116 - hundreds of thousands of these
        present = stat.S_ISREG(facts.st_mode)
    except (OSError, ValueError):
        present = False
    if not present:
        if memory.status != "gone":
            found.gone.append(path)
    elif facts.st_size == memory.size and facts.st_mtime_ns != memory.mtime_ns and memory.hash:
        found.redated.append(path)
    elif (facts.st_size, facts.st_mtime_ns) != (memory.size, memory.mtime_ns):
        found.changed.append(path)
    elif memory.status == "gone":
        found.back.append(path)


def _look_into_redated(
    project: Project, found: _Difference, known: dict[str, Known], job_id: str, emit: Emit, control: Control
) -> None:
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
    for number, (file, outcome) in enumerate(read_all(asked, control), start=1):
        emit(Progress(job_id, "comparing", number, len(asked), f"Compared {number:,} of {len(asked):,}"))
        if isinstance(outcome, ImageError) or outcome.hash != known[file.path].hash:
            found.changed.append(file.path)
        else:
            same.append((known[file.path].id, outcome.mtime_ns))
    if same and not project.read_only:
        project.note_dates(same)


def _match_moved(found: _Difference, known: dict[str, Known]) -> None:
    """Pair files that are gone from one place with new ones of the same name and size elsewhere."""
    by_name: dict[tuple[str, int], list[Candidate]] = defaultdict(list)
    for file in found.new:
        try:
            by_name[os.path.basename(file.path), os.path.getsize(file.path)].append(file)  # noqa: PTH119, PTH202
        except OSError:
            continue
    gone = []
    taken: set[str] = set()
    for path in found.gone:
        places = by_name.get((os.path.basename(path), known[path].size), [])  # noqa: PTH119
        place = next((file for file in places if file.path not in taken), None)
        if place is None:
            gone.append(path)
        else:
            taken.add(place.path)
            found.moved.append((path, place.path))
    found.gone = gone
    found.new = [file for file in found.new if file.path not in taken]


def _apply(
    project: Project,
    found: _Difference,
    known: dict[str, Known],
    job_id: str,
    emit: Emit,
    control: Control,
) -> dict[str, Any]:
    targets = {new: old for old, new in found.moved}
    changed = set(found.changed)
    files = [
        *found.new,
        *(Candidate(new, None, -1) for new in targets),
        *(Candidate(path, None, -1) for path in found.changed),
    ]
    if found.gone:
        project.set_status([known[path].id for path in found.gone], "gone", "The file is no longer there.")
    if found.back:
        project.set_status([known[path].id for path in found.back], "ok")
    import_id = project.begin_import("Add new photographs")
    moves: list[tuple[int, str]] = []
    portion: list[NewPhoto] = []
    added = unreadable = 0
    try:
        for number, (file, outcome) in enumerate(read_all(files, control), start=1):
            emit(Progress(job_id, "reading", number, len(files), f"Read {number:,} of {len(files):,}"))
            if isinstance(outcome, ImageError):
                unreadable += 1
                if file.path in changed:
                    project.set_status([known[file.path].id], "unreadable", outcome.message)
                continue
            old = targets.get(file.path)
            if old is not None and known[old].hash in ("", outcome.hash):
                moves.append((known[old].id, file.path))
                continue
            if old is not None:  # same name and size, other content: one gone, one new
                project.set_status([known[old].id], "gone", "The file is no longer there.")
            portion.append(outcome)
            if len(portion) >= 128:
                added += project.add_photos(portion, None, import_id)
                portion = []
    finally:
        if moves:
            project.relocate_photos(moves)
        if portion:
            added += project.add_photos(portion, None, import_id)
        project.finish_import(import_id, f"Add {some(added)}")
    return {"import_id": import_id, "photographs": added, "unreadable_count": unreadable, "moved": len(moves)}

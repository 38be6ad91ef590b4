"""Lists the pictures below a folder, whatever else lies there.  Opens nothing that could wait for ever."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from resnext_gui.engine.ingest.tables.table import TABLE_SUFFIXES
from resnext_gui.engine.pictures.files import (
    OTHER_SUFFIXES,
    PICTURE_SUFFIXES,
    RAW_SUFFIXES,
    could_be_picture,
    display,
    is_side_file,
    is_system_file,
    trouble,
)
from resnext_gui.messages import UserError
from resnext_gui.project.files import natural
from resnext_gui.project.marker import SUFFIX

Tick = Callable[[int], None]
"""Called often with the number of pictures found so far; may raise `JobStopped`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be a picture.  `parts`: the folders between the root and it."""

    path: str
    parts: tuple[str, ...]


EXAMPLES = 5
"""So many paths are named of a kind that is passed over."""
TABLES_MOST = 30
"""So many tables below a folder are looked into."""
LOOKED_INTO_MOST = 200
"""Of an unknown suffix so many files are looked into; if none was a picture, the others are passed over unseen."""


@dataclass(slots=True)
class Passed:
    """What was passed over of one kind: how much, and the first few."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Listing:
    """What lies below a folder.

    Attributes:
        files: folder by folder, nearest first, in natural order.
        passed: what was passed over, by kind: ``"other"`` with its suffix (``"other .txt"``), ``"raw"`` (twins of
            JPEGs), ``"hidden"`` (pictures in hidden folders, or with hidden names), ``"project"`` (pictures in folders
            of projects), ``"not here"`` with its folder (files that a cloud drive has not downloaded) and
            ``"empty"`` (folders without a picture beside others).  Side files of systems are not counted.
        tables: tables in the folder or less than three levels below it.
        folders: the folders that were looked into, as their levels below the root.
        troubles: (path, sentence) for folders that could not be looked into.
    """

    files: list[Found] = field(default_factory=list)
    passed: dict[str, Passed] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    folders: list[tuple[str, ...]] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    """How many files of a suffix that says nothing were looked into while none was a picture."""

    def could_be_picture(self, path: str, suffix: str) -> bool:
        """Tell as the function of this name does, without opening a hundred thousand files of no kind."""
        if suffix and self.unknown[suffix] >= LOOKED_INTO_MOST:
            return False
        found = could_be_picture(path)
        self.unknown[suffix] += -self.unknown[suffix] if found else 1
        return found

    def pass_over(self, kind: str, path: str, count: int = 1) -> None:
        """Count what is no photograph to be read."""
        if count:
            row = self.passed.setdefault(kind, Passed())
            row.count += count
            if len(row.examples) < EXAMPLES:
                row.examples.append(path)


def not_reachable(root: str) -> UserError:
    """Return the sentence for a folder that is gone or whose drive does not answer."""
    drive = os.path.splitdrive(root)[0]
    name = f"Drive {drive}" if drive and not os.path.exists(drive + os.sep) else f"'{display(root)}'"  # noqa: PTH110
    return UserError(
        "not_reachable",
        f"{name} is not reachable.",
        "Check that the drive is connected and the folder still exists. What was read before is kept.",
    )


def list_folder(root: str, tick: Tick) -> Listing:
    """List the pictures below `root`.  Links are followed, each folder is visited once.

    Folders of other projects are left out, since they hold thumbnails; so are those of the root's own project.

    Raises:
        UserError: ``not_reachable``.
    """
    listing = Listing()
    seen: set[tuple[int, int]] = set()
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(root, ())])
    while waiting:
        folder, parts = waiting.popleft()
        try:
            facts = os.stat(folder)  # noqa: PTH116 - hundreds of thousands of these
            place = (facts.st_dev, facts.st_ino)
            if facts.st_ino and place in seen:
                continue
            seen.add(place)
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: natural(entry.name))
        except OSError as error:
            if not os.path.isdir(root):  # noqa: PTH112
                raise not_reachable(root) from error
            listing.troubles.append((folder, trouble(folder, error).message))
            continue
        _sort_out(listing, folder, found, parts, waiting, tick)
        tick(len(listing.files))
    _note_empty(listing, root)
    return listing


def _sort_out(
    listing: Listing,
    folder: str,
    entries: list[os.DirEntry[str]],
    parts: tuple[str, ...],
    waiting: deque[tuple[str, tuple[str, ...]]],
    tick: Tick,
) -> None:
    project = any(entry.name == "project.db" for entry in entries)
    if project and parts:
        listing.pass_over("project", folder)
        return
    listing.folders.append(parts)
    names = {entry.name.lower() for entry in entries}
    for number, entry in enumerate(entries):
        if number % 256 == 255:
            tick(len(listing.files))
        if is_system_file(entry.name):
            continue
        try:
            is_folder = entry.is_dir()
        except OSError:  # a link that leads to itself: reading it will say so
            is_folder = False
        if project and _belongs_to_a_project(entry.name):
            if is_folder and entry.name != "cache":
                listing.pass_over("project", entry.path, 1 if _pictures_in(entry.path) else 0)
        elif is_folder:
            if entry.name.startswith(".") and not entry.name[1:2].isdigit():
                listing.pass_over("hidden", entry.path, _pictures_in(entry.path))
            else:  # ".22 LR" is a name like others
                waiting.append((entry.path, (*parts, entry.name)))
        else:
            _sort_file(listing, entry, parts, names)


def _sort_file(listing: Listing, entry: os.DirEntry[str], parts: tuple[str, ...], names: set[str]) -> None:
    name = entry.name
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if suffix == ".icloud":
        listing.pass_over("not here " + (parts[-1] if parts else ""), entry.path)
    elif is_side_file(name):
        if suffix in PICTURE_SUFFIXES:
            listing.pass_over("hidden", entry.path)
    elif suffix in OTHER_SUFFIXES:
        # The raw twin of a JPEG is passed over; without a JPEG it is refused by name.
        if suffix in RAW_SUFFIXES and _has_twin(name, names):
            listing.pass_over("raw", entry.path)
        else:
            listing.files.append(Found(entry.path, parts))
    elif listing.could_be_picture(entry.path, suffix):
        listing.files.append(Found(entry.path, parts))
    else:
        if suffix in TABLE_SUFFIXES and len(parts) < 3 and len(listing.tables) < TABLES_MOST:
            listing.tables.append(entry.path)
        listing.pass_over(f"other {suffix}", entry.path)


def _pictures_in(folder: str) -> int:
    """Return how many pictures lie directly in a folder that is not looked into, judged by their names."""
    try:
        with os.scandir(folder) as entries:
            return sum(os.path.splitext(entry.name)[1].lower() in PICTURE_SUFFIXES for entry in entries)  # noqa: PTH122
    except OSError:
        return 0


def _note_empty(listing: Listing, root: str) -> None:
    """Note folders without any picture that lie beside folders with pictures."""
    full = {file.parts[:depth] for file in listing.files for depth in range(1, len(file.parts) + 1)}
    beside = {parts[:-1] for parts in full}
    for parts in listing.folders:
        if parts and parts not in full and parts[:-1] in beside and f"not here {parts[-1]}" not in listing.passed:
            listing.pass_over("empty", os.path.join(root, *parts))  # noqa: PTH118


def _has_twin(name: str, names: set[str]) -> bool:
    stem = os.path.splitext(name)[0].lower()  # noqa: PTH122
    return any(stem + suffix in names for suffix in (".jpg", ".jpeg", ".heic", ".heif", ".hif"))


def _belongs_to_a_project(name: str) -> bool:
    return name in ("cache", "runs", "quick") or name.startswith("project.db") or name.endswith(SUFFIX)

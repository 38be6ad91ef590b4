"""Lists the pictures below a folder, whatever else lies there.  Opens nothing that could wait for ever."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from resnext_gui.engine.pictures.files import (
    OTHER_SUFFIXES,
    RAW_SUFFIXES,
    could_be_picture,
    display,
    is_side_file,
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


@dataclass(slots=True)
class Listing:
    """What lies below a folder.

    Attributes:
        files: folder by folder, nearest first, in natural order.
        passed_over: files of other kinds; side files of systems are not counted.
        troubles: (path, sentence) for folders that could not be looked into.
    """

    files: list[Found] = field(default_factory=list)
    passed_over: int = 0
    troubles: list[tuple[str, str]] = field(default_factory=list)


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
        _sort_out(listing, found, parts, waiting, tick)
        tick(len(listing.files))
    return listing


def _sort_out(
    listing: Listing,
    entries: list[os.DirEntry[str]],
    parts: tuple[str, ...],
    waiting: deque[tuple[str, tuple[str, ...]]],
    tick: Tick,
) -> None:
    project = any(entry.name == "project.db" for entry in entries)
    if project and parts:
        return
    names = {entry.name.lower() for entry in entries}
    for number, entry in enumerate(entries):
        if number % 256 == 255:
            tick(len(listing.files))
        if is_side_file(entry.name) or (project and _belongs_to_a_project(entry.name)):
            continue
        try:
            folder = entry.is_dir()
        except OSError:  # a link that leads to itself: reading it will say so
            folder = False
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122
        if folder:
            waiting.append((entry.path, (*parts, entry.name)))
        elif suffix in OTHER_SUFFIXES:
            # The raw twin of a JPEG is passed over; without a JPEG it is refused by name.
            if suffix in RAW_SUFFIXES and _has_twin(entry.name, names):
                listing.passed_over += 1
            else:
                listing.files.append(Found(entry.path, parts))
        elif could_be_picture(entry.path):
            listing.files.append(Found(entry.path, parts))
        else:
            listing.passed_over += 1


def _has_twin(name: str, names: set[str]) -> bool:
    stem = os.path.splitext(name)[0].lower()  # noqa: PTH122
    return any(stem + suffix in names for suffix in (".jpg", ".jpeg", ".heic", ".heif", ".hif"))


def _belongs_to_a_project(name: str) -> bool:
    return name in ("cache", "runs", "quick") or name.startswith("project.db") or name.endswith(SUFFIX)

"""Whether photographs that are not there are gone, or only out of reach: a drive pulled out, a share that is down."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from typing import TypeVar

from resnext_gui.engine.ingest.gather import absolute
from resnext_gui.engine.ingest.tables.table import TABLE_SUFFIXES
from resnext_gui.engine.ingest.walk import not_reachable
from resnext_gui.engine.pictures.files import DRIVE_ERRORS, PICTURE_SUFFIXES, display, opened_file
from resnext_gui.messages import Source, UserError
from resnext_gui.project import Project

T = TypeVar("T")

AWAY = frozenset({"missing", "vanished", "unreadable"})
"""Refusals that may come from a drive and not from the file."""

_TRIES = 20
"""So many files that are there and cannot be read mean that none of their place can."""


class Reach:
    """Tells of files that cannot be read whether their place can be reached.

    A place is a folder that was added, or the folder of a picture that was added by itself.  It is out of reach where
    it is not there or cannot be listed; and where none of the photographs known to lie in it is there, since an empty
    mount point looks like a folder that was emptied, and only the person knows which it is.

    May be used from several threads.
    """

    def __init__(self, roots: Iterable[str], known: Iterable[str]) -> None:
        """Args:
        roots: folders that were added, absolute.
        known: paths of the photographs that should be there.
        """
        self._roots = {os.path.join(root, "") for root in roots}  # noqa: PTH118
        self._known: dict[str, list[str]] = {}
        for path in known:
            self._known.setdefault(self.place_of(path), []).append(path)

    @classmethod
    def of(cls, project: Project) -> Reach:
        """Look at what `project` knows now."""
        return cls(folders_of(project.sources()), project.present_paths())

    def place_of(self, path: str) -> str:
        """Return the added folder that holds `path`, else the folder it lies in."""
        own = here = os.path.dirname(path)  # noqa: PTH120
        while (folder := os.path.join(here, "")) not in self._roots:  # noqa: PTH118
            here, below = os.path.dirname(here), here  # noqa: PTH120
            if here == below:
                return os.path.join(own, "")  # noqa: PTH118
        return folder

    def lost(self, path: str) -> str | None:
        """Return what is out of reach where `path` lies, or None where its place is there."""
        place = self.place_of(path)
        shown = place.rstrip(os.sep) or place
        if not can_list(place):
            return shown
        try:
            os.stat(path)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError, ValueError):
            dangling = _dangling_link(path, place)
            if dangling is not None:
                return dangling
        except OSError as error:
            if isinstance(error, PermissionError):  # a folder on the way may not be entered
                return os.path.dirname(path)  # noqa: PTH120
            if error.errno in DRIVE_ERRORS:
                return shown
        known = self._known.get(place, [])
        return shown if known and place in self._roots and not self._any_readable(known) else None

    def _any_readable(self, known: list[str]) -> bool:
        refused = 0
        for number, path in enumerate(known):
            if not os.path.isfile(path):  # noqa: PTH113
                continue
            try:
                with opened_file(path) as file:
                    file.read(1)
            except (UserError, OSError) as error:
                if isinstance(error, OSError) or error.code in AWAY:
                    refused += 1
                    if refused == _TRIES:
                        return False
                    continue
            known[0], known[number] = known[number], known[0]  # asked first the next time
            return True
        return False

    def settle(self, path: str, error: UserError, read: Callable[[], T]) -> T | UserError:
        """Look again at a photograph that could not be read.

        Args:
            path: the photograph's.
            error: why it could not.
            read: reads it once more, for a drive that was away for a moment.

        Returns:
            What `read` gave, or why the photograph itself cannot be read.

        Raises:
            UserError: ``not_reachable``.
        """
        for _ in range(3):
            if error.code not in AWAY and os.path.isfile(path):  # noqa: PTH113
                return error
            self.require(path)
            if not os.path.isfile(path):  # noqa: PTH113
                return error
            try:
                return read()
            except UserError as again:
                error = again
        return error

    def require(self, path: str) -> None:
        """Raise where the place of `path` is out of reach.

        Raises:
            UserError: ``not_reachable``.
        """
        lost = self.lost(path)
        if lost is not None:
            raise out_of_reach(lost)

    def require_all(self, paths: Iterable[str]) -> None:
        """Raise where a place of `paths` is out of reach; one of each place is asked for.

        Raises:
            UserError: ``not_reachable``.
        """
        asked: set[str] = set()
        for path in paths:
            place = self.place_of(path)
            if place not in asked:
                asked.add(place)
                self.require(path)


def verdict(error: UserError) -> str | None:
    """Return the status of a photograph in reach that was refused so; None for one that may not be read now.

    Such a permission comes back without a trace in the file's date, so nothing would read it again.
    """
    if error.code == "no_permission":
        return None
    return "gone" if error.code in ("missing", "vanished") else "unreadable"


def folders_of(sources: Iterable[Source]) -> list[str]:
    """Return the folders that were added, absolute; for a table, the folder in which it lies."""
    found = []
    for source in sources:
        path = absolute(source.path)
        if is_table(source):
            found.append(os.path.dirname(path))  # noqa: PTH120
        elif os.path.isdir(path) or not (  # noqa: PTH112
            os.path.splitext(path)[1].lower() in PICTURE_SUFFIXES or os.path.isfile(path)  # noqa: PTH113, PTH122
        ):
            found.append(path)
    return found


def is_table(source: Source) -> bool:
    """Tell whether a source is a table of photographs, and not a folder or a picture."""
    path = absolute(source.path)
    return path.lower().endswith(TABLE_SUFFIXES) or (source.rule == "csv" and os.path.isfile(path))  # noqa: PTH113


def out_of_reach(place: str) -> UserError:
    """Return the sentence for a place that is out of reach."""
    if not can_list(place):
        return not_reachable(place)
    return UserError(
        "not_reachable",
        f"'{display(place)}' is not reachable.",
        "None of its photographs is there, as when a drive is not connected. Connect it; if they were deleted, leave "
        "them out of the project.",
    )


def can_list(folder: str) -> bool:
    """Tell whether a folder is there and can be listed."""
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except (OSError, ValueError):
        return False
    return True


def _dangling_link(path: str, place: str) -> str | None:
    """Return what is out of reach where a link between `place` and `path` leads to a folder that is not there."""
    here = path
    while len(here) > len(place):
        if os.path.islink(here):  # noqa: PTH114
            # a picture that is a link is gone where the folder it leads to is there without it
            target = os.path.realpath(here)
            folder = os.path.dirname(target) if here == path else target  # noqa: PTH120
            return None if os.path.isdir(folder) or _loops(here) else folder  # noqa: PTH112
        here = os.path.dirname(here)  # noqa: PTH120
    return None


def _loops(link: str) -> bool:
    try:
        os.stat(link)  # noqa: PTH116
    except OSError as error:
        return error.errno == errno.ELOOP
    return False

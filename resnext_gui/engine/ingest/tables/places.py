"""Finds the photographs that the cells of a table speak of: on another computer, without suffix, in another folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qs, unquote, urlsplit

from resnext_gui.engine.pictures.files import OTHER_SUFFIXES, PICTURE_SUFFIXES, is_side_file

_SUFFIXES = PICTURE_SUFFIXES | OTHER_SUFFIXES | {".pjpeg", ".pjp"}

_UPLOADED = re.compile(r"^[0-9a-f]{6,40}[-_]")

_MOST_FILES = 500_000
"""Files below a table's folder that are looked at: a table in a drive's top folder must not wait for the drive."""

EXACT, SAME, TAIL, NUMBER = range(4)
"""How a photograph was found: its path exists; it does but for its spelling or suffix; by the last parts of its path;
by its number without zeros."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a cell led to.

    Attributes:
        path: of the photograph; None if there is none or more than one.
        how: `EXACT`, `SAME`, `TAIL` or `NUMBER`.
        parts: how many of the last parts of both paths are equal.
        others: the photographs between which the cell does not decide.
    """

    path: str | None = None
    how: int = EXACT
    parts: int = 0
    others: tuple[str, ...] = ()


def looks_like_picture(cell: str) -> bool:
    """Tell whether a cell ends as the names of pictures do."""
    return os.path.splitext(cell)[1].lower() in _SUFFIXES  # noqa: PTH122


def same_name(name: str) -> str:
    """Return what names have in common that differ in capitals or in how their accents are stored alone."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


class Places:
    """The photographs that a table may speak of.

    Args:
        home: the table's folder, absolute.
        files: absolute paths of photographs; None: those below `home`, which are listed when first needed.
    """

    def __init__(self, home: str, files: Sequence[str] | None) -> None:
        self.home = home
        self._files = files
        self._found: dict[str, Match] = {}

    def find(self, cell: str) -> Match:
        """Return the photograph that a cell names.  A path that exists goes before every other reading."""
        found = self._found.get(cell)
        if found is None:
            found = self._found[cell] = self._find(cell)
        return found

    def is_name(self, cell: str) -> bool:
        """Tell whether a cell names a photograph."""
        return self.find(cell).path is not None

    def _find(self, cell: str) -> Match:
        if not cell or len(cell) > 4000 or "\x00" in cell or "\n" in cell:
            return Match()
        exact = self._exact(cell)
        if exact is not None and (self._files is None or exact in self._listed):
            return Match(exact, EXACT, 99)
        parts = _parts(cell)
        match = self._by_name(parts) if parts else Match()
        if exact is None or match.how == SAME:  # the drive takes a.JPG for a.jpg: as the listing spells it
            return match
        return Match(exact, EXACT, 99)

    def _exact(self, cell: str) -> str | None:
        # A table may come from anybody: what it names on other computers is not asked for.
        if cell.startswith(("\\\\", "//", "\\/", "/\\")) or "://" in cell:
            return None
        names = [os.path.expanduser(cell) if cell.startswith("~/") else cell]  # noqa: PTH111
        if "\\" in cell and os.sep == "/":
            names.append(cell.replace("\\", "/"))
        for name in names:
            path = os.path.normpath(os.path.join(self.home, name))  # noqa: PTH118
            if self._files is not None and path in self._listed:
                return path
            try:
                if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112
                    return path
            except (OSError, ValueError):
                continue
        return None

    def _by_name(self, parts: list[str]) -> Match:
        name = parts[-1]
        # Uploaded pictures are given a prefix: 1f3a9c2e-rust 1.jpg
        for last in (name, unquote(name), _UPLOADED.sub("", unquote(name))):
            for index in (self._names, self._stems):
                if last in index:
                    return self._closest([*parts[:-1], last], index[last], index is self._stems)
        number = re.fullmatch(r"0*(\d{1,18})(?:\.0+)?", name)
        same = self._numbers.get(number[1], []) if number else []
        if len(same) == 1:
            return Match(same[0], NUMBER, 1)
        return Match(others=tuple(same))

    def _closest(self, wanted: list[str], candidates: list[str], without_suffix: bool) -> Match:
        """Return the candidate whose path agrees with the most of the last parts, if one does more than the others."""
        if len(candidates) == 1 and len(wanted) == 1:  # nearly all, in nearly all tables
            near = os.path.dirname(candidates[0]) == self.home  # noqa: PTH120
            return Match(candidates[0], *((SAME, 99) if near else (TAIL, 1)))
        beside = same_name(os.path.normpath(os.path.join(self.home, *wanted)))  # noqa: PTH118
        ranked: dict[int, list[str]] = defaultdict(list)
        for path in candidates:
            whole = same_name(path)
            if (os.path.splitext(whole)[0] if without_suffix else whole) == beside:  # noqa: PTH122
                ranked[99].append(path)
            else:
                have = whole.replace("\\", "/").split("/")[-2::-1]
                count = 0
                for one, other in zip(have, wanted[-2::-1], strict=False):
                    if one != other:
                        break
                    count += 1
                ranked[count + 1].append(path)
        most = max(ranked)
        if len(ranked[most]) > 1:
            return Match(others=tuple(sorted(ranked[most])))
        return Match(ranked[most][0], SAME if most == 99 else TAIL, most)

    @cached_property
    def _all(self) -> Sequence[str]:
        return self._files if self._files is not None else _pictures_below(self.home)

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(self._all)

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in self._all:
            found[same_name(os.path.basename(path))].append(path)  # noqa: PTH119
        return dict(found)

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name, paths in self._names.items():
            stem, suffix = os.path.splitext(name)  # noqa: PTH122
            if suffix in _SUFFIXES:
                found[stem] += paths
        return dict(found)

    @cached_property
    def _numbers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for stem, paths in self._stems.items():
            if stem.isdecimal() and stem.isascii():
                found[stem.lstrip("0") or "0"] += paths
        return dict(found)


def _parts(cell: str) -> list[str]:
    """Return the parts of a path, a path of another system or an address, spelled as `same_name` spells them."""
    if "://" in cell or cell.startswith("/data/"):
        address = urlsplit(cell)
        # Labelling tools serve the files of a folder under one address: /data/local-files/?d=photos/a.jpg
        cell = (parse_qs(address.query).get("d") or [unquote(address.path)])[0]
    parts = [part for part in same_name(cell).replace("\\", "/").split("/") if part not in ("", ".")]
    return [] if not parts or parts[-1] == ".." else parts


def _pictures_below(home: str) -> list[str]:
    """Return the pictures in a table's folder and below, by their suffix alone."""
    found: list[str] = []
    seen = 0
    for folder, folders, names in os.walk(home):
        if "project.db" in names and folder != home:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not is_side_file(name)]
        found += [os.path.join(folder, name) for name in names if looks_like_picture(name) and not is_side_file(name)]  # noqa: PTH118
        seen += len(names) + 1
        if seen > _MOST_FILES:
            break
    return found

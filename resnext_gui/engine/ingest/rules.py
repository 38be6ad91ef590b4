"""Reads labels off the folders that photographs lie in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePath

Parts = tuple[str, ...]
"""The folders between the chosen folder and a file."""

_TRAIN = {"train", "training", "train_set", "trainset", "learning"}
_SPLITS = _TRAIN | {
    "val", "valid", "validation", "test", "testing", "eval", "evaluation", "dev", "holdout", "test_set", "testset",
    "val_set", "practice", "exam",
}  # fmt: skip

_GENERIC = {
    "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "jpg", "jpeg", "png", "raw", "data",
    "original", "originals", "export", "camera", "dcim", "misc", "other", "new", "old", "part", "session", "batch",
    "set", "folder", "day", "week", "run", "roll", "shoot",
}  # fmt: skip


def is_split_name(name: str) -> bool:
    """Tell whether a folder's name says who should learn from it rather than what it shows."""
    return name.strip().lower().replace(" ", "_") in _SPLITS


def simplify(folders: Iterable[Parts]) -> dict[Parts, Parts]:
    """Return, for each folder, its levels without those that say nothing about labels.

    These are a single folder around everything, and a level of ``train``, ``val`` and ``test``.
    """
    now = {parts: parts for parts in folders}
    while True:
        level = _split_level(now.values())
        if level is not None:
            now = {key: parts[:level] + parts[level + 1 :] for key, parts in now.items()}
        elif _wrapped(now.values()):
            now = {key: parts[1:] for key, parts in now.items()}
        else:
            return now


def _split_level(folders: Iterable[Parts]) -> int | None:
    folders = list(folders)
    for level in range(max((len(parts) for parts in folders), default=0)):
        names = {parts[level].strip().lower().replace(" ", "_") for parts in folders if len(parts) > level}
        if names <= _SPLITS and (len(names) >= 2 or names <= _TRAIN):
            return level
    return None


def _wrapped(folders: Iterable[Parts]) -> bool:
    deep = [parts for parts in folders if parts]
    return bool(deep) and all(len(parts) >= 2 for parts in deep) and len({parts[0] for parts in deep}) == 1


def choose(folders: Mapping[Parts, int]) -> str:
    """Return the level that carries the labels, ``"first"`` or ``"last"``.

    Args:
        folders: simplified folders with the number of pictures directly in them.

    The last level does, as a rule (``camera 2/rust``, ``animals/cats``); the first does where the last one sorts
    the pictures of a label: by date or number, into "images" alone, into many small folders, or only here and there.
    """
    deep = {parts: count for parts, count in folders.items() if parts and count}
    if not deep or max(len(parts) for parts in deep) == 1:
        return "last"
    if min(len(parts) for parts in deep) != max(len(parts) for parts in deep):
        return "first"
    total = sum(deep.values())
    first, last = Counter[str](), Counter[str]()
    for parts, count in deep.items():
        first[parts[0]] += count
        last[parts[-1]] += count
    dull = sum(count for name, count in last.items() if _says_nothing(name))
    if len(last) == 1 or dull >= 0.6 * total:
        return "first"
    if len(first) == 1:
        return "last"
    crumbs = total / len(last) < 4 and total / len(first) >= 4 and len(last) > 2 * len(first)
    return "first" if crumbs else "last"


def _says_nothing(name: str) -> bool:
    words = re.findall(r"[^\W\d_]+", name.lower())
    return all(word in _GENERIC or len(word) < 2 for word in words)


def from_name(path: str) -> str | None:
    """Return what a file's name says up to its trailing digits: ``rust_0012.jpg`` -> ``rust``; None if nothing."""
    stem = PurePath(path).stem
    stem = re.sub(r"[\s_\-.]*\(\d+\)$", "", stem)
    stem = re.sub(r"[\s_\-.#]*\d+$", "", stem)
    return stem.strip(" _-.#") or None


def from_folder(parts: Parts, rule: str) -> str | None:
    """Return the label that `rule`, ``"first"`` or ``"last"``, reads from simplified `parts`; None for loose files."""
    if not parts:
        return None
    return parts[0] if rule == "first" else parts[-1]

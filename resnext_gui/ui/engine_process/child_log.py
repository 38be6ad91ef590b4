"""What a child process writes by itself, its last words above all."""

from __future__ import annotations

from pathlib import Path
from typing import IO

KEPT = 20_000
"""Bytes of the last words that go into an error's details."""
LONGEST = 1_000_000
"""Bytes after which the file begins anew."""


def path_for(folder: Path | None, role: str) -> Path | None:
    """Return the file for the words of a child of this role."""
    return None if folder is None else folder / f"engine-{role}.log"


def open_for(folder: Path | None, role: str) -> tuple[Path | None, IO[bytes] | None]:
    """Open that file for writing; (None, None) where there is none to be had."""
    path = path_for(folder, role)
    if path is None:
        return None, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        too_long = path.is_file() and path.stat().st_size > LONGEST
        return path, path.open("wb" if too_long else "ab")
    except OSError:
        return None, None  # a full disk must not keep the engine from starting


def last(path: Path | None) -> str:
    """Return the end of the file; empty where there is none."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - KEPT))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""

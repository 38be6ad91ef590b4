"""The file in a project's folder that a double click opens.  Standard library only.

A project is a folder, and a folder opens in the file manager.  So each holds a small file of a type that belongs to the
program: opening it opens the folder it lies in, wherever that was moved.  Nothing is read from it, and losing it loses
nothing: it is made again when the project is opened.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from resnext_gui.project import guard
from resnext_gui.project.database import FILE_NAME

SUFFIX = ".resnextproject"
MARKER = f"Open in ResNeXt GUI{SUFFIX}"
_TEXT = {
    "program": "ResNeXt GUI",
    "help": "A double click on this file opens the project in this folder. Nothing is lost without it.",
}


def project_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder that `path` means: itself, or the one that holds this ``project.db`` or marker file."""
    place = Path(path)
    if (place.name == FILE_NAME or place.suffix.lower() == SUFFIX) and not place.is_dir():
        return place.parent
    return place


def is_project(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a project's folder, its ``project.db``, or its marker file."""
    place = Path(path)
    return place != project_folder(place) or (place / FILE_NAME).is_file()


def write_marker(folder: Path) -> None:
    """Put a marker file into `folder` unless one is there, perhaps under a name that the person chose."""
    if (folder / MARKER).exists():
        return
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            if any(entry.name.lower().endswith(SUFFIX) for entry in entries):
                return
        with guard.open_new(folder / MARKER) as file:
            file.write(json.dumps(_TEXT, indent=1).encode() + b"\n")


__all__ = ["MARKER", "SUFFIX", "is_project", "project_folder", "write_marker"]

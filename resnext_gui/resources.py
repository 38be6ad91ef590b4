"""Finds the files that ship with the program: icons, starter weights, licence texts."""

from __future__ import annotations

import sys
from pathlib import Path


def asset(*parts: str) -> Path:
    """Return the path of a shipped file or folder, such as ``asset("icons", "train.svg")``.  It may not exist.

    An installed package carries ``assets`` inside itself, a frozen program beside its modules, and a source tree at
    its top level.
    """
    package = Path(__file__).resolve().parent
    frozen = getattr(sys, "_MEIPASS", None)
    places = [package / "assets", package.parent / "assets"]
    if frozen is not None:
        places.insert(0, Path(frozen) / "resnext_gui" / "assets")
    for place in places:
        if place.is_dir():
            return place.joinpath(*parts)
    return places[0].joinpath(*parts)

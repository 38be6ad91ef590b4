"""Which keys there are, for the list that ``?`` opens.  Pages may add their own with a class attribute ``keys``."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from resnext_gui.ui.shell.places import PAGES

Group = tuple[str, Sequence[tuple[str, str]]]


def _tr(text: str) -> str:
    return QCoreApplication.translate("keys", text)


def groups() -> list[Group]:
    """Return the groups of keys: everywhere, then for each page."""
    everywhere = [
        ("Ctrl 1 .. 4", _tr("Photos, Train, Results, Classify")),
        ("Ctrl V", _tr("Ask what a copied picture shows")),
        ("Ctrl N", _tr("New project from a folder")),
        ("Ctrl O", _tr("Open a project")),
        ("Ctrl Z", _tr("Undo")),
        ("Ctrl Shift Z", _tr("Redo")),
        ("?", _tr("This list")),
        ("Ctrl Q", _tr("Quit")),
    ]
    found: list[Group] = [(_tr("Everywhere"), everywhere)]
    for place in PAGES:
        keys = getattr(place.load(), "keys", None) or _DEFAULT.get(place.key)
        if keys:
            found.append((place.title, [(combination, _tr(text)) for combination, text in keys]))
    return found


_DEFAULT: dict[str, list[tuple[str, str]]] = {
    "photos": [
        ("Space", "Look closely"),
        ("Z", "Actual pixels"),
        ("V", "What the model receives"),
        ("L", "Give a label"),
        ("Enter", "Accept the proposal"),
        ("1 .. 9", "Move to a label"),
        ("Delete", "Remove from the project"),
    ],
    "classify": [
        ("← →", "Previous, next picture"),
        ("G", "All pictures as a grid"),
    ],
}

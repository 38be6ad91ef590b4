"""Which keys there are, for the list that ``?`` opens.  Pages may add their own with a class attribute ``keys``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication

Group = tuple[str, Sequence[tuple[str, str]]]


def _tr(text: str) -> str:
    return QCoreApplication.translate("keys", text)


def title_of(page: Any) -> str:
    """Return the title of a page's class in the person's language; its key serves where it has none."""
    title = getattr(page, "title", None)
    return _tr(title) if isinstance(title, str) else _tr(str(page.key).capitalize())


def groups(pages: Sequence[Any]) -> list[Group]:
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
    for page in pages:
        keys = getattr(page, "keys", None) or _DEFAULT.get(page.key)
        if keys:
            found.append((title_of(page), [(combination, _tr(text)) for combination, text in keys]))
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

"""The context menu of photographs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from resnext_gui.project import Label
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.photos.findings import open_folder
from resnext_gui.ui.photos.gallery.gallery import Gallery

MENU_LABELS = 30
"""A menu lists at most so many labels; beyond, the field with completion is the way."""


class Hands(Protocol):
    """What the menu can set going."""

    def give(self, label_id: int | None) -> None:
        """Give the chosen photographs a label."""

    def ask(self) -> None:
        """Ask for a label."""

    def accept(self) -> None:
        """Accept the proposed labels."""

    def forget(self) -> None:
        """Take the chosen photographs out of the project."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("photo_menu", text)


def photo_menu(parent: QWidget, hands: Hands, gallery: Gallery, labels: Sequence[Label]) -> QMenu:
    """Return the menu for what is selected in `gallery`."""
    menu = QMenu(parent)
    chosen = gallery.chosen()
    photo = gallery.photo(gallery.current_id())

    def add(text: str, key: str, action: object, enabled: bool = True) -> QAction:
        # The key is only shown: the gallery handles it, so it must not be a second shortcut.
        made = menu.addAction(f"{text}\t{key}" if key else text)
        made.setEnabled(enabled)
        made.triggered.connect(action)
        return made

    add(_tr("Look closer"), _tr("Space"), gallery.opened.emit, photo is not None)
    menu.addSeparator()
    if photo is not None and gallery.proposal(photo.id) is not None:
        add(_tr("Accept the proposed label"), _tr("Enter"), lambda: hands.accept())
    move = menu.addMenu(
        _tr("Give the label") if len(chosen) < 2 else _tr("Give {n} the label").format(n=words.number(len(chosen)))
    )
    for place, label in enumerate(labels[:MENU_LABELS]):
        key = f"\t{place + 1}" if place < 9 else ""
        action = QAction(theme.caption(label.name) + key, move)
        action.triggered.connect(lambda _=False, to=label.id: hands.give(to))
        move.addAction(action)
    if labels:
        move.addSeparator()
    other = QAction(_tr("Another label...") + "\tL", move)
    other.triggered.connect(lambda: hands.ask())
    move.addAction(other)
    none = QAction(_tr("None: unlabelled"), move)
    none.triggered.connect(lambda: hands.give(None))
    move.addAction(none)
    menu.addSeparator()
    add(_tr("Open folder"), "", lambda: photo is not None and open_folder(photo.path), photo is not None)
    add(
        _tr("Copy path"),
        "",
        lambda: QGuiApplication.clipboard().setText("\n".join(p.path for p in map(gallery.photo, chosen) if p)),
    )
    menu.addSeparator()
    gone = add(_tr("Leave out of the project"), _tr("Delete"), lambda: hands.forget(), bool(chosen))
    gone.setToolTip(_tr("The files stay where they are."))
    menu.setToolTipsVisible(True)
    menu.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground, False)
    return menu

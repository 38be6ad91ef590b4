"""Files that could not be read, or are gone: a line that says so, and a list with the reason and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from PySide6.QtCore import QCoreApplication, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from resnext_gui.project import Photo
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.notice import Notice

MOST_ROWS = 2000
_ID = Qt.ItemDataRole.UserRole


def _tr(text: str) -> str:
    return QCoreApplication.translate("findings", text)


def unreadable_words(count: int) -> str:
    """Return "1 file could not be read" or "3 files could not be read"."""
    if count == 1:
        return _tr("1 file could not be read")
    return _tr("{n} files could not be read").format(n=words.number(count))


def gone_words(count: int) -> str:
    """Return "1 photograph is gone" or "3 photographs are gone"."""
    if count == 1:
        return _tr("1 photograph is gone")
    return _tr("{n} photographs are gone").format(n=words.number(count))


def open_folder(path: str) -> bool:
    """Show the nearest folder of `path` that still exists in the system's file manager."""
    folder = Path(path).parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class FindingsLine(Notice):
    """One line: "3 files could not be read [Show]"."""

    show_wanted = Signal(str)
    """``"unreadable"`` or ``"gone"``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("caution", parent)
        self._which = "unreadable"
        self.show_button = self.add_button(self.tr("Show"), lambda: self.show_wanted.emit(self._which))
        self.hide()

    def set_counts(self, unreadable: int, gone: int) -> None:
        """Say how many files could not be read, or else how many are gone; hide when all is well."""
        parts = []
        if unreadable:
            parts.append(unreadable_words(unreadable))
        if gone:
            parts.append(gone_words(gone))
        self._which = "unreadable" if unreadable else "gone"
        self.say(". ".join(parts) + "." if len(parts) > 1 else "".join(parts))
        self.show_button.setAccessibleName(self.tr("Show these files"))
        self.setVisible(bool(parts))


class FindingsPanel(QFrame):
    """The list, in place of the photographs."""

    closed = Signal()
    forget_wanted = Signal(list)
    """Photograph ids to be left out of the project."""
    find_wanted = Signal()
    """Choose the folder where gone photographs are now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "surface")
        self.which = "unreadable"
        self._show_folder: Callable[[str], bool] = open_folder
        self.title = theme.label("", "heading")
        self.advice = theme.label("", "quiet", wrap=True)
        close = QPushButton()
        close.setProperty("role", "tool")
        theme.keep_icon(close, "close")
        close.setAccessibleName(self.tr("Close the list"))
        close.clicked.connect(self.close_panel)
        self.tree = QTreeWidget()
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels([self.tr("File"), self.tr("Why"), self.tr("Folder")])
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setAccessibleName(self.tr("Files that need care"))
        self.tree.itemSelectionChanged.connect(self._selection_changed)
        self.tree.itemActivated.connect(lambda _item, _column: self._open())
        header = self.tree.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, 180)
        header.resizeSection(2, 200)
        self.folder_button = self._button(self.tr("Open folder"), self._open)
        self.copy_button = self._button(self.tr("Copy list"), self._copy)
        self.find_button = self._button(self.tr("Find them..."), self.find_wanted.emit)
        self.forget_button = self._button(self.tr("Leave out"), self._forget)
        self.forget_button.setToolTip(self.tr("Take these out of the project. The files stay where they are."))
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(close)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.folder_button, self.copy_button, self.find_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.forget_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 16, 16)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.advice)
        column.addWidget(self.tree, 1)
        column.addLayout(buttons)

    def _button(self, text: str, action: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda: action())
        return button

    def show_photos(self, photos: list[Photo], total: int, which: str) -> None:
        """List photographs that are ``"unreadable"`` or ``"gone"``; `total` may be more than are given."""
        self.which = which
        gone = which == "gone"
        self.title.setText(gone_words(total) if gone else unreadable_words(total))
        self.advice.setText(
            self.tr(
                "The project remembers them and their labels. If the folder was moved, choose where it is now;"
                " otherwise leave them out."
            )
            if gone
            else self.tr(
                "They are left aside; everything else works. Open such a file in another program and save it as"
                " JPEG or PNG, copy it again from where it came from, or leave it out."
            )
        )
        self.find_button.setVisible(gone)
        self.tree.clear()
        rows = []
        for photo in photos[:MOST_ROWS]:
            path = PurePath(photo.path)
            why = photo.reason or (self.tr("The file is gone") if gone else self.tr("It could not be read"))
            why = why.removeprefix(f"'{photo.path}' ")  # beside it; there would be no room for the reason
            item = QTreeWidgetItem([path.name, why, str(path.parent)])
            item.setData(0, _ID, photo.id)
            item.setToolTip(0, theme.literal(photo.path))
            item.setToolTip(1, theme.literal(why))
            item.setToolTip(2, theme.literal(str(path.parent)))
            rows.append(item)
        self.tree.addTopLevelItems(rows)
        if rows:
            self.tree.setCurrentItem(rows[0])
        self._selection_changed()

    def close_panel(self) -> None:
        """Back to the photographs."""
        self.closed.emit()

    def _chosen(self) -> list[QTreeWidgetItem]:
        return self.tree.selectedItems() or [
            item for row in range(self.tree.topLevelItemCount()) if (item := self.tree.topLevelItem(row)) is not None
        ]

    def _selection_changed(self) -> None:
        some = bool(self.tree.topLevelItemCount())
        self.folder_button.setEnabled(some)
        self.copy_button.setEnabled(some)
        self.forget_button.setEnabled(some)
        count = len(self.tree.selectedItems())
        self.forget_button.setText(
            self.tr("Leave out") if count < 2 else self.tr("Leave out {n}").format(n=words.number(count))
        )

    def _path(self, item: QTreeWidgetItem) -> str:
        return str(PurePath(item.text(2)) / item.text(0))

    def _open(self) -> None:
        chosen = self._chosen()
        if chosen:
            self._show_folder(self._path(chosen[0]))

    def _copy(self) -> None:
        lines = [f"{self._path(item)}\t{item.text(1)}" for item in self._chosen()]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _forget(self) -> None:
        self.forget_wanted.emit([int(item.data(0, _ID)) for item in self._chosen()])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes, Delete leaves out, Ctrl+C copies."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_panel()
        elif event.key() == Qt.Key.Key_Delete:
            self._forget()
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.key() == Qt.Key.Key_C:
            self._copy()
        else:
            super().keyPressEvent(event)

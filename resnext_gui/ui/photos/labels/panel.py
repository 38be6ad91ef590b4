"""The panel at the left of the Photos page: search, labels, and a new label."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from resnext_gui.project import Label
from resnext_gui.ui.common import theme
from resnext_gui.ui.photos.gallery.lister import Where
from resnext_gui.ui.photos.labels.list import Entry, LabelList, LabelModel

WIDTH = 232
SEARCH_MS = 150
MENU_LABELS = 30
"""A menu lists at most so many labels to merge into; beyond, a field with completion is opened."""


def entries_for(labels: list[Label], counts: dict[str, int], texts: dict[str, str]) -> list[Entry]:
    """Return the lines of the list.

    Args:
        labels: in order; the first nine get the keys 1 to 9.
        counts: as `Project.counts` returns them.
        texts: names for ``all``, ``unlabelled``, ``disagree``, ``unreadable`` and ``gone``.
    """
    most = max((label.count for label in labels), default=0)
    entries = [Entry("all", texts["all"], counts.get("photographs", 0))]
    entries += [
        Entry(
            label.id,
            label.name,
            label.count,
            key=place + 1 if place < 9 else 0,
            share=label.count / most if most else 0.0,
            excluded=label.excluded,
            rule=place == 0,
        )
        for place, label in enumerate(labels)
    ]
    first = True
    for where in ("unlabelled", "disagree", "unreadable", "gone"):
        count = counts.get(where, 0)
        if count or (where == "unlabelled" and labels):
            entries.append(Entry(where, texts[where], count, rule=first))
            first = False
    return entries


class LabelsPanel(QFrame):
    """Search, labels, "+ New label"."""

    chosen = Signal(object)
    """A `Where` to show."""
    searched = Signal(str)
    renamed = Signal(int, str)
    merge_wanted = Signal(int, int)
    """Label id, and the label to merge it into; 0 where that is to be asked for."""
    excluded = Signal(int, bool)
    removed = Signal(int)
    select_wanted = Signal(object)
    """Show this `Where` and select all of it."""
    new_wanted = Signal(str)
    dropped = Signal(list, object)
    number_pressed = Signal(int)
    leave = Signal()
    """Escape or Down in the search field: on to the photographs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(WIDTH)
        self._labels: list[Label] = []
        self.search = _Search(self)
        self.search.setPlaceholderText(self.tr("Search by file name"))
        self.search.setAccessibleName(self.tr("Search photographs by file name"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._typed)
        self.search.left.connect(self.leave)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(SEARCH_MS)
        self._wait.timeout.connect(lambda: self.searched.emit(self.search.text().strip()))

        self.model = LabelModel(self)
        self.model.renamed.connect(self.renamed)
        self.list = LabelList(self.model, self)
        self.list.chosen.connect(self.chosen)
        self.list.dropped.connect(self.dropped)
        self.list.number_pressed.connect(self.number_pressed)
        self.list.menu_wanted.connect(self._menu)

        self.new_button = QPushButton(self.tr("New label"))
        self.new_button.setProperty("role", "plain")
        theme.keep_icon(self.new_button, "plus", "quiet", 16)
        self.new_button.setAccessibleName(self.tr("New label"))
        self.new_button.clicked.connect(self._begin_new)
        self.new_name = _Search(self)
        self.new_name.setPlaceholderText(self.tr("Name of the new label"))
        self.new_name.setAccessibleName(self.tr("Name of the new label"))
        self.new_name.returnPressed.connect(self._end_new)
        self.new_name.left.connect(self._drop_new)
        self.new_name.editingFinished.connect(self._drop_new_when_empty)
        self.new_name.hide()

        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 12, 8)
        top.addWidget(self.search)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(8, 8, 8, 8)
        bottom.addWidget(self.new_button, 1)
        bottom.addWidget(self.new_name, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.list, 1)
        column.addLayout(bottom)

    def set_labels(self, labels: list[Label], counts: dict[str, int]) -> None:
        """Show these labels and counts.  What is chosen stays chosen, and a name that is being typed is left alone."""
        if self.list.renaming:
            # The editor sits in a row: wait until it is done.
            QTimer.singleShot(200, self, lambda: self.set_labels(labels, counts))
            return
        self._labels = labels
        texts = {
            "all": self.tr("All photographs"),
            "unlabelled": self.tr("Unlabelled"),
            "disagree": self.tr("Disk says otherwise"),
            "unreadable": self.tr("Not readable"),
            "gone": self.tr("Gone"),
        }
        entry = self.list.current()
        self.model.set_entries(entries_for(labels, counts, texts))
        if entry is None or not self.list.choose(entry.where, tell=False):
            self.list.choose("all")

    def labels(self) -> list[Label]:
        """Return the labels shown."""
        return list(self._labels)

    def choose(self, where: Where) -> None:
        """Show another part of the photographs."""
        self.list.choose(where)

    def where(self) -> Where:
        """Return what is chosen."""
        entry = self.list.current()
        return entry.where if entry is not None else "all"

    # ---------------------------------------------------------------------------------------------------------------

    def _typed(self) -> None:
        if self.search.text().strip():
            self._wait.start()
        else:
            self._wait.stop()
            self.searched.emit("")

    def _begin_new(self) -> None:
        self.new_button.hide()
        self.new_name.clear()
        self.new_name.show()
        self.new_name.setFocus()

    def _end_new(self) -> None:
        name = self.new_name.text().strip()
        self._drop_new()
        if name:
            self.new_wanted.emit(name)

    def _drop_new(self) -> None:
        if self.new_name.isHidden():
            return
        had_focus = self.new_name.hasFocus()
        self.new_name.hide()
        self.new_button.show()
        if had_focus:
            self.new_button.setFocus()

    def _drop_new_when_empty(self) -> None:
        if not self.new_name.text().strip():
            self._drop_new()

    def menu_for(self, entry: Entry) -> QMenu:
        """Return the context menu of an entry."""
        menu = QMenu(self)
        where = entry.where
        if isinstance(where, int):
            label_id = where
            rename = menu.addAction(self.tr("Rename"))
            rename.setShortcut(Qt.Key.Key_F2)
            rename.triggered.connect(lambda: self.list.rename(label_id))
            self._add_merge(menu, label_id)
            text = self.tr("Use in training again") if entry.excluded else self.tr("Leave out of training")
            menu.addAction(text).triggered.connect(lambda: self.excluded.emit(label_id, not entry.excluded))
            if entry.count == 0:
                menu.addAction(self.tr("Remove label")).triggered.connect(lambda: self.removed.emit(label_id))
            menu.addSeparator()
        choose = menu.addAction(self.tr("Select its photographs"))
        choose.setEnabled(entry.count > 0)
        choose.triggered.connect(lambda: self.select_wanted.emit(where))
        return menu

    def _add_merge(self, menu: QMenu, label_id: int) -> None:
        others = [label for label in self._labels if label.id != label_id]
        if not others:
            return
        if len(others) > MENU_LABELS:
            menu.addAction(self.tr("Merge into...")).triggered.connect(lambda: self.merge_wanted.emit(label_id, 0))
            return
        merge = menu.addMenu(self.tr("Merge into"))
        for other in others:
            action = QAction(theme.caption(other.name), merge)
            action.triggered.connect(lambda _=False, into=other.id: self.merge_wanted.emit(label_id, into))
            merge.addAction(action)

    def _menu(self, point: QPoint) -> None:
        entry = self.list.current()
        if entry is not None:
            menu = self.menu_for(entry)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(point)


class _Search(QLineEdit):
    """A field that Escape empties and leaves."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape empties, then leaves; Down leaves."""
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.left.emit()
        elif event.key() == Qt.Key.Key_Down:
            self.left.emit()
        else:
            super().keyPressEvent(event)

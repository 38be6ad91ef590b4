"""A small field over the photographs to type a label: it completes, and makes a label that does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from resnext_gui.project import Label
from resnext_gui.ui.common import theme

WIDTH = 360
ROWS = 7
_LABEL = Qt.ItemDataRole.UserRole


def matches(labels: Sequence[Label], typed: str) -> list[Label]:
    """Return the labels that fit what was typed: those that begin so, then those with a word that does, then others."""
    wanted = typed.strip().casefold()
    if not wanted:
        return list(labels)
    starts, words, inside = [], [], []
    for label in labels:
        name = label.name.casefold()
        if name.startswith(wanted):
            starts.append(label)
        elif any(word.startswith(wanted) for word in name.replace("_", " ").replace("-", " ").split()):
            words.append(label)
        elif wanted in name:
            inside.append(label)
    return starts + words + inside


class LabelEntry(QFrame):
    """Ask for one label.  `ask` shows it; it ends with `picked`, `made` or `cancelled`."""

    picked = Signal(int)
    """An existing label's id."""
    made = Signal(str)
    """The name of a label to make."""
    cancelled = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setFixedWidth(WIDTH)
        self._over = parent
        self._labels: list[Label] = []
        self._may_make = True
        self._before: QWidget | None = None
        self.title = theme.label("", "quiet", wrap=True)
        self.field = QLineEdit()
        self.field.setAccessibleName(self.tr("Label"))
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setAccessibleName(self.tr("Labels that fit"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(lambda _item: self._take())
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.field)
        column.addWidget(self.list)
        parent.installEventFilter(self)
        self.hide()

    def ask(self, labels: Sequence[Label], title: str, *, may_make: bool = True) -> None:
        """Show the field in the middle of the parent.

        Args:
            labels: to choose from.
            title: what the label is for, such as "Label for 3 photographs".
            may_make: whether a new name may be typed.
        """
        self._labels = list(labels)
        self._may_make = may_make
        self._before = self.window().focusWidget()
        self.title.setText(title)
        self.field.setPlaceholderText(self.tr("Type a label") if may_make else self.tr("Type to find a label"))
        self.field.clear()
        self._fill()
        self.show()
        self._place()
        self.raise_()
        self.field.setFocus()

    def _fill(self) -> None:
        typed = " ".join(self.field.text().split())
        found = matches(self._labels, typed)
        self.list.clear()
        for label in found[:200]:
            item = QListWidgetItem(label.name)
            item.setData(_LABEL, label.id)
            self.list.addItem(item)
        exact = any(label.name == typed for label in found)
        if typed and self._may_make and not exact:
            item = QListWidgetItem(self.tr('+ New label "{name}"').format(name=typed))
            item.setData(_LABEL, 0)
            self.list.addItem(item)
        if self.list.count():
            self.list.setCurrentRow(0)
        row = max(24, self.list.sizeHintForRow(0))
        self.list.setVisible(self.list.count() > 0)
        self.list.setFixedHeight(min(ROWS, max(1, self.list.count())) * row + 8)
        self.adjustSize()
        self._place()

    def _place(self) -> None:
        parent = self._over
        top = max(16, min(parent.height() // 5, parent.height() - self.height() - 16))
        self.move((parent.width() - self.width()) // 2, top)

    def _take(self) -> None:
        typed = " ".join(self.field.text().split())
        if not self.list.count():
            return
        item = self.list.currentItem()
        label_id = int(item.data(_LABEL))
        self._leave()
        if label_id:
            self.picked.emit(label_id)
        elif typed:
            self.made.emit(typed)

    def cancel(self) -> None:
        """Close without a choice."""
        if not self.isHidden():
            self._leave()
            self.cancelled.emit()

    def _leave(self) -> None:
        self.hide()
        if self._before is not None:
            self._before.setFocus()
        self._before = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the field that belong to the list; stay in the middle of the parent."""
        if watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        if watched is self.field and event.type() == QEvent.Type.FocusOut and self._person_left():
            self._before = None  # leave the focus where the person put it
            self.cancel()
        if watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _person_left(self) -> bool:
        focus = QApplication.focusWidget()
        return self.isVisible() and focus is not None and focus is not self.field and not self.isAncestorOf(focus)

    def _key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.cancel()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.list.count():
            step = 1 if key == Qt.Key.Key_Down else -1
            self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            if self.list.count() and int(self.list.currentItem().data(_LABEL)):
                self.field.setText(self.list.currentItem().text())
        else:
            return False
        return True

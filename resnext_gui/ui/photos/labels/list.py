"""The list at the left of the Photos page: all photographs, each label with its key and share, and what needs care."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPen,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.photos.gallery.dragging import dragged
from resnext_gui.ui.photos.gallery.lister import Where

Index = QModelIndex | QPersistentModelIndex

ENTRY = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list.

    Attributes:
        key: 1..9 for the first nine labels, else 0.
        share: part of the largest label's count, 0..1; negative draws no bar.
        rule: a thin rule is drawn above.
    """

    where: Where
    name: str
    count: int
    key: int = 0
    share: float = -1.0
    excluded: bool = False
    rule: bool = False

    @property
    def is_label(self) -> bool:
        """Whether it is a label that can be renamed."""
        return isinstance(self.where, int)

    @property
    def takes_photographs(self) -> bool:
        """Whether photographs can be dropped on it."""
        return self.is_label or self.where == "unlabelled"


class LabelModel(QAbstractListModel):
    """The entries, as Qt's list wants them."""

    renamed = Signal(int, str)
    """Label id and the name that was typed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []

    def set_entries(self, entries: list[Entry]) -> None:
        """Show these entries; rows that stay keep their place and any editor in them."""
        old = self._entries
        if [e.where for e in old] == [e.where for e in entries]:
            self._entries = entries
            if entries and old != entries:
                self.dataChanged.emit(self.index(0), self.index(len(entries) - 1))
            return
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def entries(self) -> list[Entry]:
        """Return all entries."""
        return list(self._entries)

    def entry(self, row: int) -> Entry | None:
        """Return the entry in `row`."""
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def row_of(self, where: Where) -> int:
        """Return the row of an entry, or -1."""
        return next((row for row, entry in enumerate(self._entries) if entry.where == where), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many entries there are."""
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return an entry's name, its words for a screen reader, its tool tip, or the entry itself."""
        entry = self.entry(index.row())
        if entry is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return entry.name
        if role == ENTRY:
            return entry
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._words(entry)
        if role == Qt.ItemDataRole.ToolTipRole:
            return theme.literal(self._words(entry))
        return None

    def _words(self, entry: Entry) -> str:
        text = f"{entry.name}\n{words.photographs(entry.count)}"
        if entry.key:
            text += "\n" + self.tr("Press {key} to give this label").format(key=entry.key)
        if entry.excluded:
            text += "\n" + self.tr("Not used in training")
        return text

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Labels can be renamed, and photographs dropped on them."""
        entry = self.entry(index.row())
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if entry is not None and entry.is_label:
            flags |= Qt.ItemFlag.ItemIsEditable
        if entry is not None and entry.takes_photographs:
            flags |= Qt.ItemFlag.ItemIsDropEnabled
        return flags

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Ask for a label to be renamed."""
        entry = self.entry(index.row())
        name = str(value).strip()
        if role != Qt.ItemDataRole.EditRole or entry is None or not isinstance(entry.where, int):
            return False
        if name and name != entry.name:
            self.renamed.emit(entry.where, name)
        return True


class _LabelDelegate(QStyledItemDelegate):
    """Draws an entry: key, name, count, and a thin bar that shows its share."""

    def __init__(self, target: Callable[[], int], parent: QWidget) -> None:
        super().__init__(parent)
        self._target = target

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002 - Qt's signature
        """All rows are equally high."""
        return QSize(100, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one entry."""
        entry = index.data(ENTRY)
        if not isinstance(entry, Entry):
            return
        c = theme.colours()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if entry.rule:
            painter.setPen(QPen(QColor(c.line), 1))
            painter.drawLine(rect.left() + 12, rect.top(), rect.right() - 12, rect.top())
        self._ground(painter, rect, state, index.row() == self._target())
        font = QFont(option.font)
        font.setPixelSize(theme.BODY)
        font.setItalic(entry.where == "unlabelled")
        font.setStrikeOut(entry.excluded)
        if state & QStyle.StateFlag.State_Selected:
            font.setWeight(QFont.Weight.DemiBold)
        text = rect.adjusted(38, 0, -16, -6 if entry.share >= 0 else 0)
        self._key(painter, rect, entry, font)
        number = words.number(entry.count)
        small = QFont(font)
        small.setStrikeOut(False)
        small.setItalic(False)
        small.setWeight(QFont.Weight.Normal)
        width = QFontMetrics(small).horizontalAdvance(number)
        painter.setFont(small)
        painter.setPen(QColor(c.quiet))
        painter.drawText(text, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), number)
        painter.setFont(font)
        painter.setPen(QColor(c.quiet if entry.excluded else c.text))
        room = text.adjusted(0, 0, -width - 8, 0)
        shown = QFontMetrics(font).elidedText(entry.name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)
        if entry.share >= 0:
            self._bar(painter, rect, entry)
        painter.restore()

    def _ground(self, painter: QPainter, rect: QRect, state: QStyle.StateFlag, target: bool) -> None:
        c = theme.colours()
        box = QRectF(rect).adjusted(8.5, 1.5, -8.5, -1.5)
        ink, edge = "", ""
        if target:
            ink, edge = c.accent_soft, c.accent
        elif state & QStyle.StateFlag.State_Selected:
            ink = c.accent_soft
        elif state & QStyle.StateFlag.State_MouseOver:
            ink = c.hover
        if state & QStyle.StateFlag.State_HasFocus:
            edge = c.accent
        if ink or edge:
            painter.setPen(QPen(QColor(edge), 2) if edge else QPen(Qt.PenStyle.NoPen))
            painter.setBrush(QColor(ink) if ink else QColor(Qt.GlobalColor.transparent))
            painter.drawRoundedRect(box, 8, 8)

    def _key(self, painter: QPainter, rect: QRect, entry: Entry, font: QFont) -> None:
        c = theme.colours()
        middle = rect.center().y() - (3 if entry.share >= 0 else 0)
        icons = {"all": "photos", "unlabelled": "tag", "disagree": "folder", "unreadable": "warning", "gone": "folder"}
        if isinstance(entry.where, str):
            ink = c.caution if entry.where == "unreadable" else c.quiet
            theme.icon(icons[entry.where], ink).paint(painter, QRect(rect.left() + 15, middle - 7, 16, 16))
            return
        if not entry.key:
            return
        box = QRectF(rect.left() + 14.5, middle - 8.5, 17, 17)
        painter.setPen(QPen(QColor(c.line), 1))
        painter.setBrush(QColor(c.ground))
        painter.drawRoundedRect(box, 4, 4)
        small = QFont(font)
        small.setPixelSize(11)
        small.setItalic(False)
        small.setStrikeOut(False)
        painter.setFont(small)
        painter.setPen(QColor(c.quiet))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), str(entry.key))

    def _bar(self, painter: QPainter, rect: QRect, entry: Entry) -> None:
        c = theme.colours()
        full = QRectF(rect.left() + 38, rect.bottom() - 9, rect.width() - 54, 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(c.line))
        painter.drawRoundedRect(full, 1.5, 1.5)
        if entry.share > 0:
            painter.setBrush(QColor(c.edge if entry.excluded else c.accent))
            part = QRectF(full.left(), full.top(), max(3.0, full.width() * min(1.0, entry.share)), full.height())
            painter.drawRoundedRect(part, 1.5, 1.5)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:  # noqa: ARG002
        """A name is edited where it stands."""
        editor = QLineEdit(parent)
        editor.setAccessibleName(self.tr("New name of the label"))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Begin with the present name, unless typing has begun."""
        if isinstance(editor, QLineEdit) and not editor.isModified():
            editor.setText(str(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """Hand over what was typed."""
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text(), Qt.ItemDataRole.EditRole)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: ARG002
        """Cover the name and the count."""
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(28, 3, -10, -3))


class LabelList(QListView):
    """The list itself; photographs can be dropped on its labels."""

    chosen = Signal(object)
    """A `Where`."""
    dropped = Signal(list, object)
    """Photograph ids and the `Where` they were dropped on."""
    menu_wanted = Signal(QPoint)
    number_pressed = Signal(int)

    def __init__(self, model: LabelModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels = model
        self._target = -1
        self._quiet = False
        self.setModel(model)
        self.setItemDelegate(_LabelDelegate(lambda: self._target, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.setAccessibleName(self.tr("Labels"))
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self._repaint)

    def current(self) -> Entry | None:
        """Return the entry that is chosen."""
        return self._labels.entry(self.currentIndex().row())

    def choose(self, where: Where, *, tell: bool = True) -> bool:
        """Choose an entry; returns whether it is there."""
        row = self._labels.row_of(where)
        if row < 0:
            return False
        self._quiet = not tell
        self.setCurrentIndex(self._labels.index(row))
        self._quiet = False
        return True

    def rename(self, label_id: int) -> None:
        """Begin to rename a label in place."""
        row = self._labels.row_of(label_id)
        if row >= 0:
            index = self._labels.index(row)
            self.scrollTo(index)
            self.edit(index)

    @property
    def renaming(self) -> bool:
        """Whether a name is being typed."""
        return self.state() == QAbstractItemView.State.EditingState

    def _current_changed(self, now: QModelIndex) -> None:
        entry = self._labels.entry(now.row())
        if entry is not None and not self._quiet:
            self.chosen.emit(entry.where)

    def _menu(self, point: QPoint) -> None:
        if self.indexAt(point).isValid():
            self.menu_wanted.emit(self.viewport().mapToGlobal(point))

    def _repaint(self) -> None:
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Digits label photographs here too; typing letters jumps to a label."""
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain and Qt.Key.Key_1 <= event.key() <= Qt.Key.Key_9 and not self.renaming:
            self.number_pressed.emit(int(event.key()) - int(Qt.Key.Key_0))
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept photographs of this window."""
        if dragged(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show which label would take them."""
        index = self.indexAt(event.position().toPoint())
        entry = self._labels.entry(index.row())
        takes = entry is not None and entry.takes_photographs
        self._aim(index.row() if takes else -1)
        event.setAccepted(takes)
        height = self.viewport().height()
        y = event.position().y()
        if y < 24 or y > height - 24:  # long lists scroll under the mouse
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + (-8 if y < 24 else 8))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Nothing is aimed at any more."""
        self._aim(-1)
        event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand the photographs to the label under the mouse."""
        entry = self._labels.entry(self._target)
        ids = dragged(event.mimeData())
        self._aim(-1)
        if entry is not None and ids:
            event.acceptProposedAction()
            self.dropped.emit(ids, entry.where)

    def _aim(self, row: int) -> None:
        if row != self._target:
            self._target = row
            self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        """Forget the target when a drag ends elsewhere."""
        if event.type() == QEvent.Type.Hide:
            self._aim(-1)
        return super().viewportEvent(event)

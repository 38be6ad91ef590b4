"""The gallery: the grid of photographs with its keyboard and its mouse."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.photos.gallery import tiles
from resnext_gui.ui.photos.gallery.dragging import start_drag
from resnext_gui.ui.photos.gallery.grid import PhotoGrid

TILE_SIZES = (120, 180, 256)
"""Least widths of a tile to choose from, in logical pixels."""


class Gallery(PhotoGrid):
    """Photographs to select, drag, label, and look at."""

    opened = Signal()
    """Space, Enter or a double click: look closer at the current photograph."""
    accepted = Signal()
    """Enter on a photograph with a proposed label."""
    label_key = Signal(int)
    """1..9 was pressed."""
    label_wanted = Signal()
    remove_wanted = Signal()
    menu_wanted = Signal(QPoint)
    """Global position for a context menu."""
    dragging = Signal(bool)
    tile_changed = Signal(int)
    """The least width of a tile, after Ctrl+plus or Ctrl+minus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._press: QPoint | None = None
        self._press_index = -1
        self._band_from: QPoint | None = None
        self._band_base: set[int] = set()
        self._scroller = QTimer(self)
        self._scroller.setInterval(16)
        self._scroller.timeout.connect(self._scroll_band)

    # ---------------------------------------------------------------------------------------------------------------
    # Keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, Shift extends, Space and Enter look closer, 1..9 and L label, Delete forgets."""
        key, modifiers = event.key(), event.modifiers()
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        columns = self._geometry.columns
        page = max(1, self.viewport().height() // self._geometry.step[1]) * columns
        moves = {
            Qt.Key.Key_Left: self._current - 1,
            Qt.Key.Key_Right: self._current + 1,
            Qt.Key.Key_Up: self._current - columns if self._current >= columns else self._current,
            Qt.Key.Key_Down: self._below(columns),
            Qt.Key.Key_PageUp: max(0, self._current - page),
            Qt.Key.Key_PageDown: self._current + page,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(self._ids) - 1,
        }
        if key in moves:
            self._move_to(moves[Qt.Key(key)], modifiers)
        elif control and key == Qt.Key.Key_A:
            self.select_all()
        elif control and key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._step_tile(-1 if key == Qt.Key.Key_Minus else 1)
        elif control and key == Qt.Key.Key_Space:
            self._toggle(self._current)
        elif control or modifiers & Qt.KeyboardModifier.AltModifier:
            event.ignore()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current_id() in self._proposals:
            self.accepted.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit()
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self.label_key.emit(int(key) - int(Qt.Key.Key_0))
        elif key == Qt.Key.Key_L:
            self.label_wanted.emit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_wanted.emit()
        elif key == Qt.Key.Key_Menu or (key == Qt.Key.Key_F10 and modifiers & Qt.KeyboardModifier.ShiftModifier):
            self._menu_at_current()
        elif key == Qt.Key.Key_Escape and self._selected:
            self.clear_selection()
        else:
            super().keyPressEvent(event)

    def _below(self, columns: int) -> int:
        """One row down; from the last row but one to the last tile, where there is none straight below."""
        last = len(self._ids) - 1
        if self._current + columns <= last:
            return self._current + columns
        return last if self._current // columns < last // columns else self._current

    def _step_tile(self, step: int) -> None:
        place = min(range(len(TILE_SIZES)), key=lambda i: abs(TILE_SIZES[i] - self._tile))
        self.set_tile(TILE_SIZES[max(0, min(len(TILE_SIZES) - 1, place + step))])
        self.tile_changed.emit(self._tile)

    def _menu_at_current(self) -> None:
        if self._current >= 0:
            self.ensure_visible(self._current)
            self.menu_wanted.emit(self.viewport().mapToGlobal(self.tile_rect(self._current).center()))

    # ---------------------------------------------------------------------------------------------------------------
    # Mouse

    def _toggle(self, index: int) -> None:
        if 0 <= index < len(self._ids):
            self._selected ^= {self._ids[index]}
            self._current = self._anchor = index
            self._told()

    def _content(self, point: QPoint) -> QPoint:
        return QPoint(point.x(), point.y() + self.verticalScrollBar().value())

    def index_at(self, point: QPoint) -> int:
        """Return the tile at a point of the viewport, or -1."""
        content = self._content(point)
        return self._geometry.at(content.x(), content.y())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select, or begin to draw a band around tiles."""
        point = event.position().toPoint()
        index = self.index_at(point)
        modifiers = event.modifiers()
        if event.button() == Qt.MouseButton.RightButton:
            if index >= 0 and self._ids[index] not in self._selected:
                self._move_to(index, Qt.KeyboardModifier.NoModifier)
            elif index >= 0:
                self._current = index
                self._told()
            if index >= 0:
                self.menu_wanted.emit(event.globalPosition().toPoint())
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._press, self._press_index = point, index
        if index < 0:
            keep = modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
            self._band_base = set(self._selected) if keep else set()
            self._band_from = self._content(point)
            if not keep and self._selected:
                self.clear_selection()
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            self._toggle(index)
        elif modifiers & Qt.KeyboardModifier.ShiftModifier or self._ids[index] not in self._selected:
            self._move_to(index, modifiers & Qt.KeyboardModifier.ShiftModifier)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw the band, or begin to drag the selected tiles."""
        point = event.position().toPoint()
        if not event.buttons() & Qt.MouseButton.LeftButton:
            self._hover(self.index_at(point))
            return
        if self._band_from is not None:
            self._stretch(point)
        elif (
            self._press is not None
            and self._press_index >= 0
            and (point - self._press).manhattanLength() >= QApplication.startDragDistance()
        ):
            self._drag()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a band; a click on one of several selected tiles selects it alone."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if self._band_from is None and self._press_index >= 0 and plain and len(self._selected) > 1:
            self._move_to(self._press_index, Qt.KeyboardModifier.NoModifier)
        self._end_press()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Look closer."""
        if event.button() == Qt.MouseButton.LeftButton and self.index_at(event.position().toPoint()) >= 0:
            self._end_press()
            self.opened.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        super().leaveEvent(event)
        self._hover(-1)

    def viewportEvent(self, event: QEvent) -> bool:
        """Say in a tool tip which photograph is under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.index_at(event.pos())
            photo = self.photo(self._ids[index]) if index >= 0 else None
            if photo is None:
                QToolTip.hideText()
            else:
                tip = theme.literal(tiles.describe(photo, self._proposals.get(photo.id)))
                QToolTip.showText(event.globalPos(), tip, self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(-1)
        return super().viewportEvent(event)

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            for one in (self._hovered, index):
                if 0 <= one < len(self._ids):
                    self.viewport().update(self.tile_rect(one))
            self._hovered = index

    def _end_press(self) -> None:
        self._press, self._press_index = None, -1
        self._band_from = self._band = None
        self._scroller.stop()
        self._repaint()

    def _stretch(self, point: QPoint) -> None:
        if self._band_from is None:
            return
        self._band = QRect(self._band_from, self._content(point)).normalized()
        inside = {self._ids[i] for i in self._geometry.within(self._band)}
        chosen = self._band_base | inside
        if chosen != self._selected:
            self._selected = chosen
            self.selection_changed.emit()
        outside = point.y() < 0 or point.y() > self.viewport().height()
        if outside != self._scroller.isActive():
            (self._scroller.start if outside else self._scroller.stop)()
        self._repaint()

    def _scroll_band(self) -> None:
        point = self.viewport().mapFromGlobal(self.cursor().pos())
        height = self.viewport().height()
        beyond = point.y() if point.y() < 0 else max(0, point.y() - height)
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + max(-40, min(40, beyond)))
        self._stretch(point)

    def _drag(self) -> None:
        ids = self.chosen()
        if not ids:
            return
        thumb = self.thumbs.pixmap(self.current_id()) or self.thumbs.pixmap(ids[0])
        self.dragging.emit(True)
        start_drag(self, ids, thumb)
        self.dragging.emit(False)
        self._end_press()

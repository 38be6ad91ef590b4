"""Pictures as tiles, in a grid or in one row.  Only what is seen is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QFileInfo,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QImage, QKeyEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.common.picture import PictureStore, draw_picture

Index = QModelIndex | QPersistentModelIndex
GAP = 12


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture with its words.

    Attributes:
        path: the picture's file.
        title: first line under it.
        subtitle: second line, quieter.
        badge: ``""``, ``"unsure"``, ``"refused"``, ``"corrected"``: a sign in its corner.
        photo_id: the project's number of it, where it has one.
        tip: what pointing at it tells; also what a screen reader says.
        value: whatever the page wants to find again.
    """

    path: str
    title: str = ""
    subtitle: str = ""
    badge: str = ""
    photo_id: int | None = None
    tip: str = ""
    value: Any = field(default=None, compare=False)


class TileModel(QAbstractListModel):
    """A list of tiles that mostly grows."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._tiles: list[Tile] = []

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many tiles there are."""
        return 0 if parent is not None and parent.isValid() else len(self._tiles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the tile's words."""
        if not index.isValid() or index.row() >= len(self._tiles):
            return None
        tile = self._tiles[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return tile.title
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            tip = tile.tip or f"{QFileInfo(tile.path).fileName()}: {tile.title}, {tile.subtitle}"
            return theme.literal(tip) if role == Qt.ItemDataRole.ToolTipRole else tip
        return None

    def tile(self, row: int) -> Tile:
        """Return the tile in `row`."""
        return self._tiles[row]

    def set_tiles(self, tiles: Sequence[Tile]) -> None:
        """Show other tiles."""
        self.beginResetModel()
        self._tiles = list(tiles)
        self.endResetModel()

    def append(self, tiles: Sequence[Tile]) -> None:
        """Add tiles at the end."""
        if tiles:
            first = len(self._tiles)
            self.beginInsertRows(QModelIndex(), first, first + len(tiles) - 1)
            self._tiles.extend(tiles)
            self.endInsertRows()

    def replace(self, row: int, tile: Tile) -> None:
        """Change one tile."""
        self._tiles[row] = tile
        index = self.index(row)
        self.dataChanged.emit(index, index)


class _Painter(QStyledItemDelegate):
    """Draws a tile: a square picture, up to two lines under it, a sign in its corner."""

    def __init__(self, view: TileView, side: int, lines: int) -> None:
        super().__init__(view)
        self._view = view
        self.side = side
        self.lines = lines

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Every tile has the same size."""
        del option, index
        return self.size()

    def size(self) -> QSize:
        """Return the size of a tile with the gap around it."""
        text = {0: 0, 1: 24, 2: 42}[self.lines]
        return QSize(self.side + GAP, self.side + text + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one tile."""
        model = index.model()
        if not isinstance(model, TileModel):
            return
        tile = model.tile(index.row())
        cell: QRect = option.rect
        state = option.state
        area = QRectF(cell.x() + GAP / 2, cell.y() + GAP / 2, self.side, self.side)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        image = self._view.image(tile)
        if image is not None:
            draw_picture(painter, area, image, fill=True)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("line"))
            painter.drawRoundedRect(area, 8, 8)
            if self._view.cannot(tile):
                painter.setPen(theme.colour("quiet"))
                painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), QFileInfo(tile.path).suffix().upper())
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent" if selected else "edge"), 2.5 if selected else 1.5))
            painter.drawRoundedRect(area.adjusted(-2, -2, 2, 2), 9, 9)
        if tile.badge:
            _badge(painter, QPointF(area.right() - 12, area.top() + 12), tile.badge)
        if self.lines:
            font = QFont(self._view.font())
            font.setPixelSize(theme.BODY)
            font.setWeight(QFont.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(theme.colour("text"))
            line = QRectF(area.x(), area.bottom() + 4, area.width(), 18)
            flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(line, flags, _fit(font, tile.title, line.width()))
            if self.lines > 1:
                font.setWeight(QFont.Weight.Normal)
                painter.setFont(font)
                painter.setPen(theme.colour("quiet"))
                line.translate(0, 18)
                painter.drawText(line, flags, _fit(font, tile.subtitle, line.width()))
        painter.restore()


ARROW = " \N{RIGHTWARDS ARROW} "


def _fit(font: QFont, text: str, width: float) -> str:
    """Shorten `text`; of "this \N{RIGHTWARDS ARROW} that" both sides are kept, each as far as there is room."""
    metrics = QFontMetrics(font)
    if metrics.horizontalAdvance(text) <= width or ARROW not in text:
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width))
    left, right = text.split(ARROW, 1)
    room = width - metrics.horizontalAdvance(ARROW)
    first = min(metrics.horizontalAdvance(left), max(room / 2, room - metrics.horizontalAdvance(right)))
    left = metrics.elidedText(left, Qt.TextElideMode.ElideMiddle, int(first) + 1)
    right = metrics.elidedText(right, Qt.TextElideMode.ElideMiddle, int(room - first))
    return left + ARROW + right


def _badge(painter: QPainter, centre: QPointF, kind: str) -> None:
    """Draw a sign that is told by its shape as well as by its colour."""
    sign, colour = {
        "unsure": ("?", "caution"),
        "refused": ("\N{MULTIPLICATION SIGN}", "wrong"),
        "corrected": ("\N{CHECK MARK}", "good"),
    }[kind]
    painter.setPen(QPen(theme.colour("surface"), 2))
    painter.setBrush(theme.colour(colour))
    painter.drawEllipse(centre, 10, 10)
    font = QFont()
    font.setPixelSize(13)
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(theme.colour("surface"))
    area = QRectF(centre.x() - 10, centre.y() - 10, 20, 20)
    painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), sign)


class TileView(QListView):
    """Tiles in a grid that fills the width, or in one row.

    Args:
        loader: reads the pictures.
        side: of the square picture, pixels; in a grid the least, pictures grow until the width is filled.
        lines: of text under it, 0..2.
        one_row: a film strip.
    """

    chosen = Signal(object)
    """The tile that became current."""
    opened = Signal(object)
    """A tile was double-clicked, or Enter was pressed on it."""
    unreadable = Signal(object)
    """A tile whose picture cannot be read here."""

    def __init__(
        self, loader: PictureStore, side: int, lines: int = 2, one_row: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._loader = loader
        self._side = side
        self._one_row = one_row
        self._elsewhere: dict[str, str] = {}
        self._tiles = TileModel(self)
        self._painter = _Painter(self, side, lines)
        self.setModel(self._tiles)
        self.setItemDelegate(self._painter)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setGridSize(self._painter.size())
        self.setWrapping(not one_row)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setDragEnabled(False)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setStyleSheet("QListView { background: transparent; }")
        if one_row:
            self.setFixedHeight(self._painter.size().height() + 14)
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        else:
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        loader.loaded.connect(self._again)
        loader.failed.connect(self._again)
        theme.changed.connect(self._repaint)
        self.selectionModel().currentChanged.connect(self._on_current)
        self.doubleClicked.connect(lambda index: self.opened.emit(self._tiles.tile(index.row())))

    @property
    def tiles(self) -> TileModel:
        """The tiles."""
        return self._tiles

    def current(self) -> Tile | None:
        """Return the tile that has been chosen."""
        index = self.currentIndex()
        return self._tiles.tile(index.row()) if index.isValid() else None

    def choose(self, row: int) -> None:
        """Make the tile in `row` the current one."""
        if 0 <= row < self._tiles.rowCount():
            self.setCurrentIndex(self._tiles.index(row))

    def image(self, tile: Tile) -> QImage | None:
        """Return the tile's picture if it is at hand; it is asked for otherwise."""
        return self._loader.get(self._source(tile), self._pixels())

    def cannot(self, tile: Tile) -> bool:
        """Whether its picture cannot be shown."""
        return self._loader.cannot(self._source(tile), self._pixels())

    def set_elsewhere(self, path: str, thumbnail: str) -> None:
        """Show the file `thumbnail` for the picture at `path`."""
        self._elsewhere[path] = thumbnail
        self._repaint()

    def _source(self, tile: Tile) -> str:
        return self._elsewhere.get(tile.path, tile.path)

    def _pixels(self) -> int:
        # One size for every width of the window, sharp enough for a picture that has grown by a quarter.
        return round(self._side * (1.0 if self._one_row else 1.25) * self.devicePixelRatioF())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the pictures of a grid fill the width."""
        super().resizeEvent(event)
        if self._one_row:
            return
        # Always less the scroll bar, which would otherwise come and go with the pictures' size.
        width = self.contentsRect().width() - self.verticalScrollBar().sizeHint().width() - 2
        columns = max(1, width // (self._side + GAP))
        side = max(self._side, min(width // columns - GAP, 2 * self._side))
        if side != self._painter.side:
            self._painter.side = side
            self.setGridSize(self._painter.size())

    def _repaint(self) -> None:
        self.viewport().update()

    def _again(self, path: str, side: int) -> None:
        if side != self._pixels():
            return
        self._repaint()
        if self._loader.cannot(path, side):
            for row in range(self._tiles.rowCount()):
                tile = self._tiles.tile(row)
                if tile.path == path and path not in self._elsewhere:
                    self.unreadable.emit(tile)
                    break

    def _on_current(self, index: QModelIndex, previous: QModelIndex) -> None:
        del previous
        if index.isValid():
            self.chosen.emit(self._tiles.tile(index.row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens the current tile."""
        tile = self.current()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and tile is not None:
            self.opened.emit(tile)
            return
        if event.text().isprintable() and event.text().strip():
            event.ignore()  # letters are the page's
            return
        super().keyPressEvent(event)

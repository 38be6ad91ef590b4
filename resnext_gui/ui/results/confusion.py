"""Which labels are taken for which: a matrix for a few labels, a list of the most confused pairs for many."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QPushButton, QToolTip, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme, words

MOST_LABELS = 20
"""Above so many labels the cells are too small to read, so pairs are listed instead."""

WIDEST_NAME = 150
SMALLEST_CELL = 20


class ConfusionMatrix(QWidget):
    """A table of counts: rows are what the photographs show, columns what was answered.

    Right answers lie on the diagonal and are tinted in the colour of right, mistakes in that of wrong; the count stands
    in every cell.  The arrow keys walk, Enter or a click opens a cell.
    """

    opened = Signal(int, int)
    """Row and column of a cell with photographs in it."""
    moved = Signal(int, int)
    """The keyboard went to this cell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: list[str] = []
        self._counts: list[list[int]] = []
        self._current = (0, 0)
        self._hover: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(280, 240)
        self.setAccessibleName(self.tr("Which labels were taken for which"))
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """The size of the design."""
        return QSize(560, 520)

    def set_table(self, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
        """Show counts: ``counts[i][j]`` photographs of label i were answered as label j.

        Raises:
            ValueError: the table is not as wide and high as there are labels.
        """
        if len(counts) != len(labels) or any(len(row) != len(labels) for row in counts):
            raise ValueError(f"a table of {len(labels)} labels a side is needed. Received: {len(counts)} rows")
        self._labels = [str(label) for label in labels]
        self._counts = [[int(value) for value in row] for row in counts]
        self._current = (0, 0)
        metrics = QFontMetrics(self._small())
        names = min(max((metrics.horizontalAdvance(label) for label in self._labels), default=0), WIDEST_NAME)
        # Smaller cells cannot be read: rather let the table be scrolled.
        room = SMALLEST_CELL * len(self._labels) + 38 + names
        self.setMinimumSize(max(280, room), max(240, room))
        self._speak()
        self.update()

    @property
    def current(self) -> tuple[int, int]:
        """Row and column the keyboard is on."""
        return self._current

    def describe(self, row: int, column: int) -> str:
        """Return a cell in words."""
        count = words.photographs(self._counts[row][column])
        if row == column:
            return self.tr("{count} of {label}, answered right").format(count=count, label=self._labels[row])
        return self.tr("{count} of {label}, answered as {answer}").format(
            count=count, label=self._labels[row], answer=self._labels[column]
        )

    # Geometry -------------------------------------------------------------------------------------------------------

    def _small(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(theme.BODY)
        return font

    def _geometry(self) -> tuple[float, float, float, bool]:
        """Return the cells' left, top and side, and whether the columns' names stand upright."""
        metrics = QFontMetrics(self._small())
        widest = max((metrics.horizontalAdvance(label) for label in self._labels), default=0)
        left = 24 + min(widest, WIDEST_NAME) + 14  # a name as wide as its place may else be cut by a fraction
        side = min((self.width() - left - 4) / max(1, len(self._labels)), 128.0)
        upright = widest + 8 > side
        top = 24 + (min(widest, WIDEST_NAME) if upright else 18) + 8
        side = min(side, (self.height() - top - 4) / max(1, len(self._labels)))
        if not upright and widest + 8 > side:
            upright = True
            top = 24 + min(widest, WIDEST_NAME) + 8
            side = min(side, (self.height() - top - 4) / max(1, len(self._labels)))
        return float(left), float(top), max(side, 6.0), upright

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Return where a cell lies."""
        left, top, side, _ = self._geometry()
        return QRectF(left + column * side, top + row * side, side, side)

    def _cell_at(self, point: QPointF) -> tuple[int, int] | None:
        left, top, side, _ = self._geometry()
        row, column = int((point.y() - top) // side), int((point.x() - left) // side)
        n = len(self._labels)
        return (row, column) if 0 <= row < n and 0 <= column < n else None

    # Drawing --------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw names and cells."""
        del event
        if not self._labels:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self._small()
        painter.setFont(font)
        left, top, side, upright = self._geometry()
        self._draw_names(painter, font, left, top, side, upright)
        figures = QFont(font)
        figures.setPixelSize(max(9, min(theme.LEAD, int(side * 0.42))))
        painter.setFont(figures)
        for row, counts in enumerate(self._counts):
            total = max(1, sum(counts))
            for column, count in enumerate(counts):
                self._draw_cell(painter, self.cell_rect(row, column), row, column, count, count / total)

    def _draw_names(self, painter: QPainter, font: QFont, left: float, top: float, side: float, upright: bool) -> None:
        metrics = QFontMetrics(font)
        n = len(self._labels)
        centre = int(Qt.AlignmentFlag.AlignCenter)
        painter.setPen(theme.colour("quiet"))
        painter.drawText(QRectF(left, 0, side * n, 20), centre, self.tr("answered"))
        painter.save()
        painter.translate(0, top + side * n)
        painter.rotate(-90)
        painter.drawText(QRectF(0, 0, side * n, 20), centre, self.tr("really"))
        painter.restore()
        near = self._hover or (self._current if self.hasFocus() else None)
        room = int(left - 34)
        for i, label in enumerate(self._labels):
            painter.setPen(theme.colour("accent" if near and near[0] == i else "text"))
            name = metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, room)
            area = QRectF(24, top + i * side, left - 34, side)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), name)
            painter.setPen(theme.colour("accent" if near and near[1] == i else "text"))
            if upright:
                painter.save()
                painter.translate(left + i * side, top - 6)
                painter.rotate(-90)
                name = metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, int(top - 30))
                area = QRectF(0, 0, top - 30, side)
                painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
                painter.restore()
            else:
                painter.drawText(QRectF(left + i * side, top - 24, side, 18), centre, label)

    def _draw_cell(self, painter: QPainter, area: QRectF, row: int, column: int, count: int, share: float) -> None:
        inner = area.adjusted(1.5, 1.5, -1.5, -1.5)
        ground = theme.colour("surface")
        if count:
            ink = theme.colour("good" if row == column else "wrong")
            ground = _mix(ground, ink, 0.10 + 0.40 * min(1.0, share))
        painter.setPen(Qt.PenStyle.NoPen if count else QPen(theme.colour("line"), 1))
        painter.setBrush(ground)
        radius = min(6.0, area.width() / 6)
        painter.drawRoundedRect(inner, radius, radius)
        if (row, column) == self._current and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2.5))
            painter.drawRoundedRect(inner, radius, radius)
        elif (row, column) == self._hover and count:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("edge"), 1.5))
            painter.drawRoundedRect(inner, radius, radius)
        if count:
            painter.setPen(theme.colour("text"))
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), words.number(count))

    # Mouse and keys -------------------------------------------------------------------------------------------------

    def _move_to(self, cell: tuple[int, int]) -> None:
        self._current = cell
        self._speak()
        self.update()

    def _speak(self) -> None:
        if self._labels:
            self.setAccessibleDescription(self.describe(*self._current))
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    def _open(self) -> None:
        if self._labels and self._counts[self._current[0]][self._current[1]]:
            self.opened.emit(*self._current)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk with the arrow keys, open with Enter or space."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open()
            return
        row, column = self._current
        last = len(self._labels) - 1
        moves = {
            Qt.Key.Key_Up: (max(0, row - 1), column),
            Qt.Key.Key_Down: (min(last, row + 1), column),
            Qt.Key.Key_Left: (row, max(0, column - 1)),
            Qt.Key.Key_Right: (row, min(last, column + 1)),
            Qt.Key.Key_Home: (row, 0),
            Qt.Key.Key_End: (row, last),
        }
        if key not in moves or last < 0:
            super().keyPressEvent(event)
            return
        self._move_to(moves[key])
        self.moved.emit(*self._current)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open the cell."""
        cell = self._cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._move_to(cell)
            self._open()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show which names belong to the cell under the pointer."""
        cell = self._cell_at(event.position())
        if cell != self._hover:
            self._hover = cell
            full = cell is not None and self._counts[cell[0]][cell[1]] > 0
            self.setCursor(Qt.CursorShape.PointingHandCursor if full else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        del event
        self._hover = None
        self.update()

    def focusInEvent(self, event: object) -> None:
        """Show where the keyboard is."""
        del event
        self.update()

    def focusOutEvent(self, event: object) -> None:
        """Hide where the keyboard was."""
        del event
        self.update()

    def event(self, event: QEvent) -> bool:
        """Say the cell's words where the pointer rests."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self._cell_at(QPointF(event.pos()))
            if cell is not None:
                QToolTip.showText(event.globalPos(), theme.literal(self.describe(*cell)), self)
            return True
        return super().event(event)


def _mix(ground: QColor, ink: QColor, share: float) -> QColor:
    def part(a: int, b: int) -> int:
        return round(a + (b - a) * share)

    return QColor(
        part(ground.red(), ink.red()), part(ground.green(), ink.green()), part(ground.blue(), ink.blue())
    )  # fmt: skip


def confused_pairs(counts: Sequence[Sequence[int]], most: int = 40) -> list[tuple[int, int, int]]:
    """Return (row, column, count) of the mistakes, commonest first."""
    pairs = [(i, j, int(count)) for i, row in enumerate(counts) for j, count in enumerate(row) if i != j and count > 0]
    return sorted(pairs, key=lambda pair: -pair[2])[:most]


class ConfusedPairs(QWidget):
    """The most confused pairs of labels, a button each."""

    opened = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 8, 0)
        self._layout.setSpacing(4)

    def set_table(self, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
        """Show counts as `ConfusionMatrix.set_table` takes them."""
        theme.clear(self._layout)
        pairs = confused_pairs(counts)
        if not pairs:
            self._layout.addWidget(theme.label(self.tr("No label was taken for another."), "quiet", wrap=True))
        for row, column, count in pairs:
            text = self.tr("{count} \N{MULTIPLICATION SIGN}  {truth} \N{RIGHTWARDS ARROW} {answer}").format(
                count=words.number(count), truth=labels[row], answer=labels[column]
            )
            button = QPushButton(theme.caption(text))
            button.setProperty("role", "plain")
            button.setStyleSheet("text-align: left;")
            tip = self.tr("{count} of {truth}, answered as {answer}").format(
                count=words.photographs(count), truth=labels[row], answer=labels[column]
            )
            button.setToolTip(theme.literal(tip))
            button.clicked.connect(lambda _=False, r=row, c=column: self.opened.emit(r, c))
            self._layout.addWidget(button)
        self._layout.addStretch(1)

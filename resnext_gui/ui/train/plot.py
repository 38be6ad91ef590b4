"""One plot in the program's look: lines over a scale, a level, and a line to read off by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from resnext_gui.figures import ticks
from resnext_gui.ui.common import theme

LEFT, TOP, RIGHT, BOTTOM = 44, 6, 12, 40
"""Pixels around the area with the curves, for the names and numbers of the axes."""
ORDER = ("faint", "line", "dashed", "dots")
"""Styles, from what lies below to what lies above."""
MARK = 3.5
"""Radius of a round mark, in pixels."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` along pixels from `begin` to `end`; if `log`, both are powers of ten."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return the pixel of a value; not a number where it has none."""
        if self.log:
            value = math.log10(value) if value > 0 else math.nan
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)

    def value(self, place: float) -> float:
        """Return the value at a pixel of a scale that is not logarithmic, at most as far as the scale goes."""
        share = (place - self.begin) / (self.end - self.begin)
        return self.low + min(max(share, 0.0), 1.0) * (self.high - self.low)

    def ticks(self, apart: float) -> list[float]:
        """Return round values along the scale, `apart` pixels from each other or more."""
        most = max(1.0, abs(self.end - self.begin) / apart)
        if self.log:
            return self._powers(most)
        return ticks(self.low, self.high, int(most))

    def _powers(self, most: float) -> list[float]:
        found: list[float] = []
        for digits in ((1,), (1, 2, 5), range(1, 10)):
            powers = range(math.floor(self.low), math.ceil(self.high) + 1)
            values = [digit * 10.0**power for power in powers for digit in digits]
            found = [value for value in values if self.low <= math.log10(value) <= self.high]
            if len(found) >= 3:
                break
        return found[:: math.ceil(len(found) / most) or 1]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: its points, a colour's name in the palette, and a style."""

    points: list[tuple[float, float]]
    colour: str
    style: str


class Plot(QWidget):
    """A line plot whose series are set by name.

    Args:
        name: what is drawn, for screen readers.
        x_name: name of the x axis.
        bounded: values lie in 0..100 and are shown so.
    """

    hovered = Signal(object)
    """Where the pointer or the arrow keys are on the x axis, or None when they left."""

    def __init__(self, name: str, x_name: str, bounded: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._x_name = x_name
        self._bounded = bounded
        self.series: dict[str, Series] = {}
        self.level: float | None = None
        self.log = False
        self._stops: Sequence[float] = ()
        self._x_end = 1.0
        self._cursor: float | None = None
        self.setMinimumSize(160, 120)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(name)
        theme.changed.connect(self.update)

    # What is drawn --------------------------------------------------------------------------------------------------

    def set_series(self, key: str, x: Sequence[float], y: Sequence[float], colour: str, style: str) -> None:
        """Draw a series, replacing the one of the same `key`.

        Args:
            key: its name.
            x: positions.
            y: values, as many.
            colour: a colour's name in the palette.
            style: ``"faint"``, ``"line"``, ``"dots"`` (line with round marks) or ``"dashed"``.
        """
        self.series[key] = Series(list(zip(x, y, strict=True)), colour, style)
        self.update()

    def clear(self) -> None:
        """Remove all series and the level."""
        self.series.clear()
        self.set_level(None)

    def set_level(self, value: float | None) -> None:
        """Draw a dashed horizontal line at `value`; None removes it."""
        self.level = value
        self.update()

    def set_log(self, on: bool) -> None:
        """Use a logarithmic y axis."""
        self.log = on
        self.update()

    def set_stops(self, stops: Sequence[float]) -> None:
        """Say where the arrow keys stop."""
        self._stops = stops

    def fit(self, x_end: float) -> None:
        """Show everything from 0 to `x_end`."""
        self._x_end = max(x_end, 1e-6)
        self.update()

    def scales(self) -> tuple[Scale, Scale]:
        """Return the scales of x and y as they are drawn."""
        low, high = self._bounds()
        right, bottom = max(LEFT + 1, self.width() - RIGHT), max(TOP + 1, self.height() - BOTTOM)
        return Scale(0.0, self._x_end, LEFT, right), Scale(low, high, bottom, TOP, self.log)

    def _bounds(self) -> tuple[float, float]:
        values: list[float] = []
        for series in self.series.values():
            own = sorted(y for _, y in series.points if math.isfinite(y) and (y > 0 or not self.log))
            # A single wild batch must not flatten the rest.
            cut = len(own) // 50 if series.style == "faint" else 0
            values += own[cut : cut + 1] + own[-1 - cut : len(own) - cut]
        if self.level is not None:
            values.append(self.level)
        if self._bounded:
            low = min(values, default=0.0)
            return (0.0 if low < 30 else 10 * int((low - 5) // 10)), 100.5
        if self.log:
            low, high = min(values, default=0.1), max(values, default=1.0)
            return math.log10(low) - 0.1, max(math.log10(high), math.log10(low) + 0.3) + 0.1
        return 0.0, max(max(values, default=1.0) * 1.08, 0.01)

    # Drawing --------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axes, level, curves and the line to read off by."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x_scale, y_scale = self.scales()
        area = QRectF(QPointF(x_scale.begin, y_scale.end), QPointF(x_scale.end, y_scale.begin))
        self._draw_axes(painter, x_scale, y_scale, area)
        painter.setClipRect(area.adjusted(0, -MARK - 1, MARK + 1, MARK + 1))
        if self._cursor is not None:
            place = _crisp(x_scale.place(self._cursor))
            painter.setPen(QPen(theme.colour("edge"), 1.0))
            painter.drawLine(QPointF(place, area.top()), QPointF(place, area.bottom()))
        if self.level is not None:
            place = y_scale.place(self.level)
            painter.setPen(_dashed(QPen(theme.colour("quiet"), 1.5), 5, 4))
            painter.drawLine(QPointF(area.left(), place), QPointF(area.right(), place))
        for series in sorted(self.series.values(), key=lambda series: ORDER.index(series.style)):
            _draw(painter, series, [QPointF(x_scale.place(x), y_scale.place(y)) for x, y in series.points])
        painter.end()

    def _draw_axes(self, painter: QPainter, x_scale: Scale, y_scale: Scale, area: QRectF) -> None:
        font = QFont(self.font())
        font.setPixelSize(theme.SMALL)
        painter.setFont(font)
        line, quiet = QPen(theme.colour("line"), 1), QPen(theme.colour("quiet"))
        centre = Qt.AlignmentFlag.AlignCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(line)
        corner = QPointF(_crisp(area.left()), _crisp(area.bottom()))
        painter.drawLine(QPointF(corner.x(), area.top()), corner)
        painter.drawLine(corner, QPointF(area.right(), corner.y()))
        for value in y_scale.ticks(apart=32):
            place = _crisp(y_scale.place(value))
            painter.setPen(line)
            painter.drawLine(QPointF(area.left(), place), QPointF(area.right(), place))
            painter.setPen(quiet)
            painter.drawText(QRectF(0, place - 10, area.left() - 8, 20), right, f"{value:g}")
        painter.setPen(quiet)
        for value in x_scale.ticks(apart=56):
            painter.drawText(QRectF(x_scale.place(value) - 28, area.bottom() + 4, 56, 18), centre, f"{value:g}")
        painter.drawText(QRectF(area.left(), area.bottom() + 20, area.width(), 18), centre, self._x_name)

    # Reading off ----------------------------------------------------------------------------------------------------

    def set_cursor(self, x: float | None, tell: bool = True) -> None:
        """Put the reading line at `x`; None takes it away."""
        self._cursor = x
        self.update()
        if tell:
            self.hovered.emit(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read off where the pointer is."""
        super().mouseMoveEvent(event)
        x_scale, y_scale = self.scales()
        here = event.position()
        inside = x_scale.begin <= here.x() <= x_scale.end and y_scale.end <= here.y() <= y_scale.begin
        self.set_cursor(x_scale.value(here.x()) if inside else None)

    def leaveEvent(self, event: QEvent) -> None:
        """Take the reading line away with the pointer."""
        super().leaveEvent(event)
        self.set_cursor(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right read off one epoch after the other."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._stops:
            super().keyPressEvent(event)
            return
        here = self._cursor
        if here is None:
            wanted = self._stops[-1 if step < 0 else 0]
        elif step > 0:
            wanted = next((s for s in self._stops if s > here + 1e-9), self._stops[-1])
        else:
            wanted = next((s for s in reversed(self._stops) if s < here - 1e-9), self._stops[0])
        self.set_cursor(wanted)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the reading line away with the focus."""
        super().focusOutEvent(event)
        self.set_cursor(None)


def _draw(painter: QPainter, series: Series, places: list[QPointF]) -> None:
    ink = theme.colour(series.colour)
    pen = QPen(ink, 2.0)
    if series.style == "faint":
        ink.setAlpha(70)
        pen = QPen(ink, 1.0)
    elif series.style == "dashed":
        _dashed(pen, 4, 3)
    painter.setPen(pen)
    for piece in _whole(places):
        painter.drawPolyline(QPolygonF(piece))
    if series.style == "dots" or (len(places) == 1 and series.style != "faint"):
        painter.setBrush(ink)
        painter.setPen(QPen(theme.colour("surface"), 1.0))
        for place in places:
            if math.isfinite(place.y()):
                painter.drawEllipse(place, MARK, MARK)


def _crisp(place: float) -> float:
    """Return the middle of a pixel, where a thin line fills it and nothing beside it."""
    return math.floor(place) + 0.5


def _dashed(pen: QPen, dash: float, gap: float) -> QPen:
    pen.setDashPattern([dash, gap])
    return pen


def _whole(places: list[QPointF]) -> Iterator[list[QPointF]]:
    """Return the pieces of a curve between values that are no numbers."""
    piece: list[QPointF] = []
    for place in places:
        if math.isfinite(place.y()):
            piece.append(place)
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece

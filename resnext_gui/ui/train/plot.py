"""One plot in the program's look.  pyqtgraph takes long to import, which is done in slices while we wait."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPen
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedLayout, QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.system.importing import REST, SLICE, InSlices, Steps, everything_in, without_qt

log = logging.getLogger(__name__)

PACKAGE = "pyqtgraph"
BEFORE = ("numpy", "ctypes", "decimal", "importlib.resources", "pkgutil", "pydoc", "sysconfig", "xml.etree.ElementTree")
"""What the plotting library imports that has nothing to do with Qt."""
LOOKED_THROUGH = ("QtCore", "QtGui", "QtWidgets", "QtTest")
"""Modules of Qt whose every class it looks at."""

_library: list[Iterator[object]] = []
_ready: list[str] = []
_loading: list[Steps] = []


def library() -> Iterator[object]:
    """Return the steps that import the plotting library: always the same, whoever takes them."""
    if not _library:
        _library.append(_import())
    return _library[0]


def _import() -> Iterator[object]:
    yield from without_qt(BEFORE)
    for module in LOOKED_THROUGH:
        yield from everything_in(f"PySide6.{module}")
    package = InSlices(PACKAGE)
    while not package.step(SLICE):
        yield REST
    if package.error is None:
        _ready.append(PACKAGE)
    else:
        log.error("the plots cannot be drawn: %s", package.error)


def preload() -> None:
    """Begin to import the plotting library.  Calling it again costs nothing."""
    if not _loading:
        _loading.append(Steps(library()))


def ready() -> bool:
    """Whether plots can be drawn without waiting."""
    return bool(_ready)


class Plot(QWidget):
    """A line plot whose series are set by name.

    Args:
        name: what is drawn, for screen readers.
        x_name: name of the x axis.
        bounded: values lie in 0..100 and are shown so.
        delay: milliseconds after it is first seen until it is built; two plots should not be built at once.
    """

    hovered = Signal(object)
    """Where the pointer or the arrow keys are on the x axis, or None when they left."""
    drawn = Signal()
    """The plotting library is there and the plot was drawn for the first time."""

    def __init__(
        self, name: str, x_name: str, bounded: bool = False, delay: int = 20, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._x_name = x_name
        self._bounded = bounded
        self._series: dict[str, tuple[list[float], list[float], str, str]] = {}
        self._items: dict[str, Any] = {}
        self._level: float | None = None
        self._log = False
        self._stops: Sequence[float] = ()
        self._x_end = 1.0
        self._cursor: float | None = None
        self._plot: Any = None
        self._cursor_line: Any = None
        self._level_line: Any = None
        self.setMinimumSize(160, 120)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._placeholder = QLabel(self.tr("Preparing the drawing..."))
        self._placeholder.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._placeholder.setProperty("role", "quiet")
        self._stack.addWidget(self._placeholder)
        self._wait = QTimer(self)
        self._wait.setInterval(delay)
        self._wait.timeout.connect(self._try_build)
        theme.changed.connect(self._restyle)

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
        # Copies, since what they come from goes on growing.  Lists, since to numpy, which belongs to the plotting
        # library, arrays of the standard library would be scalars.
        self._series[key] = (list(x), list(y), colour, style)
        if self._plot is not None:
            self._draw(key)

    def clear(self) -> None:
        """Remove all series and the level."""
        self._series.clear()
        for item in self._items.values():
            self._plot.removeItem(item)
        self._items.clear()
        self.set_level(None)

    def set_level(self, value: float | None) -> None:
        """Draw a dashed horizontal line at `value`; None removes it."""
        self._level = value
        if self._plot is not None:
            self._draw_level()

    def set_log(self, on: bool) -> None:
        """Use a logarithmic y axis."""
        self._log = on
        if self._plot is not None:
            self._plot.setLogMode(x=False, y=on)
            self._fit()

    @property
    def log(self) -> bool:
        """Whether the y axis is logarithmic."""
        return self._log

    def set_stops(self, stops: Sequence[float]) -> None:
        """Say where the arrow keys stop."""
        self._stops = stops

    def fit(self, x_end: float) -> None:
        """Show everything from 0 to `x_end`."""
        self._x_end = max(x_end, 1e-6)
        if self._plot is not None:
            self._fit()

    # Building -------------------------------------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        """Ask for the plotting library when the plot is first seen."""
        super().showEvent(event)
        if self._plot is None:
            preload()
            self._wait.start()

    def _try_build(self) -> None:
        if self._plot is not None or not ready():
            return
        self._wait.stop()
        pg = sys.modules["pyqtgraph"]
        plot = pg.PlotWidget(self)
        plot.setAntialiasing(True)
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setFrameShape(plot.Shape.NoFrame)
        # Its own wishes are those of a window; here the page decides.
        plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        item = plot.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(x=False, y=False)
        item.setContentsMargins(0, 6, 12, 0)
        item.getViewBox().setDefaultPadding(0.0)
        self._plot = item
        self._widget = plot
        self._cursor_line = pg.InfiniteLine(angle=90, movable=False)
        self._cursor_line.setZValue(-5)
        self._cursor_line.hide()
        item.addItem(self._cursor_line, ignoreBounds=True)
        plot.scene().sigMouseMoved.connect(self._on_mouse)
        plot.viewport().installEventFilter(self)
        self._stack.addWidget(plot)
        self._stack.setCurrentWidget(plot)
        item.setLogMode(x=False, y=self._log)
        self._restyle()
        self._fit()
        self.drawn.emit()

    def _restyle(self) -> None:
        if self._plot is None:
            return
        c = theme.colours()
        self._widget.setBackground(QColor(c.surface))
        font = QFont(self.font())
        font.setPixelSize(theme.SMALL)
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(QPen(QColor(c.line), 1))
            axis.setTextPen(QColor(c.quiet))
            axis.setZValue(-10)  # so that its grid lies under the curves
            axis.setStyle(tickFont=font, tickLength=0, tickTextOffset=8, maxTickLevel=0)
        self._plot.getAxis("left").setWidth(44)
        self._plot.getAxis("left").setGrid(255)
        self._plot.getAxis("left").setPen(QPen(QColor(c.line), 1))
        bottom = self._plot.getAxis("bottom")
        bottom.setLabel(self._x_name, color=c.quiet, **{"font-size": f"{theme.SMALL}px"})
        self._cursor_line.setPen(self._pen(QColor(c.edge), 1.0))
        for key in self._series:
            self._draw(key)
        self._draw_level()

    def _draw(self, key: str) -> None:
        x, y, colour_name, style = self._series[key]
        pg = sys.modules["pyqtgraph"]
        item = self._items.get(key)
        if item is None:
            item = pg.PlotDataItem(antialias=True)
            # Only what there are pixels for is drawn, so thousands of points stay smooth.
            item.setDownsampling(auto=True, method="peak")
            item.setClipToView(True)
            self._plot.addItem(item)
            self._items[key] = item
        ink = theme.colour(colour_name)
        options: dict[str, Any] = {"symbol": None}
        if style == "faint":
            ink.setAlpha(70)
            pen = self._pen(ink, 1.0)
            item.setZValue(0)
        else:
            pen = self._pen(ink, 2.0)
            item.setZValue(2 if style == "dots" else 1)
            if style == "dashed":
                pen.setDashPattern([4, 3])
            if style == "dots" or len(x) == 1:
                options = {"symbol": "o", "symbolSize": 7, "symbolBrush": ink}
                options["symbolPen"] = self._pen(theme.colour("surface"), 1.0)
        item.setData(x, y, pen=pen, **options)

    def _pen(self, colour: QColor, width: float) -> QPen:
        """A pen `width` pixels wide, whatever the scale of the axes."""
        pen = QPen(colour, width * self.devicePixelRatioF())
        pen.setCosmetic(True)
        return pen

    def _draw_level(self) -> None:
        pg = sys.modules["pyqtgraph"]
        if self._level_line is not None:
            self._plot.removeItem(self._level_line)
            self._level_line = None
        if self._level is None:
            return
        pen = self._pen(theme.colour("quiet"), 1.5)
        pen.setDashPattern([5, 4])
        self._level_line = pg.InfiniteLine(pos=self._level, angle=0, pen=pen)
        self._level_line.setZValue(-1)
        self._plot.addItem(self._level_line, ignoreBounds=True)

    def _fit(self) -> None:
        self._plot.setXRange(0, self._x_end, padding=0.0)
        low, high = self._bounds()
        self._plot.setYRange(low, high, padding=0.0)

    def _bounds(self) -> tuple[float, float]:
        values = [v for _, y, _, style in self._series.values() if style != "faint" for v in y]
        faint = sorted(v for _, y, _, style in self._series.values() if style == "faint" for v in y)
        if faint:
            # A single wild batch must not flatten the rest.
            values += [faint[len(faint) // 50], faint[-1 - len(faint) // 50]]
        if self._level is not None:
            values.append(self._level)
        if self._bounded:
            low = min(values, default=0.0)
            return (0.0 if low < 30 else 10 * int((low - 5) // 10)), 100.5
        if self._log:
            positive = [v for v in values if v > 0]
            low, high = min(positive, default=0.1), max(positive, default=1.0)
            return math.log10(low) - 0.1, max(math.log10(high), math.log10(low) + 0.3) + 0.1
        return 0.0, max(max(values, default=1.0) * 1.08, 0.01)

    # Reading off ----------------------------------------------------------------------------------------------------

    def _on_mouse(self, position: QPointF) -> None:
        box = self._plot.getViewBox()
        if box.sceneBoundingRect().contains(position):
            self.set_cursor(min(max(box.mapSceneToView(position).x(), 0.0), self._x_end))
        else:
            self.set_cursor(None)

    def set_cursor(self, x: float | None, tell: bool = True) -> None:
        """Put the reading line at `x`; None takes it away."""
        self._cursor = x
        if self._cursor_line is not None:
            if x is None:
                self._cursor_line.hide()
            else:
                self._cursor_line.setPos(x)
                self._cursor_line.show()
        if tell:
            self.hovered.emit(x)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """Notice the pointer leaving."""
        if event.type() == QEvent.Type.Leave:
            self.set_cursor(None)
        return super().eventFilter(watched, event)

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

    def focusOutEvent(self, event: Any) -> None:
        """Take the reading line away with the focus."""
        super().focusOutEvent(event)
        self.set_cursor(None)

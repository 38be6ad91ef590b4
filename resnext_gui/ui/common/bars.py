"""Bars: how probable each answer is, and how well each label is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from resnext_gui.figures import hundredth, interval
from resnext_gui.ui.common import theme, words


class AnswerBars(QWidget):
    """The most probable answers, one bar each: label, bar, figure out of 100."""

    ROW = 30

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._top: list[tuple[str, float]] = []
        theme.changed.connect(self.update)

    def set_top(self, top: Sequence[tuple[str, float]]) -> None:
        """Show (label, probability) pairs, most probable first; five at most."""
        self._top = [(str(label), float(probability)) for label, probability in top][:5]
        spoken = (f"{label} {hundredth(probability)}" for label, probability in self._top)
        self.setAccessibleName(self.tr("Most probable answers, in 100: {list}").format(list=", ".join(spoken)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Five rows."""
        return QSize(320, self.ROW * max(1, len(self._top)))

    def minimumSizeHint(self) -> QSize:
        """As high as its rows."""
        return QSize(120, self.ROW * max(1, len(self._top)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(self.font())
        figures = metrics.horizontalAdvance("100") + 8
        for row, (label, probability) in enumerate(self._top):
            top = row * self.ROW
            width = self.width()
            painter.setPen(theme.colour("text"))
            name = metrics.elidedText(label, Qt.TextElideMode.ElideRight, width - figures - 8)
            line = QRectF(0, top, width, 20)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
            # A remainder of nearly nothing is not rounded up to one in a hundred: the rows would add up to more.
            figure = "<1" if probability < 0.005 else str(hundredth(probability))
            painter.setPen(theme.colour("text" if row == 0 else "quiet"))
            painter.drawText(line, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), figure)
            bar = QRectF(0, top + 22, width, 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("line"))
            painter.drawRoundedRect(bar, 3, 3)
            bar.setWidth(max(2.0, bar.width() * min(1.0, max(0.0, probability))))
            painter.setBrush(theme.colour("accent" if row == 0 else "edge"))
            painter.drawRoundedRect(bar, 3, 3)


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How many photographs of a label were answered right; its interval is the 95 % one, in 0..1."""

    label: str
    right: int
    total: int

    @property
    def ends(self) -> tuple[float, float]:
        """The interval."""
        return interval(self.right, self.total)


class LabelBars(QWidget):
    """One row a label: name, a bar for its share of right answers with the interval as a bracket, and the count.

    The arrow keys walk, Enter opens the label's photographs.
    """

    ROW = 36
    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scores: list[LabelScore] = []
        self._current = 0
        self._hover = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def set_scores(self, scores: Sequence[LabelScore]) -> None:
        """Show these labels."""
        self._scores = list(scores)
        self._current = 0
        self.setMinimumHeight(self.ROW * len(self._scores))
        self._speak()
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """All rows."""
        return QSize(360, self.ROW * max(1, len(self._scores)))

    def _speak(self) -> None:
        if not self._scores:
            return
        self.setAccessibleName(self.tr("Right answers of each label"))
        self.setAccessibleDescription(self.describe(self._scores[self._current]))

    def describe(self, score: LabelScore) -> str:
        """Return the row in words."""
        if not score.total:
            return self.tr("{label}: no photograph").format(label=score.label)
        return self.tr("{label}: {count} right, between {interval}").format(
            label=score.label,
            count=words.of(score.right, score.total),
            interval=words.in_hundred(score.right, score.total),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows that can be seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(self.font())
        widest = max((metrics.horizontalAdvance(s.label) for s in self._scores), default=0)
        names = min(widest + 12, max(80, self.width() * 2 // 5))
        counts = max((metrics.horizontalAdvance(words.of(s.right, s.total)) for s in self._scores), default=0) + 16
        first = max(0, event.rect().top() // self.ROW)
        last = min(len(self._scores) - 1, event.rect().bottom() // self.ROW)
        for row in range(first, last + 1):
            self._draw(painter, metrics, row, names, counts)

    def _draw(self, painter: QPainter, metrics: QFontMetrics, row: int, names: int, counts: int) -> None:
        score = self._scores[row]
        top = row * self.ROW
        whole = QRectF(0, top, self.width(), self.ROW)
        here = row == self._current and self.hasFocus()
        if here or row == self._hover:
            painter.setPen(QPen(theme.colour("accent"), 2) if here else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("hover"))
            painter.drawRoundedRect(whole.adjusted(1, 1, -1, -1), 6, 6)
        painter.setPen(theme.colour("text"))
        name = metrics.elidedText(score.label, Qt.TextElideMode.ElideMiddle, names - 8)
        middle = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRectF(8, top, names - 4, self.ROW), middle, name)
        painter.setPen(theme.colour("quiet"))
        painter.drawText(
            whole.adjusted(0, 0, -8, 0),
            int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
            words.of(score.right, score.total),
        )
        bar = QRectF(names + 8, top + self.ROW / 2 - 8, self.width() - names - counts - 16, 8)
        if bar.width() < 20 or not score.total:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(bar, 4, 4)
        share = QRectF(bar)
        share.setWidth(bar.width() * score.right / score.total)
        painter.setBrush(theme.colour("accent"))
        if share.width() > 0:
            painter.drawRoundedRect(share, min(4.0, share.width() / 2), 4)
        low, high = (bar.x() + bar.width() * share for share in score.ends)
        under = bar.bottom() + 6
        painter.setPen(QPen(theme.colour("quiet"), 1.5))
        painter.drawLine(QPointF(low, under), QPointF(high, under))
        for end in (low, high):
            painter.drawLine(QPointF(end, under - 3), QPointF(end, under + 3))

    def _row_at(self, y: float) -> int:
        row = int(y // self.ROW)
        return row if 0 <= row < len(self._scores) else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell about the row under the pointer."""
        row = self._row_at(event.position().y())
        if row != self._hover:
            self._hover = row
            self.update()
            if row >= 0:
                tip = theme.literal(self.describe(self._scores[row]))
                QToolTip.showText(event.globalPosition().toPoint(), tip, self)

    def leaveEvent(self, event: object) -> None:
        """Forget the row under the pointer."""
        del event
        self._hover = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open the row's photographs."""
        row = self._row_at(event.position().y())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._current = row
            self._speak()
            self.update()
            self.opened.emit(self._scores[row].label)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk with the arrow keys, open with Enter."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._scores:
            self.opened.emit(self._scores[self._current].label)
            return
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Home: -(10**6), Qt.Key.Key_End: 10**6}.get(key)
        if step is None or not self._scores:
            super().keyPressEvent(event)
            return
        self._current = min(max(self._current + step, 0), len(self._scores) - 1)
        self._speak()
        self.update()

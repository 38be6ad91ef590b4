"""The rail at the left: the places of the program."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme

WIDTH = 72


class RailButton(QAbstractButton):
    """An icon over a word.  `progress` draws a thin ring around the icon, for work that goes on there."""

    def __init__(self, title: str, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setText(title)
        self.setAccessibleName(title)
        self._icon = icon
        self._progress: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.changed.connect(self.update)

    @property
    def progress(self) -> float | None:
        """0..1, or None for no ring."""
        return self._progress

    def set_progress(self, value: float | None) -> None:
        """Draw a ring that is `value` (0..1) round; None: no ring."""
        if value is not None:
            value = round(min(1.0, max(0.0, value)), 3)
        if value != self._progress:
            self._progress = value
            self.update()

    def sizeHint(self) -> QSize:
        """72 x 64."""
        return QSize(WIDTH, 64)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the button."""
        c = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.isChecked()
        pill = QRectF(12, 5, WIDTH - 24, 32)
        if lit or self.underMouse() or self.isDown():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.accent_soft if lit else c.pressed if self.isDown() else c.hover))
            painter.drawRoundedRect(pill, 16, 16)
        if self.hasFocus():
            painter.setPen(QPen(QColor(c.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(pill.adjusted(1, 1, -1, -1), 15, 15)
        ink = c.accent if lit else c.text if self.underMouse() else c.quiet
        picture = theme.pixmap(self._icon, 24, ink, self.devicePixelRatioF())
        painter.drawPixmap(int(pill.center().x() - 12), int(pill.center().y() - 12), picture)
        if self._progress is not None:
            ring = QRectF(pill.right() - 13, pill.top() - 3, 14, 14)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.surface))
            painter.drawEllipse(ring.adjusted(-2, -2, 2, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(c.line), 3))
            painter.drawEllipse(ring)
            painter.setPen(QPen(QColor(c.practice), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawArc(ring, 90 * 16, -round(self._progress * 360 * 16))
        font = QFont(self.font())
        font.setPixelSize(theme.SMALL)
        font.setWeight(QFont.Weight.DemiBold if lit else QFont.Weight.Medium)
        painter.setFont(font)
        painter.setPen(QColor(c.text if lit or self.underMouse() else c.quiet))
        painter.drawText(QRectF(0, 40, WIDTH, 18), Qt.AlignmentFlag.AlignCenter, self.text())


class Rail(QFrame):
    """The buttons, one for each place, in order."""

    chosen = Signal(str)

    def __init__(self, places: list[tuple[str, str, str]], parent: QWidget | None = None) -> None:
        """Args:
        places: key, title and icon name of each.
        """
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(self.tr("Places"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 1, 8)
        column.setSpacing(4)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self.buttons: dict[str, RailButton] = {}
        for number, (key, title, icon) in enumerate(places, 1):
            button = RailButton(title, icon)
            button.setToolTip(theme.literal(f"{title}  (Ctrl+{number})"))
            button.clicked.connect(lambda _=False, chosen=key: self.chosen.emit(chosen))
            self._group.addButton(button)
            self.buttons[key] = button
            column.addWidget(button)
        column.addStretch(1)

    def turn_to(self, key: str) -> None:
        """Light up a place."""
        button = self.buttons.get(key)
        if button is not None:
            button.setChecked(True)

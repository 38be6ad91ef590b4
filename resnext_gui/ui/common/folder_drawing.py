"""A drawing of what to drop: a folder with one sub-folder per label, each with photographs."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnext_gui.ui.common import theme

WIDTH, HEIGHT = 402.0, 288.0
LARGEST = 1.4
ROW = 72.0
TILE = 52.0

# Photographs are the colour of the program, in light and in dark: (sky or ground, second colour) of each tile.
_GROUNDS = {
    "daisy": ("#7FA650", "#94B563", "#6C9447", "#88AC5A"),
    "rose": ("#3F5B4A", "#4A6A57", "#35503F", "#54745F"),
    "tulip": ("#9CC4E4", "#B4D3EA", "#8AB8DD", "#A8CCE8"),
}


class FolderDrawing(QWidget):
    """The drawing; scales with the room it gets."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 168)
        self.setAccessibleName(self.tr("A folder called Flowers with the sub-folders daisy, rose and tulip"))
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Its natural size."""
        return QSize(int(WIDTH), int(HEIGHT))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the tree."""
        c = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scale = min(self.width() / WIDTH, self.height() / HEIGHT, LARGEST)
        painter.translate((self.width() - WIDTH * scale) / 2, (self.height() - HEIGHT * scale) / 2)
        painter.scale(scale, scale)
        _folder(painter, QRectF(2, 2, 60, 46), c.accent, c.accent_soft)
        _text(painter, QRectF(76, 8, 240, 32), self.tr("Flowers"), 18, c.text, bold=True)
        painter.setPen(QPen(QColor(c.edge), 1.5))
        names = {"daisy": self.tr("daisy"), "rose": self.tr("rose"), "tulip": self.tr("tulip")}
        for row, (label, name) in enumerate(names.items()):
            top = 72 + row * (ROW + 4)
            middle = top + TILE / 2
            bend = QPainterPath(QPointF(28, 52 if row == 0 else middle - ROW - 4))
            bend.lineTo(28, middle - 10)
            bend.quadTo(28, middle, 38, middle)
            bend.lineTo(48, middle)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(c.edge), 1.5))
            painter.drawPath(bend)
            _folder(painter, QRectF(56, middle - 17, 44, 34), c.accent, c.accent_soft)
            _text(painter, QRectF(110, middle - 14, 60, 28), name, 15, c.text)
            for number in range(4):
                tile = QRectF(170 + number * (TILE + 6), top, TILE, TILE)
                _photograph(painter, tile, label, number)


def _text(painter: QPainter, rect: QRectF, text: str, size: int, colour: str, bold: bool = False) -> None:
    font = QFont(painter.font())
    font.setPixelSize(size)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _folder(painter: QPainter, rect: QRectF, line: str, fill: str) -> None:
    w, h, x, y = rect.width(), rect.height(), rect.left(), rect.top()
    r = h * 0.13
    path = QPainterPath(QPointF(x, y + h - r))
    path.lineTo(x, y + r)
    path.quadTo(x, y, x + r, y)
    path.lineTo(x + w * 0.34, y)
    path.quadTo(x + w * 0.40, y, x + w * 0.43, y + h * 0.08)
    path.lineTo(x + w * 0.48, y + h * 0.16)
    path.lineTo(x + w - r, y + h * 0.16)
    path.quadTo(x + w, y + h * 0.16, x + w, y + h * 0.16 + r)
    path.lineTo(x + w, y + h - r)
    path.quadTo(x + w, y + h, x + w - r, y + h)
    path.lineTo(x + r, y + h)
    path.quadTo(x, y + h, x, y + h - r)
    painter.setBrush(QColor(fill))
    painter.setPen(QPen(QColor(line), max(1.5, h / 24)))
    painter.drawPath(path)


def _photograph(painter: QPainter, tile: QRectF, label: str, number: int) -> None:
    painter.save()
    clip = QPainterPath()
    clip.addRoundedRect(tile, 6, 6)
    painter.setClipPath(clip)
    painter.fillRect(tile, QColor(_GROUNDS[label][number]))
    shift = ((-4, 2), (3, -3), (1, 4), (-2, -2))[number]
    size = TILE * (0.78, 0.62, 0.92, 0.70)[number]
    painter.translate(tile.center() + QPointF(*shift))
    painter.rotate((-12, 18, 4, -24)[number])
    painter.scale(size / 100, size / 100)
    painter.setPen(Qt.PenStyle.NoPen)
    {"daisy": _daisy, "rose": _rose, "tulip": _tulip}[label](painter, number)
    painter.restore()


def _daisy(painter: QPainter, number: int) -> None:
    painter.setBrush(QColor("#FDFCF7"))
    petals = 12 + number % 2
    for petal in range(petals):
        painter.save()
        painter.rotate(360 / petals * petal)
        painter.drawEllipse(QRectF(-8, -50, 16, 36))
        painter.restore()
    painter.setBrush(QColor("#F2B632"))
    painter.drawEllipse(QPointF(0, 0), 17, 17)


def _rose(painter: QPainter, number: int) -> None:
    shades = ("#B3202C", "#C8303A", "#D94A50", "#E9777A")
    for ring, shade in enumerate(shades):
        painter.setBrush(QColor(shade))
        radius = 46 - ring * 11
        path = QPainterPath()
        for step in range(61):
            angle = step / 60 * 2 * math.pi
            wave = radius * (1 + 0.10 * math.sin(5 * angle + ring * 1.3 + number))
            point = QPointF(wave * math.cos(angle), wave * math.sin(angle))
            if step == 0:
                path.moveTo(point)
            else:
                path.lineTo(point)
        painter.drawPath(path)


def _tulip(painter: QPainter, number: int) -> None:
    painter.setPen(QPen(QColor("#3E7C3A"), 8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(0, 14), QPointF(0, 70))
    painter.setPen(Qt.PenStyle.NoPen)
    main, side = (("#E8577E", "#C93B65"), ("#F28A3C", "#D96F22"), ("#8C4FB5", "#713A98"), ("#E8577E", "#C93B65"))[
        number
    ]
    painter.setBrush(QColor(side))
    for sign in (-1, 1):
        path = QPainterPath(QPointF(0, 22))
        path.cubicTo(sign * 44, 20, sign * 38, -26, sign * 28, -44)
        path.cubicTo(sign * 16, -34, 0, -20, 0, 22)
        painter.drawPath(path)
    painter.setBrush(QColor(main))
    path = QPainterPath(QPointF(0, 22))
    path.cubicTo(-26, 14, -22, -30, 0, -50)
    path.cubicTo(22, -30, 26, 14, 0, 22)
    painter.drawPath(path)

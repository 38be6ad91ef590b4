"""Photographs carried by the mouse from the grid to a label."""

from __future__ import annotations

import json

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QDrag, QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from resnext_gui.ui.common import theme, words

MIME = "application/x-resnext-gui-photographs"
"""What dragged tiles travel as: their ids, as JSON, inside this program only."""


def start_drag(source: QWidget, ids: list[int], thumb: QPixmap | None) -> None:
    """Let the mouse carry photographs until the button is released."""
    drag = QDrag(source)
    drag.setMimeData(carry(ids))
    drag.setPixmap(_card(source, len(ids), thumb))
    drag.setHotSpot(QPoint(16, 16))
    drag.exec(Qt.DropAction.MoveAction)


def carry(ids: list[int]) -> QMimeData:
    """Return what a drag of these photographs carries."""
    data = QMimeData()
    data.setData(MIME, QByteArray(json.dumps(ids).encode()))
    return data


def dragged(data: QMimeData) -> list[int]:
    """Return the photograph ids that a drag carries; empty for anything else."""
    if not data.hasFormat(MIME):
        return []
    try:
        ids = json.loads(bytes(data.data(MIME).data()).decode())
    except ValueError:
        return []
    return [int(i) for i in ids] if isinstance(ids, list) else []


def _card(source: QWidget, count: int, thumb: QPixmap | None) -> QPixmap:
    """Draw a small card with one picture and the number of photographs."""
    ratio = source.devicePixelRatioF()
    c = theme.colours()
    size = QSize(112, 112)
    card = QPixmap(size * ratio)
    card.setDevicePixelRatio(ratio)
    card.fill(Qt.GlobalColor.transparent)
    painter = QPainter(card)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setPen(QColor(c.edge))
    painter.setBrush(QColor(c.surface))
    painter.drawRoundedRect(4, 4, 96, 96, theme.RADIUS, theme.RADIUS)
    if thumb is not None:
        fit = thumb.deviceIndependentSize().toSize().scaled(84, 84, Qt.AspectRatioMode.KeepAspectRatio)
        painter.drawPixmap(QRect(QPoint(52 - fit.width() // 2, 52 - fit.height() // 2), fit), thumb)
    if count > 1:
        font = QFont(source.font())
        font.setPixelSize(theme.BODY)
        font.setBold(True)
        painter.setFont(font)
        text = words.number(count)
        width = max(24, QFontMetrics(font).horizontalAdvance(text) + 14)
        badge = QRect(size.width() - width, size.height() - 24, width, 24)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(c.accent))
        painter.drawRoundedRect(badge, 12, 12)
        painter.setPen(QColor(c.on_accent))
        painter.drawText(badge, int(Qt.AlignmentFlag.AlignCenter), text)
    painter.end()
    return card

"""A few photographs of a project in one small square, by which a person knows it again."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.common.picture import PictureStore

SIDE = 48
"""Of the square, in pixels before scaling."""

MOST = 4
"""Photographs in it."""

_GAP = 2.0
_RADIUS = 8.0


class Faces(QWidget):
    """Up to four photographs; an icon until the first is read, and where none can be."""

    def __init__(self, paths: Sequence[str], pictures: PictureStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paths = tuple(paths[:MOST])
        self._pictures = pictures
        self.setFixedSize(SIDE, SIDE)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        pictures.loaded.connect(self._on_loaded)
        theme.changed.connect(self.update)

    @property
    def images(self) -> list[QImage]:
        """Those that have been read by now; asks for the others."""
        side = round(SIDE * self.devicePixelRatioF())
        found = (self._pictures.get(path, side) for path in self._paths if not self._pictures.cannot(path, side))
        return [image for image in found if image is not None]

    def sizeHint(self) -> QSize:
        """Return the square's size."""
        return QSize(SIDE, SIDE)

    def _on_loaded(self, path: str, _side: int) -> None:
        if path in self._paths:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the photographs side by side, cut to one rounded square."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        square = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(square, _RADIUS, _RADIUS)
        painter.setClipPath(shape)
        images = self.images
        if not images:
            painter.fillRect(square, QColor(theme.colours().accent_soft))
            icon = theme.pixmap("image", 24, theme.colours().accent, self.devicePixelRatioF())
            painter.drawPixmap(SIDE // 2 - 12, SIDE // 2 - 12, icon)
            return
        for place, image in zip(places(square, len(images)), images, strict=True):
            painter.drawImage(place, image, _middle(image, place))


def places(square: QRectF, count: int) -> list[QRectF]:
    """Return where `count` photographs lie, 1 to 4: all of it, two halves, a half and two quarters, or quarters."""
    half = (square.width() - _GAP) / 2
    whole, far = square.width(), half + _GAP
    return {
        1: [QRectF(0, 0, whole, whole)],
        2: [QRectF(0, 0, half, whole), QRectF(far, 0, half, whole)],
        3: [QRectF(0, 0, half, whole), QRectF(far, 0, half, half), QRectF(far, far, half, half)],
        4: [QRectF(x, y, half, half) for y in (0, far) for x in (0, far)],
    }[count]


def _middle(image: QImage, place: QRectF) -> QRectF:
    """Return the largest part in the middle of `image` that has the shape of `place`."""
    scale = min(image.width() / place.width(), image.height() / place.height())
    part = QRectF(0, 0, place.width() * scale, place.height() * scale)
    part.moveCenter(QRectF(image.rect()).center())
    return part

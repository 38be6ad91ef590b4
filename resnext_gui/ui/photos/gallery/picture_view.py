"""A picture that can be zoomed around the mouse and moved by it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnext_gui.ui.common import theme

LARGEST = 16.0
"""A pixel of the picture becomes at most so many of the screen's."""

PIXELS_FROM = 4.0
"""From this scale on pixels are drawn as squares."""

NOTCH = 1.25
"""One notch of the wheel zooms by this factor."""


class PictureView(QWidget):
    """Shows one picture, fitted at first.

    Lengths: the picture is measured in its own pixels ("full size"), which may be more than were loaded; `scale` is
    how many device pixels one of them takes.
    """

    detail_wanted = Signal()
    """The picture is shown larger than it was loaded."""
    scale_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap: QPixmap | None = None
        self._full = QSize()
        self._scale = 1.0
        self._fitted = True
        self._centre = QPointF(0.5, 0.5)
        self._hold: QPointF | None = None
        self._pixelated = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        theme.changed.connect(self._repaint)

    # ---- what is shown

    def show_image(self, image: QImage, full: QSize, *, keep_view: bool = False, pixelated: bool = False) -> None:
        """Show `image`, which stands for a picture of `full` pixels.

        Args:
            image: what was loaded.
            full: size of the original.
            keep_view: the same picture in more detail: zoom and place stay.
            pixelated: enlarge without smoothing, so that every pixel can be told.
        """
        self._pixmap = QPixmap.fromImage(image)
        self._full = full if full.isValid() else image.size()
        self._pixelated = pixelated
        if not keep_view:
            self.fit()
        elif self._fitted:
            self._scale = self._fit_scale()
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._pixmap = None
        self._full = QSize()
        self.update()

    @property
    def empty(self) -> bool:
        """Whether nothing is shown."""
        return self._pixmap is None

    @property
    def full(self) -> QSize:
        """Size of the original in pixels."""
        return self._full

    @property
    def loaded(self) -> QSize:
        """How many pixels were loaded."""
        return self._pixmap.size() if self._pixmap is not None else QSize()

    @property
    def scale(self) -> float:
        """Device pixels for one pixel of the picture."""
        return self._scale

    @property
    def fitted(self) -> bool:
        """Whether the whole picture is shown."""
        return self._fitted

    # ---- zoom

    def _fit_scale(self) -> float:
        if self._full.isEmpty():
            return 1.0
        ratio = self.devicePixelRatioF()
        fit = min(self.width() * ratio / self._full.width(), self.height() * ratio / self._full.height())
        # Small pictures are enlarged too, but not beyond what shows their pixels.
        return min(fit, 8.0) if self._pixelated else min(fit, 3.0)

    def fit(self) -> None:
        """Show the whole picture."""
        self._fitted = True
        self._centre = QPointF(0.5, 0.5)
        self._set_scale(self._fit_scale())

    def actual(self, at: QPointF | None = None) -> None:
        """Let one pixel of the picture be one of the screen, around `at` (this widget's coordinates)."""
        self.zoom_to(1.0, at)

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom by `factor` around a point that stays where it is; None: the middle."""
        self.zoom_to(self._scale * factor, at)

    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """Zoom to `scale` around a point that stays where it is; None: the middle."""
        if self._full.isEmpty():
            return
        least = self._fit_scale()
        scale = max(min(least, 1.0), min(LARGEST, scale))
        if scale <= least * 1.001 and scale != 1.0:
            self.fit()
            return
        at = at if at is not None else QPointF(self.width() / 2, self.height() / 2)
        fixed = self.to_picture(at)
        self._fitted = False
        self._scale = scale
        size = self._shown_size()
        self._centre = QPointF(
            fixed.x() - (at.x() - self.width() / 2) / size.width(),
            fixed.y() - (at.y() - self.height() / 2) / size.height(),
        )
        self._keep_inside()
        self._set_scale(scale)

    def _set_scale(self, scale: float) -> None:
        self._scale = scale
        if self._pixmap is not None and self._full.width() * scale > self._pixmap.width() * 1.05:
            self.detail_wanted.emit()
        self.scale_changed.emit()
        self.update()

    def _shown_size(self) -> QSizeF:
        ratio = self.devicePixelRatioF()
        return QSizeF(self._full.width() * self._scale / ratio, self._full.height() * self._scale / ratio)

    def picture_rect(self) -> QRectF:
        """Return where the picture lies, in this widget's coordinates."""
        size = self._shown_size()
        return QRectF(
            self.width() / 2 - self._centre.x() * size.width(),
            self.height() / 2 - self._centre.y() * size.height(),
            size.width(),
            size.height(),
        )

    def to_picture(self, point: QPointF) -> QPointF:
        """Return where in the picture a point of this widget is, 0..1 in both directions inside it."""
        rect = self.picture_rect()
        if rect.isEmpty():
            return QPointF(0.5, 0.5)
        return QPointF((point.x() - rect.left()) / rect.width(), (point.y() - rect.top()) / rect.height())

    def move_by(self, dx: float, dy: float) -> None:
        """Move the picture by so many logical pixels."""
        size = self._shown_size()
        if size.isEmpty():
            return
        self._centre -= QPointF(dx / size.width(), dy / size.height())
        self._keep_inside()
        self.update()

    def _keep_inside(self) -> None:
        """No empty space beside a picture that is larger than the view, and the middle for one that is smaller."""
        size = self._shown_size()

        def bound(centre: float, shown: float, room: float) -> float:
            half = room / 2 / shown if shown else 0.5
            return 0.5 if half >= 0.5 else max(half, min(1.0 - half, centre))

        self._centre = QPointF(
            bound(self._centre.x(), size.width(), self.width()), bound(self._centre.y(), size.height(), self.height())
        )

    # ---- events

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the picture."""
        if self._pixmap is None:
            return
        painter = QPainter(self)
        # From some enlargement on a person wants to see the pixels themselves.
        smooth = not (self._pixelated or (self._scale >= PIXELS_FROM and not self._fitted))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawPixmap(self.picture_rect(), self._pixmap, QRectF(self._pixmap.rect()))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A fitted picture stays fitted."""
        super().resizeEvent(event)
        if self._fitted:
            self._scale = self._fit_scale()
            self._set_scale(self._scale)
        else:
            self._keep_inside()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the screen's scale."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange and self._fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the mouse."""
        steps = event.angleDelta().y() / 120
        if steps:
            self.zoom(NOTCH**steps, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the picture."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._hold = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move it."""
        if self._hold is not None:
            moved = event.position() - self._hold
            self._hold = event.position()
            self.move_by(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Let go."""
        self._hold = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Between the whole picture and actual pixels."""
        if self._fitted:
            self.actual(event.position())
        else:
            self.fit()

    def _repaint(self) -> None:
        self.update()

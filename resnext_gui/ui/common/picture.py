"""Pictures kept in memory by path and size, and one shown large."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QFileInfo, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.common.pictures import Decoded, PictureLoader

CACHE_BYTES = 48 << 20
WAITING_AT_MOST = 400
"""Requests kept; of more than this the oldest are forgotten, since nobody looks at them any more."""

Key = tuple[str, int]


class PictureStore(QObject):
    """The pictures that were looked at last, ready to be drawn, and a loader for the others."""

    loaded = Signal(str, int)
    failed = Signal(str, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._take)
        self._pending: OrderedDict[Key, None] = OrderedDict()
        self._failed: set[Key] = set()
        self._kept: OrderedDict[Key, QImage] = OrderedDict()
        self._bytes = 0

    def close(self) -> None:
        """End the reading thread."""
        self._loader.close()

    def get(self, path: str, side: int) -> QImage | None:
        """Return the picture if it is at hand; otherwise ask for it, and `loaded` or `failed` follows.

        Args:
            path: the file.
            side: pixels that its shorter side needs.
        """
        key = (path, side)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        if key not in self._pending and key not in self._failed:
            self._pending[key] = None
            self._loader.request(key, path, QSize(side, side), cover=True)
            if len(self._pending) > WAITING_AT_MOST:
                oldest = next(iter(self._pending))
                if self._loader.forget(oldest):
                    del self._pending[oldest]
        return None

    def cannot(self, path: str, side: int) -> bool:
        """Whether reading it was tried and failed."""
        return (path, side) in self._failed

    def _take(self, decoded: Decoded) -> None:
        key = decoded.key
        if not isinstance(key, tuple) or key not in self._pending:
            return
        del self._pending[key]
        image = decoded.image
        if image.isNull():
            self._failed.add(key)
            self.failed.emit(*key)
            return
        self._kept[key] = image
        self._bytes += image.sizeInBytes()
        while self._bytes > CACHE_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].sizeInBytes()
        self.loaded.emit(*key)


def draw_picture(painter: QPainter, area: QRectF, image: QImage, fill: bool, radius: float = 8.0) -> QRectF:
    """Draw `image` into `area` with round corners, covering it (`fill`) or whole.  Returns where it lies."""
    mode = Qt.AspectRatioMode.KeepAspectRatioByExpanding if fill else Qt.AspectRatioMode.KeepAspectRatio
    size = image.size().scaled(area.size().toSize(), mode)
    place = QRectF(0, 0, size.width(), size.height())
    place.moveCenter(area.center())
    shown = place.intersected(area)
    painter.save()
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    path = QPainterPath()
    path.addRoundedRect(shown, radius, radius)
    painter.setClipPath(path)
    painter.drawImage(place, image)
    painter.restore()
    return shown


class PictureView(QWidget):
    """One picture, as large as there is room; a word instead while it is read or where it cannot be."""

    def __init__(self, loader: PictureStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._path = ""
        self._side = 0
        self._image: QImage | None = None
        self._substitute = ""
        self._words = ""
        self.setMinimumSize(200, 160)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(120)
        self._settle.timeout.connect(self._want)
        loader.loaded.connect(self._on_loaded)
        loader.failed.connect(self._on_loaded)
        theme.changed.connect(self.update)

    wants_substitute = Signal(str)
    """This file cannot be read here; `set_substitute` may give another file that shows it."""

    def sizeHint(self) -> QSize:
        """The size of the design."""
        return QSize(744, 608)

    @property
    def path(self) -> str:
        """What is shown."""
        return self._path

    @property
    def shown(self) -> bool:
        """Whether the picture itself can be seen by now."""
        return self._image is not None

    def set_path(self, path: str, words: str = "") -> None:
        """Show the picture at `path`; `words` stand there if it cannot be shown."""
        if path == self._path:
            self._words = words
            self.update()
            return
        self._path, self._words, self._image, self._substitute = path, words, None, ""
        self.setAccessibleName(QFileInfo(path).fileName())
        self._want()
        self.update()

    def set_substitute(self, path: str, substitute: str) -> None:
        """Show the file `substitute` in place of `path`, if that is still what is wanted."""
        if path == self._path and substitute:
            self._substitute = substitute
            self._want()

    def _want(self) -> None:
        if not self._path:
            return
        # In steps, so that small changes of the window's size read nothing anew.
        longest = max(self.width(), self.height()) * self.devicePixelRatioF()
        self._side = max(256, -(-int(longest) // 256) * 256)
        source = self._substitute or self._path
        image = self._loader.get(source, self._side)
        if image is not None:
            self._image = image
            self.update()
        elif self._loader.cannot(source, self._side):
            self._on_loaded(source, self._side)

    def _on_loaded(self, path: str, side: int) -> None:
        if path != (self._substitute or self._path) or side != self._side:
            return
        if self._loader.cannot(path, side):
            if not self._substitute and self._image is None:
                self.wants_substitute.emit(path)
            self.update()
            return
        self._image = self._loader.get(path, side)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Read the picture again at the new size, once that has settled."""
        super().resizeEvent(event)
        self._settle.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture or the words."""
        del event
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self._image is not None:
            draw_picture(painter, area, self._image, fill=False, radius=theme.RADIUS)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        words = self._words if self._loader.cannot(self._path, self._side) or not self._path else ""
        painter.setPen(theme.colour("quiet"))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(area.adjusted(24, 24, -24, -24), int(flags), words)

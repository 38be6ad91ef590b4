"""Pictures read on a thread of their own, and one shown large."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from PySide6.QtCore import QFileInfo, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QImageReader, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from resnext_gui.ui import theme

CACHE_BYTES = 48 << 20
WAITING_AT_MOST = 400
"""Requests kept; of more than this the oldest are forgotten, since nobody looks at them any more."""

Key = tuple[str, int]


def read_picture(path: str, side: int) -> QImage:
    """Return the picture at `path`, upright, reduced so that it just covers a square of `side` pixels.

    A picture that Qt cannot read gives a null image.
    """
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)
    size = reader.size()
    if size.isValid() and min(size.width(), size.height()) > side:
        # JPEG is decoded at the smaller size at once: a tenth of the time and memory.
        reader.setScaledSize(size.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
    image = reader.read()
    if not image.isNull() and image.format() != QImage.Format.Format_ARGB32_Premultiplied:
        image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return image


class _Reader:
    """The reading thread and its queue.  Knows nothing of widgets, so it may outlive them."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._wanted: deque[Key] = deque()
        self._closed = False
        self._thread: threading.Thread | None = None
        self.results: deque[tuple[Key, QImage]] = deque()

    def ask(self, key: Key) -> None:
        with self._ready:
            self._wanted.append(key)
            while len(self._wanted) > WAITING_AT_MOST:
                forgotten = self._wanted.popleft()
                self.results.append((forgotten, QImage()))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
                self._thread.start()
            self._ready.notify()

    def close(self) -> None:
        with self._ready:
            self._closed = True
            self._wanted.clear()
            self._ready.notify_all()

    def _run(self) -> None:
        while True:
            with self._ready:
                # A thread with nothing to do for a while ends; the next request starts another.
                if not self._wanted and not self._closed:
                    self._ready.wait(2.0)
                if self._closed or not self._wanted:
                    self._thread = None
                    return
                key = self._wanted.pop()
            self.results.append((key, read_picture(*key)))


class PictureLoader(QObject):
    """Reads pictures off the window's thread, newest request first, and keeps the last ones in memory."""

    loaded = Signal(str, int)
    failed = Signal(str, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader = _Reader()
        self._pending: set[Key] = set()
        self._failed: set[Key] = set()
        self._kept: OrderedDict[Key, QImage] = OrderedDict()
        self._bytes = 0
        # The thread leaves results in a queue and this timer collects them: no signal ever crosses threads.
        self._collect = QTimer(self)
        self._collect.setInterval(15)
        self._collect.timeout.connect(self._take)
        self.destroyed.connect(self._reader.close)

    def close(self) -> None:
        """End the reading thread."""
        self._collect.stop()
        self._reader.close()

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
            self._pending.add(key)
            self._reader.ask(key)
            if not self._collect.isActive():
                self._collect.start()
        return None

    def cannot(self, path: str, side: int) -> bool:
        """Whether reading it was tried and failed."""
        return (path, side) in self._failed

    def _take(self) -> None:
        for _ in range(24):
            try:
                key, image = self._reader.results.popleft()
            except IndexError:
                break
            if key not in self._pending:
                continue
            self._pending.discard(key)
            if image.isNull():
                self._failed.add(key)
                self.failed.emit(*key)
                continue
            self._kept[key] = image
            self._bytes += image.sizeInBytes()
            while self._bytes > CACHE_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].sizeInBytes()
            self.loaded.emit(*key)
        if not self._pending:
            self._collect.stop()


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

    def __init__(self, loader: PictureLoader, parent: QWidget | None = None) -> None:
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

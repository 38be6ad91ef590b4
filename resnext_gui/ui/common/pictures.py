"""Pictures from disk, decoded on a thread of their own, so that the window never waits for a drive or a decoder."""

from __future__ import annotations

import io
import struct
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PySide6.QtCore import QCoreApplication, QObject, QRectF, QSize, Qt, QThread, QTimer, Signal
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader, QPainter, QPainterPath, QPixmap, QTransform

MOST_PIXELS = 24_000_000
"""Larger pictures are shown reduced: 24 megapixels take 96 MB, and the window is to stay under 400."""

A_TURN = 12
"""So many decoded pictures are handed over in one turn of the event loop."""


@dataclass(frozen=True, slots=True)
class _Wish:
    key: Hashable
    path: str
    bound: QSize | None
    radius: float
    cover: bool


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture from disk.

    Attributes:
        key: what it was requested under.
        image: the picture, upright; null where it could not be read.
        full: size of the original in pixels, upright; invalid where unknown.
        problem: why it could not be read; empty otherwise.
    """

    key: Hashable
    image: QImage
    full: QSize
    problem: str


_BEGINNINGS = {
    b"\xff\xd8\xff": b"jpeg",
    b"\x89PNG": b"png",
    b"GIF8": b"gif",
    b"BM": b"bmp",
    b"II*\0": b"tiff",
    b"MM\0*": b"tiff",
}


def picture_format(path: str) -> bytes:
    """Return Qt's name for the format of the file at `path` by how it begins, empty where it is none of ours.

    None of ours are also those that Qt shows otherwise than they are learned from, such as samples of more than 8 bits,
    or a raw file's thumbnail: these are shown from the preview that the engine makes.
    """
    try:
        if not Path(path).is_file():  # a pipe would never end
            return b""
        with Path(path).open("rb") as file:
            head = file.read(26)
            kind = next((kind for beginning, kind in _BEGINNINGS.items() if head.startswith(beginning)), b"")
            if kind == b"tiff" and not (path.lower().endswith((".tif", ".tiff")) and _plain_tiff(file)):
                return b""
    except (OSError, ValueError, struct.error):
        return b""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return b"webp"
    return b"" if kind == b"png" and head[24:25] == b"\x10" else kind


def _plain_tiff(file: IO[bytes]) -> bool:
    """Tell whether the first picture of a TIFF is grey or RGB with 8 bits, and not a small copy of another one."""
    tags = _tags(file)
    bits = tags.get(_BITS, ())
    small = tags.get(_SUBFILE, (0,))[0] & 1
    return 0 < len(bits) <= 4 and set(bits) == {8} and not small and tags.get(_PHOTOMETRIC, (9,))[0] <= 2


def _tags(file: IO[bytes]) -> dict[int, tuple[int, ...]]:
    """Return the few whole numbers that matter here of the first directory of a TIFF, which EXIF is as well."""
    file.seek(0)
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    file.seek(struct.unpack_from(order + "I", head, 4)[0])
    body = file.read(2)
    body += file.read(12 * struct.unpack(order + "H", body)[0])
    found: dict[int, tuple[int, ...]] = {}
    for at in range(2, len(body) - 11, 12):
        tag, kind, number, value = struct.unpack_from(order + "HHII", body, at)
        if kind not in (3, 4) or not 0 < number <= 8:
            continue
        layout = f"{order}{number}{'H' if kind == 3 else 'I'}"
        if struct.calcsize(layout) <= 4:
            found[tag] = struct.unpack_from(layout, body, at + 8)
        else:
            file.seek(value)
            found[tag] = struct.unpack(layout, file.read(struct.calcsize(layout)))
    return found


_SUBFILE, _BITS, _PHOTOMETRIC, _ORIENTATION = 254, 258, 262, 274

_CHUNKS = 4096


def _turn(path: str, kind: bytes) -> QTransform | None:
    """Return how a PNG or WebP is to be turned by its EXIF, which Qt passes over; None for one that is upright."""
    try:
        with Path(path).open("rb") as file:
            file.seek(8 if kind == b"png" else 12)
            for _ in range(_CHUNKS):
                head = file.read(8)
                if len(head) < 8:
                    return None
                name = head[4:] if kind == b"png" else head[:4]
                size = struct.unpack(">I", head[:4])[0] if kind == b"png" else struct.unpack("<I", head[4:])[0]
                if name in (b"eXIf", b"EXIF"):
                    return _TURNS.get(
                        _tags(io.BytesIO(file.read(size).removeprefix(b"Exif\0\0"))).get(_ORIENTATION, (1,))[0]
                    )
                file.seek(size + 4 if kind == b"png" else size + size % 2, io.SEEK_CUR)
    except (OSError, ValueError, struct.error):
        pass
    return None


_TURNS = {
    2: QTransform(-1, 0, 0, 1, 0, 0),
    3: QTransform(-1, 0, 0, -1, 0, 0),
    4: QTransform(1, 0, 0, -1, 0, 0),
    5: QTransform(0, 1, 1, 0, 0, 0),
    6: QTransform(0, 1, -1, 0, 0, 0),
    7: QTransform(0, -1, -1, 0, 0, 0),
    8: QTransform(0, -1, 1, 0, 0, 0),
}
"""EXIF orientation to what makes a picture upright."""


def read_picture(
    path: str, bound: QSize | None = None, radius: float = 0.0, cover: bool = False
) -> tuple[QImage, QSize, str]:
    """Read a picture upright, reduced to fit `bound` (pixels) but never enlarged.

    JPEG is decoded at the smaller size at once: a tenth of the time and memory.

    Args:
        path: the file.
        bound: None reads all of it, up to `MOST_PIXELS`.
        radius: corners are rounded by so many pixels.
        cover: reduce it only so far that it still covers `bound`.

    Returns:
        the picture (null if it cannot be read), the original's size, and why it cannot be read.
    """
    kind = picture_format(path)
    if not kind:
        return QImage(), QSize(), QCoreApplication.translate("pictures", "This is no picture that can be shown here.")
    # Never left to Qt: to find the format it asks every reader, and that of SVG makes signal connections while it
    # holds Python's lock, for which the window's thread may be waiting with the lock of the connections in its hand.
    reader = QImageReader(path, kind)
    reader.setAutoDetectImageFormat(False)
    reader.setAutoTransform(True)
    raw = reader.size()
    turn = _turn(path, kind) if kind in (b"png", b"webp") else None
    turned = bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)
    turned = turned or (turn is not None and turn.m12() != 0)
    full = raw.transposed() if turned else raw
    if raw.isValid():
        goal = _goal(full, bound, cover)
        if goal != full:
            reader.setScaledSize(goal.transposed() if turned else goal)
    image = reader.read()
    if image.isNull():
        return image, full, reader.errorString()
    if turn is not None:
        image = image.transformed(turn)
    if not full.isValid():
        full = image.size()
        goal = _goal(full, bound, cover)
        if goal != full:
            image = image.scaled(goal, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    if radius > 0:
        return rounded(image, radius), full, ""
    if image.format() not in (QImage.Format.Format_RGB32, QImage.Format.Format_ARGB32_Premultiplied):
        image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)  # drawn without another conversion
    return image, full, ""


def _goal(full: QSize, bound: QSize | None, cover: bool) -> QSize:
    goal = QSize(full)
    if bound is not None:
        wider, higher = full.width() > bound.width(), full.height() > bound.height()
        if (wider and higher) if cover else (wider or higher):
            modes = Qt.AspectRatioMode
            goal = full.scaled(bound, modes.KeepAspectRatioByExpanding if cover else modes.KeepAspectRatio)
    pixels = goal.width() * goal.height()
    if pixels > MOST_PIXELS:
        goal = goal * ((MOST_PIXELS / pixels) ** 0.5)
    return goal.expandedTo(QSize(1, 1))


def rounded(image: QImage, radius: float) -> QImage:
    """Return `image` with its corners rounded by `radius` pixels, ready to be drawn fast."""
    out = QImage(image.size(), QImage.Format.Format_ARGB32_Premultiplied)
    out.fill(Qt.GlobalColor.transparent)
    painter = QPainter(out)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = QPainterPath()
    path.addRoundedRect(QRectF(out.rect()), radius, radius)
    painter.setClipPath(path)
    painter.drawImage(0, 0, image)
    painter.end()
    return out


class _Decoder(QThread):
    """Takes wishes, newest first, and leaves results in a queue.  Ends by itself after a while without wishes."""

    IDLE_SECONDS = 2.0

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self.wishes: OrderedDict[Hashable, _Wish] = OrderedDict()
        self.results: deque[Decoded] = deque()
        self.condition = threading.Condition()
        self.closing = False
        self.alive = False
        self._tell = tell

    def wish(self, wish: _Wish) -> None:
        with self.condition:
            if self.closing:
                return
            self.wishes[wish.key] = wish
            self.wishes.move_to_end(wish.key)
            if self.alive:
                self.condition.notify()
                return
            self.alive = True
        self.wait()  # the thread that has just decided to end
        self.start(QThread.Priority.LowPriority)

    def run(self) -> None:
        while True:
            with self.condition:
                if not self.wishes and not self.closing:
                    self.condition.wait(self.IDLE_SECONDS)
                if self.closing or not self.wishes:
                    self.alive = False
                    return
                wish = self.wishes.popitem(last=True)[1]
            image, full, problem = read_picture(wish.path, wish.bound, wish.radius, wish.cover)
            first = not self.results
            self.results.append(Decoded(wish.key, image, full, problem))
            if first:  # one signal for many results
                self._tell()

    def close(self) -> None:
        with self.condition:
            self.closing = True
            self.wishes.clear()
            self.condition.notify()
        self.wait()


class PictureLoader(QObject):
    """Reads pictures from disk, the newest wish first, and hands them over a few at a time."""

    loaded = Signal(object)
    """A `Decoded`."""

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._decoder = _Decoder(self._tell)
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(0)
        self._more.timeout.connect(self._hand_over)
        self._arrived.connect(self._hand_over, Qt.ConnectionType.QueuedConnection)
        # A thread must not outlive the object that owns it, and the application not the thread.
        self.destroyed.connect(self._decoder.close)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self._decoder.close)

    def request(
        self, key: Hashable, path: str, bound: QSize | None = None, radius: float = 0.0, cover: bool = False
    ) -> None:
        """Read the picture at `path` as `read_picture` does and announce it by `loaded` under `key`."""
        self._decoder.wish(_Wish(key, path, bound, radius, cover))

    def forget(self, key: Hashable) -> bool:
        """Take a wish back; returns whether it had not begun yet."""
        with self._decoder.condition:
            return self._decoder.wishes.pop(key, None) is not None

    def pending(self, key: Hashable) -> bool:
        """Whether `key` waits for its turn."""
        return key in self._decoder.wishes

    def keep_only(self, keys: Iterable[Hashable]) -> list[Hashable]:
        """Forget the wishes that have not begun, but for `keys`; returns what was forgotten."""
        kept = set(keys)
        with self._decoder.condition:
            forgotten = [key for key in self._decoder.wishes if key not in kept]
            for key in forgotten:
                del self._decoder.wishes[key]
        return forgotten

    def close(self) -> None:
        """Forget all wishes and end the thread."""
        self._decoder.close()

    def _tell(self) -> None:
        try:
            self._arrived.emit()
        except RuntimeError:
            return  # the window is being torn down

    def _hand_over(self) -> None:
        for _ in range(A_TURN):
            if not self._decoder.results:
                return
            self.loaded.emit(self._decoder.results.popleft())
        if self._decoder.results:
            self._more.start()


class Thumbs(QObject):
    """Thumbnails ready to be drawn: a bounded store of pixmaps, filled by the engine's files.

    A missing thumbnail is asked for once things have come to rest, and again when no answer came for a while.
    """

    changed = Signal(int)
    """The photograph whose thumbnail can be drawn now (or is known to be missing for good)."""

    wanted = Signal(list)
    """Photographs whose thumbnails should be made, the visible ones first."""

    REST_MS = 40
    ASK_AGAIN_MS = 4000
    MOST_PATHS = 20_000

    def __init__(self, parent: QObject | None = None, most_bytes: int = 64 << 20) -> None:
        super().__init__(parent)
        self.most_bytes = most_bytes
        self.bytes = 0
        self._pixmaps: OrderedDict[int, QPixmap] = OrderedDict()
        self._paths: OrderedDict[int, str] = OrderedDict()
        self._failed: set[int] = set()
        self._vanished: set[int] = set()
        self._side = 0
        self._radius = 0.0
        self._ratio = 1.0
        self._wish: list[int] = []
        self._reading: set[Hashable] = set()
        self._closed = False
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._decoded)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._ask)

    def __len__(self) -> int:
        return len(self._pixmaps)

    def set_box(self, side: int, radius: float, ratio: float) -> None:
        """Say how large thumbnails are drawn: a square of `side`, corners of `radius`, both before `ratio`."""
        if (side, radius, ratio) != (self._side, self._radius, self._ratio):
            self._side, self._radius, self._ratio = side, radius, ratio
            self._pixmaps.clear()
            self.bytes = 0
            self._reading.difference_update(self._loader.keep_only(()))

    def pixmap(self, photo_id: int) -> QPixmap | None:
        """Return the thumbnail, or None while there is none."""
        found = self._pixmaps.get(photo_id)
        if found is not None:
            self._pixmaps.move_to_end(photo_id)
        return found

    def failed(self, photo_id: int) -> bool:
        """Whether no thumbnail can be made."""
        return photo_id in self._failed

    def path(self, photo_id: int) -> str:
        """Return the thumbnail's file, or an empty string while it is not known."""
        return self._paths.get(photo_id, "")

    def want(self, visible: Iterable[int], ahead: Iterable[int] = ()) -> None:
        """Say what is on screen now, and what may come into view next."""
        if self._closed:
            return
        visible = list(visible)
        known: list[int] = []
        wish: list[int] = []
        for photo_id in (*visible, *ahead):
            if photo_id in self._pixmaps or photo_id in self._failed:
                continue
            (known if photo_id in self._paths else wish).append(photo_id)
        self._reading.difference_update(self._loader.keep_only((photo_id, self._side) for photo_id in known))
        for photo_id in reversed(known):  # the newest wish is read first
            self._read(photo_id)
        if wish != self._wish:
            self._wish = wish
            self._rest.start(self.REST_MS)

    def arrived(self, photo_id: int, path: str) -> None:
        """Take note that the engine put a thumbnail at `path`; an empty path: none can be made."""
        if not path:
            self._failed.add(photo_id)
            self.changed.emit(photo_id)
            return
        self._failed.discard(photo_id)
        self._paths[photo_id] = path
        self._paths.move_to_end(photo_id)
        while len(self._paths) > self.MOST_PATHS:
            self._paths.popitem(last=False)
        if photo_id in self._wish:
            self._read(photo_id)

    def forget(self, photo_id: int) -> None:
        """Drop what is known of a photograph, because its file changed."""
        self._paths.pop(photo_id, None)
        self._failed.discard(photo_id)
        self._vanished.discard(photo_id)
        old = self._pixmaps.pop(photo_id, None)
        if old is not None:
            self.bytes -= _bytes(old)

    def clear(self) -> None:
        """Drop everything, because another project is shown."""
        self._paths.clear()
        self._failed.clear()
        self._vanished.clear()
        self._pixmaps.clear()
        self._wish.clear()
        self.bytes = 0
        self._reading.difference_update(self._loader.keep_only(()))

    def close(self) -> None:
        """Ask for nothing any more and end the thread that reads."""
        self._rest.stop()
        self._wish.clear()
        self._closed = True
        self._loader.close()

    def _ask(self) -> None:
        missing = [i for i in self._wish if i not in self._paths and i not in self._failed]
        if missing:
            self.wanted.emit(missing)
            self._rest.start(self.ASK_AGAIN_MS)

    def _read(self, photo_id: int) -> None:
        key = (photo_id, self._side)
        if key in self._reading:
            return
        self._reading.add(key)
        side = max(1, round(self._side * self._ratio))
        self._loader.request(key, self._paths[photo_id], QSize(side, side), self._radius * self._ratio)

    def _decoded(self, decoded: Decoded) -> None:
        if not isinstance(decoded.key, tuple):
            return
        photo_id, side = decoded.key
        self._reading.discard(decoded.key)
        if side != self._side:
            return
        if decoded.image.isNull():
            # The cache may be cleared at any time, and a full disk leaves half a file: it is made again once.
            self._paths.pop(photo_id, None)
            if photo_id in self._vanished:
                self._failed.add(photo_id)
            self._vanished.add(photo_id)
            self.changed.emit(photo_id)
            return
        self._vanished.discard(photo_id)
        pixmap = QPixmap.fromImage(decoded.image)
        pixmap.setDevicePixelRatio(self._ratio)
        old = self._pixmaps.pop(photo_id, None)
        if old is not None:
            self.bytes -= _bytes(old)
        self._pixmaps[photo_id] = pixmap
        self.bytes += _bytes(pixmap)
        while self.bytes > self.most_bytes and len(self._pixmaps) > 1:
            self.bytes -= _bytes(self._pixmaps.popitem(last=False)[1])
        self.changed.emit(photo_id)


def _bytes(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4

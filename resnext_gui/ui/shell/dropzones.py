"""The overlay that shows, while something is dragged over the window, where it can be dropped."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFont,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from resnext_gui.ui.common import dropping, theme

LEARN, ASK, OPEN = "learn", "ask", "open"


class DropZones(QWidget):
    """One zone or two, over everything."""

    dropped = Signal(str, object)
    """The zone, and what was dropped (`dropping.Dropped`)."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._zones: list[str] = []
        self._over = -1
        self.hide()
        self._texts = {
            LEARN: ("learn", self.tr("Learn from these"), self.tr("They join the photographs of this project")),
            ASK: ("classify", self.tr("What are these?"), self.tr("The model answers for each picture")),
            OPEN: ("folder-open", self.tr("Drop it here"), self.tr("A folder with one sub-folder per label")),
        }

    @property
    def zones(self) -> list[str]:
        """The zones that are shown, left to right; empty while nothing is dragged."""
        return list(self._zones) if self.isVisible() else []

    def open_up(self, zones: list[str]) -> None:
        """Show `zones` (`LEARN`, `ASK`, `OPEN`) over the whole parent."""
        self._zones = zones
        self._over = -1
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()

    def zone_rects(self) -> list[QRectF]:
        """Return where the zones are."""
        count = max(1, len(self._zones))
        room = QRectF(self.rect()).adjusted(32, 32, -32, -32)
        width = (room.width() - 24 * (count - 1)) / count
        return [QRectF(room.left() + i * (width + 24), room.top(), width, room.height()) for i in range(count)]

    def _at(self, x: float) -> int:
        for number, rect in enumerate(self.zone_rects()):
            if x <= rect.right() + 12:
                return number
        return len(self._zones) - 1

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take over from the window."""
        if dropping.is_welcome(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Light up the zone under the pointer."""
        over = self._at(event.position().x())
        if over != self._over:
            self._over = over
            self.update()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The pointer left the window."""
        self.hide()
        event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell what was dropped, and where."""
        zone = self._zones[self._at(event.position().x())]
        found = dropping.read(event.mimeData())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.hide()
        self.dropped.emit(zone, found)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the zones over a veil."""
        c = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(c.ground)
        veil.setAlphaF(0.92)
        painter.fillRect(self.rect(), veil)
        for number, (zone, rect) in enumerate(zip(self._zones, self.zone_rects(), strict=True)):
            lit = number == self._over
            painter.setBrush(QColor(c.accent_soft if lit else c.surface))
            pen = QPen(QColor(c.accent if lit else c.edge), 3 if lit else 2)
            pen.setDashPattern([4, 3])
            painter.setPen(pen)
            painter.drawRoundedRect(rect, 16, 16)
            icon, title, hint = self._texts[zone]
            middle = rect.center()
            picture = theme.pixmap(icon, 64, c.accent if lit else c.quiet, self.devicePixelRatioF())
            painter.drawPixmap(int(middle.x() - 32), int(middle.y() - 84), picture)
            font = QFont(self.font())
            font.setPixelSize(theme.TITLE)
            font.setWeight(QFont.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(QColor(c.text))
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(rect.left() + 16, middle.y(), rect.width() - 32, 40), flags, title)
            font.setPixelSize(theme.LEAD)
            font.setWeight(QFont.Weight.Normal)
            painter.setFont(font)
            painter.setPen(QColor(c.quiet))
            painter.drawText(QRectF(rect.left() + 16, middle.y() + 44, rect.width() - 32, 60), flags, hint)

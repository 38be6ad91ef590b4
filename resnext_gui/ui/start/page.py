"""The first page: one thing to do, and projects opened before."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from resnext_gui.ui.common import dropping, theme, words
from resnext_gui.ui.common.elided import Elided
from resnext_gui.ui.common.folder_drawing import FolderDrawing
from resnext_gui.ui.common.picture import PictureStore
from resnext_gui.ui.start.faces import Faces
from resnext_gui.ui.system.settings import Recent

SHOWN = 4
"""Recent projects in the row."""


class DropArea(QFrame):
    """The large area: takes drops, and lights up while something is over it."""

    dropped = Signal(object)
    """`dropping.Dropped`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._over = False
        theme.changed.connect(self.update)

    @property
    def lit(self) -> bool:
        """Whether something is held over it."""
        return self._over

    def light(self, over: bool) -> None:
        """Light up, or not."""
        if over != self._over:
            self._over = over
            self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Light up for files and pictures."""
        if dropping.is_welcome(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.light(True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Go dark."""
        self.light(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell what was dropped."""
        found = dropping.read(event.mimeData())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.light(False)
        self.dropped.emit(found)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw a dashed, rounded frame."""
        c = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(c.accent_soft if self._over else c.surface))
        pen = QPen(QColor(c.accent if self._over else c.edge), 2.5 if self._over else 1.5)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), 16, 16)


class RecentCard(QPushButton):
    """A project opened before."""

    def __init__(self, recent: Recent, pictures: PictureStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.recent = recent
        self.setProperty("role", "tile")
        self.setMinimumHeight(72)
        self.setMinimumWidth(160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(theme.literal(recent.path))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 12, 16, 12)
        row.setSpacing(12)
        row.addWidget(Faces(recent.faces, pictures))
        column = QVBoxLayout()
        column.setSpacing(2)
        row.addLayout(column, 1)
        name = Elided(recent.name)
        name.setProperty("role", "strong")
        facts = Elided("  ·  ".join(part for part in (self._photographs(), words.when(recent.at)) if part))
        facts.setProperty("role", "quiet")
        for line in (name, facts):
            line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(line)
        self.setAccessibleName(self.tr("Open the project {0}").format(recent.name))

    def _photographs(self) -> str:
        return words.photographs(self.recent.photographs) if self.recent.photographs else ""


class StartPage(QWidget):
    """Drop area, recent projects, and one promise."""

    key = "start"

    dropped = Signal(object)
    folder_wanted = Signal()
    samples_wanted = Signal()
    project_wanted = Signal()
    project_chosen = Signal(str)
    menu_wanted = Signal(object)
    help_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures = PictureStore(self)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(40, 16, 40, 16)
        outer.addStretch(1)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        outer.addLayout(middle, 1000)
        outer.addStretch(1)
        middle.addLayout(self._head())
        middle.addSpacing(12)
        self.area = self._area()
        self.area.dropped.connect(self.dropped)
        middle.addWidget(self.area, 1)
        middle.addSpacing(20)
        self._recent_box = QWidget()
        self._recent_column = QVBoxLayout(self._recent_box)
        self._recent_column.setContentsMargins(0, 0, 0, 0)
        self._recent_column.setSpacing(8)
        middle.addWidget(self._recent_box)
        middle.addSpacing(16)
        middle.addLayout(self._foot())
        self.show_recent([])
        self.setFocusProxy(self.choose)

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        self._mark = QLabel()
        row.addWidget(self._mark)
        row.addWidget(theme.label("ResNeXt GUI", "strong"))
        row.addStretch(1)
        self.help_button = QPushButton()
        self.help_button.setProperty("role", "tool")
        self.help_button.setToolTip(self.tr("Keys  (?)"))
        self.help_button.setAccessibleName(self.tr("Keys"))
        theme.keep_icon(self.help_button, "help", "quiet")
        self.help_button.clicked.connect(self.help_wanted)
        self.menu_button = QPushButton()
        self.menu_button.setProperty("role", "tool")
        self.menu_button.setToolTip(self.tr("Projects and settings"))
        self.menu_button.setAccessibleName(self.tr("Menu"))
        theme.keep_icon(self.menu_button, "menu", "quiet")
        self.menu_button.clicked.connect(
            lambda: self.menu_wanted.emit(self.menu_button.mapToGlobal(self.menu_button.rect().bottomLeft()))
        )
        row.addWidget(self.help_button)
        row.addWidget(self.menu_button)
        self._paint_signs()
        theme.changed.connect(self._paint_signs)
        return row

    def _area(self) -> DropArea:
        area = DropArea()
        area.setMinimumHeight(300)
        self._area_row = QBoxLayout(QBoxLayout.Direction.LeftToRight, area)
        self._area_row.setContentsMargins(48, 32, 48, 32)
        self._area_row.setSpacing(56)
        self.drawing = FolderDrawing()
        self._area_row.addWidget(self.drawing, 5)
        words_column = QVBoxLayout()
        words_column.setSpacing(0)
        words_column.addStretch(1)
        title = theme.label(self.tr("Drop a folder with one sub\u2011folder per label"), "title", wrap=True)
        title.setMinimumWidth(320)
        words_column.addWidget(title)
        words_column.addSpacing(12)
        text = self.tr("The sub-folders' names become the labels. Seconds later you have a classifier that answers.")
        words_column.addWidget(theme.label(text, "quiet-lead", wrap=True))
        words_column.addSpacing(28)
        self.choose = QPushButton(self.tr("Choose a folder..."))
        self.choose.setProperty("role", "primary")
        self.choose.setProperty("large", True)
        self.choose.clicked.connect(self.folder_wanted)
        self.samples = QPushButton(self.tr("Try it with sample photographs"))
        self.samples.setProperty("large", True)
        self.samples.clicked.connect(self.samples_wanted)
        for button in (self.choose, self.samples):
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            words_column.addWidget(button)
            words_column.addSpacing(10)
        words_column.addStretch(1)
        self._area_row.addLayout(words_column, 4)
        return area

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self._lock = QLabel()
        row.addWidget(self._lock)
        row.addWidget(theme.label(self.tr("Your photographs stay on this computer."), "quiet"))
        row.addStretch(1)
        self._paint_signs()
        return row

    def _paint_signs(self) -> None:
        ratio = self.devicePixelRatioF()
        if hasattr(self, "_mark"):
            self._mark.setPixmap(theme.pixmap("app", 28, None, ratio))
        if hasattr(self, "_lock"):
            self._lock.setPixmap(theme.pixmap("lock", 16, theme.colours().quiet, ratio))

    def show_recent(self, recent: list[Recent]) -> None:
        """Show projects opened before, newest first."""
        theme.clear(self._recent_column)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(theme.label(self.tr("Recent projects") if recent else self.tr("Projects"), "strong"))
        row.addStretch(1)
        self.open_button = QPushButton(self.tr("Open a project..."))
        self.open_button.setProperty("role", "link")
        self.open_button.clicked.connect(self.project_wanted)
        row.addWidget(self.open_button)
        self._recent_column.addWidget(head)
        if not recent:
            none = self.tr("A project is made by itself when you drop photographs. It appears here.")
            self._recent_column.addWidget(theme.label(none, "quiet"))
            return
        cards = QWidget()
        line = QHBoxLayout(cards)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        for entry in recent[:SHOWN]:
            card = RecentCard(entry, self._pictures)
            card.clicked.connect(lambda _=False, path=entry.path: self.project_chosen.emit(path))
            line.addWidget(card, 1)
        if len(recent) < SHOWN:
            line.addStretch(SHOWN - len(recent))
        self._recent_column.addWidget(cards)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Less air where there is less room."""
        super().resizeEvent(event)
        tight = self.width() < 1100 or self.height() < 700
        side = 28 if tight else 56
        self._area_row.setContentsMargins(side, 16 if tight else 32, side, 16 if tight else 32)
        self._area_row.setSpacing(32 if tight else 64)

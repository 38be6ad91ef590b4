"""The strip at the bottom: the background work of the moment, how far it is, and a way to cancel it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.session.state import Work

HEIGHT = 32


class Strip(QFrame):
    """Shows a `Work`, or, when all is quiet, that photographs stay on this computer."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "dock")
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(12)
        self._title = QLabel()
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._bar = QProgressBar()
        self._bar.setFixedWidth(160)
        self._bar.setTextVisible(False)
        self._figures = Elided()
        self._figures.setProperty("role", "quiet")
        self._cancel = QPushButton(self.tr("Cancel"))
        self._cancel.setProperty("role", "link")
        self._cancel.clicked.connect(self.cancelled)
        self._lock = QLabel()
        self._promise = QLabel(self.tr("Your photographs stay on this computer."))
        self._promise.setProperty("role", "quiet")
        for widget in (self._title, self._bar):
            row.addWidget(widget)
        row.addWidget(self._figures, 1)
        row.addWidget(self._cancel)
        row.addWidget(self._lock)
        row.addWidget(self._promise)
        theme.changed.connect(self._paint_lock)
        self._paint_lock()
        self._work: Work | None = None
        self.show_work(None)

    def _paint_lock(self) -> None:
        self._lock.setPixmap(theme.pixmap("lock", 16, theme.colours().quiet, self.devicePixelRatioF()))

    def show_work(self, work: Work | None) -> None:
        """Show `work`; None: all is quiet."""
        self._work = work
        busy = work is not None
        for widget in (self._title, self._bar):
            widget.setVisible(busy)
        self._cancel.setVisible(work is not None and work.can_cancel)
        self._fit_promise()
        if work is None:
            self._figures.set_full_text("")
            self._figures.setAccessibleName("")
            return
        self._title.setText(work.title)
        # Qt draws a bar without a range as one that wanders, which is motion; an empty one says the same calmly.
        self._bar.setRange(0, max(1, work.total))
        self._bar.setValue(min(work.done, work.total))
        self._bar.setAccessibleName(work.title)
        figures = figures_of(work)
        self._figures.set_full_text(figures)
        self._figures.setAccessibleName(f"{work.title} {figures}")

    def _fit_promise(self) -> None:
        room = self.width() >= 900 or self._work is None
        self._promise.setVisible(room)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give way to the work where it is narrow."""
        super().resizeEvent(event)
        self._fit_promise()


def figures_of(work: Work) -> str:
    """Return such as "1,200 of 4,000 · 3 min left · the drive is the limit"."""
    figures = ""
    if work.key == "training":
        figures = f"{work.done // 10} %" if work.done else ""
    elif work.total > 0:
        figures = words.of(work.done, work.total)
    elif work.done > 0:
        figures = words.number(work.done)
    left = words.duration(work.seconds_left)
    # The engine's own sentence often has the figures in it already.
    parts = [
        "" if figures and figures in work.text else figures,
        _tr("{0} left").format(left) if left else "",
        work.text,
    ]
    return "  ·  ".join(part for part in parts if part)


class Elided(QLabel):
    """One line of text that is cut with an ellipsis where it does not fit."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._full = ""
        self.set_full_text(text)

    @property
    def full_text(self) -> str:
        """The text before it was cut."""
        return self._full

    def set_full_text(self, text: str) -> None:
        """Show `text`, cut where it does not fit; then a tool tip shows all of it."""
        self._full = text
        self._cut()
        self.updateGeometry()

    def _cut(self) -> None:
        shown = self.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, max(0, self.width()))
        self.setText(shown)
        self.setToolTip(theme.literal(self._full) if shown != self._full else "")

    def sizeHint(self) -> QSize:
        """Room for the whole text."""
        hint = super().sizeHint()
        hint.setWidth(self.fontMetrics().horizontalAdvance(self._full) + 2)
        return hint

    def minimumSizeHint(self) -> QSize:
        """No width at all."""
        hint = super().minimumSizeHint()
        hint.setWidth(0)
        return hint

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut again."""
        super().resizeEvent(event)
        self._cut()


def _tr(text: str) -> str:
    return QCoreApplication.translate("Strip", text)

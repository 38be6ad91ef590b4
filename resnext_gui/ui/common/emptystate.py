"""What an empty page says: a drawing, what to do, and buttons that do it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme


class DropInvitation(QWidget):
    """A large dashed area."""

    pressed = Signal(str)
    """A button was pressed; its key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = ""
        self._buttons: tuple[tuple[str, str], ...] = ()
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = theme.label("", "title", wrap=True)
        self._text = theme.label("", "quiet-lead", wrap=True)
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._row = QHBoxLayout()
        self._row.setSpacing(12)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(48, 48, 48, 48)
        layout.setSpacing(12)
        layout.addStretch(1)
        layout.addWidget(self._picture)
        layout.addSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addSpacing(12)
        layout.addLayout(self._row)
        layout.addStretch(1)
        theme.changed.connect(self._draw_icon)

    def show_words(self, icon: str, title: str, text: str, buttons: Sequence[tuple[str, str]]) -> None:
        """Say something else; `buttons` are (key, text), the first one being the obvious next step."""
        self._icon_name = icon
        self._draw_icon()
        self._title.setText(title)
        self._text.setText(text)
        if tuple(buttons) == self._buttons:
            return
        self._buttons = tuple(buttons)
        theme.clear(self._row)
        self._row.addStretch(1)
        for place, (key, words) in enumerate(buttons):
            button = QPushButton(words)
            if place == 0:
                button.setProperty("role", "primary")
            button.clicked.connect(lambda _=False, k=key: self.pressed.emit(k))
            self._row.addWidget(button)
        self._row.addStretch(1)

    def _draw_icon(self) -> None:
        if self._icon_name:
            self._picture.setPixmap(theme.pixmap(self._icon_name, 56, theme.colours().quiet, self.devicePixelRatioF()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dashed frame."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.colour("edge"), 1.5)
        pen.setDashPattern([6, 5])
        painter.setPen(pen)
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

"""The quiet strip under the toolbar that tells one thing and offers what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme

ICONS = {"info": ("info", "accent"), "good": ("check", "good"), "caution": ("warning", "caution"),
         "wrong": ("error", "wrong")}  # fmt: skip


class Notice(QFrame):
    """An icon, a sentence, buttons, and room below for more."""

    def __init__(self, tone: str = "info", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self.setProperty("role", f"banner-{tone}")
        self.icon = QLabel()
        self.icon.setFixedSize(QSize(20, 20))
        self.text = theme.label("", "", wrap=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setMinimumHeight(24)
        self.row = QHBoxLayout()
        self.row.setSpacing(8)
        self.row.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignVCenter)
        self.row.addWidget(self.text, 1)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 7, 8, 7)
        self.body.setSpacing(8)
        self.body.addLayout(self.row)
        theme.changed.connect(self._draw_icon)
        self._draw_icon()

    def add_button(self, text: str, action: Callable[[], object], role: str = "link") -> QPushButton:
        """Add a button at the right of the sentence."""
        button = QPushButton(text)
        button.setProperty("role", role)
        button.clicked.connect(lambda: action())
        self.row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return button

    def add_close(self, action: Callable[[], object]) -> QPushButton:
        """Add the cross that takes the strip away."""
        button = self.add_button("", action, "tool")
        theme.keep_icon(button, "close", "quiet", 16)
        button.setAccessibleName(self.tr("Close this message"))
        button.setToolTip(self.tr("Close this message"))
        return button

    def say(self, text: str, tone: str | None = None) -> None:
        """Show this sentence."""
        if tone is not None and tone != self._tone:
            self._tone = tone
            theme.set_role(self, f"banner-{tone}")
            self._draw_icon()
        self.text.setText(text)
        self.setAccessibleName(text)

    def _draw_icon(self) -> None:
        name, ink = ICONS.get(self._tone, ICONS["info"])
        colour = getattr(theme.colours(), ink)
        self.icon.setPixmap(theme.pixmap(name, 20, colour, self.devicePixelRatioF()))

"""Large buttons of which one is chosen: a short answer, and under it what it means."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme


class ChoiceButton(QPushButton):
    """A checkable card with two lines."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "choice")
        self.setCheckable(True)
        self._title = theme.label(title, "lead")
        self._note = theme.label("", "quiet", wrap=True)
        for label in (self._title, self._note):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.setSpacing(4)
        layout.addWidget(self._title)
        layout.addWidget(self._note)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title)

    def set_note(self, note: str) -> None:
        """Say what choosing it means."""
        if note != self._note.text():
            self._note.setText(note)
            self.setAccessibleDescription(note)
            self.updateGeometry()

    def note(self) -> str:
        """Return what choosing it means."""
        return self._note.text()

    def sizeHint(self) -> QSize:
        """Room for both lines."""
        return QSize(220, 84)

    def minimumSizeHint(self) -> QSize:
        """Room for both lines."""
        return QSize(160, 84)

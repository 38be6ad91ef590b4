"""A row of choices of which one holds, as compact buttons."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget


class Segment(QPushButton):
    """One choice.  It keeps room for its bold text, so that nothing moves or is cut when it is chosen."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("role", "segment")
        self.setCheckable(True)

    def sizeHint(self) -> QSize:
        """Room for the bold text."""
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        return QSize(QFontMetrics(font).horizontalAdvance(self.text()) + 28, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Never cut."""
        return self.sizeHint()


class Segments(QWidget):
    """Choices by key.

    Args:
        choices: (key, text) pairs; the first is chosen.
        name: what is chosen, for screen readers.
    """

    chosen = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str]], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._buttons: dict[str, Segment] = {}
        group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for key, text in choices:
            button = Segment(text)
            button.setAccessibleName(f"{name}: {text}")
            button.clicked.connect(lambda _=False, k=key: self.chosen.emit(k))
            group.addButton(button)
            layout.addWidget(button)
            self._buttons[key] = button
        self._buttons[choices[0][0]].setChecked(True)

    def button(self, key: str) -> Segment:
        """Return one of the buttons."""
        return self._buttons[key]

    @property
    def current(self) -> str:
        """The chosen key."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def choose(self, key: str) -> None:
        """Choose without telling."""
        self._buttons[key].setChecked(True)

"""The list of keys, opened by ``?``."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme

Keys = Sequence[tuple[str, str]]
"""(keys, what they do); several keys are separated by spaces."""


class KeyHelp(QDialog):
    """Groups of keys in two columns.  Escape or ``?`` closes it."""

    def __init__(self, groups: Sequence[tuple[str, Keys]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Keys"))
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(16)
        column.addWidget(theme.label(self.tr("Keys"), "heading"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(48)
        grid.setVerticalSpacing(24)
        # The longest groups first, each into the shorter column.
        heights = [0, 0]
        columns: list[QVBoxLayout] = [QVBoxLayout(), QVBoxLayout()]
        for title, keys in groups:
            side = 0 if heights[0] <= heights[1] else 1
            heights[side] += len(keys) + 2
            columns[side].addLayout(self._group(title, keys))
            columns[side].addSpacing(16)
        for side, made in enumerate(columns):
            made.addStretch(1)
            grid.addLayout(made, 0, side)
        column.addLayout(grid)
        row = QHBoxLayout()
        row.addStretch(1)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.accept)
        row.addWidget(close)
        column.addLayout(row)

    def _group(self, title: str, keys: Keys) -> QVBoxLayout:
        box = QVBoxLayout()
        box.setSpacing(6)
        box.addWidget(theme.label(title, "strong"))
        for combination, text in keys:
            row = QHBoxLayout()
            row.setSpacing(4)
            holder = QWidget()
            holder.setFixedWidth(136)
            caps = QHBoxLayout(holder)
            caps.setContentsMargins(0, 0, 0, 0)
            caps.setSpacing(4)
            for key in combination.split():
                cap = QLabel(key)
                cap.setProperty("role", "key" if key not in ("-", "/", "..") else "quiet")
                caps.addWidget(cap)
            caps.addStretch(1)
            row.addWidget(holder)
            row.addWidget(theme.label(text, "quiet"), 1)
            box.addLayout(row)
        return box

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """``?`` closes what it opened."""
        if event.text() == "?":
            self.accept()
        else:
            super().keyPressEvent(event)

"""Everything a run did, as text to read and copy, and what two runs differ in."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from resnext_gui.ui.common import theme
from resnext_gui.ui.train.run_notes import RunNotes, differences, everything


class RunDetails(QDialog):
    """A window beside the main one; work goes on meanwhile."""

    def __init__(self, notes: RunNotes, command: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Everything this run did"))
        self.resize(640, 640)
        self._text = f"{everything(notes)}\n\n{self.tr('As a command')}\n  {command}\n"
        text = QPlainTextEdit(self._text)
        text.setReadOnly(True)
        text.setAccessibleName(self.tr("Everything this run did"))
        copy = QPushButton(self.tr("Copy"))
        theme.keep_icon(copy, "copy", size=16)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text))
        close = QPushButton(self.tr("Close"))
        close.setProperty("role", "primary")
        close.setDefault(True)
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.addWidget(copy)
        row.addStretch(1)
        row.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(theme.label(notes.title, "heading", wrap=True))
        layout.addWidget(text, 1)
        layout.addLayout(row)

    def text(self) -> str:
        """Return what is shown."""
        return self._text


class Comparison(QFrame):
    """A table of the settings and scores that two runs differ in."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._title = theme.label("", "strong")
        self._done = QPushButton(self.tr("Done comparing"))
        self._done.setProperty("role", "link")
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._done)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(32)
        self._grid.setVerticalSpacing(6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.addLayout(head)
        layout.addLayout(self._grid)
        self._rows: list[tuple[str, str, str]] = []

    @property
    def done(self) -> QPushButton:
        """The button that ends comparing."""
        return self._done

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """What is shown: setting, first run, second run."""
        return list(self._rows)

    def show_runs(self, first: RunNotes, second: RunNotes, scores: Sequence[str]) -> None:
        """Compare two runs; `scores` are theirs in words."""
        theme.clear(self._grid)
        self._title.setText(self.tr("{first} beside {second}").format(first=first.title, second=second.title))
        self._rows = [(self.tr("best in practice"), scores[0], scores[1])]
        self._rows += differences(first.spec, second.spec)
        if len(self._rows) == 1:
            self._rows.append((self.tr("settings"), self.tr("the same"), self.tr("the same")))
        heads = ("", first.title, second.title)
        for column, text in enumerate(heads):
            self._grid.addWidget(theme.label(text, "quiet"), 0, column)
        for row, values in enumerate(self._rows, 1):
            for column, text in enumerate(values):
                self._grid.addWidget(theme.label(text, "quiet" if column == 0 else "", wrap=column > 0), row, column)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)

"""The question asked when the window is closed while a run is under way."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.session.state import TrainingState

PAUSE, BACKGROUND = "pause", "background"


class ClosingDialog(QDialog):
    """Pause until the person returns, or finish without the window."""

    chosen = Signal(str)

    def __init__(self, state: TrainingState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("A run is under way"))
        self.setModal(True)
        self.setFixedWidth(560)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 28, 32, 24)
        column.setSpacing(8)
        column.addWidget(theme.label(self.tr("A run is under way"), "heading"))
        done = self.tr("It is {0}").format(words.part_done(state.progress))
        if state.ends_at and state.phase == "running":
            done = self.tr("{0} and ends about {1}").format(done, words.clock(state.ends_at))
        column.addWidget(theme.label(f"{done}.", "lead", wrap=True))
        column.addSpacing(8)
        note = self.tr(
            "Paused, it continues from its last safe point when you open the project again. "
            "In the background, the program goes on without a window until the run is done, and then ends."
        )
        column.addWidget(theme.label(note, "quiet", wrap=True))
        column.addSpacing(16)
        row = QHBoxLayout()
        row.setSpacing(8)
        stay = QPushButton(self.tr("Stay here"))
        stay.setProperty("role", "plain")
        stay.clicked.connect(self.reject)
        row.addWidget(stay)
        row.addStretch(1)
        self.background = QPushButton(self.tr("Finish in the background"))
        self.background.clicked.connect(lambda: self._choose(BACKGROUND))
        row.addWidget(self.background)
        self.pause = QPushButton(self.tr("Pause until I return"))
        self.pause.setProperty("role", "primary")
        self.pause.setDefault(True)
        self.pause.clicked.connect(lambda: self._choose(PAUSE))
        row.addWidget(self.pause)
        column.addLayout(row)

    def _choose(self, what: str) -> None:
        self.accept()
        self.chosen.emit(what)

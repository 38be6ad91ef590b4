"""The dock under the photographs: how far the quick model is, how good it is, and the way on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.session.state import QuickState

HEIGHT = 64


class Dock(QFrame):
    """Shows a `QuickState`."""

    improve_wanted = Signal()
    refresh_wanted = Signal()
    add_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "dock")
        self.setFixedHeight(HEIGHT)
        self.lead = theme.label("", "lead")
        self.lead.setMinimumWidth(80)
        self.more = theme.label("", "quiet")
        self.more.setMinimumWidth(80)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(220)
        self.progress.setAccessibleName(self.tr("Photographs looked at"))
        self.refresh = QPushButton(self.tr("Refresh"))
        self.refresh.setToolTip(self.tr("Learn from the photographs and labels as they are now"))
        self.refresh.clicked.connect(self.refresh_wanted)
        self.add = QPushButton(self.tr("Add photographs..."))
        self.add.clicked.connect(self.add_wanted)
        self.improve = QPushButton(self.tr("Improve it"))
        self.improve.setProperty("role", "primary")
        self.improve.setToolTip(self.tr("Let ResNeXt learn from your photographs"))
        self.improve.clicked.connect(self.improve_wanted)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addStretch()
        texts.addWidget(self.lead)
        texts.addWidget(self.more)
        texts.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(16)
        row.addLayout(texts, 1)
        row.addWidget(self.progress)
        row.addWidget(self.refresh)
        row.addWidget(self.add)
        row.addWidget(self.improve)

    def show_state(self, quick: QuickState, labels: int, photographs: int) -> None:
        """Show how the quick model stands.

        Args:
            quick: how it stands.
            labels: labels that have photographs.
            photographs: photographs in the project.
        """
        exists = quick.exists or quick.phase == "ready"
        reading = quick.phase == "reading"
        lead, more = self._words(quick, labels, photographs, exists)
        self.lead.setText(lead)
        self.more.setText(more)
        self.more.setVisible(bool(more))
        self.progress.setVisible(reading)
        if reading:
            self.progress.setRange(0, max(0, quick.total))
            self.progress.setValue(quick.done)
        self.refresh.setVisible(not reading and ((exists and quick.stale) or quick.phase == "failed"))
        self.refresh.setText(self._refresh_words(quick))
        self.add.setVisible(photographs > 0 and labels < 2 and not exists)
        self.improve.setVisible(exists and labels >= 2)
        self.setAccessibleName(f"{lead} {more}".strip())

    def _refresh_words(self, quick: QuickState) -> str:
        if quick.phase == "failed":
            return self.tr("Try again")
        if quick.seconds >= 1:
            return self.tr("Refresh, {time}").format(time=words.duration(quick.seconds))
        return self.tr("Refresh")

    def _words(self, quick: QuickState, labels: int, photographs: int, exists: bool) -> tuple[str, str]:
        if quick.phase == "reading":
            lead = (
                self.tr("Looked at {done} of {total}").format(
                    done=words.number(quick.done), total=words.number(quick.total)
                )
                if quick.total
                else self.tr("Getting to know the photographs")
            )
            left = words.duration(quick.seconds_left)
            more = self.tr("{time} left").format(time=left) if left else ""
            if exists and quick.practice:
                more = self._score(quick) + (f"  ·  {more}" if more else "")
            return lead, more
        if quick.phase == "failed":
            return self.tr("The quick model could not be made"), quick.message
        if exists:
            more = self.tr("Out of date: photographs or labels changed") if quick.stale else ""
            return self._score(quick), more or self._learnt(quick)
        if quick.phase == "waiting" or (labels == 1 and photographs):
            return (
                self.tr("A classifier compares."),
                self.tr("Add photographs of something else, or of good ones."),
            )
        if photographs:
            return (
                self.tr("Nothing to learn from yet"),
                self.tr("Give labels: select photographs, press L, and type what they show."),
            )
        return self.tr("Nothing to learn from yet"), self.tr("Add photographs of at least two kinds of things.")

    def _score(self, quick: QuickState) -> str:
        if quick.practice:
            return self.tr("Quick model: {score} right in practice").format(score=words.of(quick.right, quick.practice))
        return self.tr("The quick model is ready. Too few photographs to measure it.")

    def _learnt(self, quick: QuickState) -> str:
        photographs = quick.photographs - quick.practice  # practice only measures
        if photographs <= 0 or not quick.labels:
            return ""
        return self.tr("Learned from {photographs} of {labels} labels").format(
            labels=words.number(quick.labels), photographs=words.photographs(photographs)
        )

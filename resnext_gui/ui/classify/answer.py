"""The answer to one picture: what it is, how sure that is, and a way to say that it is something else."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from resnext_gui.ui.classify.answer_list import Entry
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.bars import AnswerBars


class AnswerCard(QFrame):
    """Shows an `Entry`, answered or refused."""

    corrected = Signal(object)
    """The right label, or None to take a correction back."""
    learn = Signal(str)
    """The person wants this picture among the photographs, under this label."""
    copy = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._entry: Entry | None = None
        self._file = theme.label("", "quiet")
        self._file.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._answer = theme.label("", "title", wrap=True)
        self._answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._sure = theme.label("", "lead", wrap=True)
        self._bars = AnswerBars()
        self._made = theme.label("", "quiet", wrap=True)
        self._line = QFrame()
        self._line.setProperty("role", "line")
        self._labels = QComboBox()
        self._labels.setPlaceholderText(self.tr("Something else..."))
        self._labels.setAccessibleName(self.tr("Correct the answer: choose the right label"))
        self._labels.setMaxVisibleItems(16)
        self._labels.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._labels.setMinimumContentsLength(8)
        self._labels.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._labels.activated.connect(self._on_label)
        self._said = theme.label("", "good", wrap=True)
        self._back = QPushButton(self.tr("Take back"))
        self._back.setProperty("role", "link")
        self._back.clicked.connect(lambda: self.corrected.emit(None))
        self._learn = QPushButton(self.tr("Learn from it"))
        self._learn.setToolTip(self.tr("Adds the picture to your photographs under this label."))
        self._learn.clicked.connect(self._on_learn)
        self._copy = QPushButton(self.tr("Copy"))
        self._copy.setProperty("role", "plain")
        self._copy.setToolTip(self.tr("Copy this answer as text (Ctrl+C)"))
        theme.keep_icon(self._copy, "copy", size=16)
        self._copy.clicked.connect(self.copy)
        correct = QHBoxLayout()
        correct.setSpacing(8)
        correct.addWidget(self._labels, 1)
        correct.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignRight)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._said, 1)
        said.addWidget(self._back)
        said.addWidget(self._learn)
        told = QWidget()
        above = QVBoxLayout(told)
        above.setContentsMargins(24, 0, 24, 0)
        above.setSpacing(6)
        above.addWidget(self._answer)
        above.addWidget(self._sure)
        above.addSpacing(4)
        above.addWidget(self._bars)
        above.addWidget(self._made)
        above.addStretch(1)
        # A long answer in a small window is scrolled rather than cut.
        around = QScrollArea()
        around.setWidgetResizable(True)
        around.setWidget(told)
        around.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        around.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        below = QVBoxLayout()
        below.setContentsMargins(24, 0, 24, 0)
        below.setSpacing(12)
        below.addWidget(self._line)
        below.addLayout(said)
        below.addLayout(correct)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 16, 0, 16)
        layout.setSpacing(8)
        name = QVBoxLayout()
        name.setContentsMargins(24, 0, 24, 0)
        name.addWidget(self._file)
        layout.addLayout(name)
        layout.addWidget(around, 1)
        layout.addLayout(below)

    @property
    def entry(self) -> Entry | None:
        """What is shown."""
        return self._entry

    def set_labels(self, names: Sequence[str]) -> None:
        """Say which labels a correction may choose from."""
        if [self._labels.itemText(i) for i in range(self._labels.count())] == list(names):
            return
        self._labels.clear()
        self._labels.addItems(list(names))
        self._labels.setCurrentIndex(-1)

    def show_entry(self, entry: Entry | None, model_name: str = "") -> None:
        """Show an answer or a refusal; None empties the card."""
        self._entry = entry
        answered = entry is not None and not entry.refused
        self._bars.setVisible(answered)
        self._line.setVisible(answered)
        corrected = entry.corrected if entry is not None else None
        self._labels.setVisible(answered and not corrected)
        self._copy.setVisible(entry is not None and not corrected)
        self._said.setVisible(bool(corrected))
        self._back.setVisible(bool(corrected))
        self._learn.setVisible(bool(corrected))
        self._fit_name()
        if entry is None:
            for label in (self._answer, self._sure, self._made):
                label.setText("")
            return
        if entry.refused:
            self._answer.setText(self.tr("Could not be read"))
            theme.set_role(self._sure, "lead")
            self._sure.setText(entry.message)
            self._made.setText(entry.hint)
            self.setAccessibleName(f"{entry.name}: {entry.message} {entry.hint}")
            return
        self._answer.setText(words.headline(entry.top))
        theme.set_role(self._sure, "caution" if words.is_unsure(entry.top) else "lead")
        self._sure.setText(words.how_sure(entry.top))
        self._bars.set_top(entry.top)
        self._made.setText(
            self.tr("{model}, {n} ms").format(model=model_name or entry.model, n=max(1, round(entry.milliseconds)))
        )
        self._labels.setCurrentIndex(self._labels.findText(corrected) if corrected else -1)
        if corrected:
            self._said.setText(self.tr("You said: {label}").format(label=corrected))
        self.setAccessibleName(f"{entry.name}: {self._answer.text()}. {self._sure.text()}")

    def _fit_name(self) -> None:
        name = self._entry.name if self._entry is not None else ""
        width = max(40, self.width() - 50)
        self._file.setText(self._file.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, width))
        self._file.setToolTip(theme.literal(self._entry.path) if self._entry is not None else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the file's name."""
        super().resizeEvent(event)
        self._fit_name()

    def focus_correction(self) -> None:
        """Put the keyboard on the list of labels."""
        self._labels.setFocus()
        self._labels.showPopup()

    def _on_label(self, row: int) -> None:
        if self._entry is None:
            return
        label = self._labels.itemText(row)
        agreed = bool(self._entry.top) and label == self._entry.top[0][0] and not words.is_unsure(self._entry.top)
        self.corrected.emit(None if agreed else label)

    def _on_learn(self) -> None:
        if self._entry is not None and self._entry.corrected:
            self.learn.emit(self._entry.corrected)

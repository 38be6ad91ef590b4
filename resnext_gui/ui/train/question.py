"""Before a run: how long it may take, what it starts from, and one obvious button."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from resnext_gui.messages import TrainSpec
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.train.choice import ChoiceButton
from resnext_gui.ui.train.expert import ExpertSettings

SHORT, LONG = 10.0, 60.0
"""Minutes."""


def default_entry(known: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the recommended download: the first of the catalogue."""
    return next((e for e in known if str(e.get("source", "")).startswith("huggingface")), None)


class TrainQuestion(QWidget):
    """Asks one question; everything else is folded away."""

    start = Signal(object)
    """A `TrainSpec`."""
    get_weights = Signal(str)
    import_weights = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMaximumWidth(760)
        self._known: list[dict[str, Any]] = []
        self._usual = "starter"
        self._message = ""
        self._title = theme.label(self.tr("How long may it take?"), "title", wrap=True)
        self._lead = theme.label(
            self.tr("The quick model looks at every photograph once. Now ResNeXt itself learns from them, and goes on "
                    "getting better the longer it may."),
            "quiet-lead",
            wrap=True,
        )  # fmt: skip
        self.choices = [
            ChoiceButton(self.tr("About 10 minutes")),
            ChoiceButton(self.tr("About an hour")),
            ChoiceButton(self.tr("Overnight")),
        ]
        self._group = QButtonGroup(self)
        cards = QHBoxLayout()
        cards.setSpacing(16)
        for choice in self.choices:
            self._group.addButton(choice)
            cards.addWidget(choice)
        self.choices[0].setChecked(True)
        self._weights = theme.label("", "quiet")
        self._weights.setMinimumWidth(80)
        self.get = QPushButton(self.tr("Get"))
        self.from_file = QPushButton(self.tr("From a file..."))
        for button in (self.get, self.from_file):
            button.setProperty("role", "link")
        self.get.setAccessibleName(self.tr("Download better weights"))
        self.from_file.setAccessibleName(self.tr("Take weights from a file"))
        self.get.clicked.connect(self._on_get)
        self.from_file.clicked.connect(self.import_weights)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self._weights)
        line.addWidget(self.get)
        line.addWidget(self.from_file)
        line.addStretch(1)
        self.go = QPushButton(self.tr("Start"))
        self.go.setProperty("role", "primary")
        self.go.setMinimumSize(140, 40)
        self.go.clicked.connect(self._on_start)
        self._reason = theme.label("", "caution", wrap=True)
        self.fold = QPushButton()
        self.fold.setProperty("role", "plain")
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._on_fold)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.go)
        row.addWidget(self._reason, 1)
        row.addWidget(self.fold)
        self._expert: ExpertSettings | None = None
        self._chosen: str | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 16)
        layout.setSpacing(12)
        layout.addWidget(self._title)
        layout.addWidget(self._lead)
        layout.addSpacing(8)
        layout.addLayout(cards)
        layout.addLayout(line)
        layout.addSpacing(8)
        layout.addLayout(row)
        self._layout = layout
        self._refresh()

    @property
    def expert(self) -> ExpertSettings:
        """The expert settings, made when they are first asked for: most people never do."""
        if self._expert is None:
            self._expert = ExpertSettings()
            self._expert.setVisible(self.fold.isChecked())
            self._expert.set_weights(self._known, self._chosen)
            self._expert.changed.connect(self._refresh)
            self._expert.file_wanted.connect(self.import_weights)
            self._layout.addWidget(self._expert)
        return self._expert

    def _settings(self, minutes: float | None) -> TrainSpec:
        if self._expert is None:
            return TrainSpec(minutes=minutes, weights=self._chosen)
        return self._expert.spec(minutes)

    # What is asked --------------------------------------------------------------------------------------------------

    def minutes(self) -> float:
        """Return the chosen time."""
        place = next(i for i, choice in enumerate(self.choices) if choice.isChecked())
        return (SHORT, LONG, float(round(words.overnight_minutes())))[place]

    def spec(self) -> TrainSpec:
        """Return what would be started now."""
        return self._settings(self.minutes())

    def _on_start(self) -> None:
        if self.go.isEnabled():
            self.start.emit(self.spec())

    def _on_fold(self, on: bool) -> None:
        self.expert.setVisible(on)
        self._refresh()

    def refresh_times(self) -> None:
        """Say when each choice would be done, as of now."""
        now = time.time()
        for choice, minutes in zip(self.choices, (SHORT, LONG, words.overnight_minutes(now)), strict=True):
            choice.set_note(self.tr("done {time}").format(time=words.clock(now + minutes * 60)))

    def _refresh(self) -> None:
        self.refresh_times()
        touched = self._expert.touched() if self._expert is not None else 0
        text = self.tr("Expert settings")
        if touched:
            text = self.tr("Expert settings ({count} changed)").format(count=touched)
        self.fold.setText(text)
        theme.keep_icon(self.fold, "chevron-up" if self.fold.isChecked() else "chevron-down", "quiet", 16)
        by_epochs = self._settings(None).epochs is not None
        for choice in self.choices:
            choice.setEnabled(not by_epochs)
        if by_epochs:
            for choice in self.choices:
                choice.set_note(self.tr("the epochs decide"))
        self._show_weights()

    # Reasons and weights --------------------------------------------------------------------------------------------

    def set_reason(self, reason: str) -> None:
        """Say why it cannot start; an empty text lets it."""
        self._reason.setText(reason)
        self.go.setEnabled(not reason)
        self.go.setAccessibleDescription(reason)

    def set_weights(self, known: Sequence[dict[str, Any]], usual: str, chosen: str | None = None) -> None:
        """Say which weights there are, and which one a run takes by itself.

        Args:
            known: see ``weights_commands.list_weights``.
            usual: name of what "automatic" means now.
            chosen: name of what the person chose, None for automatic.
        """
        self._known = list(known)
        self._usual = usual
        self._message = ""
        self._chosen = chosen
        if self._expert is not None:
            self._expert.set_weights(known, chosen)
        self._refresh()

    def set_weights_message(self, text: str) -> None:
        """Show how a download goes, or that it failed; an empty text shows the weights again."""
        self._message = text
        self._show_weights()

    def _on_get(self) -> None:
        entry = default_entry(self._known)
        if entry is None:
            return
        if entry.get("available"):
            self.set_weights(self._known, self._usual, str(entry["name"]))
        else:
            self.get_weights.emit(str(entry["name"]))

    def _show_weights(self) -> None:
        chosen = self._settings(None).weights or self._usual
        entry = default_entry(self._known)
        busy = bool(self._message)
        better = entry is not None and chosen == "starter"
        self.get.setVisible(better and not busy)
        self.from_file.setVisible(not busy)
        if busy:
            self._weights.setText(self._message)
            return
        if chosen == "none":
            self._weights.setText(self.tr("Starts at random: that needs many photographs and much time."))
        elif better and entry is not None and entry.get("available"):
            self._weights.setText(self.tr("Starts from the built-in weights. Better ones have been downloaded."))
            self.get.setText(self.tr("Use them"))
        elif better and entry is not None:
            text = self.tr("Starts from the built-in weights. Better: one download, {size} MB")
            self._weights.setText(text.format(size=entry.get("megabytes", 100)))
            self.get.setText(self.tr("Get"))
        elif chosen == "starter":
            self._weights.setText(self.tr("Starts from the built-in weights."))
        else:
            self._weights.setText(self.tr("Starts from the weights {name}.").format(name=chosen))

    def keyPressEvent(self, event: Any) -> None:
        """Enter starts."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_start()
            return
        super().keyPressEvent(event)

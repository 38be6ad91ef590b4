"""While a run goes on: the best score so far, when it will be done, and the two buttons that matter.  Afterwards: how
it ended.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.session.state import TrainingState


class TrainHeader(QFrame):
    """A card 96 pixels high."""

    pause = Signal()
    resume = Signal()
    stop = Signal()
    choose = Signal(str)
    """Let this model answer."""
    again = Signal()
    exam = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setMinimumHeight(96)
        self._other = ""
        self._device_name = ""
        self.score = theme.label("", "figure")
        self._interval = theme.label("", "quiet")
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self.score)
        left.addWidget(self._interval)
        self.end = theme.label("", "lead")
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("How much of the run is done"))
        self._speed = theme.label("", "quiet")
        self.device = QPushButton()
        self.device.setProperty("role", "link")
        self.device.setCheckable(True)
        self.device.toggled.connect(self._on_device)
        speed = QHBoxLayout()
        speed.setSpacing(6)
        speed.addWidget(self._speed)
        speed.addWidget(self.device)
        speed.addStretch(1)
        middle = QVBoxLayout()
        middle.setSpacing(4)
        middle.addWidget(self.end)
        middle.addWidget(self._bar)
        middle.addLayout(speed)
        self._middle = QWidget()
        self._middle.setLayout(middle)
        self._middle.setMinimumWidth(160)
        middle.setContentsMargins(0, 0, 0, 0)
        self._result = theme.label("", "lead", wrap=True)
        self.pause_button = QPushButton(self.tr("Pause"))
        self.stop_button = QPushButton(self.tr("Stop and keep the best"))
        self.back_button = QPushButton(self.tr("Go back"))
        self.exam_button = QPushButton(self.tr("See the exam"))
        self.again_button = QPushButton(self.tr("Train again"))
        self.pause_button.clicked.connect(self._on_pause)
        self.stop_button.clicked.connect(self.stop)
        self.back_button.clicked.connect(lambda: self.choose.emit(self._other))
        self.exam_button.clicked.connect(self.exam)
        self.again_button.clicked.connect(self.again)
        self._more = theme.label("", "quiet", wrap=True)
        self._more.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._more.hide()
        row = QHBoxLayout()
        row.setSpacing(28)
        row.addLayout(left)
        row.addWidget(self._middle, 1)
        row.addWidget(self._result, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.pause_button, self.stop_button, self.back_button, self.exam_button, self.again_button):
            buttons.addWidget(button)
        row.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 12, 16, 12)
        layout.setSpacing(6)
        layout.addLayout(row)
        layout.addWidget(self._more)
        self._phase = ""

    # Running --------------------------------------------------------------------------------------------------------

    def show_state(self, state: TrainingState, seen: float | None = None) -> None:
        """Show a `TrainingState` of a run under way; `seen` is the best practice accuracy of its passes, 0..1."""
        self._phase = state.phase
        self._parts(running=True)
        right, total = state.best_right, state.best_total
        if seen is not None and not right:
            right = round(seen * total)  # no pass has beaten the start so far, yet this is how it stands
        self._score(right, total)
        if state.phase == "paused":
            self.end.setText(self.tr("Paused"))
        elif state.phase == "pausing":
            self.end.setText(self.tr("Pausing at the next safe point..."))
        elif state.phase == "stopping":
            self.end.setText(self.tr("Stopping, and keeping the best..."))
        elif state.ends_at is not None:
            left = words.duration(state.seconds_left)
            text = self.tr("Done {time}, {left} left") if left else self.tr("Done {time}")
            self.end.setText(text.format(time=words.clock(state.ends_at), left=left))
        else:
            self.end.setText(state.text or self.tr("Getting ready..."))
        self._bar.setValue(round(1000 * min(1.0, max(0.0, state.progress))))
        speed = state.images_per_second
        self._speed.setVisible(speed > 0)
        self._speed.setText(self.tr("{n} photographs/s").format(n=f"{speed:.1f}" if speed < 10 else round(speed)))
        self.device.setVisible(bool(state.device))
        if state.device:
            name = f"{state.device}, {state.precision}" if state.precision else state.device
            self._device_name = name
            self._fit_device()
            self.device.setToolTip(theme.literal(name))
            self.device.setAccessibleDescription(self.tr("Says why, and what would be faster"))
            faster = self.tr("Faster: {advice}").format(advice=state.advice) if state.advice else ""
            self._more.setText("\n".join(part for part in (name, state.reason, faster) if part))
        waits = state.phase in ("paused", "pausing")
        self.pause_button.setText(self.tr("Continue") if waits else self.tr("Pause"))
        role = "primary" if waits else ""
        if self.pause_button.property("role") != role:
            theme.set_role(self.pause_button, role)
            theme.keep_icon(self.pause_button, "play" if waits else "pause", "on_accent" if waits else None, 16)
        can = state.phase in ("running", "paused", "pausing")
        for button in (self.pause_button, self.stop_button):
            if not can and button.hasFocus():
                self.setFocus()  # the keyboard stays here
            button.setEnabled(can)

    def _fit_device(self) -> None:
        room = self._middle.width() - self._speed.sizeHint().width() - 20
        metrics = self.device.fontMetrics()
        text = metrics.elidedText(self._device_name, Qt.TextElideMode.ElideRight, max(48, room))
        if text != self.device.text():
            self.device.setText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the device's name."""
        super().resizeEvent(event)
        if self._device_name:
            self._fit_device()

    def _score(self, right: int, total: int) -> None:
        if total and right:
            self.score.setText(words.of(right, total))
            self._interval.setText(
                self.tr("right in practice, {interval}").format(interval=words.in_hundred(right, total))
            )
        else:
            self.score.setText(self.tr("No score yet"))
            self._interval.setText(self.tr("The first comes after the first pass."))

    def _on_pause(self) -> None:
        if self._phase in ("paused", "pausing"):
            self.resume.emit()
        else:
            self.pause.emit()

    def _on_device(self, on: bool) -> None:
        self._more.setVisible(on and bool(self._more.text()))

    # Afterwards -----------------------------------------------------------------------------------------------------

    def show_result(
        self, right: int | None, quick: int | None, total: int, run: str, answering: str, sides_matter: bool = False
    ) -> None:
        """Say how a run ended.

        Args:
            right: of `total` practice photographs, by the run's best state; None where it has none.
            quick: likewise by the quick model; None where that is not known.
            total: practice photographs.
            run: the run's id.
            answering: id of the model that answers now.
            sides_matter: whether mirror images were found to change what a photograph shows.
        """
        self._phase = "finished"
        self._parts(running=False)
        parts = []
        if right is not None and total:
            self.score.setText(words.of(right, total))
            self._interval.setText(
                self.tr("right in practice, {interval}").format(interval=words.in_hundred(right, total))
            )
            if quick is not None:
                text = self.tr("ResNeXt {count}, quick model {quick} (practice).")
                parts.append(text.format(count=words.of(right, total), quick=words.number(quick)))
        else:
            self.score.setText(self.tr("Done"))
            self._interval.setText(self.tr("without practice photographs there is no score"))
        if answering == run:
            parts.append(self.tr("ResNeXt now answers."))
            if right is not None and quick is not None and right < quick:
                parts.append(self.tr("A difference so small is chance; on new pictures it is usually the better one."))
            self._other = "quick"
            self.back_button.setText(self.tr("Go back"))
            self.back_button.setToolTip(self.tr("Let the quick model answer again"))
        else:
            quick_answers = answering in ("", "quick")
            parts.append(self.tr("The quick model answers.") if quick_answers else self.tr("An earlier run answers."))
            self._other = run
            self.back_button.setText(self.tr("Use ResNeXt"))
            self.back_button.setToolTip(self.tr("Let ResNeXt answer all the same"))
        if sides_matter:
            parts.append(self.tr("Left and right matter here, so it never saw a mirror image."))
        self._result.setText(" ".join(parts))
        self.back_button.setVisible(right is not None)

    def _parts(self, running: bool) -> None:
        self._middle.setVisible(running)
        self._result.setVisible(not running)
        for button in (self.pause_button, self.stop_button):
            button.setVisible(running)
        for button in (self.back_button, self.exam_button, self.again_button):
            button.setVisible(not running)
        self._more.setVisible(running and self.device.isChecked() and bool(self._more.text()))

    @property
    def result(self) -> str:
        """The sentence about how it ended."""
        return self._result.text()

    def labels(self) -> list[QLabel]:
        """Return what is written, for looking through."""
        return [self.score, self._interval, self.end, self._speed, self._more, self._result]

"""Train: one question before, curves while it goes on, and every run to compare afterwards."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from resnext_gui.messages import BatchPoint, EpochLine, Failed, TrainSpec, UserError
from resnext_gui.project import Run
from resnext_gui.ui.common import files, theme, words
from resnext_gui.ui.session.state import Change, PageKey, Problem, TrainingState, Work
from resnext_gui.ui.train.curve_data import CurveData
from resnext_gui.ui.train.curves import Compared, Curves
from resnext_gui.ui.train.header import TrainHeader
from resnext_gui.ui.train.question import TrainQuestion, default_entry
from resnext_gui.ui.train.run_details import Comparison, RunDetails
from resnext_gui.ui.train.run_notes import RunNotes, as_command, read_run
from resnext_gui.ui.train.runs import RunList

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session

POINTS_READ = 2000
"""Batch points read of an earlier run; more could not be told apart."""

CLOSED = ("finished", "stopped", "failed")


def read_curves(run: Run, most: int = POINTS_READ) -> CurveData:
    """Return a run's curves; of many batch points every so manieth, so that the window does not wait."""
    points, history = run.batches(most), run.history()
    with contextlib.suppress(OSError, UserError, ValueError, TypeError):
        return CurveData.read(history, points, int((run.read().get("frozen") or {}).get("parts") or 1))
    return CurveData.read(history, points)


class TrainPage(QWidget):
    """Fine-tuning: asked for, watched, and looked back on."""

    key: PageKey = "train"
    icon = "train"
    keys = (
        ("Enter", "Start; on a run, show its curves"),
        ("\N{LEFTWARDS ARROW} \N{RIGHTWARDS ARROW}", "Read off the curves"),
        ("\N{UPWARDS ARROW} \N{DOWNWARDS ARROW}", "Walk through the runs"),
        ("Space", "Pick a run to compare"),
        ("F2", "Rename a run"),
    )

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = self.tr("Train")
        self._session = session
        self._notes: dict[str, RunNotes] = {}
        self._stamps: dict[str, object] = {}
        self._live_run: str | None = None
        self._live_data = CurveData()
        self._shown: str | None = None
        self._asking = True
        self._chosen_weights: str | None = None
        self._known: list[dict[str, Any]] = []
        self._asked_weights = False
        self._build()
        self._tick = QTimer(self)
        self._tick.setInterval(20_000)
        self._tick.timeout.connect(self._on_tick)
        session.training_changed.connect(self._on_training)
        session.batch_point.connect(self._on_point)
        session.epoch_line.connect(self._on_line)
        session.changed.connect(self._on_changed)
        session.quick_changed.connect(lambda _state: self._check())
        session.work_changed.connect(self._on_work)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(100)
        self._soon.timeout.connect(self._read)
        self._read()
        self._on_training(session.training.state)
        self._check()

    # Building -------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.question = TrainQuestion()
        self.question.start.connect(self._on_start)
        self.question.get_weights.connect(self._on_get)
        self.question.import_weights.connect(self._on_import)
        self.header = TrainHeader()
        self.header.pause.connect(self._session.training.pause)
        self.header.resume.connect(self._session.training.resume)
        self.header.stop.connect(self._session.training.stop)
        self.header.choose.connect(self._session.answers.choose)
        self.header.exam.connect(lambda: self._session.navigate.emit("results"))
        self.header.again.connect(self.ask)
        self.curves = Curves()
        self.curves.setMinimumHeight(320)
        self.curves.problem.connect(lambda text: self._session.problem.emit(Problem(self.key, text)))
        self.comparison = Comparison()
        self.comparison.done.clicked.connect(self._end_compare)
        self.comparison.hide()
        self.runs = RunList()
        self.runs.shown.connect(self.show_run)
        self.runs.compared.connect(self.compare)
        self.runs.uncompared.connect(self._end_compare)
        self.runs.renamed.connect(self._session.training.rename)
        self.runs.continued.connect(self._session.training.go_on)
        self.runs.used.connect(self._session.training.use_as_it_is)
        self.runs.details_wanted.connect(self.show_details)
        self.runs.command_wanted.connect(self._copy_command)
        self.runs.answers_wanted.connect(self._session.answers.choose)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(self.question, 8)
        middle.addStretch(1)
        self._curves_title = theme.label("", "strong")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(16)
        self._column = column
        self._air = QWidget()
        self._air.setFixedHeight(24)
        column.addWidget(self._air)
        column.addLayout(middle)
        column.addWidget(self.header)
        column.addWidget(self._curves_title)
        column.addWidget(self.curves, 1)
        column.addWidget(self.comparison)
        column.addWidget(self.runs)
        self._rest = QWidget()
        column.addWidget(self._rest, 0)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(inside)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)

    # Which parts are seen -------------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Show the question again."""
        self._asking = True
        if not self.curves.comparing:
            self._shown = None
        self._arrange()
        self.question.go.setFocus()

    def _arrange(self) -> None:
        comparing = self.curves.comparing
        asking = self._asking and not self._session.training.active and not comparing
        curves = self._session.training.active or not asking or self._shown is not None or self.curves.comparing
        held = self.focusWidget()
        if not asking and held is not None and self.question.isAncestorOf(held) and held.hasFocus():
            self.setFocus()  # what is hidden would hand the keyboard to whatever comes next, outside the page
        self._air.setVisible(asking)
        self.question.setVisible(asking)
        self.header.setVisible(not asking and not (comparing and self._asking))
        self.curves.setVisible(curves)
        self.comparison.setVisible(self.curves.comparing)
        title = ""
        if self._shown is not None and (asking or self._shown != self._live_run) and not self.curves.comparing:
            notes = self._notes.get(self._shown)
            title = notes.title if notes is not None else ""
        self._curves_title.setText(title)
        self._curves_title.setVisible(bool(title))
        self._column.setStretchFactor(self._rest, 0 if curves else 1)
        self.runs.set_current([self._shown] if self._shown else [])

    def _on_changed(self, what: Change) -> None:
        if what & (Change.RUNS | Change.MODEL) and not self._soon.isActive():
            self._soon.start()
        if what & (Change.PHOTOS | Change.LABELS):
            self._check()

    def _check(self) -> None:
        """See whether there is anything to learn from."""
        try:
            labels = [label for label in self._session.project.labels() if label.count and not label.excluded]
        except UserError:
            return
        reason = ""
        if not labels:
            reason = self.tr("There are no photographs yet. Drop a folder with one sub-folder per label.")
        elif len(labels) == 1:
            reason = self.tr("A classifier compares. Add photographs of something else, or of good ones.")
        self.question.set_reason(reason)

    def showEvent(self, event: QShowEvent) -> None:
        """Times of day go on while nobody looks."""
        super().showEvent(event)
        self._tick.start()
        self._on_tick()
        if not self._asked_weights:
            self._asked_weights = True
            self._session.weights.list(self._on_weights)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks."""
        super().hideEvent(event)
        self._tick.stop()

    def _on_tick(self) -> None:
        if self._session.training.active:
            self._show_state(self._session.training.state)
        else:
            self.question.refresh_times()

    # Weights --------------------------------------------------------------------------------------------------------

    def _usual(self) -> str:
        """Return the weights a run takes by itself."""
        try:
            kept = self._session.project.setting("stage") or {}
        except UserError:
            kept = {}
        entry = default_entry(self._known)
        if kept.get("weights"):
            return str(kept["weights"])
        return str(entry["name"]) if entry is not None and entry.get("available") else "starter"

    def _on_weights(self, known: list[dict[str, Any]]) -> None:
        self._known = list(known)
        self.question.set_weights(self._known, self._usual(), self._chosen_weights)

    def _on_get(self, name: str) -> None:
        self.question.set_weights_message(self.tr("Downloading..."))
        self._session.weights.get(name, self._on_got)

    def _on_import(self) -> None:
        kind = self.tr("Weights (*.safetensors *.pth *.pt *.bin *.h5 *.keras);;All files (*)")
        files.ask_open(self, self.tr("Which file holds the weights?"), kind, self.take_weights)

    def take_weights(self, paths: list[str]) -> None:
        """Take weights in from a file."""
        self.question.set_weights_message(self.tr("Looking into the file..."))
        self._session.weights.take_in(paths[0], self._on_got)

    def _on_got(self, result: dict[str, Any] | Failed) -> None:
        if isinstance(result, Failed):
            self.question.set_weights_message("")
            self._session.tell(result, self.key)
            return
        self._chosen_weights = str(result.get("name") or "") or None
        self._session.weights.list(self._on_weights)

    def _on_work(self, work: Work | None) -> None:
        if work is not None and work.key == "weights" and work.total:
            share = min(99, round(100 * work.done / work.total))
            self.question.set_weights_message(self.tr("Downloading... {n} %").format(n=share))

    # A run under way ------------------------------------------------------------------------------------------------

    def _on_start(self, spec: TrainSpec) -> None:
        self.runs.clear_picks()
        if spec.name is None:
            spec = dataclasses.replace(spec, name=self.tr("Run {n}").format(n=len(self._notes) + 1))
        self._session.training.begin(spec)

    def _on_training(self, state: TrainingState) -> None:
        if state.run is not None and state.run != self._live_run and state.active:
            self._follow(state.run)
        elif state.phase == "starting" and state.run is None and self._live_run is not None:
            self._live_run = None
            self._begin_curves("", CurveData())
        if state.active:
            self._asking = False
            self._show_state(state)
        elif state.phase == "finished" and not self._asking:
            self._show_result()
        elif state.phase in ("idle", "failed"):
            self._asking = True
        self._arrange()

    def _show_state(self, state: TrainingState) -> None:
        self.header.show_state(state, max(self._live_data.practice_scores(), default=None))

    def _follow(self, run: str) -> None:
        self._live_run = run
        data = CurveData()
        with contextlib.suppress(UserError):  # a run that goes on has a past
            data = read_curves(self._session.project.run(run))
        self._begin_curves(run, data)
        self._read()

    def _begin_curves(self, run: str, data: CurveData) -> None:
        self._live_data = data
        self._shown = run or None
        self.runs.clear_picks()
        notes = self._notes.get(run)
        self.curves.start(notes.title if notes is not None else self.tr("curves"), data)
        self._show_quick(run)

    def _on_point(self, point: BatchPoint) -> None:
        if self.curves.data is self._live_data and not self.curves.comparing:
            self.curves.add_point(point)
        else:
            self._live_data.add_point(point)

    def _on_line(self, line: EpochLine) -> None:
        if self.curves.data is self._live_data and not self.curves.comparing:
            self.curves.add_line(line)
        else:
            self._live_data.add_line(line)
        self._show_state(self._session.training.state)

    def _quick_score(self, run: str | None) -> tuple[int, int] | None:
        """Return the quick model's (right, total) in practice, when that run began if it noted it."""
        notes = self._notes.get(run or "")
        if notes is not None and notes.total and notes.info.get("quick_practice_accuracy") is not None:
            total = int(notes.info.get("quick_practice_total") or notes.total)
            return round(float(notes.info["quick_practice_accuracy"]) * total), total
        quick = self._session.quick.state
        return (quick.right, quick.practice) if quick.practice else None

    def _show_quick(self, run: str | None) -> None:
        score = self._quick_score(run)
        if score is None:
            self.curves.set_quick(None)
        else:
            text = self.tr("Quick model, {count}").format(count=words.of(*score))
            self.curves.set_quick(score[0] / score[1], text)

    def _show_result(self) -> None:
        state = self._session.training.state
        result = state.result or {}
        run = str(result.get("run") or state.run or self._live_run or "")
        notes = self._notes.get(run)
        total = notes.total if notes is not None and notes.total else state.best_total
        right = notes.right if notes is not None else None
        if right is None and state.best_right:
            right = state.best_right
        quick = self._quick_score(run)
        accuracy = result.get("quick_practice_accuracy")
        quick_right = round(float(accuracy) * total) if accuracy is not None else quick[0] if quick else None
        try:
            answering = self._session.project.current_model or ""
        except UserError:
            answering = ""
        mirror = (notes.info.get("mirror") if notes is not None else None) or {}
        self.header.show_result(right, quick_right, total, run, answering, mirror.get("used") is False)

    # Earlier runs ---------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            runs = self._session.project.runs()
            answering = self._session.project.current_model or ""
        except UserError:
            return
        found: list[RunNotes] = []
        for run in runs:
            notes = self._read_one(run)
            if notes is not None:
                found.append(notes)
        self._notes = {notes.id: notes for notes in found}
        self.runs.set_runs(found, answering, self._session.training.active)
        if self._session.training.state.phase == "finished" and not self._asking:
            self._show_result()
        if not self.curves.comparing:
            self._show_quick(self._shown)
            if self._shown == self._live_run and self._live_run in self._notes:
                self.curves.set_parts(int((self._notes[self._live_run].info.get("frozen") or {}).get("parts") or 1))
        self._arrange()

    def _read_one(self, run: Run) -> RunNotes | None:
        """Read a run's notes, unless it is over and they are what they were."""
        try:
            stat = (run.folder / "run.json").stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        old = self._notes.get(run.id)
        if old is not None and old.status in CLOSED and self._stamps.get(run.id) == stamp:
            return old
        self._stamps[run.id] = stamp
        return read_run(run)

    def _data_of(self, run: str) -> CurveData:
        if run == self._live_run:
            return self._live_data
        try:
            return read_curves(self._session.project.run(run))
        except UserError:
            return CurveData()

    def show_run(self, run: str) -> None:
        """Show the curves of a run."""
        if run not in self._notes:
            return
        self.runs.clear_picks()
        self._shown = run
        self.curves.start(self._notes[run].title, self._data_of(run))
        self._show_quick(run)
        self._arrange()
        self._look_at_curves()

    def _look_at_curves(self) -> None:
        """Bring the curves into sight once they have their place."""
        if self._asking and not self._session.training.active:
            QTimer.singleShot(30, self, lambda: self._scroll.ensureWidgetVisible(self.curves, 0, 24))

    def compare(self, first: str, second: str) -> None:
        """Lay the curves of two runs over each other and list what they differ in."""
        one, two = self._notes.get(first), self._notes.get(second)
        if one is None or two is None:
            return
        names = [one.title, two.title]
        if names[0] == names[1]:
            names = [f"{names[0]} (1)", f"{names[1]} (2)"]
        self.curves.compare(Compared(names[0], self._data_of(first)), Compared(names[1], self._data_of(second)))
        scores = ["-" if n.right is None else words.of(n.right, n.total) for n in (one, two)]
        self.comparison.show_runs(one, two, scores)
        self._arrange()
        self.runs.set_current([first, second])

    def _end_compare(self) -> None:
        self.runs.clear_picks()
        run = self._shown or (self._live_run if not self._asking else None)
        self._shown = run
        self.curves.start(self._notes[run].title if run in self._notes else self.tr("curves"), self._data_of(run or ""))
        self._show_quick(run)
        self._arrange()

    def _command(self, run: str) -> str:
        return as_command(self._notes[run].spec, str(self._session.project.folder))

    def _copy_command(self, run: str) -> None:
        if run in self._notes:
            QGuiApplication.clipboard().setText(self._command(run))

    def show_details(self, run: str) -> RunDetails | None:
        """Show everything a run did, in a window of its own."""
        if run not in self._notes:
            return None
        details = RunDetails(self._notes[run], self._command(run), self)
        details.show()
        return details

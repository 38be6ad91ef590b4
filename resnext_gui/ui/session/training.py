"""Leading a run: begin, pause, go on, stop, and what was left unfinished."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from PySide6.QtCore import QObject

from resnext_gui import messages
from resnext_gui.messages import BatchPoint, EpochLine, Failed, Progress, TrainSpec, UserError
from resnext_gui.ui.engine_process.client import Job
from resnext_gui.ui.session.core import SessionCore
from resnext_gui.ui.session.quick import Quick
from resnext_gui.ui.session.state import Change, Problem, TrainingPhase, TrainingState, Unfinished, Work

TRAINING_STAGE = "train"
"""Progress of this stage is the run's; others, such as reading the photographs, only come before."""


class Training(QObject):
    """Leads one run at a time, in a process of its own."""

    def __init__(self, session: SessionCore, quick: Quick) -> None:
        super().__init__(session)
        self._session = session
        self._quick = quick
        self._job: Job | None = None
        self._began: tuple[float, float] | None = None  # when the first step was heard of, and the progress then
        self._counted = False  # whether the engine itself tells the progress of the run
        self.state = TrainingState()

    @property
    def active(self) -> bool:
        """Whether a run is under way, paused or not."""
        return self.state.active

    def _set(self, **changes: Any) -> None:
        state = dataclasses.replace(self.state, **changes)
        if state == self.state:
            return
        self.state = state
        self._session.training_changed.emit(state)
        titles: dict[TrainingPhase, str] = {
            "starting": self.tr("Training begins"),
            "running": self.tr("Training"),
            "pausing": self.tr("Training pauses"),
            "paused": self.tr("Training waits"),
            "stopping": self.tr("Training stops"),
        }
        work = None
        if state.phase in titles:
            work = Work(
                titles[state.phase],
                state.text,
                round(state.progress * 1000),
                1000,
                state.seconds_left if state.phase == "running" else None,
                key="training",
            )
        self._session.set_work("training", work)

    # ---- buttons

    def begin(self, spec: TrainSpec) -> None:
        """Begin a run."""
        self._lead(spec, None)

    def go_on(self, run_id: str) -> None:
        """Go on with an unfinished run."""
        self._lead(TrainSpec(), run_id)

    def use_as_it_is(self, run_id: str) -> None:
        """End an unfinished run with the best that it has."""
        self._lead(TrainSpec(), run_id, finish=True)

    def _lead(self, spec: TrainSpec, run_id: str | None, finish: bool = False) -> None:
        session = self._session
        if self.state.active:
            message = self.tr("A run is under way.")
            hint = self.tr("Stop it or let it finish, then start another.")
            session.problem.emit(Problem("train", message, hint, code="run_active", tone="info"))
            return
        self.state = TrainingState()
        self._began, self._counted = None, False
        self._job = session.run(
            messages.Train("", session.folder, spec, run_id, finish),
            done=self._on_finished,
            failed=self._on_failed,
            event=self._on_event,
            client=session.trainer,
        )
        if finish:
            self._set(phase="stopping", run=run_id, text=self.tr("Keeping the best so far"))
        else:
            self._set(phase="starting", run=run_id, text=self.tr("Getting ready"))
        if run_id is not None:
            self._read_total(run_id)

    def pause(self) -> None:
        """Let the run wait at its next safe point."""
        if self._job is not None and self.state.phase in ("starting", "running"):
            self._set(phase="pausing")
            self._job.pause()

    def resume(self) -> None:
        """Let the waiting run go on."""
        if self._job is not None and self.state.phase in ("pausing", "paused"):
            self._job.resume()
            self._set(phase="running")

    def stop(self) -> None:
        """End the run and keep its best."""
        if self._job is not None and self.state.active and self.state.phase != "stopping":
            self._set(phase="stopping", text=self.tr("Keeping the best so far"))
            self._job.stop()

    # ---- what the run says

    def _on_event(self, event: object) -> None:
        session, state = self._session, self.state
        if isinstance(event, Progress):
            changes: dict[str, Any] = {"text": str(event.text), "seconds_left": event.seconds_left}
            if event.stage == TRAINING_STAGE and event.total > 0:
                self._counted = True
                changes["progress"] = min(1.0, event.done / event.total)
            self._set(**changes)
        elif isinstance(event, BatchPoint):
            session.batch_point.emit(event)
            self._set(
                progress=self._progress(event.seconds_left),
                phase="running" if state.phase == "starting" else state.phase,
                # What got the run this far is over; what a stop says of itself stays.
                text=state.text if state.phase == "stopping" else "",
                images_per_second=event.images_per_second,
                seconds_left=event.seconds_left,
                ends_at=event.ends_at,
            )
        elif isinstance(event, EpochLine):
            if not state.best_total and state.run is not None:
                self._read_total(state.run)
            if event.best and event.practice_accuracy is not None and self.state.best_total:
                self._set(best_right=round(event.practice_accuracy * self.state.best_total))
            session.epoch_line.emit(event)
            session.changed.emit(Change.RUNS)
        elif isinstance(event, messages.DeviceChosen):
            self._set(
                device=event.name or event.device,
                precision=event.precision,
                reason=str(event.reason),
                advice=str(event.advice),
            )
        elif isinstance(event, messages.RunCreated):
            self._set(run=event.run, phase="running" if state.phase == "starting" else state.phase)
            self._read_total(event.run)
            session.changed.emit(Change.RUNS)
        elif isinstance(event, messages.ModelReady):
            self._on_model(event)
        elif isinstance(event, messages.Paused):
            self._set(phase="paused")
        elif isinstance(event, messages.Resumed) and state.phase in ("pausing", "paused"):
            self._set(phase="running")

    def _progress(self, seconds_left: float | None) -> float:
        """Return how much of the run is done; a run that goes on begins where it was."""
        if seconds_left is None or self._counted:
            return self.state.progress
        now = time.monotonic()
        if self._began is None:
            self._began = (now, self.state.progress)
        began, before = self._began
        spent = now - began
        return before + (1 - before) * spent / max(1e-9, spent + seconds_left)

    def _on_model(self, event: messages.ModelReady) -> None:
        if event.model == "quick":
            self._quick.note_model(event)
        elif event.total:
            self._set(best_right=event.right, best_total=event.total)
        self._session.changed.emit(Change.MODEL)

    def _read_total(self, run_id: str) -> None:
        """Learn from the run's own notes how many practice photographs it has."""
        try:
            info = self._session.project.run(run_id).read()
        except (OSError, ValueError, UserError):
            return
        if self._began is None:
            self._set(progress=float(info.get("progress") or 0.0))
        best = info.get("best") or {}
        total = int(best.get("practice_total") or (info.get("split") or {}).get("practice") or 0)
        accuracy = best.get("practice_accuracy")
        if total:
            self._set(best_total=total, best_right=round(accuracy * total) if accuracy is not None else 0)

    def _on_finished(self, result: dict[str, Any]) -> None:
        self._job = None
        self._set(phase="finished", result=result, progress=1.0, seconds_left=0.0, ends_at=time.time())
        self._session.changed.emit(Change.RUNS | Change.MODEL)

    def _on_failed(self, failure: Failed) -> None:
        self._job = None
        if failure.code == "stopped":
            self._set(phase="idle", text="", error=None)
        else:
            self._set(phase="failed", error=failure, text=failure.message)
            self._session.tell(failure, "train")
        self._session.changed.emit(Change.RUNS | Change.MODEL)

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        try:
            self._session.project.run(run_id).rename(name)
        except UserError as error:
            self._session.tell(error, "train")
        self._session.changed.emit(Change.RUNS | Change.MODEL)

    # ---- what was left

    def unfinished(self) -> list[Unfinished]:
        """Return runs that ended without an end, newest first."""
        found = []
        for run in self._session.project.runs():
            if run.status != "interrupted" or run.id == (self.state.run if self.state.active else None):
                continue
            try:
                info = run.read()
                stopped = max(path.stat().st_mtime for path in run.folder.iterdir())
            except (OSError, ValueError, UserError):
                continue
            progress = float(info.get("progress") or 0.0)
            used = float(info.get("seconds_used") or 0.0)
            found.append(
                Unfinished(
                    run.id,
                    str(info.get("name") or run.id),
                    stopped,
                    progress,
                    run.has_best,
                    used * (1 - progress) / progress if progress > 0.02 and used else None,
                )
            )
        return found

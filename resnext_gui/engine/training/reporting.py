"""What a run says while it trains: events for the window, curves and checkpoints for the run's folder."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from resnext_gui.engine.ingest.reach import Reach
from resnext_gui.engine.models.features import Photographs
from resnext_gui.engine.models.score import Score
from resnext_gui.engine.training.checkpoints import prune, save_state
from resnext_gui.engine.training.loop import FitState, Fitting, PassReport, StepReport, Watch
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import BatchPoint, EpochLine, ModelReady, Refused
from resnext_gui.project import Project, Run

SAVE_EVERY = 10.0
"""Checkpoints are at least this many times as far apart as one takes to write."""

AFTERWARDS = 5.0
"""Seconds from the last step to the result, about."""


class Reporter:
    """The other end of the loop's `Watch`.

    Attributes:
        watch: to be handed to the loop.
        fitting: the loop; set before it runs.
    """

    fitting: Fitting

    def __init__(self, project: Project, run: Run, photographs: Photographs, job: JobContext) -> None:
        self._project, self._run, self._photographs, self._job = project, run, photographs, job
        self.watch = Watch(self._on_batch, self._on_epoch, self._on_checkpoint)
        self._points: list[dict[str, Any]] = []
        self._told = 0.0
        self._saved_at = 0.0
        self._save_cost = 0.0
        self._speeds: list[float] = []
        self._missing: set[int] = set()
        self._best_written: dict[str, str] = {}

    @property
    def images_per_second(self) -> float:
        """Of the passes so far, the median; 0 before the first is over."""
        return float(np.median(self._speeds)) if self._speeds else 0.0

    def ready(self, score: Score) -> None:
        """Say that the run's model can answer."""
        labels, known = len(self._photographs.labels), len(self._photographs.learning) + len(self._photographs.practice)
        self._job.emit(ModelReady(self._job.job_id, self._run.id, score.right, score.total, labels, known))

    def flush(self) -> None:
        """Write down the batch points that are still held back."""
        if self._points:
            points, self._points = self._points, []
            self._run.append_batches(points)

    def _on_batch(self, report: StepReport) -> None:
        now = time.time()
        point = asdict(report)
        left = report.seconds_left
        ends = now + left + AFTERWARDS if left is not None else None
        self._job.emit(BatchPoint(self._job.job_id, **point, ends_at=ends))
        del point["seconds_left"]
        self._points.append(point)
        if now - self._told > 2.0:
            self._told = now
            self.flush()

    def _on_epoch(self, report: PassReport) -> None:
        score = report.score
        line = EpochLine(
            self._job.job_id, report.epoch, report.loss, report.accuracy, score.loss if score else None,
            score.accuracy if score else None, report.learning_rate, report.seconds, report.best,
        )  # fmt: skip
        self._job.emit(line)
        self.flush()
        values = asdict(line)
        del values["job_id"]
        self._run.append_history({**values, "practice_total": score.total if score else 0})
        self._tell_missing()
        if report.best and score is not None:
            self.ready(score)

    def _tell_missing(self) -> None:
        """Say which photographs could not be read any more since the last pass."""
        for index, reason in self.fitting.learning.missing.items():
            if index not in self._missing:
                self._missing.add(index)
                item = self._photographs.learning[index]
                self._job.emit(Refused(self._job.job_id, item.path, "vanished:run", {"reason": reason}))
                if not Path(item.path).exists() and Reach.of(self._project).lost(item.path) is None:
                    self._project.set_status([item.photo_id], "gone", reason)

    def _on_checkpoint(self, state: FitState, images_per_second: float) -> None:
        self._speeds.append(images_per_second)
        now = time.monotonic()
        ends = self.fitting.progress(state.seconds) >= 1.0
        # saving may cost a tenth of the time, not more: what is lost in a crash is then a tenth as well
        if self._saved_at and now - self._saved_at < SAVE_EVERY * self._save_cost and not ends:
            return
        facts = save_state(self._run.folder, self.fitting, self._best_written)
        best = state.best
        self._run.update(
            last_checkpoint=facts,
            progress=self.fitting.progress(state.seconds),
            seconds_used=state.seconds,
            best={
                "epoch": state.best_epoch,
                "practice_accuracy": best.accuracy if best else None,
                "practice_loss": best.loss if best else None,
                "practice_total": best.total if best else 0,
            },
        )
        prune(self._run.folder, facts)
        self._saved_at = time.monotonic()
        self._save_cost = self._saved_at - now

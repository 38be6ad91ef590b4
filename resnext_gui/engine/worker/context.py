"""What every job is given: its name, whom it tells, and how it is asked to stop.  Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import Event, Progress, Refused, UserError
from resnext_gui.texts import Text

Emit = Callable[[Event], None]
"""A job says things by calling this.  It never blocks for long and never raises."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job is given beside its command; it hands it on to whatever works for it.

    Attributes:
        job_id: the command's, which every event of the job carries.
        emit: says an event.
        control: the other end of the pause and stop buttons.
    """

    job_id: str
    emit: Emit
    control: Control

    def check(self) -> None:
        """Serve urgent work, wait while paused, and raise `JobStopped` once a stop was asked for."""
        self.control.check()

    def progress(
        self, stage: str, done: int, total: int, text: Text | str = "", seconds_left: float | None = None
    ) -> None:
        """Say how far the job is; see `Progress`."""
        self.emit(Progress(self.job_id, stage, done, total, text, seconds_left))

    def refused(self, path: str, error: UserError) -> None:
        """Say that a file could not be used, and why."""
        self.emit(Refused(self.job_id, path, error.error, error.values))

    def unstoppable(self) -> JobContext:
        """Return the same for work that nobody may stop any more."""
        return replace(self, control=Control())

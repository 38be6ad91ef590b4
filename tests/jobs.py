"""What tests give a job beside its command."""

from __future__ import annotations

from resnext_gui.engine.worker.context import Emit, JobContext
from resnext_gui.engine.worker.control import Control


def in_job(emit: Emit = lambda _event: None, control: Control | None = None) -> JobContext:
    """A job that says what it says to `emit` (nobody, by default), and is steered by `control`."""
    return JobContext("job", emit, control or Control())

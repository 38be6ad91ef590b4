"""One child process, seen from the window: jobs go in, signals come out.

`EngineClient` lives on the window's thread; its `EngineLine` is the thread that owns the child.  These two modules
are the only ones of the window with threads or processes.
"""

from __future__ import annotations

import dataclasses
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from resnext_gui import messages
from resnext_gui.messages import Command, Failed, Finished, Message
from resnext_gui.texts import said
from resnext_gui.ui.engine_process.process import EngineLine, Patience

WINDOW_SHARE = 0.008
"""Seconds of the window's time that one delivery of events may take before the window gets its turn again."""


def worker_command() -> list[str]:
    """Return the program that serves as the engine; a frozen program serves as its own engine."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--worker"]
    return [sys.executable, "-m", "resnext_gui.engine.worker.server"]


class Job(QObject):
    """A command under way.  Ends with exactly one of `finished` and `failed`, unless it was cancelled.

    No child of its client in Qt's sense: a job, or what is connected to it, may be the last that holds the client.  The
    job's end would then end the client, and a parent that ends deletes its children: this job a second time.
    """

    started = Signal()
    happened = Signal(object)
    """Any other event of this job, as a `messages` dataclass."""
    finished = Signal(object)
    """The result, its sentences in words: a dict; declared as one, Qt would make another out of it."""
    failed = Signal(object)
    """`messages.Failed`."""
    over = Signal()
    """After `finished` or `failed`, and after a cancelled job has really ended."""

    def __init__(self, client: EngineClient, command: Command, job_id: str) -> None:
        super().__init__()
        self._client = client
        self.command = command
        self.id = job_id
        self.done = False
        self.cancelled = False

    def stop(self) -> None:
        """Ask the job to stop.  Its terminal event still arrives; a child that does not listen is ended."""
        self._client._send_about(self, messages.Stop(self.id))

    def pause(self) -> None:
        """Ask the job to wait at its next safe point."""
        self._client._send_about(self, messages.Pause(self.id))

    def resume(self) -> None:
        """Let the job go on."""
        self._client._send_about(self, messages.Resume(self.id))

    def cancel(self) -> None:
        """Stop the job and hear nothing more of it, not even what is already on its way."""
        if self.done or self.cancelled:
            return
        self.cancelled = True
        self.stop()

    def _deliver(self, event: Message) -> None:
        if isinstance(event, Finished | Failed):
            self.done = True
            if not self.cancelled:
                if isinstance(event, Finished):
                    self.finished.emit(said(event.result))
                else:
                    self.failed.emit(event)
            self.over.emit()
        elif self.cancelled:
            return
        elif isinstance(event, messages.Started):
            self.started.emit()
        else:
            self.happened.emit(event)


class EngineClient(QObject):
    """Starts a child when the first job comes, and hands its events to the window in small portions.

    Args:
        role: what the child is for, ``"assistant"`` or ``"trainer"``; it is told.
        program: command line of the child; None for the engine.
        one_job: let the child go as soon as no job is left, and its memory with it.
        log_folder: where the child's own words are written; None for nowhere.
        patience: waiting times.
    """

    child_started = Signal(int)
    """The child's process id."""
    child_ended = Signal(object)
    """The child's exit code (int), or None where it is not known."""

    def __init__(
        self,
        role: str,
        parent: QObject | None = None,
        *,
        program: Sequence[str] | None = None,
        one_job: bool = False,
        log_folder: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(parent)
        self.role = role
        self._jobs: dict[str, Job] = {}
        self._closed = False
        self._line = EngineLine(role, list(program or worker_command()), one_job, log_folder, patience or Patience())
        self._line.arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._line.child_started.connect(self.child_started)
        self._line.child_ended.connect(self.child_ended)

    @property
    def jobs(self) -> list[Job]:
        """Jobs that have not ended, oldest first."""
        return list(self._jobs.values())

    @property
    def pid(self) -> int | None:
        """Process id of the child, or None where none runs."""
        return self._line.pid

    def submit(self, command: Command) -> Job:
        """Hand `command` to the child and return the job that stands for it.

        An empty ``job_id`` is filled in.  Signals never arrive before this call has returned.
        """
        if isinstance(command, messages.Shutdown | messages.Stop | messages.Pause | messages.Resume):
            raise TypeError(f"only jobs are submitted. Received: {type(command).__name__}")
        if not command.job_id:
            command = dataclasses.replace(command, job_id=uuid.uuid4().hex)
        job = Job(self, command, command.job_id)
        self._jobs[job.id] = job
        if self._closed:
            failure = Failed(job.id, "closed")
            QTimer.singleShot(0, self, lambda: self._hand_over(failure))
        else:
            self._line.send(command, job.id)
        return job

    def close(self, wait: bool = True) -> None:
        """Let the child go; jobs say nothing more.

        Returns when the child has ended, which takes a few hundredths of a second, and never longer than `Patience`
        says.  Without `wait` it returns at once, and `wait_closed` must follow.
        """
        self._closed = True
        for job in self._jobs.values():
            job.cancelled = True
        self._line.finish()
        if wait:
            self.wait_closed()

    def wait_closed(self) -> None:
        """Wait for what `close` began."""
        self._line.wait()
        for job in self._jobs.values():
            job.deleteLater()  # or what is connected to it would be held for ever
        self._jobs.clear()

    def _send_about(self, job: Job, command: Command) -> None:
        if not job.done and not self._closed:
            self._line.send(command, job.id)

    def _deliver(self) -> None:
        """Hand over what has arrived, for `WINDOW_SHARE` seconds; the rest after the window had its turn."""
        deadline = time.monotonic() + WINDOW_SHARE
        while (event := self._line.take()) is not None:
            self._hand_over(event)
            if time.monotonic() > deadline:
                QTimer.singleShot(0, self, self._deliver)
                return

    def _hand_over(self, event: Message) -> None:
        job_id = getattr(event, "job_id", "")
        job = self._jobs.get(job_id)
        if job is None:
            return  # of a job that has ended: nobody is interested any more
        if isinstance(event, Finished | Failed):
            del self._jobs[job_id]
        job._deliver(event)
        if job.done:
            job.deleteLater()

"""What all parts of a session stand on: the project, its engines, the work that is shown, and what is told to pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from resnext_gui.messages import Command, DeviceChosen, Failed, Progress, UserError
from resnext_gui.project import Project
from resnext_gui.ui.engine_process.client import EngineClient, Job
from resnext_gui.ui.session.state import Change, Device, PageKey, Problem, Tone, Work, WorkKey

POLL_EVERY = 700
"""Milliseconds between two questions whether another process, such as an importing engine, changed the project."""
MODELS_EVERY = 4
"""At every so many of them, models and runs are asked about too."""
POLL_AGAIN = 3000
"""The same, while the project's drive is not there."""


class SessionCore(QObject):
    """A project with its engines, before anything is done with them.

    Args:
        project: opened on this thread; the session closes it.
        assistant: a client to share (it outlives the session), or None for one of its own.
        trainer: a client for runs, or None for one of its own.
        log_folder: where engines write what they have to say.
    """

    changed = Signal(object)
    """A `state.Change`: what should be asked for anew."""
    thumbnail_ready = Signal(int, str)
    """A photograph's number, and the file of its thumbnail."""
    work_changed = Signal(object)
    """`state.Work`, or None when nothing is being done."""
    import_finished = Signal(object)
    """The receipt of an import."""
    reconciled = Signal(object)
    """How the project and the disk differ."""
    quick_changed = Signal(object)
    """`state.QuickState`."""
    training_changed = Signal(object)
    """`state.TrainingState`."""
    batch_point = Signal(object)
    epoch_line = Signal(object)
    answered = Signal(object)
    """A `messages.Answer`."""
    refused = Signal(object)
    """A `messages.Refused`."""
    classify_changed = Signal(int, int)
    """How many pictures have been answered, of how many."""
    evaluation_ready = Signal(object)
    evaluation_failed = Signal(object)
    model_view_ready = Signal(str, str)
    device_changed = Signal(object)
    """`state.Device`."""
    problem = Signal(object)
    """A `state.Problem` that a person has to read."""
    navigate = Signal(str)
    """The key of the page to turn to."""
    name_changed = Signal(str)
    back = Signal()
    """The project can be reached again after a `problem` said that it could not."""

    def __init__(
        self,
        project: Project,
        assistant: EngineClient | None = None,
        trainer: EngineClient | None = None,
        log_folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.project = project
        self.folder = str(project.folder)
        self._own_assistant = assistant is None
        self.assistant = assistant or EngineClient("assistant", self, log_folder=log_folder)
        self.trainer = trainer or EngineClient("trainer", self, one_job=True, log_folder=log_folder)
        self.work: Work | None = None
        """What the bottom strip shows."""
        self.device: Device | None = None
        """Which device computes; None until an engine has said so."""
        self.closed = False
        self._jobs: dict[Job, WorkKey] = {}
        self._works: dict[WorkKey, Work] = {}
        self._cancels: dict[WorkKey, Callable[[], None]] = {}
        self._seen_version = project.data_version()
        self._away = False
        self._polls = 0
        self._models_seen: list[tuple[str, int]] | None = None
        self._poll_timer = QTimer(self)
        self._poll_timer.setInterval(POLL_EVERY)
        self._poll_timer.timeout.connect(self.poll)
        self._poll_timer.start()

    # ---- what changed

    def announce(self, made: Change) -> None:
        """Tell what this window changed in photographs and labels, where the project says that something did change."""
        if self.closed:  # a job's last word, which arrives when the window is about to end
            return
        try:
            version = self.project.data_version()
        except UserError as error:
            if not self._away:
                self._away = True
                self._poll_timer.setInterval(POLL_AGAIN)
                self.tell(error, "")
            return
        if self._away:
            self._away = False
            self._poll_timer.setInterval(POLL_EVERY)
            self.back.emit()
        if version != self._seen_version:
            alone = version == self._seen_version + 1  # else somebody else changed something as well
            self._seen_version = version
            self.changed.emit(made if alone else made | Change.PROJECT)

    def poll(self) -> None:
        """See whether another process changed the project, made a model or led a run, and tell."""
        self.announce(Change.PROJECT)
        self._polls += 1
        if self._polls % MODELS_EVERY or self.closed or self._away:
            return
        project = self.project
        try:
            files = [project.quick_folder / "model.json", *(run.folder / "run.json" for run in project.runs())]
            state = [(str(file), file.stat().st_mtime_ns if file.exists() else 0) for file in files]
        except OSError:
            return
        before, self._models_seen = self._models_seen, state
        if before is not None and state != before:
            self.changed.emit(Change.RUNS | Change.MODEL)

    # ---- work

    def run(
        self,
        command: Command,
        page: PageKey = "",
        *,
        done: Callable[[dict[str, Any]], object] | None = None,
        failed: Callable[[Failed], object] | None = None,
        event: Callable[[object], object] | None = None,
        work: Work | None = None,
        counted: str = "",
        client: EngineClient | None = None,
    ) -> Job:
        """Give the engine a command and return its job, which ends with the session at the latest.

        Args:
            command: what to do.
            page: where a failure is told, unless `failed` takes it.
            done: gets the result.
            failed: gets the failure.
            event: gets everything else that is said of the job.
            work: what the strip shows meanwhile, followed by the job's progress.
            counted: its title once it is known of how many there is to do.
            client: whom to ask; None for the assistant.
        """
        job = (client or self.assistant).submit(command)
        key: WorkKey = work.key if work is not None else ""
        self._jobs[job] = key

        def happened(told: object) -> None:
            if isinstance(told, Progress) and work is not None:
                title = counted if counted and told.total else work.title
                shown = dataclasses.replace(
                    work,
                    title=title,
                    text=str(told.text),
                    done=told.done,
                    total=told.total,
                    seconds_left=told.seconds_left,
                )
                self.set_work(key, shown, job.stop)
            elif isinstance(told, DeviceChosen) and client is None:
                self.set_device(told)
            if event is not None:
                event(told)

        def ended(_how: object = None) -> None:
            if self._jobs.pop(job, None) is not None and not self.closed:
                if key and key not in self._jobs.values():
                    self.set_work(key, None)
                self.announce(Change.PROJECT)

        job.happened.connect(happened)
        for end in (job.finished, job.failed, job.over):  # a cancelled job tells only that it is over
            end.connect(ended)
        if done is not None:
            job.finished.connect(done)
        job.failed.connect(failed or (lambda failure: self.tell(failure, page)))
        if work is not None:
            self.set_work(key, work, job.stop)
        return job

    def set_work(self, key: WorkKey, work: Work | None, cancel: Callable[[], None] | None = None) -> None:
        """Show `work` under `key` in the strip, or take it away.  The newest kind of work is shown."""
        if work is None:
            self._works.pop(key, None)
            self._cancels.pop(key, None)
        else:
            self._works[key] = work
            if cancel is not None:
                self._cancels[key] = cancel
        newest = next(reversed(self._works.values()), None)
        if newest != self.work:
            self.work = newest
            self.work_changed.emit(newest)

    def cancel_work(self) -> None:
        """Cancel the work the strip shows."""
        cancel = self._cancels.get(self.work.key) if self.work is not None else None
        if cancel is not None:
            cancel()

    # ---- telling

    def tell(self, error: UserError | Failed, page: PageKey, tone: Tone = "wrong") -> None:
        """Make a `problem` of an error, unless it is only a stop."""
        if error.code not in ("stopped", "closed"):
            details = error.details if isinstance(error, Failed) else ""
            self.problem.emit(Problem(page, error.message, error.hint, details, error.code, tone))

    def set_device(self, chosen: DeviceChosen | Device) -> None:
        """Note which device computes."""
        if isinstance(chosen, DeviceChosen):
            cores = self.device.cores if self.device is not None else 0
            chosen = Device(chosen.device, chosen.name, chosen.precision, str(chosen.reason), str(chosen.advice), cores)
        if chosen != self.device:
            self.device = chosen
            self.device_changed.emit(chosen)

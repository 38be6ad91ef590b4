"""The weights a run can start from: which there are, downloading them, and taking a file in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from resnext_gui import messages
from resnext_gui.messages import Failed, Progress
from resnext_gui.ui.engine_process.client import Job
from resnext_gui.ui.session.state import Work

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session

WORK = "weights"


class WeightsDesk(QObject):
    """Lists, downloads and imports weights."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._jobs: set[Job] = set()

    def list(self, callback: Callable[[list[dict[str, Any]]], None]) -> None:
        """Tell `callback` what there is (see ``weights_commands.list_weights``); nothing where that is not known."""
        job = self._submit(messages.Weights("", "list"))
        job.finished.connect(lambda result: callback(list(result.get("weights", []))))
        job.failed.connect(lambda _failure: callback([]))

    def get(self, name: str, callback: Callable[[dict[str, Any] | Failed], None]) -> None:
        """Download weights, shown in the strip; `callback` gets {"name", "path", ...} or a `Failed`."""
        job = self._submit(messages.Weights("", "get", name))
        title = self.tr("Downloading weights")
        self._session.set_work(WORK, Work(title, can_cancel=True, key=WORK), job.stop)

        def event(happened: object) -> None:
            if isinstance(happened, Progress):
                work = Work(title, str(happened.text), happened.done, happened.total, happened.seconds_left, True, WORK)
                self._session.set_work(WORK, work, job.stop)

        job.happened.connect(event)
        self._answer(job, callback)

    def take_in(self, path: str, callback: Callable[[dict[str, Any] | Failed], None]) -> None:
        """Check a checkpoint file and take it in; `callback` as for `get`."""
        job = self._submit(messages.Weights("", "import", path))
        self._session.set_work(WORK, Work(self.tr("Reading weights"), can_cancel=True, key=WORK), job.stop)
        self._answer(job, callback)

    def _submit(self, command: messages.Weights) -> Job:
        job = self._session.assistant.submit(command)
        self._jobs.add(job)
        job.over.connect(lambda: self._jobs.discard(job))
        return job

    def _answer(self, job: Job, callback: Callable[[dict[str, Any] | Failed], None]) -> None:
        job.finished.connect(callback)
        job.failed.connect(callback)
        job.over.connect(lambda: self._session.set_work(WORK, None))

    def close(self) -> None:
        """Let everything go."""
        for job in list(self._jobs):
            job.cancel()

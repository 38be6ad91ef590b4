"""A session without an engine: the real one, with clients that start no child and say what a test lets them say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from PySide6.QtCore import QTimer

from resnext_gui.messages import Command, Message
from resnext_gui.project import Project
from resnext_gui.ui.engine_process.client import EngineClient, Job
from resnext_gui.ui.session.session import Session

C = TypeVar("C")


class SilentEngine(EngineClient):
    """Writes down what it is `told`, and is silent unless `answers` has something to say to a kind of command."""

    def __init__(self, role: str) -> None:
        super().__init__(role)
        self.told: list[Command] = []
        self.answers: dict[type, Callable[[Any], Iterable[Message]]] = {}

    def submit(self, command: Command) -> Job:
        job = Job(self, command, str(len(self.told)))
        self.told.append(command)
        self._jobs[job.id] = job
        answer = self.answers.get(type(command))
        if answer is not None:
            QTimer.singleShot(0, self, lambda: None if job.cancelled else self._answer(job, answer(command)))
        return job

    def _answer(self, job: Job, events: Iterable[Message]) -> None:
        for event in events:
            self.say(event, job)

    def say(self, event: Message, job: Job | None = None) -> None:
        """Let `job`, or the newest that has not ended, say something."""
        self._hand_over(dataclasses.replace(event, job_id=(job or self.jobs[-1]).id))  # type: ignore[arg-type]

    def _send_about(self, job: Job, command: Command) -> None:
        self.told.append(command)


class FakeSession(Session):
    """A session whose engines are silent, and which asks and begins nothing by itself."""

    assistant: SilentEngine
    trainer: SilentEngine
    opened: ClassVar[list[FakeSession]] = []

    def __init__(self, project: Project) -> None:
        super().__init__(project, SilentEngine("assistant"), SilentEngine("trainer"))
        self._poll_timer.stop()
        self.quick._timer.blockSignals(True)
        self.opened.append(self)

    def asked(self, kind: type[C]) -> list[C]:
        """Return every command of this kind so far."""
        return [command for command in (*self.assistant.told, *self.trainer.told) if isinstance(command, kind)]

    def set_training(self, **fields: Any) -> None:
        self.training._set(**fields)

    def set_quick(self, **fields: Any) -> None:
        self.quick._set(**fields)

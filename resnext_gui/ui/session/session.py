"""The one thing pages talk to: the open project, and what can be done with it, a part for each.

Photographs come in over `imports` and are corrected through `corrections`, `quick` keeps the quick model, `answers`
asks models, `training` leads runs, and `weights` knows what they can start from.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from resnext_gui.project import Project
from resnext_gui.ui.engine_process.client import EngineClient
from resnext_gui.ui.session.answers import Answers
from resnext_gui.ui.session.core import SessionCore
from resnext_gui.ui.session.corrections import Corrections
from resnext_gui.ui.session.imports import Imports
from resnext_gui.ui.session.quick import Quick
from resnext_gui.ui.session.training import Training
from resnext_gui.ui.session.weights import Weights


class Session(SessionCore):
    """An open project with its engine; see `SessionCore` for what it is made of."""

    def __init__(
        self,
        project: Project,
        assistant: EngineClient | None = None,
        trainer: EngineClient | None = None,
        log_folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(project, assistant, trainer, log_folder, parent)
        self.corrections = Corrections(self)
        self.imports = Imports(self)
        self.quick = Quick(self, self.imports)
        self.answers = Answers(self, self.imports, self.quick)
        self.training = Training(self, self.quick)
        self.weights = Weights(self)

    def open_up(self) -> None:
        """What happens at each opening, after the first paint: reconcile, and make the quick model if it is due."""
        self.imports.reconcile_at_opening()
        self.quick.at_opening()
        self.answers.describe()

    def close(self, wait: bool = True) -> None:
        """Let go of everything.  A shared assistant lives on, without this session's jobs."""
        if self.closed:
            return
        self.closed = True
        self._poll_timer.stop()
        for part in (self.corrections, self.imports, self.quick):
            part.close()
        for job in list(self._jobs):
            job.cancel()
        self.trainer.close(wait=False)
        if self._own_assistant:
            self.assistant.close(wait=False)
            if wait:
                self.assistant.wait_closed()
        if wait:
            self.trainer.wait_closed()
        self.project.close()

"""The quick model: made by itself as soon as there is something to compare, and kept up to date."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from resnext_gui import messages
from resnext_gui.messages import Failed, Progress, UserError
from resnext_gui.project import notes
from resnext_gui.ui.engine_process.client import Job
from resnext_gui.ui.session.core import SessionCore
from resnext_gui.ui.session.imports import Imports
from resnext_gui.ui.session.state import Change, QuickState, Work

EARLY = 20
"""Photographs of each of two labels that are enough to begin while a long import goes on."""
EARLY_AFTER = 4.0
"""Seconds; a shorter import is waited for."""
GROWTH = 3
"""During an import the model is made again when there are so many times as many photographs."""
CALM = 1500
"""Milliseconds without a correction before the model is refreshed."""
TRIES = 3
SETTING = "window_quick"


class Quick(QObject):
    """Decides when the quick model is made, and knows how it stands."""

    made = Signal()
    """There is a model that can answer."""

    def __init__(self, session: SessionCore, imports: Imports) -> None:
        super().__init__(session)
        self._session = session
        self._imports = imports
        self._job: Job | None = None
        self._again = False
        self._tries = 0
        self._scan_began: float | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.consider)
        self.state = self._remembered()
        session.changed.connect(self._on_changed)
        imports.settled.connect(self.consider)

    def _remembered(self) -> QuickState:
        """Return the state of the model that lies in the project, whoever made it."""
        project = self._session.project
        try:
            made = notes.read_model(project.quick_folder)
            stored = project.setting(SETTING) or {}
            stale = stored.get("version") != project.data_version()
        except (OSError, UserError):
            return QuickState()
        practice, counts = made.get("practice") or {}, made.get("counts") or {}
        return QuickState(
            phase="ready",
            right=int(practice.get("right") or 0),
            practice=int(practice.get("total") or 0),
            labels=int(counts.get("labels") or 0),
            photographs=int(counts.get("photographs") or 0),
            seconds=float(stored.get("seconds") or 0.0),
            exists=True,
            stale=stale,
        )

    def _set(self, **changes: Any) -> None:
        state = dataclasses.replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self._session.quick_changed.emit(state)

    # ---- when

    def at_opening(self) -> None:
        """Make the model where it is missing or out of date."""
        if not self.state.exists or self.state.stale:
            self.consider()

    def _on_changed(self, what: Change) -> None:
        if what & Change.PROJECT:
            self._consider_later()
        if what & Change.MODEL and self._job is None and self.state.phase != "failed":
            found = self._remembered()  # another program may have made it
            measured = (found.right, found.practice, found.photographs)
            if found.exists and measured != (self.state.right, self.state.practice, self.state.photographs):
                self.state = found
                self._session.quick_changed.emit(found)

    def _consider_later(self) -> None:
        """Something changed: refresh when it has been calm for a moment."""
        if self.state.exists and not self.state.stale:
            self._set(stale=True)
        self._timer.start(200 if self._imports.scanning else CALM)

    def consider(self) -> None:
        """Make the model if there is enough to learn from and it would be another than the last one."""
        session = self._session
        if session.closed:
            return
        scanning = self._imports.scanning
        if not scanning:
            self._scan_began = None
        elif self._scan_began is None:
            self._scan_began = time.monotonic()
        try:
            counts = sorted((label.count for label in session.project.labels() if not label.excluded), reverse=True)
        except UserError as error:
            session.tell(error, "photos")
            return
        if len(counts) < 2 or counts[1] == 0:
            self._nothing_to_compare(bool(counts and counts[0]))
            return
        if self._job is not None:
            return  # at its end it is compared with what there is then
        if self.state.exists and not self.state.stale:
            return
        if scanning and not self._early(counts):
            self._timer.start(1000)
            return
        self._make()

    def _early(self, counts: list[int]) -> bool:
        waited = time.monotonic() - (self._scan_began or time.monotonic())
        enough = waited >= EARLY_AFTER and counts[1] >= EARLY
        return enough and (not self.state.exists or sum(counts) >= GROWTH * max(1, self.state.photographs))

    def _nothing_to_compare(self, one_label: bool) -> None:
        if one_label:
            message = self.tr("A classifier compares. Add photographs of something else, or of good ones.")
            self._set(phase="ready" if self.state.exists else "waiting", message=message)
        elif not self.state.exists:
            self._set(phase="none", message="")

    # ---- making

    def make(self) -> None:
        """Make it now, because the person wants it."""
        self._tries = 0
        if self._job is not None:
            self._again = True
            return
        self._make()

    def _make(self) -> None:
        self._timer.stop()
        self._again = False
        self._set(phase="reading", done=0, total=0, message="", seconds_left=None)
        self._job = self._session.run(
            messages.MakeQuick("", self._session.folder),
            done=self._on_finished,
            failed=self._on_failed,
            event=self._on_event,
            work=Work(self.tr("Getting to know the photographs"), can_cancel=True, key="quick"),
        )

    def _on_event(self, event: object) -> None:
        if isinstance(event, Progress):
            self._set(done=event.done, total=event.total, message=str(event.text), seconds_left=event.seconds_left)
        elif isinstance(event, messages.ModelReady):
            self.note_model(event)
            self._let_it_answer()
            self._session.changed.emit(Change.MODEL)

    def note_model(self, event: messages.ModelReady) -> None:
        """There is a new quick model, of ours or made by a run on its way."""
        self._set(
            phase="ready" if self._job is None else self.state.phase,
            exists=True,
            right=event.right,
            practice=event.total,
            labels=event.labels,
            photographs=event.photographs,
        )

    def _let_it_answer(self) -> None:
        project = self._session.project
        try:
            if project.current_model is None:
                project.set_current_model("quick", "first model")
        except UserError as error:
            self._session.tell(error, "photos")

    def _on_finished(self, result: dict[str, Any]) -> None:
        self._job = None
        session = self._session
        self._tries = 0
        right, total = int(result.get("right") or 0), int(result.get("total") or 0)
        labels, photographs = int(result.get("labels") or 0), int(result.get("photographs") or 0)
        seconds = float(result.get("seconds") or 0.0)
        try:
            # The engine says which photographs and labels it listed; whatever was changed after that is not in it.
            stale = session.project.data_version() != result.get("version")
            stored = {"seconds": seconds, "version": result.get("version")}
            if not session.project.read_only:
                session.project.set_setting(SETTING, stored)
        except UserError as error:
            session.tell(error, "photos")
            stale = False
        self._let_it_answer()
        self._set(
            phase="ready",
            exists=True,
            right=right,
            practice=total,
            labels=labels,
            photographs=photographs,
            seconds=seconds,
            stale=stale,
            message="",
            seconds_left=None,
        )
        session.changed.emit(Change.MODEL)
        self.made.emit()
        if self._again or stale:
            self._again = False
            self._consider_later()

    def _on_failed(self, failure: Failed) -> None:
        self._job = None
        self._tries += 1
        if failure.code == "engine_exited" and self._tries < TRIES:
            self._make()
            return
        if failure.code == "stopped":
            self._set(phase="ready" if self.state.exists else "none", message="")
            return
        self._set(phase="failed", message=failure.message)
        self._session.tell(failure, "photos")

    def close(self) -> None:
        """Begin nothing more."""
        self._timer.stop()

"""Corrections of photographs and labels: small ones at once, large ones on a thread, so that the window never waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, QTimer

from resnext_gui.messages import UserError
from resnext_gui.project import Project
from resnext_gui.ui.session.state import Work

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session

T = TypeVar("T")
Change = Callable[[Project], Any]

MANY = 2000
"""Photographs that one correction may concern to be made at once: about 20 ms."""
ASK_EVERY = 25
"""Milliseconds between two looks at whether the thread is done."""
WORK = "corrections"


class CorrectionDesk(QObject):
    """Changes the project.  What comes while a large correction is under way waits behind it, in order."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._waiting: deque[Change] = deque()
        self._thread: threading.Thread | None = None
        self._errors: deque[UserError] = deque()
        self._ask = QTimer(self)
        self._ask.setInterval(ASK_EVERY)
        self._ask.timeout.connect(self._collect)

    @property
    def busy(self) -> bool:
        """Whether a large correction is under way."""
        return self._thread is not None

    def at_once(self, change: Callable[[Project], T]) -> T | None:
        """Make a change on this thread and return its result, or None where it failed, which is told."""
        try:
            result = change(self._session.project)
        except UserError as error:
            self._session.tell(error, "photos")
            return None
        self._session.look()
        return result

    def make(self, change: Callable[[Project], T], size: int) -> T | None:
        """Make a change that concerns `size` photographs; the result of a large one is None."""
        if size <= MANY and not self.busy:
            return self.at_once(change)
        self._waiting.append(change)
        if not self.busy:
            self._session.set_work(WORK, Work(self.tr("Changing {0} photographs").format(f"{size:,}"), key=WORK))
            self._start()
        return None

    def travel(self, back: bool) -> str | None:
        """Undo, or redo, and return what it was; nothing while a large correction is under way."""
        project = self._session.project
        try:
            text = project.undo_text() if back else project.redo_text()
            size = project.undo_size() if back else project.redo_size()
        except UserError as error:
            self._session.tell(error, "photos")
            return None
        if self.busy or text is None:
            return None
        change: Callable[[Project], str | None] = Project.undo if back else Project.redo
        made = self.make(change, size)
        return text if size > MANY else made

    def _start(self) -> None:
        changes = list(self._waiting)
        self._waiting.clear()
        self._thread = threading.Thread(target=self._run, args=(changes,), name="corrections", daemon=True)
        self._thread.start()
        self._ask.start()

    def _run(self, changes: list[Change]) -> None:
        """On the thread, with a connection of its own."""
        try:
            with Project.open(self._session.folder) as project:
                for change in changes:
                    try:
                        change(project)
                    except UserError as error:
                        self._errors.append(error)
        except UserError as error:
            self._errors.append(error)

    def _collect(self) -> None:
        if self._thread is None or self._thread.is_alive():
            return
        self._thread.join()
        self._thread = None
        while self._errors:
            self._session.tell(self._errors.popleft(), "photos")
        if self._waiting:
            self._start()
            return
        self._ask.stop()
        self._session.set_work(WORK, None)
        self._session.look()

    def close(self) -> None:
        """Wait until what was begun is written; what waited behind it is made too."""
        self._ask.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._waiting:
            changes = list(self._waiting)
            self._waiting.clear()
            self._run(changes)

"""Which photographs to show in which order: looked up at once in a small project, on a thread in a large one."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QObject, Qt, QThread, Signal

from resnext_gui.messages import UserError
from resnext_gui.project import Label, Project

Where = Literal["all", "unlabelled", "disagree", "unreadable", "gone"] | int
"""Which part of the photographs: a label's id, or one of these."""
Kind = Literal["learning", "practice", "exam"]
Order = Literal["label", "name", "added"]

LARGE = 4000
"""From so many photographs on, a look takes long enough to be felt, so it is taken on another thread."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to show: `where`, `search`, `kind` and `order` as `Project.photo_ids` takes them."""

    where: Where = "all"
    search: str = ""
    kind: Kind | None = None
    order: Order = "label"


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is to show.

    Attributes:
        asked: the question.
        query: the question that was answered: a label that has gone becomes ``"all"``.
        ids: photographs, in order.
    """

    asked: Query
    query: Query
    labels: list[Label] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    ids: array[int] = field(default_factory=lambda: array("q"))


def look_up(project: Project, asked: Query) -> Listing:
    """Answer `asked`.

    Raises:
        UserError: the project cannot be read.
    """
    labels, counts = project.labels(), project.counts()
    where = asked.where
    if isinstance(where, int) and all(label.id != where for label in labels):
        where = "all"
    if where in ("unreadable", "gone", "disagree") and not counts.get(str(where)):
        where = "all"
    query = Query(where, asked.search, asked.kind, asked.order)
    return Listing(asked, query, labels, counts, project.photo_ids(where, query.search, query.kind, query.order))


class _Looker(QThread):
    """Answers the newest question with a connection of its own.  Ends by itself after a while without one."""

    IDLE_SECONDS = 2.0

    def __init__(self, folder: Path, tell: Callable[[object], None]) -> None:
        super().__init__()
        self._folder = folder
        self._tell = tell
        self._condition = threading.Condition()
        self._query: Query | None = None
        self._closing = False
        self._alive = False

    def ask(self, query: Query) -> None:
        with self._condition:
            if self._closing:
                return
            self._query = query
            if self._alive:
                self._condition.notify()
                return
            self._alive = True
        self.wait()  # the thread that has just decided to end
        self.start(QThread.Priority.LowPriority)

    def run(self) -> None:
        project: Project | None = None
        try:
            while True:
                query = self._next()
                if query is None:
                    return
                try:
                    if project is None:
                        project = Project.open(self._folder)
                    answer: object = look_up(project, query)
                except UserError as error:
                    answer = error
                self._tell(answer)
        finally:
            if project is not None:
                project.close()

    def _next(self) -> Query | None:
        with self._condition:
            if self._query is None and not self._closing:
                self._condition.wait(self.IDLE_SECONDS)
            query, self._query = self._query, None
            if self._closing or query is None:
                self._alive = False
                return None
            return query

    def close(self) -> None:
        with self._condition:
            self._closing = True
            self._condition.notify()
        self.wait()


class PhotoLister(QObject):
    """Looks up what to show without making the window wait."""

    listed = Signal(object)
    """A `Listing`."""
    failed = Signal(object)
    """A `UserError`."""

    _answered = Signal(object)

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._waiting: Query | None = None
        self._looker = _Looker(project.folder, self._tell)
        self._answered.connect(self._hand_over, Qt.ConnectionType.QueuedConnection)
        self.destroyed.connect(self._looker.close)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self._looker.close)

    def ask(self, query: Query) -> None:
        """Look `query` up; ends with `listed` or `failed`, for a small project before this returns."""
        try:
            large = self._project.photo_count() >= LARGE
            if not large:
                self._waiting = None
                self.listed.emit(look_up(self._project, query))
                return
        except UserError as error:
            self.failed.emit(error)
            return
        self._waiting = query
        self._looker.ask(query)

    def close(self) -> None:
        """End the thread."""
        self._waiting = None
        self._looker.close()

    def _tell(self, answer: object) -> None:
        try:
            self._answered.emit(answer)
        except RuntimeError:
            return  # the window is being torn down

    def _hand_over(self, answer: object) -> None:
        if isinstance(answer, Listing):
            if answer.asked == self._waiting:  # otherwise another question was asked meanwhile
                self.listed.emit(answer)
        elif self._waiting is not None:
            self.failed.emit(answer)

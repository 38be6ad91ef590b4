"""Corrections of photographs and labels: small ones at once, large ones on a thread, so that the window never waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from PySide6.QtCore import QObject, QTimer

from resnext_gui.messages import UserError
from resnext_gui.project import Project
from resnext_gui.ui.session.core import SessionCore
from resnext_gui.ui.session.state import Change, Work

T = TypeVar("T")

MANY = 2000
"""Photographs that one correction may concern to be made at once: about 20 ms."""
ASK_EVERY = 25
"""Milliseconds between two questions whether the thread is done."""


class Corrections(QObject):
    """Changes the project.  What comes while a large correction is under way waits behind it, in order."""

    def __init__(self, session: SessionCore) -> None:
        super().__init__(session)
        self._session = session
        self._waiting: list[Callable[[Project], object]] = []
        self._thread: threading.Thread | None = None
        self._errors: deque[UserError] = deque()
        self._ask = QTimer(self)
        self._ask.setInterval(ASK_EVERY)
        self._ask.timeout.connect(self._collect)

    @property
    def busy(self) -> bool:
        """Whether a large correction is under way."""
        return self._thread is not None

    # ---- photographs

    def move(self, photo_ids: Iterable[int], label_id: int | None) -> None:
        """Give photographs another label; None: unlabelled."""
        ids = list(photo_ids)
        self._make(lambda project: project.move(ids, label_id), Change.MOVED, len(ids))

    def settle_disk_labels(self, photo_ids: Iterable[int], take: bool) -> None:
        """Of photographs of which the disk says another label: take that, or keep what the person gave."""
        ids = list(photo_ids)
        settle = Project.take_disk_labels if take else Project.keep_labels
        self._make(lambda project: settle(project, ids), Change.MOVED | Change.LABELS, len(ids))

    def remove_photos(self, photo_ids: Iterable[int]) -> None:
        """Forget photographs; their files stay where they are."""
        ids = list(photo_ids)
        self._make(lambda project: project.remove_photos(ids), Change.REMOVED, len(ids))

    # ---- labels

    def add_label(self, name: str) -> int | None:
        """Add a label.  Returns its id, or None where that was not possible (a `problem` says why)."""
        return self._at_once(lambda project: project.add_label(name), Change.LABELS)

    def rename_label(self, label_id: int, name: str) -> None:
        """Give a label another name."""
        self._make(lambda project: project.rename_label(label_id, name), Change.LABELS)

    def merge_labels(self, source_id: int, into_id: int) -> None:
        """Move all photographs of one label into another and drop the emptied one."""
        size = next((label.count for label in self._session.project.labels() if label.id == source_id), 0)
        merge = Change.MOVED | Change.LABELS
        self._make(lambda project: project.merge_labels(source_id, into_id), merge, size)

    def exclude_label(self, label_id: int, excluded: bool) -> None:
        """Leave a label out of learning, or take it in again."""
        self._make(lambda project: project.exclude_label(label_id, excluded), Change.LABELS)

    def remove_label(self, label_id: int) -> None:
        """Remove an empty label."""
        self._make(lambda project: project.remove_label(label_id), Change.LABELS)

    # ---- the project

    def undo(self) -> str | None:
        """Take the last correction or import back and return what it was."""
        return self._travel(back=True)

    def redo(self) -> str | None:
        """Do again what was undone and return what it was."""
        return self._travel(back=False)

    def rename_project(self, name: str) -> None:
        """Give the project another name."""
        self._at_once(lambda project: project.rename(name), Change(0))
        self._session.name_changed.emit(self._session.project.name)

    # ---- how

    def _at_once(self, change: Callable[[Project], T], what: Change) -> T | None:
        """Make a change on this thread and return its result, or None where it failed, which is told."""
        try:
            result = change(self._session.project)
        except UserError as error:
            self._session.tell(error, "photos")
            return None
        self._session.announce(what | Change.UNDO)
        return result

    def _make(self, change: Callable[[Project], T], what: Change, size: int = 1) -> T | None:
        """Make a change that concerns `size` photographs; the result of a large one is None."""
        if size <= MANY and not self.busy:
            return self._at_once(change, what)
        self._waiting.append(change)
        if not self.busy:
            title = self.tr("Changing {0} photographs").format(f"{size:,}")
            self._session.set_work("corrections", Work(title, key="corrections"))
            self._start()
        return None

    def _travel(self, back: bool) -> str | None:
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
        made = self._make(change, Change.PROJECT, size)
        return text if size > MANY else made

    def _start(self) -> None:
        changes, self._waiting = self._waiting, []
        self._thread = threading.Thread(target=self._run, args=(changes,), name="corrections", daemon=True)
        self._thread.start()
        self._ask.start()

    def _run(self, changes: list[Callable[[Project], object]]) -> None:
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
        self._session.set_work("corrections", None)
        self._session.announce(Change.PROJECT)

    def close(self) -> None:
        """Wait until what was begun is written; what waited behind it is made too."""
        self._ask.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._waiting:
            self._run(self._waiting)
            self._waiting = []

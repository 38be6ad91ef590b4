"""Proposed labels for photographs that have none, least sure first, asked for in portions."""

from __future__ import annotations

from array import array
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from resnext_gui.messages import Answer, UserError
from resnext_gui.ui.photos.gallery.tiles import Proposal

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session

PORTION = 200
"""So many photographs are asked about at a time: some seconds of work."""

LOW = 20
"""With fewer proposals left the next portion is asked for."""


class Proposer(QObject):
    """Keeps proposals, and the order they are worked through."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._order: list[int] = []
        self._proposals: dict[int, Proposal] = {}
        self._asked: set[int] = set()
        self._turn = 0
        self._waiting = False

    @property
    def waiting(self) -> bool:
        """Whether an answer is on its way."""
        return self._waiting

    def proposals(self) -> dict[int, Proposal]:
        """Return the proposals there are."""
        return self._proposals

    def clear(self) -> None:
        """Forget everything; an answer on its way is dropped."""
        self._turn += 1
        self._order.clear()
        self._proposals.clear()
        self._asked.clear()
        self._waiting = False

    def arrange(self, ids: array[int]) -> array[int]:
        """Return `ids` with those that have a proposal first, in the order they are to be looked at."""
        if not self._order:
            return ids
        present = set(ids)
        self._order = [photo_id for photo_id in self._order if photo_id in present]
        for photo_id in [photo_id for photo_id in self._proposals if photo_id not in present]:
            del self._proposals[photo_id]
        first = set(self._order)
        return array("q", [*self._order, *(photo_id for photo_id in ids if photo_id not in first)])

    def ask(self, ids: array[int]) -> None:
        """Ask for the next portion of `ids` when few proposals are left."""
        if self._waiting or len(self._proposals) >= LOW:
            return
        portion = [photo_id for photo_id in ids if photo_id not in self._asked][:PORTION]
        if portion:
            self._asked.update(portion)
            self._waiting = True
            self._session.answers.proposals(portion, partial(self._take, portion, self._turn))

    def _take(self, portion: list[int], turn: int, answers: list[Answer]) -> None:
        if turn != self._turn:
            return
        self._waiting = False
        project = self._session.project
        try:
            by_path = {photo.path: photo.id for photo in project.photos(portion) if photo.label_id is None}
            known = {label.name for label in project.labels()}
        except UserError:
            return  # the session tells about it
        for answer in answers:
            photo_id = by_path.get(answer.path)
            if photo_id is not None and photo_id not in self._proposals and answer.label in known:
                self._proposals[photo_id] = Proposal(answer.label, answer.probability)
                self._order.append(photo_id)
        self.changed.emit()

"""The practice photographs of a run: which, as the network sees them, and how the quick model does on the same ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from resnext_gui.engine.ingest.reach import Reach
from resnext_gui.engine.models.score import Score, score_of
from resnext_gui.engine.pictures.decode import Preprocessing, load_uint8, normalise
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.training.loop import Practice
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import UserError
from resnext_gui.project import Item

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

MOST_PRACTICE = 1000
"""Practice photographs that a run makes use of; more would take the time that learning needs."""


def chosen_practice(items: list[Item]) -> list[Item]:
    """Return all practice photographs, or of many an even share of each label, the same whenever asked."""
    return [items[row] for row in _spread(len(items), MOST_PRACTICE)]


def labels_of(items: list[Item]) -> Labels:
    """Return the numbers of the labels, int64 (photographs,)."""
    return np.array([item.label for item in items], np.int64)


def score_where_known(logits: Floats, labels: Labels) -> Score:
    """Return the score of those `logits` (photographs, labels) that are not NaN; in `Score.each` the others are NaN."""
    known = ~np.isnan(logits).any(axis=1)
    score = score_of(logits[known], labels[known])
    each = np.full(len(labels), np.nan)
    each[known] = score.each
    return replace(score, each=tuple(each.tolist()))


@dataclass(frozen=True)
class PracticeSet:
    """Practice photographs that can be read.

    Attributes:
        squares: uint8 (photographs, size, size, 3).
        labels: (photographs,).
        quick: the quick model's logits for them, float32 (photographs, labels); NaN where it could not read one.
        prep: what the network wants.
    """

    squares: Pixels
    labels: Labels
    quick: Floats
    prep: Preprocessing

    @classmethod
    def read(
        cls,
        items: list[Item],
        quick: Floats,
        prep: Preprocessing,
        pool: DecodePool,
        job: JobContext,
        reach: Reach | None = None,
    ) -> PracticeSet:
        """Decode `items`, for which `quick` holds the quick model's logits; those that cannot be read are left out.

        Raises:
            UserError: ``not_reachable``, where `reach` says so.
            JobStopped: the person stopped it.
        """
        pixels: list[Pixels] = []
        readable: list[int] = []
        for row, (item, outcome) in enumerate(
            pool.in_order(lambda item: load_uint8(item.path, prep, item.hash), items)
        ):
            if isinstance(outcome, UserError) and reach is not None:
                outcome = reach.settle(item.path, outcome, lambda item=item: load_uint8(item.path, prep, item.hash))  # type: ignore[misc]
            if not isinstance(outcome, UserError):
                pixels.append(outcome)
                readable.append(row)
            job.check()
        squares = np.stack(pixels) if pixels else np.zeros((0, prep.size, prep.size, 3), np.uint8)
        return cls(squares, labels_of(items)[readable], quick[readable], prep)

    def as_pixels(self, sides: int, looks: int | None) -> Practice:
        """Return them for a network that is trained from its first layer on.

        Args:
            sides: 2 where a photograph and its mirror image answer together, else 1.
            looks: how many a pass is judged by; None: all.
        """

        def inputs(rows: Labels, side: int) -> Floats:
            taken = self.squares[rows]
            return normalise(taken[:, :, ::-1] if side else taken, self.prep)

        return Practice(self.labels, inputs, sides, None if looks is None else _spread(len(self.labels), looks))

    def quick_score(self, rows: Labels | None = None) -> Score:
        """Return how the quick model does on all of them, or on some rows."""
        wanted = np.arange(len(self.labels)) if rows is None else rows
        return score_where_known(self.quick[wanted], self.labels[wanted])


def _spread(count: int, most: int) -> Labels:
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)

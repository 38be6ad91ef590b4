"""How a model did on photographs it did not learn from, and whether one did better than another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resnext_gui.engine.models.head import fit_temperature, losses

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """How a network did on photographs it did not learn from.

    Attributes:
        right: how many the most probable label was right for.
        total: of how many.
        loss: mean cross entropy in nats after calibration.
        temperature: that calibration.
        each: what each photograph adds to `merit`: 1 where it was right, 0 where wrong, less its loss; NaN where there
            is no answer.  Empty where only the sums are known.
    """

    right: int
    total: int
    loss: float
    temperature: float = 1.0
    each: tuple[float, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """Share that is right, 0..1, or None without photographs."""
        return self.right / self.total if self.total else None

    @property
    def merit(self) -> float:
        """One number to choose by; higher is better.

        A few dozen practice photographs make accuracy jump by points; log-loss tells the same with less noise.  The
        sum of both follows accuracy where the difference is clear and log-loss where it is not.
        """
        return (self.right / self.total - self.loss) if self.total else 0.0

    def lead(self, other: Score) -> tuple[float, float]:
        """Return how far this is ahead of `other` in merit, and the doubt: how far it may be so by chance, about.

        Both are of the same photographs, and most of these are easy, or hard, for both.  So the differences of single
        photographs tell, over which the lead is the mean and the doubt that mean's standard error.
        """
        if len(self.each) == len(other.each):
            differences = np.array(self.each) - np.array(other.each)
            differences = differences[np.isfinite(differences)]
            if len(differences) > 1:
                return float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(len(differences))
        total = min(self.total, other.total)
        return self.merit - other.merit, 0.5 / math.sqrt(total) if total else 0.0

    def beats(self, other: Score) -> bool:
        """Whether this has more merit; equal does not beat."""
        return self.lead(other)[0] > 0

    def holds_against(self, other: Score) -> bool:
        """Whether this has more merit, or so little less that half the doubt explains it.

        For a network that was trained to its end against the quick model it began with: the former is nearly always the
        better one (`tests/bench/recipe.md`), and one photograph among twenty is no reason to think otherwise.
        """
        ahead, doubt = self.lead(other)
        return ahead >= -0.5 * doubt


def score_of(logits: Floats, labels: Labels, temperature: float | None = None) -> Score:
    """Return the score of `logits` (photographs, labels).

    Args:
        logits: one row a photograph.  A row that is not finite, of a network that ran away, is a wrong answer.
        labels: (photographs,), the truth.
        temperature: of the model; None to fit the best one.
    """
    if not len(labels):
        return Score(0, 0, 0.0, 1.0 if temperature is None else temperature)
    finite = np.asarray(np.isfinite(logits).all(axis=1))
    logits = np.where(finite[:, None], logits, np.float32(0))
    if temperature is None:
        temperature = fit_temperature(logits, labels)
    right = (logits.argmax(axis=1) == labels) & finite
    loss = losses(logits, labels, temperature)
    return Score(int(right.sum()), len(labels), float(loss.mean()), temperature, tuple((right - loss).tolist()))

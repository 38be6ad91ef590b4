"""The batches of one pass, in our own order, made ahead of time on decoding threads.

Everything random follows from (seed, epoch, index), so a pass can be repeated exactly, alone.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine.ingest.reach import Reach
from resnext_gui.engine.pictures.augment import Augmentation, generator, mix, vary
from resnext_gui.engine.pictures.decode import Preprocessing
from resnext_gui.engine.pictures.store import DecodePool, PixelStore, normalise
from resnext_gui.messages import UserError

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

_ORDER, _VARY, _MIX = 1, 2, 3


def epoch_order(seed: int, epoch: int, count: int, batch: int) -> Labels:
    """Return the photographs' numbers in the order of a pass, (batches, batch).

    The last batch is filled up from the front of the order, so that all batches have one size.
    """
    order = generator(seed, _ORDER, epoch).permutation(count)
    batches = -(-count // batch)
    return np.resize(order, batches * batch).reshape(batches, batch)


class LearningSet:
    """The learning photographs of a run and how they are varied.

    Attributes:
        labels: (photographs,) integers.
        missing: numbers of photographs that could not be read any more, with the reason.
        lost: that photographs are out of reach, once they were: nothing learned since then counts.
    """

    def __init__(
        self, store: PixelStore, labels: Labels, classes: int, weights: Floats, prep: Preprocessing, how: Augmentation,
        seed: int, reach: Reach | None = None,
    ) -> None:  # fmt: skip
        """Args:
        store: gives the pixels.
        labels: (photographs,).
        classes: how many labels there are.
        weights: (photographs,), how much each counts.
        prep: of the network.
        how: the variations.
        seed: of the run.
        reach: tells whether what cannot be read any more is only out of reach.
        """
        self.store, self.labels, self.classes, self.weights = store, labels, classes, weights
        self.prep, self.how, self.seed = prep, how, seed
        self.missing: dict[int, str] = {}
        self.lost: UserError | None = None
        self._reach = reach

    def __len__(self) -> int:
        return len(self.labels)

    def varied(self, index: int, epoch: int) -> npt.NDArray[np.uint8]:
        """Return what a photograph looks like in a pass, uint8 (size, size, 3); black where it cannot be read."""
        try:
            rgb = self._pixels(index)
        except UserError as error:
            # No exception leaves a pass by way of Keras, which would wrap it: the loop asks for `lost` after each step.
            if error.code == "not_reachable":
                self.lost = error
            else:
                self.missing[index] = error.message
            return np.zeros((self.prep.size, self.prep.size, 3), np.uint8)
        return vary(rgb, self.prep, self.how, generator(self.seed, _VARY, epoch, index))

    def _pixels(self, index: int) -> npt.NDArray[np.uint8]:
        try:
            return self.store.get(index)
        except UserError as error:
            if self._reach is None:
                raise
            outcome = self._reach.settle(self.store.path(index), error, lambda: self.store.get(index))
            if isinstance(outcome, UserError):
                raise outcome from error
            return outcome

    def require(self) -> None:
        """Raise where photographs are out of reach.

        Raises:
            UserError: ``not_reachable``.
        """
        if self.lost is not None:
            raise self.lost

    def targets(self, rows: Labels) -> tuple[Floats, Floats]:
        """Return one-hot targets (batch, labels) and weights (batch,); what cannot be read weighs nothing."""
        hot = np.zeros((len(rows), self.classes), np.float32)
        hot[np.arange(len(rows)), self.labels[rows]] = 1.0
        weights = self.weights[rows].astype(np.float32)
        for place, row in enumerate(rows):
            if int(row) in self.missing:
                weights[place] = 0.0
        return hot, weights


class EpochBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One pass over a learning set: (images, targets, weights), all float32, of one fixed batch size."""

    def __init__(
        self,
        learning: LearningSet,
        epoch: int,
        batch: int,
        pool: DecodePool,
        parts: int = 1,
    ) -> None:
        """Args:
        learning: the photographs.
        epoch: which pass, from 0.
        batch: photographs in a batch.
        pool: makes batches ahead of their use.
        parts: how many passes it takes to see every photograph once; above 1 for sets so large that a whole pass
            would take most of the time there is.
        """
        # one worker: Keras then starts no thread of its own, which an exception in a callback would leave behind
        super().__init__(workers=1, use_multiprocessing=False)
        self._learning, self._epoch, self._pool = learning, epoch, pool
        self._order = epoch_order(learning.seed, epoch // parts, len(learning), batch)[epoch % parts :: parts]
        self._waiting: dict[int, list[Future[Any]]] = {}
        self._ahead = 3

    @property
    def num_batches(self) -> int:
        """How many batches a pass has."""
        return len(self._order)

    def __getitem__(self, number: int) -> tuple[Floats, Floats, Floats]:
        for later in range(number, min(number + self._ahead, len(self._order))):
            if later not in self._waiting:
                self._waiting[later] = self._begin(later)
        rows = self._order[number]
        coming_up = self._waiting[number]
        # Keras asks for the first batches twice, to learn their shapes; later ones are not asked for again
        if number >= 2:
            del self._waiting[number]
        inputs = normalise(np.stack([picture.result() for picture in coming_up]), self._learning.prep)
        targets, weights = self._learning.targets(rows)
        rng = generator(self._learning.seed, _MIX, self._epoch, number)
        inputs, targets = mix(inputs, targets, self._learning.how, rng)
        return inputs, targets, weights

    def _begin(self, number: int) -> list[Future[Any]]:
        rows = self._order[number]
        return [self._pool.submit(lambda row: self._learning.varied(int(row), self._epoch), row) for row in rows]

"""The batches of one pass, in our own order, made ahead of time on decoding threads.

Everything random follows from (seed, epoch, index), so a pass can be repeated exactly, alone.
"""

from __future__ import annotations

from collections.abc import Callable
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

_ORDER, _VARY, _MIX, _VIEW = 1, 2, 3, 4


def epoch_order(seed: int, epoch: int, count: int, batch: int) -> Labels:
    """Return the photographs' numbers in the order of a pass, (batches, batch).

    The last batch is filled up from the front of the order, so that all batches have one size.
    """
    order = generator(seed, _ORDER, epoch).permutation(count)
    batches = -(-count // batch)
    return np.resize(order, batches * batch).reshape(batches, batch)


def view_of(seed: int, epoch: int, index: int, views: int) -> int:
    """Return which of `views` prepared variations a photograph shows in a pass: each once before any returns."""
    cycle, place = divmod(epoch, views)
    return int(generator(seed, _VIEW, cycle, index).permutation(views)[place])


class LearningSet:
    """The learning photographs of a run and how they are varied.

    Attributes:
        labels: (photographs,) integers.
        missing: numbers of photographs that could not be read any more, with the reason.
        lost: that photographs are out of reach, once they were: nothing learned since then counts.
    """

    def __init__(
        self, store: PixelStore, labels: Labels, classes: int, weights: Floats, prep: Preprocessing, how: Augmentation,
        seed: int, views: int = 0, reach: Reach | None = None,
    ) -> None:  # fmt: skip
        """Args:
        store: gives the pixels.
        labels: (photographs,).
        classes: how many labels there are.
        weights: (photographs,), how much each counts.
        prep: of the network.
        how: the variations.
        seed: of the run.
        views: how many variations of each photograph there are; 0: new ones in each pass.
        reach: tells whether what cannot be read any more is only out of reach.
        """
        self.store, self.labels, self.classes, self.weights = store, labels, classes, weights
        self.prep, self.how, self.seed, self.views = prep, how, seed, views
        self.missing: dict[int, str] = {}
        self.lost: UserError | None = None
        self._reach = reach

    def __len__(self) -> int:
        return len(self.labels)

    def view(self, index: int, number: int) -> npt.NDArray[np.uint8]:
        """Return variation `number` of a photograph, uint8 (size, size, 3); black where it cannot be read any more."""
        try:
            rgb = self._pixels(index)
        except UserError as error:
            # No exception leaves a pass by way of Keras, which would wrap it: the loop asks for `lost` after each step.
            if error.code == "not_reachable":
                self.lost = error
            else:
                self.missing[index] = error.message
            return np.zeros((self.prep.size, self.prep.size, 3), np.uint8)
        return vary(rgb, self.prep, self.how, generator(self.seed, _VARY, number, index))

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

    def view_in(self, epoch: int, index: int) -> int:
        """Return the number of the variation that a photograph shows in a pass."""
        return view_of(self.seed, epoch, index, self.views) if self.views else epoch

    def varied(self, index: int, epoch: int) -> npt.NDArray[np.uint8]:
        """Return what a photograph looks like in a pass."""
        return self.view(index, self.view_in(epoch, index))

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
        source: Callable[[Labels, int], Floats] | None = None,
    ) -> None:
        """Args:
        learning: the photographs.
        epoch: which pass, from 0.
        batch: photographs in a batch.
        pool: makes batches ahead of their use.
        parts: how many passes it takes to see every photograph once; above 1 for sets so large that a whole pass
            would take most of the time there is.
        source: gives the network's input (batch, ...) for rows and epoch where that is not pixels but prepared
            activations; None decodes and varies.
        """
        # one worker: Keras then starts no thread of its own, which an exception in a callback would leave behind
        super().__init__(workers=1, use_multiprocessing=False)
        self._learning, self._epoch, self._pool, self._source = learning, epoch, pool, source
        self._order = epoch_order(learning.seed, epoch // parts, len(learning), batch)[epoch % parts :: parts]
        self._waiting: dict[int, Future[Any] | list[Future[Any]]] = {}
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
        if isinstance(coming_up, list):
            inputs = normalise(np.stack([picture.result() for picture in coming_up]), self._learning.prep)
        else:
            inputs = coming_up.result()
        targets, weights = self._learning.targets(rows)
        rng = generator(self._learning.seed, _MIX, self._epoch, number)
        inputs, targets = mix(inputs, targets, self._learning.how, rng)
        return inputs, targets, weights

    def _begin(self, number: int) -> Future[Any] | list[Future[Any]]:
        rows = self._order[number]
        if self._source is not None:
            source, epoch = self._source, self._epoch
            return self._pool.submit(lambda _: source(rows, epoch), number)
        return [self._pool.submit(lambda row: self._learning.varied(int(row), self._epoch), row) for row in rows]

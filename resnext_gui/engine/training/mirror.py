"""Whether a photograph's mirror image may keep its label: found out before fine-tuning, not assumed.

Fine-tuning usually shows photographs mirrored as well: for a flower that is more to learn from, for an arrow, a digit
or a sign to turn left it is a lie.  So mirror images are tried first.  A linear head learns from some of the learning
photographs and answers for others, once as they are and once mirrored.  Where the mirror images are clearly worse
recognised, left and right belong to what the labels mean, and the run shows none.

Pooled features would not do: averaged over the whole picture they hardly know left from right.  The trial averages the
last two stages over the left half and over the right half instead.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine.device.parallel_halves import InHalves
from resnext_gui.engine.ingest.reach import Reach
from resnext_gui.engine.models.features import Photographs, interleaved
from resnext_gui.engine.models.head import fit_head, stratified_folds, thin_out
from resnext_gui.engine.network.resnext import last_stages
from resnext_gui.engine.pictures.decode import Preprocessing, load_uint8, normalise
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.weights.load import ResolvedWeights, load_backbone, resolve_weights
from resnext_gui.messages import UserError
from resnext_gui.project import Item

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

LOOKS = 160
"""Photographs tried, at least four of each label where there are so many."""

MOST_LOOKS = 480
"""With hundreds of labels: some labels are left out."""

FEWEST = 15
"""Fewer photographs than this can show nothing."""

SIZE = 128
"""Side in pixels at most: left and right are seen in a small picture as well, in a third of the time."""

SHARE = 0.05
"""Of a time budget, what the trial may take."""

STRENGTH = 0.01
"""The head's C."""

CHANCE = 0.01
"""A loss that chance alone brings about more often than this does not count ..."""

LEAST_LOST = 0.1
"""... nor one of fewer photographs than this share of those tried: a habit of the photographer, not the label."""

_BATCH = 16


@dataclass(frozen=True, slots=True)
class MirrorTrial:
    """What came of it.

    Attributes:
        tried: photographs.
        right: how many were recognised as they are.
        mirrored_right: how many were recognised mirrored.
        lost: recognised as they are, and not mirrored.
        won: the other way round.
    """

    tried: int
    right: int
    mirrored_right: int
    lost: int
    won: int

    @property
    def chance(self) -> float:
        """How probable so many lost, or more, are where mirroring changes nothing (sign test, one-sided), 0..1."""
        changed = self.lost + self.won
        return float(sum(math.comb(changed, count) for count in range(self.lost, changed + 1)) / 2**changed)

    @property
    def sides_matter(self) -> bool:
        """Whether left and right belong to what the labels mean."""
        return self.chance < CHANCE and self.lost - self.won >= LEAST_LOST * self.tried

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values for a run's notes."""
        return {"tried": self.tried, "right": self.right, "mirrored_right": self.mirrored_right,
                "used": not self.sides_matter}  # fmt: skip


def compare(plain: Floats, mirrored: Floats, truth: Labels, classes: int, seed: int = 0) -> MirrorTrial | None:
    """Cross-validate a linear head on features of photographs, and ask it about their mirror images, too.

    Args:
        plain: float32 (photographs, features), of the photographs as they are.
        mirrored: the same shape, of their mirror images.
        truth: (photographs,) integers below `classes`.
        classes: how many labels there are.
        seed: decides the folds.

    Returns:
        How both did; None where there is too little to hold out.
    """
    folds = stratified_folds(truth, np.random.default_rng(np.random.SeedSequence((seed, 0x51DE))))
    if len(truth) < FEWEST or not folds:
        return None
    right, mirrored_right = np.zeros(len(truth), bool), np.zeros(len(truth), bool)
    for held in folds:
        rest = np.ones(len(truth), bool)
        rest[held] = False
        head = fit_head(plain[rest], truth[rest], classes, strengths=(STRENGTH,), seed=seed)
        right[held] = head.logits(plain[held]).argmax(axis=1) == truth[held]
        mirrored_right[held] = head.logits(mirrored[held]).argmax(axis=1) == truth[held]
    return MirrorTrial(
        len(truth), int(right.sum()), int(mirrored_right.sum()),
        int((right & ~mirrored_right).sum()), int((mirrored_right & ~right).sum()),
    )  # fmt: skip


class HalvesNetwork:
    """Features that know left from right: the last two stages, averaged over each half of the picture."""

    def __init__(self, resolved: ResolvedWeights, seed: int) -> None:
        """Build the network.

        Args:
            resolved: weights of the run.  A random start knows little of anything; the small weights that come with the
                program take its place here, where there are any.
            seed: of the random start.

        Raises:
            CheckpointError: as `load_backbone`.
        """
        if resolved.path is None:
            with contextlib.suppress(UserError):
                resolved = resolve_weights("starter")
        self.prep: Preprocessing = resolved.preprocessing
        if self.prep.size > SIZE or resolved.path is None:
            self.prep = self.prep.with_size(SIZE)
        network = last_stages(load_backbone(resolved, self.prep.size, seed))
        self._answer = InHalves(lambda squares: _halves(network, normalise(squares, self.prep)))

    def __call__(self, squares: Pixels) -> Floats:
        """Return float32 (photographs, features) for up to 16 squares, uint8 (photographs, size, size, 3)."""
        filled = np.resize(squares, (_BATCH, *squares.shape[1:]))
        return self._answer(filled)[: len(squares)]


def _halves(network: keras.Model, pixels: Floats) -> Floats:
    """Return (batch, features): each stage's channels averaged over the left half, and over the right half."""
    parts = []
    stages = network.predict_on_batch(pixels)
    for stage in stages if isinstance(stages, list) else [stages]:
        values = np.asarray(stage, np.float32)
        middle = values.shape[2] / 2
        # of an odd number of columns, the middle one belongs to both halves
        parts += [values[:, :, : math.ceil(middle)].mean(axis=(1, 2)), values[:, :, int(middle) :].mean(axis=(1, 2))]
    return np.concatenate(parts, axis=1)


def try_mirror_images(
    photographs: Photographs,
    resolved: ResolvedWeights,
    *,
    seed: int = 0,
    weights_seed: int = 0,
    seconds: float | None = None,
    check: Callable[[], None] = lambda: None,
    reach: Reach | None = None,
) -> MirrorTrial | None:
    """Find out whether mirror images of the learning photographs keep their labels.

    Args:
        photographs: of the run.
        resolved: its weights.
        seed: decides which photographs are tried.
        weights_seed: of a random start.
        seconds: the run's time budget; a twentieth of it is looked at photographs, beyond the network's start.
        check: called now and then; may raise to stop.
        reach: tells whether what cannot be read is only out of reach.

    Returns:
        What came of it; None where there are too few photographs to tell.

    Raises:
        CheckpointError: as `load_backbone`.
        UserError: ``not_reachable``, where `reach` says so.
    """
    items = _choose(photographs.learning, seed)
    if len(items) < FEWEST or not stratified_folds(
        np.array([item.label for item in items], np.int64), np.random.default_rng(0)
    ):
        return None
    network = HalvesNetwork(resolved, weights_seed)
    plain: list[Floats] = []
    mirrored: list[Floats] = []
    truth: list[int] = []
    end: float | None = None
    with DecodePool() as pool:
        for squares, labels in _batches(items, network.prep, pool, reach):
            plain.append(network(squares))
            mirrored.append(network(np.ascontiguousarray(squares[:, :, ::-1])))
            truth += labels
            check()
            # the first ones have built the network: time is taken from here
            now = time.monotonic()
            end = (now + SHARE * seconds if seconds is not None else math.inf) if end is None else end
            if now > end:
                break
    if not truth:
        return None
    classes = len(photographs.labels)
    return compare(np.concatenate(plain), np.concatenate(mirrored), np.array(truth, np.int64), classes, seed)


def _choose(items: list[Item], seed: int) -> list[Item]:
    """Return the photographs to try, one of each label at a time, so that any beginning of them is a fair choice."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 0x317)))
    labels = np.array([item.label for item in items], np.int64)
    present = rng.permutation(np.unique(labels))[: MOST_LOOKS // 4]
    known = np.flatnonzero(np.isin(labels, present))
    rows = known[thin_out(labels[known], min(MOST_LOOKS, max(LOOKS, 4 * len(present))), rng)]
    return interleaved([items[row] for row in rng.permutation(rows)])


def _batches(
    items: list[Item], prep: Preprocessing, pool: DecodePool, reach: Reach | None
) -> Iterator[tuple[Pixels, list[int]]]:
    """Yield squares and labels, sixteen at a time, of the photographs that can be read."""
    squares: list[Pixels] = []
    labels: list[int] = []
    for item, outcome in pool.in_order(lambda item: load_uint8(item.path, prep, item.hash), items):
        if isinstance(outcome, UserError) and reach is not None:
            outcome = reach.settle(item.path, outcome, lambda item=item: load_uint8(item.path, prep, item.hash))  # type: ignore[misc]
        if not isinstance(outcome, UserError):
            squares.append(outcome)
            labels.append(item.label)
        if len(squares) == _BATCH:
            yield np.stack(squares), labels
            squares, labels = [], []
    if squares:
        yield np.stack(squares), labels

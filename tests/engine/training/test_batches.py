"""The order of a pass and what its batches hold follow from seed, pass and index alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.pictures.augment import LEVELS, Augmentation
from resnext_gui.engine.pictures.decode import Preprocessing
from resnext_gui.engine.pictures.store import DecodePool, PixelStore
from resnext_gui.engine.training.batches import EpochBatches, LearningSet, epoch_order


@dataclass
class Drawn:
    path: str
    hash: str


@pytest.fixture
def learning(tmp_path: Path) -> LearningSet:
    drawn = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (30, 20), (25 * number, 10, 10)).save(path)
        drawn.append(Drawn(str(path), ""))
    truth = np.arange(10) % 3
    weights = np.ones(10, np.float32)
    return LearningSet(PixelStore(drawn, 20), truth, 3, weights, Preprocessing(size=16), LEVELS["strong"], seed=7)


def whole_pass(learning: LearningSet, epoch: int, **options: int) -> list[tuple[np.ndarray, ...]]:
    with DecodePool(3) as pool:
        batches = EpochBatches(learning, epoch, 4, pool, **options)
        return [batches[n] for n in range(batches.num_batches)]


def test_every_photograph_once_and_batches_of_one_size() -> None:
    order = epoch_order(0, 3, 10, 4)
    assert order.shape == (3, 4)
    assert set(order.ravel()[:10]) == set(range(10))
    assert (epoch_order(0, 3, 10, 4) == order).all()
    assert (epoch_order(0, 4, 10, 4) != order).any()


def test_fewer_photographs_than_a_batch() -> None:
    assert epoch_order(0, 0, 2, 8).shape == (1, 8)


def test_a_pass_can_be_repeated_exactly(learning: LearningSet) -> None:
    first, second = whole_pass(learning, 2), whole_pass(learning, 2)
    for one, two in zip(first, second, strict=True):
        assert all((a == b).all() for a, b in zip(one, two, strict=True))
    images, targets, weights = first[0]
    assert images.shape == (4, 16, 16, 3)
    assert images.dtype == np.float32
    assert targets.sum(axis=1) == pytest.approx(np.ones(4))
    assert weights.tolist() == [1, 1, 1, 1]
    assert any((a[0] != b[0]).any() for a, b in zip(first, whole_pass(learning, 3), strict=True))


def test_parts_of_a_pass_together_are_the_pass(learning: LearningSet) -> None:
    learning.how = Augmentation()
    whole = np.concatenate([batch[1] for batch in whole_pass(learning, 1)])
    parts = np.concatenate([batch[1] for part in (3, 4, 5) for batch in whole_pass(learning, part, parts=3)])
    assert sorted(map(tuple, whole)) == sorted(map(tuple, parts))


def test_vanished_photograph_weighs_nothing(learning: LearningSet) -> None:
    learning.how = Augmentation()
    Path(learning.store._pictures[4].path).unlink()
    rows = epoch_order(7, 0, 10, 4).ravel()
    weights = np.concatenate([batch[2] for batch in whole_pass(learning, 0)])
    assert (weights[rows == 4] == 0).all()
    assert (weights[rows != 4] == 1).all()
    assert "4.png" in learning.missing[4]

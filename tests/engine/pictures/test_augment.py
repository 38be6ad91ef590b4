"""Variations: of the right shape, and decided by their seed alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnext_gui.engine.pictures.augment import LEVELS, Augmentation, generator, mix, vary
from resnext_gui.engine.pictures.decode import Preprocessing, crop_resized

PREP = Preprocessing(size=24)
PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [(40, 60, 3), (7, 300, 3), (24, 24, 3), (1, 1, 3)])
def test_any_photograph_becomes_a_square(level: str, shape: tuple[int, int, int]) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    for seed in range(12):
        made = vary(rgb, PREP, LEVELS[level], generator(seed))
        assert made.shape == (24, 24, 3)
        assert made.dtype == np.uint8


def test_same_seed_same_variation() -> None:
    first = vary(PHOTOGRAPH, PREP, LEVELS["strong"], generator(1, 2, 3))
    assert (first == vary(PHOTOGRAPH, PREP, LEVELS["strong"], generator(1, 2, 3))).all()
    assert (first != vary(PHOTOGRAPH, PREP, LEVELS["strong"], generator(1, 2, 4))).any()


def test_none_is_the_plain_centre() -> None:
    assert (vary(PHOTOGRAPH, PREP, LEVELS["none"], generator(0)) == crop_resized(PHOTOGRAPH, PREP)).all()


@pytest.mark.parametrize("how", [Augmentation(mixup=0.4), Augmentation(cutmix=1.0), LEVELS["strong"]])
def test_mixing_keeps_targets_whole(how: Augmentation) -> None:
    images = np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]
    before = images.copy()
    for seed in range(5):
        mixed, soft = mix(images, targets, how, generator(seed))
        assert mixed.shape == images.shape
        assert mixed.dtype == np.float32
        assert soft.sum(axis=1) == pytest.approx(np.ones(6))
        # the photograph itself stays the larger part
        assert (soft[np.arange(6), [0, 1, 2, 0, 1, 2]] >= 0.49).all()
    assert (images == before).all()


def test_cutmix_share_is_the_area_that_was_kept() -> None:
    images = np.stack([np.zeros((16, 16, 1)), np.ones((16, 16, 1))]).astype(np.float32)
    for seed in range(20):
        mixed, soft = mix(images, np.eye(2, dtype=np.float32), Augmentation(cutmix=1.0), generator(seed))
        assert mixed[0].mean() == pytest.approx(soft[0, 1], abs=1e-6)


def test_nothing_to_mix() -> None:
    images, targets = np.zeros((1, 4, 4, 3), np.float32), np.ones((1, 1), np.float32)
    assert mix(images, targets, replace(LEVELS["strong"]), generator(0))[0] is images

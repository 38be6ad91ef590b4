"""The linear head against scikit-learn, and where there is hardly anything to learn from."""

from __future__ import annotations

import time

import numpy as np
import pytest

from resnext_gui.engine.models import head as heads
from resnext_gui.engine.models.head import fit_head, fit_temperature, label_weights, log_loss, softmax


def features(count: int, width: int, labels: int, noise: float, seed: int) -> tuple[heads.Features, heads.Labels]:
    """Non-negative features as a ReLU network gives them, with unequal scales."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(labels, width)) * 0.2
    truth = rng.integers(0, labels, count)
    values = np.maximum(0, centres[truth] + rng.normal(size=(count, width)) * noise)
    return (values * rng.lognormal(0, 1, width)).astype(np.float32), truth.astype(np.int64)


@pytest.mark.parametrize(("count", "width", "labels", "noise"), [(120, 128, 5, 0.6), (300, 64, 4, 0.5)])
def test_as_good_as_scikit_learns_best(count: int, width: int, labels: int, noise: float) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    pipeline = pytest.importorskip("sklearn.pipeline")
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler
    ours, best = [], []
    for seed in range(4):
        values, truth = features(count + 400, width, labels, noise, seed)
        learn, test = slice(0, count), slice(count, None)
        made = fit_head(values[learn], truth[learn], labels, balance=False)
        ours.append((made.logits(values[test]).argmax(1) == truth[test]).mean())
        best.append(
            max(
                pipeline.make_pipeline(scaler(), linear.LogisticRegression(C=c, max_iter=500))
                .fit(values[learn], truth[learn])
                .score(values[test], truth[test])
                for c in (0.001, 0.01, 0.1)
            )
        )
    assert np.mean(ours) >= np.mean(best) - 0.01


def test_finds_the_minimum_that_scikit_learn_finds() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    values, truth = features(80, 40, 3, 0.5, 0)
    rows = (values - values.mean(0)) / values.std(0)
    mine = heads._solve(rows.astype(np.float64), truth, np.ones(80), 3, 0.05, tolerance=1e-8)
    theirs = linear.LogisticRegression(C=0.05, tol=1e-10, max_iter=5000).fit(rows, truth)
    assert np.abs(mine[:-1] - theirs.coef_.T).max() < 1e-4


def test_fast_enough() -> None:
    values, truth = features(250, 2048, 5, 1.0, 0)
    began = time.process_time()
    fit_head(values, truth, 5)
    assert time.process_time() - began < 5  # processor time of all threads; about 0.2 s where nothing else runs


def test_rotation_changes_nothing() -> None:
    values, truth = features(30, 80, 3, 0.5, 1)
    rows = values - values.mean(0, dtype=np.float64)
    turned, back = heads._rotate(rows)
    assert back is not None
    straight = heads._solve(rows, truth, np.ones(30), 3, 0.1, tolerance=1e-9)
    around = heads._solve(turned, truth, np.ones(30), 3, 0.1, tolerance=1e-9)
    assert np.allclose(back @ around[:-1], straight[:-1], atol=1e-5)


def test_many_labels() -> None:
    values, truth = features(300, 32, 60, 0.01, 2)
    made = fit_head(values, truth, 60)
    assert (made.logits(values).argmax(1) == truth).mean() > 0.9


@pytest.mark.parametrize("count", [2, 3, 7])
def test_hardly_any_photographs(count: int) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(count) % 2
    values = (rng.normal(size=(count, 64)) + 4 * truth[:, None]).astype(np.float32)
    made = fit_head(values, truth.astype(np.int64), 2)
    assert (made.logits(values).argmax(1) == truth).all()
    assert np.isfinite(made.kernel).all()


def test_identical_photographs_of_two_labels_give_even_odds() -> None:
    made = fit_head(np.ones((12, 16), np.float32), np.arange(12) % 2, 2)
    assert softmax(made.logits(np.ones((1, 16), np.float32)))[0] == pytest.approx([0.5, 0.5], abs=1e-3)


def test_label_without_photographs_is_never_answered() -> None:
    values, truth = features(60, 16, 2, 0.3, 3)
    made = fit_head(values, truth, 4)
    assert softmax(made.logits(values))[:, 2:].max() < 1e-6


def test_rare_labels_weigh_more_but_not_without_limit() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    weights = label_weights(truth, 3)
    assert weights[1] / weights[0] == pytest.approx(3)
    assert (weights[truth]).mean() == pytest.approx(1)
    assert weights[2] > 0


def test_temperature_cools_what_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    logits = np.eye(3)[truth] * 2 + rng.normal(size=(400, 3))
    honest = fit_temperature(logits, truth)
    assert fit_temperature(logits * 4, truth) == pytest.approx(4 * honest, rel=0.15)
    assert log_loss(logits * 4, truth, fit_temperature(logits * 4, truth)) < log_loss(logits * 4, truth)
    assert fit_temperature(logits[:1], truth[:1]) == 1


def test_thinning_keeps_rare_labels_whole() -> None:
    truth = np.array([0] * 1000 + [1] * 10, np.int64)
    rows = heads.thin_out(truth, 100, np.random.default_rng(0))
    assert len(rows) == 100
    assert (truth[rows] == 1).sum() == 10

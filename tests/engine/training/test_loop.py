"""Which pass of a run is kept."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from resnext_gui.engine.models.head import log_loss
from resnext_gui.engine.models.score import Score, score_of
from resnext_gui.engine.training.loop import FitState


def walk(scores: list[Score | None], start: Score | None = None) -> FitState:
    state = FitState()
    if start is not None:
        state.best = state.record = start
    for score in scores:
        state.epoch += 1
        state.consider(score)
    return state


def test_merit_weighs_what_is_right_and_how_sure() -> None:
    assert Score(40, 50, 0.5).beats(Score(40, 50, 0.6))
    assert Score(41, 50, 0.5).beats(Score(40, 50, 0.5))
    assert Score(39, 50, 0.4).beats(Score(40, 50, 0.7))  # right once less often, far less often sure and wrong
    assert not Score(40, 50, 0.5).beats(Score(40, 50, 0.5))


def answers(right: list[bool], loss: float, noise: float, seed: int) -> Score:
    """Return a score as of two labels: `right` says which photographs, all with about the same loss."""
    rng = np.random.default_rng(seed)
    different = noise * rng.standard_normal(len(right))
    each = np.array(right) - loss - (different - different.mean())
    return Score(sum(right), len(right), float((np.array(right) - each).mean()), 1.0, tuple(each.tolist()))


def test_a_single_photograph_of_few_does_not_overrule_a_trained_network() -> None:
    quick = answers([True] * 19 + [False], 0.54, 0.4, 0)
    for seed in range(2, 6):
        assert answers([True] * 18 + [False] * 2, 0.54, 0.4, seed).holds_against(quick)
        assert not answers([True] * 14 + [False] * 6, 0.54, 0.4, seed).holds_against(quick)
    many = answers([True] * 380 + [False] * 20, 0.54, 0.4, 0)
    assert not answers([True] * 360 + [False] * 40, 0.54, 0.4, 1).holds_against(many)  # the same share, but sure
    assert quick.holds_against(quick) and not quick.beats(quick)


def test_doubt_is_that_of_the_same_photographs() -> None:
    # Thirty hard photographs that both get wrong say nothing about which of two networks is the better one.
    easy, hard = [True] * 30, [False] * 30
    alike = answers(easy + hard, 0.5, 0.0, 0)
    better = replace(alike, each=tuple(value + 0.02 + 0.001 * (n % 2) for n, value in enumerate(alike.each)))
    ahead, doubt = better.lead(alike)
    assert ahead == pytest.approx(0.0205) and doubt < 0.0001
    assert better.beats(alike) and not alike.holds_against(better)
    churn = answers(hard + easy, 0.5, 0.0, 0)  # as many right, but others
    ahead, doubt = churn.lead(alike)
    assert ahead == pytest.approx(0.0, abs=1e-9) and doubt == pytest.approx(1.0 / math.sqrt(60), rel=0.02)


def test_the_doubt_is_the_deviation_of_the_lead() -> None:
    rng = np.random.default_rng(5)
    leads, doubts = [], []
    for _ in range(400):
        truth = rng.integers(0, 2, 40)
        shared = rng.normal(0, 2, (40, 2)) + 1.5 * np.eye(2)[truth]
        one, other = (score_of(shared + rng.normal(0, 0.7, (40, 2)), truth, 1.0) for _ in range(2))
        ahead, doubt = one.lead(other)
        leads.append(ahead)
        doubts.append(doubt)
    assert np.std(leads) == pytest.approx(np.mean(doubts), rel=0.12)


def test_photographs_without_an_answer_of_both_are_not_compared() -> None:
    one = Score(2, 3, 0.5, 1.0, (0.9, 0.8, -1.0))
    other = Score(1, 1, 0.1, 1.0, (0.8, math.nan, math.nan))
    assert other.merit > one.merit and one.lead(Score(2, 2, 0.2, 1.0, (0.8, 0.7, math.nan)))[0] == pytest.approx(0.1)


def test_a_network_that_ran_away_is_wrong_and_never_the_best() -> None:
    truth = np.array([0, 1, 0, 1])
    sane = score_of(np.array([[1, 0], [0, 1], [1, 0], [1, 0]], np.float32), truth)
    mad = score_of(np.full((4, 2), np.nan, np.float32), truth)
    assert (mad.right, mad.total) == (0, 4) and math.isfinite(mad.loss)
    state = walk([mad, mad], sane)
    assert state.best == sane and state.best_epoch == 0


def test_a_loss_belongs_to_its_temperature() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 30)
    logits = (rng.normal(0, 1, (30, 3)) + 2 * np.eye(3)[truth]).astype(np.float32)
    given = score_of(logits, truth, 2.5)
    assert given.temperature == 2.5 and given.loss == pytest.approx(log_loss(logits, truth, 2.5))
    fitted = score_of(logits, truth)
    assert fitted.loss == pytest.approx(log_loss(logits, truth, fitted.temperature)) and fitted.loss < given.loss
    assert np.mean(fitted.each) == pytest.approx(fitted.merit)


def test_of_passes_that_look_alike_the_latest_is_kept() -> None:
    state = walk([Score(36, 50, 0.6), Score(43, 50, 0.5), Score(42, 50, 0.5), Score(42, 50, 0.51)], Score(35, 50, 0.7))
    assert state.best_epoch == 4
    assert state.since_best == 2
    assert state.record is not None and state.record.merit == pytest.approx(0.36)


def test_what_is_clearly_worse_is_not_kept_however_slowly_it_came() -> None:
    state = walk([Score(43, 50, 0.5), *(Score(42 - n, 50, 0.5 + 0.02 * n) for n in range(8))])
    assert state.best_epoch == 3  # 0.06 below the record is chance; the next is 0.10 below
    assert state.since_best == 8


def test_many_practice_photographs_leave_less_to_chance() -> None:
    few = walk([Score(43, 50, 0.5), Score(42, 50, 0.53)])
    many = walk([Score(860, 1000, 0.5), Score(840, 1000, 0.53)])
    assert (few.best_epoch, many.best_epoch) == (2, 1)


def test_without_practice_the_latest_is_kept() -> None:
    state = walk([None, None, None])
    assert state.best_epoch == 3 and state.since_best == 0

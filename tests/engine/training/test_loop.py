"""Which pass of a run is kept."""

from __future__ import annotations

import pytest

from resnext_gui.engine.training.loop import FitState, Score


def walk(scores: list[Score | None], start: Score | None = None) -> FitState:
    state = FitState()
    if start is not None:
        state.best, state.record = start, start.merit
    for score in scores:
        state.epoch += 1
        state.consider(score)
    return state


def test_merit_weighs_what_is_right_and_how_sure() -> None:
    assert Score(40, 50, 0.5).beats(Score(40, 50, 0.6))
    assert Score(41, 50, 0.5).beats(Score(40, 50, 0.5))
    assert Score(39, 50, 0.4).beats(Score(40, 50, 0.7))  # right once less often, far less often sure and wrong
    assert not Score(40, 50, 0.5).beats(Score(40, 50, 0.5))


def test_a_single_photograph_of_few_does_not_overrule_a_trained_network() -> None:
    assert Score(18, 20, 0.53).holds_against(Score(19, 20, 0.54))
    assert not Score(17, 20, 0.53).holds_against(Score(19, 20, 0.54))
    assert not Score(360, 400, 0.53).holds_against(Score(380, 400, 0.54))  # as a share the same as the first, but sure
    assert Score(40, 50, 0.5).holds_against(Score(40, 50, 0.5))


def test_of_passes_that_look_alike_the_latest_is_kept() -> None:
    state = walk([Score(36, 50, 0.6), Score(43, 50, 0.5), Score(42, 50, 0.5), Score(42, 50, 0.51)], Score(35, 50, 0.7))
    assert state.best_epoch == 4
    assert state.since_best == 2
    assert state.record == pytest.approx(0.36)


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

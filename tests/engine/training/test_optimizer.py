"""AdamW with a rate a variable, against Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from resnext_gui.engine.training.optimizer import StagedAdamW, schedule


def variables() -> list[keras.Variable]:
    return [
        keras.Variable(np.linspace(-1, 1, 4, dtype=np.float32).reshape(2, 2)),
        keras.Variable(np.ones(3, np.float32)),
    ]


def gradients(step: int) -> list[np.ndarray]:
    rng = np.random.default_rng(step)
    return [rng.normal(size=(2, 2)).astype(np.float32), rng.normal(size=3).astype(np.float32)]


def test_with_equal_factors_it_is_adamw() -> None:
    ours, theirs = variables(), variables()
    mine = StagedAdamW(1e-2, decays=[0.1, 0.1], clip=None, epsilon=1e-7)
    keras_own = keras.optimizers.AdamW(1e-2, weight_decay=0.1, epsilon=1e-7)
    for step in range(5):
        mine.apply([keras.ops.convert_to_tensor(g) for g in gradients(step)], ours)
        keras_own.apply([keras.ops.convert_to_tensor(g) for g in gradients(step)], theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.allclose(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), atol=2e-5)


def test_factor_scales_the_step_and_decay_can_be_left_out() -> None:
    made = variables()
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in made]
    optimizer = StagedAdamW(1e-2, factors=[1.0, 0.1], decays=[0.0, 0.0], clip=None)
    optimizer.apply([keras.ops.ones((2, 2)), keras.ops.ones(3)], made)
    moved = [before[n] - keras.ops.convert_to_numpy(v) for n, v in enumerate(made)]
    assert moved[0] == pytest.approx(np.full((2, 2), 1e-2), rel=1e-4)
    assert moved[1] == pytest.approx(np.full(3, 1e-3), rel=1e-4)


def test_average_begins_at_the_start_and_follows() -> None:
    made = variables()
    optimizer = StagedAdamW(1e-1, average=0.9)
    optimizer.build(made)
    assert np.allclose(keras.ops.convert_to_numpy(optimizer.averages[1]), 1)
    for step in range(30):
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients(step)], made)
    last, mean = (keras.ops.convert_to_numpy(v) for v in (made[0], optimizer.averages[0]))
    assert not np.allclose(last, mean)
    assert np.abs(last - mean).max() < 1


def test_wrong_number_of_factors_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: 1 factors"):
        StagedAdamW(factors=[1.0]).build(variables())


def test_config_rebuilds_it() -> None:
    first = StagedAdamW(3e-4, factors=[1.0, 0.5], decays=[0.1, 0.0], average=0.98, clip=0.5)
    second = StagedAdamW.from_config(first.get_config())
    assert second.get_config() == first.get_config()


def test_schedule_rises_then_falls() -> None:
    shares = [schedule(p / 100, warmup=0.1) for p in range(101)]
    assert shares[0] == pytest.approx(0.01)
    assert max(shares) == pytest.approx(1)
    assert shares.index(max(shares)) == 10
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[-1] == pytest.approx(0.01)
    assert schedule(2) == shares[-1]

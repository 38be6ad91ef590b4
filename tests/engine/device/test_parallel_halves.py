"""Batches in two halves at the same time."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from resnext_gui.engine.device import parallel_halves
from resnext_gui.engine.device.parallel_halves import InHalves
from resnext_gui.engine.network.resnext import build_resnext, inference_model
from resnext_gui.engine.worker import machine


@pytest.fixture
def worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_halves, "_worthwhile", lambda: True)


class Double:
    """Notes what it is called with, and doubles it."""

    def __init__(self, meet: bool = False) -> None:
        self.calls: list[tuple[int, int]] = []
        self.meeting = threading.Barrier(2) if meet else None

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.calls.append((len(batch), threading.get_ident()))
        if self.meeting is not None and len(self.calls) > 2:
            self.meeting.wait(20)  # nobody comes unless both halves are under way at the same time
        return batch * 2


BATCH = np.arange(48, dtype="float32").reshape(16, 3)


def test_both_halves_are_under_way_at_the_same_time_from_the_second_batch_on(worthwhile: None) -> None:
    double = Double(meet=True)
    run = InHalves(double)
    for _ in range(3):
        np.testing.assert_array_equal(run(BATCH), BATCH * 2)
    sizes, threads = zip(*double.calls, strict=True)
    assert set(sizes) == {8}
    assert len(set(threads[:2])) == 1, "the first batch is traced on this thread alone"
    assert len(set(threads[2:])) == 2


@pytest.mark.parametrize("count", [1, 6, 9])
def test_small_and_odd_batches_stay_whole(worthwhile: None, count: int) -> None:
    double = Double()
    np.testing.assert_array_equal(InHalves(double)(BATCH[:count]), BATCH[:count] * 2)
    assert [size for size, _ in double.calls] == [count]


def test_on_one_core_batches_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 1)
    double = Double()
    InHalves(double)(BATCH)
    assert [size for size, _ in double.calls] == [16]


@pytest.mark.parametrize("bad", [0, 8])
def test_an_error_in_either_half_arrives_and_the_other_half_has_ended(worthwhile: None, bad: int) -> None:
    ended: list[int] = []

    def work(batch: np.ndarray) -> np.ndarray:
        if fail and batch[0, 0] == BATCH[bad, 0]:
            raise MemoryError("too much")
        ended.append(len(batch))
        return batch

    fail = False
    run = InHalves(work)
    run(BATCH)
    fail = True
    ended.clear()
    with pytest.raises(MemoryError, match="too much"):
        run(BATCH)
    assert ended == [8]


def test_a_network_gives_the_same_answers() -> None:
    model = inference_model(build_resnext((1, 1), 4, 4, classes=3))
    run = InHalves(model.predict_on_batch)
    for seed in range(3):
        pixels = np.random.default_rng(seed).normal(size=(16, 32, 32, 3)).astype("float32")
        np.testing.assert_allclose(run(pixels), model.predict_on_batch(pixels), atol=1e-5)

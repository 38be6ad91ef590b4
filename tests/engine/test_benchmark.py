"""The benchmark's rows, on a network small enough for a test; its speed is measured by tests/bench."""

from __future__ import annotations

import numpy as np
import pytest

from resnext_gui.engine import benchmark
from resnext_gui.engine.device import backend, timing
from resnext_gui.engine.worker import machine
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import JobStopped
from tests.bench import baselines


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras' own layer takes ten seconds a step; here it may be ours."""
    real = timing.grouped_layer_step
    monkeypatch.setattr(
        benchmark, "grouped_layer_step", lambda kind, training: real("ours" if kind == "keras" else kind, training)
    )
    backend.setup("cpu", "float32")


def test_rows_say_what_was_measured() -> None:
    rows = list(benchmark.run_benchmark(rounds=1, batch=1, size=32, preset="resnext26_16x4d"))
    assert [row["what"].split(",")[0] for row in rows] == [
        "device",
        "grouped convolution",
        "grouped convolution",
        "resnext26_16x4d training float32",
        "resnext26_16x4d inference float32",
        "resnext26_16x4d training bfloat16",
        "resnext26_16x4d inference bfloat16",
    ]
    assert {"ours", "keras", "split", "depthwise", "times_keras", "times_split"} <= rows[1].keys()
    assert all(row["ours"] > 0 for row in rows[1:])
    assert "unit ms" in benchmark.in_words(rows[1])


def test_others_take_part_in_turns() -> None:
    calls: list[tuple[int, ...]] = []

    def beside(pixels: np.ndarray, labels: np.ndarray) -> dict[str, benchmark.Step]:
        return {"other": lambda: calls.append((*pixels.shape, len(labels)))}

    row = benchmark.network_row(False, "float32", Control(), 1, 1, 32, "resnext26_16x4d", beside)
    assert {"ours", "other", "times_other"} <= row.keys() and set(calls) == {(1, 32, 32, 3, 1)}


def test_it_stops_when_asked() -> None:
    control = Control()
    rows = benchmark.run_benchmark(control, rounds=1)
    next(rows)
    control.stop()
    with pytest.raises(JobStopped):
        next(rows)


def test_all_ways_are_the_same_layer() -> None:
    for kind in ("ours", "split", "depthwise"):
        assert timing.grouped_layer_step(kind, training=False)() == [(8, 56, 56, 128)]


def test_others_run_the_same_network() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = baselines.torch_network()
    assert sum(p.numel() for p in network.parameters()) == 25_028_904
    pixels = np.zeros((1, 32, 32, 3), "float32")
    assert baselines.torch_inference(pixels, "float32", 1)().shape == (1, 1000)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(machine.usable_cores())

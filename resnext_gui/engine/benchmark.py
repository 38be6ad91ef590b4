"""`resnext-gui benchmark`: how fast this computer learns and answers.

Every comparison is made in turns, so that a busy moment of the computer hits all alike, and told as medians.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from resnext_gui.engine.device import backend
from resnext_gui.engine.device.parallel_halves import InHalves
from resnext_gui.engine.device.timing import grouped_layer_step
from resnext_gui.engine.network.resnext import build_preset, inference_model
from resnext_gui.engine.network.runtime import speed_up
from resnext_gui.engine.worker.control import Control

Step = Callable[[], Any]

BATCH = 16
SIZE = 224
PRESET = "resnext50_32x4d"

TURN = 0.2
"""Seconds that a turn of a short step takes."""
MOST_CALLS = 8
FIRST_CALL = 8.0
"""A step whose first call takes so many seconds is slow whether it compiled or not."""


def run_benchmark(
    control: Control | None = None,
    rounds: int = 5,
    batch: int = BATCH,
    size: int = SIZE,
    preset: str = PRESET,
) -> Iterator[dict[str, Any]]:
    """Measure this computer, a row at a time; some minutes in all.

    Args:
        control: asked between rounds.
        rounds: turns of each comparison; the median counts.
        batch: pictures in a step.
        size: their side in pixels.
        preset: the whole network that is measured.

    Yields:
        {"what": ..., "unit": "ms" or "images/s", "ours": number, and for each other way its number and "times_NAME",
        how many times as fast ours is}.

    Raises:
        JobStopped: the person stopped it.
    """
    control = control or Control()
    report = backend.setup(precision="float32")
    yield {"what": "device", "name": report.name, "cores": report.cores, "backend": report.backend}
    if report.backend == "tensorflow":
        for training in (True, False):
            yield layer_row(training, control, rounds)
    for precision in ("float32", "bfloat16"):
        yield network_row(True, precision, control, rounds, batch, size, preset)
        yield network_row(False, precision, control, rounds, batch, size, preset)


def in_words(row: dict[str, Any]) -> str:
    """Return a row as a line of text."""
    rest = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in row.items() if key != "what")
    return f"{row['what']}: {rest}"


def layer_row(training: bool, control: Control, rounds: int = 5) -> dict[str, Any]:
    """Measure a grouped convolution, 3x3, 128 channels in 32 groups, 56x56 positions, batch 8, float32.

    Keras' own is timed once only in training: it takes seconds.
    """
    times = _in_turns(
        {name: grouped_layer_step(name, training) for name in ("ours", "split", "depthwise")}, control, rounds
    )
    times |= _in_turns({"keras": grouped_layer_step("keras", training)}, control, 1 if training else rounds)
    row: dict[str, Any] = {"what": f"grouped convolution, {'training' if training else 'inference'}", "unit": "ms"}
    row |= {name: round(seconds * 1e3, 2) for name, seconds in times.items()}
    return row | {f"times_{name}": round(t / times["ours"], 2) for name, t in times.items() if name != "ours"}


def network_row(
    training: bool,
    precision: str,
    control: Control,
    rounds: int = 5,
    batch: int = BATCH,
    size: int = SIZE,
    preset: str = PRESET,
    beside: Callable[[Any, Any], dict[str, Step]] | None = None,
) -> dict[str, Any]:
    """Measure a whole network; `beside` makes the steps of others, by name, from the same pixels and labels."""
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(batch, size, size, 3)).astype("float32")
    labels = rng.integers(0, 1000, batch)
    steps = {"ours": our_step(training, precision, pixels, labels, preset)}
    if beside is not None:
        steps |= beside(pixels, labels)
    times = _in_turns(steps, control, rounds)
    what = f"{preset} {'training' if training else 'inference'} {precision}, batch {batch}, {size} px"
    row: dict[str, Any] = {"what": what, "unit": "images/s"}
    row |= {name: round(batch / seconds, 1) for name, seconds in times.items()}
    return row | {f"times_{name}": round(t / times["ours"], 2) for name, t in times.items() if name != "ours"}


def our_step(training: bool, precision: str, pixels: Any, labels: Any, preset: str = PRESET) -> Step:
    """Return one step of our own network: SGD with momentum in training, the folded network otherwise."""
    before = keras.config.dtype_policy()
    backend.set_precision(precision)
    try:
        model = build_preset(preset, input_shape=pixels.shape[1:])
        if not training:
            function = InHalves(backend.fast_function(inference_model(model)))
            return lambda: function(pixels)
        model.compile(
            keras.optimizers.SGD(0.01, momentum=0.9),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            **backend.compile_options(),
        )
        speed_up(model)
    finally:
        keras.config.set_dtype_policy(before)
    x, y = keras.ops.convert_to_tensor(pixels), keras.ops.convert_to_tensor(labels)
    return lambda: float(model.train_on_batch(x, y))


def _in_turns(steps: dict[str, Step], control: Control, rounds: int) -> dict[str, float]:
    """Return each step's median seconds; first calls are not counted.

    The order changes from round to round, and a short step is taken several times in a turn: whoever follows a step of
    ten seconds finds caches and memory in disorder.
    """
    calls: dict[str, int] = {}
    for name, step in steps.items():
        for _ in range(2):  # the first call also compiles
            control.check()
            began = time.perf_counter()
            step()
            took = time.perf_counter() - began
            if took > FIRST_CALL:
                break
        calls[name] = max(1, min(MOST_CALLS, round(TURN / took)))
    times: dict[str, list[float]] = {name: [] for name in steps}
    order = random.Random(0)  # noqa: S311 - no secret
    for _ in range(rounds):
        for name in order.sample(sorted(steps), len(steps)):
            control.check()
            for _ in range(calls[name]):
                began = time.perf_counter()
                steps[name]()
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in times.items()}

"""Shows a network a few pictures and looks at what goes on inside: shapes alone do not tell whole weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from resnext_gui.engine.network.layers import GroupedConv2D
from resnext_gui.engine.network.names import norm_after, torch_name
from resnext_gui.engine.network.resnext import numbers_of
from resnext_gui.engine.pictures.decode import Preprocessing
from resnext_gui.engine.weights.report import CheckpointError, Report

_Array = np.ndarray[Any, Any]

PROBE_SIZE = 96
TRAINED_LIKENESS = 0.5
"""Median correlation of kept with measured means above which a network counts as trained.  The starter's is 0.75."""
STRANGE_LIKENESS = 0.35
"""Correlation of means below which a kernel may be foreign.  The starter's least is 0.53; swapped ones are near 0."""
PROVEN_LIKENESS = 0.5
"""Correlation that a repair must bring about to prove what is wrong."""
ENOUGH_CHANNELS = 32
"""With fewer channels correlations say little."""
MOST_SUSPECTS = 16


def probe_pictures(count: int = 4, size: int = PROBE_SIZE) -> _Array:
    """Return pictures as uint8 (count, size, size, 3) with the statistics of photographs: 1/f noise, edges, colour."""
    rng = np.random.default_rng(20161105)
    rows, columns = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    falloff = 1.0 / np.maximum(np.hypot(rows, columns), 1.0 / size)
    y, x = np.mgrid[0:size, 0:size] / size
    pictures = np.empty((count, size, size, 3))
    for index in range(count):
        noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(4, size, size))) * falloff).real
        noise /= noise.std(axis=(1, 2), keepdims=True)
        picture = 120 + 45 * noise[:1].transpose(1, 2, 0) + 20 * noise[1:].transpose(1, 2, 0)
        for _ in range(6):
            cx, cy, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.08, 0.3)
            inside = np.hypot(x - cx, y - cy) < radius
            if rng.uniform() < 0.5:
                inside = (abs(x - cx) < radius) & (abs(y - cy) < radius / 2)
            picture[inside] = 0.5 * picture[inside] + 0.5 * rng.uniform(0, 255, size=3)
        pictures[index] = picture
    return pictures.clip(0, 255).astype("uint8")


def probe_activations(path: Path, model: keras.Model, preprocessing: Preprocessing, report: Report) -> None:
    """Refuse a network whose answers to probe pictures make no sense, or whose inside does not fit itself.

    In a trained network each normalisation remembers the mean and variance of what its convolution gave.  Channel by
    channel, probe pictures bring about much the same.  Where that holds all over the network but in one place, the
    kernel there may not be the one that was trained.  That alone is no proof: networks trained on other things than
    photographs, or hardly at all, have such places too.  It is proven where the transposed kernel fits, or that of
    another place.  (A kernel mirrored or transposed within its window gives the same statistics and cannot be told.)

    Raises:
        CheckpointError: as above, with the layer.
    """
    mean, std = np.asarray(preprocessing.mean, "float32"), np.asarray(preprocessing.std, "float32")
    pixels = (probe_pictures().astype("float32") / 255 - mean) / std
    convolutions = [layer for layer in model.layers if isinstance(layer, GroupedConv2D)]
    probe = keras.Model(model.input, [*(layer.output for layer in convolutions), model.output])
    *inside, answers = (keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")) for y in probe(pixels, training=False))
    if not np.isfinite(answers).all():
        raise CheckpointError(path, "its answers to test pictures are not finite numbers", code="bad_activations")
    if np.ptp(answers, axis=0).max() <= 1e-6 * max(1.0, float(np.abs(answers).max())):
        raise CheckpointError(path, "it answers the same whatever it is shown", code="bad_activations")
    report.checks.append("answers to test pictures finite and different")
    _check_fit(path, model, convolutions, inside, pixels, report)


def _check_fit(
    path: Path, model: keras.Model, convolutions: list[Any], inside: list[_Array], pixels: _Array, report: Report
) -> None:
    means = {layer.name: values.mean((0, 1, 2)) for layer, values in zip(convolutions, inside, strict=True)}
    kept = {layer.name: numbers_of(model.get_layer(norm_after(layer.name)).moving_mean) for layer in convolutions}
    # The stem's means depend on the pictures more than on the kernel.
    likeness = {layer.name: _correlation(means[layer.name], kept[layer.name]) for layer in convolutions[1:]}
    if not likeness or float(np.median(list(likeness.values()))) < TRAINED_LIKENESS:
        return
    suspects = [
        layer
        for layer in convolutions[1:]
        if likeness[layer.name] < STRANGE_LIKENESS and len(means[layer.name]) >= ENOUGH_CHANNELS
    ][:MOST_SUSPECTS]
    if not suspects:
        report.checks.append("every kernel fits the statistics behind it")
        return
    before = keras.Model(model.input, [layer.input for layer in suspects])(pixels, training=False)
    for layer, inputs in zip(suspects, before if isinstance(before, (list, tuple)) else [before], strict=True):
        own = kept[layer.name]
        for other in suspects:
            # Statistics of another place?
            if other is not layer and kept[other.name].shape == own.shape:
                _refuse_if(_correlation(means[layer.name], kept[other.name]), path, layer, "statistics", other)
        kernel = numbers_of(layer.kernel)
        for what, repaired in _repairs(layer, kernel, suspects):
            layer.kernel.assign(repaired)
            values = keras.ops.convert_to_numpy(keras.ops.cast(layer(inputs), "float32"))
            layer.kernel.assign(kernel)
            _refuse_if(_correlation(values.mean((0, 1, 2)), own), path, layer, "kernel", what)
    names = ", ".join(torch_name(layer.name) for layer in suspects[:3])
    report.warnings.append(f"The statistics behind {names} are unlike those of test pictures.")


def _repairs(layer: Any, kernel: _Array, suspects: list[Any]) -> Iterator[tuple[Any, _Array]]:
    """Yield what could have happened to a kernel (k, k, channels, filters), and the kernel without it.

    "transposed": its numbers lie in the order of (channels, filters, k, k) or of (k, k, channels, filters).
    """
    side, _, channels, filters = kernel.shape
    file_order = kernel.transpose(3, 2, 0, 1)
    yield "transposed", file_order.reshape(channels, filters, side, side).transpose(2, 3, 0, 1)
    yield "transposed", np.ascontiguousarray(file_order).reshape(kernel.shape)
    for other in suspects:
        if other is not layer and tuple(other.kernel.shape) == kernel.shape:
            yield other, numbers_of(other.kernel)


def _refuse_if(likeness: float, path: Path, layer: Any, part: str, what: Any) -> None:
    if likeness < PROVEN_LIKENESS:
        return
    name, other = torch_name(layer.name), what if isinstance(what, str) else torch_name(what.name)
    if what == "transposed":
        reason = f"the kernel of {name} does not fit the statistics behind it; it is transposed"
    elif part == "kernel":
        reason = f"the kernel of {name} does not fit the statistics behind it, but that of {other} does: swapped"
    else:
        reason = f"the kernel of {name} fits the statistics of {other}, not its own: one of the two is swapped"
    raise CheckpointError(path, reason, code="bad_activations")


def _correlation(a: _Array, b: _Array) -> float:
    """Return Pearson's correlation; 0 where one of the two does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 1e-12 else 0.0

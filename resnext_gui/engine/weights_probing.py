"""Shows a network a few pictures and looks at what goes on inside: shapes alone do not tell whole weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from resnext_gui.engine.checkpoint_report import CheckpointError, Report
from resnext_gui.engine.images import Preprocessing
from resnext_gui.engine.layers import GroupedConv2D
from resnext_gui.engine.resnext import norm_after

_Array = np.ndarray[Any, Any]

PROBE_SIZE = 96
TRAINED_LIKENESS = 0.5
"""Median correlation of kept with measured means above which a network counts as trained.  The starter's is 0.75."""
STRANGE_LIKENESS = 0.25
"""Correlation of means and of variances below which a kernel is foreign.  The starter's least are 0.53 and 0.06."""


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
    kernel there is not the one that was trained: transposed, or mixed up.  (A kernel mirrored or transposed within
    its window gives the same statistics and cannot be told.)

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
    _check_fit(path, model, convolutions, inside, report)


def _check_fit(path: Path, model: keras.Model, convolutions: list[Any], inside: list[_Array], report: Report) -> None:
    likeness: dict[str, tuple[float, float]] = {}
    for layer, values in zip(convolutions, inside, strict=True):
        norm = model.get_layer(norm_after(layer.name))
        mean, variance = (keras.ops.convert_to_numpy(kept.value) for kept in (norm.moving_mean, norm.moving_variance))
        means = _correlation(values.mean((0, 1, 2)), mean)
        spreads = _correlation(np.log(values.var((0, 1, 2)) + 1e-12), np.log(variance + 1e-12))
        likeness[layer.name] = means, spreads
    # The stem's means depend on the pictures more than on the kernel.
    del likeness[convolutions[0].name]
    if not likeness or float(np.median([means for means, _ in likeness.values()])) < TRAINED_LIKENESS:
        return
    for name, (means, spreads) in likeness.items():
        if means < STRANGE_LIKENESS and spreads < STRANGE_LIKENESS:
            raise CheckpointError(
                path,
                f"the kernel of {name.replace('_', '.')} does not fit the statistics behind it; "
                "it seems transposed or mixed up",
                code="bad_activations",
            )
    report.checks.append("every kernel fits the statistics behind it")


def _correlation(a: _Array, b: _Array) -> float:
    """Return Pearson's correlation; 0 where one of the two does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 1e-12 else 0.0

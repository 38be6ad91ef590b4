"""Shows a network a few pictures and looks at what goes on inside: shapes alone do not tell whole weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from resnext_gui.engine.checkpoint_report import CheckpointError, Report
from resnext_gui.engine.images import Preprocessing

_Array = np.ndarray[Any, Any]

PROBE_SIZE = 96


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
    """Refuse a network whose answers to probe pictures are not numbers, or are the same whatever it sees.

    Raises:
        CheckpointError: as above.
    """
    mean, std = np.asarray(preprocessing.mean, "float32"), np.asarray(preprocessing.std, "float32")
    pictures = probe_pictures(size=model.input_shape[1] or PROBE_SIZE)
    pixels = (pictures.astype("float32") / 255 - mean) / std
    answers = keras.ops.convert_to_numpy(model(pixels, training=False))
    if not np.isfinite(answers).all():
        raise CheckpointError(path, "its answers to test pictures are not finite numbers", code="bad_activations")
    if np.ptp(answers, axis=0).max() <= 1e-6 * max(1.0, float(np.abs(answers).max())):
        raise CheckpointError(path, "it answers the same whatever it is shown", code="bad_activations")
    report.checks.append("answers to test pictures finite and different")

"""Renders the built-in sample photographs: small things on a table, five kinds, no two alike.

Everything follows from a seed, so the same call writes the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnext_gui.messages import RenderSamples, UserError
from resnext_gui.project import guard
from resnext_gui.project.files import file_trouble
from resnext_gui.texts import text

if TYPE_CHECKING:
    from resnext_gui.engine.worker.context import JobContext

__all__ = ["LABELS", "render_one", "render_samples", "samples_job"]

LABELS = ("bolt", "button", "coin", "key", "leaf")
_THREADS = 2
_QUALITY = 90


def render_one(label: str, number: int, seed: int = 0) -> bytes:
    """Return one sample photograph as JPEG bytes, 320 x 240.

    Raises:
        ValueError: there is no such label.
    """
    import numpy as np

    from resnext_gui.samples.scene import take_picture

    if label not in LABELS:
        raise ValueError(f"label must be one of {', '.join(LABELS)}. Received: {label}")
    # Each picture has a stream of its own: how many others are rendered changes nothing.
    rng = np.random.default_rng([seed, LABELS.index(label), number])
    out = io.BytesIO()
    take_picture(label, rng).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def render_samples(
    folder: str | Path,
    per_label: int = 40,
    seed: int = 0,
    labels: Sequence[str] | None = None,
    job: JobContext | None = None,
) -> list[str]:
    """Render sample photographs into `folder`, one sub-folder a label; returns the labels.

    Args:
        folder: made when needed; files of the same names are replaced.
        per_label: photographs of each label, at least 1.
        seed: the same seed gives the same bytes.
        labels: some of `LABELS`; all of them by default.
        job: asked before each photograph, and told how many are done.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
        JobStopped: from `job`; finished photographs stay.
    """
    wanted = list(LABELS if labels is None else labels)
    place = Path(folder)
    pictures = [(label, number) for number in range(per_label) for label in wanted]
    if (place.parent / "project.db").exists():  # beside a project's database
        guard.protect(place.parent)
    try:
        for label in wanted:
            guard.make_folder(place / label)
        with ThreadPoolExecutor(_THREADS, "sample") as pool:
            for start in range(0, len(pictures), 2 * _THREADS):
                if job is not None:
                    job.check()
                portion = pictures[start : start + 2 * _THREADS]
                made = pool.map(lambda one: render_one(one[0], one[1], seed), portion)
                for (label, number), data in zip(portion, made, strict=True):
                    _write(place / label / f"{label}_{number + 1:03d}.jpg", data)
                if job is not None:
                    done, total = start + len(portion), len(pictures)
                    job.progress("samples", done, total, text("rendered", done=done, total=total))
    except OSError as error:
        raise file_trouble(error, place) from error
    return wanted


def _write(path: Path, data: bytes) -> None:
    with guard.replacing(path) as file:
        file.write(data)


def samples_job(command: RenderSamples, job: JobContext) -> dict[str, Any]:
    """Render the samples and say where they are: ``{"folder", "labels", "photographs"}``.

    Raises:
        UserError: ``bad_count``, or the folder cannot be written to.
        JobStopped: the person stopped it.
    """
    if command.per_label < 1:
        raise UserError("bad_count:samples")

    labels = render_samples(command.folder, command.per_label, command.seed, job=job)
    return {"folder": command.folder, "labels": labels, "photographs": command.per_label * len(labels)}

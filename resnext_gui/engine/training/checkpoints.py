"""The exact state of a run on disk: weights, the optimizer's slots, and the best weights so far.

Each checkpoint is a new file.  Only after it is durable does ``run.json`` point at it, and only then are older ones
removed: whenever the power fails, ``run.json`` points at a whole checkpoint.  The files are safetensors, local to the
run, keyed by position; nothing in them can run.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine.models.score import Score
from resnext_gui.engine.training.loop import FitState, Fitting
from resnext_gui.messages import UserError
from resnext_gui.project import guard
from resnext_gui.project.files import write_bytes

Weights = list[npt.NDArray[Any]]

_NAME = re.compile(r"(epoch|best)-\d{4,9}\.safetensors")


def save_state(folder: Path, fitting: Fitting, known: dict[str, str]) -> dict[str, Any]:
    """Write the state of `fitting` under new names; returns what ``run.json`` has to say to find it again.

    Args:
        folder: the run's.
        fitting: the loop.
        known: hashes of the best weights that were written before, by their file's name; what is written is added.

    Raises:
        ProjectError: the disk is full or read-only; earlier checkpoints are untouched.
    """
    state = fitting.state
    tensors = {f"model/{n:04d}": _numbers(v) for n, v in enumerate(fitting.model.weights)}
    tensors |= {f"optimizer/{n:04d}": _numbers(v) for n, v in enumerate(fitting.optimizer_in_use.variables)}
    name = f"epoch-{state.epoch:04d}.safetensors"
    digest = _write(folder / name, tensors)
    best_name = f"best-{state.best_epoch:04d}.safetensors"
    if state.best_weights is not None and (best_name not in known or not (folder / best_name).exists()):
        known[best_name] = _write(folder / best_name, {f"{n:04d}": w for n, w in enumerate(state.best_weights)})
    return {
        "file": name,
        "sha256": digest,
        "best_file": best_name,
        "best_sha256": known.get(best_name),
        "epoch": state.epoch,
        "step": state.step,
        "seconds": state.seconds,
        "best_epoch": state.best_epoch,
        "best": None if state.best is None else asdict(state.best),
        "since_best": state.since_best,
        "record": None if state.record is None else asdict(state.record),
    }


def load_state(folder: Path, facts: dict[str, Any], fitting: Fitting) -> None:
    """Put `fitting` back into the state that `save_state` wrote.

    Raises:
        UserError: ``damaged``: a file is missing or does not fit.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(_checked(folder, facts, "file", "sha256"))
        for prefix, variables in (
            ("model", fitting.model.weights),
            ("optimizer", fitting.optimizer_in_use.variables),
        ):
            for number, variable in enumerate(variables):
                variable.assign(tensors[f"{prefix}/{number:04d}"].reshape(variable.shape))
        best = load_file(_checked(folder, facts, "best_file", "best_sha256"))
        weights = [best[f"{n:04d}"].reshape(variable.shape) for n, variable in enumerate(fitting.model.weights)]
        fitting.state = FitState(
            epoch=int(facts["epoch"]),
            step=int(facts["step"]),
            seconds=float(facts["seconds"]),
            best=_score(facts["best"]),
            best_epoch=int(facts["best_epoch"]),
            best_weights=weights,
            since_best=int(facts["since_best"]),
            record=_score(facts["record"]),
        )
    except (OSError, KeyError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        raise UserError(
            "damaged", f"The checkpoint of the run in '{folder}' is damaged.", "Start a new run."
        ) from error


def _score(facts: Any) -> Score | None:
    if facts is None:
        return None
    if isinstance(facts, int | float):  # of older checkpoints: the merit alone
        return Score(0, 1, -float(facts))
    return Score(**{**facts, "each": tuple(facts.get("each", ()))})


def prune(folder: Path, facts: dict[str, Any] | None) -> None:
    """Remove checkpoints that ``run.json`` does not point at; with None, all of them."""
    kept = {facts["file"], facts["best_file"]} if facts else set()
    for pattern in ("epoch-*.safetensors", "best-*.safetensors", ".epoch-*.tmp", ".best-*.tmp"):
        for file in folder.glob(pattern):
            if file.name not in kept:
                with suppress(OSError):
                    guard.remove(file)


def _numbers(variable: Any) -> npt.NDArray[Any]:
    return np.ascontiguousarray(keras.ops.convert_to_numpy(variable))


def _checked(folder: Path, facts: dict[str, Any], name: str, digest: str) -> Path:
    """Return the file that `facts` names; ValueError where it is not the one that was written."""
    said = str(facts[name])
    if _NAME.fullmatch(said) is None:
        raise ValueError(f"{said!r} is no checkpoint's name")
    file = folder / said
    found = guard.sha256(file)
    if facts.get(digest) not in (None, found):  # None: written by an earlier version
        raise ValueError("another content than was written")
    return file


def _write(file: Path, tensors: dict[str, npt.NDArray[Any]]) -> str:
    """Write tensors durably; returns the file's SHA-256."""
    from safetensors.numpy import save

    data = save(tensors)
    write_bytes(file, data)
    return hashlib.sha256(data).hexdigest()

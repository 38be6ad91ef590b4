"""What the program's own JSON files may say: read by one reader, checked before anybody believes it.  Standard library.

A note that somebody else has written, or that a bad disk has changed, is told apart here, once, so that whoever reads
a field finds what it should be: the number a finite number, the list a list.
"""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resnext_gui.messages import LARGEST_SIDE, TrainSpec
from resnext_gui.project import guard
from resnext_gui.project.records import ProjectError

MOST_VALUES = 6_000_000
"""Values in one file: what a million photographs take.  More would fill the memory before anything could be checked."""

SOME_VALUES = 1_500_000
"""Values in an evaluation: of 180,000 photographs.  The window reads it in a third of a second."""

FEW_VALUES = 200_000
"""Values in a file that does not grow with the photographs.  The window reads these again and again."""

MANY = 96 << 20
"""Bytes of a file that grows with the photographs."""

DEEPEST = 40
"""Levels of lists and objects in one another."""

Shape = Any
"""``{key: shape}`` for an object with some of these keys, ``[shape]`` for a list, or a function that tests a value."""


def number(value: Any) -> bool:
    """Tell whether `value` is a finite number that a sentence or a date can be made of."""
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e12


def moment(value: Any) -> bool:
    """Tell whether `value` is a Unix time that a date can be made of."""
    return number(value) and 0 <= value < 2e11


def count(value: Any) -> bool:
    """Tell whether `value` is a whole number from 0 on."""
    return type(value) is int and 0 <= value < 1 << 48


def side(value: Any) -> bool:
    """Tell whether `value` may be the side of what a network sees, in pixels."""
    return type(value) is int and 8 <= value <= LARGEST_SIDE


def text(value: Any) -> bool:
    """Tell whether `value` is a text of moderate length."""
    return isinstance(value, str) and len(value) <= 20_000


def measure(value: Any) -> bool:
    """Tell whether `value` is a number, perhaps infinite or none: what was measured, or a loss that ran away."""
    return type(value) in (int, float)


def flag(value: Any) -> bool:
    """Tell whether `value` is true or false."""
    return isinstance(value, bool)


def maybe(shape: Shape) -> Callable[[Any], bool]:
    """Return the test that also takes null."""
    return lambda value: value is None or fits(value, shape)


def fits(value: Any, shape: Shape) -> bool:
    """Tell whether `value` has this shape.  Keys that the shape does not name are somebody newer's and may hold any."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(key not in value or fits(value[key], shape[key]) for key in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    return bool(shape(value))


def _spec() -> Shape:
    """Return the shape of a run's settings: what `TrainSpec` says of its fields."""
    tests: dict[str, Shape] = {}
    for name, hint in typing.get_type_hints(TrainSpec).items():
        kinds = typing.get_args(hint) or (hint,)
        test = {str: text, bool: flag, int: number, float: number}[kinds[0]]
        tests[name] = maybe(test) if type(None) in kinds else test
    return tests | {"size": maybe(side), "head": lambda head: head in ("linear", "hidden")}


_SHARE = maybe(number)
WEIGHTS = {"name": text, "sha256": text, "path": maybe(text), "architecture": maybe(text), "seed": count}
_PRACTICE = {"right": count, "total": count, "loss": maybe(measure)}

RESULT: Shape = {
    **dict.fromkeys(
        ("practice_accuracy", "finetune_practice_accuracy", "quick_practice_accuracy", "accuracy", "accuracy_low",
         "accuracy_high", "exam", "right", "seconds", "first_model_seconds", "epochs",
         "best_epoch"), _SHARE,
    ),
    **dict.fromkeys(("run", "kept", "device", "precision", "status"), maybe(text)),
    "images_per_second": maybe(measure),
    "mirror": maybe({"tried": count, "right": count, "mirrored_right": count, "used": flag}),
}  # fmt: skip

RUN: Shape = {
    "id": text,
    "name": maybe(text),
    "status": text,
    "created": moment,
    "ended": maybe(moment),
    "spec": _spec(),
    "progress": maybe(number),
    "seconds_used": maybe(number),
    "error": maybe({"code": text, "message": text}),
    "labels": [text],
    "weights": WEIGHTS,
    "split": {"learning": count, "practice": count, "exam": count},
    "mirror": RESULT["mirror"],
    "quick_practice_accuracy": _SHARE,
    "first_model_seconds": maybe(number),
    "best_model": maybe(text),
    "best": maybe({"epoch": maybe(count), "practice_accuracy": _SHARE, "practice_loss": _SHARE}),
    "last_checkpoint": maybe({"file": text, "best_file": text, "best_epoch": maybe(count), "epoch": count}),
    "result": maybe(RESULT),
    "device": maybe({"device": text, "name": maybe(text), "precision": text, "reason": text, "advice": maybe(text)}),
    "frozen": {"precision": text, "size": side, "seed": count, "parts": maybe(count), "recipe": {},
               "architecture": maybe(text), "weights_seed": count},
    "versions": {},
}  # fmt: skip
"""``run.json``"""

MODEL: Shape = {
    "kind": lambda kind: kind in ("quick", "network"),
    "labels": [lambda label: isinstance(label, str) and len(label) <= 1000],
    "preprocessing": {"size": side, "crop": number, "mean": [number], "std": [number]},
    "temperature": lambda value: number(value) and 1e-4 < value < 1e4,
    "flip": flag,
    "precision": text,
    "weights": WEIGHTS,
    "architecture": {},
    "file": text,
    "digest": text,
    "photographs": text,
    "practice": _PRACTICE,
    "counts": {"labels": count, "photographs": count},
    "created": moment,
}
"""``model.json``"""

EVALUATION: Shape = {
    **dict.fromkeys(("right", "total", "uses"), count),
    **dict.fromkeys(("low", "high"), number),
    "made": moment,
    **dict.fromkeys(("model", "kind", "stamp"), text),
    "labels": [text],
    "confusion": [[count]],
    "items": [
        {"photo_id": maybe(count), "path": text, "truth": text, "answer": text, "probability": number,
         "truth_probability": number},
    ],
    "per_label": [{"label": text, "right": count, "total": count, "low": number, "high": number}],
    "baseline": maybe({"label": text, "right": count}),
}  # fmt: skip
"""``exam.json`` and ``practice.json``"""

EVALUATION_KEYS = ("kind", "labels", "items", "stamp")

PASS: Shape = {
    "epoch": number, "best": flag,
    **dict.fromkeys(("loss", "accuracy", "practice_loss", "practice_accuracy", "learning_rate", "seconds"),
                    maybe(measure)),
}  # fmt: skip
"""A line of ``history.jsonl``; a loss may be infinite."""

POINT: Shape = {
    "step": number,
    **dict.fromkeys(("position", "loss", "accuracy", "images_per_second"),
                    maybe(measure)),
}  # fmt: skip
"""A line of ``batches.jsonl``."""


def read(path: Path, most: int = guard.SMALL, values: int = MOST_VALUES) -> Any:
    """Return what a JSON file says; above `guard.SMALL` bytes it may hold up to `values` values.

    Raises:
        OSError: there is no such file, it cannot be read, it is larger than `most` bytes, or it is no ordinary file.
        ProjectError: ``damaged``: it is no JSON, or of a size or depth that the program never writes.
    """
    data = guard.read_bytes(path, most)
    try:
        return parse(data, FEW_VALUES if most <= guard.SMALL else values)
    except ValueError as error:
        raise _damaged(path) from error


def parse(data: bytes, most: int = FEW_VALUES) -> Any:
    """Return what JSON of at most `most` values says.

    Raises:
        ValueError: it is no JSON in UTF-8, or of a size or depth that the program never writes.
    """
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > most:
        raise ValueError("too many values")
    try:
        found = json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level = [found] if isinstance(found, (dict, list)) else []
    for _ in range(DEEPEST):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in (dict, list)
        ]
        if not level:
            return found
    raise ValueError("nested too deeply")


def read_model(folder: Path) -> dict[str, Any]:
    """Return what the ``model.json`` in `folder` says.

    Raises:
        OSError: there is no such file, or as `read`.
        ProjectError: ``damaged``.
    """
    return read_shaped(folder / "model.json", MODEL)


def read_evaluation(path: Path, photographs: int, labels: int) -> dict[str, Any]:
    """Return what ``exam.json`` or ``practice.json`` says.

    It holds a few values for each photograph that was scored and for each pair of labels.  Far more than a project with
    so many photographs and labels can have is refused unread, since the window waits for it.

    Raises:
        OSError: there is no such file, or as `read`.
        ProjectError: ``damaged``.
    """
    values = min(SOME_VALUES, FEW_VALUES + 8 * photographs + 2 * labels * labels)
    return read_shaped(path, EVALUATION, EVALUATION_KEYS, MANY, values)


def _damaged(path: Path) -> ProjectError:
    return ProjectError("damaged:file", path=str(path))


def read_shaped(
    path: Path, shape: Shape, needed: tuple[str, ...] = (), most: int = guard.SMALL, values: int = MOST_VALUES
) -> dict[str, Any]:
    """Return the object in a JSON file, which has this shape and the `needed` keys.

    Raises:
        OSError: as `read`.
        ProjectError: ``damaged``, also for any other content.
    """
    found = read(path, most, values)
    if not fits(found, shape) or not isinstance(found, dict) or any(key not in found for key in needed):
        raise _damaged(path)
    return found

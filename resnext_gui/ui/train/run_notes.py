"""What a run's own notes say, in words: a line for a list, everything it did, and the command that does it again."""

from __future__ import annotations

import dataclasses
import json
import shlex
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QCoreApplication

from resnext_gui.messages import TrainSpec, UserError
from resnext_gui.project import Run
from resnext_gui.texts import restored
from resnext_gui.ui.common import words


def _tr(text: str) -> str:
    return QCoreApplication.translate("run_notes", text)


def _field_name(field: str) -> str:
    return {
        "weights": _tr("weights"),
        "minutes": _tr("time"),
        "epochs": _tr("epochs"),
        "size": _tr("image size"),
        "batch": _tr("photographs in a step"),
        "rate": _tr("learning rate"),
        "head": _tr("head"),
        "architecture": _tr("architecture"),
        "frozen_stages": _tr("frozen stages"),
        "augmentation": _tr("alteration"),
        "mirror": _tr("mirror images"),
        "precision": _tr("precision"),
        "device": _tr("device"),
        "seed": _tr("seed"),
        "class_weights": _tr("rare labels weigh more"),
    }.get(field, field)


def _value(field: str, value: Any) -> str:
    if value is None or value == "auto":
        return _tr("automatic")
    if isinstance(value, bool):
        return _tr("yes") if value else _tr("no")
    if field == "mirror":
        return _tr("yes") if value == "yes" else _tr("no")
    if field == "minutes":
        return words.duration(float(value) * 60)
    if field == "size":
        return _tr("{n} pixels").format(n=value)
    if field == "weights":
        return {"starter": _tr("built-in"), "none": _tr("none, random start")}.get(str(value), str(value))
    return str(value)


@dataclass(frozen=True, slots=True)
class RunNotes:
    """A run as a list shows it.

    Attributes:
        scores: practice accuracies of its epochs, 0..1.
        right: of `total` practice photographs, by its best state; None before the first.
        progress: 0..1.
        ended: Unix time of the last sign of life.
        usable: whether it left something that can answer.
        keepable: whether it was broken off and could be ended with the best that it has.
    """

    id: str
    name: str
    created: float
    ended: float
    status: str
    spec: dict[str, Any]
    progress: float
    right: int | None
    total: int
    scores: tuple[float, ...]
    usable: bool
    keepable: bool
    info: dict[str, Any]

    @property
    def title(self) -> str:
        """Its name, or when it began."""
        return self.name or words.when(self.created)


def read_run(run: Run) -> RunNotes | None:
    """Return what there is to know of a run; None where its notes cannot be read."""
    try:
        info = run.read()
        status = run.status
        history = run.history()
    except (UserError, OSError, ValueError):
        return None
    best = info.get("best") or {}
    if status in ("running", "paused"):  # passes are written down one by one, the best only with a checkpoint
        best = next((line for line in reversed(history) if line.get("best")), best)
    accuracy = best.get("practice_accuracy")
    # so many were scored; there may be more
    total = int(best.get("practice_total") or (info.get("split") or {}).get("practice") or 0)
    ended = info.get("ended")
    if not ended:
        try:
            ended = max(path.stat().st_mtime for path in run.folder.iterdir())
        except (OSError, ValueError):
            ended = info.get("created")
    scores = tuple(float(line["practice_accuracy"]) for line in history if line.get("practice_accuracy") is not None)
    return RunNotes(
        id=run.id,
        name=str(info.get("name") or ""),
        created=float(info.get("created") or 0.0),
        ended=float(ended or 0.0),
        status=status,
        spec=dict(info.get("spec") or {}),
        progress=float(info.get("progress") or 0.0),
        right=round(float(accuracy) * total) if accuracy is not None and total else None,
        total=total,
        scores=scores,
        usable=bool(info.get("best_model")),
        keepable=status in ("interrupted", "paused") and run.has_best,
        info=info,
    )


def differences(spec: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (setting, value here, value there) for every setting that differs."""
    defaults = {name: field.default for name, field in TrainSpec.__dataclass_fields__.items() if name != "name"}
    found = []
    for field, default in defaults.items():
        here, there = spec.get(field, default), other.get(field, default)
        if here != there:
            found.append((_field_name(field), _value(field, here), _value(field, there)))
    return found


def what_differs(spec: dict[str, Any], earlier: dict[str, Any] | None) -> str:
    """Return in a few words what is different from the run before."""
    if earlier is None:
        return _tr("the first run")
    changed = differences(spec, earlier)
    return ", ".join(f"{name} {here}" for name, here, _ in changed) if changed else _tr("same settings")


def status_line(notes: RunNotes) -> str:
    """Return how it stands: "finished", "Stopped Tuesday 23:14, 62 % done"."""
    percent = words.part_done(notes.progress)
    if notes.status in ("interrupted", "paused"):
        return _tr("Stopped {when}, {percent}").format(when=words.when(notes.ended, inside=True), percent=percent)
    return {
        "running": _tr("Running"),
        "stopped": _tr("Stopped, best kept") if notes.usable else _tr("Stopped"),
        "finished": _tr("Finished"),
        "failed": _tr("Failed, {percent}").format(percent=percent),
    }.get(notes.status, notes.status)


def everything(notes: RunNotes) -> str:
    """Return all the run's notes as readable text: result, settings, photographs, weights, versions."""
    info = notes.info
    lines = [notes.title, f"{_tr('Run')}: {notes.id}", f"{_tr('Began')}: {words.when(notes.created)}"]
    lines += [f"{_tr('Status')}: {status_line(notes)}"]
    if info.get("seconds_used"):
        lines.append(f"{_tr('Time used')}: {words.duration(float(info['seconds_used']))}")
    if notes.right is not None:
        lines.append(f"{_tr('Best in practice')}: {words.of(notes.right, notes.total)}")
    if info.get("error"):
        error = info["error"]
        lines.append(f"{_tr('Error')}: {_plain(error.get('message', ''))} ({error.get('code', '')})")
    mirror = info.get("mirror") or {}
    if mirror.get("tried"):
        lines += ["", _mirror_line(mirror)]
    lines += ["", _tr("Settings")]
    for field in TrainSpec.__dataclass_fields__:
        if field != "name":
            lines.append(f"  {_field_name(field)}: {_value(field, notes.spec.get(field))}")
    for title, key in (
        (_tr("What they came to"), "frozen"),
        (_tr("Device"), "device"),
        (_tr("Photographs"), "split"),
        (_tr("Labels"), "labels"),
        (_tr("Weights"), "weights"),
        (_tr("Best state"), "best"),
        (_tr("Result"), "result"),
        (_tr("Versions"), "versions"),
    ):
        value = info.get(key)
        if value not in (None, {}, [], ""):
            lines += ["", title]
            if isinstance(value, dict):
                lines += [f"  {name}: {_plain(item)}" for name, item in value.items() if item is not None]
            elif isinstance(value, list):
                lines.append("  " + ", ".join(_plain(item) for item in value))
            else:
                lines.append(f"  {value}")
    return "\n".join(lines)


def _mirror_line(mirror: dict[str, Any]) -> str:
    text = _tr("Mirror images: of {n} photographs {right} were recognised, and mirrored {mirrored}.").format(
        n=mirror["tried"], right=mirror.get("right"), mirrored=mirror.get("mirrored_right")
    )
    said = _tr("They were used.") if mirror.get("used") else _tr("Left and right matter here: they were not used.")
    return f"{text} {said}"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(restored(value)) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_command(spec: dict[str, Any], project_folder: str) -> str:
    """Return the command that begins the same run."""
    parts = ["resnext-gui", "train", "--project", project_folder, "--mode", "finetune"]
    defaults = TrainSpec()
    for field in dataclasses.fields(TrainSpec):
        value = spec.get(field.name)
        if field.name == "name" or value is None or value == getattr(defaults, field.name):
            continue
        if field.name == "class_weights":
            parts.append("--no-class-weights")
            continue
        if isinstance(value, float):
            value = f"{value:g}"
        parts += [f"--{field.name.replace('_', '-')}", str(value)]
    return shlex.join(parts)

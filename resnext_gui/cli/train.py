"""``resnext-gui train``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from resnext_gui import messages
from resnext_gui.cli.common import WarmUp, absolute, job_id, run_job, sources
from resnext_gui.cli.output import Output, percent
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import Source, TrainSpec, UserError
from resnext_gui.project import Project, new_project_folder
from resnext_gui.project.runs import Run

RESULT = (
    "kept",
    "practice_accuracy",
    "quick_practice_accuracy",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "exam",
    "seconds",
    "first_model_seconds",
    "images_per_second",
    "device",
    "precision",
)
"""What the last line of ``train --json`` holds besides ``"event": "finished"``."""

UNFINISHED = ("interrupted", "paused", "stopped", "failed")


def train(arguments: argparse.Namespace, out: Output, control: Control) -> int:
    """Learn from photographs; returns the exit status.

    Raises:
        UserError: bad input, or another program trains in this project.
        JobStopped: stopped before there was anything to keep.
    """
    given = sources(arguments.photos)
    if not given and arguments.project is None:
        raise UserError("usage", "No photographs were named.", "Name a folder with one sub-folder a label.")
    _check_weights(arguments.weights)
    folder = _project_folder(arguments.project, given)
    with Project.open_or_create(folder) as project:
        out.line({"event": "project", "path": os.fspath(project.folder)})
        fine = arguments.mode == "finetune"
        if fine:
            _refuse_busy(project)
        run = _run_to_resume(project) if fine and (arguments.resume or arguments.finish) else None
        if arguments.finish and (run is None or run.status == "finished"):
            raise UserError("no_run", "There is no unfinished run in this project.", "Start one, without --finish.")
        if run is not None and run.status == "finished":
            return _tell(_stored_result(run), project, out)
        with WarmUp(arguments.device) as warm_up:
            if run is None:
                _add_photographs(project, given, out, control)
            warm_up.wait()
            if not fine:
                return _tell(_quick(arguments, project, out, control), project, out)
            run_id = run.id if run is not None else None
            command = messages.Train(
                job_id(), os.fspath(project.folder), _spec(arguments), run_id, finish=arguments.finish
            )
            status = _tell(run_job(command, out, control), project, out)
            return 0 if arguments.finish else status  # stopped, but that is what was asked for


# --------------------------------------------------------------------------------------------------------------------


def _check_weights(name: str | None) -> None:
    """Refuse weights that cannot be had before hours are spent on looking at photographs."""
    if name is not None and name not in ("starter", "none"):
        from resnext_gui.engine.weights.load import resolve_weights

        resolve_weights(name)


def _project_folder(given: str | None, photographs: tuple[Source, ...]) -> Path:
    """Return the folder asked for; else the one made from the same photographs before; else a new one."""
    if given is not None:
        return Path(absolute(given))
    first = Path(photographs[0].path)
    name = first.name if first.is_dir() else first.stem
    fresh = new_project_folder(name)
    if fresh.parent.is_dir():
        for folder in sorted(fresh.parent.iterdir()):
            if (folder / "project.db").is_file() and _has_sources(folder, photographs):
                return folder
    return fresh


def _has_sources(folder: Path, photographs: tuple[Source, ...]) -> bool:
    try:
        with Project.open(folder) as project:
            return {source.path for source in project.sources()} == {source.path for source in photographs}
    except UserError:
        return False  # of a newer version, or damaged: not the one we look for


def _refuse_busy(project: Project) -> None:
    for run in project.runs():
        if run.busy:
            raise UserError(
                "run_busy",
                f"Another program is training in the project '{project.folder}' now.",
                "Wait until it has finished, or stop it there.",
            )


def _run_to_resume(project: Project) -> Run | None:
    """Return the newest run where it can be continued or its result told again."""
    for run in project.runs():
        if run.status in (*UNFINISHED, "finished"):
            return run
    return None


def _add_photographs(project: Project, given: tuple[Source, ...], out: Output, control: Control) -> None:
    """Add what is new in `given`, and note what has gone since last time."""
    if project.photo_count():
        run_job(messages.Reconcile(job_id(), os.fspath(project.folder)), out, control)
    if given:
        receipt = run_job(messages.Scan(job_id(), os.fspath(project.folder), given), out, control)
        _show_receipt(receipt, out)
    if not project.photo_count():
        raise UserError(
            "no_photographs",
            "No photographs were found" + (f" in '{given[0].path}'." if given else "."),
            "Name a folder with one sub-folder a label; JPEG, PNG and other common pictures are read.",
        )


def _show_receipt(receipt: dict[str, Any], out: Output) -> None:
    for path, message in receipt.get("unreadable", ()):
        if out.json:
            out.line({"event": "refused", "path": path, "code": "unreadable", "message": message, "hint": ""})
        else:
            out.note(f"Passed over: {message}")
    for warning in receipt.get("warnings", ()):
        out.note(warning)
    new, known = receipt.get("photographs", 0), receipt.get("duplicates", 0)
    text = f"{new:,} new photographs of {len(receipt.get('labels', ()))} labels" if new else "No new photographs"
    out.note(f"{text} ({known:,} were known)." if known else f"{text}.")


def _spec(arguments: argparse.Namespace) -> TrainSpec:
    return TrainSpec(
        mode=arguments.mode,
        weights=_weights(arguments),
        minutes=arguments.minutes,
        epochs=arguments.epochs,
        size=arguments.size,
        device=arguments.device,
        seed=arguments.seed,
        architecture=arguments.architecture,
        head=arguments.head,
        batch=arguments.batch,
        rate=arguments.rate,
        frozen_stages=arguments.frozen_stages,
        augmentation=arguments.augmentation,
        mirror=arguments.mirror,
        precision=arguments.precision,
        class_weights=arguments.class_weights,
    )


def _weights(arguments: argparse.Namespace) -> str | None:
    name: str | None = arguments.weights
    if name is not None and Path(absolute(name)).is_file():
        return absolute(name)  # the project may be used from another folder later
    return name


def _quick(arguments: argparse.Namespace, project: Project, out: Output, control: Control) -> dict[str, Any]:
    """Make the quick model, and score it in the exam where there is one."""
    made = run_job(
        messages.MakeQuick(
            job_id(),
            os.fspath(project.folder),
            weights=_weights(arguments),
            size=arguments.size,
            device=arguments.device,
            precision=arguments.precision,
            seed=arguments.seed,
            class_weights=arguments.class_weights,
        ),
        out,
        control,
    )
    result: dict[str, Any] = {
        **made,
        "kept": "quick",
        "practice_accuracy": made.get("accuracy"),
        "quick_practice_accuracy": made.get("accuracy"),
        "accuracy": None,
        "accuracy_low": None,
        "accuracy_high": None,
        "exam": 0,
        "right": 0,
    }
    if project.items("exam"):
        exam = run_job(messages.Evaluate(job_id(), os.fspath(project.folder), "quick", "exam"), out, control)
        right, total = exam["right"], exam["total"]
        if total:
            result.update(
                accuracy=right / total, accuracy_low=exam["low"], accuracy_high=exam["high"], exam=total, right=right
            )
    return result


def _stored_result(run: Run) -> dict[str, Any]:
    body = run.read()
    result = body.get("result")
    if not isinstance(result, dict):
        raise UserError("no_result", f"The run '{run.name}' has left no result.", "Start a new run, without --resume.")
    return result


def _tell(result: dict[str, Any], project: Project, out: Output) -> int:
    """Print the result; returns the exit status."""
    if out.json:
        out.line({"event": "finished", **{name: result.get(name) for name in RESULT}})
    else:
        for line in _in_words(result):
            out.say(line)
        out.say(f"Project: {project.folder}")
    return 130 if result.get("status") == "stopped" else 0


def _in_words(result: dict[str, Any]) -> list[str]:
    what = "The fine-tuned ResNeXt" if result.get("kept") == "finetune" else "The quick model"
    practice = percent(result.get("practice_accuracy"))
    lines = []
    mirror = result.get("mirror") or {}
    if mirror.get("used") is False:
        counts = f"{mirror['right']} of {mirror['tried']} recognised, mirrored {mirror['mirrored_right']}"
        lines.append(f"Left and right matter here ({counts}): mirror images were not used.")
    total = result.get("exam")
    if not total:
        return [*lines, f"{what} answers: {practice} right in practice. There are too few photographs for an exam."]
    right = result.get("right", round(result["accuracy"] * total))
    low, high = (round(100 * result[key]) for key in ("accuracy_low", "accuracy_high"))
    return [
        *lines,
        f"{what} answers: {right} of {total} right in the exam, {practice} in practice.",
        f"For new photographs taken the same way expect {low} to {high} in 100.",
    ]

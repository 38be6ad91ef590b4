"""``resnext-gui train``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from resnext_gui import messages
from resnext_gui.cli.common import WarmUp, absolute, job_id, run_job, show_labels, sources, tell_odd
from resnext_gui.cli.output import Output, percent
from resnext_gui.engine.ingest.walk import not_reachable
from resnext_gui.engine.worker.control import Control
from resnext_gui.figures import expectation, interval, worn
from resnext_gui.messages import Source, TrainSpec, UserError
from resnext_gui.project import Project, new_project_folder, project_folder
from resnext_gui.project.project import refuse_photographs
from resnext_gui.project.runs import Run
from resnext_gui.texts import some

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
    given = _sources(arguments)
    if not given and arguments.project is None:
        raise UserError("usage:no_photographs")
    _check_weights(arguments.weights)
    folder = project_folder(_project_folder(arguments.project, given))
    if not os.path.lexists(folder / "project.db"):
        refuse_photographs(folder, [source.path for source in given])
    with Project.open_or_create(folder) as project:
        out.line({"event": "project", "path": os.fspath(project.folder)})
        tell_odd(project, out)
        fine = arguments.mode == "finetune"
        if fine:
            _refuse_busy(project)
        run = _run_to_resume(project) if fine and (arguments.resume or arguments.finish) else None
        if arguments.finish and (run is None or run.status == "finished"):
            raise UserError("no_run:unfinished")
        if run is not None and run.status == "finished":
            return _tell(_stored_result(run), project, out)
        if arguments.labels is not None and (run is not None or not given):
            # Nothing is read anew, so the labels must be those that the project has.
            known = {source.path: source.rule for source in project.sources()}
            for path in known:
                _as_before(Source(path, arguments.labels), known, arguments.labels, project, control)
        with WarmUp(arguments.device) as warm_up:
            if run is None:
                _add_photographs(project, given, arguments.labels, out, control)
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


def _sources(arguments: argparse.Namespace) -> tuple[Source, ...]:
    """Return the photographs that were named; of a folder that the project knows only the drive can be missing."""
    try:
        return sources(arguments.photos, arguments.labels)
    except UserError as error:
        folder = arguments.project and Path(absolute(arguments.project))
        if error.code == "missing" and folder and (folder / "project.db").is_file():
            with Project.open(folder) as project:
                known = {source.path for source in project.sources()}
            for path in map(absolute, arguments.photos):
                if path in known and not os.path.lexists(path):
                    raise not_reachable(path) from error
        raise


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
    """Refuse before anything is looked at; the training itself takes the lock."""
    if project.being_trained:
        with project.training():
            return


def _run_to_resume(project: Project) -> Run | None:
    """Return the newest run where it can be continued or its result told again."""
    for run in project.runs():
        if run.status in (*UNFINISHED, "finished"):
            return run
    return None


def _add_photographs(
    project: Project, given: tuple[Source, ...], labels: str | None, out: Output, control: Control
) -> None:
    """Add what is new in `given`, note what has gone since last time, and say which labels there are."""
    known = {source.path: source.rule for source in project.sources()} if project.photo_count() else {}
    given = tuple(_as_before(source, known, labels, project, control) for source in given)
    if project.present_paths() or project.counts()["gone"]:
        found = run_job(messages.Reconcile(job_id(), os.fspath(project.folder)), out, control)
        for place in found["unreachable"]:
            out.note(f"'{place}' is not reachable. Its photographs stay in the project.")
        _show_followed({**found, "disagree": 0} if given else found, out)
        if found["gone"]:
            out.note(f"{some(found['gone'])} {'is' if found['gone'] == 1 else 'are'} gone.")
    rule = None
    if given:
        ask = labels is None and any(source.path not in known for source in given)
        receipt = run_job(messages.Scan(job_id(), os.fspath(project.folder), given, ask), out, control)
        _show_receipt(receipt, out)
        rule = receipt.get("auto")
    if not project.photo_count():
        if not given:
            raise UserError("no_photographs:found")
        raise UserError("no_photographs:path", path=given[0].path)
    counts = {label.name: label.count for label in project.labels() if label.count and not label.excluded}
    show_labels(counts, project.unlabelled_count(), rule, out)


def _as_before(source: Source, known: dict[str, str], labels: str | None, project: Project, control: Control) -> Source:
    """Return `source` with the rule by which the project read its labels before.

    Raises:
        UserError: ``other_labels``: `labels` is another rule, and photographs have their labels already.
    """
    rule = known.get(source.path)
    if rule is None:
        return source
    if labels is None:
        return Source(source.path, rule, source.label)
    if rule == "auto" or (rule == "csv" and labels != "none"):
        from resnext_gui.engine.ingest.gather import gather

        found = gather([Source(source.path, rule)], lambda _count: control.check())
        rule = found.used
    if rule == labels:
        return source
    from resnext_gui.engine.ingest.findings import rule_words

    values = {
        "project": str(project.folder),
        "path": source.path,
        "rule": rule_words(rule),
        "asked": rule_words(labels),
    }
    raise UserError("other_labels", **values)


def _show_followed(receipt: dict[str, Any], out: Output) -> None:
    """Say what became of photographs that the project knew already."""
    for key, one, many in (
        ("back", "1 photograph is back", "{n:,} photographs are back"),
        ("moved", "1 photograph was found in another place", "{n:,} photographs were found in other places"),
        ("labelled", "1 photograph has a label now", "{n:,} photographs have a label now"),
        (
            "relabelled",
            "1 photograph has another label now, as on the disk",
            "{n:,} photographs have another label now, as on the disk",
        ),
        (
            "disagree",
            "1 photograph keeps the label that was given by hand, though the disk says another",
            "{n:,} photographs keep the labels that were given by hand, though the disk says others",
        ),
    ):
        count = int(receipt.get(key) or 0)
        if count:
            out.note((one if count == 1 else many.format(n=count)) + ".")


def _show_receipt(receipt: dict[str, Any], out: Output) -> None:
    for path, message in receipt.get("unreadable", ()):
        if out.json:
            out.line({"event": "refused", "path": path, "code": "unreadable", "message": message, "hint": ""})
        else:
            out.note(f"Passed over: {message}")
    for found in receipt.get("findings", ()):
        if out.json:
            out.line({"event": "finding", **found})
        else:
            out.note(f"{found['message']} {found.get('hint', '')}".rstrip())
    _show_followed(receipt, out)
    new, known = receipt.get("photographs", 0), receipt.get("duplicates", 0)
    text = f"{new:,} new photographs of {len(receipt.get('labels', ()))} labels" if new else "No new photographs"
    out.note(f"{text} ({known:,} were known)." if known else f"{text}.")


def _spec(arguments: argparse.Namespace) -> TrainSpec:
    return TrainSpec(
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
        try:
            exam = run_job(messages.Evaluate(job_id(), os.fspath(project.folder), "quick", "exam"), out, control)
        except UserError as error:
            if error.code != "no_exam":
                raise
            return result
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
        raise UserError("no_result", run=run.name)
    return result


def _tell(result: dict[str, Any], project: Project, out: Output) -> int:
    """Print the result; returns the exit status."""
    if result.get("exam"):  # what an older version stored may be another kind of interval
        low, high = interval(_right(result), result["exam"])
        result = {**result, "accuracy_low": low, "accuracy_high": high}
    if out.json:
        out.line({"event": "finished", **{name: result.get(name) for name in RESULT}})
    else:
        for line in _in_words(result, project):
            out.say(line)
        out.say(f"Project: {project.folder}")
    return 130 if result.get("status") == "stopped" else 0


def _right(result: dict[str, Any]) -> int:
    return int(result.get("right", round(result["accuracy"] * result["exam"])))


def _in_words(result: dict[str, Any], project: Project) -> list[str]:
    what = "The fine-tuned ResNeXt" if result.get("kept") == "finetune" else "The quick model"
    model = result.get("run") if result.get("kept") == "finetune" else "quick"
    what += " answers" if project.current_model in (None, model) else ", while another model goes on answering"
    practice = percent(result.get("practice_accuracy"))
    lines = []
    mirror = result.get("mirror") or {}
    if mirror.get("used") is False:
        counts = f"{mirror['right']} of {mirror['tried']} recognised, mirrored {mirror['mirrored_right']}"
        lines.append(f"Left and right matter here ({counts}): mirror images were not used.")
    total = result.get("exam")
    if not total:
        why = "The exam was not scored." if project.items("exam") else "There are too few photographs for an exam."
        return [*lines, f"{what}: {practice} right in practice. {why}"]
    right = _right(result)
    lines += [
        f"{what}: {right} of {total} right in the exam, {practice} in practice.",
        expectation(right, total),
        worn(project.exam_uses()),
    ]
    return [line for line in lines if line]

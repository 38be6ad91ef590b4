"""``resnext-gui demo``: everything once, on sample photographs, with a report at the end."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from resnext_gui import messages
from resnext_gui.cli.common import WarmUp, absolute, in_words, job_id, run_job
from resnext_gui.cli.output import Output
from resnext_gui.engine.worker.clock import process_seconds
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import Answer, BatchPoint, DeviceChosen, EpochLine, Event, Source, TrainSpec, UserError
from resnext_gui.project import Project, is_project, projects_home

PER_LABEL = 40
NEW_PER_LABEL = 3
MINUTES = 2.0
"""Of fine-tuning: enough to see the curves move, and the whole stays under five minutes on two cores."""

WRITTEN = (
    "project", "photographs", "new pictures", "pictures", "report.html", "accuracy.png", "loss.png", "confusion.png",
)  # fmt: skip
"""What a demonstration leaves in its folder."""


def demo(arguments: argparse.Namespace, out: Output, control: Control) -> int:
    """Render samples, learn in both stages, classify new pictures, write a report; returns the exit status.

    Raises:
        UserError: the folder cannot be written to.
        JobStopped: the person asked for it.
    """
    folder = Path(absolute(arguments.out)) if arguments.out else projects_home() / "Demo"
    with in_words("folder_not_made"):
        folder.mkdir(parents=True, exist_ok=True)
    _keep_what_is_there(folder)
    from resnext_gui.report import Findings, write_report  # after the folder: bad input should be told at once

    findings = Findings()

    def watch(event: Event) -> None:
        if isinstance(event, EpochLine):
            # A pass that is reported in parts ends where its last step was.
            place = findings.batches[-1].position if findings.batches else float(event.epoch)
            findings.epochs.append((place, event))
        elif isinstance(event, BatchPoint):
            findings.batches.append(event)
        elif isinstance(event, DeviceChosen):
            findings.device = event
        out.emit(event)

    with WarmUp("auto") as warm_up, Project.open_or_create(folder / "project") as project:
        project.set_setting("demonstration", True)
        place = os.fspath(project.folder)
        learn, new = folder / "photographs", folder / "new pictures"
        out.note("1 of 5: rendering sample photographs")
        rendered = run_job(messages.RenderSamples(job_id(), os.fspath(learn), PER_LABEL, seed=0), out, control)
        run_job(messages.RenderSamples(job_id(), os.fspath(new), NEW_PER_LABEL, seed=1_000_003), out, control)
        receipt = run_job(messages.Scan(job_id(), place, (Source(os.fspath(learn)),)), out, control)
        findings.labels = list(rendered["labels"])
        findings.photographs = receipt["photographs"] or project.photo_count()
        warm_up.wait()
        out.note("2 of 5: the quick model")
        findings.quick = run_job(messages.MakeQuick(job_id(), place), out, control, watch)
        out.note("3 of 5: fine-tuning")
        spec = TrainSpec(minutes=MINUTES)
        findings.result = run_job(messages.Train(job_id(), place, spec), out, control, watch)
        out.note("4 of 5: classifying new pictures")
        _classify(new, place, findings.answers, out, control)
        out.note("5 of 5: the report")
        model = project.current_model
        if findings.result.get("exam") and model is not None:
            findings.exam = run_job(messages.Evaluate(job_id(), place, model, "exam"), out, control)
    findings.seconds = process_seconds()
    with in_words("report_not_written"):
        page = write_report(folder, findings)
    right = sum(answer.label == truth for truth, answer in findings.answers)
    out.line(
        {
            "event": "finished",
            "report": os.fspath(page),
            "curves": [os.fspath(folder / name) for name in ("accuracy.png", "loss.png")],
            "right": right,
            "classified": len(findings.answers),
            "seconds": round(findings.seconds, 1),
        }
    )
    out.say(f"{right} of {len(findings.answers)} new pictures right, {findings.seconds:.0f} seconds in all.")
    out.say(f"Report: {page}")
    return 0


def _keep_what_is_there(folder: Path) -> None:
    """Refuse a folder that holds somebody's files under the names that are written here; an earlier demo is replaced.

    A demonstration knows its own by a mark in its project.

    Raises:
        UserError: ``file_exists``.
    """
    if is_project(folder / "project"):
        with Project.open(folder / "project") as project:
            if project.setting("demonstration"):
                return
    for name in WRITTEN:
        if (folder / name).exists():
            raise UserError("file_exists:demo", path=str(folder), name=name)


def _classify(new: Path, place: str, answers: list[tuple[str, Answer]], out: Output, control: Control) -> None:
    """Ask about the new pictures; the name of each one's folder is the truth."""
    paths = tuple(os.fspath(path) for path in sorted(new.rglob("*")) if path.is_file())

    def collect(event: Event) -> None:
        if isinstance(event, Answer):
            answers.append((Path(event.path).parent.name, event))
        else:
            out.emit(event)

    run_job(messages.Classify(job_id(), place, paths), out, control, collect)

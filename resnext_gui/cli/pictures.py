"""``resnext-gui classify`` and ``resnext-gui check``."""

from __future__ import annotations

import argparse
import codecs
import os
from collections.abc import Iterable, Iterator

from resnext_gui import csvfile, messages
from resnext_gui.cli.common import LABELS_SHOWN, absolute, in_words, job_id, open_project, run_job, sources
from resnext_gui.cli.output import Output, percent
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import Answer, Event, Refused, UserError

PORTION = 256
"""Pictures in one request: answers come as a long folder is still being walked."""

STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2")
"""Names of our own streams, which libraries print to as well."""

COLUMNS = ("path", "label", "probability")
"""What every table begins with."""


def classify(arguments: argparse.Namespace, out: Output, control: Control) -> int:
    """Say what pictures show; returns 0 if any picture was answered, else 2.

    Raises:
        UserError: there is no such project, it has no model yet, no picture, or the table cannot be written.
        JobStopped: the person asked for it.
    """
    with open_project(arguments.project) as project:
        folder = os.fspath(project.folder)
        if project.current_model is None:
            raise UserError("no_model:project", path=folder)
    out.pass_events_on = False
    table = _Table(arguments.csv, arguments.top) if arguments.csv else None
    answered = refused = 0

    def emit(event: Event) -> None:
        nonlocal answered, refused
        if isinstance(event, Answer):
            answered += 1
            _show_answer(event, out)
        elif isinstance(event, Refused):
            refused += 1
            _show_refusal(event, out)
        else:
            out.emit(event)
            return
        if table is not None:
            table.add(event)

    try:
        for portion in _portions(_pictures(arguments.paths, JobContext("", emit, control)), PORTION):
            command = messages.Classify(job_id(), folder, tuple(portion), top=arguments.top)
            run_job(command, out, control, emit)
    finally:
        if table is not None:
            table.close()
    if not answered and not refused:
        if len(arguments.paths) > 1:
            raise UserError("no_pictures")
        raise UserError("no_pictures:path", path=arguments.paths[0])
    if not answered:
        out.note("resnext-gui: none of these could be read as a picture.")
    return 0 if answered else 2


def _show_answer(answer: Answer, out: Output) -> None:
    top = [[label, probability] for label, probability in answer.top]
    out.line({"path": answer.path, "label": answer.label, "probability": answer.probability, "top": top})
    others = ", ".join(f"{label} {percent(probability)}" for label, probability in answer.top[1:])
    out.say(f"{answer.path}: {answer.label} {percent(answer.probability)}" + (f"  ({others})" if others else ""))


def _show_refusal(refused: Refused, out: Output) -> None:
    out.line({"path": refused.path, "error": refused.code, "message": refused.message})
    if not out.json:
        out.note(f"{refused.path}: {refused.message}")


def _may_be_replaced(path: str) -> bool:
    """Tell whether nothing is lost when a table is written to `path`: only an older one may be there."""
    if not os.path.isfile(path) or not os.path.getsize(path):  # noqa: PTH113, PTH202
        return True  # nothing, or a device; a folder is refused when it is opened
    with open(path, "rb") as file:  # noqa: PTH123
        return file.readline(1000).removeprefix(codecs.BOM_UTF8).startswith(",".join(COLUMNS).encode())


class _Table:
    """The CSV file: one row a picture, written as answers come."""

    def __init__(self, path: str, top: int) -> None:
        path = absolute(path)
        if path in STREAMS:
            raise UserError("usage:table", path=path)
        with in_words("table_not_written"):
            if not _may_be_replaced(path):
                raise UserError("file_exists:table", path=path)
        with in_words("table_not_written"):
            self._file = csvfile.create(path)
        self._table = csvfile.Table(self._file)
        self._top = top
        further = [name for place in range(2, top + 1) for name in (f"label_{place}", f"probability_{place}")]
        self._row([*COLUMNS, *further, "error", "message"])

    def add(self, event: Answer | Refused) -> None:
        """Write a row."""
        if isinstance(event, Refused):
            self._row([event.path, *[""] * (2 * self._top), event.code, event.message])
            return
        cells = [cell for label, probability in event.top[: self._top] for cell in (label, f"{probability:.6f}")]
        self._row([event.path, *cells, *[""] * (2 * self._top - len(cells)), "", ""])

    def close(self) -> None:
        """Finish the file."""
        with in_words("table_not_written"):
            self._file.close()

    def _row(self, cells: list[str]) -> None:
        with in_words("table_not_written"):
            self._table.row(cells)


def _portions(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Cut `items` into lists: the first ones short, so that the first answer comes soon."""
    portion: list[str] = []
    limit = 16
    for item in items:
        portion.append(item)
        if len(portion) >= limit:
            yield portion
            portion, limit = [], size
    if portion:
        yield portion


def _pictures(paths: Iterable[str], job: JobContext) -> Iterator[str]:
    """Yield the files that are named and those in folders that are named, each once."""
    seen: set[str] = set()
    for path in map(absolute, paths):
        if not os.path.isdir(path):  # noqa: PTH112
            found: Iterable[str] = (path,)
        else:
            found = _walk(path, job)
        for file in found:
            if file not in seen:
                seen.add(file)
                yield file


def _walk(top: str, job: JobContext) -> list[str]:
    """Return what could be a picture below the folder `top`, and say which folders could not be looked into."""
    from resnext_gui.engine.ingest.walk import list_folder

    def tick(found: int) -> None:
        job.check()
        job.progress("listing", found, 0, "Looking for pictures")

    listing = list_folder(top, tick)
    for folder, message in listing.troubles:
        job.emit(Refused(job.job_id, folder, "unreadable:plain", {"message": message}))
    return [file.path for file in listing.files]


# --------------------------------------------------------------------------------------------------------------------


def check(arguments: argparse.Namespace, out: Output, control: Control) -> int:
    """Look through photographs and report findings; returns 0, with findings too.

    Raises:
        UserError: there is nothing to look at.
        JobStopped: the person asked for it.
    """
    from resnext_gui.engine.ingest.check import check_photographs
    from resnext_gui.engine.ingest.findings import NOTES, labels_in_words, rule_words, sentence

    out.pass_events_on = False
    *findings, last = check_photographs(
        sources(arguments.photos, arguments.labels), JobContext("check", out.emit, control)
    )
    for finding in findings:
        out.line(finding)
        out.say(f"- {sentence(finding)}")
        if len(finding["paths"]) > 1:  # the message names a single one itself
            for path in finding["paths"][:10]:
                out.say(f"    {path}")
        if len(finding["paths"]) > 10:
            out.say(f"    and {len(finding['paths']) - 10:,} more")
    out.line(last)
    if all(finding["finding"] in NOTES for finding in findings):
        out.say("Nothing was found that could disturb learning.")
    summary = last["summary"]
    out.say(
        f"{summary['photographs']:,} photographs of {len(summary['labels'])} labels can be read, "
        f"{summary['unreadable']:,} cannot. {summary['unlabelled']:,} have no label."
    )
    if summary["labels"]:
        out.say(f"Labels from {rule_words(summary['used'])}: {labels_in_words(summary['labels'], LABELS_SHOWN)}.")
    return 0

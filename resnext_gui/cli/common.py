"""What several sub-commands need: running a job, finding a project, naming sources, waking the engine early."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from resnext_gui.cli.output import Output
from resnext_gui.engine.worker.context import Emit, JobContext
from resnext_gui.engine.worker.control import Control
from resnext_gui.engine.worker.jobs import find_job
from resnext_gui.messages import Source, UserError
from resnext_gui.project import Project
from resnext_gui.texts import text

LABELS_SHOWN = 50
"""So many labels are listed one by one."""


def job_id() -> str:
    """Return a name for a job that no other has."""
    return uuid.uuid4().hex


def run_job(command: Any, out: Output, control: Control, emit: Emit | None = None) -> dict[str, Any]:
    """Run the engine's function for `command` here and now, and return its result.

    Raises:
        UserError: expected trouble.
        JobStopped: the person asked for it.
    """
    control.check()
    return find_job(command)(command, JobContext(command.job_id, emit or out.emit, control))


def absolute(path: str) -> str:
    """Return `path` from the file system's root, without following links: people should recognise it.

    Raises:
        UserError: ``no_folder``: it begins at the folder that one is in, and that was deleted.
    """
    try:
        return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111
    except FileNotFoundError:
        raise UserError("no_folder", path=path) from None


def sources(paths: Sequence[str], labels: str | None = None) -> tuple[Source, ...]:
    """Return what is named on the command line as sources, whose labels are read by the rule `labels`.

    Raises:
        UserError: ``missing``: one of them does not exist; ``bad_rule``: a table has no folder levels.
    """
    found = []
    for path in map(absolute, paths):
        if not os.path.lexists(path):
            raise UserError("missing:source", path=path)
        is_table = path.lower().endswith((".csv", ".tsv")) and Path(path).is_file()
        if is_table and labels in ("first", "last"):
            raise UserError("bad_rule:table", path=path)
        found.append(Source(path, labels or ("csv" if is_table else "auto")))
    return tuple(found)


def show_labels(labels: Mapping[str, int], unlabelled: int, rule: str | None, out: Output) -> None:
    """Say which labels there are, with their photographs and where they were read from, before or without learning."""
    from resnext_gui.engine.ingest.findings import rule_words

    out.line({"event": "labels", "labels": dict(labels), "unlabelled": unlabelled, "rule": rule})
    if out.json:
        return
    where = f", read from {rule_words(rule)}" if rule not in (None, "none") else ""
    out.note(f"Labels{where}:" if labels else "There are no labels.")
    width = max((len(name) for name in labels), default=0)
    for number, (name, count) in enumerate(labels.items()):
        if number == LABELS_SHOWN:
            out.note(f"  and {len(labels) - LABELS_SHOWN:,} more labels")
            break
        out.note(f"  {name.ljust(min(width, 40))}  {count:,}")
    if unlabelled:
        out.note(f"  ({unlabelled:,} without a label)")


def open_project(path: str) -> Project:
    """Open an existing project.

    Raises:
        UserError: there is none, or it cannot be opened.
    """
    return Project.open(absolute(path))


def tell_odd(project: Project, out: Output) -> None:
    """Say what in the project's folder is left alone: links, and runs whose notes are damaged."""
    for odd in project.damaged():
        out.note(f"{odd.message} {odd.hint}")


class WarmUp:
    """Imports Keras on a thread while the command line does something else, such as looking at photographs."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)

    def __enter__(self) -> WarmUp:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:  # else something is to be told, and the import is of no use any more
            self.wait()

    def wait(self) -> None:
        """Wait until Keras is there.  Trouble is not told here: the job meets it again and puts it into words."""
        self._thread.join()

    def _run(self) -> None:
        from resnext_gui.engine.device import backend

        try:
            backend.setup(self._device)
        except Exception:
            logging.getLogger(__name__).debug("warming up failed", exc_info=True)


@contextlib.contextmanager
def in_words(what: str) -> Iterator[None]:
    """Turn an `OSError` into a sentence that begins with the text `what`, such as "The table could not be written".

    Raises:
        UserError: ``not_written``.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if not error.filename:
            raise UserError("not_written", what=text(what), reason=reason) from error
        raise UserError("not_written:path", what=text(what), path=str(error.filename), reason=reason) from error

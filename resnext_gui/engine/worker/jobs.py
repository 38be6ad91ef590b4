"""Which function does which job, and what to say when one fails.  Standard library only at import.

The child process and the command line run the very same functions: ``mine_job(command, job) -> result``.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

from resnext_gui import messages
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import Failed, JobStopped, UserError

Job = Callable[[Any, JobContext], dict[str, Any]]

JOBS: dict[type[Any], str] = {
    messages.Scan: "resnext_gui.engine.ingest.scan:scan_job",
    messages.Preview: "resnext_gui.engine.ingest.scan:preview_job",
    messages.Reconcile: "resnext_gui.engine.ingest.reconcile:reconcile_job",
    messages.Thumbnails: "resnext_gui.engine.ingest.thumbnails:thumbnails_job",
    messages.RenderSamples: "resnext_gui.samples:samples_job",
    messages.MakeQuick: "resnext_gui.engine.models.quick:quick_job",
    messages.Train: "resnext_gui.engine.training.run:train_job",
    messages.Evaluate: "resnext_gui.engine.models.evaluation:evaluate_job",
    messages.Classify: "resnext_gui.engine.models.classifier:classify_job",
    messages.ModelView: "resnext_gui.engine.models.classifier:model_view_job",
    messages.Describe: "resnext_gui.engine.device.backend:describe_job",
    messages.Weights: "resnext_gui.engine.weights.commands:weights_job",
}
"""Job command -> "module:function".  Imported on first use, since most of them bring Keras along."""


def find_job(command: object) -> Job:
    """Return the function that serves `command`.

    Raises:
        KeyError: it is no job command.
    """
    module, _, name = JOBS[type(command)].partition(":")
    job: Job = getattr(import_module(module), name)
    return job


_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NO_ENTRY = {errno.EROFS, errno.EACCES, errno.EPERM}
_NOT_USABLE = {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.ENXIO}
_SQLITE_READ_ONLY, _SQLITE_FULL = 8, 13
_OUT_OF_MEMORY = {"ResourceExhaustedError", "OutOfMemoryError", "XlaRuntimeError"}


def as_user_error(error: BaseException) -> UserError | None:
    """Return `error` in words a person can act on, or None where it is a fault of ours.

    Disk, memory and permission are nobody's fault, so they are told apart by type and number, never by their text.
    """
    if isinstance(error, UserError):
        return error
    number = error.errno if isinstance(error, OSError) else None
    sqlite = getattr(error, "sqlite_errorcode", None)
    sqlite = sqlite & 0xFF if isinstance(sqlite, int) else None
    if isinstance(error, MemoryError) or type(error).__name__ in _OUT_OF_MEMORY:
        return UserError("memory_full")
    if number in _DISK_FULL or sqlite == _SQLITE_FULL:
        return _at("disk_full", error)
    if number in _NO_ENTRY or sqlite == _SQLITE_READ_ONLY:
        return _at("read_only", error)
    if number in _NOT_USABLE:
        return _at("not_usable", error, reason=os.strerror(number or 0))
    return None


def _at(code: str, error: BaseException, **values: str) -> UserError:
    """Return the error `code` of `texts.ERRORS`, or its like that names a file where `error` does."""
    path = getattr(error, "filename", None)
    return UserError(f"{code}:path", path=str(path), **values) if path else UserError(code, **values)


def failure(job_id: str, error: BaseException) -> Failed:
    """Return the terminal event of a job that ended with `error`."""
    if isinstance(error, JobStopped):
        return Failed(job_id, "stopped")
    expected = as_user_error(error)
    if expected is not None:
        details = "" if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        return Failed(job_id, expected.error, expected.values, details)
    return Failed(job_id, "fault", {"kind": type(error).__name__}, "".join(traceback.format_exception(error)))

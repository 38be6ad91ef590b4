"""Jobs that a test can watch and steer, in place of the engine's; and the child process that serves them."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

from resnext_gui.engine.worker import jobs, server
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import (
    Answer,
    BatchPoint,
    Classify,
    MakeQuick,
    ModelView,
    Scan,
    ThumbnailReady,
    Thumbnails,
    Train,
    UserError,
)


def long_job(command: MakeQuick | Train, job: JobContext) -> dict[str, Any]:
    """Works until it is stopped, or until the file that `command.project` names exists."""
    step = 0
    while not Path(command.project).exists():
        step += 1
        job.progress("long", step, 0)
        job.check()
        threading.Event().wait(0.002)
    return {"steps": step}


def classify(command: Classify, job: JobContext) -> dict[str, Any]:
    for path in command.paths:
        job.check()
        job.emit(Answer(job.job_id, path, "a", 1.0, (("a", 1.0),), "quick", 1.0))
    return {"answered": len(command.paths)}


def trouble(command: ModelView, job: JobContext) -> dict[str, Any]:
    if command.path == "user":
        raise UserError("odd", "It is odd.", "Do something.")
    if command.path == "memory":
        raise MemoryError
    if command.path == "full":
        raise OSError(28, "No space left on device", "/x")
    if command.path == "die":
        os._exit(7)
    if command.path == "print":
        print("a library prints", flush=True)
        return {}
    raise ZeroDivisionError("division")


def flood(command: Scan, job: JobContext) -> dict[str, Any]:
    """Emits thousands of events; the last ones must arrive."""
    for step in range(5000):
        job.progress("flood", step, 5000)
        job.emit(BatchPoint(job.job_id, step, step / 100, 1.0, 0.5, 10.0))
    if command.project == "linger":  # nothing follows, yet what was held back must come
        while not job.control.stopping:
            threading.Event().wait(0.01)
        job.check()
    return {}


def thumbnails(command: Thumbnails, job: JobContext) -> dict[str, Any]:
    for photo in command.photo_ids:
        job.check()
        job.emit(ThumbnailReady(job.job_id, photo, ""))
        if photo == 0:
            while not Path(command.project).exists():
                threading.Event().wait(0.002)
    return {"made": len(command.photo_ids)}


def serve() -> None:
    here = "tests.engine.fake_jobs"
    for kind, name in (
        (MakeQuick, "long_job"),
        (Train, "long_job"),
        (Classify, "classify"),
        (ModelView, "trouble"),
        (Scan, "flood"),
        (Thumbnails, "thumbnails"),
    ):
        jobs.JOBS[kind] = f"{here}:{name}"
    server.main()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    serve()

"""Reads each file once, for what the project remembers of it: content hash, size, date, and the picture's header."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from resnext_gui.engine.ingest.gather import Candidate
from resnext_gui.engine.ingest.reach import verdict
from resnext_gui.engine.pictures.decode import decode, identify_open
from resnext_gui.engine.pictures.files import ImageError, opened_content, trouble
from resnext_gui.engine.pictures.jpeg_ends import ends_early
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.project import NewPhoto, Project
from resnext_gui.texts import some

_THREADS = 4


def listing_tick(job: JobContext) -> Callable[[int], None]:
    """Return what `gather` calls while it looks for files: it says how many were found so far."""

    def tick(found: int) -> None:
        job.check()
        job.progress("listing", found, 0, f"Found {some(found)} so far")

    return tick


def read_one(path: str, label: str | None = None) -> NewPhoto:
    """Read a file once, for its hash, size and header.  One whose end is missing is decoded, too.

    Raises:
        ImageError: it is no picture, or cannot be read.
    """
    with opened_content(path) as content:
        try:
            width, height, _ = identify_open(path, content.file)
            if ends_early(content.data):
                decode(path, at_least=256, digest=None)  # next to nothing may be missing
            return NewPhoto(path, content.size, content.mtime_ns, content.digest(), width, height, label)
        except OSError as error:
            raise trouble(path, error) from error


def read_again(project: Project, path: str) -> None:
    """Bring the project up to date with a file that is not the one it was; a project that cannot be written stays.

    Raises:
        UserError: the project's own trouble.
    """
    if project.read_only:
        return
    try:
        project.add_photos([read_one(path)])
    except ImageError as error:
        known, status = project.photo_at(path), verdict(error)
        if known is not None and status is not None:
            project.set_status([known.id], status, error.message)


def _read_or_refuse(file: Candidate) -> tuple[Candidate, NewPhoto | ImageError]:
    try:
        return file, read_one(file.path, file.label)
    except ImageError as error:
        return file, error


def read_all(files: Iterable[Candidate], job: JobContext) -> Iterator[tuple[Candidate, NewPhoto | ImageError]]:
    """Read files on a few threads, in order; asks `job` at each.

    Raises:
        JobStopped: from `job`.
    """
    with ThreadPoolExecutor(_THREADS, "read") as pool:
        waiting: deque[Future[tuple[Candidate, NewPhoto | ImageError]]] = deque()
        try:
            for file in files:
                waiting.append(pool.submit(_read_or_refuse, file))
                if len(waiting) >= 8 * _THREADS:
                    job.check()
                    yield waiting.popleft().result()
            while waiting:
                job.check()
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

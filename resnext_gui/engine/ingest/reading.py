"""Reads each file once, for what the project remembers of it: content hash, size, date, and the picture's header."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from resnext_gui.engine.ingest.gather import Candidate
from resnext_gui.engine.ingest.reach import verdict
from resnext_gui.engine.pictures.decode import identify_open
from resnext_gui.engine.pictures.files import ImageError, opened_content, trouble
from resnext_gui.engine.worker.control import Control
from resnext_gui.project import NewPhoto, Project

_THREADS = 4


def read_one(path: str, label: str | None = None) -> NewPhoto:
    """Read a file once, for its hash, size and header.

    Raises:
        ImageError: it is no picture, or cannot be read.
    """
    with opened_content(path) as content:
        try:
            width, height, _ = identify_open(path, content.file)
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


def read_all(files: Iterable[Candidate], control: Control) -> Iterator[tuple[Candidate, NewPhoto | ImageError]]:
    """Read files on a few threads, in order; asks `control` at each.

    Raises:
        JobStopped: from `control`.
    """
    with ThreadPoolExecutor(_THREADS, "read") as pool:
        waiting: deque[Future[tuple[Candidate, NewPhoto | ImageError]]] = deque()
        try:
            for file in files:
                waiting.append(pool.submit(_read_or_refuse, file))
                if len(waiting) >= 8 * _THREADS:
                    control.check()
                    yield waiting.popleft().result()
            while waiting:
                control.check()
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

"""Reads each file once, for what the project remembers of it: content hash, size, date, and the picture's header."""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from resnext_gui.engine.ingest.gather import Candidate
from resnext_gui.engine.pictures.decode import identify_open
from resnext_gui.engine.pictures.files import ImageError, display, opened_file
from resnext_gui.engine.worker.control import Control
from resnext_gui.project import NewPhoto

_AT_ONCE = 64 << 20
"""Files up to this many bytes are read in one go, hash and header from memory: one pass over a slow drive."""

_THREADS = 4


def read_one(path: str, label: str | None = None) -> NewPhoto:
    """Read a file once, for its hash, size and header.

    Raises:
        ImageError: it is no picture, or cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    with opened_file(path) as file:
        facts = os.fstat(file.fileno())
        try:
            if facts.st_size <= _AT_ONCE:
                data = file.read()
                digest.update(data)
                width, height, _ = identify_open(path, io.BytesIO(data))
            else:
                width, height, _ = identify_open(path, file)
                file.seek(0)
                while data := file.read(1 << 20):
                    digest.update(data)
        except OSError as error:
            raise ImageError(
                "unreadable", f"'{display(path)}' could not be read from its drive.", "Check the drive, then try again."
            ) from error
    return NewPhoto(path, facts.st_size, facts.st_mtime_ns, digest.hexdigest(), width, height, label)


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

"""The one place that writes, deletes and reads the small files of a project.  Standard library only.

A project may come from somebody else: with a link where the cache should be, a pipe where a note should be, or a note
of gigabytes.  So below a project's folder no link is followed, neither for writing nor for reading; only ordinary
files are opened, without ever waiting for one, and no further than a limit; and only names that the program itself
makes are deleted.  The project's own folder may be reached through links: those the person has made.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from resnext_gui.texts import Text, text

PathLike = str | os.PathLike[str]

SMALL = 16 << 20
"""Bytes that a note of the program has at most; what grows with the photographs says so where it is read."""

_HASH = r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}"
_RUN = r"[^/\\.][^/\\]{0,59}"
_TEMPORARY = r"\.[^/]+\.tmp"

_FORMS = re.compile(
    "|".join(
        (
            rf"cache/thumbnails/[^/]{{1,2}}/({_HASH}\.jpg|tmp\w+\.tmp)",
            r"cache/features\.db(-wal|-shm|-journal)?",
            r"cache/features/[0-9a-f]{24}/\d+-[0-9a-f]{8}\.(features|part)",  # of earlier versions
            r"cache/pixels/pixels-\d+-\d+/[^/]{1,2}/([0-9A-Za-z._-]{0,128}\.npy|tmp\w+\.part)",
            r"cache/views/[0-9a-f]+\.png",
            r"cache/pasted/[^/]+\.(jpg|png)",
            rf"cache/activations/{_RUN}/(learning|practice)\.(bin|done|json)",  # of earlier versions
            r"cache/decoding/((slot|crash)-\d+-\d+|strikes\.json|watch\.lock)",
            r"quick/quick-[0-9a-f]{12}\.safetensors",
            rf"runs/{_RUN}/((run|model|photographs|exam|practice)\.json|(history|batches)\.jsonl|(update\.)?lock"
            rf"|start\.npz|((epoch|best)-\d+|best)\.safetensors|{_TEMPORARY})",
        )
    )
)
"""What may be deleted, by its path below the project."""

_HASH_FORM = re.compile(_HASH)
_LINK_TAGS = {getattr(stat, "IO_REPARSE_TAG_SYMLINK", -1), getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)}
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_OPEN = getattr(os, "O_BINARY", 0) | _NO_LINK | getattr(os, "O_NONBLOCK", 0)
_OPEN |= getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)

_roots: set[str] = set()


class OddFileError(OSError):
    """Something other than a file or folder of the program lies where it keeps one.

    Attributes:
        path: where.
        what: what lies there, with its article.
    """

    def __init__(self, path: PathLike, what: Text) -> None:
        super().__init__(errno.ELOOP, f"it is {what}", os.fspath(path))
        self.path, self.what = Path(path), what


def protect(folder: Path) -> None:
    """From now on treat `folder` as a project: below it the rules of this module hold."""
    _roots.add(os.path.abspath(folder))  # noqa: PTH100 - links above the project are the person's


def is_link(path: PathLike) -> bool:
    """Tell whether `path` is a symbolic link or a junction; False where there is nothing."""
    try:
        facts = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISLNK(facts.st_mode) or getattr(facts, "st_reparse_tag", 0) in _LINK_TAGS


def is_ordinary(path: PathLike) -> bool:
    """Tell whether `path` is an ordinary file of a project, with no link on the way."""
    try:
        check(path)
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def fits_hash(name: object) -> bool:
    """Tell whether `name` has the form of a content hash, so that it may become part of a file's name."""
    return isinstance(name, str) and _HASH_FORM.fullmatch(name) is not None


def check(path: PathLike) -> None:
    """Make sure that no part of `path` below its project is a link.  Elsewhere everything is allowed.

    Raises:
        OddFileError: there is one.
    """
    root, parts = _split(path)
    place = root
    for part in parts:
        place = os.path.join(place, part)  # noqa: PTH118 - called for each of many files
        if is_link(place):
            raise OddFileError(place, text("a_link"))


def _split(path: PathLike) -> tuple[str, tuple[str, ...]]:
    """Return the project that `path` lies in and the names below it; no names outside of projects."""
    place = Path(os.path.abspath(path))  # noqa: PTH100 - also takes ".." away
    for above in place.parents:
        if str(above) in _roots:
            return str(above), place.relative_to(above).parts
    return str(place), ()


# --------------------------------------------------------------------------------------------------------------------
# Reading


def open_read(path: PathLike) -> IO[bytes]:
    """Open an ordinary file for reading.

    Raises:
        OSError: it is not there, or, as `OddFileError`, it is a link, a pipe, a device or a folder.
    """
    check(path)
    return _opened(path, os.O_RDONLY, "rb")


def read_bytes(path: PathLike, most: int = SMALL) -> bytes:
    """Return the content of an ordinary file of at most `most` bytes.

    Raises:
        OSError: as `open_read`; `OddFileError` also for a larger file.
    """
    with open_read(path) as file:
        data = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    if data is None or len(data) > most:
        raise OddFileError(path, text("larger_than", megabytes=most >> 20))
    return data


def sha256(path: PathLike) -> str:
    """Return the SHA-256 of an ordinary file, in hexadecimal.

    Raises:
        OSError: as `open_read`.
    """
    digest = hashlib.sha256()
    with open_read(path) as file:
        while portion := file.read(1 << 20):
            digest.update(portion)
    return digest.hexdigest()


def _opened(path: PathLike, flags: int, mode: str) -> IO[bytes]:
    links = 0 if _split(path)[1] else _NO_LINK  # outside of projects a person may have put some
    try:
        handle = os.open(path, (flags | _OPEN) & ~links, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP and is_link(path):
            raise OddFileError(path, text("a_link")) from error
        if error.errno == errno.ENXIO:  # a socket, or a pipe that nobody reads
            raise OddFileError(path, text("not_ordinary")) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OddFileError(path, text("not_ordinary"))
        return open(path, mode, opener=lambda *_: handle)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(handle)
        raise


# --------------------------------------------------------------------------------------------------------------------
# Writing


def make_folder(path: PathLike) -> None:
    """Make a folder and those above it.

    Raises:
        OSError: it cannot be made, or, as `OddFileError`, there is a link on the way.
    """
    check(path)
    Path(path).mkdir(parents=True, exist_ok=True)
    check(path)


def open_new(path: PathLike) -> IO[bytes]:
    """Make a file that is not there yet, for reading and writing.

    Raises:
        OSError: it is there, or cannot be made.
    """
    check(path)
    return _opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, "w+b")


def open_kept(path: PathLike) -> IO[bytes]:
    """Open a file for reading and writing from its beginning, as it is; it is made where it is not there.

    Raises:
        OSError: it cannot be opened, or, as `OddFileError`, it is no ordinary file.
    """
    check(path)
    return _opened(path, os.O_RDWR | os.O_CREAT, "r+b")


def temporary(folder: PathLike, prefix: str = "tmp", suffix: str = ".tmp") -> tuple[int, str]:
    """Make a new file in `folder` under a name that nobody has; returns its handle and its path.

    Raises:
        OSError: it cannot be made, or, as `OddFileError`, there is a link on the way.
    """
    check(folder)
    return tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=folder)


@contextlib.contextmanager
def replacing(path: PathLike, suffix: str = ".tmp") -> Iterator[IO[bytes]]:
    """Write a file that appears whole or not at all, and may be lost in a power cut: one of a cache.

    Raises:
        OSError: it cannot be written, or, as `OddFileError`, there is a link on the way.
    """
    make_folder(Path(path).parent)
    check(path)
    handle, made = temporary(Path(path).parent, suffix=suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(made).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(made).unlink()
        raise


# --------------------------------------------------------------------------------------------------------------------
# Deleting


def remove(path: PathLike) -> None:
    """Delete a file that the program has made; nothing happens where there is none.

    Raises:
        OSError: it cannot be deleted, or, as `OddFileError`, it is not one of ours.
    """
    root, parts = _split(path)
    place = Path(path)
    if parts:
        check(Path(root, *parts[:-1]))
        if not is_ours(path):
            raise OddFileError(path, text("not_of_program"))
    if not is_link(path) and place.is_dir():
        raise OddFileError(path, text("a_folder"))
    place.unlink(missing_ok=True)  # of a link this takes away the link itself


def is_ours(path: PathLike) -> bool:
    """Tell whether `path` has the form of something that may be deleted; True outside of projects."""
    parts = _split(path)[1]
    return not parts or _FORMS.fullmatch("/".join(parts)) is not None


def remove_folder(path: PathLike) -> None:
    """Delete what the program has made below a folder, and the folders that are empty then.

    Raises:
        OSError: something of ours cannot be deleted, or, as `OddFileError`, there is a link on the way.
    """
    check(path)
    for folder, folders, names in os.walk(path, topdown=False):
        for name in names:
            file = Path(folder, name)
            if is_ours(file):
                remove(file)
        for name in folders:
            if not is_link(Path(folder, name)):
                with contextlib.suppress(OSError):  # not empty: it holds something that is not ours
                    Path(folder, name).rmdir()
    with contextlib.suppress(OSError):
        Path(path).rmdir()

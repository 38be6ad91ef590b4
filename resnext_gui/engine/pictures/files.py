"""Which files may be pictures, and opening them without ever waiting for a pipe or a device."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import IO

from resnext_gui.messages import UserError

PathLike = str | os.PathLike[str]

PICTURE_SUFFIXES = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs", ".bmp", ".dib", ".gif",
        ".tif", ".tiff", ".heic", ".heif", ".hif", ".heics", ".heifs", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c",
        ".ppm", ".pgm", ".pbm", ".pnm", ".qoi", ".tga",
    }
)  # fmt: skip

RAW_SUFFIXES = frozenset(
    {
        ".raw", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw",
        ".x3f", ".3fr", ".iiq",
    }
)  # fmt: skip
"""What cameras write beside, or in place of, a JPEG."""

OTHER_SUFFIXES = RAW_SUFFIXES | {
    ".psd", ".psb", ".xcf", ".eps", ".ps", ".ai", ".svg", ".ico", ".icns", ".cur", ".pcx", ".dcx", ".sgi", ".rgb",
    ".bw", ".ras", ".xbm", ".xpm", ".dds", ".exr", ".hdr", ".jxl", ".wmf", ".emf", ".fits", ".fit", ".dcm",
}  # fmt: skip
"""Pictures too, but in formats that are not read: these are refused by name and not passed over."""

_SIDE_NAMES = {
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin",
    "system volume information", "lost+found", "icon\r", "folder.ini", "picasa.ini",
}  # fmt: skip

MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|GIF8[79]a|II\*\x00|MM\x00\*|II\+\x00|MM\x00\+|BM....\x00\x00\x00\x00"
    rb"|....ftyp(?:avif|avis|heic|heix|heif|hevc|hevx|heim|heis|mif1|msf1)"
    rb"|\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|qoif",
    re.DOTALL,
)


DRIVE_ERRORS = frozenset(
    getattr(errno, name)
    for name in (
        "EIO", "ENXIO", "ENODEV", "ESTALE", "ETIMEDOUT", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN",
        "ENETUNREACH", "EREMOTEIO", "ECONNRESET", "EPIPE",
    )
    if hasattr(errno, name)
)  # fmt: skip
"""What a failing drive says.  Decoders of damaged files raise other numbers, say for a jump before the beginning."""


class ImageError(UserError):
    """A file that cannot be used as a picture.  The message names it.

    Codes: ``missing``, ``vanished``, ``folder``, ``pipe``, ``empty``, ``no_permission``, ``unreadable`` (the drive
    failed), ``not_a_picture``, ``unsupported``, ``broken``, ``too_large``, ``no_memory``, ``crashes_reader``.
    """


def is_side_file(name: str) -> bool:
    """Tell whether a file or folder of this name is a system's own and passed over silently."""
    return name.startswith(".") or name.lower() in _SIDE_NAMES


def could_be_picture(path: PathLike) -> bool:
    """Tell by the suffix, or by the first bytes where there is no suffix, whether a file may be a picture.

    Never opens anything but a regular file; anything that cannot be opened is no picture.
    """
    name = PurePath(path).name
    if is_side_file(name):
        return False
    suffix = PurePath(name).suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return True
    # "IMG_2041" and "timeout-664": what follows the last dot is a suffix only if it looks like one.
    if re.fullmatch(r"\.[a-z0-9_]{1,8}", suffix) and not suffix[1:].isdigit():
        return False
    try:
        with opened_file(path) as file:
            return MAGIC.match(file.read(32)) is not None
    except ImageError:
        return False
    except OSError:
        return True  # on a damaged drive it may be one, and whoever opens it says so


def trouble(path: PathLike, error: OSError) -> ImageError:
    """Return the sentence for a file that could not be opened or read."""
    name = display(path)
    if isinstance(error, FileNotFoundError):
        if Path(path).is_symlink():
            return ImageError("missing", f"'{name}' is a link that leads nowhere.", "Remove the link or mend it.")
        return ImageError("missing", f"'{name}' does not exist.", "It may have been moved, renamed or deleted.")
    if isinstance(error, PermissionError):
        return ImageError("no_permission", f"'{name}' may not be read.", "Change the file's permissions.")
    if error.errno == errno.ELOOP:
        return ImageError("missing", f"'{name}' is a link that leads to itself.", "Remove the link.")
    return ImageError(
        "unreadable",
        f"'{name}' could not be read from its drive ({error.strerror or type(error).__name__}).",
        "Check the drive and its connection, then try again.",
    )


def display(path: PathLike) -> str:
    """Return a path that can be shown and sent, whatever bytes its name holds."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")


@contextlib.contextmanager
def opened_file(path: PathLike) -> Iterator[IO[bytes]]:
    """Open a regular file for reading; pipes, sockets and devices are never opened, since that could wait for ever."""
    try:
        check_regular(path, os.stat(path))  # noqa: PTH116 - one call, no Path needed
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except ValueError as error:  # a NUL in the name
        raise ImageError("missing", f"'{display(path)}' is no file name.", "Choose another file.") from error
    except OSError as error:
        raise trouble(path, error) from error
    with os.fdopen(handle, "rb") as file:
        try:
            # It may have been swapped between the look and the opening.
            check_regular(path, os.fstat(file.fileno()))
        except OSError as error:
            raise trouble(path, error) from error
        yield file


def check_regular(path: PathLike, facts: os.stat_result) -> None:
    """Refuse what is no regular file with something in it.

    Raises:
        ImageError: ``folder``, ``pipe`` or ``empty``.
    """
    name = display(path)
    if stat.S_ISDIR(facts.st_mode):
        raise ImageError("folder", f"'{name}' is a folder, not a picture.", "Drop the folder itself to add it.")
    if not stat.S_ISREG(facts.st_mode):
        raise ImageError("pipe", f"'{name}' is not a file but a pipe, socket or device.", "Remove it from the folder.")
    if facts.st_size == 0:
        raise ImageError("empty", f"'{name}' is empty.", "Copy it again from where it came from, or remove it.")

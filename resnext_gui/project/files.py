"""Files that survive a power cut, locks that survive nothing, and where projects live.  Standard library only."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from resnext_gui.project import guard, notes
from resnext_gui.project.records import ProjectError

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def file_trouble(error: OSError, folder: Path) -> ProjectError:
    """Return the sentence for an `OSError` met while writing to `folder`."""
    if isinstance(error, guard.OddFileError):
        return odd_file(error)
    if error.errno in _FULL:
        return ProjectError("disk_full:drive", path=str(folder))
    if error.errno in _READ_ONLY:
        return ProjectError("read_only:folder", path=str(folder))
    return ProjectError("folder_gone", path=str(folder), reason=error.strerror or str(error))


def odd_file(error: guard.OddFileError) -> ProjectError:
    """Return the sentence for something that lies where the program keeps a file or folder of its own."""
    return ProjectError("odd_file", path=tidy(str(error.path)), what=error.what)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` durable.  Does nothing where the system has no such notion (Windows)."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # some network file systems refuse to sync a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_durably(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file at `path` by `data` so that a reader, or a power cut, sees the old or the new, never a mix.

    In a project no link is followed; see `guard`.

    Raises:
        OSError: it cannot be written.  The old file is then untouched.
    """
    path = Path(path)
    temporary = ""
    guard.check(path)
    try:
        handle, temporary = guard.temporary(path.parent, f".{path.name[:80]}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
        temporary = ""
        sync_folder(path.parent)
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file of a project: `write_durably`, with trouble in words.

    Raises:
        ProjectError: ``disk_full``, ``read_only`` or ``folder_gone``.  The old file is then untouched.
    """
    try:
        write_durably(path, data)
    except OSError as error:
        raise file_trouble(error, Path(path).parent) from error


def _replace(source: str, target: Path) -> None:
    """`os.replace`, patient with virus scanners that hold a new file open for a moment on Windows."""
    attempts = 20 if sys.platform == "win32" else 1
    for left in range(attempts - 1, -1, -1):
        try:
            os.replace(source, target)  # noqa: PTH105 - the source is a plain name from mkstemp
            return
        except PermissionError:
            if left == 0:
                raise
            time.sleep(0.05)


def write_json(path: str | os.PathLike[str], obj: Any) -> None:
    """Write `obj` as JSON, atomically and durably; see `write_bytes`."""
    text = json.dumps(obj, ensure_ascii=False, indent=1)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:  # a file name that is no valid Unicode: escape, so that the file stays valid UTF-8
        data = json.dumps(obj, ensure_ascii=True, indent=1).encode("ascii")
    write_bytes(path, data + b"\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read what `write_json` wrote.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ProjectError: ``damaged``: it is no JSON.
    """
    return notes.read(Path(path))


# --------------------------------------------------------------------------------------------------------------------
# Locks.  The operating system drops them when the process ends, however it ends.

if sys.platform == "win32":
    import msvcrt

    # Far behind the end of the file: Windows' locks forbid reading, and the file's text should stay readable.
    _LOCK_AT = 0x7FFF0000

    def try_lock(file: IO[bytes], shared: bool = False) -> bool:
        """Lock `file` without waiting; tell whether that worked.  Windows has no shared locks."""
        del shared
        file.seek(_LOCK_AT)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(file: IO[bytes]) -> None:
        """Drop a lock taken by `try_lock`."""
        file.seek(_LOCK_AT)
        with contextlib.suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(file: IO[bytes], shared: bool = False) -> bool:
        """Lock `file` without waiting; tell whether that worked."""
        try:
            fcntl.flock(file.fileno(), (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def unlock(file: IO[bytes]) -> None:
        """Drop a lock taken by `try_lock`."""
        with contextlib.suppress(OSError):
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


@contextlib.contextmanager
def lock_file(path: Path, seconds: float) -> Iterator[bool]:
    """Hold an exclusive lock on the file at `path`; yields whether it was had within `seconds`.

    Raises:
        ProjectError: the file cannot be made.
    """
    try:
        file = guard.open_kept(path)
    except OSError as error:
        raise file_trouble(error, path.parent) from error
    with file:
        deadline = time.monotonic() + seconds
        held = try_lock(file)
        while not held and time.monotonic() < deadline:
            time.sleep(0.02)
            held = try_lock(file)
        try:
            yield held
        finally:
            if held:
                unlock(file)


def is_locked(path: Path) -> bool:
    """Tell whether some process holds the lock on the file at `path`."""
    try:
        with guard.open_read(path) as file:
            free = try_lock(file, shared=True)
            if free:
                unlock(file)
            return not free
    except OSError:
        return False


# --------------------------------------------------------------------------------------------------------------------
# Places and names


def projects_home() -> Path:
    """Return the folder where new projects go; it need not exist.  ``RESNEXT_GUI_HOME`` overrides it."""
    given = os.environ.get("RESNEXT_GUI_HOME")
    if given:
        return Path(given)
    home = Path.home()
    documents = _documents(home)
    return (documents if documents.is_dir() else home) / "ResNeXt GUI"


def _documents(home: Path) -> Path:
    if sys.platform == "win32":
        import ctypes

        buffer = ctypes.create_unicode_buffer(260)
        # 5 is CSIDL_PERSONAL: the Documents folder also where it was moved to a cloud drive.
        if ctypes.windll.shell32.SHGetFolderPathW(None, 5, None, 0, buffer) == 0 and buffer.value:
            return Path(buffer.value)
    else:
        with contextlib.suppress(OSError, ValueError):
            text = (home / ".config" / "user-dirs.dirs").read_text(encoding="utf-8")
            found = re.search(r'^XDG_DOCUMENTS_DIR="(.+)"', text, re.MULTILINE)
            if found:
                return Path(found[1].replace("$HOME", str(home)))
    return home / "Documents"


_RESERVED = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}


def safe_name(name: str, fallback: str = "Project") -> str:
    """Return `name` as a file name that every system accepts, at most 60 characters."""
    name = unicodedata.normalize("NFC", tidy(name))
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', " ", name)
    name = re.sub(r"\s+", " ", name)[:60].strip(" .")
    if not name or name.split(".")[0].lower() in _RESERVED:
        return fallback
    return name


def new_project_folder(name: str) -> Path:
    """Return a folder in `projects_home` that does not exist yet, named after `name`."""
    home = projects_home()
    base = safe_name(name)
    folder, number = home / base, 1
    while folder.exists() or folder.is_symlink():
        number += 1
        folder = home / f"{base} {number}"
    return folder


def tidy(text: str) -> str:
    """Return `text` as something that can be shown and stored: bytes that are no UTF-8 are written in hexadecimal."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape" if sys.platform != "win32" else "surrogatepass").decode(
            "utf-8", "backslashreplace"
        )
    return text


def natural(text: str) -> str:
    """Return a key that sorts ``img 2`` before ``img 10``, without regard to case."""
    return re.sub(r"\d+", lambda run: run[0].lstrip("0").rjust(12, "0"), tidy(text).casefold())

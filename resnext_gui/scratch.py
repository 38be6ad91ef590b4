"""A temporary folder of the process's own.  Standard library only.

TensorFlow writes the functions it traces into the temporary folder and removes them when Python ends in good order.
Processes with a machine-learning runtime leave in a hurry here, so they keep such files in a folder that they can
remove at once, and that the next process removes where even that was not possible.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

PREFIX = "resnext-gui-scratch-"

_own: Path | None = None


def take() -> Path:
    """Make the folder, let `tempfile` use it from now on, and remove what dead processes left.  Returns its path."""
    global _own
    if _own is None or not _own.is_dir():
        above = Path(tempfile.gettempdir())
        _sweep(above)
        _own = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=above))
        tempfile.tempdir = str(_own)
    return _own


LONGEST = 60
"""Bytes that the folder of a socket's folder may have: systems allow 104 or 108 for the whole path."""


def socket_place() -> Path:
    """Return where folders of sockets are made: the temporary folder, unless it lies too deep for a socket's path."""
    usual = Path(tempfile.gettempdir())
    for place in (usual, Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp"), Path("/tmp"), Path("/var/tmp")):  # noqa: S108
        if len(os.fsencode(place)) <= LONGEST and os.access(place, os.W_OK | os.X_OK) and place.is_dir():
            return place
    return usual


def clear() -> None:
    """Remove the folder of this process, if it took one."""
    global _own
    if _own is not None:
        shutil.rmtree(_own, ignore_errors=True)
        tempfile.tempdir = None
        _own = None


def _sweep(above: Path) -> None:
    if os.name != "posix":  # asking whether a process lives would end it elsewhere
        return
    for folder in above.glob(f"{PREFIX}*"):
        owner = re.fullmatch(re.escape(PREFIX) + r"(\d+)-.*", folder.name)
        if owner is not None and not _lives(int(owner[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

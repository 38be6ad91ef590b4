"""Remembers which file was being decoded when a process crashed, so that a file that crashes it is refused by name.

A decoder is a large body of foreign C code; now and then a file crashes it, and no exception handler helps.  Each
thread writes the file's name into a slot of its own before it decodes, and clears it afterwards.  When a process
crashes, Python's `faulthandler` writes which thread did, into a file beside the slots.  So only a crash counts: a
process that was ended, by a person, by a power cut or for want of memory, writes nothing, and what it was decoding is
innocent.

After two strikes a file is refused.  A suspect is decoded with no other suspect beside it, so that the innocent files
that happened to be open at the same moment are cleared and not condemned with it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import PIL

from resnext_gui.engine.pictures.files import ImageError, PathLike, display
from resnext_gui.messages import UserError
from resnext_gui.project import guard
from resnext_gui.project.files import lock_file, read_json, try_lock, unlock, write_json

STRIKES = 2

log = logging.getLogger(__name__)


class DecodeWatch:
    """Watches decoding; one for each process and folder, safe to use from many threads.

    Args:
        folder: where slots and strikes are kept, shared by all processes of a project.  It is made when needed; where
            it cannot be written to, watching is left out.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self._own = threading.local()
        self._files: list[tuple[Path, IO[bytes]]] = []
        self._guard = threading.Lock()
        self._one_suspect = threading.Lock()
        self._strikes: dict[str, int] = {}
        self._works = True
        self._crash_note: IO[bytes] | None = None
        try:
            guard.make_folder(self.folder)
        except OSError:
            self._works = False
        self._suspects = self._collect() if self._works else []
        if self._works:
            self._crash_note = _note_crashes(self.folder)

    def suspects(self) -> list[str]:
        """Return the files that were being decoded when other processes crashed, as found when this watch was made."""
        return list(self._suspects)

    def refused(self, path: PathLike) -> bool:
        """Tell whether `path` has had its strikes."""
        return self._strikes.get(_key(path), 0) >= STRIKES

    @contextlib.contextmanager
    def __call__(self, path: PathLike) -> Iterator[None]:
        """Decode `path` inside this.

        Raises:
            ImageError: ``crashes_reader``: it had its strikes.
        """
        strikes = self._strikes.get(_key(path), 0) if self._strikes else 0
        if strikes >= STRIKES:
            raise ImageError(
                "crashes_reader",
                f"'{display(path)}' made the picture reader crash {STRIKES} times and is not opened any more.",
                "Save a new copy of it as JPEG, which is then tried again, or remove it.",
            )
        with self._one_suspect if strikes else contextlib.nullcontext():
            slot = self._slot()
            _fill(slot, os.fsencode(os.fspath(path)))
            try:
                yield
            finally:
                _fill(slot, b"")
            if strikes:
                self._acquit(path)

    def close(self) -> None:
        """Give the slots back.  Nothing may be decoded under this watch any more."""
        with self._guard:
            files, self._files = self._files, []
            self._own = threading.local()
        for name, file in files:
            unlock(file)
            file.close()
            with contextlib.suppress(OSError):
                guard.remove(name)
        if self._crash_note is not None:
            _stop_noting(self._crash_note)
            self._crash_note = None

    def __del__(self) -> None:
        if hasattr(self, "_guard"):
            self.close()

    def _slot(self) -> IO[bytes] | None:
        slot: IO[bytes] | None = getattr(self._own, "file", None)
        if slot is None and self._works:
            name = self.folder / f"slot-{os.getpid()}-{threading.get_ident()}"
            try:
                guard.remove(name)  # of a thread that has ended
                slot = guard.open_new(name)
                try_lock(slot)
            except OSError:
                return None
            self._own.file = slot
            with self._guard:
                self._files.append((name, slot))
        return slot

    def _collect(self) -> list[str]:
        """Turn the slots of processes that crashed into strikes, and load all strikes."""
        suspects = []
        try:
            with lock_file(self.folder / "watch.lock", 2.0) as held:
                strikes = self._load()
                crashes = _crashes(self.folder) if held else {}
                for name in sorted(self.folder.glob("slot-*")) if held else []:
                    path = os.fsdecode(_take_over(name))
                    if path and _crashed(name.name, crashes):
                        suspects.append(path)
                        strikes[_key(path)] = strikes.get(_key(path), 0) + 1
                if suspects:
                    write_json(self.folder / "strikes.json", strikes)
                self._strikes = strikes
        except UserError:  # a full or read-only disk: decode without a watch
            self._works = False
        return suspects

    def _load(self) -> dict[str, int]:
        body: Any = {}
        with contextlib.suppress(OSError, UserError):
            body = read_json(self.folder / "strikes.json")
        if not isinstance(body, dict):
            return {}
        return {str(key): count for key, count in body.items() if isinstance(count, int)}

    def _acquit(self, path: PathLike) -> None:
        self._strikes.pop(_key(path), None)
        with contextlib.suppress(UserError), lock_file(self.folder / "watch.lock", 2.0):
            strikes = self._load()
            if strikes.pop(_key(path), None) is not None:
                write_json(self.folder / "strikes.json", strikes)


def _key(path: PathLike) -> str:
    """Return what strikes belong to: this path with this content, and this decoder.

    So a file that was replaced is tried again, and every file once Pillow was updated.
    """
    try:
        facts = os.stat(path)  # noqa: PTH116
        stamp = f"{facts.st_size}-{facts.st_mtime_ns}"
    except (OSError, ValueError):
        stamp = "-"
    return json.dumps(
        [hashlib.blake2b(os.fsencode(os.fspath(path)), digest_size=16).hexdigest(), stamp, PIL.__version__]
    )


def _fill(slot: IO[bytes] | None, data: bytes) -> None:
    if slot is None:
        return
    with contextlib.suppress(OSError, ValueError):
        slot.seek(0)
        slot.truncate(0)
        if data:
            slot.write(data)
        slot.flush()


_MOST = 1 << 16
"""Bytes of a slot or a note that are read."""


def _take_over(name: Path) -> bytes:
    """Return what a file says if its process is gone, and remove it; nothing for one in use or empty."""
    try:
        with guard.open_kept(name) as file:
            if not try_lock(file):
                return b""
            file.seek(0)
            data = file.read(_MOST)
            unlock(file)
        guard.remove(name)
    except OSError:
        return b""
    return data


# --------------------------------------------------------------------------------------------------------------------
# Crashes

_notes: list[IO[bytes]] = []
"""Where this process writes that it crashes: the last one, since Python can write to one file only."""

_notes_guard = threading.Lock()
_was_enabled = False


def _note_crashes(folder: Path) -> IO[bytes] | None:
    global _was_enabled
    with _notes_guard:
        try:
            note = guard.open_kept(folder / f"crash-{os.getpid()}-{len(_notes)}")
            try_lock(note)
            note.seek(0)
            if not _notes:
                _was_enabled = faulthandler.is_enabled()
            faulthandler.enable(note)
        except (OSError, ValueError):
            return None
        _notes.append(note)
        return note


def _stop_noting(note: IO[bytes]) -> None:
    with _notes_guard:
        _notes.remove(note)
        if _notes:
            faulthandler.enable(_notes[-1])
        else:
            faulthandler.disable()
            if _was_enabled:
                with contextlib.suppress(OSError, ValueError, RuntimeError):
                    faulthandler.enable(2)
    name = note.name
    unlock(note)
    note.close()
    with contextlib.suppress(OSError):
        guard.remove(name)


def _crashes(folder: Path) -> dict[str, str]:
    """Return what the processes said that crashed, by their number."""
    said: dict[str, str] = {}
    for name in sorted(folder.glob("crash-*")):
        text = _take_over(name).decode("ascii", "replace")
        if text:
            log.warning("A process crashed while it decoded pictures:\n%s", text)
            process = name.name.split("-")[1]
            said[process] = said.get(process, "") + text
    return said


def _crashed(slot: str, crashes: dict[str, str]) -> bool:
    """Tell whether the thread of a slot may have crashed its process.

    Where it was a thread that Python does not know, such as one of a decoder's own, every slot is under suspicion.
    """
    _, process, thread = slot.split("-")
    text = crashes.get(process, "")
    if not text:
        return False
    current = re.search(r"Current thread 0x([0-9a-fA-F]+).*\n(.*)", text)
    if current is None or not current[2].lstrip().startswith("File"):
        return True
    return int(current[1], 16) == int(thread)

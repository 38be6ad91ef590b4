"""Remembers which file was being decoded when a process died, so that a file that kills it is refused by name.

A decoder is a large body of foreign C code; now and then a file crashes it, and no exception handler helps.  Each
thread writes the file's name into a slot of its own before it decodes, and clears it afterwards.  A slot whose owner is
gone names a suspect.  After two strikes a file is refused.  A suspect is decoded with no other suspect beside it,
so that the innocent files that happened to be open at the same moment are cleared and not condemned with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from resnext_gui.engine.pictures.files import ImageError, PathLike, display
from resnext_gui.messages import UserError
from resnext_gui.project import guard
from resnext_gui.project.files import lock_file, read_json, try_lock, unlock, write_json

STRIKES = 2


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
        try:
            guard.make_folder(self.folder)
        except OSError:
            self._works = False
        self._died_on = self._collect() if self._works else []

    def leftovers(self) -> list[str]:
        """Return the files that were being decoded when other processes died, as found when this watch was made."""
        return list(self._died_on)

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
                "Save a new copy of it as JPEG, or remove it.",
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
        """Turn the slots of dead processes into strikes, and load all strikes."""
        died_on = []
        try:
            with lock_file(self.folder / "watch.lock", 2.0) as held:
                strikes = self._load()
                for name in sorted(self.folder.glob("slot-*")) if held else []:
                    path = _take_over(name)
                    if path:
                        died_on.append(path)
                        strikes[_key(path)] = strikes.get(_key(path), 0) + 1
                if died_on:
                    write_json(self.folder / "strikes.json", strikes)
                self._strikes = strikes
        except UserError:  # a full or read-only disk: decode without a watch
            self._works = False
        return died_on

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
    """Return what strikes belong to: this path with this content, so that a file that was replaced gets a new start."""
    try:
        facts = os.stat(path)  # noqa: PTH116
        stamp = f"{facts.st_size}-{facts.st_mtime_ns}"
    except (OSError, ValueError):
        stamp = "-"
    return json.dumps([hashlib.blake2b(os.fsencode(os.fspath(path)), digest_size=16).hexdigest(), stamp])


def _fill(slot: IO[bytes] | None, data: bytes) -> None:
    if slot is None:
        return
    with contextlib.suppress(OSError, ValueError):
        slot.seek(0)
        slot.truncate(0)
        if data:
            slot.write(data)
        slot.flush()


def _take_over(name: Path) -> str:
    """Return what a slot names if its process is gone, and remove the slot; "" for a slot in use or empty."""
    try:
        with guard.open_kept(name) as file:
            if not try_lock(file):
                return ""
            data = file.read(1 << 16)
            unlock(file)
        guard.remove(name)
    except OSError:
        return ""
    return os.fsdecode(data) if data else ""

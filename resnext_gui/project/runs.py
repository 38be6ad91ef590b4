"""A training run: a folder with what was asked, what happened, and an operating-system lock.  Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resnext_gui.project import guard, notes
from resnext_gui.project.files import file_trouble, is_locked, lock_file, odd_file, sync_folder, write_bytes, write_json
from resnext_gui.project.records import ProjectError

STATUSES = ("running", "paused", "stopped", "finished", "failed", "interrupted")

_LONGEST_CURVE = 48 << 20
_MOST_PASSES = 20_000
_MOST_POINTS = 1_000_000
_LONGEST_LINE = 100_000
"""Bytes of a line about one pass or one step."""


class Run:
    """One training run.

    ``run.json`` is replaced atomically, ``history.jsonl`` and ``batches.jsonl`` only grow.  A run that says "running"
    or "paused" without anyone holding its lock was interrupted: by a crash, a power cut, or a closed window.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.id = self.folder.name

    @classmethod
    def create(cls, runs_folder: Path, spec: dict[str, Any], name: str | None = None) -> Run:
        """Make the folder of a new run; its name is the time, so runs sort by age.

        Raises:
            ProjectError: the folder cannot be written to.
        """
        try:
            guard.make_folder(runs_folder)
            stamp = time.strftime("%Y-%m-%d-%H%M%S")
            for number in range(1, 10_000):
                folder = runs_folder / (stamp if number == 1 else f"{stamp}-{number}")
                try:
                    folder.mkdir()
                except FileExistsError:
                    continue
                break
            sync_folder(runs_folder)
        except OSError as error:
            raise file_trouble(error, runs_folder) from error
        run = cls(folder)
        write_json(
            folder / "run.json",
            {
                "id": run.id,
                "name": name or spec.get("name") or "",
                "status": "running",
                "created": time.time(),
                "ended": None,
                "spec": spec,
                "progress": 0.0,
                "seconds_used": 0.0,
            },
        )
        return run

    def read(self) -> dict[str, Any]:
        """Return run.json.

        Raises:
            ProjectError: ``no_run`` or ``damaged``.
        """
        try:
            return notes.read_shaped(self.folder / "run.json", notes.RUN, ("status",))
        except guard.OddFileError as error:
            raise odd_file(error) from error
        except OSError as error:
            raise ProjectError("no_run", run=self.id) from error
        except ProjectError as error:
            raise ProjectError("damaged:run", run=self.id) from error

    def update(self, **fields: Any) -> dict[str, Any]:
        """Change fields of run.json, atomically also against a rename from another process; returns the new content.

        Raises:
            ProjectError: it cannot be read or written.
        """
        with lock_file(self.folder / "update.lock", 5.0):
            body = self.read()
            body.update(fields)
            write_json(self.folder / "run.json", body)
        return body

    @property
    def name(self) -> str:
        """What the person calls it; its id where it has no name."""
        return str(self.read().get("name") or self.id)

    def rename(self, name: str) -> None:
        """Give the run another name.  The folder keeps its own."""
        self.update(name=" ".join(name.split())[:120])

    @property
    def busy(self) -> bool:
        """Whether some process works on it now."""
        return is_locked(self.folder / "lock")

    @property
    def status(self) -> str:
        """One of `STATUSES`."""
        status = str(self.read().get("status", "failed"))
        if status in ("running", "paused") and not self.busy:
            return "interrupted"
        return status if status in STATUSES else "failed"

    @property
    def has_best(self) -> bool:
        """Whether a run that was broken off has learned something that it could be ended with."""
        return int((self.read().get("last_checkpoint") or {}).get("best_epoch") or 0) > 0

    @contextlib.contextmanager
    def lock(self) -> Iterator[Run]:
        """Hold the run while working on it; the operating system lets go when the process ends, however it ends.

        Raises:
            ProjectError: ``run_busy``: another process works on it.
        """
        # A moment's patience: someone who only asks for the status holds the lock for microseconds.
        with lock_file(self.folder / "lock", 1.0) as held:
            if not held:
                raise ProjectError("run_busy", run=self.id)
            yield self

    # ----------------------------------------------------------------------------------------------------------------
    # History

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs written so far, oldest first.  A line torn by a power cut is left out."""
        return self._lines("history.jsonl", notes.PASS, ("epoch",))

    def append_history(self, epoch: dict[str, Any]) -> None:
        """Add an epoch, durably."""
        self._append("history.jsonl", [epoch], durable=True)

    def replace_history(self, epochs: list[dict[str, Any]]) -> None:
        """Rewrite the history, for a run that goes on from an earlier checkpoint."""
        self._replace("history.jsonl", epochs)

    def batches(self, most: int | None = None) -> list[dict[str, Any]]:
        """Return the batch points written so far; with `most` only about so many of them, evenly chosen."""
        return self._lines("batches.jsonl", notes.POINT, ("step",), most)

    def append_batches(self, points: list[dict[str, Any]]) -> None:
        """Add batch points; not synced to disk, since losing the last second of a curve does no harm."""
        self._append("batches.jsonl", points, durable=False)

    def replace_batches(self, points: list[dict[str, Any]]) -> None:
        """Rewrite the batch points, for a run that goes on from an earlier checkpoint."""
        self._replace("batches.jsonl", points)

    def delete(self) -> None:
        """Delete the run, for good; what somebody else has put into its folder stays.

        Raises:
            ProjectError: ``run_busy``, or the folder cannot be deleted.
        """
        with self.lock():
            pass
        try:
            guard.remove_folder(self.folder)
        except OSError as error:
            raise file_trouble(error, self.folder) from error

    def _lines(
        self, name: str, shape: notes.Shape, needed: tuple[str, ...], most: int | None = None
    ) -> list[dict[str, Any]]:
        try:
            data = guard.read_bytes(self.folder / name, _LONGEST_CURVE)
        except OSError:
            return []
        if data.count(b"\n") > (_MOST_PASSES if name == "history.jsonl" else _MOST_POINTS):
            return []  # none of ours: reading it would take minutes
        lines = data.split(b"\n")
        found = []
        for line in lines if most is None else lines[:: max(1, len(lines) // most)]:
            if not 0 < len(line) < _LONGEST_LINE:
                continue
            with contextlib.suppress(ValueError):
                value = notes.parse(line)
                if isinstance(value, dict) and notes.fits(value, shape) and all(key in value for key in needed):
                    found.append(value)
        return found

    def _append(self, name: str, values: list[dict[str, Any]], durable: bool) -> None:
        data = b"".join(json.dumps(value).encode() + b"\n" for value in values)
        path = self.folder / name
        try:
            with guard.open_kept(path) as file:
                end = file.seek(0, os.SEEK_END)
                if os.fstat(file.fileno()).st_nlink > 1:  # perhaps somebody else's file as well: leave that as it is
                    file.seek(0)
                    write_bytes(path, file.read().rstrip(b"\n") + b"\n" * bool(end) + data)
                    return
                if end:
                    file.seek(end - 1)
                    if file.read(1) != b"\n":  # torn by a power cut: end that line, so that only it is lost
                        data = b"\n" + data
                    file.seek(end)
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
        except OSError as error:
            raise file_trouble(error, self.folder) from error

    def _replace(self, name: str, values: list[dict[str, Any]]) -> None:
        write_bytes(self.folder / name, b"".join(json.dumps(value).encode() + b"\n" for value in values))

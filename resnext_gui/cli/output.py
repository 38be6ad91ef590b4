"""What a person, or a program, sees of a job: a progress bar and sentences, or JSON lines."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import shutil
import threading
import time
from typing import IO, Any

from resnext_gui import messages
from resnext_gui.figures import hundredth
from resnext_gui.messages import Event, Failed, UserError
from resnext_gui.printable import cannot_print, printable
from resnext_gui.texts import Text

_NAMES: dict[type[Any], str] = {
    messages.Progress: "progress",
    messages.DeviceChosen: "device",
    messages.RunCreated: "run",
    messages.BatchPoint: "batch",
    messages.EpochLine: "epoch",
    messages.ModelReady: "model",
    messages.Refused: "refused",
}
"""Events that ``--json`` passes on, and what they are called there."""

INTERVAL = 0.05
"""Seconds between two progress (or batch) events."""
QUIET_INTERVAL = 10.0
"""Seconds between two lines of progress where no terminal can redraw a bar."""


class Output:
    """Writes results to `out` and everything else to `err`.  May be used from several threads."""

    def __init__(self, as_json: bool, out: IO[str], err: IO[str]) -> None:
        self.json = as_json
        self.pass_events_on = True
        """Whether ``--json`` prints events of jobs; without, only what the command itself prints."""
        self._out = out
        self._err = err
        self._lock = threading.RLock()
        self._last: dict[type[Any], float] = {}
        self._bar = _Bar(err)

    # ---- from jobs

    def emit(self, event: Event) -> None:
        """Show an event of a job; what comes faster than the eye is passed over."""
        with self._lock:
            if isinstance(event, messages.Progress | messages.BatchPoint):
                now = time.monotonic()
                complete = isinstance(event, messages.Progress) and event.done >= event.total > 0
                if now - self._last.get(type(event), -1e9) < INTERVAL and not complete:
                    return
                self._last[type(event)] = now
            if self.json:
                name = _NAMES.get(type(event))
                if name is not None and self.pass_events_on:
                    body = dataclasses.asdict(event)
                    del body["job_id"]
                    if isinstance(event, messages.Refused):
                        body = {"path": event.path, "code": event.code, "message": event.message, "hint": event.hint}
                    self.line({"event": name, **body})
            else:
                self._show(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, messages.Progress):
            self._bar.show(event.stage, str(event.text) or event.stage, event.done, event.total, event.seconds_left)
        elif isinstance(event, messages.BatchPoint):
            text = f"Learning, pass {math.floor(event.position) + 1}, {event.images_per_second:.1f} photographs/s"
            self._bar.show("batch", text, 0, 0, event.seconds_left)
        elif isinstance(event, messages.DeviceChosen):
            self.note(f"Computing on {event.name} in {event.precision}. {event.reason}".rstrip())
            if event.advice:
                self.note(str(event.advice))
        elif isinstance(event, messages.EpochLine):
            practice = "" if event.practice_accuracy is None else f", practice {percent(event.practice_accuracy)} right"
            best = " (best so far)" if event.best else ""
            self.note(f"Pass {event.epoch}: learning {percent(event.accuracy)} right{practice}{best}")
        elif isinstance(event, messages.ModelReady):
            right = f": {event.right} of {event.total} practice photographs right" if event.total else ""
            self.note(f"A model of {event.labels} labels is ready{right}.")
        elif isinstance(event, messages.Refused):
            if event.code == "incomplete":
                self.note(f"{event.message} {event.hint}".rstrip())
            else:
                self.note(f"Passed over: {event.message}")

    # ---- from commands

    def line(self, body: dict[str, Any]) -> None:
        """Print one JSON object, in JSON mode only.  Pure ASCII, so that no name can upset a reader.

        Raises:
            UserError: ``not_written``: standard output is closed or full.
            BrokenPipeError: whoever read it has had enough.
        """
        if self.json:
            self._write(json.dumps(_strict(body), ensure_ascii=True) + "\n")

    def say(self, text: str) -> None:
        """Print a line of the result, in words; silent in JSON mode.  Raises as `line` does."""
        if not self.json:
            self._write(printable(text) + "\n")

    def note(self, text: str) -> None:
        """Print a line on the side, on standard error."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._bar.clear()
            self._err.write(printable(text) + "\n")
            self._err.flush()

    def failed(self, failed: Failed) -> None:
        """Say that, and why, the command failed."""
        with contextlib.suppress(OSError, UserError):  # that nothing can be printed may be what failed
            self.line({"event": "failed", "code": failed.code, "message": failed.message, "hint": failed.hint})
        self.note(f"resnext-gui: {failed.message} {failed.hint}".rstrip())
        if failed.code == "fault" and failed.details:
            for line in failed.details.rstrip().splitlines():
                self.note(f"  {line}")

    def close(self) -> None:
        """Leave the terminal tidy."""
        with self._lock:
            self._bar.clear()

    def abandon(self) -> None:
        """Flush without waiting for anyone, also in the middle of a line (a RuntimeError); the process ends now."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._out.flush()

    def _write(self, text: str) -> None:
        with self._lock:
            self._bar.clear()
            try:
                self._out.write(text)
                self._out.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                raise UserError("not_written:output", what=cannot_print(error)) from error


class _Bar:
    """A line that is redrawn on a terminal, and printed now and then elsewhere."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        encoding = (getattr(stream, "encoding", None) or "ascii").lower()
        self._full, self._rest = ("━", "─") if "utf" in encoding else ("#", "-")
        self._drawn = False
        self._last_stage = ""
        self._last_time = -1e9

    def show(self, stage: str, text: str, done: int, total: int, seconds_left: float | None) -> None:
        left = "" if seconds_left is None else f"{duration(seconds_left)} left"
        count = f"{done:,} of {total:,}" if total > 0 else (f"{done:,}" if done else "")
        if f"{done:,}" in text or str(done) in text:
            count = ""  # the sentence says it already
        if not self._terminal:
            now = time.monotonic()
            if stage != self._last_stage or now - self._last_time > QUIET_INTERVAL:
                self._last_stage, self._last_time = stage, now
                self._put(printable(", ".join(part for part in (text, count, left) if part)) + "\n")
            return
        width = shutil.get_terminal_size().columns - 1
        bar = ""
        if total > 0:
            filled = round(20 * min(1.0, done / total))
            bar = self._full * filled + self._rest * (20 - filled)
        line = printable("  ".join(part for part in (text, bar, count, left) if part))
        self._put("\r\x1b[K" + line[:width])
        self._drawn = True

    def clear(self) -> None:
        if self._drawn:
            self._drawn = False
            self._put("\r\x1b[K")

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def percent(share: float | None) -> str:
    """Return a share of 0..1 as "87 %"."""
    return "unknown" if share is None or not math.isfinite(share) else f"{hundredth(share)} %"


def duration(seconds: float) -> str:
    """Return seconds as "0:42" or "2:05:00"."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _strict(value: Any) -> Any:
    """Replace what JSON has no word for (NaN, infinity) by null, tuples by lists, and put sentences into words."""
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value

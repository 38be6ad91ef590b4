"""How long this process has been running, and how much time work may take."""

from __future__ import annotations

import os
import time
from pathlib import Path

_IMPORTED = time.monotonic()


def process_seconds() -> float:
    """Return the seconds since this process was started; where the system does not tell, since this import."""
    try:
        with Path("/proc/self/stat").open("rb") as stream:
            # the program's name stands in brackets and may hold anything; the start time is the 20th field after it
            fields = stream.read().rpartition(b")")[2].split()
        with Path("/proc/uptime").open("rb") as stream:
            uptime = float(stream.read().split()[0])
        return max(0.0, uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return time.monotonic() - _IMPORTED


class Pace:
    """Remaining time of a job that does the same thing many times."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._began = time.monotonic()

    def step(self, count: int = 1) -> None:
        """Note that `count` more are done."""
        self._done += count

    @property
    def done(self) -> int:
        """How many are done."""
        return self._done

    @property
    def rate(self) -> float:
        """How many a second, on average; 0 before the first."""
        spent = time.monotonic() - self._began
        return self._done / spent if self._done and spent > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all are done, or None while nothing is known."""
        return (self._total - self._done) / self.rate if self.rate else None

"""How a running job is asked to stop, to wait, or to let something urgent go first.  Standard library only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from resnext_gui.messages import JobStopped


class Control:
    """The other end of a job's pause and stop buttons.

    A job calls `check` wherever it could safely stop: between files, and at the end of every batch.  The thread that
    listens to the window calls the other methods.
    """

    def __init__(
        self,
        between: Callable[[], None] | None = None,
        on_pause: Callable[[bool], None] | None = None,
    ) -> None:
        """Args:
        between: called at every `check`, on the job's own thread; serves urgent work.
        on_pause: told True when the job begins to wait and False when it goes on.
        """
        self._condition = threading.Condition()
        self._stop = False
        self._pause = False
        self._between = between
        self._on_pause = on_pause
        self.paused_seconds = 0.0

    def stop(self) -> None:
        """Ask the job to stop; a waiting job wakes up and stops."""
        with self._condition:
            self._stop = True
            self._condition.notify_all()

    def pause(self) -> None:
        """Ask the job to wait at its next `check`."""
        with self._condition:
            self._pause = True

    def resume(self) -> None:
        """Let a waiting job go on."""
        with self._condition:
            self._pause = False
            self._condition.notify_all()

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for.  For loops that end by themselves instead of raising."""
        return self._stop

    def check(self) -> None:
        """Serve urgent work, wait while paused, and raise `JobStopped` once a stop was asked for."""
        if self._between is not None:
            self._between()
        if self._pause and not self._stop:
            self._wait()
        if self._stop:
            raise JobStopped

    def _wait(self) -> None:
        began = time.monotonic()
        if self._on_pause is not None:
            self._on_pause(True)
        while True:
            with self._condition:
                # Urgent work must still be served while the job waits, so wake up for it when there can be any.
                self._condition.wait_for(
                    lambda: self._stop or not self._pause, timeout=0.1 if self._between is not None else None
                )
                over = self._stop or not self._pause
            if over:
                break
            if self._between is not None:
                self._between()
        self.paused_seconds += time.monotonic() - began
        if self._on_pause is not None:
            self._on_pause(False)

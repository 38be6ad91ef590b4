"""Imports that take long, made in slices of the window's time.

They may not simply go to another thread.  Each class that derives from one of Qt's enters a table of the bindings, and
the window's thread reads that table without holding Python's lock whenever Qt asks an object for its kind; a class
made on another thread at that moment ends the program.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import time
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QObject, QTimer

log = logging.getLogger(__name__)

SLICE = 0.010
"""Seconds of the window's time that one slice takes.  A single step may take longer."""
BETWEEN = 10
"""Milliseconds that belong to the person after each slice."""
END = object()


class Steps(QObject):
    """Takes steps in slices of the window's time.

    Args:
        steps: taken one by one on the thread that made this; others may take from them, too.
        done: called once after the last.
    """

    def __init__(self, steps: Iterator[Any], done: Callable[[], Any] | None = None, parent: QObject | None = None):
        super().__init__(parent)
        self._steps = steps
        self._done = done
        self._timer = QTimer(self)
        self._timer.setInterval(BETWEEN)
        self._timer.timeout.connect(self._slice)
        self._timer.start()

    @property
    def active(self) -> bool:
        """Whether there are steps left."""
        return self._timer.isActive()

    def stop(self) -> None:
        """Take no more steps."""
        self._timer.stop()

    def _slice(self) -> None:
        until = time.monotonic() + SLICE
        while time.monotonic() < until:
            try:
                step = next(self._steps, END)
            except Exception:
                self.stop()
                raise
            if step is END:
                break
        else:
            return
        self.stop()
        if self._done is not None:
            self._done()


def whole_package(package: str) -> Iterator[object]:
    """Import the modules of `package` and of its packages one by one; what cannot be imported is passed over."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        try:
            importlib.import_module(module.name)
        except ImportError:
            log.exception("%s is not there", module.name)  # told again, to the person, when it is wanted
        yield module.name

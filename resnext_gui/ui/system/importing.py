"""Imports that take long, made in slices of the window's time.

They may not simply go to another thread.  Each class that derives from one of Qt's enters a table of the bindings, and
the window's thread reads that table without holding Python's lock whenever Qt asks an object for its kind; a class
made on another thread at that moment ends the program.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from PySide6.QtCore import QObject, QTimer

log = logging.getLogger(__name__)

SLICE = 0.010
"""Seconds of the window's time that one slice takes.  A single step may take longer."""
BETWEEN = 10
"""Milliseconds that belong to the person after each slice."""
REST = object()
"""A step that says: nothing more can be done in this slice."""
END = object()


class InSlices:
    """An import that goes on only while the window's thread waits in `step`.

    A thread does it, which rests wherever a module of the package begins or ends.  In between the window goes on as
    ever, but must not import from that package itself: it would wait for a thread that waits for it.

    Args:
        package: what to import, with everything that it imports in turn.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.done = False
        self.error: ImportError | None = None
        self._inside = package + "."
        self._until = 0.0
        self._go = threading.Semaphore(0)
        self._rest = threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def step(self, seconds: float) -> bool:
        """Go on for about `seconds`.  Returns whether the import is complete."""
        if self.done:
            return True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"import-{self.package}", daemon=True)
            self._thread.start()
        self._until = time.monotonic() + seconds
        self._go.release()
        self._rest.acquire()
        return self.done

    def _run(self) -> None:
        self._go.acquire()
        sys.setprofile(self._look_up)  # of this thread alone
        try:
            importlib.import_module(self.package)
        except ImportError as error:
            self.error = error
        finally:
            sys.setprofile(None)
            self.done = True
            self._rest.release()

    def _look_up(self, frame: FrameType, event: str, _about: Any) -> None:
        # Only where a module of this package begins or ends: no lock is held there but those of the package itself.
        if event not in ("call", "return") or frame.f_code.co_name != "<module>":
            return
        name = frame.f_globals.get("__name__", "")
        if time.monotonic() >= self._until and (name == self.package or name.startswith(self._inside)):
            self._rest.release()
            self._go.acquire()


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
            if step is REST:
                return
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


def without_qt(modules: Sequence[str]) -> Iterator[object]:
    """Import `modules`, none of which has to do with Qt, on a thread, and rest until they are there."""

    def work() -> None:
        for name in modules:
            try:
                importlib.import_module(name)
            except ImportError:
                continue  # whoever needs it will say so

    thread = threading.Thread(target=work, name="imports", daemon=True)
    thread.start()
    while thread.is_alive():
        yield REST


def everything_in(module: str) -> Iterator[object]:
    """Have the bindings make all classes of the module `module`, which they do when each is first looked at."""
    names = importlib.import_module(module)
    for name in dir(names):
        getattr(names, name, None)
        yield name

"""Collects cyclic garbage on the window's thread alone, and between two events.

Python collects on whichever thread happens to allocate when its time has come.  Where widgets are part of the garbage,
that thread then destroys them, perhaps while the window sends them an event; a Qt object may only be destroyed on the
thread that it belongs to.  On the right thread, too, there are wrong moments: the bindings allocate while they hold a
lock of Qt's which the end of an object wants.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

LOOK_EVERY = 500
"""Milliseconds between two looks at how much has been allocated."""


class GarbageCollector(QObject):
    """Takes over from Python's automatic collection until `stop`.  Make it on the window's thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(LOOK_EVERY)

    def look(self) -> None:
        """Collect what Python itself would have collected by now: the oldest generation that is over its threshold."""
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > gc.get_threshold()[generation] > 0:
                gc.collect(generation)
                return

    def end(self) -> None:
        """Collect for the last time, while Qt is whole.  Python's own collection stays off for the program's end."""
        self._timer.stop()
        gc.collect()

    def stop(self) -> None:
        """Give the work back to Python."""
        self._timer.stop()
        gc.enable()

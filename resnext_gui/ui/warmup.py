"""Imports what the pages need while the first page is looked at, on a thread, so that nothing has to wait later."""

from __future__ import annotations

import gc
import importlib
import logging
import threading

from resnext_gui.ui.places import PAGES

log = logging.getLogger(__name__)


class WarmUp:
    """One thread that imports the pages.  Starting it again costs nothing."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        if self._thread is None:
            self._thread = threading.Thread(target=_import_pages, name="warm-up", daemon=True)
            self._thread.start()

    def wait(self, seconds: float = 5.0) -> None:
        """Wait for its end: a thread in the middle of an import must not outlive the program."""
        if self._thread is not None:
            self._thread.join(seconds)


def _import_pages() -> None:
    for place in PAGES:
        try:
            place.load()
        except ImportError:
            log.exception("the page %s is not there", place.key)  # told again, to the person, when it is opened
    importlib.import_module("pyqtgraph")
    # What has been imported stays for good: looking through it again and again would cost 20 ms each time.
    gc.freeze()

"""Imports and tries what the pages need while the first page is looked at, in slices, so that nothing waits later."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from resnext_gui.ui.shell.places import PAGES
from resnext_gui.ui.system.importing import Steps


class WarmUp:
    """Imports the pages.  Starting it again costs nothing."""

    def __init__(self) -> None:
        self._steps: Steps | None = None

    def start(self) -> None:
        """Begin."""
        if self._steps is None:
            # What has been imported stays for good: looking through it again and again would cost 20 ms each time.
            self._steps = Steps(_steps(), done=gc.freeze)

    @property
    def done(self) -> bool:
        """Whether everything is there."""
        return self._steps is not None and not self._steps.active

    def stop(self) -> None:
        """Import no more."""
        if self._steps is not None:
            self._steps.stop()


def _steps() -> Iterator[object]:
    for place in PAGES:
        yield from place.import_steps()
    yield from _rehearsal()


def _rehearsal() -> Iterator[object]:
    """Make the largest parts of the first page, and throw them away.

    What is made for the first time takes twice as long, since its icons are drawn and its styles looked up: the page
    took 47 ms without this and 35 with it, and twice as much on a busy computer.
    """
    from resnext_gui.ui.photos.findings import FindingsPanel
    from resnext_gui.ui.photos.labels.panel import LabelsPanel
    from resnext_gui.ui.photos.toolbar import PhotosToolbar

    for part in (LabelsPanel, PhotosToolbar, FindingsPanel):
        widget = part()
        yield part
        widget.deleteLater()

"""The places of the rail, and the pages behind them, which are imported only when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from PySide6.QtCore import QCoreApplication

from resnext_gui.ui.system.importing import whole_package


class Place(NamedTuple):
    """A page: its key (also its icon's name), its title, and its class as ``module:class`` in ``ui/pages``."""

    key: str
    name: str
    home: str

    @property
    def title(self) -> str:
        """The title in the person's language."""
        return QCoreApplication.translate("places", self.name)

    def import_steps(self) -> Iterator[object]:
        """Import what the page needs, step by step."""
        yield from whole_package("resnext_gui.ui.widgets")
        self.load()

    def load(self) -> Any:
        """Import the page and return its class, which is made with the session."""
        module, _, name = self.home.partition(":")
        return getattr(import_module(f"resnext_gui.ui.pages.{module}"), name)


PAGES: tuple[Place, ...] = (
    Place("photos", "Photos", "photos:PhotosPage"),
    Place("train", "Train", "train:TrainPage"),
    Place("results", "Results", "results:ResultsPage"),
    Place("classify", "Classify", "classify:ClassifyPage"),
)
"""From top to bottom.  A new page is one file in ``ui/pages`` and one line here."""

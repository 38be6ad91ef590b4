"""The places of the rail, and the pages behind them, which are imported only when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from PySide6.QtCore import QCoreApplication

from resnext_gui.ui.session.state import PageKey
from resnext_gui.ui.system.importing import whole_package


class Place(NamedTuple):
    """A page: its key (also its icon's name and its room: ``ui/<key>/page.py``), its title, and its class there."""

    key: PageKey
    name: str
    page: str

    @property
    def title(self) -> str:
        """The title in the person's language."""
        return QCoreApplication.translate("places", self.name)

    def import_steps(self) -> Iterator[object]:
        """Import what the page needs, step by step."""
        yield from whole_package("resnext_gui.ui.common")
        yield from whole_package(f"resnext_gui.ui.{self.key}")
        self.load()

    def load(self) -> Any:
        """Import the page and return its class, which is made with the session."""
        return getattr(import_module(f"resnext_gui.ui.{self.key}.page"), self.page)


PAGES: tuple[Place, ...] = (
    Place("photos", "Photos", "PhotosPage"),
    Place("train", "Train", "TrainPage"),
    Place("results", "Results", "ResultsPage"),
    Place("classify", "Classify", "ClassifyPage"),
)
"""From top to bottom.  A new page is a folder with a ``page.py`` and one line here."""

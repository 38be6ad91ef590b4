"""Where drops, pastes and chosen folders go: into a new project, into the open one, or to the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtGui import QGuiApplication

from resnext_gui.project import is_project
from resnext_gui.ui.common import dropping
from resnext_gui.ui.common.dropping import Dropped
from resnext_gui.ui.session.session import Session
from resnext_gui.ui.session.state import Problem
from resnext_gui.ui.shell.dropzones import ASK, LEARN


class Intake(QObject):
    """Decides what becomes of what a person brings.

    Args:
        session: returns the open session, or None.
        open_project: opens the project at a path.
        new_project: makes a project of a name and returns its session once it is open.
        tell: shows a problem.
    """

    def __init__(
        self,
        session: Callable[[], Session | None],
        open_project: Callable[[str], None],
        new_project: Callable[[str], Session | None],
        tell: Callable[[Problem], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._open_project = open_project
        self._new_project = new_project
        self._tell = tell

    def take(self, zone: str, found: Dropped) -> None:
        """Deal with what was dropped on `zone`."""
        project = next((path for path in found.paths if is_project(path)), None)
        if project is not None:
            self._open_project(project)
        elif found.paths:
            self._take_paths(zone, found.paths)
        elif found.image is not None:
            self._take_image(found)
        elif found.addresses:
            self._only_addresses(found)
        else:
            self._tell(Problem("", self.tr("There was no picture in that."), code="drop", tone="info"))

    def _take_paths(self, zone: str, paths: list[str]) -> None:
        session = self._session()
        if session is None:
            self.learn_in_new_project(paths)
        elif zone == ASK:
            session.answers.classify(paths)
        else:
            session.navigate.emit("photos")
            session.imports.add(paths)

    def _take_image(self, found: Dropped) -> None:
        session = self._session()
        if session is None or found.image is None:
            self._tell(
                Problem(
                    "start",
                    self.tr("There is no project open that could answer what this shows."),
                    self.tr("Open a project, or drop a folder of labelled photographs first."),
                    code="drop",
                    tone="info",
                )
            )
            return
        session.answers.classify(found.image)

    def _only_addresses(self, found: Dropped) -> None:
        host = found.addresses[0].split("/")[2] if found.addresses[0].count("/") >= 2 else found.addresses[0]
        self._tell(
            Problem(
                "",
                self.tr("The browser gave only an address on {0}, not the picture.").format(host),
                self.tr("This program downloads nothing. Copy the picture there and paste it here, or save it first."),
                code="address",
                tone="caution",
            )
        )

    def learn_in_new_project(self, paths: list[str]) -> None:
        """Make a project, named after the first folder, and let it learn from `paths`."""
        first = Path(paths[0])
        name = first.name if first.is_dir() else first.parent.name
        session = self._new_project(name or self.tr("Photographs"))
        if session is not None:
            session.imports.add(paths)

    def samples(self) -> None:
        """Make a project of sample photographs, or open the one made before."""
        session = self._new_project(self.tr("Sample photographs"))
        if session is not None:
            session.imports.add_samples()

    def paste(self) -> None:
        """Ask the model about what the clipboard holds."""
        data: QMimeData | None = QGuiApplication.clipboard().mimeData()
        found = Dropped() if data is None else dropping.read(data)
        if found.empty:
            message = self.tr("The clipboard holds no picture.")
            self._tell(Problem("", message, code="paste", tone="info"))
            return
        self.take(ASK, found)


__all__ = ["ASK", "LEARN", "Intake"]

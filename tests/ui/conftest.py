"""Fixtures of the window's tests: a scripted engine, a project, a session, and the theme."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QColor, QImage

from resnext_gui.project import Project
from resnext_gui.ui.common import theme
from resnext_gui.ui.engine_process.client import EngineClient
from resnext_gui.ui.engine_process.process import Patience
from resnext_gui.ui.session.session import Session
from tests.ui.fake_session import FakeSession

FAKE = Path(__file__).with_name("fake_engine.py")
QUICKLY = Patience(hello=10.0, stop=0.3, terminate=0.3, close=1.0)


def fake_program(**behaviour: Any) -> list[str]:
    """Return the command line of a scripted engine; see ``fake_engine`` for what it can be told."""
    return [sys.executable, str(FAKE), json.dumps(behaviour)]


@pytest.fixture
def make_client(qapp: Any, tmp_path: Path) -> Iterator[Callable[..., EngineClient]]:
    """Makes clients of scripted engines, and closes them at the end."""
    made: list[EngineClient] = []

    def make(
        role: str = "assistant", one_job: bool = False, patience: Patience = QUICKLY, **behaviour: Any
    ) -> EngineClient:
        client = EngineClient(
            role, program=fake_program(**behaviour), one_job=one_job, log_folder=tmp_path / "logs", patience=patience
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def dressed(qapp: Any) -> Iterator[Any]:
    """The application in our light theme."""
    # Dressing takes a while, so it is done again only where a test changed it.
    if not qapp.property("dressed"):
        theme.install(qapp, "light")
        qapp.setProperty("dressed", True)
    yield qapp
    if theme.choice() != "light":
        theme.choose("light")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of two labels with four small pictures each, and one loose picture."""
    root = tmp_path / "flowers"
    for number, label in enumerate(("daisy", "rose")):
        (root / label).mkdir(parents=True)
        for index in range(4):
            image = QImage(64, 48, QImage.Format.Format_RGB32)
            image.fill(QColor.fromHsv(120 * number + 10 * index, 200, 200))
            image.save(str(root / label / f"{label} {index}.png"))
    return root


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project."""
    made = Project.create(tmp_path / "projects" / "Flowers", "Flowers")
    yield made
    while FakeSession.opened:
        FakeSession.opened.pop().close()
    made.close()


@pytest.fixture
def make_session(project: Project, make_client: Callable[..., EngineClient]) -> Iterator[Callable[..., Session]]:
    """Makes a session on `project` with scripted engines, and closes it at the end."""
    made: list[Session] = []

    def make(**behaviour: Any) -> Session:
        assistant = make_client(**behaviour)
        trainer = make_client("trainer", one_job=True, **behaviour)
        made.append(Session(project, assistant, trainer))
        return made[-1]

    yield make
    for session in made:
        session.close()

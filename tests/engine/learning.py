"""What the tests of learning share: a tiny network, tiny pictures, and a project that holds both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import Event, MakeQuick, Scan, Source, Train, TrainSpec
from resnext_gui.project import Project
from tests.jobs import in_job

SIZE = 32
COLOURS = {"amber": (220, 150, 40), "blue": (60, 90, 200), "green": (70, 170, 80)}


def draw(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """Write a noisy picture of roughly one colour, 40 x 32."""
    rng = np.random.default_rng(seed)
    pixels = np.array(colour) + rng.normal(0, 45, (32, 40, 3)) + rng.normal(0, 40, 3)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def pictures(folder: Path, each: int = 12, first: int = 0) -> Path:
    """Draw `each` pictures a label into `folder`, one sub-folder a label."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(first, first + each):
            draw(folder / name / f"{name} {index}.png", colour, 1000 * number + index)
    return folder


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights of a network with one stage of one bottleneck."""
    from resnext_gui.engine.device import backend
    from resnext_gui.engine.network.resnext import build_resnext
    from resnext_gui.engine.pictures.decode import Preprocessing
    from resnext_gui.engine.weights.load import save_weights

    backend.setup("cpu", "float32")
    backend.seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    model = build_resnext((1,), cardinality=4, base_width=4, stem=8, include_top=False)
    save_weights(path, model, preprocessing=Preprocessing(size=SIZE, crop=0.9))
    return path


class Learner:
    """A project and what its jobs said."""

    def __init__(self, folder: Path, weights: Path) -> None:
        self.folder, self.weights = folder, weights
        self.events: list[Event] = []
        Project.create(folder).close()

    def scan(self, photographs: Path) -> dict[str, Any]:
        from resnext_gui.engine.ingest.scan import scan_job

        return scan_job(Scan("s", str(self.folder), (Source(str(photographs)),)), in_job(self.events.append))

    def quick(self, control: Control | None = None, **changes: Any) -> dict[str, Any]:
        from resnext_gui.engine.models.quick import quick_job

        command = MakeQuick("q", str(self.folder), str(self.weights), precision="float32", device="cpu")
        return quick_job(replace(command, **changes), in_job(self.events.append, control))

    def train(self, control: Control | None = None, run: str | None = None, **spec: Any) -> dict[str, Any]:
        from resnext_gui.engine.training.run import train_job

        given = {"weights": str(self.weights), "precision": "float32", "device": "cpu", "batch": 8, "epochs": 2} | spec
        command = Train("t", str(self.folder), TrainSpec(**given), run)
        return train_job(command, in_job(self.events.append, control))

    def finish(self, run: str) -> dict[str, Any]:
        from resnext_gui.engine.training.run import train_job

        command = Train("t", str(self.folder), TrainSpec(), run, finish=True)
        return train_job(command, in_job(self.events.append))

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def project(self) -> Project:
        return Project.open(self.folder)


@pytest.fixture
def learner(tmp_path: Path, tiny_weights: Path) -> Learner:
    """A project with twelve pictures of each of three labels."""
    made = Learner(tmp_path / "project", tiny_weights)
    made.scan(pictures(tmp_path / "photographs"))
    return made


@pytest.fixture
def new_learner(tmp_path: Path, tiny_weights: Path) -> Callable[[str], Learner]:
    """Make further projects of the same pictures."""

    def make(name: str) -> Learner:
        made = Learner(tmp_path / name, tiny_weights)
        made.scan(pictures(tmp_path / "photographs"))
        return made

    return make


class StopAfter(Control):
    """Stops the job at the `count`-th check that finds `when` true."""

    def __init__(self, when: Callable[[], bool]) -> None:
        super().__init__()
        self._when = when

    def check(self) -> None:
        if self._when():
            self.stop()
        super().check()

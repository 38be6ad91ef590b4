"""The quick model: when it is made, made anew or taken as it is, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnext_gui.engine.models import quick
from resnext_gui.engine.models.classifier import Classifier
from resnext_gui.engine.models.evaluation import for_labels
from resnext_gui.engine.models.modelfile import read_model
from resnext_gui.engine.worker.clock import process_seconds
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import JobStopped, ModelReady, Progress, UserError
from tests.engine.learning import Learner, StopAfter, draw, learner, pictures, tiny_weights

__all__ = ["learner", "tiny_weights"]


def test_first_second_and_third_time(learner: Learner, tmp_path: Path) -> None:
    first = learner.quick()
    assert first["computed"] == first["photographs"] == 30
    assert first["labels"] == 3
    assert first["total"] == 6
    assert first["accuracy"] == first["right"] / 6
    assert 0 < first["first_model_seconds"] <= process_seconds()
    ready = learner.told(ModelReady)[-1]
    assert (ready.model, ready.right, ready.total) == ("quick", first["right"], 6)
    assert learner.told(Progress)[-1].text == "Looked at 30 of 30"
    second = learner.quick()
    assert second["computed"] == 0
    assert second["right"] == first["right"]
    for number in range(10):
        draw(tmp_path / "photographs" / "blue" / f"new {number}.png", (60, 90, 200), 9000 + number)
    learner.scan(tmp_path / "photographs")
    third = learner.quick()
    assert third["computed"] == third["photographs"] - 30
    assert 0 < third["computed"] <= 10
    with learner.project() as project:
        assert project.current_model == "quick"


def test_head_is_made_anew_from_the_cache_when_labels_change(learner: Learner) -> None:
    learner.quick()
    with learner.project() as project:
        labels = {label.name: label.id for label in project.labels()}
        project.merge_labels(labels["amber"], labels["green"])
    again = learner.quick()
    assert again["computed"] == 0
    assert again["labels"] == 2


def test_damaged_model_is_made_again(learner: Learner) -> None:
    first = learner.quick()
    with learner.project() as project:
        next(project.quick_folder.glob("quick-*.safetensors")).write_bytes(b"no")
    second = learner.quick()
    assert second["right"] == first["right"]
    assert second["computed"] == 0


def test_project_keeps_its_weights_and_size(learner: Learner) -> None:
    learner.quick(size=40)
    again = learner.quick(weights=None)
    assert again["computed"] == 0
    assert again["weights"] == str(learner.weights)


def test_one_label_is_not_enough(tmp_path: Path, tiny_weights: Path) -> None:
    made = Learner(tmp_path / "project", tiny_weights)
    (tmp_path / "photographs" / "only").mkdir(parents=True)
    for number in range(6):
        draw(tmp_path / "photographs" / "only" / f"{number}.png", (200, 10, 10), number)
    made.scan(tmp_path / "photographs")
    with pytest.raises(UserError, match="compares labels") as caught:
        made.quick()
    assert caught.value.code == "one_label"


def test_no_photographs(tmp_path: Path, tiny_weights: Path) -> None:
    with pytest.raises(UserError) as caught:
        Learner(tmp_path / "project", tiny_weights).quick()
    assert caught.value.code == "no_photographs"


def test_one_photograph_a_label(tmp_path: Path, tiny_weights: Path) -> None:
    made = Learner(tmp_path / "project", tiny_weights)
    made.scan(pictures(tmp_path / "photographs", each=1))
    result = made.quick()
    assert result["total"] == 0
    assert result["accuracy"] is None


def test_early_model_on_large_sets(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "INTERIM", 4)
    monkeypatch.setattr(quick.Pace, "seconds_left", 100.0)
    learner.quick()
    assert len(learner.told(ModelReady)) == 2
    assert learner.told(ModelReady)[0].photographs < learner.told(ModelReady)[1].photographs


def digest(learner: Learner) -> str:
    with learner.project() as project:
        return read_model(project.quick_folder).digest


@pytest.mark.parametrize("changes", [{"seed": 5}, {"class_weights": False}])
def test_a_model_made_otherwise_is_not_taken_for_the_one_asked_for(learner: Learner, changes: dict[str, Any]) -> None:
    with learner.project() as project:  # so that weights of labels make a difference
        project.assign_kinds()
        project.remove_photos([item.photo_id for item in project.items("learning") if item.label == 0][:6])
    learner.quick()
    with learner.project() as project:
        first = read_model(project.quick_folder).photographs
        learner.quick(**changes)
        second = read_model(project.quick_folder).photographs
    assert first != second
    if "class_weights" in changes:
        other = digest(learner)
        learner.quick()
        assert digest(learner) != other


def test_the_saved_loss_is_that_of_the_saved_temperature(learner: Learner) -> None:
    learner.quick()
    with learner.project() as project:
        model = read_model(project.quick_folder)
        items = for_labels(project, model.labels, "practice")
        classifier = Classifier.load(project, "quick")
        probabilities = classifier.probabilities([classifier.read(item.path) for item in items])
    loss = -np.log([row[item.label] for row, item in zip(probabilities, items, strict=True)]).mean()
    assert model.practice["loss"] == pytest.approx(loss, rel=1e-4)


def test_it_says_which_state_of_the_project_it_was_made_of(learner: Learner) -> None:
    class Correcting(Control):
        """A person corrects a label while the photographs are being looked at."""

        moved = False

        def check(self) -> None:
            if learner.told(Progress) and not self.moved:
                self.moved = True
                with learner.project() as project:
                    item = project.items("learning")[0]
                    project.move([item.photo_id], project.labels()[-1].id)

    made = learner.quick(control=Correcting())
    with learner.project() as project:
        assert made["version"] < project.data_version()
        assert learner.quick()["version"] == project.data_version()


def test_a_first_model_of_some_photographs_is_never_taken_for_the_last_one(
    learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "INTERIM", 4)
    monkeypatch.setattr(quick.Pace, "seconds_left", 100.0)
    with pytest.raises(JobStopped):
        learner.quick(control=StopAfter(lambda: bool(learner.told(ModelReady))))
    early = digest(learner)
    learner.quick()
    assert digest(learner) != early


def test_what_came_while_a_damaged_file_was_found_is_learned_as_well(learner: Learner, tmp_path: Path) -> None:
    with learner.project() as project:
        project.assign_kinds()
        Path(project.items("learning")[0].path).write_bytes(b"no picture any more")

    class Adding(Control):
        added = False

        def check(self) -> None:
            if learner.told(Progress) and not self.added:
                self.added = True
                for number in range(3):
                    draw(tmp_path / "photographs" / "blue" / f"late {number}.png", (60, 90, 200), 7000 + number)
                learner.scan(tmp_path / "photographs")

    made = learner.quick(control=Adding())
    with learner.project() as project:
        assert made["version"] == project.data_version()
        listed = len(project.items("learning")) + len(project.items("practice"))
        assert read_model(project.quick_folder).counts["photographs"] == listed == made["photographs"]

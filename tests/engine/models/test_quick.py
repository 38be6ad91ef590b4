"""The quick model: when it is made, made anew or taken as it is, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnext_gui.engine.models import quick
from resnext_gui.engine.worker.clock import process_seconds
from resnext_gui.messages import ModelReady, Progress, UserError
from tests.engine.learning import Learner, draw, learner, pictures, tiny_weights

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

"""Intervals, confusion, and an exam whose uses are counted."""

from __future__ import annotations

import numpy as np
import pytest

from resnext_gui.engine.models.evaluation import evaluate_job, summarise, wilson
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import Evaluate, UserError
from resnext_gui.project import Item
from tests.engine.learning import Learner, learner, tiny_weights

__all__ = ["learner", "tiny_weights"]


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(46, 50, 0.8116, 0.9685), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-4)


def test_summary() -> None:
    items = [Item(n, f"{n}.png", str(n), label) for n, label in enumerate([0, 0, 1, 2])]
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1]])
    found = summarise("quick", "exam", ["a", "b", "c"], items, probabilities, 2)
    assert (found["right"], found["total"], found["uses"]) == (2, 4, 2)
    assert found["confusion"] == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert found["baseline"] == {"label": "a", "right": 2}
    assert [row["right"] for row in found["per_label"]] == [1, 1, 0]
    assert found["items"][1] == {
        "photo_id": 1,
        "path": "1.png",
        "truth": "a",
        "answer": "b",
        "probability": 0.7,
        "truth_probability": 0.2,
    }


def test_nothing_to_summarise() -> None:
    found = summarise("quick", "exam", ["a", "b"], [], np.zeros((0, 2)), 1)
    assert (found["right"], found["total"], found["low"], found["high"]) == (0, 0, 0.0, 1.0)


def test_opening_again_is_no_use(learner: Learner) -> None:
    learner.quick()
    command = Evaluate("e", str(learner.folder), "quick", "exam")
    first = evaluate_job(command, learner.events.append, Control())
    assert first["total"] == 6
    assert first["uses"] == 1
    assert evaluate_job(command, learner.events.append, Control()) == first
    with learner.project() as project:
        assert project.exam_uses("quick") == 1
        labels = {label.name: label.id for label in project.labels()}
        project.merge_labels(labels["amber"], labels["green"])
    learner.quick()
    again = evaluate_job(command, learner.events.append, Control())
    assert again["uses"] == 2
    assert again["labels"] == ["blue", "green"]


def test_practice_is_what_the_quick_model_was_scored_on(learner: Learner) -> None:
    made = learner.quick()
    found = evaluate_job(Evaluate("e", str(learner.folder), "quick", "practice"), learner.events.append, Control())
    assert (found["right"], found["total"]) == (made["right"], made["total"])
    assert found["uses"] == 0


def test_no_exam(learner: Learner) -> None:
    learner.quick()
    with learner.project() as project:
        for item in project.items("exam"):
            project.remove_photos([item.photo_id])
    with pytest.raises(UserError) as caught:
        evaluate_job(Evaluate("e", str(learner.folder), "quick", "exam"), learner.events.append, Control())
    assert caught.value.code == "no_exam"


def test_no_such_model(learner: Learner) -> None:
    with pytest.raises(UserError) as caught:
        evaluate_job(Evaluate("e", str(learner.folder), "2026-01-01-000000"), learner.events.append, Control())
    assert caught.value.code == "no_run"

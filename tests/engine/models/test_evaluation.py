"""Intervals, confusion, and an exam whose uses are counted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnext_gui.engine.ingest.reconcile import reconcile_job
from resnext_gui.engine.models.classifier import Classifier, classify_job, forget_loaded
from resnext_gui.engine.models.evaluation import evaluate_job, summarise
from resnext_gui.messages import Answer, Classify, Evaluate, Reconcile, UserError
from resnext_gui.project import Item, Project, read_json, write_json
from resnext_gui.project.evaluations import restated
from tests.engine.learning import Learner, draw, learner, tiny_weights
from tests.jobs import in_job

__all__ = ["learner", "tiny_weights"]


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
        "hash": "1",
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
    first = evaluate_job(command, in_job(learner.events.append))
    assert first["total"] == 6
    assert first["uses"] == 1
    assert evaluate_job(command, in_job(learner.events.append)) == first
    with learner.project() as project:
        assert project.exam_uses() == 1
        labels = {label.name: label.id for label in project.labels()}
        project.merge_labels(labels["amber"], labels["green"])
    learner.quick()
    again = evaluate_job(command, in_job(learner.events.append))
    assert again["uses"] == 2
    assert again["labels"] == ["blue", "green"]


def test_practice_is_what_the_quick_model_was_scored_on(learner: Learner) -> None:
    made = learner.quick()
    found = evaluate_job(Evaluate("e", str(learner.folder), "quick", "practice"), in_job(learner.events.append))
    assert (found["right"], found["total"]) == (made["right"], made["total"])
    assert found["uses"] == 0


def test_no_exam(learner: Learner) -> None:
    learner.quick()
    with learner.project() as project:
        for item in project.items("exam"):
            project.remove_photos([item.photo_id])
    with pytest.raises(UserError) as caught:
        evaluate_job(Evaluate("e", str(learner.folder), "quick", "exam"), in_job(learner.events.append))
    assert caught.value.code == "no_exam"


def test_no_such_model(learner: Learner) -> None:
    with pytest.raises(UserError) as caught:
        evaluate_job(Evaluate("e", str(learner.folder), "2026-01-01-000000"), in_job(learner.events.append))
    assert caught.value.code == "no_run"


def exam(learner: Learner, model: str = "quick") -> dict[str, Any]:
    return evaluate_job(Evaluate("e", str(learner.folder), model, "exam"), in_job(learner.events.append))


def ids(project: Project) -> dict[str, int]:
    return {label.name: label.id for label in project.labels()}


def exchange(project: Project, one: str, other: str) -> None:
    """Give two labels each other's name."""
    first, second = ids(project)[one], ids(project)[other]
    project.rename_label(first, "between")
    project.rename_label(second, one)
    project.rename_label(first, other)


def frozen_quick(learner: Learner) -> str:
    """Make the quick model and keep it as a run's, which no change of a label makes anew; returns the run's id."""
    learner.quick()
    with learner.project() as project:
        run = project.new_run({})
        for file in project.quick_folder.iterdir():
            shutil.copy(file, run.folder)
        return run.id


def test_renamed_labels_take_no_right_answer_away(learner: Learner) -> None:
    run = frozen_quick(learner)
    first = exam(learner, run)
    with learner.project() as project:
        project.rename_label(ids(project)["amber"], "honey")
        exchange(project, "blue", "green")
    again = exam(learner, run)
    assert (again["right"], again["total"], again["uses"]) == (first["right"], first["total"], 1)
    assert again["labels"] == ["honey", "green", "blue"]
    forget_loaded()
    path = str(next((learner.folder.parent / "photographs" / "blue").iterdir()))
    with learner.project() as project:
        assert Classifier.load(project, run).labels == again["labels"]
        (run_folder := project.run(run).folder).joinpath("exam.json").unlink()
        assert run_folder.is_dir()
    scored = exam(learner, run)
    assert (scored["right"], scored["total"]) == (first["right"], first["total"])
    assert [item["truth"] for item in scored["items"]] == [item["truth"] for item in again["items"]]
    classify_job(Classify("c", str(learner.folder), (path,), model=run), in_job(learner.events.append))
    assert {label for label, _ in learner.told(Answer)[-1].top} == {"honey", "green", "blue"}


def test_merged_labels_answer_as_one(learner: Learner) -> None:
    run = frozen_quick(learner)
    first = exam(learner, run)
    with learner.project() as project:
        project.merge_labels(ids(project)["amber"], ids(project)["green"])
        classifier = Classifier.load(project, run)
    assert classifier.labels == ["green", "blue"]
    answers = classifier.probabilities([np.zeros((32, 32, 3), np.uint8)])
    assert answers.shape == (1, 2) and answers.sum() == pytest.approx(1.0)
    again = exam(learner, run)
    assert again["labels"] == ["green", "blue"] and again["total"] == first["total"]
    assert again["right"] >= first["right"]


def test_a_model_without_notes_on_its_labels_knows_them_by_name(learner: Learner) -> None:
    run = frozen_quick(learner)
    with learner.project() as project:
        file = project.run(run).folder / "model.json"
        body = read_json(file)
        body["label_rows"] = {"project": "another", "ids": [3, 2, 1]}
        write_json(file, body)
        project.rename_label(ids(project)["amber"], "honey")
        assert Classifier.load(project, run).labels == ["honey", "blue", "green"]


def test_a_result_tells_of_photographs_as_they_are_now(learner: Learner) -> None:
    learner.quick()
    first = exam(learner)
    with learner.project() as project:
        stored = read_json(project.quick_folder / "exam.json")
        gone, relabelled, altered, *_ = (project.photo(item["photo_id"]) for item in stored["items"])
        project.remove_photos([gone.id])
        project.move([relabelled.id], next(n for name, n in ids(project).items() if name != relabelled.label))
        learner.scan(Path(altered.path).parent)
        draw(Path(altered.path), (1, 2, 3), 77)
    reconcile_job(Reconcile("r", str(learner.folder), apply=True), in_job(learner.events.append))
    with learner.project() as project:
        assert project.photo(altered.id).hash != altered.hash
        told = restated(project, stored)
    assert told["left_out"] == 2 and told["total"] == first["total"] - 2 == sum(map(sum, told["confusion"]))
    was, now = ({i["photo_id"]: i["truth"] for i in found["items"]} for found in (first, told))
    assert was[relabelled.id] != now[relabelled.id]
    assert not {gone.id, altered.id} & set(now)


def test_an_exam_that_cannot_be_read_is_no_use_of_it(learner: Learner) -> None:
    learner.quick()
    with learner.project() as project:
        items = project.items("exam")
        away = [Path(item.path).rename(learner.folder / f"{item.hash}.away") for item in items]
        with pytest.raises(UserError, match="None of the exam photographs"):
            exam(learner)
        assert project.exam_uses() == 0
        for item, file in zip(items[1:], away[1:], strict=True):
            file.rename(item.path)
        assert exam(learner)["total"] == len(items) - 1
        away[0].rename(items[0].path)
    assert exam(learner)["total"] == len(items)  # what was scored without it is not taken for the whole


def test_a_damaged_exam_photograph_is_left_out_once_and_for_all(learner: Learner) -> None:
    learner.quick()
    with learner.project() as project:
        item = project.items("exam")[0]
        Path(item.path).write_bytes(b"no picture any more")
        total = len(project.items("exam"))
        assert exam(learner)["total"] == total - 1
        assert project.photo(item.photo_id).status == "unreadable"
    assert exam(learner)["uses"] == 1


def test_every_model_uses_the_same_exam(learner: Learner) -> None:
    run = frozen_quick(learner)
    assert exam(learner)["uses"] == 1
    assert exam(learner, run)["uses"] == 2
    assert exam(learner)["uses"] == 2  # a stored result says how often the exam has been used by now

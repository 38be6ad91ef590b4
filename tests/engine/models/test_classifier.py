"""Answers: the same alone and in batches, the same as training saw, refused by name."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.models import features
from resnext_gui.engine.models.classifier import Classifier, classify_job, model_view_job
from resnext_gui.engine.pictures.decode import load_uint8
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import Answer, Classify, JobStopped, ModelView, Refused, UserError
from tests.engine.learning import Learner, StopAfter, learner, tiny_weights
from tests.jobs import in_job

__all__ = ["learner", "tiny_weights"]


def classify(made: Learner, *paths: Path, control: Control | None = None, **options: Any) -> dict[str, Any]:
    command = Classify("c", str(made.folder), tuple(str(path) for path in paths), **options)
    return classify_job(command, in_job(made.events.append, control))


def test_folder_files_and_refusals(learner: Learner, tmp_path: Path) -> None:
    learner.quick()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    result = classify(learner, tmp_path / "photographs", broken, tmp_path / "missing.png", top=2)
    assert result == {"answered": 36, "refused": 2}
    answers = learner.told(Answer)
    assert len(answers) == 36
    assert all(len(answer.top) == 2 and answer.top[0] == (answer.label, answer.probability) for answer in answers)
    assert {Path(event.path).name for event in learner.told(Refused)} == {"broken.jpg", "missing.png"}
    with learner.project() as project:
        stored = project.answers()
        assert len(stored) == 36
        assert stored[0].path == answers[-1].path
    right = sum(Path(answer.path).parent.name == answer.label for answer in answers)
    assert right > 24


def test_alone_and_together_alike(learner: Learner, tmp_path: Path) -> None:
    learner.quick()
    with learner.project() as project:
        classifier = Classifier.load(project)
        assert Classifier.load(project) is classifier
    paths = sorted(str(path) for path in (tmp_path / "photographs" / "blue").iterdir())
    pixels = [classifier.read(path) for path in paths]
    together = classifier.probabilities(pixels)
    alone = np.concatenate([classifier.probabilities([one]) for one in pixels])
    assert np.allclose(together, alone, atol=1e-5)
    assert together.sum(axis=1) == pytest.approx(np.ones(len(paths)))


def test_new_quick_model_answers_at_once(learner: Learner, tmp_path: Path) -> None:
    learner.quick()
    with learner.project() as project:
        before = Classifier.load(project)
        labels = {label.name: label.id for label in project.labels()}
        project.rename_label(labels["blue"], "azure")
    learner.quick()
    with learner.project() as project:
        after = Classifier.load(project)
    assert after is not before
    assert after.labels == ["amber", "azure", "green"]


def test_the_network_that_learnt_answers(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    learner.quick()
    monkeypatch.setattr(features, "load_backbone", lambda *_: pytest.fail("built again"))
    with learner.project() as project:
        classifier = Classifier.load(project)
        labels = {label.name: label.id for label in project.labels()}
        project.rename_label(labels["blue"], "azure")
    learner.quick()
    with learner.project() as project:
        assert Classifier.load(project)._network is classifier._network


def test_milliseconds(learner: Learner, tmp_path: Path) -> None:
    learner.quick()
    with learner.project() as project:
        classifier = Classifier.load(project)
    path = str(next((tmp_path / "photographs" / "green").iterdir()))
    classifier.answer(path)
    began = time.process_time()
    assert classifier.answer(path).milliseconds > 0
    assert time.process_time() - began < 0.5


def test_fine_tuned_model_answers_as_it_was_scored(learner: Learner) -> None:
    result = learner.train(epochs=1, rate=1e-3)
    with learner.project() as project:
        classifier = Classifier.load(project, result["run"])
        assert classifier.file.flip
        practice = project.items("practice")
        answers = classifier.probabilities([classifier.read(item.path) for item in practice]).argmax(axis=1)
    right = sum(int(answer) == item.label for answer, item in zip(answers, practice, strict=True))
    assert right / len(practice) == result["finetune_practice_accuracy"]


def test_no_model_yet(learner: Learner, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        classify(learner, tmp_path)
    assert caught.value.code == "no_model"


def test_empty_folder_is_refused_by_name(learner: Learner, tmp_path: Path) -> None:
    learner.quick()
    (tmp_path / "empty").mkdir()
    assert classify(learner, tmp_path / "empty") == {"answered": 0, "refused": 1}
    assert learner.told(Refused)[-1].code == "no_pictures"


def test_can_be_stopped(learner: Learner, tmp_path: Path) -> None:
    learner.quick()
    with pytest.raises(JobStopped):
        classify(learner, tmp_path / "photographs", control=StopAfter(lambda: len(learner.told(Answer)) > 0))
    assert 0 < len(learner.told(Answer)) < 36


def test_weights_that_are_gone_are_named(learner: Learner, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    own.write_bytes(learner.weights.read_bytes())
    learner.quick(weights=str(own))
    own.unlink()
    with learner.project() as project, pytest.raises(UserError) as caught:
        Classifier("quick", project.quick_folder)
    assert caught.value.code == "weights_missing"


def test_model_view_is_what_the_model_gets(learner: Learner, tmp_path: Path) -> None:
    learner.quick()
    path = str(next((tmp_path / "photographs" / "amber").iterdir()))
    view = model_view_job(ModelView("v", str(learner.folder), path), in_job(learner.events.append))
    with learner.project() as project:
        prep = Classifier.load(project).file.preprocessing
    assert (np.array(Image.open(view["path"])) == load_uint8(path, prep)).all()

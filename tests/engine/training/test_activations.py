"""With lower stages frozen: cached activations train exactly the same network as uncached ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnext_gui.engine import activations
from resnext_gui.engine.activations import ActivationStore
from resnext_gui.engine.training import recipe
from tests.engine.learning import Learner, StopAfter, learner, new_learner, tiny_weights
from tests.engine.training.test_run import tensors

__all__ = ["learner", "new_learner", "tiny_weights"]


@pytest.fixture
def with_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every run freeze the stem, with three views of each photograph."""
    real = recipe.choose_recipe

    def chosen(*args: Any, **kwargs: Any) -> recipe.Recipe:
        return recipe.dataclasses.replace(real(*args, **kwargs), frozen_stages=1, views=3)

    monkeypatch.setattr("resnext_gui.engine.training.plan.choose_recipe", chosen)


@pytest.mark.usefixtures("with_views")
def test_cached_and_uncached_end_bit_equal(new_learner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = new_learner("cached")
    first = cached.train(epochs=3)
    uncached = new_learner("uncached")
    monkeypatch.setattr(activations, "_disk_budget", lambda folder: 0)
    second = uncached.train(epochs=3)
    with cached.project() as a, uncached.project() as b:
        left, right = a.run(first["run"]), b.run(second["run"])
        assert [p["loss"] for p in left.batches()] == [p["loss"] for p in right.batches()]
        one, two = tensors(left.folder), tensors(right.folder)
        assert not (a.cache / "activations" / first["run"]).exists()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    with cached.project() as project:
        from safetensors.numpy import load_file

        start = load_file(cached.weights)
        assert all(np.array_equal(one[k], v) for k, v in start.items() if k.startswith(("conv1", "bn1")))
        assert project.current_model is not None


@pytest.mark.usefixtures("with_views")
def test_stopped_while_preparing_it_goes_on(learner: Learner) -> None:
    from resnext_gui.messages import JobStopped, Progress

    def prepared() -> bool:
        return any(event.stage == "preparing" and event.done > 20 for event in learner.told(Progress))

    with pytest.raises(JobStopped):
        learner.train(StopAfter(prepared), epochs=1)
    with learner.project() as project:
        run = project.runs()[0]
        assert run.status == "stopped"
    assert learner.train(run=run.id)["status"] == "finished"


def test_store_remembers_what_is_done(tmp_path: Path) -> None:
    file = tmp_path / "learning.bin"
    store = ActivationStore(file, 3, 2, (2, 2, 4), {"weights": "a"})
    assert store.missing() == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    values = np.random.default_rng(0).normal(size=(2, 2, 2, 4)).astype(np.float16)
    store.put([(1, 0), (2, 1)], values)
    store.close()
    again = ActivationStore(file, 3, 2, (2, 2, 4), {"weights": "a"})
    assert (1, 0) not in again.missing()
    assert len(again.missing()) == 4
    assert (again.get(np.array([1, 2]), np.array([0, 1])) == values.astype(np.float32)).all()
    again.close()
    other = ActivationStore(file, 3, 2, (2, 2, 4), {"weights": "b"})
    assert len(other.missing()) == 6
    other.close()


def test_store_of_nothing(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path / "practice.bin", 0, 2, (2, 2, 4), {})
    assert store.missing() == []
    store.close()


def test_what_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path / "a.bin", 3, 2, (2,), {"a": 1})
    store.put(store.missing(), np.ones((6, 2), np.float16), without={1: "gone"})
    assert store.missing() == [(1, 0), (1, 1)]
    store.close()

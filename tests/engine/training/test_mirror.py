"""Whether mirror images keep their labels is found out, and the run goes by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.ingest.reading import read_one
from resnext_gui.engine.models.features import Photographs
from resnext_gui.engine.models.modelfile import read_model
from resnext_gui.engine.training.mirror import FEWEST, MOST_LOOKS, MirrorTrial, _choose, compare, try_mirror_images
from resnext_gui.engine.weights.load import resolve_weights
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import EpochLine, JobStopped
from resnext_gui.project import Item
from tests.engine.learning import Learner, StopAfter, learner, new_learner, pictures, tiny_weights

__all__ = ["learner", "new_learner", "tiny_weights"]

SIDES = ("left", "right")


def draw_side(path: Path, side: str, seed: int) -> None:
    """Write a noisy grey picture with a bright bar in its left or right third, 40 x 32."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(90, 25, (32, 40, 3))
    at = int(rng.integers(2, 10)) + (22 if side == "right" else 0)
    pixels[:, at : at + 6] += rng.normal(110, 15)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def sided(folder: Path, each: int = 20) -> Path:
    for number, side in enumerate(SIDES):
        (folder / side).mkdir(parents=True)
        for index in range(each):
            draw_side(folder / side / f"{index}.png", side, 1000 * number + index)
    return folder


def items_in(folder: Path) -> Photographs:
    labels = sorted(entry.name for entry in folder.iterdir())
    items = [
        Item(index, str(path), read_one(str(path)).hash, number)
        for number, label in enumerate(labels)
        for index, path in enumerate(sorted((folder / label).iterdir()))
    ]
    return Photographs(labels, items, [])


# ---- the decision


@pytest.mark.parametrize(
    ("lost", "won", "chance"),
    # tails of the binomial distribution, by hand: 10/512, 1/2**6, 1, and one half and a little
    [(8, 1, 10 / 512), (6, 0, 1 / 64), (0, 0, 1.0), (0, 9, 1.0), (5, 5, 638 / 1024)],
)
def test_chance_is_a_sign_test(lost: int, won: int, chance: float) -> None:
    assert MirrorTrial(40, 30, 30 - lost + won, lost, won).chance == pytest.approx(chance)


def test_sides_matter_where_the_loss_is_neither_chance_nor_small() -> None:
    assert MirrorTrial(78, 58, 33, 28, 3).sides_matter
    assert not MirrorTrial(40, 30, 26, 6, 2).sides_matter  # may be chance
    assert not MirrorTrial(480, 400, 380, 30, 10).sides_matter  # no chance, but four in a hundred
    assert not MirrorTrial(40, 20, 38, 0, 18).sides_matter


@pytest.fixture
def features() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Features of 60 photographs of three labels, well apart."""
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    return (np.eye(3)[truth] * 4 + rng.normal(0, 0.7, (60, 3))).astype(np.float32), truth


def test_mirror_images_that_look_like_another_label(features: Any) -> None:
    plain, truth = features
    swapped = plain[:, [1, 0, 2]]  # two labels are each other's mirror image, the third is its own
    trial = compare(plain, swapped, truth, 3)
    assert trial is not None and trial.sides_matter
    assert trial.right >= 58 and trial.mirrored_right <= 24
    assert trial.right - trial.mirrored_right == trial.lost - trial.won


def test_mirror_images_that_look_alike(features: Any) -> None:
    plain, truth = features
    trial = compare(plain, plain + np.random.default_rng(1).normal(0, 0.3, plain.shape).astype(np.float32), truth, 3)
    assert trial is not None and not trial.sides_matter and trial.mirrored_right >= 57


def test_too_little_to_tell(features: Any) -> None:
    plain, truth = features
    assert compare(plain[: FEWEST - 1], plain[: FEWEST - 1], truth[: FEWEST - 1], 3) is None
    ones = np.arange(20)  # one photograph a label: nobody can be held out
    assert compare(plain[:20], plain[:20], ones, 20) is None


# ---- on pictures


@pytest.fixture
def weights(tiny_weights: Path) -> Any:
    return resolve_weights(str(tiny_weights))


def test_labels_that_a_side_tells_apart(tmp_path: Path, weights: Any) -> None:
    trial = try_mirror_images(items_in(sided(tmp_path / "sides")), weights)
    assert trial is not None and trial.tried == 40
    assert trial.right >= 36 and trial.mirrored_right <= 4 and trial.sides_matter


def test_labels_that_no_side_tells_apart(tmp_path: Path, weights: Any) -> None:
    trial = try_mirror_images(items_in(pictures(tmp_path / "colours", each=14)), weights)
    assert trial is not None and trial.tried == 42
    assert not trial.sides_matter and abs(trial.right - trial.mirrored_right) <= 3


def test_the_same_seed_tries_the_same(tmp_path: Path, weights: Any) -> None:
    photographs = items_in(pictures(tmp_path / "colours", each=8))
    assert try_mirror_images(photographs, weights, seed=3) == try_mirror_images(photographs, weights, seed=3)


def test_damaged_photographs_are_left_out(tmp_path: Path, weights: Any) -> None:
    photographs = items_in(sided(tmp_path / "sides"))
    Path(photographs.learning[0].path).write_bytes(b"no picture")
    Path(photographs.learning[25].path).unlink()
    trial = try_mirror_images(photographs, weights)
    assert trial is not None and trial.tried == 38 and trial.sides_matter


def test_few_photographs_or_one_of_each_label_show_nothing(tmp_path: Path, weights: Any) -> None:
    assert try_mirror_images(items_in(sided(tmp_path / "sides", each=5)), weights) is None
    lonely = [Item(n, f"/nowhere/{n}.png", str(n), n) for n in range(30)]
    assert try_mirror_images(Photographs([str(n) for n in range(30)], lonely, []), weights) is None
    gone = [Item(n, f"/nowhere/{n}.png", str(n), n % 2) for n in range(30)]
    assert try_mirror_images(Photographs(["a", "b"], gone, []), weights) is None


def test_a_time_budget_ends_the_trial(tmp_path: Path, weights: Any) -> None:
    photographs = items_in(sided(tmp_path / "sides", each=40))
    trial = try_mirror_images(photographs, weights, seconds=0.0)
    assert trial is not None and trial.tried == 32 and trial.sides_matter
    labels = [item.label for item in _choose(photographs.learning, 0)[:32]]
    assert labels.count(0) == labels.count(1)


def test_a_person_may_stop_it(tmp_path: Path, weights: Any) -> None:
    control = StopAfter(lambda: True)
    with pytest.raises(JobStopped):
        try_mirror_images(items_in(pictures(tmp_path / "colours")), weights, check=control.check)


def test_hundreds_of_labels_are_tried_in_part() -> None:
    many = [Item(n, f"{n}.png", str(n), n // 6) for n in range(6 * 300)]
    chosen = _choose(many, 0)
    counts = np.bincount([item.label for item in chosen])
    assert len(chosen) == MOST_LOOKS and set(counts[counts > 0]) == {4}


# ---- in a run


def test_a_run_shows_no_mirror_image_where_sides_matter(tmp_path: Path, tiny_weights: Path) -> None:
    made = Learner(tmp_path / "project", tiny_weights)
    made.scan(sided(tmp_path / "sides"))
    result = made.train(epochs=1)
    assert result["mirror"]["used"] is False
    with made.project() as project:
        run = project.run(result["run"])
        body = run.read()
        assert body["frozen"]["recipe"]["augmentation"]["flip"] is False
        assert body["frozen"]["recipe"]["flip_answers"] is False
        assert body["mirror"] == result["mirror"]
        assert read_model(run.folder).flip is False


def test_a_run_shows_mirror_images_where_they_keep_their_labels(learner: Learner) -> None:
    result = learner.train(epochs=1)
    assert result["mirror"]["used"] is True and result["mirror"]["tried"] >= FEWEST
    with learner.project() as project:
        assert project.run(result["run"]).read()["frozen"]["recipe"]["augmentation"]["flip"] is True


@pytest.mark.parametrize(("mirror", "flip"), [("yes", True), ("no", False)])
def test_a_person_may_decide(tmp_path: Path, tiny_weights: Path, mirror: str, flip: bool) -> None:
    made = Learner(tmp_path / "project", tiny_weights)
    made.scan(sided(tmp_path / "sides", each=12))
    result = made.train(epochs=1, mirror=mirror)
    assert result["mirror"] is None
    with made.project() as project:
        recipe = project.run(result["run"]).read()["frozen"]["recipe"]
        assert (recipe["augmentation"]["flip"], recipe["flip_answers"]) == (flip, flip)


def test_a_resumed_run_keeps_what_was_found(
    new_learner: Callable[[str], Learner], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_learner("stopped")
    stopped = made.train(StopAfter(lambda: bool(made.told(EpochLine))), epochs=3)
    assert stopped["status"] == "stopped"

    def never(*given: Any, **named: Any) -> None:
        raise AssertionError("tried again")

    monkeypatch.setattr("resnext_gui.engine.training.plan.try_mirror_images", never)
    result = made.train(Control(), run=stopped["run"])
    assert result["status"] == "finished" and result["mirror"] == stopped["mirror"]

"""The practice photographs of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resnext_gui.engine.ingest.reading import read_one
from resnext_gui.engine.pictures.decode import Preprocessing, load_pixels
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.training.validation import MOST_PRACTICE, PracticeSet, chosen_practice, score_where_known
from resnext_gui.project import Item
from tests.engine.learning import COLOURS, pictures
from tests.jobs import in_job

PREP = Preprocessing(size=32, crop=1.0)


def items_of(folder: Path) -> list[Item]:
    return [
        Item(number, str(path), read_one(str(path)).hash, label)
        for label, name in enumerate(COLOURS)
        for number, path in enumerate(sorted((folder / name).iterdir()), start=100 * label)
    ]


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    return items_of(pictures(tmp_path, each=4))


def quick_for(items: list[Item], wrong: int = 0) -> np.ndarray:
    """Logits that are right, but for the first `wrong`."""
    logits = np.full((len(items), 3), -2, np.float32)
    for row, item in enumerate(items):
        logits[row, (item.label + (row < wrong)) % 3] = 2
    return logits


def read(items: list[Item], quick: np.ndarray) -> PracticeSet:
    with DecodePool() as pool:
        return PracticeSet.read(items, quick, PREP, pool, in_job())


def test_the_network_sees_what_it_would_be_asked(items: list[Item]) -> None:
    practice = read(items, quick_for(items)).as_pixels(2, None)
    rows = np.array([5, 0])
    wanted = np.stack([load_pixels(items[row].path, PREP) for row in rows])
    assert np.allclose(practice.inputs(rows, 0), wanted, atol=1e-6)
    assert np.allclose(practice.inputs(rows, 1), wanted[:, :, ::-1], atol=1e-6)
    assert practice.sides == 2 and practice.looked_at is None
    assert practice.labels.tolist() == [item.label for item in items]


def test_what_a_pass_is_judged_by_has_all_labels(items: list[Item]) -> None:
    practice = read(items, quick_for(items)).as_pixels(2, 6)
    assert practice.looked_at is not None and len(set(practice.looked_at.tolist())) == 6
    assert set(practice.labels[practice.looked_at].tolist()) == {0, 1, 2}
    everything = read(items, quick_for(items)).as_pixels(1, 12)
    assert everything.looked_at is not None and everything.looked_at.tolist() == list(range(12))


def test_one_that_went_away_is_left_out_with_its_answer(items: list[Item]) -> None:
    Path(items[1].path).unlink()
    made = read(items, quick_for(items, wrong=2))
    assert len(made.squares) == len(made.labels) == len(made.quick) == 11
    score = made.quick_score()
    assert (score.right, score.total) == (10, 11)
    assert made.quick_score(np.array([0, 1])).right == 1


def test_what_the_quick_model_could_not_read_is_not_held_against_it(items: list[Item]) -> None:
    quick = quick_for(items, wrong=1)
    quick[3] = np.nan
    score = read(items, quick).quick_score()
    assert (score.right, score.total) == (10, 11) and np.isfinite(score.loss)
    assert score_where_known(quick[3:4], np.array([0])).total == 0


def test_of_very_many_an_even_share_takes_part() -> None:
    many = [Item(number, "", "", number // 1_000) for number in range(5_000)]
    chosen = chosen_practice(many)
    assert len(chosen) == MOST_PRACTICE and chosen == chosen_practice(many)
    assert np.bincount([item.label for item in chosen]).min() >= MOST_PRACTICE // 5 - 1
    assert chosen_practice(many[:7]) == many[:7]

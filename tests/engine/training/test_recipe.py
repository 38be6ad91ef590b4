"""What a time budget makes of a recipe."""

from __future__ import annotations

import pytest

from resnext_gui.engine.training.recipe import (
    FEWEST_LOOKS,
    MOST_LOOKING,
    TRAINING_COST,
    Recipe,
    choose_recipe,
    fit_to_time,
)
from resnext_gui.messages import TrainSpec

SPEC = TrainSpec()
LOOK = 0.02


def fitted(learning: int, practice: int, seconds: float, spec: TrainSpec = SPEC, **given: object) -> tuple[Recipe, int]:
    recipe = choose_recipe(spec, learning, 5, pretrained=True)
    if given.get("sides_kept"):
        recipe = recipe.keeping_sides()
    return fit_to_time(recipe, spec, seconds, LOOK, learning, practice, pretrained=True)


def test_time_enough_changes_nothing_but_the_time() -> None:
    recipe, parts = fitted(150, 30, 600)
    assert (recipe.seconds, recipe.frozen_stages, recipe.looks, parts) == (600, 0, None, 1)


def test_little_time_leaves_the_lower_stages_as_they_are() -> None:
    assert fitted(700, 100, 300)[0].frozen_stages == 3
    assert fitted(700, 100, 300, TrainSpec(frozen_stages=0))[0].frozen_stages == 0


@pytest.mark.parametrize(
    ("learning", "practice", "seconds"), [(700, 150, 250), (6_000, 1_000, 600), (40_000, 1_000, 900)]
)
def test_practice_is_looked_at_eight_times_and_costs_little(learning: int, practice: int, seconds: float) -> None:
    recipe, parts = fitted(learning, practice, seconds)
    assert recipe.looks is not None
    assert FEWEST_LOOKS <= recipe.looks <= practice
    between = TRAINING_COST * LOOK * learning * (0.57 if recipe.frozen_stages else 1) / parts
    assert seconds / between == pytest.approx(8, rel=0.5)
    assert LOOK * recipe.looks <= max(MOST_LOOKING * between, LOOK * FEWEST_LOOKS)


def test_few_practice_photographs_lose_their_mirror_images_only() -> None:
    recipe, _ = fitted(700, 50, 30)
    assert recipe.looks == 50


def test_of_one_side_twice_as_many_may_be_looked_at() -> None:
    learning, practice = 150, 50
    assert fitted(learning, practice, 600)[0].looks is not None
    assert fitted(learning, practice, 600, sides_kept=True)[0].looks is None

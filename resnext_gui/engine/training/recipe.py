"""How a run trains: every number of it, chosen from the size of the set and the time there is.

The defaults are what `tests/bench/recipe.py` found to win on small sets; `tests/bench/recipe.md` holds the numbers.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from resnext_gui.engine.pictures.augment import LEVELS, Augmentation
from resnext_gui.messages import TrainSpec


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is fixed to at its start (`run.json`, "frozen").

    Attributes:
        batch: photographs in a step.
        rate: peak rate of the last stage; the head has `rate * head_factor`.
        head_factor: how much faster than the last stage the head learns.
        stage_decay: each earlier stage learns by this factor more slowly.
        weight_decay: AdamW's, of kernels only.
        smoothing: label smoothing, the share of a target that is spread over all labels.
        average: of the running average of the weights, per step; 0 for none.
        warmup: part of the run in which the rate rises.
        frozen_stages: of stem and four stages (0..5), how many keep their weights and statistics.
        frozen_statistics: whether BatchNorm keeps the statistics that came with the weights.
        augmentation: how learning photographs are varied.
        flip_answers: whether a photograph and its mirror image answer together.
        epochs: passes at most.
        seconds: time budget; None where only the passes end the run.
        patience: passes without a better practice result after which the run ends, once it is past the middle: before,
            the rate is still too high to tell.
        balance: whether rare labels weigh more.
        looks: how many practice photographs are looked at after a pass, without their mirror images; None: all, just as
            they would be answered.
    """

    batch: int = 16
    rate: float = 3e-4
    head_factor: float = 1.0
    stage_decay: float = 0.6
    weight_decay: float = 0.05
    smoothing: float = 0.1
    average: float = 0.98
    warmup: float = 0.1
    frozen_stages: int = 0
    frozen_statistics: bool = True
    augmentation: Augmentation = LEVELS["medium"]
    flip_answers: bool = True
    epochs: int | None = None
    seconds: float | None = None
    patience: int = 20
    balance: bool = True
    looks: int | None = None

    def keeping_sides(self) -> Recipe:
        """Return the recipe that never shows a mirror image, neither while learning nor when answering."""
        still = dataclasses.replace(self.augmentation, flip=False)
        return dataclasses.replace(self, augmentation=still, flip_answers=False)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """Rebuild what `to_dict` gave; unknown keys are an older or newer program's and are passed over."""
        known = {field.name for field in dataclasses.fields(cls)}
        kept = {key: value for key, value in values.items() if key in known}
        if isinstance(kept.get("augmentation"), dict):
            levels = {field.name for field in dataclasses.fields(Augmentation)}
            kept["augmentation"] = Augmentation(**{k: v for k, v in kept["augmentation"].items() if k in levels})
        return cls(**kept)

    def check(self) -> None:
        """Raise where notes that somebody else has written make no sense.

        Raises:
            ValueError: a number is none, or out of range.
        """
        defaults = dataclasses.asdict(Recipe())
        for name, value in dataclasses.asdict(self).items():
            default = defaults[name]
            whole = name in ("epochs", "looks") or (isinstance(default, int) and not isinstance(default, bool))
            if name == "augmentation" and isinstance(value, dict):
                fits = all(type(number) in (int, float, bool, list, tuple, str) for number in value.values())
            elif isinstance(default, bool):
                fits = isinstance(value, bool)
            elif value is None:
                fits = default is None
            else:
                fits = type(value) is int if whole else type(value) in (int, float) and math.isfinite(value)
                fits = fits and 0 <= value < 1e9
            if not fits:
                raise ValueError(f"{name} is {value!r}")
        if not 1 <= self.batch <= 4096 or self.frozen_stages > 5:
            raise ValueError(f"batch {self.batch}, frozen stages {self.frozen_stages}")


DEFAULT_MINUTES = 5.0
"""Time budget where neither minutes nor epochs are given."""


TRAINING_COST = 3.5
"""A training step of the whole network costs as much as this many looks at its photographs; measured."""

ENOUGH_PASSES = 12
"""Fewer whole passes than this, and it pays to leave the stem and two stages as they are: a step then costs 0.57."""

LEAST_PASSES = 8
"""Where a whole pass would take more than an eighth of the time, it is divided, to look at the practice in between."""


MOST_LOOKING = 0.15
"""Looking at practice between passes may take this part of the time that learning takes; else fewer are looked at."""

FEWEST_LOOKS = 64
"""As many practice photographs at least: with fewer, the curve says nothing."""


def fit_to_time(
    recipe: Recipe, spec: TrainSpec, seconds: float, look: float, learning: int, practice: int, pretrained: bool
) -> tuple[Recipe, int]:
    """Return the recipe for a time budget, and into how many parts a pass is divided.

    Args:
        recipe: as chosen by `choose_recipe`.
        spec: what the person asked for.
        seconds: for training, all told.
        look: seconds that the network takes to answer for one photograph on this machine.
        learning: how many learning photographs there are.
        practice: how many practice photographs.
        pretrained: as for `choose_recipe`.
    """
    a_pass = TRAINING_COST * look * learning
    recipe = dataclasses.replace(recipe, seconds=seconds)
    if pretrained and spec.frozen_stages is None and seconds / a_pass < ENOUGH_PASSES:
        recipe = dataclasses.replace(recipe, frozen_stages=3)
        a_pass *= 0.57
    parts = max(1, math.ceil(a_pass * LEAST_PASSES / seconds))
    allowed = MOST_LOOKING * a_pass / parts / look
    if practice * (2 if recipe.flip_answers else 1) > allowed:
        recipe = dataclasses.replace(recipe, looks=min(practice, max(FEWEST_LOOKS, int(allowed))))
    return recipe, parts


MOST_PASSES = 100
"""Passes after which a run with a time budget ends even if there is time left; from random weights four times that."""


def choose_recipe(spec: TrainSpec, learning: int, labels: int, pretrained: bool) -> Recipe:
    """Return the recipe for a set.

    Args:
        spec: what the person asked for; whatever it sets wins.
        learning: how many learning photographs there are.
        labels: how many labels.
        pretrained: whether the network starts from weights that already know photographs.
    """
    per_label = learning / max(1, labels)
    batch = spec.batch or (16 if learning < 1500 else 32)
    if pretrained:
        level = "medium" if learning < 3000 else "strong"
        recipe = Recipe(batch=batch, augmentation=LEVELS[level])
        if per_label < 8:
            # so few photographs cannot tell millions of weights what to do: move less
            recipe = dataclasses.replace(recipe, rate=1.5e-4)
    else:
        # random weights: all stages learn alike, fast, with statistics of their own
        recipe = Recipe(
            batch=batch, rate=1e-3, stage_decay=1.0, frozen_statistics=False, augmentation=LEVELS["light"],
            average=0.99, smoothing=0.1, patience=30,
        )  # fmt: skip
    changes: dict[str, Any] = {"balance": spec.class_weights}
    if spec.rate is not None:
        changes["rate"] = spec.rate
    if spec.frozen_stages is not None:
        changes["frozen_stages"] = min(5, max(0, spec.frozen_stages))
    if spec.augmentation != "auto":
        changes["augmentation"] = LEVELS[spec.augmentation]
    if spec.epochs is not None:
        changes["epochs"] = max(1, spec.epochs)
    else:
        # On small sets and fast machines more passes only learn the photographs by heart.
        changes["epochs"] = MOST_PASSES if pretrained else 4 * MOST_PASSES
        changes["seconds"] = 60.0 * (DEFAULT_MINUTES if spec.minutes is None else spec.minutes)
    recipe = dataclasses.replace(recipe, **changes)
    return recipe.keeping_sides() if spec.mirror == "no" else recipe

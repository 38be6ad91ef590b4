"""How much each part of the fine-tuning recipe is worth, on sets of photographs.

    python -m tests.bench.recipe FOLDER... [--variants "base;frozen 3;..."] [--seeds 0,1] [--epochs 20 | --minutes 5]

Each folder holds one sub-folder a label; ``samples`` stands for the built-in sample photographs.  Each set is divided
anew for every seed: 65 % to learn from, 10 % for practice (choosing among passes), 25 % to measure on.  One line a run
is printed as it ends, and a table in Markdown at the end: what the quick model and the fine-tuned one get right of the
photographs measured on, averaged over seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from resnext_gui.engine.device import backend
from resnext_gui.engine.models.features import BATCH, Photographs
from resnext_gui.engine.models.head import fit_head, label_weights
from resnext_gui.engine.models.score import score_of
from resnext_gui.engine.models.start_point import RANDOM_SIZE
from resnext_gui.engine.network.resnext import set_trainable_stages, with_new_head
from resnext_gui.engine.pictures.augment import LEVELS
from resnext_gui.engine.pictures.decode import Preprocessing, could_be_picture, load_uint8, normalise
from resnext_gui.engine.pictures.store import DecodePool, PixelStore
from resnext_gui.engine.training import loop as training_loop
from resnext_gui.engine.training.batches import LearningSet
from resnext_gui.engine.training.loop import FitData, Fitting, Practice, Watch
from resnext_gui.engine.training.mirror import try_mirror_images
from resnext_gui.engine.training.optimizer import schedule
from resnext_gui.engine.training.recipe import Recipe, choose_recipe
from resnext_gui.engine.weights.load import load_backbone, resolve_weights
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import RenderSamples, TrainSpec

Change = Callable[[Recipe], Recipe]


def changed(**fields: Any) -> Change:
    """Return a variant: the recipe that would be chosen, with other values for some fields."""
    return lambda recipe: dataclasses.replace(recipe, **fields)


def augmented(**fields: Any) -> Change:
    """Return a variant with other values for fields of the augmentation."""
    return lambda recipe: dataclasses.replace(recipe, augmentation=dataclasses.replace(recipe.augmentation, **fields))


VARIANTS: dict[str, Change] = {
    "base": changed(),
    "rate/3": lambda recipe: dataclasses.replace(recipe, rate=recipe.rate / 3),
    "rate*3": lambda recipe: dataclasses.replace(recipe, rate=recipe.rate * 3),
    "equal rates": changed(stage_decay=1.0),
    "steep rates": changed(stage_decay=0.3),
    "no smoothing": changed(smoothing=0.0),
    "half smoothing": changed(smoothing=0.05),
    "constant rate": changed(),  # and CONSTANT
    "no average": changed(average=0.0),
    "no decay": changed(weight_decay=0.0),
    "no warm-up": changed(warmup=0.0),
    "no early stop": changed(patience=10**6),
    "equal labels": changed(balance=False),
    "no mirror": changed(flip_answers=False),
    "always mirrored": changed(),  # and UNTRIED
    "sides kept": Recipe.keeping_sides,
    "own statistics": changed(frozen_statistics=False),
    "given statistics": changed(frozen_statistics=True),
    "frozen 3": changed(frozen_stages=3),
    **{f"{level} variation": changed(augmentation=how) for level, how in LEVELS.items()},
    "mixup": augmented(mixup=0.2),
    "cutmix": augmented(cutmix=0.5),
    "mixup+cutmix": augmented(mixup=0.2, cutmix=0.5),
    "batch 8": changed(batch=8),
    "batch 32": changed(batch=32),
}


UNTRIED = ("always mirrored", "sides kept", "no mirror")
"""Variants that do not find out whether mirror images keep their labels."""

CONSTANT = {"constant rate": lambda progress, warmup: min(1.0, progress / warmup)}
"""Other courses of the rate; the recipe itself knows only the cosine."""


@dataclass(frozen=True)
class Photograph:
    """A file and the number of its label, as a project's `Item`."""

    path: str
    label: int
    hash: str = ""
    photo_id: int = 0


@dataclass(frozen=True)
class Outcome:
    """One run: shares right of what was measured on; in practice, how many were right and the log-loss."""

    quick: float
    tuned: float
    kept: float
    quick_loss: float
    tuned_loss: float
    passes: int
    seconds: float
    practice: int = 0
    quick_right: int = 0
    tuned_right: int = 0
    quick_practice_loss: float = 0.0
    tuned_practice_loss: float = 0.0


def main(arguments: list[str] | None = None) -> None:
    """Run the variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--variants", default="base")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--size", type=int)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--most", type=int, default=10**9, help="photographs of a label at most")
    options = parser.parse_args(arguments)
    report = backend.setup("auto", options.precision)
    say(f"{report.name}, {report.cores} cores, {report.precision}, weights {options.weights}")
    rows: dict[tuple[str, str], list[Outcome]] = {}
    with tempfile.TemporaryDirectory() as place:
        for given in options.sets:
            name, photographs, labels = read_set(given, Path(place), options.most)
            for seed in map(int, options.seeds.split(",")):
                for variant in options.variants.split(";"):
                    course = CONSTANT.get(variant, schedule)
                    with mock.patch.object(training_loop, "schedule", course):
                        outcome = run(photographs, labels, variant, seed, options)
                    rows.setdefault((name, variant), []).append(outcome)
                    say(f"{name}, {variant}, seed {seed}: {outcome}")
    say("\n| set | variant | runs | quick | fine-tuned | kept | log-loss quick | log-loss tuned | passes | seconds |")
    say("|---|---|---|---|---|---|---|---|---|---|")
    for (name, variant), outcomes in rows.items():
        means = [float(np.mean([getattr(o, f.name) for o in outcomes])) for f in dataclasses.fields(Outcome)[:7]]
        numbers = [f"{value:.3f}" for value in means[:5]] + [f"{value:.0f}" for value in means[5:]]
        say(f"| {name} | {variant} | {len(outcomes)} | " + " | ".join(numbers) + " |")


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def read_set(given: str, place: Path, most: int) -> tuple[str, list[Photograph], int]:
    """Return name, photographs and number of labels of a folder, or of the samples."""
    folder = Path(given)
    if given == "samples":
        from resnext_gui.samples import samples_job

        folder = place / "samples"
        samples_job(
            RenderSamples("samples", str(folder), per_label=60, seed=1),
            JobContext("samples", lambda event: None, Control()),
        )
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    found = [
        Photograph(str(file), number)
        for number, name in enumerate(names)
        for file in sorted(file for file in (folder / name).iterdir() if could_be_picture(file))[:most]
    ]
    return folder.name, found, len(names)


def divide(photographs: list[Photograph], seed: int) -> tuple[list[Photograph], list[Photograph], list[Photograph]]:
    """Return what to learn from, to practise on and to measure on, label by label."""
    rng = np.random.default_rng(seed)
    groups: tuple[list[Photograph], list[Photograph], list[Photograph]] = ([], [], [])
    for label in sorted({photograph.label for photograph in photographs}):
        own = [photograph for photograph in photographs if photograph.label == label]
        order = [own[n] for n in rng.permutation(len(own))]
        first, second = round(0.65 * len(own)), round(0.75 * len(own))
        for group, part in zip(groups, (order[:first], order[first:second], order[second:]), strict=True):
            group.extend(part)
    return groups


def run(photographs: list[Photograph], labels: int, variant: str, seed: int, options: argparse.Namespace) -> Outcome:
    """Train once and measure."""
    resolved = resolve_weights(options.weights, None, seed)
    pretrained = resolved.path is not None
    prep = resolved.preprocessing.with_size(
        options.size or (resolved.preprocessing.size if pretrained else RANDOM_SIZE)
    )
    learn, practise, measure = divide(photographs, seed)
    looked_at = practise + measure
    with DecodePool() as pool:
        squares = {p.path: pixels for p, pixels in pool.in_order(lambda p: load_uint8(p.path, prep), learn + looked_at)}
        network = load_backbone(resolved, prep.size, seed)
        truth, known = (np.array([p.label for p in group], np.int64) for group in (learn, looked_at))
        head = fit_head(features(network, [squares[p.path] for p in learn], prep), truth, labels, seed=seed)
        others = np.stack([squares[p.path] for p in looked_at])
        quick = head.logits(features(network, list(others), prep))
        spec = TrainSpec(epochs=None if options.minutes else options.epochs, minutes=options.minutes)
        recipe = VARIANTS[variant](choose_recipe(spec, len(learn), labels, pretrained))
        if variant not in UNTRIED:
            names = [str(number) for number in range(labels)]
            trial = try_mirror_images(Photographs(names, learn, practise), resolved, seed=seed, weights_seed=seed)
            recipe = recipe.keeping_sides() if trial is not None and trial.sides_matter else recipe
        backend.seed(seed)
        start = (head.kernel / head.temperature, head.bias / head.temperature) if pretrained else None
        network = with_new_head(network, labels, weights=start, seed=seed)
        set_trainable_stages(network, recipe.frozen_stages, recipe.frozen_statistics)
        weights = label_weights(truth, labels)[truth].astype(np.float32)
        store = PixelStore(learn, int(prep.size * 1.34))
        learning = LearningSet(store, truth, labels, weights, prep, recipe.augmentation, seed)

        def inputs(rows: Any, side: int) -> Any:
            return normalise(others[rows][:, :, ::-1] if side else others[rows], prep)

        began = time.monotonic()
        both = Practice(known, inputs, 2 if recipe.flip_answers else 1)
        few = dataclasses.replace(both, labels=known[: len(practise)])
        watch = Watch(lambda *_: None, lambda *_: None, lambda *_: None)
        fitting = Fitting(network, FitData(learning, few, pool), recipe, Control(), watch)
        fitting.run()
        _, chosen = fitting.choose()
        seconds = time.monotonic() - began
        fitting.practice = both
        fitting.shadow.set_weights(chosen)
        tuned = fitting.practice_logits()
    count = len(practise)
    quick_score, tuned_score = (score_of(logits[count:], known[count:]) for logits in (quick, tuned))
    quick_practice, tuned_practice = (score_of(logits[:count], known[:count]) for logits in (quick, tuned))
    better = fitting.state.best_epoch > 0 and tuned_practice.holds_against(quick_practice)
    kept = tuned_score if better else quick_score
    return Outcome(
        quick_score.accuracy or 0.0, tuned_score.accuracy or 0.0, kept.accuracy or 0.0,
        quick_score.loss, tuned_score.loss, fitting.state.epoch, seconds, count, quick_practice.right,
        tuned_practice.right, quick_practice.loss, tuned_practice.loss,
    )  # fmt: skip


def features(backbone: Any, pixels: list[Any], prep: Preprocessing) -> Any:
    """Return pooled features, in batches of one size."""
    rows = []
    for begin in range(0, len(pixels), BATCH):
        part = np.stack(pixels[begin : begin + BATCH])
        filled = np.resize(part, (BATCH, *part.shape[1:]))
        rows.append(np.asarray(backbone.predict_on_batch(normalise(filled, prep)), np.float32)[: len(part)])
    return np.concatenate(rows)


if __name__ == "__main__":
    main()

"""Stage one: the quick model, a linear head on the features of the photographs.

It is fitted in well under a second once the features are known (`engine.features`), and answers from then on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from resnext_gui.engine.device import backend
from resnext_gui.engine.device.backend import announce
from resnext_gui.engine.models.features import (
    FeatureReader,
    Features,
    Labels,
    Photographs,
    current_photographs,
    interleaved,
    tell_left_out,
)
from resnext_gui.engine.models.head import LARGEST_FIT, LinearHead, fit_head
from resnext_gui.engine.models.modelfile import NAME, ModelFile, find_weights, read_head, read_model, save_quick
from resnext_gui.engine.models.score import Score, score_of
from resnext_gui.engine.models.start_point import Stage, choose_stage, keep_stage
from resnext_gui.engine.worker.clock import Pace, process_seconds
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import MakeQuick, ModelReady, UserError
from resnext_gui.project import Item, Project

INTERIM = 20
"""Learning photographs of each label after which a first model is made, where many more are to come."""


@dataclass
class Quick:
    """A quick model and how it came about."""

    stage: Stage
    head: LinearHead
    score: Score
    model: ModelFile
    photographs: Photographs
    computed: int
    feature_seconds: float
    images_per_second: float
    first_model_seconds: float


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How a linear head is fitted.

    Attributes:
        seed: decides its folds, and which photographs it learns from where there are very many.
        balance: whether rare labels weigh more.
    """

    seed: int
    balance: bool


def quick_job(command: MakeQuick, job: JobContext) -> dict[str, Any]:
    """Serve `messages.MakeQuick`: compute what features are missing and train the linear head on them.

    Raises:
        UserError: there is nothing to learn from, or the weights are missing.
        JobStopped: the person stopped it.
    """
    began = time.monotonic()
    with Project.open(command.project) as project:
        current_photographs(project)  # complain before seconds are spent on starting the runtime
        report = backend.setup(command.device, command.precision)
        announce(report, job)
        stage = choose_stage(project, command.weights, command.size, command.seed, None, report.precision)
        quick = make_quick(project, stage, HeadSettings(command.seed, command.class_weights), job)
        score = quick.score
        return {
            "model": "quick",
            "right": score.right,
            "total": score.total,
            "accuracy": score.accuracy,
            "labels": len(quick.photographs.labels),
            "photographs": len(quick.photographs.learning) + len(quick.photographs.practice),
            "version": quick.photographs.version,
            "computed": quick.computed,
            "seconds": time.monotonic() - began,
            "feature_seconds": quick.feature_seconds,
            "images_per_second": quick.images_per_second,
            "first_model_seconds": quick.first_model_seconds,
            "device": report.device,
            "precision": report.precision,
            "weights": stage.resolved.name,
        }


def make_quick(project: Project, stage: Stage, settings: HeadSettings, job: JobContext) -> Quick:
    """Make the quick model of `stage` from the photographs as they are now, and let the project use it.

    Raises:
        UserError: there is nothing to learn from, or the disk is full.
        JobStopped: the person stopped it; the features computed so far are kept.
    """
    photographs = current_photographs(project)
    told: set[str] = set()
    tell_left_out(photographs, told, job)
    known = _known_quick(project, stage, photographs, settings)
    if known is not None:
        _ready(project, known, job)
        keep_stage(project, stage)
        return known
    first, refused = 0.0, -1
    with FeatureReader(project, stage, job) as reader:
        interim_at = _interim_at(photographs)

        def after(done: int, pace: Pace) -> None:
            nonlocal interim_at, first
            if interim_at and done >= interim_at and (pace.seconds_left or 0) > 8:
                interim_at = 0
                early = _fit(reader, photographs, settings, 0.0)
                _ready(project, early, job)
                first = process_seconds()

        began = time.monotonic()
        while len(reader.refused) > refused:  # what cannot be read is no photograph: look what is left
            if refused >= 0 and not project.read_only:
                photographs = current_photographs(project)
                tell_left_out(photographs, told, job)
            refused = len(reader.refused)
            reader.fill(interleaved(photographs.learning + photographs.practice), after)
        spent = time.monotonic() - began
        quick = _fit(reader, photographs, settings, spent)
    _ready(project, quick, job)
    keep_stage(project, stage)
    quick.first_model_seconds = first or process_seconds()
    return quick


def fit_start(
    project: Project, stage: Stage, photographs: Photographs, settings: HeadSettings, job: JobContext
) -> LinearHead:
    """Fit a head for fine-tuning to begin with, without making it the project's quick model."""
    with FeatureReader(project, stage, job) as reader:
        reader.fill(interleaved(photographs.learning))
        return _fit_head(reader, photographs, settings)[0]


def _interim_at(photographs: Photographs) -> int:
    """Return after how many photographs (interleaved) a first model is worth making; 0: only when all are done."""
    enough = len(photographs.labels) * INTERIM
    return enough if len(photographs.learning) + len(photographs.practice) > 2 * enough else 0


def _fit_head(reader: FeatureReader, photographs: Photographs, settings: HeadSettings) -> tuple[LinearHead, int]:
    """Return the head, and of how many photographs it is made."""
    features, labels = reader.features(interleaved(photographs.learning)[:LARGEST_FIT])
    _need_two(labels)
    count, balance, seed = len(photographs.labels), settings.balance, settings.seed
    return fit_head(features, labels, count, balance=balance, seed=seed, check=reader.job.check), len(labels)


def _fit(reader: FeatureReader, photographs: Photographs, settings: HeadSettings, seconds: float) -> Quick:
    """Make the quick model of the photographs that have features; `seconds` went into computing those."""
    stage = reader.stage
    head, learnt = _fit_head(reader, photographs, settings)
    practice, truth = reader.features(photographs.practice)
    logits = head.logits(practice)
    score = score_of(logits, truth, head.temperature)
    model = ModelFile(
        kind="quick",
        labels=photographs.labels,
        preprocessing=stage.prep,
        temperature=head.temperature,
        flip=False,
        precision=stage.precision,
        weights=stage.facts(),
        photographs=_recipe_of(_known(photographs, reader), settings),
        practice={"right": score.right, "total": score.total, "loss": score.loss},
        counts={"labels": len(photographs.labels), "photographs": learnt + len(truth)},
        label_rows=photographs.label_rows,
    )
    saved = save_quick(reader.project.quick_folder, model, head)
    rate = reader.computed / seconds if seconds > 0 else 0.0
    return Quick(stage, head, score, saved, photographs, reader.computed, seconds, rate, process_seconds())


def _known(photographs: Photographs, reader: FeatureReader) -> Photographs:
    """Return those that have features: what a model is made of, be it a first one or one made while a drive is away."""
    learning, practice = (
        [item for item in items if reader.cache.get(item.hash) is not None]
        for items in (photographs.learning, photographs.practice)
    )
    return replace(photographs, learning=learning, practice=practice)


def _need_two(labels: Labels) -> None:
    if len(np.unique(labels)) < 2:
        raise UserError(
            "one_label",
            "A classifier compares labels, and only one of them has photographs that can be read.",
            "Look at “Unreadable” on the Photos page, and add other photographs.",
        )


def _recipe_of(photographs: Photographs, settings: HeadSettings) -> str:
    return f"{photographs.fingerprint}:{settings.seed}:{settings.balance}"


def _known_quick(project: Project, stage: Stage, photographs: Photographs, settings: HeadSettings) -> Quick | None:
    """Return the quick model on disk where it is just what would be made now."""
    try:
        model = read_model(project.quick_folder)
        same = (
            model.photographs == _recipe_of(photographs, settings)
            and model.label_rows == photographs.label_rows
            and model.weights.get("sha256") == stage.resolved.sha256
            and model.preprocessing == stage.prep
            and model.precision == stage.precision
        )
        if not same:
            return None
        head = read_head(project.quick_folder, model)
        find_weights(model.weights)
    except UserError:
        return None
    score = recorded_score(model)
    return Quick(stage, head, score, model, photographs, 0, 0.0, 0.0, process_seconds())


def quick_logits(project: Project, quick: Quick, photographs: list[Item], job: JobContext) -> Features:
    """Return a quick model's logits, float32 (photographs, labels); NaN where one cannot be read."""
    with FeatureReader(project, quick.stage, job) as reader:
        reader.fill(photographs)
        logits = np.full((len(photographs), len(quick.photographs.labels)), np.nan, np.float32)
        known = [row for row, item in enumerate(photographs) if reader.cache.get(item.hash) is not None]
        logits[known] = quick.head.logits(reader.features(photographs)[0])
        return logits


def recorded_score(model: ModelFile) -> Score:
    """Return the score on practice photographs that a model was saved with."""
    practice = model.practice
    right, total, loss = (practice.get(name, 0) for name in ("right", "total", "loss"))
    return Score(int(right), int(total), float(loss), model.temperature)


def _ready(project: Project, quick: Quick, job: JobContext) -> None:
    if project.current_model is None and not project.read_only:
        project.set_current_model("quick", "The first model of this project")
    job.emit(
        ModelReady(
            job.job_id,
            "quick",
            quick.score.right,
            quick.score.total,
            len(quick.photographs.labels),
            int(quick.model.counts.get("photographs", 0)),
        )
    )


def quick_exists(project: Project) -> bool:
    """Whether the project has a quick model on disk."""
    return (project.quick_folder / NAME).is_file()

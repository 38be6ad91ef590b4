"""Stage one: pooled features of every photograph, computed once, and the quick model on top of them.

Each photograph passes the frozen backbone once; its features are kept on disk.  A linear head is then fitted in well
under a second, so that the second look at a folder, or the tenth correction of a label, costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine import backend
from resnext_gui.engine.clock import Pace, process_seconds
from resnext_gui.engine.control import Control, Emit
from resnext_gui.engine.decode_watch import DecodeWatch
from resnext_gui.engine.feature_cache import FeatureCache, cache_key
from resnext_gui.engine.fitting import Score, score_of
from resnext_gui.engine.head import LARGEST_FIT, LinearHead, fit_head
from resnext_gui.engine.images import Preprocessing, load_uint8, normalise
from resnext_gui.engine.modelfile import (
    NAME,
    ModelFile,
    find_weights,
    fingerprint,
    read_head,
    read_model,
    save_quick,
    weights_facts,
)
from resnext_gui.engine.pixels import DecodePool
from resnext_gui.engine.resnext import inference_model
from resnext_gui.engine.streams import InHalves
from resnext_gui.engine.weights import ResolvedWeights, load_backbone, resolve_weights
from resnext_gui.messages import DeviceChosen, MakeQuick, ModelReady, Progress, Refused, UserError
from resnext_gui.project import Item, Project

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

BATCH = 16
"""Photographs that pass the backbone together; always the same number, so that it is compiled once."""

INTERIM = 20
"""Learning photographs of each label after which a first model is made, where many more are to come."""

RANDOM_SIZE = 128
"""Side in pixels for a random start, which has no size of its own: small, since it has everything to learn."""


@dataclass(frozen=True)
class Stage:
    """What a network begins with: weights, how its pixels are made, and the seed.

    Attributes:
        resolved: the weights.
        prep: of the pixels, with the size to use.
        seed: of a random start.
        architecture: preset of a random start, else None.
        precision: it computes in.
    """

    resolved: ResolvedWeights
    prep: Preprocessing
    seed: int
    architecture: str | None
    precision: str

    @property
    def width(self) -> int:
        """Features of a photograph."""
        return 256 * int(2 ** (len(self.resolved.architecture["blocks"]) - 1))

    def facts(self) -> dict[str, Any]:
        """Return what finds the same weights again."""
        return weights_facts(self.resolved, self.seed, self.architecture)

    def cache_folder(self, project: Project) -> Path:
        """Where features of this stage are kept."""
        key = cache_key(
            weights=self.resolved.sha256, preprocessing=self.prep.to_dict(), precision=self.precision, version=1
        )
        return project.cache / "features" / key


@dataclass(frozen=True)
class Photographs:
    """What a model learns from and is chosen by, as of one moment."""

    labels: list[str]
    learning: list[Item]
    practice: list[Item]

    @property
    def fingerprint(self) -> str:
        """Changes when anything does that a model depends on."""
        return fingerprint(self.labels, self.learning, self.practice)


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


def announce(job_id: str, report: backend.DeviceReport, emit: Emit) -> None:
    """Say which device computes."""
    emit(DeviceChosen(job_id, report.device, report.name, report.precision, report.reason, report.advice))


def choose_stage(
    project: Project, weights: str | None, size: int | None, seed: int, architecture: str | None, precision: str
) -> Stage:
    """Return what to begin with: what is asked for, else what the project used last, else the best there is.

    Raises:
        UserError: there are no such weights.
    """
    kept: dict[str, Any] = project.setting("stage") or {}
    same = weights is None or weights == kept.get("weights")
    name = kept.get("weights") if weights is None else weights
    if same and kept:
        seed = int(kept.get("seed", seed))
        architecture = architecture or kept.get("architecture")
        size = size or kept.get("size")
    if name != "none":
        architecture, seed = None, 0
    resolved = resolve_weights(name, architecture, seed)
    prep = resolved.preprocessing
    if size is None and resolved.path is None:
        size = RANDOM_SIZE
    return Stage(resolved, prep.with_size(size) if size else prep, seed, architecture, precision)


def keep_stage(project: Project, stage: Stage) -> None:
    """Let the project go on with this stage."""
    values = {
        "weights": stage.resolved.name,
        "size": stage.prep.size,
        "seed": stage.seed,
        "architecture": stage.architecture,
    }
    if not project.read_only and project.setting("stage") != values:
        project.set_setting("stage", values)


def current_photographs(project: Project) -> Photographs:
    """Return the project's photographs as they are now.

    Raises:
        UserError: ``no_photographs`` or ``one_label``.
    """
    project.assign_kinds()
    for _ in range(5):
        version = project.data_version()
        labels = project.training_labels()
        learning, practice = project.items("learning"), project.items("practice")
        if project.data_version() == version:
            break
    if not learning:
        raise UserError(
            "no_photographs",
            "There are no labelled photographs to learn from.",
            "Add a folder with one sub-folder for each label.",
        )
    if len({item.label for item in learning}) < 2:
        only = labels[learning[0].label]
        raise UserError(
            "one_label",
            f"A classifier compares labels, and there is only one: “{only}”."
            if len(labels) < 2
            else f"A classifier compares labels, and there are photographs of “{only}” only.",
            "Add photographs of at least one other label.",
        )
    return Photographs(labels, learning, practice)


def interleaved(items: list[Item]) -> list[Item]:
    """Return `items` in rounds, one of each label at a time, so that early models know every label."""
    seen: dict[int, int] = {}
    rounds = []
    for item in items:
        rounds.append(seen.get(item.label, 0))
        seen[item.label] = rounds[-1] + 1
    return [items[n] for n in sorted(range(len(items)), key=lambda n: (rounds[n], items[n].label))]


_networks: dict[str, keras.Model] = {}


def feature_network(resolved: ResolvedWeights, size: int, seed: int) -> keras.Model:
    """Return the folded backbone, from pixels (batch, size, size, 3) to features; the last one stays in memory.

    The quick model stands on the network that its features were computed by, so the first answer need not wait for
    another one to be built.

    Raises:
        CheckpointError: as `load_backbone`.
    """
    key = f"{resolved.sha256}|{size}|{seed}|{backend.report().precision}"
    if key not in _networks:
        network = inference_model(load_backbone(resolved, size, seed))
        _networks.clear()
        _networks[key] = network
    return _networks[key]


class Extractor:
    """Passes photographs through a frozen backbone, in batches of one size."""

    def __init__(self, stage: Stage) -> None:
        network, prep = feature_network(stage.resolved, stage.prep.size, stage.seed), stage.prep
        self._features = InHalves(lambda squares: network.predict_on_batch(normalise(squares, prep)))

    def __call__(self, pixels: list[npt.NDArray[np.uint8]]) -> Features:
        """Return float32 (photographs, features) for up to `BATCH` squares, uint8 (size, size, 3)."""
        stacked = np.stack(pixels + [pixels[-1]] * (BATCH - len(pixels)))
        return self._features(stacked)[: len(pixels)]


class FeatureReader:
    """Gives the features of photographs: from the cache, else computed and kept."""

    def __init__(self, project: Project, stage: Stage, job_id: str, emit: Emit, control: Control) -> None:
        self._project, self._stage, self._job_id, self._emit, self._control = project, stage, job_id, emit, control
        self.cache = FeatureCache(stage.cache_folder(project), stage.width)
        self._extractor: Extractor | None = None
        self.computed = 0
        self.seconds = 0.0
        self.refused: set[int] = set()

    def __enter__(self) -> FeatureReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.cache.close()

    def fill(self, items: list[Item], after: Callable[[int, Pace], None] | None = None) -> None:
        """Compute what is missing of `items`, in their order.

        Args:
            items: photographs; those that cannot be read are marked in the project and left out.
            after: called after each batch with how many of `items` are known, and the pace.

        Raises:
            JobStopped: the person stopped it; what was computed is kept.
        """
        missing = [item for item in items if self.cache.get(item.hash) is None]
        if not missing:
            return
        known = len(items) - len(missing)
        total = len(items)
        self._emit(Progress(self._job_id, "features", known, total, f"Looked at {known:,} of {total:,}"))
        prep, watch = self._stage.prep, DecodeWatch(self._project.cache / "decoding")

        def load(item: Item) -> npt.NDArray[np.uint8]:
            with watch(item.path):
                return load_uint8(item.path, prep)

        try:
            with DecodePool() as pool:
                decoded = pool.in_order(load, missing, ahead=4 * BATCH)
                if self._extractor is None:  # decoding has begun meanwhile
                    self._extractor = Extractor(self._stage)
                pace = Pace(len(missing))
                batch: list[tuple[Item, npt.NDArray[np.uint8]]] = []
                for number, (item, outcome) in enumerate(decoded, start=1):
                    if isinstance(outcome, UserError):
                        self._refuse(item, outcome)
                    else:
                        batch.append((item, outcome))
                    if len(batch) == BATCH or (number == len(missing) and batch):
                        self._compute(batch)
                        batch = []
                        pace.step(number - pace.done)
                        done = known + number
                        text = f"Looked at {done:,} of {total:,}"
                        self._emit(Progress(self._job_id, "features", done, total, text, pace.seconds_left))
                        if after is not None:
                            after(done, pace)
                    self._control.check()
        finally:
            watch.close()
            self.cache.flush()

    def _compute(self, batch: list[tuple[Item, npt.NDArray[np.uint8]]]) -> None:
        if self._extractor is None:
            self._extractor = Extractor(self._stage)
        began = time.monotonic()
        values = self._extractor([pixels for _, pixels in batch])
        for (item, _), row in zip(batch, values, strict=True):
            self.cache.add(item.hash, row)
        self.computed += len(batch)
        self.seconds += time.monotonic() - began

    def _refuse(self, item: Item, error: UserError) -> None:
        self.refused.add(item.photo_id)
        self._emit(Refused(self._job_id, item.path, error.code, error.message, error.hint))
        if not self._project.read_only:
            gone = error.code in ("missing", "vanished")
            self._project.set_status([item.photo_id], "gone" if gone else "unreadable", error.message)

    def features(self, items: list[Item]) -> tuple[Features, Labels]:
        """Return features (n, features) and labels (n,) of those of `items` that are known."""
        rows = [(row, item.label) for item in items if (row := self.cache.get(item.hash)) is not None]
        if not rows:
            return np.zeros((0, self._stage.width), np.float32), np.zeros(0, np.int64)
        return np.stack([row for row, _ in rows]), np.array([label for _, label in rows], np.int64)


def quick_job(command: MakeQuick, emit: Emit, control: Control) -> dict[str, Any]:
    """Serve `messages.MakeQuick`: compute what features are missing and train the linear head on them.

    Raises:
        UserError: there is nothing to learn from, or the weights are missing.
        JobStopped: the person stopped it.
    """
    began = time.monotonic()
    with Project.open(command.project) as project:
        current_photographs(project)  # complain before seconds are spent on starting the runtime
        report = backend.setup(command.device, command.precision)
        announce(command.job_id, report, emit)
        stage = choose_stage(project, command.weights, command.size, command.seed, None, report.precision)
        quick = make_quick(project, stage, command.job_id, emit, control, command.seed)
        score = quick.score
        return {
            "model": "quick",
            "right": score.right,
            "total": score.total,
            "accuracy": score.accuracy,
            "labels": len(quick.photographs.labels),
            "photographs": len(quick.photographs.learning) + len(quick.photographs.practice),
            "computed": quick.computed,
            "seconds": time.monotonic() - began,
            "feature_seconds": quick.feature_seconds,
            "images_per_second": quick.images_per_second,
            "first_model_seconds": quick.first_model_seconds,
            "device": report.device,
            "precision": report.precision,
            "weights": stage.resolved.name,
        }


def make_quick(
    project: Project, stage: Stage, job_id: str, emit: Emit, control: Control, seed: int, balance: bool = True
) -> Quick:
    """Make the quick model of `stage` from the photographs as they are now, and let the project use it.

    Raises:
        UserError: there is nothing to learn from, or the disk is full.
        JobStopped: the person stopped it; the features computed so far are kept.
    """
    photographs = current_photographs(project)
    known = _known_quick(project, stage, photographs)
    if known is not None:
        _ready(project, known, job_id, emit)
        keep_stage(project, stage)
        return known
    first = 0.0
    with FeatureReader(project, stage, job_id, emit, control) as reader:
        everything = interleaved(photographs.learning + photographs.practice)
        interim_at = _interim_at(everything, len(photographs.labels))

        def after(done: int, pace: Pace) -> None:
            nonlocal interim_at, first
            if interim_at and done >= interim_at and (pace.seconds_left or 0) > 8:
                interim_at = 0
                early = _fit(project, stage, photographs, reader, seed, balance, control, 0.0)
                _ready(project, early, job_id, emit)
                first = process_seconds()

        began = time.monotonic()
        reader.fill(everything, after)
        spent = time.monotonic() - began
        if reader.refused:
            photographs = current_photographs(project) if not project.read_only else photographs
        quick = _fit(project, stage, photographs, reader, seed, balance, control, spent)
    _ready(project, quick, job_id, emit)
    keep_stage(project, stage)
    quick.first_model_seconds = first or process_seconds()
    return quick


def fit_start(
    project: Project,
    stage: Stage,
    photographs: Photographs,
    job_id: str,
    emit: Emit,
    control: Control,
    seed: int,
    balance: bool,
) -> LinearHead:
    """Fit a head for fine-tuning to begin with, without making it the project's quick model."""
    with FeatureReader(project, stage, job_id, emit, control) as reader:
        reader.fill(interleaved(photographs.learning))
        features, labels = reader.features(interleaved(photographs.learning)[:LARGEST_FIT])
        return fit_head(features, labels, len(photographs.labels), balance=balance, seed=seed, check=control.check)


def _interim_at(items: list[Item], labels: int) -> int:
    """Return after how many of `items` (interleaved) a first model is worth making; 0: only when all are done."""
    enough = labels * INTERIM
    return enough if len(items) > 2 * enough else 0


def _fit(
    project: Project,
    stage: Stage,
    photographs: Photographs,
    reader: FeatureReader,
    seed: int,
    balance: bool,
    control: Control,
    seconds: float,
) -> Quick:
    features, labels = reader.features(interleaved(photographs.learning)[:LARGEST_FIT])
    if len(np.unique(labels)) < 2:
        raise UserError(
            "one_label",
            "A classifier compares labels, and only one of them has photographs that can be read.",
            "Look at “Unreadable” on the Photos page, and add other photographs.",
        )
    count = len(photographs.labels)
    head = fit_head(features, labels, count, balance=balance, seed=seed, check=control.check)
    practice, truth = reader.features(photographs.practice)
    logits = head.logits(practice)
    score = replace(score_of(logits, truth), temperature=head.temperature)
    model = ModelFile(
        kind="quick",
        labels=photographs.labels,
        preprocessing=stage.prep,
        temperature=head.temperature,
        flip=False,
        precision=stage.precision,
        weights=stage.facts(),
        photographs=_recipe_of(photographs, seed, balance),
        practice={"right": score.right, "total": score.total, "loss": score.loss},
        counts={"labels": count, "photographs": len(labels) + len(truth)},
    )
    saved = save_quick(project.quick_folder, model, head)
    rate = reader.computed / seconds if seconds > 0 else 0.0
    return Quick(stage, head, score, saved, photographs, reader.computed, seconds, rate, process_seconds())


def _recipe_of(photographs: Photographs, seed: int, balance: bool) -> str:
    return f"{photographs.fingerprint}:{seed}:{balance}"


def _known_quick(project: Project, stage: Stage, photographs: Photographs) -> Quick | None:
    """Return the quick model on disk where it is just what would be made now."""
    try:
        model = read_model(project.quick_folder)
        same = (
            model.photographs.startswith(photographs.fingerprint)
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


def quick_score(
    project: Project, quick: Quick, practice: list[Item], job_id: str, emit: Emit, control: Control
) -> Score:
    """Return how a quick model does on `practice`, which may be some of its practice photographs only."""
    if practice == quick.photographs.practice:
        return quick.score
    with FeatureReader(project, quick.stage, job_id, emit, control) as reader:
        reader.fill(practice)
        return score_of(quick.head.logits(reader.features(practice)[0]), reader.features(practice)[1])


def recorded_score(model: ModelFile) -> Score:
    """Return the score on practice photographs that a model was saved with."""
    practice = model.practice
    right, total, loss = (practice.get(name, 0) for name in ("right", "total", "loss"))
    return Score(int(right), int(total), float(loss), model.temperature)


def _ready(project: Project, quick: Quick, job_id: str, emit: Emit) -> None:
    if project.current_model is None and not project.read_only:
        project.set_current_model("quick", "The first model of this project")
    emit(
        ModelReady(
            job_id,
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

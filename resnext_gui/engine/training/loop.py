"""The training loop itself: passes, evaluation of the averaged weights, schedule, budget, exact state.

What decides about runs, files and the project is in `training`; here are a network, arrays and numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine.device import backend
from resnext_gui.engine.device.parallel_halves import InHalves
from resnext_gui.engine.models.score import Score, score_of
from resnext_gui.engine.network.names import HEAD_STAGE, stage_of
from resnext_gui.engine.network.runtime import speed_up
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.training.batches import EpochBatches, LearningSet
from resnext_gui.engine.training.optimizer import StagedAdamW, schedule
from resnext_gui.engine.training.recipe import Recipe
from resnext_gui.engine.worker.control import Control

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Weights = list[npt.NDArray[Any]]

EVALUATION_BATCH = 16

BLENDS = (0.85, 0.7)
"""How far from the start to the best pass the weights tried in the end lie."""


@dataclass(slots=True)
class FitState:
    """Where a run stands; all of it goes into a checkpoint.

    Attributes:
        epoch: passes that are over.
        step: steps that are over.
        seconds: used so far, without pauses.
        record: the score with the highest merit so far.
        best: score of the best pass: the latest of those that a few practice photographs cannot tell from the record,
            since falling rates and averaging make later ones better; `best_epoch` is its number, 0 is the start.
        best_weights: of the whole trained part then.
        since_best: passes since the record.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    record: Score | None = None
    best: Score | None = None
    best_epoch: int = 0
    best_weights: Weights | None = None
    since_best: int = 0

    def consider(self, score: Score | None) -> bool:
        """Take note of the pass that is just over, and return whether its weights are the best by now.

        Without practice photographs (None) nothing can be told: the latest is the best there is.
        """
        now = score or Score(0, 0, 0.0)
        ahead, doubt = now.lead(now if self.record is None else self.record)
        better = score is None or self.record is None or ahead > 0
        self.since_best = 0 if better else self.since_best + 1
        if better:
            self.record = now
        elif ahead < -doubt:
            return False
        self.best, self.best_epoch = now, self.epoch
        return True


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step that is over.

    Attributes:
        step: its number, from 1.
        position: in passes over all photographs.
        loss: its own.
        accuracy: its own, 0..1.
        images_per_second: of this pass so far.
        seconds_left: until the run ends; None where nothing limits it.
    """

    step: int
    position: float
    loss: float
    accuracy: float
    images_per_second: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class PassReport:
    """A pass that is over.

    Attributes:
        epoch: its number, from 1.
        loss: mean of its steps.
        accuracy: mean of its steps, 0..1.
        score: on practice photographs; None without any.
        learning_rate: of its last step.
        seconds: it took, without pauses.
        best: whether its weights are the best by now.
    """

    epoch: int
    loss: float
    accuracy: float
    score: Score | None
    learning_rate: float
    seconds: float
    best: bool


@dataclass(slots=True)
class Watch:
    """Whom the loop tells.  All are called on the loop's thread."""

    batch: Callable[[StepReport], None]
    epoch: Callable[[PassReport], None]
    checkpoint: Callable[[FitState, float], None]
    """A pass is over and may be saved; how many images a second its training went through."""


@dataclass(frozen=True, slots=True)
class Practice:
    """The practice photographs as the trained part of the network sees them.

    Attributes:
        labels: (photographs,).
        inputs: gives float32 (rows, ...) for row numbers and a side: 0 the photograph, 1 its mirror image.
        sides: 2 where both answer together, else 1.
        looked_at: rows of those that a pass is judged by, without mirror images; None: all, just as they would be
            answered.
    """

    labels: Labels
    inputs: Callable[[Labels, int], Floats]
    sides: int = 1
    looked_at: Labels | None = None


@dataclass(frozen=True, slots=True)
class FitData:
    """What a network is trained on.

    Attributes:
        learning: the learning photographs.
        practice: the practice photographs.
        pool: decoding threads.
        parts: passes it takes to see each photograph once.
    """

    learning: LearningSet
    practice: Practice
    pool: DecodePool
    parts: int = 1


class OutOfTime(Exception):  # noqa: N818 - not an error: the budget is used up
    """Raised inside a pass when the time budget ends it."""


@dataclass(slots=True)
class Averages:
    """Sums of the running step, to get single steps out of Keras' running means."""

    steps: int = 0
    loss: float = 0.0
    accuracy: float = 0.0
    values: dict[str, float] = field(default_factory=dict)


class Fitting:
    """A network being trained.

    Attributes:
        model: the trained part, compiled.
        shadow: its twin that holds the averaged weights and answers for them.
        state: where the run stands.
    """

    def __init__(
        self,
        model: keras.Model,
        data: FitData,
        recipe: Recipe,
        control: Control,
        watch: Watch,
    ) -> None:
        """Args:
        model: from the network's input to float32 logits; what may learn
            is set already.
        data: what it is trained on.
        recipe: every number.
        control: asked after each step.
        watch: told what happens.
        """
        self.model, self.data, self.recipe, self.control, self.watch = model, data, recipe, control, watch
        self.learning, self.practice, self.parts = data.learning, data.practice, data.parts
        self.state = FitState()
        self.optimizer = staged_optimizer(model, recipe)
        self.shadow = keras.models.clone_model(model)
        self.shadow.set_weights(model.get_weights())
        self.shadow.trainable = False
        speed_up(self.shadow)
        self._shadow_answers = InHalves(self.shadow.predict_on_batch)
        model.compile(
            optimizer=self.optimizer,
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.smoothing),
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
            **backend.compile_options(),
        )
        self.optimizer_in_use.build(model.trainable_variables)
        speed_up(model)
        self.start_weights: Weights = [np.array(w) for w in model.get_weights()]
        self._seeds = [
            layer.seed_generator for layer in model.layers if getattr(layer, "seed_generator", None) is not None
        ]

    @property
    def optimizer_in_use(self) -> Any:
        """The optimizer as Keras wraps it: in float16 it scales the loss."""
        return self.model.optimizer

    @property
    def steps_per_pass(self) -> int:
        """Steps in a pass."""
        return math.ceil(math.ceil(len(self.learning) / self.recipe.batch) / self.parts)

    # ------------------------------------------------------------------------------------------------------------
    # Answers

    def practice_logits(self, check: bool = True) -> Floats:
        """Return the shadow's logits for the practice photographs, float32 (photographs, labels)."""
        return self._logits(np.arange(len(self.practice.labels)), self.practice.sides, check)

    def practice_score(self, check: bool = True, temperature: float | None = None) -> Score:
        """Return how the shadow does on the practice photographs, at a temperature, or at the best one."""
        return score_of(self.practice_logits(check), self.practice.labels, temperature)

    def look(self, check: bool = True, temperature: float | None = None) -> Score:
        """Return how the shadow does on those practice photographs that a pass is judged by."""
        rows = self.practice.looked_at
        if rows is None:
            return self.practice_score(check, temperature)
        return score_of(self._logits(rows, 1, check), self.practice.labels[rows], temperature)

    def _logits(self, wanted: Labels, sides: int, check: bool = True) -> Floats:
        answers = []
        for begin in range(0, len(wanted), EVALUATION_BATCH):
            rows = wanted[begin : begin + EVALUATION_BATCH]
            # always as many at a time, so that the network is compiled for one size
            filled = np.resize(rows, EVALUATION_BATCH)
            total: Floats = np.zeros((1, 1), np.float32)
            for side in range(sides):
                total = total + self._shadow_answers(self.practice.inputs(filled, side))
                if check:
                    self.control.check()
            answers.append(total[: len(rows)] / np.float32(sides))
        return np.concatenate(answers) if answers else np.zeros((0, self.learning.classes), np.float32)

    def score_with(self, weights: Weights) -> Score:
        """Return how the network does on the practice photographs with other weights; the shadow keeps them."""
        self.shadow.set_weights(weights)
        return self.practice_score()

    def follow(self) -> None:
        """Give the shadow the averaged weights, and everything else as the model has it now."""
        averages = {id(v): a for v, a in zip(self.model.trainable_variables, self.optimizer.averages, strict=False)}
        self.shadow.set_weights(
            [keras.ops.convert_to_numpy(averages.get(id(variable), variable)) for variable in self.model.weights]
        )

    # ------------------------------------------------------------------------------------------------------------
    # The loop

    def begin(self) -> None:
        """Score the start, where that has not been done: the first thing to be better than.

        Raises:
            JobStopped: the person stopped it.
        """
        state = self.state
        if state.best is None:
            state.best = self.look()
            state.record = state.best
            state.best_weights = [np.array(w) for w in self.shadow.get_weights()]
            state.best_epoch = 0

    def run(self) -> str:
        """Train until the recipe's end; returns why it ended: ``"done"``, ``"patience"`` or ``"time"``.

        Raises:
            JobStopped: the person stopped it.  `state` holds the best so far.
        """
        recipe, state = self.recipe, self.state
        self.begin()
        while True:
            if recipe.epochs is not None and state.epoch >= recipe.epochs * self.parts:
                return "done"
            if recipe.seconds is not None and state.seconds >= recipe.seconds:
                return "time"
            if state.since_best >= recipe.patience and self.progress(state.seconds) > 0.6:
                return "patience"
            timely = self._pass()
            if not timely:
                return "time"

    def _pass(self) -> bool:
        """One pass, its evaluation and its checkpoint; False when the time ran out in it."""
        state = self.state
        batches = EpochBatches(self.learning, state.epoch, self.recipe.batch, self.data.pool, self.parts)
        for seed in self._seeds:
            seed.state.assign(np.array([self.learning.seed % 2**32, state.epoch], "uint32"))
        steps = Steps(self, batches.num_batches)
        began, paused = time.monotonic(), self.control.paused_seconds
        timely = True
        try:
            self.model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[steps])
        except OutOfTime:
            timely = False
        self.follow()
        score = self.look() if len(self.practice.labels) else None
        spent = time.monotonic() - began - (self.control.paused_seconds - paused)
        state.epoch += 1
        state.seconds = steps.seconds_before + spent
        best = state.consider(score)
        if best:
            state.best_weights = [np.array(w) for w in self.shadow.get_weights()]
        mean = steps.totals
        report = PassReport(state.epoch, mean.loss, mean.accuracy, score, steps.learning_rate, spent, best)
        self.watch.epoch(report)
        saving = time.monotonic()
        self.watch.checkpoint(state, steps.images_per_second)
        state.seconds += time.monotonic() - saving  # up to a tenth of the time: the budget pays for it as well
        return timely

    def choose(self, thorough: bool = True) -> tuple[Score, Weights]:
        """Return the weights to keep and their score: those of the best pass, or some way back towards the start.

        Weights between a pretrained start and a fine-tuned end can be better than both (`blend`), and are taken where
        that is beyond doubt; only with frozen statistics, without which the start is another function.

        Args:
            thorough: False where somebody waits: nothing is scored that has a score already, which is then of the
                photographs that passes are judged by.

        Raises:
            JobStopped: the person will not wait for a thorough choice.
        """
        state = self.state
        if state.best is None or state.best_weights is None:
            return self.look(check=False), [np.array(w) for w in self.shadow.get_weights()]
        if not thorough:
            return state.best, state.best_weights
        plain = state.best if self.practice.looked_at is None else self.score_with(state.best_weights)
        best, chosen = plain, state.best_weights
        if state.best_epoch > 0 and plain.total and self.recipe.frozen_statistics:
            for share in BLENDS:
                mixed = blend(self.start_weights, state.best_weights, share)
                score = self.score_with(mixed)
                ahead, doubt = score.lead(plain)
                if ahead > 2 * doubt and score.beats(best):
                    best, chosen = score, mixed
        return best, chosen

    def progress(self, seconds: float) -> float:
        """Return how far the run is, 0..1, by whichever limit comes first."""
        done = 0.0
        if self.recipe.epochs is not None:
            done = self.state.step / max(1, self.recipe.epochs * self.parts * self.steps_per_pass)
        if self.recipe.seconds is not None:
            done = max(done, seconds / max(1e-9, self.recipe.seconds))
        return min(1.0, done)


class Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """What is done around each step of a pass: the rate before it, reports and the ends of runs after it."""

    def __init__(self, fitting: Fitting, steps: int) -> None:
        super().__init__()
        self._fitting, self._steps = fitting, steps
        self._began = time.monotonic()
        self._paused = fitting.control.paused_seconds
        self.seconds_before = fitting.state.seconds
        self.totals = Averages()
        self.learning_rate = 0.0
        self.images_per_second = 0.0

    @property
    def seconds(self) -> float:
        """Used by the run until now, without pauses."""
        paused = self._fitting.control.paused_seconds - self._paused
        return self.seconds_before + time.monotonic() - self._began - paused

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Set the rate."""
        fitting = self._fitting
        self.learning_rate = fitting.recipe.rate * schedule(fitting.progress(self.seconds), fitting.recipe.warmup)
        backend.settle(fitting.model)
        fitting.optimizer.learning_rate.assign(self.learning_rate)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Report, and end the pass where the person or the time budget does.

        Raises:
            UserError: ``not_reachable``.
            JobStopped: the person stopped it.
            OutOfTime: the budget is used up.
        """
        fitting, totals = self._fitting, self.totals
        loss, accuracy = float((logs or {}).get("loss", math.nan)), float((logs or {}).get("accuracy", 0.0))
        count = totals.steps + 1
        # Keras reports the mean of the pass so far; the difference of two sums is this step's own value
        own_loss = loss * count - totals.loss * totals.steps
        own_accuracy = min(1.0, max(0.0, accuracy * count - totals.accuracy * totals.steps))
        totals.steps, totals.loss, totals.accuracy = count, loss, accuracy
        fitting.state.step += 1
        seconds = self.seconds
        spent = seconds - self.seconds_before
        speed = self.images_per_second = count * fitting.recipe.batch / spent if spent > 0 else 0.0
        position = (fitting.state.epoch + count / self._steps) / fitting.parts
        left = self._seconds_left(seconds, spent / count)
        fitting.watch.batch(StepReport(fitting.state.step, position, own_loss, own_accuracy, speed, left))
        fitting.learning.require()
        fitting.control.check()
        limit = fitting.recipe.seconds
        if limit is not None and seconds >= limit and count < self._steps:
            raise OutOfTime

    def _seconds_left(self, seconds: float, step: float) -> float | None:
        fitting = self._fitting
        left: list[float] = []
        if fitting.recipe.seconds is not None:
            left.append(fitting.recipe.seconds - seconds)
        if fitting.recipe.epochs is not None:
            total = fitting.recipe.epochs * fitting.parts * fitting.steps_per_pass
            left.append((total - fitting.state.step) * step)
        return max(0.0, min(left)) if left else None


def staged_optimizer(model: keras.Model, recipe: Recipe) -> StagedAdamW:
    """Return the optimizer for what `model` may learn: lower rates for earlier stages, no decay of vectors."""
    factors, decays = [], []
    for variable in model.trainable_variables:
        stage = stage_of(variable)
        head = stage == HEAD_STAGE
        factors.append(recipe.head_factor if head else recipe.stage_decay ** (HEAD_STAGE - 1 - stage))
        decays.append(0.0 if len(variable.shape) < 2 else recipe.weight_decay)
    return StagedAdamW(learning_rate=recipe.rate, factors=factors, decays=decays, average=recipe.average)


def blend(start: Weights, end: Weights, share: float) -> Weights:
    """Return weights between two networks: ``start`` at 0, ``end`` at 1 (Wortsman et al. 2022, arXiv:2109.01903)."""
    return [
        (a + (b - a) * np.asarray(share, a.dtype)).astype(a.dtype) if np.issubdtype(a.dtype, np.floating) else b
        for a, b in zip(start, end, strict=True)
    ]

"""Stage two: a run.  Fine-tunes from the quick model's head, survives any interruption, keeps the better of the two.

What is trained and how is in `recipe`; the loop is in `fitting`; here is the order of events: quick model, run folder,
network, loop with checkpoints, choice of the best, its file, the exam, the result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import math
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui import __version__
from resnext_gui.engine.device import backend
from resnext_gui.engine.device.backend import announce
from resnext_gui.engine.ingest.reach import Reach
from resnext_gui.engine.models.evaluation import evaluate, for_labels
from resnext_gui.engine.models.features import Photographs
from resnext_gui.engine.models.head import LinearHead, label_weights
from resnext_gui.engine.models.modelfile import ModelFile, find_weights, save_network, weights_facts
from resnext_gui.engine.models.quick import HeadSettings, fit_start, quick_logits
from resnext_gui.engine.network.resnext import set_trainable_stages, with_new_head
from resnext_gui.engine.pictures.store import DecodePool, PixelStore
from resnext_gui.engine.training.batches import LearningSet
from resnext_gui.engine.training.checkpoints import load_state, prune
from resnext_gui.engine.training.loop import BLENDS, EVALUATION_BATCH, FitData, Fitting
from resnext_gui.engine.training.plan import Plan, make_plan, try_mirror
from resnext_gui.engine.training.recipe import Recipe, fit_to_time
from resnext_gui.engine.training.reporting import Reporter
from resnext_gui.engine.training.validation import PracticeSet, chosen_practice, labels_of, score_where_known
from resnext_gui.engine.weights.load import ResolvedWeights, load_backbone
from resnext_gui.engine.worker.clock import process_seconds
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import (
    JobStopped,
    RunCreated,
    Train,
    TrainSpec,
    UserError,
)
from resnext_gui.project import Item, Project, ProjectError, Run, guard, notes, write_json
from resnext_gui.project.files import write_bytes

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

_FROZEN = ("precision", "size", "recipe", "seed", "parts", "weights_seed")
"""What a run cannot be continued without; of ``run.json``, "frozen"."""

STORE_FACTOR = 1.34
"""Learning photographs are kept with a short side this much longer than the network's, for crops to choose from."""


def train_job(command: Train, job: JobContext) -> dict[str, Any]:
    """Serve `messages.Train`: fine-tune, or go on with an unfinished run.

    Raises:
        UserError: there is nothing to learn from, weights are missing, the disk is full, another run of the project
            is going on, or ``not_reachable``: a drive with photographs is away, and the run can be continued later.
        JobStopped: the person stopped it before there was anything to keep.
    """
    began = time.monotonic()
    with Project.open(command.project) as project, project.training():
        if command.run is not None:
            run = project.run(command.run)
            if run.status == "finished":
                result: dict[str, Any] = run.read().get("result") or {}
                return result
            if command.finish and not run.has_best:
                raise UserError(
                    "nothing_yet",
                    f"The run '{run.name}' has learned nothing yet that could be used.",
                    "Continue it, or start a new one.",
                )
            with run.lock():
                return _guarded(run, lambda: _go_on(project, run, began, job), command.finish)
        Reach.of(project).require_all(item.path for item in project.items())
        plan = make_plan(project, command.spec, job)
        run = project.new_run(dataclasses.asdict(command.spec), command.spec.name)
        with run.lock():
            job.emit(RunCreated(job.job_id, run.id))
            return _guarded(run, lambda: _Training.new(project, run, plan, began, job))


def _guarded(run: Run, prepare: Callable[[], _Training], finish: bool = False) -> dict[str, Any]:
    """Run the training; a failure is written down in the run before it goes on its way."""
    try:
        return prepare().go(finish)
    except JobStopped:
        run.update(status="stopped", ended=time.time())
        raise
    except Exception as error:
        code, message = getattr(error, "code", "fault"), getattr(error, "message", str(error))
        # A drive that is away interrupts a run and does not end it.
        status = "interrupted" if code == "not_reachable" else "failed"
        # A disk that refused the checkpoint may refuse this too; without a lock the run then reads "interrupted".
        with contextlib.suppress(UserError):
            run.update(status=status, ended=time.time(), error={"code": code, "message": message})
        raise


def _go_on(project: Project, run: Run, began: float, job: JobContext) -> _Training:
    """Return an unfinished run as it was fixed at its beginning; one that never came so far begins now."""
    body = run.read()
    known = {field.name for field in dataclasses.fields(TrainSpec)}
    spec = TrainSpec(**{key: value for key, value in body["spec"].items() if key in known})
    if "frozen" in body:
        return _Training.reopened(project, run, spec, job)
    job.emit(RunCreated(job.job_id, run.id))
    run.update(status="running", ended=None, error=None)
    return _Training.new(project, run, make_plan(project, spec, job), began, job)


@dataclasses.dataclass(frozen=True)
class _Settings:
    """What a run is fixed to at its beginning.

    Attributes:
        spec: what was asked for.
        recipe: every number; time is measured later.
        photographs: those that take part.
        resolved: the weights that it starts from.
        frozen: what ``run.json`` says of all this.
    """

    spec: TrainSpec
    recipe: Recipe
    photographs: Photographs
    resolved: ResolvedWeights
    frozen: dict[str, Any]


class _Training:
    """One run from its network to its result."""

    def __init__(self, project: Project, run: Run, settings: _Settings, began: float, job: JobContext) -> None:
        self.project, self.run, self.began, self.job = project, run, began, job
        self.spec, self.photographs, self.resolved = settings.spec, settings.photographs, settings.resolved
        self.recipe, self.frozen = settings.recipe, settings.frozen
        self.prep = self.resolved.preprocessing.with_size(int(self.frozen["size"]))
        self._look = 0.05
        self._budget: float | None = None
        self.reporter = Reporter(project, run, self.photographs, job)
        self.reach = Reach.of(project)

    # ------------------------------------------------------------------------------------------------------------
    # Beginnings

    @classmethod
    def new(cls, project: Project, run: Run, plan: Plan, began: float, job: JobContext) -> _Training:
        """Write down everything that the run is fixed to, and return it."""
        spec, stage, photographs, report = plan.spec, plan.stage, plan.photographs, plan.report
        head = plan.quick.head
        if stage != plan.quick.stage:
            head = fit_start(project, stage, photographs, HeadSettings(spec.seed, spec.class_weights), job)
        mirror = try_mirror(plan, Reach.of(project), job)
        recipe = plan.recipe.keeping_sides() if mirror is not None and mirror.sides_matter else plan.recipe
        frozen = {
            "precision": report.precision,
            "size": stage.prep.size,
            "recipe": recipe.to_dict(),
            "seed": spec.seed,
            "architecture": stage.architecture,
            "weights_seed": stage.seed,
            "parts": 1,
        }
        practice = chosen_practice(photographs.practice)
        quick = quick_logits(project, plan.quick, practice, job)
        known = score_where_known(quick, labels_of(practice))
        _save_photographs(run.folder, photographs, practice)
        start = _save_start(run.folder, head, quick)
        run.update(
            frozen=frozen,
            start=start,
            device={"device": report.device, "name": report.name, "precision": report.precision,
                    "reason": report.reason, "advice": report.advice},
            labels=photographs.labels,
            weights=weights_facts(stage.resolved, stage.seed, stage.architecture),
            split={
                "learning": len(photographs.learning),
                "practice": len(photographs.practice),
                "exam": len(for_labels(project, photographs.labels, "exam")),
            },
            mirror=mirror.to_dict() if mirror is not None else None,
            quick_practice_accuracy=known.accuracy,
            quick_practice_total=known.total,
            first_model_seconds=plan.quick.first_model_seconds,
            versions={"resnext_gui": __version__, "keras": keras.__version__, "backend": report.backend},
        )  # fmt: skip
        kept = dataclasses.replace(photographs, practice=practice)
        return cls(project, run, _Settings(spec, recipe, kept, stage.resolved, frozen), began, job)

    @classmethod
    def reopened(cls, project: Project, run: Run, spec: TrainSpec, job: JobContext) -> _Training:
        """Return an unfinished run as it was fixed at its beginning.

        Raises:
            UserError: its notes are damaged, or its weights have gone.
        """
        body = run.read()
        photographs = _load_photographs(project, run.folder)
        try:
            frozen = {key: body["frozen"][key] for key in _FROZEN} | body["frozen"]
            recipe = Recipe.from_dict(frozen["recipe"])
            recipe.check()
            weights, _ = body["weights"], body["device"]["device"]
            if not 1 <= frozen["parts"] <= max(1, math.ceil(len(photographs.learning) / recipe.batch)):
                raise ValueError("parts")  # a pass would have no step
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"The notes of the run '{run.id}' are damaged."
            raise UserError("damaged", message, "Start a new run.") from error
        report = backend.setup(spec.device, frozen["precision"])
        announce(report, job)
        resolved = find_weights(weights)
        job.emit(RunCreated(job.job_id, run.id))
        run.update(status="running", ended=None, error=None)
        return cls(project, run, _Settings(spec, recipe, photographs, resolved, frozen), time.monotonic(), job)

    # ------------------------------------------------------------------------------------------------------------
    # The run

    def go(self, finish: bool = False) -> dict[str, Any]:
        """Train to the end, or until stopped; with `finish` not at all.  Returns the result."""
        taking_part = [*self.photographs.learning, *self.photographs.practice]
        exam = for_labels(self.project, self.photographs.labels, "exam")
        self.reach.require_all(item.path for item in [*taking_part, *exam])
        with DecodePool() as pool, backend.strategy_scope():
            fitting = self._prepare(pool)
            status = "stopped"
            if not finish:
                with contextlib.suppress(JobStopped):
                    fitting.begin()
                    self._keep_time()
                    fitting.run()
                    status = "finished"
            self.reporter.flush()
            return self._finish(fitting, status, believed=finish or status == "finished")

    def _prepare(self, pool: DecodePool) -> Fitting:
        spec, recipe, photographs = self.spec, self.recipe, self.photographs
        self.job.progress("preparing", 0, 0, "Getting the network ready")
        seed = int(self.frozen["seed"])
        backend.seed(seed)
        backbone = load_backbone(self.resolved, self.prep.size, int(self.frozen["weights_seed"]))
        start = _load_start(self.run, len(photographs.labels), len(photographs.practice))
        # Divided by its temperature the head is calibrated, which is where the loss wants it anyway.
        head = (start["kernel"] / start["temperature"], start["bias"] / start["temperature"])
        fresh = spec.head == "hidden" or self.resolved.path is None
        self.network = with_new_head(backbone, len(photographs.labels), spec.head, None if fresh else head, seed=seed)
        if not self.frozen.get("measured"):
            self._measure()
        recipe = self.recipe
        set_trainable_stages(self.network, recipe.frozen_stages, recipe.frozen_statistics)
        truth = labels_of(photographs.learning)
        per_label = (
            label_weights(truth, len(photographs.labels)) if recipe.balance else np.ones(len(photographs.labels))
        )
        store = PixelStore(
            photographs.learning, math.ceil(self.prep.size * STORE_FACTOR), self.project.cache / "pixels"
        )
        learning = LearningSet(
            store, truth, len(photographs.labels), per_label[truth].astype(np.float32), self.prep,
            recipe.augmentation, seed, self.reach,
        )  # fmt: skip
        self.practice = PracticeSet.read(photographs.practice, start["quick"], self.prep, pool, self.job, self.reach)
        practice = self.practice.as_pixels(2 if recipe.flip_answers else 1, recipe.looks)
        data = FitData(learning, practice, pool, int(self.frozen["parts"]))
        fitting = Fitting(self.network, data, recipe, self.job.control, self.reporter.watch)
        self.fitting = self.reporter.fitting = fitting
        checkpoint = self.run.read().get("last_checkpoint")
        if checkpoint:
            load_state(self.run.folder, checkpoint, fitting)
            self.run.replace_history([e for e in self.run.history() if e["epoch"] <= fitting.state.epoch])
            self.run.replace_batches([p for p in self.run.batches() if p["step"] <= fitting.state.step])
        else:
            self.run.replace_history([])
            self.run.replace_batches([])
        return fitting

    def _measure(self) -> None:
        """Find out how fast this machine is, and turn the person's minutes into a plan that it can carry out.

        What must come after the training, and what has been used up before it, is taken off: the promise is about
        when the result is there.
        """
        side = self.prep.size
        pictures = np.zeros((EVALUATION_BATCH, side, side, 3), np.float32)
        self.network.predict_on_batch(pictures)  # compiles
        began = time.monotonic()
        self.network.predict_on_batch(pictures)
        self.network.predict_on_batch(pictures)
        self._look = (time.monotonic() - began) / (2 * EVALUATION_BATCH)
        self._budget = self.recipe.seconds
        if self._budget is None:
            return
        left, pretrained = self._time_left(self._budget), self.resolved.path is not None
        learning, practice = len(self.photographs.learning), len(self.photographs.practice)
        self.recipe, parts = fit_to_time(self.recipe, self.spec, left, self._look, learning, practice, pretrained)
        parts = min(parts, max(1, math.ceil(learning / self.recipe.batch)))  # each has a step at least
        self.frozen = {**self.frozen, "recipe": self.recipe.to_dict(), "parts": parts, "measured": True}
        self.run.update(frozen=self.frozen)

    def _keep_time(self) -> None:
        """Take off what getting ready has taken since it was measured: tracing a network takes seconds."""
        if self._budget is not None:
            self.recipe = dataclasses.replace(self.recipe, seconds=self._time_left(self._budget))
            self.fitting.recipe = self.recipe
            self.frozen = {**self.frozen, "recipe": self.recipe.to_dict()}
            self.run.update(frozen=self.frozen)

    def _time_left(self, budget: float) -> float:
        """Return how many of `budget` seconds are left for the training itself."""
        sides = 2 if self.recipe.flip_answers else 1
        exam = len(self._exam_items())
        # practice is looked at after the step that ends the last pass, or in full later, and once for each blend
        looks = exam + (1 + len(BLENDS)) * len(self.photographs.practice)
        reserve = 6.0 + 1.2 * self._look * sides * looks
        used = time.monotonic() - self.began - self.job.control.paused_seconds
        return max(0.2 * budget, budget - used - min(reserve, 0.4 * budget))

    # ------------------------------------------------------------------------------------------------------------
    # The end

    def _finish(self, fitting: Fitting, status: str, believed: bool) -> dict[str, Any]:
        """Choose the weights, write the model, decide who answers, score the exam.

        A model that is `believed` to be better than the quick one answers unless it is clearly worse in practice;
        another one has to show that it is better.
        """
        stopped = status == "stopped"
        self.job.progress("finishing", 0, 0, "Choosing the best and scoring it")
        state = fitting.state
        try:
            score, weights = fitting.choose(thorough=not stopped)
        except JobStopped:  # impatient: what was best is known already
            stopped = True
            score, weights = fitting.choose(thorough=False)
        fitting.model.set_weights(weights)
        if not all(np.isfinite(values).all() for values in weights):
            raise UserError(
                "diverged",
                "The network's numbers grew beyond all bounds while it learned, so nothing of it can be used.",
                "Start a new run with a lower rate.",
            )
        known = len(fitting.practice.labels)
        practice = score
        if score.total < 10:  # too few to calibrate by: the loss is that of the model as it is
            fitting.shadow.set_weights(weights)
            practice = (fitting.look if stopped else fitting.practice_score)(check=False, temperature=1.0)
        model = ModelFile(
            kind="network",
            labels=self.photographs.labels,
            preprocessing=self.prep,
            temperature=practice.temperature,
            flip=self.recipe.flip_answers,
            precision=self.frozen["precision"],
            weights=self.run.read()["weights"],
            photographs=self.photographs.fingerprint,
            practice={"right": practice.right, "total": practice.total, "loss": practice.loss},
            counts={"labels": len(self.photographs.labels), "photographs": len(self.photographs.learning) + known},
            label_rows=self.photographs.label_rows,
        )
        save_network(self.run.folder, model, self.network)
        body = self.run.read()
        quick = self.practice.quick_score(fitting.practice.looked_at if stopped else None)  # of the same photographs
        # The start is the quick model itself, only with mirror images: nothing has been learnt that could be better.
        shown = score.holds_against(quick) if believed else score.beats(quick)
        better = state.best_epoch > 0 and (shown if known else believed)
        kept = "finetune" if better else "quick"
        if better:
            reason = "Better on the practice photographs than the quick model"
            if not score.beats(quick):
                reason = "About as good on the practice photographs as the quick model, and trained for longer"
            self.project.set_current_model(self.run.id, reason)
        elif self.project.current_model is None:
            self.project.set_current_model("quick", "Better on the practice photographs than the fine-tuned one")
        self.reporter.ready(score)
        exam = self._exam(self.run.id if better else "quick", stopped)
        result = {
            "run": self.run.id,
            "kept": kept,
            "practice_accuracy": score.accuracy if better else quick.accuracy,
            "finetune_practice_accuracy": score.accuracy,
            "quick_practice_accuracy": quick.accuracy,
            "accuracy": exam["right"] / exam["total"] if exam else None,
            "accuracy_low": exam["low"] if exam else None,
            "accuracy_high": exam["high"] if exam else None,
            "exam": exam["total"] if exam else 0,
            "right": exam["right"] if exam else 0,
            "seconds": time.monotonic() - self.began - self.job.control.paused_seconds,
            "first_model_seconds": body.get("first_model_seconds") or process_seconds(),
            "images_per_second": self.reporter.images_per_second,
            "device": body["device"]["device"],
            "precision": self.frozen["precision"],
            "status": status,
            "epochs": math.ceil(state.epoch / fitting.parts),
            "mirror": body.get("mirror"),
            "best_epoch": state.best_epoch,
        }
        done = status == "finished"
        facts = None if done else body.get("last_checkpoint")
        self.run.update(
            status=status,
            ended=time.time(),
            result=result,
            best_model="model.json",
            progress=1.0 if done else body.get("progress", 0.0),
            seconds_used=state.seconds,
            last_checkpoint=facts,
            best={
                "epoch": state.best_epoch,
                "practice_accuracy": score.accuracy,
                "practice_loss": practice.loss,
                "practice_total": score.total,
            },
        )
        prune(self.run.folder, facts)
        return result

    def _exam_items(self) -> list[Item]:
        names = self.project.names_now(self.photographs.labels, self.photographs.label_rows)
        return for_labels(self.project, list(dict.fromkeys(names)), "exam")

    def _exam(self, model: str, stopped: bool) -> dict[str, Any] | None:
        items = self._exam_items()
        # A person who stops waits for the end: a long exam can be had from the results page.
        if not items or (stopped and len(items) * self.fitting.practice.sides * self._look > 3.0):
            return None
        try:
            return evaluate(self.project, model, "exam", self.job.unstoppable() if stopped else self.job)
        except JobStopped:
            return None
        except UserError as error:
            if error.code == "not_reachable" and not stopped:
                raise  # continued once the drive is back, the run has the result that it would have had
            return None


def _save_start(folder: Path, head: LinearHead, quick: Floats) -> str:
    """Write down the head that a run begins with and the quick model's answers, durably; returns the file's hash."""
    stream = io.BytesIO()
    np.savez(stream, kernel=head.kernel, bias=head.bias, temperature=np.float64(head.temperature), quick=quick)
    data = stream.getvalue()
    write_bytes(folder / "start.npz", data)
    return hashlib.sha256(data).hexdigest()


def _load_start(run: Run, labels: int, practice: int) -> dict[str, Floats]:
    """Return what `_save_start` wrote.

    Kernel (features, labels), bias (labels,), temperature (), and quick (practice, labels), the quick model's logits.

    Raises:
        UserError: ``damaged``.
    """
    try:
        data = guard.read_bytes(run.folder / "start.npz", notes.MANY)
        wanted = run.read().get("start")  # not known to runs of earlier versions
        if wanted is not None and hashlib.sha256(data).hexdigest() != wanted:
            raise ValueError("another content than was written")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > notes.MANY:
                raise ValueError("larger than it could be")
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            start = {name: np.asarray(found[name]) for name in ("kernel", "bias", "temperature", "quick")}
        shapes = [start["kernel"].shape[1:], start["bias"].shape, start["temperature"].shape, start["quick"].shape]
        if shapes != [(labels,), (labels,), (), (practice, labels)]:
            raise ValueError(f"other shapes: {shapes}")
        if any(values.dtype.kind != "f" for values in start.values()) or not np.isfinite(start["kernel"]).all():
            raise ValueError("no numbers")
    except (OSError, KeyError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError("damaged", f"The beginning of the run '{run.id}' is damaged.", "Start a new run.") from error
    return start


def _save_photographs(folder: Path, photographs: Photographs, practice: list[Item]) -> None:
    """Write down who takes part, so that a resumed run learns from the same photographs in the same order."""
    write_json(
        folder / "photographs.json",
        {
            "labels": photographs.labels,
            "label_rows": photographs.label_rows,
            "learning": [[i.photo_id, i.path, i.hash, i.label] for i in photographs.learning],
            "practice": [[i.photo_id, i.path, i.hash, i.label] for i in practice],
        },
    )


def _load_photographs(project: Project, folder: Path) -> Photographs:
    """Return who takes part in a run; photographs that were moved since are found where they are now."""
    try:
        body = notes.read(folder / "photographs.json", notes.MANY)
        labels = [str(label) for label in body["labels"]]
        learning, practice = ([Item(*values) for values in body[name]] for name in ("learning", "practice"))
        for item in [*learning, *practice]:
            fits = notes.count(item.photo_id) and isinstance(item.path, str) and guard.fits_hash(item.hash)
            if not fits or not notes.count(item.label) or item.label >= len(labels):
                raise ValueError(item)
        now = {photo.id: photo for photo in project.photos(item.photo_id for item in [*learning, *practice])}
        for items in (learning, practice):
            for place, item in enumerate(items):
                photo = now.get(item.photo_id)
                if photo is not None and photo.hash == item.hash:
                    items[place] = dataclasses.replace(item, path=photo.path)
        return Photographs(labels, learning, practice, body.get("label_rows") or {})
    except (OSError, KeyError, TypeError, ValueError, ProjectError) as error:
        raise UserError("damaged", f"The notes of the run in '{folder}' are damaged.", "Start a new run.") from error

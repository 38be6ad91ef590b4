"""What a run begins with: the quick model, the photographs, the recipe, and whether mirror images are shown."""

from __future__ import annotations

from dataclasses import dataclass

from resnext_gui.engine.device import backend
from resnext_gui.engine.device.backend import announce
from resnext_gui.engine.ingest.reach import Reach
from resnext_gui.engine.models.features import Photographs, current_photographs
from resnext_gui.engine.models.quick import HeadSettings, Quick, make_quick, quick_exists
from resnext_gui.engine.models.start_point import Stage, choose_stage
from resnext_gui.engine.training.mirror import MirrorTrial, try_mirror_images
from resnext_gui.engine.training.recipe import Recipe, choose_recipe
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import TrainSpec
from resnext_gui.project import Project


@dataclass
class Plan:
    """What a new run begins with.

    Attributes:
        spec: what was asked for.
        stage: weights and pixels of the run.
        quick: the quick model to be better than; the project may keep it on another stage.
        photographs: as of now.
        recipe: as chosen by their number, before time is measured and mirror images are tried.
        report: the device.
    """

    spec: TrainSpec
    stage: Stage
    quick: Quick
    photographs: Photographs
    recipe: Recipe
    report: backend.DeviceReport


def make_plan(project: Project, spec: TrainSpec, job: JobContext) -> Plan:
    """Make or refresh the quick model and choose the recipe.

    Raises:
        UserError: there is nothing to learn from, the weights are missing, or the disk is full.
        JobStopped: the person stopped it; the features computed so far are kept.
    """
    current_photographs(project)
    report = backend.setup(spec.device, spec.precision)
    announce(report, job)
    stage = choose_stage(project, spec.weights, spec.size, spec.seed, spec.architecture, report.precision)
    quick_stage = stage
    if quick_exists(project):
        quick_stage = choose_stage(project, None, None, spec.seed, None, report.precision)
    quick = make_quick(project, quick_stage, HeadSettings(spec.seed, spec.class_weights), job)
    photographs = quick.photographs
    pretrained = stage.resolved.path is not None
    recipe = choose_recipe(spec, len(photographs.learning), len(photographs.labels), pretrained)
    return Plan(spec, stage, quick, photographs, recipe, report)


def try_mirror(plan: Plan, reach: Reach, job: JobContext) -> MirrorTrial | None:
    """Find out whether mirror images keep their labels, where that is left to be found out."""
    if plan.spec.mirror != "auto":
        return None
    job.progress("preparing", 0, 0, "Trying mirror images")
    return try_mirror_images(
        plan.photographs, plan.stage.resolved, seed=plan.spec.seed, weights_seed=plan.stage.seed,
        seconds=plan.recipe.seconds, check=job.check, reach=reach,
    )  # fmt: skip

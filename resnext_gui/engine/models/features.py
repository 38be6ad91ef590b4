"""Pooled features of photographs: each passes the frozen backbone once, and what came of it is kept on disk.

So the second look at a folder, or the tenth correction of a label, costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine.device import backend
from resnext_gui.engine.device.parallel_halves import InHalves
from resnext_gui.engine.ingest.reach import Reach, verdict
from resnext_gui.engine.ingest.reading import read_again
from resnext_gui.engine.models.modelfile import fingerprint
from resnext_gui.engine.models.start_point import Stage
from resnext_gui.engine.network.resnext import inference_model
from resnext_gui.engine.pictures.decode import load_remarked, normalise
from resnext_gui.engine.pictures.decode_watch import DecodeWatch
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.weights.load import ResolvedWeights, load_backbone
from resnext_gui.engine.worker.clock import Pace
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import Refused, UserError
from resnext_gui.project import Item, Project

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

BATCH = 16
"""Photographs that pass the backbone together; always the same number, so that it is compiled once."""


@dataclass(frozen=True)
class Photographs:
    """What a model learns from and is chosen by, as of one moment.

    Attributes:
        labels: names, in the order of the items' numbers.
        learning: photographs.
        practice: photographs.
        label_rows: what tells how the labels are called later (`Project.names_now`).
        version: the project's `data_version` at that moment.
        left_out: labels that have photographs, of which none can be learnt from.
    """

    labels: list[str]
    learning: list[Item]
    practice: list[Item]
    label_rows: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes when anything does that a model depends on."""
        return fingerprint(self.labels, self.learning, self.practice)


def current_photographs(project: Project) -> Photographs:
    """Return the project's photographs as they are now.

    Raises:
        UserError: ``no_photographs`` or ``one_label``.
    """
    project.assign_kinds()
    with project.snapshot():  # items number their labels by the list of labels
        version = project.data_version()
        names = project.training_labels()
        learning, practice = project.items("learning"), project.items("practice")
        unreadable = project.unreadable_labels()
        rows = project.label_rows(names)
    if not learning:
        raise UserError(
            "no_photographs",
            "There are no labelled photographs to learn from.",
            "Look at “Unreadable” on the Photos page, and add other photographs."
            if unreadable
            else "Add a folder with one sub-folder for each label.",
        )
    # A label of which nothing can be learnt would never be answered: it is left out, and so are its photographs.
    taught = sorted({item.label for item in learning})
    number = {old: new for new, old in enumerate(taught)}
    labels = [names[old] for old in taught]
    left_out = (*unreadable, *(name for n, name in enumerate(names) if n not in number))
    learning = [replace(item, label=number[item.label]) for item in learning]
    practice = [replace(item, label=number[item.label]) for item in practice if item.label in number]
    if len({item.label for item in learning}) < 2:
        only = labels[learning[0].label]
        raise UserError(
            "one_label",
            f"A classifier compares labels, and there is only one: “{only}”."
            if len(names) + len(unreadable) < 2
            else f"A classifier compares labels, and there are photographs that can be read of “{only}” only.",
            "Add photographs of at least one other label.",
        )
    rows["ids"] = [rows["ids"][old] for old in taught]
    return Photographs(labels, learning, practice, rows, version, left_out)


def interleaved(items: list[Item]) -> list[Item]:
    """Return `items` in rounds, one of each label at a time, so that early models know every label."""
    seen: dict[int, int] = {}
    rounds = []
    for item in items:
        rounds.append(seen.get(item.label, 0))
        seen[item.label] = rounds[-1] + 1
    return [items[n] for n in sorted(range(len(items)), key=lambda n: (rounds[n], items[n].label))]


def tell_left_out(photographs: Photographs, told: set[str], job: JobContext) -> None:
    """Say which labels cannot be learnt, each once; `told` are those that were named before."""
    for name in photographs.left_out:
        if name not in told:
            told.add(name)
            job.emit(Refused(job.job_id, name, "label_left_out", {"label": name}))


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
    """Gives the features of photographs: from the cache, else computed and kept.

    Attributes:
        project: whose photographs they are.
        stage: the network that computes them.
        job: what it is done for.
        cache: what is known.
        computed: how many were computed.
        seconds: that took.
        refused: ids of photographs that could not be read.
    """

    def __init__(self, project: Project, stage: Stage, job: JobContext) -> None:
        self.project, self.stage, self.job = project, stage, job
        self.cache = stage.feature_cache(project)
        self._extractor: Extractor | None = None
        self.computed = 0
        self.seconds = 0.0
        self.refused: set[int] = set()
        self._reach: Reach | None = None

    def __enter__(self) -> FeatureReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.cache.close()

    def fill(self, items: list[Item], after: Callable[[int, Pace], None] | None = None) -> None:
        """Compute what is missing of `items`, in their order.

        Args:
            items: photographs; those that cannot be read are marked in the project and left out.  Only those that
                are gone are marked so: none whose drive is away.
            after: called after each batch with how many of `items` are known, and the pace.

        Raises:
            UserError: ``not_reachable``; what was computed is kept.
            JobStopped: the person stopped it; what was computed is kept.
        """
        missing = [item for item in items if self.cache.get(item.hash) is None]
        if not missing:
            return
        known = len(items) - len(missing)
        total = len(items)
        self.job.progress("features", known, total, f"Looked at {known:,} of {total:,}")
        prep, watch = self.stage.prep, DecodeWatch(self.project.cache / "decoding")
        remarks: list[tuple[str, str]] = []

        def load(item: Item) -> npt.NDArray[np.uint8]:
            with watch(item.path):
                pixels, remark = load_remarked(item.path, prep, item.hash)
            if remark:
                remarks.append((item.path, remark))
            return pixels

        try:
            with DecodePool() as pool:
                decoded = pool.in_order(load, missing, ahead=4 * BATCH)
                if self._extractor is None:  # decoding has begun meanwhile
                    self._extractor = Extractor(self.stage)
                pace = Pace(len(missing))
                batch: list[tuple[Item, npt.NDArray[np.uint8]]] = []
                for number, (item, outcome) in enumerate(decoded, start=1):
                    if isinstance(outcome, UserError):
                        outcome = self._settle(item, outcome, load)
                    if isinstance(outcome, UserError):
                        self._refuse(item, outcome)
                    else:
                        batch.append((item, outcome))
                    while remarks:
                        path, remark = remarks.pop(0)
                        self.job.emit(Refused(self.job.job_id, path, "incomplete", {"remark": remark}))
                    if len(batch) == BATCH or (number == len(missing) and batch):
                        self._compute(batch)
                        batch = []
                        pace.step(number - pace.done)
                        done = known + number
                        text = f"Looked at {done:,} of {total:,}"
                        self.job.progress("features", done, total, text, pace.seconds_left)
                        if after is not None:
                            after(done, pace)
                    self.job.check()
        finally:
            watch.close()

    def _compute(self, batch: list[tuple[Item, npt.NDArray[np.uint8]]]) -> None:
        if self._extractor is None:
            self._extractor = Extractor(self.stage)
        began = time.monotonic()
        values = self._extractor([pixels for _, pixels in batch])
        for (item, _), row in zip(batch, values, strict=True):
            self.cache.add(item.hash, row)
        self.cache.flush()
        self.computed += len(batch)
        self.seconds += time.monotonic() - began

    def _settle(
        self, item: Item, error: UserError, load: Callable[[Item], npt.NDArray[np.uint8]]
    ) -> npt.NDArray[np.uint8] | UserError:
        if self._reach is None:
            self._reach = Reach.of(self.project)
        return self._reach.settle(item.path, error, lambda: load(item))

    def _refuse(self, item: Item, error: UserError) -> None:
        self.refused.add(item.photo_id)
        self.job.refused(item.path, error)
        if error.code == "changed":
            read_again(self.project, item.path)
        elif not self.project.read_only:
            status = verdict(error)
            if status is not None:
                self.project.set_status([item.photo_id], status, error.sentence)

    def features(self, items: list[Item]) -> tuple[Features, Labels]:
        """Return features (n, features) and labels (n,) of those of `items` that are known."""
        rows = [(row, item.label) for item in items if (row := self.cache.get(item.hash)) is not None]
        if not rows:
            return np.zeros((0, self.stage.width), np.float32), np.zeros(0, np.int64)
        return np.stack([row for row, _ in rows]), np.array([label for _, label in rows], np.int64)

"""From a path to an answer: a model loaded once, folded, compiled for two batch sizes, and kept."""

from __future__ import annotations

import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnext_gui.engine.device import backend
from resnext_gui.engine.device.parallel_halves import InHalves
from resnext_gui.engine.ingest.gather import absolute
from resnext_gui.engine.ingest.walk import list_folder
from resnext_gui.engine.models.features import feature_network
from resnext_gui.engine.models.head import LinearHead, softmax
from resnext_gui.engine.models.modelfile import ModelFile, build_network, find_weights, read_head, read_model
from resnext_gui.engine.network.resnext import inference_model
from resnext_gui.engine.pictures.decode import load_uint8, normalise
from resnext_gui.engine.pictures.decode_watch import DecodeWatch
from resnext_gui.engine.pictures.store import DecodePool, denormalise
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import Answer, Classify, ModelView, Refused, UserError
from resnext_gui.project import Project, guard
from resnext_gui.project.files import file_trouble

Pixels = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]

BATCH = 16
"""Pictures that are answered together where there are many; one alone goes alone."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a picture shows: (label, probability), most probable first, and how long it took in milliseconds."""

    top: list[tuple[str, float]]
    milliseconds: float


class Classifier:
    """A model that answers.

    Attributes:
        id: ``"quick"`` or the run's id.
        file: what is known about it.
        labels: in the order of the probabilities, as the project calls them now.
    """

    def __init__(self, model_id: str, folder: Path) -> None:
        """Args:
        model_id: ``"quick"`` or a run's id.
        folder: holds ``model.json``.

        Raises:
            UserError: there is no model, or what it needs is missing or damaged.
        """
        self.id = model_id
        self.file: ModelFile = read_model(folder)
        self.speak(self.file.labels)
        self._head: LinearHead | None = None
        if self.file.kind == "quick":
            self._head = read_head(folder, self.file)
            self._network = feature_network(
                find_weights(self.file.weights),
                self.file.preprocessing.size,
                int(self.file.weights.get("seed", 0)),
            )
        else:
            self._network = inference_model(build_network(folder, self.file))
        if self._head is not None and self._head.kernel.shape[0] != self._network.output_shape[-1]:
            raise UserError("damaged", "The quick model does not fit its weights.", "Make it again: it takes seconds.")
        self._answers = InHalves(self._network.predict_on_batch)

    @classmethod
    def load(cls, project: Project, model: str | None = None) -> Classifier:
        """Return a model of the project, from memory where it was loaded before and has not changed since.

        Args:
            project: the project.
            model: ``"quick"``, a run's id, or None for the one that answers now.

        Raises:
            UserError: ``no_model``, ``weights_missing``, ``damaged``.
        """
        model = model or project.current_model or "quick"
        folder = model_folder(project, model)
        file = read_model(folder)
        key = f"{folder}|{file.identity}|{file.weights.get('sha256')}|{backend.report().precision}"
        known = _loaded.pop(key, None)
        if known is None:
            known = cls(model, folder)
        known.speak(project.names_now(file.labels, file.label_rows))
        _loaded[key] = known
        while len(_loaded) > _MOST_LOADED:
            _loaded.popitem(last=False)
        return known

    def speak(self, names: list[str]) -> None:
        """Call the labels by `names`, one for each of the model's; those that have one name by now answer as one."""
        self.labels = list(dict.fromkeys(names))
        self._columns = np.zeros((len(names), len(self.labels)))
        self._columns[np.arange(len(names)), [self.labels.index(name) for name in names]] = 1.0

    def read(self, path: str, watch: DecodeWatch | None = None, digest: str = "") -> Pixels:
        """Return a picture as the model sees it, uint8 (size, size, 3); `digest` is the hash it must have, if any.

        Raises:
            ImageError: it cannot be read, or is another one.
        """
        with contextlib.nullcontext() if watch is None else watch(path):
            return load_uint8(path, self.file.preprocessing, digest)

    def logits(self, pixels: list[Pixels]) -> Features:
        """Return float32 (pictures, the model's own labels) for squares from `read`, before the temperature."""
        answers: list[Features] = []
        for begin in range(0, len(pixels), BATCH):
            part = pixels[begin : begin + BATCH]
            size = 1 if len(part) == 1 else BATCH
            inputs = normalise(np.stack(part + [part[-1]] * (size - len(part))), self.file.preprocessing)
            outputs = self._outputs(inputs)
            if self.file.flip:
                outputs = 0.5 * outputs + 0.5 * self._outputs(np.ascontiguousarray(inputs[:, :, ::-1]))
            answers.append(outputs[: len(part)])
        return np.concatenate(answers) if answers else np.zeros((0, len(self.file.labels)), np.float32)

    def _outputs(self, inputs: Features) -> Features:
        """Return float32 logits (batch, labels) for preprocessed pixels."""
        outputs = self._answers(inputs)
        return outputs if self._head is None else self._head.logits(outputs)

    def probabilities(self, pixels: list[Pixels]) -> npt.NDArray[np.float64]:
        """Return (pictures, labels), rows that sum to 1, calibrated.

        Raises:
            UserError: ``damaged``: the model computes no numbers.
        """
        found = softmax(self.logits(pixels) / self.file.temperature)
        if not np.isfinite(found).all():
            raise UserError("damaged", "The model's answers are no numbers: it is damaged.", "Train it again.")
        answers: npt.NDArray[np.float64] = found @ self._columns
        return answers

    def top(self, probabilities: npt.NDArray[np.float64], count: int) -> list[tuple[str, float]]:
        """Return the `count` most probable labels of one picture, most probable first."""
        order = np.argsort(-probabilities, kind="stable")[: max(1, count)]
        return [(self.labels[int(n)], float(probabilities[n])) for n in order]

    def answer(self, path: str, top: int = 5, watch: DecodeWatch | None = None) -> Result:
        """Return what one picture shows.

        Raises:
            ImageError: it cannot be read.
        """
        began = time.perf_counter()
        probabilities = self.probabilities([self.read(path, watch)])[0]
        return Result(self.top(probabilities, top), (time.perf_counter() - began) * 1000)

    def answers(
        self, paths: list[str], pool: DecodePool, top: int = 5, watch: DecodeWatch | None = None
    ) -> Iterator[list[tuple[str, Result | UserError]]]:
        """Yield (path, result or refusal) in batches, in order, decoding ahead on `pool`."""
        waiting: list[tuple[str, Pixels | UserError]] = []
        began = time.perf_counter()
        # The first few go alone, so that there is something to read at once.
        wanted = 1
        for number, (path, outcome) in enumerate(
            pool.in_order(lambda path: self.read(path, watch), paths, ahead=4 * BATCH), start=1
        ):
            waiting.append((path, outcome))
            readable = sum(not isinstance(item, UserError) for _, item in waiting)
            if readable < wanted and number < len(paths):
                continue
            wanted = 1 if number < 2 else BATCH
            pixels = [item for _, item in waiting if not isinstance(item, UserError)]
            probabilities = iter(self.probabilities(pixels))
            each = (time.perf_counter() - began) * 1000 / max(1, len(waiting))
            yield [
                (path, item if isinstance(item, UserError) else Result(self.top(next(probabilities), top), each))
                for path, item in waiting
            ]
            waiting, began = [], time.perf_counter()


_MOST_LOADED = 2
_loaded: OrderedDict[str, Classifier] = OrderedDict()


def forget_loaded() -> None:
    """Drop the models that are kept in memory."""
    _loaded.clear()


def model_folder(project: Project, model: str) -> Path:
    """Return where a model's ``model.json`` lies.

    Raises:
        ProjectError: there is no such run.
    """
    return project.quick_folder if model == "quick" else project.run(model).folder


def classify_job(command: Classify, job: JobContext) -> dict[str, Any]:
    """Serve `messages.Classify`: answer for files, and for the pictures below folders.

    Raises:
        UserError: there is no model.
        JobStopped: the person stopped it; the answers given so far stay.
    """
    answered = refused = 0
    with Project.open(command.project) as project:
        model_folder(project, command.model or project.current_model or "quick")
        backend.report()
        classifier = Classifier.load(project, command.model)
        paths = _walk(command.paths, job)
        refused = sum(path is None for path in paths)
        wanted = [path for path in paths if path is not None]
        watch = DecodeWatch(project.cache / "decoding")
        try:
            with DecodePool() as pool:
                for batch in classifier.answers(wanted, pool, command.top, watch):
                    for path, result in batch:
                        if isinstance(result, UserError):
                            refused += 1
                            job.refused(path, result)
                            continue
                        answered += 1
                        top, stored = tuple(result.top), None
                        if command.keep and not project.read_only:
                            stored = project.add_answer(path, *top[0], top, classifier.id, result.milliseconds)
                        job.emit(Answer(job.job_id, path, *top[0], top, classifier.id, result.milliseconds, stored))
                    done = answered + refused
                    if len(paths) > 1:
                        text = f"Answered {done:,} of {len(paths):,}"
                        job.progress("classify", done, len(paths), text)
                    job.check()
        finally:
            watch.close()
    return {"answered": answered, "refused": refused}


def _walk(paths: Iterable[str], job: JobContext) -> list[str | None]:
    """Return the pictures to answer for; None stands for something that was refused already."""
    found: list[str | None] = []
    for given in paths:
        path = absolute(given)
        if not os.path.isdir(path):  # noqa: PTH112 - a name with a NUL must not raise here
            found.append(path)
            continue
        try:
            listing = list_folder(path, lambda _: job.check())
        except UserError as error:
            found.append(None)
            job.refused(path, error)
            continue
        found.extend(file.path for file in listing.files)
        for place, sentence in listing.troubles:
            found.append(None)
            job.emit(Refused(job.job_id, place, "unreadable:plain", {"message": sentence}))
        if not listing.files and not listing.troubles:
            found.append(None)
            job.emit(Refused(job.job_id, path, "no_pictures:folder", {"path": path}))
    return found


def model_view_job(command: ModelView, job: JobContext) -> dict[str, Any]:
    """Serve `messages.ModelView`: write a PNG of exactly what the model receives.

    Raises:
        UserError: there is no model, the picture cannot be read, or the disk is full.
    """
    job.check()
    with Project.open(command.project) as project:
        prep = read_model(model_folder(project, command_model(project))).preprocessing
        # there and back: what is shown has passed through the same numbers as what the network gets
        pixels = denormalise(normalise(load_uint8(command.path, prep), prep), prep)
        folder = project.cache / "views"
        try:
            guard.make_folder(folder)
            views = [file for file in folder.glob("*.png") if guard.is_ours(file) and guard.is_ordinary(file)]
            for old in sorted(views, key=lambda file: file.stat().st_mtime)[:-20]:
                guard.remove(old)
            file = folder / f"{time.time_ns():x}.png"
            with guard.open_new(file) as stream:
                Image.fromarray(pixels).save(stream, "PNG")
        except OSError as error:
            raise file_trouble(error, folder) from error
    return {"path": os.fspath(file)}


def command_model(project: Project) -> str:
    """Return the model that answers now."""
    return project.current_model or "quick"

"""How good a model is on photographs that it did not learn from, and how sure one can be of that."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resnext_gui.engine.device import backend
from resnext_gui.engine.ingest.reach import Reach, verdict
from resnext_gui.engine.models.classifier import BATCH, Classifier, model_folder
from resnext_gui.engine.models.modelfile import ModelFile, fingerprint, read_model
from resnext_gui.engine.pictures.decode_watch import DecodeWatch
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.figures import tally
from resnext_gui.messages import Evaluate, UserError
from resnext_gui.project import Item, Project, notes, write_json
from resnext_gui.project.evaluations import restated

KINDS = ("exam", "practice")


def summarise(
    model: str, kind: str, labels: list[str], items: list[Item], probabilities: npt.NDArray[np.float64], uses: int
) -> dict[str, Any]:
    """Return the evaluation of a model.

    Args:
        model: ``"quick"`` or a run's id.
        kind: ``"exam"`` or ``"practice"``.
        labels: as they are called now, in the order of the columns; the items' labels are indices into them.
        items: the photographs.
        probabilities: (photographs, labels).
        uses: how often the project's exam was scored, this time included.

    Returns:
        JSON-able values: counts, interval, confusion (rows are the truth), one entry a photograph and a label.
    """
    answers = probabilities.argmax(axis=1) if len(items) else []
    entries = [
        {
            "photo_id": item.photo_id,
            "path": item.path,
            "hash": item.hash,
            "truth": labels[item.label],
            "answer": labels[int(answer)],
            "probability": float(row[answer]),
            "truth_probability": float(row[item.label]),
        }
        for item, answer, row in zip(items, answers, probabilities, strict=True)
    ]
    found = {"model": model, "kind": kind, "labels": labels, "items": entries, "uses": uses, "left_out": 0}
    return {**found, **tally(labels, entries), "made": time.time()}


def evaluate_job(command: Evaluate, job: JobContext) -> dict[str, Any]:
    """Serve `messages.Evaluate`.

    Raises:
        UserError: ``no_exam``: there are no photographs of this kind, or none can be read; ``not_reachable``: their
            drive is away; or there is no such model.
        JobStopped: the person stopped it; the use is not counted.
    """
    with Project.open(command.project) as project:
        return evaluate(project, command.model, command.kind, job)


def evaluate(project: Project, model: str, kind: str, job: JobContext) -> dict[str, Any]:
    """Return the evaluation of `model` on the photographs of `kind`; a stored one where nothing has changed.

    Args:
        project: the project.
        model: ``"quick"`` or a run's id.
        kind: ``"exam"`` (each scoring counts as a use) or ``"practice"``.
        job: told about progress and refused photographs, and asked after each one.

    Raises:
        UserError: there are no photographs of this kind that can be read, ``not_reachable``: their drive is away, or
            there is no such model.
        JobStopped: the person stopped it.
    """
    if kind not in KINDS:
        raise UserError("bad_kind", f"There are no “{kind}” photographs.", f"Use one of {', '.join(KINDS)}.")
    folder = model_folder(project, model)
    file = read_model(folder)
    labels = list(dict.fromkeys(project.names_now(file.labels, file.label_rows)))
    items = for_labels(project, labels, kind)
    if not items:
        raise UserError(
            "no_exam" if kind == "exam" else "no_practice",
            f"There are no {kind} photographs of the labels that this model knows.",
            "Add photographs: from five of a label on, one is put aside for the exam.",
        )
    stored = _stored(project, folder / f"{kind}.json", _stamp(file, items))
    if stored is not None:
        return stored
    backend.report()
    classifier = Classifier.load(project, model)
    rows: list[npt.NDArray[np.float64]] = []
    kept: list[Item] = []
    watch = DecodeWatch(project.cache / "decoding")
    by_path = {item.path: item for item in items}
    reach: Reach | None = None

    def read(path: str) -> npt.NDArray[np.uint8]:
        return classifier.read(path, watch, by_path[path].hash)

    try:
        with DecodePool() as pool:
            decoded = pool.in_order(read, list(by_path), ahead=4 * BATCH)
            batch = []
            for number, (path, pixels) in enumerate(decoded, start=1):
                if isinstance(pixels, UserError):
                    reach = reach or Reach.of(project)
                    pixels = reach.settle(path, pixels, partial(read, path))
                if isinstance(pixels, UserError):
                    job.refused(path, pixels)
                    if not project.read_only and verdict(pixels) == "unreadable":
                        project.set_status([by_path[path].photo_id], "unreadable", pixels.sentence)
                else:
                    batch.append((by_path[path], pixels))
                if len(batch) == BATCH or (number == len(by_path) and batch):
                    rows.append(classifier.probabilities([pixels for _, pixels in batch]))
                    kept.extend(item for item, _ in batch)
                    batch = []
                    job.progress(kind, number, len(by_path), f"Scored {number:,} of {len(by_path):,}")
                job.check()
    finally:
        watch.close()
    if not kept:
        raise UserError(
            "no_exam" if kind == "exam" else "no_practice",
            f"None of the {kind} photographs of this project can be read.",
            "Look at what is wrong with them, and add other photographs.",
        )
    probabilities = np.concatenate(rows)
    uses = 0
    if kind == "exam":
        uses = project.exam_uses() + 1 if project.read_only else project.count_exam_use(model)
    result = summarise(model, kind, labels, kept, probabilities, uses) | {"label_rows": project.label_rows(labels)}
    if not project.read_only:
        # The table of who was taken for whom follows from the items, and grows with the square of the labels.
        noted = {key: value for key, value in result.items() if key != "confusion"}
        write_json(folder / f"{kind}.json", {**noted, "stamp": _stamp(file, kept)})
    return result


def _stamp(file: ModelFile, items: list[Item]) -> str:
    """Return what tells whether a stored evaluation is one of this model and these photographs.

    Names of labels are no part of it: a new name changes no answer.
    """
    return f"{file.identity}|{fingerprint([], items)}"


def for_labels(project: Project, labels: list[str], kind: str) -> list[Item]:
    """Return the project's photographs of `kind` whose label is in `labels`, numbered and sorted by its place in it.

    Args:
        project: the project.
        labels: names as they are now.
        kind: ``"exam"`` or ``"practice"``.
    """
    number = {label: n for n, label in enumerate(labels)}
    with project.snapshot():
        now, items = project.training_labels(), project.items(kind)
    found = [
        Item(item.photo_id, item.path, item.hash, number[now[item.label]], item.kind)
        for item in items
        if now[item.label] in number
    ]
    return sorted(found, key=lambda item: (item.label, item.hash))


def _stored(project: Project, file: Path, stamp: str) -> dict[str, Any] | None:
    try:
        body = notes.read_evaluation(file, project.photo_count(), len(project.labels()))
        if body.pop("stamp") == stamp:
            return restated(project, body)
    except (OSError, UserError, KeyError, TypeError, ValueError):
        pass
    return None

"""How good a model is on photographs that it did not learn from, and how sure one can be of that."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resnext_gui.engine.device import backend
from resnext_gui.engine.models.classifier import BATCH, Classifier, model_folder
from resnext_gui.engine.models.modelfile import fingerprint, read_model
from resnext_gui.engine.pictures.decode_watch import DecodeWatch
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.worker.control import Control, Emit
from resnext_gui.messages import Evaluate, Progress, Refused, UserError
from resnext_gui.project import Item, Project, notes, write_json

KINDS = ("exam", "practice")
_NORMAL_95 = 1.959963984540054


def wilson(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high) of a share, 0..1, of which `right` of `total` were seen.

    Wilson's score interval (Wilson 1927): unlike the textbook formula it stays inside 0..1 and is honest for a few
    dozen photographs.  (0, 1) without any.
    """
    if total <= 0:
        return 0.0, 1.0
    share, z2 = right / total, _NORMAL_95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    reach = _NORMAL_95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def summarise(
    model: str, kind: str, labels: list[str], items: list[Item], probabilities: npt.NDArray[np.float64], uses: int
) -> dict[str, Any]:
    """Return the evaluation of a model.

    Args:
        model: ``"quick"`` or a run's id.
        kind: ``"exam"`` or ``"practice"``.
        labels: the model's, in the order of the columns; the items' labels are indices into them.
        items: the photographs.
        probabilities: (photographs, labels).
        uses: how often the exam was scored with this model, this time included.

    Returns:
        JSON-able values: counts, interval, confusion (rows are the truth), one entry a photograph and a label.
    """
    count = len(labels)
    truth = np.array([item.label for item in items], np.int64)
    answers = probabilities.argmax(axis=1) if len(items) else np.zeros(0, np.int64)
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (truth, answers), 1)
    right, total = int((answers == truth).sum()), len(items)
    low, high = wilson(right, total)
    commonest = int(np.bincount(truth, minlength=count).argmax()) if total else 0
    per_label = []
    for number, label in enumerate(labels):
        of_label = int(confusion[number].sum())
        hits = int(confusion[number, number])
        label_low, label_high = wilson(hits, of_label)
        per_label.append({"label": label, "right": hits, "total": of_label, "low": label_low, "high": label_high})
    return {
        "model": model,
        "kind": kind,
        "right": right,
        "total": total,
        "low": low,
        "high": high,
        "labels": labels,
        "confusion": confusion.tolist(),
        "items": [
            {
                "photo_id": item.photo_id,
                "path": item.path,
                "truth": labels[item.label],
                "answer": labels[int(answer)],
                "probability": float(row[answer]),
                "truth_probability": float(row[item.label]),
            }
            for item, answer, row in zip(items, answers, probabilities, strict=True)
        ],
        "per_label": per_label,
        "baseline": {
            "label": labels[commonest] if labels else "",
            "right": int((truth == commonest).sum()),
        },
        "uses": uses,
        "made": time.time(),
    }


def evaluate_job(command: Evaluate, emit: Emit, control: Control) -> dict[str, Any]:
    """Serve `messages.Evaluate`.

    Raises:
        UserError: ``no_exam``: there are no photographs of this kind; or there is no such model.
        JobStopped: the person stopped it; the use is not counted.
    """
    with Project.open(command.project) as project:
        return evaluate(project, command.model, command.kind, command.job_id, emit, control)


def evaluate(
    project: Project, model: str, kind: str, job_id: str, emit: Emit, control: Control | None
) -> dict[str, Any]:
    """Return the evaluation of `model` on the photographs of `kind`; a stored one where nothing has changed.

    Args:
        project: the project.
        model: ``"quick"`` or a run's id.
        kind: ``"exam"`` (each scoring counts as a use) or ``"practice"``.
        job_id: for events.
        emit: told about progress and refused photographs.
        control: asked after each batch; None where nobody may stop it any more.

    Raises:
        UserError: there are no photographs of this kind, or there is no such model.
        JobStopped: the person stopped it.
    """
    if kind not in KINDS:
        raise UserError("bad_kind", f"There are no “{kind}” photographs.", f"Use one of {', '.join(KINDS)}.")
    folder = model_folder(project, model)
    file = read_model(folder)
    items = for_labels(project, file.labels, kind)
    if not items:
        raise UserError(
            "no_exam" if kind == "exam" else "no_practice",
            f"There are no {kind} photographs of the labels that this model knows.",
            "Add photographs: from five of a label on, one is put aside for the exam.",
        )
    stamp = f"{file.identity}|{fingerprint(file.labels, items)}"
    stored = _stored(folder / f"{kind}.json", stamp)
    if stored is not None:
        return stored
    backend.report()
    classifier = Classifier.load(project, model)
    rows: list[npt.NDArray[np.float64]] = []
    kept: list[Item] = []
    watch = DecodeWatch(project.cache / "decoding")
    by_path = {item.path: item for item in items}
    try:
        with DecodePool() as pool:
            decoded = pool.in_order(lambda path: classifier.read(path, watch), list(by_path), ahead=4 * BATCH)
            batch = []
            for number, (path, pixels) in enumerate(decoded, start=1):
                if isinstance(pixels, UserError):
                    emit(Refused(job_id, path, pixels.code, pixels.message, pixels.hint))
                else:
                    batch.append((by_path[path], pixels))
                if len(batch) == BATCH or (number == len(by_path) and batch):
                    rows.append(classifier.probabilities([pixels for _, pixels in batch]))
                    kept.extend(item for item, _ in batch)
                    batch = []
                    text = f"Scored {number:,} of {len(by_path):,}"
                    emit(Progress(job_id, kind, number, len(by_path), text))
                if control is not None:
                    control.check()
    finally:
        watch.close()
    probabilities = np.concatenate(rows) if rows else np.zeros((0, len(file.labels)))
    uses = 0
    if kind == "exam":
        uses = project.exam_uses(model) + 1 if project.read_only else project.count_exam_use(model)
    result = summarise(model, kind, file.labels, kept, probabilities, uses)
    if not project.read_only:
        write_json(folder / f"{kind}.json", {**result, "stamp": stamp})
    return result


def for_labels(project: Project, labels: list[str], kind: str) -> list[Item]:
    """Return the project's photographs of `kind` whose label the model knows, numbered as the model numbers them."""
    number = {label: n for n, label in enumerate(labels)}
    now = project.training_labels()
    return [
        Item(item.photo_id, item.path, item.hash, number[now[item.label]], item.kind)
        for item in project.items(kind)
        if now[item.label] in number
    ]


def _stored(file: Path, stamp: str) -> dict[str, Any] | None:
    try:
        body = notes.read_evaluation(file)
    except (OSError, UserError):
        return None
    if body.pop("stamp", None) != stamp:
        return None
    return body

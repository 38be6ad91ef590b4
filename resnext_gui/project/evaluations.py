"""What was found out about a model, told as the project is now.  Standard library only.

A model's answers for some photographs stay true; what the photographs are may change after them: a label is renamed, a
wrong one is corrected, a file gets another content.
"""

from __future__ import annotations

from typing import Any

from resnext_gui.figures import tally
from resnext_gui.project.project import Project


def restated(project: Project, evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return an evaluation with the labels' present names, the photographs' present labels and the exam's present uses.

    Photographs that are not what was scored any more are left out, and counted in ``left_out``: those with another
    content, gone or taken out of the project, and those of a label that the model does not know or that is left out.

    Args:
        project: the project.
        evaluation: as `engine.evaluation.evaluate` stored it.

    Raises:
        KeyError, TypeError, ValueError: it is damaged.
    """
    names = project.names_now([str(label) for label in evaluation["labels"]], evaluation.get("label_rows"))
    labels = list(dict.fromkeys(names))
    now = dict(zip(evaluation["labels"], names, strict=True))
    photographs = {photo.id: photo for photo in project.photos(int(item["photo_id"]) for item in evaluation["items"])}
    used = set(project.training_labels()) & set(labels)
    items = []
    for item in evaluation["items"]:
        photo = photographs.get(int(item["photo_id"]))
        same = photo is not None and photo.status in ("ok", "changed") and photo.hash == item.get("hash", photo.hash)
        if photo is not None and same and photo.label in used:
            items.append({**item, "path": photo.path, "truth": photo.label, "answer": now[item["answer"]]})
    uses = project.exam_uses() if evaluation["kind"] == "exam" else 0
    left_out = len(evaluation["items"]) - len(items)
    found = {**evaluation, "labels": labels, "items": items, "left_out": left_out, "uses": uses}
    return {**found, **tally(labels, items), "label_rows": project.label_rows(labels)}

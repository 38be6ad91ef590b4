"""A session without an engine: it has the real one's signals, remembers what it was asked, and does as it is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from resnext_gui.ui.session.signals import SessionSignals

QUICK = {
    "phase": "none",
    "done": 0,
    "total": 0,
    "right": 0,
    "practice": 0,
    "labels": 0,
    "message": "",
    "photographs": 0,
    "exists": False,
    "stale": False,
    "seconds_left": None,
    "seconds": 0.0,
}
TRAINING = {
    "phase": "idle",
    "run": None,
    "text": "",
    "progress": 0.0,
    "best_right": 0,
    "best_total": 0,
    "images_per_second": 0.0,
    "seconds_left": None,
    "ends_at": None,
    "device": "",
    "precision": "",
    "reason": "",
    "advice": "",
    "result": None,
    "error": None,
}


class FakeSession(SessionSignals):
    """Stands in for `resnext_gui.ui.session.session.Session`; `calls` holds (name, arguments) in order."""

    def __init__(self, project: Any = None) -> None:
        super().__init__()
        self.project = project
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.quick = SimpleNamespace(**QUICK)
        self.training = SimpleNamespace(**TRAINING)
        self.work = None
        self.device = None
        self.model_list: list[Any] = []
        self.weights: list[dict[str, Any]] = []
        self.suggestions: list[Any] = []
        self.evaluations: dict[tuple[str, str], Any] = {}
        self.interrupted: list[Any] = []

    # What the test says happened ------------------------------------------------------------------------------------

    def set_training(self, **fields: Any) -> None:
        self.training = SimpleNamespace(**{**vars(self.training), **fields})
        self.training_changed.emit(self.training)

    def set_quick(self, **fields: Any) -> None:
        self.quick = SimpleNamespace(**{**vars(self.quick), **fields})
        self.quick_changed.emit(self.quick)

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Return the arguments of every call to `name` so far."""
        return [arguments for called, arguments in self.calls if called == name]

    # What pages ask -------------------------------------------------------------------------------------------------

    def models(self) -> list[Any]:
        return list(self.model_list)

    def weights_list(self, callback: Any) -> None:
        self.calls.append(("weights_list", ()))
        callback(list(self.weights))

    def weights_get(self, name: str, callback: Any) -> None:
        self.calls.append(("weights_get", (name,)))
        self.weights = [{**w, "available": w["available"] or w["name"] == name} for w in self.weights]
        callback({"name": name, "path": f"/weights/{name}"})

    def weights_import(self, path: str, callback: Any) -> None:
        self.calls.append(("weights_import", (path,)))
        callback({"name": "mine", "path": path})

    def stored_evaluation(self, model: str, kind: str = "exam") -> Any:
        return self.evaluations.get((model, kind))

    def thumbnail(self, photo_id: int) -> str | None:
        del photo_id
        return None

    def unfinished(self) -> list[Any]:
        return list(self.interrupted)

    def proposals(self, ids: Any, callback: Any) -> None:
        self.calls.append(("proposals", (list(ids),)))
        callback(self.suggestions)

    def preview(self, sources: Any, callback: Any) -> None:
        self.calls.append(("preview", (list(sources),)))
        callback({"rules": {}, "auto": "last", "photographs": 0})

    def _changed(self) -> None:
        self.photos_changed.emit()
        self.labels_changed.emit()
        self.undo_changed.emit()

    def move(self, ids: Any, label_id: int | None) -> None:
        self.calls.append(("move", (list(ids), label_id)))
        self.project.move(ids, label_id)
        self._changed()

    def add_label(self, name: str) -> int:
        self.calls.append(("add_label", (name,)))
        made: int = self.project.add_label(name)
        self._changed()
        return made

    def rename_label(self, label_id: int, name: str) -> None:
        self.calls.append(("rename_label", (label_id, name)))
        self.project.rename_label(label_id, name)
        self._changed()

    def merge_labels(self, source_id: int, into_id: int) -> None:
        self.calls.append(("merge_labels", (source_id, into_id)))
        self.project.merge_labels(source_id, into_id)
        self._changed()

    def exclude_label(self, label_id: int, excluded: bool) -> None:
        self.calls.append(("exclude_label", (label_id, excluded)))
        self.project.exclude_label(label_id, excluded)
        self._changed()

    def remove_photos(self, ids: Any) -> None:
        self.calls.append(("remove_photos", (list(ids),)))
        self.project.remove_photos(ids)
        self._changed()

    def undo(self) -> str | None:
        self.calls.append(("undo", ()))
        text: str | None = self.project.undo()
        self._changed()
        return text

    def redo(self) -> str | None:
        self.calls.append(("redo", ()))
        text: str | None = self.project.redo()
        self._changed()
        return text

    def __getattr__(self, name: str) -> Any:
        """Any other request is written down and nothing more."""
        if name.startswith("_"):
            raise AttributeError(name)

        def record(*arguments: Any, **named: Any) -> None:
            self.calls.append((name, (*arguments, *named.values())))

        return record

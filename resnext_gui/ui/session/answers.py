"""Asking models: pictures are answered, models are scored, and one of them is chosen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QImage, QPainter

from resnext_gui import messages
from resnext_gui.messages import Answer, Failed, Progress, Refused, UserError
from resnext_gui.project import guard, notes
from resnext_gui.project.evaluations import restated
from resnext_gui.ui.common import words
from resnext_gui.ui.engine_process.client import Job
from resnext_gui.ui.session.core import SessionCore
from resnext_gui.ui.session.imports import Imports
from resnext_gui.ui.session.quick import Quick
from resnext_gui.ui.session.state import Change, Device, ModelInfo, Problem, ScoredSplit, Work

PASTED_SIDE = 2048
"""A pasted picture's longer side is reduced to this; networks look at a few hundred pixels."""


def _model(folder: Path) -> dict[str, Any]:
    """Return what the model's file in `folder` says; empty where there is none, or it is damaged."""
    try:
        return notes.read_model(folder)
    except (OSError, UserError):
        return {}


class Answers(QObject):
    """Asks models, and keeps their answers."""

    def __init__(self, session: SessionCore, imports: Imports, quick: Quick) -> None:
        super().__init__(session)
        self._session = session
        self._imports = imports
        self._quick = quick
        self._jobs: dict[Job, list[int]] = {}  # classifying: [done, total]
        self._past = [0, 0]  # of classifying jobs that have ended since it was last quiet
        self._held: list[str] = []  # pictures that wait for the first model
        quick.made.connect(self._answer_held)

    # ---- classifying

    def classify(self, what: Iterable[str] | QImage) -> None:
        """Answer what files, folders, or a picture from the clipboard show."""
        session = self._session
        paths = [self._save_pasted(what)] if isinstance(what, QImage) else [str(path) for path in what]
        paths = [path for path in paths if path]
        if not paths:
            return
        session.navigate.emit("classify")
        try:
            model = session.project.current_model
        except UserError as error:
            session.tell(error, "classify")
            return
        if model is None and not self._quick.state.exists:
            self._no_model_yet(paths)
            return
        command = messages.Classify("", session.folder, tuple(paths))
        job = session.run(command, "classify", event=lambda event: self._on_event(job, event))
        job.over.connect(lambda: self._end(job))
        self._jobs[job] = [0, len(paths)]
        self._tell_progress()

    def _no_model_yet(self, paths: list[str]) -> None:
        session = self._session
        if self._quick.state.phase == "reading" or self._imports.scanning:
            self._held.extend(paths)
            message = self.tr("The first model is nearly there. These pictures are answered as soon as it is.")
            session.problem.emit(Problem("classify", message, code="model_soon", tone="info"))
            return
        session.problem.emit(
            Problem(
                "classify",
                self.tr("There is no model yet."),
                self.tr("Drop a folder with one sub-folder per label first."),
                code="no_model",
                tone="info",
            )
        )

    def _answer_held(self) -> None:
        """The first model is there: answer what had to wait."""
        held, self._held = self._held, []
        if held:
            self.classify(held)

    def _on_event(self, job: Job, event: object) -> None:
        session = self._session
        counts = self._jobs.get(job)
        if counts is None:
            return
        if isinstance(event, Answer):
            counts[0] += 1
            session.answered.emit(event)
        elif isinstance(event, Refused):
            counts[0] += 1
            session.refused.emit(event)
        elif isinstance(event, Progress):
            counts[1] = max(counts[1], event.total)
        counts[1] = max(counts)
        self._tell_progress()

    def _end(self, job: Job) -> None:
        if self._session.closed:
            return
        done, total = self._jobs.pop(job, [0, 0])
        if self._jobs:
            self._past[0] += done
            self._past[1] += total
        else:
            self._past = [0, 0]
        self._tell_progress()

    def _tell_progress(self) -> None:
        done = self._past[0] + sum(counts[0] for counts in self._jobs.values())
        total = self._past[1] + sum(counts[1] for counts in self._jobs.values())
        work = None
        if self._jobs:
            work = Work(self.tr("Classifying"), done=done, total=total, can_cancel=True, key="classify")
        self._session.set_work("classify", work, self.stop)
        self._session.classify_changed.emit(done, total)

    def stop(self) -> None:
        """Drop what has not been answered."""
        self._held.clear()
        for job in list(self._jobs):
            job.stop()

    def _save_pasted(self, image: QImage) -> str:
        """Write a picture from the clipboard into the project's cache and return its path, or an empty text."""
        if image.isNull():
            return ""
        # Reduced first: encoding a very large picture would hold up the window.
        if max(image.width(), image.height()) > PASTED_SIDE:
            image = image.scaled(
                PASTED_SIDE,
                PASTED_SIDE,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        if image.hasAlphaChannel():
            opaque = QImage(image.size(), QImage.Format.Format_RGB32)
            opaque.fill(Qt.GlobalColor.white)
            painter = QPainter(opaque)
            painter.drawImage(QRect(0, 0, opaque.width(), opaque.height()), image)
            painter.end()
            image = opaque
        folder = Path(self._session.project.cache) / "pasted"
        path = folder / time.strftime(f"pasted %Y-%m-%d %H-%M-%S {time.time_ns() // 1_000_000 % 1000:03d}.jpg")
        try:
            guard.make_folder(folder)
            guard.check(path)
            saved = image.save(str(path), "JPG", 95)  # type: ignore[call-overload]
        except OSError:
            saved = False
        if not saved:
            message = self.tr("The pasted picture could not be kept in the project's folder.")
            hint = self.tr("Check that the drive is not full and may be written to.")
            self._session.problem.emit(Problem("classify", message, hint, code="paste"))
            return ""
        return str(path)

    # ---- proposals

    def proposals(self, photo_ids: Iterable[int], callback: Callable[[list[Answer]], None]) -> None:
        """Tell `callback` the quick model's answers, least sure first; an empty list where there is no model."""
        session = self._session
        if not self._quick.state.exists:
            callback([])
            return
        paths = tuple(photo.path for photo in session.project.photos(list(photo_ids)))
        found: list[Answer] = []

        def failed(failure: Failed) -> None:
            session.tell(failure, "photos")
            callback([])

        session.run(
            messages.Classify("", session.folder, paths, model="quick", keep=False),
            done=lambda _result: callback(sorted(found, key=lambda answer: answer.probability)),
            failed=failed,
            event=lambda event: found.append(event) if isinstance(event, Answer) else None,
        )

    # ---- scoring

    def evaluate(self, model: str, kind: ScoredSplit = "exam") -> None:
        """Score `model`; ends with `evaluation_ready` or `evaluation_failed`.  A new exam counts as a use."""
        session = self._session
        title = self.tr("Taking the exam") if kind == "exam" else self.tr("Looking at practice photographs")
        session.run(
            messages.Evaluate("", session.folder, model, kind),
            done=session.evaluation_ready.emit,
            failed=session.evaluation_failed.emit,
            work=Work(title, can_cancel=True, key="evaluate"),
        )

    def stored_evaluation(self, model: str, kind: ScoredSplit = "exam") -> dict[str, Any] | None:
        """Return the evaluation that was made of this very model before, as the project is now, or None."""
        project, folder = self._session.project, self._folder(model)
        made = _model(folder)
        try:
            found = notes.read_evaluation(folder / f"{kind}.json", project.photo_count(), len(project.labels()))
        except (OSError, UserError):
            return None
        if not made or not str(found.get("stamp", "")).startswith(f"{made.get('digest')}:"):
            return None
        try:
            told = restated(project, found)
        except (UserError, KeyError, TypeError, ValueError):
            return None
        return told if told["total"] else None

    def _folder(self, model: str) -> Path:
        project = self._session.project
        return project.quick_folder if model == "quick" else project.runs_folder / model

    # ---- the model's view, the device

    def model_view(self, path: str) -> None:
        """Ask for a picture of exactly what the model receives; comes through `model_view_ready`."""
        session = self._session
        session.run(
            messages.ModelView("", session.folder, path),
            done=lambda result: session.model_view_ready.emit(path, str(result.get("path", ""))),
        )

    def describe(self) -> None:
        """Ask which device computes; this also readies the engine for the first picture."""
        self._session.run(
            messages.Describe(""),
            done=lambda result: self._session.set_device(Device.told(result)),
            failed=lambda _failure: None,
        )

    # ---- models

    def models(self) -> list[ModelInfo]:
        """Return the models that can answer."""
        session = self._session
        project = session.project
        current = project.current_model
        found: list[ModelInfo] = []
        quick = self._quick.state
        if quick.exists:
            is_current = current in (None, "quick")
            found.append(ModelInfo("quick", self.tr("Quick model"), quick.right, quick.practice, is_current))
        learned = project.training_labels()
        for run in project.runs():
            made = _model(run.folder)
            try:
                info = run.read()
            except UserError:
                continue
            if not made:
                continue
            practice = made.get("practice") or {}
            labels = made.get("labels")
            names = [str(label) for label in labels] if isinstance(labels, list) else learned
            known = project.names_now(names, made.get("label_rows"))
            tensors = run.folder / str(made.get("file") or "best.safetensors")
            found.append(
                ModelInfo(
                    run.id,
                    str(info.get("name") or "") or self.tr("ResNeXt, {0}").format(words.when(info.get("created"))),
                    int(practice.get("right") or 0),
                    int(practice.get("total") or 0),
                    current == run.id,
                    float(info.get("created") or 0.0),
                    missing=not tensors.is_file(),
                    unknown=tuple(label for label in learned if label not in known),
                )
            )
        return found

    def model_name(self, model: str) -> str:
        """Return what a model is called."""
        known = {info.id: info.name for info in self.models()}
        return known.get(model) or (self.tr("Quick model") if model == "quick" else model)

    def choose(self, model: str) -> None:
        """Let another model answer from now on."""
        session = self._session
        try:
            session.project.set_current_model(model, "chosen")
        except UserError as error:
            session.tell(error, "")
            return
        session.changed.emit(Change.MODEL)

"""Asking models: pictures are answered, models are scored, and one of them is chosen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QImage, QPainter

from resnext_gui import messages
from resnext_gui.messages import Answer, Progress, Refused, UserError
from resnext_gui.project import guard, notes
from resnext_gui.project.evaluations import restated
from resnext_gui.ui.common import words
from resnext_gui.ui.engine_process.client import Job
from resnext_gui.ui.session.state import Device, ModelInfo, Problem, Work

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session

PASTED_SIDE = 2048
"""A pasted picture's longer side is reduced to this; networks look at a few hundred pixels."""


def _model(folder: Path) -> dict[str, Any]:
    """Return what the model's file in `folder` says; empty where there is none, or it is damaged."""
    try:
        return notes.read_model(folder)
    except (OSError, UserError):
        return {}


class AnswerDesk(QObject):
    """Asks models, and keeps their answers."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._jobs: dict[Job, list[int]] = {}  # classifying: [done, total]
        self._past = [0, 0]  # of classifying jobs that have ended since it was last quiet
        self._held: list[str] = []  # pictures that wait for the first model
        self._other: set[Job] = set()
        self._described = False

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
        if model is None and not session.quick.exists:
            self._no_model_yet(paths)
            return
        job = session.assistant.submit(messages.Classify("", session.folder, tuple(paths)))
        self._jobs[job] = [0, len(paths)]
        self._tell_progress()
        job.happened.connect(lambda event: self._on_event(job, event))
        job.failed.connect(lambda failure: session.tell(failure, "classify"))
        job.over.connect(lambda: self._end(job))

    def _no_model_yet(self, paths: list[str]) -> None:
        session = self._session
        if session.quick.phase == "reading" or session.imports.scanning:
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

    def model_is_ready(self) -> None:
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
        elif isinstance(event, messages.DeviceChosen):
            session.set_device(event)
            return
        counts[1] = max(counts)
        self._tell_progress()

    def _end(self, job: Job) -> None:
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
        if not session.quick.exists:
            callback([])
            return
        paths = tuple(photo.path for photo in session.project.photos(list(photo_ids)))
        job = session.assistant.submit(messages.Classify("", session.folder, paths, model="quick", keep=False))
        self._keep(job)
        found: list[Answer] = []
        job.happened.connect(lambda event: found.append(event) if isinstance(event, Answer) else None)
        job.finished.connect(lambda _result: callback(sorted(found, key=lambda answer: answer.probability)))
        job.failed.connect(lambda failure: session.tell(failure, "photos"))
        job.failed.connect(lambda _failure: callback([]))

    def _keep(self, job: Job) -> None:
        self._other.add(job)
        job.over.connect(lambda: self._other.discard(job))

    # ---- scoring

    def evaluate(self, model: str, kind: str) -> None:
        """Score `model` on ``"exam"`` or ``"practice"`` photographs."""
        session = self._session
        job = session.assistant.submit(messages.Evaluate("", session.folder, model, kind))
        self._keep(job)
        title = self.tr("Taking the exam") if kind == "exam" else self.tr("Looking at practice photographs")
        session.set_work("evaluate", Work(title, can_cancel=True, key="evaluate"), job.stop)

        def event(happened: object) -> None:
            if isinstance(happened, Progress):
                work = Work(
                    title, str(happened.text), happened.done, happened.total, happened.seconds_left, True, "evaluate"
                )
                session.set_work("evaluate", work, job.stop)

        job.happened.connect(event)
        job.finished.connect(session.evaluation_ready)
        job.failed.connect(session.evaluation_failed)
        job.over.connect(lambda: session.set_work("evaluate", None))

    def stored_evaluation(self, model: str, kind: str) -> dict[str, Any] | None:
        """Return the evaluation that was made of this very model before, as the project is now, or None."""
        folder = self._folder(model)
        made = _model(folder)
        try:
            found = notes.read_evaluation(folder / f"{kind}.json")
        except (OSError, UserError):
            return None
        if not made or not str(found.get("stamp", "")).startswith(f"{made.get('digest')}:"):
            return None
        try:
            told = restated(self._session.project, found)
        except (UserError, KeyError, TypeError, ValueError):
            return None
        return told if told["total"] else None

    def _folder(self, model: str) -> Path:
        project = self._session.project
        return project.quick_folder if model == "quick" else project.runs_folder / model

    # ---- the model's view, the device

    def model_view(self, path: str) -> None:
        """Ask for a picture of exactly what the model receives."""
        session = self._session
        job = session.assistant.submit(messages.ModelView("", session.folder, path))
        self._keep(job)
        job.finished.connect(lambda result: session.model_view_ready.emit(path, str(result.get("path", ""))))
        job.failed.connect(lambda failure: session.tell(failure, ""))

    def describe(self) -> None:
        """Ask once which device computes; this also readies the engine for the first picture."""
        if self._described:
            return
        self._described = True
        job = self._session.assistant.submit(messages.Describe(""))
        self._keep(job)
        job.finished.connect(self._on_described)

    def _on_described(self, result: dict[str, Any]) -> None:
        self._session.set_device(
            Device(
                device=str(result.get("device", "")),
                name=str(result.get("name", "")),
                precision=str(result.get("precision", "")),
                reason=str(result.get("reason", "")),
                advice=str(result.get("advice", "")),
                cores=int(result.get("cores") or 0),
                details=result,
            )
        )

    # ---- models

    def models(self) -> list[ModelInfo]:
        """Return the models that can answer."""
        session = self._session
        project = session.project
        current = project.current_model
        found: list[ModelInfo] = []
        quick = session.quick
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

    def choose_model(self, model: str) -> None:
        """Let another model answer from now on."""
        session = self._session
        try:
            session.project.set_current_model(model, "chosen")
        except UserError as error:
            session.tell(error, "")
            return
        session.model_changed.emit()

    def close(self) -> None:
        """Let everything go."""
        for job in [*self._jobs, *self._other]:
            job.cancel()
        self._jobs.clear()

"""Everything a page may ask for or hear of: the open project, and the engine that works on it.

`Session` is the one thing pages talk to.  What belongs together sits in a desk of its own: photographs come in over
the `ImportDesk` and are corrected at the `CorrectionDesk`, the quick model is kept by the `QuickDesk`, pictures are
answered by the `AnswerDesk`, and runs are led by the `TrainingDesk`.  The `WeightsDesk` knows what a run can start
from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from resnext_gui.messages import Answer, DeviceChosen, Failed, Source, TrainSpec, UserError
from resnext_gui.project import Project
from resnext_gui.ui.engine_process.client import EngineClient
from resnext_gui.ui.session.answers import AnswerDesk
from resnext_gui.ui.session.corrections import CorrectionDesk
from resnext_gui.ui.session.imports import ImportDesk
from resnext_gui.ui.session.quick import QuickDesk
from resnext_gui.ui.session.signals import SessionSignals
from resnext_gui.ui.session.state import Device, ModelInfo, Problem, QuickState, TrainingState, Unfinished, Work
from resnext_gui.ui.session.training import TrainingDesk
from resnext_gui.ui.session.weights import WeightsDesk

LOOK_EVERY = 700
"""Milliseconds between two looks at whether another process changed the project."""
MODELS_EVERY = 4
"""At every so many looks, models and runs are looked at too."""
LOOK_AGAIN = 3000
"""The same, while the project's drive is not there."""


class Session(SessionSignals):
    """An open project with its engine.

    Args:
        project: opened on this thread; the session closes it.
        assistant: a client to share (it outlives the session), or None for one of its own.
        trainer: a client for runs, or None for one of its own.
        log_folder: where engines write what they have to say.
    """

    def __init__(
        self,
        project: Project,
        assistant: EngineClient | None = None,
        trainer: EngineClient | None = None,
        log_folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.project = project
        self.folder = str(project.folder)
        self._own_assistant = assistant is None
        self.assistant = assistant or EngineClient("assistant", self, log_folder=log_folder)
        self.trainer = trainer or EngineClient("trainer", self, one_job=True, log_folder=log_folder)
        self._works: dict[str, Work] = {}
        self._work: Work | None = None
        self._cancels: dict[str, Callable[[], None]] = {}
        self._device: Device | None = None
        self._seen_version = project.data_version()
        self._closed = False
        self._away = False
        self._looks = 0
        self._models_seen: list[tuple[str, int]] | None = None
        self.corrections = CorrectionDesk(self)
        self.imports = ImportDesk(self)
        self.quicks = QuickDesk(self)
        self.answers = AnswerDesk(self)
        self.trainings = TrainingDesk(self)
        self.weights = WeightsDesk(self)
        self._look = QTimer(self)
        self._look.setInterval(LOOK_EVERY)
        self._look.timeout.connect(self.look)
        self._look.start()

    # ---- last values

    @property
    def quick(self) -> QuickState:
        """The quick model's state."""
        return self.quicks.state

    @property
    def training(self) -> TrainingState:
        """The run's state."""
        return self.trainings.state

    @property
    def work(self) -> Work | None:
        """What the bottom strip shows."""
        return self._work

    @property
    def device(self) -> Device | None:
        """Which device computes; None until an engine has said so."""
        return self._device

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def busy_training(self) -> bool:
        """Whether a run is under way, paused or not."""
        return self.training.active

    # ---- opening and closing

    def open_up(self) -> None:
        """What happens at each opening, after the first paint: reconcile, and make the quick model if it is due."""
        self.imports.reconcile_at_opening()
        self.quicks.at_opening()
        self.answers.describe()

    def unfinished(self) -> list[Unfinished]:
        """Return runs that were interrupted, newest first."""
        return self.trainings.unfinished()

    def close(self, wait: bool = True) -> None:
        """Let go of everything.  A shared assistant lives on, without this session's jobs."""
        if self._closed:
            return
        self._closed = True
        self._look.stop()
        for desk in (self.corrections, self.imports, self.quicks, self.answers, self.trainings, self.weights):
            desk.close()
        self.trainer.close(wait=False)
        if self._own_assistant:
            self.assistant.close(wait=False)
            if wait:
                self.assistant.wait_closed()
        if wait:
            self.trainer.wait_closed()
        self.project.close()

    # ---- photographs in

    def add_sources(self, sources: Iterable[Source]) -> None:
        """Look through folders, pictures and tables in the background and add what they hold."""
        self.imports.add(list(sources))

    def preview(self, sources: Iterable[Source], callback: Callable[[dict[str, Any]], None]) -> None:
        """Tell `callback` which labels each rule would give (see ``preview_job``); ``{"error": ...}`` on trouble."""
        self.imports.preview(list(sources), callback)

    def reconcile(self, apply: bool = False, gone: bool = False) -> None:
        """Compare the project with the disk; ends with `reconciled`.

        `apply` takes new photographs in; with `gone` the person says that what is out of reach is gone.
        """
        self.imports.reconcile(apply, gone)

    def add_samples(self) -> None:
        """Render the sample photographs into the project and learn from them."""
        self.imports.add_samples()

    def request_thumbnails(self, photo_ids: Iterable[int]) -> None:
        """Ask for thumbnails of what is visible now.  What was asked for before and is not done is dropped."""
        self.imports.request_thumbnails(photo_ids)

    def thumbnail(self, photo_id: int) -> str | None:
        """Return the thumbnail's path if it was announced before; an empty text: there is none to be had."""
        return self.imports.thumbnails.get(photo_id)

    def cancel_work(self, key: str = "") -> None:
        """Cancel the work the strip shows, or the one called `key`."""
        if not key and self._work is not None:
            key = self._work.key
        cancel = self._cancels.get(key)
        if cancel is not None:
            cancel()

    # ---- corrections

    def move(self, photo_ids: Iterable[int], label_id: int | None) -> None:
        """Give photographs another label; None: unlabelled."""
        ids = list(photo_ids)
        self.corrections.make(lambda project: project.move(ids, label_id), len(ids))

    def settle_disk_labels(self, photo_ids: Iterable[int], take: bool) -> None:
        """Of photographs of which the disk says another label: take that, or keep what the person gave."""
        ids = list(photo_ids)
        settle = Project.take_disk_labels if take else Project.keep_labels
        self.corrections.make(lambda project: settle(project, ids), len(ids))

    def add_label(self, name: str) -> int | None:
        """Add a label.  Returns its id, or None where that was not possible (a `problem` says why)."""
        return self.corrections.at_once(lambda project: project.add_label(name))

    def rename_label(self, label_id: int, name: str) -> None:
        """Give a label another name."""
        self.corrections.make(lambda project: project.rename_label(label_id, name), 1)

    def merge_labels(self, source_id: int, into_id: int) -> None:
        """Move all photographs of one label into another and drop the emptied one."""
        size = next((label.count for label in self.project.labels() if label.id == source_id), 0)
        self.corrections.make(lambda project: project.merge_labels(source_id, into_id), size)

    def exclude_label(self, label_id: int, excluded: bool) -> None:
        """Leave a label out of learning, or take it in again."""
        self.corrections.make(lambda project: project.exclude_label(label_id, excluded), 1)

    def remove_label(self, label_id: int) -> None:
        """Remove an empty label."""
        self.corrections.make(lambda project: project.remove_label(label_id), 1)

    def remove_photos(self, photo_ids: Iterable[int]) -> None:
        """Forget photographs; their files stay where they are."""
        ids = list(photo_ids)
        self.corrections.make(lambda project: project.remove_photos(ids), len(ids))

    def undo(self) -> str | None:
        """Take the last correction or import back and return what it was."""
        return self.corrections.travel(back=True)

    def redo(self) -> str | None:
        """Do again what was undone and return what it was."""
        return self.corrections.travel(back=False)

    def rename_project(self, name: str) -> None:
        """Give the project another name."""
        self.corrections.at_once(lambda project: project.rename(name))
        self.name_changed.emit(self.project.name)

    def look(self) -> None:
        """See whether anybody changed photographs or labels, and tell."""
        if self._closed:  # a job's last word, which arrives when the window is about to end
            return
        try:
            version = self.project.data_version()
        except UserError as error:
            if not self._away:
                self._away = True
                self._look.setInterval(LOOK_AGAIN)
                self.tell(error, "")
            return
        if self._away:
            self._away = False
            self._look.setInterval(LOOK_EVERY)
            self.back.emit()
        self._looks += 1
        if self._looks % MODELS_EVERY == 0:
            self._look_at_models()
        if version != self._seen_version:
            self._seen_version = version
            self.photos_changed.emit()
            self.labels_changed.emit()
            self.undo_changed.emit()
            self.quicks.consider_later()

    def _look_at_models(self) -> None:
        """See whether another window or the command line made a model or led a run, and tell."""
        project = self.project
        try:
            files = [project.quick_folder / "model.json", *(run.folder / "run.json" for run in project.runs())]
            state = [(str(file), file.stat().st_mtime_ns if file.exists() else 0) for file in files]
        except OSError:
            return
        if self._models_seen is not None and state != self._models_seen:
            self.quicks.look_again()
            self.runs_changed.emit()
            self.model_changed.emit()
        self._models_seen = state

    # ---- models and answers

    def make_quick(self) -> None:
        """Make or refresh the quick model now."""
        self.quicks.make()

    def classify(self, what: Iterable[str] | QImage) -> None:
        """Answer what files, folders or a picture from the clipboard show.  Results come through `answered`."""
        self.answers.classify(what)

    def stop_classifying(self) -> None:
        """Drop the pictures that have not been answered."""
        self.answers.stop()

    def proposals(self, photo_ids: Iterable[int], callback: Callable[[list[Answer]], None]) -> None:
        """Tell `callback` what the quick model proposes for these photographs, least sure first."""
        self.answers.proposals(photo_ids, callback)

    def evaluate(self, model: str, kind: str = "exam") -> None:
        """Score `model`; ends with `evaluation_ready` or `evaluation_failed`.  A new exam counts as a use."""
        self.answers.evaluate(model, kind)

    def stored_evaluation(self, model: str, kind: str = "exam") -> dict[str, Any] | None:
        """Return the evaluation made before, which is free to look at, or None."""
        return self.answers.stored_evaluation(model, kind)

    def model_view(self, path: str) -> None:
        """Ask for a picture of exactly what the model receives; comes through `model_view_ready`."""
        self.answers.model_view(path)

    def models(self) -> list[ModelInfo]:
        """Return the models that can answer, quick first, then runs, newest first."""
        return self.answers.models()

    def choose_model(self, model: str) -> None:
        """Let another model answer from now on."""
        self.answers.choose_model(model)

    # ---- runs

    def start_training(self, spec: TrainSpec) -> None:
        """Begin a run."""
        self.trainings.begin(spec, None)

    def resume_run(self, run_id: str) -> None:
        """Go on with an unfinished run."""
        self.trainings.begin(TrainSpec(), run_id)

    def pause_training(self) -> None:
        """Let the run wait at its next safe point."""
        self.trainings.pause()

    def resume_training(self) -> None:
        """Let the waiting run go on."""
        self.trainings.resume()

    def stop_training(self) -> None:
        """End the run and keep its best."""
        self.trainings.stop()

    def use_as_it_is(self, run_id: str) -> None:
        """End an unfinished run with the best that it has."""
        self.trainings.use_as_it_is(run_id)

    # ---- weights

    def weights_list(self, callback: Callable[[list[dict[str, Any]]], None]) -> None:
        """Tell `callback` which weights a run can start from, and which could be downloaded."""
        self.weights.list(callback)

    def weights_get(self, name: str, callback: Callable[[dict[str, Any] | Failed], None]) -> None:
        """Download weights; `callback` gets {"name", ...}, or a `Failed`."""
        self.weights.get(name, callback)

    def weights_import(self, path: str, callback: Callable[[dict[str, Any] | Failed], None]) -> None:
        """Take a checkpoint file in; `callback` as for `weights_get`."""
        self.weights.take_in(path, callback)

    # ---- for the desks

    def tell(self, error: UserError | Failed, page: str, tone: str = "wrong") -> None:
        """Make a `problem` of an error, unless it is only a stop."""
        if error.code in ("stopped", "closed"):
            return
        details = error.details if isinstance(error, Failed) else ""
        self.problem.emit(Problem(page, error.message, error.hint, details, error.code, tone))

    def set_work(self, key: str, work: Work | None, cancel: Callable[[], None] | None = None) -> None:
        """Show `work` under `key` in the strip, or take it away.  The newest kind of work is shown."""
        if work is None:
            self._works.pop(key, None)
            self._cancels.pop(key, None)
        else:
            self._works[key] = work
            if cancel is not None:
                self._cancels[key] = cancel
        newest = next(reversed(self._works.values()), None)
        if newest != self._work:
            self._work = newest
            self.work_changed.emit(newest)

    def set_device(self, chosen: DeviceChosen | Device) -> None:
        """Note which device computes."""
        if isinstance(chosen, DeviceChosen):
            cores = self._device.cores if self._device is not None else 0
            chosen = Device(chosen.device, chosen.name, chosen.precision, str(chosen.reason), str(chosen.advice), cores)
        if chosen != self._device:
            self._device = chosen
            self.device_changed.emit(chosen)

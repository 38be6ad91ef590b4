"""The window: the frame around the pages, and which project is open in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget

from resnext_gui import logs, messages
from resnext_gui.messages import UserError
from resnext_gui.project import Project, is_project, new_project_folder, project_folder
from resnext_gui.ui.common import dropping, theme, words
from resnext_gui.ui.common.files import ask_folder, ask_open
from resnext_gui.ui.engine_process.client import EngineClient
from resnext_gui.ui.session.session import Session
from resnext_gui.ui.session.state import Change, Device, PageKey, Problem, TrainingState, Unfinished
from resnext_gui.ui.shell.banner import Action, Banners
from resnext_gui.ui.shell.closing import BACKGROUND, PAUSE, ClosingDialog
from resnext_gui.ui.shell.dropzones import OPEN, DropZones
from resnext_gui.ui.shell.intake import ASK, LEARN, Intake
from resnext_gui.ui.shell.keyhelp import KeyHelp
from resnext_gui.ui.shell.keys import groups
from resnext_gui.ui.shell.menu import make_menu
from resnext_gui.ui.shell.places import PAGES
from resnext_gui.ui.shell.rail import Rail
from resnext_gui.ui.shell.strip import Strip
from resnext_gui.ui.shell.topbar import TopBar
from resnext_gui.ui.start import faces
from resnext_gui.ui.start.page import StartPage
from resnext_gui.ui.system.importing import Steps
from resnext_gui.ui.system.settings import Settings

PAGE_EVERY = 60
"""Milliseconds between the making of two pages."""

PAUSE_PATIENCE = 4000
"""Milliseconds a run gets to reach a safe point when the window closes; a crash loses no more than that."""


class MainWindow(QMainWindow):
    """Frame, pages, and the open project.

    Args:
        settings: what is remembered between starts.
        assistant: the engine that every project of this window shares; the window closes it.
        trainer: makes the client for runs; None for the engine's own.
    """

    gone = Signal()
    """The window is closed and nothing of it works any more."""

    def __init__(
        self,
        settings: Settings,
        assistant: EngineClient | None = None,
        trainer: Callable[[], EngineClient] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings = settings
        self.assistant = assistant or EngineClient("assistant", self, log_folder=logs.folder())
        self._trainer = trainer
        self.session: Session | None = None
        self.pages: dict[str, QWidget] = {}
        self._page: PageKey = "start"
        self._device: Device | None = None
        self._in_background = False
        self._closing = False
        self._gone = False
        self.setWindowTitle("ResNeXt GUI")
        self.setMinimumSize(960, 640)
        self.resize(1280, 800)
        self.setAcceptDrops(True)
        self.intake = Intake(lambda: self.session, self.open_project, self.new_project, self.show_problem, self)
        self._build()
        self._keys()
        self._restore()
        self._model_timer = QTimer(self, singleShot=True, interval=80)
        self._model_timer.timeout.connect(self._show_models)
        self.turn_to("start")

    # ---- the frame

    def _build(self) -> None:
        self._frame = frame = QWidget()
        frame.setProperty("role", "ground")
        self.setCentralWidget(frame)
        column = QVBoxLayout(frame)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.top = TopBar()
        self.top.renamed.connect(self._rename)
        self.top.model_chosen.connect(self._choose_model)
        self.top.help_wanted.connect(self.show_keys)
        self.top.menu_wanted.connect(self._open_menu)
        column.addWidget(self.top)
        row = QHBoxLayout()
        row.setSpacing(0)
        self.rail = Rail([(place.key, place.title, place.key) for place in PAGES])
        self.rail.chosen.connect(self.turn_to)
        row.addWidget(self.rail)
        right = QVBoxLayout()
        right.setSpacing(0)
        self.banners = Banners()
        right.addWidget(self.banners)
        self.stack = QStackedWidget()
        right.addWidget(self.stack, 1)
        row.addLayout(right, 1)
        column.addLayout(row, 1)
        self.strip = Strip()
        self.strip.cancelled.connect(self._cancel_work)
        column.addWidget(self.strip)
        self.zones = DropZones(frame)
        self.zones.dropped.connect(self.intake.take)
        self.start = StartPage()
        self.start.dropped.connect(lambda found: self.intake.take(LEARN, found))
        self.start.folder_wanted.connect(self.choose_photographs)
        self.start.samples_wanted.connect(self.intake.samples)
        self.start.project_wanted.connect(self.choose_project)
        self.start.project_chosen.connect(self.open_project)
        self.start.menu_wanted.connect(self._open_menu)
        self.start.help_wanted.connect(self.show_keys)
        self.stack.addWidget(self.start)

    def _keys(self) -> None:
        def key(sequence: QKeySequence | QKeySequence.StandardKey | str, run: Callable[[], Any]) -> None:
            shortcut = QShortcut(QKeySequence(sequence), self)
            shortcut.activated.connect(run)

        for number, place in enumerate(PAGES, 1):
            key(f"Ctrl+{number}", partial(self.turn_to, place.key))
        key("?", self.show_keys)
        key("F1", self.show_keys)
        key(QKeySequence.StandardKey.Paste, self.intake.paste)
        key(QKeySequence.StandardKey.Open, self.choose_project)
        key(QKeySequence.StandardKey.New, self.choose_photographs)
        key("Ctrl+Q", self.close)

    def _restore(self) -> None:
        geometry = self.settings.get("geometry")
        if isinstance(geometry, str):
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "replace")))

    # ---- pages

    @property
    def page(self) -> PageKey:
        """Key of the page in front."""
        return self._page

    def turn_to(self, key: PageKey) -> None:
        """Bring a page to the front; ``"start"`` is the first page."""
        widget = self.start if key == "start" else self._made(key)
        if widget is None:
            return
        self._page = key
        self.stack.setCurrentWidget(widget)
        self.rail.turn_to(key)
        self.banners.turn_to(key)
        framed = key != "start"
        for part in (self.top, self.rail, self.strip):
            part.setVisible(framed)
        if not framed:
            self.start.show_recent(self.settings.recent())
        widget.setFocus()

    def _made(self, key: str) -> QWidget | None:
        """Return the page `key`, made now if it was not yet."""
        if self.session is not None and key not in self.pages:
            place = next((place for place in PAGES if place.key == key), None)
            if place is not None:
                self.pages[key] = place.load()(self.session)
                self.stack.addWidget(self.pages[key])
        return self.pages.get(key)

    def _make_next(self) -> None:
        """Make the pages that are not in front one by one, so that opening a project never holds up the window.

        The engine's work on the project begins after them: it would take the processor from the window meanwhile.
        """
        if self.session is None:
            return
        missing = [place.key for place in PAGES if place.key not in self.pages]
        if missing:
            self._made(missing[0])
            QTimer.singleShot(PAGE_EVERY, self.session, self._make_next)
        else:
            self.session.open_up()

    # ---- projects

    def new_project(self, name: str) -> Session | None:
        """Make a project called `name` and open it.  Returns its session, or None where that was not possible."""
        try:
            project = Project.create(new_project_folder(name), name)
        except UserError as error:
            self.show_problem(Problem(self._page, error.message, error.hint, code=error.code))
            return None
        return self._begin(project)

    def open_project(self, path: str) -> None:
        """Open the project at `path`: its folder, its ``project.db``, or its marker file."""
        place = project_folder(path)
        if self.session is not None and place == Path(self.session.folder):
            self.turn_to(self._page if self._page != "start" else "photos")
            return
        try:
            project = Project.open(place)
        except UserError as error:
            actions = []
            if error.code == "no_project" and any(item.path == str(place) for item in self.settings.recent()):
                actions.append(Action(self.tr("Remove from the list"), lambda: self._forget(str(place))))
            self.show_problem(Problem(self._page, error.message, error.hint, code=error.code), actions)
            return
        self._begin(project)

    def _forget(self, path: str) -> None:
        self.settings.forget(path)
        self.start.show_recent(self.settings.recent())

    def _begin(self, project: Project) -> Session | None:
        """Put `project` into the window and return its session; None while a run of another one goes on."""
        if self.session is not None and self.session.training.active:
            project.close()
            message = self.tr("A run is under way in this project.")
            hint = self.tr("Stop it or let it finish, then open another project.")
            self.show_problem(Problem("", message, hint, code="run_active", tone="info"))
            return None
        self._end_session()
        trainer = self._trainer() if self._trainer is not None else None
        session = Session(project, self.assistant, trainer, logs.folder(), self)
        self.session = session
        session.work_changed.connect(self.strip.show_work)
        session.quick_changed.connect(self._model_timer.start)
        session.changed.connect(self._on_changed)
        session.device_changed.connect(self.top.show_device)
        session.training_changed.connect(self._on_training)
        session.problem.connect(self.show_problem)
        session.navigate.connect(self.turn_to)
        session.name_changed.connect(self._show_name)
        session.import_finished.connect(lambda _receipt: self._remember())
        session.back.connect(partial(self.banners.drop, "folder_gone"))
        if self._device is not None:
            session.set_device(self._device)
        self._show_name(project.name)
        self._show_models()
        self.strip.show_work(None)
        self.banners.clear()
        if project.read_only:
            message = self.tr("This project cannot be written to, so nothing in it can be changed.")
            hint = self.tr("Copy its folder to a place of your own and open it there.")
            self.show_problem(Problem("", message, hint, code="read_only", tone="caution"))
        for odd in project.damaged()[:1]:
            self.show_problem(Problem("", odd.message, odd.hint, code="odd_file", tone="caution"))
        # Step by step from here, and the window gets its turn in between.
        Steps(PAGES[0].import_steps(), self._make_first_page, session)
        return session

    def _make_first_page(self) -> None:
        if self.session is not None and self._page == "start":
            self._made("photos")
        if self.session is not None:
            QTimer.singleShot(0, self.session, self._show_first_page)

    def _show_first_page(self) -> None:
        if self.session is not None and self._page == "start":
            self.turn_to("photos")
        if self.session is not None:
            QTimer.singleShot(0, self.session, self._after_opening)

    def _after_opening(self) -> None:
        if self.session is None:
            return
        self._remember()
        for unfinished in self.session.training.unfinished()[:1]:
            self._offer(unfinished)
        QTimer.singleShot(PAGE_EVERY, self.session, self._make_next)

    def _offer(self, run: Unfinished) -> None:
        """Offer to go on with a run that was interrupted."""
        session = self.session
        if session is None:
            return
        message = self.tr("Training was interrupted {0}, {1}.").format(
            words.when(run.stopped_at, inside=True), words.part_done(run.progress)
        )
        left = words.duration(run.seconds_left)
        go_on = self.tr("Continue, {0}").format(left) if left else self.tr("Continue")

        def resume() -> None:
            session.navigate.emit("train")
            session.training.go_on(run.run)

        actions = [Action(go_on, resume, primary=True)]
        if run.has_best:
            actions.append(Action(self.tr("Use as it is"), lambda: session.training.use_as_it_is(run.run)))
        self.show_problem(Problem("", message, code="unfinished", tone="info"), actions)

    def close_project(self) -> None:
        """Go back to the first page."""
        if self.session is not None and self.session.training.active:
            message = self.tr("A run is under way in this project.")
            hint = self.tr("Stop it or let it finish, then close the project.")
            self.show_problem(Problem("", message, hint, code="run_active", tone="info"))
            return
        self._end_session()
        self.banners.clear()
        self.setWindowTitle("ResNeXt GUI")
        self.turn_to("start")

    def _end_session(self) -> None:
        session, self.session = self.session, None
        if session is None:
            return
        self._remember(session)
        self.rail.buttons["train"].set_progress(None)
        self._page = "start"
        for page in self.pages.values():
            self.stack.removeWidget(page)
            page.deleteLater()
            # At once: a timer of the page must not ask a project that is closed.
            QCoreApplication.sendPostedEvents(page, QEvent.Type.DeferredDelete.value)
        self.pages.clear()
        session.close()
        session.deleteLater()

    def _remember(self, session: Session | None = None) -> None:
        session = session or self.session
        if session is None:
            return
        try:
            project = session.project
            shown = project.faces(faces.MOST)
            self.settings.remember(session.folder, project.name, project.photo_count(), len(project.labels()), shown)
        except UserError:
            return  # the drive went away; the list keeps what it knew

    # ---- what the session says

    def show_problem(self, problem: Problem, actions: Sequence[Action] = ()) -> None:
        """Show a banner on the page it concerns."""
        self.banners.show_problem(problem, actions)

    def _show_name(self, name: str) -> None:
        self.top.name.set_name(name)
        self.setWindowTitle(name.replace("[*]", "[*][*]") + " - ResNeXt GUI")  # "[*]" is Qt's sign for changes

    def _rename(self, name: str) -> None:
        if self.session is not None:
            self.session.corrections.rename_project(name)
            self._remember()

    def _on_changed(self, what: Change) -> None:
        if what & (Change.RUNS | Change.MODEL):
            self._model_timer.start()

    def _show_models(self) -> None:
        if self.session is None or self.session.closed:
            return
        try:
            self.top.show_models(self.session.answers.models())
        except UserError as error:
            self.show_problem(Problem("", error.message, error.hint, code=error.code))

    def _on_training(self, state: TrainingState) -> None:
        self.rail.buttons["train"].set_progress(state.progress if state.active else None)
        if state.active:
            self.banners.drop("unfinished")
        elif self._in_background:
            self._leave_soon()

    # ---- drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Show where it can be dropped.  What is dragged inside the program is no concern of the frame."""
        if event.source() is not None or not dropping.is_welcome(event.mimeData()):
            return
        if self.session is None:
            self.zones.open_up([OPEN])
        elif self._page == "classify":
            self.zones.open_up([ASK])
        else:
            self.zones.open_up([LEARN, ASK])
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the overlay over everything."""
        super().resizeEvent(event)
        self.zones.setGeometry(QRect(QPoint(0, 0), self._frame.size()))

    # ---- choosing

    def choose_photographs(self) -> None:
        """Ask for a folder of photographs, and begin a project with it."""
        ask_folder(self, self.tr("Choose the folder that holds one folder per label"), self._chosen)

    def _chosen(self, paths: list[str]) -> None:
        if is_project(paths[0]):
            self.open_project(paths[0])
        elif self.session is not None and self.session.project.photo_count() == 0:
            self.session.imports.add(paths)
        else:
            self.intake.learn_in_new_project(paths)

    def choose_project(self) -> None:
        """Ask for a project."""
        kind = self.tr("Project (*.resnextproject project.db)")
        ask_open(self, self.tr("Open a project"), kind, lambda paths: self.open_project(paths[0]))

    # ---- menu, keys

    def menu(self) -> QMenu:
        """Return the menu of projects and settings."""
        return make_menu(self)

    def _open_menu(self, where: QPoint) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def choose_theme(self, choice: str) -> None:
        """Use ``"light"``, ``"dark"`` or the ``"system"``'s choice, from now on."""
        theme.choose(choice)
        self.settings.set("theme", choice)

    def show_keys(self) -> None:
        """List the keys."""
        KeyHelp(groups(), self).show()

    def _choose_model(self, model: str) -> None:
        if self.session is not None:
            self.session.answers.choose(model)

    def _cancel_work(self) -> None:
        if self.session is not None:
            self.session.cancel_work()

    # ---- the engine

    def warm_up(self) -> None:
        """Ready the engine while the person still looks around, and learn which device it has."""
        job = self.assistant.submit(messages.Describe(""))
        job.finished.connect(self._on_described)

    def _on_described(self, result: dict[str, Any]) -> None:
        self._device = Device.told(result)
        if self.session is not None:
            self.session.set_device(self._device)

    # ---- closing

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask what becomes of a run; otherwise close at once."""
        session = self.session
        if self._in_background or self._gone:
            event.accept()
        elif session is not None and session.training.active and not self._closing:
            event.ignore()
            dialog = ClosingDialog(session.training.state, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.chosen.connect(self._close_during_run)
            dialog.open()
        else:
            event.accept()
            self.hide()
            self._leave()

    def leave_politely(self) -> None:
        """End the program without a question.  A run is paused at its last safe point, to be continued later."""
        session = self.session
        if self._gone or self._closing:
            return
        if session is not None and session.training.active:
            self._in_background = False
            self._close_during_run(PAUSE)
        else:
            self.close()

    def come_back(self) -> None:
        """Come to the front, also out of the background where a run goes on."""
        self._in_background = False
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def _close_during_run(self, what: str) -> None:
        session = self.session
        self.hide()
        if session is None or not session.training.active:
            self._leave()
        elif what == BACKGROUND:
            self._in_background = True
        else:
            self._closing = True
            session.training_changed.connect(self._leave_when_paused)
            QTimer.singleShot(PAUSE_PATIENCE, self, self._leave)
            session.training.pause()
            self._leave_when_paused(session.training.state)

    def _leave_when_paused(self, state: TrainingState) -> None:
        if state.phase not in ("starting", "running", "pausing"):
            self._leave_soon()

    def _leave_soon(self) -> None:
        # Not at once: pages are being told the same news, and need the project for it.
        QTimer.singleShot(0, self, self._leave)

    def _leave(self) -> None:
        """Let go of everything, once."""
        if self._gone:
            return
        self._gone = True
        self.settings.set("geometry", bytes(self.saveGeometry().toBase64().data()).decode("ascii"))
        self.assistant.close(wait=False)
        self._end_session()
        self.assistant.wait_closed()
        self.gone.emit()
        QApplication.quit()

"""``resnext-gui --self-test``: everything once, with the program's own window and processes, on photographs it draws.

Meant for an installed program, on any computer: it needs no display, no internet and nothing but a folder for
temporary files.  It prints a table and ends with status 0 only if every step worked.

``resnext-gui --first-paint`` prints how many milliseconds passed between the start of the process and the first
painted window, and ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, QTimer, SignalInstance
from PySide6.QtGui import QGuiApplication

from resnext_gui import __version__, messages
from resnext_gui.engine.worker.clock import process_seconds
from resnext_gui.messages import Source, TrainSpec

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session
    from resnext_gui.ui.shell.main_window import MainWindow

PER_LABEL = 8
"""Photographs drawn for each label: enough for two steps of fine-tuning with `BATCH`."""
BATCH = 16
PATIENCE = 400
"""Seconds that one step may take: what takes half a minute alone can take minutes on a computer that is busy."""
LEAVING = 30
"""Seconds that the window may take to close, also where a step failed in the middle of a run."""


class SelfTestError(Exception):
    """A step did not do what it should."""


def main(arguments: Sequence[str]) -> int:
    """Run the self-test, or measure the first paint; returns the exit status."""
    if arguments and arguments[0] == "--first-paint":
        return first_paint(arguments[1:])
    if arguments[1:]:
        _print(f"resnext-gui: --self-test takes nothing else, and got '{arguments[1]}'")
        return 2
    return self_test()


class _Painted(QObject):
    """Calls `then` once, when a window has painted itself and the picture is on its way to the screen."""

    def __init__(self, window: MainWindow, then: Callable[[], Any]) -> None:
        super().__init__(window)
        self._then: Callable[[], Any] | None = then
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's own name
        """Watch for the first paint."""
        if event.type() == QEvent.Type.Paint and self._then is not None:
            then, self._then = self._then, None
            # After this event, when the children are painted and the picture is handed over.
            QTimer.singleShot(0, self, then)
        return super().eventFilter(watched, event)


def first_paint(arguments: Sequence[str] = ()) -> int:
    """Open the window, print ``first paint: N ms`` since the process was started, and close it again."""
    from resnext_gui.ui import app

    def shown(window: MainWindow) -> None:
        def painted() -> None:
            _print(f"first paint: {process_seconds() * 1000:.0f} ms")
            window.close()

        _Painted(window, painted)

    return app.main(arguments, shown=shown)


def self_test() -> int:
    """Do everything once, print a table, and return 0 if all of it worked."""
    headless = _choose_display()
    table = _Table()
    _print(f"ResNeXt GUI {__version__}, self-test{' without a display' if headless else ''}")
    with tempfile.TemporaryDirectory(prefix="resnext gui tëst ", ignore_cleanup_errors=True) as folder:
        before = os.environ.get("RESNEXT_GUI_HOME")
        os.environ["RESNEXT_GUI_HOME"] = folder
        unexpected: list[str] = []
        sys.excepthook = lambda kind, error, _trace: unexpected.append(f"{kind.__name__}: {error}")
        threading.excepthook = lambda args: unexpected.append(f"{args.exc_type.__name__}: {args.exc_value}")
        try:
            _steps(Path(folder), table)
            with table.step("nothing unexpected"):
                if unexpected:
                    raise SelfTestError("; ".join(unexpected))
        except Exception as error:  # noqa: BLE001 - whatever it is, the table must say so
            if not table.failed:
                table.failed = str(error) or type(error).__name__
            table.failed = "; ".join([table.failed, *unexpected])
        finally:
            sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__
            if before is None:
                del os.environ["RESNEXT_GUI_HOME"]
            else:
                os.environ["RESNEXT_GUI_HOME"] = before
    if table.failed:
        _print(f"\nFAILED: {table.failed}")
        return 1
    _print(f"\nEverything works. {process_seconds():.0f} seconds in all.")
    return 0


class _Table:
    """Prints a line for each step as it ends."""

    def __init__(self) -> None:
        self.failed = ""

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time what happens inside; what is put into the list is printed behind the time."""
        began = time.monotonic()
        words: list[str] = []
        try:
            yield words
        except Exception as error:
            self.failed = f"{name}: {error or type(error).__name__}"
            self._line("failed", name, began, [str(error)])
            raise
        self._line("ok", name, began, words)

    @staticmethod
    def _line(verdict: str, name: str, began: float, words: list[str]) -> None:
        _print(f"{verdict:7}{name:28}{time.monotonic() - began:7.1f} s   {', '.join(words)}".rstrip())


def _steps(folder: Path, table: _Table) -> None:
    from resnext_gui.ui import app
    from resnext_gui.ui.common import theme
    from resnext_gui.ui.shell.main_window import MainWindow
    from resnext_gui.ui.system.garbage import GarbageCollector
    from resnext_gui.ui.system.settings import Settings

    with table.step("window painted") as words:
        # Held here: without an application nothing of Qt works.
        application = app.make_application()
        application.setQuitOnLastWindowClosed(False)
        theme.install(application, "system")
        garbage = GarbageCollector()
        window = MainWindow(Settings())
        loop = QEventLoop()
        painted: list[float] = []

        def done() -> None:
            painted.append(process_seconds())
            loop.quit()

        _Painted(window, done)
        window.show()
        _run(loop, "the window was not painted")
        words += [f"{painted[0] * 1000:.0f} ms after the start", QGuiApplication.platformName()]
    try:
        _with_window(folder, table, window)
    finally:
        with table.step("window closed"):
            _leave(window)
            window.deleteLater()
            QCoreApplication.sendPostedEvents(None, 0)
            application.processEvents()
            garbage.end()


def _with_window(folder: Path, table: _Table, window: MainWindow) -> None:
    assistant = window.assistant
    with table.step("engine started") as words:
        device = _finish(assistant.submit(messages.Describe("")))
        words += [str(device.get("name")), str(device.get("precision"))]
    if device.get("reason"):
        _print(" " * 7 + str(device["reason"]))
    photographs = folder / "photographs"
    with table.step("samples rendered") as words:
        rendered = _finish(assistant.submit(messages.RenderSamples("", str(photographs), PER_LABEL)))
        words.append(f"{rendered['photographs']} photographs of {len(rendered['labels'])} labels")

    with table.step("quick model") as words:
        if not window.new_project("Self-test"):
            raise SelfTestError("the project could not be made")
        session = _session(window)
        session.imports.add([Source(str(photographs))])
        _until(session.quick_changed, session, lambda: session.quick.state.phase in ("ready", "failed"))
        if session.quick.state.phase != "ready" or not session.quick.state.exists:
            raise SelfTestError(session.quick.state.message or "it was not made")
        words.append(f"{session.quick.state.right} of {session.quick.state.practice} right in practice")

    with table.step("fine-tuning") as words:
        steps: list[int] = []
        session.batch_point.connect(lambda point: steps.append(point.step))
        session.training.begin(TrainSpec(epochs=1, batch=BATCH, size=64, augmentation="light"))
        _until(session.training_changed, session, lambda: session.training.state.phase in ("finished", "failed"))
        if session.training.state.phase != "finished":
            failure = session.training.state.error
            raise SelfTestError(getattr(failure, "message", "") or "the run failed")
        result = session.training.state.result or {}
        run = str(result.get("run"))
        words.append(f"{max(steps, default=0)} steps, {result.get('images_per_second', 0):.1f} photographs a second")

    with table.step("model saved") as words:
        home = session.project.run(run).folder
        files = sorted(path.name for path in home.iterdir() if path.suffix in (".safetensors", ".json"))
        if not any(name.endswith(".safetensors") for name in files):
            raise SelfTestError(f"there is no model among {files}")
        words.append(f"{sum((home / name).stat().st_size for name in files) / 1e6:.0f} MB")

    with table.step("pages shown") as words:
        for key in ("photos", "train", "results", "classify"):
            window.turn_to(key)
            _pause(0.3)
        words.append(f"{len(window.pages)} pages")

    with table.step("model loaded, classified") as words:
        place = session.folder
        window.close_project()
        window.open_project(place)
        session = _session(window)
        session.answers.choose(run)
        picture = sorted(photographs.rglob("*.*"))[0]
        answers: list[messages.Answer] = []
        session.answered.connect(answers.append)
        session.answers.classify([str(picture)])
        _until(session.answered, session, lambda: bool(answers))
        answer = answers[0]
        words += [f"{answer.label}, {100 * answer.probability:.0f} %", f"{answer.milliseconds:.0f} ms"]


def _choose_display() -> bool:
    """Paint into memory where there is no display to paint on; returns whether that is so."""
    from resnext_gui import display

    if display.exists():
        return os.environ.get("QT_QPA_PLATFORM") == "offscreen"
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return True


def _session(window: MainWindow) -> Session:
    if window.session is None:
        raise SelfTestError("the project did not open")
    return window.session


def _leave(window: MainWindow) -> None:
    """Close the window without a question."""
    gone: list[bool] = []
    window.gone.connect(lambda: gone.append(True))
    window.leave_politely()
    deadline = time.monotonic() + LEAVING
    while not gone:
        if time.monotonic() > deadline:
            raise SelfTestError(f"it did not close within {LEAVING} seconds")
        _pause(0.05)


def _run(loop: QEventLoop, otherwise: str) -> None:
    """Run `loop` until it is left, or raise after `PATIENCE` seconds."""
    late: list[bool] = []
    timer = QTimer(singleShot=True, interval=PATIENCE * 1000)
    timer.timeout.connect(lambda: late.append(True))
    timer.timeout.connect(loop.quit)
    timer.start()
    loop.exec()
    timer.stop()
    if late:
        raise SelfTestError(f"{otherwise} within {PATIENCE} seconds")


def _pause(seconds: float) -> None:
    """Let the window do what it likes for so long."""
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec()


def _until(signal: SignalInstance, session: Session, reached: Callable[[], bool]) -> None:
    """Wait until `reached`, looking at each `signal`; a problem that the session tells ends the wait."""
    loop = QEventLoop()
    problems: list[str] = []

    def look(*_: object) -> None:
        if reached():
            loop.quit()

    def trouble(problem: Any) -> None:
        if problem.tone == "wrong":
            problems.append(f"{problem.message} {problem.details}".strip())
            loop.quit()

    signal.connect(look)
    session.problem.connect(trouble)
    try:
        if not reached():
            _run(loop, "it was not done")
    finally:
        signal.disconnect(look)
        session.problem.disconnect(trouble)
    if problems and not reached():
        raise SelfTestError(problems[0])


def _finish(job: Any) -> dict[str, Any]:
    """Wait for a job's end and return its result."""
    loop = QEventLoop()
    results: list[dict[str, Any]] = []
    failures: list[messages.Failed] = []
    job.finished.connect(results.append)
    job.failed.connect(failures.append)
    job.over.connect(loop.quit)
    _run(loop, "the engine did not answer")
    if failures:
        raise SelfTestError(f"{failures[0].message} {failures[0].details}".strip())
    return results[0]


def _print(text: str) -> None:
    """Print a line at once; a program without a console has nowhere to print."""
    if sys.stdout is not None:
        print(text, flush=True)  # noqa: T201

"""Starts the window."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QApplication

from resnext_gui import __version__, logs
from resnext_gui.ui.common import theme
from resnext_gui.ui.shell.warmup import WarmUp
from resnext_gui.ui.system import errors, languages, single_instance
from resnext_gui.ui.system.garbage import GarbageCollector
from resnext_gui.ui.system.settings import Settings, own_folder

if TYPE_CHECKING:
    from resnext_gui.ui.shell.main_window import MainWindow

WARM_UP_AFTER = 400
"""Milliseconds after the first paint before anything heavy begins."""


def main(argv: Sequence[str] | None = None, shown: Callable[[MainWindow], Any] | None = None) -> int:
    """Open the window, with the project at a path if one is given, and return the exit status.

    Where a window of this person is open already, that one opens the path, and this start ends.  `shown` is called
    with a window just before its first paint; such a window is always one of its own.
    """
    parser = argparse.ArgumentParser(prog="resnext-gui")
    parser.add_argument("path", nargs="?", help="a project, or a folder of photographs")
    parser.add_argument("--theme", choices=("system", "light", "dark"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(list(sys.argv[1:] if argv is None else argv))

    # A start from a file manager must not open a second Qt; tests have one already.
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = make_application()
    languages.install(app)
    path = single_instance.absolute(arguments.path)
    name = single_instance.socket_name(own_folder())
    if shown is None and single_instance.hand_over(name, path):
        return 0
    settings = Settings()
    logs.set_up("window", "%(asctime)s %(levelname)s %(name)s: %(message)s")
    catcher = errors.Catcher(logs.folder())
    catcher.install()
    theme.install(app, arguments.theme or os.environ.get("RESNEXT_GUI_THEME") or settings.get("theme", "system"))

    from resnext_gui.ui.shell.main_window import MainWindow

    garbage = GarbageCollector()
    window = MainWindow(settings)
    app.setWindowIcon(theme.icon("app"))
    # The window decides when the program ends: a run may finish without it.
    app.setQuitOnLastWindowClosed(False)
    if shown is not None:
        shown(window)
    window.show()
    # Where no window manager hands out the keyboard, keys would go nowhere.
    window.activateWindow()
    warm_up = WarmUp()
    QTimer.singleShot(0, window, lambda: _after_first_paint(window, warm_up, path))
    if isinstance(app, Application):
        app.open_wanted.connect(lambda asked: _come_forward(window, asked))
    doorman = single_instance.Doorman(name)
    if shown is None:
        doorman.asked.connect(lambda asked: _come_forward(window, asked))
        doorman.listen()
    _obey_signals(app, window)
    status = app.exec()
    doorman.close()
    warm_up.stop()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, 0)
    garbage.end()
    return int(status)


class Application(QApplication):
    """Hears what is to be opened where the system says so by an event and not on the command line, as macOS does."""

    open_wanted = Signal(str)

    def event(self, event: QEvent) -> bool:
        """Pass on which file was double-clicked."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self.open_wanted.emit(event.file())
            return True
        return super().event(event)


def make_application() -> QApplication:
    """Make the one `QApplication`."""
    QCoreApplication.setApplicationName("ResNeXt GUI")
    QCoreApplication.setApplicationVersion(__version__)
    QGuiApplication.setDesktopFileName("resnext-gui")
    if QLocale.system().language() == QLocale.Language.C:
        # Without a language there are no thousands separators.
        QLocale.setDefault(QLocale(QLocale.Language.English))
    return Application(sys.argv[:1])


def _after_first_paint(window: MainWindow, warm_up: WarmUp, path: str | None) -> None:
    if path is not None:
        _open(window, path)
    QTimer.singleShot(WARM_UP_AFTER, window, window.warm_up)
    QTimer.singleShot(WARM_UP_AFTER, window, warm_up.start)


def _open(window: MainWindow, path: str) -> None:
    from resnext_gui.project import is_project

    if is_project(path):
        window.open_project(path)
    else:
        window.intake.learn_in_new_project([path])


def _come_forward(window: MainWindow, path: str | None) -> None:
    """Do what a second start asks for."""
    window.come_back()
    if path is not None:
        _open(window, path)


def _obey_signals(app: QApplication, window: MainWindow) -> None:
    """Let Ctrl+C in a terminal, and a polite kill, end the program; nobody may be there to answer a question."""

    def end(_number: int, _frame: object) -> None:
        # Python calls this in the middle of whatever runs, which may be the painting of a widget.  Closing deletes
        # widgets, so it waits until nobody is at work on one.
        QTimer.singleShot(0, window, window.leave_politely)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    # Python sees signals only between two of its own instructions, so give it some.
    timer = QTimer(app)
    timer.timeout.connect(lambda: None)
    timer.start(500)

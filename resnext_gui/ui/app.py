"""Starts the window."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QLocale, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from resnext_gui import __version__
from resnext_gui.ui import errors, theme
from resnext_gui.ui.settings import Settings, log_folder
from resnext_gui.ui.warmup import WarmUp

if TYPE_CHECKING:
    from resnext_gui.ui.main_window import MainWindow

WARM_UP_AFTER = 400
"""Milliseconds after the first paint before anything heavy begins."""


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window, with the project at a path if one is given, and return the exit status."""
    parser = argparse.ArgumentParser(prog="resnext-gui")
    parser.add_argument("path", nargs="?", help="a project, or a folder of photographs")
    parser.add_argument("--theme", choices=("system", "light", "dark"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(list(sys.argv[1:] if argv is None else argv))

    # A start from a file manager must not open a second Qt; tests have one already.
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = make_application()
    settings = Settings()
    logs = log_folder()
    errors.set_up_logging(logs)
    catcher = errors.Catcher(logs)
    catcher.install()
    theme.install(app, arguments.theme or os.environ.get("RESNEXT_GUI_THEME") or settings.get("theme", "system"))

    from resnext_gui.ui.main_window import MainWindow

    window = MainWindow(settings)
    app.setWindowIcon(theme.icon("app"))
    # The window decides when the program ends: a run may finish without it.
    app.setQuitOnLastWindowClosed(False)
    window.show()
    warm_up = WarmUp()
    QTimer.singleShot(0, window, lambda: _after_first_paint(window, warm_up, arguments.path))
    _obey_signals(app, window.close)
    status = app.exec()
    warm_up.wait()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, 0)
    return int(status)


def make_application() -> QApplication:
    """Make the one `QApplication`."""
    QCoreApplication.setApplicationName("ResNeXt GUI")
    QCoreApplication.setApplicationVersion(__version__)
    QGuiApplication.setDesktopFileName("resnext-gui")
    if QLocale.system().language() == QLocale.Language.C:
        # Without a language there are no thousands separators.
        QLocale.setDefault(QLocale(QLocale.Language.English))
    return QApplication(sys.argv[:1])


def _after_first_paint(window: MainWindow, warm_up: WarmUp, path: str | None) -> None:
    from resnext_gui.ui.intake import is_project

    if path is not None:
        absolute = os.path.abspath(path)  # noqa: PTH100 - links the person made on purpose stay
        if is_project(absolute):
            window.open_project(absolute)
        else:
            window.intake.learn_in_new_project([absolute])
    QTimer.singleShot(WARM_UP_AFTER, window, window.warm_up)
    QTimer.singleShot(WARM_UP_AFTER, window, warm_up.start)


def _obey_signals(app: QApplication, close: Callable[[], Any]) -> None:
    """Let Ctrl+C in a terminal, and a polite kill, close the window like its cross does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: close())
    # Python sees signals only between two of its own instructions, so give it some.
    timer = QTimer(app)
    timer.timeout.connect(lambda: None)
    timer.start(500)

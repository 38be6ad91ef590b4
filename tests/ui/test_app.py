"""Starting and ending the program, and what happens with the unexpected."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading

import pytest
from PySide6.QtCore import QtMsgType
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton

from resnext_gui import logs
from resnext_gui.project import MARKER, Project
from resnext_gui.ui.common import theme
from resnext_gui.ui.shell.places import PAGES
from resnext_gui.ui.shell.warmup import WarmUp
from resnext_gui.ui.system import errors
from tests.ui.conftest import fake_program
from tests.ui.engine_process.test_client import dead

PROGRAM = """
import sys, time
began = time.process_time()
from resnext_gui.ui import app
from resnext_gui.ui.engine_process import client
from PySide6.QtCore import QTimer
client.worker_command = lambda: sys.argv[2:]
from resnext_gui.ui.shell import main_window
show = main_window.MainWindow.show
def shown(window):
    show(window)
    window.repaint()
    heavy = [name for name in ("tensorflow", "keras", "numpy") if name in sys.modules]
    print("shown", time.process_time() - began, *heavy, flush=True)
    def report():
        session = window.session
        if session is not None and session.quick.state.phase == "ready":
            print("ready", session.assistant.pid, session.project.name, flush=True)
        else:
            QTimer.singleShot(50, report)
    report()
main_window.MainWindow.show = shown
sys.exit(app.main([sys.argv[1], "--theme", "dark"]))
"""

DOUBLE_CLICKED = """
import sys
from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtGui import QFileOpenEvent
from resnext_gui.ui import app
application = app.make_application()
def shown(window):
    window.open_project = lambda path: print("opened", path, flush=True) or QTimer.singleShot(0, window.close)
    event = QFileOpenEvent(sys.argv[1])
    QTimer.singleShot(0, window, lambda: QCoreApplication.sendEvent(application, event))
sys.exit(app.main([], shown=shown))
"""

INTERRUPTED = """
import os, signal, sys
from PySide6.QtCore import QTimer
from resnext_gui.ui import app
from resnext_gui.ui.engine_process import client
client.worker_command = lambda: sys.argv[2:]
def shown(window):
    def report():
        gallery = window.pages["photos"].gallery if "photos" in window.pages else None
        if gallery is None or not gallery.isVisible():
            return QTimer.singleShot(50, report)
        session = window.session
        signal.raise_signal(signal.SIGTERM)
        # The handler has run here and now, in the middle of this.
        print("whole", gallery.isVisible() and not session.closed, flush=True)
    report()
sys.exit(app.main([sys.argv[1]], shown=shown))
"""


def test_what_the_system_asks_to_open_is_opened(own_home, tmp_path):
    with Project.create(tmp_path / "prüfung") as project:
        marker = project.folder / MARKER
    command = [sys.executable, "-c", DOUBLE_CLICKED, str(marker)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60)
    assert done.stdout.split("\n")[0] == f"opened {marker}"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_the_program_starts_learns_and_ends_without_leaving_anything_behind(photographs, own_home):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(photographs), *fake_program()], stdout=subprocess.PIPE, text=True
    )
    with program:
        shown = program.stdout.readline().split()
        assert shown[0] == "shown" and shown[2:] == [], "nothing heavy before the first paint"
        # Processor time, since other programs may keep this computer busy; 1 s is promised.
        assert float(shown[1]) < 1.5
        ready = program.stdout.readline().split()
        assert ready[0] == "ready" and ready[2] == "flowers"
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
    assert dead(int(ready[1]))
    assert (logs.folder() / "engine-assistant.log").exists()


def test_a_polite_kill_waits_until_no_widget_is_at_work(photographs, own_home):
    command = [sys.executable, "-c", INTERRUPTED, str(photographs), *fake_program()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60)
    assert done.stdout == "whole True\n"


def test_warming_up_imports_the_pages(qtbot):
    warm_up = WarmUp()
    warm_up.start()
    warm_up.start()
    qtbot.waitUntil(lambda: warm_up.done, timeout=60_000)
    assert all(place.load().key == place.key for place in PAGES)
    qtbot.waitUntil(lambda: not QApplication.topLevelWidgets())  # what was made to be thrown away is gone


def test_the_unexpected_is_logged_and_told_once(qtbot, dressed, monkeypatch, caplog, tmp_path):
    catcher = errors.Catcher(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    catcher.install()
    errors.qInstallMessageHandler(None)
    try:
        raise ValueError("boom")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
        sys.excepthook(ValueError, error, error.__traceback__)
    qtbot.waitUntil(lambda: catcher.dialog is not None)
    dialog = catcher.dialog
    assert dialog.isVisible() and not dialog.isModal()
    buttons = {button.text(): button for button in dialog.findChildren(QPushButton)}
    buttons["Copy details"].click()
    assert "ValueError: boom" in QGuiApplication.clipboard().text()
    assert "ResNeXt GUI" in QGuiApplication.clipboard().text()
    buttons["Close"].click()
    qtbot.waitUntil(lambda: catcher.dialog is None)
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2


def test_trouble_on_another_thread_is_told_too(qtbot, dressed, caplog):
    catcher = errors.Catcher()

    args = threading.ExceptHookArgs((RuntimeError, RuntimeError("elsewhere"), None, None))
    catcher._catch_in_thread(args)
    qtbot.waitUntil(lambda: catcher.dialog is not None)
    assert "elsewhere" in catcher.dialog._details
    catcher.dialog.close()
    qtbot.waitUntil(lambda: catcher.dialog is None)


def test_what_qt_says_goes_to_the_log(caplog):
    class Context:
        category = "qt.test"

    with caplog.at_level(logging.DEBUG):
        errors._log_qt(QtMsgType.QtWarningMsg, Context(), "hello")
    assert caplog.records[-1].levelno == logging.WARNING and "qt.test" in caplog.text


def test_the_theme_follows_the_choice_of_the_settings(qapp):
    theme.install(qapp, "dark")
    assert theme.colours().dark
    theme.choose("light")

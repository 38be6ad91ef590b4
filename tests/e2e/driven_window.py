"""The real window with a hand on its mouse, as a program of its own that a test can kill.

    python -m tests.e2e.driven_window PROJECT

Reads a line at a time from standard input and acts by clicks and keys, as a person would:

    go on           click the banner's button that continues an interrupted run
    train           open the Train page and click Start
    pause, stop     click these buttons of a run
    answer PATH     paste a picture on the Classify page
    close           close the window; a run is paused until the person returns

Prints a JSON line for each thing that happens: ``{"say": "ready"}``, ``{"say": "phase", "phase": ...}`` and so on.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QMimeData, QObject, Qt, QTimer, QUrl, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from resnext_gui.ui import app

EVERY = 50
"""Milliseconds between two looks for a button that is not there yet."""


def say(what: str, **more: Any) -> None:
    print(json.dumps({"say": what, **more}), flush=True)


class Hand(QObject):
    """Does what it is told, one thing after the other."""

    told = Signal(str)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self.window = window
        self.told.connect(self.do)
        self.session: Any = None
        self._look(self._opened)
        threading.Thread(target=self._listen, daemon=True, name="test-listener").start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self.told.emit(line.strip())

    def _look(self, attempt: Callable[[], bool]) -> None:
        """Try again until it works."""
        if not attempt():
            QTimer.singleShot(EVERY, self, lambda: self._look(attempt))

    def _opened(self) -> bool:
        session = self.window.session
        if session is None or self.window.page == "start":
            return False
        self.session = session
        session.training_changed.connect(lambda state: say("phase", phase=state.phase, run=state.run or ""))
        session.epoch_line.connect(lambda line: say("epoch", epoch=line.epoch))
        session.answered.connect(lambda answer: say("answer", path=answer.path, label=answer.label))
        session.problem.connect(lambda problem: say("problem", message=problem.message))
        say("ready", photographs=session.project.photo_count(), model=session.project.current_model)
        return True

    def _click(self, *begins: str) -> bool:
        for button in self.window.findChildren(QPushButton):
            if button.isVisible() and button.isEnabled() and button.text().startswith(begins):
                QTest.mouseClick(button, Qt.MouseButton.LeftButton)
                say("clicked", button=button.text())
                return True
        return False

    def do(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "train":
            self.window.turn_to("train")
            self._look(lambda: self._click("Start"))
        elif word == "go":
            self._look(lambda: self._click("Continue"))
        elif word in ("pause", "stop"):
            self._look(lambda: self._click({"pause": "Pause", "stop": "Stop"}[word]))
        elif word == "answer":
            self.window.turn_to("classify")
            QTimer.singleShot(EVERY, self, lambda: self._paste(rest))
        elif word == "close":
            self.window.close()
            self._look(lambda: self._click("Pause until") or not self.window.isVisible())

    def _paste(self, path: str) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(path)])
        QApplication.clipboard().setMimeData(data)
        self.window.activateWindow()
        QTest.keyClick(self.window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


def main() -> int:
    status = app.main(sys.argv[1:], shown=Hand)
    QApplication.clipboard().clear()  # or Qt would let go of what Python made only after Python has gone
    return status


if __name__ == "__main__":
    sys.exit(main())

"""Banners: what a person must know, above the page it concerns, with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.session.state import Problem

ICONS = {"wrong": "error", "caution": "warning", "info": "info", "good": "check"}
INKS = {"wrong": "wrong", "caution": "caution", "info": "accent", "good": "good"}
MOST = 2
"""Banners shown at once; older ones give way."""


@dataclass(frozen=True, slots=True)
class Action:
    """A button in a banner.  `run` is called; the banner closes unless `stays`."""

    text: str
    run: Callable[[], None]
    stays: bool = False
    primary: bool = False


class Banner(QFrame):
    """One line: what happened, what to do, buttons, and a cross."""

    closed = Signal()

    def __init__(self, problem: Problem, actions: Sequence[Action] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problem = problem
        tone = problem.tone if problem.tone in ICONS else "wrong"
        self.setProperty("role", f"banner-{tone}")
        self.setAccessibleName(f"{problem.message} {problem.hint}".strip())
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(8)
        self._sign = QLabel()
        self._tone = tone
        self._paint_sign()
        theme.changed.connect(self._paint_sign)
        row.addWidget(self._sign)
        words = QLabel(f"{problem.message} {problem.hint}".strip())
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setWordWrap(True)
        words.setMinimumWidth(240)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(words, 1)
        for action in actions:
            button = QPushButton(action.text)
            if action.primary:
                button.setProperty("role", "primary")
            button.clicked.connect(lambda _=False, chosen=action: self._act(chosen))
            row.addWidget(button)
        if problem.details:
            copy = QPushButton(self.tr("Copy details"))
            copy.setProperty("role", "link")
            copy.clicked.connect(self._copy)
            row.addWidget(copy)
        cross = QPushButton()
        cross.setProperty("role", "tool")
        cross.setAccessibleName(self.tr("Close this message"))
        cross.setToolTip(self.tr("Close this message"))
        theme.keep_icon(cross, "close", "quiet", 16)
        cross.clicked.connect(self.closed)
        row.addWidget(cross)

    def _paint_sign(self) -> None:
        ink = getattr(theme.colours(), INKS[self._tone])
        self._sign.setPixmap(theme.pixmap(ICONS[self._tone], 20, ink, self.devicePixelRatioF()))

    def _act(self, action: Action) -> None:
        if not action.stays:
            self.closed.emit()
        action.run()

    def _copy(self) -> None:
        problem = self.problem
        text = "\n\n".join(part for part in (problem.message, problem.hint, problem.code, problem.details) if part)
        QGuiApplication.clipboard().setText(text)


class Banners(QWidget):
    """The banners of the page in front."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._page = ""
        self._banners: list[Banner] = []
        self.hide()

    @property
    def shown(self) -> list[Problem]:
        """Problems in front now, newest last."""
        return [banner.problem for banner in self._banners if self._fits(banner)]

    def show_problem(self, problem: Problem, actions: Sequence[Action] = ()) -> Banner:
        """Show a banner; the same message, or another of the same code, is replaced."""
        for banner in list(self._banners):
            same = banner.problem.message == problem.message or (problem.code and banner.problem.code == problem.code)
            if same and banner.problem.page == problem.page:
                self._drop(banner)
        made = Banner(problem, actions, self)
        made.closed.connect(lambda: self._drop(made))
        self._banners.append(made)
        self._column.addWidget(made)
        while len(self._banners) > 3 * MOST:
            self._drop(self._banners[0])
        self._arrange()
        return made

    def turn_to(self, page: str) -> None:
        """Show the banners of another page."""
        self._page = page
        self._arrange()

    def drop(self, code: str) -> None:
        """Take banners of this code away: their reason is gone."""
        for banner in [banner for banner in self._banners if banner.problem.code == code]:
            self._drop(banner)

    def clear(self) -> None:
        """Take all banners away."""
        for banner in list(self._banners):
            self._drop(banner)

    def _fits(self, banner: Banner) -> bool:
        return banner.problem.page in ("", self._page)

    def _arrange(self) -> None:
        fitting = [banner for banner in self._banners if self._fits(banner)]
        for banner in self._banners:
            banner.setVisible(banner in fitting[-MOST:])
        self.setVisible(bool(fitting))

    def _drop(self, banner: Banner) -> None:
        if banner in self._banners:
            self._banners.remove(banner)
            self._column.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
            self._arrange()

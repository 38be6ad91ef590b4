"""The list of runs: one row each, to rename, continue, compare and look into."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.train.run_notes import RunNotes, status_line, what_differs


class SparkLine(QWidget):
    """A run's practice scores as a small line without axes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: tuple[float, ...] = ()
        self.setFixedSize(72, 24)
        theme.changed.connect(self.update)

    def set_values(self, values: Sequence[float]) -> None:
        """Show values of any range."""
        self._values = tuple(values)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line and its last point."""
        del event
        if not self._values:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low, high = min(self._values), max(self._values)
        span = (high - low) or 1.0
        area = QRectF(self.rect()).adjusted(4, 5, -5, -5)
        count = len(self._values)

        def place(index: int) -> QPointF:
            x = area.left() + area.width() * (index / (count - 1) if count > 1 else 1.0)
            y = area.center().y() if high == low else area.bottom() - area.height() * (self._values[index] - low) / span
            return QPointF(x, y)

        painter.setPen(QPen(theme.colour("practice"), 1.5))
        painter.drawPolyline(QPolygonF([place(i) for i in range(count)]))
        painter.setBrush(theme.colour("practice"))
        painter.drawEllipse(place(count - 1), 2, 2)


class Elided(QWidget):
    """One line of text that is shortened to its place; pointing at it shows all of it."""

    def __init__(self, role: str = "quiet", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._role = role
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(24)
        theme.changed.connect(self.update)

    def set_text(self, text: str) -> None:
        """Show another text."""
        self._text = text
        self.setToolTip(theme.literal(text))
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        """Return the whole text."""
        return self._text

    def sizeHint(self) -> QSize:
        """As wide as the whole text."""
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self._text) + 4, metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what fits."""
        del event
        painter = QPainter(self)
        painter.setPen(theme.colour(self._role))
        text = QFontMetrics(self.font()).elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)


class RunRow(QFrame):
    """One run.  Enter shows it, space picks it for comparing, F2 renames it."""

    shown = Signal(str)
    picked = Signal(str, bool)
    renamed = Signal(str, str)
    continued = Signal(str)
    used = Signal(str)
    details_wanted = Signal(str)
    command_wanted = Signal(str)
    answers_wanted = Signal(str)

    def __init__(self, notes: RunNotes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notes = notes
        self._current = False
        self._hover = False
        self.setFixedHeight(40)
        self.setMinimumWidth(560)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.pick = QCheckBox()
        self.pick.setToolTip(self.tr("Pick two runs to compare them"))
        self.pick.toggled.connect(lambda on: self.picked.emit(self.notes.id, on))
        self.name = QLineEdit()
        self.name.setProperty("role", "bare")
        self.name.setFixedWidth(156)
        self.name.setMaxLength(120)
        self.name.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.name.editingFinished.connect(self._on_name)
        self._when = theme.label("", "quiet")
        self._when.setFixedWidth(112)
        self._differs = Elided()
        self._spark = SparkLine()
        self._score = theme.label("", "strong")
        self._score.setMinimumWidth(64)
        self._score.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._status = theme.label("", "quiet")
        self._continue = QPushButton(self.tr("Continue"))
        self._use = QPushButton(self.tr("Use as it is"))
        for button in (self._continue, self._use):
            button.setProperty("role", "link")
        self._continue.clicked.connect(lambda: self.continued.emit(self.notes.id))
        self._use.clicked.connect(lambda: self.used.emit(self.notes.id))
        self._more = QToolButton()
        self._more.setToolTip(self.tr("More"))
        theme.keep_icon(self._more, "more", "quiet", 18)
        self._more.clicked.connect(self._open_menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 6, 0)
        row.setSpacing(10)
        for widget in (self.pick, self.name, self._when):
            row.addWidget(widget)
        row.addWidget(self._differs, 1)
        for other in (self._status, self._continue, self._use, self._spark, self._score, self._more):
            row.addWidget(other)
        theme.changed.connect(self.update)
        self.refresh(notes, None, "", False)

    def refresh(self, notes: RunNotes, earlier: RunNotes | None, answering: str, busy: bool) -> None:
        """Show what has changed.

        Args:
            notes: of this run.
            earlier: the run before it.
            answering: id of the model that answers.
            busy: whether a run is under way, so none can be continued.
        """
        self.notes = notes
        if not self.name.hasFocus():
            self.name.setText(notes.title)
            self.name.setCursorPosition(0)
        # A run without a name of its own is called by its date already.  The column stays, so that rows line up.
        self._when.setText(words.when(notes.created) if notes.name else "")
        self._differs.set_text(what_differs(notes.spec, earlier.spec if earlier is not None else None))
        self._spark.set_values(notes.scores)
        self._score.setText("" if notes.right is None else words.of(notes.right, notes.total))
        status = status_line(notes)
        if answering == notes.id:
            status = self.tr("Answers now")
        open_end = notes.status in ("interrupted", "paused") and not busy
        theme.set_role(self._status, "good" if answering == notes.id else "caution" if open_end else "quiet")
        self._status.setText("" if notes.status == "finished" and answering != notes.id else status)
        self._continue.setVisible(open_end)
        self._use.setVisible(open_end and notes.keepable)
        self._fit()
        self.pick.setAccessibleName(self.tr("Pick {name} for comparing").format(name=notes.title))
        self.name.setAccessibleName(self.tr("Name of the run {name}").format(name=notes.title))
        self._more.setAccessibleName(self.tr("More about {name}").format(name=notes.title))
        self.setAccessibleName(
            ", ".join(part for part in (notes.title, words.when(notes.created), status, self._score.text()) if part)
        )

    def _fit(self) -> None:
        self._when.setVisible(self.width() > 900)
        self._spark.setVisible(self.width() > (720 if self._continue.isHidden() else 900))

    def set_current(self, on: bool) -> None:
        """Mark the run whose curves are shown."""
        self._current = on
        self.update()

    def menu(self) -> QMenu:
        """Return what else can be done with the run."""
        menu = QMenu(self)
        run = self.notes.id
        menu.addAction(self.tr("Show its curves"), lambda: self.shown.emit(run))
        menu.addAction(self.tr("Rename"), self.rename)
        if self.notes.usable:
            menu.addAction(self.tr("Let this model answer"), lambda: self.answers_wanted.emit(run))
        menu.addSeparator()
        menu.addAction(self.tr("Everything this run did"), lambda: self.details_wanted.emit(run))
        menu.addAction(self.tr("Copy as command"), lambda: self.command_wanted.emit(run))
        return menu

    def _open_menu(self) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def rename(self) -> None:
        """Put the keyboard into the name."""
        self.name.setFocus()
        self.name.selectAll()

    def _on_name(self) -> None:
        text = " ".join(self.name.text().split())
        if text and text != self.notes.title:
            self.renamed.emit(self.notes.id, text)
        elif not text:
            self.name.setText(self.notes.title)
        if self.name.hasFocus():
            self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, space, F2, the menu key, and up and down."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not self.name.hasFocus():
                self.shown.emit(self.notes.id)
        elif key == Qt.Key.Key_Space:
            self.pick.toggle()
        elif key == Qt.Key.Key_F2:
            self.rename()
        elif key == Qt.Key.Key_Menu:
            self._open_menu()
        elif key == Qt.Key.Key_Escape and self.name.hasFocus():
            self.name.setText(self.notes.title)
            self.setFocus()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.walk(key == Qt.Key.Key_Down)
        else:
            super().keyPressEvent(event)

    def walk(self, forward: bool) -> None:
        """Walk to the row below or above."""
        parent = self.parentWidget()
        rows = [row for row in parent.findChildren(RunRow) if row.isVisible()] if parent is not None else []
        rows.sort(key=lambda row: row.y())
        at = rows.index(self) + (1 if forward else -1)
        if 0 <= at < len(rows):
            rows[at].setFocus()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click shows the run."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setFocus()
            self.shown.emit(self.notes.id)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, the least important goes."""
        super().resizeEvent(event)
        self._fit()

    def enterEvent(self, event: object) -> None:
        """The pointer came."""
        del event
        self._hover = True
        self.update()

    def leaveEvent(self, event: object) -> None:
        """The pointer went."""
        del event
        self._hover = False
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide where the keyboard was."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the ground."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour("accent"), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        if self._current:
            painter.setBrush(theme.colour("accent_soft"))
        elif self._hover:
            painter.setBrush(theme.colour("hover"))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)


class RunList(QFrame):
    """All runs, newest first."""

    shown = Signal(str)
    compared = Signal(str, str)
    uncompared = Signal()
    renamed = Signal(str, str)
    continued = Signal(str)
    used = Signal(str)
    details_wanted = Signal(str)
    command_wanted = Signal(str)
    answers_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._rows: dict[str, RunRow] = {}
        self._picked: list[str] = []
        self._hint = theme.label(self.tr("Pick two to compare them."), "quiet")
        head = QHBoxLayout()
        head.addWidget(theme.label(self.tr("Runs"), "strong"))
        head.addStretch(1)
        head.addWidget(self._hint)
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 12, 8, 8)
        layout.setSpacing(6)
        inner = QHBoxLayout()
        inner.setContentsMargins(8, 0, 8, 0)
        inner.addLayout(head)
        layout.addLayout(inner)
        layout.addLayout(self._column)

    def set_runs(self, runs: Sequence[RunNotes], answering: str, busy: bool) -> None:
        """Show these runs, newest first; see `RunRow.refresh`."""
        wanted = [notes.id for notes in runs]
        for gone in [run for run in self._rows if run not in wanted]:
            row = self._rows.pop(gone)
            row.hide()
            row.deleteLater()
            self._picked = [run for run in self._picked if run != gone]
        for place, notes in enumerate(runs):
            row = self._rows.get(notes.id) or self._add(notes)
            if self._column.indexOf(row) != place:
                self._column.removeWidget(row)
                self._column.insertWidget(place, row)
            row.refresh(notes, runs[place + 1] if place + 1 < len(runs) else None, answering, busy)
        self._hint.setVisible(len(runs) > 1)
        self.setVisible(bool(runs))

    def _add(self, notes: RunNotes) -> RunRow:
        row = RunRow(notes, self)
        for name in ("shown", "renamed", "continued", "used", "details_wanted", "command_wanted", "answers_wanted"):
            getattr(row, name).connect(getattr(self, name))
        row.picked.connect(self._on_picked)
        self._rows[notes.id] = row
        return row

    def row(self, run: str) -> RunRow:
        """Return the row of a run."""
        return self._rows[run]

    def set_current(self, runs: Sequence[str]) -> None:
        """Mark the runs whose curves are shown."""
        for run, row in self._rows.items():
            row.set_current(run in runs)

    def _on_picked(self, run: str, on: bool) -> None:
        before = len(self._picked)
        self._picked = [picked for picked in self._picked if picked != run]
        if on:
            self._picked.append(run)
            while len(self._picked) > 2:
                first = self._picked.pop(0)
                box = self._rows[first].pick
                box.blockSignals(True)
                box.setChecked(False)
                box.blockSignals(False)
        if len(self._picked) == 2:
            self.compared.emit(*self._picked)
        elif before == 2:
            self.uncompared.emit()

    def clear_picks(self) -> None:
        """Pick nothing."""
        self._picked = []
        for row in self._rows.values():
            row.pick.blockSignals(True)
            row.pick.setChecked(False)
            row.pick.blockSignals(False)

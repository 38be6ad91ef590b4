"""Classify: drop a picture and read what it is, how sure that is, and say so when it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from resnext_gui.messages import Answer, Refused, Source, UserError
from resnext_gui.ui.classify.answer import AnswerCard
from resnext_gui.ui.classify.answer_list import AnswerTable, Entry, to_csv
from resnext_gui.ui.common import dropping, files, theme, words
from resnext_gui.ui.common.emptystate import DropInvitation
from resnext_gui.ui.common.picture import PictureStore, PictureView
from resnext_gui.ui.common.segments import Segments
from resnext_gui.ui.common.tiles import TileView
from resnext_gui.ui.session.state import Change, PageKey, Problem

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session

REMEMBERED = 1000
"""Earlier answers shown when a project is opened."""

EMPTY, PICTURE, GRID, TABLE = range(4)


class ClassifyPage(QWidget):
    """Pictures and their answers: one at a time, as a grid, or as a table."""

    key: PageKey = "classify"
    icon = "classify"
    keys = (
        ("\N{LEFTWARDS ARROW} \N{RIGHTWARDS ARROW}", "Previous, next picture"),
        ("G", "All pictures as a grid, and back"),
        ("T", "All answers as a table, and back"),
        ("C", "Correct the answer"),
        ("Ctrl C", "Copy the answer"),
    )

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = self.tr("Classify")
        self._session = session
        self._loader = PictureStore(self)
        self._entries: list[Entry] = []
        self._shown: list[int] = []  # what the filter lets through, as places in _entries
        self._arrived: list[Entry] = []
        self._row = -1
        self._busy = False
        self._follow = True
        self._mode = "picture"
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._build()
        # Answers may come by the hundred; they are shown a few times a second.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(60)
        self._soon.timeout.connect(self._take_in)
        session.answered.connect(self._on_answered)
        session.refused.connect(self._on_refused)
        session.classify_changed.connect(self._on_progress)
        session.changed.connect(self._on_changed)
        session.quick_changed.connect(lambda _state: self._show_state())
        session.model_view_ready.connect(self._picture.set_substitute)
        self._load()
        self._on_labels()

    # Building -------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._stack = QStackedWidget()
        self._empty = DropInvitation()
        self._empty.pressed.connect(self._on_invitation)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._make_picture())
        self._grid = TileView(self._loader, 160, 2)
        self._grid.setAccessibleName(self.tr("All pictures with their answers"))
        self._grid.chosen.connect(lambda _tile: self._select(self._grid.currentIndex().row()))
        self._grid.opened.connect(lambda _tile: self.set_mode("picture"))
        self._stack.addWidget(self._grid)
        self._stack.addWidget(self._make_table())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 12, 24, 12)
        layout.setSpacing(12)
        layout.addWidget(self._make_tools())
        layout.addWidget(self._stack, 1)

    def _make_tools(self) -> QWidget:
        self._tools = QWidget()
        self._choose = QPushButton(self.tr("Choose..."))
        self._choose.setAccessibleName(self.tr("Choose pictures..."))
        menu = QMenu(self._choose)
        menu.addAction(self.tr("Pictures..."), self.choose_files)
        menu.addAction(self.tr("All in a folder..."), self.choose_folder)
        # The keys are only shown: the window itself pastes on every page, and two of a kind would cancel out.
        keys = QKeySequence(QKeySequence.StandardKey.Paste).toString(QKeySequence.SequenceFormat.NativeText)
        menu.addAction(self.tr("Paste") + f"\t{keys}", self.paste)
        self._choose.setMenu(menu)
        theme.keep_icon(self._choose, "image", size=18)
        self._filters = Segments(
            [("all", self.tr("All")), ("unsure", self.tr("Unsure")), ("refused", self.tr("Not read"))],
            self.tr("Show"),
        )
        self._filters.chosen.connect(lambda _key: self._refilter())
        self._modes = Segments(
            [("picture", self.tr("Picture")), ("grid", self.tr("Grid")), ("table", self.tr("Table"))], self.tr("View")
        )
        self._modes.button("grid").setToolTip(self.tr("G"))
        self._modes.button("table").setToolTip(self.tr("T"))
        self._modes.chosen.connect(self.set_mode)
        self._progress = theme.label("", "quiet")
        self._copy = QPushButton(self.tr("Copy"))
        self._save = QPushButton(self.tr("Save..."))
        for button in (self._copy, self._save):
            button.setProperty("role", "plain")
        self._copy.setToolTip(self.tr("Copy the answers that are shown as text"))
        self._copy.clicked.connect(self.copy_all)
        self._save.setToolTip(self.tr("Save as CSV"))
        self._save.clicked.connect(self._ask_csv)
        rule = QFrame()
        rule.setFixedSize(1, 20)
        rule.setProperty("role", "line")
        rule.setStyleSheet("min-height: 20px; max-height: 20px;")
        row = QHBoxLayout(self._tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._choose)
        row.addSpacing(8)
        row.addWidget(self._filters)
        row.addWidget(self._progress)
        row.addStretch(1)
        row.addWidget(self._modes)
        row.addWidget(rule)
        row.addWidget(self._copy)
        row.addWidget(self._save)
        return self._tools

    def _make_picture(self) -> QWidget:
        page = QWidget()
        self._picture = PictureView(self._loader)
        self._picture.wants_substitute.connect(self._on_unreadable)
        self._card = AnswerCard()
        self._card.setMinimumWidth(300)
        self._card.setMaximumWidth(440)
        self._card.corrected.connect(self.correct)
        self._card.learn.connect(self._on_learn)
        self._card.copy.connect(self.copy_current)
        self._strip = TileView(self._loader, 68, 0, one_row=True)
        self._strip.setAccessibleName(self.tr("Film strip"))
        self._strip.chosen.connect(lambda _tile: self._select(self._strip.currentIndex().row()))
        both = QHBoxLayout()
        both.setSpacing(24)
        both.addWidget(self._picture, 744)
        both.addWidget(self._card, 440)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(both, 1)
        layout.addWidget(self._strip)
        return page

    def _make_table(self) -> QWidget:
        self._table_model = AnswerTable(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._table_model)
        self._sorted.setSortRole(int(Qt.ItemDataRole.UserRole))
        self._table = QTableView()
        self._table.setModel(self._sorted)
        self._table.setAccessibleName(self.tr("Table of answers"))
        self._table.setSortingEnabled(True)
        self._sorted.sort(-1)
        self._table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self._table.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self._table.setShowGrid(False)
        self._table.setWordWrap(False)
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(36)
        self._table.setTabKeyNavigation(False)
        head = self._table.horizontalHeader()
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate((260, 160, 110, 160, 80, 200)):
            head.resizeSection(column, width)
        head.setStretchLastSection(True)
        self._table.selectionModel().currentRowChanged.connect(self._on_table_row)
        self._table.doubleClicked.connect(lambda _index: self.set_mode("picture"))
        card = QFrame()
        card.setProperty("role", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(8, 4, 8, 8)
        inside.addWidget(self._table)
        return card

    # What has come --------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            stored = self._session.project.answers(REMEMBERED)
        except UserError:
            stored = []
        self._entries = [Entry.of_answer(answer) for answer in reversed(stored)]
        self._refilter()
        self._select(len(self._shown) - 1)

    def _on_answered(self, answer: Answer) -> None:
        self._arrive(Entry.of_answer(answer))

    def _on_refused(self, refused: Refused) -> None:
        self._arrive(Entry.of_refusal(refused))

    def _arrive(self, entry: Entry) -> None:
        self._arrived.append(entry)
        if not self._soon.isActive():
            self._soon.start()

    def _on_progress(self, done: int, total: int) -> None:
        busy = done < total
        if busy and not self._busy:
            self._follow = True  # the first answer of a new drop is shown at once
        self._busy = busy
        text = self.tr("{done} of {total}").format(done=words.number(done), total=words.number(total))
        self._progress.setText(text if busy and total > 1 else "")
        self._show_state()

    def _take_in(self) -> None:
        arrived, self._arrived = self._arrived, []
        first = len(self._entries)
        self._entries.extend(arrived)
        fitting = [first + i for i, entry in enumerate(arrived) if self._passes(entry)]
        at = len(self._shown)
        self._shown.extend(fitting)
        entries = [self._entries[i] for i in fitting]
        tiles = [entry.tile() for entry in entries]
        self._strip.tiles.append(tiles)
        self._grid.tiles.append(tiles)
        self._table_model.append(entries)
        self._count()
        if fitting and self._follow:
            self._follow = not self._busy
            self._select(at)
        self._show_state()

    def _passes(self, entry: Entry) -> bool:
        wanted = self._filters.current
        return wanted == "all" or (entry.unsure if wanted == "unsure" else entry.refused)

    def _refilter(self) -> None:
        current = self.current_place()
        self._shown = [i for i, entry in enumerate(self._entries) if self._passes(entry)]
        entries = [self._entries[i] for i in self._shown]
        tiles = [entry.tile() for entry in entries]
        self._row = -1
        self._strip.tiles.set_tiles(tiles)
        self._grid.tiles.set_tiles(tiles)
        self._table_model.set_entries(entries)
        self._count()
        self._select(self._shown.index(current) if current in self._shown else len(self._shown) - 1)
        self._show_state()

    def _count(self) -> None:
        unsure = sum(entry.unsure for entry in self._entries)
        refused = sum(entry.refused for entry in self._entries)
        for key, text, count in (
            ("all", self.tr("All"), len(self._entries)),
            ("unsure", self.tr("Unsure"), unsure),
            ("refused", self.tr("Not read"), refused),
        ):
            button = self._filters.button(key)
            button.setText(f"{text} {words.number(count)}" if count else text)
            button.updateGeometry()
        self._filters.button("refused").setVisible(refused > 0 or self._filters.current == "refused")

    # What is shown --------------------------------------------------------------------------------------------------

    def _has_model(self) -> bool:
        try:
            return self._session.project.current_model is not None or self._session.quick.state.exists
        except UserError:
            return False

    def _show_state(self) -> None:
        anything = bool(self._entries)
        self._tools.setVisible(anything)
        if anything:
            self._stack.setCurrentIndex({"picture": PICTURE, "grid": GRID, "table": TABLE}[self._mode])
            return
        self._stack.setCurrentIndex(EMPTY)
        if self._busy:
            self._empty.show_words(
                "image", self.tr("Looking..."), self.tr("The first picture takes a moment longer."), []
            )
        elif self._has_model():
            self._empty.show_words(
                "image",
                self.tr("Drop pictures here"),
                self.tr("Files, folders, or a picture from a web page. Ctrl+V pastes one."),
                [("files", self.tr("Choose pictures...")), ("folder", self.tr("All in a folder..."))],
            )
        elif self._session.quick.state.phase == "reading":
            self._empty.show_words(
                "learn",
                self.tr("The first model is nearly there"),
                self.tr("Pictures dropped here are answered as soon as it is ready."),
                [("files", self.tr("Choose pictures..."))],
            )
        else:
            self._empty.show_words(
                "learn",
                self.tr("First it must learn"),
                self.tr("Give it photographs of two or more labels; seconds later it tells what a picture shows."),
                [("photos", self.tr("Go to Photos"))],
            )

    def set_mode(self, mode: str) -> None:
        """Show one ``"picture"``, the ``"grid"`` or the ``"table"``."""
        self._mode = mode
        self._modes.choose(mode)
        self._show_state()
        if self._entries:
            {"picture": self._strip, "grid": self._grid, "table": self._table}[mode].setFocus()

    @property
    def mode(self) -> str:
        """How the answers are shown."""
        return self._mode

    def current_place(self) -> int:
        """Return the current entry's place among all, -1 without one."""
        return self._shown[self._row] if 0 <= self._row < len(self._shown) else -1

    def current(self) -> Entry | None:
        """Return the entry that is shown."""
        place = self.current_place()
        return self._entries[place] if place >= 0 else None

    @property
    def entries(self) -> list[Entry]:
        """Everything that was given, oldest first."""
        return list(self._entries)

    def _select(self, row: int) -> None:
        if row == self._row and row >= 0:
            return
        self._row = row if 0 <= row < len(self._shown) else -1
        for view in (self._strip, self._grid):
            if view.currentIndex().row() != self._row:
                view.choose(self._row)
        if self._row >= 0:
            index = self._sorted.mapFromSource(self._table_model.index(self._row, 0))
            if self._table.currentIndex().row() != index.row():
                self._table.setCurrentIndex(index)
        self._show_current()

    def _on_table_row(self, index: QModelIndex, previous: QModelIndex) -> None:
        del previous
        if index.isValid():
            self._select(self._sorted.mapToSource(index).row())

    def _show_current(self) -> None:
        entry = self.current()
        self._card.show_entry(entry, self._session.answers.model_name(entry.model) if entry is not None else "")
        self._picture.set_path(
            entry.path if entry is not None else "",
            self.tr("There is nothing to show.")
            if entry is None or entry.refused
            else self.tr("This picture cannot be shown here."),
        )

    def _on_unreadable(self, path: str) -> None:
        entry = self.current()
        if entry is not None and not entry.refused and entry.path == path and Path(path).exists():
            # The engine reads more kinds of files than the window does: show what the model received.
            self._session.answers.model_view(path)

    def _on_changed(self, what: Change) -> None:
        if what & Change.MODEL:
            self._show_state()
            self._show_current()
        if what & Change.LABELS:
            self._on_labels()

    def _on_labels(self) -> None:
        try:
            self._card.set_labels([label.name for label in self._session.project.labels()])
        except UserError:
            return
        self._show_current()

    # Correcting, copying, saving ------------------------------------------------------------------------------------

    def correct(self, label: str | None) -> None:
        """Note what the current picture really shows; None takes that back."""
        entry, place = self.current(), self.current_place()
        if entry is None or entry.refused:
            return
        project = self._session.project
        try:
            if entry.stored is not None:
                project.correct_answer(entry.stored, label)
        except UserError as error:
            self._session.tell(error, self.key)
            return
        changed = entry.with_correction(label)
        self._entries[place] = changed
        self._strip.tiles.replace(self._row, changed.tile())
        self._grid.tiles.replace(self._row, changed.tile())
        self._table_model.replace(self._row, changed)
        self._count()
        self._show_current()

    def _on_learn(self, label: str) -> None:
        entry = self.current()
        if entry is not None:
            self._session.imports.add([Source(entry.path, "none", label)])

    def copy_current(self) -> None:
        """Copy the current answer as text."""
        entry = self.current()
        if entry is not None:
            QGuiApplication.clipboard().setText(entry.text())

    def copy_all(self) -> None:
        """Copy what the filter shows as text, a line a picture."""
        QGuiApplication.clipboard().setText("\n".join(self._entries[i].text() for i in self._shown))

    def write_csv(self, path: Path) -> None:
        """Save what the filter shows as a table."""
        trouble = files.save_text(path, to_csv(self._entries[i] for i in self._shown))
        if trouble:
            text = self.tr("The table could not be written. {why}").format(why=trouble)
            self._session.problem.emit(Problem(self.key, text, self.tr("Choose another folder.")))

    def _ask_csv(self) -> None:
        files.ask_save(self, self.tr("Save the answers"), "answers.csv", self.tr("Table (*.csv)"), self.write_csv)

    # Pictures in ----------------------------------------------------------------------------------------------------

    def _on_invitation(self, key: str) -> None:
        if key == "photos":
            self._session.navigate.emit("photos")
        elif key == "folder":
            self.choose_folder()
        else:
            self.choose_files()

    def choose_files(self) -> None:
        """Ask for pictures."""
        kind = self.tr("Pictures ({kinds})").format(kinds=files.PICTURES)
        kinds = f"{kind};;{self.tr('All files (*)')}"
        files.ask_open(self, self.tr("Which pictures?"), kinds, self._session.answers.classify, several=True)

    def choose_folder(self) -> None:
        """Ask for a folder of pictures."""
        files.ask_folder(self, self.tr("Which folder?"), self._session.answers.classify)

    def paste(self) -> None:
        """Classify what lies on the clipboard."""
        found = dropping.read(QGuiApplication.clipboard().mimeData())
        if found.paths:
            self._session.answers.classify(found.paths)
        elif found.image is not None:
            self._session.answers.classify(found.image)
        else:
            text = self.tr("The clipboard holds no picture.")
            self._session.problem.emit(Problem(self.key, text, code="paste", tone="info"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """G grid, T table, P picture, arrows walk, C corrects, Ctrl+C copies, Ctrl+V pastes."""
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
            return
        if event.matches(QKeySequence.StandardKey.Copy):
            if self._mode == "table":
                self.copy_all()
            else:
                self.copy_current()
            return
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_G, Qt.Key.Key_T, Qt.Key.Key_P):
            wanted = {Qt.Key.Key_G: "grid", Qt.Key.Key_T: "table", Qt.Key.Key_P: "picture"}[key]
            self.set_mode("picture" if wanted == self._mode else wanted)
        elif key == Qt.Key.Key_Escape and self._mode != "picture":
            self.set_mode("picture")
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._entries:
            step = -1 if key == Qt.Key.Key_Left else 1
            self._select(min(max(self._row + step, 0), len(self._shown) - 1))
        elif key == Qt.Key.Key_C and self._mode == "picture" and self.current() is not None:
            self._card.focus_correction()
        else:
            super().keyPressEvent(event)

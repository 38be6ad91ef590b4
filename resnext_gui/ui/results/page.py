"""Results: how good the model is on photographs it has never seen.  Opened on purpose, and its uses are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnext_gui import figures
from resnext_gui.messages import Failed, UserError
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.bars import LabelBars, LabelScore
from resnext_gui.ui.common.picture import PictureStore
from resnext_gui.ui.common.segments import Segment
from resnext_gui.ui.common.tiles import Tile, TileView
from resnext_gui.ui.results.confusion import MOST_LABELS, ConfusedPairs, ConfusionMatrix
from resnext_gui.ui.session.state import Change, PageKey, ScoredSplit

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session


def _tr(text: str) -> str:
    return QCoreApplication.translate("ResultsPage", text)


def summary(evaluation: dict[str, Any]) -> list[tuple[str, str]]:
    """Return an evaluation in sentences: (text, role of the label that shows it), the first one in large letters."""
    right, total = int(evaluation["right"]), int(evaluation["total"])
    exam = evaluation.get("kind", "exam") == "exam"
    span = words.in_hundred(right, total)
    if total < figures.FEW:
        text = _tr("{count}: too few to tell, anything from {interval}.")
        lines = [(text.format(count=words.of(right, total), interval=span), "title")]
    else:
        text = _tr("{count} right in the exam.") if exam else _tr("{count} right in practice.")
        lines = [(text.format(count=words.of(right, total)), "title")]
        text = _tr("For new photographs taken the same way expect {interval}.")
        lines.append((text.format(interval=span), "lead"))
    if not exam:
        text = _tr(
            "There are too few photographs for an exam: it needs five or more of a label. Practice photographs also "
            "choose the model, so they flatter it a little."
        )
        lines.append((text, "caution"))
    baseline = evaluation.get("baseline") or {}
    common = int(baseline.get("right") or 0)
    # It matters where guessing comes near: half as good as the model, or more than half of all.
    if total and baseline.get("label") and (common * 2 >= total or common * 10 >= right * 8):
        text = _tr("Always answering {label} would get {count}.")
        tone = "wrong" if common >= right else "quiet"
        lines.append((text.format(label=f"“{baseline['label']}”", count=words.of(common, total)), tone))
    left_out = int(evaluation.get("left_out") or 0)
    if left_out:
        text = _tr("{count} changed since, and are left out. Score again to include what is there now.")
        lines.append((text.format(count=words.photographs(left_out)), "caution"))
    uses = int(evaluation.get("uses") or 0)
    if exam and uses > 1:
        lines.append((_tr("The exam was used {uses} times; now slightly flattering.").format(uses=uses), "caution"))
    return lines


class ResultsPage(QWidget):
    """The exam: how many right, which labels are taken for which, and every mistake to look at."""

    key: PageKey = "results"
    icon = "results"
    keys = (
        ("Arrows", "Walk through the table"),
        ("Enter", "Open the photographs of a cell or label"),
    )

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = self.tr("Results")
        self._session = session
        self._model = ""
        self._evaluation: dict[str, Any] | None = None
        self._waiting = False
        self._loader = PictureStore(self)
        self._by_photo: dict[int, str] = {}
        self._stack = QStackedWidget()
        self._stack.addWidget(self._make_before())
        self._stack.addWidget(self._make_after())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        session.evaluation_ready.connect(self._on_ready)
        session.evaluation_failed.connect(self._on_failed)
        session.changed.connect(self._on_changed)
        session.thumbnail_ready.connect(self._on_thumbnail)
        self.refresh()

    # Building -------------------------------------------------------------------------------------------------------

    def _make_before(self) -> QWidget:
        page = QWidget()
        card = QFrame()
        card.setProperty("role", "card")
        card.setMaximumWidth(640)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(32, 32, 32, 32)
        inside.setSpacing(12)
        self._before_title = theme.label("", "title", wrap=True)
        self._before_text = theme.label("", "lead", wrap=True)
        self._before_note = theme.label("", "quiet", wrap=True)
        self._score = QPushButton()
        self._score.setProperty("role", "primary")
        self._score.clicked.connect(self._on_score)
        row = QHBoxLayout()
        row.addWidget(self._score)
        row.addStretch(1)
        for widget in (self._before_title, self._before_text, self._before_note):
            inside.addWidget(widget)
        inside.addSpacing(8)
        inside.addLayout(row)
        outer = QHBoxLayout(page)
        outer.setContentsMargins(24, 24, 24, 24)
        outer.addStretch(1)
        outer.addWidget(card, 6)
        outer.addStretch(1)
        outer.setAlignment(card, Qt.AlignmentFlag.AlignVCenter)
        return page

    def _make_after(self) -> QWidget:
        page = QWidget()
        self._lines = [theme.label("", "title", wrap=True), *(theme.label("", "quiet", wrap=True) for _ in range(5))]
        self._which = theme.label("", "quiet")
        self._again = QPushButton(self.tr("Score again"))
        self._again.setToolTip(
            self.tr("Where photographs have changed since, the exam is scored anew. That counts as another use.")
        )
        self._again.clicked.connect(self._on_score)
        text = QVBoxLayout()
        text.setSpacing(2)
        for label in self._lines:
            text.addWidget(label)
        text.addStretch(1)
        side = QVBoxLayout()
        side.addWidget(self._which, 0, Qt.AlignmentFlag.AlignRight)
        side.addWidget(self._again, 0, Qt.AlignmentFlag.AlignRight)
        side.addStretch(1)
        top = QHBoxLayout()
        top.addLayout(text, 1)
        top.addLayout(side)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(17)
        split.addWidget(self._make_matrix())
        split.addWidget(self._make_right())
        split.setSizes([560, 560])
        split.setStyleSheet("QSplitter::handle { background: transparent; }")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(top)
        layout.addWidget(split, 1)
        return page

    def _make_matrix(self) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        card.setMinimumWidth(320)
        self._matrix = ConfusionMatrix()
        self._matrix.opened.connect(self._open_cell)
        self._matrix.moved.connect(self._follow_cell)
        self._pairs = ConfusedPairs()
        self._pairs.opened.connect(self._open_cell)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._pairs)
        self._tables = QStackedWidget()
        around = QScrollArea()
        around.setWidgetResizable(True)
        around.setWidget(self._matrix)
        around.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tables.addWidget(around)
        self._around = around
        self._tables.addWidget(scroll)
        self._table_title = theme.label("", "strong")
        self._table_hint = theme.label("", "quiet", wrap=True)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(4)
        layout.addWidget(self._table_title)
        layout.addWidget(self._table_hint)
        layout.addSpacing(4)
        layout.addWidget(self._tables, 1)
        return card

    def _make_right(self) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        card.setMinimumWidth(360)
        self._show_mistakes = Segment()
        self._show_labels = Segment(self.tr("Each label"))
        group = QButtonGroup(self)
        head = QHBoxLayout()
        head.setSpacing(4)
        for button in (self._show_mistakes, self._show_labels):
            group.addButton(button)
            head.addWidget(button)
        head.addStretch(1)
        self._show_mistakes.setChecked(True)
        self._back = QPushButton(self.tr("All mistakes"))
        self._back.setProperty("role", "link")
        self._back.hide()
        head.addWidget(self._back)
        self._caption = theme.label("", "quiet", wrap=True)
        self._tiles = TileView(self._loader, 144, 2)
        self._tiles.setAccessibleName(self.tr("Photographs with what they show and what was answered"))
        self._tiles.unreadable.connect(self._want_thumbnail)
        self._bars = LabelBars()
        self._bars.opened.connect(self._open_label)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._bars)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._right = QStackedWidget()
        self._right.addWidget(self._tiles)
        self._right.addWidget(scroll)
        self._show_mistakes.clicked.connect(self._open_mistakes)
        self._back.clicked.connect(self._open_mistakes)
        self._show_labels.clicked.connect(self._open_labels)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(12, 12, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self._caption)
        layout.addWidget(self._right, 1)
        return card

    # What is there to show ------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look which model answers and whether its exam was scored before; looking again is free."""
        try:
            model = self._session.project.current_model or ""
        except UserError:
            return
        found = None
        if model:
            stored = self._session.answers.stored_evaluation
            found = stored(model, "exam") or stored(model, "practice")
        self._waiting = self._waiting and model == self._model
        self._model = model
        if found is not None:
            self._show(found)
        elif not self._waiting:
            self._show_before()

    def _on_changed(self, what: Change) -> None:
        if what & Change.MODEL:
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Look again whenever the page is opened."""
        super().showEvent(event)
        if not self._waiting:
            self.refresh()

    def _show_before(self) -> None:
        self._evaluation = None
        if not self._model:
            self._before_title.setText(self.tr("No results yet"))
            self._before_text.setText(
                self.tr("Results show how well a model does on photographs it has never seen. First it needs some.")
            )
            self._before_note.setText(self.tr("Drop a folder with one sub-folder per label."))
            self._score.setText(self.tr("Go to Photos"))
        else:
            exam = self._exam_count()
            self._before_title.setText(self.tr("The exam"))
            if exam:
                self._before_text.setText(
                    self.tr(
                        "{count} were kept aside from the beginning. The model has never seen them, so they tell how "
                        "good it will be on new ones."
                    ).format(count=words.photographs(exam))
                )
                self._before_note.setText(
                    self.tr(
                        "Each look uses the exam up a little: who changes things until the exam looks good has "
                        "practised it. So look when you are done. Uses are counted."
                    )
                )
                self._score.setText(self.tr("Score the exam"))
            else:
                self._before_text.setText(
                    self.tr(
                        "There are too few photographs to keep some aside for an exam: that needs five or more of a "
                        "label. What can be shown instead is practice."
                    )
                )
                self._before_note.setText(
                    self.tr("Practice photographs also choose the model, so they flatter it a little.")
                )
                self._score.setText(self.tr("Score practice"))
        self._score.setEnabled(not self._waiting)
        self._stack.setCurrentIndex(0)

    def _exam_count(self) -> int:
        try:
            return len(self._session.project.items("exam"))
        except UserError:
            return 0

    def _on_score(self) -> None:
        if not self._model:
            self._session.navigate.emit("photos")
            return
        kind: ScoredSplit = "exam" if self._exam_count() else "practice"
        self._waiting = True
        self.setFocus()  # a button that is shut would hand the keyboard to whatever comes next, outside the page
        for button in (self._score, self._again):
            button.setEnabled(False)
        self._score.setText(self.tr("Scoring..."))
        self._again.setText(self.tr("Scoring..."))
        self._session.answers.evaluate(self._model, kind)

    def _on_ready(self, evaluation: dict[str, Any]) -> None:
        if evaluation.get("model") == self._model:
            self._waiting = False
            self._show(evaluation)

    def _on_failed(self, failure: Failed) -> None:
        self._waiting = False
        self._score.setEnabled(True)
        self._again.setEnabled(True)
        self._again.setText(self.tr("Score again"))
        if self._evaluation is None:
            self._show_before()
            if failure.code != "stopped":
                self._before_note.setText(f"{failure.message} {failure.hint}".strip())

    def _show(self, evaluation: dict[str, Any]) -> None:
        same = self._evaluation == evaluation
        self._evaluation = evaluation
        waited = self.hasFocus()
        self._stack.setCurrentIndex(1)
        if waited:
            self._tiles.setFocus()
        self._again.setEnabled(True)
        self._again.setText(self.tr("Score again"))
        self._which.setText(self._session.answers.model_name(self._model))
        if same:
            return
        lines = summary(evaluation)
        for label, (text, role) in zip(self._lines, lines, strict=False):
            label.setText(text)
            theme.set_role(label, role)
            label.show()
        for label in self._lines[len(lines) :]:
            label.hide()
        labels, counts = evaluation["labels"], evaluation["confusion"]
        many = len(labels) > MOST_LABELS
        self._tables.setCurrentIndex(1 if many else 0)
        (self._pairs if many else self._matrix).set_table(labels, counts)
        self._table_title.setText(self.tr("Most confused labels") if many else self.tr("What was taken for what"))
        hint = (
            self.tr("How often the first was answered as the second. Click to see the photographs.")
            if many
            else self.tr("Every cell opens its photographs.")
        )
        self._table_hint.setText(hint)
        self._bars.set_scores(
            [
                LabelScore(str(entry["label"]), int(entry["right"]), int(entry["total"]))
                for entry in evaluation["per_label"]
            ]
        )
        self._open_mistakes()

    # Photographs ----------------------------------------------------------------------------------------------------

    def _items(self) -> list[dict[str, Any]]:
        return list(self._evaluation["items"]) if self._evaluation else []

    def _tile(self, item: dict[str, Any]) -> Tile:
        sure = figures.hundredth(float(item["probability"]))
        right = item["truth"] == item["answer"]
        title = item["truth"] if right else f"{item['truth']} \N{RIGHTWARDS ARROW} {item['answer']}"
        return Tile(
            path=str(item["path"]),
            title=title,
            subtitle=self.tr("{figure} in 100 sure").format(figure=sure),
            photo_id=item.get("photo_id"),
            tip=self.tr("Shows {truth}, answered {answer}, {figure} in 100 sure. {path}").format(
                truth=item["truth"], answer=item["answer"], figure=sure, path=item["path"]
            ),
            value=item,
        )

    def _show_items(self, items: list[dict[str, Any]], caption: str, back: bool) -> None:
        items = sorted(items, key=lambda item: -float(item["probability"]))
        self._tiles.tiles.set_tiles([self._tile(item) for item in items])
        self._by_photo = {int(i["photo_id"]): str(i["path"]) for i in items if i.get("photo_id") is not None}
        self._caption.setText(caption)
        self._right.setCurrentIndex(0)
        self._show_mistakes.setChecked(True)
        self._back.setVisible(back)
        if items:
            self._tiles.choose(0)

    def _open_mistakes(self) -> None:
        wrong = [item for item in self._items() if item["truth"] != item["answer"]]
        self._show_mistakes.setText(self.tr("Mistakes ({count})").format(count=words.number(len(wrong))))
        caption = (
            self.tr("Most confident first: really \N{RIGHTWARDS ARROW} answered. Look here for wrong labels, too.")
            if wrong
            else self.tr("No mistakes.")
        )
        self._show_items(wrong, caption, back=False)

    def _open_cell(self, row: int, column: int) -> None:
        if self._evaluation is None:
            return
        truth, answer = self._evaluation["labels"][row], self._evaluation["labels"][column]
        items = [item for item in self._items() if item["truth"] == truth and item["answer"] == answer]
        text = (
            self.tr("{count} of {truth}, answered right")
            if row == column
            else self.tr("{count} of {truth}, answered as {answer}")
        )
        self._show_items(items, text.format(count=words.photographs(len(items)), truth=truth, answer=answer), back=True)

    def _follow_cell(self, row: int, column: int) -> None:
        cell = self._matrix.cell_rect(row, column).center().toPoint()
        self._around.ensureVisible(cell.x(), cell.y(), 60, 60)

    def _open_label(self, label: str) -> None:
        items = [item for item in self._items() if item["truth"] == label]
        right = sum(item["truth"] == item["answer"] for item in items)
        caption = self.tr("{label}: {count} right").format(label=label, count=words.of(right, len(items)))
        wrong_first = [i for i in items if i["truth"] != i["answer"]] + [i for i in items if i["truth"] == i["answer"]]
        self._show_items(wrong_first, caption, back=True)

    def _open_labels(self) -> None:
        self._right.setCurrentIndex(1)
        self._caption.setText(
            self.tr(
                "Right answers of each label; the bracket spans what to expect of new photographs, 95 times in 100."
            )
        )
        self._back.hide()

    def _want_thumbnail(self, tile: Tile) -> None:
        if tile.photo_id is not None:
            known = self._session.imports.thumbnail(tile.photo_id)
            if known:
                self._tiles.set_elsewhere(tile.path, known)
            elif known is None:
                self._session.imports.request_thumbnails([tile.photo_id])

    def _on_thumbnail(self, photo_id: int, path: str) -> None:
        original = self._by_photo.get(photo_id)
        if original and path:
            self._tiles.set_elsewhere(original, path)

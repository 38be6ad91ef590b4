"""The answers of a project as a list: what was answered, what was refused, and both as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QFileInfo,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)

from resnext_gui import csvfile, figures
from resnext_gui.messages import Answer, Refused
from resnext_gui.project import StoredAnswer
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.tiles import Tile

NUMBERS = (2, 4)
"""Columns that hold numbers."""

Index = QModelIndex | QPersistentModelIndex


def _tr(text: str) -> str:
    return QCoreApplication.translate("answer_list", text)


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture that was given: answered (`top` has labels), or refused (`message` says why, `hint` what to do).

    `stored` is the answer's id in the project, None where it is not kept.
    """

    path: str
    top: tuple[tuple[str, float], ...] = ()
    model: str = ""
    milliseconds: float = 0.0
    corrected: str | None = None
    message: str = ""
    hint: str = ""
    stored: int | None = None

    @classmethod
    def of_answer(cls, answer: Answer | StoredAnswer) -> Entry:
        """Make one of what the engine or the project says."""
        top = tuple((str(label), float(p)) for label, p in answer.top) or ((answer.label, answer.probability),)
        entry = cls(answer.path, top, answer.model, answer.milliseconds)
        if isinstance(answer, StoredAnswer):
            return dataclasses.replace(entry, corrected=answer.corrected, stored=answer.id)
        return dataclasses.replace(entry, stored=answer.stored)

    @classmethod
    def of_refusal(cls, refused: Refused) -> Entry:
        """Make one of a file that could not be used."""
        return cls(refused.path, message=refused.message, hint=refused.hint)

    @property
    def name(self) -> str:
        """The file's name."""
        return QFileInfo(self.path).fileName() or self.path

    @property
    def refused(self) -> bool:
        """Whether there is no answer."""
        return not self.top

    @property
    def unsure(self) -> bool:
        """Whether a person should look at it, and has not yet."""
        return bool(self.top) and self.corrected is None and words.is_unsure(self.top)

    @property
    def label(self) -> str:
        """What it is taken for now: the person's word, else the model's."""
        return self.corrected or (self.top[0][0] if self.top else "")

    def with_correction(self, label: str | None) -> Entry:
        """Return it as corrected."""
        return dataclasses.replace(self, corrected=label)

    def tile(self) -> Tile:
        """Return it as a tile."""
        if self.refused:
            return Tile(
                self.path, _tr("Not read"), self.name, "refused", tip=f"{self.name}: {self.message}", value=self
            )
        badge = "corrected" if self.corrected else "unsure" if self.unsure else ""
        sure = _tr("corrected by you") if self.corrected else words.how_sure(self.top)
        return Tile(self.path, self.label, sure, badge, tip=f"{self.name}: {self.label}, {sure}", value=self)

    def text(self) -> str:
        """Return it as a line for the clipboard."""
        rest = (self.message,) if self.refused else (self.label, words.how_sure(self.top))
        return "\t".join(map(csvfile.guarded, (self.name, *rest)))  # it is pasted into spreadsheets


def to_csv(entries: Iterable[Entry]) -> str:
    """Return a table with a row an entry."""
    second_names = ("second_label", "second_probability")
    rows: list[tuple[str, ...]] = [
        ("path", "label", "probability", "corrected", *second_names, "model", "milliseconds", "problem")
    ]
    for entry in entries:
        first = entry.top[0] if entry.top else ("", None)
        second = entry.top[1] if len(entry.top) > 1 else ("", None)
        rows.append(
            (
                entry.path,
                first[0],
                "" if first[1] is None else f"{first[1]:.6f}",
                entry.corrected or "",
                second[0],
                "" if second[1] is None else f"{second[1]:.6f}",
                entry.model,
                f"{entry.milliseconds:.1f}" if entry.top else "",
                entry.message,
            )
        )
    return csvfile.as_text(rows)


class AnswerTable(QAbstractTableModel):
    """The entries as rows; sorting is done by a proxy on `Qt.UserRole`."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []
        self._heads = (_tr("File"), _tr("Answer"), _tr("Sure, in 100"), _tr("Or else"), _tr("Time"), _tr("Remark"))

    def rowCount(self, parent: Index | None = None) -> int:
        """Return how many entries there are."""
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return how many columns there are."""
        return 0 if parent is not None and parent.isValid() else len(self._heads)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's name."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in NUMBERS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell."""
        if not index.isValid():
            return None
        entry, column = self._entries[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(entry, column)
        if role == Qt.ItemDataRole.UserRole:
            if column == 2:
                return entry.top[0][1] if entry.top else -1.0
            return entry.milliseconds if column == 4 else self._text(entry, column).lower()
        if role == Qt.ItemDataRole.ToolTipRole:
            return theme.literal(f"{entry.path}\n{entry.message} {entry.hint}".strip())
        if role == Qt.ItemDataRole.TextAlignmentRole and column in NUMBERS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ForegroundRole and column == 5:
            return theme.colour("wrong" if entry.refused else "good" if entry.corrected else "caution")
        return None

    def _text(self, entry: Entry, column: int) -> str:
        if column == 0:
            return entry.name
        if column == 1:
            return entry.label
        if column == 2:
            return str(figures.hundredth(entry.top[0][1])) if entry.top else ""
        if column == 3:
            return entry.top[1][0] if len(entry.top) > 1 else ""
        if column == 5:
            if entry.refused:
                return entry.message
            return _tr("corrected by you") if entry.corrected else _tr("unsure") if entry.unsure else ""
        return _tr("{n} ms").format(n=round(entry.milliseconds)) if entry.top else ""

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Show other entries."""
        self.beginResetModel()
        self._entries = list(entries)
        self.endResetModel()

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries at the end."""
        if entries:
            first = len(self._entries)
            self.beginInsertRows(QModelIndex(), first, first + len(entries) - 1)
            self._entries.extend(entries)
            self.endInsertRows()

    def replace(self, row: int, entry: Entry) -> None:
        """Change one entry."""
        self._entries[row] = entry
        self.dataChanged.emit(self.index(row, 0), self.index(row, self.columnCount() - 1))

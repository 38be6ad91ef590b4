"""Tables of photographs and their labels, as spreadsheets, scripts and labelling tools write them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resnext_gui.engine.ingest.tables.columns import Candidate, Columns, columns_of
from resnext_gui.engine.ingest.tables.places import NUMBER, TAIL, Match, Places
from resnext_gui.engine.ingest.tables.text import bad, read_sheet
from resnext_gui.engine.pictures.files import display
from resnext_gui.messages import UserError

TABLE_SUFFIXES = (".csv", ".tsv")

WORKBOOK_SUFFIXES = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
"""What is refused by name: spreadsheets' own files, which can be saved as CSV."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read.

    Attributes:
        rows: absolute path and label of each photograph, once; None: it has no label.
        missing: absolute paths that are listed and lead nowhere.
        column: heading of the column that the labels were read from (``"healthy, rust, scab"`` where each label has a
            column of its own); None: the table has no headings or no labels.
        columns: every column that may hold the labels, the best first, with its labels and how many rows have them.
        certain: False where more than one of `columns` makes sense: a question for the person.
        conflicts: photographs listed under several labels, with these; in `rows` they have none.
        remarks: sentences on what was passed over, left out or guessed.
        name: of its file, as it can be shown.
    """

    rows: list[tuple[str, str | None]]
    missing: list[str]
    column: str | None = None
    columns: dict[str, dict[str, int]] = field(default_factory=dict)
    certain: bool = True
    conflicts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    name: str = ""


def read_table(path: str, column: str | None = None, files: Sequence[str] | None = None) -> Table:
    """Read a table.

    A cell names a photograph by a path from the table's folder, or by as much of a path, a name or an id as fits one
    of `files` alone.  What fits several is left out and named.

    Args:
        path: of the table.
        column: heading of the column to take the labels from; None: the one that looks most like labels.
        files: absolute paths of the photographs that may be meant; None: those in the table's folder and below.

    Raises:
        ImageError: the file cannot be read.
        UserError: ``bad_table``; ``no_column``, where there is no such column.
    """
    if path.lower().endswith(WORKBOOK_SUFFIXES):
        raise bad(path, "is a workbook, not plain text", "Open it and save it as CSV (UTF-8).")
    places = Places(str(Path(path).parent), files)
    sheet = read_sheet(path, places.is_name)
    found = columns_of(sheet.rows, places)
    chosen = _chosen(path, found, column)
    found_rows = _Rows(os.path.dirname(path))  # noqa: PTH120
    found_rows.read(found, chosen, places)
    if not found_rows.labels and not found_rows.missing:
        if found_rows.torn:
            raise bad(
                path,
                "names photographs that exist more than once",
                f"Write the folder into its paths too. {found_rows.torn_sentence()}",
            )
        raise bad(path, "names no photographs")
    conflicts = [(name, tuple(labels)) for name, labels in found_rows.labels.items() if len(labels) > 1]
    return Table(
        rows=[(name, next(iter(labels)) if len(labels) == 1 else None) for name, labels in found_rows.labels.items()],
        missing=list(found_rows.missing),
        column=chosen.name if chosen and found.headed else None,
        columns={one.name: dict(one.counts.most_common()) for one in found.candidates},
        certain=column is not None or found.certain,
        conflicts=conflicts,
        remarks=[*sheet.remarks, *_remarks(path, found, chosen, conflicts), *found_rows.remarks(path)],
        name=display(os.path.basename(path)),  # noqa: PTH119
    )


def _chosen(path: str, found: Columns, column: str | None) -> Candidate | None:
    others = [name for at, name in enumerate(found.headings) if at != found.path]
    if column is not None:
        chosen = found.named(column)
        if chosen is None:
            names = ", ".join(others) or "only paths"
            raise UserError(
                "no_column", f"The table '{display(path)}' has no column '{column}'.", f"Its columns are: {names}."
            )
        return chosen
    if found.candidates:
        return found.candidates[0]
    if found.marks:
        named = _some([f"'{name}'" for name in found.marks])
        raise bad(
            path,
            f"marks several labels of a photograph at once, in the columns {named}",
            "Here a photograph has one label. Write these into one column, or choose a column by its heading: "
            f"{', '.join(found.marks[:20])}.",
        )
    if any(row[at] for row in found.rows for at in range(len(row)) if at != found.path):
        raise bad(path, "has no column that looks like labels", f"Choose one by its heading: {', '.join(others)}.")
    return None


@dataclass(slots=True)
class _Rows:
    """Labels by photograph.

    Attributes:
        home: the table's folder.
        labels: of each photograph, each once, in the table's order.
        missing: paths that lead nowhere.
        torn: cells that fit several photographs, with these.
        loose: how many were found by a part of their path, and how many by their number without zeros.
    """

    home: str
    labels: dict[str, dict[str, None]] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    torn: dict[str, tuple[str, ...]] = field(default_factory=dict)
    loose: dict[int, int] = field(default_factory=lambda: {TAIL: 0, NUMBER: 0})

    def read(self, found: Columns, chosen: Candidate | None, places: Places) -> None:
        cells: dict[str, Match] = {row[found.path]: Match() for row in found.rows if row[found.path]}
        taken: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for cell in cells:
            match = cells[cell] = places.find(cell)
            if match.path:
                taken[match.path].append((-match.parts, match.how, cell))
        # "train/1.jpg" and "test/1.jpg" where there is one of the two: the one that fits less is not there.
        for several in taken.values():
            if len(several) > 1:
                several.sort()
                best = several[0][0]
                lost = [cell for parts, _, cell in several if parts > best]
                equal = [cell for parts, _, cell in several if parts == best]
                if -best < 99 and len({_plain(cell) for cell in equal}) > 1:
                    lost += equal
                for cell in lost:
                    cells[cell] = Match()
        for number, row in enumerate(found.rows):
            cell = row[found.path]
            match = cells.get(cell, Match())
            if match.path:
                first = match.path not in self.labels
                labels = self.labels.setdefault(match.path, {})
                label = chosen.values[number] if chosen else None
                if label:
                    labels[label] = None
                if first and match.how in self.loose:
                    self.loose[match.how] += 1
            elif match.others:
                self.torn[cell] = match.others
            elif cell:
                self.missing[os.path.join(self.home, cell)] = None  # noqa: PTH118

    def torn_sentence(self) -> str:
        cell, others = next(iter(self.torn.items()))
        return f"'{display(cell)}' may be {_some([display(other) for other in others], 'or')}."

    def remarks(self, path: str) -> list[str]:
        name = display(os.path.basename(path))  # noqa: PTH119
        found = []
        if self.torn:
            found.append(
                f"{_count(len(self.torn), 'name')} in '{name}' left out, since several photographs are called so. "
                f"{self.torn_sentence()}"
            )
        if self.loose[TAIL]:
            found.append(f"{_count(self.loose[TAIL], 'photograph')} of '{name}' found in other folders than it names.")
        if self.loose[NUMBER]:
            found.append(
                f"{_count(self.loose[NUMBER], 'photograph')} of '{name}' found by their numbers alone (7 is 007.jpg)."
            )
        return found


def _plain(cell: str) -> str:
    return cell.replace("\\", "/").removeprefix("./").lower()


def _remarks(
    path: str, found: Columns, chosen: Candidate | None, conflicts: list[tuple[str, tuple[str, ...]]]
) -> list[str]:
    name = display(os.path.basename(path))  # noqa: PTH119
    remarks = [
        f"The column '{split}' of '{name}' says what photographs are for, not what they show; it was passed over."
        for split in found.splits
        if not chosen or chosen.name != split
    ]
    if found.overlong:
        first = ", ".join(found.overlong[0])
        remarks.append(
            f"{_count(len(found.overlong), 'line')} of '{name}' with more cells than it has columns, left out: "
            f"{display(first[:120])}"
        )
    if chosen and chosen.unclear:
        lines = _count(chosen.unclear, "line")
        what = "no label or several" if chosen.one_hot else "several labels"
        remarks.append(f"{lines} of '{name}' with {what}: without a label now.")
    if conflicts:
        shown = _some([f"{display(os.path.basename(file))} ({' / '.join(labels)})" for file, labels in conflicts])  # noqa: PTH119
        many = _count(len(conflicts), "photograph")
        if found.boxes:
            remarks.append(f"'{name}' draws boxes, of several labels in {many}; without a label now: {shown}.")
        else:
            remarks.append(f"'{name}' lists {many} under several labels; without a label now: {shown}.")
    return remarks


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _some(names: Sequence[str], word: str = "and") -> str:
    """Return the first few of `names` in words."""
    if len(names) > 5:
        return f"{', '.join(names[:5])} {word} {len(names) - 5:,} more"
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

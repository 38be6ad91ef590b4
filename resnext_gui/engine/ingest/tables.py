"""Tables of ``path,label``: CSV as spreadsheets and scripts write it, in all its dialects."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from resnext_gui.engine.pictures.files import PICTURE_SUFFIXES, display, opened_file
from resnext_gui.messages import UserError

TABLE_SUFFIXES = (".csv", ".tsv")

_PATH_NAMES = {
    "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "photo", "picture",
    "image_name", "image_id", "id", "name", "relative_path", "datei", "fichier", "archivo",
}  # fmt: skip
_LABEL_NAMES = {
    "label", "labels", "class", "class_name", "classname", "category", "target", "tag", "species", "type", "diagnosis",
    "etikett", "klasse", "classe", "clase",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read: absolute paths with their labels, and the paths that lead nowhere."""

    rows: list[tuple[str, str | None]]
    missing: list[str]


def _bad(path: str, what: str) -> UserError:
    return UserError(
        "bad_table",
        f"The table '{display(path)}' {what}.",
        "It needs one line a photograph, with its path and its label, such as: photos/a.jpg,rust",
    )


def _text(path: str) -> str:
    with opened_file(path) as file:
        data = file.read(256 << 20)
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _delimiter(lines: list[str]) -> str:
    """Return the separator that splits the most lines into the same number of cells, two or more."""

    def score(mark: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark)]
        best = max(set(widths), key=widths.count, default=0)
        return (widths.count(best), -best) if best >= 2 else (0, 0)

    return max(",;\t|", key=score)


def read_table(path: str) -> Table:
    """Read a table.  Paths are relative to the table's folder.

    Columns are found by their headings; without headings the first column that names existing files is the path, and
    the next one the label.

    Raises:
        ImageError: the file cannot be read.
        UserError: ``bad_table``.
    """
    text = _text(path)
    if "\x00" in text:
        raise _bad(path, "is not a text file")
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise _bad(path, "is empty")
    try:
        mark = _delimiter([line for line in lines[:50] if line.strip()])
        cells = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
    except csv.Error as error:
        raise _bad(path, f"cannot be read ({error})") from error
    cells = [row for row in cells if any(row)]
    home = Path(path).parent
    at, label_at, headed = _columns(cells, home)
    rows: list[tuple[str, str | None]] = []
    missing = []
    done: set[str] = set()
    for row in cells[1:] if headed else cells:
        if at >= len(row) or not row[at]:
            continue
        found = _resolve(row[at], home)
        if found is None:
            missing.append(os.path.join(home, row[at]))  # noqa: PTH118
        elif found not in done:
            done.add(found)
            label = row[label_at] if label_at is not None and label_at < len(row) else ""
            rows.append((found, label or None))
    if not rows and not missing:
        raise _bad(path, "names no photographs")
    return Table(rows, missing)


def _columns(cells: list[list[str]], home: Path) -> tuple[int, int | None, bool]:
    """Return the path's column, the label's column (None: there is none), and whether the first row is headings."""
    head = [cell.lower().strip().replace(" ", "_") for cell in cells[0]]
    paths = [n for n, name in enumerate(head) if name in _PATH_NAMES]
    labels = [n for n, name in enumerate(head) if name in _LABEL_NAMES]
    if (paths or labels) and not any(_resolve(cell, home) for cell in cells[0]):
        others = [n for n in range(len(head)) if n not in labels]
        # "id,filename,label": of several candidates the one that names files.
        at = max(paths or others or [0], key=lambda n: _hits(cells[1:21], n, home))
        return at, next((n for n in [*labels, *range(len(head))] if n != at), None), True
    width = max(len(row) for row in cells[:20])
    at = max(range(width), key=lambda n: (_hits(cells[:20], n, home), _looks(cells[:20], n), -n))
    return at, next((n for n in [*range(at + 1, width), *range(at)]), None), False


def _hits(cells: list[list[str]], column: int, home: Path) -> int:
    return sum(column < len(row) and _resolve(row[column], home) is not None for row in cells)


def _looks(cells: list[list[str]], column: int) -> int:
    return sum(column < len(row) and Path(row[column]).suffix.lower() in PICTURE_SUFFIXES for row in cells)


def _resolve(cell: str, home: Path) -> str | None:
    """Return the absolute path of the file that a cell names, or None."""
    if not cell or len(cell) > 4000 or "\x00" in cell:
        return None
    names = [cell]
    if "\\" in cell and os.sep == "/":
        names.append(cell.replace("\\", "/"))
    if not Path(cell).suffix:
        names += [cell + suffix for suffix in (".jpg", ".png", ".jpeg")]
    for name in names:
        path = os.path.normpath(os.path.join(home, os.path.expanduser(name)))  # noqa: PTH111, PTH118
        try:
            if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112
                return path
        except (OSError, ValueError):
            continue
    return None

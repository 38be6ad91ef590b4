"""A table's bytes turned into rows of cells: encodings, separators, quotation marks, line ends."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from resnext_gui.engine.ingest.tables.encoding import decoded
from resnext_gui.engine.pictures.files import display, opened_file
from resnext_gui.messages import UserError

LARGEST = 256 << 20
"""Bytes of the largest table that is read: some four million lines."""

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"Obj\x01")
"""How Excel's, LibreOffice's and Numbers' own files begin, old and new."""

_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def bad(path: str, what: str, hint: str = "") -> UserError:
    """Return the error ``bad_table`` for a table that `what` is wrong with."""
    return UserError(
        "bad_table",
        f"The table '{display(path)}' {what}.",
        hint or "It needs one line a photograph, with its path and its label, such as: photos/a.jpg,rust",
    )


@dataclass(frozen=True, slots=True)
class Sheet:
    """The cells of a table.

    Attributes:
        rows: cells without blanks around them; rows without any are left out.
        remarks: sentences about how it was read.
    """

    rows: list[list[str]]
    remarks: list[str]


def read_sheet(path: str, is_name: Callable[[str], bool]) -> Sheet:
    """Read a table's cells.

    Args:
        path: of the table.
        is_name: tells whether a cell names a file that exists; decides between encodings and between separators.

    Raises:
        ImageError: the file cannot be read.
        UserError: ``bad_table``.
    """
    text, remarks = _text(path, is_name)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise bad(path, "is empty")
    said = re.match(r"\s*\"?sep=(.)\"?[ \t,;]*(?:\n|$)", text, re.IGNORECASE)  # for Excel
    if said:
        text = text[said.end() :]
    mark = said[1] if said else _delimiter(text, is_name)
    try:
        rows = _rows(path, text, mark)
    except csv.Error as error:
        if "field limit" in str(error):
            raise bad(path, "holds a cell of more than 131,000 letters: a quotation mark may never end") from error
        raise bad(path, f"cannot be read ({error})") from error
    rows = [row for row in rows if any(row)]
    if not rows:
        raise bad(path, "is empty")
    return Sheet(rows, remarks)


def _text(path: str, is_name: Callable[[str], bool]) -> tuple[str, list[str]]:
    with opened_file(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise bad(path, f"is larger than {LARGEST >> 20} MB", "Divide it into several tables.")
    if data.startswith(_WORKBOOKS):
        raise bad(path, "is a workbook, not plain text", "Open it and save it as CSV (UTF-8).")
    known = next(((len(bom), codec) for bom, codec in _BOMS if data.startswith(bom)), None) or (0, _wide(data))
    remarks: list[str] = []
    unclear = "Open it and save it as CSV in UTF-8, then its words are certain."
    try:
        text = data[known[0] :].decode(known[1]).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if known[0] or known[1] != "utf-8" or _BINARY.search(data.decode("latin-1").rstrip("\x1a")):
            raise bad(path, "is not a text file") from error
        found = decoded(data, is_name)
        if found is None:
            raise bad(path, "is saved in an encoding that cannot be told by its content", unclear) from error
        text, name = found
        table = display(os.path.basename(path))  # noqa: PTH119
        remarks.append(f"'{table}' is not in UTF-8; it was read as {name}. Wrong words? Save it as CSV in UTF-8.")
    text = text.rstrip("\x1a")
    if known[1] == "utf-8" and not text.isascii():
        text = _mended(text)
    if _BINARY.search(text):
        raise bad(path, "is not a text file")
    if "\ufffd" in text:
        raise bad(path, "holds letters that an earlier program could not read", "Save it again as CSV in UTF-8.")
    return text, remarks


def _mended(text: str) -> str:
    """Undo that an earlier program took UTF-8 for something else: ``GrÃ¼n`` is Grün.  No true words read so."""
    with contextlib.suppress(UnicodeError):
        return text.encode("cp1252").decode("utf-8")
    return text


def _wide(data: bytes) -> str:
    """Return the encoding of bytes without a mark: UTF-16 shows by a zero in every other byte."""
    head = data[:4096]
    if len(data) % 2 == 0 and head.count(0) > len(head) // 8:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if not even and odd:
            return "utf-16-le"
        if even and not odd:
            return "utf-16-be"
    return "utf-8"


def _delimiter(text: str, is_name: Callable[[str], bool]) -> str:
    """Return the separator that splits the most rows into the same number of cells, two or more.

    Of several that do (``a.jpg;1,5;rust``) the one between whose cells stand names of files.
    """

    def score(mark: str) -> tuple[int, int, int]:
        try:
            rows = [row for row in islice(csv.reader(io.StringIO(text[:200_000]), delimiter=mark), 50) if row]
        except csv.Error:
            return (0, 0, 0)
        widths = Counter(len(row) for row in rows)
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        if width < 2:
            return (0, 0, 0)
        names = sum(any(is_name(cell.strip()) for cell in row) for row in rows)
        return (names, count, width)

    return max(",;\t|", key=score)


def _rows(path: str, text: str, mark: str) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    began = ended = 0
    for row in reader:
        rows.append([_bare(cell) for cell in row])
        began, ended = ended, reader.line_num
    # A quotation mark that never ends swallows all that follows it, other photographs too.
    if ended - began > 1:
        last = text.split("\n", began)[-1]
        try:
            next(csv.reader(io.StringIO(last), delimiter=mark, strict=True))
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise bad(path, f'has a quotation mark (") in line {began + 1:,} that never ends') from error
    return rows


def _bare(cell: str) -> str:
    cell = cell.strip()
    if cell[:1] in ("'", '"') and len(cell) > 1 and cell[0] == cell[-1]:
        return cell[1:-1].strip()
    return cell

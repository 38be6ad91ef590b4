"""Tables that spreadsheets open: how the window and the command line write CSV.  Standard library only.

UTF-8 with the mark by which spreadsheets know it.  A cell that a spreadsheet would compute, such as a label
``=HYPERLINK(...)`` or ``-rust``, gets an apostrophe in front, which `restored` takes off again; numbers stay numbers.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
from collections.abc import Iterable
from typing import IO, Any

ENCODING = "utf-8-sig"

_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def guarded(cell: str) -> str:
    """Return `cell` as a spreadsheet shows it and does not compute it."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def restored(cell: str) -> str:
    """Return what `guarded` was given."""
    return cell[1:] if cell.startswith("'") and guarded(cell[1:]) == cell else cell


class Table:
    """Writes rows to a text `file`, which is opened with ``newline=""``."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file)

    def row(self, cells: Iterable[Any]) -> None:
        """Write a row of texts and numbers.

        Raises:
            OSError: the disk is full, or nobody reads.
        """
        self._writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in cells])


def as_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return `rows` as the text of a table."""
    out = io.StringIO(newline="")
    table = Table(out)
    for row in rows:
        table.row(row)
    return out.getvalue()


def create(path: str | os.PathLike[str]) -> IO[str]:
    """Open `path` for a table; what was there before is gone.  A pipe is written to where somebody reads from it.

    Raises:
        OSError: it cannot be written; without waiting where nobody reads from a pipe.
    """
    at_once = getattr(os, "O_NONBLOCK", 0)  # else opening a pipe waits for a reader, for ever

    def opener(name: str, flags: int) -> int:
        try:
            number = os.open(name, flags | at_once, 0o666)
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise OSError(error.errno, "nobody reads from this pipe", name) from None
            raise
        if at_once:
            os.set_blocking(number, True)
        return number

    return open(path, "w", encoding=ENCODING, errors="surrogateescape", newline="", opener=opener)

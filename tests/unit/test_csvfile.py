"""Tables: what a spreadsheet would compute is shown instead, and nothing is lost."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnext_gui import csvfile

CELLS = st.text(alphabet="=+-@'\t\r\n ＝1.e,\"ax", max_size=8) | st.text()


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd", "-rust", "@SUM(A1)", "\t=1", "\r=1", "\n", "＝1", " =1", "'=1", "-", "--1"]
)
def test_a_formula_gets_an_apostrophe(cell):
    assert csvfile.guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "rose", "a=b", "-1", "+0.5", "-1.5e-3", "'n' roll", "1-2", "C:\\a-b", "/a/b=c"])
def test_everything_else_stays_as_it_is(cell):
    assert csvfile.guarded(cell) == cell


@given(CELLS)
def test_what_was_guarded_can_be_restored(cell):
    assert csvfile.restored(csvfile.guarded(cell)) == cell


@given(st.lists(CELLS, min_size=1))
def test_a_row_comes_back(cells):
    text = csvfile.as_text([cells, ["x", -1, 2.5]])
    row, last = csv.reader(io.StringIO(text, newline=""))
    assert [csvfile.restored(cell) for cell in row] == cells
    assert last == ["x", "-1", "2.5"]
    assert not [cell for cell in row if cell[:1] in "=+-@\t\r" and cell and not csvfile._NUMBER.fullmatch(cell)]


def test_names_that_are_no_unicode_are_written_as_they_are(tmp_path):
    with csvfile.create(tmp_path / "t.csv") as file:
        csvfile.Table(file).row(["caf\udce9.jpg"])
    assert (tmp_path / "t.csv").read_bytes() == b"\xef\xbb\xbfcaf\xe9.jpg\r\n"

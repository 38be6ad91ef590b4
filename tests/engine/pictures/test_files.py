"""Which files are taken for pictures."""

from __future__ import annotations

import errno
import io

from resnext_gui.engine.ingest.check import check_photographs
from resnext_gui.engine.pictures import files as picture_files
from resnext_gui.messages import Source
from tests.jobs import in_job


class Damaged(io.BytesIO):
    """A file on a drive with a damaged place."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


def test_a_file_without_suffix_that_cannot_be_read_is_told_and_ends_nothing(tmp_path, monkeypatch):
    (tmp_path / "IMG_2041").write_bytes(b"x")
    monkeypatch.setattr(picture_files, "opened_file", lambda path: Damaged())
    assert picture_files.could_be_picture(tmp_path / "IMG_2041")
    *findings, last = check_photographs([Source(str(tmp_path))], in_job())
    assert last["summary"]["unreadable"] == 1
    assert any("IMG_2041" in finding["message"] for finding in findings)

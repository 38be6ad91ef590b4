"""The temporary folder of a process: taken, used, removed, and swept after those who could not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from resnext_gui import scratch


@pytest.fixture
def above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scratch, "_own", None)
    return tmp_path


def test_what_is_written_there_goes_with_it(above: Path) -> None:
    folder = scratch.take()
    assert scratch.take() == folder and folder.parent == above
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"traced")
    assert Path(file.name).parent == folder
    scratch.clear()
    assert list(above.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="dead processes are not swept after there")
def test_what_the_dead_left_is_swept(above: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = above / f"{scratch.PREFIX}{dead.pid}-abc"
    living = above / f"{scratch.PREFIX}1-abc"
    foreign = above / f"{scratch.PREFIX}notes"
    for folder in (left, living, foreign):
        folder.mkdir()
        (folder / "file").write_text("x")
    scratch.take()
    assert not left.exists() and living.exists() and foreign.exists()
    scratch.clear()


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are no files there")
def test_sockets_lie_where_their_path_is_short_enough(tmp_path, monkeypatch):
    short, deep = Path("/tmp"), tmp_path / ("d" * 90)  # noqa: S108
    deep.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(short))
    assert scratch.socket_place() == short
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert scratch.socket_place() in (short, Path("/var/tmp"))  # noqa: S108
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert scratch.socket_place() in (short, Path("/var/tmp"))  # noqa: S108

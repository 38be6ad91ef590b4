"""A second start hands its file to the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalSocket

from resnext_gui.ui.system.single_instance import Doorman, absolute, hand_over, socket_name


@pytest.fixture
def name() -> str:
    return f"resnext-gui-test-{uuid.uuid4().hex[:12]}"


def test_nobody_listens(qapp, name):
    assert not hand_over(name, "/a", patience=200)


SECOND = """
import json, sys
from PySide6.QtCore import QCoreApplication
from resnext_gui.ui.system.single_instance import hand_over
app = QCoreApplication([])
sys.exit(0 if hand_over(sys.argv[1], json.loads(sys.argv[2])) else 3)
"""


def second_start(name: str, path: str | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SECOND, name, json.dumps(path)])


@pytest.mark.parametrize("path", ["/photographs/żółw & co", None])
def test_the_first_window_hears_of_the_second_start(qtbot, name, path):
    doorman = Doorman(name)
    assert doorman.listen()
    with qtbot.waitSignal(doorman.asked, timeout=20_000) as asked:
        second = second_start(name, path)
    assert asked.args == [path]
    assert second.wait(20) == 0
    doorman.close()
    assert second_start(name, path).wait(20) == 3, "nobody listens any more"


@pytest.mark.skipif(os.name != "posix", reason="a socket is a file there")
def test_a_temporary_folder_that_lies_deep_is_no_obstacle(qtbot, tmp_path, monkeypatch):
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", None)
    name = socket_name(tmp_path / uuid.uuid4().hex)
    doorman = Doorman(name)
    assert doorman.listen() and not list(deep.iterdir())
    with qtbot.waitSignal(doorman.asked, timeout=20_000):
        second = second_start(name, None)
    assert second.wait(20) == 0
    doorman.close()


def test_what_a_dead_window_left_behind_is_no_obstacle(qtbot, name):
    first, heir = Doorman(name), Doorman(name)
    assert first.listen() and heir.listen()
    with qtbot.waitSignal(heir.asked, timeout=20_000):
        second = second_start(name, None)
    assert second.wait(20) == 0
    heir.close()
    first.close()


@pytest.mark.parametrize("rubbish", [b"hello\n", b"[]\n", b"{}\n", b"x" * 70_000])
def test_rubbish_is_not_answered(qtbot, name, rubbish):
    doorman = Doorman(name)
    assert doorman.listen()
    socket = QLocalSocket()
    socket.connectToServer(name)
    assert socket.waitForConnected(2000)
    with qtbot.waitSignal(socket.disconnected), qtbot.assertNotEmitted(doorman.asked):
        socket.write(rubbish)
    doorman.close()


def test_names_differ_by_person_and_place(tmp_path):
    names = {socket_name(tmp_path), socket_name(tmp_path / "other"), socket_name(Path("/"))}
    assert len(names) == 3 and all(len(name) < 40 for name in names)
    assert absolute(None) is None and Path(absolute("x") or "").is_absolute()
    assert json.dumps({"path": absolute("x")})

"""Imports in slices of the window's time."""

from __future__ import annotations

import itertools
import sys
import threading
from types import SimpleNamespace

from resnext_gui.ui.system import importing
from resnext_gui.ui.system.importing import Steps, whole_package


def test_steps_are_taken_here_and_the_window_gets_its_turn(qtbot, monkeypatch):
    clock = itertools.count(0, 0.6 * importing.SLICE)  # every second look at it, a slice is over
    monkeypatch.setattr(importing, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    taken: list[int] = []
    here = threading.get_ident()

    def steps():
        for number in range(3):
            assert threading.get_ident() == here
            taken.append(number)
            yield number

    ended = []
    made = Steps(steps(), done=lambda: ended.append(True))
    assert made.active and taken == []
    qtbot.waitUntil(lambda: taken == [0])
    qtbot.waitUntil(lambda: bool(ended))
    assert taken == [0, 1, 2] and not made.active


def test_steps_that_were_stopped_are_not_taken(qtbot):
    taken: list[int] = []
    made = Steps(iter([taken.append(0)]))
    made.stop()
    other = Steps(iter(()))
    qtbot.waitUntil(lambda: not other.active)
    assert not made.active


def test_a_module_that_cannot_be_imported_does_not_stop_the_others(tmp_path, monkeypatch, caplog):
    folder = tmp_path / "mixed_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "bad.py").write_text("import no_such_module_at_all")
    (folder / "good.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(whole_package("mixed_package")) == ["mixed_package.bad", "mixed_package.good"]
    assert "mixed_package.bad is not there" in caplog.text and "mixed_package.good" in sys.modules

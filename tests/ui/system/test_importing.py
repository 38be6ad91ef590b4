"""Imports in slices of the window's time."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from resnext_gui.ui.system.importing import REST, InSlices, Steps, everything_in, whole_package, without_qt

MODULE = """
import threading, time
where = threading.current_thread().name
time.sleep(0.01)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of six modules that take 10 ms each to import."""
    name = "slow_package"
    folder = tmp_path / name
    folder.mkdir()
    for number in range(5):
        (folder / f"part{number}.py").write_text(MODULE)
    (folder / "__init__.py").write_text("from slow_package import " + ", ".join(f"part{n}" for n in range(5)))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def test_an_import_goes_on_only_while_it_is_waited_for(package):
    sliced = InSlices(package)
    seen = []
    while not sliced.step(0.005):
        seen.append(sum(f"{package}.part{number}" in sys.modules for number in range(5)))
        assert threading.active_count() >= 2
    assert sliced.done and sliced.error is None and sliced.step(1)
    assert seen == sorted(seen) and len(set(seen)) >= 4, "a few modules at a time"
    assert sys.modules[package].part4.where == f"import-{package}"


def test_a_slice_that_is_long_enough_takes_it_all(package):
    assert InSlices(package).step(60)


def test_other_imports_go_on_between_two_slices(package, tmp_path):
    (tmp_path / "quite_another.py").write_text("here = 1")
    sliced = InSlices(package)
    assert not sliced.step(0.001)
    import quite_another  # type: ignore[import-not-found]

    assert quite_another.here
    del sys.modules["quite_another"]
    assert sliced.step(60)


def test_a_package_that_is_not_there_ends_with_its_error():
    sliced = InSlices("no_such_package_at_all")
    assert sliced.step(60)
    assert isinstance(sliced.error, ImportError)


def test_steps_are_taken_here_and_the_window_gets_its_turn(qtbot):
    taken: list[int] = []
    here = threading.get_ident()

    def steps():
        for number in range(3):
            assert threading.get_ident() == here
            taken.append(number)
            yield REST

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


def test_what_has_nothing_to_do_with_qt_comes_on_a_thread():
    assert set(without_qt(["json.tool", "no_such_module_at_all"])) <= {REST}
    assert "json.tool" in sys.modules


def test_every_class_of_a_module_is_made():
    names = set(everything_in("PySide6.QtSvg"))
    assert "QSvgRenderer" in names

"""Garbage is collected on the window's thread alone."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from resnext_gui.ui.system.garbage import GarbageCollector


class Knot:
    """Garbage that only the collector can find."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collected_by(qapp: object) -> Iterator[list[int]]:
    """The threads on which garbage was collected."""
    threads: list[int] = []

    def note(phase: str, _about: dict[str, int]) -> None:
        if phase == "start":
            threads.append(threading.get_ident())

    gc.callbacks.append(note)
    yield threads
    gc.callbacks.remove(note)


def work_elsewhere() -> None:
    def work() -> None:
        for _ in range(20 * gc.get_threshold()[0]):
            Knot()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_another_thread_collects_nothing_and_the_window_does(qtbot, collected_by):
    work_elsewhere()
    assert set(collected_by) - {threading.get_ident()}, "what this is about"
    collector = GarbageCollector()
    try:
        collected_by.clear()
        lost = weakref.ref(Knot())
        work_elsewhere()
        assert collected_by == [] and lost() is not None
        qtbot.waitUntil(lambda: lost() is None)
        assert set(collected_by) == {threading.get_ident()}
    finally:
        collector.stop()
    assert gc.isenabled()


def test_old_garbage_is_found_too(qapp):
    collector = GarbageCollector()
    try:
        gc.collect()
        knot = Knot()
        lost = weakref.ref(knot)
        gc.collect(1)  # it has grown old
        del knot
        kept: list[list[Knot]] = []
        for _ in range((gc.get_threshold()[1] + 2) * (gc.get_threshold()[2] + 2)):
            kept.append([Knot() for _ in range(gc.get_threshold()[0] + 1)])
            collector.look()
        assert lost() is None
    finally:
        collector.stop()


def test_at_the_end_all_is_collected_and_python_stays_out_of_it(qapp, collected_by):
    collector = GarbageCollector()
    try:
        lost = weakref.ref(Knot())
        collector.end()
        assert lost() is None
        assert not gc.isenabled()
    finally:
        collector.stop()

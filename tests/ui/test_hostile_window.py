"""A project that somebody sent, opened in the window: a sentence, no freeze, and nobody's files touched."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resnext_gui.ui.shell.places import PAGES
from tests.project import hostile_projects as hostile
from tests.ui.shell.test_main_window import LONG, make_window  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights there")

RUN_NOTES = f"runs/{hostile.RUN}/run.json"


def linked(place: str) -> Callable[[Path, Path], None]:
    return lambda project, foreign: hostile.link_to(project, place, foreign)


def odd(place: str, kind: str) -> Callable[[Path, Path], None]:
    def put(project: Path, _foreign: Path) -> None:
        hostile.take_away(project / place)
        hostile.ODD[kind](project / place)

    return put


def noted(place: str, kind: str) -> Callable[[Path, Path], None]:
    return lambda project, _foreign: hostile.put(project / place, hostile.NOTES[kind])


def changed(kind: str) -> Callable[[Path, Path], None]:
    return lambda project, _foreign: hostile.change(project, hostile.STATEMENTS[kind])


def all_of(*steps: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    def do(project: Path, foreign: Path) -> None:
        for step in steps:
            step(project, foreign)

    return do


# Several at a time, since each window takes seconds.
OPENS = {
    "links": (all_of(linked("cache"), linked("runs"), linked("quick")), "odd_file"),
    "pipes": (all_of(odd("quick/model.json", "pipe"), odd(f"runs/{hostile.RUN}/lock", "pipe")), ""),
    "notes": (all_of(noted(RUN_NOTES, "wrong kinds"), noted("quick/model.json", "not finite")), "odd_file"),
    "values": (
        all_of(
            *map(changed, ("a path as hash", "settings of other kinds", "absurd sizes", "odd answers", "odd journal")),
            odd(f"runs/{hostile.RUN}/history.jsonl", "device"),
        ),
        "",
    ),
}
REFUSED = {
    "a link for the database": (linked("project.db"), "odd_file"),
    "a pipe for the database": (odd("project.db", "pipe"), "odd_file"),
    "a device for the log": (odd("project.db-wal", "device"), "odd_file"),
    "an endless view": (changed("view"), "damaged"),
    "a trigger": (changed("trigger"), "damaged"),
    "wrong kinds in columns": (changed("text for a number"), "damaged"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile.make_good(tmp_path_factory.mktemp("good") / "project")


def open_it(window, good: Path, tmp_path: Path, prepare) -> tuple[dict[str, bytes], Path, list[str]]:
    project, foreign = shutil.copytree(good, tmp_path / "project"), hostile.make_foreign(tmp_path / "foreign")
    prepare(project, foreign)
    before, codes = hostile.content_of(foreign), []
    shown = window.banners.show_problem
    window.banners.show_problem = lambda problem, *rest: (codes.append(problem.code), shown(problem, *rest))
    window.open_project(str(project))
    return before, foreign, codes


@pytest.mark.parametrize("kind", OPENS)
def test_it_opens_and_what_is_odd_is_left_alone(qtbot, make_window, good, tmp_path, kind):  # noqa: F811
    window, (prepare, code) = make_window(), OPENS[kind]
    before, foreign, codes = open_it(window, good, tmp_path, prepare)
    qtbot.waitUntil(lambda: len(window.pages) == len(PAGES), timeout=LONG)
    for place in PAGES:
        window.turn_to(place.key)
    window.session.corrections.undo()
    window.session.corrections.redo()
    window.session.poll()
    assert window.session.answers.models() is not None
    assert code in codes if code else "odd_file" not in codes
    assert hostile.content_of(foreign) == before


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_by_name(make_window, good, tmp_path, kind):  # noqa: F811
    window, (prepare, code) = make_window(), REFUSED[kind]
    before, foreign, codes = open_it(window, good, tmp_path, prepare)
    assert window.session is None and codes == [code]
    assert hostile.content_of(foreign) == before

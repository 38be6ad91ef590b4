"""A project that somebody sent: links, pipes, devices, odd databases and odd notes.  Nobody's files are touched."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resnext_gui.messages import UserError
from resnext_gui.project import Project, ProjectError, Run, database, guard, notes
from tests.project import hostile_projects as hostile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights there")


@pytest.fixture(autouse=True)
def no_freeze() -> Iterator[None]:
    """Let a test fail that waits for a pipe, rather than wait with it."""

    def too_long(_number: int, _frame: object) -> None:
        raise AssertionError("it waits for something")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile.make_good(tmp_path_factory.mktemp("good") / "project")


@pytest.fixture
def project(good: Path, tmp_path: Path) -> Path:
    return shutil.copytree(good, tmp_path / "project")


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Path]:
    """Somebody's folder; it must be the same afterwards."""
    made = hostile.make_foreign(tmp_path / "foreign")
    before = hostile.content_of(made)
    yield made
    assert hostile.content_of(made) == before


def use(folder: Path) -> str:
    """Do everything with a project that needs no engine; returns "" or the code it was refused with."""
    try:
        with Project.open(folder) as project:
            _look_and_change(project)
    except UserError as error:
        assert error.message and "Traceback" not in error.message
        return error.code
    return ""


def _look_and_change(project: Project) -> None:
    steps: list[Callable[[], object]] = [
        lambda: (project.name, project.current_model, project.setting("stage"), project.setting("window_quick")),
        project.counts, project.labels, project.items, project.known_files, project.sources, project.answers,
        lambda: project.photos(project.photo_ids()), lambda: project.faces(6), lambda: project.model_history,
        project.damaged, lambda: [(run.name, run.status, run.history(), run.batches(5)) for run in project.runs()],
        lambda: notes.read_model(project.quick_folder),
        lambda: notes.read_evaluation(project.quick_folder / "exam.json", 3, 2),
        project.undo_size, project.undo, project.redo, lambda: project.add_label("new"), lambda: project.rename("x"),
        lambda: project.new_run({"mode": "finetune"}), lambda: project.run(hostile.RUN).update(name="y"),
        lambda: project.run(hostile.RUN).append_history({"epoch": 2}), lambda: project.run(hostile.RUN).delete(),
        lambda: guard.remove_folder(project.cache / "activations" / hostile.RUN),
        lambda: guard.remove_folder(project.cache),
    ]  # fmt: skip
    for step in steps:
        try:
            step()
        except (UserError, OSError) as error:
            assert not isinstance(error, OSError) or isinstance(error, (guard.OddFileError, FileNotFoundError))


def test_a_good_one_opens_and_has_everything(project: Path):
    with Project.open(project) as opened:
        assert opened.damaged() == [] and len(opened.runs()) == 1 and len(opened.answers()) == 1
        assert opened.runs()[0].batches() and opened.runs()[0].history()
    assert use(project) == ""


@pytest.mark.parametrize("place", hostile.LINKED)
def test_a_link_in_place_of_what_is_ours_harms_nothing(project: Path, foreign: Path, place: str):
    hostile.link_to(project, place, foreign)
    code = use(project)
    assert code == ("odd_file" if place.startswith("project.db") else "")


@pytest.mark.parametrize("place", ["cache", "quick", "runs", f"runs/{hostile.RUN}", "cache/views"])
def test_a_link_is_named_when_the_project_opens(project: Path, foreign: Path, place: str):
    hostile.link_to(project, place, foreign)
    with Project.open(project) as opened:
        (odd,) = opened.damaged()
        assert str(project / place) in odd.message and "link" in odd.message and odd.hint


def test_the_project_itself_may_be_reached_through_links(project: Path, tmp_path: Path):
    (tmp_path / "favourites").symlink_to(tmp_path)
    assert use(tmp_path / "favourites" / "project") == ""


@pytest.mark.parametrize("odd", hostile.ODD)
@pytest.mark.parametrize(
    "place",
    ["project.db", "project.db-wal", "project.db-shm", "quick/model.json", f"runs/{hostile.RUN}/run.json",
     f"runs/{hostile.RUN}/lock", f"runs/{hostile.RUN}/update.lock", f"runs/{hostile.RUN}/history.jsonl",
     f"cache/thumbnails/ab/{hostile.HASH}.jpg", "Open in ResNeXt GUI.resnextproject"],
)  # fmt: skip
def test_nothing_is_waited_for(project: Path, place: str, odd: str):
    hostile.take_away(project / place)
    hostile.ODD[odd](project / place)
    code = use(project)
    assert code == ("odd_file" if place.startswith("project.db") else "")


def test_a_file_of_gigabytes_is_not_read(project: Path):
    for place in ("quick/model.json", f"runs/{hostile.RUN}/run.json", f"runs/{hostile.RUN}/history.jsonl"):
        with (project / place).open("r+b") as file:
            file.truncate(8 << 30)
    with Project.open(project) as opened:
        assert opened.runs() == [] and "MB" in opened.damaged()[0].message
        with pytest.raises(guard.OddFileError):
            notes.read_model(opened.quick_folder)


@pytest.mark.parametrize("kind", hostile.NOTES)
def test_a_run_with_odd_notes_alone_is_left_out(project: Path, kind: str):
    with Project.open(project) as opened:
        other = opened.new_run({"mode": "finetune"}).id
        (project / "runs" / hostile.RUN / "run.json").write_bytes(hostile.NOTES[kind])
        (project / "quick" / "model.json").write_bytes(hostile.NOTES[kind])
        assert [run.id for run in opened.runs()] == [other]
        (odd,) = opened.damaged()
        assert hostile.RUN in odd.message
        with pytest.raises(ProjectError):
            notes.read_model(opened.quick_folder)
    assert use(project) == ""


def test_lines_that_make_no_sense_are_left_out(project: Path):
    with (project / "runs" / hostile.RUN / "history.jsonl").open("ab") as file:
        file.write(
            b'{"epoch": "two"}\n{"epoch": 2, "practice_accuracy": []}\n[1]\n\xff\n'
            + b"[" * 90_000
            + b'\n{"epoch": 3}\n'
        )
    assert [line["epoch"] for line in Run(project / "runs" / hostile.RUN).history()] == [1, 3]


def test_a_curve_of_millions_of_lines_is_passed_over(project: Path):
    run = Run(project / "runs" / hostile.RUN)
    (run.folder / "history.jsonl").write_bytes(b'{"epoch": 1}\n' * 20_001)
    (run.folder / "batches.jsonl").write_bytes(b"\n" * 1_000_001)
    assert run.history() == [] and run.batches() == []


@pytest.mark.parametrize("kind", hostile.STATEMENTS)
def test_a_database_that_we_did_not_make_is_refused_in_words_or_read_with_care(project: Path, kind: str):
    hostile.change(project, hostile.STATEMENTS[kind])
    code = use(project)
    harmless = (
        "a path as hash", "settings that are no JSON", "settings of other kinds", "deep settings", "absurd sizes",
        "odd answers", "odd journal", "text that is no UTF-8",
    )  # fmt: skip
    expected = {"newer": "newer_version", "negative version": "not_a_project", "another program's": "not_a_project"}
    assert code == ("" if kind in harmless else expected.get(kind, "damaged"))


def test_a_hash_that_is_a_path_leads_nowhere(project: Path):
    hostile.change(project, hostile.STATEMENTS["a path as hash"])
    hostile.change(project, hostile.STATEMENTS["absurd sizes"])
    with Project.open(project) as opened:
        photo = opened.photos(opened.photo_ids())[0]
        assert (photo.width, photo.height) == (0, 0), "not known"
        assert opened.thumbnail(photo.hash) is None
        with pytest.raises(ProjectError) as caught:
            opened.thumbnail_path(photo.hash)
        assert caught.value.code == "damaged"


def test_a_journal_that_would_have_a_file_removed_is_not_played_back(project: Path, foreign: Path):
    name = str(foreign / "thesis.txt").encode()
    tail = name + len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + bytes.fromhex("d9d505f920a163d7")
    (project / "project.db-journal").write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(504) + tail)
    assert use(project) == "odd_file"


def test_only_what_the_program_makes_is_deleted(project: Path):
    theirs = [
        project / "cache" / "holiday.jpg",
        project / "runs" / hostile.RUN / "my notes.txt",
        project / "cache/views/me.png",
    ]
    for path in theirs:
        hostile.put(path, "theirs")
    with Project.open(project) as opened:
        for path in theirs:
            with pytest.raises(guard.OddFileError):
                guard.remove(path)
        opened.run(hostile.RUN).delete()
        guard.remove_folder(opened.cache)
        assert opened.runs() == []
    assert all(path.read_text() == "theirs" for path in theirs)
    assert not (project / "cache" / "thumbnails").exists()


def test_a_file_that_has_another_name_elsewhere_is_not_written_in_place(project: Path, tmp_path: Path):
    run, other = Run(project / "runs" / hostile.RUN), tmp_path / "theirs.jsonl"
    os.link(run.folder / "history.jsonl", other)
    before = other.read_bytes()
    run.append_history({"epoch": 2})
    assert other.read_bytes() == before and [line["epoch"] for line in run.history()] == [1, 2]


def test_outside_of_projects_links_are_the_persons_own(tmp_path: Path):
    hostile.put(tmp_path / "dotfiles" / "settings.json", '{"theme": "dark"}')
    (tmp_path / "settings.json").symlink_to(tmp_path / "dotfiles" / "settings.json")
    assert notes.read(tmp_path / "settings.json") == {"theme": "dark"}


def test_runs_are_sorted_by_when_they_were_made_not_by_the_local_time_in_their_names(project: Path):
    with Project.open(project) as opened:
        west = opened.new_run({"mode": "finetune"})
        west.folder.rename(west.folder.with_name("2020-01-01-000000"))
        assert [run.id for run in opened.runs()] == ["2020-01-01-000000", hostile.RUN]


def test_a_folder_of_photographs_is_no_place_for_a_project(tmp_path: Path):
    for name, picture in (("single", "a.JPG"), ("labels", "runs/a.jpg")):
        hostile.put(tmp_path / name / picture, "x")
        with pytest.raises(ProjectError) as caught:
            Project.create(tmp_path / name)
        assert caught.value.code == "holds_photographs" and str(tmp_path / name) in caught.value.message
        assert sorted(path.name for path in (tmp_path / name).rglob("*") if path.is_file()) == [Path(picture).name]
    with Project.create(tmp_path / "beside") as made:
        hostile.put(tmp_path / "beside" / "sample photographs" / "a" / "1.jpg", "x")
    with Project.open(made.folder) as again:  # what was added later, or shared from the start, still opens
        assert again.name == "beside"


def _flip(data: bytearray, chance: random.Random) -> None:
    """Change bytes here and there, or whole pages."""
    if chance.random() < 0.2:
        page = 4096 * chance.randrange(max(1, len(data) // 4096))
        data[page : page + 4096] = chance.randbytes(len(data[page : page + 4096]))
        return
    for _ in range(chance.choice((1, 5, 50, 500))):
        data[chance.randrange(len(data))] = chance.randrange(256)


def _fuzz(good: Path, folder: Path, seeds: range) -> None:
    whole = (good / "project.db").read_bytes()
    folder.mkdir()
    opened = 0
    for seed in seeds:
        data = bytearray(whole)
        _flip(data, random.Random(seed))
        for path in folder.iterdir():
            hostile.take_away(path)
        (folder / "project.db").write_bytes(data)
        database._looked_at.clear()
        opened += use(folder) == ""
    assert 0 < opened < len(seeds)


def test_a_damaged_database_opens_or_is_refused_in_words(good: Path, tmp_path: Path):
    _fuzz(good, tmp_path / "fuzzed", range(60))


@pytest.mark.slow
def test_five_hundred_damaged_databases(good: Path, tmp_path: Path):
    _fuzz(good, tmp_path / "fuzzed", range(1000, 1500))


def test_a_project_that_was_begun_on_a_full_disk_is_made_when_there_is_space(tmp_path: Path):
    db = sqlite3.connect(tmp_path / "project.db")
    db.execute("PRAGMA journal_mode = WAL")  # this much had been written
    db.close()
    assert (tmp_path / "project.db").stat().st_size
    with Project.open_or_create(tmp_path) as project:
        assert project.photo_count() == 0 and not project.labels()


def test_notes_are_told_apart_by_their_shape():
    assert notes.fits({"status": "x", "other": object}, notes.RUN)
    assert not notes.fits({"status": "x", "split": {"practice": -1}}, notes.RUN)
    assert not notes.fits({"spec": {"minutes": "long"}}, notes.RUN)
    assert notes.fits({"spec": {"minutes": 5, "size": None, "class_weights": True}}, notes.RUN)
    assert not notes.fits({"spec": {"head": "odd"}}, notes.RUN)
    assert notes.fits({"preprocessing": {"size": 1024}}, notes.MODEL)
    assert not notes.fits({"preprocessing": {"size": 4096}}, notes.MODEL)  # gigabytes for one batch


def test_what_is_read_again_and_again_has_few_values(tmp_path: Path):
    with pytest.raises(ValueError, match="many"):
        notes.parse(json.dumps([0] * 200).encode(), 100)
    many = tmp_path / "many.json"
    many.write_bytes(b"[" + b"0," * notes.FEW_VALUES + b"0]")
    assert len(notes.read(many, notes.MANY)) > notes.FEW_VALUES
    with pytest.raises(ProjectError, match="damaged"):
        notes.read(many)


OUTSIDE = {
    "project/guard.py": "it is the one",
    "project/files.py": "replaces a file by the one just written",
    "project/project.py": "makes the project's own folder",
    "project/database.py": "keeps a copy before a migration",
    "project/runs.py": "makes a folder of its own in one that was looked at",
    "engine/device/machine.py": "the person's cache folder",
    "engine/worker/server.py": "the log",
    "engine/weights/download.py": "the person's cache folder",
    "engine/weights/commands.py": "the person's data folder",
}
"""Modules that write or delete by themselves, and where."""


def test_no_other_module_writes_or_deletes_in_a_project():
    package = Path(guard.__file__).parents[1]
    writes = re.compile(
        r"\.unlink\(|rmtree|\.rmdir\(|\.write_(text|bytes)\((?!b)|\.open\(\"(?!rb?\")|mkdtemp|mkstemp|\.mkdir\(|"
        r"os\.(remove|replace|rename|unlink|truncate)\(|np\.savez?\((?!stream)"
    )
    found = {
        str(path.relative_to(package).as_posix())
        for name in ("project", "engine", "samples")
        for path in (package / name).glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if writes.search(line.replace("guard.", "")) and "/proc/" not in line
    }
    assert found <= set(OUTSIDE)


def test_an_evaluation_of_far_more_photographs_than_the_project_has_is_refused_unread(tmp_path, monkeypatch):
    item = {"photo_id": 1, "path": "/p/a.jpg", "hash": "aa", "truth": "a", "answer": "a", "probability": 1.0,
            "truth_probability": 1.0}  # fmt: skip
    file = tmp_path / "exam.json"
    file.write_text(json.dumps({"kind": "exam", "labels": ["a"], "items": [item] * 30_000, "stamp": "x"}))
    assert len(notes.read_evaluation(file, 30_000, 1)["items"]) == 30_000
    monkeypatch.setattr(notes.json, "loads", lambda *_: pytest.fail("read"))
    with pytest.raises(ProjectError):
        notes.read_evaluation(file, 1000, 1)

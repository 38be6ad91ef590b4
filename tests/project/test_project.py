"""The project: opening, photographs, labels, models, and its sentences when something is wrong."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from resnext_gui.messages import Source
from resnext_gui.project import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    NewPhoto,
    Project,
    ProjectError,
    database,
    new_project_folder,
    projects_home,
)
from resnext_gui.texts import Text, speak


def photo(name: str, label: str | None = None, **facts: object) -> NewPhoto:
    values = {"size": 10, "mtime_ns": 1, "hash": f"h-{name}", "width": 4, "height": 3, "label": label, **facts}
    return NewPhoto(f"/photos/{name}", **values)


@pytest.fixture
def project(tmp_path: Path):
    with Project.create(tmp_path / "Möbel 😀") as opened:
        yield opened


def fill(project: Project, **labels: int) -> None:
    for label, count in labels.items():
        project.add_photos([photo(f"{label}-{n}.jpg", label) for n in range(count)])


def test_why_a_photograph_cannot_be_read_is_kept_as_a_code_and_said_in_the_readers_language(project: Project) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    torn = Text("damaged:file", {"path": f"/p/{name}"})
    project.add_photos([photo("a.jpg", status="unreadable", reason=torn), photo("b.jpg", reason="Torn, long ago.")])
    project.set_current_model("quick", torn)
    assert [p.reason for p in project.photos(project.photo_ids("unreadable"))] == [
        "The file '/p/caf\\xe9.jpg' is damaged."
    ]
    assert [p.reason for p in project.photos(project.photo_ids())] == ["Torn, long ago."]
    speak(lambda template: {"The file '{path}' is damaged.": "{path} ist zerrissen."}.get(template, template))
    assert project.photos(project.photo_ids("unreadable"))[0].reason == "/p/caf\\xe9.jpg ist zerrissen."
    assert project.model_history[0].reason.endswith(" ist zerrissen.")


class TestOpening:
    def test_a_new_project_is_named_after_its_folder_and_survives_closing(self, tmp_path: Path):
        with Project.create(tmp_path / "Rust") as made:
            made.set_setting("weights", {"name": "starter"})
        for path in (tmp_path / "Rust", tmp_path / "Rust" / "project.db"):
            with Project.open(path) as again:
                assert again.name == "Rust"
                assert again.setting("weights") == {"name": "starter"}
                assert not again.read_only

    def test_renaming_leaves_the_folder_alone(self, project: Project):
        project.rename("  Second   name ")
        assert project.name == "Second name"
        assert project.folder.name == "Möbel 😀"

    def test_creating_twice_is_refused_and_open_or_create_opens(self, project: Project):
        with pytest.raises(ProjectError) as caught:
            Project.create(project.folder)
        assert caught.value.code == "project_exists"
        with Project.open_or_create(project.folder) as again:
            assert again.folder == project.folder

    def test_no_project(self, tmp_path: Path):
        with pytest.raises(ProjectError) as caught:
            Project.open(tmp_path)
        assert caught.value.code == "no_project"
        assert str(tmp_path) in caught.value.message

    def test_a_newer_version_is_refused_and_left_alone(self, project: Project):
        project.close()
        db = sqlite3.connect(project.file)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        db.close()
        before = project.file.read_bytes()
        with pytest.raises(ProjectError) as caught:
            Project.open(project.folder)
        assert caught.value.code == "newer_version"
        assert "newer version" in caught.value.message
        assert "Update" in caught.value.hint
        assert project.file.read_bytes() == before

    @pytest.mark.parametrize(
        "content", [b"a text file that is long enough to be looked at" * 50, b"SQLite format 3\0" * 9]
    )
    def test_another_file_of_that_name_is_refused_and_left_alone(self, tmp_path: Path, content: bytes):
        (tmp_path / "project.db").write_bytes(content)
        with pytest.raises(ProjectError) as caught:
            Project.open(tmp_path)
        assert caught.value.code in ("not_a_project", "damaged")
        assert (tmp_path / "project.db").read_bytes() == content

    def test_another_programs_database_is_refused(self, tmp_path: Path):
        db = sqlite3.connect(tmp_path / "project.db")
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
        db.close()
        with pytest.raises(ProjectError) as caught:
            Project.open(tmp_path)
        assert caught.value.code == "not_a_project"

    def test_the_file_is_marked_as_ours(self, project: Project):
        db = sqlite3.connect(project.file)
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        assert db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        db.close()

    def test_a_creation_that_was_cut_short_is_completed(self, tmp_path: Path):
        (tmp_path / "project.db").touch()
        with Project.open(tmp_path) as opened:
            assert opened.labels() == []

    def test_an_older_format_is_migrated_and_kept_as_a_copy(self, project: Project, monkeypatch: pytest.MonkeyPatch):
        fill(project, rust=3)
        project.close()

        def second(db: sqlite3.Connection) -> None:
            db.execute("ALTER TABLE labels ADD COLUMN colour TEXT")

        monkeypatch.setattr(database, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, second))
        with Project.open(project.folder) as opened:
            assert opened.photo_count() == 3
        assert (project.folder / f"project-format-{SCHEMA_VERSION}.backup.db").exists()

    def test_a_migration_that_fails_changes_nothing(self, project: Project, monkeypatch: pytest.MonkeyPatch):
        fill(project, rust=3)
        project.close()

        def broken(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM photos")
            raise RuntimeError("half way")

        with monkeypatch.context() as patch:
            patch.setattr(database, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
            patch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, broken))
            with pytest.raises(RuntimeError):
                Project.open(project.folder)
        with Project.open(project.folder) as opened:
            assert opened.photo_count() == 3


class TestTrouble:
    def test_read_only_opens_for_looking_and_says_why_it_cannot_change(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        fill(project, rust=2)
        project.close()
        monkeypatch.setattr(os, "access", lambda *_args, **_kwargs: False)
        with Project.open(project.folder) as opened:
            assert opened.read_only
            assert opened.photo_count() == 2
            opened.assign_kinds()
            with pytest.raises(ProjectError) as caught:
                opened.add_label("new")
        assert caught.value.code == "read_only"
        assert str(project.folder) in caught.value.message

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(ProjectError) as caught:
            Project.create(tmp_path / "file" / "project")
        assert caught.value.hint

    def test_a_full_disk_is_told_and_nothing_is_half_written(self, project: Project):
        fill(project, rust=5)
        pages = project._one("PRAGMA page_count")
        project._one(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(ProjectError) as caught:
            project.add_photos([photo(f"{n:0200}.jpg", "full") for n in range(500)])
        assert caught.value.code == "disk_full"
        assert "full" in caught.value.message
        assert project.photo_count() == 5
        assert [label.name for label in project.labels()] == ["rust"]
        project._one("PRAGMA max_page_count = 100000")
        assert project.add_photos([photo("later.jpg", "full")]) == 1

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete open files")
    def test_a_folder_that_goes_away(self, project: Project):
        fill(project, rust=1)
        shutil.rmtree(project.folder)
        with pytest.raises(ProjectError) as caught:
            project.add_label("later")
        assert caught.value.code == "folder_gone"

    def test_another_process_that_never_lets_go(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
        with Project.create(tmp_path / "p") as one, Project.open(tmp_path / "p") as two, one._writing():
            assert two.labels() == []  # reading never waits
            with pytest.raises(ProjectError) as caught:
                two.add_label("x")
        assert caught.value.code == "locked"


class TestPhotographs:
    def test_counts_and_order(self, project: Project):
        project.add_photos([photo("b 10.jpg", "b"), photo("b 2.jpg", "b"), photo("a.jpg", "a"), photo("loose.jpg")])
        project.add_photos([photo("torn.jpg", "a", status="unreadable", reason="torn", hash="")])
        names = [Path(p.path).name for p in project.photos(project.photo_ids())]
        assert names == ["a.jpg", "b 2.jpg", "b 10.jpg", "loose.jpg"]
        assert project.counts() == {
            "photographs": 4, "labelled": 3, "unlabelled": 1, "unreadable": 1, "gone": 0, "disagree": 0, "labels": 2,
        }  # fmt: skip
        assert [(label.name, label.count) for label in project.labels()] == [("a", 1), ("b", 2)]
        torn = project.photos(project.photo_ids("unreadable"))[0]
        assert (torn.status, torn.reason, torn.label) == ("unreadable", "torn", "a")

    def test_searching(self, project: Project):
        project.add_photos([photo("Red Rose.JPG", "x"), photo("rose 2.jpg", "x"), photo("Straße.jpg", "y")])

        def found(words: str) -> list[str]:
            return [Path(p.path).name for p in project.photos(project.photo_ids(search=words))]

        assert found("ROSE") == ["Red Rose.JPG", "rose 2.jpg"]
        assert found("rose red") == ["Red Rose.JPG"]
        assert found("STRASSE") == ["Straße.jpg"]
        assert found("100%_") == []

    def test_filters_and_orders(self, project: Project):
        fill(project, a=12, b=3)
        project.assign_kinds()
        label = project.labels()[0]
        assert len(project.photo_ids(label.id)) == 12
        exam = project.photo_ids(kind="exam")
        assert {p.kind for p in project.photos(exam)} == {"exam"}
        assert list(project.photo_ids(order="added")) == sorted(project.photo_ids(), reverse=True)
        assert sorted(project.photo_ids(order="name")) == sorted(project.photo_ids())
        with pytest.raises(ValueError, match="order"):
            project.photo_ids(order="size")
        with pytest.raises(ValueError, match="where"):
            project.photo_ids("everything")

    def test_faces_are_one_of_each_label_and_small_where_there_is_a_small_one(self, project: Project):
        assert project.faces(4) == []
        project.add_photos([photo(f"{name}{n}.jpg", name, hash=f"{name}{n}") for name in "abcdefgh" for n in range(3)])
        assert [Path(face).name for face in project.faces(4)] == ["a0.jpg", "c0.jpg", "e0.jpg", "g0.jpg"]
        assert [Path(face).name for face in project.faces(20)] == [f"{name}0.jpg" for name in "abcdefgh"]
        small = project.cache / "thumbnails" / "c0" / "c0.jpg"
        small.parent.mkdir(parents=True)
        small.write_bytes(b"")  # as a crash may leave it
        assert Path(project.faces(4)[1]).name == "c0.jpg" and project.faces(4)[1] != str(small)
        small.write_bytes(b"jpeg")
        assert project.faces(4)[1] == str(small)

    def test_the_same_file_twice_is_one_photograph(self, project: Project):
        assert project.add_photos([photo("a.jpg", "x")]) == 1
        assert project.add_photos([photo("a.jpg", "x", hash="new", size=11)]) == 0
        assert project.photo_count() == 1
        assert project.photo_at("/photos/a.jpg").hash == "new"
        assert project.photo_at("/photos/b.jpg") is None

    def test_the_same_content_in_two_places_is_two_photographs_and_one_item(self, project: Project):
        project.add_photos([photo("a.jpg", "x", hash="same"), photo("b.jpg", "x", hash="same")])
        assert project.photo_count() == 2
        assert len(project.items()) == 1

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
    def test_a_name_that_is_no_valid_unicode(self, project: Project):
        path = os.fsdecode(b"/photos/caf\xe9.jpg")
        project.add_photos([photo("x", os.fsdecode(b"caf\xe9"), hash="h")])
        project.add_photos([NewPhoto(path, 1, 2, "h2", 3, 4, "l")])
        assert project.photo_at(path).path == path
        assert path in project.known_files()
        assert "caf\\xe9" in [label.name for label in project.labels()]
        assert len(project.photo_ids(search="caf")) == 1

    def test_status(self, project: Project):
        fill(project, a=3)
        ids = project.photo_ids()
        project.set_status(ids[:1], "unreadable", "It is torn.")
        project.set_status(ids[1:2], "gone")
        assert project.photo_count() == 1
        assert project.unreadable_count() == 1
        assert list(project.photo_ids("gone")) == [ids[1]]
        assert project.photo(ids[0]).reason == "It is torn."
        assert len(project.items()) == 1
        with pytest.raises(ProjectError):
            project.photo(999)

    def test_data_version_rises_with_photographs_and_labels_alone(self, project: Project):
        with Project.open(project.folder) as other:
            seen = project.data_version()
            other.add_answer("/a.jpg", "x", 0.5, [("x", 0.5)], "quick", 1.0)
            other.set_setting("a", 1)
            assert project.data_version() == seen
            other.add_label("new")
            assert project.data_version() > seen

    def test_a_setting_that_is_so_already_is_not_written_again(self, project: Project):
        with Project.open(project.folder) as other:
            for value in ({"tile": [1, 2]}, 0.5, None):
                other.set_setting("a", value)
                assert project.setting("a") == value
                seen = written(project)
                other.set_setting("a", value)
                assert written(project) == seen
            other.set_setting("a", "new")
            assert written(project) != seen

    def test_relocating(self, project: Project):
        fill(project, a=2)
        first, second = project.photo_ids()
        project.set_status([first], "gone")
        assert project.relocate_photos([(first, "/elsewhere/new name.jpg"), (second, "/elsewhere/new name.jpg")]) == 1
        assert project.photo(first).path == "/elsewhere/new name.jpg"
        assert project.photo(first).status == "ok"
        assert list(project.photo_ids(search="new name")) == [first]


class TestLabels:
    def test_natural_order(self, project: Project):
        for name in ("part 10", "part 2", "Äpfel"):
            project.add_label(name)
        assert [label.name for label in project.labels()] == ["part 2", "part 10", "Äpfel"]

    def test_names_are_cleaned_and_unique(self, project: Project):
        first = project.add_label("  big\n  dent ")
        assert project.labels()[0].name == "big dent"
        with pytest.raises(ProjectError) as caught:
            project.add_label("big dent")
        assert caught.value.code == "label_exists"
        assert "merge" in caught.value.hint
        with pytest.raises(ProjectError) as caught:
            project.rename_label(first, " \t ")
        assert caught.value.code == "bad_label"
        # The same letter, composed and decomposed.
        project.add_label("caf\u00e9")
        with pytest.raises(ProjectError):
            project.add_label("cafe\u0301")

    def test_photographs_follow_a_renamed_or_merged_label_under_its_old_name(self, project: Project):
        fill(project, tulip=2, rose=1)
        tulip, rose = (next(x.id for x in project.labels() if x.name == name) for name in ("tulip", "rose"))
        project.rename_label(tulip, "Tulips")
        project.add_photos([photo("another.jpg", "tulip")])
        assert {(x.name, x.count) for x in project.labels()} == {("Tulips", 3), ("rose", 1)}
        project.merge_labels(rose, tulip)
        project.add_photos([photo("late rose.jpg", "rose")])
        assert [(x.name, x.count) for x in project.labels()] == [("Tulips", 5)]
        project.add_label("rose")
        project.add_photos([photo("own rose.jpg", "rose")])
        assert {(x.name, x.count) for x in project.labels()} == {("Tulips", 5), ("rose", 1)}

    def test_left_out_labels_are_not_learnt(self, project: Project):
        fill(project, a=2, b=2, c=2)
        project.exclude_label(project.labels()[1].id, True)
        project.add_label("empty")
        assert project.training_labels() == ["a", "c"]
        assert {item.label for item in project.items()} == {0, 1}
        assert project.labels()[1].excluded

    def test_only_empty_labels_are_removed(self, project: Project):
        fill(project, a=1)
        empty = project.add_label("empty")
        with pytest.raises(ProjectError) as caught:
            project.remove_label(project.labels()[0].id)
        assert caught.value.code == "label_not_empty"
        project.remove_label(empty)
        assert [label.name for label in project.labels()] == ["a"]
        with pytest.raises(ProjectError):
            project.remove_label(empty)


class TestModelsAndAnswers:
    def test_answers(self, project: Project):
        first = project.add_answer("/a.jpg", "rust", 0.75, (("rust", 0.75), ("good", 0.25)), "quick", 12.5, at=100.0)
        project.add_answer("/b.jpg", "good", 0.5, [], "quick", 1.0)
        project.correct_answer(first, "good")
        newest, oldest = project.answers()
        assert newest.path == "/b.jpg"
        assert oldest.top == (("rust", 0.75), ("good", 0.25))
        assert (oldest.corrected, oldest.at, oldest.milliseconds) == ("good", 100.0, 12.5)

    def test_the_current_model_and_its_history(self, project: Project):
        assert project.current_model is None
        project.set_current_model("quick", "first")
        project.set_current_model("2026-01-01-000000", "better on practice")
        assert project.current_model == "2026-01-01-000000"
        assert [change.model for change in project.model_history] == ["2026-01-01-000000", "quick"]
        assert project.count_exam_use("quick") == 1
        assert project.count_exam_use("2026-01-01-000000") == 2  # who compares models by the exam uses it up
        assert project.count_exam_use("quick") == 3
        assert project.exam_uses() == 3

    def test_a_snapshot_is_of_one_moment(self, project: Project):
        project.add_label("a")
        with Project.open(project.folder) as other:
            with project.snapshot():
                before = [label.name for label in project.labels()]
                other.add_label("b")
                assert [label.name for label in project.labels()] == before == ["a"]
            assert [label.name for label in project.labels()] == ["a", "b"]
            assert project.identity == other.identity != ""

    def test_what_labels_are_called_now(self, project: Project):
        ids = [project.add_label(name) for name in ("a", "b", "c", "d")]
        names = ["a", "b", "c", "d"]
        rows = project.label_rows(names)
        project.rename_label(ids[0], "x")
        project.rename_label(ids[1], "a")
        project.merge_labels(ids[2], ids[0])
        project.remove_label(ids[3])
        assert project.names_now(names, rows) == ["x", "a", "x", "d"]
        assert project.names_now(["b", "c", "d"], None) == ["a", "x", "d"]
        assert project.names_now(["c"], {"project": project.identity, "ids": ["no id"]}) == ["x"]
        project.add_label("d")
        assert project.names_now(names, rows)[3] == "d"
        project.undo()
        project.undo()
        project.undo()
        assert project.names_now(names, rows) == ["x", "a", "c", "d"]

    def test_sources(self, project: Project):
        one, two = project.begin_import("one"), project.begin_import("two")
        project.add_source(Source("/a", "last"), one)
        project.add_source(Source("/b", "auto", "rust"), one)
        project.add_source(Source("/a", "first"), two)
        assert project.sources() == [Source("/b", "auto", "rust"), Source("/a", "first")]


def written(project: Project) -> int:
    """Return SQLite's own count of what other connections have written."""
    return int(project._db.execute("PRAGMA data_version").fetchone()[0])


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert projects_home().name == "projects"
    assert new_project_folder("a/b: c?").name == "a b c"
    assert new_project_folder("...").name == "Project"
    assert new_project_folder("CON").name == "Project"
    (projects_home() / "Rust").mkdir(parents=True)
    assert new_project_folder("Rust").name == "Rust 2"
    monkeypatch.delenv("RESNEXT_GUI_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert projects_home() == tmp_path / "ResNeXt GUI"
    (tmp_path / "Documents").mkdir()
    assert projects_home() == tmp_path / "Documents" / "ResNeXt GUI"


@pytest.mark.slow
def test_two_hundred_thousand_photographs_are_listed_in_a_tenth_of_a_second(project: Project):
    for start in range(0, 200_000, 500):
        project.add_photos([photo(f"IMG_{n}.jpg", f"label {n % 100}") for n in range(start, start + 500)])
    best = min(_seconds(project.photo_ids) for _ in range(5))
    assert len(project.photo_ids()) == 200_000
    assert best < 0.1


def _seconds(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began

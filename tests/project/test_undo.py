"""Undo and redo: every correction, across restarts, and in any order that hypothesis can think of."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resnext_gui.messages import Source
from resnext_gui.project import NewPhoto, Project, ProjectError
from resnext_gui.texts import speak


def photo(name: str, label: str | None = None) -> NewPhoto:
    return NewPhoto(f"/p/{name}", 1, 1, f"h-{name}", 4, 4, label)


def picture(project: Project) -> object:
    """Everything a person sees of labels and photographs."""
    labels = {(x.name, x.excluded, x.position, x.count) for x in project.labels()}
    photos = {(p.path, p.label) for p in project.photos(project.photo_ids())}
    return labels, photos


@pytest.fixture
def project(tmp_path: Path):
    with Project.create(tmp_path / "p") as opened:
        opened.add_photos([photo(f"{label}{n}.jpg", label) for label in ("rust", "dent") for n in range(3)])
        opened.add_photos([photo("loose.jpg")])
        yield opened


def label_id(project: Project, name: str) -> int:
    return next(x.id for x in project.labels() if x.name == name)


CORRECTIONS = {
    "Move 2 photographs to dent": lambda p: p.move(p.photo_ids(label_id(p, "rust"))[:2], label_id(p, "dent")),
    "Move 1 photograph to Unlabelled": lambda p: p.move(p.photo_ids(label_id(p, "rust"))[:1], None),
    "Rename rust to Corrosion": lambda p: p.rename_label(label_id(p, "rust"), "Corrosion"),
    "Merge rust into dent": lambda p: p.merge_labels(label_id(p, "rust"), label_id(p, "dent")),
    "Leave out dent": lambda p: p.exclude_label(label_id(p, "dent"), True),
    "Add the label crack": lambda p: p.add_label("crack"),
    "Remove 4 photographs": lambda p: p.remove_photos(list(p.photo_ids())[:4]),
    "Add 2 photographs": lambda p: p.add_photos([photo("n1.jpg", "new"), photo("n2.jpg", "rust")]),
    "Label 1 photograph": lambda p: p.follow_disk((i, "found") for i in p.photo_ids("unlabelled")),
}


def test_names_are_never_taken_for_words_of_the_sentence(project: Project):
    german = {"Rename {label} to {name}": "{name} aus {label} machen", "Move {photographs} to {label}": "Nach {label}"}
    project.rename_label(label_id(project, "rust"), "a to b")
    project.rename_label(label_id(project, "a to b"), "c {label}")
    assert project.undo_text() == "Rename a to b to c {label}"
    speak(lambda template: german.get(template, template))
    assert project.undo() == project.redo_text() == "c {label} aus a to b machen"
    project.move(project.photo_ids(label_id(project, "dent")), None)
    assert project.undo_text() == "Nach Unlabelled"


def test_what_an_older_version_wrote_can_be_read_and_undone(project: Project):
    project.add_label("crack")
    with project._writing() as db:
        db.execute("UPDATE journal SET text = 'Add the label {crack}' WHERE undone = 0 AND text LIKE '%crack%'")
    assert project.undo_text() == project.undo() == project.redo_text() == "Add the label {crack}"


@pytest.mark.parametrize("text", CORRECTIONS)
def test_each_correction_is_taken_back_and_done_again_also_after_a_restart(project: Project, text: str):
    before = picture(project)
    CORRECTIONS[text](project)
    after = picture(project)
    assert after != before
    assert project.undo_text() == text
    with Project.open(project.folder) as again:
        assert again.undo() == text
        assert picture(again) == before
        assert again.redo_text() == text
    with Project.open(project.folder) as again:
        assert again.redo() == text
        assert picture(again) == after
        assert again.redo() is None


def test_a_correction_that_changes_nothing_leaves_no_trace(project: Project):
    text = project.undo_text()
    rust = label_id(project, "rust")
    project.move(project.photo_ids(rust), rust)
    project.rename_label(rust, "rust")
    project.exclude_label(rust, False)
    project.merge_labels(rust, rust)
    project.remove_photos([12345])
    assert project.undo_text() == text


def test_a_new_correction_drops_what_was_undone(project: Project):
    project.add_label("one")
    project.undo()
    project.add_label("two")
    assert project.redo_text() is None
    assert project.undo_text() == "Add the label two"


class TestImports:
    def test_an_import_is_one_step_whatever_its_portions(self, project: Project):
        before = picture(project)
        number = project.begin_import("Add photographs from holidays")
        source = project.add_source(Source("/h"), number)
        for portion in range(3):
            project.add_photos([photo(f"h{portion}-{n}.jpg", "beach") for n in range(5)], source, number)
        project.finish_import(number, "Add 15 photographs")
        after = picture(project)
        assert project.undo() == "Add 15 photographs"
        assert picture(project) == before
        assert project.sources() == []
        project.redo()
        assert picture(project) == after
        assert project.sources() == [Source("/h")]

    def test_an_import_cut_short_can_be_undone(self, project: Project):
        before = picture(project)
        number = project.begin_import("Add photographs from holidays")
        project.add_photos([photo("h.jpg", "beach")], None, number)
        with Project.open(project.folder) as again:
            assert again.undo() == "Add photographs from holidays"
            assert picture(again) == before

    def test_an_import_taken_back_while_it_goes_on_adds_nothing_more(self, project: Project):
        number = project.begin_import("Add")
        project.add_photos([photo("h.jpg", "beach")], None, number)
        project.undo()
        assert project.import_undone(number)
        assert project.add_photos([photo("h2.jpg", "beach")], None, number) == 0
        assert "beach" not in [x.name for x in project.labels()]

    def test_an_empty_import_leaves_no_step(self, project: Project):
        text = project.undo_text()
        number = project.begin_import("Add nothing")
        project.add_photos([photo("rust0.jpg", "rust")], None, number)
        project.finish_import(number, "Add 0 photographs")
        assert project.undo_text() == text

    def test_photographs_moved_into_its_label_outlive_an_import(self, project: Project):
        project.add_photos([photo("n.jpg", "new")])
        project.move(project.photo_ids(label_id(project, "rust")), label_id(project, "new"))
        project.undo()
        project.undo()
        assert {x.name for x in project.labels()} == {"rust", "dent"}

    def test_removed_photographs_come_back_when_added_again(self, project: Project):
        ids = project.photo_ids(label_id(project, "rust"))
        project.remove_photos(ids)
        assert project.known_files()["/p/rust0.jpg"].removed
        assert project.add_photos([photo("rust0.jpg", "rust")]) == 1
        assert len(project.photo_ids(label_id(project, "rust"))) == 1


def test_redo_says_so_where_a_name_was_taken_meanwhile(project: Project):
    project.add_label("crack")
    project.undo()
    with project._writing() as db:  # another program of an older make, that keeps no journal
        db.execute("INSERT INTO labels (name) VALUES ('crack')")
    with pytest.raises(ProjectError) as caught:
        project.redo()
    assert caught.value.code == "cannot_undo"
    assert "crack" in caught.value.message


class Corrections(RuleBasedStateMachine):
    """Whatever is done, undoing all of it shows every earlier picture again, and redoing it every later one."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.project = Project.create(Path(self.folder.name) / "p")
        self.past: list[object] = []
        self.files = 0

    @initialize()
    def start(self) -> None:
        self.project.add_photos([photo(f"{n}.jpg", "abc"[n % 3]) for n in range(6)])
        self.base = self._depth()

    def _depth(self) -> int:
        return int(self.project._one("SELECT COUNT(*) FROM journal WHERE undone = 0"))

    def _do(self, change) -> None:
        before, depth = picture(self.project), self._depth()
        try:
            change()
        except ProjectError:
            assert picture(self.project) == before
        if self._depth() > depth:
            self.past.append(before)

    def _label(self, n: int) -> int | None:
        labels = self.project.labels()
        return labels[n % len(labels)].id if labels else None

    @rule(n=st.integers(0, 9), to=st.integers(0, 9))
    def move(self, n: int, to: int) -> None:
        ids = self.project.photo_ids()
        self._do(lambda: self.project.move(ids[n : n + 3], self._label(to)))

    @rule(n=st.integers(0, 9), name=st.sampled_from("abcdef"))
    def rename(self, n: int, name: str) -> None:
        if (label := self._label(n)) is not None:
            self._do(lambda: self.project.rename_label(label, name))

    @rule(n=st.integers(0, 9), to=st.integers(0, 9))
    def merge(self, n: int, to: int) -> None:
        one, two = self._label(n), self._label(to)
        if one is not None and two is not None:
            self._do(lambda: self.project.merge_labels(one, two))

    @rule(name=st.sampled_from("abcdefgh"))
    def add_label(self, name: str) -> None:
        self._do(lambda: self.project.add_label(name))

    @rule(name=st.sampled_from("abcdxyz"), count=st.integers(1, 3))
    def add(self, name: str, count: int) -> None:
        fresh = [photo(f"new{self.files + n}.jpg", name) for n in range(count)]
        self.files += count
        self._do(lambda: self.project.add_photos(fresh))

    @rule(n=st.integers(0, 9))
    def remove(self, n: int) -> None:
        ids = self.project.photo_ids()
        self._do(lambda: self.project.remove_photos(ids[n : n + 2]))

    @precondition(lambda self: self.past)
    @rule()
    def back_and_forth(self) -> None:
        now = picture(self.project)
        for before in reversed(self.past):
            assert self.project.undo() is not None
            assert picture(self.project) == before
        for _ in self.past:
            assert self.project.redo() is not None
        assert picture(self.project) == now

    @invariant()
    def counts_agree(self) -> None:
        labelled = sum(x.count for x in self.project.labels())
        assert labelled + self.project.unlabelled_count() == self.project.photo_count()

    def teardown(self) -> None:
        self.project.close()
        self.folder.cleanup()


TestCorrections = Corrections.TestCase
TestCorrections.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)

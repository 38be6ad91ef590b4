"""Labels follow the disk where the person has corrected nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnext_gui.project import NewPhoto, Project
from resnext_gui.project.disk_labels import Followed
from resnext_gui.texts import restored


def photo(name: str, label: str | None = None) -> NewPhoto:
    return NewPhoto(f"/p/{name}", 1, 1, f"h-{name}", 4, 4, label)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p") as opened:
        opened.add_photos([photo(f"{label}{n}.jpg", label) for label in ("rust", "dent") for n in range(3)])
        opened.add_photos([photo("loose.jpg")])
        yield opened


def number(project: Project, name: str) -> int:
    found = project.photo_at(f"/p/{name}.jpg")
    assert found is not None
    return found.id


def label_id(project: Project, name: str) -> int:
    return next(label.id for label in project.labels() if label.name == name)


def labels(project: Project) -> dict[str, str | None]:
    return {Path(p.path).stem: p.label for p in project.photos(project.photo_ids())}


def names(project: Project) -> list[str]:
    return [label.name for label in project.labels()]


def test_a_picture_in_another_folder_takes_its_label_and_it_can_be_undone(project: Project) -> None:
    before = labels(project)
    said = [(number(project, "rust0"), "dent"), (number(project, "rust1"), "crack"), (number(project, "loose"), "dent")]
    assert project.follow_disk(said) == Followed(labelled=1, relabelled=2)
    assert labels(project) == before | {"rust0": "dent", "rust1": "crack", "loose": "dent"}
    assert project.follow_disk(said) == Followed()
    assert project.undo() == "Relabel 3 photographs as on the disk"
    assert labels(project) == before and names(project) == ["dent", "rust"]
    assert project.follow_disk(said) == Followed(), "what the person took back is the person's"
    project.redo()
    assert labels(project)["rust1"] == "crack"


def test_a_renamed_folder_renames_its_label(project: Project) -> None:
    project.exclude_label(label_id(project, "rust"), True)
    said = [(number(project, f"rust{n}"), "corrosion") for n in range(3)]
    assert project.follow_disk(said).relabelled == 3
    assert [(x.name, x.count, x.excluded) for x in project.labels()] == [("corrosion", 3, True), ("dent", 3, False)]
    project.undo()
    assert names(project) == ["dent", "rust"]


def test_a_label_with_a_name_of_the_persons_keeps_it(project: Project) -> None:
    project.rename_label(label_id(project, "rust"), "Rost")
    assert project.follow_disk((number(project, f"rust{n}"), "corrosion") for n in range(3)) == Followed()
    assert names(project) == ["dent", "Rost"]
    project.add_photos([photo("new.jpg", "corrosion")])
    assert labels(project)["new"] == "Rost"


def test_an_emptied_label_goes_with_its_folder_and_merged_ones_are_found(project: Project) -> None:
    project.follow_disk((number(project, f"rust{n}"), "dent") for n in range(3))
    assert names(project) == ["dent"]
    project.undo()
    project.merge_labels(label_id(project, "rust"), label_id(project, "dent"))
    assert project.follow_disk([(number(project, "dent0"), "rust")]) == Followed()
    assert project.follow_disk([(number(project, "rust0"), "crack")]) == Followed(relabelled=1)


def test_corrections_stay_and_are_told_until_they_are_settled(project: Project) -> None:
    mine = number(project, "rust0")
    project.move([mine], None)
    assert project.follow_disk([(mine, "rust")]) == Followed(), "the disk has not changed"
    assert project.follow_disk([(mine, "crack")]) == Followed(disagree=1)
    assert labels(project)["rust0"] is None
    assert list(project.photo_ids("disagree")) == [mine] and project.counts()["disagree"] == 1
    assert project.disputed_names() == ["crack"]
    assert project.follow_disk([(mine, "crack")]) == Followed(), "told once"
    assert project.take_disk_labels([mine]) == 1
    assert labels(project)["rust0"] == "crack" and not project.photo_ids("disagree")
    project.undo()
    assert labels(project)["rust0"] is None and list(project.photo_ids("disagree")) == [mine]
    assert project.keep_labels([mine]) == 1
    assert not project.photo_ids("disagree") and labels(project)["rust0"] is None
    project.undo()
    project.move([mine], label_id(project, "dent"))
    assert not project.photo_ids("disagree"), "decided about by hand"
    project.undo()
    assert list(project.photo_ids("disagree")) == [mine]
    assert project.keep_labels([number(project, "dent0")]) == 0


def test_a_disk_without_a_word_takes_no_label_away(project: Project) -> None:
    assert project.follow_disk([(number(project, "rust0"), ""), (number(project, "rust1"), "  ")]) == Followed()
    assert labels(project)["rust0"] == "rust"


def to_first_format(project: Project) -> None:
    """Make the project's file what an earlier version left behind."""
    project.close()
    db = sqlite3.connect(project.file)
    db.execute("DROP INDEX photos_disputed")
    db.execute("ALTER TABLE photos DROP COLUMN disk_label")
    db.execute("ALTER TABLE photos DROP COLUMN disputed")
    for number, what in db.execute("SELECT id, text FROM journal").fetchall():
        db.execute("UPDATE journal SET text = ? WHERE id = ?", (str(restored(what)), number))  # in English, then
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()


def test_an_older_project_knows_what_was_corrected(project: Project) -> None:
    mine, other = number(project, "rust0"), number(project, "rust1")
    project.move([mine], label_id(project, "dent"))
    project.rename_label(label_id(project, "rust"), "Rost")
    to_first_format(project)
    with Project.open(project.folder) as opened:
        said = {path: known.disk_label for path, known in opened.known_files().items()}
        assert (said["/p/rust0.jpg"], said["/p/rust1.jpg"], said["/p/loose.jpg"]) == (None, "Rost", "")
        assert opened.follow_disk([(mine, "rust"), (other, "rust")]) == Followed(disagree=1)
        assert opened.follow_disk([(other, "crack")]) == Followed(relabelled=1)
        assert labels(opened) == labels(opened) | {"rust0": "dent", "rust1": "crack"}


def test_an_older_project_whose_corrections_are_forgotten_asks(project: Project) -> None:
    db = sqlite3.connect(project.file)
    db.execute("UPDATE sqlite_sequence SET seq = 301 WHERE name = 'journal'")
    db.commit()
    db.close()
    to_first_format(project)
    with Project.open(project.folder) as opened:
        assert {known.disk_label for known in opened.known_files().values()} == {None}
        rust0, rust1 = number(opened, "rust0"), number(opened, "rust1")
        assert opened.follow_disk([(rust0, "rust"), (rust1, "dent")]) == Followed(disagree=1)


def test_an_older_project_that_cannot_be_written_to_opens(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    to_first_format(project)
    before = project.file.read_bytes()
    monkeypatch.setattr("os.access", lambda *_: False)
    with Project.open(project.folder) as opened:
        assert opened.read_only and opened.photo_count() == 7
        json.dumps(opened.counts())
    assert project.file.read_bytes() == before

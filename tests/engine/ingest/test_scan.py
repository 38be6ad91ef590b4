"""Photographs in: labels from folders, names and tables, whatever the drive throws at it."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.ingest import reading, reconcile
from resnext_gui.engine.ingest.check import check_photographs
from resnext_gui.engine.ingest.gather import Candidate, gather, in_turn
from resnext_gui.engine.ingest.reconcile import reconcile_job
from resnext_gui.engine.ingest.rules import from_name
from resnext_gui.engine.ingest.scan import preview_job, scan_job
from resnext_gui.engine.pictures.files import ImageError
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import JobStopped, Preview, Progress, Reconcile, Scan, Source, UserError, encode
from resnext_gui.project import Project
from tests.engine.odd_files import encoded, refused, scene, write_special
from tests.jobs import in_job

PICTURE = encoded(scene(), "JPEG")


def put(root: Path, *names: str, data: bytes | None = None) -> None:
    """Write a picture of its own content at each path."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Bytes after the end of a JPEG are not looked at, but make the content differ.
        path.write_bytes(PICTURE + os.fsencode(str(path)) if data is None else data)


def labels_of(*sources: Source) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in gather(sources, lambda _count: None).files:
        found.setdefault(file.label or "", []).append(Path(file.path).name)
    return {label: sorted(names) for label, names in found.items()}


class Desk:
    """A project, and what a job says."""

    def __init__(self, folder: Path) -> None:
        self.project = Project.create(folder)
        self.events: list[object] = []

    def scan(self, *sources: Source | Path, control: Control | None = None) -> dict:
        wanted = tuple(s if isinstance(s, Source) else Source(str(s)) for s in sources)
        command = Scan("scan", str(self.project.folder), wanted)
        result = scan_job(command, in_job(self.events.append, control))
        json.dumps(result).encode("utf-8")
        return result

    def reconcile(self, apply: bool = False, gone: bool = False) -> dict:
        result = reconcile_job(Reconcile("r", str(self.project.folder), apply, gone), in_job(self.events.append))
        json.dumps(result).encode("utf-8")
        return result

    def labels(self) -> dict[str, str | None]:
        """Return the label of each photograph by the name of its file."""
        return {Path(p.path).name: p.label for p in self.project.photos(self.project.photo_ids())}


@pytest.fixture
def desk(tmp_path: Path):
    made = Desk(tmp_path / "project")
    yield made
    made.project.close()


@pytest.mark.parametrize("by", ["scan", "reconcile"])
def test_a_file_that_may_not_be_read_is_read_once_it_may(desk, tmp_path: Path, monkeypatch, by: str):
    put(tmp_path / "in", "a/1.jpg", "a/2.jpg", "b/3.jpg")
    locked, read = str(tmp_path / "in" / "a" / "2.jpg"), reading.read_one

    def refuse(path, *rest):
        if path == locked:
            raise ImageError("no_permission", f"'{path}' may not be read.")
        return read(path, *rest)

    monkeypatch.setattr(reading, "read_one", refuse)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, *rest: path != locked and access(path, *rest))
    desk.scan(tmp_path / "in")
    assert desk.project.counts()["unreadable"] == 1
    assert desk.reconcile()["changed"] == 0
    monkeypatch.undo()  # the date of the file is what it was
    desk.scan(tmp_path / "in") if by == "scan" else desk.reconcile(apply=True)
    assert desk.project.counts()["unreadable"] == 0
    assert desk.labels() == {"1.jpg": "a", "2.jpg": "a", "3.jpg": "b"}


def test_a_folder_that_may_not_be_entered_is_out_of_reach(desk, tmp_path: Path, monkeypatch):
    put(tmp_path / "in", "a/1.jpg", "b/2.jpg", "b/3.jpg")
    desk.scan(tmp_path / "in")
    locked, ask = str(tmp_path / "in" / "b"), {name: getattr(os, name) for name in ("stat", "scandir")}

    def refuse(name, path, *rest, **named):
        here = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
        if here.startswith(locked + os.sep) or (here == locked and name == "scandir"):
            raise PermissionError(13, "Permission denied", here)
        return ask[name](path, *rest, **named)

    for name in ask:
        monkeypatch.setattr(os, name, partial(refuse, name))
    found = desk.reconcile()
    assert (found["gone"], found["unreachable"]) == (0, [locked])
    assert desk.project.counts()["photographs"] == 3


class TestRules:
    def test_one_folder_a_label(self, tmp_path: Path):
        put(tmp_path, "rust/a.jpg", "rust/b.jpg", "good/c.jpg", "loose.jpg")
        assert labels_of(Source(str(tmp_path))) == {"rust": ["a.jpg", "b.jpg"], "good": ["c.jpg"], "": ["loose.jpg"]}

    def test_a_folder_around_everything_is_passed_through(self, tmp_path: Path):
        put(tmp_path, "set v2/photos/rust/a.jpg", "set v2/photos/good/c.jpg")
        assert labels_of(Source(str(tmp_path))) == {"rust": ["a.jpg"], "good": ["c.jpg"]}

    @pytest.mark.parametrize(
        "names", [("train", "val", "test"), ("Training", "Validation"), ("train",), ("valid", "testing")]
    )
    def test_train_and_test_folders_are_merged(self, tmp_path: Path, names: tuple[str, ...]):
        for name in names:
            put(tmp_path, f"data/{name}/rust/{name}1.jpg", f"data/{name}/good/{name}2.jpg")
        found = labels_of(Source(str(tmp_path)))
        assert found == {"rust": [f"{n}1.jpg" for n in sorted(names)], "good": [f"{n}2.jpg" for n in sorted(names)]}

    def test_train_and_test_below_the_label(self, tmp_path: Path):
        put(tmp_path, "rust/train/a.jpg", "rust/test/b.jpg", "good/train/c.jpg")
        assert labels_of(Source(str(tmp_path))) == {"rust": ["a.jpg", "b.jpg"], "good": ["c.jpg"]}

    def test_an_unlabelled_test_folder(self, tmp_path: Path):
        put(tmp_path, "train/rust/a.jpg", "train/good/b.jpg", "test/c.jpg")
        assert labels_of(Source(str(tmp_path))) == {"rust": ["a.jpg"], "good": ["b.jpg"], "": ["c.jpg"]}

    def test_the_person_may_say_which(self, tmp_path: Path):
        put(tmp_path, "camera 1/rust/x_01.jpg", "camera 2/rust/y_02.jpg", "camera 2/good/y_03.jpg")
        root = str(tmp_path)
        assert set(labels_of(Source(root, "first"))) == {"camera 1", "camera 2"}
        assert set(labels_of(Source(root, "last"))) == {"rust", "good"}
        assert set(labels_of(Source(root, "name"))) == {"x", "y"}
        assert set(labels_of(Source(root, "none"))) == {""}
        assert set(labels_of(Source(root, "auto", "all of it"))) == {"all of it"}
        with pytest.raises(UserError) as caught:
            labels_of(Source(root, "middle"))
        assert caught.value.code == "bad_rule"

    def test_labels_in_names(self):
        names = ["rust_0012.jpg", "good (3).png", "big dent-7.jpg", "0001.jpg", "plain.jpg", "a.b.12.jpg"]
        assert [from_name(f"/x/{name}") for name in names] == ["rust", "good", "big dent", None, "plain", "a.b"]

    def test_several_folders(self, tmp_path: Path):
        put(tmp_path, "daisy/a.jpg", "rose/b.jpg", "set/x/c.jpg", "set/y/d.jpg")
        sources = [Source(str(tmp_path / name)) for name in ("daisy", "rose", "set")]
        assert labels_of(*sources) == {"daisy": ["a.jpg"], "rose": ["b.jpg"], "x": ["c.jpg"], "y": ["d.jpg"]}
        # One folder of loose pictures says nothing.
        assert labels_of(sources[0]) == {"": ["a.jpg"]}
        # A file that is named twice is taken once.
        assert labels_of(sources[2], Source(str(tmp_path / "set" / "x" / "c.jpg")))["x"] == ["c.jpg"]

    def test_single_pictures(self, tmp_path: Path):
        put(tmp_path, "a.jpg", "b_12.jpg")
        assert labels_of(Source(str(tmp_path / "a.jpg")), Source(str(tmp_path / "b_12.jpg"), "name")) == {
            "": ["a.jpg"], "b": ["b_12.jpg"],
        }  # fmt: skip

    def test_every_label_in_turn(self):
        files = [
            Candidate(f"{label}{n}", label, 0) for label, count in (("a", 4), ("b", 2), ("c", 1)) for n in range(count)
        ]
        assert [file.path for file in in_turn(files)] == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]

    def test_a_thousand_labels(self, tmp_path: Path):
        for n in range(1000):
            (tmp_path / f"label {n}").mkdir()
            os.link(self._one(tmp_path), tmp_path / f"label {n}" / "a.jpg")
        assert len(labels_of(Source(str(tmp_path)))) == 1000

    @staticmethod
    def _one(folder: Path) -> Path:
        path = folder / ".one.jpg"
        if not path.exists():
            path.write_bytes(PICTURE)
        return path


class TestTables:
    @pytest.mark.parametrize(
        "text",
        [
            "path,label\nphotos/a.jpg,rust\nphotos/b.jpg,good\n",
            "photos/a.jpg,rust\nphotos/b.jpg,good\n",
            "\ufeffLabel;File name\nrust;photos/a.jpg\ngood;photos/b.jpg\n",
            'id\tfilename\tclass\n1\t"photos/a.jpg"\trust\n2\tphotos/b.jpg\tgood\n',
            "filename|category|note\r\nphotos\\a.jpg|rust|x\r\n\r\nphotos\\b.jpg|good|y",
            "rust,photos/a.jpg\ngood,photos/b.jpg",
        ],
    )
    def test_dialects(self, tmp_path: Path, text: str):
        put(tmp_path, "photos/a.jpg", "photos/b.jpg")
        for encoding in ("utf-8", "utf-16"):
            (tmp_path / "table.csv").write_text(text, encoding=encoding, newline="")
            assert labels_of(Source(str(tmp_path / "table.csv"))) == {"rust": ["a.jpg"], "good": ["b.jpg"]}

    def test_missing_files_are_named(self, desk: Desk, tmp_path: Path):
        put(tmp_path, "a.jpg", "b.jpg")
        (tmp_path / "t.csv").write_text("path,label\na.jpg,x\nb.jpg,\ngone.jpg,y\n")
        receipt = desk.scan(tmp_path / "t.csv")
        assert receipt["labels"] == [["x", 1]]
        assert receipt["unlabelled"] == 1
        assert receipt["unreadable_count"] == 1
        assert "gone.jpg" in receipt["unreadable"][0][1]
        assert receipt["rule"] == "auto->csv"

    def test_names_without_a_suffix_and_words_of_another_code_page(self, tmp_path: Path):
        put(tmp_path, "1.jpg", "2.png")
        (tmp_path / "t.csv").write_bytes("image_id,label\n1,Grün\n2,Blau\n".encode("cp1252"))
        assert labels_of(Source(str(tmp_path / "t.csv"))) == {"Grün": ["1.jpg"], "Blau": ["2.png"]}

    def test_a_table_that_lies_in_the_folder_is_found(self, tmp_path: Path):
        put(tmp_path, "a.jpg", "b.jpg", "c.jpg")
        (tmp_path / "labels.csv").write_text("path,label\na.jpg,x\nb.jpg,y\n")
        assert labels_of(Source(str(tmp_path))) == {"x": ["a.jpg"], "y": ["b.jpg"], "": ["c.jpg"]}
        (tmp_path / "labels.csv").write_text("day,weight\n1,2\n2,3\n")
        assert labels_of(Source(str(tmp_path))) == {"": ["a.jpg", "b.jpg", "c.jpg"]}
        with pytest.raises(UserError) as caught:
            labels_of(Source(str(tmp_path), "csv"))
        assert caught.value.code == "bad_table"

    @pytest.mark.parametrize("data", [b"", b"\n\n", b"\0\1\2" * 99, b"only one column\nof words\n"])
    def test_what_is_no_table(self, tmp_path: Path, data: bytes):
        (tmp_path / "t.csv").write_bytes(data)
        with pytest.raises(UserError) as caught:
            for label, names in labels_of(Source(str(tmp_path / "t.csv"))).items():
                raise UserError("bad_table", f"{label} {names} t.csv")
            raise UserError("bad_table", "t.csv: nothing but missing files")
        assert "t.csv" in caught.value.message


class TestScanning:
    def test_the_receipt(self, desk: Desk, tmp_path: Path):
        put(tmp_path, *(f"in/rust {n}/{k}.jpg" for n in (2, 10) for k in range(6)), "in/loose.jpg")
        put(tmp_path, "in/rust 2/torn.jpg", data=refused()["text.jpg"][0])
        put(tmp_path, "in/rust 2/notes.txt", "in/rust 2/._0.jpg", "in/Thumbs.db", "in/__MACOSX/rust 2/0.jpg", data=b"x")
        receipt = desk.scan(tmp_path / "in")
        assert receipt["labels"] == [["rust 2", 6], ["rust 10", 6]]
        assert (receipt["photographs"], receipt["unlabelled"], receipt["duplicates"]) == (13, 1, 0)
        assert receipt["unreadable_count"] == 1
        assert "torn.jpg" in receipt["unreadable"][0][1]
        assert receipt["passed_over"] == 1
        assert receipt["rule"] == "auto->last"
        assert receipt["warnings"] == ["Passed over, being no pictures: 1 .txt (such as 'notes.txt')."]
        assert desk.project.undo_text() == "Add 13 photographs"
        photo = desk.project.photo_at(str(tmp_path / "in" / "rust 2" / "0.jpg"))
        assert (photo.width, photo.height, photo.label, photo.status) == (64, 48, "rust 2", "ok")
        told = [event for event in desk.events if isinstance(event, Progress)]
        assert told[-1].text == "Read 14 of 14"
        for event in told:
            encode(event)

    def test_again_adds_nothing_and_after_undo_everything(self, desk: Desk, tmp_path: Path):
        put(tmp_path, "in/a/1.jpg", "in/b/2.jpg")
        desk.scan(tmp_path / "in")
        receipt = desk.scan(tmp_path / "in")
        assert (receipt["photographs"], receipt["duplicates"]) == (0, 2)
        assert desk.project.undo() == "Add 2 photographs"
        assert desk.project.photo_count() == 0
        assert desk.project.labels() == []
        assert desk.scan(tmp_path / "in")["photographs"] == 2

    def test_a_changed_file_is_read_again(self, desk: Desk, tmp_path: Path):
        put(tmp_path, "in/a/1.jpg", "in/b/2.jpg")
        desk.scan(tmp_path / "in")
        put(tmp_path, "in/a/1.jpg", data=encoded(scene(20, 10), "PNG"))
        desk.scan(tmp_path / "in")
        assert desk.project.photo_count() == 2
        assert desk.project.photo_at(str(tmp_path / "in" / "a" / "1.jpg")).width == 20

    def test_a_table_labels_what_came_without(self, desk: Desk, tmp_path: Path):
        put(tmp_path, "in/1.jpg", "in/2.jpg")
        assert desk.scan(tmp_path / "in")["unlabelled"] == 2
        (tmp_path / "t.csv").write_text("path,label\nin/1.jpg,x\nin/2.jpg,y\n")
        assert desk.scan(tmp_path / "t.csv")["labelled"] == 2
        assert [(label.name, label.count) for label in desk.project.labels()] == [("x", 1), ("y", 1)]
        assert desk.project.undo() == "Label 2 photographs"
        assert desk.project.labels() == []

    def test_warnings(self, desk: Desk, tmp_path: Path):
        put(tmp_path, "one/a/1.jpg", "two/b/1.jpg")
        assert "compares" in desk.scan(tmp_path / "one")["warnings"][0]
        assert "a, b" in desk.scan(tmp_path / "two")["warnings"][0]

    @pytest.mark.parametrize("name", ["empty", "only text"])
    def test_no_photographs(self, desk: Desk, tmp_path: Path, name: str):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "readme.txt").write_text("x")
        with pytest.raises(UserError) as caught:
            desk.scan(tmp_path / name)
        assert caught.value.code == "no_photographs"
        assert name in caught.value.message

    def test_a_folder_that_is_not_there(self, desk: Desk, tmp_path: Path):
        for path in (tmp_path / "nowhere", tmp_path / "nowhere" / "a.jpg", tmp_path / "t.csv"):
            with pytest.raises(UserError) as caught:
                desk.scan(path)
            assert caught.value.code == "not_reachable"

    def test_a_drive_that_goes_away_leaves_what_was_read(self, desk: Desk, tmp_path: Path, monkeypatch):
        put(tmp_path, *(f"in/{label}/{n}.jpg" for label in "ab" for n in range(40)))
        whole, read = reading.read_one, []

        def flaky(path: str, label: str | None = None):
            read.append(path)
            if len(read) == 30:
                shutil.rmtree(tmp_path / "in")
            return whole(path, label)

        monkeypatch.setattr(reading, "read_one", flaky)
        with pytest.raises(UserError) as caught:
            desk.scan(tmp_path / "in")
        assert caught.value.code == "not_reachable"
        assert 0 < desk.project.photo_count() < 80
        assert desk.project.undo_text().startswith("Add ")

    def test_files_that_vanish(self, desk: Desk, tmp_path: Path, monkeypatch):
        put(tmp_path, *(f"in/{label}/{n}.jpg" for label in "ab" for n in range(5)))
        whole = reading.read_one

        def flaky(path: str, label: str | None = None):
            if path.endswith("3.jpg"):
                Path(path).unlink()
            return whole(path, label)

        monkeypatch.setattr(reading, "read_one", flaky)
        receipt = desk.scan(tmp_path / "in")
        assert (receipt["photographs"], receipt["unreadable_count"]) == (8, 2)
        assert "vanished" in receipt["unreadable"][0][1]
        assert desk.project.unreadable_count() == 0

    def test_stopping_keeps_what_was_read(self, desk: Desk, tmp_path: Path):
        put(tmp_path, *(f"in/{label}/{n}.jpg" for label in "abc" for n in range(40)))
        asked = []
        control = Control(between=lambda: asked.append(1) or (len(asked) > 70 and control.stop()))
        with pytest.raises(JobStopped):
            desk.scan(tmp_path / "in", control=control)
        assert 0 < desk.project.photo_count() < 120
        assert len({label.name for label in desk.project.labels()}) == 3  # of every label in turn
        desk.project.undo()
        assert desk.project.photo_count() == 0

    def test_taking_an_import_back_while_it_goes_on_stops_it(self, desk: Desk, tmp_path: Path, monkeypatch):
        put(tmp_path, *(f"in/{label}/{n}.jpg" for label in "abc" for n in range(300)))
        stored = Project.add_photos

        def add_and_undo(self, photos, source=None, import_id=None):
            count = stored(self, photos, source, import_id)
            if self.undo_text():
                self.undo()
            return count

        monkeypatch.setattr(Project, "add_photos", add_and_undo)
        with pytest.raises(JobStopped):
            desk.scan(tmp_path / "in")
        assert desk.project.photo_count() == 0

    @pytest.mark.skipif(sys.platform == "win32", reason="needs links, pipes and odd names")
    def test_links_loops_pipes_and_odd_names(self, desk: Desk, tmp_path: Path):
        root = tmp_path / "in"
        odd = os.fsdecode(b"caf\xe9")
        put(root, "a/1.jpg", "b/2.jpg", f"{odd}/{odd}.jpg", "名前 with spaces/😀.jpg", "c/bare", "c/trip.2021")
        (root / "a" / "up").symlink_to(root)
        (root / "b" / "self").symlink_to("self")
        write_special(root / "a")
        receipt = desk.scan(root)
        labels = dict(receipt["labels"])
        assert labels == {"a": 1, "b": 1, "caf\\xe9": 1, "名前 with spaces": 1, "c": 2}
        refusals = {Path(path).name for path, _ in receipt["unreadable"]}
        assert refusals == {"dangling.jpg", "loop.jpg", "pipe.jpg"}

    def test_own_projects_are_not_read(self, desk: Desk, tmp_path: Path):
        put(desk.project.folder, "cache/thumbnails/ab/t.jpg")
        put(tmp_path, "a/1.jpg", "b/2.jpg")
        assert desk.scan(tmp_path)["photographs"] == 2

    def test_a_project_among_the_photographs_is_not_counted(self, tmp_path: Path):
        with Project.create(tmp_path / "photos") as project:  # as earlier versions allowed it beside photographs
            put(tmp_path / "photos", "rust/a.jpg", "good/b.jpg")
            command = Scan("scan", str(project.folder), (Source(str(tmp_path / "photos")),))
            receipt = scan_job(command, in_job())
        assert receipt["labels"] == [["good", 1], ["rust", 1]] and receipt["passed_over"] == 0

    def test_raw_twins_are_passed_over_and_other_formats_named(self, desk: Desk, tmp_path: Path):
        put(tmp_path, "in/a/1.jpg", "in/b/2.jpg")
        put(tmp_path, "in/a/1.CR2", "in/a/alone.nef", "in/a/layers.psd", data=b"8BPS" + bytes(50))
        receipt = desk.scan(tmp_path / "in")
        assert receipt["passed_over"] == 1
        assert sorted(Path(path).name for path, _ in receipt["unreadable"]) == ["alone.nef", "layers.psd"]
        assert "PSD" in receipt["unreadable"][1][1]

    def test_real_photographs(self, desk: Desk, flowers5: Path):
        receipt = desk.scan(flowers5)
        assert receipt["labels"] == [[name, 50] for name in ("daisy", "dandelion", "roses", "sunflowers", "tulips")]

    def test_odd_files(self, desk: Desk, hostile: Path):
        receipt = desk.scan(hostile / "files")
        named = {Path(path).name for path, _ in receipt["unreadable"]}
        assert {"gen_archive.png", "gen_bomb_182MP.png", "pil_zero_bb.eps"} <= named
        assert receipt["passed_over"] == 0


def test_preview_reads_no_picture_and_shows_every_rule(tmp_path: Path, monkeypatch):
    put(tmp_path, "camera 1/rust/x_1.jpg", "camera 1/good/x_2.jpg", "camera 2/rust/y_3.jpg", "camera 2/good/y_4.jpg")
    monkeypatch.setattr(reading, "read_one", None)
    result = preview_job(Preview("p", (Source(str(tmp_path)),)), in_job())
    assert (result["auto"], result["photographs"]) == ("last", 4)
    assert [row[:2] for row in result["rules"]["first"]] == [["camera 1", 2], ["camera 2", 2]]
    assert [row[:2] for row in result["rules"]["last"]] == [["good", 2], ["rust", 2]]
    assert [row[:2] for row in result["rules"]["name"]] == [["x", 2], ["y", 2]]
    assert result["rules"]["last"][0][2].endswith(".jpg")
    assert "csv" not in result["rules"] and result["doubts"] == []


class TestReconciling:
    @pytest.fixture
    def photos(self, desk: Desk, tmp_path: Path) -> Path:
        root = tmp_path / "in"
        put(root, *(f"{label}/{label}{n}.jpg" for label in ("rust", "good") for n in range(6)))
        desk.scan(root)
        return root

    def test_nothing_new(self, desk: Desk, photos: Path):
        result = desk.reconcile()
        assert [result[key] for key in ("new", "gone", "changed", "moved")] == [0, 0, 0, 0]
        assert result["unreachable"] == []

    def test_new_gone_changed_and_moved(self, desk: Desk, photos: Path):
        put(photos, "rust/new.jpg")
        (photos / "rust" / "rust0.jpg").unlink()
        put(photos, "rust/rust1.jpg", data=encoded(scene(20, 10), "PNG"))
        (photos / "good" / "good0.jpg").rename(photos / "rust" / "good0.jpg")
        result = desk.reconcile()
        assert [result[key] for key in ("new", "gone", "changed", "moved", "relabelled")] == [1, 1, 1, 1, 1]
        assert Path(result["examples"]["new"][0]).name == "new.jpg"
        before = desk.project.data_version()
        assert [desk.reconcile()[key] for key in ("new", "gone", "changed", "moved")] == [1, 0, 1, 0]
        assert desk.project.data_version() == before  # looking again changes nothing
        result = desk.reconcile(apply=True)
        assert result["receipt"]["photographs"] == 1
        project = desk.project
        assert project.photo_at(str(photos / "rust" / "new.jpg")).label == "rust"
        assert project.photo_at(str(photos / "rust" / "rust1.jpg")).width == 20
        assert project.photo_at(str(photos / "rust" / "good0.jpg")).label == "rust"
        assert [Path(p.path).name for p in project.photos(project.photo_ids("gone"))] == ["rust0.jpg"]
        again = desk.reconcile()
        assert [again[key] for key in ("new", "gone", "changed", "moved")] == [0, 0, 0, 0]
        put(photos, "rust/rust0.jpg")
        os.utime(photos / "rust" / "rust0.jpg", ns=(1, 1))
        desk.reconcile(apply=True)
        assert desk.project.photo_count() == 13

    def test_another_date_alone_is_no_change(self, desk: Desk, photos: Path, monkeypatch: pytest.MonkeyPatch):
        for path in photos.rglob("*.jpg"):
            os.utime(path, ns=(1, 1))
        altered = photos / "rust" / "rust1.jpg"
        altered.write_bytes(altered.read_bytes()[:-2] + b"xy")
        monkeypatch.setattr(reconcile, "REDATED_MOST", 0)
        assert desk.reconcile()["changed"] == 12  # too much to read again: to be on the safe side
        monkeypatch.undo()
        result = desk.reconcile()
        assert result["changed"] == 1
        assert Path(result["examples"]["changed"][0]) == altered
        assert desk.project.photo_at(str(photos / "rust" / "rust2.jpg")).mtime_ns == 1
        altered.unlink()
        monkeypatch.setattr(reconcile, "read_all", None)  # the new dates are known now, nothing is read
        assert desk.reconcile()["changed"] == 0

    def test_a_drive_that_is_away_is_not_gone(self, desk: Desk, photos: Path):
        photos.rename(photos.with_name("elsewhere"))
        result = desk.reconcile(apply=True)
        assert result["unreachable"] == [str(photos)]
        assert result["gone"] == 0
        assert desk.project.photo_count() == 12
        photos.with_name("elsewhere").rename(photos)
        assert desk.reconcile()["unreachable"] == []

    def test_a_moved_folder_is_found_by_adding_it_from_its_new_place(self, desk: Desk, photos: Path):
        desk.project.move(desk.project.photo_ids()[:2], None)
        labels = {p.hash: p.label for p in desk.project.photos(desk.project.photo_ids())}
        there = photos.with_name("elsewhere")
        photos.rename(there)
        put(there, "good/new one.jpg")
        receipt = desk.scan(there)
        assert (receipt["moved"], receipt["photographs"]) == (12, 1)
        after = {p.hash: p.label for p in desk.project.photos(desk.project.photo_ids())}
        assert all(after[digest] == label for digest, label in labels.items())
        assert [source.path for source in desk.project.sources()] == [str(there)]
        result = desk.reconcile()
        assert [result[key] for key in ("new", "gone", "changed", "moved")] == [0, 0, 0, 0]
        assert result["unreachable"] == []

    def test_a_drive_that_is_back(self, desk: Desk, photos: Path):
        there = sorted(photos.rglob("*.jpg"))
        shutil.move(there[0], photos.parent / "one.jpg")
        assert desk.reconcile()["gone"] == 1 and desk.project.photo_count() == 11
        photos.rename(photos.with_name("elsewhere"))
        result = desk.reconcile(apply=True)
        assert (result["gone"], result["back"], desk.project.photo_count()) == (0, 0, 11)
        photos.mkdir()  # an empty mount point
        result = desk.reconcile(apply=True)
        assert (result["unreachable"], result["gone"], desk.project.photo_count()) == ([str(photos)], 0, 11)
        photos.rmdir()
        photos.with_name("elsewhere").rename(photos)
        shutil.move(photos.parent / "one.jpg", there[0])
        result = desk.reconcile()
        assert (result["unreachable"], result["gone"], result["back"]) == ([], 0, 1)
        assert desk.project.photo_count() == 12

    def test_what_was_given_up_is_gone_and_comes_back(self, desk: Desk, photos: Path):
        photos.rename(photos.with_name("elsewhere"))
        assert desk.reconcile(gone=True)["gone"] == 12
        assert desk.project.counts()["gone"] == 12
        assert desk.reconcile()["unreachable"] == [], "nothing is missed there any more"
        photos.with_name("elsewhere").rename(photos)
        assert desk.reconcile()["back"] == 12 and desk.project.photo_count() == 12

    def test_a_scan_brings_back_what_was_gone(self, desk: Desk, photos: Path):
        (photos / "rust" / "rust0.jpg").rename(photos.parent / "aside.jpg")
        desk.reconcile()
        (photos.parent / "aside.jpg").rename(photos / "rust" / "rust0.jpg")
        receipt = desk.scan(photos)
        assert (receipt["back"], receipt["duplicates"], receipt["photographs"]) == (1, 12, 0)

    @pytest.mark.parametrize("how", ["scan", "reconcile"])
    def test_labels_follow_pictures_and_folders(self, desk: Desk, photos: Path, how: str):
        corrected = desk.project.photo_at(str(photos / "rust" / "rust5.jpg"))
        desk.project.move([corrected.id], None)
        (photos / "good" / "good0.jpg").rename(photos / "rust" / "good0.jpg")
        (photos / "good" / "good1.jpg").rename(photos / "rust" / "rust0 (1).jpg")  # renamed as well
        (photos / "rust" / "rust5.jpg").rename(photos / "good" / "rust5.jpg")
        (photos / "rust").rename(photos / "corrosion")
        receipt = desk.scan(photos) if how == "scan" else desk.reconcile()
        assert {key: receipt[key] for key in ("moved", "relabelled", "disagree", "labelled", "back")} == {
            "moved": 8, "relabelled": 7, "disagree": 1, "labelled": 0, "back": 0
        }  # fmt: skip
        assert receipt.get("photographs", 0) == receipt.get("new", 0) == receipt.get("gone", 0) == 0
        labels = desk.labels()
        assert labels["good0.jpg"] == labels["rust0 (1).jpg"] == labels["rust1.jpg"] == "corrosion"
        assert (labels["good2.jpg"], labels["rust5.jpg"]) == ("good", None)
        again = desk.reconcile()
        assert [again[key] for key in ("new", "gone", "moved", "relabelled", "disagree")] == [0, 0, 0, 0, 1]
        assert desk.project.undo() == "Relabel 7 photographs as on the disk"
        assert desk.labels()["good0.jpg"] == "good"

    def test_everything_may_move_at_once(self, desk: Desk, photos: Path):
        for name in ("rust", "good"):
            (photos / name).rename(photos / f"{name} new")
        result = desk.reconcile()
        assert (result["moved"], result["relabelled"], result["gone"], result["unreachable"]) == (12, 12, 0, [])
        assert [label.name for label in desk.project.labels()] == ["good new", "rust new"]

    def test_a_corrected_table_is_followed(self, desk: Desk, tmp_path: Path):
        root = tmp_path / "listed"
        put(root, *(f"{n}.jpg" for n in range(6)))
        table = root / "labels.csv"

        def write(**labels: str) -> None:
            rows = (f"{n}.jpg,{labels.get(f'_{n}', 'rust' if n < 3 else 'good')}" for n in range(6))
            table.write_text("path,label\n" + "\n".join(rows), "utf-8")

        write()
        desk.scan(Source(str(table), "csv"))
        write(_0="good", _1="dent")
        result = desk.reconcile()
        assert (result["relabelled"], result["moved"]) == (2, 0)
        assert desk.labels()["0.jpg"] == "good" and desk.labels()["1.jpg"] == "dent"
        write()
        assert desk.scan(Source(str(table), "csv"))["relabelled"] == 2
        table.unlink()
        assert desk.reconcile()["relabelled"] == 0 and desk.labels()["0.jpg"] == "rust"

    def test_a_rule_that_becomes_another_relabels_nothing_that_did_not_move(self, desk: Desk, tmp_path: Path):
        root = tmp_path / "two levels"
        put(root, *(f"site/rust/{n}.jpg" for n in range(4)), *(f"site/good/g{n}.jpg" for n in range(4)))
        desk.scan(root)
        before = desk.labels()
        assert set(before.values()) == {"rust", "good"}
        put(root, *(f"{label}/{place}/{label}{n}.jpg" for label in "abcdef" for place in "xy" for n in range(3)))
        assert desk.reconcile()["relabelled"] == 0
        assert desk.labels() == before
        asked = desk.scan(Source(str(root), "first"))  # by the person's own rule they are read anew
        assert asked["relabelled"] == 8 and desk.labels()["g0.jpg"] == "site"

    def test_folders_that_are_a_label_each_stay_that(self, desk: Desk, tmp_path: Path):
        put(tmp_path, "cats/1.jpg", "cats/2.jpg", "dogs/3.jpg")
        desk.scan(tmp_path / "cats", tmp_path / "dogs")
        (tmp_path / "cats" / "2.jpg").rename(tmp_path / "dogs" / "2.jpg")
        assert desk.reconcile()["relabelled"] == 1
        assert desk.labels() == {"1.jpg": "cats", "2.jpg": "dogs", "3.jpg": "dogs"}

    def test_removed_photographs_stay_removed(self, desk: Desk, photos: Path):
        desk.project.remove_photos(desk.project.photo_ids()[:3])
        assert desk.reconcile(apply=True)["new"] == 0
        assert desk.project.photo_count() == 9


class TestCheckingUp:
    def check(self, *paths: Path) -> tuple[list[dict], dict]:
        findings = check_photographs([Source(str(path)) for path in paths], in_job())
        json.dumps(findings).encode("utf-8")
        return findings[:-1], findings[-1]["summary"]

    def test_findings(self, tmp_path: Path):
        put(
            tmp_path,
            *(f"rust/{n}.jpg" for n in range(6)),
            *(f"good/{n}.jpg" for n in range(5)),
            "few/1.jpg",
            "loose.jpg",
        )
        put(tmp_path, "rust/copy.jpg", "good/copy.jpg", data=PICTURE + b"copy")
        put(tmp_path, "good/twin 1.jpg", "good/twin 2.jpg", data=PICTURE + b"twin")
        put(tmp_path, "rust/half.jpg", data=refused()["half.jpg"][0])
        put(tmp_path, "lost/a.jpg", data=b"")
        findings, summary = self.check(tmp_path)
        kinds = sorted(found["finding"] for found in findings)
        assert kinds == ["identical", "too_few", "too_few", "two_labels", "unlabelled", "unreadable", "unreadable"]
        by_kind = {found["finding"]: found for found in findings}
        assert {Path(p).name for p in by_kind["identical"]["paths"]} == {"twin 1.jpg", "twin 2.jpg"}
        assert "'good' and 'rust'" in by_kind["two_labels"]["message"]
        assert summary["labels"] == {"few": 1, "good": 8, "rust": 7}
        assert (summary["photographs"], summary["unreadable"], summary["identical"]) == (17, 2, 2)

    def test_one_label_and_none(self, tmp_path: Path):
        put(tmp_path, *(f"one/rust/{n}.jpg" for n in range(6)))
        assert [found["finding"] for found in self.check(tmp_path / "one")[0]] == ["one_label"]
        (tmp_path / "two").mkdir()
        assert [found["finding"] for found in self.check(tmp_path / "two")[0]] == ["no_photographs"]

    def test_odd_files_are_all_accounted_for(self, hostile: Path):
        findings, summary = self.check(hostile / "files")
        files = [path for path in (hostile / "files").iterdir() if not path.name.startswith("._")]
        assert summary["photographs"] + summary["unreadable"] + summary["passed_over"] == len(files)
        assert all(found["message"] for found in findings)

    def test_stopping(self, tmp_path: Path):
        put(tmp_path, "a/1.jpg", "b/2.jpg")
        control = Control()
        control.stop()
        with pytest.raises(JobStopped):
            check_photographs([Source(str(tmp_path))], in_job(control=control))


def test_a_scan_and_a_check_agree_about_files_whose_end_is_missing(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
    for suffix, form in (("jpg", "JPEG"), ("png", "PNG")):
        data = io.BytesIO()
        noise.save(data, form)
        for name, share in (("whole", 1.0), ("half", 0.5)):
            put(tmp_path, f"in/a/{name}.{suffix}")
            (tmp_path / "in" / "a" / f"{name}.{suffix}").write_bytes(
                data.getvalue()[: int(len(data.getvalue()) * share)]
            )
        (tmp_path / "in" / "a" / f"no mark.{suffix}").write_bytes(data.getvalue()[:-2] + b"\0" * (form == "JPEG"))
    sources = (Source(str(tmp_path / "in")),)
    *_, last = check_photographs(sources, in_job())
    with Project.open_or_create(tmp_path / "p") as project:
        receipt = scan_job(Scan("s", str(project.folder), sources), in_job())
    assert receipt["unreadable_count"] == last["summary"]["unreadable"] == 2
    assert receipt["labels"] == [["a", 4]] and all("half" in path for path, _ in receipt["unreadable"])

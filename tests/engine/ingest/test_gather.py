"""From folders and tables to labels: what is asked, what is said, and that everybody says the same."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from resnext_gui.engine.ingest import walk
from resnext_gui.engine.ingest.check import check_photographs
from resnext_gui.engine.ingest.findings import NOTES, sentence
from resnext_gui.engine.ingest.gather import Gathered, gather
from resnext_gui.engine.ingest.reconcile import reconcile_job
from resnext_gui.engine.ingest.scan import preview_job, scan_job
from resnext_gui.engine.pictures import files as picture_files
from resnext_gui.messages import Preview, Reconcile, Scan, Source, UserError
from resnext_gui.project import Project
from tests.engine.ingest.test_scan import PICTURE, labels_of, put
from tests.jobs import in_job


def gathered(root: Path, rule: str = "auto") -> Gathered:
    return gather([Source(str(root), rule)], lambda _count: None)


def counts(root: Path, rule: str = "auto") -> dict[str, int]:
    return {label: len(names) for label, names in labels_of(Source(str(root), rule)).items()}


def scan(tmp_path: Path, root: Path, rule: str = "auto", ask: bool = False) -> dict[str, Any]:
    folder = tmp_path / "project"
    with Project.open_or_create(folder) as project:
        command = Scan("s", str(project.folder), (Source(str(root), rule),), ask)
        return scan_job(command, in_job())


def check(root: Path) -> list[dict[str, Any]]:
    return check_photographs([Source(str(root))], in_job())[:-1]


def many(root: Path, *folders: str, count: int = 5) -> None:
    put(root, *(f"{folder}/{n}.jpg" for folder in folders for n in range(count)))


# ---- asking


def test_two_readings_are_asked_before_anything_is_added(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "animals/cats", "animals/dogs", "plants/roses")
    with pytest.raises(UserError) as caught:
        scan(tmp_path, root, ask=True)
    assert caught.value.code == "two_readings"
    for part in ("cats (5)", "roses (5)", "animals (10)", "plants (5)"):
        assert part in caught.value.message
    assert "--labels last" in caught.value.hint and "--labels first" in caught.value.hint
    with Project.open(tmp_path / "project") as project:
        assert project.photo_count() == 0 and not project.sources()
    assert dict(scan(tmp_path, root, "first", ask=True)["labels"]) == {"animals": 10, "plants": 5}


def test_the_window_takes_the_better_reading_and_has_both(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "animals/cats", "animals/dogs", "plants/roses")
    receipt = scan(tmp_path, root)
    assert receipt["doubts"] == ["last", "first"] and receipt["auto"] == "last"
    assert [row[:2] for row in receipt["rules"]["first"]] == [["animals", 10], ["plants", 5]]
    assert [row[:2] for row in receipt["rules"]["last"]] == receipt["labels"]
    shown = preview_job(Preview("p", (Source(str(root)),)), in_job())
    assert {key: shown[key] for key in ("rules", "auto", "doubts")} == {
        key: receipt[key] for key in ("rules", "auto", "doubts")
    }


def test_clear_folders_ask_nothing(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "train/cats", "train/dogs", "test/cats", "unlabeled")
    receipt = scan(tmp_path, root, ask=True)
    assert dict(receipt["labels"]) == {"cats": 10, "dogs": 5} and receipt["unlabelled"] == 5
    assert receipt["doubts"] == [] and receipt["rules"] == {}
    assert "Left without a label, beside the others: 5 photographs in 'unlabeled'." in receipt["warnings"]


def test_a_label_called_images_is_asked(tmp_path: Path) -> None:
    many(tmp_path / "in", "images", "cats", "dogs")
    with pytest.raises(UserError) as caught:
        scan(tmp_path, tmp_path / "in", ask=True)
    assert caught.value.code == "odd_label" and "'images'" in caught.value.message


def test_file_names_that_could_be_labels_are_asked(tmp_path: Path) -> None:
    root = tmp_path / "in"
    put(root, *(f"train/{kind}.{n}.jpg" for kind in ("cat", "dog") for n in range(5)), "test1/1.jpg", "test1/2.jpg")
    with pytest.raises(UserError) as caught:
        scan(tmp_path, root, ask=True)
    assert "cat (5), dog (5)" in caught.value.message and "--labels name" in caught.value.hint
    assert counts(root, "name") == {"cat": 5, "dog": 5, "": 2}


@pytest.mark.parametrize(
    "folders",
    [
        ("2023-05-01", "2023-05-02"),
        ("100CANON", "101CANON"),
        ("2023/01", "2023/02", "2024/01"),
        ("session 1", "day 2"),
        ("Photos from 2021", "Photos from 2022"),
    ],
)
def test_dates_as_labels_are_asked(tmp_path: Path, folders: tuple[str, ...]) -> None:
    many(tmp_path / "in", *folders)
    with pytest.raises(UserError) as caught:
        scan(tmp_path, tmp_path / "in", ask=True)
    assert caught.value.code == "two_readings" and "--labels none, --labels last" in caught.value.hint
    assert scan(tmp_path, tmp_path / "in")["labels"] == []


def test_parts_without_labels_are_said(tmp_path: Path) -> None:
    many(tmp_path / "in", "trainA", "testB")
    assert any("'testB', 'trainA'" in said for said in scan(tmp_path, tmp_path / "in")["warnings"])


def test_how_labels_were_read_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "cats/2024-01", "cats/2024-02", "dogs/2024-01")
    scan(tmp_path, root)
    with Project.open(tmp_path / "project") as project:
        assert project.sources() == [Source(str(root), "first")]
    put(tmp_path, *(f"loose/x{n}.jpg" for n in range(3)))
    scan(tmp_path, tmp_path / "loose")  # it may have labels later, in whatever way
    with Project.open(tmp_path / "project") as project:
        assert project.sources()[-1] == Source(str(tmp_path / "loose"), "auto")


def test_a_table_that_goes_away_takes_no_photograph_along(tmp_path: Path) -> None:
    root = tmp_path / "in"
    put(root, *(f"{n}.jpg" for n in range(6)))
    (root / "t.csv").write_text("path,label\n" + "".join(f"{n}.jpg,{'ab'[n % 2]}\n" for n in range(6)))
    scan(tmp_path, root)
    (root / "t.csv").unlink()
    put(root, "new.jpg")
    found = reconcile_job(Reconcile("r", str(tmp_path / "project"), False, False), in_job())
    assert (found["new"], found["gone"], found["relabelled"], found["unreachable"]) == (1, 0, 0, [])


# ---- tables among photographs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\n" + "".join(f"x{n}.png,{'ab'[n % 2]}\n" for n in range(9)), "names none of these photographs"),
        ("path,label\n" + "".join(f"{n}.jpg,a\n" for n in range(9)), "one label only, 'a'"),
        ("path,label\n0.jpg,a\n1.jpg,b\n", "only 2 of 40 photographs"),
    ],
)
def test_a_table_that_is_not_used_is_said_where_there_are_no_labels(tmp_path: Path, text: str, said: str) -> None:
    put(tmp_path, *(f"{n}.jpg" for n in range(40)))
    (tmp_path / "t.csv").write_text(text)
    found = [sentence(one) for one in check(tmp_path)]
    assert any("'t.csv'" in one and said in one for one in found), found


def test_a_table_beside_parts_is_found(tmp_path: Path) -> None:
    put(tmp_path, *(f"train/{n}.jpg" for n in range(8)), "test/q1.jpg", "test/q2.jpg")
    (tmp_path / "labels.csv").write_text("id,breed\n" + "".join(f"{n},{'pug' if n % 2 else 'lab'}\n" for n in range(8)))
    assert counts(tmp_path) == {"pug": 4, "lab": 4, "": 2}
    assert not gathered(tmp_path).passed


def test_a_table_in_each_part_is_taken_together(tmp_path: Path) -> None:
    for part, number in (("train", 8), ("valid", 4)):
        put(tmp_path, *(f"{part}/{part}{n}.jpg" for n in range(number)))
        rows = "".join(f"{part}{n}.jpg,{n % 2}\n" for n in range(number))
        (tmp_path / part / "_labels.csv").write_text("filename,label\n" + rows)
    assert counts(tmp_path) == {"0": 6, "1": 6}


def test_a_table_that_says_something_else_than_the_folders_is_a_question(tmp_path: Path) -> None:
    many(tmp_path, "left", "right")
    rows = [f"{side}/{n}.jpg,{'rust' if n % 2 else 'good'}\n" for side in ("left", "right") for n in range(5)]
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(rows))
    found = gathered(tmp_path)
    assert found.doubts[0] == "last" and len(found.doubts) == 2
    assert counts(tmp_path) == {"left": 5, "right": 5}
    assert counts(tmp_path, "column:label") == counts(tmp_path, "csv") == {"rust": 4, "good": 6}


def test_a_table_that_says_what_the_folders_say_is_none(tmp_path: Path) -> None:
    many(tmp_path, "left", "right")
    rows = [f"{side}/{n}.jpg,{side.title()}\n" for side in ("left", "right") for n in range(5)]
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(rows))
    assert gathered(tmp_path).doubts == []


def test_a_column_is_chosen_by_name(tmp_path: Path) -> None:
    put(tmp_path, *(f"{n}.jpg" for n in range(8)))
    rows = [f"{n}.jpg,{'mel' if n % 2 else 'nv'},{'arm' if n < 4 else 'leg'}\n" for n in range(8)]
    (tmp_path / "meta.csv").write_text("image,dx,site\n" + "".join(rows))
    assert counts(tmp_path, "column:site") == {"arm": 4, "leg": 4}
    assert counts(tmp_path / "meta.csv", "column:dx") == {"mel": 4, "nv": 4}
    assert set(gather([Source(str(tmp_path))], lambda _count: None, every_rule=True).readings) >= {
        "column:dx", "column:site",
    }  # fmt: skip
    with pytest.raises(UserError) as caught:
        counts(tmp_path, "column:colour")
    assert "colour" in caught.value.message


# ---- what is said


def kinds(found: list[dict[str, Any]]) -> set[str]:
    return {one["finding"] for one in found}


def both_say(tmp_path: Path, root: Path) -> list[dict[str, Any]]:
    """Return the findings of an import, after comparing them with those of the check-up."""
    receipt = scan(tmp_path, root)
    imported = {sentence(one) for one in receipt["findings"]}
    assert imported == {sentence(one) for one in check(root) if one["finding"] not in ("identical", "unreadable")}
    assert all(sentence(one) in receipt["warnings"] for one in receipt["findings"] if one["finding"] in NOTES)
    return list(receipt["findings"])


def test_files_that_are_not_downloaded(tmp_path: Path) -> None:
    many(tmp_path / "in", "cats", "dogs")
    put(tmp_path / "in", *(f"birds/.IMG_{n}.jpg.icloud" for n in range(6)), data=b"bplist00")
    found = both_say(tmp_path, tmp_path / "in")
    assert kinds(found) == {"not_downloaded"} and "6 files of 'birds'" in found[0]["message"]


def test_hidden_folders(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "cats", "dogs", ".22 LR", ".secret", "@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", ".Trash-1000",
         ".thumbnails", ".@__thumb", "cats/.ipynb_checkpoints", "cats/@eaDir")  # fmt: skip
    put(root, "cats/._0.jpg", "cats/.DS_Store", data=b"x")
    assert counts(root) == {"cats": 5, "dogs": 5, ".22 LR": 5}
    found = both_say(tmp_path, root)
    assert kinds(found) == {"hidden"} and "5 photographs, such as '.secret'" in found[0]["message"]


def test_other_kinds_of_files_and_empty_folders(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "cats", "dogs")
    put(root, "readme.txt", "cats/a.txt", "dogs/b.pdf", "birds/c.txt", data=b"x")
    found = {one["finding"]: one["message"] for one in both_say(tmp_path, root)}
    assert found == {
        "passed_over": "Passed over, being no pictures: 3 .txt, 1 .pdf (such as 'readme.txt').",
        "empty_folder": "No photographs in birds.",
    }


def test_projects_among_photographs(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "cats", "dogs", "runs", "old project/runs")
    Project.create(root / "old project" / "p").close()
    Project.create(root / "model").close()
    found = both_say(tmp_path, root)
    assert kinds(found) == {"project"} and "model" in found[0]["message"] and "p" in found[0]["message"]


def test_unusual_suffixes_of_jpegs(tmp_path: Path) -> None:
    put(
        tmp_path,
        *(f"a/{n}.{end}" for n, end in enumerate(("pjp", "pjpeg", "jif", "jpe", "jfif", "jpg_large"))),
        *(
            f"a/x{n}.{end}"
            for n, end in enumerate(("img", "bin", "pic", "image", "photo", "dat", "JPG~", "abcdefghijk"))
        ),
        "b/1.jpg",
    )
    put(tmp_path, *(f"b/{n}.{end}" for n, end in enumerate(("part", "bak", "thm", "txt", "jpg_original"))))
    (tmp_path / "b" / "words.dat").write_bytes(b"words")
    assert counts(tmp_path) == {"a": 14, "b": 1}


def test_files_of_no_kind_are_not_all_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "LOOKED_INTO_MOST", 3)
    put(tmp_path, "a/1.pic")
    for n in range(9):
        (tmp_path / f"{n}.dat").write_bytes(b"words")
    put(tmp_path, "9.dat")
    looked: list[str] = []
    whole = picture_files.opened_file
    monkeypatch.setattr(picture_files, "opened_file", lambda path: looked.append(str(path)) or whole(path))
    assert counts(tmp_path) == {"a": 1} and len(looked) == 4
    assert gathered(tmp_path).passed["other .dat"].count == 10


@pytest.mark.parametrize("other", ["cats", "ＣATS", "Cats\u200b", "CATS"])
def test_labels_that_look_alike(tmp_path: Path, other: str) -> None:
    root = tmp_path / "in"
    many(root, "Cats", "dogs")
    put(root, *(f"{other}/x{n}.jpg" for n in range(5)))
    if len(list(root.iterdir())) < 3:
        pytest.skip("this file system does not tell such names apart")
    found = both_say(tmp_path, root)
    assert kinds(found) == {"alike"} and "case, width or invisible" in found[0]["message"]


def test_one_name_in_two_compositions_is_one_label(tmp_path: Path) -> None:
    put(tmp_path, "Käfer/1.jpg", unicodedata.normalize("NFD", "Käfer") + "/2.jpg", "b/3.jpg")
    assert counts(tmp_path) == {"Käfer": 2, "b": 1}


def test_long_names_stay_two_labels(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "x" * 119 + "ab", "x" * 119 + "acd")
    found = both_say(tmp_path, root)
    assert len(counts(root)) == 2 and kinds(found) == {"long_label"}


def test_the_same_photograph_under_two_labels(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "a", "b")
    put(root, "a/copy.jpg", "b/copy.jpg", data=PICTURE + b"copy")
    found = both_say(tmp_path, root)
    assert kinds(found) == {"two_labels"} and "'a' and 'b'" in found[0]["message"]


def test_a_label_only_under_test_and_what_lies_beside(tmp_path: Path) -> None:
    root = tmp_path / "in"
    many(root, "train/cats", "train/dogs", "test/birds")
    put(root, "docs/screenshot.png")
    found = {one["finding"]: one["message"] for one in both_say(tmp_path, root)}
    assert set(found) == {"only_in_test", "beside", "unlabelled"}
    assert "'birds'" in found["only_in_test"] and "'test'" in found["only_in_test"] and "'docs'" in found["beside"]

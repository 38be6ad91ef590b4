"""What is gone, and what is only out of reach."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from resnext_gui.engine.ingest import reach as reach_module
from resnext_gui.engine.ingest.reach import Reach, folders_of, out_of_reach, verdict
from resnext_gui.engine.pictures.files import ImageError
from resnext_gui.messages import Source, UserError

MISSING = ImageError("missing", "It does not exist.")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    made = []
    for name in ("drive/rust/1.jpg", "drive/rust/2.jpg", "drive/dent/3.jpg", "loose/4.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        made.append(str(path))
    return made


def reach_of(files: list[str], tmp_path: Path) -> Reach:
    return Reach([str(tmp_path / "drive")], files)


def test_a_deleted_file_is_gone(files: list[str], tmp_path: Path) -> None:
    reach = reach_of(files, tmp_path)
    Path(files[0]).unlink()
    assert reach.lost(files[0]) is None
    assert reach.settle(files[0], MISSING, lambda: "read") is MISSING
    (tmp_path / "drive" / "dent" / "3.jpg").unlink()
    (tmp_path / "drive" / "dent").rmdir()
    assert reach.lost(files[2]) is None, "a folder below may be deleted"


def test_a_folder_that_is_not_there_is_out_of_reach(files: list[str], tmp_path: Path) -> None:
    reach = reach_of(files, tmp_path)
    (tmp_path / "drive").rename(tmp_path / "away")
    with pytest.raises(UserError) as caught:
        reach.settle(files[0], MISSING, lambda: "read")
    assert caught.value.code == "not_reachable"
    assert caught.value.message == f"'{tmp_path / 'drive'}' is not reachable."
    reach.require_all([files[3]])
    with pytest.raises(UserError):
        reach.require_all(files)


def test_an_empty_mount_point_is_out_of_reach(files: list[str], tmp_path: Path) -> None:
    reach = reach_of(files, tmp_path)
    (tmp_path / "drive").rename(tmp_path / "away")
    (tmp_path / "drive").mkdir()
    place = reach.lost(files[0])
    assert place == str(tmp_path / "drive")
    assert out_of_reach(place).message == f"'{place}' is not reachable."


def test_a_picture_added_by_itself_is_gone_where_its_folder_is_there(files: list[str], tmp_path: Path) -> None:
    reach = reach_of(files, tmp_path)
    Path(files[3]).unlink()
    assert reach.lost(files[3]) is None
    (tmp_path / "loose").rmdir()
    assert reach.lost(files[3]) == str(tmp_path / "loose")


def test_a_drive_that_blinks_is_read_again(files: list[str], tmp_path: Path) -> None:
    reach = reach_of(files, tmp_path)
    assert reach.settle(files[0], MISSING, lambda: "read") == "read"
    broken = ImageError("broken", "It ends.")
    assert reach.settle(files[0], broken, lambda: "read") is broken

    def refuse() -> str:
        raise broken

    assert reach.settle(files[0], MISSING, refuse) is broken


def test_links_to_a_drive(files: list[str], tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    one = links / "1.jpg"
    one.symlink_to(files[0])
    (links / "all").symlink_to(tmp_path / "drive")
    (links / "here.jpg").write_bytes(b"x")
    inside = str(links / "all" / "rust" / "2.jpg")
    reach = Reach([str(links)], [str(one), inside, str(links / "here.jpg")])
    (tmp_path / "drive").rename(tmp_path / "away")
    assert reach.lost(str(one)) == str(tmp_path / "drive" / "rust")
    assert reach.lost(inside) == str(tmp_path / "drive")
    (tmp_path / "away").rename(tmp_path / "drive")
    Path(files[0]).unlink()
    assert reach.lost(str(one)) is None


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_drive_that_fails_is_not_one_bad_file(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_of_it: bool
) -> None:
    reach = reach_of(files, tmp_path)
    real = reach_module.opened_file

    def failing(path: str):  # type: ignore[no-untyped-def]
        if all_of_it or path == files[0]:
            raise ImageError("unreadable", f"'{path}' could not be read from its drive.")
        return real(path)

    monkeypatch.setattr(reach_module, "opened_file", failing)
    assert (reach.lost(files[0]) is not None) == all_of_it


def test_a_share_that_is_down(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reach = reach_of(files, tmp_path)
    real = os.stat

    def down(path, *args, **kwargs):  # type: ignore[no-untyped-def]
        if str(path) == files[0]:
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", down)
    assert reach.lost(files[0]) == str(tmp_path / "drive")


def test_what_may_not_be_read_now_is_neither_gone_nor_damaged() -> None:
    verdicts = {code: verdict(ImageError(code, "")) for code in ("missing", "vanished", "broken", "no_permission")}
    assert verdicts == {"missing": "gone", "vanished": "gone", "broken": "unreadable", "no_permission": None}


def test_places_of_sources(tmp_path: Path) -> None:
    sources = [Source(str(tmp_path / "set")), Source(str(tmp_path / "a.jpg")), Source(str(tmp_path / "t" / "x.csv"))]
    assert folders_of(sources) == [str(tmp_path / "set"), str(tmp_path / "t")]

"""The file in a project's folder that a double click opens."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from resnext_gui.project import MARKER, Project, ProjectError, is_project, project_folder


def markers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.resnextproject"))


def test_a_new_project_has_one_and_it_opens_the_project(tmp_path: Path) -> None:
    with Project.create(tmp_path / "Rüst 1") as made:
        marker = made.folder / MARKER
    assert json.loads(marker.read_text(encoding="utf-8"))["program"] == "ResNeXt GUI"
    with Project.open(marker) as opened, Project.open_or_create(marker) as again:
        assert opened.folder == again.folder == tmp_path / "Rüst 1"


def test_an_older_project_gets_one_and_a_renamed_one_stays(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    (tmp_path / "p" / MARKER).unlink()
    Project.open(tmp_path / "p").close()
    assert markers(tmp_path / "p") == [MARKER]
    (tmp_path / "p" / MARKER).rename(tmp_path / "p" / "My Flowers.ResNeXtProject")
    Project.open(tmp_path / "p" / "My Flowers.ResNeXtProject").close()
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == ["My Flowers.ResNeXtProject", "project.db"]


def test_a_moved_project_opens_where_it_is_now(tmp_path: Path) -> None:
    Project.create(tmp_path / "old").close()
    (tmp_path / "old").rename(tmp_path / "new")
    with Project.open(tmp_path / "new" / MARKER) as project:
        assert project.folder == tmp_path / "new"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_none_is_made_where_nothing_may_be_written(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    (tmp_path / "p" / MARKER).unlink()
    (tmp_path / "p").chmod(0o555)
    try:
        Project.open(tmp_path / "p").close()
        assert markers(tmp_path / "p") == []
    finally:
        (tmp_path / "p").chmod(0o755)


def test_one_without_a_project_beside_it_is_refused(tmp_path: Path) -> None:
    alone = tmp_path / MARKER
    alone.write_text("{}")
    with pytest.raises(ProjectError) as caught:
        Project.open(alone)
    assert caught.value.code == "no_project" and str(tmp_path) in caught.value.message


def test_what_counts_as_a_project(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    folder = tmp_path / "named.resnextproject"
    folder.mkdir()
    assert all(is_project(tmp_path / "p" / name) for name in ("", "project.db", MARKER))
    assert not is_project(tmp_path) and not is_project(folder) and not is_project(tmp_path / "p" / "x.jpg")
    assert project_folder(folder) == folder and project_folder(tmp_path / "p" / MARKER) == tmp_path / "p"

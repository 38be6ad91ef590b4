"""The feature cache: what is damaged is computed again and never trusted."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from resnext_gui.engine.models.feature_cache import FeatureCache, cache_key
from resnext_gui.project import guard

KEY = "0" * 24
ROW = np.arange(6, dtype=np.float32)


def opened(cache: Path, key: str = KEY, width: int = 6) -> FeatureCache:
    return FeatureCache(cache, key, width)


def name(number: int) -> str:
    return f"{number:064x}"


def filled(cache: Path, count: int, first: int = 0) -> None:
    with opened(cache) as features:
        for number in range(first, first + count):
            features.add(name(number), ROW + number)


def changed(cache: Path, statement: str, *values: object) -> None:
    """Change the file as somebody else could."""
    with closing(sqlite3.connect(cache / "features.db")) as db:
        db.execute(statement, values)
        db.commit()


def test_what_was_added_is_found_by_the_next_process(tmp_path: Path) -> None:
    filled(tmp_path / "cache", 3)
    with opened(tmp_path / "cache") as cache:
        assert len(cache) == 3
        assert (cache.get(name(2)) == ROW + 2).all()
        assert cache.get("ff" * 32) is None


def test_found_at_once_by_who_added_it(tmp_path: Path) -> None:
    with opened(tmp_path) as cache:
        cache.add(name(1), ROW)
        assert name(1) in cache


def test_features_of_another_network_are_others(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    with opened(tmp_path, "1" * 24) as other, opened(tmp_path, KEY, 5) as narrower:
        assert len(other) == len(narrower) == 0
        other.add(name(0), ROW + 9)
    with opened(tmp_path) as cache:
        assert len(cache) == 2 and (cache.get(name(0)) == ROW).all()


def test_two_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        for number in range(0, 10, 2):
            one.add(name(number), ROW)
            one.flush()
            other.add(name(number + 1), ROW + 1)
            other.flush()
    with opened(tmp_path) as cache:
        assert len(cache) == 10


def write(cache: str, first: int) -> None:
    for number in range(first, first + 20):
        filled(Path(cache), 1, number)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=write, args=(str(tmp_path), 100 * n)) for n in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
        assert other.exitcode == 0
    with opened(tmp_path) as cache:
        for first in (0, 100, 200):
            for number in range(first, first + 20):
                assert (cache.get(name(number)) == ROW + number).all()


def write_and_die(cache: str) -> None:
    features = opened(Path(cache))
    for number in range(5):
        features.add(name(number), ROW)
    features.flush()
    features.add(name(5), ROW)
    os.kill(os.getpid(), 9) if sys.platform != "win32" else os._exit(9)


def test_a_process_that_is_killed_loses_only_what_was_not_written(tmp_path: Path) -> None:
    other = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(str(tmp_path),))
    other.start()
    other.join()
    assert other.exitcode
    with opened(tmp_path) as cache:
        assert len(cache) == 5
        cache.add(name(6), ROW)
    with opened(tmp_path) as cache:
        assert len(cache) == 6


@pytest.mark.parametrize("cut", [0, 1, 50, 100, 4000, 5000, 9000, 20_000])
def test_a_file_that_was_cut_short_is_made_anew(tmp_path: Path, cut: int) -> None:
    filled(tmp_path, 200)
    file = tmp_path / "features.db"
    file.write_bytes(file.read_bytes()[:cut])
    with opened(tmp_path) as cache:
        assert all((cache.get(name(n)) == ROW + n).all() for n in range(200) if name(n) in cache)
        cache.add(name(300), ROW)
    with opened(tmp_path) as cache:
        assert name(300) in cache


def test_damaged_numbers_are_not_trusted(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    changed(tmp_path, "UPDATE features SET numbers = zeroblob(24) WHERE content = ?", name(1))
    with opened(tmp_path) as cache:
        assert cache.get(name(0)) is not None and cache.get(name(1)) is None


@pytest.mark.parametrize("value", [None, 5, "text", b"short", 1.5])
@pytest.mark.parametrize("column", ["content", "numbers", "checksum"])
def test_values_of_other_kinds_are_passed_over(tmp_path: Path, column: str, value: object) -> None:
    filled(tmp_path, 2)
    if value is not None:
        changed(tmp_path, f"UPDATE features SET {column} = ? WHERE content = ?", value, name(1))  # noqa: S608
    with opened(tmp_path) as cache:
        assert cache.get(name(0)) is not None and (name(1) in cache) == (value is None)


def test_numbers_that_are_none_are_not_trusted(tmp_path: Path) -> None:
    with opened(tmp_path) as cache:
        cache.add(name(0), ROW * np.nan)
    with opened(tmp_path) as cache:
        assert cache.get(name(0)) is None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE other (a)",
        "CREATE TRIGGER t AFTER INSERT ON features BEGIN DELETE FROM features; END",
        "ALTER TABLE features ADD COLUMN more",
    ],
)
def test_a_file_that_holds_something_else_is_made_anew(tmp_path: Path, statement: str) -> None:
    filled(tmp_path, 2)
    changed(tmp_path, statement)
    with opened(tmp_path) as cache:
        assert len(cache) == 0
        cache.add(name(7), ROW)
        cache.add(name(8), ROW)
    with opened(tmp_path) as cache:
        assert len(cache) == 2


def test_a_view_in_the_place_of_the_table_is_not_asked(tmp_path: Path) -> None:
    changed(tmp_path, "CREATE VIEW features AS SELECT 1 AS key, 'a' AS content, zeroblob(24) AS numbers, 0 AS checksum")
    with opened(tmp_path) as cache:
        assert len(cache) == 0
        cache.add(name(7), ROW)
    with opened(tmp_path) as cache:
        assert len(cache) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_link_is_neither_followed_nor_taken_away(tmp_path: Path, suffix: str) -> None:
    guard.protect(tmp_path / "project")
    target, link = tmp_path / "letter.txt", tmp_path / "project" / "cache" / f"features.db{suffix}"
    target.write_text("somebody's")
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    with opened(link.parent) as cache:
        cache.add(name(1), ROW)
        cache.flush()
        assert name(1) in cache
    assert target.read_text() == "somebody's" and link.is_symlink()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="everything may be written to here")
def test_a_folder_that_cannot_be_written_to_is_read_all_the_same(tmp_path: Path) -> None:
    filled(tmp_path / "cache", 2)
    (tmp_path / "cache").chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with opened(tmp_path / "cache") as cache:
            cache.add(name(5), ROW)
            cache.flush()
            assert len(cache) == 3
    finally:
        (tmp_path / "cache").chmod(stat.S_IRWXU)


def test_where_the_disk_refuses_features_are_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    with opened(tmp_path / "cache") as cache:
        cache.add(name(1), ROW)
        cache.flush()
        assert (cache.get(name(1)) == ROW).all()


def test_caches_of_earlier_versions_are_dropped(tmp_path: Path) -> None:
    guard.protect(tmp_path)
    old = tmp_path / "cache" / "features" / KEY
    old.mkdir(parents=True)
    (old / "17-01234567.features").write_bytes(b"RNXF0001")
    opened(tmp_path / "cache").close()
    assert not old.parent.exists()
    old.mkdir(parents=True)
    (old / "thesis.txt").write_text("somebody's")
    opened(tmp_path / "cache").close()
    assert (old / "thesis.txt").exists()


def test_key_depends_on_everything() -> None:
    base = {"weights": "a", "size": 192}
    assert cache_key(**base) == cache_key(size=192, weights="a")
    assert cache_key(**base) != cache_key(weights="a", size=224)

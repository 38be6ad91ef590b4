"""The feature cache: what is damaged is computed again and never trusted."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from resnext_gui.engine.models import feature_cache
from resnext_gui.engine.models.feature_cache import FeatureCache, cache_key

ROW = np.arange(6, dtype=np.float32)


def filled(folder: Path, count: int, first: int = 0) -> None:
    with FeatureCache(folder, 6) as cache:
        for number in range(first, first + count):
            cache.add(f"{number:032x}", ROW + number)


def test_what_was_added_is_found_by_the_next_process(tmp_path: Path) -> None:
    filled(tmp_path / "f", 3)
    with FeatureCache(tmp_path / "f", 6) as cache:
        assert len(cache) == 3
        found = cache.get(f"{2:032x}")
        assert found is not None
        assert (found == ROW + 2).all()
        assert cache.get("ff" * 16) is None


def test_found_at_once_by_who_added_it(tmp_path: Path) -> None:
    with FeatureCache(tmp_path / "f", 6) as cache:
        cache.add("ab" * 16, ROW)
        assert "ab" * 16 in cache


def test_two_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    with FeatureCache(tmp_path, 6) as one, FeatureCache(tmp_path, 6) as other:
        one.add("aa" * 16, ROW)
        other.add("bb" * 16, ROW + 1)
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == 2


@pytest.mark.parametrize("cut", [1, 50, 61, 64, 70, 130])
def test_torn_file_loses_only_its_end(tmp_path: Path, cut: int) -> None:
    filled(tmp_path, 2)
    file = next(tmp_path.glob("*.features"))
    data = file.read_bytes()
    file.write_bytes(data[:cut])
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == max(0, (cut - 64) // 60)
        cache.add(f"{1:032x}", ROW)
        assert cache.get(f"{1:032x}") is not None


def test_damaged_record_is_not_trusted(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    file = next(tmp_path.glob("*.features"))
    data = bytearray(file.read_bytes())
    data[64 + 32 + 5] ^= 1
    file.write_bytes(data)
    with FeatureCache(tmp_path, 6) as cache:
        assert cache.get(f"{0:032x}") is None
        assert cache.get(f"{1:032x}") is not None


def test_foreign_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "other.features").write_bytes(b"something else entirely, and longer than a header" * 10)
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == 0
    assert not list(tmp_path.glob("other*"))


def test_numbers_that_are_none_are_not_trusted(tmp_path: Path) -> None:
    with FeatureCache(tmp_path, 6) as cache:
        cache.add("aa" * 16, ROW * np.nan)
    with FeatureCache(tmp_path, 6) as cache:
        assert cache.get("aa" * 16) is None


def test_many_segments_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "_MOST_SEGMENTS", 2)
    for number in range(4):
        filled(tmp_path, 1, number)
    assert len(list(tmp_path.glob("*.features"))) < 4
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == 4


def test_merging_leaves_alone_what_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "_MOST_SEGMENTS", 2)
    with FeatureCache(tmp_path, 6) as writer:
        writer.add("aa" * 16, ROW)
        writer.flush()
        for number in range(8):  # others come and go, and merge
            filled(tmp_path, 1, number)
        writer.add("bb" * 16, ROW + 1)
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == 10
        assert (cache.get("bb" * 16) == ROW + 1).all()
    assert len(list(tmp_path.glob("*.features"))) <= 4


def test_a_segment_that_has_only_just_been_begun_stays(tmp_path: Path) -> None:
    begun = tmp_path / "other.features"
    begun.write_bytes(b"")
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == 0
    assert begun.exists()


def test_what_was_written_after_it_was_read_is_not_merged_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "_MOST_SEGMENTS", 1)
    filled(tmp_path, 1)
    writer = FeatureCache(tmp_path, 6)
    writer.add("aa" * 16, ROW)
    writer.flush()
    merger = FeatureCache(tmp_path, 6)
    writer.add("bb" * 16, ROW)
    writer.close()
    merger.close()
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == 3


def test_segments_merged_while_being_looked_for_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "_MOST_SEGMENTS", 2)
    for number in range(3):
        filled(tmp_path, 1, number)
    read = FeatureCache._read_segment

    def late(cache: FeatureCache, file: Path) -> bool:
        monkeypatch.setattr(FeatureCache, "_read_segment", read)
        FeatureCache(tmp_path, 6).close()  # merges all that the other has listed
        return read(cache, file)

    monkeypatch.setattr(FeatureCache, "_read_segment", late)
    with FeatureCache(tmp_path, 6) as cache:
        assert len(cache) == 3


def write_and_merge(folder: str, first: int) -> None:
    feature_cache._MOST_SEGMENTS = 2
    for number in range(first, first + 20):
        filled(Path(folder), 1, number)


def test_processes_that_write_and_merge_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=write_and_merge, args=(str(tmp_path), 100 * n)) for n in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
        assert other.exitcode == 0
    with FeatureCache(tmp_path, 6) as cache:
        for first in (0, 100, 200):
            for number in range(first, first + 20):
                found = cache.get(f"{number:032x}")
                assert found is not None and (found == ROW + number).all()


def test_key_depends_on_everything() -> None:
    base = {"weights": "a", "size": 192}
    assert cache_key(**base) == cache_key(size=192, weights="a")
    assert cache_key(**base) != cache_key(weights="a", size=224)

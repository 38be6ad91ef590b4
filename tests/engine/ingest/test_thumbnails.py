"""Thumbnails, the cache's budget, and the watch over files that kill the decoder."""

from __future__ import annotations

import errno
import faulthandler
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from resnext_gui.engine.ingest import reconcile
from resnext_gui.engine.ingest.reconcile import reconcile_job
from resnext_gui.engine.ingest.scan import scan_job
from resnext_gui.engine.ingest.thumbnails import prune_cache, thumbnails_job
from resnext_gui.engine.pictures.decode import ImageError
from resnext_gui.engine.pictures.decode_watch import DecodeWatch
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import JobStopped, Reconcile, Scan, Source, ThumbnailReady, Thumbnails
from resnext_gui.project import Project, guard
from tests.engine.odd_files import encoded, refused, scene
from tests.jobs import in_job

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def project(tmp_path: Path):
    for n in range(6):
        path = tmp_path / "in" / "ab"[n % 2] / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(scene(600 + n, 400), "JPEG"))
    (tmp_path / "in" / "a" / "half.gif").write_bytes(refused()["half.gif"][0])  # only decoding tells
    with Project.create(tmp_path / "project") as opened:
        command = Scan("s", str(opened.folder), (Source(str(tmp_path / "in")),))
        scan_job(command, in_job())
        yield opened


def make(project: Project, control: Control | None = None) -> tuple[dict, dict[int, str]]:
    events: list[object] = []
    command = Thumbnails("t", str(project.folder), tuple(project.photo_ids()))
    tally = thumbnails_job(command, in_job(events.append, control))
    return tally, {event.photo_id: event.path for event in events if isinstance(event, ThumbnailReady)}


def test_small_jpegs_by_content_and_broken_ones_marked(project: Project):
    assert project.photo_count() == 7
    tally, ready = make(project)
    assert (tally["made"], tally["refused"]) == (6, 1)
    for number, path in ready.items():
        photo = project.photo(number)
        if photo.path.endswith("half.gif"):
            assert path == ""
            assert photo.status == "unreadable"
            assert "half.gif" in photo.reason
        else:
            assert Path(path) == project.thumbnail_path(photo.hash)
            with Image.open(path) as picture:
                assert max(picture.size) == 256
                assert picture.format == "JPEG"
    assert project.photo_count() == 6
    tally, again = make(project)
    assert (tally["made"], tally["there"]) == (0, 6)
    assert set(again.values()) == {path for path in ready.values() if path}


def test_a_file_that_is_gone_is_marked_and_a_drive_that_is_away_is_not(project: Project, tmp_path: Path):
    (tmp_path / "in" / "a" / "0.jpg").unlink()
    (tmp_path / "in" / "b").rename(tmp_path / "away")
    make(project)
    status = {Path(p.path).name: p.status for p in project.photos([*project.photo_ids(), *project.photo_ids("gone")])}
    assert status["0.jpg"] == "gone"
    assert status["1.jpg"] == "ok"


@pytest.mark.parametrize("left", [b"", b"\xff\xd8\xff", b"\0" * 4000])
def test_a_thumbnail_that_is_not_whole_is_made_again(project: Project, left: bytes):
    make(project)
    files = sorted((project.cache / "thumbnails").rglob("*.jpg"))
    whole = files[0].read_bytes()
    files[0].write_bytes(left)
    files[1].write_bytes(files[1].read_bytes()[:-40])
    tally, _ = make(project)
    assert (tally["made"], tally["there"]) == (2, 4)
    assert files[0].read_bytes() == whole


def test_a_file_that_changed_gets_the_thumbnail_of_what_it_is_now(project: Project):
    photo = next(photo for photo in project.photos(project.photo_ids()) if photo.path.endswith("2.jpg"))
    Path(photo.path).write_bytes(encoded(scene(300, 300).rotate(90), "JPEG"))
    _, ready = make(project)
    now = project.photo(photo.id)
    assert now.hash != photo.hash
    assert (now.width, now.height, now.status) == (300, 300, "ok")
    assert ready[photo.id] == str(project.thumbnail_path(now.hash))
    with Image.open(ready[photo.id]) as picture:
        assert picture.size == (256, 256)
    assert not project.thumbnail_path(photo.hash).exists()


def test_a_full_disk_is_told_once_and_nothing_else_breaks(project: Project, monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(guard, "temporary", full)
    tally, ready = make(project)
    assert tally["skipped"] == 6
    assert "full" in tally["message"]
    assert set(ready.values()) == {""}
    assert project.photo_count() == 6


def test_stopping(project: Project):
    control = Control()
    control.stop()
    with pytest.raises(JobStopped):
        make(project, control)


def test_the_budget_drops_what_was_not_used_for_longest(project: Project):
    _, ready = make(project)
    paths = sorted(path for path in ready.values() if path)
    for age, path in enumerate(paths):
        os.utime(path, (1000 - age, 1000 - age))
    total = sum(Path(path).stat().st_size for path in paths)
    assert prune_cache(project, total) == 0
    freed = prune_cache(project, total - 1)
    assert freed > 0
    assert not Path(paths[-1]).exists()
    assert all(Path(path).exists() for path in paths[:-1])
    prune_cache(project, 0)
    assert not any(Path(path).exists() for path in paths)
    assert make(project)[0]["made"] == 6


def test_opening_a_project_keeps_its_cache_within_the_budget(project: Project, monkeypatch: pytest.MonkeyPatch):
    _, ready = make(project)
    compare = Reconcile("r", str(project.folder))
    reconcile_job(compare, in_job())
    assert all(Path(path).exists() for path in ready.values() if path)
    monkeypatch.setattr(reconcile, "CACHE_MOST", 0)
    reconcile_job(compare, in_job())
    assert not any(Path(path).exists() for path in ready.values() if path)


# --------------------------------------------------------------------------------------------------------------------
# The watch

CRASH = """
import ctypes, faulthandler, os, signal, sys, threading
from resnext_gui.engine.pictures.decode_watch import DecodeWatch
watch = DecodeWatch(sys.argv[1])
how, bad, others = sys.argv[2], sys.argv[3], sys.argv[4:]
inside = threading.Barrier(len(others) + 2)
def decode(path):
    try:
        with watch(path):
            inside.wait(20)
            if path == bad and how == "crash":
                faulthandler._sigsegv()
            if path == bad and how == "abort":
                libc = ctypes.CDLL(None)
                libc.pthread_create(ctypes.byref(ctypes.c_ulong()), None, libc.abort, None)
            threading.Event().wait()
    except Exception as error:
        print(error.code, flush=True)
        inside.abort()
for path in [bad, *others]:
    threading.Thread(target=decode, args=(path,), daemon=True).start()
inside.wait(20)
if how == "elsewhere":
    faulthandler._sigsegv()
if how == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if how == "terminate":
    os.kill(os.getpid(), signal.SIGTERM)
threading.Event().wait()
"""


def die(how: str, folder: Path, bad: Path, *others: Path) -> None:
    """Let a process end while it decodes these files, each in a thread of its own.

    Args:
        how: "crash": the first file's thread does; "abort": a thread that Python does not know; "elsewhere": a thread
            that decodes nothing; "kill" and "terminate": somebody ends it.
        folder: of the watch.
        bad: the first file.
        others: decoded meanwhile.
    """
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(folder), how, str(bad), *map(str, others)],
        cwd=ROOT, timeout=60, check=False, capture_output=True,
    )  # fmt: skip
    expected = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "abort": signal.SIGABRT}
    assert done.returncode == -expected.get(how, signal.SIGSEGV)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
class TestWatch:
    def test_two_crashes_and_a_file_is_refused_by_name(self, tmp_path: Path):
        bad, good = tmp_path / "bad ü.jpg", tmp_path / "good.jpg"
        bad.write_bytes(b"bad")
        good.write_bytes(b"good")
        for strike in (1, 2):
            die("crash", tmp_path / "watch", bad, good)
            watch = DecodeWatch(tmp_path / "watch")
            assert watch.suspects() == [str(bad)]  # it is known which of them did it
            assert watch.refused(bad) == (strike == 2)
            watch.close()
        with pytest.raises(ImageError) as caught, watch(bad):
            pytest.fail("must not be decoded")
        assert caught.value.code == "crashes_reader"
        assert "bad ü.jpg" in caught.value.message
        assert "tried again" in caught.value.hint
        with watch(good):
            pass
        # A new file under the old name gets a new start.
        bad.write_bytes(b"a new copy")
        with DecodeWatch(tmp_path / "watch")(bad):
            pass

    def test_after_a_crash_of_an_unknown_thread_who_comes_through_is_acquitted(self, tmp_path: Path):
        bad, good = tmp_path / "bad.jpg", tmp_path / "good.jpg"
        bad.write_bytes(b"bad")
        good.write_bytes(b"good")
        for strike in (1, 2):
            die("abort", tmp_path / "watch", bad, good)
            watch = DecodeWatch(tmp_path / "watch")
            assert sorted(watch.suspects()) == [str(bad), str(good)]
            if strike == 1:
                with watch(good):
                    pass
            watch.close()
        assert watch.refused(bad)
        assert not watch.refused(good)

    @pytest.mark.parametrize("how", ["kill", "terminate", "elsewhere"])
    def test_an_end_that_is_no_crash_of_the_decoder_counts_for_nothing(self, tmp_path: Path, how: str):
        bad, good = tmp_path / "bad.jpg", tmp_path / "good.jpg"
        bad.write_bytes(b"bad")
        good.write_bytes(b"good")
        for _ in range(2):
            die(how, tmp_path / "watch", bad, good)
        watch = DecodeWatch(tmp_path / "watch")
        assert watch.suspects() == []
        with watch(bad), watch(good):
            pass
        watch.close()
        assert not list((tmp_path / "watch").glob("[sc][lr]*-*"))

    def test_suspects_are_decoded_one_at_a_time(self, tmp_path: Path):
        import threading

        paths = [tmp_path / f"{n}.jpg" for n in range(2)]
        for path in paths:
            path.write_bytes(b"x")
        die("abort", tmp_path / "watch", *paths)
        watch = DecodeWatch(tmp_path / "watch")
        inside, most = [], []
        free = threading.Event()

        def decode(path: Path) -> None:
            with watch(path):
                inside.append(path)
                most.append(len(inside))
                free.wait(0.05)
                inside.remove(path)

        threads = [threading.Thread(target=decode, args=(path,)) for path in paths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert max(most) == 1
        watch.close()


def test_python_tells_of_crashes_as_before_once_the_watch_is_closed(tmp_path: Path):
    before = faulthandler.is_enabled()
    one, two = DecodeWatch(tmp_path), DecodeWatch(tmp_path)
    assert faulthandler.is_enabled()
    one.close()
    assert faulthandler.is_enabled()
    two.close()
    assert faulthandler.is_enabled() == before


def test_a_watch_in_use_is_nobodys_leftover(tmp_path: Path):
    one = DecodeWatch(tmp_path)
    with one(tmp_path / "a.jpg"):
        two = DecodeWatch(tmp_path)
        assert two.suspects() == []
    with pytest.raises(ValueError, match="inner"), one(tmp_path / "a.jpg"):
        raise ValueError("inner")
    one.close()
    two.close()
    assert DecodeWatch(tmp_path).suspects() == []
    assert not list(tmp_path.glob("slot-*"))


def test_without_a_place_to_write_the_watch_steps_aside(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    watch = DecodeWatch(tmp_path / "file" / "watch")
    with watch(tmp_path / "a.jpg"):
        pass
    assert watch.suspects() == []

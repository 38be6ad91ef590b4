"""The child process, started as the window starts it and spoken to through the pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import psutil
import pytest

from resnext_gui import messages
from resnext_gui.engine.worker.server import Sender
from resnext_gui.messages import (
    Answer,
    BatchPoint,
    Classify,
    Failed,
    Finished,
    Hello,
    MakeQuick,
    ModelView,
    Pause,
    Paused,
    Progress,
    Resume,
    Resumed,
    Scan,
    Shutdown,
    Source,
    Started,
    Stop,
    ThumbnailReady,
    Thumbnails,
    Train,
    TrainSpec,
    decode,
    encode,
)

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 30


class Child:
    """The other end of the pipe."""

    def __init__(self, folder: Path, role: str, program: list[str]) -> None:
        address = rf"\\.\pipe\resnext-gui-test-{os.getpid()}" if sys.platform == "win32" else str(folder / "pipe")
        key = os.urandom(32)
        with Listener(address, authkey=key) as listener:
            self.process = subprocess.Popen(
                program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
            )
            assert self.process.stdin is not None
            hello = {"address": listener.address, "key": key.hex(), "role": role}
            self.process.stdin.write(json.dumps(hello).encode() + b"\n")
            self.process.stdin.close()
            self.conn: Connection[Any, Any] = listener.accept()
        self.seen: list[messages.Message] = []

    def send(self, *commands: messages.Message) -> None:
        for command in commands:
            self.conn.send_bytes(encode(command))

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        """Read events until one is wanted, and return it."""
        deadline = time.monotonic() + PATIENCE
        while self.conn.poll(max(0, deadline - time.monotonic())):
            event = decode(self.conn.recv_bytes())
            self.seen.append(event)
            if wanted(event):
                return event
        raise AssertionError(f"did not come; the last were {self.seen[-5:]}")

    def end(self, *ids: str) -> Any:
        """Read until the job's terminal event."""
        return self.until(lambda event: isinstance(event, Finished | Failed) and event.job_id in ids)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kind)]

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.conn.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    children = []

    def begin(role: str = "assistant", program: list[str] | None = None) -> Child:
        program = program or [sys.executable, "-m", "tests.engine.fake_jobs"]
        folder = tmp_path / str(len(children))
        folder.mkdir()
        children.append(Child(folder, role, program))
        children[-1].until(lambda event: isinstance(event, Hello))
        return children[-1]

    yield begin
    for child in children:
        child.close()


def test_it_says_hello_and_leaves_when_asked(start: Start) -> None:
    child = start(program=[sys.executable, "-m", "resnext_gui.engine.worker.server"])
    assert child.seen == [Hello(messages.PROTOCOL, "assistant", child.process.pid)]
    child.send(Shutdown())
    assert child.wait() == 0


def test_the_program_itself_serves_as_worker(start: Start) -> None:
    child = start(program=[sys.executable, "-m", "resnext_gui", "--worker"])
    child.send(Shutdown())
    assert child.wait() == 0


def test_a_job_ends_with_one_terminal_event_and_nothing_follows(start: Start) -> None:
    child = start()
    child.send(Classify("1", "/p", ("a", "b")))
    assert child.end("1") == Finished("1", {"answered": 2})
    assert child.seen[1] == Started("1")
    assert [answer.path for answer in child.of(Answer)] == ["a", "b"]
    child.send(Classify("2", "/p", ()))
    child.end("2")
    assert [event for event in child.seen if getattr(event, "job_id", "") == "1"][-1] == Finished("1", {"answered": 2})


@pytest.mark.parametrize(
    ("path", "code"), [("user", "odd"), ("memory", "memory_full"), ("full", "disk_full"), ("else", "fault")]
)
def test_trouble_is_put_into_words_and_the_child_goes_on(start: Start, path: str, code: str) -> None:
    child = start()
    child.send(ModelView("1", "/p", path))
    failed = child.end("1")
    assert isinstance(failed, Failed) and failed.code == code and failed.message
    assert ("Traceback" in failed.details) == (code == "fault")
    child.send(Classify("2", "/p", ("a",)))
    assert isinstance(child.end("2"), Finished)


def test_a_drop_goes_ahead_of_background_work(start: Start, tmp_path: Path) -> None:
    child = start()
    child.send(MakeQuick("slow", str(tmp_path / "go")))
    child.until(lambda event: isinstance(event, Progress))
    child.send(Classify("drop", "/p", ("a",)))
    assert isinstance(child.end("drop", "slow"), Finished) and child.seen[-1].job_id == "drop"  # type: ignore[union-attr]
    (tmp_path / "go").touch()
    assert isinstance(child.end("slow"), Finished)


def test_a_drop_is_answered_while_a_job_waits(start: Start, tmp_path: Path) -> None:
    child = start()
    child.send(MakeQuick("slow", str(tmp_path / "go")))
    child.until(lambda event: isinstance(event, Progress))
    child.send(Pause("slow"))
    child.until(lambda event: event == Paused("slow"))
    child.send(Classify("drop", "/p", ("a",)))
    child.end("drop")
    child.send(Resume("slow"))
    child.until(lambda event: event == Resumed("slow"))
    child.send(Stop("slow"))
    assert child.end("slow").code == "stopped"


def test_a_job_that_has_not_begun_is_taken_back_at_once(start: Start, tmp_path: Path) -> None:
    child = start()
    child.send(MakeQuick("first", str(tmp_path / "go")), MakeQuick("second", str(tmp_path / "go")), Stop("second"))
    assert child.end("second").code == "stopped"
    assert Started("second") not in child.seen
    child.send(Stop("first"))
    assert child.end("first").code == "stopped"


def test_the_newest_request_for_thumbnails_goes_first(start: Start, tmp_path: Path) -> None:
    child = start()
    child.send(Thumbnails("old", str(tmp_path / "go"), tuple(range(60))))
    child.until(lambda event: isinstance(event, ThumbnailReady))
    child.send(Thumbnails("new", "/p", tuple(range(100, 130))))
    child.send(Classify("other lane", "/p", ()))
    child.end("other lane")  # the pipe keeps its order, so by now both requests have been read
    (tmp_path / "go").touch()
    assert child.end("new", "old").job_id == "new"
    assert child.end("old") == Finished("old", {"made": 60})
    order = [event.photo_id for event in child.of(ThumbnailReady)]
    assert sorted(order) == [*range(60), *range(100, 130)]
    assert order.index(100) < 30


def test_floods_are_held_back_and_the_last_of_each_arrives(start: Start) -> None:
    child = start()
    child.send(Scan("1", "/p", (Source("/a"),)))
    child.end("1")
    seconds = 3  # generous: far less than the 10 000 that were emitted
    assert 1 <= len(child.of(Progress)) <= 20 * seconds
    assert child.of(Progress)[-1].done == 4999
    assert child.of(BatchPoint)[-1].step == 4999


def test_what_was_held_back_comes_even_when_nothing_follows(start: Start) -> None:
    child = start()
    child.send(Scan("1", "linger", ()))
    child.until(lambda event: isinstance(event, Progress) and event.done == 4999)
    child.send(Stop("1"))
    assert child.end("1").code == "stopped"


def test_a_trainer_leaves_after_its_job(start: Start, tmp_path: Path) -> None:
    child = start("trainer")
    (tmp_path / "go").touch()
    child.send(Train("1", str(tmp_path / "go"), TrainSpec()))
    assert isinstance(child.end("1"), Finished)
    assert child.wait() == 0


def test_it_leaves_when_the_window_dies(start: Start, tmp_path: Path) -> None:
    child = start()
    child.send(MakeQuick("1", str(tmp_path / "go")))
    child.until(lambda event: isinstance(event, Progress))
    child.conn.close()
    assert child.wait() == 0
    assert not psutil.pid_exists(child.process.pid) or child.process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_ctrl_c_in_the_terminal_is_not_for_the_child(start: Start) -> None:
    child = start()
    child.process.send_signal(signal.SIGINT)
    child.send(Classify("1", "/p", ("a",)))
    assert isinstance(child.end("1"), Finished)


def test_what_libraries_print_does_not_reach_standard_output(start: Start) -> None:
    child = start()
    child.send(ModelView("1", "/p", "print"))
    child.end("1")
    child.send(Shutdown())
    child.wait()
    assert child.process.stdout is not None and child.process.stdout.read() == b""


def test_nonsense_in_the_pipe_is_ignored(start: Start) -> None:
    child = start()
    child.conn.send_bytes(b"nonsense")
    child.send(Started("1"), Stop("unknown"), Pause("unknown"), Classify("1", "/p", ()))
    assert isinstance(child.end("1"), Finished)


@pytest.mark.parametrize("line", [b"", b"nonsense\n", b"[]\n", b'{"address": 1, "key": "zz", "role": ""}\n'])
def test_started_by_hand_it_says_so(line: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "resnext_gui.engine.worker.server"],
        input=line,
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2 and b"started by the window" in done.stderr


def test_a_sender_keeps_the_order_around_a_terminal_event() -> None:
    written: list[Any] = []
    sender = Sender(lambda data: written.append(decode(data)), interval=1000)
    for step in range(3):
        sender.send(Progress("1", "x", step, 3))
    sender.send(Finished("1"))
    assert [getattr(event, "done", "end") for event in written] == [0, 2, "end"]


@pytest.mark.parametrize("works", [True, False])
def test_a_stopped_job_shows_life_while_its_process_works(monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    from resnext_gui.engine.worker import server

    class Stopped:
        """Ends at the fourth look."""

        id = "s"

        def __init__(self) -> None:
            self.ended, self.told, self.looks = self, [], 0

        def wait(self, seconds: float) -> bool:
            assert seconds == server.BEAT
            self.looks += 1
            return self.looks == 4

        def emit(self, event: object) -> None:
            self.told.append(event)

    clock = iter(range(100))
    monkeypatch.setattr(server.time, "process_time", lambda: float(next(clock)) if works else 1.0)
    task = Stopped()
    server._show_life(task)  # type: ignore[arg-type]
    assert [event.stage for event in task.told] == (["finishing"] * 3 if works else [])

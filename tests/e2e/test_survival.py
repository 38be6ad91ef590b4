"""Windows and engines killed in the middle: the project opens, nothing finished is lost, nothing stays behind."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import psutil
import pytest

from resnext_gui.project import Project
from tests.e2e.conftest import PATIENCE, Program, Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals to processes")

EPOCHS = ("--epochs", "4", "--seed", "4", "--size", "64", "--weights", "starter", "--device", "cpu")
SAME = ("loss", "accuracy", "practice_loss", "practice_accuracy")


class DrivenWindow:
    """A window in a process of its own; `do` tells its hand what to do, `hear` waits for what it says."""

    def __init__(self, project: Path, environment: dict[str, str], errors: Path) -> None:
        self.heard: list[dict[str, Any]] = []
        self._queue: Queue[dict[str, Any] | None] = Queue()
        with errors.open("a", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.driven_window", str(project)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**environment, "QT_QPA_PLATFORM": "offscreen"},
            )
        self._reader = threading.Thread(target=self._read, name="reader-of-a-window", daemon=True)
        self._reader.start()
        self._family: dict[int, psutil.Process] = {}

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(json.loads(line))
        self._queue.put(None)

    def do(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, **wanted: Any) -> dict[str, Any]:
        """Wait for a line that has all of `wanted`, and fail where it does not come."""
        line = self.hear(**wanted)
        assert line is not None, f"{wanted} did not come, but {self.heard[-8:]}"
        return line

    def hear(self, seconds: float = 100, **wanted: Any) -> dict[str, Any] | None:
        """Wait for a line that has all of `wanted`; None when time is up or the window is gone."""
        timer = threading.Event()
        deadline = threading.Timer(seconds, timer.set)
        deadline.start()
        try:
            while not timer.is_set():
                try:
                    line = self._queue.get(timeout=0.1)
                except Empty:
                    continue
                if line is None:
                    return None
                self.heard.append(line)
                if all(line.get(name) == value for name, value in wanted.items()):
                    return line
            return None
        finally:
            deadline.cancel()

    def children(self) -> list[psutil.Process]:
        """The engine's processes, as long as they live."""
        try:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self._family[child.pid] = child
        except psutil.NoSuchProcess:
            pass
        return [child for child in self._family.values() if child.is_running()]

    def kill(self) -> None:
        self.children()
        self.process.kill()

    def nothing_stays(self, seconds: float = 30) -> None:
        """Fail where a process of this window is still there after a while."""
        self.process.wait(PATIENCE)
        _, alive = psutil.wait_procs(list(self._family.values()), timeout=seconds)
        alive = [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        assert not alive, f"still there: {alive}"
        self._reader.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue


@pytest.fixture
def open_window(environment: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """Open windows on projects; what is still there at the end is ended."""
    made: list[DrivenWindow] = []

    def open_one(project: Path) -> DrivenWindow:
        made.append(DrivenWindow(project, environment, tmp_path / "errors.txt"))
        return made[-1]

    yield open_one
    for window in made:
        if window.process.poll() is None:
            window.kill()
        window.nothing_stays()


def sound(folder: Path) -> dict[str, Any]:
    """Open the project as any program would, check it to the bone, and tell what it holds."""
    with sqlite3.connect(folder / "project.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    with Project.open(folder) as project:
        for run in project.runs():
            written = run.read()
            if written["status"] == "finished":
                assert (run.folder / "best.safetensors").stat().st_size > 1000
        return {
            "photographs": project.photo_count(),
            "labels": [(label.name, label.count) for label in project.labels()],
            "kinds": Counter(item.kind for item in project.items()),
            "finished": sorted(run.id for run in project.runs() if run.status == "finished"),
            "model": project.current_model,
        }


def history(folder: Path) -> list[dict[str, Any]]:
    with Project.open(folder) as project:
        return project.runs()[0].history()


def break_and_go_on(
    project: Path, open_window: Any, launch: Start, chance: random.Random, kills: int, most: float
) -> None:
    """Begin a run, then kill the window or an engine again and again while the run is continued."""
    before = sound(project)
    first = launch("train", "--project", project, *EPOCHS, "--json")
    first.until(lambda line: line["event"] == "batch")
    first.process.kill()
    first.end()
    for turn in range(kills):
        window = open_window(project)
        assert window.hear(say="ready"), "the window did not open the project"
        window.do("go on")
        if window.hear(seconds=chance.uniform(1, most), say="phase", phase="finished"):
            break  # it ended before its killer came
        victim = chance.choice(("window", "engine"))
        children = window.children()
        if victim == "engine" and children:
            chance.choice(children).send_signal(signal.SIGKILL)
            window.hear(seconds=chance.uniform(0.2, 2), say="phase", phase="failed")
        window.kill()
        window.nothing_stays()
        now = sound(project)
        assert {**now, "finished": 0, "model": 0} == {**before, "finished": 0, "model": 0}, f"turn {turn}"
        assert set(before["finished"]) <= set(now["finished"])


def ends_like(project: Path, straight: Path, run: Start, whole: Program) -> None:
    """Let the broken run end, and compare it with the one that was left alone."""
    last = run("train", "--project", project, *EPOCHS, "--resume").last
    for name in ("kept", "practice_accuracy", "accuracy", "exam"):
        assert last[name] == whole.last[name]
    pairs = list(zip(history(project), history(straight), strict=True))
    assert len(pairs) == 4
    for ours, theirs in pairs:
        assert [ours[name] for name in SAME] == pytest.approx([theirs[name] for name in SAME])


def test_a_run_is_paused_answers_meanwhile_and_goes_on(
    quick: tuple[Path, Program], open_window: Any, rendered: Path, tmp_path: Path
) -> None:
    """Start, paste a picture while it trains, close the window in the middle, come back and stop."""
    project = tmp_path / "a project"
    shutil.copytree(quick[0], project)
    picture = next(rendered.rglob("*.jpg"))
    window = open_window(project)
    window.expect(say="ready")
    window.do("train")
    window.expect(say="phase", phase="running")
    window.do(f"answer {picture}")
    answer = window.expect(say="answer")
    assert Path(answer["path"]).samefile(picture)
    window.do("close")
    window.children()
    assert window.process.wait(PATIENCE) == 0
    window.nothing_stays()
    with Project.open(project) as opened:
        assert opened.runs()[0].status in ("interrupted", "paused")

    window = open_window(project)
    window.expect(say="ready")
    window.do("go on")
    window.expect(say="phase", phase="running")
    window.expect(say="epoch")  # before the first there is nothing to keep
    window.do("stop")
    window.expect(say="phase", phase="finished")
    window.do("close")
    assert window.process.wait(PATIENCE) == 0
    window.nothing_stays()
    with Project.open(project) as opened:
        assert opened.runs()[0].status in ("stopped", "finished")


@pytest.mark.timeout(600)
def test_killed_windows_and_engines(
    quick: tuple[Path, Program], open_window: Any, launch: Start, run: Start, tmp_path: Path
) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    for folder in (straight, broken):
        shutil.copytree(quick[0], folder)
    whole = run("train", "--project", straight, *EPOCHS)
    break_and_go_on(broken, open_window, launch, random.Random(1), kills=2, most=20)
    ends_like(broken, straight, run, whole)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_forty_random_kills(
    quick: tuple[Path, Program], open_window: Any, launch: Start, run: Start, tmp_path: Path
) -> None:
    straight = tmp_path / "straight"
    shutil.copytree(quick[0], straight)
    whole = run("train", "--project", straight, *EPOCHS)
    for seed in range(8):
        broken = tmp_path / f"broken {seed}"
        shutil.copytree(quick[0], broken)
        break_and_go_on(broken, open_window, launch, random.Random(seed), kills=5, most=25)
        ends_like(broken, straight, run, whole)
        shutil.rmtree(broken)

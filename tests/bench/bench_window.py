"""How long the window keeps a person waiting while it works: gaps of a 10 ms timer, phase by phase.

    python -m tests.bench.bench_window FLOWERS [--many 20000] [--asked 1000] [--minutes 1]

Opens the real window on a new project in a folder of its own, and acts as a person would: takes FLOWERS in, lets the
quick model come by itself, looks at every page, trains, has pictures answered meanwhile, undoes and redoes, takes many
files in and scrolls through them, closes the project and opens it again.  For each phase it prints the longest gap
between two ticks, how many were longer than 100 ms, and the window's memory.  Where a gap was long, the stack of the
window's thread in the middle of it is printed too.

A process beside it does nothing but sleep for 10 ms at a time: where that oversleeps, the computer itself stood still
or was too busy, and such times are taken off.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from PySide6.QtCore import QObject, Qt, QTimer

from resnext_gui.messages import TrainSpec

TICK = 0.01
LONG = 0.1
PHASE_LIMIT = 900.0


@dataclass
class Phase:
    """What a phase showed."""

    name: str
    seconds: float = 0.0
    ticks: int = 0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    memory: int = 0
    stacks: list[str] = field(default_factory=list)


class Pulse(QObject):
    """A 10 ms timer in the window's thread, and a thread beside it that looks where a long gap is spent."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.phase = Phase("start")
        self.phases = [self.phase]
        self._began = self._last = time.perf_counter()
        self._thread, self._native = threading.get_ident(), threading.get_native_id()
        self._seen = ""
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(int(1000 * TICK))
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def _tick(self) -> None:
        now = time.perf_counter()
        gap, phase = now - self._last, self.phase
        phase.ticks += 1
        phase.gaps.append((self._last, now))
        if gap > LONG and self._seen:
            phase.stacks.append(f"{1000 * gap:.0f} ms\n{self._seen}")
        self._seen = ""
        self._last = now

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            if time.perf_counter() - self._last > 0.06 and not self._seen:
                frame = sys._current_frames().get(self._thread)
                if frame is not None:
                    self._seen = "".join(traceback.format_stack(frame)[-7:]) + _state(self._native)

    def begin(self, name: str) -> None:
        """End the phase under way and begin another."""
        now = time.perf_counter()
        self.phase.seconds = now - self._began
        self.phase.memory = psutil.Process().memory_info().rss
        self.phase, self._began = Phase(name), now
        self.phases.append(self.phase)

    def end(self) -> None:
        """Stop watching."""
        self.begin("")
        self.phases.pop()
        self._timer.stop()
        self._over.set()


def _state(thread: int) -> str:
    """Say whether a thread runs, or for what it waits; empty where the system does not tell."""
    place = Path(f"/proc/self/task/{thread}")
    try:
        state = place.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0]
        others = []
        for other in place.parent.iterdir():
            facts = other.joinpath("stat").read_text()
            if facts.rsplit(")", 1)[1].split()[0] != "S":
                others.append(facts.split(" ", 1)[1].rsplit(")", 1)[0])
        return f"  state {state} {place.joinpath('wchan').read_text()}; running {others}\n"
    except OSError:
        return ""


Step = Callable[[], bool]


class Person(QObject):
    """Goes through the program step by step; each step waits until what it began is over."""

    def __init__(self, window: Any, options: argparse.Namespace, many: Path) -> None:
        super().__init__(window)
        self.window, self.options, self.many = window, options, many
        self.pulse = Pulse(self)
        self.events: dict[str, int] = {}
        self._script = self._days()
        self._until: Step = lambda: True
        self._limit = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(30)
        self._timer.timeout.connect(self._go_on)
        self._timer.start()

    def _go_on(self) -> None:
        if not self._until():
            if time.perf_counter() < self._limit:
                return
            sys.stderr.write(f"'{self.pulse.phase.name}' did not end\n")
        try:
            name, self._until = next(self._script)
        except StopIteration:
            self._timer.stop()
            self.pulse.end()
            self.window.close()
            return
        self._limit = time.perf_counter() + PHASE_LIMIT
        if name:
            self.pulse.begin(name)

    def _count(self, name: str) -> Callable[..., None]:
        def happened(*_: Any) -> None:
            self.events[name] = self.events.get(name, 0) + 1

        self.events[name] = 0
        return happened

    def _pause(self, seconds: float) -> Step:
        until = time.perf_counter() + seconds
        return lambda: time.perf_counter() > until

    def _days(self) -> Iterator[tuple[str, Step]]:
        window, flowers = self.window, self.options.flowers
        yield "the first page", self._pause(4)
        window.intake.learn_in_new_project([flowers])
        yield "250 photographs come in, quick model", lambda: (
            window.session is not None and window.session.project.current_model is not None
            and window.session.work is None
        )  # fmt: skip
        session = window.session
        session.answered.connect(self._count("answered"))
        session.refused.connect(self._count("answered"))
        for key in ("classify", "train", "results", "photos"):
            window.turn_to(key)
            yield f"first look at {key}", self._pause(2.5)
        session.training.begin(TrainSpec(minutes=self.options.minutes))
        window.turn_to("train")
        yield "training", lambda: session.training.state.progress > 0.3 or not session.training.state.active
        pictures = [str(path) for path in sorted(Path(flowers).rglob("*.jpg"))]
        asked = (pictures * (self.options.asked // len(pictures) + 1))[: self.options.asked]
        window.turn_to("classify")
        session.answers.classify(asked[:100])
        yield "100 answered during training", lambda: self.events["answered"] >= min(100, len(asked))
        yield "training ends", lambda: not session.training.state.active
        self.events["answered"] = 0
        session.answers.classify(asked)
        yield f"{len(asked)} answered", lambda: self.events["answered"] >= len(asked)
        window.turn_to("results")
        yield "results after a run", self._pause(3)
        window.turn_to("photos")
        session.imports.add([self._source(self.many)])
        session.import_finished.connect(self._count("imports"))
        yield f"{self.options.many} files come in", lambda: self.events["imports"] > 0
        yield "after the import", self._pause(3)
        area = window.pages["photos"].gallery.verticalScrollBar()
        for step in range(40):
            area.setValue(area.maximum() * step // 40)
            yield ("scrolling" if step == 0 else ""), self._pause(0.1)
        session.corrections.undo()
        yield "undo of the import", self._pause(4)
        session.corrections.redo()
        yield "redo of the import", self._pause(4)
        ids = list(session.project.photo_ids())
        session.corrections.move(ids, session.project.labels()[0].id)
        yield "all moved to one label", self._pause(4)
        session.corrections.undo()
        yield "moved back", self._pause(4)
        folder = session.folder
        window.close_project()
        yield "project closed", self._pause(2)
        window.open_project(folder)
        yield "project opened again", self._pause(6)
        for key in ("classify", "train", "results", "photos"):
            window.turn_to(key)
            yield ("pages of a large project" if key == "classify" else ""), self._pause(2)

    def _source(self, path: Path) -> Any:
        from resnext_gui.messages import Source

        return Source(str(path))


SLEEPER = """
import time
last = time.perf_counter()
while True:
    time.sleep(0.01)
    now = time.perf_counter()
    if now - last > 0.02:
        print(last + 0.01, now, flush=True)
    last = now
"""


def own(gap: tuple[float, float], stood: list[tuple[float, float]]) -> float:
    """Return the seconds of `gap` in which the computer did not stand still."""
    began, ended = gap
    return ended - began - sum(max(0.0, min(ended, until) - max(began, since)) for since, until in stood)


def make_many(folder: Path, count: int) -> None:
    """Write `count` small photographs in 20 folders, each another picture."""
    rng = np.random.default_rng(7)
    for number in range(count):
        place = folder / f"kind {number % 20:02d}"
        place.mkdir(parents=True, exist_ok=True)
        tile = rng.integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(tile).resize((160, 120)).save(place / f"{number:06d}.jpg", quality=60)


def main() -> None:
    """Go through the day and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flowers")
    parser.add_argument("--many", type=int, default=20000)
    parser.add_argument("--asked", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=1.0)
    options = parser.parse_args()
    options.flowers = str(Path(options.flowers).resolve())
    with tempfile.TemporaryDirectory() as place:
        for name in ("HOME", "RESNEXT_GUI_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            os.environ[name] = str(Path(place) / "home")
        (Path(place) / "home").mkdir()
        if not os.environ.get("DISPLAY"):
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        make_many(Path(place) / "many", options.many)
        from resnext_gui.ui import app

        people: list[Person] = []
        with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True) as sleeper:
            app.main([], shown=lambda window: people.append(Person(window, options, Path(place) / "many")))
            sleeper.terminate()
            stood = [tuple(map(float, line.split())) for line in sleeper.stdout or ()]
        phases = people[0].pulse.phases
    out = sys.stdout.write
    out("\n| phase | seconds | longest gap, ms | the window's own | its own over 100 ms | memory, MB |\n")
    out("|---|---|---|---|---|---|\n")
    for phase in phases:
        whole = max((end - begin for begin, end in phase.gaps), default=0.0)
        parts = [own(gap, stood) for gap in phase.gaps]
        out(
            f"| {phase.name} | {phase.seconds:.1f} | {1000 * whole:.0f} | {1000 * max(parts, default=0.0):.0f} "
            f"| {sum(part > LONG for part in parts)} | {phase.memory / 1e6:.0f} |\n"
        )
    for phase in phases:
        for stack in phase.stacks[:3]:
            out(f"\n{phase.name}: {stack}")


if __name__ == "__main__":
    main()

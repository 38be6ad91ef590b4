"""The window of an installed program, used from outside as a person would: by its command, by keys, and by files.

Runs where ``RESNEXT_GUI_PROGRAM`` names the installed command; ``packaging/test_installed.sh`` does that.  A frozen
program lets nobody into its process, so this looks at what a person sees: the window's title and picture, the project
on the disk, and which processes there are.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import ImageGrab

from resnext_gui.project import MARKER, Project
from tests.e2e.conftest import INSTALLED, PATIENCE, PROGRAM

pytestmark = [
    pytest.mark.skipif(not INSTALLED, reason="RESNEXT_GUI_PROGRAM names no installed program"),
    pytest.mark.skipif(sys.platform != "linux", reason="a screen in memory is had on Linux alone"),
    pytest.mark.timeout(600),
]


def eventually(what: str, look: Callable[[], object], seconds: float = 120) -> object:
    """Look until something is there, and fail with `what` where it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come")


class Screen:
    """A screen in memory, and hands for it."""

    def __init__(self, environment: dict[str, str]) -> None:
        reader, writer = os.pipe()
        # It chooses a number that is free and says which.
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x860x24", "-nolisten", "tcp"]
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            self.server = subprocess.Popen(command, pass_fds=[writer], stderr=nothing)
        os.close(writer)
        with os.fdopen(reader) as file:
            self.environment = {**environment, "DISPLAY": f":{file.readline().strip()}"}
        for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY"):
            self.environment.pop(name, None)
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start the program as a desktop does: with no terminal."""
        self.started.append(
            subprocess.Popen(
                [*PROGRAM, *map(str, arguments)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return self.started[-1]

    def tool(self, *arguments: str) -> str:
        command = ["xdotool", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False).stdout.strip()

    def titles(self) -> list[str]:
        """The titles of the program's windows that are on the screen."""
        windows = self.tool("search", "--onlyvisible", "--name", "ResNeXt GUI").split()
        return [self.tool("getwindowname", window) for window in windows]

    def press(self, title: str, *keys: str) -> None:
        """Put the window called `title` in front and press keys."""
        window = self.tool("search", "--onlyvisible", "--name", title).split()[0]
        self.tool("windowfocus", "--sync", window, "key", *keys)

    def colours(self) -> int:
        """How many colours are on the screen now."""
        found = ImageGrab.grab(xdisplay=self.environment["DISPLAY"]).convert("RGB").getcolors(1 << 24)
        return len(found or [])

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
        self.server.terminate()
        self.server.wait(PATIENCE)


@pytest.fixture
def screen(environment: dict[str, str], tmp_path: Path) -> Iterator[Screen]:
    """A screen, and a home of its own so that no window of another test is found."""
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        pytest.skip("Xvfb and xdotool are needed")
    home = tmp_path / "a home with ümlauts"
    home.mkdir()
    made = Screen({**environment, "HOME": str(home), "RESNEXT_GUI_HOME": str(home / "Dokumente")})
    yield made
    made.close()


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The program's processes: the window's, and its engines'."""
    window = psutil.Process(process.pid)
    return [window, *window.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def quick_model(folder: Path) -> bool:
    """Whether the project in `folder` can answer."""
    if not (folder / "project.db").is_file():
        return False
    with Project.open(folder) as project:
        return project.current_model == "quick"


def test_photographs_a_model_a_second_start_and_a_kill(screen: Screen, rendered: Path, tmp_path: Path) -> None:
    photographs = tmp_path / "my photographs"
    shutil.copytree(rendered, photographs)
    window = screen.start(photographs)
    folder = Path(screen.environment["RESNEXT_GUI_HOME"]) / "my photographs"
    eventually("the project's window", lambda: "my photographs - ResNeXt GUI" in screen.titles())
    eventually("the quick model", lambda: quick_model(folder))
    eventually("a screen full of photographs", lambda: screen.colours() > 1000, seconds=20)

    # A second start hands over to the first and ends, with a file that is double-clicked.
    second = screen.start(folder / MARKER)
    assert second.wait(PATIENCE) == 0
    assert window.poll() is None and len(screen.titles()) == 1

    processes = family(window)
    assert len(processes) > 1
    window.send_signal(signal.SIGKILL)
    window.wait(PATIENCE)
    gone(processes)

    (folder / MARKER).unlink()
    again = screen.start(folder / "project.db")
    eventually("the project after the kill", lambda: "my photographs - ResNeXt GUI" in screen.titles())
    assert (folder / MARKER).is_file(), "made again when the project is opened"
    assert quick_model(folder)
    with Project.open(folder) as project:
        assert project.photo_count() == len([path for path in photographs.rglob("*") if path.is_file()])

    processes = family(again)
    screen.press("my photographs", "ctrl+q")
    assert again.wait(PATIENCE) == 0
    gone(processes)


def test_the_first_page_opens_and_closes(screen: Screen) -> None:
    window = screen.start()
    eventually("the window", lambda: screen.titles() == ["ResNeXt GUI"])
    eventually("the engine", lambda: len(family(window)) > 1)
    processes = family(window)
    screen.press("ResNeXt GUI", "ctrl+q")
    assert window.wait(PATIENCE) == 0
    gone(processes)

"""The program as people start it: another process, its output, its exit status."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240
INSTALLED = os.environ.get("RESNEXT_GUI_PROGRAM")
PROGRAM = [sys.executable, "-m", "resnext_gui"]
"""What is tested: this source tree, or an installed program: its path, or a command as a shell would take it."""
if INSTALLED:
    PROGRAM = [INSTALLED] if Path(INSTALLED).is_file() else shlex.split(INSTALLED)


@dataclass
class Program:
    """One start of the command line.  Its standard output is read line by line."""

    process: subprocess.Popen[str]
    errors: IO[str]
    printed: list[dict[str, Any]] = field(default_factory=list)

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read lines of JSON until one is wanted."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(json.loads(line))
            if wanted(self.printed[-1]):
                return self.printed[-1]
        raise AssertionError(f"did not come.\n{self.printed[-5:]}\n{self.said()}")

    def end(self) -> int:
        """Read to the end and return the exit status."""
        assert self.process.stdout is not None
        self.printed += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        """What is on standard error."""
        self.errors.seek(0)
        return self.errors.read()

    @property
    def last(self) -> dict[str, Any]:
        return self.printed[-1]


Start = Callable[..., Program]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a home of its own, shared by these tests: what is measured once is remembered there."""
    home = tmp_path_factory.mktemp("e2e home")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "RESNEXT_GUI_"))}
    variables |= {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "LOCALAPPDATA": str(home / "AppData"),
        "HF_HOME": str(home / "hub"),
        "HF_HUB_OFFLINE": "1",
        "RESNEXT_GUI_HOME": str(home / "projects"),
        # An installed program must not see the source tree.
        **({} if INSTALLED else {"PYTHONPATH": str(ROOT)}),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    return variables


@pytest.fixture(scope="session")
def launch(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start the command line; everything that is still running at the end is ended."""
    started: list[Program] = []
    folder = tmp_path_factory.mktemp("elsewhere")

    def begin(*arguments: str | Path) -> Program:
        errors = (folder / f"{len(started)}.txt").open("w+", encoding="utf-8")
        process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            cwd=folder,
            env=environment,
        )
        started.append(Program(process, errors))
        return started[-1]

    yield begin
    for program in started:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait(PATIENCE)
        assert program.process.stdout is not None
        program.process.stdout.close()
        program.errors.close()


@pytest.fixture(scope="session")
def run(launch: Start) -> Start:
    """Start the command line with ``--json`` and wait until it has ended."""

    def to_the_end(*arguments: str | Path, status: int = 0) -> Program:
        program = launch(*arguments, "--json")
        assert program.end() == status, f"{program.printed[-3:]}\n{program.said()}"
        return program

    return to_the_end


@pytest.fixture(scope="session")
def quick(run: Start, rendered: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Program]:
    """A project with a quick model, and what the program printed as it made it."""
    project = tmp_path_factory.mktemp("e2e") / "my project"
    return project, run("train", rendered, "--project", project, "--mode", "quick", "--size", "64")

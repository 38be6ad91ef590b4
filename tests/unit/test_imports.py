"""Who may import whom: what keeps the window quick to open and the engine usable without it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"tensorflow", "keras", "torch", "jax", "scipy", "h5py", "sklearn", "huggingface_hub"}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after running `code`."""
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_window_imports_neither_keras_nor_numpy() -> None:
    loaded = modules_after("import resnext_gui.ui.app")
    assert not loaded & (HEAVY | {"numpy", "PIL"})


def test_the_child_process_starts_with_the_standard_library_alone() -> None:
    loaded = modules_after("import resnext_gui.engine.worker.server")
    assert loaded <= sys.stdlib_module_names | {"resnext_gui", "__main__", "__mp_main__"} | modules_after("")


@pytest.mark.parametrize(
    "module",
    [
        "messages",
        "project",
        "project.evaluations",
        "figures",
        "resources",
        "texts",
        "engine",
        "engine.worker.context",
        "engine.worker.control",
        "engine.worker.jobs",
    ],
)
def test_what_both_sides_share_needs_the_standard_library_alone(module: str) -> None:
    loaded = modules_after(f"import resnext_gui.{module}")
    assert loaded <= sys.stdlib_module_names | {"resnext_gui", "__main__", "__mp_main__"} | modules_after("")


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = "from resnext_gui.__main__ import main\nmain(['train', '--help'])"
    assert not modules_after(code) & (HEAVY | {"numpy", "PIL", "PySide6"})


def test_the_engine_and_the_command_line_never_see_qt() -> None:
    loaded = modules_after("import resnext_gui.cli.train, resnext_gui.cli.pictures, resnext_gui.cli.demo")
    assert not loaded & {"PySide6", "shiboken6"}


def test_import_rules_hold() -> None:
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert program is not None
    done = subprocess.run([program, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout

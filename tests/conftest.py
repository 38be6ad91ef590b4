"""Fixtures for every test: real photographs, a home of one's own, and no thread left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnext_gui import texts

ROOT = Path(__file__).resolve().parent.parent

# Before anything imports TensorFlow: no chatter, and no GPU that a test would fill.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import resnext_gui.engine  # noqa: E402, F401 - which settings TensorFlow is to begin with

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep settings, caches, logs and projects of a test away from the person's own, and from other tests'."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("LOCALAPPDATA", str(home / "AppData" / "Local"))
    monkeypatch.setenv("APPDATA", str(home / "AppData" / "Roaming"))
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("HF_HOME", str(home / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("RESNEXT_GUI_HOME", str(home / "projects"))
    return home


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Let the next test hear English, whatever language a window of this one took."""
    yield
    texts.speak()


OURS = ("engine-", "decode", "warm-up", "files", "reader", "sender", "scan", "thumb", "features")
"""What the names of our threads begin with; libraries keep pools of their own."""


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail where a thread of ours outlives the test that started it."""
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith(OURS)]
    for thread in left:
        thread.join(5)
    assert not [t.name for t in left if t.is_alive()]


def _shared(name: str) -> Path:
    """Return a folder of the data that several checkouts share, or skip."""
    places = [Path(os.environ["RESNEXT_GUI_SHARED"])] if "RESNEXT_GUI_SHARED" in os.environ else []
    places.append(ROOT.parent / "shared")
    for place in places:
        for folder in (place / "data" / name, place / name):
            if folder.is_dir():
                return folder
    pytest.skip(f"the shared photographs '{name}' are not on this computer (RESNEXT_GUI_SHARED names their folder)")


@pytest.fixture(scope="session")
def flowers5() -> Path:
    """Five kinds of flowers, 50 photographs each, one folder a kind.  Read only."""
    return _shared("flowers5")


@pytest.fixture(scope="session")
def hostile() -> Path:
    """Files that pretend, break, or surprise; ``manifest.csv`` says what each is.  Read only."""
    return _shared("hostile")


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in samples, twelve a label: 60 small photographs of five labels.  Read only."""
    from resnext_gui.messages import RenderSamples
    from resnext_gui.samples import samples_job
    from tests.jobs import in_job

    folder = tmp_path_factory.mktemp("samples") / "photographs"
    samples_job(RenderSamples("samples", str(folder), per_label=12, seed=5), in_job())
    return folder

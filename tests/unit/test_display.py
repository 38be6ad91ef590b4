"""Why no window can open: told in words, before Qt aborts."""

from __future__ import annotations

import socket
import sys

import pytest

from resnext_gui import __main__, display

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are named on Linux")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No display is named."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "QT_QPA_PLATFORM", "QT_PLUGIN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_no_display_is_no_trouble_of_a_display():
    assert not display.exists() and display.trouble() == ""


@pytest.mark.parametrize("name", [":60123", "nonsense", ":", "127.0.0.1:60123", "127.0.0.1:1.0"])
def test_a_dead_display_is_named(name, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", name)
    assert display.exists()
    assert __main__.main([]) == 2
    assert f"nothing answers at the display '{name}'. Correct or unset DISPLAY." in capsys.readouterr().err


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(display, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("DISPLAY", f"127.0.0.1:{server.getsockname()[1] - 6000}")
        assert "nothing answers" in display.trouble()


def test_a_dead_compositor_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-9")
    assert "nothing answers at the display 'wayland-9'. Correct or unset WAYLAND_DISPLAY." in display.trouble()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-9"))
        server.listen()
        assert "wayland-9" not in display.trouble()  # a library may be missing for it


def test_the_first_that_works_is_enough(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb;offscreen")
    assert display.trouble() == ""


def test_a_platform_that_qt_does_not_have_is_named(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense:size=1x1")
    assert "QT_QPA_PLATFORM asks for 'nonsense'" in display.trouble()


@pytest.mark.parametrize(
    ("error", "library", "packages"),
    [
        ("libxcb-cursor.so.0: cannot open shared object file: No such file", "libxcb-cursor.so.0", "libxcb-cursor0"),
        ("libEGL.so.1: cannot open shared object file: No such file", "libEGL.so.1", "libglvnd-egl (Fedora)"),
        ("/usr/lib/libGL.so.1: file too short", "libGL.so.1", "libgl1 (Debian, Ubuntu)"),
        ("libnever.so.7: cannot open shared object file: No such file", "libnever.so.7", "that holds it"),
    ],
)
def test_a_missing_library_is_named_with_its_package(error, library, packages):
    words = display.missing_library(error)
    assert library in words and packages in words


@pytest.mark.parametrize("error", ["No module named 'x'", "/a/libQt6Core.so.6: undefined symbol: x"])
def test_other_trouble_is_no_missing_library(error):
    assert display.missing_library(error) == ""


def test_a_library_that_the_loader_misses_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")

    def load(name):
        raise OSError("libxkbcommon.so.0: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(display.ctypes, "CDLL", load)
    assert "libxkbcommon0 (Debian, Ubuntu)" in display.trouble()

"""Tells, before Qt is asked, why no window can open on Linux and its like: there Qt would only abort.

Standard library only.  What is loaded here Qt would load a moment later, so it costs next to nothing.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

PATIENCE = 5.0
"""Seconds that a display may take to answer."""

PACKAGES = {
    "libEGL.so": ("libegl1", "libglvnd-egl"),
    "libGL.so": ("libgl1", "libglvnd-glx"),
    "libX11-xcb.so": ("libx11-xcb1", "libX11-xcb"),
    "libX11.so": ("libx11-6", "libX11"),
    "libdbus-1.so": ("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so": ("libfontconfig1", "fontconfig"),
    "libglib-2.0.so": ("libglib2.0-0", "glib2"),
    "libwayland-client.so": ("libwayland-client0", "libwayland-client"),
    "libwayland-cursor.so": ("libwayland-cursor0", "libwayland-cursor"),
    "libxcb-cursor.so": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-randr.so": ("libxcb-randr0", "libxcb"),
    "libxcb-render-util.so": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so": ("libxcb-shape0", "libxcb"),
    "libxcb-util.so": ("libxcb-util1", "xcb-util"),
    "libxcb-xkb.so": ("libxcb-xkb1", "libxcb"),
    "libxcb.so": ("libxcb1", "libxcb"),
    "libxkbcommon-x11.so": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxkbcommon.so": ("libxkbcommon0", "libxkbcommon"),
}
"""Library -> its package on Debian and Ubuntu, and on Fedora."""


def exists() -> bool:
    """Tell whether a display is named; only on Linux and its like may there be none."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def trouble() -> str:
    """Return why no window can open, in a sentence or two; empty where one can."""
    if sys.platform in ("win32", "darwin"):
        return ""
    asked = os.environ.get("QT_QPA_PLATFORM", "")
    # As Qt chooses: what is asked for, else Wayland where it is named, else X11; the first that works.
    names = [part.partition(":")[0] for part in asked.split(";") if part] or [
        *(["wayland"] if os.environ.get("WAYLAND_DISPLAY") else []),
        *(["xcb"] if os.environ.get("DISPLAY") else []),
    ]
    found = [_trouble_of(name) for name in names]
    return "" if "" in found else next(iter(found), "")


def _trouble_of(name: str) -> str:
    connect = {"xcb": _x11, "wayland": _wayland}.get(name.removesuffix("-egl"))
    return (connect() if connect is not None else "") or _plugin(name)


def missing_library(error: str) -> str:
    """Return in words which library the loader's `error` says is missing; empty where it is about something else."""
    named = re.match(r"(?:.*/)?((lib[^:/\s]+?\.so)[.\d]*): ", error)
    packages = PACKAGES.get(named[2]) if named is not None else None
    if named is None or (packages is None and "cannot open shared object file" not in error):
        return ""
    remedy = (
        f"Install the package {packages[0]} (Debian, Ubuntu) or {packages[1]} (Fedora)."
        if packages
        else "Install the package of your system that holds it."
    )
    return f"No window can open, since the library {named[1]} is missing or damaged. {remedy}"


def _plugin(name: str) -> str:
    """Return why Qt cannot load what it needs for the platform `name`."""
    if os.environ.get("QT_PLUGIN_PATH") or os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH"):
        return ""  # somebody knows better
    spec = find_spec("PySide6")
    place = Path(next(iter(spec.submodule_search_locations or [""]), "")) if spec is not None else Path()
    plugins = place / "Qt" / "plugins" / "platforms"
    if not plugins.is_dir():
        return ""  # the system's own Qt, which keeps them elsewhere
    plugin = plugins / f"libq{name}.so"
    if not plugin.is_file():
        return f"No window can open: QT_QPA_PLATFORM asks for '{name}', which Qt does not have. Unset it."
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return missing_library(str(error)) or f"No window can open: {error}. Install the program again."
    return ""


def _x11() -> str:
    """Return why the X server that DISPLAY names cannot be used."""
    name = os.environ.get("DISPLAY", "")
    silent = f"No window can open: nothing answers at the display '{name}'. Correct or unset DISPLAY."
    host, _, screen = name.rpartition(":")
    number = screen.partition(".")[0]
    if not number.isdecimal():
        return silent
    try:
        if host and not host.startswith(("unix", "/")):
            # With patience of our own: the system would wait for minutes for a computer that is switched off.
            socket.create_connection((host.strip("[]"), 6000 + int(number)), PATIENCE).close()
        library = ctypes.CDLL("libxcb.so.1")
    except (OSError, OverflowError) as error:
        return missing_library(str(error)) or silent
    library.xcb_connect.restype = ctypes.c_void_p
    library.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    library.xcb_connection_has_error.argtypes = library.xcb_disconnect.argtypes = [ctypes.c_void_p]
    answers: list[int] = []

    def knock() -> None:
        connection = library.xcb_connect(None, None)
        answers.append(library.xcb_connection_has_error(connection))
        library.xcb_disconnect(connection)

    thread = threading.Thread(target=knock, name="display", daemon=True)  # a server that hangs never answers
    thread.start()
    thread.join(PATIENCE)
    return "" if answers == [0] else silent


def _wayland() -> str:
    """Return why the compositor that WAYLAND_DISPLAY names cannot be used."""
    if os.environ.get("WAYLAND_SOCKET"):
        return ""  # connected already
    name = os.environ.get("WAYLAND_DISPLAY") or "wayland-0"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.settimeout(PATIENCE)
            knock.connect(str(Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name))
    except OSError:
        return f"No window can open: nothing answers at the display '{name}'. Correct or unset WAYLAND_DISPLAY."
    return ""

"""Where the program begins: the window, the command line, or, for a frozen program, the window's helper process."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from resnext_gui import scratch

COMMANDS = ("train", "classify", "check", "demo", "weights", "benchmark")


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window, or run a sub-command; returns the exit status."""
    multiprocessing.freeze_support()
    try:
        status = _dispatch(list(sys.argv[1:] if argv is None else argv))
    finally:
        scratch.clear()
    if argv is None and {"keras", "tensorflow"} & sys.modules.keys():
        # Everything is written. Taking the runtime apart would take seconds, and it may be half imported.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # a program without a console has none
                stream.flush()
        os._exit(status)
    return status


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first == "--worker":
        from resnext_gui.engine.worker import server

        server.main()
    if first in ("--self-test", "--first-paint"):
        from resnext_gui import selftest

        return selftest.main(arguments)
    if first and (first in COMMANDS or first.startswith("-") or not Path(first).exists()):
        from resnext_gui import cli

        if not first.startswith("-") and (os.sep in first or "." in first):
            return _say(f"resnext-gui: there is no '{first}'.")
        scratch.take()
        return cli.main(arguments)
    if not has_display():
        _say("There is no display, so the window cannot open.")
        if first:
            return _say(f"On the command line: resnext-gui classify '{first}' PICTURE")
        _say("Showing what the program does with 'resnext-gui demo' instead.")
        from resnext_gui import cli

        scratch.take()
        return cli.main(["demo"])
    from resnext_gui.ui import app

    return app.main(arguments)


def _say(text: str) -> int:
    """Print a line on standard error; returns the exit status for bad input."""
    print(text, file=sys.stderr)  # noqa: T201
    return 2


def has_display() -> bool:
    """Tell whether a window can be shown; only on Linux and its like may there be none."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


if __name__ == "__main__":
    sys.exit(main())

"""Where the program begins: the window, the command line, or, for a frozen program, the window's helper process."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence

COMMANDS = ("train", "classify", "check", "demo", "weights", "benchmark")


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window, or run a sub-command; returns the exit status."""
    multiprocessing.freeze_support()
    status = _dispatch(list(sys.argv[1:] if argv is None else argv))
    if argv is None and {"keras", "tensorflow"} & sys.modules.keys():
        # Everything is written. Taking the runtime apart would take seconds, and it may be half imported.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _dispatch(arguments: list[str]) -> int:
    if arguments == ["--worker"]:
        from resnext_gui.engine import server

        server.main()
    if arguments and (arguments[0] in COMMANDS or arguments[0].startswith("-") or not os.path.exists(arguments[0])):  # noqa: PTH110
        from resnext_gui import cli

        return cli.main(arguments)
    if not has_display():
        print("There is no display, so the window cannot open.", file=sys.stderr)  # noqa: T201
        if arguments:
            print(f"Use the command line instead: resnext-gui classify '{arguments[0]}' PICTURE", file=sys.stderr)  # noqa: T201
            return 2
        print("Showing what the program does with 'resnext-gui demo' instead.", file=sys.stderr)  # noqa: T201
        from resnext_gui import cli

        return cli.main(["demo"])
    from resnext_gui.ui import app

    return app.main(arguments)


def has_display() -> bool:
    """Tell whether a window can be shown; only on Linux and its like may there be none."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


if __name__ == "__main__":
    sys.exit(main())

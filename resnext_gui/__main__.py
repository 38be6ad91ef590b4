"""Where the program begins: the window, the command line, or, for a frozen program, the window's helper process."""

from __future__ import annotations

# Little is imported here, so that a Ctrl+C soon finds its handler.
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

COMMANDS = ("train", "classify", "check", "demo", "weights", "benchmark")


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window, or run a sub-command; returns the exit status."""
    if argv is None:
        _make_ready()
    import multiprocessing

    from resnext_gui import scratch

    multiprocessing.freeze_support()
    try:
        status = _dispatch(list(sys.argv[1:] if argv is None else argv))
    finally:
        scratch.clear()
    if argv is None:
        status = _flush(status)
        if {"keras", "tensorflow"} & sys.modules.keys():
            # Everything is written. Taking the runtime apart would take seconds, and it may be half imported.
            os._exit(status)
    return status


def _make_ready() -> None:
    """Fill the places of standard streams that are closed, and let Ctrl+C end the program without a traceback.

    A file that is opened while one of the first three numbers is free would get it, and then what somebody prints.
    """
    for number, name, mode in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # Nobody reads what is printed: writing to standard output fails, so that it is told, as with a full disk.
            if os.open(os.devnull, mode) == number and sys.platform != "win32":
                setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    with contextlib.suppress(ValueError):  # not on the main thread
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))


def _flush(status: int) -> int:
    """Write out what was printed; returns `status`, or where that is 0 and nothing can be written, another."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # a program without a console has none
                stream.flush()
        except OSError as error:
            if stream is sys.stdout and not status:
                from resnext_gui.printable import cannot_print

                status = 130 if isinstance(error, BrokenPipeError) else _say(f"resnext-gui: {cannot_print(error)}")
            with contextlib.suppress(OSError):  # what is left would be tried again when Python ends
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if any("\0" in argument for argument in arguments):
        return _say("resnext-gui: an argument holds a zero byte, which no name can.")
    if os.name == "posix" and not os.path.isabs(os.environ.get("HOME", os.path.expanduser("~"))):  # noqa: PTH111, PTH117
        return _say("resnext-gui: It is not known where your home folder is. Set HOME to a folder of your own.")
    if first == "--worker":
        from resnext_gui.engine.worker import server

        server.main()
    if first in ("--self-test", "--first-paint"):
        from resnext_gui import selftest

        return selftest.main(arguments)
    if first and (first in COMMANDS or first.startswith("-") or not os.path.exists(first)):  # noqa: PTH110 - too long is none
        if not first.startswith("-") and (os.sep in first or "." in first):
            return _say(f"resnext-gui: there is no '{first}'.")
        return _command(arguments)
    from resnext_gui import display

    if not display.exists():
        _say("There is no display, so the window cannot open.")
        if first:
            return _say(f"On the command line: resnext-gui classify '{first}' PICTURE")
        _say("Showing what the program does with 'resnext-gui demo' instead.")
        return _command(["demo"])
    if trouble := display.trouble():
        return _say(f"resnext-gui: {trouble}")
    try:
        from resnext_gui.ui import app
    except ImportError as error:
        if missing := display.missing_library(str(error)):
            return _say(f"resnext-gui: {missing}")
        raise
    return app.main(arguments)


def _command(arguments: list[str]) -> int:
    from resnext_gui import scratch

    try:
        scratch.take()
    except OSError as error:
        return _say(f"resnext-gui: No folder for temporary files can be written to: {error.strerror or error}.")
    from resnext_gui import cli

    return cli.main(arguments)


def _say(text: str) -> int:
    """Print a line on standard error; returns the exit status for bad input."""
    from resnext_gui.printable import printable

    with contextlib.suppress(OSError):
        print(printable(text), file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())

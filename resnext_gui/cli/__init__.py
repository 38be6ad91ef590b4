"""The command line: the same engine as the window's, without Qt.

Results go to standard output, everything else to standard error.  With ``--json`` standard output carries one JSON
object a line.  Exit status: 0 done, 2 bad input or usage, 130 stopped by the person, 1 a fault of ours.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import FrameType
from typing import IO, Any

from resnext_gui.cli.arguments import build_parser
from resnext_gui.cli.output import Output
from resnext_gui.engine.control import Control
from resnext_gui.engine.jobs import failure
from resnext_gui.messages import Failed

OK, FAULT, BAD_INPUT, STOPPED = 0, 1, 2, 130

COMMANDS = {
    "train": "resnext_gui.cli.train:train",
    "classify": "resnext_gui.cli.pictures:classify",
    "check": "resnext_gui.cli.pictures:check",
    "demo": "resnext_gui.cli.demo:demo",
    "weights": "resnext_gui.cli.tools:weights",
    "benchmark": "resnext_gui.cli.tools:benchmark",
}
"""Sub-command -> "module:function".  Each is ``function(arguments, output, control) -> exit status``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name) and return the exit status."""
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else BAD_INPUT
    _be_quiet(arguments.verbose)
    control = Control()
    with _own_standard_output() as stream:
        out = Output(arguments.json, stream, sys.stderr)
        with _stop_on_interrupt(control, out):
            try:
                return _run(arguments, out, control)
            except BrokenPipeError:
                return STOPPED  # whoever read our output has had enough
            finally:
                out.close()


def _run(arguments: Any, out: Output, control: Control) -> int:
    module, _, name = COMMANDS[arguments.command].partition(":")
    try:
        status: int = getattr(import_module(module), name)(arguments, out, control)
    except BrokenPipeError:
        raise
    except Exception as error:  # the last place where a fault can be put into words
        failed = failure("", error)
        logging.getLogger(__name__).debug("%s", failed.code, exc_info=True)
        out.failed(failed)
        return exit_status(failed)
    return status


def exit_status(failed: Failed) -> int:
    """Return the exit status for a failure."""
    return {"stopped": STOPPED, "fault": FAULT}.get(failed.code, BAD_INPUT)


@contextlib.contextmanager
def _stop_on_interrupt(control: Control, out: Output) -> Iterator[None]:
    """Let Ctrl+C ask the job to stop and keep what it has; a second one leaves at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupted(number: int, frame: FrameType | None) -> None:
        del number, frame
        if control.stopping:
            out.abandon()
            os._exit(STOPPED)
        control.stop()
        out.note("Stopping; what is finished is kept. Press Ctrl+C again to leave at once.")

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _own_standard_output() -> Iterator[IO[str]]:
    """Keep standard output for our own lines: what libraries print, also from C++, goes to standard error."""
    try:
        ours = sys.stdout.fileno() == 1 and sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        ours = False  # under test, or started without a console
    if not ours:
        yield sys.stdout
        return
    sys.stdout.flush()
    copy = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(copy, "w", encoding=sys.stdout.encoding or "utf-8", errors="backslashreplace", newline="\n")
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(copy, 1)
        with contextlib.suppress(OSError):
            stream.close()


def _be_quiet(verbose: bool) -> None:
    """Keep the libraries' chatter off the terminal unless it was asked for."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.ERROR,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if verbose:
        for chatty in ("PIL", "h5py", "urllib3", "httpx", "httpcore", "filelock", "numba"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")

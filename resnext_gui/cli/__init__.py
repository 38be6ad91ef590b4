"""The command line: the same engine as the window's, without Qt.

Results go to standard output, everything else to standard error.  With ``--json`` standard output carries one JSON
object a line.  Exit status: 0 done, 2 bad input or usage, 130 stopped by the person, 1 a fault of ours.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import FrameType
from typing import IO, Any, TextIO

from resnext_gui.cli.arguments import build_parser
from resnext_gui.cli.output import Output
from resnext_gui.engine.worker.control import Control
from resnext_gui.engine.worker.jobs import failure
from resnext_gui.messages import Failed
from resnext_gui.printable import Formatter, cannot_print

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
    except BrokenPipeError:
        return STOPPED
    except OSError as error:
        with contextlib.suppress(OSError):
            print(f"resnext-gui: {cannot_print(error)}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    control = Control()
    with _own_streams(arguments.verbose) as (stream, err):
        _be_quiet(arguments.verbose, err)
        out = Output(arguments.json, stream, err)
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
        # Not from here: the signal may have come in the middle of another line, and a stream is not entered twice.
        line = "Stopping; what is finished is kept. Press Ctrl+C again to leave at once."
        threading.Thread(target=out.note, args=(line,), name="stopping").start()

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _own_streams(verbose: bool) -> Iterator[tuple[IO[str], IO[str]]]:
    """Yield standard output and standard error for our own lines alone.

    What libraries print, also from C++, goes to ``command-line.log`` in the log folder; with `verbose` to standard
    error.
    """
    try:
        ours = sys.stdout.fileno() == 1 and sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        ours = False  # under test, or started without a console
    if not ours:
        yield sys.stdout, sys.stderr
        return
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = _copy(1, sys.stdout), _copy(2, sys.stderr)
    faulthandler.enable(err)
    if not verbose:
        chatter = _chatter()
        os.dup2(chatter, 2)
        os.close(chatter)
    os.dup2(2, 1)
    try:
        yield out, err
    finally:
        faulthandler.disable()
        for number, ours_, theirs in ((1, out, sys.stdout), (2, err, sys.stderr)):
            for stream in (ours_, theirs):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os.dup2(ours_.fileno(), number)
            with contextlib.suppress(OSError):
                ours_.close()


def _copy(number: int, like: TextIO) -> IO[str]:
    return os.fdopen(os.dup(number), "w", encoding=like.encoding or "utf-8", errors="backslashreplace", newline="\n")


def _chatter() -> int:
    """Return a descriptor for what libraries print: a log file that begins anew with every start, else nothing."""
    from resnext_gui import logs

    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        folder = logs.folder()
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "command-line.log", flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _be_quiet(verbose: bool, err: IO[str]) -> None:
    """Keep the libraries' chatter off the terminal unless it was asked for."""
    handler = logging.StreamHandler(err)
    handler.setFormatter(Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR, handlers=[handler])
    quiet = ("PIL", "h5py", "urllib3", "httpx", "httpcore", "filelock", "matplotlib", "tensorflow", "absl")
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING if verbose else logging.CRITICAL)
    if verbose:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")

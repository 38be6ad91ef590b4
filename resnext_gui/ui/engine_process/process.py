"""The thread that owns a child process and everything about it that can block.

It starts the child, waits for its first words, sends, receives, and ends it when it does not listen.  The child is
started as a program (never by fork) and told on its standard input where to connect::

    {"address": "...", "key": "<hex>", "role": "assistant"}

Both sides then exchange the bytes of `messages.encode`.  When the pipe closes, each side knows that the other is
gone.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.context import AuthenticationError
from pathlib import Path
from typing import IO, Any

from PySide6.QtCore import QThread, Signal

import resnext_gui
from resnext_gui import messages, scratch
from resnext_gui.messages import Command, Failed, Finished, Message
from resnext_gui.texts import Value
from resnext_gui.ui.engine_process import child_log

log = logging.getLogger(__name__)

WAITING_ROOM = 4000
"""Events that may wait for the window before the child has to wait too."""
CRASHES_ALLOWED = 4
"""Deaths in a row, without one job done in between, after which the child is not started again by itself."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, to wait before the next step: for its first words, after a stop, after a terminate.

    After a stop the child has `stop` seconds from its last sign of life, but no more than `finish` in all: what it
    saves on a slow computer takes its time.
    """

    hello: float = 60.0
    stop: float = 10.0
    finish: float = 300.0
    terminate: float = 3.0
    close: float = 1.5


@dataclass(slots=True)
class _Child:
    """What belongs to one life of the child process."""

    process: subprocess.Popen[bytes]
    listener: connection.Listener
    folder: str | None
    words: Path | None
    began: float
    accepting: threading.Thread | None = None
    accepted: deque[Any] = field(default_factory=deque)
    conn: Any = None  # Connection, or PipeConnection on Windows
    greeted: bool = False
    over: bool = False
    kill_at: float | None = None  # set once it was told to terminate
    culprits: set[str] = field(default_factory=set)  # jobs that did not stop


class EngineLine(QThread):
    """Talks with the child.  `send`, `take` and `finish` are called by the window, everything else runs in here."""

    arrived = Signal()
    """Something lies ready for `take`.  Not emitted again before `take` has returned None."""
    child_started = Signal(int)
    child_ended = Signal(object)

    def __init__(
        self, role: str, program: list[str], one_job: bool, log_folder: Path | None, patience: Patience
    ) -> None:
        super().__init__()
        self.setObjectName(f"engine-{role}")
        self._role = role
        self._program = program
        self._one_job = one_job
        self._log_folder = log_folder
        self._patience = patience
        self._lock = threading.Lock()
        self._outbox: deque[tuple[Command, str]] = deque()
        self._inbox: deque[Message] = deque()
        self._told = False  # the window knows that something lies in the inbox
        self._wake_in, self._wake_out = connection.Pipe(duplex=False)
        self._woken = False
        self._finish = False
        self._open: dict[str, float | None] = {}  # job the child has -> when waiting for its stop ends
        self._stopped: dict[str, float] = {}  # job that was told to stop -> when all patience ends
        self._lanes: dict[str, bool] = {}  # job the child has -> whether it works on files
        self._child: _Child | None = None
        self._crashes = 0
        self.pid: int | None = None

    # ---- called by the window's thread

    def send(self, command: Command, job_id: str) -> None:
        """Hand over `command`, which is, or is about, job `job_id`.  Never blocks."""
        with self._lock:
            if isinstance(command, messages.Stop):
                unsent = [entry for entry in self._outbox if entry[1] == job_id]
                if any(_is_job(entry[0]) for entry in unsent):
                    for entry in unsent:
                        self._outbox.remove(entry)
                    self._inbox.append(Failed(job_id, "stopped:before"))
                    tell, self._told = not self._told, True
                else:
                    self._outbox.append((command, job_id))
                    tell = False
            else:
                self._outbox.append((command, job_id))
                tell = False
        if tell:
            self.arrived.emit()
        if not self.isRunning() and not self._finish:
            self.start()
        self._wake()

    def take(self) -> Message | None:
        """Return the oldest event that waits, or None."""
        with self._lock:
            if not self._inbox:
                self._told = False
                return None
            event = self._inbox.popleft()
            there_is_room_again = len(self._inbox) == WAITING_ROOM - 1
        if there_is_room_again:
            self._wake()
        return event

    def finish(self) -> None:
        """Let the child go and end this thread; `wait` waits for it."""
        self._finish = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._woken or self._wake_out.closed:
                return
            self._woken = True
            self._wake_out.send_bytes(b"w")  # at most one lies in the pipe, so this never blocks

    # ---- this thread

    def run(self) -> None:
        """Serve until `finish`."""
        try:
            while not self._finish:
                self._turn()
        except Exception:
            # Whatever it was, nobody may wait for an answer for ever.
            log.exception("%s: the line broke", self._role)
            self._fail_all("internal")
        finally:
            if self._child is not None:
                self._dismiss(self._child)
            with self._lock:
                self._wake_out.close()
                self._wake_in.close()

    def _turn(self) -> None:
        """Wait until something happens, and deal with it."""
        child = self._child
        sources: list[Any] = [self._wake_in]
        if child is not None and child.conn is not None and len(self._inbox) < WAITING_ROOM:
            sources.append(child.conn)
        ready = connection.wait(sources, self._timeout())
        if self._wake_in in ready:
            with self._lock:
                self._wake_in.recv_bytes()
                self._woken = False
        if child is not None:
            if child.conn is None:
                self._greet(child)
            elif child.conn in ready:
                self._receive(child)
        self._post()
        self._mind_deadlines()

    def _timeout(self) -> float | None:
        child = self._child
        if child is not None and not child.greeted:
            return 0.05  # nothing tells us that a child died before it connected, so look
        moments = [moment for moment in self._open.values() if moment is not None]
        if child is not None and child.kill_at is not None:
            moments = [child.kill_at]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    # ---- out

    def _post(self) -> None:
        """Send what the window wants sent, once the child has said hello."""
        while True:
            with self._lock:
                if not self._outbox:
                    return
                command, job_id = self._outbox[0]
                if not _is_job(command) and job_id not in self._open:
                    self._outbox.popleft()  # its job has ended in the meantime
                    continue
            child = self._child
            if child is None:
                if self._begin():
                    return
                continue  # it cannot be started, and everything in the outbox was answered
            if not child.greeted or child.kill_at is not None:
                return  # wait for its first words, or for the end of one that is being ended
            with self._lock:
                if not self._outbox or self._outbox[0][0] is not command:
                    continue  # taken back meanwhile
                self._outbox.popleft()
            if _is_job(command):
                self._open[job_id] = None
                self._lanes[job_id] = isinstance(command, messages.FileJob)
            elif isinstance(command, messages.Stop) and self._open[job_id] is None:
                self._open[job_id] = time.monotonic() + self._patience.stop
                self._stopped[job_id] = time.monotonic() + self._patience.finish
            try:
                child.conn.send_bytes(messages.encode(command))
            except (OSError, ValueError):
                self._drain(child)
                self._bury(child)

    # ---- in

    def _receive(self, child: _Child) -> None:
        """Take what has arrived, some at a time, so that outgoing commands get their turn."""
        try:
            for _ in range(256):
                self._understand(child, child.conn.recv_bytes())
                if child.over or not child.conn.poll():
                    return
        except (EOFError, OSError):
            self._bury(child)

    def _drain(self, child: _Child) -> None:
        """Take all that a dead child had still sent."""
        with contextlib.suppress(EOFError, OSError):
            while not child.over and child.conn.poll():
                self._understand(child, child.conn.recv_bytes())

    def _understand(self, child: _Child, data: bytes) -> None:
        try:
            event = messages.decode(data)
        except ValueError:
            log.warning("%s: not understood: %r", self._role, data[:200])
            return
        if isinstance(event, messages.Hello):
            if event.protocol != messages.PROTOCOL:
                self._give_up(child, "protocol", {"engine": event.protocol, "window": messages.PROTOCOL})
                return
            child.greeted = True
            self.child_started.emit(child.process.pid)
        elif (job_id := getattr(event, "job_id", "")) in self._open:
            self._grant_time(job_id)
            if isinstance(event, Finished | Failed):
                del self._open[job_id]
                del self._lanes[job_id]
                self._stopped.pop(job_id, None)
                self._crashes = 0
            self._put(event)
        if self._one_job and not self._open and not self._outbox:
            self._dismiss(child)

    def _grant_time(self, job_id: str) -> None:
        """Events are signs of life: of a job that finishes what it was told to stop, or of a more urgent one before it.

        Only so many of its own, since a job that does not listen may go on for ever.
        """
        latest = self._stopped.get(job_id)
        if latest is not None:
            self._open[job_id] = min(latest, time.monotonic() + self._patience.stop)
        for other, moment in self._open.items():
            if moment is not None and other != job_id and self._lanes[other] == self._lanes[job_id]:
                self._open[other] = time.monotonic() + self._patience.stop

    def _put(self, event: Message) -> None:
        with self._lock:
            self._inbox.append(event)
            tell, self._told = not self._told, True
        if tell:
            self.arrived.emit()

    # ---- the child's life

    def _begin(self) -> bool:
        """Start the child.  False: it cannot be started, and whoever waited has been told."""
        if self._crashes >= CRASHES_ALLOWED:
            self._crashes = 0  # what the person asks for next is a new chance
            details = child_log.last(child_log.path_for(self._log_folder, self._role))
            self._fail_all("engine_keeps_stopping", details=details)
            return False
        folder: str | None = None
        address: str | None = None
        listener: connection.Listener | None = None
        try:
            if sys.platform != "win32":
                folder = tempfile.mkdtemp(
                    prefix="resnext-gui-", dir=scratch.socket_place()
                )  # only this user may enter it
                address = str(Path(folder) / "engine")
            key = secrets.token_bytes(32)
            family = "AF_PIPE" if sys.platform == "win32" else "AF_UNIX"
            listener = connection.Listener(address, family=family, authkey=key)
            words, output = child_log.open_for(self._log_folder, self._role)
            try:
                process = self._spawn(output)
            finally:
                if output is not None:
                    output.close()
        except OSError as error:
            if listener is not None:
                listener.close()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            self._fail_all("engine_start", {"reason": str(error)})
            return False
        child = _Child(process, listener, folder, words, time.monotonic())
        child.accepting = threading.Thread(target=self._accept, args=(child,), name="engine-accept", daemon=True)
        child.accepting.start()
        self._child = child
        self.pid = process.pid
        line = json.dumps({"address": listener.address, "key": key.hex(), "role": self._role}) + "\n"
        if process.stdin is not None:
            with contextlib.suppress(OSError):  # it died already, which `_greet` notices
                process.stdin.write(line.encode())
                process.stdin.close()
        return True

    def _spawn(self, output: IO[bytes] | None) -> subprocess.Popen[bytes]:
        extra: dict[str, Any] = {}
        if sys.platform == "win32":
            extra["creationflags"] = subprocess.CREATE_NO_WINDOW
        else:
            # Ctrl+C in the terminal is meant for the window, which then lets its children go in good order.
            extra["start_new_session"] = True
        environment = dict(os.environ)
        if not getattr(sys, "frozen", False):
            # The child finds the package also when this program runs from a source tree.
            home = str(Path(resnext_gui.__file__).resolve().parent.parent)
            paths = [home, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
            environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
            environment["PYTHONSAFEPATH"] = "1"  # no modules from the folder that the person is in
            environment["PYTHONUNBUFFERED"] = "1"  # its last words must not die in a buffer
        out: Any = output if output is not None else subprocess.DEVNULL
        return subprocess.Popen(
            self._program, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=environment, **extra
        )

    def _accept(self, child: _Child) -> None:
        """Wait for the child to connect.  A thread of its own, since nothing but a connection ends this wait."""
        while not child.over:
            try:
                child.accepted.append(child.listener.accept())
            except (EOFError, AuthenticationError):
                continue  # a stranger, or ourselves in `_lay_down`
            except OSError:
                if not child.over:
                    child.accepted.append(None)
            break
        self._wake()

    def _greet(self, child: _Child) -> None:
        """See whether the child has connected, died, or let its time pass."""
        if child.accepted:
            child.conn = child.accepted.popleft()
            if child.conn is None:
                self._bury(child)
            else:
                self._clear_meeting_point(child)
        elif child.process.poll() is not None:
            self._bury(child)

    def _mind_deadlines(self) -> None:
        """End a child that does not answer or does not stop."""
        child, now = self._child, time.monotonic()
        if child is None:
            return
        if not child.greeted:
            if now - child.began > self._patience.hello:
                self._give_up(child, "engine_silent", {"seconds": round(self._patience.hello)})
        elif child.kill_at is None:
            child.culprits = {job_id for job_id, moment in self._open.items() if moment is not None and moment <= now}
            if child.culprits:
                log.warning("%s does not stop; ending it", self._role)
                child.process.terminate()
                child.kill_at = now + self._patience.terminate
        elif child.kill_at <= now:
            child.process.kill()
            child.kill_at = now + self._patience.terminate

    def _give_up(self, child: _Child, error: str, values: dict[str, Value]) -> None:
        """End a child that never became one of ours."""
        self._lay_down(child, patience=0.0)
        self._crashes += 1
        self._fail_all(error, values, child_log.last(child.words))

    def _bury(self, child: _Child) -> None:
        """The child is gone, or its pipe is: say so to every job it had."""
        if child.over:
            return
        exit_code = self._lay_down(child, patience=0.5)
        if not child.culprits:
            self._crashes += 1
        log.warning("%s: engine exited, code %s", self._role, exit_code)
        # -9 and 137: killed by the system, as it does where memory is full
        error = "engine_exited:outside" if exit_code in (-9, 137) else "engine_exited"
        values: dict[str, Value] = {"exit": str(exit_code)}
        details = child_log.last(child.words)
        if not child.greeted:
            self._fail_all(error, values, details)
            return
        lost = list(self._open)
        self._open.clear()
        self._lanes.clear()
        self._stopped.clear()
        for job_id in lost:
            if job_id in child.culprits:
                self._put(Failed(job_id, "stopped:ended"))
            else:
                self._put(Failed(job_id, error, values, details))

    def _dismiss(self, child: _Child) -> None:
        """Let a child go that is not needed any more."""
        # A run that is cut off goes on from its last checkpoint another time; a shutdown would end it for good.
        cut_off = self._one_job and bool(self._open)
        if child.conn is not None and not cut_off:
            with contextlib.suppress(OSError, ValueError):
                child.conn.send_bytes(messages.encode(messages.Shutdown()))
        self._lay_down(child, patience=self._patience.close if child.greeted else 0.0)

    def _lay_down(self, child: _Child, patience: float) -> int | None:
        """Close the pipe, wait for the process, end it if need be, and clear up.  Returns its exit code."""
        child.over = True
        self._child = None
        self.pid = None
        if child.conn is not None:
            child.conn.close()
        exit_code: int | None = None
        for wait, step in ((patience, child.process.terminate), (0.5, child.process.kill), (5.0, None)):
            try:
                exit_code = child.process.wait(wait)
                break
            except subprocess.TimeoutExpired:
                if step is not None:
                    step()
        if child.accepting is not None and child.accepting.is_alive():
            with contextlib.suppress(OSError, EOFError, AuthenticationError):
                connection.Client(child.listener.address).close()  # ends the wait in `_accept`
            child.accepting.join(2.0)
        while child.accepted:
            if (late := child.accepted.popleft()) is not None:
                late.close()
        self._clear_meeting_point(child)
        self.child_ended.emit(exit_code)
        return exit_code

    def _clear_meeting_point(self, child: _Child) -> None:
        """Remove where the child was to connect; at once, so that nothing stays if the window should be killed."""
        with contextlib.suppress(OSError):
            child.listener.close()
        if child.folder is not None:
            shutil.rmtree(child.folder, ignore_errors=True)
            child.folder = None

    def _fail_all(self, error: str, values: dict[str, Value] | None = None, details: str = "") -> None:
        with self._lock:
            waiting = [job_id for command, job_id in self._outbox if _is_job(command)]
            self._outbox.clear()
        lost = dict.fromkeys([*self._open, *waiting])
        self._open.clear()
        self._lanes.clear()
        self._stopped.clear()
        for job_id in lost:
            self._put(Failed(job_id, error, values or {}, details))


def _is_job(command: Command) -> bool:
    return not isinstance(command, messages.Stop | messages.Pause | messages.Resume | messages.Shutdown)

"""The child process: takes commands from the window, runs jobs, sends events.  Standard library only at import.

Started as ``python -m resnext_gui.engine.worker.server`` (a frozen program: itself with ``--worker``) and told on
standard input where to connect, in one line of JSON:
``{"address": ..., "key": "<hex>", "role": "assistant" | "trainer"}``.

Threads: a reader that turns commands into queued jobs and `Control` calls; the *file lane*, for what needs no Keras;
the *compute lane* on the main thread; and one that sends throttled events when they are due.  A job on a lane serves
more urgent jobs of the same lane whenever it calls ``job.check()``.

The process ends by `os._exit`: after `Shutdown`, when the pipe closes because the window died, and, as a trainer,
after its terminal event.  Everything that matters is on disk before a terminal event is sent, and a hanging runtime
cannot keep an ``os._exit`` waiting.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import json
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any, NoReturn

from resnext_gui import logs, messages, scratch
from resnext_gui.engine.worker import jobs
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import BatchPoint, Event, Failed, Finished, Progress
from resnext_gui.texts import text

log = logging.getLogger(__name__)

INTERVAL = 0.05
"""Seconds between two `Progress` (or two `BatchPoint`) events of a job: 20 a second."""
PORTION = 24
"""Thumbnails made for one request before a newer request gets its turn."""
SHUTDOWN_SECONDS = 1.2
"""How long running jobs may take to stop after `Shutdown`."""
NICENESS = {"assistant": 5, "trainer": 10}
"""Both give way to the window, and a picture dropped during training goes ahead of the training."""
BEAT = 2.0
"""Seconds between two signs of life of a job that was told to stop and has something to finish."""
LEAST_WORK = 0.05
"""Seconds of processor time between two of them that tell work from a hang."""
SMALL_CLASSIFY = 4
"""Up to so many pictures, a request to classify goes ahead of a larger one that is under way."""

_THROTTLED = (Progress, BatchPoint)


def urgency(command: object) -> int:
    """Return how urgent a job is: at every ``check`` a lane serves jobs more urgent than the one it works on."""
    if isinstance(command, messages.Thumbnails | messages.ModelView):
        return 4
    if isinstance(command, messages.Classify):
        return 3 if len(command.paths) <= SMALL_CLASSIFY else 2
    if isinstance(command, messages.Preview):
        return 2
    if isinstance(command, messages.Evaluate | messages.Describe):
        return 1
    return 0


class Sender:
    """Writes events to the pipe, from any thread, and holds back what would flood the window."""

    def __init__(self, write: Callable[[bytes], None], interval: float = INTERVAL) -> None:
        """Args:
        write: takes one encoded message.  An `OSError` from it means that the window is gone.
        interval: least seconds between two throttled events of one kind and job.
        """
        self._write = write
        self._interval = interval
        self._condition = threading.Condition(threading.RLock())
        self._last: dict[tuple[str, type[Any]], float] = {}
        self._pending: dict[tuple[str, type[Any]], Event] = {}

    def send(self, event: Event) -> None:
        """Send `event` now, or, where it comes too soon after its like, keep the newest and send that when due."""
        with self._condition:
            if isinstance(event, _THROTTLED):
                key = (event.job_id, type(event))
                now = time.monotonic()
                if now - self._last.get(key, -1e9) < self._interval:
                    self._pending[key] = event
                    self._condition.notify()
                    return
                self._pending.pop(key, None)
                self._last[key] = now
            elif not isinstance(event, messages.Answer | messages.Refused | messages.ThumbnailReady | messages.Hello):
                self._flush(event.job_id)
                if isinstance(event, Finished | Failed):
                    self._forget(event.job_id)
            self._write(messages.encode(event))

    def run(self) -> NoReturn:
        """Send held-back events when they are due.  The body of a daemon thread."""
        while True:
            with self._condition:
                while not self._pending:
                    self._condition.wait()
                due = min(self._last[key] + self._interval for key in self._pending)
                rest = due - time.monotonic()
                if rest > 0:
                    self._condition.wait(rest)
                now = time.monotonic()
                for key in [k for k in self._pending if self._last[k] + self._interval <= now]:
                    self._last[key] = now
                    self._write(messages.encode(self._pending.pop(key)))

    def _flush(self, job_id: str) -> None:
        for key in [k for k in self._pending if k[0] == job_id]:
            self._last[key] = time.monotonic()
            self._write(messages.encode(self._pending.pop(key)))

    def _forget(self, job_id: str) -> None:
        for key in [k for k in self._last if k[0] == job_id]:
            del self._last[key]


class Task:
    """One job in the child: its command, its control, and whether its terminal event is out."""

    def __init__(self, command: Any, lane: Lane, sender: Sender) -> None:
        self.command = command
        self.id: str = command.job_id
        self.urgency = urgency(command)
        self.done = False
        self.begun = False
        self.ended = threading.Event()
        self._sender = sender
        self._lock = threading.Lock()
        self.control = Control(between=lambda: lane.serve(self.urgency), on_pause=self._paused)
        self.results: list[dict[str, Any]] = []  # of the portions of a request for thumbnails
        self._portioned = 0  # thumbnails in portions that are done
        self._whole = len(command.photo_ids) if isinstance(command, messages.Thumbnails) else 0

    def emit(self, event: Event) -> None:
        """Send an event of this job.  Nothing follows a terminal event, and there is only one."""
        if self._whole and isinstance(event, Progress):
            event = dataclasses.replace(event, done=self._portioned + event.done, total=self._whole)
        with self._lock:
            if self.done:
                return
            self.done = isinstance(event, Finished | Failed)
        if self.done:
            self.ended.set()
        self._sender.send(event)

    def begin(self) -> None:
        """Tell the window that the job is being worked on."""
        if not self.begun:
            self.begun = True
            self.emit(messages.Started(self.id))

    def rest(self) -> bool:
        """Note that a portion of a request for thumbnails is done; tell whether any are left."""
        if not isinstance(self.command, messages.Thumbnails) or len(self.command.photo_ids) <= PORTION:
            return False
        self._portioned += PORTION
        self.command = dataclasses.replace(self.command, photo_ids=self.command.photo_ids[PORTION:])
        return True

    def _paused(self, waiting: bool) -> None:
        self.emit(messages.Paused(self.id) if waiting else messages.Resumed(self.id))


class Lane:
    """A queue of jobs and the thread that works on them, the most urgent first."""

    def __init__(self, finished: Callable[[Task], None]) -> None:
        """Args:
        finished: called on the lane's thread after a job's terminal event was sent.
        """
        self._finished = finished
        self._condition = threading.Condition()
        self._waiting: deque[Task] = deque()
        self._running = 0
        self._thread: int | None = None

    def add(self, task: Task) -> None:
        """Queue a job."""
        with self._condition:
            self._waiting.append(task)
            self._condition.notify_all()

    def take_back(self, task: Task) -> bool:
        """Remove a job that has not begun; tell whether it was still there."""
        with self._condition:
            if task.begun or task not in self._waiting:
                return False
            self._waiting.remove(task)
            return True

    def run(self) -> NoReturn:
        """Work for ever, on this thread."""
        self._thread = threading.get_ident()
        while True:
            with self._condition:
                while not self._waiting:
                    self._condition.wait()
            self.serve(-1)

    def serve(self, above: int) -> None:
        """Run what waits and is more urgent than `above`; called by the lane, and from inside a running job."""
        if not self._waiting or threading.get_ident() != self._thread:
            return  # a job's own helper threads ask too; urgent work belongs on the lane's thread
        while (task := self._next(above)) is not None:
            self._running += 1
            try:
                self._work(task)
            finally:
                self._running -= 1
            with self._condition:
                self._condition.notify_all()

    def wait_idle(self, seconds: float) -> None:
        """Wait until nothing runs, but no longer than `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._running == 0, timeout=seconds)

    def _next(self, above: int) -> Task | None:
        with self._condition:
            best: Task | None = None
            for task in self._waiting:
                if task.urgency <= above:
                    continue
                # What scrolled into view last is looked at now; everything else keeps its order.
                newest_first = isinstance(task.command, messages.Thumbnails)
                if best is None or task.urgency > best.urgency or (newest_first and task.urgency == best.urgency):
                    best = task
            if best is not None:
                self._waiting.remove(best)
            return best

    def _work(self, task: Task) -> None:
        """Run one job, or one portion of a request for thumbnails, and send what it ends with."""
        command = task.command
        portion = command
        if isinstance(command, messages.Thumbnails):
            portion = dataclasses.replace(command, photo_ids=command.photo_ids[:PORTION])
        try:
            task.begin()
            result = jobs.find_job(command)(portion, JobContext(task.id, task.emit, task.control))
        except Exception as error:  # whatever it is, the window must be told and the lane must go on
            log.log(
                logging.INFO if jobs.as_user_error(error) or isinstance(error, messages.JobStopped) else logging.ERROR,
                "%s %s ended: %s",
                type(command).__name__,
                task.id,
                error or type(error).__name__,
                exc_info=True,
            )
            task.emit(jobs.failure(task.id, error))
        else:
            task.results.append(result)
            if task.rest():
                with self._condition:
                    self._waiting.appendleft(task)  # older than whatever has come in meanwhile
                return
            task.emit(Finished(task.id, _merged(task.results)))
        self._finished(task)


def _merged(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up the results of a job's portions: counts are summed, of anything else the last word stays."""
    total: dict[str, Any] = {}
    for result in results:
        for key, value in result.items():
            counted = isinstance(value, int | float) and not isinstance(value, bool)
            total[key] = total.get(key, 0) + value if counted else value or total.get(key, value)
    return total


class Server:
    """Everything between the pipe and the jobs.

    Args:
        conn: the pipe to the window.
        role: ``"assistant"`` (lives on) or ``"trainer"`` (ends with its job).
        leave: ends the process with an exit code; None: removes temporary files first.
    """

    def __init__(self, conn: Connection[Any, Any], role: str, leave: Callable[[int], None] | None = None) -> None:
        self._conn = conn
        self._role = role
        self._leave = leave or _leave
        self._sender = Sender(self._write)
        self._tasks: dict[str, Task] = {}
        self._tasks_lock = threading.Lock()
        self._files = Lane(self._finished)
        self._compute = Lane(self._finished)

    def run(self) -> NoReturn:
        """Greet the window, then serve it for as long as it is there.  Call on the main thread."""
        self._sender.send(messages.Hello(messages.PROTOCOL, self._role, os.getpid()))
        for target, name in ((self._sender.run, "sender"), (self._files.run, "files"), (self._read, "reader")):
            threading.Thread(target=target, name=name, daemon=True).start()
        self._compute.run()

    def _write(self, data: bytes) -> None:
        try:
            self._conn.send_bytes(data)
        except OSError:
            log.info("the window is gone")
            self._leave(0)

    def _read(self) -> None:
        """The reader thread."""
        try:
            while True:
                self._obey(self._conn.recv_bytes())
        except (EOFError, OSError):
            log.info("the window closed the pipe")
        self._leave(0)

    def _obey(self, data: bytes) -> None:
        try:
            command = messages.decode(data)
        except ValueError as error:
            log.warning("%s", error)
            return
        if isinstance(command, messages.Shutdown):
            self._shut_down()
        elif isinstance(command, messages.Stop):
            self._stop(command.job_id)
        elif isinstance(command, messages.Pause | messages.Resume):
            task = self._tasks.get(command.job_id)
            if task is not None:
                (task.control.pause if isinstance(command, messages.Pause) else task.control.resume)()
        elif type(command) in jobs.JOBS:
            lane = self._files if isinstance(command, messages.FileJob) else self._compute
            task = Task(command, lane, self._sender)
            with self._tasks_lock:
                self._tasks[task.id] = task
            lane.add(task)
        else:
            log.warning("%s is no command", type(command).__name__)

    def _stop(self, job_id: str) -> None:
        task = self._tasks.get(job_id)
        if task is None:
            return
        task.control.stop()
        if self._files.take_back(task) or self._compute.take_back(task):
            task.emit(Failed(job_id, "stopped:before"))
            self._finished(task)
            return
        threading.Thread(target=_show_life, args=(task,), name="life", daemon=True).start()

    def _shut_down(self) -> None:
        with self._tasks_lock:
            tasks = list(self._tasks.values())
        for task in tasks:
            task.control.stop()
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for lane in (self._compute, self._files):
            lane.wait_idle(max(0.0, deadline - time.monotonic()))
        log.info("shut down")
        self._leave(0)

    def _finished(self, task: Task) -> None:
        with self._tasks_lock:
            self._tasks.pop(task.id, None)
            left = len(self._tasks)
        if self._role == "trainer" and left == 0:
            log.info("done; leaving")
            self._leave(0)


def _show_life(task: Task) -> None:
    """Say now and then that a job still finishes something, for as long as this process works; a hang says nothing."""
    used = time.process_time()
    while not task.ended.wait(BEAT):
        now = time.process_time()
        if now - used >= LEAST_WORK:
            task.emit(Progress(task.id, "finishing", 0, 0, text("finishing_begun")))
        used = now


# --------------------------------------------------------------------------------------------------------------------
# Start


def _lower_priority(niceness: int) -> None:
    """Give way to the window, so that it stays smooth while this process computes."""
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)
    else:
        try:
            os.nice(niceness)
        except OSError:
            log.debug("no permission to lower the priority")
        # Linux shares the processor among sessions first, and only within one by niceness.
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def _leave(code: int) -> NoReturn:
    scratch.clear()
    os._exit(code)


def main() -> NoReturn:
    """Read where to connect, connect, and serve.  Never returns.

    Exit codes: 0 done or the window is gone, 2 not started by the window, 3 nobody answered.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to everyone; the window decides what it means
    try:
        hello = json.loads(sys.stdin.readline())
        address, key, role = hello["address"], bytes.fromhex(hello["key"]), str(hello["role"])
    except (ValueError, KeyError, TypeError):
        print("This is the window's helper; it is started by the window.", file=sys.stderr)  # noqa: T201
        os._exit(2)
    if sys.stdout is not None and sys.stderr is not None:
        os.dup2(2, 1)  # libraries print; nobody reads it on standard output
        faulthandler.enable()
    logs.set_up(
        f"engine-{role}-details", "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s", loud=logging.WARNING
    )
    for chatty in ("absl", "PIL", "h5py", "tensorflow", "urllib3", "httpx", "httpcore", "huggingface_hub", "filelock"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    scratch.take()
    _lower_priority(NICENESS.get(role, 0))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        conn = Client(tuple(address) if isinstance(address, list) else address, authkey=key)
    except Exception:
        log.exception("cannot connect to %r", address)
        os._exit(3)
    log.info("%s of version %s serves", role, messages.PROTOCOL)
    Server(conn, role).run()


if __name__ == "__main__":
    main()

"""The client of the engine's process: what arrives, what dies, what is ended, and that the window never waits."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from PySide6.QtCore import QTimer

from resnext_gui import messages
from resnext_gui.messages import Classify, Describe, Finished, Progress, Scan, Train, TrainSpec
from resnext_gui.texts import some, speak
from resnext_gui.ui.engine_process.client import WINDOW_SHARE, EngineClient
from resnext_gui.ui.engine_process.process import CRASHES_ALLOWED, Patience
from tests.ui.conftest import fake_program

SCAN = Scan("", "nowhere", ())


def outcome(qtbot, job):
    """Wait for the job's end; return ("finished", result) or ("failed", Failed)."""
    got = []
    job.finished.connect(lambda result: got.append(("finished", result)))
    job.failed.connect(lambda failure: got.append(("failed", failure)))
    qtbot.waitUntil(lambda: bool(got), timeout=15_000)
    return got[0]


def dead(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_job_starts_says_things_and_finishes_once(qtbot, make_client):
    client = make_client()
    job = client.submit(Classify("", "p", ("a.jpg", "b.jpg", "c.txt")))
    said, order = [], []
    job.started.connect(lambda: order.append("started"))
    job.happened.connect(lambda event: (said.append(event), order.append("event")))
    job.finished.connect(lambda _: order.append("finished"))
    assert outcome(qtbot, job) == ("finished", {"answered": 2, "refused": 1})
    assert [type(event).__name__ for event in said] == ["Answer", "Answer", "Refused"]
    assert order == ["started", "event", "event", "event", "finished"]
    assert client.jobs == []


def test_nothing_is_started_before_the_first_job_and_signals_come_later(qtbot, make_client):
    client = make_client()
    assert client.pid is None
    job = client.submit(Describe(""))
    assert job.id and not job.done
    outcome(qtbot, job)


def test_several_jobs_run_in_one_child(qtbot, make_client):
    client = make_client()
    pids = []
    client.child_started.connect(pids.append)
    results = [outcome(qtbot, client.submit(Describe("")))[0] for _ in range(3)]
    assert results == ["finished"] * 3
    assert len(pids) == 1


def test_expected_trouble_arrives_with_its_words(qtbot, make_client):
    kind, failure = outcome(qtbot, make_client(Scan="error").submit(SCAN))
    assert kind == "failed"
    assert (failure.code, failure.hint) == ("no_photographs", "Choose another folder.")


def test_unexpected_trouble_carries_its_traceback(qtbot, make_client):
    assert "Traceback" in outcome(qtbot, make_client(Scan="fault").submit(SCAN))[1].details


def test_trouble_is_told_in_the_persons_language(qtbot, make_client):
    german = {"The connection with the engine broke.": "Die Verbindung ist abgebrochen."}
    speak(lambda template: german.get(template, template))
    assert outcome(qtbot, make_client(Scan="fault").submit(SCAN))[1].message == "Die Verbindung ist abgebrochen."


def test_sentences_in_results_arrive_in_words(qtbot, make_client):
    client = make_client()
    job = client.submit(Describe(""))
    got = []
    job.finished.connect(got.append)
    job._deliver(Finished(job.id, {"findings": [{"message": some(2), "paths": ["/p/a"]}]}))
    assert got == [{"findings": [{"message": "2 photographs", "paths": ["/p/a"]}]}]


@pytest.mark.parametrize("job", [SCAN, Train("", "p", TrainSpec())], ids=["scan", "train"])
def test_a_death_becomes_a_failure_in_plain_words(qtbot, make_client, job):
    kind, failure = outcome(qtbot, make_client(Scan="crash", Train="crash").submit(job))
    assert kind == "failed"
    assert failure.code == "engine_exited"
    assert "70" in failure.message and failure.hint


def test_everything_said_before_a_death_is_heard(qtbot, make_client):
    job = make_client(Scan="crash_late").submit(SCAN)
    said = []
    job.happened.connect(said.append)
    failure = outcome(qtbot, job)[1]
    assert [event.done for event in said] == list(range(50))
    assert "last words" in failure.details


def test_after_a_death_the_next_job_gets_a_new_child(qtbot, make_client):
    client = make_client(Scan="crash")
    assert outcome(qtbot, client.submit(SCAN))[1].code == "engine_exited"
    assert outcome(qtbot, client.submit(Describe("")))[0] == "finished"


def test_a_death_fails_all_jobs_of_that_child(qtbot, make_client):
    client = make_client(MakeQuick="hang", Scan="crash")
    waiting = client.submit(messages.MakeQuick("", "p"))
    with qtbot.waitSignal(waiting.started, timeout=15_000):
        pass
    failures = []
    waiting.failed.connect(failures.append)
    outcome(qtbot, client.submit(SCAN))
    qtbot.waitUntil(lambda: bool(failures))
    assert failures[0].code == "engine_exited"


def test_restarts_are_bounded(qtbot, make_client):
    client = make_client(Scan="crash")
    starts = []
    client.child_started.connect(starts.append)
    codes = [outcome(qtbot, client.submit(SCAN))[1].code for _ in range(CRASHES_ALLOWED + 1)]
    assert codes == ["engine_exited"] * CRASHES_ALLOWED + ["engine_keeps_stopping"]
    assert len(starts) == CRASHES_ALLOWED


def test_a_child_that_dies_before_it_connects(qtbot, make_client):
    client = make_client(start="die")
    failure = outcome(qtbot, client.submit(SCAN))[1]
    assert failure.code == "engine_exited" and "3" in failure.message
    assert "cannot start" in failure.details


def test_a_program_that_does_not_exist(qtbot, make_client):
    client = make_client()
    client._line._program = ["/no/such/program"]
    assert outcome(qtbot, client.submit(SCAN))[1].code == "engine_start"


@pytest.mark.parametrize("start", ["silent", "no_hello"])
def test_a_child_that_never_greets_is_given_up(qtbot, make_client, start):
    client = make_client(start=start, patience=Patience(hello=1.0, stop=0.3, terminate=0.3))
    ended = []
    client.child_ended.connect(ended.append)
    assert outcome(qtbot, client.submit(SCAN))[1].code == "engine_silent"
    assert len(ended) == 1 and client.pid is None


def test_another_version_of_the_protocol_is_refused(qtbot, make_client):
    assert outcome(qtbot, make_client(start="old").submit(SCAN))[1].code == "protocol"


def test_stop_is_obeyed(qtbot, make_client):
    client = make_client(Scan="hang")
    job = client.submit(SCAN)
    with qtbot.waitSignal(job.started, timeout=15_000):
        pass
    pid = client.pid
    job.stop()
    assert outcome(qtbot, job)[1].code == "stopped"
    assert client.pid == pid, "the child lives on"


def test_stop_before_the_child_is_there(qtbot, make_client):
    client = make_client(start="silent")
    job = client.submit(SCAN)
    job.stop()
    assert outcome(qtbot, job)[1].code == "stopped"


def test_a_child_that_does_not_listen_is_ended_and_the_others_are_told(qtbot, make_client):
    client = make_client(Scan="deaf", MakeQuick="hang")
    deaf, other = client.submit(SCAN), client.submit(messages.MakeQuick("", "p"))
    with qtbot.waitSignals([deaf.started, other.started], timeout=15_000):
        pass
    pid = client.pid
    failures = []
    other.failed.connect(failures.append)
    deaf.stop()
    assert outcome(qtbot, deaf)[1].code == "stopped"
    qtbot.waitUntil(lambda: bool(failures))
    assert failures[0].code == "engine_exited"
    assert dead(pid)
    assert outcome(qtbot, client.submit(Describe("")))[0] == "finished"


def test_a_stop_may_take_as_long_as_urgent_work_of_its_lane_gets_on(qtbot, make_client):
    # Wide apart, since a busy computer can hold up either side for a moment.
    client = make_client(MakeQuick="slow_stop", count=4, patience=Patience(stop=1.5, terminate=0.3))
    job = client.submit(messages.MakeQuick("", "p"))
    with qtbot.waitSignal(job.started, timeout=15_000):
        pass
    pid = client.pid
    job.stop()
    answers = []

    def ask():
        """Keep asking, each time later than half of the patience."""
        answers.append(client.submit(Classify("", "p", ("a.jpg",))))

    timer = QTimer()
    timer.timeout.connect(ask)
    timer.start(800)
    assert outcome(qtbot, job)[1].code == "stopped"
    timer.stop()
    qtbot.waitUntil(lambda: client.jobs == [])
    assert client.pid == pid and len(answers) >= 4


@pytest.mark.parametrize("listens", [True, False])
def test_a_stop_may_take_as_long_as_its_job_shows_life_but_not_for_ever(qtbot, make_client, listens):
    patience = Patience(stop=1.0, finish=60.0 if listens else 1.5, terminate=0.3)
    client = make_client(Scan="busy_stop", count=8 if listens else -1, every=0.2, patience=patience)
    job = client.submit(SCAN)
    with qtbot.waitSignal(job.started, timeout=15_000):
        pass
    pid = client.pid
    job.stop()
    assert outcome(qtbot, job)[1].code == "stopped"
    assert (client.pid == pid) == listens
    assert listens or dead(pid)


def test_a_cancelled_job_says_nothing_more(qtbot, make_client):
    client = make_client(Scan="flood", count=3000)
    job = client.submit(SCAN)
    said = []

    def cancel_at_once(event):
        said.append(event)
        job.cancel()

    job.happened.connect(cancel_at_once)
    job.finished.connect(said.append)
    job.failed.connect(said.append)
    with qtbot.waitSignal(job.over, timeout=15_000):
        pass
    assert len(said) == 1


def test_pause_and_resume(qtbot, make_client, project, tmp_path):
    client = make_client("trainer", one_job=True, pace=0.02)
    job = client.submit(Train("", str(project.folder), TrainSpec()))
    said = []
    job.happened.connect(lambda event: said.append(type(event).__name__))
    qtbot.waitUntil(lambda: "BatchPoint" in said, timeout=15_000)
    job.pause()
    qtbot.waitUntil(lambda: "Paused" in said)
    job.resume()
    qtbot.waitUntil(lambda: "Resumed" in said)
    assert outcome(qtbot, job)[0] == "finished"


def test_a_trainer_leaves_with_its_run(qtbot, make_client, project):
    client = make_client("trainer", one_job=True)
    pids = []
    client.child_started.connect(pids.append)
    job = client.submit(Train("", str(project.folder), TrainSpec()))
    with qtbot.waitSignal(client.child_ended, timeout=15_000):
        outcome(qtbot, job)
    assert dead(pids[0]) and client.pid is None


def test_closing_ends_the_child_quickly_and_silently(qtbot, make_client):
    client = make_client(Scan="deaf")
    job = client.submit(SCAN)
    with qtbot.waitSignal(job.started, timeout=15_000):
        pass
    pid = client.pid
    job.failed.connect(lambda _: pytest.fail("nobody listens any more"))
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < 5
    assert dead(pid)


def test_a_job_after_closing_fails_politely(qtbot, make_client):
    client = make_client()
    client.close()
    assert outcome(qtbot, client.submit(SCAN))[1].code == "closed"


WINDOW = """
import sys
from PySide6.QtCore import QCoreApplication
from resnext_gui.messages import Scan
from resnext_gui.ui.engine_process.client import EngineClient

app = QCoreApplication([])
client = EngineClient("assistant", program=sys.argv[1:])
client.submit(Scan("", "nowhere", ())).started.connect(lambda: print(client.pid, flush=True))
app.exec()
"""


def test_the_child_goes_when_the_window_is_killed(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW, *fake_program(Scan="hang")], stdout=subprocess.PIPE, text=True
    )
    with window:
        pid = int(window.stdout.readline())
        assert not dead(pid)
        window.kill()
    qtbot.waitUntil(lambda: dead(pid), timeout=10_000)
    assert list(tmp_path.glob("resnext-gui-*")) == []


def test_a_flood_never_starves_the_window(qtbot, make_client):
    client = make_client(Scan="flood", count=20_000)
    job = client.submit(SCAN)
    gaps, last = [], [time.thread_time()]  # what the window itself works: a busy computer may hold it up for longer

    def tick():
        now = time.thread_time()
        gaps.append(now - last[0])
        last[0] = now

    seen = []
    job.happened.connect(lambda event: seen.append(event.done))
    timer = QTimer()
    timer.timeout.connect(tick)
    with qtbot.waitSignal(job.started, timeout=15_000):
        pass
    last[0] = time.thread_time()
    timer.start(10)
    with qtbot.waitSignal(job.finished, timeout=60_000):
        pass
    timer.stop()
    assert seen == list(range(20_000)), "nothing is lost, and the order is kept"
    assert len(client._line._inbox) == 0
    assert len(gaps) > 20 and max(gaps) < 0.1


def test_the_window_has_its_turn_between_two_portions(qtbot, make_client, monkeypatch):
    client = make_client(Scan="hang")
    job = client.submit(SCAN)
    with qtbot.waitSignal(job.started, timeout=15_000):
        pass
    heard = []
    # A clock of its own: each event takes an eighth of the share.
    clock = SimpleNamespace(monotonic=lambda: len(heard) * WINDOW_SHARE / 8)
    monkeypatch.setattr("resnext_gui.ui.engine_process.client.time", clock)

    def hear(event):
        if not heard:
            QTimer.singleShot(0, lambda: heard.append("the window's turn"))
        heard.append(event.done)

    job.happened.connect(hear)
    for number in range(1000):
        client._line._put(Progress(job.id, "flood", number, 0))
    qtbot.waitUntil(lambda: len(heard) == 1001)
    assert 0 < heard.index("the window's turn") <= 10
    heard.remove("the window's turn")
    assert heard == list(range(1000))


PARTING = """
import gc
import sys
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer
from resnext_gui.messages import Scan
from resnext_gui.ui.engine_process.client import EngineClient, Job

app = QCoreApplication([])

def ask_and_leave():
    client = EngineClient("assistant", program=sys.argv[1:])
    job = client.submit(Scan("", "nowhere", ()))
    loop = QEventLoop()
    end = job.started if "hang" in sys.argv[-1] else job.over
    end.connect(lambda: (client, job, loop.quit()))
    loop.exec()
    client.close()

for _ in range(2):
    ask_and_leave()
    loop = QEventLoop()
    QTimer.singleShot(0, loop, loop.quit)
    loop.exec()
gc.collect()
print([thing for thing in gc.get_objects() if isinstance(thing, EngineClient | Job)])
"""


@pytest.mark.parametrize("scan", ["error", "hang"])
def test_a_job_that_is_the_last_to_know_its_client_takes_both_along(scan):
    # In a process of its own, which this once broke: the job's end ended its owner, and that the job again.
    left = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PARTING, *fake_program(Scan=scan)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (left.returncode, left.stdout) == (0, "[]\n"), left.stderr


def test_only_jobs_are_submitted(make_client):
    with pytest.raises(TypeError, match="Stop"):
        make_client().submit(messages.Stop("x"))


def test_a_job_keeps_the_id_it_is_given(qtbot, make_client):
    job = make_client().submit(Describe("mine"))
    assert job.id == "mine"
    outcome(qtbot, job)


def test_no_thread_stays(qtbot, make_client):
    client = make_client()
    outcome(qtbot, client.submit(Describe("")))
    client.close()
    assert not [t for t in threading.enumerate() if t.name == "engine-accept"]
    assert not client._line.isRunning()


def test_the_window_starts_the_engine_as_a_program(monkeypatch):
    from resnext_gui.ui.engine_process.client import worker_command

    assert worker_command()[1:] == ["-m", "resnext_gui.engine.worker.server"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert worker_command()[1:] == ["--worker"]
    assert fake_program()[0] == sys.executable


def test_events_are_the_messages_themselves(qtbot, make_client):
    job = make_client(Scan="flood", count=1).submit(SCAN)
    said = []
    job.happened.connect(said.append)
    outcome(qtbot, job)
    assert said == [Progress(job.id, "flood", 0, 0, "x" * 50)]


def test_modules_lying_about_in_the_folder_one_is_in_are_not_run(qtbot, monkeypatch, tmp_path):
    for name in ("random", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of a stranger was run')")
    monkeypatch.chdir(tmp_path)
    client = EngineClient("assistant", log_folder=tmp_path / "logs")
    got = []
    try:
        job = client.submit(Describe(""))
        job.finished.connect(got.append)
        job.failed.connect(got.append)
        qtbot.waitUntil(lambda: bool(got), timeout=120_000)
    finally:
        client.close()
    assert isinstance(got[0], dict) and got[0]["device"], got[0]

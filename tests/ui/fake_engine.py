"""A scripted engine child for tests: the real protocol, and no Keras.

Started like the engine, with one JSON object as its argument: how it behaves.  Keys: ``"start"`` (``"ok"``, ``"die"``,
``"silent"``, ``"no_hello"``, ``"old"``, ``"late"``) and the names of commands, each with one of

- ``"ok"``: answer like a well-behaved engine;
- ``"error"``: a `UserError`; ``"fault"``: an unexpected one with a traceback;
- ``"crash"``: end the process at once; ``"crash_late"``: say something first;
- ``"crash_twice"``: end the process twice, then answer (counted in the file ``"counter"``);
- ``"hang"``: never answer, but obey a stop; ``"deaf"``: never answer and obey nothing;
- ``"slow_stop"``: stops only after ``"count"`` other jobs have ended, as when urgent work goes first;
- ``"busy_stop"``: stops only after ``"count"`` signs of life, one each ``"every"`` seconds (a count of -1: for ever);
- ``"flood"``: ``"count"`` progress events as fast as the pipe takes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from multiprocessing.connection import Client
from pathlib import Path

from resnext_gui import messages
from resnext_gui.messages import (
    Answer,
    BatchPoint,
    DeviceChosen,
    EpochLine,
    Failed,
    Finished,
    Hello,
    ModelReady,
    Paused,
    Progress,
    Refused,
    Resumed,
    RunCreated,
    Started,
    ThumbnailReady,
)
from resnext_gui.project import NewPhoto, Project, write_json

SUFFIXES = (".jpg", ".jpeg", ".png")


class Stopped(Exception):  # noqa: N818
    pass


class Task:
    """A job under way, with its pause and stop."""

    def __init__(self, fake, command):
        self.fake, self.command, self.id = fake, command, command.job_id
        self.stop, self.wait = threading.Event(), threading.Event()

    def emit(self, event):
        self.fake.send(event)

    def check(self, seconds=0.0):
        if self.stop.wait(seconds):
            raise Stopped
        if self.wait.is_set():
            self.emit(Paused(self.id))
            while self.wait.is_set():
                if self.stop.wait(0.01):
                    raise Stopped
            self.emit(Resumed(self.id))

    def run(self):
        how = self.fake.behaviour.get(type(self.command).__name__, "ok")
        try:
            self.emit(Started(self.id))
            self.act(how)
        except Stopped:
            self.emit(Failed(self.id, "stopped"))
        except messages.UserError as error:
            self.emit(Failed(self.id, error.error, error.values))

    def act(self, how):
        if how == "crash":
            os._exit(70)
        if how == "crash_late":
            for number in range(50):
                self.emit(Progress(self.id, "step", number, 50))
            print("last words", file=sys.stderr, flush=True)
            os._exit(71)
        if how == "crash_twice":
            counter = Path(self.fake.behaviour["counter"])
            deaths = int(counter.read_text()) if counter.exists() else 0
            if deaths < 2:
                counter.write_text(str(deaths + 1))
                os._exit(72)
        if how == "error":
            raise messages.UserError(
                "no_photographs:plain", message="There are no photographs in 'here'.", hint="Choose another folder."
            )
        if how == "fault":
            self.emit(Failed(self.id, "internal", {}, "Traceback: here"))
            return
        if how == "hang":
            self.stop.wait()
            raise Stopped
        if how == "deaf":
            threading.Event().wait()
        if how == "slow_stop":
            while self.fake.ended < int(self.fake.behaviour["count"]):
                threading.Event().wait(0.02)
            raise Stopped
        if how == "busy_stop":
            self.stop.wait()
            beats = 0
            while beats != int(self.fake.behaviour["count"]):
                threading.Event().wait(float(self.fake.behaviour["every"]))
                beats += 1
                self.emit(Progress(self.id, "finishing", 0, 0, "Finishing"))
            raise Stopped
        if how == "flood":
            for number in range(int(self.fake.behaviour["count"])):
                self.emit(Progress(self.id, "flood", number, 0, "x" * 50))
            self.emit(Finished(self.id))
            return
        self.emit(Finished(self.id, PLAY[type(self.command).__name__](self, self.command) or {}))


class Fake:
    def __init__(self, conn, behaviour):
        self.conn, self.behaviour = conn, behaviour
        self.lock = threading.Lock()
        self.tasks = {}
        self.ended = 0

    def send(self, event):
        with self.lock:
            try:
                self.conn.send_bytes(messages.encode(event))
            except OSError:
                os._exit(0)
            self.ended += isinstance(event, Finished)

    def serve(self):
        while True:
            try:
                command = messages.decode(self.conn.recv_bytes())
            except (EOFError, OSError):
                os._exit(0)
            if isinstance(command, messages.Shutdown):
                for task in self.tasks.values():
                    if self.behaviour.get(type(task.command).__name__) != "deaf":
                        task.stop.set()
                        task.thread.join(1.0)
                os._exit(0)
            task = self.tasks.get(command.job_id)
            if isinstance(command, messages.Stop):
                if task and self.behaviour.get(type(task.command).__name__) != "deaf":
                    task.stop.set()
            elif isinstance(command, messages.Pause):
                task.wait.set()
            elif isinstance(command, messages.Resume):
                task.wait.clear()
            else:
                task = self.tasks[command.job_id] = Task(self, command)
                task.thread = threading.Thread(target=task.run, daemon=True)
                task.thread.start()


# --------------------------------------------------------------------------------------------------------------------
# A well-behaved engine


def scan(task, command):
    new, loose = [], 0
    for source in command.sources:
        root = Path(source.path)
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES)
        for path in files:
            task.check()
            label = path.parent.name if root.is_dir() and path.parent != root else None
            loose += label is None
            stat = path.stat()
            new.append(
                NewPhoto(
                    str(path),
                    stat.st_size,
                    stat.st_mtime_ns,
                    hashlib.sha256(str(path).encode()).hexdigest(),
                    64,
                    48,
                    label,
                    "ok",
                    "",
                )
            )
            task.emit(Progress(task.id, "scan", len(new), len(files), "reading", 1.0))
    with Project.open(command.project) as project:
        import_id = project.begin_import("Add photographs")
        for source in command.sources:
            project.add_source(source, import_id)
        for photo in new:
            project.add_photos([photo], import_id=import_id)
        project.assign_kinds()
        labels = [[label.name, label.count] for label in project.labels()]
    return {"import_id": import_id, "labels": labels, "photographs": len(new), "unlabelled": loose,
            "duplicates": 0, "unreadable": [], "unreadable_count": 0, "passed_over": 0, "rule": "auto->last",
            "warnings": []}  # fmt: skip


def _away(task):
    """The drive in the behaviour's ``"drive"`` is away until it is a folder."""
    drive = task.fake.behaviour.get("drive")
    return [drive] if drive and not Path(drive).is_dir() else []


def quick(task, command):
    with Project.open(command.project) as project:
        labels = [label for label in project.labels() if label.count]
        count = sum(label.count for label in labels)
        project.quick_folder.mkdir(exist_ok=True)
        version = project.data_version()
    task.emit(DeviceChosen(task.id, "cpu", "Test processor", "float32", "No graphics card was found.", "A card."))
    for done in range(0, count + 1, max(1, count // 4)):
        task.check(float(task.fake.behaviour.get("pace", 0.0)))
        task.emit(Progress(task.id, "features", done, count, "", 1.0))
    task.emit(ModelReady(task.id, "quick", 41, 50, len(labels), count))
    return {"model": "quick", "right": 41, "total": 50, "accuracy": 0.82, "labels": len(labels), "photographs": count,
            "version": version, "computed": count, "seconds": 0.1, "feature_seconds": 0.1,
            "images_per_second": 100.0}  # fmt: skip


def train(task, command):
    pace = float(task.fake.behaviour.get("pace", 0.0))
    epochs = int(task.fake.behaviour.get("epochs", 4))
    with Project.open(command.project) as project:
        run = project.run(command.run) if command.run else project.new_run({"mode": "finetune"}, command.spec.name)
    with run.lock():
        run.update(status="running", split={"learning": 35, "practice": 50, "exam": 8})
        task.emit(RunCreated(task.id, run.id))
        task.emit(DeviceChosen(task.id, "cpu", "Test processor", "float32", "No graphics card was found.", "A card."))
        first = len(run.history())
        try:
            for epoch in range(first, first if command.finish else epochs):
                for step in range(5):
                    task.check(pace)
                    at = epoch + (step + 1) / 5
                    ends = time.time() + 60
                    task.emit(BatchPoint(task.id, epoch * 5 + step, at, 2 / (1 + at), at / 5, 7.5, 60.0, ends))
                    task.emit(Progress(task.id, "train", epoch * 5 + step + 1, epochs * 5, "learning", 60.0))
                line = {"epoch": epoch + 1, "loss": 1.0, "accuracy": 0.8, "practice_loss": 0.9}
                line |= {"practice_accuracy": 0.8 + 0.04 * epoch, "learning_rate": 1e-3, "seconds": 1.0, "best": True}
                run.append_history(line)
                best = {"epoch": epoch + 1, "practice_accuracy": line["practice_accuracy"], "practice_loss": 0.9}
                kept = {"epoch": epoch + 1, "best_epoch": epoch + 1}
                run.update(progress=(epoch + 1) / epochs, best=best, last_checkpoint=kept, seconds_used=10.0)
                task.emit(EpochLine(task.id, **line))
            status = "stopped" if command.finish else "finished"
        except Stopped:
            status = "stopped"
        write_json(run.folder / "model.json", {"practice": {"right": 46, "total": 50}, "file": "best.safetensors"})
        (run.folder / "best.safetensors").write_bytes(b"weights")
        run.update(status=status, ended=time.time(), best_model="model.json")
    with Project.open(command.project) as project:
        project.set_current_model(run.id, "better on practice")
    return {"run": run.id, "kept": "finetune", "practice_accuracy": 0.92, "quick_practice_accuracy": 0.82,
            "status": status, "accuracy": None, "exam": 0, "seconds": 1.0, "epochs": epochs}  # fmt: skip


def classify(task, command):
    answered = refused = 0
    for number, path in enumerate(command.paths):
        task.check()
        if Path(path).suffix == ".txt":
            refused += 1
            task.emit(
                Refused(task.id, path, "not_a_picture:plain", {"message": f"'{Path(path).name}' is not a picture."})
            )
            continue
        p = 0.95 - 0.01 * (number % 50)
        task.emit(Answer(task.id, path, "daisy", p, (("daisy", p), ("rose", 1 - p)), command.model or "quick", 12.0))
        answered += 1
    return {"answered": answered, "refused": refused}


def thumbnails(task, command):
    for photo_id in command.photo_ids:
        task.check()
        task.emit(ThumbnailReady(task.id, photo_id, f"{command.project}/cache/{photo_id}.jpg"))


def evaluation(task, command):
    return {"model": command.model, "kind": command.kind, "right": 9, "total": 10, "uses": 1,
            "labels": ["daisy", "rose"], "low": 0.6, "high": 0.98, "confusion": [[5, 0], [1, 4]],
            "items": [], "per_label": []}  # fmt: skip


def samples(task, command):
    for label in ("ball", "box"):
        folder = Path(command.folder) / label
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(3):
            (folder / f"{label} {number}.png").write_bytes(b"png")
    return {"folder": command.folder, "labels": ["ball", "box"], "photographs": 6}


def describe(task, command):
    return {"device": "cpu", "name": "Test processor", "precision": "float32", "cores": 2,
            "reason": "No graphics card was found.", "advice": "A graphics card."}  # fmt: skip


PLAY = {
    "Scan": scan,
    "Preview": lambda task, command: {"rules": {"last": [["daisy", 3, "a.jpg"]]}, "auto": "last", "photographs": 3},
    "Reconcile": lambda task, command: {
        "new": 0,
        "gone": 0,
        "changed": 0,
        "moved": 0,
        "unreachable": _away(task),
        "examples": {},
    },
    "Thumbnails": thumbnails,
    "MakeQuick": quick,
    "Train": train,
    "Classify": classify,
    "Evaluate": evaluation,
    "ModelView": lambda task, command: {"path": command.path + ".view.png"},
    "Describe": describe,
    "RenderSamples": samples,
    "Weights": lambda task, command: {},
}


def main():
    behaviour = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    hello = json.loads(sys.stdin.readline())
    start = behaviour.get("start", "ok")
    if start == "die":
        print("cannot start", file=sys.stderr, flush=True)
        os._exit(3)
    if start == "silent":
        threading.Event().wait()
    if start == "late":
        threading.Event().wait(0.5)
    conn = Client(hello["address"], authkey=bytes.fromhex(hello["key"]))
    fake = Fake(conn, behaviour)
    if start != "no_hello":
        protocol = messages.PROTOCOL + (start == "old")
        fake.send(Hello(protocol, hello["role"], os.getpid()))
    fake.serve()


if __name__ == "__main__":
    main()

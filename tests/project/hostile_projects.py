"""A good project without any network in it, and what somebody could do to it before sending it on."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from resnext_gui.project import NewPhoto, Project

HASH = "ab" * 32
RUN = "2026-01-02-030405"


def make_good(folder: Path) -> Path:
    """Make a project with two labels, a quick model, a run, an answer, and something in each cache."""
    with Project.create(folder) as project:
        for label in ("rust", "good"):
            project.add_photos(
                [NewPhoto(f"/photos/{label}/{n}.jpg", 9, 1, f"{label}{n:060d}", 4, 3, label) for n in range(8)]
            )
        project.assign_kinds()
        project.add_answer("/photos/new.jpg", "rust", 0.9, (("rust", 0.9), ("good", 0.1)), "quick", 5.0)
        project.set_current_model("quick", "made")
        project.move(project.photo_ids()[:2], None)
        run = project.new_run({"mode": "finetune"})
    run.update(status="finished", result={"kept": "finetune", "practice_accuracy": 0.5}, best_model="model.json")
    run.append_history({"epoch": 1, "loss": 1.0, "accuracy": 0.5, "practice_accuracy": 0.5, "best": True})
    run.append_batches([{"step": 1, "position": 0.1, "loss": 1.0, "accuracy": 0.5}])
    run.folder.rename(folder / "runs" / RUN)
    model = {
        "format": "resnext-gui model", "version": 1, "kind": "quick", "labels": ["good", "rust"],
        "preprocessing": {"size": 96, "crop": 0.9, "mean": [0.5] * 3, "std": [0.2] * 3}, "temperature": 1.0,
        "flip": False, "precision": "float32", "weights": {"name": "starter", "sha256": "0" * 64, "path": None,
        "architecture": None, "seed": 0}, "file": "quick-0123456789ab.safetensors", "digest": "0" * 64,
        "practice": {"right": 1, "total": 2, "loss": 0.5}, "counts": {"labels": 2, "photographs": 16}, "created": 1.0,
    }  # fmt: skip
    put(folder / "quick" / "model.json", json.dumps(model))
    put(folder / "quick" / "quick-0123456789ab.safetensors", "x")
    put(folder / "runs" / RUN / "model.json", json.dumps({**model, "kind": "network", "file": "best.safetensors"}))
    put(folder / "cache" / "thumbnails" / "ab" / f"{HASH}.jpg", "x" * 100)
    put(folder / "cache" / "views" / "17.png", "x" * 100)
    put(folder / "cache" / "features.db", "x" * 100)
    put(folder / "cache" / "features" / ("0" * 24) / "1-01234567.features", "x" * 100)
    put(folder / "cache" / "activations" / RUN / "learning.bin", "x" * 100)
    return folder


def put(path: Path, content: str | bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def content_of(folder: Path) -> dict[str, bytes]:
    """Return every file below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make_foreign(folder: Path) -> Path:
    """Make somebody's folder, with files under all names that the program itself uses."""
    for path in (
        f"thumbnails/ab/{HASH}.jpg", "views/1.png", "views/17.png", f"features/{'0' * 24}/1-01234567.features",
        f"activations/{RUN}/learning.bin", f"{RUN}/learning.bin", f"{RUN}/run.json", "1.png", "17.png", f"{HASH}.jpg",
        "1-01234567.features", "model.json", "run.json", "quick-aaaaaaaaaaaa.safetensors", "best.safetensors",
        "learning.bin", "history.jsonl", "lock", "slot-1-1", "thesis.txt", "decoding/slot-99999999-1", "project.db",
        "features.db", "decoding/strikes.json", "epoch-0001.safetensors",
    ):  # fmt: skip
        put(folder / path, "somebody's " * 50)
    return folder


LINKED = (
    "cache", "cache/thumbnails", "cache/thumbnails/ab", f"cache/thumbnails/ab/{HASH}.jpg", "cache/views",
    "cache/views/17.png", "cache/features.db", "cache/features", f"cache/features/{'0' * 24}", "cache/activations",
    f"cache/activations/{RUN}", f"cache/activations/{RUN}/learning.bin", "cache/decoding", "cache/decoding/watch.lock",
    "cache/pixels", "quick", "quick/model.json", "quick/quick-0123456789ab.safetensors", "runs", f"runs/{RUN}",
    f"runs/{RUN}/run.json", f"runs/{RUN}/lock", f"runs/{RUN}/update.lock", f"runs/{RUN}/history.jsonl",
    f"runs/{RUN}/batches.jsonl", f"runs/{RUN}/model.json", f"runs/{RUN}/exam.json", "project.db", "project.db-wal",
    "project.db-shm", "project.db-journal", "Open in ResNeXt GUI.resnextproject",
)  # fmt: skip
"""Where a link, a pipe or a device could lie instead of what is ours."""


def take_away(path: Path) -> None:
    """Delete a file or a folder, of the test's own."""
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            take_away(inner)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def link_to(project: Path, place: str, target: Path) -> None:
    """Put a link to `target`'s file or folder of that name, or to itself, in place of something of the project."""
    path = project / place
    folder = path.is_dir() or place in ("cache/pixels", "cache/decoding")
    take_away(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    inner = target / path.name
    path.symlink_to(inner if inner.exists() else target if folder else target / "thesis.txt")


def pipe(path: Path) -> None:
    """Put a pipe there that nobody writes into."""
    os.mkfifo(path)


def device(path: Path) -> None:
    """Put a link to a file without end there."""
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    """Put a folder there."""
    path.mkdir()


def listening(path: Path) -> None:
    """Put a socket there; its name must be short, so it is made elsewhere and moved."""
    place = Path(tempfile.gettempdir()) / f"s{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))
    place.rename(path)


ODD: dict[str, Callable[[Path], None]] = {"pipe": pipe, "device": device, "folder": folder, "socket": listening}

NOTES: dict[str, bytes] = {
    "no JSON": b"{",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "rather deep": b'{"a":' * 500 + b"1" + b"}" * 500,
    "a list": b"[]",
    "a number": b"1",
    "empty": b"",
    "zeros": bytes(1000),
    "wrong kinds": b'{"status": 1, "labels": 5, "kind": {}, "temperature": "x", "created": "now", "spec": []}',
    "not finite": b'{"status": "finished", "kind": "quick", "created": NaN, "temperature": NaN, "labels": ["a"]}',
    "huge number": b'{"status": "finished", "kind": "quick", "created": 1e300, "temperature": 1e300}',
}

STATEMENTS: dict[str, str] = {
    "view": "DROP TABLE answers; CREATE VIEW answers AS WITH RECURSIVE e(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM e)"
    " SELECT n AS id, n AS path, n AS label, n AS probability, n AS top, n AS model, n AS milliseconds, n AS at,"
    " n AS corrected FROM e",
    "settings as a view": "DROP TABLE settings; CREATE VIEW settings AS WITH RECURSIVE e(n) AS (SELECT 1 UNION ALL"
    " SELECT n + 1 FROM e) SELECT 'name' AS key, n AS value FROM e WHERE n < 0",
    "trigger": "CREATE TRIGGER t AFTER UPDATE ON counters BEGIN DELETE FROM photos; END",
    "foreign table": "CREATE TABLE theirs (x)",
    "index on an expression": "CREATE INDEX i ON photos (length(hash) * abs(id))",
    "generated column": "ALTER TABLE labels ADD COLUMN g INTEGER GENERATED ALWAYS AS (length(name)) VIRTUAL",
    "missing column": "ALTER TABLE answers DROP COLUMN corrected",
    "missing table": "DROP TABLE kinds",
    "virtual table": "CREATE VIRTUAL TABLE v USING fts5(x)",
    "text for a number": "UPDATE photos SET width = 'wide'",
    "a blob for text": "UPDATE labels SET name = x'ff00' WHERE id = 1",
    "no such status": "UPDATE photos SET status = 77",
    "no such kind": "UPDATE kinds SET kind = -3",
    "text that is no UTF-8": "UPDATE labels SET name = CAST(x'fffe41' AS TEXT) WHERE id = 1",
    "a path as hash": "UPDATE photos SET hash = '../../../etc/x' || id",
    "settings that are no JSON": "UPDATE settings SET value = '{'",
    "settings of other kinds": "UPDATE settings SET value = '[1, {}]'",
    "deep settings": "UPDATE settings SET value = replace(hex(zeroblob(25000)), '0', '[')",
    "absurd sizes": "UPDATE photos SET width = 1000000000000, size = -1, mtime_ns = 9e18",
    "odd answers": "UPDATE answers SET top = '[1]', at = 9e999, probability = -9e999",
    "odd journal": "UPDATE journal SET steps = '[[\"photos\"]]'",
    "newer": "PRAGMA user_version = 99",
    "negative version": "PRAGMA user_version = -7",
    "another program's": "PRAGMA application_id = 1",
}


def change(folder: Path, statement: str) -> None:
    """Do something to the database that the program never does."""
    db = sqlite3.connect(folder / "project.db")
    db.executescript(statement)
    db.commit()
    db.close()

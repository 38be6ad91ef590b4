"""From photographs to answers with the command line alone, and what happens when it goes wrong on the way."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from resnext_gui.cli.train import RESULT
from tests.e2e.conftest import Program, Start

FAST = ("--size", "64", "--weights", "starter", "--device", "cpu")


def test_the_quick_model(quick: tuple[Path, Program]) -> None:
    project, program = quick
    last = program.last
    assert list(last) == ["event", *RESULT]
    assert last["event"] == "finished" and last["kept"] == "quick" and last["device"] == "cpu"
    assert last["practice_accuracy"] == last["quick_practice_accuracy"] > 0.2
    assert last["exam"] >= 5 and 0 <= last["accuracy_low"] <= last["accuracy"] <= last["accuracy_high"] <= 1
    assert last["first_model_seconds"] > 0 and last["images_per_second"] > 0
    assert {"progress", "device", "model"} <= {line["event"] for line in program.printed}
    assert "Traceback" not in program.said() and "oneDNN" not in program.said()
    assert (project / "project.db").is_file()


def test_what_was_learned_answers(quick: tuple[Path, Program], run: Start, rendered: Path, tmp_path: Path) -> None:
    project, _ = quick
    pictures = tmp_path / "żółte pictures"
    truth = {}
    for label in sorted(rendered.iterdir()):
        source = sorted(label.iterdir())[0]
        target = pictures / "deep er" / f"{label.name}{source.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        truth[str(target)] = label.name
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    table = tmp_path / "answers.csv"
    program = run("classify", project, pictures, tmp_path / "missing.png", "--top", "2", "--csv", table)
    answers = {line["path"]: line for line in program.printed if "label" in line}
    assert answers.keys() == truth.keys()
    assert sum(answers[path]["label"] == label for path, label in truth.items()) >= 3
    for line in answers.values():
        assert line["top"][0] == [line["label"], line["probability"]] and len(line["top"]) == 2
    refused = [line for line in program.printed if "error" in line]
    assert {Path(line["path"]).name for line in refused} == {"broken.jpg", "missing.png"}
    assert all(Path(line["path"]).name in line["message"] for line in refused)
    with table.open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(truth) + 2


def test_hostile_files_are_opened_or_refused_by_name(run: Start, hostile: Path) -> None:
    program = run("check", hostile / "files")
    assert program.last.keys() == {"summary"}
    for finding in program.printed[:-1]:
        assert finding["finding"] and finding["message"] and isinstance(finding["paths"], list)


def test_only_one_label_is_not_enough(run: Start, rendered: Path, tmp_path: Path) -> None:
    only = sorted(rendered.iterdir())[0]
    program = run("train", only, "--project", tmp_path / "p", "--mode", "quick", *FAST, status=2)
    assert program.last["event"] == "failed" and program.last["code"] and program.last["hint"]


@pytest.mark.parametrize("what", ["newer", "not a project", "a file"])
def test_what_is_no_project_of_ours_is_refused_and_left_alone(run: Start, tmp_path: Path, what: str) -> None:
    project = tmp_path / "p"
    if what == "newer":
        from resnext_gui.project import Project

        Project.create(project).close()
        with sqlite3.connect(project / "project.db") as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
    elif what == "not a project":
        project.mkdir()
        (project / "project.db").write_bytes(b"something else" * 100)
    else:
        project.write_text("a file")
    before = {path: path.read_bytes() for path in [project, *tmp_path.rglob("*")] if path.is_file()}
    program = run("classify", project, tmp_path, status=2)
    assert program.last["event"] == "failed" and program.last["message"]
    assert all(path.read_bytes() == data for path, data in before.items())


def test_training_survives_being_killed_and_two_programs(
    quick: tuple[Path, Program], launch: Start, run: Start, tmp_path: Path
) -> None:
    """One run to its end, one killed in the middle and resumed: both end in the same place."""
    project, _ = quick
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    shutil.copytree(project, straight)
    shutil.copytree(project, broken)
    arguments = ("--epochs", "3", "--seed", "4", *FAST)
    whole = run("train", "--project", straight, *arguments)
    epochs = [line for line in whole.printed if line["event"] == "epoch"]
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    assert list(whole.last) == ["event", *RESULT] and whole.last["kept"] in ("quick", "finetune")

    first = launch("train", "--project", broken, *arguments, "--json")
    first.until(lambda line: line["event"] == "epoch" and line["epoch"] == 1)
    second = run("train", "--project", broken, *arguments, "--resume", status=2)
    assert second.last["code"] == "run_busy"
    first.until(lambda line: line["event"] == "batch")
    first.process.kill()
    first.end()

    ended = tmp_path / "ended"
    shutil.copytree(broken, ended)
    kept = run("train", "--project", ended, *arguments, "--finish")
    assert not [line for line in kept.printed if line["event"] == "epoch"]
    assert kept.last["event"] == "finished" and kept.last["kept"] in ("quick", "finetune")

    resumed = run("train", "--project", broken, *arguments, "--resume")
    again = [line for line in resumed.printed if line["event"] == "epoch"]
    assert again[-1]["epoch"] == 3
    same = ("loss", "accuracy", "practice_loss", "practice_accuracy")
    for line in again:
        assert [line[name] for name in same] == pytest.approx([epochs[line["epoch"] - 1][name] for name in same])
    for name in ("kept", "practice_accuracy", "accuracy", "exam"):
        assert resumed.last[name] == whole.last[name]

    told = run("train", "--project", broken, *arguments, "--resume")
    assert told.last == resumed.last and not [line for line in told.printed if line["event"] == "epoch"]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C cannot be sent to one process there")
def test_ctrl_c_stops_and_keeps_what_there_is(quick: tuple[Path, Program], launch: Start, tmp_path: Path) -> None:
    project = tmp_path / "p"
    shutil.copytree(quick[0], project)
    program = launch("train", "--project", project, "--epochs", "500", *FAST, "--json")
    program.until(lambda line: line["event"] == "batch")
    program.process.send_signal(signal.SIGINT)
    assert program.end() == 130
    assert program.last["event"] in ("finished", "failed")
    states = [json.loads(path.read_text("utf-8"))["status"] for path in project.glob("runs/*/run.json")]
    assert states and "running" not in states


@pytest.mark.slow
def test_the_demonstration(run: Start, tmp_path: Path) -> None:
    program = run("demo", "--out", tmp_path / "out")
    last = program.last
    assert last["seconds"] < 300 and last["right"] > last["classified"] / 2
    page = Path(last["report"]).read_text(encoding="utf-8")
    assert "accuracy.png" in page and all(Path(path).stat().st_size > 5000 for path in last["curves"])

"""The command line with jobs that only pretend: what it prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from resnext_gui import __main__, cli, messages
from resnext_gui.cli.demo import _keep_what_is_there
from resnext_gui.cli.output import Output, duration
from resnext_gui.engine.worker import jobs
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import (
    Answer,
    BatchPoint,
    DeviceChosen,
    EpochLine,
    JobStopped,
    ModelReady,
    Progress,
    Refused,
    UserError,
)
from resnext_gui.project import Project

FINISHED = [
    "event",
    "kept",
    "practice_accuracy",
    "quick_practice_accuracy",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "exam",
    "seconds",
    "first_model_seconds",
    "images_per_second",
    "device",
    "precision",
]
QUICK = {
    "model": "quick", "right": 3, "total": 4, "accuracy": 0.75, "labels": 2, "photographs": 20, "computed": 20,
    "seconds": 1.5, "feature_seconds": 1.0, "images_per_second": 20.0, "first_model_seconds": 2.0, "device": "cpu",
    "precision": "float32", "weights": "starter",
}  # fmt: skip
TRAINED = {
    "kept": "finetune", "practice_accuracy": 1.0, "quick_practice_accuracy": 0.75, "accuracy": 0.9,
    "accuracy_low": 0.6, "accuracy_high": 0.98, "exam": 10, "right": 9, "seconds": 9.0, "first_model_seconds": 2.0,
    "images_per_second": math.nan, "device": "cpu", "precision": "float32", "status": "finished", "run": "x",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here computes, so nothing need be imported for it."""
    monkeypatch.setattr("resnext_gui.cli.common.WarmUp._run", lambda self: None)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Two labels with ten tiny pictures each."""
    for label, colour in (("red", "#C00000"), ("blue", "#0000C0")):
        (tmp_path / "photographs" / label).mkdir(parents=True)
        for number in range(10):
            picture = Image.new("RGB", (24, 24), colour)
            picture.putpixel((number, number), (255, 255, 255))
            picture.save(tmp_path / "photographs" / label / f"{number}.png")
    return tmp_path / "photographs"


Commands = list[Any]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Commands]:
    """Replace the function of a job; returns the commands that it gets."""

    def replace(kind: type, result: Any, *events: Any) -> Commands:
        got: Commands = []

        def pretended(command: Any, job: JobContext) -> Any:
            got.append(command)
            for event in events:
                job.emit(event)
            if isinstance(result, BaseException):
                raise result
            return result(command, job) if callable(result) else result

        name = f"pretended_{kind.__name__}"
        monkeypatch.setattr(sys.modules[__name__], name, pretended, raising=False)
        monkeypatch.setitem(jobs.JOBS, kind, f"{__name__}:{name}")
        return got

    return replace


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was printed, as strict JSON."""

    def refuse(word: str) -> Any:
        raise AssertionError(word)

    return [json.loads(line, parse_constant=refuse) for line in capsys.readouterr().out.splitlines()]


# ---- usage


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explode"],
        ["train"],
        ["train", "--resume"],
        ["train", "/does/not/exist"],
        ["train", ".", "--epochs", "0"],
        ["train", ".", "--minutes", "0"],
        ["train", ".", "--minutes", "nan"],
        ["train", ".", "--size", "8"],
        ["train", ".", "--seed", "-1"],
        ["train", ".", "--architecture", "vgg16"],
        ["train", ".", "--rate", "2"],
        ["train", ".", "--mode", "slow"],
        ["train", ".", "--labels", "middle"],
        ["train", ".", "--labels", "column:"],
        ["train", ".", "--device", "tpu"],
        ["train", ".", "--project", ""],
        ["train", ".", "--proj", "x"],
        ["classify"],
        ["classify", "/does/not/exist", "x.jpg"],
        ["classify", ".", "x.jpg", "--top", "0"],
        ["check"],
        ["check", "/does/not/exist"],
        ["weights"],
        ["weights", "steal"],
        ["weights", "get"],
        ["weights", "import"],
        ["weights", "list", "more"],
        ["weights", "list", "--name", "x"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1 and captured.err.startswith("resnext-gui")


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert cli.main(["train", "--help"]) == 0
    assert "--minutes" in capsys.readouterr().out


def test_the_window_and_the_command_line_know_the_same_commands() -> None:
    assert set(__main__.COMMANDS) == set(cli.COMMANDS)


def test_without_a_display_the_demonstration_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    called = []
    monkeypatch.setattr(cli, "main", lambda arguments: called.append(arguments) or 0)
    assert __main__.main([]) == 0
    assert called == [["demo"]] and "no display" in capsys.readouterr().err


# ---- train


def test_quick_prints_events_and_the_finished_line(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    events = [
        Progress("1", "features", 20, 20, "Looked at 20 of 20"),
        DeviceChosen("1", "cpu", "A processor", "float32", "No GPU was found.", ""),
        ModelReady("1", "quick", 3, 4, 2, 20),
        Refused("1", "/x.jpg", "broken:plain", {"message": "'/x.jpg' is damaged.", "hint": "Remove it."}),
    ]
    made = pretend(messages.MakeQuick, QUICK, *events)
    exam = {"right": 3, "total": 4, "low": 0.3, "high": 0.95}
    pretend(messages.Evaluate, exam)
    project = tmp_path / "a project"
    arguments = ["train", str(photographs), "--project", str(project), "--mode", "quick", "--seed", "3", "--json"]
    arguments += ["--precision", "bfloat16", "--no-class-weights"]
    assert cli.main(arguments) == 0
    printed = lines(capsys)
    assert {"project", "progress", "device", "model", "refused", "finished"} <= {line["event"] for line in printed}
    last = printed[-1]
    assert list(last) == FINISHED
    assert last["kept"] == "quick" and last["practice_accuracy"] == last["quick_practice_accuracy"] == 0.75
    assert (last["accuracy"], last["exam"]) in ((0.75, 4), (None, 0))
    assert made[0].project == str(project) and made[0].seed == 3 and made[0].weights is None
    assert made[0].precision == "bfloat16" and made[0].class_weights is False
    with Project.open(project) as opened:
        assert opened.photo_count() == 20 and [label.name for label in opened.labels()] == ["blue", "red"]


def test_finetune_passes_the_settings_on(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    events = [
        BatchPoint("1", 1, 0.5, math.nan, 0.5, 7.0),
        EpochLine("1", 1, 0.7, 0.6, None, None, 1e-3, 2.0, True),
    ]
    trained = pretend(messages.Train, TRAINED, *events)
    arguments = ["train", str(photographs), "--project", str(tmp_path / "p"), "--epochs", "2", "--size", "64"]
    assert cli.main([*arguments, "--weights", "none", "--device", "cpu", "--json"]) == 0
    spec = trained[0].spec
    assert (spec.epochs, spec.size, spec.weights, spec.device, spec.minutes) == (2, 64, "none", "cpu", None)
    assert trained[0].run is None
    printed = lines(capsys)
    batch = next(line for line in printed if line["event"] == "batch")
    assert batch["loss"] is None and "job_id" not in batch
    assert printed[-1]["kept"] == "finetune" and printed[-1]["images_per_second"] is None


def test_words_for_people(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Train, TRAINED, EpochLine("1", 1, 0.7, 0.6, 0.5, 0.8, 1e-3, 2.0, True))
    assert cli.main(["train", str(photographs), "--project", str(tmp_path / "p")]) == 0
    captured = capsys.readouterr()
    assert "9 of 10 right in the exam" in captured.out and "anything from 55 to 100 in 100" in captured.out
    assert "practice 80 % right (best so far)" in captured.err and "20 new photographs of 2 labels" in captured.err


# ---- where labels are read from


@pytest.fixture
def two_levels(photographs: Path) -> Path:
    """The two labels, each below a folder of its own, so that either level could be the labels."""
    for group, label in (("warm", "red"), ("cold", "blue")):
        (photographs / group).mkdir()
        (photographs / label).rename(photographs / group / label)
    return photographs


def test_labels_are_said_before_learning(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Train, TRAINED)
    assert cli.main(["train", str(photographs), "--project", str(tmp_path / "p")]) == 0
    said = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert ["blue", "10"] in said and ["red", "10"] in said
    assert cli.main(["train", str(photographs), "--project", str(tmp_path / "p"), "--json"]) == 0
    told = next(line for line in lines(capsys) if line["event"] == "labels")
    assert told == {"event": "labels", "labels": {"blue": 10, "red": 10}, "unlabelled": 0, "rule": "last"}


def test_labels_that_can_be_read_in_two_ways_are_asked(
    two_levels: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    trained = pretend(messages.Train, TRAINED)
    command = ["train", str(two_levels), "--project", str(tmp_path / "p")]
    assert cli.main(command) == 2
    said = capsys.readouterr().err
    for part in ("blue (10), red (10)", "cold (10), warm (10)", "--labels last", "--labels first"):
        assert part in said
    assert not trained
    assert cli.main([*command, "--labels", "first"]) == 0
    with Project.open(tmp_path / "p") as project:
        assert [label.name for label in project.labels()] == ["cold", "warm"]
    assert cli.main(command) == 0  # it is known now
    assert cli.main([*command, "--labels", "first"]) == 0
    capsys.readouterr()
    assert cli.main([*command, "--labels", "last"]) == 2
    said = capsys.readouterr().err
    assert "first folder level" in said and "last folder level" in said
    assert len(trained) == 3


def test_other_labels_than_before_are_refused_and_the_same_are_not(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Train, TRAINED)
    command = ["train", str(photographs), "--project", str(tmp_path / "p")]
    assert cli.main(command) == 0
    assert cli.main([*command, "--labels", "last"]) == 0
    capsys.readouterr()
    assert cli.main([*command, "--labels", "name", "--json"]) == 2
    assert lines(capsys)[-1]["code"] == "other_labels"
    without = ["train", "--project", str(tmp_path / "p"), "--json"]
    assert cli.main([*without, "--labels", "none"]) == 2
    assert lines(capsys)[-1]["code"] == "other_labels"
    assert cli.main([*without, "--labels", "last"]) == 0


def test_columns_of_a_table(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"red/{n}.png,{'odd' if n % 2 else 'even'},{'low' if n < 5 else 'high'}" for n in range(10)]
    table = photographs / "table.csv"
    table.write_text("\n".join(["path,number,size", *rows]))
    assert cli.main(["check", str(table), "--labels", "column:size", "--json"]) == 0
    assert lines(capsys)[-1]["summary"]["labels"] == {"high": 5, "low": 5}
    assert cli.main(["check", str(table), "--labels", "last"]) == 2
    assert "table" in capsys.readouterr().err


def test_findings_are_said_by_train_as_by_check(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Train, TRAINED)
    shutil.copy(photographs / "red" / "1.png", photographs / "blue" / "copy.png")
    (photographs / "notes.txt").write_text("x")
    assert cli.main(["train", str(photographs), "--project", str(tmp_path / "p"), "--json"]) == 0
    trained = {line["message"] for line in lines(capsys) if line["event"] == "finding"}
    assert cli.main(["check", str(photographs), "--json"]) == 0
    assert trained == {line["message"] for line in lines(capsys) if "finding" in line} and len(trained) == 2


def test_it_says_where_another_model_answers_and_how_often_the_exam_was_used(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Train, {**TRAINED, "kept": "quick", "exam": 50, "right": 46, "accuracy": 0.92})
    with Project.create(tmp_path / "p") as project:
        project.set_current_model("2026-01-01-000000", "better")
        for _ in range(3):
            project.count_exam_use("quick")
    assert cli.main(["train", str(photographs), "--project", str(tmp_path / "p")]) == 0
    said = capsys.readouterr().out
    assert "The quick model, while another model goes on answering: 46 of 50 right in the exam" in said
    assert "expect 81 to 98 in 100" in said and "used 3 times; now slightly flattering" in said


@pytest.mark.parametrize("given", ["auto", "yes", "no"])
def test_mirror_images(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str], given: str
) -> None:
    used = given != "no"
    tried = {"tried": 40, "right": 38, "mirrored_right": 37 if used else 3, "used": used}
    trained = pretend(messages.Train, {**TRAINED, "mirror": tried})
    arguments = ["train", str(photographs), "--project", str(tmp_path / "p")]
    assert cli.main([*arguments, "--mirror", given]) == 0
    assert trained[0].spec.mirror == given
    said = "Left and right matter here (38 of 40 recognised, mirrored 3): mirror images were not used."
    assert (said in capsys.readouterr().out) is not used
    assert cli.main([*arguments, "--mirror", "both"]) == 2


def test_trouble_is_a_line_and_exit_2(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Train, UserError("one_label", "A classifier compares.", "Add more."))
    assert cli.main(["train", str(photographs), "--project", str(tmp_path / "p"), "--json"]) == 2
    assert lines(capsys)[-1] == {
        "event": "failed",
        "code": "one_label",
        "message": "A classifier compares.",
        "hint": "Add more.",
    }


def test_a_fault_of_ours_is_exit_1_with_its_traceback_on_the_side(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Train, ZeroDivisionError("ours"))
    assert cli.main(["train", str(photographs), "--project", str(tmp_path / "p")]) == 1
    captured = capsys.readouterr()
    assert "Traceback" in captured.err and captured.out == ""


def test_stopped_is_exit_130(photographs: Path, tmp_path: Path, pretend: Callable[..., Commands]) -> None:
    arguments = ["train", str(photographs), "--project", str(tmp_path / "p")]
    pretend(messages.Train, JobStopped())
    assert cli.main(arguments) == 130
    pretend(messages.Train, {**TRAINED, "status": "stopped"})
    assert cli.main(arguments) == 130


def test_no_photographs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert cli.main(["train", str(tmp_path / "empty"), "--project", str(tmp_path / "p"), "--json"]) == 2
    assert lines(capsys)[-1]["code"] == "no_photographs"


def test_without_a_project_the_same_photographs_find_theirs_again(
    photographs: Path, pretend: Callable[..., Commands], own_home: Path
) -> None:
    made = pretend(messages.Train, TRAINED)
    for _ in range(2):
        assert cli.main(["train", str(photographs)]) == 0
    assert {command.project for command in made} == {str(own_home / "projects" / "photographs")}


def test_resume(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    trained = pretend(messages.Train, TRAINED)
    folder = tmp_path / "p"
    arguments = ["train", str(photographs), "--project", str(folder), "--resume", "--json"]
    assert cli.main(arguments) == 0  # nothing to resume: starts
    assert trained[-1].run is None
    with Project.open(folder) as project:
        run = project.new_run({"mode": "finetune"})
    assert cli.main(arguments) == 0  # "running", but nobody holds its lock: interrupted
    assert trained[-1].run == run.id
    assert cli.main(["train", "--project", str(folder), "--resume"]) == 0  # the project knows its photographs
    assert trained[-1].run == run.id
    run.update(status="finished", result={**TRAINED, "practice_accuracy": 0.5})
    count = len(trained)
    capsys.readouterr()
    assert cli.main(arguments) == 0  # finished: told again
    assert len(trained) == count and lines(capsys)[-1]["practice_accuracy"] == 0.5


def test_finish(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    trained = pretend(messages.Train, {**TRAINED, "status": "stopped"})
    arguments = ["train", "--project", str(tmp_path / "p"), "--finish", "--json"]
    with Project.create(tmp_path / "p") as project:
        assert cli.main(arguments) == 2
        assert lines(capsys)[-1]["code"] == "no_run"
        run = project.new_run({"mode": "finetune"})
    assert cli.main(arguments) == 0
    assert (trained[-1].run, trained[-1].finish) == (run.id, True)
    run.update(status="finished", result=TRAINED)
    assert cli.main(arguments) == 2 and len(trained) == 1


def test_two_programs_do_not_train_in_one_project(
    photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    trained = pretend(messages.Train, TRAINED)
    with Project.create(tmp_path / "p") as project:
        project.new_run({})
    with project.training():
        for more in ([], ["--resume"]):
            arguments = ["train", str(photographs), "--project", str(tmp_path / "p"), "--json", *more]
            assert cli.main(arguments) == 2
            assert lines(capsys)[-1]["code"] == "run_busy"
    assert not trained


# ---- classify


@pytest.fixture
def model(tmp_path: Path) -> Path:
    with Project.create(tmp_path / "p") as project:
        project.set_current_model("quick", "test")
    return tmp_path / "p"


def answer(command: messages.Classify, job: JobContext) -> dict[str, Any]:
    for path in command.paths:
        if "bad" in path:
            job.emit(Refused(job.job_id, path, "broken:plain", {"message": f"'{path}' is damaged."}))
        else:
            job.emit(
                Answer(job.job_id, path, "red", 0.75, (("red", 0.75), ("blue", 0.25))[: command.top], "quick", 3.0)
            )
    return {}


def test_classify_walks_folders_and_writes_a_table(
    model: Path, photographs: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Classify, answer)
    (photographs / "bad.png").write_bytes(b"")
    (photographs / "notes.txt").write_text("none")
    table = tmp_path / "answers.csv"
    first = photographs / "red" / "0.png"
    assert cli.main(["classify", str(model), str(first), str(photographs), "--csv", str(table), "--json"]) == 0
    printed = lines(capsys)
    assert len(printed) == 21 and len({line["path"] for line in printed}) == 21
    assert printed[0] == {
        "path": str(first),
        "label": "red",
        "probability": 0.75,
        "top": [["red", 0.75], ["blue", 0.25]],
    }
    assert {"path", "error", "message"} == next(set(line) for line in printed if "error" in line)
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21 and rows[0]["label"] == "red" and rows[0]["probability_2"] == "0.250000"
    assert [row["error"] for row in rows if "bad" in row["path"]] == ["broken"]


def test_classify_without_any_answer_is_exit_2(
    model: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Classify, answer)
    assert cli.main(["classify", str(model), str(tmp_path / "bad.jpg"), "--json"]) == 2
    assert lines(capsys)[0]["error"] == "broken"
    assert cli.main(["classify", str(model), str(tmp_path / "good.jpg"), str(tmp_path / "bad.jpg")]) == 0


def test_classify_without_a_model_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Project.create(tmp_path / "p").close()
    assert cli.main(["classify", str(tmp_path / "p"), "x.jpg"]) == 2
    assert "has no model yet" in capsys.readouterr().err


def test_a_table_that_cannot_be_written_is_exit_2(
    model: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Classify, answer)
    assert cli.main(["classify", str(model), "x.jpg", "--csv", str(tmp_path / "no" / "such" / "t.csv")]) == 2
    assert "could not be written" in capsys.readouterr().err


def test_a_table_replaces_only_a_table(
    model: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Classify, answer)
    table, photograph = tmp_path / "t.csv", tmp_path / "holiday.jpg"
    photograph.write_bytes(b"\xff\xd8 all there is")
    assert cli.main(["classify", str(model), "good.jpg", "--csv", str(photograph)]) == 2
    assert f"'{photograph}' exists and is not a table of answers" in capsys.readouterr().err
    assert photograph.read_bytes() == b"\xff\xd8 all there is"
    for _ in range(2):
        assert cli.main(["classify", str(model), "good.jpg", "--csv", str(table)]) == 0
    assert len(table.read_text().splitlines()) == 2
    assert table.read_bytes().startswith(b"\xef\xbb\xbfpath,")  # by which spreadsheets know UTF-8


def test_a_folder_without_pictures_is_named(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert cli.main(["classify", str(model), str(tmp_path / "empty"), "--json"]) == 2
    (failed,) = lines(capsys)
    assert failed["code"] == "no_pictures" and "empty" in failed["message"]


def test_a_table_is_not_written_where_libraries_print(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["classify", str(model), "x.jpg", "--csv", "/dev/stdout"]) == 2
    assert "Give the table a file's name" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="pipes with a name")
def test_a_table_for_a_pipe_that_nobody_reads_is_refused_at_once(
    model: Path, tmp_path: Path, pretend: Callable[..., Commands], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(messages.Classify, answer)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert cli.main(["classify", str(model), "good.jpg", "--csv", str(pipe)]) == 2
    assert "nobody reads from this pipe" in capsys.readouterr().err
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert cli.main(["classify", str(model), "good.jpg", "--csv", str(pipe)]) == 0
    assert b"good.jpg,red" in os.read(reader, 10_000)
    os.close(reader)


# ---- demo


def test_a_demonstration_takes_over_no_project_but_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Project.create(tmp_path / "project", "Mine") as project:
        project.add_label("rust")
    assert cli.main(["demo", "--out", str(tmp_path)]) == 2
    assert "project" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
    with Project.open(tmp_path / "project") as project:
        assert [label.name for label in project.labels()] == ["rust"]
        project.set_setting("demonstration", True)
    _keep_what_is_there(tmp_path)  # its own is replaced


@pytest.mark.parametrize("labels", [("runs", "quick", "walks"), ("train/runs", "train/quick")])
def test_a_folder_of_photographs_does_not_become_a_project(
    tmp_path: Path, labels: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for label in labels:
        (tmp_path / "p" / label).mkdir(parents=True)
        Image.new("RGB", (24, 24)).save(tmp_path / "p" / label / "1.png")
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["train", str(tmp_path / "p"), "--project", str(tmp_path / "p")]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "p") in said and "holds photographs" in said and "Choose another folder" in said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["photographs", "report.html", "project"])
def test_a_demonstration_leaves_what_others_put_there(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "dear.jpg").write_bytes(b"mine")
    assert cli.main(["demo", "--out", str(tmp_path)]) == 2
    assert f"already holds something called '{name}'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == [name, "dear.jpg"]


# ---- check


def test_check_reports_findings_and_a_summary(photographs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photographs / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    assert cli.main(["check", str(photographs), "--json"]) == 0
    *findings, last = lines(capsys)
    assert last["summary"]["photographs"] == 20
    assert any(f["finding"] == "unreadable" and f["paths"][0].endswith("broken.jpg") and f["message"] for f in findings)
    assert cli.main(["check", str(photographs)]) == 0
    assert "20 photographs of 2 labels" in capsys.readouterr().out


# ---- output


class Terminal(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_a_bar_is_redrawn_on_a_terminal_and_cleared_before_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    out, err = io.StringIO(), Terminal()
    output = Output(False, out, err)
    output.emit(Progress("1", "features", 5, 10, "Looking", 65.0))
    assert "━" * 10 + "─" * 10 in err.getvalue() and "5 of 10" in err.getvalue() and "1:05 left" in err.getvalue()
    output.note("a line")
    assert err.getvalue().endswith("\r\x1b[Ka line\n")


def test_elsewhere_progress_is_a_line_now_and_then() -> None:
    err = io.StringIO()
    output = Output(False, io.StringIO(), err)
    for done in range(1, 1001):
        output.emit(Progress("1", "features", done, 1000, "Looking"))
    assert len(err.getvalue().splitlines()) == 1


def test_progress_is_passed_on_at_most_twenty_times_a_second_and_always_when_complete() -> None:
    out = io.StringIO()
    output = Output(True, out, io.StringIO())
    for done in range(1, 1001):
        output.emit(Progress("1", "features", done, 1000))
    printed = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(printed) < 100 and printed[-1]["done"] == 1000


def test_names_that_are_no_unicode_are_printed_as_plain_ascii() -> None:
    out = io.StringIO()
    Output(True, out, io.StringIO()).line({"path": b"\xff.jpg".decode("utf-8", "surrogateescape"), "label": "żółty"})
    assert out.getvalue().isascii() and json.loads(out.getvalue())["label"] == "żółty"


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 59.6, 3600, 86399)] == ["0:00", "1:00", "1:00:00", "23:59:59"]


def test_a_reader_who_has_had_enough_is_no_fault() -> None:
    code = "import sys; from resnext_gui.__main__ import main; sys.exit(main(sys.argv[1:]))"
    with subprocess.Popen(
        [sys.executable, "-c", code, "check", os.fspath(Path(__file__).parent), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(30) == 130


@pytest.mark.skipif(sys.platform == "win32", reason="there no process can press Ctrl+C for itself alone")
def test_ctrl_c_in_the_middle_of_a_line_stops_and_breaks_nothing() -> None:
    class Pressed(io.StringIO):
        """A stream that, like a real one, is not entered twice; Ctrl+C comes while its first line is written."""

        inside = False

        def write(self, text: str) -> int:
            if self.inside:
                raise RuntimeError("reentrant call")
            self.inside = True
            if not self.getvalue():
                signal.raise_signal(signal.SIGINT)
            self.inside = False
            return super().write(text)

    err, control = Pressed(), Control()
    out = Output(as_json=False, out=io.StringIO(), err=err)
    with cli._stop_on_interrupt(control, out):
        out.note("Scored 6 of 6")
    for thread in threading.enumerate():
        if thread.name == "stopping":
            thread.join()
    assert control.stopping
    assert err.getvalue().startswith("Scored 6 of 6\nStopping;")

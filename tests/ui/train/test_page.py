import dataclasses
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QSpinBox

from resnext_gui.messages import (
    BatchPoint,
    EpochLine,
    Failed,
    Finished,
    Message,
    Pause,
    Paused,
    Resume,
    RunCreated,
    Stop,
    Train,
    TrainSpec,
    Weights,
)
from resnext_gui.project import NewPhoto, Run
from resnext_gui.ui.session.state import Change
from resnext_gui.ui.train.page import TrainPage
from resnext_gui.ui.train.run_notes import as_command, differences, read_run, what_differs
from tests.ui.fake_session import FakeSession

STARTER = {"name": "starter", "available": True, "source": "shipped", "megabytes": 20}
BETTER = {
    "name": "resnext50_32x4d.a1h_in1k",
    "available": False,
    "source": "huggingface.co/timm/resnext50_32x4d.a1h_in1k",
    "megabytes": 100,
}


def epoch(number: int, practice: float = 0.8) -> dict[str, Any]:
    return {
        "epoch": number,
        "loss": 1.0 / number,
        "accuracy": 0.7,
        "practice_loss": 0.9,
        "practice_accuracy": practice,
        "learning_rate": 1e-3,
        "seconds": 9.0,
        "best": True,
    }


def add_labels(project, *labels: str) -> None:
    project.add_photos(
        [NewPhoto(f"/p/{label}{i}.jpg", 1, 1, f"{label}{i}", 9, 9, label) for label in labels for i in range(6)]
    )


def add_run(project, name: str = "", status: str = "finished", epochs: int = 3, **spec: Any) -> Run:
    run = project.new_run({"mode": "finetune", "minutes": 10.0, **spec}, name)
    for number in range(1, epochs + 1):
        run.append_history(epoch(number))
    run.append_batches([{"step": i, "position": i / 10, "loss": 1.0, "accuracy": 0.5} for i in range(10 * epochs)])
    run.update(
        status=status,
        progress=1.0 if status == "finished" else 0.62,
        split={"learning": 140, "practice": 50, "exam": 50},
        best={"epoch": epochs, "practice_accuracy": 0.92},
        best_model="best.safetensors",
        quick_practice_accuracy=0.82,
        versions={"keras": "3.15.1"},
        weights={"name": "starter", "sha256": "ab"},
    )
    return run


@pytest.fixture
def session(qapp, project) -> FakeSession:
    add_labels(project, "daisy", "rose")
    made = FakeSession(project)
    known = [STARTER, BETTER]

    def answer(command: Weights) -> Iterator[Message]:
        if command.action == "list":
            yield Finished("", {"weights": list(known)})
        elif command.action == "get":
            known[:] = [{**entry, "available": True} for entry in known]
            yield Finished("", {"name": command.target, "path": f"/weights/{command.target}"})
        else:
            yield Finished("", {"name": "mine", "path": command.target})

    made.assistant.answers[Weights] = answer
    return made


def weights_asked(qtbot, session: FakeSession, action: str) -> list[str]:
    """Wait until the engine has answered, and return what it was asked for."""
    qtbot.waitUntil(lambda: not session.assistant.jobs)
    return [command.target for command in session.asked(Weights) if command.action == action]


@pytest.fixture
def make_page(qtbot, dressed, session):
    def make() -> TrainPage:
        page = TrainPage(session)
        qtbot.addWidget(page)
        page.resize(1208, 720)
        page.show()
        qtbot.waitUntil(lambda: not session.assistant.jobs)
        return page

    return make


# ---- before


def test_one_question_and_one_button(qtbot, make_page, session) -> None:
    page = make_page()
    assert page.question.isVisible() and not page.header.isVisible()
    assert [choice.note().split()[0] for choice in page.question.choices] == ["done"] * 3
    assert not page.question.expert.isVisible()
    page.question.choices[1].click()
    with qtbot.waitActive(page):
        page.activateWindow()
    page.question.go.setFocus()
    page.question.go.click()
    assert not page.question.isVisible() and page.hasFocus()
    (command,) = session.asked(Train)
    spec = command.spec
    assert (spec.minutes, spec.epochs, spec.weights, spec.name) == (60.0, None, None, "Run 1")


def test_done_times_are_from_now_on(make_page) -> None:
    page = make_page()
    now = time.time()
    page.question.refresh_times()
    expected = {time.strftime("%H:%M", time.localtime(now + 600 + shift)) for shift in (-2, 0, 2)}
    assert any(clock in page.question.choices[0].note() for clock in expected)


@pytest.mark.parametrize(("labels", "word"), [((), "Drop a folder"), (("daisy",), "A classifier compares")])
def test_start_is_closed_with_a_reason(qtbot, dressed, project, labels, word) -> None:
    add_labels(project, *labels)
    session = FakeSession(project)
    page = TrainPage(session)
    qtbot.addWidget(page)
    assert not page.question.go.isEnabled()
    assert word in page.question._reason.text()
    add_labels(project, "rose", "tulip")
    session.changed.emit(Change.LABELS)
    assert page.question.go.isEnabled() and not page.question._reason.text()


def test_expert_settings_make_the_spec(qtbot, make_page, session) -> None:
    page = make_page()
    page.question.fold.click()
    expert = page.question.expert
    assert expert.isVisible()

    def choose(field: str, value: Any) -> None:
        control = expert.field(field)
        if isinstance(control, QComboBox):
            control.setCurrentIndex(control.findData(value))
        elif isinstance(control, QSpinBox):
            control.setValue(value)

    wanted = {
        "head": "hidden",
        "size": 288,
        "epochs": 12,
        "batch": 16,
        "rate": 0.0003,
        "frozen_stages": 3,
        "augmentation": "strong",
        "mirror": "no",
        "precision": "bfloat16",
        "device": "cpu",
        "seed": 7,
    }
    for field, value in wanted.items():
        choose(field, value)
    assert not any(choice.isEnabled() for choice in page.question.choices)
    assert page.question.fold.text() == "Expert settings (11 changed)"
    page.question.go.click()
    (command,) = session.asked(Train)
    spec = command.spec
    assert {field: getattr(spec, field) for field in wanted} == wanted
    assert spec.minutes is None
    expert.reset()
    assert expert.touched() == 0 and page.question.choices[0].isEnabled()


def test_every_expert_setting_has_a_name_and_an_explanation(make_page) -> None:
    expert = make_page().question.expert
    for field in expert.spec(None).__dataclass_fields__:
        if field == "minutes":
            continue
        control = expert.field(field)
        assert control.accessibleName() and control.accessibleDescription()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_better_weights_are_one_press_away(qtbot, make_page, session) -> None:
    page = make_page()
    question = page.question
    assert question._weights.text() == "Starts from the built-in weights. Better: one download, 100 MB"
    question.get.click()
    assert weights_asked(qtbot, session, "get") == [BETTER["name"]]
    assert BETTER["name"] in question._weights.text() and not question.get.isVisible()
    assert question.spec().weights == BETTER["name"]


def test_a_failed_download_is_told_and_can_be_tried_again(qtbot, make_page, session) -> None:
    page = make_page()
    session.assistant.answers[Weights] = lambda _command: [
        Failed("", "offline:plain", {"message": "No network.", "hint": "Connect, try again."})
    ]
    with qtbot.waitSignal(session.problem) as told:
        page.question.get.click()
    assert (told.args[0].page, told.args[0].message) == ("train", "No network.")
    assert page.question.get.isVisible()


def test_weights_from_a_file(qtbot, make_page, session) -> None:
    page = make_page()
    page.take_weights(["/w/mine.pth"])
    assert weights_asked(qtbot, session, "import") == ["/w/mine.pth"]
    assert page.question.spec().weights == "mine"


def test_a_project_says_which_weights_it_keeps(make_page, session) -> None:
    session.project.set_setting("stage", {"weights": "resnext50_32x4d.tv_in1k"})
    assert "resnext50_32x4d.tv_in1k" in make_page().question._weights.text()


# ---- running


@pytest.fixture
def running(make_page, session):
    """A page with a run under way, and the run."""
    page = make_page()
    run = session.project.new_run({"mode": "finetune", "minutes": 10.0}, "Run 1")
    run.update(split={"practice": 50}, quick_practice_accuracy=0.82)
    with run.lock():
        session.training.begin(TrainSpec())
        session.trainer.say(RunCreated("", run.id))
        yield page, run


def test_the_header_tells_score_end_and_device(running, session) -> None:
    page, _run = running
    assert page.header.isVisible() and not page.question.isVisible()
    assert page.header.score.text() == "No score yet"
    session.set_training(
        best_right=41,
        best_total=50,
        progress=0.4,
        images_per_second=14.2,
        seconds_left=720,
        ends_at=time.time() + 720,
        device="A processor",
        precision="bfloat16",
        reason="No graphics card was found.",
        advice="A graphics card.",
    )
    said = " ".join(label.text() for label in page.header.labels())
    assert "41 of 50" in said and "69 to 91 in 100" in said and "12 min left" in said and "14 photographs/s" in said
    assert not page.header._more.isVisible()
    page.header.device.click()
    assert page.header._more.isVisible() and "Faster: A graphics card." in page.header._more.text()


def test_pause_continue_stop(qtbot, running, session) -> None:
    page, _run = running
    with qtbot.waitActive(page):
        page.activateWindow()
    page.header.pause_button.click()
    session.trainer.say(Paused(""))
    assert page.header.pause_button.text() == "Continue"
    page.header.pause_button.click()
    assert page.header.pause_button.text() == "Pause"
    page.header.stop_button.setFocus()
    page.header.stop_button.click()
    assert not page.header.stop_button.isEnabled() and page.header.hasFocus()
    assert [type(command) for command in session.trainer.told] == [Train, Pause, Resume, Stop]


def test_curves_follow_the_run_even_while_another_is_looked_at(qtbot, running, session) -> None:
    page, run = running
    other = add_run(session.project, "Older")
    session.changed.emit(Change.RUNS)
    qtbot.waitUntil(lambda: other.id in page._notes)
    session.batch_point.emit(BatchPoint("j", 1, 0.1, 1.0, 0.5, 9.0))
    page.show_run(other.id)
    assert len(page.curves.data.epochs) == 3
    session.batch_point.emit(BatchPoint("j", 2, 0.2, 1.0, 0.5, 9.0))
    session.epoch_line.emit(EpochLine("j", **epoch(1)))
    page.show_run(run.id)
    assert len(page.curves.data.steps) == 2 and len(page.curves.data.epochs) == 1
    assert any("Quick model, 41 of 50" in text for text, _, _ in page.curves._accuracy._entries) or (
        page.curves._quick == (82.0, "Quick model, 41 of 50")
    )


def test_a_run_that_goes_on_shows_its_past(qtbot, make_page, session) -> None:
    run = add_run(session.project, "Half", status="running", epochs=4)
    run.update(last_checkpoint={"best_epoch": 3})
    page = make_page()
    row = page.runs.row(run.id)
    assert "62 % done" in row._status.text() and row._continue.isVisible() and row._use.isVisible()
    row._use.click()
    session.trainer.say(Failed("", "stopped:plain", {"message": "Stopped."}))
    row._continue.click()
    assert [(command.run, command.finish) for command in session.asked(Train)] == [(run.id, True), (run.id, False)]
    assert [e.epoch for e in page.curves.data.epochs] == [1, 2, 3, 4]


def test_the_end_says_who_answers_and_goes_back(qtbot, running, session) -> None:
    page, run = running
    run.update(status="finished", best={"practice_accuracy": 0.92}, best_model="x")
    session.project.set_current_model(run.id, "better")
    session.set_training(phase="finished", result={"run": run.id, "kept": "finetune", "quick_practice_accuracy": 0.82})
    session.changed.emit(Change.RUNS)
    sentence = "ResNeXt 46 of 50, quick model 41 (practice). ResNeXt now answers."
    qtbot.waitUntil(lambda: page.header.result == sentence)
    page.header.back_button.click()
    assert session.project.current_model == "quick"
    qtbot.waitUntil(lambda: "The quick model answers." in page.header.result)
    page.header.back_button.click()
    assert session.project.current_model == run.id
    with qtbot.waitSignal(session.navigate) as asked:
        page.header.exam_button.click()
    assert asked.args == ["results"]
    page.header.again_button.click()
    assert page.question.isVisible() and page.question.go.isEnabled()


def test_the_end_counts_what_was_scored(qtbot, running, session) -> None:
    page, run = running  # of 50 practice photographs two could not be read
    run.update(status="finished", best={"practice_accuracy": 0.875, "practice_total": 48}, best_model="x")
    session.project.set_current_model("an earlier one", "better")
    session.set_training(phase="finished", result={"run": run.id, "kept": "quick", "quick_practice_accuracy": 0.75})
    session.changed.emit(Change.RUNS)
    sentence = "ResNeXt 42 of 48, quick model 36 (practice). An earlier run answers."
    qtbot.waitUntil(lambda: page.header.result == sentence)


def test_the_end_says_where_left_and_right_matter(qtbot, running, session) -> None:
    page, run = running
    tried = {"tried": 40, "right": 38, "mirrored_right": 3, "used": False}
    run.update(status="finished", best={"practice_accuracy": 0.92}, best_model="x", mirror=tried)
    session.set_training(phase="finished", result={"run": run.id, "kept": "finetune"})
    session.changed.emit(Change.RUNS)
    qtbot.waitUntil(lambda: page.header.result.endswith("Left and right matter here, so it never saw a mirror image."))
    details = page.show_details(run.id)
    told = "of 40 photographs 38 were recognised, and mirrored 3. Left and right matter here: they were not used."
    assert told in details.text()
    details.close()
    run.update(mirror={**tried, "mirrored_right": 37, "used": True})
    session.changed.emit(Change.RUNS)
    qtbot.waitUntil(lambda: "mirror" not in page.header.result)


def test_a_failed_run_lets_one_ask_again(running, session) -> None:
    page, _run = running
    session.set_training(phase="failed", error=Failed("j", "x:plain", {"message": "It broke."}))
    assert page.question.isVisible()


# ---- earlier runs


def test_rows_tell_what_differs_and_score(qtbot, make_page, session) -> None:
    first = add_run(session.project)
    second = add_run(session.project, "Larger", size=320)
    page = make_page()
    assert page.runs.row(first.id)._differs.text() == "the first run"
    assert page.runs.row(second.id)._differs.text() == "image size 320 pixels"
    assert page.runs.row(second.id)._score.text() == "46 of 50"
    assert page.runs.row(second.id).height() == 40


def test_the_row_of_a_run_at_work_tells_its_best_pass_so_far(project) -> None:
    run = add_run(project, status="running", epochs=1)
    with run.lock():
        run.append_history({**epoch(2, 0.64), "best": False})
        notes = read_run(run)
        assert notes is not None and (notes.right, notes.total) == (40, 50)  # run.json is of an earlier checkpoint
    notes = read_run(run)
    assert notes is not None and notes.right == 46  # what was saved is what a run that was broken off has


def test_renaming_in_place(qtbot, make_page, session) -> None:
    run = add_run(session.project, "Old")
    page = make_page()
    row = page.runs.row(run.id)
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_F2)
    qtbot.keyClicks(row.name, "New name")
    qtbot.keyClick(row.name, Qt.Key.Key_Return)
    assert run.read()["name"] == "New name"
    qtbot.waitUntil(lambda: page._notes[run.id].title == "New name")


def test_two_picked_runs_are_compared(qtbot, make_page, session) -> None:
    first = add_run(session.project, "First")
    second = add_run(session.project, "Second", size=320)
    third = add_run(session.project, "Third", seed=3)
    page = make_page()
    for run in (first, second):
        page.runs.row(run.id).setFocus()
        qtbot.keyClick(page.runs.row(run.id), Qt.Key.Key_Space)
    assert page.curves.comparing and page.comparison.isVisible()
    assert ("image size", "automatic", "320 pixels") in page.comparison.rows
    page.runs.row(third.id).pick.click()
    assert not page.runs.row(first.id).pick.isChecked()
    assert ("seed", "0", "3") in page.comparison.rows
    page.comparison.done.click()
    assert not page.curves.comparing and not page.runs.row(third.id).pick.isChecked()


def test_everything_a_run_did_can_be_read_and_copied(qtbot, make_page, session) -> None:
    run = add_run(session.project, "Larger", size=320)
    page = make_page()
    details = page.show_details(run.id)
    assert details is not None
    for part in ("Larger", "320 pixels", "practice: 50", "keras: 3.15.1", "starter", "46 of 50", "resnext-gui train"):
        assert part in details.text()
    details.close()


def test_copy_as_command(make_page, session) -> None:
    run = add_run(session.project, size=320)
    page = make_page()
    page.runs.command_wanted.emit(run.id)
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:3] == ["resnext-gui", "train", "--project"]
    assert words[3] == str(session.project.folder)
    assert words[4:] == ["--mode", "finetune", "--minutes", "10", "--size", "320"]


def test_the_command_line_takes_the_command(tmp_path: Path) -> None:
    from resnext_gui.cli.arguments import build_parser

    spec = TrainSpec(
        weights="none", epochs=3, size=96, batch=8, rate=2e-4, head="hidden", architecture="resnext50_32x4d",
        frozen_stages=2, augmentation="light", mirror="no", precision="float32", device="cpu", seed=5,
        class_weights=False,
    )  # fmt: skip
    line = as_command(dataclasses.asdict(spec), str(tmp_path / "a folder"))
    given = build_parser().parse_args(shlex.split(line)[1:])
    assert given.project == str(tmp_path / "a folder")
    told = {field.name: getattr(given, field.name) for field in dataclasses.fields(spec) if field.name != "name"}
    assert TrainSpec(**told) == spec


def test_differences_of_settings() -> None:
    assert differences({"mirror": "no"}, {}) == [("mirror images", "no", "automatic")]
    assert what_differs({"minutes": 60.0}, {"minutes": 10.0}) == "time 1 h"
    assert what_differs({"minutes": 60.0}, {"minutes": 60.0}) == "same settings"
    assert differences({"weights": "none"}, {}) == [("weights", "none, random start", "automatic")]


def test_damaged_runs_do_not_hide_the_others(make_page, session) -> None:
    good = add_run(session.project, "Good")
    bad = add_run(session.project, "Bad")
    (bad.folder / "run.json").write_text("{", "utf-8")
    assert read_run(bad) is None
    page = make_page()
    assert list(page._notes) == [good.id]

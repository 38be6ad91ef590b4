"""The session: from a folder to a model to answers, runs with their buttons, and what is left after a crash."""

from __future__ import annotations

import json
import time

import pytest
from PySide6.QtGui import QColor, QImage

from resnext_gui.messages import EpochLine, Failed, Finished, Progress, Source, TrainSpec
from resnext_gui.project import NewPhoto, Project, write_json
from resnext_gui.ui.session import corrections, quick
from resnext_gui.ui.session import imports as session_import
from resnext_gui.ui.session.session import Session
from resnext_gui.ui.session.state import Change, Work
from resnext_gui.ui.shell import topbar
from tests.ui.fake_session import FakeSession

LONG = 20_000


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    monkeypatch.setattr(quick, "CALM", 50)


def collect(signal):
    got = []
    signal.connect(got.append)
    return got


def learned(qtbot, session, photographs):
    """Import `photographs` and wait for the first model."""
    session.imports.add([Source(str(photographs))])
    qtbot.waitUntil(lambda: session.quick.state.phase == "ready" and not session.quick.state.stale, timeout=LONG)
    return session


# ---- photographs in, model out


def test_a_dropped_folder_becomes_labels_and_a_model_by_itself(qtbot, make_session, photographs):
    session = make_session()
    receipts, changes, models = collect(session.import_finished), [], []
    session.changed.connect(lambda what: (models if what & Change.MODEL else changes).append(what))
    learned(qtbot, session, photographs)
    assert receipts[0]["photographs"] == 8
    assert [(label.name, label.count) for label in session.project.labels()] == [("daisy", 4), ("rose", 4)]
    assert changes and models
    assert (session.quick.state.right, session.quick.state.practice, session.quick.state.labels) == (41, 50, 2)
    assert session.project.current_model == "quick"
    assert session.work is None


def test_work_is_shown_while_it_goes_on(qtbot, make_session, photographs):
    session = make_session(pace=0.01)
    works = collect(session.work_changed)
    learned(qtbot, session, photographs)
    keys = [work.key for work in works if work is not None]
    assert {"scan", "quick"} <= set(keys)
    assert works[-1] is None
    assert any(isinstance(work, Work) and work.total == 8 for work in works)


def test_one_label_is_not_enough_and_it_says_why(qtbot, make_session, photographs):
    session = make_session()
    session.imports.add([Source(str(photographs / "daisy"), label="daisy")])
    with qtbot.waitSignal(session.import_finished, timeout=LONG):
        pass
    ids = list(session.project.photo_ids())
    session.corrections.move(ids, session.corrections.add_label("daisy"))
    qtbot.waitUntil(lambda: session.quick.state.phase == "waiting", timeout=LONG)
    assert "compares" in session.quick.state.message


def test_a_correction_makes_the_model_stale_and_then_refreshes_it(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    phases = []
    session.quick_changed.connect(lambda state: phases.append((state.phase, state.stale)))
    daisy, rose = session.project.labels()
    moved = list(session.project.photo_ids(daisy.id))[:1]
    session.corrections.move(moved, rose.id)
    assert ("ready", True) in phases
    qtbot.waitUntil(lambda: phases[-1] == ("ready", False), timeout=LONG)
    assert any(phase == "reading" for phase, _ in phases)
    assert session.corrections.undo() is not None
    assert session.project.labels()[0].count == 4


def test_editing_trouble_is_told_and_nothing_changes(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    problems = collect(session.problem)
    daisy, rose = session.project.labels()
    session.corrections.rename_label(daisy.id, rose.name)
    assert problems[0].page == "photos" and problems[0].code == "label_exists" and problems[0].hint
    assert session.corrections.add_label("rose") is None
    assert len(problems) == 2


def test_label_operations_reach_the_project(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    daisy, rose = session.project.labels()
    session.corrections.rename_label(daisy.id, "ox-eye")
    session.corrections.exclude_label(rose.id, True)
    assert [label.excluded for label in session.project.labels() if label.name == "rose"] == [True]
    session.corrections.merge_labels(rose.id, daisy.id)
    assert [(label.name, label.count) for label in session.project.labels()] == [("ox-eye", 8)]
    for _ in range(3):
        assert session.corrections.undo()
    assert session.corrections.redo()
    tulip = session.corrections.add_label("tulip")
    session.corrections.remove_label(tulip)
    assert "tulip" not in [label.name for label in session.project.labels()]
    first = list(session.project.photo_ids())[:2]
    session.corrections.remove_photos(first)
    assert session.project.photo_count() == 6


def test_another_process_changes_the_project_and_the_window_notices(qtbot, make_session, photographs, project):
    session = learned(qtbot, make_session(), photographs)
    with qtbot.waitSignal(session.changed, timeout=LONG), Project.open(project.folder) as other:
        other.add_label("tulip")


def test_changes_say_what_changed(qapp, project):
    project.add_photos([NewPhoto(f"/p/{n}.jpg", 1, 1, n, 9, 9, n) for n in ("daisy", "rose")])
    session = FakeSession(project)
    changes = collect(session.changed)
    one, other = project.photo_ids()
    tulip = session.corrections.add_label("tulip")
    session.corrections.move([one], tulip)
    session.corrections.remove_photos([one])
    session.corrections.move([other], 4711)  # there is no such label
    assert changes == [kind | Change.UNDO for kind in (Change.LABELS, Change.MOVED, Change.REMOVED)]
    with Project.open(project.folder) as another:
        another.add_label("aster")
    session.corrections.move([other], tulip)
    assert changes[3:] == [Change.PROJECT], "what another process changed is not lost"


def test_work_is_shown_until_the_last_of_its_kind_is_done(qapp, project):
    session = FakeSession(project)
    for folder in ("one", "two"):
        session.imports.add([Source(folder)])
    first, second = session.assistant.jobs
    session.assistant.say(Progress("", "reading", 3, 9, "Read 3 of 9"), first)
    assert (session.work.title, session.work.done) == ("Reading photographs", 3)
    session.assistant.say(Finished("", {}), first)
    assert session.work.key == "scan" and session.imports.scanning
    session.cancel_work()
    session.assistant.say(Failed("", "stopped:plain", {"message": "Stopped."}), second)
    assert session.work is None and not session.imports.scanning


def test_an_import_survives_two_deaths_of_the_engine(qtbot, make_session, photographs, tmp_path):
    session = make_session(Scan="crash_twice", counter=str(tmp_path / "deaths"))
    problems = collect(session.problem)
    learned(qtbot, session, photographs)
    assert session.project.photo_count() == 8
    assert problems == []


def test_an_engine_that_always_dies_is_told_in_the_end(qtbot, make_session, photographs):
    session = make_session(Scan="crash")
    problems = collect(session.problem)
    session.imports.add([Source(str(photographs))])
    qtbot.waitUntil(lambda: bool(problems), timeout=LONG)
    assert "code 70" in problems[0].message and problems[0].page == "photos"
    assert session.work is None


def test_the_quick_model_fails_in_words(qtbot, make_session, photographs):
    session = make_session(MakeQuick="error")
    problems = collect(session.problem)
    session.imports.add([Source(str(photographs))])
    qtbot.waitUntil(lambda: session.quick.state.phase == "failed", timeout=LONG)
    assert session.quick.state.message == problems[0].message


def test_cancelling_an_import_is_no_problem(qtbot, make_session, photographs):
    session = make_session(Scan="hang")
    problems = collect(session.problem)
    session.imports.add([Source(str(photographs))])
    qtbot.waitUntil(lambda: session.work is not None)
    session.cancel_work()
    qtbot.waitUntil(lambda: session.work is None, timeout=LONG)
    assert problems == []


def test_previews_and_reconciling(qtbot, make_session, photographs):
    session = make_session()
    answers = []
    session.imports.preview([Source(str(photographs))], answers.append)
    qtbot.waitUntil(lambda: bool(answers), timeout=LONG)
    assert answers[0]["auto"] == "last"
    with qtbot.waitSignal(session.reconciled, timeout=LONG):
        session.imports.reconcile(True)
    failing = []
    broken = make_session(Preview="error")
    broken.imports.preview([Source("x")], failing.append)
    qtbot.waitUntil(lambda: bool(failing), timeout=LONG)
    assert "error" in failing[0]


def test_a_drive_that_returns_is_noticed(qtbot, make_session, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(session_import, "ASK_AGAIN", 50)
    drive = tmp_path / "drive"
    session = make_session(drive=str(drive))
    news, works = collect(session.reconciled), collect(session.work_changed)
    session.imports.reconcile()
    qtbot.waitUntil(lambda: len(news) == 1, timeout=LONG)
    assert news[0]["unreachable"] == [str(drive)]
    quiet = len(works)
    drive.mkdir()
    qtbot.waitUntil(lambda: len(news) == 2, timeout=LONG)
    assert (news[1]["unreachable"], news[1]["returned"]) == ([], [str(drive)])
    assert not session.imports._ask_again.isActive() and len(works) == quiet


def test_samples_are_drawn_and_learned(qtbot, make_session):
    session = make_session()
    session.imports.add_samples()
    qtbot.waitUntil(lambda: session.quick.state.phase == "ready", timeout=LONG)
    assert [label.name for label in session.project.labels()] == ["ball", "box"]


def test_thumbnails_come_once_and_are_remembered(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    ids = list(session.project.photo_ids())
    got = []
    session.thumbnail_ready.connect(lambda photo_id, path: got.append((photo_id, path)))
    session.imports.request_thumbnails(ids)
    qtbot.waitUntil(lambda: len(got) == 8, timeout=LONG)
    assert session.imports.thumbnail(ids[0]) == got[0][1]
    jobs_before = len(session.assistant.jobs)
    session.imports.request_thumbnails(ids[:3])
    assert got[8:] == got[:3], "announced at once"
    assert len(session.assistant.jobs) == jobs_before


def test_an_empty_thumbnail_is_made_anew(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    left, good = session.project.photos(list(session.project.photo_ids())[:2])
    for photo, data in ((left, b""), (good, b"a picture")):
        path = session.project.cache / "thumbnails" / photo.hash[:2] / f"{photo.hash}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    session.imports.request_thumbnails([left.id, good.id])
    assert session.imports.thumbnail(good.id) and session.imports.thumbnail(left.id) is None
    qtbot.waitUntil(lambda: bool(session.imports.thumbnail(left.id)), timeout=LONG)


def test_the_newest_request_for_thumbnails_wins(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(Thumbnails="hang"), photographs)
    session.imports.request_thumbnails([1, 2])
    qtbot.waitUntil(lambda: bool(session.assistant.jobs))
    first = session.assistant.jobs[-1]
    session.imports.request_thumbnails([3])
    qtbot.waitUntil(lambda: first.cancelled)
    assert session.assistant.jobs[-1].command.photo_ids == (3,)


# ---- answers


def test_files_are_answered_and_refused(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    answers, refusals, pages, counts = collect(session.answered), collect(session.refused), [], []
    session.navigate.connect(pages.append)
    session.classify_changed.connect(lambda done, total: counts.append((done, total)))
    session.answers.classify([str(photographs / "daisy" / "daisy 0.png"), "b.jpg", "notes.txt"])
    qtbot.waitUntil(lambda: len(answers) == 2 and len(refusals) == 1, timeout=LONG)
    assert pages == ["classify"]
    assert (3, 3) in counts
    qtbot.waitUntil(lambda: session.work is None)


def test_a_pasted_picture_is_answered(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    answers = collect(session.answered)
    image = QImage(3000, 2000, QImage.Format.Format_ARGB32)
    image.fill(QColor(0, 0, 0, 0))
    session.answers.classify(image)
    qtbot.waitUntil(lambda: bool(answers), timeout=LONG)
    kept = QImage(answers[0].path)
    assert (kept.width(), kept.height()) == (2048, 1365)
    assert kept.pixelColor(5, 5).lightness() > 250, "what is transparent becomes white"


def test_without_a_model_it_says_what_to_do(qtbot, make_session):
    session = make_session()
    problems = collect(session.problem)
    session.answers.classify(["a.jpg"])
    assert problems[0].code == "no_model" and problems[0].hint


def test_pictures_wait_for_the_first_model(qtbot, make_session, photographs):
    session = make_session(pace=0.02)
    answers, problems = collect(session.answered), collect(session.problem)
    session.imports.add([Source(str(photographs))])
    session.answers.classify(["a.jpg"])
    assert problems[0].code == "model_soon"
    qtbot.waitUntil(lambda: len(answers) == 1, timeout=LONG)


def test_proposals_come_least_sure_first_and_are_not_kept(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    got = []
    session.answers.proposals(list(session.project.photo_ids())[:3], got.append)
    qtbot.waitUntil(lambda: bool(got), timeout=LONG)
    probabilities = [answer.probability for answer in got[0]]
    assert probabilities == sorted(probabilities) and len(probabilities) == 3
    assert session.project.answers() == []


def test_evaluations_and_the_models_view(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    with qtbot.waitSignal(session.evaluation_ready, timeout=LONG) as ready:
        session.answers.evaluate("quick", "exam")
    assert ready.args[0]["right"] == 9
    with qtbot.waitSignal(session.model_view_ready, timeout=LONG) as view:
        session.answers.model_view("a.jpg")
    assert view.args == ["a.jpg", "a.jpg.view.png"]


def test_a_stored_evaluation_counts_only_for_the_model_it_was_made_of(make_session, project):
    session = make_session()
    project.quick_folder.mkdir()
    write_json(project.quick_folder / "model.json", {"digest": "abc"})
    project.add_photos([NewPhoto("/p/a.jpg", 1, 1, "aa", 9, 9, "daisy")])
    photo = project.photo(project.items()[0].photo_id)
    item = {"photo_id": photo.id, "path": photo.path, "hash": photo.hash, "truth": photo.label, "answer": photo.label}
    made = {"kind": "exam", "labels": [photo.label], "items": [item], "stamp": "abc:1.0:False|x"}
    write_json(project.quick_folder / "exam.json", made)
    assert session.answers.stored_evaluation("quick")["right"] == 1
    write_json(project.quick_folder / "exam.json", {**made, "items": [{**item, "hash": "another"}]})
    assert session.answers.stored_evaluation("quick") is None  # there is nothing left of it
    write_json(project.quick_folder / "exam.json", {**made, "labels": 3})
    assert session.answers.stored_evaluation("quick") is None
    write_json(project.quick_folder / "exam.json", made)
    write_json(project.quick_folder / "model.json", {"digest": "other"})
    assert session.answers.stored_evaluation("quick") is None
    assert session.answers.stored_evaluation("no such run") is None
    write_json(project.quick_folder / "model.json", {"digest": "abc"})
    write_json(project.quick_folder / "exam.json", {**made, "right": "9"})
    assert session.answers.stored_evaluation("quick") is None, "somebody else's notes"


def test_models_say_which_labels_came_after_them(make_session, project):
    run = project.new_run({})
    made = {"labels": ["daisy", "rose"], "practice": {"right": 9, "total": 10}}
    project.add_photos([NewPhoto(f"/p/{n}.jpg", 1, 1, n, 9, 9, n) for n in ("daisy", "rose")])
    write_json(run.folder / "model.json", {**made, "label_rows": project.label_rows(made["labels"])})
    project.add_photos([NewPhoto("/p/tulip.jpg", 1, 1, "tulip", 9, 9, "tulip")])
    project.rename_label(project.labels()[0].id, "marguerite")
    (model,) = make_session().answers.models()
    assert model.unknown == ("tulip",)
    (run.folder / "best.safetensors").write_bytes(b"x")
    (model,) = make_session().answers.models()
    assert topbar.describe(model).endswith("9 of 10 right, does not know “tulip”")


def test_the_device_is_told_with_its_reasons(qtbot, make_session):
    session = make_session()
    with qtbot.waitSignal(session.device_changed, timeout=LONG):
        session.open_up()
    assert session.device.cores == 2 and session.device.advice


# ---- runs


def test_a_run_from_start_to_finish(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(), photographs)
    phases, points, lines = [], collect(session.batch_point), collect(session.epoch_line)
    session.training_changed.connect(lambda state: phases.append(state.phase))
    session.training.begin(TrainSpec(name="First"))
    assert session.training.active and session.work.key == "training"
    qtbot.waitUntil(lambda: session.training.state.phase == "finished", timeout=LONG)
    state = session.training.state
    assert list(dict.fromkeys(phases)) == ["starting", "running", "finished"]
    assert len(points) == 20 and [line.epoch for line in lines] == [1, 2, 3, 4]
    assert isinstance(lines[0], EpochLine)
    assert (state.best_right, state.best_total) == (46, 50)
    assert state.result["kept"] == "finetune" and state.device == "Test processor"
    assert session.work is None
    assert session.project.current_model == state.run


def test_pause_resume_and_stop(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(pace=0.02), photographs)
    session.training.begin(TrainSpec())
    qtbot.waitUntil(lambda: session.training.state.phase == "running", timeout=LONG)
    session.training.pause()
    assert session.training.state.phase == "pausing"
    qtbot.waitUntil(lambda: session.training.state.phase == "paused", timeout=LONG)
    session.training.resume()
    qtbot.waitUntil(lambda: session.training.state.phase == "running", timeout=LONG)
    session.training.stop()
    qtbot.waitUntil(lambda: session.training.state.phase == "finished", timeout=LONG)
    assert session.training.state.result["status"] == "stopped"


def test_only_one_run_at_a_time(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(pace=0.02), photographs)
    problems = collect(session.problem)
    session.training.begin(TrainSpec())
    session.training.begin(TrainSpec())
    assert problems[0].code == "run_active"
    session.training.stop()
    qtbot.waitUntil(lambda: not session.training.active, timeout=LONG)


def test_pictures_are_answered_during_a_run(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(pace=0.02), photographs)
    answers = collect(session.answered)
    session.training.begin(TrainSpec())
    qtbot.waitUntil(lambda: session.training.state.phase == "running", timeout=LONG)
    session.answers.classify(["a.jpg"])
    qtbot.waitUntil(lambda: bool(answers), timeout=LONG)
    assert session.training.state.phase == "running"
    session.training.stop()
    qtbot.waitUntil(lambda: not session.training.active, timeout=LONG)


def test_a_run_whose_process_dies_is_told_and_can_be_continued(qtbot, make_session, photographs):
    session = learned(qtbot, make_session(pace=0.02), photographs)
    problems = collect(session.problem)
    session.training.begin(TrainSpec())
    qtbot.waitUntil(lambda: session.training.state.progress > 0.25, timeout=LONG)
    session.trainer._line._child.process.kill()
    qtbot.waitUntil(lambda: session.training.state.phase == "failed", timeout=LONG)
    assert "memory" in problems[0].message and problems[0].page == "train"
    (left,) = session.training.unfinished()
    assert left.has_best and 0.2 < left.progress < 1 and abs(left.stopped_at - time.time()) < 60
    session.training.go_on(left.run)
    qtbot.waitUntil(lambda: session.training.state.phase == "finished", timeout=LONG)
    assert [line["epoch"] for line in session.project.run(left.run).history()] == [1, 2, 3, 4]
    assert session.training.unfinished() == []


def test_an_interrupted_run_can_be_used_as_it_is(qtbot, make_session, project):
    run = project.new_run({}, "Night")
    run.update(progress=0.62, best={"practice_accuracy": 0.9}, seconds_used=620.0)
    session = make_session()
    (left,) = session.training.unfinished()
    assert left.name == "Night" and left.seconds_left == pytest.approx(380, abs=1) and not left.has_best
    run.update(last_checkpoint={"best_epoch": 2})
    (left,) = session.training.unfinished()
    assert left.has_best
    session.training.use_as_it_is(left.run)
    assert session.training.state.phase == "stopping" and session.training.unfinished() == []
    qtbot.waitUntil(lambda: session.training.state.phase == "finished", timeout=LONG)
    assert run.history() == []  # nothing more was learned
    assert session.training.unfinished() == []
    assert run.status == "stopped" and project.current_model == run.id
    (model,) = session.answers.models()
    assert (model.name, model.right, model.total, model.current, model.missing) == ("Night", 46, 50, True, False)
    (run.folder / "best.safetensors").unlink()
    assert session.answers.models()[0].missing


def test_choosing_a_model(make_session, project):
    session = make_session()
    changed = []
    session.changed.connect(changed.append)
    session.answers.choose("quick")
    assert project.current_model == "quick" and changed == [Change.MODEL]


def test_a_run_and_a_model_made_elsewhere_are_noticed(qtbot, make_session, project, monkeypatch):
    monkeypatch.setattr("resnext_gui.ui.session.core.MODELS_EVERY", 1)
    session = make_session()
    session.poll()
    with qtbot.waitSignal(session.changed, check_params_cb=lambda what: what == Change.RUNS | Change.MODEL):
        project.new_run({}, "From the command line")
    project.quick_folder.mkdir()
    with qtbot.waitSignal(session.quick_changed):
        made = {"practice": {"right": 3, "total": 4}, "counts": {"labels": 2, "photographs": 20}}
        write_json(project.quick_folder / "model.json", made)
    assert session.quick.state.exists and session.quick.state.right == 3


# ---- opening and closing


def test_the_quick_model_is_known_again_after_opening(qtbot, make_session, photographs, project):
    session = learned(qtbot, make_session(), photographs)
    made = {"practice": {"right": 41, "total": 50}, "counts": {"labels": 2, "photographs": 8}}
    (project.quick_folder / "model.json").write_text(json.dumps(made))
    again = Session(Project.open(project.folder), session.assistant, session.trainer)
    assert again.quick.state.exists and not again.quick.state.stale
    assert (again.quick.state.right, again.quick.state.practice, again.quick.state.photographs) == (41, 50, 8)
    again.close()


def test_opening_makes_a_missing_model(qtbot, make_session, photographs, project):
    learned(qtbot, make_session(), photographs)
    again = make_session()
    assert not again.quick.state.exists, "the scripted engine writes no model"
    again.open_up()
    qtbot.waitUntil(lambda: again.quick.state.phase == "ready", timeout=LONG)


def test_closing_is_quick_and_silent(qtbot, make_session, photographs):
    session = make_session(Scan="deaf", Train="hang")
    problems = collect(session.problem)
    session.imports.add([Source(str(photographs))])
    session.training.begin(TrainSpec())
    qtbot.waitUntil(lambda: session.trainer.pid is not None and session.assistant.pid is not None, timeout=LONG)
    began = time.monotonic()
    session.close()
    session.close()
    assert time.monotonic() - began < 5
    assert problems == [] and session.closed


def test_a_drive_that_goes_away_and_returns_is_told_once(qtbot, make_session, monkeypatch):
    from resnext_gui.project import ProjectError

    session = make_session()
    problems = collect(session.problem)

    def gone():
        raise ProjectError("folder_gone", "The project folder cannot be reached any more.", "Connect the drive.")

    with monkeypatch.context() as patch:
        patch.setattr(session.project, "data_version", gone)
        session.poll()
        session.poll()
    assert [problem.code for problem in problems] == ["folder_gone"]
    with qtbot.waitSignal(session.back):
        session.poll()


def test_a_large_correction_is_made_aside_and_in_order(qtbot, make_session, photographs, monkeypatch):
    session = learned(qtbot, make_session(), photographs)
    monkeypatch.setattr(corrections, "MANY", 3)
    works = collect(session.work_changed)
    daisy, rose = session.project.labels()
    session.corrections.move(list(session.project.photo_ids(daisy.id)), rose.id)
    assert session.corrections.busy
    session.corrections.rename_label(rose.id, "flower")  # small, but behind the large one
    assert session.corrections.undo() is None  # not while something is under way
    qtbot.waitUntil(lambda: not session.corrections.busy, timeout=LONG)
    assert [(label.name, label.count) for label in session.project.labels()] == [("daisy", 0), ("flower", 8)]
    assert any(work is not None and work.key == "corrections" for work in works) and works[-1] is None
    undone = session.corrections.undo()  # a name is changed at once
    assert undone is not None and undone == session.project.redo_text()
    with qtbot.waitSignal(session.changed, timeout=LONG):
        assert session.corrections.undo().startswith("Move 4")
    assert [(label.name, label.count) for label in session.project.labels()] == [("daisy", 4), ("rose", 4)]


def test_trouble_with_a_large_correction_is_told(qtbot, make_session, photographs, monkeypatch):
    session = learned(qtbot, make_session(), photographs)
    monkeypatch.setattr(corrections, "MANY", 0)
    problems = collect(session.problem)
    session.corrections.move(list(session.project.photo_ids()), 4711)
    qtbot.waitUntil(lambda: not session.corrections.busy, timeout=LONG)
    assert problems[0].code == "no_label"


def test_closing_waits_for_a_large_correction(qtbot, make_session, photographs, monkeypatch, project):
    session = learned(qtbot, make_session(), photographs)
    monkeypatch.setattr(corrections, "MANY", 0)
    daisy, rose = session.project.labels()
    session.corrections.move(list(session.project.photo_ids(daisy.id)), rose.id)
    session.corrections.rename_label(rose.id, "flower")
    session.close()
    with Project.open(project.folder) as again:
        assert [(label.name, label.count) for label in again.labels()] == [("daisy", 0), ("flower", 8)]


def test_a_last_word_after_closing_is_no_trouble(qtbot, make_session, photographs):
    session = make_session()
    session.imports.add([Source(str(photographs))])
    session.close()
    told = []
    session.changed.connect(told.append)
    session.poll()
    assert told == []

"""A run: exact resume, checkpoints, stop, choice of the better model."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnext_gui.engine.models.classifier import Classifier, classify_job
from resnext_gui.engine.models.evaluation import for_labels
from resnext_gui.engine.training import checkpoints, plan, recipe, reporting
from resnext_gui.engine.training.loop import Fitting, Steps
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import (
    Answer,
    BatchPoint,
    Classify,
    DeviceChosen,
    EpochLine,
    Event,
    JobStopped,
    ModelReady,
    Refused,
    RunCreated,
    UserError,
)
from resnext_gui.project import read_json
from tests.engine.learning import Learner, StopAfter, learner, new_learner, tiny_weights
from tests.jobs import in_job

__all__ = ["learner", "new_learner", "tiny_weights"]


def tensors(run_folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    from safetensors.numpy import load_file

    return load_file(run_folder / "best.safetensors")


def after_epochs(made: Learner, count: int) -> StopAfter:
    return StopAfter(lambda: len(made.told(EpochLine)) >= count)


def test_a_run_from_beginning_to_end(learner: Learner) -> None:
    result = learner.train(epochs=2)
    assert result["status"] == "finished"
    assert result["epochs"] == 2
    assert result["kept"] in ("quick", "finetune")
    assert result["exam"] == 6
    assert 0 <= result["accuracy_low"] <= result["accuracy"] <= result["accuracy_high"] <= 1
    assert result["first_model_seconds"] > 0
    assert learner.told(DeviceChosen)
    assert len(learner.told(EpochLine)) == 2
    points = learner.told(BatchPoint)
    assert [point.step for point in points] == list(range(1, 7))
    assert points[-1].position == pytest.approx(2)
    assert all(np.isfinite(point.loss) and 0 <= point.accuracy <= 1 for point in points)
    assert points[-1].seconds_left == pytest.approx(0)
    with learner.project() as project:
        run = project.run(learner.told(RunCreated)[0].run)
        assert run.status == "finished"
        body = run.read()
        assert body["result"] == result
        assert body["progress"] == 1
        assert [line["epoch"] for line in run.history()] == [1, 2]
        assert len(run.batches()) == 6
        assert not list(run.folder.glob("epoch-*"))
        assert json.loads((run.folder / "model.json").read_text())["labels"] == ["amber", "blue", "green"]
        assert project.current_model == (run.id if result["kept"] == "finetune" else "quick")
    assert learner.told(ModelReady)[0].model == "quick"
    assert learner.train(run=result["run"]) == result


class Busy(Control):
    """Lets somebody classify a folder in the middle of the training, as the worker does."""

    def __init__(self, made: Learner) -> None:
        super().__init__(between=self._classify)
        self._made, self._asked = made, False

    def _classify(self) -> None:
        if self._made.told(BatchPoint) and not self._asked:
            self._asked = True
            place = str(self._made.folder.parent / "photographs")
            classify_job(Classify("c", str(self._made.folder), (place,)), in_job(self._made.events.append))


def test_resumed_run_ends_bit_equal(new_learner: Callable[[str], Learner]) -> None:
    whole = new_learner("whole")
    once = whole.train(Busy(whole), epochs=3, augmentation="strong")
    assert len(whole.told(Answer)) == 36
    halves = new_learner("halves")
    first = halves.train(after_epochs(halves, 1), epochs=3, augmentation="strong")
    assert first["status"] == "stopped"
    twice = halves.train(run=first["run"], epochs=9, seed=5)
    with whole.project() as a, halves.project() as b:
        one, two = a.run(once["run"]), b.run(twice["run"])
        same = {"loss", "accuracy", "practice_loss", "practice_accuracy", "best", "epoch", "learning_rate"}
        assert [{k: v for k, v in line.items() if k in same} for line in one.history()] == [
            {k: v for k, v in line.items() if k in same} for line in two.history()
        ]
        assert [p["loss"] for p in one.batches()] == [p["loss"] for p in two.batches()]
        left, right = tensors(one.folder), tensors(two.folder)
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name]) for name in left)
    for key in ("kept", "practice_accuracy", "accuracy", "epochs", "best_epoch", "status"):
        assert once[key] == twice[key]


class Drive(list[Event]):
    """Pulls the drive with the photographs out at the `moment`-th event."""

    def __init__(self, place: Path, moment: int) -> None:
        super().__init__()
        self.place, self.away, self.moment = place, place.with_name("away"), moment

    def append(self, event: Event) -> None:
        super().append(event)
        if len(self) == self.moment:
            self.place.rename(self.away)

    def plug_in(self) -> None:
        if self.away.exists():
            self.away.rename(self.place)


def test_a_drive_that_is_away_for_a_while_changes_nothing(new_learner: Callable[[str], Learner]) -> None:
    whole = new_learner("whole")
    once = whole.train(epochs=2, augmentation="light", mirror="yes")
    moments = np.random.default_rng(0).choice(np.arange(1, len(whole.events) - 2), 3, replace=False)
    other = new_learner("other")
    place = other.folder.parent / "photographs"
    twice: dict[str, Any] = {}
    refusals = 0
    for moment in [*sorted(int(n) for n in moments), 0]:
        other.events = drive = Drive(place, moment)
        with other.project() as project:
            run = next((run.id for run in project.runs()), None)
        try:
            twice = other.train(run=run, epochs=2, augmentation="light", mirror="yes")
        except UserError as error:
            assert error.code == "not_reachable" and error.message == f"'{place}' is not reachable."
            refusals += 1
            with other.project() as project:
                assert [run.status for run in project.runs()] in ([], ["interrupted"])
        with other.project() as project:
            assert project.counts()["photographs"] == 36
        drive.plug_in()
        if twice:
            break
    assert refusals
    with whole.project() as a, other.project() as b:
        left, right = tensors(a.run(once["run"]).folder), tensors(b.run(twice["run"]).folder)
    assert all(np.array_equal(left[name], right[name]) for name in left)
    for key in ("kept", "practice_accuracy", "accuracy", "exam", "epochs", "best_epoch", "status"):
        assert once[key] == twice[key]


def test_photographs_that_were_moved_are_found_when_a_run_goes_on(learner: Learner) -> None:
    first = learner.train(after_epochs(learner, 1), epochs=2)
    place = learner.folder.parent / "photographs"
    place.rename(place.with_name("moved"))
    with pytest.raises(UserError) as caught:
        learner.train(run=first["run"])
    assert caught.value.code == "not_reachable"
    assert learner.scan(place.with_name("moved"))["moved"] == 36
    assert learner.train(run=first["run"])["status"] == "finished"


def test_one_training_a_project(learner: Learner) -> None:
    with learner.project() as project, project.training():
        with pytest.raises(UserError) as caught:
            learner.train()
        assert caught.value.code == "run_busy"
        assert project.being_trained and not project.runs()


def spoil(learner: Learner, which: Callable[[Any], bool]) -> int:
    """Cut off the photographs that `which` is true of, in a way that only decoding finds; return how many."""
    with learner.project() as project:
        project.assign_kinds()
        spoilt = [photo for photo in project.photos(project.photo_ids()) if which(photo)]
    for photo in spoilt:
        data = Path(photo.path).read_bytes()
        Path(photo.path).write_bytes(data[: len(data) // 2])
    return len(spoilt)


def test_an_exam_that_cannot_be_read_is_none(learner: Learner) -> None:
    assert spoil(learner, lambda photo: photo.kind == "exam")
    result = learner.train(epochs=1)
    assert (result["status"], result["exam"], result["accuracy"]) == ("finished", 0, None)
    with learner.project() as project:
        assert project.exam_uses() == 0


def test_no_practice_that_can_be_read(learner: Learner) -> None:
    assert spoil(learner, lambda photo: photo.kind == "practice")
    result = learner.train(epochs=1)
    assert (result["status"], result["practice_accuracy"]) == ("finished", None)


@pytest.mark.parametrize(("kinds", "mode"), [(("learning",), "quick"), (("learning", "practice", "exam"), "finetune")])
def test_a_label_of_which_nothing_can_be_learnt_is_left_out(
    learner: Learner, kinds: tuple[str, ...], mode: str
) -> None:
    spoil(learner, lambda photo: photo.label == "amber" and photo.kind in kinds)
    result = learner.quick() if mode == "quick" else learner.train(epochs=1)
    left_out = [event for event in learner.told(Refused) if event.code == "label_left_out"]
    assert [event.path for event in left_out] == ["amber"]
    with learner.project() as project:
        folder = project.quick_folder if mode == "quick" else project.run(result["run"]).folder
        assert read_json(folder / "model.json")["labels"] == ["blue", "green"]
    learner.events.clear()
    learner.quick()
    assert [e.path for e in learner.told(Refused) if e.code == "label_left_out"] == ["amber"], "said each time"


def test_killed_between_two_files_it_resumes(
    new_learner: Callable[[str], Learner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run opens and ends where an uninterrupted one does."""
    monkeypatch.setattr(reporting, "SAVE_EVERY", 0)
    whole = new_learner("whole")
    once = whole.train(epochs=2)
    with whole.project() as project:
        wanted = tensors(project.run(once["run"]).folder)

    class Killed(BaseException):
        pass

    made = new_learner("killed")
    writes = 0
    write = checkpoints._write

    def counted(file: Path, values: Any) -> str:
        nonlocal writes
        writes += 1
        if writes == 3:  # the second pass' own file: the first pass' lies there, and the best weights
            raise Killed
        return write(file, values)

    monkeypatch.setattr(checkpoints, "_write", counted)
    with pytest.raises(Killed):
        made.train(epochs=2)
    monkeypatch.setattr(checkpoints, "_write", write)
    with made.project() as project:
        run = project.runs()[0]
        assert run.status == "interrupted"
    result = made.train(run=run.id)
    assert result["status"] == "finished"
    got = tensors(run.folder)
    assert all(np.array_equal(wanted[name], got[name]) for name in wanted)


class Clock:
    """The time of day, which can be moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + self.ahead)

    def slow(self, seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, taking so much longer."""

        def slowly(*arguments: Any, **named: Any) -> Any:
            self.ahead += seconds
            return function(*arguments, **named)

        return slowly


def test_the_time_budget_pays_for_slow_disks(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "save_state", Clock(monkeypatch).slow(1000, reporting.save_state))
    result = learner.train(epochs=None, minutes=10)
    assert (result["status"], result["epochs"]) == ("finished", 1)


def test_the_time_budget_pays_for_getting_ready(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look at the practice photographs traces the network, which takes seconds."""
    monkeypatch.setattr(Fitting, "begin", Clock(monkeypatch).slow(300, Fitting.begin))
    with pytest.raises(Gone):
        learner.train(Dies(lambda: bool(learner.told(BatchPoint))), epochs=None, minutes=10)
    with learner.project() as project:
        (run,) = project.runs()
    left = run.read()["frozen"]["recipe"]["seconds"]
    assert 200 < left < 300


class Gone(BaseException):
    """The process is gone: nobody catches this."""


class Dies(Control):
    """Ends the process, so to say, once `when` is true."""

    def __init__(self, when: Callable[[], bool]) -> None:
        super().__init__()
        self._when = when

    def check(self) -> None:
        if self._when():
            raise Gone
        super().check()


def test_a_killed_run_is_used_as_it_is(
    new_learner: Callable[[str], Learner], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It ends as one that a person stopped at that moment."""
    monkeypatch.setattr(reporting, "SAVE_EVERY", 0)
    stopped = new_learner("stopped")
    wanted = stopped.train(after_epochs(stopped, 2), epochs=5)
    killed = new_learner("killed")
    with pytest.raises(Gone):
        killed.train(Dies(lambda: len(killed.told(EpochLine)) == 2), epochs=5)
    with killed.project() as project:
        (run,) = project.runs()
        assert run.status == "interrupted" and run.has_best
    result = killed.finish(run.id)
    assert len(killed.told(EpochLine)) == 2
    for key in ("status", "epochs", "best_epoch", "finetune_practice_accuracy", "quick_practice_accuracy"):
        assert result[key] == wanted[key]
    assert run.status == "stopped" and [line["epoch"] for line in run.history()] == [1, 2]
    with stopped.project() as project:
        left, right = tensors(project.run(wanted["run"]).folder), tensors(run.folder)
    assert left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)
    picture = next((tmp_path / "photographs" / "blue").iterdir())
    command = Classify("c", str(killed.folder), (str(picture),), run.id)
    assert classify_job(command, in_job(killed.events.append))["answered"] == 1
    assert killed.train(run=run.id)["epochs"] == 5  # it may still go on


def test_a_run_that_has_learned_nothing_cannot_be_used(learner: Learner) -> None:
    with pytest.raises(Gone):
        learner.train(Dies(lambda: bool(learner.told(RunCreated))))
    with learner.project() as project:
        (run,) = project.runs()
    with pytest.raises(UserError, match="learned nothing yet"):
        learner.finish(run.id)
    assert run.status == "interrupted"  # it can be continued


def test_full_disk_keeps_the_earlier_checkpoint(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "SAVE_EVERY", 0)
    real = tempfile.mkstemp

    def full(*args: Any, **kwargs: Any) -> Any:
        if str(kwargs.get("prefix", "")).startswith(".epoch-0002"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(UserError) as caught:
        learner.train(epochs=3)
    assert caught.value.code == "disk_full"
    with learner.project() as project:
        run = project.runs()[0]
        assert run.status == "failed"
        assert run.read()["error"]["code"] == "disk_full"
        assert (run.folder / run.read()["last_checkpoint"]["file"]).is_file()
    monkeypatch.undo()
    assert learner.train(run=run.id)["status"] == "finished"


def test_stopped_before_the_first_pass_is_over(learner: Learner) -> None:
    result = learner.train(StopAfter(lambda: len(learner.told(BatchPoint)) >= 2), epochs=3)
    assert result["status"] == "stopped"
    assert result["kept"] == "quick"
    assert result["best_epoch"] == 0
    with learner.project() as project:
        assert project.current_model == "quick"
    assert learner.train(run=result["run"])["epochs"] == 3


def test_stopped_before_there_is_a_run(learner: Learner) -> None:
    control = Control()
    control.stop()
    with pytest.raises(JobStopped):
        learner.train(control)
    with learner.project() as project:
        assert project.runs() == []


def test_broken_off_before_it_had_begun_it_begins(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **named: Any) -> None:
        raise OSError(errno.EIO, "the power is gone")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="power"):
        patched.setattr(plan, "try_mirror_images", fail)
        learner.train(epochs=3, seed=5)
    with learner.project() as project:
        (run,) = project.runs()
        assert "frozen" not in run.read()
    stopped = StopAfter(lambda: bool(learner.told(RunCreated)))
    with pytest.raises(JobStopped):  # once more, by a person this time
        learner.train(stopped, run=run.id)
    result = learner.train(run=run.id, epochs=1)
    assert (result["run"], result["status"], result["epochs"]) == (run.id, "finished", 3)
    with learner.project() as project:
        assert [other.id for other in project.runs()] == [run.id]
        assert run.read()["frozen"]["seed"] == 5 and run.read()["error"] is None


def test_the_time_budget_is_kept(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock on which a step takes twenty seconds."""
    learner.quick()
    monkeypatch.setattr(Steps, "on_train_batch_end", Clock(monkeypatch).slow(20, Steps.on_train_batch_end))
    result = learner.train(epochs=None, minutes=10)
    assert result["status"] == "finished"
    assert result["epochs"] >= 3
    assert 540 < result["seconds"] < 640  # real seconds are added to it, and a step is not broken off


def test_new_photographs_do_not_change_an_unfinished_run(learner: Learner, tmp_path: Path) -> None:
    from tests.engine.learning import pictures

    first = learner.train(after_epochs(learner, 1), epochs=2)
    learner.scan(pictures(tmp_path / "more", each=4, first=50))
    result = learner.train(run=first["run"])
    with learner.project() as project:
        body = project.run(result["run"]).read()
        assert body["split"]["learning"] == 24
        project.assign_kinds()
        assert len(project.items("learning")) > 24


@pytest.mark.parametrize("spec", [{"head": "hidden"}, {"weights": "none", "size": 32}, {"frozen_stages": 2}])
def test_other_ways_to_train(learner: Learner, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"blocks": (1,), "cardinality": 4, "base_width": 4}
    monkeypatch.setitem(
        __import__("resnext_gui.engine.network.resnext", fromlist=["PRESETS"]).PRESETS, "resnext26_16x4d", small
    )
    result = learner.train(epochs=1, **spec)
    assert result["status"] == "finished"


def test_photograph_that_vanishes_during_a_run_weighs_nothing(learner: Learner) -> None:
    class Vanish(list[Event]):
        def append(self, event: Event) -> None:
            super().append(event)
            if isinstance(event, RunCreated):
                with learner.project() as project:
                    Path(project.items("learning")[0].path).unlink()

    learner.events = Vanish()
    assert learner.train(epochs=1)["status"] == "finished"
    refused = learner.told(Refused)
    assert [event.code for event in refused] == ["vanished"]
    assert refused[0].path in refused[0].message


def test_damaged_checkpoint_or_run_in_use_is_refused(learner: Learner) -> None:
    first = learner.train(after_epochs(learner, 1), epochs=3)
    with learner.project() as project:
        run = project.run(first["run"])
        with run.lock(), pytest.raises(UserError) as caught:
            learner.train(run=first["run"])
        assert caught.value.code == "run_busy"
        (run.folder / run.read()["last_checkpoint"]["file"]).write_bytes(b"nothing")
    with pytest.raises(UserError) as caught:
        learner.train(run=first["run"])
    assert caught.value.code == "damaged"
    with learner.project() as project:
        project.run(first["run"]).update(frozen={**project.run(first["run"]).read()["frozen"], "parts": 10**12})
    with pytest.raises(UserError) as caught:  # a pass without a step
        learner.train(run=first["run"])
    assert caught.value.code == "damaged"


@pytest.fixture
def three_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a pass three practice photographs are looked at, not all."""
    real = recipe.choose_recipe

    def chosen(*given: Any, **named: Any) -> recipe.Recipe:
        return dataclasses.replace(real(*given, **named), looks=3)

    monkeypatch.setattr(plan, "choose_recipe", chosen)


def thirds(value: float) -> bool:
    return round(3 * value, 6) in (0, 1, 2, 3)


@pytest.mark.usefixtures("three_looks")
def test_passes_are_judged_by_some_and_the_end_by_all(learner: Learner) -> None:
    result = learner.train(epochs=2)
    with learner.project() as project:
        run = project.run(result["run"])
        everything = run.read()["split"]["practice"]
        assert everything > 3
        assert all(thirds(line["practice_accuracy"]) for line in run.history())
        practice = read_json(run.folder / "model.json")["practice"]
        assert practice["total"] == everything
        assert result["finetune_practice_accuracy"] == practice["right"] / everything
        assert result["quick_practice_accuracy"] == run.read()["quick_practice_accuracy"]
    assert {event.total for event in learner.told(ModelReady) if event.model == run.id} == {3, everything}


@pytest.mark.usefixtures("three_looks")
def test_who_stops_waits_for_no_more_looks(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick model is compared on the same photographs."""
    monkeypatch.setattr(Fitting, "practice_score", lambda *_: pytest.fail("nobody asked for all of them"))
    result = learner.train(after_epochs(learner, 1), epochs=3)
    assert result["status"] == "stopped"
    with learner.project() as project:
        practice = read_json(project.run(result["run"]).folder / "model.json")["practice"]
    assert practice["total"] == 3
    assert thirds(result["finetune_practice_accuracy"]) and thirds(result["quick_practice_accuracy"])


@pytest.mark.usefixtures("three_looks")
def test_a_run_judged_by_some_goes_on_as_it_began(new_learner: Callable[[str], Learner]) -> None:
    whole, halves = new_learner("whole"), new_learner("halves")
    once = whole.train(epochs=3)
    stopped = halves.train(after_epochs(halves, 1), epochs=3)
    twice = halves.train(run=stopped["run"])
    assert [once[key] for key in ("kept", "practice_accuracy", "best_epoch")] == [
        twice[key] for key in ("kept", "practice_accuracy", "best_epoch")
    ]
    with whole.project() as a, halves.project() as b:
        left, right = tensors(a.run(once["run"]).folder), tensors(b.run(twice["run"]).folder)
    assert all(np.array_equal(left[name], right[name]) for name in left)


def test_the_saved_loss_is_that_of_the_saved_temperature(learner: Learner) -> None:
    result = learner.train(epochs=1)
    with learner.project() as project:
        model = read_json(project.run(result["run"]).folder / "model.json")
        classifier = Classifier.load(project, result["run"])
        items = for_labels(project, model["labels"], "practice")
        probabilities = classifier.probabilities([classifier.read(item.path) for item in items])
    losses = [-math.log(row[item.label]) for row, item in zip(probabilities, items, strict=True)]
    assert (len(items), model["temperature"]) == (6, 1.0)
    assert model["practice"]["loss"] == pytest.approx(sum(losses) / 6, rel=2e-2)

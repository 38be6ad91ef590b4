"""Features of photographs: what is computed, what is kept, what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from resnext_gui.engine.models import features
from resnext_gui.engine.models.features import interleaved
from resnext_gui.messages import JobStopped, Progress, Refused
from resnext_gui.project import Item
from tests.engine.learning import Learner, StopAfter, learner, tiny_weights

__all__ = ["learner", "tiny_weights"]


def test_deleted_or_damaged_cache_is_computed_again(learner: Learner) -> None:
    learner.quick()
    with learner.project() as project:
        file = project.cache / "features.db"
        model = project.quick_folder / "model.json"
    model.unlink()
    with closing(sqlite3.connect(file)) as db:
        db.execute("UPDATE features SET numbers = zeroblob(length(numbers)) WHERE rowid % 2")
        db.commit()
    assert learner.quick()["computed"] == 15
    file.unlink()
    model.unlink()
    assert learner.quick()["computed"] == 30


def test_unreadable_photograph_is_refused_by_name_and_the_rest_goes_on(learner: Learner, tmp_path: Path) -> None:
    broken = tmp_path / "photographs" / "blue" / "blue 3.png"
    broken.write_bytes(broken.read_bytes()[:100])
    gone = tmp_path / "photographs" / "green" / "green 4.png"
    gone.unlink()
    result = learner.quick()
    refused = {Path(event.path).name for event in learner.told(Refused)}
    assert refused <= {"blue 3.png", "green 4.png"}
    assert refused
    assert result["computed"] == 30 - len(refused)
    with learner.project() as project:
        bad = {
            Path(p.path).name: p for where in ("unreadable", "gone") for p in project.photos(project.photo_ids(where))
        }
        assert bad.keys() == refused
        assert all(photo.reason for photo in bad.values())


def test_a_photograph_that_ends_early_is_learnt_from_and_told(
    learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = features.load_remarked
    monkeypatch.setattr(features, "load_remarked", lambda path, *given: (whole(path, *given)[0], f"{path} ends early"))
    result = learner.quick()
    told = learner.told(Refused)
    assert {event.code for event in told} == {"incomplete"} and len(told) == result["computed"]


def test_a_photograph_that_was_exchanged_is_learned_as_it_is_now(learner: Learner, tmp_path: Path) -> None:
    exchanged = tmp_path / "photographs" / "blue" / "blue 3.png"
    with learner.project() as project:
        known = next(photo for photo in project.photos(project.photo_ids()) if photo.path == str(exchanged))
    with Image.open(exchanged) as picture:
        picture.convert("RGB").rotate(180).resize((50, 40)).save(exchanged)
    result = learner.quick()
    assert (result["computed"], result["photographs"]) == (30, 30)
    told = [event for event in learner.told(Refused) if event.path == str(exchanged)]
    assert [event.code for event in told] == ["changed"]
    with learner.project() as project:
        now = project.photo(known.id)
        with closing(sqlite3.connect(project.cache / "features.db")) as db:
            kept = {content for (content,) in db.execute("SELECT content FROM features")}
    assert (now.status, now.width, now.height) == ("ok", 50, 40)
    assert now.hash in kept
    assert known.hash not in kept


def test_stopped_what_was_computed_is_kept(learner: Learner) -> None:
    def half() -> bool:
        return any(event.done > 0 for event in learner.told(Progress) if event.stage == "features")

    with pytest.raises(JobStopped):
        learner.quick(StopAfter(half))
    assert learner.quick()["computed"] < 30


def test_interleaved_takes_turns() -> None:
    items = [Item(n, "", str(n), label) for n, label in enumerate([0, 0, 0, 1, 2, 2])]
    assert [item.label for item in interleaved(items)] == [0, 1, 2, 0, 2, 0]

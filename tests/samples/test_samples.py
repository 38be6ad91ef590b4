"""The built-in sample photographs: the same from the same seed, different otherwise, and what they seem."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import JobStopped, Progress, RenderSamples, UserError
from resnext_gui.samples import LABELS, render_one, render_samples, samples_job
from tests.jobs import in_job


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path):
    render_samples(tmp_path / "all", per_label=2, seed=3)
    render_samples(tmp_path / "some", per_label=1, seed=3, labels=["leaf", "key"])
    for label in ("leaf", "key"):
        name = f"{label}/{label}_001.jpg"
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "some" / name).read_bytes()
        assert (tmp_path / "all" / name).read_bytes() == render_one(label, 0, 3)
    assert render_one("leaf", 0, 3) != render_one("leaf", 0, 4)
    files = sorted((tmp_path / "all").rglob("*"))
    assert len([file for file in files if file.is_file()]) == 2 * len(LABELS)
    assert len({file.read_bytes() for file in files if file.is_file()}) == 2 * len(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_photographs_of_a_usual_size_neither_dark_nor_blank(label: str):
    for number in range(3):
        picture = Image.open(io.BytesIO(render_one(label, number)))
        assert (picture.size, picture.mode, picture.format) == ((320, 240), "RGB", "JPEG")
        pixels = np.asarray(picture)
        assert 15 < pixels.mean() < 245
        assert pixels.std() > 8


def test_unknown_things_cannot_be_rendered():
    with pytest.raises(ValueError, match="Received: cup"):
        render_one("cup", 0)


def test_the_job(tmp_path: Path):
    events: list[object] = []
    result = samples_job(RenderSamples("r", str(tmp_path / "s"), 1, 0), in_job(events.append))
    assert result == {"folder": str(tmp_path / "s"), "labels": list(LABELS), "photographs": 5}
    assert isinstance(events[-1], Progress)
    assert (events[-1].done, events[-1].total) == (5, 5)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == list(LABELS)
    with pytest.raises(UserError) as caught:
        samples_job(RenderSamples("r", str(tmp_path / "s"), 0, 0), in_job(events.append))
    assert caught.value.code == "bad_count"


def test_stopping_and_a_folder_that_cannot_be_made(tmp_path: Path):
    control = Control()
    control.stop()
    with pytest.raises(JobStopped):
        render_samples(tmp_path / "s", 1, job=in_job(control=control))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError) as caught:
        render_samples(tmp_path / "file", 1)
    assert caught.value.hint


def test_a_simple_model_learns_them_but_not_by_the_average_colour(rendered: Path):
    """Means of coarse cells alone must not give the labels away: they have to be looked at."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    files = sorted(rendered.rglob("*.jpg"))
    cells = [
        np.asarray(Image.open(file).resize((4, 3), Image.Resampling.BOX), np.float32).ravel() / 255 for file in files
    ]
    truth = [file.parent.name for file in files]
    score = cross_val_score(LogisticRegression(max_iter=500), np.array(cells), truth, cv=3).mean()
    assert score < 0.7

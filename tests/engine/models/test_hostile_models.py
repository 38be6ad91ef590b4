"""Models, checkpoints and beginnings of runs that somebody else has written: refused before anything is built."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from resnext_gui.engine.ingest.thumbnails import prune_cache, thumbnails_job
from resnext_gui.engine.models import modelfile
from resnext_gui.engine.models.classifier import model_view_job
from resnext_gui.engine.models.head import LinearHead
from resnext_gui.engine.training import checkpoints
from resnext_gui.engine.training import run as training
from resnext_gui.engine.training.recipe import Recipe
from resnext_gui.messages import ModelView, Thumbnails, UserError
from resnext_gui.project import Project
from tests.engine.odd_files import encoded, scene
from tests.jobs import in_job
from tests.project import hostile_projects as hostile


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile.make_good(tmp_path_factory.mktemp("good") / "project")


@pytest.fixture
def project(good: Path, tmp_path: Path) -> Path:
    return shutil.copytree(good, tmp_path / "project")


def change(folder: Path, **values: Any) -> Path:
    """Change what a model says of itself."""
    file = folder / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    return folder


NETWORK = {"blocks": [3, 4, 6, 3], "cardinality": 32, "base_width": 4, "classes": 2, "stem": 64, "include_top": True}


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": float("nan")}, {"temperature": 0}, {"labels": []}, {"labels": [1, 2]},
        {"file": "../model.json"},
        {"file": "best.safetensors"}, {"weights": {"name": 1}}, {"architecture": {"surprise": 1}},
        {"preprocessing": {"size": 10**9}}, {"preprocessing": {"std": [0, 0, 0]}}, {"preprocessing": []},
        {"format": "another"}, {"version": "new"}, {"flip": "yes"}, {"kind": "other"},
    ],
)  # fmt: skip
def test_a_model_that_makes_no_sense_is_refused(project: Path, values: dict[str, Any]):
    assert modelfile.read_model(project / "quick").labels == ["good", "rust"]
    with pytest.raises(UserError) as caught:
        modelfile.read_model(change(project / "quick", **values))
    assert caught.value.code == "damaged"


@pytest.mark.parametrize(
    "changes", [{"blocks": [3000, 4, 6, 3]}, {"base_width": 10**6}, {"stem": -1}, {"blocks": "3463"}, {"classes": 5}]
)
def test_a_network_out_of_all_proportion_is_refused(project: Path, changes: dict[str, Any]):
    folder = change(project / "runs" / hostile.RUN, architecture=NETWORK)
    assert modelfile.read_model(folder).kind == "network"
    with pytest.raises(UserError):
        modelfile.read_model(change(folder, architecture={**NETWORK, **changes}))


def test_a_large_network_without_its_numbers_is_not_built(project: Path, monkeypatch: pytest.MonkeyPatch):
    folder = project / "runs" / hostile.RUN
    hostile.put(folder / "best.safetensors", b"x")
    change(folder, architecture=NETWORK, digest=hashlib.sha256(b"x").hexdigest())
    model = modelfile.read_model(folder)
    monkeypatch.setattr(modelfile, "build_resnext", lambda **_: pytest.fail("it was built"))
    with pytest.raises(UserError) as caught:
        modelfile.build_network(folder, model)
    assert caught.value.code == "damaged"


@pytest.mark.parametrize(
    "tensors",
    [
        {"fc.weight": np.full((2, 4), np.nan, np.float32), "fc.bias": np.zeros(2, np.float32)},
        {"fc.weight": np.zeros((3, 4), np.float32), "fc.bias": np.zeros(3, np.float32)},
        {"fc.weight": np.zeros(2, np.float32), "fc.bias": np.zeros(2, np.float32)},
        {"fc.weight": np.zeros((2, 4), np.int8), "fc.bias": np.zeros(2, np.float32)},
        {"fc.bias": np.zeros(2, np.float32)},
    ],
)
def test_a_head_of_other_numbers_is_refused(project: Path, tensors: dict[str, Any]):
    data = save(tensors)
    hostile.put(project / "quick" / "quick-0123456789ab.safetensors", data)
    change(project / "quick", digest=hashlib.sha256(data).hexdigest())
    with pytest.raises(UserError) as caught:
        modelfile.read_head(project / "quick", modelfile.read_model(project / "quick"))
    assert caught.value.code == "damaged"


def test_a_checkpoint_is_the_one_that_was_written(tmp_path: Path):
    file = tmp_path / "epoch-0001.safetensors"
    digest = checkpoints._write(file, {"a": np.ones(100, np.float32)})
    facts = {"file": file.name, "sha256": digest}
    assert checkpoints._checked(tmp_path, facts, "file", "sha256") == file
    assert checkpoints._checked(tmp_path, {"file": file.name}, "file", "sha256") == file, "an earlier version's"
    with pytest.raises(ValueError, match="name"):
        checkpoints._checked(tmp_path, {"file": "../epoch-0001.safetensors"}, "file", "sha256")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match="another content"):
        checkpoints._checked(tmp_path, facts, "file", "sha256")


def test_the_beginning_of_a_run_is_the_one_that_was_written(project: Path):
    head = LinearHead(np.ones((4, 2), np.float32), np.zeros(2, np.float32), 1.0, 1.5)
    with Project.open(project) as opened:
        run = opened.run(hostile.RUN)
        digest = training._save_start(run.folder, head, np.zeros((3, 2), np.float32))
        run.update(start=digest)
        start = training._load_start(run, 2, 3)
        assert start["kernel"].shape == (4, 2) and float(start["temperature"]) == 1.5
        for labels, practice in ((5, 3), (2, 4)):
            with pytest.raises(UserError):
                training._load_start(run, labels, practice)
        data = bytearray((run.folder / "start.npz").read_bytes())
        data[len(data) // 2] ^= 1
        (run.folder / "start.npz").write_bytes(data)
        with pytest.raises(UserError) as caught:
            training._load_start(run, 2, 3)
    assert caught.value.code == "damaged"


@pytest.mark.parametrize(
    "values", [{"batch": "x"}, {"batch": 10**9}, {"rate": float("nan")}, {"patience": -1}, {"epochs": 1.5}]
)
def test_a_recipe_that_makes_no_sense_is_refused(values: dict[str, Any]):
    Recipe.from_dict(Recipe().to_dict()).check()
    with pytest.raises(ValueError, match=next(iter(values))):
        Recipe.from_dict({**Recipe().to_dict(), **values}).check()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize(
    "place", ["cache", "cache/thumbnails", "cache/views", "cache/activations", "cache/features", "cache/decoding"]
)
def test_caches_that_are_links_are_neither_emptied_nor_filled(project: Path, tmp_path: Path, place: str):
    foreign = hostile.make_foreign(tmp_path / "foreign")
    before = hostile.content_of(foreign)
    picture = tmp_path / "a.jpg"
    picture.write_bytes(encoded(scene(60, 40), "JPEG"))
    hostile.link_to(project, place, foreign)
    with Project.open(project) as opened:
        opened.relocate_photos([(opened.photo_ids()[0], str(picture))])
        thumbnails_job(Thumbnails("t", str(project), (opened.photo_ids()[0],)), in_job())
        prune_cache(opened, 0)
        try:
            model_view_job(ModelView("v", str(project), str(picture)), in_job())
        except UserError as error:
            assert error.code == "odd_file" and str(project / place) in error.message
        else:
            assert place not in ("cache", "cache/views")
    assert hostile.content_of(foreign) == before

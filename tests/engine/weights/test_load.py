"""Weights by name, our own files, and everything that must be refused.  No other library is needed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from resnext_gui.engine import load_checkpoint as public_load
from resnext_gui.engine.network.resnext import PRESETS, build_resnext, state_of
from resnext_gui.engine.pictures.decode import Preprocessing
from resnext_gui.engine.weights import catalogue
from resnext_gui.engine.weights.commands import weights_job
from resnext_gui.engine.weights.load import (
    CheckpointError,
    imagenet_labels,
    load_backbone,
    load_checkpoint,
    resolve_weights,
    save_weights,
)
from resnext_gui.messages import UserError, Weights
from resnext_gui.project import guard
from tests.jobs import in_job

State = dict[str, np.ndarray]
PIXELS = np.random.default_rng(0).normal(size=(2, 40, 40, 3)).astype("float32")


@pytest.fixture(scope="module")
def small() -> keras.Model:
    keras.utils.set_random_seed(3)
    return build_resnext((1, 1, 1, 1), 4, 4, classes=5)


@pytest.fixture
def state(small: keras.Model) -> State:
    return {name: value.copy() for name, value in state_of(small).items()}


def written(tmp_path: Path, state: State, metadata: dict[str, str] | None = None) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file({name: np.ascontiguousarray(value) for name, value in state.items()}, path, metadata)
    return path


def run(model: keras.Model) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(PIXELS, training=False)))


def refusal(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert path.name in caught.value.message
    assert caught.value.hint
    return caught.value


# --------------------------------------------------------------------------------------------------------------------
# What is read


def test_our_own_file_goes_around_with_all_it_knows(small: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    labels = ["daisy", "rose", "tulip", "moss", "Löwenzahn"]
    preprocessing = Preprocessing(96, 0.9, "bilinear", (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    save_weights(path, small, {"note": "x", "numbers": [1, 2]}, preprocessing, labels)
    found = load_checkpoint(path)
    np.testing.assert_array_equal(run(found.model), run(small))
    assert (found.labels, found.preprocessing, found.name) == (labels, preprocessing, "mine")
    assert found.sha256 == guard.sha256(path)
    assert found.report.classes == 5
    assert found.report.tensors == len(state_of(small))
    assert json.loads(found.metadata["numbers"]) == [1, 2]
    assert "ResNeXt-14 4x4d" in str(found.report)
    assert any("untrained" in warning for warning in found.report.warnings)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.safetensors"]
    assert public_load is load_checkpoint
    for _ in range(8):  # the library orders what is said about a file by chance
        save_weights(tmp_path / "again.safetensors", small, {"note": "x", "numbers": [1, 2]}, preprocessing, labels)
        assert guard.sha256(tmp_path / "again.safetensors") == found.sha256


def test_head_may_be_left_out(small: keras.Model, tmp_path: Path) -> None:
    save_weights(tmp_path / "a.safetensors", small)
    found = load_checkpoint(tmp_path / "a.safetensors", include_top=False)
    assert found.model.output_shape == (None, 2048)
    assert "classes" not in found.architecture
    np.testing.assert_array_equal(run(found.model), run(load_checkpoint(tmp_path / "a.safetensors").headless()))


@pytest.mark.parametrize(
    "options",
    [
        {"blocks": (1, 2), "cardinality": 3, "base_width": 5, "stem": 12, "classes": 2, "norm_epsilon": 1e-3},
        {"blocks": (1, 1), "cardinality": 2, "head": "hidden", "classes": 4, "pooling": "max"},
        {"blocks": (1,), "cardinality": 2, "include_top": False, "input_norm": True},
    ],
    ids=str,
)
def test_odd_networks_go_around(options: dict[str, Any], tmp_path: Path) -> None:
    model = build_resnext(**options)
    save_weights(tmp_path / "a.safetensors", model)
    model.save(tmp_path / "a.keras")
    for name in ("a.safetensors", "a.keras"):
        np.testing.assert_array_equal(run(load_checkpoint(tmp_path / name).model), run(model))


def test_half_precision_counters_and_prefixes(state: State, small: keras.Model, tmp_path: Path) -> None:
    halves: State = {f"module.{name}": value.astype("float16") for name, value in state.items()}
    halves["module.bn1.num_batches_tracked"] = np.array(7)
    found = load_checkpoint(written(tmp_path, halves))
    assert found.report.ignored == ["bn1.num_batches_tracked"]
    assert np.abs(run(found.model) - run(small)).max() < 1e-2


def test_bfloat16_is_read(state: State, small: keras.Model, tmp_path: Path) -> None:
    bits = {name: (value.astype("<f4").view("<u4") >> 16).astype("<u2") for name, value in state.items()}
    header, data = {}, b""
    for name, array in bits.items():
        header[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    head = json.dumps(header).encode()
    path = tmp_path / "b.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)
    want = run(small)
    assert np.abs(run(load_checkpoint(path).model) - want).max() < 0.05 * np.abs(want).max()


def test_a_resnet_is_named(tmp_path: Path) -> None:
    save_weights(tmp_path / "r.safetensors", build_resnext((1, 1, 1, 1), 1, 64, classes=3))
    report = load_checkpoint(tmp_path / "r.safetensors").report
    assert report.architecture == "ResNet-14"
    assert any("cardinality 1" in warning for warning in report.warnings)


def test_thousand_classes_have_imagenets_names(tmp_path: Path) -> None:
    names = imagenet_labels()
    assert (len(names), names[0], names[999], len(set(names))) == (1000, "tench", "toilet tissue", 1000)
    save_weights(tmp_path / "t.safetensors", build_resnext((1,), 2, 4, classes=1000))
    assert load_checkpoint(tmp_path / "t.safetensors").labels == list(names)


def test_starter_weights_are_whole() -> None:
    starter = load_checkpoint(catalogue.starter_path())
    assert starter.architecture["blocks"] == [2, 2, 2, 2]
    assert starter.report.architecture == "ResNeXt-26 16x4d"
    assert starter.preprocessing.size == 192
    assert starter.report.warnings == []
    assert starter.labels == list(imagenet_labels())


def test_square_kernel_transposed_in_trained_weights_is_found(tmp_path: Path) -> None:
    """Its shape stays the same: only what it computes gives it away."""
    state = load_file(catalogue.starter_path())
    state["layer1.0.conv1.weight"] = state["layer1.0.conv1.weight"].transpose(1, 0, 2, 3)
    assert "kernel of layer1.0.conv1 does not fit" in refusal(written(tmp_path, state)).reason
    assert "every kernel fits the statistics behind it" in load_checkpoint(catalogue.starter_path()).report.checks


# --------------------------------------------------------------------------------------------------------------------
# What is refused


def spoil_name(state: State) -> None:
    state["layer9.0.conv1.weight"] = state.pop("layer1.0.conv1.weight")


def spoil(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[State], None]:
    def apply(state: State) -> None:
        state[name] = np.asarray(change(state[name]))

    return apply


def put(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def apply(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array.reshape(-1)[-1] = value
        return array

    return apply


FAULTS: dict[str, tuple[Callable[[State], Any], str]] = {
    "a tensor missing": (lambda s: s.pop("layer3.0.bn2.bias"), "layer3.0.bn2.bias is missing"),
    "a block missing": (
        lambda s: [s.pop(n) for n in list(s) if n.startswith("layer2.")],
        "blocks are missing",
    ),
    "a tensor too many": (lambda s: s.update(extra=np.ones(3, "float32")), "does not have: extra"),
    "head transposed": (spoil("fc.weight", lambda a: a.T), "fc.weight has the shape"),
    "kernel transposed": (
        spoil("layer2.0.conv3.weight", lambda a: a.transpose(1, 0, 2, 3)),
        "it looks transposed",
    ),
    "kernel as Keras stores it": (spoil("layer2.0.conv2.weight", lambda a: a.transpose(2, 3, 1, 0)), "transposed"),
    "not a number": (spoil("layer4.0.conv1.weight", put(np.nan)), "layer4.0.conv1.weight holds values"),
    "infinite": (spoil("bn1.bias", put(np.inf)), "bn1.bias holds values"),
    "negative variance": (spoil("layer1.0.bn2.running_var", put(-0.1)), "negative variances"),
    "no variance": (spoil("layer1.0.bn2.running_var", np.zeros_like), "no variance above zero"),
    "empty kernel": (spoil("layer3.0.conv3.weight", np.zeros_like), "nothing but zeros"),
    "same answer to all": (spoil("fc.weight", np.zeros_like), "the same whatever it is shown"),
    "overflow": (spoil("layer1.0.bn1.weight", lambda a: a * 3e38), "not finite"),
    "another cardinality": (
        spoil("layer1.0.conv2.weight", lambda a: np.repeat(a, 2, axis=1)),
        "has the shape",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(fault: str, state: State, tmp_path: Path) -> None:
    change, reason = FAULTS[fault]
    change(state)
    assert reason in refusal(written(tmp_path, state)).reason


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["conv1.weight", "layer1.0.conv1.weight", "layer1.0.conv2.weight", "fc.weight"], "two convolutions"),
        (["conv1.weight", "layer1.0.conv1.weight", "layer1.0.se.fc1.weight"], "SE-ResNeXt"),
        (["conv1.0.weight", "layer1.0.conv3.weight"], "deep stem"),
        (["cls_token", "blocks.0.attn.qkv.weight"], "vision transformer"),
        (["features.0.weight", "classifier.0.weight"], "VGG or MobileNet"),
        (["embedding"], "not a ResNeXt"),
    ],
)
def test_other_networks_are_told_apart(names: list[str], what: str, tmp_path: Path) -> None:
    path = written(tmp_path, {name: np.ones((4, 4, 1, 1), "float32") for name in names})
    error = refusal(path)
    assert what in error.reason
    assert error.code == "wrong_architecture"


def test_any_cut_is_refused(small: keras.Model, tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    save_weights(whole, small)
    data = whole.read_bytes()
    for length in (0, 5, 40, 4000, len(data) // 2, len(data) - 1):
        cut = tmp_path / f"cut{length}.safetensors"
        cut.write_bytes(data[:length])
        refusal(cut)
    (tmp_path / "long.safetensors").write_bytes(data + b"more")
    refusal(tmp_path / "long.safetensors")


def test_things_that_are_no_weights(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("not weights at all, only text")
    assert "no format known" in refusal(tmp_path / "text.pth").reason
    (tmp_path / "zip.pth").write_bytes(b"PK\x03\x04" + bytes(100))
    refusal(tmp_path / "zip.pth")
    refusal(tmp_path)
    missing = tmp_path / "missing.pth"
    assert "No such file" in refusal(missing).reason


def keras_file(tmp_path: Path, model: keras.Model, change: Callable[[str], str]) -> Path:
    """Save a model and change its description."""
    model.save(tmp_path / "good.keras")
    bad = tmp_path / "bad.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data.decode()) if name == "config.json" else data)
    return bad


def test_keras_file_that_names_foreign_code_is_refused(small: keras.Model, tmp_path: Path) -> None:
    swaps = [
        ('"class_name": "ReLU"', '"class_name": "Lambda"'),
        ('"module": "keras.layers", "class_name": "ReLU"', '"module": "os", "class_name": "ReLU"'),
        ('"registered_name": "resnext_gui>BatchNorm"', '"registered_name": "evil>BatchNorm"'),
    ]
    for old, new in swaps:
        path = keras_file(tmp_path, small, lambda text, old=old, new=new: text.replace(old, new))
        assert refusal(path).code == "hostile_checkpoint", old
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    refusal(tmp_path / "empty.keras")


def test_preprocessing_that_makes_no_sense_is_refused(state: State, tmp_path: Path) -> None:
    assert "preprocessing" in refusal(written(tmp_path, state, {"mean": "0.5", "std": "0.5"})).reason


def test_unlucky_channels_are_only_noted(state: State, tmp_path: Path) -> None:
    state["bn1.running_var"][:3] = 0
    warnings = load_checkpoint(written(tmp_path, state)).report.warnings
    assert any("3 channels" in warning for warning in warnings)


# --------------------------------------------------------------------------------------------------------------------
# By name


def test_without_a_download_the_starter_is_used() -> None:
    found = resolve_weights(None)
    assert (found.name, found.downloaded, found.licence) == ("starter", False, "Apache-2.0")
    assert found.path == catalogue.starter_path()
    assert found.architecture["include_top"] is False
    model = load_backbone(found, size=64)
    assert model.input_shape == (None, 64, 64, 3)
    assert model.output_shape == (None, 2048)


def test_random_start_follows_from_the_seed() -> None:
    first, again = resolve_weights("none", seed=4), resolve_weights("none", seed=4)
    assert first.sha256 == again.sha256 != resolve_weights("none", seed=5).sha256
    assert first.sha256 != resolve_weights("none", "resnext50_32x4d", seed=4).sha256
    one, two = (load_backbone(first, seed=4).get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    with pytest.raises(UserError, match="no architecture called"):
        resolve_weights("none", "resnext9000")


def test_names_that_lead_nowhere() -> None:
    with pytest.raises(UserError) as caught:
        resolve_weights("resnext50_32x4d.a1h_in1k")
    assert caught.value.code == "weights_missing"
    assert "weights get" in caught.value.hint
    with pytest.raises(UserError) as caught:
        resolve_weights("no-such-weights")
    assert caught.value.code == "unknown_weights"
    assert "starter" in caught.value.hint


def test_file_that_changed_after_it_was_chosen(small: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_weights(path, small)
    chosen = resolve_weights(str(path))
    save_weights(path, small, {"note": "another"})
    with pytest.raises(CheckpointError, match="has changed"):
        load_backbone(chosen)


def ask(action: str, target: str = "", name: str | None = None) -> dict[str, Any]:
    return weights_job(Weights("job", action, target, name), in_job())


def test_import_keeps_a_copy_under_its_name(small: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "flowers.v2.safetensors"
    save_weights(path, small, labels=list("abcde"))
    done = ask("import", str(path), "my flowers")
    assert done["report"]["classes"] == 5
    listed = {entry["name"]: entry for entry in ask("list")["weights"]}
    assert listed["my flowers"]["available"]
    assert listed["my flowers"]["source"] == "imported"
    assert listed["starter"]["available"]
    assert not listed[catalogue.DEFAULT]["available"]
    assert {key for entry in listed.values() for key in entry} == {
        "name", "title", "megabytes", "top1", "licence", "architecture", "available", "source",
    }  # fmt: skip
    path.unlink()
    again = load_checkpoint(resolve_weights("my flowers").path or "")
    np.testing.assert_array_equal(run(again.model), run(small))
    assert again.labels == list("abcde")
    assert ask("get", "my flowers")["path"] == done["path"]


@pytest.mark.parametrize("name", ["../escape", "", "starter", catalogue.DEFAULT, ".hidden", "a/b"])
def test_import_under_a_bad_name_is_refused(name: str, small: keras.Model, tmp_path: Path) -> None:
    save_weights(tmp_path / "none.safetensors", small)
    with pytest.raises(UserError) as caught:
        ask("import", str(tmp_path / "none.safetensors"), name or None)
    assert caught.value.code in ("bad_name", "name_taken")


def test_unknown_action_is_refused() -> None:
    with pytest.raises(UserError, match="no action"):
        ask("polish")


def test_catalogue_fits_the_presets() -> None:
    assert catalogue.CATALOGUE[0].name == catalogue.DEFAULT
    for entry in catalogue.CATALOGUE:
        assert entry.architecture in PRESETS
        assert len(entry.sha256) == 64
        assert "fb_" not in entry.name
        assert catalogue.by_name(entry.repository) is entry
        assert catalogue.by_sha256(entry.sha256) is entry


def test_saved_names_are_torchvisions(small: keras.Model, tmp_path: Path) -> None:
    save_weights(tmp_path / "s.safetensors", small)
    state = load_file(tmp_path / "s.safetensors")
    assert state["conv1.weight"].shape == (64, 3, 7, 7)
    assert state["layer1.0.conv2.weight"].shape == (16, 4, 3, 3)
    assert state["layer2.0.downsample.0.weight"].shape == (512, 256, 1, 1)
    assert state["fc.weight"].shape == (5, 2048)

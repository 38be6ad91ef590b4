"""The architecture: its numbers, its names, and taking it apart and putting it together again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from resnext_gui.engine.network import resnext
from resnext_gui.engine.network.layers import BatchNorm, GroupedConv2D
from resnext_gui.engine.network.names import stage_of
from resnext_gui.engine.network.resnext import (
    PRESETS,
    architecture_name,
    architecture_of,
    build_preset,
    build_resnext,
    inference_model,
    set_state,
    set_trainable_stages,
    state_of,
    with_new_head,
    without_head,
)
from resnext_gui.engine.weights.vetting import expected_shapes
from resnext_gui.messages import ARCHITECTURES

SMALL: dict[str, Any] = {"blocks": (1, 1, 1, 1), "cardinality": 4, "base_width": 4}
PIXELS = np.random.default_rng(0).normal(size=(2, 37, 44, 3)).astype("float32")


@pytest.fixture(autouse=True)
def usual_policy() -> Iterator[None]:
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


def shaken(model: keras.Model) -> keras.Model:
    """Give every variable a value of its own, so that nothing cancels by luck."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, BatchNorm):
            values = [rng.uniform(0.5, 1.5, w.shape) for w in layer.weights]
            layer.set_weights(values)
    return model


@pytest.fixture(scope="module")
def small() -> keras.Model:
    keras.utils.set_random_seed(0)
    return shaken(build_resnext(**SMALL, classes=7))


def run(model: keras.Model, pixels: np.ndarray = PIXELS) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(pixels, training=False)))


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("resnext50_32x4d", 25_028_904),
        ("resnext101_32x8d", 88_791_336),
        ("resnext101_64x4d", 83_455_272),
        ("resnext101_32x4d", 44_177_704),
    ],
)
def test_presets_have_the_papers_parameters(preset: str, parameters: int) -> None:
    architecture = {**PRESETS[preset], "stem": 64, "include_top": True, "classes": 1000}
    shapes = expected_shapes(architecture)
    assert sum(int(np.prod(s)) for name, s in shapes.items() if "running" not in name) == parameters


def test_built_network_has_exactly_the_expected_tensors() -> None:
    model = build_preset("resnext26_16x4d")
    shapes = expected_shapes(architecture_of(model))
    assert {name: value.shape for name, value in state_of(model).items()} == shapes
    assert model.count_params() == sum(int(np.prod(shape)) for shape in shapes.values())


@pytest.mark.parametrize(
    "odd",
    [
        {"blocks": (1, 2), "cardinality": 3, "base_width": 5, "stem": 10, "classes": 2},
        {"blocks": (1,), "cardinality": 1, "base_width": 64, "stem": 256, "classes": 3},
        {"blocks": (2, 1, 1), "cardinality": 8, "base_width": 2, "classes": 5, "head": "hidden", "pooling": "max"},
        {"blocks": (1, 1), "cardinality": 2, "base_width": 4, "include_top": False, "input_norm": True},
    ],
    ids=str,
)
def test_odd_architectures_are_recognised_from_the_network_alone(odd: dict[str, Any]) -> None:
    model = build_resnext(**odd)
    found = architecture_of(model)
    assert {key: found[key] for key in odd} == {k: list(v) if k == "blocks" else v for k, v in odd.items()}
    assert architecture_of(build_resnext(**found)) == found
    assert run(model).dtype == "float32"
    assert {name: v.shape for name, v in state_of(model).items()} == expected_shapes(found)


def test_names_of_architectures() -> None:
    assert architecture_name(PRESETS["resnext50_32x4d"]) == "ResNeXt-50 32x4d"
    assert architecture_name(PRESETS["resnext26_16x4d"]) == "ResNeXt-26 16x4d"
    assert architecture_name({"blocks": (3, 4, 6, 3), "cardinality": 1, "base_width": 64}) == "ResNet-50"


@pytest.mark.parametrize(
    "wrong", [{"blocks": ()}, {"blocks": (1, 0)}, {"cardinality": 0}, {"head": "deep"}, {"pooling": "none"}]
)
def test_impossible_networks_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Received"):
        build_resnext(**{**SMALL, **wrong})
    with pytest.raises(ValueError, match="unknown preset"):
        build_preset("resnext9000")


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_follows_the_policy_and_answers_in_float32(small: keras.Model, precision: str) -> None:
    keras.config.set_dtype_policy(f"mixed_{precision}")
    half = build_resnext(**SMALL, classes=7)
    half.set_weights(small.get_weights())
    assert half.get_layer("layer1_0_conv2").compute_dtype == precision
    assert {w.dtype for w in half.weights} == {"float32"}
    answers, want = run(half), run(small)
    assert answers.dtype == "float32"
    assert np.abs(answers - want).max() < 0.1 * np.abs(want).max()


def test_any_size_and_a_batch_of_one(small: keras.Model) -> None:
    whole = run(small)
    np.testing.assert_allclose(run(small, PIXELS[:1]), whole[:1], atol=1e-4)
    assert run(small, np.zeros((1, 32, 65, 3), "float32")).shape == (1, 7)


def test_folded_network_answers_the_same(small: keras.Model) -> None:
    folded = inference_model(small)
    want = run(small)
    assert np.abs(run(folded) - want).max() <= 1e-5 * np.abs(want).max()
    assert not any(isinstance(layer, BatchNorm) for layer in folded.layers)
    assert not folded.trainable_weights
    assert inference_model(folded) is folded
    keras.utils.set_random_seed(1)
    for options in ({"include_top": False, "input_norm": True}, {"head": "hidden", "stem": 16, "pooling": "max"}):
        model = shaken(build_resnext(**SMALL, **options))
        want = run(model)
        assert np.abs(run(inference_model(model)) - want).max() <= 1e-5 * np.abs(want).max()


def test_new_head_shares_the_body_and_takes_fitted_weights(small: keras.Model) -> None:
    kernel, bias = np.full((2048, 3), 0.25, "float32"), np.array([1, 2, 3], "float32")
    made = with_new_head(small, 3, weights=(kernel, bias))
    features = run(without_head(small))
    assert features.shape == (2, 2048)
    np.testing.assert_allclose(run(made), features @ kernel + bias, rtol=1e-5)
    assert made.get_layer("layer4_0_conv2") is small.get_layer("layer4_0_conv2")
    first, second = (with_new_head(small, 3, "hidden", seed=5) for _ in range(2))
    np.testing.assert_array_equal(run(first), run(second))
    with pytest.raises(ValueError, match="linear head"):
        with_new_head(small, 3, "hidden", weights=(kernel, bias))
    assert without_head(without_head(small)) is not None


def test_stages_are_counted_from_the_stem(small: keras.Model) -> None:
    places = {"conv1": 0, "bn1": 0, "layer1_0_conv1": 1, "layer4_0_bn3": 4, "fc": 5, "fc1/kernel": 5}
    assert {name: stage_of(name) for name in places} == places
    assert stage_of(small.get_layer("layer2_0_downsample_0").kernel) == 2
    with pytest.raises(ValueError, match="Received"):
        stage_of("dense_3")


@pytest.mark.parametrize("frozen", [0, 3, 5])
def test_frozen_stages_neither_learn_nor_move_their_statistics(small: keras.Model, frozen: int) -> None:
    model = build_resnext(**SMALL, classes=7)
    model.set_weights(small.get_weights())
    set_trainable_stages(model, frozen, frozen_statistics=False)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    before = state_of(model)
    model.train_on_batch(PIXELS, np.array([1, 2]))
    changed = {name for name, value in state_of(model).items() if not np.array_equal(value, before[name])}
    assert {stage_of(name.replace(".", "_")) for name in changed} == set(range(frozen, 6))
    assert any("running_var" in name for name in changed) == (frozen < 5)


def test_statistics_can_stay_while_all_learn(small: keras.Model) -> None:
    model = build_resnext(**SMALL, classes=7)
    model.set_weights(small.get_weights())
    set_trainable_stages(model, 0, frozen_statistics=True)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    before = state_of(model)
    model.train_on_batch(PIXELS, np.array([1, 2]))
    after = state_of(model)
    for name, value in before.items():
        assert np.array_equal(after[name], value) == ("running" in name), name
    with pytest.raises(ValueError, match="Received: 6"):
        set_trainable_stages(model, 6, True)


def test_keras_file_comes_back_in_safe_mode(small: keras.Model, tmp_path: Path) -> None:
    set_trainable_stages(small, 2, frozen_statistics=True)
    try:
        small.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True, compile=False)
    finally:
        set_trainable_stages(small, 0, frozen_statistics=False)
    np.testing.assert_array_equal(run(again), run(small))
    assert architecture_of(again) == architecture_of(small)
    assert again.get_layer("layer3_0_bn1").frozen_statistics
    assert not again.get_layer("layer1_0_conv1").trainable
    assert "Lambda" not in {type(layer).__name__ for layer in again.layers}


def test_state_goes_around_unchanged(small: keras.Model) -> None:
    other = build_resnext(**SMALL, classes=7)
    set_state(other, state_of(small))
    np.testing.assert_array_equal(run(other), run(small))
    state = state_of(small)
    state["fc.weight"] = state["fc.weight"].T
    with pytest.raises(ValueError, match=r"fc\.weight does not fit"):
        set_state(other, state)


def test_grouped_layers_are_grouped(small: keras.Model) -> None:
    layer = small.get_layer("layer3_0_conv2")
    assert isinstance(layer, GroupedConv2D)
    assert (layer.groups, layer.strides, layer.kernel.shape) == (4, 2, (3, 3, 16, 64))


TWO_DEVICES = """
import json, sys
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from resnext_gui.engine.device import backend
from resnext_gui.engine.network.resnext import build_resnext, set_trainable_stages

class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        return rng.normal(size=(8, 32, 32, 3)).astype("float32"), rng.integers(0, 3, 8)

def curve(devices):
    with backend.strategy_scope(devices):
        keras.utils.set_random_seed(0)
        model = build_resnext((1, 1), 4, 4, classes=3, input_shape=(32, 32, 3))
        set_trainable_stages(model, 0, frozen_statistics=True)
        model.compile(keras.optimizers.SGD(0.02, momentum=0.9),
                      keras.losses.SparseCategoricalCrossentropy(from_logits=True), **backend.compile_options())
    return model.fit(Batches(), epochs=3, shuffle=False, verbose=0).history["loss"]

json.dump({"one": curve(None), "two": curve(["CPU:0", "CPU:1"])}, sys.stdout)
"""


def test_two_devices_give_the_loss_curve_of_one() -> None:
    pytest.importorskip("tensorflow")
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        env={**os.environ, "PYTHONPATH": str(Path(resnext.__file__).parents[3]), "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    curves = json.loads(done.stdout[done.stdout.index("{") :])
    np.testing.assert_allclose(curves["two"], curves["one"], rtol=1e-3)
    assert curves["one"][-1] < curves["one"][0]


def test_the_architectures_on_offer_are_those_that_can_be_built() -> None:
    assert set(ARCHITECTURES) == set(PRESETS)


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float64"])
def test_short_and_long_variables_too(small: keras.Model, precision: str) -> None:
    """Policies that are not mixed: kernels in the short type, normalisations in float32 all the same."""
    keras.config.set_dtype_policy(precision)
    model = build_resnext(**SMALL, classes=7)
    model.set_weights(small.get_weights())
    assert model.get_layer("layer1_0_conv2").kernel.dtype == precision
    assert model.get_layer("bn1").gamma.dtype == "float32"
    want = run(small)
    for answers in (run(model), model.predict(PIXELS, verbose=0), run(inference_model(model))):
        assert answers.dtype == "float32"
        assert np.abs(answers - want).max() < 0.1 * np.abs(want).max()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    assert np.isfinite(model.train_on_batch(PIXELS[:1], np.array([1])))


OUTSIDE = """
import sys
import numpy as np
from resnext_gui.engine import build_resnext, inference_model, load_checkpoint, load_pixels, CheckpointError
import keras

path, pixels, answers = sys.argv[1], np.load(sys.argv[2]), np.load(sys.argv[3])
for model in (keras.saving.load_model(path, safe_mode=True), load_checkpoint(path).model):
    for found in (model(pixels, training=False), model.predict(pixels, verbose=0), inference_model(model)(pixels)):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), answers, rtol=1e-3, atol=1e-4)
try:
    load_checkpoint(sys.argv[2])
except CheckpointError as error:
    print(error.code)
"""


@pytest.mark.parametrize("onednn", ["1", "0"])
def test_a_script_outside_has_its_model_back(onednn: str, small: keras.Model, tmp_path: Path) -> None:
    """Only the public names, a fresh process, a batch of one."""
    small.save(tmp_path / "model.keras")
    np.save(tmp_path / "pixels.npy", PIXELS[:1])
    np.save(tmp_path / "answers.npy", run(small, PIXELS[:1]))
    (tmp_path / "script.py").write_text(OUTSIDE)
    done = subprocess.run(
        [sys.executable, "script.py", "model.keras", "pixels.npy", "answers.npy"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(resnext.__file__).parents[3]),
            "KERAS_BACKEND": "tensorflow",
            "TF_ENABLE_ONEDNN_OPTS": onednn,
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["bad_checkpoint"]

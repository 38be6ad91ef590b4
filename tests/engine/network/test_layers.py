"""The grouped convolution against its definition written in NumPy, and the fused normalisation against its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from resnext_gui.engine.network import convolution, layers
from resnext_gui.engine.network.layers import FORMS, After, BatchNorm, GroupedConv2D, PaddedMaxPool, force_form

tf: Any = pytest.importorskip("tensorflow", reason="these tests follow TensorFlow's gradients")

PRECISIONS = ("float32", "bfloat16", "float16")
# Of the largest value; bfloat16 has eight bits, of which sums over hundreds of products lose some.
TOLERANCE = {"float32": 1e-5, "bfloat16": 3e-2, "float16": 5e-3}

# (batch, height, width, channels, filters, groups, kernel, strides, padding)
SHAPES = [
    (2, 8, 8, 16, 16, 4, 3, 1, 1),
    (1, 7, 9, 16, 32, 4, 3, 2, 1),
    (1, 8, 8, 12, 12, 3, 3, 2, 1),
    (3, 1, 1, 8, 8, 8, 3, 1, 1),
    (1, 2, 3, 10, 20, 5, 3, 2, 1),
    (2, 5, 5, 64, 64, 32, 3, 1, 1),
    (2, 9, 6, 8, 16, 2, 5, 3, 2),
    (2, 6, 6, 8, 8, 2, 1, 2, 0),
    (1, 11, 11, 3, 8, 1, 7, 2, 3),
]


def definition(x: np.ndarray, kernel: np.ndarray, groups: int, strides: int, padding: int) -> np.ndarray:
    """Compute the sum in the paper's figure 3(c) by loops over output positions and groups."""
    size, _, depth, filters = kernel.shape
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows, columns = ((side - size) // strides + 1 for side in x.shape[1:3])
    y = np.zeros((len(x), rows, columns, filters))
    share = filters // groups
    for row in range(rows):
        for column in range(columns):
            top, left = row * strides, column * strides
            window = x[:, top : top + size, left : left + size]
            for group in range(groups):
                seen = window[..., group * depth : (group + 1) * depth]
                weights = kernel[..., group * share : (group + 1) * share]
                y[:, row, column, group * share : (group + 1) * share] = np.tensordot(seen, weights, 3)
    return y


def problem(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    batch, height, width, channels, filters, groups, size, *_ = shape
    rng = np.random.default_rng(sum(shape))
    x = rng.normal(size=(batch, height, width, channels)).astype("float32")
    kernel = rng.normal(size=(size, size, channels // groups, filters)).astype("float32") / size
    return x, kernel


def made(shape: tuple[int, ...], kernel: np.ndarray, policy: str) -> GroupedConv2D:
    layer = GroupedConv2D(shape[4], shape[6], shape[7], shape[8], shape[5], dtype=policy)
    layer.build((None, None, None, shape[3]))
    layer.kernel.assign(kernel)
    return layer


def close(got: Any, want: np.ndarray, precision: str) -> None:
    got = np.asarray(ops.convert_to_numpy(ops.cast(got, "float32")))
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= TOLERANCE[precision] * max(np.abs(want).max(), 1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_grouped_convolution_is_what_the_paper_defines(shape: tuple[int, ...]) -> None:
    x, kernel = problem(shape)
    want = definition(x, kernel, shape[5], shape[7], shape[8])
    for precision in PRECISIONS:
        layer = made(shape, kernel, precision if precision == "float32" else f"mixed_{precision}")
        close(layer(x), want, precision)
        close(tf.function(layer)(x), want, precision)
        assert layer.compute_output_shape(x.shape) == want.shape


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_sum_forward_and_backward(form: str) -> None:
    shape = (2, 7, 6, 24, 24, 6, 3, 2, 1)
    x, kernel = problem(shape)
    layer = made(shape, kernel, "float32")
    weights = np.random.default_rng(1).normal(size=(2, 4, 3, 24)).astype("float32")

    def gradients(form: str) -> tuple[Any, Any, Any]:
        with force_form(form), tf.GradientTape() as tape:
            pixels = tf.constant(x)
            tape.watch(pixels)
            y = layer(pixels)
            total = tf.reduce_sum(y * weights)
        return (y, *tape.gradient(total, [pixels, layer.kernel.value]))

    got, want = gradients(form), gradients("split")
    close(got[0], definition(x, kernel, 6, 2, 1), "float32")
    for mine, theirs in zip(got[1:], want[1:], strict=True):
        close(mine, theirs.numpy(), "float32")


@pytest.mark.parametrize("wide", [False, True])
def test_narrow_groups_are_right_in_half_precision_and_by_way_of_float32(
    wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(convolution._by_float32, (3, 4, "bfloat16"), wide)
    x, kernel = problem((2, 7, 6, 24, 24, 6, 3, 2, 1))
    want = definition(x, kernel, 6, 2, 1)
    v = np.random.default_rng(1).normal(size=want.shape).astype("float32")

    def gradients(layer: GroupedConv2D) -> list[Any]:
        pixels = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            y = layer(pixels)
            assert y.dtype == layer.compute_dtype
            total = tf.reduce_sum(tf.cast(y, "float32") * v)
        return [y, *tape.gradient(total, [pixels, layer.kernel.value])]

    exact, got = (gradients(made((2, 7, 6, 24, 24, 6, 3, 2, 1), kernel, p)) for p in ("float32", "mixed_bfloat16"))
    for mine, theirs in zip(got, exact, strict=True):
        close(mine, theirs.numpy(), "bfloat16")
    biased = GroupedConv2D(24, 3, 2, 1, 6, use_bias=True, activation="relu", dtype="mixed_bfloat16")
    biased.build((None, None, None, 24))
    biased.set_weights([kernel, np.linspace(-1, 1, 24, dtype="float32")])
    close(biased(x), np.maximum(want + np.linspace(-1, 1, 24), 0), "bfloat16")


@pytest.mark.parametrize("by_float32", [False, True])
@pytest.mark.parametrize("sides", [(3, 3), (14, 14), (20, 20)], ids=str)
def test_wide_pointwise_convolutions_are_right_in_half_precision_and_by_way_of_float32(
    sides: tuple[int, int], by_float32: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(convolution._by_float32, (1, 256, "bfloat16"), by_float32)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *sides, 256)).astype("float32")
    kernel = (rng.normal(size=(1, 1, 256, 264)) / 16).astype("float32")
    v = rng.normal(size=(2, *sides, 264)).astype("float32")

    def seen(precision: str) -> list[Any]:
        layer = GroupedConv2D(264, 1, dtype=precision)
        layer.build(x.shape)
        layer.set_weights([kernel])
        pixels = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            y = layer(pixels)
            total = tf.reduce_sum(tf.cast(y, "float32") * v)
        assert y.dtype == layer.compute_dtype
        return [y, *tape.gradient(total, [pixels, layer.kernel.value])]

    for mine, theirs in zip(seen("mixed_bfloat16"), seen("float32"), strict=True):
        close(mine, theirs.numpy(), "bfloat16")
    for activation in (None, "relu"):
        biased = GroupedConv2D(264, 1, use_bias=True, activation=activation, dtype="mixed_bfloat16")
        biased.build(x.shape)
        bias = np.linspace(-1, 1, 264, dtype="float32")
        biased.set_weights([kernel, bias])
        want = x @ kernel[0, 0] + bias
        close(biased(x), np.maximum(want, 0) if activation else want, "bfloat16")
        assert biased(x).dtype == "bfloat16"


def test_float32_is_only_timed_where_it_may_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, str]] = []
    monkeypatch.setattr(convolution, "_by_float32", {})
    monkeypatch.setattr(convolution, "_float32_wins", lambda *key: bool(asked.append(key)) or True)

    def ask(*shape: int, dtype: str = "bfloat16") -> bool:
        return convolution.better_in_float32(tf.zeros(shape, dtype))

    assert not ask(1, 1, 512, 512, dtype="float32")
    assert not ask(1, 1, 128, 2048)
    assert not ask(3, 3, 32, 128)
    assert not asked
    assert ask(1, 1, 256, 2048)
    assert ask(1, 1, 1024, 512)
    assert ask(3, 3, 4, 128)
    assert ask(1, 1, 256, 256)  # known by now
    assert asked == [(1, 256, "bfloat16"), (1, 512, "bfloat16"), (3, 4, "bfloat16")]


def test_one_thing_after_another_changes_no_number() -> None:
    x = tf.random.normal((2, 5, 5, 3))
    pixels = keras.Input((5, 5, 3))
    model = keras.Model(pixels, After(name="order")([pixels, keras.layers.ReLU()(pixels)]))
    assert model.output_shape == (None, 5, 5, 3)
    np.testing.assert_array_equal(model(x), x)
    np.testing.assert_array_equal(model.predict_on_batch(x), x)
    graph = tf.function(lambda x: convolution.after(x, tf.exp(x, name="first"))).get_concrete_function(x).graph
    waiting = next(op for op in graph.get_operations() if op.control_inputs and op.type == "Identity")
    (awaited,) = waiting.control_inputs
    while awaited.type != "Exp":
        awaited = awaited.inputs[0].op
    assert awaited.name == "first"


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES[:6], ids=str)
def test_gradient_agrees_with_one_written_by_hand(shape: tuple[int, ...], precision: str) -> None:
    """The gradient of sum(y * v) by the kernel at one element is the sum over what that element multiplies."""
    x, kernel = problem(shape)
    layer = made(shape, kernel, precision if precision == "float32" else f"mixed_{precision}")
    groups, strides, padding = shape[5], shape[7], shape[8]
    v = np.random.default_rng(2).normal(size=layer.compute_output_shape(x.shape)).astype("float32")

    @tf.function
    def traced(pixels: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            total = tf.reduce_sum(tf.cast(layer(pixels), "float32") * v)
        return tape.gradient(total, [pixels, layer.kernel.value])

    by_pixels, by_kernel = traced(tf.constant(x))
    rng = np.random.default_rng(3)
    scale = float(np.abs(by_kernel).max()), float(np.abs(by_pixels).max())
    for _ in range(4):
        place = tuple(rng.integers(0, side) for side in kernel.shape)
        unit = np.zeros_like(kernel)
        unit[place] = 1
        want = float((definition(x, unit, groups, strides, padding) * v).sum())
        assert abs(float(by_kernel[place]) - want) <= TOLERANCE[precision] * 4 * scale[0]
        place = tuple(rng.integers(0, side) for side in x.shape)
        unit = np.zeros_like(x)
        unit[place] = 1
        want = float((definition(unit, kernel, groups, strides, padding) * v).sum())
        assert abs(float(by_pixels[place]) - want) <= TOLERANCE[precision] * 4 * scale[1]


@pytest.mark.parametrize(
    "wrong",
    [{"filters": 6, "groups": 4}, {"filters": 0}, {"filters": 4, "strides": 0}, {"filters": 4, "padding": -1}],
)
def test_impossible_convolutions_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Received"):
        GroupedConv2D(**wrong)


def test_channels_must_share_out() -> None:
    with pytest.raises(ValueError, match="groups=4"):
        GroupedConv2D(8, groups=4).build((None, None, None, 6))


def test_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: 'fast'"), force_form("fast"):
        pass


def norm_by_hand(x: np.ndarray, layer: BatchNorm, training: bool) -> np.ndarray:
    gamma, beta, mean, variance = (np.asarray(v) for v in layer.get_weights())
    if training:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


def some_norm(policy: str = "float32", **options: Any) -> BatchNorm:
    layer = BatchNorm(dtype=policy, **options)
    layer.build((None, None, None, 6))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.5, 2, 6), rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 2, 6)])
    return layer


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", [(4, 5, 3, 6), (1, 7, 7, 6), (8, 1, 1, 6)], ids=str)
def test_normalisation_and_its_averages(precision: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(1.0, 2.0, size=shape).astype("float32")
    for run in (lambda f: f, tf.function):
        layer = some_norm(precision if precision == "float32" else f"mixed_{precision}")
        before = [np.array(w) for w in layer.get_weights()]
        close(run(lambda a, layer=layer: layer(a, training=False))(x), norm_by_hand(x, layer, False), precision)
        close(run(lambda a, layer=layer: layer(a, training=True))(x), norm_by_hand(x, layer, True), precision)
        count = x[..., 0].size
        # The averages take the unbiased variance, as PyTorch's do.
        unbiased = x.var((0, 1, 2)) * count / (count - 1)
        after = layer.get_weights()
        loose = 1e-5 if precision == "float32" else 2e-2
        np.testing.assert_allclose(after[2], 0.9 * before[2] + 0.1 * x.mean((0, 1, 2)), rtol=loose, atol=loose)
        np.testing.assert_allclose(after[3], 0.9 * before[3] + 0.1 * unbiased, rtol=loose, atol=loose)
        assert {w.dtype for w in layer.weights} == {"float32"}


@pytest.mark.parametrize("how", ["frozen_statistics", "trainable"])
def test_frozen_statistics_stay_and_are_used(how: str) -> None:
    layer = some_norm(frozen_statistics=how == "frozen_statistics")
    layer.trainable = how != "trainable"
    before = layer.get_weights()
    x = np.random.default_rng(1).normal(size=(4, 3, 3, 6)).astype("float32")
    close(layer(x, training=True), norm_by_hand(x, layer, False), "float32")
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert len(layer.trainable_weights) == (2 if how == "frozen_statistics" else 0)


@pytest.mark.parametrize("frozen", [False, True])
def test_fused_normalisation_has_the_gradient_of_keras_own(frozen: bool) -> None:
    x = tf.constant(np.random.default_rng(1).normal(size=(3, 4, 4, 6)).astype("float32"))
    v = np.random.default_rng(2).normal(size=(3, 4, 4, 6)).astype("float32")
    ours = some_norm(frozen_statistics=frozen)
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    theirs.build((None, None, None, 6))
    theirs.set_weights(ours.get_weights())

    def gradients(layer: Any, training: bool) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x, training=training) * v)
        return list(tape.gradient(total, [x, layer.gamma.value, layer.beta.value]))

    for mine, reference in zip(gradients(ours, True), gradients(theirs, not frozen), strict=True):
        np.testing.assert_allclose(mine, reference, atol=2e-5)


def test_layers_come_back_from_their_description() -> None:
    convolution = GroupedConv2D(8, 5, 2, 2, 4, use_bias=True, activation="relu", name="c")
    norm = BatchNorm(frozen_statistics=True, epsilon=2e-5, name="n")
    for layer in (convolution, norm):
        again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
        assert again.get_config() == layer.get_config()


def test_pooling_is_the_largest_of_each_window_with_zeros_around() -> None:
    x = np.abs(np.random.default_rng(0).normal(size=(2, 7, 6, 3))).astype("float32")
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
    layer = PaddedMaxPool(3, 2, 1)
    np.testing.assert_array_equal(layer(x), windows.max(axis=(-2, -1)))
    assert layer.compute_output_shape(x.shape) == (2, 4, 3, 3)
    assert layer.compute_output_shape((None, None, 6, 3)) == (None, None, 3, 3)
    assert PaddedMaxPool.from_config(layer.get_config()).get_config() == layer.get_config()


SCRIPT = """
import json, sys
import numpy as np
import keras
from resnext_gui.engine.network import layers
from resnext_gui.engine.network.resnext import build_resnext, inference_model
keras.utils.set_random_seed(0)
model = build_resnext((1, 1, 1, 1), 4, 4, classes=3)
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.2, w.shape) if "variance" not in w.path else rng.uniform(0.5, 2, w.shape)
                   for w in model.weights])
x = rng.normal(size=(4, 48, 40, 3)).astype("float32")
first = model.predict(x, verbose=0)
folded = inference_model(model).predict(x, verbose=0)
model.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              jit_compile=False)
losses = [float(model.train_on_batch(x, np.array([0, 1, 2, 0]))) for _ in range(4)]
forms = {d: layers.convolution_form(d) for d in ("float32", "bfloat16", "float16")}
norm = layers.BatchNorm(scale=False)
few = [keras.ops.convert_to_numpy(norm(x[:count, :1, :1], training=True)).ravel().tolist() for count in (1, 3)]
few.append([keras.ops.convert_to_numpy(v).tolist() for v in (norm.moving_mean, norm.moving_variance)])
found = {"logits": first.tolist(), "folded": folded.tolist(), "losses": losses, "forms": forms, "few": few}
json.dump(found, sys.stdout)
"""


def elsewhere(**environment: str) -> dict[str, Any]:
    """Run a small network, untrained and four steps later, in a process with this environment."""
    root = Path(layers.__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return found


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return elsewhere(KERAS_BACKEND="tensorflow")


def same(found: dict[str, Any], usual: dict[str, Any]) -> None:
    want = np.array(usual["logits"])
    for key in ("logits", "folded"):
        assert np.abs(np.array(found[key]) - want).max() <= 1e-4 * np.abs(want).max()
    np.testing.assert_allclose(found["losses"], usual["losses"], rtol=2e-3)
    for got, wanted in zip(found["few"], usual["few"], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_without_onednn_a_form_is_found_that_trains_alike(usual: dict[str, Any]) -> None:
    found = elsewhere(KERAS_BACKEND="tensorflow", TF_ENABLE_ONEDNN_OPTS="0")
    assert set(found["forms"].values()) <= {"plain", "blocks", "split", "wide"}
    same(found, usual)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends_give_the_same_numbers(usual: dict[str, Any], backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    found = elsewhere(KERAS_BACKEND=backend)
    assert set(found["forms"].values()) == {"native"}
    same(found, usual)

"""The two older Keras layouts, from networks built as their authors built them, in all three kinds of HDF5 file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.src.legacy.saving import legacy_h5_format

from resnext_gui.engine.weights.load import CheckpointError, load_checkpoint

h5py: Any = pytest.importorskip("h5py")


class SumPaths(layers.Layer):
    """Adds up what a depthwise convolution made of each group's channels, as keras-applications' network does."""

    def __init__(self, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, x: Any) -> Any:
        deep = round((x.shape[-1] // self.groups) ** 0.5)
        rows, columns = ops.shape(x)[1:3]
        x = ops.reshape(x, (-1, rows, columns, self.groups, deep, deep))
        return ops.reshape(ops.sum(x, axis=-2), (-1, rows, columns, self.groups * deep))

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:3], self.groups * round((shape[-1] // self.groups) ** 0.5))


def applications(blocks: tuple[int, ...], groups: int, width: int, classes: int, gconv: bool) -> keras.Model:
    """Build what keras-applications builds, for any number of blocks."""

    def norm(x: Any, name: str) -> Any:
        return layers.BatchNormalization(epsilon=1.001e-5, name=name)(x)

    def block(x: Any, planes: int, stride: int, shortcut: bool, name: str) -> Any:
        filters = planes // 64 * width * groups
        around = x
        if shortcut:
            around = layers.Conv2D(planes * 4, 1, strides=stride, use_bias=False, name=name + "_0_conv")(x)
            around = norm(around, name + "_0_bn")
        y = layers.ReLU()(norm(layers.Conv2D(filters, 1, use_bias=False, name=name + "_1_conv")(x), name + "_1_bn"))
        deep = filters // groups
        y = layers.DepthwiseConv2D(3, strides=stride, depth_multiplier=deep, use_bias=False, name=name + "_2_conv")(
            layers.ZeroPadding2D(1)(y)
        )
        if gconv:
            kernel = np.zeros((1, 1, filters * deep, filters), "float32")
            for i in range(filters):
                start = (i // deep) * deep * deep + i % deep
                kernel[:, :, start : start + deep * deep : deep, i] = 1
            constant = keras.initializers.Constant(kernel)
            y = layers.Conv2D(
                filters, 1, use_bias=False, trainable=False, kernel_initializer=constant, name=name + "_2_gconv"
            )(y)
        else:
            y = SumPaths(groups)(y)
        y = layers.ReLU()(norm(y, name + "_2_bn"))
        y = norm(layers.Conv2D(planes * 4, 1, use_bias=False, name=name + "_3_conv")(y), name + "_3_bn")
        return layers.ReLU()(layers.Add()([around, y]))

    pixels = keras.Input((None, None, 3))
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(layers.ZeroPadding2D(3)(pixels))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.ReLU()(norm(x, "conv1_bn"))))
    for stage, count in enumerate(blocks):
        for index in range(count):
            stride = 2 if stage and not index else 1
            x = block(x, 64 * 2**stage, stride, not index, f"conv{stage + 2}_block{index + 1}")
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, layers.Dense(classes, "softmax", name="probs")(x) if classes else x)


def classifiers(blocks: tuple[int, ...], groups: int, filters: int, classes: int) -> keras.Model:
    """Build what image-classifiers builds, for any number of blocks."""

    def norm(x: Any, name: str, **options: Any) -> Any:
        return layers.BatchNormalization(momentum=0.99, epsilon=2e-5, name=name, **options)(x)

    def grouped(x: Any, filters: int, stride: int) -> Any:
        width = x.shape[-1] // groups
        parts = [x[..., g * width : (g + 1) * width] for g in range(groups)]
        convs = [layers.Conv2D(filters // groups, 3, strides=stride, use_bias=False)(part) for part in parts]
        return layers.Concatenate()(convs)

    pixels = keras.Input((None, None, 3), name="data")
    x = layers.ZeroPadding2D(3)(norm(pixels, "bn_data", scale=False))
    x = norm(layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv0")(x), "bn0")
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.ReLU()(x)))
    for stage, count in enumerate(blocks):
        for index in range(count):
            width, name = filters * 2**stage, f"stage{stage + 1}_unit{index + 1}_"
            wide, stride = 256 * 2**stage, 2 if stage and not index else 1
            y = layers.ReLU()(norm(layers.Conv2D(width, 1, use_bias=False, name=name + "conv1")(x), name + "bn1"))
            y = layers.ReLU()(norm(grouped(layers.ZeroPadding2D(1)(y), width, stride), name + "bn2"))
            y = norm(layers.Conv2D(wide, 1, use_bias=False, name=name + "conv3")(y), name + "bn3")
            if not index:
                x = layers.Conv2D(wide, 1, strides=stride, use_bias=False, name=name + "sc")(x)
                x = norm(x, name + "sc_bn")
            x = layers.ReLU()(layers.Add()([y, x]))
    x = layers.Dense(classes, name="fc1")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(pixels, layers.Activation("softmax")(x))


def shaken(model: keras.Model) -> keras.Model:
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.3, 1.5, w.shape) for w in layer.weights])
            if layer.name == "bn_data":
                layer.set_weights([rng.normal(size=3), rng.uniform(90, 130, 3), rng.uniform(2000, 5000, 3)])
    return model


def save_legacy(model: keras.Model, path: Path) -> None:
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def save_whole(model: keras.Model, path: Path) -> None:
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file.create_group("model_weights"), model)


WAYS: dict[str, tuple[Callable[[keras.Model, Path], Any], str]] = {
    "weights": (save_legacy, "a.h5"),
    "whole model": (save_whole, "a.h5"),
    "keras 3": (lambda model, path: model.save_weights(path), "a.weights.h5"),
}


def same_answers(path: Path, model: keras.Model, pixels: np.ndarray) -> Any:
    found = load_checkpoint(path)
    got = ops.convert_to_numpy(found.model(pixels, training=False))
    if found.report.classes:
        got = ops.convert_to_numpy(ops.softmax(got))
    want = ops.convert_to_numpy(model(pixels, training=False))
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("blocks", "groups", "width", "classes", "gconv"),
    [((1, 2), 4, 4, 5, True), ((2, 1, 1), 8, 2, 3, False), ((1, 1), 4, 8, 0, False)],
)
def test_keras_applications(
    blocks: tuple[int, ...], groups: int, width: int, classes: int, gconv: bool, way: str, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    model = shaken(applications(blocks, groups, width, classes, gconv))
    save, name = WAYS[way]
    save(model, tmp_path / name)
    found = same_answers(tmp_path / name, model, np.random.default_rng(0).normal(size=(2, 45, 40, 3)).astype("float32"))
    assert found.architecture["norm_epsilon"] == 1.001e-5
    assert (found.architecture["cardinality"], found.architecture["base_width"]) == (groups, width)
    assert found.report.layout == "keras-applications, HDF5"
    assert bool(found.report.ignored) == gconv


@pytest.mark.parametrize("way", WAYS)
def test_image_classifiers(way: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    model = shaken(classifiers((2, 1), groups=8, filters=32, classes=4))
    save, name = WAYS[way]
    save(model, tmp_path / name)
    pixels = np.random.default_rng(0).uniform(0, 255, size=(2, 45, 40, 3)).astype("float32")
    found = same_answers(tmp_path / name, model, pixels)
    assert found.architecture["norm_epsilon"] == 2e-5
    assert found.architecture["input_norm"]
    # Raw pixels: what the preprocessing makes of 0..255 is 0..255.
    prep = found.preprocessing
    np.testing.assert_allclose((255 / 255 - np.array(prep.mean)) / np.array(prep.std), 255)


def test_faults_in_hdf5_are_refused(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = shaken(applications((1, 1), 4, 4, 3, gconv=False))
    path = tmp_path / "a.h5"
    save_legacy(model, path)
    data = path.read_bytes()
    for length in (9, 2000, len(data) // 2):
        (tmp_path / "cut.h5").write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=r"cut\.h5"):
            load_checkpoint(tmp_path / "cut.h5")
    model.get_layer("conv3_block1_2_bn").set_weights(
        [np.full(w.shape, np.nan) for w in model.get_layer("conv3_block1_2_bn").weights]
    )
    save_legacy(model, path)
    with pytest.raises(CheckpointError, match=r"layer2\.0\.bn2"):
        load_checkpoint(path)


def test_other_hdf5_files_are_refused(tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 3))
    save_legacy(keras.Model(pixels, layers.Conv2D(4, 3, name="block1_conv1")(pixels)), tmp_path / "vgg.h5")
    with pytest.raises(CheckpointError, match="block1_conv1"):
        load_checkpoint(tmp_path / "vgg.h5")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["table"] = np.zeros(4)
    with pytest.raises(CheckpointError, match="no Keras weights"):
        load_checkpoint(tmp_path / "data.h5")
    with h5py.File(tmp_path / "link.h5", "w") as file:
        (tmp_path / "secret").write_bytes(bytes(64))
        group = file.create_group("conv1_conv")
        group.create_dataset("kernel", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])
        group.attrs["weight_names"] = ["kernel"]
        file.attrs["layer_names"] = ["conv1_conv"]
    with pytest.raises(CheckpointError, match="no table of numbers"):
        load_checkpoint(tmp_path / "link.h5")

"""ResNeXt: residual networks whose bottlenecks are split into many narrow paths.

After Xie et al. 2017, "Aggregated Residual Transformations for Deep Neural Networks", arXiv:1611.05431, with the
conventions of torchvision, so that its weights fit exactly: explicit zero padding, the stride on the 3x3 convolution
and on the shortcut's projection, no bias in convolutions, batch normalisation with epsilon 1e-5.

A network is an ordinary functional Keras model.  Its layers are called as in torchvision, with underscores for dots
(``layer1_0_conv2`` is ``layer1.0.conv2``), which is what finds the weights, the stages and the head again after a
model was saved, loaded or rebuilt.  Stages are counted 0 for the stem, 1 to 4, and 5 for the head.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from resnext_gui.engine.network.layers import After, BatchNorm, GroupedConv2D, Join, PaddedMaxPool
from resnext_gui.engine.network.names import HEAD_STAGE, norm_after, stage_of, torch_name
from resnext_gui.engine.network.runtime import speed_up

EXPANSION = 4
"""A stage's output is this many times wider than its plain bottleneck."""

HIDDEN_UNITS = 1024
HIDDEN_DROPOUT = 0.3

PRESETS: dict[str, dict[str, Any]] = {
    "resnext26_16x4d": {"blocks": (2, 2, 2, 2), "cardinality": 16, "base_width": 4},
    "resnext50_32x4d": {"blocks": (3, 4, 6, 3), "cardinality": 32, "base_width": 4},
    "resnext101_32x4d": {"blocks": (3, 4, 23, 3), "cardinality": 32, "base_width": 4},
    "resnext101_32x8d": {"blocks": (3, 4, 23, 3), "cardinality": 32, "base_width": 8},
    "resnext101_64x4d": {"blocks": (3, 4, 23, 3), "cardinality": 64, "base_width": 4},
}
"""Names for common choices of `build_resnext`'s arguments."""


def build_preset(name: str, **options: Any) -> keras.Model:
    """Build the network called `name` (see `PRESETS`); `options` go to `build_resnext` and win.

    Raises:
        ValueError: there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset. Expected one of {tuple(PRESETS)}. Received: {name!r}")
    return build_resnext(**{"name": name, **PRESETS[name], **options})


def build_resnext(
    blocks: Sequence[int] = (3, 4, 6, 3),
    cardinality: int = 32,
    base_width: int = 4,
    classes: int = 1000,
    include_top: bool = True,
    head: str = "linear",
    stem: int = 64,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    pooling: str = "avg",
    name: str | None = None,
    norm_epsilon: float = 1e-5,
    input_norm: bool = False,
) -> keras.Model:
    """Build a ResNeXt with random weights, under the global dtype policy.

    The network of Xie et al. 2017, "Aggregated Residual Transformations for Deep Neural Networks", arXiv:1611.05431,
    as torchvision builds it.  Keras' ``save`` writes it as ``.keras``; `keras.saving.load_model` reads that, in safe
    mode, in a process that has imported `build_resnext` (which makes its layers known to Keras), and `load_checkpoint`
    in any.

    Args:
        blocks: bottlenecks in each stage; one to six stages, four in the paper.
        cardinality: paths in each bottleneck; 1 makes a plain ResNet.
        base_width: channels of one path in the first stage; doubles with each stage.
        classes: logits of the head.
        include_top: whether there is a head; without one the output is the pooled features.
        head: ``"linear"``, or ``"hidden"`` for one hidden layer of 1024 units with dropout.
        stem: channels of the first convolution.
        input_shape: (height, width, channels); height and width may be None, and need at least 32 pixels to make sense.
        pooling: ``"avg"`` or ``"max"`` over the last stage's positions.
        name: the model's name.
        norm_epsilon: added to the variance in batch normalisation.
        input_norm: begin with a batch normalisation of the pixels without scale, as image-classifiers' networks do.

    Returns:
        A model from preprocessed pixels (batch, height, width, channels) to float32 logits (batch, classes), or,
        without top, to float32 features (batch, 256 * 2 ** (len(blocks) - 1)).

    Raises:
        ValueError: a number is out of range, or `head` or `pooling` is unknown.
    """
    blocks = tuple(int(count) for count in blocks)
    if not 1 <= len(blocks) <= 6 or min((*blocks, cardinality, base_width, classes, stem)) < 1:
        raise ValueError(
            "blocks needs one to six entries, and all numbers must be positive. Received: "
            f"blocks={blocks}, cardinality={cardinality}, base_width={base_width}, classes={classes}, stem={stem}"
        )
    if head not in ("linear", "hidden") or pooling not in ("avg", "max"):
        raise ValueError(
            f"head must be 'linear' or 'hidden', pooling 'avg' or 'max'. Received: head={head!r}, pooling={pooling!r}"
        )
    body: dict[str, Any] = {"blocks": blocks, "cardinality": cardinality, "base_width": base_width, "stem": stem}
    shape = (input_shape[0], input_shape[1], input_shape[2])
    pixels, features = _body(shape, pooling, norm_epsilon, input_norm, folded=False, **body)
    outputs = _head(features, classes, head) if include_top else features
    return keras.Model(pixels, outputs, name=name)


def _body(
    shape: tuple[int | None, int | None, int],
    pooling: str,
    epsilon: float,
    input_norm: bool,
    folded: bool,
    *,
    blocks: Sequence[int],
    cardinality: int,
    base_width: int,
    stem: int,
) -> tuple[Any, Any]:
    """Return the symbolic pixels and the pooled features; `folded` gives biases instead of normalisations."""

    def convolution(x: Any, name: str, norm: str, filters: int, size: int, relu: str = "", **options: Any) -> Any:
        if folded:
            activation = "relu" if relu else None
            return GroupedConv2D(filters, size, use_bias=True, activation=activation, name=name, **options)(x)
        x = GroupedConv2D(filters, size, name=name, **options)(x)
        x = BatchNorm(epsilon=epsilon, name=norm, dtype=_norm_policy())(x)
        return keras.layers.ReLU(name=relu)(x) if relu else x

    def bottleneck(inputs: Any, stage: int, index: int, strides: int) -> Any:
        """Figure 3(c): 1x1 to narrow, 3x3 in groups, 1x1 to widen, and the way around them."""
        prefix = f"layer{stage}_{index}_"
        planes = 64 * 2 ** (stage - 1)
        width = planes // 64 * base_width * cardinality
        wide = planes * EXPANSION
        x = around = inputs
        if strides != 1 or inputs.shape[-1] != wide:
            names = prefix + "downsample_0", prefix + "downsample_1"
            around = convolution(inputs, *names, wide, 1, strides=strides)
            if folded:
                # Side by side the two ways take longer.  (In training, whose gradients keep the cores busy, not so.)
                x = After(name=prefix + "order")([inputs, around])
        x = convolution(x, prefix + "conv1", prefix + "bn1", width, 1, prefix + "relu1")
        options = {"strides": strides, "padding": 1, "groups": cardinality}
        x = convolution(x, prefix + "conv2", prefix + "bn2", width, 3, prefix + "relu2", **options)
        x = convolution(x, prefix + "conv3", prefix + "bn3", wide, 1)
        return Join(name=prefix + "out")([x, around])

    pixels = x = keras.Input(shape=shape, name="pixels")
    if input_norm:
        x = BatchNorm(scale=False, epsilon=epsilon, name="bn_data", dtype=_norm_policy())(x)
    x = convolution(x, "conv1", "bn1", stem, 7, "relu", strides=2, padding=3)
    x = PaddedMaxPool(3, strides=2, padding=1, name="maxpool")(x)
    for stage, count in enumerate(blocks, start=1):
        for index in range(count):
            x = bottleneck(x, stage, index, 2 if stage > 1 and index == 0 else 1)
    pool = keras.layers.GlobalAveragePooling2D if pooling == "avg" else keras.layers.GlobalMaxPooling2D
    # In float32 even where the network computes in half precision: few numbers, and all that follows needs them.
    return pixels, pool(name="pool", dtype="float32")(x)


def _norm_policy() -> Any:
    """Return the policy of normalisations: the global one, but with variables in float32 whatever that has."""
    policy = keras.config.dtype_policy()
    if policy.variable_dtype == "float32":
        return policy
    half = policy.compute_dtype in ("float16", "bfloat16")
    return keras.DTypePolicy(f"mixed_{policy.compute_dtype}" if half else "float32")


def _head(features: Any, classes: int, head: str, seed: int | None = None) -> Any:
    if head == "hidden":
        initial = keras.initializers.HeNormal(seed=seed)
        x = keras.layers.Dense(HIDDEN_UNITS, "relu", name="fc1", dtype="float32", kernel_initializer=initial)(features)
        features = keras.layers.Dropout(HIDDEN_DROPOUT, seed=seed, name="fc_dropout", dtype="float32")(x)
    initial = keras.initializers.RandomNormal(stddev=0.01, seed=seed)
    return keras.layers.Dense(classes, name="fc", dtype="float32", kernel_initializer=initial)(features)


# --------------------------------------------------------------------------------------------------------------------
# Looking at a network


def layer_names(model: keras.Model) -> set[str]:
    """Return the names of all layers of `model`."""
    return {layer.name for layer in model.layers}


def _has(model: keras.Model, name: str) -> bool:
    return name in layer_names(model)


def has_head(model: keras.Model) -> bool:
    """Return whether `model` ends in logits rather than in pooled features."""
    return _has(model, "fc")


def blocks_of(model: keras.Model) -> tuple[int, ...]:
    """Return how many bottlenecks each stage of `model` has."""
    counts: dict[int, int] = {}
    for name in layer_names(model):
        found = re.fullmatch(r"layer(\d+)_(\d+)_conv2", name)
        if found:
            stage, index = int(found[1]), int(found[2])
            counts[stage] = max(counts.get(stage, 0), index + 1)
    return tuple(counts[stage] for stage in sorted(counts))


def architecture_of(model: keras.Model) -> dict[str, Any]:
    """Return the arguments of `build_resnext` that rebuild `model`, as plain JSON values.

    Raises:
        ValueError: `model` was not made by `build_resnext`.
    """
    blocks = blocks_of(model)
    if not blocks or not _has(model, "conv1") or not _has(model, "pool"):
        raise ValueError(f"not a network made by build_resnext. Received: {model.name!r}")
    grouped = model.get_layer("layer1_0_conv2")
    stem = model.get_layer("conv1")
    norm = model.get_layer("bn1") if _has(model, "bn1") else None
    found: dict[str, Any] = {
        "blocks": list(blocks),
        "cardinality": int(grouped.groups),
        "base_width": int(grouped.filters // grouped.groups),
        "stem": int(stem.filters),
        "include_top": has_head(model),
        "pooling": "max" if isinstance(model.get_layer("pool"), keras.layers.GlobalMaxPooling2D) else "avg",
        "norm_epsilon": float(norm.epsilon) if norm is not None else 1e-5,
        "input_norm": _has(model, "bn_data"),
    }
    if has_head(model):
        found["classes"] = int(model.get_layer("fc").units)
        found["head"] = "hidden" if _has(model, "fc1") else "linear"
    return found


def architecture_name(architecture: dict[str, Any]) -> str:
    """Return the usual name of an architecture, such as ``"ResNeXt-50 32x4d"`` or ``"ResNet-101"``."""
    depth = sum(architecture["blocks"]) * 3 + 2
    cardinality, width = architecture["cardinality"], architecture["base_width"]
    if cardinality == 1:
        return f"ResNet-{depth}" if width == 64 else f"Wide ResNet-{depth} ({width} channels)"
    return f"ResNeXt-{depth} {cardinality}x{width}d"


def set_trainable_stages(model: keras.Model, frozen: int, frozen_statistics: bool) -> None:
    """Say what `model` may learn.  Takes effect at the next `compile`.

    Args:
        model: made by `build_resnext`.
        frozen: how many of the stem and the four stages stay as they are, 0..5; the head always learns.
        frozen_statistics: whether batch normalisation keeps its moving statistics in the stages that learn; in the
            frozen ones it always does.
    """
    if not 0 <= frozen <= HEAD_STAGE:
        raise ValueError(f"frozen must be in 0..5. Received: {frozen}")
    for layer in model.layers:
        if not layer.weights:
            continue
        layer.trainable = stage_of(layer) >= frozen
        if isinstance(layer, BatchNorm):
            layer.frozen_statistics = frozen_statistics or not layer.trainable


# --------------------------------------------------------------------------------------------------------------------
# Taking apart and putting together


def with_new_head(
    model: keras.Model,
    classes: int,
    head: str = "linear",
    weights: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return a model with the layers of `model` up to the pooled features, shared, and a head of its own.

    Args:
        model: made by `build_resnext`, with or without a head.
        classes: logits of the new head.
        head: ``"linear"`` or ``"hidden"``.
        weights: kernel (features, classes) and bias (classes,) of a linear head, such as a fitted regression.
        seed: fixes the random start of what `weights` does not give.

    Raises:
        ValueError: `weights` are given for a hidden head, or do not fit.
    """
    features = model.get_layer("pool").output
    made = keras.Model(model.input, _head(features, classes, head, seed), name=model.name)
    if weights is not None:
        if head != "linear":
            raise ValueError(f"weights are for a linear head. Received: head={head!r}")
        kernel, bias = (np.asarray(part, "float32") for part in weights)
        made.get_layer("fc").set_weights([kernel, bias])
    return made


def without_head(model: keras.Model) -> keras.Model:
    """Return the part of `model` from pixels to pooled features, (batch, features) float32.  Layers are shared."""
    if not has_head(model):
        return model
    return keras.Model(model.input, model.get_layer("pool").output, name=model.name)


def _last_layer(model: keras.Model, stage: int) -> Any:
    blocks = blocks_of(model)
    if stage == 0:
        return model.get_layer("maxpool")
    return model.get_layer(f"layer{stage}_{blocks[stage - 1] - 1}_out")


def last_stages(model: keras.Model) -> keras.Model:
    """Return a model that shares the layers of `model` and gives what its last two stages (or its only one) put out.

    Args:
        model: made by `build_resnext`.

    Returns:
        From pixels to a list of activations (batch, height, width, channels) in the policy's compute type.
    """
    count = len(blocks_of(model))
    outputs = [_last_layer(model, stage).output for stage in range(max(1, count - 1), count + 1)]
    return keras.Model(model.input, outputs, name=f"{model.name}_stages")


def inference_model(model: keras.Model) -> keras.Model:
    """Return a model with the same answers and fewer operations: each batch normalisation folded into a convolution.

    The result has its own weights, in the variable type of the current policy, and does not learn.  Folding: Jacob et
    al. 2018, arXiv:1712.05877, section 3.2.

    Args:
        model: made by `build_resnext`, with or without a head.

    Returns:
        A model from pixels (batch, height, width, channels) to what `model` gives, float32, of the same shape; `model`
        itself where nothing is left to fold.

    Raises:
        ValueError: `model` is no network of `build_resnext`.
    """
    norms = {layer.name: layer for layer in model.layers if isinstance(layer, BatchNorm)}
    if "bn1" not in norms:
        return model
    built = architecture_of(model)
    body = {key: built[key] for key in ("blocks", "cardinality", "base_width", "stem")}
    pixels, features = _body(
        model.input_shape[1:], built["pooling"], built["norm_epsilon"], built["input_norm"], folded=True, **body
    )
    outputs = _head(features, built["classes"], built["head"]) if built["include_top"] else features
    folded = keras.Model(pixels, outputs, name=model.name)
    for twin in folded.layers:
        layer = model.get_layer(twin.name) if twin.weights else None
        if isinstance(layer, GroupedConv2D):
            norm = norms[norm_after(layer.name)]
            factor = numbers_of(norm.gamma) / np.sqrt(numbers_of(norm.moving_variance) + norm.epsilon)
            shift = numbers_of(norm.beta) - numbers_of(norm.moving_mean) * factor
            if not shift.any():
                # Fresh networks have no offsets. TensorFlow drops the addition of zeros, and then no longer merges
                # convolution, offset and ReLU into one operation; this number is lost in any sum.
                shift[0] = _NEXT_TO_NOTHING
            twin.set_weights([numbers_of(layer.kernel) * factor, shift])
        elif layer is not None:
            twin.set_weights([numbers_of(value) for value in layer.weights])
    folded.trainable = False
    speed_up(folded)
    return folded


_NEXT_TO_NOTHING = 1e-30


def numbers_of(variable: Any) -> np.ndarray[Any, Any]:
    """Return the values of a variable, float32."""
    return np.asarray(keras.ops.convert_to_numpy(variable.value), "float32")


# --------------------------------------------------------------------------------------------------------------------
# Weights by torchvision's names

_PARTS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "kernel": "weight",
    "bias": "bias",
}


def _entries(model: keras.Model) -> dict[str, tuple[Any, Any]]:
    """Return {torchvision's name: (variable, layer)} for every variable of `model`."""
    found: dict[str, tuple[Any, Any]] = {}
    for layer in model.layers:
        for variable in layer.variables:
            if variable.name in _PARTS:
                found[f"{torch_name(layer.name)}.{_PARTS[variable.name]}"] = (variable, layer)
    return found


def state_of(model: keras.Model) -> dict[str, np.ndarray[Any, Any]]:
    """Return the weights of `model` as float32 arrays by torchvision's names and in its layout.

    Convolutions are (filters, channels / groups, k, k), dense kernels (outputs, inputs).
    """
    state: dict[str, np.ndarray[Any, Any]] = {}
    for name, (variable, layer) in _entries(model).items():
        value = numbers_of(variable)
        if isinstance(layer, GroupedConv2D) and value.ndim == 4:
            value = value.transpose(3, 2, 0, 1)
        elif value.ndim == 2:
            value = value.T
        state[name] = np.ascontiguousarray(value)
    return state


def set_state(model: keras.Model, state: dict[str, np.ndarray[Any, Any]]) -> None:
    """Give `model` the weights that `state_of` returned for one like it.  Entries it has no layer for are passed over.

    Raises:
        KeyError: a weight is missing.
        ValueError: a weight has another shape.
    """
    for name, (variable, _) in _entries(model).items():
        value = state[name]
        if value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
        elif value.ndim == 2:
            value = value.T
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"{name} does not fit. Expected {tuple(variable.shape)}. Received: {value.shape}")
        variable.assign(value)

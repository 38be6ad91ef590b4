"""Small pieces of work to be timed: by the choice of precision, and by the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from resnext_gui.engine.network.convolution import convolution_form, fused_norm, grouped_convolution


def training_probe(precision: str) -> Callable[[], Any]:
    """Return a function that runs a bottleneck block forward and backward in `precision`, for timing.

    TensorFlow only; 8 pictures of 28 x 28 positions and 256 channels, 32 groups.
    """
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x = tf.cast(rng.normal(size=(8, 28, 28, 256)).astype("float32"), precision)
    kernels = [rng.normal(0, 0.05, size=size).astype("float32") for size in ((1, 1, 256, 256), (3, 3, 8, 256))]
    variables = [tf.constant(kernel) for kernel in kernels]
    ones, zeros = tf.ones(256), tf.zeros(256)
    form = convolution_form(precision)

    @tf.function(jit_compile=False)  # type: ignore[untyped-decorator]
    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(variables)
            y = x
            for _ in range(2):
                for kernel in variables:
                    groups = 256 // kernel.shape[2]
                    y = grouped_convolution(
                        y, tf.cast(kernel, precision), 1, kernel.shape[0] // 2, groups, form if groups > 1 else "plain"
                    )
                    y = tf.nn.relu(fused_norm(y, ones, zeros, zeros, ones, 1e-5, True)[0])
            total = tf.reduce_sum(tf.cast(y, "float32"))
        return [tf.reduce_sum(part) for part in tape.gradient(total, variables)]

    return lambda: [part.numpy() for part in step()]


def grouped_layer_step(kind: str, training: bool) -> Callable[[], Any]:
    """Return one pass of a grouped convolution, 3x3, 128 channels, 32 groups, 8 pictures of 56 x 56, float32.

    Args:
        kind: ``"ours"``, ``"keras"`` (its own Conv2D), ``"split"`` (32 branches) or ``"depthwise"`` (a depthwise
            convolution whose results are added up).
        training: forward and backward instead of forward alone.

    TensorFlow only.
    """
    import tensorflow as tf

    groups, channels = 32, 128
    rng = np.random.default_rng(0)
    x, upstream = (tf.constant(rng.normal(size=(8, 56, 56, channels)).astype("float32")) for _ in range(2))
    if kind == "keras":
        layer = keras.layers.Conv2D(channels, 3, padding="same", groups=groups, use_bias=False)
        layer.build(x.shape)
        weight = layer.kernel.value

        def run() -> Any:
            return layer(x)
    else:
        shape = (3, 3, channels, channels // groups) if kind == "depthwise" else (3, 3, channels // groups, channels)
        weight = tf.Variable(rng.normal(0, 0.1, size=shape).astype("float32"))

        def run() -> Any:
            if kind == "depthwise":
                paths = tf.nn.depthwise_conv2d(x, weight, [1, 1, 1, 1], "SAME")
                deep = channels // groups
                paths = ops.reshape(paths, (-1, 56, 56, groups, deep, deep))
                return ops.reshape(ops.sum(paths, axis=-2), (-1, 56, 56, channels))
            form = "split" if kind == "split" else convolution_form("float32")
            return grouped_convolution(x, tf.convert_to_tensor(weight), 1, 1, groups, form)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step() -> Any:
        if not training:
            return run()
        with tf.GradientTape() as tape:
            tape.watch([x, weight])
            total = tf.reduce_sum(run() * upstream)
        # The total too: without it the forward pass would be left out, since no gradient needs its result.
        return [total, *tape.gradient(total, [x, weight])]

    return lambda: [tuple(part.shape) for part in tf.nest.flatten(step())]

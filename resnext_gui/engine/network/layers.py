"""The two layers that decide how fast a ResNeXt trains: grouped convolution and batch normalisation.

What they compute is spelled out here; how it is computed fast, in `convolution`.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from resnext_gui.engine.network.convolution import (
    FORMS,
    add_bias,
    after,
    better_in_float32,
    convolution_form,
    force_form,
    form_is_forced,
    fused_norm,
    fused_norm_works,
    grouped_convolution,
    on_tensorflow_cpu,
    pointwise,
)
from resnext_gui.engine.network.runtime import torch_runtime

_SMALL_PICTURE = 64
"""Positions up to which a pointwise convolution with a bias is a matrix product: 7 x 7 at the end of 224 pixels."""

__all__ = ["FORMS", "After", "BatchNorm", "GroupedConv2D", "Join", "PaddedMaxPool", "convolution_form", "force_form"]


@keras.saving.register_keras_serializable(package="resnext_gui")
class GroupedConv2D(keras.layers.Layer):  # type: ignore[misc]
    """Square convolution over (batch, height, width, channels), with groups, padded by zeros on every side alike.

    The grouped transformation of Xie et al. 2017, arXiv:1611.05431, figure 3(c).  The kernel is stored as (k, k,
    channels / groups, filters), in the order that other frameworks call HWIO.

    Args:
        filters: channels of the output; a multiple of `groups`.
        kernel_size: side of the kernel in pixels.
        strides: step in pixels, in both directions.
        padding: zeros on every side; the output has (height + 2 * padding - kernel_size) // strides + 1 rows.
        groups: the cardinality; divides the channels of the input too.
        use_bias: whether a bias of shape (filters,) is added.
        activation: None or the name of an activation, such as ``"relu"``.

    Raises:
        ValueError: a number is not positive, or `groups` does not divide the channels.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        padding: int = 0,
        groups: int = 1,
        use_bias: bool = False,
        activation: str | None = None,
        kernel_initializer: Any = "he_normal",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(filters, kernel_size, strides, groups) < 1 or padding < 0 or filters % groups:
            raise ValueError(
                "filters, kernel_size, strides and groups must be positive, and groups must divide filters. "
                f"Received: filters={filters}, kernel_size={kernel_size}, strides={strides}, padding={padding}, "
                f"groups={groups}"
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.groups = groups
        self.use_bias = use_bias
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias: Any = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the variables for inputs of `input_shape`, whose last entry must be known."""
        channels = input_shape[-1]
        if channels is None or channels % self.groups:
            raise ValueError(
                f"the channels must be known and a multiple of groups={self.groups}. Received: shape {input_shape}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, channels // self.groups, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        runtime = torch_runtime()
        if runtime is not None:
            runtime.lay_out(self.kernel)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})

    def call(self, inputs: Any) -> Any:
        """Convolve `inputs`, (batch, height, width, channels), in the compute type of the layer's policy."""
        kernel = ops.convert_to_tensor(self.kernel)
        bias = ops.convert_to_tensor(self.bias) if self.bias is not None else None
        runtime = torch_runtime()
        if runtime is not None:
            relu = self.activation is keras.activations.relu
            sums = runtime.convolve(inputs, kernel, bias, self.strides, self.padding, self.groups, relu)
            return sums if relu else self.activation(sums)
        form = convolution_form(self.compute_dtype) if self.groups > 1 else "plain"
        by_float32 = bias is not None and self._fast_kind(form) and better_in_float32(kernel)
        product = self._is_product(inputs.shape[1:3], by_float32)
        if product and bias is None:
            return pointwise(inputs, kernel)
        by_float32 = by_float32 and (product or self.groups > 1)
        if by_float32:
            # All of it, so that the graph can merge convolution, bias and activation into one operation.
            inputs, kernel, bias = (ops.cast(part, "float32") for part in (inputs, kernel, bias))
        if product:
            outputs = pointwise(inputs, kernel, lambda rows: self.activation(add_bias(rows, bias)))
        else:
            outputs = grouped_convolution(inputs, kernel, self.strides, self.padding, self.groups, form)
            outputs = self.activation(outputs if bias is None else add_bias(outputs, bias))
        return ops.cast(outputs, self.compute_dtype) if by_float32 else outputs

    def _fast_kind(self, form: str = "plain") -> bool:
        """Whether this is one of the two kinds that have a faster way: grouped (in `form`), or pointwise."""
        if self.groups > 1:
            return form == "plain"
        return (self.kernel_size, self.strides, self.padding) == (1, 1, 0)

    def _is_product(self, sides: tuple[int | None, ...], by_float32: bool) -> bool:
        """Whether this is computed as a matrix product.

        With a bias a convolution is merged with it, its activation and the sum that follows; only where pictures are
        small by then the product is faster all the same, by up to a third.  By way of float32, where that pays, it
        is faster for four times as many positions, and for more where no sum follows that could be merged.
        """
        if self.groups > 1 or not self._fast_kind() or form_is_forced() or not on_tensorflow_cpu():
            return False
        if self.bias is None:
            return self.activation is keras.activations.linear
        most = _SMALL_PICTURE
        if by_float32:
            most *= 4 if self.activation is keras.activations.linear else 16
        return None not in sides and int(sides[0] or 0) * int(sides[1] or 0) <= most

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the output's shape, None where the input's is."""
        rows, columns = (
            None if side is None else (side + 2 * self.padding - self.kernel_size) // self.strides + 1
            for side in input_shape[1:3]
        )
        return (input_shape[0], rows, columns, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "groups": self.groups,
            "use_bias": self.use_bias,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


@keras.saving.register_keras_serializable(package="resnext_gui")
class BatchNorm(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation over the last axis of (batch, height, width, channels), in one fused operation.

    Ioffe and Szegedy 2015, arXiv:1502.03167, with torchvision's numbers: epsilon 1e-5 and moving averages that keep
    0.9 of themselves at each step (what PyTorch calls momentum 0.1).  The statistics and the affine pair stay in
    float32 under every policy.

    Args:
        frozen_statistics: normalise with the moving statistics in training too, and leave them as they are; gamma
            and beta still learn.  For small sets, whose batches would spoil what the weights came with.
    """

    def __init__(
        self, momentum: float = 0.9, epsilon: float = 1e-5, frozen_statistics: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)
        self.frozen_statistics = frozen_statistics

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise `inputs`; in training by the batch's own mean and variance, which also move the averages."""
        learning = bool(training) and bool(self.trainable) and not self.frozen_statistics
        if mask is not None or self.renorm:
            return super().call(inputs, training=learning, mask=mask)
        alone = not (self.synchronized and learning)
        last = self.axis in (-1, len(inputs.shape) - 1)
        if alone and last and len(inputs.shape) == 4:
            runtime = torch_runtime()
            # For a single number, which has no variance, PyTorch has no normalisation.
            if runtime is not None and not (learning and math.prod(inputs.shape[:3]) == 1):
                gamma, beta = self.gamma.value if self.scale else None, self.beta.value if self.center else None
                mean, variance = self.moving_mean.value, self.moving_variance.value
                return runtime.normalise(inputs, gamma, beta, mean, variance, self.momentum, self.epsilon, learning)
            if fused_norm_works(self.compute_dtype):
                return self._fused(inputs, learning)
        return self._spelled_out(inputs, learning)

    def _spelled_out(self, inputs: Any, learning: bool) -> Any:
        """Do in single operations what the fused one does, its unbiased running variance included."""
        x = ops.cast(inputs, "float32")
        mean, variance = ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        if learning:
            old_mean, old_variance, keep = mean, variance, self.momentum
            mean, variance = self._moments(x, None)
            count = ops.cast(ops.size(x) // self.moving_mean.shape[0], "float32")
            unbiased = variance * (count / ops.maximum(count - 1.0, 1.0))
            self.moving_mean.assign(old_mean * keep + mean * (1.0 - keep))
            self.moving_variance.assign(old_variance * keep + unbiased * (1.0 - keep))
        gamma = ops.convert_to_tensor(self.gamma) if self.scale else None
        beta = ops.convert_to_tensor(self.beta) if self.center else None
        outputs = ops.batch_normalization(
            x, mean, variance, axis=self.axis, offset=beta, scale=gamma, epsilon=self.epsilon
        )
        return ops.cast(outputs, self.compute_dtype)

    def _fused(self, inputs: Any, learning: bool) -> Any:
        channels = self.moving_mean.shape
        gamma = ops.convert_to_tensor(self.gamma) if self.scale else ops.ones(channels, "float32")
        beta = ops.convert_to_tensor(self.beta) if self.center else ops.zeros(channels, "float32")
        mean, variance = ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        outputs, batch_mean, batch_variance = fused_norm(inputs, gamma, beta, mean, variance, self.epsilon, learning)
        if learning:
            keep = self.momentum
            self.moving_mean.assign(mean * keep + batch_mean * (1.0 - keep))
            self.moving_variance.assign(variance * keep + batch_variance * (1.0 - keep))
        return outputs

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "frozen_statistics": self.frozen_statistics}


@keras.saving.register_keras_serializable(package="resnext_gui")
class PaddedMaxPool(keras.layers.Layer):  # type: ignore[misc]
    """The largest number of each window of (batch, height, width, channels), none of which is below zero.

    What follows a ReLU has none, so padding with zeros pools like torchvision's padding with minus infinity.

    Args:
        pool_size: side of the window in pixels.
        strides: step in pixels, in both directions.
        padding: zeros on every side.
    """

    def __init__(self, pool_size: int = 3, strides: int = 2, padding: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size, self.strides, self.padding = pool_size, strides, padding

    def call(self, inputs: Any) -> Any:
        """Pool `inputs`."""
        runtime = torch_runtime()
        if runtime is not None:
            return runtime.pool(inputs, self.pool_size, self.strides, self.padding)
        sides = [self.padding, self.padding]
        padded = ops.pad(inputs, [[0, 0], sides, sides, [0, 0]])
        return ops.max_pool(padded, self.pool_size, self.strides, data_format="channels_last")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the output's shape, None where the input's is."""
        rows, columns = (
            None if side is None else (side + 2 * self.padding - self.pool_size) // self.strides + 1
            for side in input_shape[1:3]
        )
        return (input_shape[0], rows, columns, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        own = {"pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="resnext_gui")
class Join(keras.layers.Layer):  # type: ignore[misc]
    """Where two ways through a block meet: their sum, and nothing below zero.

    The first of the two inputs must be nobody else's: it may be written over.
    """

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return the ReLU of the sum of two pictures of one shape."""
        way, around = inputs
        runtime = torch_runtime()
        if runtime is not None:
            return runtime.join(way, around)
        return ops.relu(ops.add(way, around))

    def compute_output_shape(self, input_shape: tuple[Any, Any]) -> Any:
        """Return the first input's shape."""
        return input_shape[0]


@keras.saving.register_keras_serializable(package="resnext_gui")
class After(keras.layers.Layer):  # type: ignore[misc]
    """Return the first of two inputs as it is, but not before the second has been computed.

    TensorFlow starts every operation whose inputs are there.  On a processor the convolutions on both ways through a
    block then share the cores and their caches, and take longer than one after the other.
    """

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return ``inputs[0]``."""
        return after(*inputs)

    def compute_output_shape(self, input_shape: tuple[Any, Any]) -> Any:
        """Return the first input's shape."""
        return input_shape[0]

"""PyTorch's own fused operations for our layers, optimizer and steps; imported where Keras computes with it, only.

Keras keeps pictures as (batch, height, width, channels).  Seen as (batch, channels, height, width) that is what PyTorch
calls channels last, its fastest layout, as long as nobody makes a copy: here every operation takes such a view and
returns one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch  # noqa: TID253 - whoever imports this module computes with it
from keras import tree
from torch.nn import functional  # noqa: TID253
from torch.overrides import TorchFunctionMode  # noqa: TID253

log = logging.getLogger(__name__)

_KERNEL = 4
"""Sides of a convolution's kernel."""

WARM_UPS = 3
"""Calls before a step is recorded: libraries choose their ways and allocate in the first ones."""

MOST_RECORDINGS = 4
"""Shapes of batches for which a step is recorded; each recording keeps its memory."""


def _channels_first(pictures: Any) -> Any:
    return pictures.permute(0, 3, 1, 2)


def _channels_last(pictures: Any) -> Any:
    return pictures.permute(0, 2, 3, 1)


def lay_out(kernel: Any) -> None:
    """Keep a kernel variable (k, k, channels / groups, filters) in the order in which convolutions read it.

    Its shape stays, so nobody else sees a difference; but neither it nor its gradient is copied in every step.
    """
    ordered = kernel.value.detach().permute(3, 0, 1, 2).contiguous().permute(1, 2, 3, 0)
    _replace(kernel, ordered)


def lay_out_like(slots: list[Any], variables: list[Any]) -> None:
    """Keep the memory of each of `slots` in the order that the variable of the same shape has."""
    for slot, variable in zip(slots, variables, strict=True):
        if slot.value.stride() != variable.value.stride():
            _replace(slot, torch.empty_like(variable.value).copy_(slot.value))


def _replace(variable: Any, value: Any) -> None:
    variable._value = torch.nn.Parameter(value.detach(), requires_grad=variable.trainable)


def convolve(inputs: Any, kernel: Any, bias: Any, strides: int, padding: int, groups: int, relu: bool) -> Any:
    """Return the convolution of (batch, height, width, channels) with (k, k, channels / groups, filters).

    Args:
        bias: (filters,) or None.
        relu: whether what is below zero becomes zero.
    """
    pictures, kernels = _channels_first(inputs), kernel.permute(3, 2, 0, 1)
    if relu and bias is not None and inputs.is_cuda and torch.version.cuda and not torch.is_grad_enabled():
        # One operation of cuDNN's. Adding the bias by itself takes longer than the convolution.
        steps, zeros = [strides, strides], [padding, padding]
        return _channels_last(torch.cudnn_convolution_relu(pictures, kernels, bias, steps, zeros, [1, 1], groups))
    outputs = functional.conv2d(pictures, kernels, bias, stride=strides, padding=padding, groups=groups)
    return _channels_last(torch.relu_(outputs) if relu else outputs)


def normalise(
    inputs: Any, gamma: Any, beta: Any, mean: Any, variance: Any, momentum: float, epsilon: float, learning: bool
) -> Any:
    """Return (batch, height, width, channels) normalised; where it is learning, `mean` and `variance` move in place.

    Args:
        inputs: in any precision; the rest in float32, (channels,), `gamma` and `beta` or None.
        momentum: share of the moving statistics that stays.
    """
    outputs = functional.batch_norm(
        _channels_first(inputs), mean, variance, gamma, beta, learning, 1.0 - momentum, epsilon
    )
    return _channels_last(outputs)


def pool(inputs: Any, size: int, strides: int, padding: int) -> Any:
    """Return the largest of each window of (batch, height, width, channels); what is padded is never the largest."""
    return _channels_last(functional.max_pool2d(_channels_first(inputs), size, strides, padding))


def join(way: Any, around: Any) -> Any:
    """Return the ReLU of the sum of both; `way` is nobody else's."""
    # Writing over a view costs a copy of everything on the way back: only where no gradient is wanted.
    return torch.relu_(way + around if torch.is_grad_enabled() else way.add_(around))


# --------------------------------------------------------------------------------------------------------------------
# The optimizer


def clip_by_norm(gradients: list[Any], most: float) -> list[Any]:
    """Return gradients whose norm, of all together, is `most` at most."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    # Not clamped: a norm that is no number must make numbers that are none, as on the other backends.
    return list(torch._foreach_mul(gradients, torch.minimum(most / norm, torch.ones_like(norm))))


class StagedSteps:
    """What `StagedAdamW.update_step` does for one variable after another, for all in a few operations.

    Args:
        variables: what learns, Keras variables, as the three that follow.
        means: of the gradients.
        squares: of the gradients.
        averages: of the variables; empty where none are kept.
        factors: what the rate is multiplied by, a number each.
        decays: weight decay, a number each.
    """

    def __init__(
        self,
        variables: list[Any],
        means: list[Any],
        squares: list[Any],
        averages: list[Any],
        factors: list[float],
        decays: list[float],
    ) -> None:
        for slots in (means, squares, *([averages] if averages else [])):
            lay_out_like(slots, variables)
        self._variables, self._means, self._squares = (_flat(part) for part in (variables, means, squares))
        self._averages = _flat(averages)
        self._like = [variable.value for variable in variables]
        alike: dict[tuple[float, float], list[int]] = {}
        for number, kind in enumerate(zip(factors, decays, strict=True)):
            alike.setdefault(kind, []).append(number)
        self._alike = alike

    def step(
        self,
        gradients: list[Any],
        rate: Any,
        iterations: Any,
        betas: tuple[float, float],
        epsilon: float,
        average: float,
    ) -> None:
        """Move all variables by one step.

        Args:
            gradients: one a variable.
            rate: of a variable with factor 1; a number on the device, like the next.
            iterations: steps until now.
            betas: how much of the running mean and of the squares a step keeps.
            epsilon: added to the root of the squares.
            average: share of the average that a step keeps at most.
        """
        flat = [_in_memory(_like(gradient, own)) for gradient, own in zip(gradients, self._like, strict=True)]
        now = (iterations + 1).to(torch.float32)
        for (factor, decay), numbers in self._alike.items():
            variables, gradient, means, squares = (
                [part[number] for number in numbers] for part in (self._variables, flat, self._means, self._squares)
            )
            torch._fused_adamw_(
                variables, gradient, means, squares, [], [now] * len(numbers), lr=rate * factor, beta1=betas[0],
                beta2=betas[1], weight_decay=decay, eps=epsilon, amsgrad=False, maximize=False,
            )  # fmt: skip
        if self._averages:
            keep = torch.clamp((1 + now) / (10 + now), max=average)
            torch._foreach_mul_(self._averages, keep)
            torch._foreach_add_(self._averages, torch._foreach_mul(self._variables, 1 - keep))


def _flat(variables: list[Any]) -> list[Any]:
    return [_in_memory(variable.value.detach()) for variable in variables]


def _in_memory(tensor: Any) -> Any:
    """Return the numbers of a dense tensor as one row, in the order in which they lie."""
    return tensor.as_strided((tensor.numel(),), (1,))


def _like(gradient: Any, variable: Any) -> Any:
    """Return `gradient` with its numbers in the order of the variable's; nearly always it has that already."""
    for side, mine, theirs in zip(variable.shape, gradient.stride(), variable.stride(), strict=True):
        if side > 1 and mine != theirs:
            return torch.empty_like(variable, dtype=gradient.dtype).copy_(gradient)
    return gradient


# --------------------------------------------------------------------------------------------------------------------
# Steps, recorded


class Recorded:
    """A step that is recorded on the card once for each shape, and then done by the card alone.

    Keras takes about as long for asking the card for the operations of a small batch as the card does for computing
    them.  A recording (a CUDA graph) is asked for once.  Memory has to stay where it was, so the inputs are copied into
    the recording's own.  What cannot be recorded, because it looks at a number on the way, is done as it comes.

    Args:
        step: takes and returns tensors in lists, tuples and dictionaries; what it changes, it changes in place.
    """

    def __init__(self, step: Callable[[Any], Any]) -> None:
        self._step = step
        self._stream = torch.cuda.Stream()
        self._calls: dict[Any, int] = {}
        self._made: dict[Any, tuple[Any, list[Any], Any]] = {}
        self._works = True

    def __call__(self, data: Any) -> Any:
        """Do the step."""
        parts = [part if part is None else torch.as_tensor(part) for part in tree.flatten(data)]
        key = tuple(None if part is None else (tuple(part.shape), part.dtype) for part in parts)
        calls = self._calls[key] = self._calls.get(key, 0) + 1
        if self._works and calls == WARM_UPS + 1 and len(self._made) < MOST_RECORDINGS:
            self._record(key, data, parts)
        if key not in self._made:
            # Beside the usual stream, as the recording will be: autograd holds on to the stream it began with.
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                outputs = self._step(tree.pack_sequence_as(data, _on_card(parts)))
            torch.cuda.current_stream().wait_stream(self._stream)
            return outputs
        graph, inputs, outputs = self._made[key]
        for inner, part in zip(inputs, parts, strict=True):
            if inner is not None:
                inner.copy_(part, non_blocking=True)
        graph.replay()
        # Copies, since the next replay writes into the same memory.
        return tree.map_structure(torch.clone, outputs)

    def _record(self, key: Any, data: Any, parts: list[Any]) -> None:
        inputs = [part if part is None else part.clone() for part in _on_card(parts)]
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"), _Fills():
                outputs = self._step(tree.pack_sequence_as(data, inputs))
        except RuntimeError as error:
            self._works = False
            log.info("This step cannot be recorded: %s", error)
            return
        self._made[key] = graph, inputs, outputs


def _on_card(parts: list[Any]) -> list[Any]:
    return [part if part is None else part.to("cuda") for part in parts]


class _Fills(TorchFunctionMode):  # type: ignore[misc]
    """Make numbers on the card there: while a step is recorded nothing may come from the computer's memory."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.as_tensor, torch.tensor) and not torch.is_tensor(args[0]):
            numbers = np.asarray(args[0])
            made = [torch.full((), number, **kwargs) for number in numbers.ravel().tolist()]
            return torch.stack(made).reshape(numbers.shape)
        return func(*args, **kwargs)


def speed_up(model: Any) -> None:
    """Lay out what the optimizer keeps like the kernels; on a card let the steps of `model` be `Recorded`."""
    optimizer = getattr(model, "optimizer", None)
    random = any(getattr(layer, "seed_generator", None) is not None for layer in model.layers)
    if optimizer is not None:
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        for slot in optimizer.variables:
            if slot.value.ndim == _KERNEL:
                lay_out(slot)
    if not model.variables[0].value.is_cuda:
        return
    if optimizer is not None and not random:  # a recording would draw the same numbers again and again
        model.train_function = Recorded(lambda data: model.train_step(data[0]))

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def predict(data: Any) -> Any:
        return model.predict_step(data[0])

    model.predict_function = Recorded(predict)


# --------------------------------------------------------------------------------------------------------------------
# Answers


def frozen(model: Any) -> Callable[[Any], Any]:
    """Return a function from NumPy pixels to NumPy outputs, with the weights of this moment, cast once."""
    kinds = {id(variable): layer.compute_dtype for layer in model.layers for variable in layer.variables}
    values = []
    for variable in model.variables:
        own = variable.value.detach()
        if own.is_floating_point() and variable._autocast:
            own = own.to(getattr(torch, kinds[id(variable)]))
        values.append((variable, own))

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def answer(pixels: Any) -> Any:
        with keras.StatelessScope(state_mapping=values):
            return model(pixels, training=False)

    step = Recorded(answer) if model.variables[0].value.is_cuda else answer
    return lambda pixels: keras.ops.convert_to_numpy(step(torch.as_tensor(pixels)))

"""AdamW with a rate of its own for each stage, and a running average of the weights.

Keras has no parameter groups, and scaling gradients does nothing under Adam, whose steps do not depend on the
gradients' scale.  So the step itself is scaled here, variable by variable.

Sources: AdamW: Loshchilov & Hutter 2019, arXiv:1711.05101; rates that fall towards the input: Howard & Ruder 2018,
arXiv:1801.06146; averaged weights: Polyak & Juditsky 1992, with the warm-up that TensorFlow's
`ExponentialMovingAverage` documents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from resnext_gui.engine.network.runtime import torch_runtime


@keras.saving.register_keras_serializable(package="resnext_gui")
class StagedAdamW(keras.optimizers.Optimizer):  # type: ignore[misc]
    """AdamW whose rate and weight decay are told apart by variable.

    Attributes:
        factors: for each trainable variable, in the model's order, what its rate is multiplied by.
        decays: for each the weight decay, 0 for biases and normalisations; multiplied by the rate, as in AdamW.
        average: share of the running average that one step keeps at most, 0..1; 0 keeps no average.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        factors: Sequence[float] = (),
        decays: Sequence[float] = (),
        average: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        clip: float | None = 1.0,
        name: str = "staged_adamw",
        **kwargs: Any,
    ) -> None:
        """Args:
        learning_rate: peak rate of a variable with factor 1; a float, or a schedule.
        factors: empty gives every variable 1.
        decays: empty gives every variable 0.
        average: see the class.
        beta_1: how much of the running mean of the gradients a step keeps.
        beta_2: likewise of their squares.
        epsilon: added to the root of the squares.
        clip: largest norm of all gradients together; None leaves them as they are.
        name: of the optimizer.
        kwargs: as for any Keras optimizer.
        """
        kwargs.pop("weight_decay", None)
        kwargs.setdefault("global_clipnorm", clip)
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.factors = [float(f) for f in factors]
        self.decays = [float(d) for d in decays]
        self.average = float(average)
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)
        self._means: list[Any] = []
        self._squares: list[Any] = []
        self._averages: list[Any] = []
        self._together: Any = None

    def build(self, variables: list[Any]) -> None:
        """Make the slots; the averages begin at the variables' present values."""
        if self.built:
            return
        super().build(variables)
        count = len(variables)
        if (self.factors and len(self.factors) != count) or (self.decays and len(self.decays) != count):
            raise ValueError(
                f"one factor and one decay a variable are needed. Received: {len(self.factors)} factors and "
                f"{len(self.decays)} decays for {count} variables"
            )
        self._means = [self.add_variable_from_reference(v, name="mean") for v in variables]
        self._squares = [self.add_variable_from_reference(v, name="square") for v in variables]
        if self.average:
            self._averages = [self.add_variable_from_reference(v, name="average") for v in variables]
            for slot, variable in zip(self._averages, variables, strict=True):
                # A copy: where steps reuse memory, two variables must not share it.
                slot.assign(ops.copy(variable))

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
        """Move all variables; on PyTorch in a few operations, where one after the other is a thousand."""
        runtime = torch_runtime()
        if runtime is None or len(trainable_variables) != len(self._means):
            super()._backend_update_step(grads, trainable_variables, learning_rate)
            return
        if self._together is None:
            count = len(self._means)
            self._together = runtime.StagedSteps(
                list(trainable_variables), self._means, self._squares, self._averages,
                self.factors or [1.0] * count, self.decays or [0.0] * count,
            )  # fmt: skip
        rate, iterations = ops.convert_to_tensor(learning_rate), ops.convert_to_tensor(self.iterations)
        self._together.step(list(grads), rate, iterations, (self.beta_1, self.beta_2), self.epsilon, self.average)

    def _clip_gradients(self, grads: Any) -> Any:
        runtime = torch_runtime()
        if runtime is None or not self.global_clipnorm:
            return super()._clip_gradients(grads)
        return runtime.clip_by_norm(list(grads), self.global_clipnorm)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable by one step.  All of (shape of `variable`)."""
        number = self._get_variable_index(variable)
        factor = self.factors[number] if self.factors else 1.0
        decay = self.decays[number] if self.decays else 0.0
        rate = ops.cast(learning_rate, variable.dtype) * factor
        gradient = ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        mean, square = self._means[number], self._squares[number]
        self.assign(mean, mean * self.beta_1 + gradient * (1 - self.beta_1))
        self.assign(square, square * self.beta_2 + ops.square(gradient) * (1 - self.beta_2))
        beta_1, beta_2 = ops.cast(self.beta_1, variable.dtype), ops.cast(self.beta_2, variable.dtype)
        unbiased = mean / (1 - ops.power(beta_1, step))
        spread = ops.sqrt(square / (1 - ops.power(beta_2, step))) + self.epsilon
        change = unbiased / spread
        if decay:
            change = change + decay * variable
        self.assign_sub(variable, rate * change)
        if self._averages:
            slot = self._averages[number]
            # a young average follows closely: the beginning should not weigh on it for ever
            keep = ops.minimum(ops.cast(self.average, variable.dtype), (1 + step) / (10 + step))
            self.assign(slot, slot * keep + variable * (1 - keep))

    @property
    def averages(self) -> list[Any]:
        """The averaged weights, one variable a trainable variable, in the model's order; empty without averaging."""
        return list(self._averages)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this optimizer."""
        config: dict[str, Any] = super().get_config()
        config.pop("weight_decay", None)
        config.update(
            factors=self.factors, decays=self.decays, average=self.average,
            beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon, clip=self.global_clipnorm,
        )  # fmt: skip
        return config


def schedule(progress: float, warmup: float = 0.05, floor: float = 0.01) -> float:
    """Return the share of the peak rate at `progress` (0..1) of a run: linear warm-up, then a half cosine.

    Args:
        progress: part of the run that is over.
        warmup: part of the run in which the rate rises.
        floor: share at the very end.  Cosine: Loshchilov & Hutter 2017, arXiv:1608.03983.
    """
    progress = min(1.0, max(0.0, progress))
    if progress < warmup:
        return max(floor, progress / warmup)
    past = (progress - warmup) / max(1e-9, 1.0 - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * past))

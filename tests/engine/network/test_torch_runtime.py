"""PyTorch's own operations: nothing is copied on the way, and the optimizer's many variables move as one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from resnext_gui.engine.training.optimizer import StagedAdamW

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")

from resnext_gui.engine.network import torch_runtime  # noqa: E402


@dataclass
class Slot:
    """What these functions see of a Keras variable of that backend."""

    _value: Any
    trainable: bool = False

    @property
    def value(self) -> Any:
        return self._value


def tensor(*shape: int) -> Any:
    return torch.from_numpy(np.random.default_rng(sum(shape)).normal(size=shape).astype("float32"))


def test_a_kernel_keeps_its_shape_and_numbers_and_lies_as_convolutions_read_it() -> None:
    kernel = Slot(tensor(3, 3, 4, 16), trainable=True)
    before = kernel.value.clone()
    torch_runtime.lay_out(kernel)
    assert torch.equal(kernel.value, before)
    assert kernel.value.requires_grad
    assert kernel.value.permute(3, 2, 0, 1).is_contiguous(memory_format=torch.channels_last)


def test_pictures_pass_through_without_being_turned() -> None:
    kernel = Slot(tensor(3, 3, 4, 16), trainable=True)
    torch_runtime.lay_out(kernel)
    sums = torch_runtime.convolve(tensor(2, 9, 8, 16), kernel.value, tensor(16), 1, 1, 4, True)
    ones, zeros = torch.ones(16), torch.zeros(16)
    normalised = torch_runtime.normalise(sums, ones, zeros, zeros.clone(), ones.clone(), 0.9, 1e-5, True)
    pooled = torch_runtime.pool(normalised, 3, 2, 1)
    assert (sums.shape, normalised.shape, pooled.shape) == ((2, 9, 8, 16), (2, 9, 8, 16), (2, 5, 4, 16))
    assert float(sums.detach().min()) == 0
    assert all(part.is_contiguous() for part in (sums, normalised, pooled))
    pooled.sum().backward()
    assert kernel.value.grad.stride() == kernel.value.stride()


SHAPES = ((3, 3, 4, 16), (1, 1, 8, 4), (5, 2), (7,), (6,))
FACTORS, DECAYS = (1.0, 0.5, 1.0, 0.5, 0.5), (0.1, 0.1, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_all_together_move_as_one_after_the_other(average: float) -> None:
    start = [tensor(*shape) for shape in SHAPES]
    singly = [keras.Variable(value.numpy().copy()) for value in start]
    optimizer = StagedAdamW(1e-2, factors=FACTORS, decays=DECAYS, average=average, clip=0.5)
    optimizer.build(singly)

    together = [Slot(value.clone(), trainable=True) for value in start]
    torch_runtime.lay_out(together[0])
    means, squares, averages = ([Slot(value.clone()) for value in group] for group in
                                ([0 * v for v in start], [0 * v for v in start], start))  # fmt: skip
    if not average:
        averages = []
    steps = torch_runtime.StagedSteps(together, means, squares, averages, list(FACTORS), list(DECAYS))
    for number in range(6):
        rng = np.random.default_rng(number)
        gradients = [rng.normal(0, 0.1 + number, size=shape).astype("float32") for shape in SHAPES]
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], singly)
        clipped = torch_runtime.clip_by_norm([torch.from_numpy(gradient) for gradient in gradients], 0.5)
        # one of them in another order than its variable's
        clipped[2] = clipped[2].t().contiguous().t()
        steps.step(clipped, torch.tensor(1e-2), torch.tensor(number), (0.9, 0.999), 1e-8, average)
    slots = zip((*singly, *optimizer.averages), (*together, *averages), strict=True)
    for one, other in slots:
        np.testing.assert_allclose(other.value.detach().numpy(), keras.ops.convert_to_numpy(one), rtol=2e-5, atol=2e-6)


def test_a_norm_that_is_no_number_is_not_hidden() -> None:
    gradients = torch_runtime.clip_by_norm([torch.tensor([1.0, float("nan")]), torch.ones(2)], 1.0)
    assert all(torch.isnan(gradient).all() for gradient in gradients)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="recordings are of a card")
def test_a_recorded_step_does_what_the_step_does() -> None:
    total = torch.zeros(3, device="cuda")

    def step(data: Any) -> Any:
        total.add_(data[0].sum(0)).add_(torch.as_tensor(1.0, device="cuda"))
        return {"total": total * 1}

    recorded = torch_runtime.Recorded(step)
    batches = [torch.full((2, 3), float(number)) for number in range(8)]
    answers = [recorded([batch])["total"] for batch in batches]
    sums = np.cumsum([2.0 * number + 1.0 for number in range(8)])
    np.testing.assert_allclose([answer.cpu().numpy()[0] for answer in answers], sums)

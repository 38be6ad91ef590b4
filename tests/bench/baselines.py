"""The same network in other libraries, as fast as each can be made, for `bench_network`.

Each maker returns a function that does one step; its library must be installed.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from resnext_gui.engine.benchmark import Step

_Array = np.ndarray[Any, Any]


def steps(
    training: bool, precision: str, pixels: _Array, labels: _Array, threads: int, compiled: bool
) -> dict[str, Step]:
    """Return a step of each library that is installed, by its name.

    With `compiled` PyTorch takes part a second time, compiled; that takes a C++ compiler and minutes.
    """
    made: dict[str, Step] = {}
    if not _installed("torch"):
        return made
    if training:
        made["pytorch"] = torch_training(pixels, labels, precision, threads)
        if compiled:
            made["compiled"] = torch_training(pixels, labels, precision, threads, compiled=True)
        return made
    made["pytorch"] = torch_inference(pixels, precision, threads)
    if compiled:
        made["compiled"] = torch_compiled_inference(pixels, precision, threads)
    if _installed("openvino"):
        made["openvino"] = openvino_inference(pixels, precision, threads)
    if precision == "float32" and _installed("onnxruntime") and _installed("onnx"):
        made["onnxruntime"] = onnxruntime_inference(pixels, threads)
    return made


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def torch_network() -> Any:
    """Return ResNeXt-50 32x4d as a PyTorch module, built as torchvision builds it, channels last."""
    import torch
    from torch import nn

    class Bottleneck(nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self, inputs: int, planes: int, stride: int, around: bool) -> None:
            super().__init__()
            width = planes * 2

            def conv(entering: int, leaving: int, size: int, step: int = 1, groups: int = 1) -> Any:
                layer = nn.Conv2d(entering, leaving, size, step, size // 2, groups=groups, bias=False)
                return nn.Sequential(layer, nn.BatchNorm2d(leaving))

            relu = nn.ReLU(inplace=True)
            self.main = nn.Sequential(
                conv(inputs, width, 1), relu, conv(width, width, 3, stride, 32), relu, conv(width, planes * 4, 1)
            )
            self.around = conv(inputs, planes * 4, 1, stride) if around else nn.Identity()
            self.relu = relu

        def forward(self, x: Any) -> Any:
            y = self.main(x)
            y += self.around(x)
            return self.relu(y)

    blocks: list[Any] = []
    inputs = 64
    for stage, count in enumerate((3, 4, 6, 3)):
        planes = 64 * 2**stage
        for index in range(count):
            blocks.append(Bottleneck(inputs, planes, 2 if stage and not index else 1, not index))
            inputs = planes * 4
    stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000)
    network = nn.Sequential(*stem, *blocks, *head)
    return network.to(memory_format=torch.channels_last)


def _torch_pixels(pixels: _Array) -> Any:
    import torch

    return torch.from_numpy(pixels.transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)


def torch_training(pixels: _Array, labels: _Array, precision: str, threads: int, compiled: bool = False) -> Step:
    """Return PyTorch's training step: SGD with momentum, channels last, autocast where `precision` is bfloat16.

    With `compiled` by `torch.compile`, which needs a C++ compiler.
    """
    import torch

    torch.set_num_threads(threads)
    network = torch_network().train()
    if compiled:
        network = torch.compile(network)
    optimizer = torch.optim.SGD(network.parameters(), 0.01, 0.9, foreach=True)
    x, y = _torch_pixels(pixels), torch.from_numpy(labels)

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = torch.nn.functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_inference(pixels: _Array, precision: str, threads: int) -> Step:
    """Return PyTorch's inference, its normalisation folded too; in bfloat16 the weights are bfloat16 as well."""
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    torch.set_num_threads(threads)
    network, x = torch_network().eval(), _torch_pixels(pixels)
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            for index in range(len(part) - 1):
                if isinstance(part[index], nn.Conv2d) and isinstance(part[index + 1], nn.BatchNorm2d):
                    part[index] = fuse_conv_bn_eval(part[index], part[index + 1])
                    part[index + 1] = nn.Identity()
    network = network.to(memory_format=torch.channels_last)
    if precision == "bfloat16":
        network, x = network.to(torch.bfloat16), x.to(torch.bfloat16)

    def step() -> Any:
        with torch.inference_mode():
            return network(x)

    return step


def torch_compiled_inference(pixels: _Array, precision: str, threads: int) -> Step:
    """Return PyTorch's inference by `torch.compile` with frozen weights; it needs a C++ compiler."""
    import torch
    from torch._inductor import config

    torch.set_num_threads(threads)
    config.freezing = True
    network, x = torch_network().eval(), _torch_pixels(pixels)
    if precision == "bfloat16":
        network, x = network.to(torch.bfloat16), x.to(torch.bfloat16)
    network = torch.compile(network)

    def step() -> Any:
        with torch.no_grad():
            return network(x)

    return step


def openvino_inference(pixels: _Array, precision: str, threads: int) -> Step:
    """Return OpenVINO's inference of PyTorch's network, with its hint for this precision.

    As one batch, or as two halves in two streams, whichever is faster here.
    """
    import openvino
    import torch

    network = torch_network().eval()
    with torch.inference_mode():
        model = openvino.convert_model(network, example_input=torch.zeros(1, 3, *pixels.shape[1:3]))
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32" if precision == "float32" else "bf16",
    }
    x = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    whole = openvino.Core().compile_model(model, "CPU", {**options, "PERFORMANCE_HINT": "LATENCY"})
    if len(x) < 2 or len(x) % 2:
        return lambda: whole(x)
    model.reshape([len(x) // 2, *x.shape[1:]])
    queue = openvino.AsyncInferQueue(openvino.Core().compile_model(model, "CPU", {**options, "NUM_STREAMS": 2}), 2)
    halves = np.split(x, 2)

    def in_streams() -> None:
        for half in halves:
            queue.start_async(half)
        queue.wait_all()

    return _faster(lambda: whole(x), in_streams)


def _faster(*steps: Step) -> Step:
    """Return the fastest of `steps`, timed in turns."""
    best = [float("inf")] * len(steps)
    for turn in range(4):
        for number, step in enumerate(steps):
            began = time.perf_counter()
            step()
            if turn:
                best[number] = min(best[number], time.perf_counter() - began)
    return steps[best.index(min(best))]


def onnxruntime_inference(pixels: _Array, threads: int) -> Step:
    """Return ONNX Runtime's inference of PyTorch's network in float32."""
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        example = torch.zeros(len(pixels), 3, *pixels.shape[1:3])
        torch.onnx.export(torch_network().eval(), (example,), str(path), dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    x = {session.get_inputs()[0].name: np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))}
    return lambda: session.run(None, x)

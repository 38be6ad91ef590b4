"""Time our training step on PyTorch beside PyTorch's own, and beside ours on jax, on a card or on the processor.

    KERAS_BACKEND=torch python -m tests.bench.bench_card [--compiled] [--no-jax] [--batches 128 32]
    KERAS_BACKEND=torch python -m tests.bench.bench_card --preset resnext26_16x4d --size 64 --batches 8 --rounds 3

A table in less than four minutes on a card.  The rival is timm's ResNeXt-50 where timm is installed, else the same
network as `benchmark` has it (ResNeXt-50, whatever the preset), with the same choices: channels last, autocast, AdamW
in one operation, decay of matrices alone, the norm of all gradients clipped, averaged weights, smoothed labels.  All
take turns.  "run" is a pass over batches of float32 pixels in the computer's memory, as a training run makes them, with
the report after each step.  Before the table recorded steps and others are taken side by side: their losses must not
differ.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

from resnext_gui.engine.device import backend
from resnext_gui.engine.network.resnext import build_preset, inference_model
from resnext_gui.engine.network.runtime import speed_up
from resnext_gui.engine.training.optimizer import StagedAdamW
from resnext_gui.engine.worker import machine

CLASSES = 1000
DECAY, AVERAGE, RATE, SMOOTHING = 0.05, 0.99, 1e-4, 0.1
Step = Callable[[], Any]


def batches_of(batch: int, size: int, count: int) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    hot = np.eye(CLASSES, dtype="float32")
    ones = np.ones(batch, "float32")
    return [
        (rng.normal(size=(batch, size, size, 3)).astype("float32"), hot[rng.integers(0, CLASSES, batch)], ones)
        for _ in range(count)
    ]


class Pass(keras.utils.PyDataset):
    def __init__(self, batches: list[tuple[Any, ...]]) -> None:
        super().__init__()
        self._batches = batches

    @property
    def num_batches(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        return self._batches[number]


def our_network(size: int, preset: str, precision: str, fast: bool = True) -> Any:
    backend.set_precision(precision)
    model = build_preset(preset, input_shape=(size, size, 3), classes=CLASSES)
    decays = [DECAY if len(variable.shape) > 1 else 0.0 for variable in model.trainable_variables]
    model.compile(
        StagedAdamW(RATE, decays=decays, average=AVERAGE),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        **backend.compile_options(),
    )
    if fast:
        speed_up(model)
    return model


def our_training(batch: int, size: int, preset: str, precision: str, fast: bool = True) -> Step:
    model = our_network(size, preset, precision, fast)
    on_device = [keras.ops.convert_to_tensor(part) for part in batches_of(batch, size, 1)[0]]
    return lambda: model.train_on_batch(*on_device)


def our_run(batches: list[tuple[Any, ...]], size: int, preset: str, precision: str) -> Step:
    model = our_network(size, preset, precision)
    return lambda: model.fit(Pass(batches), epochs=1, shuffle=False, verbose=0, callbacks=[keras.callbacks.Callback()])


def our_inference(batch: int, size: int, preset: str, precision: str) -> Step:
    backend.set_precision(precision)
    function = backend.fast_function(inference_model(build_preset(preset, input_shape=(size, size, 3))))
    pixels = keras.ops.convert_to_tensor(batches_of(batch, size, 1)[0][0])
    return lambda: function(pixels)


class Plain:
    """PyTorch without Keras, with the same choices."""

    def __init__(self, device: str, precision: str, preset: str, compiled: bool) -> None:
        import torch
        from torch import nn

        from tests.bench.baselines import torch_network

        self.device = device
        self.cast = lambda: torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
        if importlib.util.find_spec("timm") and preset == "resnext50_32x4d":
            import timm

            network = timm.create_model(preset, num_classes=CLASSES)
        else:
            network = torch_network()
        self.network = network.to(device, memory_format=torch.channels_last).train()
        parameters = list(self.network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": DECAY},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, RATE, fused=True)
        self.parameters = parameters
        self.averages = [p.detach().clone() for p in parameters]
        self.loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
        self.forward = torch.compile(self.network) if compiled else self.network

    def step(self, x: Any, y: Any) -> Any:
        import torch

        self.optimizer.zero_grad(set_to_none=True)
        with self.cast():
            loss = self.loss(self.forward(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.parameters, 1 - AVERAGE)
        return loss

    def move(self, pixels: Any, hot: Any) -> tuple[Any, Any]:
        import torch

        return torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2), torch.from_numpy(hot).to(self.device)

    def training(self, batch: int, size: int) -> Step:
        x, y = self.move(*batches_of(batch, size, 1)[0][:2])
        return lambda: self.step(x, y)

    def run(self, batches: list[tuple[Any, ...]]) -> Step:
        return lambda: [float(self.step(*self.move(*batch[:2]))) for batch in batches]

    def inference(self, batch: int, size: int) -> Step:
        import torch

        x, _ = self.move(*batches_of(batch, size, 1)[0][:2])
        self.network.eval()

        @torch.inference_mode()
        def answer() -> Any:
            with self.cast():
                return self.forward(x).float().cpu().numpy()

        return answer


def in_turns(steps: dict[str, Step], rounds: int, calls: int, warm_ups: int = 5) -> dict[str, float]:
    """Return the median seconds of a call, in turns of `calls` calls."""
    for step in steps.values():
        for _ in range(warm_ups):
            step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds):
        for name in sorted(steps, reverse=bool(number % 2)):
            backend.synchronise()
            began = time.perf_counter()
            for _ in range(calls):
                steps[name]()
            backend.synchronise()
            times[name].append((time.perf_counter() - began) / calls)
    return {name: statistics.median(found) for name, found in times.items()}


def tell(what: str, pictures: int, times: dict[str, float]) -> None:
    rates = ", ".join(f"{name} {pictures / seconds:.0f}" for name, seconds in times.items())
    ours = times["ours"]
    ratios = ", ".join(f"{seconds / ours:.2f} times {name}" for name, seconds in times.items() if name != "ours")
    print(f"{what}: images/s {rates}" + (f"; ours is {ratios}" if ratios else ""), flush=True)


def compared(size: int, preset: str, steps: int = 8) -> float:
    """Return by how much of itself the loss of recorded steps differs from that of others, at most, in float32."""
    batches = batches_of(8, size, steps)
    losses = []
    for fast in (True, False):
        backend.seed(1)
        model = our_network(size, preset, "float32", fast)
        losses.append([model.train_on_batch(*batch)[0] for batch in batches])
    return float(np.max(np.abs(np.subtract(*losses)) / np.abs(losses[1])))


def on_jax(arguments: list[str]) -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    program = [sys.executable, "-m", "tests.bench.bench_card", "--json", *arguments]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=150, check=False)
    if done.returncode:
        print("jax:", done.stderr.strip().splitlines()[-1:], flush=True)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            for what, rate in json.loads(line).items():
                print(f"jax {what}: images/s {rate:.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="resnext50_32x4d")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 32])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--compiled", action="store_true", help="torch.compile, too: a minute more")
    parser.add_argument("--no-jax", action="store_true")
    parser.add_argument("--json", action="store_true", help="ours alone, as JSON")
    chosen = parser.parse_args()
    size, preset, precision = chosen.size, chosen.preset, chosen.precision
    report = backend.setup(precision=precision)
    kind = (size, preset, precision)
    if chosen.json:
        for batch in chosen.batches:
            times = in_turns({"ours": our_training(batch, *kind)}, chosen.rounds, chosen.calls)
            print(json.dumps({f"training, batch {batch}": batch / times["ours"]}), flush=True)
        return
    print(f"{report.name}, {machine.usable_cores()} cores, {preset}, {size} px, {precision}", flush=True)
    if report.device == "gpu":
        print(f"recorded and not, 8 steps: losses differ by {compared(size, preset):.1e} of themselves", flush=True)
    import torch

    device = "cuda" if report.device == "gpu" else "cpu"
    for batch in chosen.batches:
        steps = {
            "ours": our_training(batch, *kind),
            "unrecorded": our_training(batch, *kind, fast=False),
            "plain": Plain(device, precision, preset, compiled=False).training(batch, size),
        }
        tell(f"training, batch {batch}", batch, in_turns(steps, chosen.rounds, chosen.calls))
        steps = {
            "ours": our_inference(batch, *kind),
            "plain": Plain(device, precision, preset, compiled=False).inference(batch, size),
        }
        tell(f"inference, batch {batch}", batch, in_turns(steps, chosen.rounds, chosen.calls))
        gc.collect()
    first = chosen.batches[0]
    passing = batches_of(first, size, chosen.calls)
    steps = {
        "ours": our_run(passing, *kind),
        "plain": Plain(device, precision, preset, compiled=False).run(passing),
    }
    tell(f"run, batch {first}", first * len(passing), in_turns(steps, 3, 1, warm_ups=1))
    del steps
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
    if not chosen.no_jax and importlib.util.find_spec("jax"):
        on_jax([*(f"--{key}={value}" for key, value in zip(("size", "preset", "precision"), kind, strict=True)),
                "--rounds", "3", "--calls", str(chosen.calls), "--batches", *map(str, chosen.batches)])  # fmt: skip
    if chosen.compiled:
        steps = {
            "ours": our_training(first, *kind),
            "compiled": Plain(device, precision, preset, compiled=True).training(first, size),
        }
        tell(f"training, batch {first}", first, in_turns(steps, chosen.rounds, chosen.calls))


if __name__ == "__main__":
    main()

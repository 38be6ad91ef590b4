"""Time ResNeXt-50 32x4d beside PyTorch and OpenVINO on this processor.

    python -m tests.bench.bench_network [--rounds 5] [--batch 16] [--only training|inference] [--compiled]

Prints images a second (medians, in turns) and how many times as fast ours is.  The marks: 1.0 times PyTorch in
training and inference, both precisions, and 0.9 times OpenVINO.

With ``--threads 1 --cpu-time`` the processor's seconds are counted instead of the clock's: on a busy computer that is
the only number that means something, and with one thread only, since threads that wait are counted too.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

from resnext_gui.engine import benchmark
from resnext_gui.engine.device import backend
from resnext_gui.engine.worker import machine
from resnext_gui.engine.worker.control import Control
from tests.bench import baselines


def others(training: bool, precision: str, pixels: Any, labels: Any, compiled: bool) -> dict[str, benchmark.Step]:
    return baselines.steps(training, precision, pixels, labels, machine.usable_cores(), compiled)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", choices=("training", "inference"))
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--compiled", action="store_true", help="PyTorch's torch.compile, too; needs a C++ compiler")
    chosen = parser.parse_args()
    backend.setup("cpu", "float32", chosen.threads)
    if chosen.threads:
        machine.usable_cores = lambda: chosen.threads
    if chosen.cpu_time:
        time.perf_counter = time.process_time
    for precision in (chosen.precision,) if chosen.precision else ("float32", "bfloat16"):
        for training in (True, False):
            if chosen.only in (None, "training" if training else "inference"):
                beside = partial(others, training, precision, compiled=chosen.compiled)
                row = benchmark.network_row(training, precision, Control(), chosen.rounds, chosen.batch, beside=beside)
                print(benchmark.in_words(row), flush=True)


if __name__ == "__main__":
    main()

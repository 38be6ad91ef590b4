"""Time our grouped convolution beside Keras' own and two ways around it.

    python -m tests.bench.bench_layers [--rounds 7] [--threads 1 --cpu-time]

Prints milliseconds (medians, in turns) and how many times as fast ours is.  The marks: 100 times Keras' own in
training, 1.8 times the split into branches.
"""

from __future__ import annotations

import argparse
import time

from resnext_gui.engine.benchmark import in_words, layer_row
from resnext_gui.engine.device import backend
from resnext_gui.engine.worker.control import Control


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--cpu-time", action="store_true", help="see bench_network")
    chosen = parser.parse_args()
    backend.setup("cpu", "float32", chosen.threads)
    if chosen.cpu_time:
        time.perf_counter = time.process_time
    for training in (True, False):
        print(in_words(layer_row(training, Control(), chosen.rounds)), flush=True)


if __name__ == "__main__":
    main()

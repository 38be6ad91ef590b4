"""Time our grouped convolution beside Keras' own and two ways around it.

    python -m tests.bench.bench_layers [rounds]

Prints milliseconds (medians, in turns) and how many times as fast ours is.  The marks: 100 times Keras' own in
training, 1.8 times the split into branches.
"""

from __future__ import annotations

import sys

from resnext_gui.engine import backend
from resnext_gui.engine.benchmark import in_words, layer_row
from resnext_gui.engine.control import Control


def main(rounds: int = 7) -> None:
    backend.setup("cpu", "float32")
    for training in (True, False):
        print(in_words(layer_row(training, Control(), rounds)), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

"""Two processes that train one network together, as two machines would."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnext_gui.engine.device import backend
from resnext_gui.messages import UserError

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import json, sys
from resnext_gui.engine.device import backend

number, count = backend.join_processes()
import keras
import numpy as np
from resnext_gui.engine.training.optimizer import StagedAdamW
from resnext_gui.engine.network.resnext import build_resnext, set_trainable_stages

class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        pixels, labels = rng.normal(size=(8, 32, 32, 3)).astype("float32"), rng.integers(0, 3, 8)
        mine = slice(number * 8 // count, (number + 1) * 8 // count)
        return pixels[mine], labels[mine]

backend.seed(0)
model = build_resnext((1,), 4, 4, classes=3, stem=8, input_shape=(32, 32, 3))
set_trainable_stages(model, 0, frozen_statistics=sys.argv[1] == "frozen")
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(StagedAdamW(1e-3, average=0.9), loss, **backend.compile_options())
losses = model.fit(Batches(), epochs=3, shuffle=False, verbose=0).history["loss"]
weights = [float(np.abs(keras.ops.convert_to_numpy(weight)).sum()) for weight in model.weights]
print(json.dumps({"number": number, "count": count, "losses": losses, "weights": weights}))
"""


def started(statistics: str, number: int, addresses: list[str]) -> subprocess.Popen[str]:
    together = {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": ",".join(addresses),
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(len(addresses)),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
    }
    paths = os.pathsep.join([str(ROOT), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, statistics],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": paths, **(together if len(addresses) > 1 else {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def trained(statistics: str, count: int) -> list[dict[str, Any]]:
    addresses = []
    for _ in range(count):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            addresses.append(f"127.0.0.1:{free.getsockname()[1]}")
    processes = [started(statistics, number, addresses) for number in range(count)]
    try:
        outputs = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [json.loads(said.splitlines()[-1]) for said, _ in outputs]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed: the others cannot do it")
@pytest.mark.parametrize("statistics", ["frozen", "own"])
def test_two_processes_have_the_loss_curve_of_one(statistics: str) -> None:
    (alone,) = trained(statistics, 1)
    both = trained(statistics, 2)
    assert [(one["number"], one["count"]) for one in (alone, *both)] == [(0, 1), (0, 2), (1, 2)]
    for one in both:
        # float32 sums in another order; shares that were not added up would make a difference of percents
        np.testing.assert_allclose(one["losses"], alone["losses"], rtol=1e-5)
        np.testing.assert_allclose(one["weights"], alone["weights"], rtol=1e-4)
    assert alone["losses"][-1] < alone["losses"][0]


def test_one_process_needs_nothing_and_others_need_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_DISTRIBUTION_NUM_PROCESSES", raising=False)
    assert backend.join_processes() == (0, 1)
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    import keras

    if keras.config.backend() != "jax":
        with pytest.raises(UserError, match="Only jax"):
            backend.join_processes()

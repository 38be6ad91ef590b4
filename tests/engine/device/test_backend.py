"""What computes: chosen once a process, told in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from resnext_gui.engine.device import backend
from resnext_gui.engine.network.resnext import build_resnext, inference_model
from resnext_gui.engine.worker import machine
from resnext_gui.messages import Describe, UserError
from tests.jobs import in_job


@pytest.fixture(autouse=True)
def usual_policy() -> Iterator[None]:
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


def test_report_says_what_and_why() -> None:
    report = backend.setup("cpu", "float32")
    assert (report.device, report.precision, report.devices) == ("cpu", "float32", 1)
    assert report.cores == machine.usable_cores() >= 1
    assert report.name
    assert report.reason.endswith(".")
    assert backend.report() == report
    found = backend.describe_job(Describe("job", "cpu", "float32"), in_job())
    assert json.loads(json.dumps(found))["reason"] == report.reason


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_precision_becomes_the_policy(precision: str) -> None:
    assert backend.setup("cpu", precision).precision == precision
    policy = keras.config.dtype_policy()
    assert (policy.compute_dtype, policy.variable_dtype) == (precision, "float32")


@pytest.mark.parametrize(
    ("device", "precision", "code"),
    [("tpu", "auto", "bad_device"), ("cpu", "int4", "bad_precision"), ("gpu", "float32", "no_gpu")],
)
def test_wishes_that_cannot_be_met(device: str, precision: str, code: str) -> None:
    with pytest.raises(UserError) as caught:
        backend.setup(device, precision)
    assert caught.value.code == code
    assert caught.value.hint


def test_fastest_precision_is_timed_once_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[str] = []

    def step(precision: str, rounds: int = 3) -> float:
        timed.append(precision)
        return {"float32": 2.0, "bfloat16": 1.0}[precision]

    monkeypatch.setattr(backend, "timed_step", step)
    monkeypatch.setattr(backend, "_has_bfloat16_units", lambda: True)
    assert backend.choose_precision("cpu")[0] == "bfloat16"
    asked = len(timed)
    assert set(timed) == {"float32", "bfloat16"}
    precision, why = backend.choose_precision("cpu")
    assert (precision, len(timed)) == ("bfloat16", asked)
    assert "2 times" in why
    monkeypatch.setattr(backend, "WORTHWHILE", 3.0)
    assert backend.choose_precision("cpu")[0] == "float32", "an answer by an earlier rule was remembered"


def test_one_busy_moment_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"float32": iter([9.0, 1.0, 1.0]), "bfloat16": iter([1.0, 1.0, 1.0])}
    monkeypatch.setattr(backend, "timed_step", lambda precision, rounds=3: next(seconds[precision]))
    monkeypatch.setattr(backend, "_has_bfloat16_units", lambda: True)
    assert backend.choose_precision("cpu")[0] == "float32"


def test_small_gains_are_not_worth_fewer_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "timed_step", lambda p, rounds=3: {"float32": 1.05, "bfloat16": 1.0}[p])
    monkeypatch.setattr(backend, "_has_bfloat16_units", lambda: True)
    assert backend.choose_precision("cpu")[0] == "float32"


def test_processors_without_the_units_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_has_bfloat16_units", lambda: False)
    monkeypatch.setattr(backend, "timed_step", None)
    assert backend.choose_precision("cpu")[0] == "float32"


def test_probe_times_a_real_step() -> None:
    before = keras.config.dtype_policy()
    assert backend.timed_step("float32", rounds=1) > 0
    assert keras.config.dtype_policy() == before


def test_everything_random_follows_from_the_seed() -> None:
    backend.seed(3)
    first = keras.ops.convert_to_numpy(keras.random.normal((4,), seed=keras.random.SeedGenerator())).tolist()
    backend.seed(3)
    again = keras.ops.convert_to_numpy(keras.random.normal((4,), seed=keras.random.SeedGenerator())).tolist()
    assert first == again


def test_one_device_needs_no_strategy() -> None:
    with backend.strategy_scope():
        assert backend.replicas() == 1
    assert backend.compile_options()["jit_compile"] is False
    backend.synchronise()


def test_fast_function_gives_the_models_answers() -> None:
    model = inference_model(build_resnext((1, 1), 4, 4, classes=3))
    function = backend.fast_function(model)
    for batch in (1, 3):
        pixels = np.random.default_rng(batch).normal(size=(batch, 40, 33, 3)).astype("float32")
        want = keras.ops.convert_to_numpy(model(pixels, training=False))
        np.testing.assert_allclose(function(pixels), want, atol=1e-5)


SCRIPT = """
import json, sys, os
from resnext_gui.engine.device import backend
report = backend.setup(precision="float32")
import keras
print(json.dumps({"backend": keras.config.backend(), "device": report.device, "reported": report.backend,
                  "cuda": os.environ.get("CUDA_VISIBLE_DEVICES")}))
"""


@pytest.mark.parametrize("name", ["tensorflow", "torch"])
def test_a_fresh_process(name: str) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(Path(backend.__file__).parents[3])}
    environment.pop("KERAS_BACKEND", None)
    if name != "tensorflow":
        environment["KERAS_BACKEND"] = name
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["backend"], found["reported"]) == (name, name)


@pytest.mark.parametrize(
    ("system", "nvidia", "installed", "says"),
    [
        ("win32", True, True, "TensorFlow has no GPU on Windows since 2.10; this computer's NVIDIA card is not used."),
        ("win32", False, False, "TensorFlow has no GPU on Windows since 2.10; no graphics card is used."),
        ("darwin", False, True, "Apple's graphics processor is not used."),
        ("linux", True, True, "The installed program computes with the processor; this computer's NVIDIA card"),
        ("linux", True, False, "extra “gpu”"),
        ("linux", False, True, "A computer with an NVIDIA graphics card"),
    ],
)
def test_the_reason_why_no_graphics_card_computes(monkeypatch, system, nvidia, installed, says):
    monkeypatch.setattr(backend.sys, "platform", system)
    monkeypatch.setattr(backend.sys, "frozen", installed, raising=False)
    monkeypatch.setattr(backend, "_has_nvidia", lambda: nvidia)
    assert says in backend._gpu_advice()


def test_the_driver_of_nvidia_on_windows(monkeypatch, tmp_path):
    monkeypatch.setattr(backend.sys, "platform", "win32")
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    assert not backend._has_nvidia()
    (tmp_path / "System32").mkdir()
    (tmp_path / "System32" / "nvcuda.dll").touch()
    assert backend._has_nvidia()

"""Which backend, device, precision and distribution the engine computes with.

`setup` is called once in a process, before anything uses Keras.  Together with `convolution` (and what times things)
this is the only module that names a backend: everything else is plain Keras 3.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resnext_gui.engine.network.runtime import torch_runtime
from resnext_gui.engine.worker import machine
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import DeviceChosen, UserError

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "gpu")

WORTHWHILE = 1.15
"""How many times as fast bfloat16 must be to make up for its fewer digits."""

PRECISION_ROUNDS = 3
"""How often both precisions are timed, in turns."""


@dataclass(frozen=True)
class DeviceReport:
    """What computes, and why.

    Attributes:
        device: ``"cpu"`` or ``"gpu"``.
        name: what the maker calls it.
        precision: ``"float32"``, ``"bfloat16"`` or ``"float16"``; the variables stay in float32.
        reason: one sentence that says why this device and precision.
        advice: one sentence that says what would be faster; may be empty.
        cores: processor cores this process may use.
        devices: how many of `device` are used together.
        backend: Keras' backend.
    """

    device: str
    name: str
    precision: str
    reason: str
    advice: str
    cores: int
    devices: int = 1
    backend: str = "tensorflow"


_report: DeviceReport | None = None


def setup(device: str = "auto", precision: str = "auto", threads: int | None = None) -> DeviceReport:
    """Choose backend, device and precision, and make them Keras' defaults.

    The first call in a process decides the device and the threads; later calls may change the precision.

    Args:
        device: ``"auto"`` (a GPU where one works), ``"cpu"`` or ``"gpu"``.
        precision: ``"auto"`` (the fastest by a timed probe, remembered for this machine), ``"float32"``,
            ``"bfloat16"`` or ``"float16"``.
        threads: processor threads for one operation; all usable cores where None.

    Raises:
        UserError: ``no_gpu`` when a GPU is asked for and none works, ``bad_device`` or ``bad_precision``.
    """
    global _report
    if device not in DEVICES:
        raise UserError("bad_device", f"There is no device called “{device}”.", f"Use one of {', '.join(DEVICES)}.")
    if precision not in PRECISIONS:
        raise UserError(
            "bad_precision", f"There is no precision called “{precision}”.", f"Use one of {', '.join(PRECISIONS)}."
        )
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if device == "cpu" and _report is None:
        # Before the runtime looks: a GPU that is seen is also filled.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import keras

    backend = keras.config.backend()
    cores = machine.usable_cores()
    if _report is None:
        _configure_runtime(backend, threads or cores)
    gpus = _gpus(backend)
    if device == "gpu" and not gpus:
        raise UserError("no_gpu", "No graphics processor that the program can use was found.", _gpu_advice())
    chosen = "gpu" if gpus and device != "cpu" else "cpu"
    if precision == "auto":
        precision, why = choose_precision(chosen)
    else:
        why = f"{precision} was asked for"
    set_precision(precision)
    if chosen == "gpu":
        name = gpus[0] if len(set(gpus)) == 1 else ", ".join(gpus)
        reason, advice = f"A graphics processor was found; {why}.", ""
    else:
        name = machine.processor_name()
        found = "No usable graphics processor was found" if device == "auto" else "The processor was asked for"
        reason, advice = f"{found}; {why}.", "" if gpus else _gpu_advice()
    _report = DeviceReport(chosen, name, precision, reason, advice, cores, len(gpus) if chosen == "gpu" else 1, backend)
    return _report


def report() -> DeviceReport:
    """Return what `setup` chose, calling it with its defaults where nobody has."""
    return _report if _report is not None else setup()


def set_precision(precision: str) -> None:
    """Make layers built from now on compute in `precision` while their variables stay in float32."""
    import keras

    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")


def compile_options() -> dict[str, Any]:
    """Return arguments for `Model.compile` that are fastest here.

    XLA is left off on a CPU: it has no grouped convolution worth the name there.
    """
    import keras

    if keras.config.backend() == "jax":
        return {"jit_compile": True}
    return {"jit_compile": False}


def seed(value: int) -> None:
    """Make everything random in Keras, NumPy and Python follow from `value`, 0 or more."""
    import keras

    keras.utils.set_random_seed(value % 2**32)


def clear() -> None:
    """Forget graphs and names that Keras has collected, so that a long-lived process does not grow."""
    import keras

    keras.backend.clear_session(free_memory=True)


def synchronise() -> None:
    """Return when the accelerator has done everything asked of it so far."""
    import keras

    keras.ops.convert_to_numpy(keras.ops.ones((1,)) + 1)
    if keras.config.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()


def settle(model: Any) -> None:
    """Give the variables of `model` their values in the middle of `fit`, and let it see what is assigned to them.

    On jax they live outside the variables for the length of a pass, and a rate set by a callback would be lost.
    """
    import keras

    if keras.config.backend() == "jax":
        model.jax_state_sync()


def fast_function(model: Any) -> Callable[[Any], Any]:
    """Return a function from pixels to the model's outputs, both NumPy arrays, as fast as this backend can.

    The weights are those of this moment, and become constants: the runtime then brings them into its own layout once
    instead of at every call, and half precision copies are made once.  Meant for `inference_model`'s result.

    Args:
        model: takes (batch, height, width, channels) float32; any batch.
    """
    import keras

    runtime = torch_runtime()
    if runtime is not None:
        return runtime.frozen(model)  # type: ignore[no-any-return]
    if keras.config.backend() != "tensorflow":
        return lambda pixels: keras.ops.convert_to_numpy(model(pixels, training=False))
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    traced = tf.function(lambda pixels: model(pixels, training=False), autograph=False)
    concrete = traced.get_concrete_function(tf.TensorSpec(model.input_shape, "float32"))
    frozen = convert_variables_to_constants_v2(concrete)

    def run(pixels: Any) -> Any:
        return frozen(tf.constant(pixels, "float32"))[0].numpy()

    return run


# --------------------------------------------------------------------------------------------------------------------
# Several devices


def strategy_scope(devices: list[str] | None = None) -> contextlib.AbstractContextManager[Any]:
    """Return the block in which to build and compile a model that is to train on all devices.

    With several GPUs under TensorFlow this is the scope of a MirroredStrategy: each takes its share of every batch
    and the gradients are added up.  Everywhere else it does nothing.  The loss curve is that of one device only where
    batch normalisation keeps its statistics (each device would otherwise normalise its own share).

    Args:
        devices: logical devices such as ``["CPU:0", "CPU:1"]``, where the choice is not to be automatic.
    """
    strategy = _strategy(devices)
    scope: contextlib.AbstractContextManager[Any] = contextlib.nullcontext() if strategy is None else strategy.scope()
    return scope


_strategies: dict[tuple[str, ...], Any] = {}


def _strategy(devices: list[str] | None) -> Any:
    import keras

    if keras.config.backend() != "tensorflow":
        return None
    import tensorflow as tf

    names = devices or [device.name for device in tf.config.list_logical_devices("GPU")]
    if len(names) < 2:
        return None
    key = tuple(names)
    if key not in _strategies:
        _strategies[key] = tf.distribute.MirroredStrategy(names)
    return _strategies[key]


def replicas() -> int:
    """Return how many devices `strategy_scope` spreads a batch over."""
    strategy = _strategy(None)
    return 1 if strategy is None else int(strategy.num_replicas_in_sync)


def join_processes() -> tuple[int, int]:
    """Make this process one of several, on one machine or many, that train one model together; jax only.

    Each process runs the same script.  It calls this before it builds anything, builds and compiles the model after
    the same `seed`, and gives `fit` its own share of every batch: rows ``number * batch // count`` up to
    ``(number + 1) * batch // count``, as many in each process.  Gradients, loss and batch statistics are then those of
    the whole batch, so the loss curve is that of one process.

    Three environment variables say who takes part, as `keras.distribution.initialize` reads them:
    ``KERAS_DISTRIBUTION_JOB_ADDRESSES`` (``host:port`` of each, by commas; the first is where they meet),
    ``KERAS_DISTRIBUTION_NUM_PROCESSES`` and ``KERAS_DISTRIBUTION_PROCESS_ID`` (0 and up).  The connections are neither
    encrypted nor checked: for machines that trust each other.

    Returns:
        The number of this process, and how many there are; (0, 1) where the variables are not set.

    Raises:
        UserError: ``one_process``: the backend is not jax, which alone can do it.
    """
    count = int(os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES", "1"))
    if count < 2:
        return 0, 1
    import keras

    if keras.config.backend() != "jax":
        raise UserError(
            "one_process", "Only jax trains in several processes.", "Install jax and set KERAS_BACKEND=jax."
        )
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    keras.distribution.initialize()
    # Each process brings its own rows; Keras' way of dealing them out takes tf.data alone.
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    return int(jax.process_index()), int(jax.process_count())


# --------------------------------------------------------------------------------------------------------------------
# Devices


def _configure_runtime(backend: str, threads: int) -> None:
    if backend == "tensorflow":
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        with contextlib.suppress(RuntimeError):  # somebody has used the runtime already: its threads are made
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(max(2, min(threads, 4)))
        for gpu in tf.config.list_physical_devices("GPU"):
            with contextlib.suppress(RuntimeError, ValueError):
                tf.config.experimental.set_memory_growth(gpu, True)
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)


def _gpus(backend: str) -> list[str]:
    """Return the names of the GPUs that work, after a small sum on the first."""
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices("GPU")
        try:
            if devices:
                with tf.device("GPU:0"):
                    float(tf.reduce_sum(tf.ones(4)))
        except (RuntimeError, tf.errors.OpError):
            return []
        details = [tf.config.experimental.get_device_details(device) for device in devices]
        return [str(found.get("device_name", "graphics processor")) for found in details]
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return ["Apple graphics processor"] if torch.backends.mps.is_available() else []
    import jax

    return [str(device.device_kind) for device in jax.devices() if device.platform != "cpu"]


def _gpu_advice() -> str:
    """Return why no graphics processor computes here, and what would change that."""
    installed = getattr(sys, "frozen", False)
    if sys.platform == "win32":
        card = "this computer's NVIDIA card is not used" if _has_nvidia() else "no graphics card is used"
        return (
            f"TensorFlow has no GPU on Windows since 2.10; {card}. "
            "Started from its source, the program uses one inside WSL 2, or with PyTorch and KERAS_BACKEND=torch."
        )
    if sys.platform == "darwin":
        return (
            "TensorFlow has no GPU on macOS; Apple's graphics processor is not used. "
            "Started from its source, the program uses it with PyTorch and KERAS_BACKEND=torch."
        )
    if _has_nvidia():
        if installed:
            return (
                "The installed program computes with the processor; this computer's NVIDIA card is not used. "
                "Started from its source with “bash packaging/run.sh”, it uses the card."
            )
        return "There is an NVIDIA card here: install the program with its extra “gpu” to use it."
    return "A computer with an NVIDIA graphics card trains ten times faster or more."


def _has_nvidia() -> bool:
    """Tell whether NVIDIA's driver is installed."""
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").exists()
    return Path("/proc/driver/nvidia/version").exists()


# --------------------------------------------------------------------------------------------------------------------
# Precision


def choose_precision(device: str) -> tuple[str, str]:
    """Return the fastest precision that is safe for training on `device`, and why, in a few words.

    On a CPU a few training steps are timed in float32 and in bfloat16 (some seconds), and the answer is remembered in
    the user's cache folder for this processor and these versions.
    """
    import keras

    backend = keras.config.backend()
    if device == "gpu":
        return _gpu_precision(backend)
    if not _has_bfloat16_units():
        return "float32", "this processor has no units for shorter numbers, so float32 is fastest"
    if backend == "torch" or backend == "jax":
        return "float32", f"float32 is the safe choice with {backend} on a processor"
    # The rule's own numbers are part of the question: what an earlier one has remembered was never meant for this one.
    return machine.measured_once(
        "precision",
        ["every round", PRECISION_ROUNDS, WORTHWHILE],
        _time_precisions,
        lambda values: (str(values["precision"]), str(values["why"])),
    )


def _time_precisions() -> dict[str, Any]:
    # Taking turns, and the least gain of all: a busy moment must not decide for ever.
    rounds = [{name: timed_step(name) for name in ("float32", "bfloat16")} for _ in range(PRECISION_ROUNDS)]
    gain = min(turn["float32"] / max(turn["bfloat16"], 1e-9) for turn in rounds)
    why = f"in a test bfloat16 was {gain:.2g} times as fast as float32"
    return {"precision": "bfloat16" if gain >= WORTHWHILE else "float32", "why": why, "seconds": rounds}


def timed_step(precision: str, rounds: int = 3) -> float:
    """Return the seconds of what a bottleneck block does in training, in `precision`: the best of `rounds`.

    One block without the rest of Keras around it: the ratio is that of whole networks, and tracing takes no time.
    """
    from resnext_gui.engine.device.timing import training_probe

    step = training_probe(precision)
    step()
    return min(_timed(step) for _ in range(rounds))


def _timed(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _has_bfloat16_units() -> bool:
    """Return whether the processor multiplies bfloat16 in hardware; True where that cannot be read."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine().lower() in ("amd64", "x86_64") and sys.platform != "darwin"
    return any(f" {flag}" in flags for flag in ("avx512_bf16", "amx_bf16", "bf16"))


def _gpu_precision(backend: str) -> tuple[str, str]:
    capability: tuple[int, int] = (0, 0)
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices("GPU")
        details = tf.config.experimental.get_device_details(devices[0]) if devices else {}
        capability = tuple(details.get("compute_capability", (0, 0)))
    elif importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            capability = torch.cuda.get_device_capability(0)
    if capability >= (8, 0):
        return "bfloat16", "this one computes bfloat16 at full speed"
    if capability >= (7, 0):
        return "float16", "this one computes float16 at full speed"
    return "float32", "float32 is the safe choice on this one"


def announce(report: DeviceReport, job: JobContext) -> None:
    """Say which device computes."""
    job.emit(DeviceChosen(job.job_id, report.device, report.name, report.precision, report.reason, report.advice))


def describe_job(command: Any, job: JobContext) -> dict[str, Any]:
    """Serve `messages.Describe`: return what `setup` chooses, as a dictionary."""
    job.check()
    return asdict(setup(command.device, command.precision))

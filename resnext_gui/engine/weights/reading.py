"""Opens a file of weights, whatever its format, and returns its tensors by torchvision's names."""

from __future__ import annotations

import io
import json
import math
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resnext_gui.engine.network.names import torch_name
from resnext_gui.engine.weights.h5 import Budget, layer_arrays, read_h5
from resnext_gui.engine.weights.report import CheckpointError
from resnext_gui.engine.weights.torch_pickle import as_float32, read_torch_file, strip_prefixes

_Array = np.ndarray[Any, Any]

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".h5", ".hdf5", ".keras")

_SAFE_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bfloat16",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1", "U8": "<u1", "BOOL": "?",
}  # fmt: skip

LARGEST = 2**33
"""Bytes of the largest file that is read; the largest ResNeXt ever published has under 2**32."""


@dataclass
class RawWeights:
    """A file's contents before anything is decided about them.

    Attributes:
        tensors: by torchvision's names, in torchvision's layout; counters may be among them.
        layout: whose conventions the file follows.
        metadata: what the file says about itself.
        epsilon: what its network adds to variances.
        raw_pixels: whether its network takes pixels 0..255 as they are.
        ignored: names of constants left out on reading.
    """

    tensors: dict[str, _Array]
    layout: str
    metadata: dict[str, str] = field(default_factory=dict)
    epsilon: float = 1e-5
    raw_pixels: bool = False
    ignored: list[str] = field(default_factory=list)


def read_weights(path: Path) -> RawWeights:
    """Read a file by what it contains; its suffix is not believed.

    Raises:
        CheckpointError: it cannot be read, or is in no known format.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointError(path, "it is no file")
        if status.st_size > LARGEST:
            raise CheckpointError(path, "it is larger than the weights of any ResNeXt")
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise CheckpointError(path, f"it cannot be read ({error.strerror or error})", "Check the path.") from error
    if not start:
        raise CheckpointError(path, "it is empty")
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        found = read_h5(path)
        if found.unknown:
            raise CheckpointError(
                path, f"its layer {found.unknown[0]} is part of no ResNeXt", code="wrong_architecture"
            )
        return RawWeights(
            found.tensors,
            f"{found.layout}, HDF5",
            epsilon=found.epsilon,
            raw_pixels=found.input_norm,
            ignored=found.ignored,
        )
    if start.startswith(b"PK") and _holds(path, "config.json"):
        return _read_keras(path)
    if start[8:9] == b"{":
        return _read_safetensors(path)
    if start.startswith((b"PK", b"\x80")):
        tensors = read_torch_file(path)
        return _without_counters(RawWeights(tensors, "torchvision/timm, PyTorch"))
    kinds = ", ".join(SUFFIXES)
    raise CheckpointError(path, f"it is in no format known here ({kinds}), or cut off at its beginning")


def _holds(path: Path, entry: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return entry in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def _read_safetensors(path: Path) -> RawWeights:
    from safetensors import SafetensorError, safe_open

    try:
        # The library checks that header and data agree to the byte, so a cut file ends here.
        with safe_open(str(path), "numpy") as file:
            metadata = {str(key): str(value) for key, value in (file.metadata() or {}).items()}
        tensors = _safe_tensors(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise CheckpointError(path, f"it is damaged or cut off ({error})") from error
    bare = strip_prefixes(list(tensors))
    raw = RawWeights({bare[name]: array for name, array in tensors.items()}, "torchvision/timm, safetensors", metadata)
    try:
        raw.epsilon = float(metadata.get("norm_epsilon", raw.epsilon))
    except ValueError as error:
        raise CheckpointError(path, f"what it says about its normalisation makes no sense ({error})") from error
    raw.raw_pixels = "bn_data.bias" in raw.tensors
    return _without_counters(raw)


def _safe_tensors(path: Path) -> dict[str, _Array]:
    """Read all tensors as float32 (integers as they are); NumPy's own reader knows no bfloat16."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = np.fromfile(file, "<u1")
    tensors: dict[str, _Array] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind = _SAFE_TYPES.get(entry["dtype"])
        if kind is None:
            raise ValueError(f"{name} is of the type {entry['dtype']}")
        begin, end = entry["data_offsets"]
        part, shape = data[begin:end], tuple(entry["shape"])
        if kind == "bfloat16":
            array = (part.view("<u2").astype("<u4") << 16).view("<f4")
        else:
            array = np.frombuffer(part.tobytes(), kind)
        if array.size != math.prod(shape):
            raise ValueError(f"{name} is not as long as its shape says")
        tensors[name] = as_float32(array.reshape(shape))
    return tensors


def _without_counters(raw: RawWeights) -> RawWeights:
    """Set aside PyTorch's step counters; everything else must be used."""
    counters = [name for name in raw.tensors if name.endswith("num_batches_tracked")]
    for name in counters:
        del raw.tensors[name]
    raw.ignored += counters
    return raw


# --------------------------------------------------------------------------------------------------------------------
# Our own .keras

_KERAS_MODULES = ("keras", "keras.layers", "keras.initializers", "keras.models", "keras.src.models.functional")
_KERAS_CLASSES = {
    "Functional", "InputLayer", "ZeroPadding2D", "MaxPooling2D", "ReLU", "Add", "Activation", "Dense", "Dropout",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "DTypePolicy", "HeNormal", "RandomNormal", "GlorotUniform",
    "Zeros", "Ones", "__keras_tensor__", "GroupedConv2D", "BatchNorm", "Join", "PaddedMaxPool", "After",
}  # fmt: skip


_MOST_DESCRIPTION = 2**25


def _read_keras(path: Path) -> RawWeights:
    """Read a model that this program saved with Keras, without Keras.

    Its description is checked to name no class but those of our networks, and only looked up for a few numbers: no
    class is made from it.
    """
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo("config.json")
            numbers = archive.getinfo("model.weights.h5")
            if entry.file_size > _MOST_DESCRIPTION or numbers.file_size > 4 * path.stat().st_size + 2**20:
                raise CheckpointError(path, "its archive claims more than the file holds")
            config = json.loads(archive.read(entry))
            _check_config(path, config)
            with archive.open(numbers) as stream, h5py.File(io.BytesIO(stream.read()), "r") as file:
                arrays = layer_arrays(file, Budget(numbers.file_size))
        raw = _keras_tensors(config, arrays)
    except (
        ValueError, TypeError, KeyError, IndexError, OSError, zipfile.BadZipFile, RuntimeError, AttributeError,
        NotImplementedError, EOFError, zlib.error, MemoryError, OverflowError,
    ) as error:  # fmt: skip
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(path, f"it is damaged, or no model of this program ({first})") from error
    return raw


def _keras_tensors(config: dict[str, Any], arrays: dict[str, list[_Array]]) -> RawWeights:
    """Give the layers' arrays torchvision's names and layout."""
    layers = {str(layer["config"]["name"]): layer for layer in config["config"]["layers"]}
    if "conv1" in layers and "bn1" not in layers:
        raise ValueError("its normalisation is folded into the convolutions: only the model before that can be read")
    raw = RawWeights({}, "ResNeXt GUI, Keras")
    for name, values in arrays.items():
        layer = layers[name]
        kind, options = layer["class_name"], layer["config"]
        if kind == "BatchNorm":
            parts = ["weight"] * bool(options.get("scale", True)) + ["bias"] * bool(options.get("center", True))
            parts += ["running_mean", "running_var"]
            raw.epsilon = float(options["epsilon"])
        elif kind in ("GroupedConv2D", "Dense"):
            turned = (3, 2, 0, 1) if kind == "GroupedConv2D" else (1, 0)
            values = [np.ascontiguousarray(values[0].transpose(turned)), *values[1:]]
            parts = ["weight"] + ["bias"] * bool(options.get("use_bias", True))
        else:
            continue  # a dropout's counter
        module = torch_name(name)
        raw.tensors.update({f"{module}.{part}": value for part, value in zip(parts, values, strict=True)})
    raw.metadata["pooling"] = "max" if layers["pool"]["class_name"] == "GlobalMaxPooling2D" else "avg"
    raw.raw_pixels = "bn_data" in arrays
    return raw


def _check_config(path: Path, node: Any) -> None:
    if isinstance(node, dict):
        if "class_name" in node:
            name, module = node["class_name"], node.get("module")
            ours = node.get("registered_name") in (None, name, f"resnext_gui>{name}")
            places = (*_KERAS_MODULES, "resnext_gui.engine.network.layers", "builtins", None)
            if name not in _KERAS_CLASSES or module not in places or not ours:
                raise CheckpointError(
                    path, f"it names a part that no ResNeXt has ({module}.{name})", code="hostile_checkpoint"
                )
        for key, value in node.items():
            if key != "compile_config":
                _check_config(path, value)
    elif isinstance(node, list):
        for value in node:
            _check_config(path, value)

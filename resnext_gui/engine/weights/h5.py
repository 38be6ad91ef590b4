"""Reads the HDF5 weights of the two older Keras ResNeXts and gives them torchvision's names and layout.

keras-applications stores a grouped kernel as that of a depthwise convolution; image-classifiers stores one small
convolution a group.  Each is written in three ways: weights alone, a whole model, and Keras 3's ``.weights.h5``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resnext_gui.engine.weights.report import CheckpointError

_Array = np.ndarray[Any, Any]
_Layers = dict[str, list[_Array]]

APPLICATIONS_EPSILON = 1.001e-5
CLASSIFIERS_EPSILON = 2e-5


@dataclass
class H5Weights:
    """What an HDF5 file holds.

    Attributes:
        tensors: float32 arrays by torchvision's names, in torchvision's layout.
        layout: ``"keras-applications"`` or ``"image-classifiers"``.
        epsilon: what its network adds to variances.
        input_norm: whether its network begins by normalising raw pixels.
        ignored: names of constants that are not learned.
        unknown: names of layers that are part of no ResNeXt.
    """

    tensors: dict[str, _Array]
    layout: str
    epsilon: float
    input_norm: bool = False
    ignored: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def read_h5(path: Path) -> H5Weights:
    """Read a ``.h5`` file of either kind.

    Raises:
        CheckpointError: it is damaged, or neither kind.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            layers = layer_arrays(file, Budget(path.stat().st_size))
    except (
        OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, UnicodeDecodeError, MemoryError,
        OverflowError,
    ) as error:  # fmt: skip
        raise CheckpointError(path, f"it is damaged, cut off, or no HDF5 file of weights ({error})") from error
    if not layers:
        raise CheckpointError(path, "it is an HDF5 file, but holds no Keras weights")
    if "bn_data" in layers:
        return _image_classifiers(path, layers)
    if "conv1_conv" in layers:
        return _keras_applications(path, layers)
    names = ", ".join(list(layers)[:3]) or "none"
    raise CheckpointError(path, f"its layers are those of no ResNeXt known here (the first are: {names})")


class Budget:
    """How many bytes may still be read.  Compressed or shared numbers can claim to be more than any memory holds."""

    def __init__(self, size: int) -> None:
        """Args:
        size: of the file, in bytes.
        """
        self._left = 4 * size + 2**20

    def take(self, size: int) -> None:
        """Take `size` bytes.

        Raises:
            ValueError: there are not so many left.
        """
        self._left -= size
        if self._left < 0:
            raise ValueError("its tables claim more numbers than the file holds")


def layer_arrays(file: Any, budget: Budget) -> _Layers:
    """Return each layer's arrays, float32, from an open HDF5 file in any of Keras' ways of writing."""
    if "layers" in file:
        return _keras3_layers(_inside(file, "layers"), budget)
    return _legacy_layers(_inside(file, "model_weights") if "model_weights" in file else file, budget)


def _legacy_layers(group: Any, budget: Budget) -> _Layers:
    """Return each layer's arrays from what Keras 1 and 2 write, and Keras 3 under the suffix ``.h5``."""
    layers: _Layers = {}
    for name in _names(group, "layer_names"):
        layer = _inside(group, name)
        weights = _names(layer, "weight_names")
        if weights:
            # A gconv is a constant of zeros and ones, and large.
            constant = name.endswith("_gconv")
            layers[name] = [] if constant else [_array(_inside(layer, weight), budget) for weight in weights]
    return layers


def _inside(group: Any, name: str) -> Any:
    """Return what lies under `name` in the file itself.

    Raises:
        KeyError: there is nothing, or a link, which could lead to any file on this computer; weights need none.
    """
    import h5py

    for part in name.strip("/").split("/"):
        if not isinstance(group, h5py.Group) or not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise KeyError(f"{name} is missing or lies in another place")
        group = group[part]
    return group


def _names(group: Any, attribute: str) -> list[str]:
    """Return a list of names, which Keras spreads over several attributes where it is too long for one."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    names: list[str] = []
    part = 0
    while f"{attribute}{part}" in group.attrs:
        names += [_text(name) for name in group.attrs[f"{attribute}{part}"]]
        part += 1
    return names


def _keras3_layers(group: Any, budget: Budget) -> _Layers:
    """Return each layer's arrays from a ``.weights.h5``, which numbers the layers but notes their names beside."""
    layers: _Layers = {}
    for key in group:
        layer = _inside(group, key)
        if "vars" in layer and len(variables := _inside(layer, "vars")):
            name = _text(layer.attrs.get("name", variables.attrs.get("name", key)))
            layers[name] = [_array(_inside(variables, str(index)), budget) for index in range(len(variables))]
    return layers


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _array(dataset: Any, budget: Budget) -> _Array:
    # A file may point to other files on this computer; weights never do.
    if dataset.external or dataset.is_virtual or dataset.dtype.kind != "f":
        raise ValueError(f"{dataset.name} is no table of numbers")
    budget.take(dataset.size * max(dataset.dtype.itemsize, 4))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(dataset[()], "float32")


# --------------------------------------------------------------------------------------------------------------------


def _conv(kernel: _Array) -> _Array:
    """Turn (k, k, channels / groups, filters) into torchvision's (filters, channels / groups, k, k)."""
    if kernel.ndim != 4:
        raise ValueError(f"a kernel of shape {kernel.shape}")
    return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))


def _norm(arrays: list[_Array]) -> dict[str, _Array]:
    return dict(zip(("weight", "bias", "running_mean", "running_var"), arrays, strict=True))


def _depthwise(kernel: _Array) -> _Array:
    """Turn a depthwise kernel (k, k, channels, c) into a grouped one (k, k, c, channels).

    The depthwise convolution makes c outputs of each channel, and output i of the group is the sum over the group's
    channels j of their i-th: so kernel[j, i] within a group belongs to input j and output i.
    """
    rows, columns, channels, deep = kernel.shape
    if channels % deep:
        raise ValueError(f"a depthwise kernel of shape {kernel.shape}")
    grouped = kernel.reshape(rows, columns, channels // deep, deep, deep)
    return grouped.transpose(0, 1, 3, 2, 4).reshape(rows, columns, deep, channels)


def _keras_applications(path: Path, layers: _Layers) -> H5Weights:
    found = H5Weights({}, "keras-applications", APPLICATIONS_EPSILON)
    for name, arrays in layers.items():
        try:
            for key, array in _applications_layer(name, arrays, found).items():
                found.tensors[key] = array
        except ValueError as error:
            raise CheckpointError(path, f"layer {name} has the wrong form ({error})") from error
    return found


def _applications_layer(name: str, arrays: list[_Array], found: H5Weights) -> dict[str, _Array]:
    if name == "conv1_conv":
        return {"conv1.weight": _conv(*_only(arrays))}
    if name == "conv1_bn":
        return {f"bn1.{part}": array for part, array in _norm(arrays).items()}
    if name in ("probs", "predictions"):
        return _dense(arrays)
    match = re.fullmatch(r"conv(\d+)_block(\d+)_([0123])_(conv|bn|gconv)", name)
    if match is None:
        found.unknown.append(name)
        return {}
    stage, block, part, kind = int(match[1]) - 1, int(match[2]) - 1, match[3], match[4]
    prefix = f"layer{stage}.{block}."
    if kind == "gconv":
        found.ignored.append(name)
        return {}
    if kind == "bn":
        module = "downsample.1" if part == "0" else f"bn{part}"
        return {f"{prefix}{module}.{field}": array for field, array in _norm(arrays).items()}
    (kernel,) = _only(arrays)
    if part == "2":
        kernel = _depthwise(kernel)
    return {prefix + ("downsample.0" if part == "0" else f"conv{part}") + ".weight": _conv(kernel)}


def _dense(arrays: list[_Array]) -> dict[str, _Array]:
    kernel, bias = _only(arrays, 2)
    return {"fc.weight": np.ascontiguousarray(kernel.T), "fc.bias": bias}


def _only(arrays: list[_Array], count: int = 1) -> list[_Array]:
    if len(arrays) != count:
        raise ValueError(f"{len(arrays)} tensors instead of {count}")
    return arrays


def _image_classifiers(path: Path, layers: _Layers) -> H5Weights:
    found = H5Weights({}, "image-classifiers", CLASSIFIERS_EPSILON, input_norm=True)
    units = sorted(
        {(int(m[1]), int(m[2])) for name in layers if (m := re.fullmatch(r"stage(\d+)_unit(\d+)_conv1", name))}
    )
    # The convolutions of a group have no names of their own; they are numbered in the order they were made.
    nameless = sorted(
        (name for name in layers if re.fullmatch(r"conv2d(_\d+)?", name)),
        key=lambda name: int(name.rpartition("_")[2]) if "_" in name else 0,
    )
    if not units or not nameless or len(nameless) % len(units):
        raise CheckpointError(path, f"{len(nameless)} small convolutions do not share out among {len(units)} blocks")
    groups = len(nameless) // len(units)
    try:
        for index, (stage, unit) in enumerate(units):
            kernels = [_only(layers[name])[0] for name in nameless[index * groups : (index + 1) * groups]]
            found.tensors[f"layer{stage}.{unit - 1}.conv2.weight"] = _conv(np.concatenate(kernels, axis=-1))
        for name, arrays in layers.items():
            if name not in nameless:
                found.tensors.update(_classifiers_layer(name, arrays, found))
    except ValueError as error:
        raise CheckpointError(path, f"a layer has the wrong form ({error})") from error
    return found


def _classifiers_layer(name: str, arrays: list[_Array], found: H5Weights) -> dict[str, _Array]:
    if name == "bn_data":
        beta, mean, variance = _only(arrays, 3)
        return {"bn_data.bias": beta, "bn_data.running_mean": mean, "bn_data.running_var": variance}
    if name == "conv0":
        return {"conv1.weight": _conv(*_only(arrays))}
    if name == "bn0":
        return {f"bn1.{part}": array for part, array in _norm(arrays).items()}
    if name == "fc1":
        return _dense(arrays)
    match = re.fullmatch(r"stage(\d+)_unit(\d+)_(conv|bn|sc)([123]?)(_bn)?", name)
    if match is None:
        found.unknown.append(name)
        return {}
    prefix = f"layer{match[1]}.{int(match[2]) - 1}."
    if match[3] == "sc":
        if match[5]:
            return {f"{prefix}downsample.1.{field}": array for field, array in _norm(arrays).items()}
        return {prefix + "downsample.0.weight": _conv(*_only(arrays))}
    if match[3] == "bn":
        return {f"{prefix}bn{match[4]}.{field}": array for field, array in _norm(arrays).items()}
    return {f"{prefix}conv{match[4]}.weight": _conv(*_only(arrays))}

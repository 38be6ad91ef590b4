"""Decides whether tensors are the weights of a ResNeXt, and of which, and whether they can be trusted to be whole.

Everything is read from names and shapes; nothing is asked.  Names and layout are torchvision's: convolutions
(filters, channels / groups, k, k), the head (classes, features).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from resnext_gui.engine.weights.report import CheckpointError, Report

_Array = np.ndarray[Any, Any]
_NORM = ("weight", "bias", "running_mean", "running_var")

_OTHER_NETWORKS = (
    (r"layer\d+\.\d+\.se\b|\.se_module\.|\.fc[12]\.weight$", "a squeeze-and-excitation network (SE-ResNeXt)"),
    (r"^conv1\.0\.weight$", "a ResNeXt with a deep stem (such as resnext50d)"),
    (r"^features\.denseblock", "a DenseNet"),
    (r"\.relative_position_bias_table$", "a Swin transformer"),
    (r"^(blocks\.\d+\.attn|vit|cls_token|class_token|conv_proj\.)|\.encoder_layer_0\.", "a vision transformer"),
    (r"^stages\.\d+\.(blocks\.)?\d+\.(conv_dw|dwconv)|^features\.\d+\.\d+\.layer_scale$|^convnext", "a ConvNeXt"),
    (r"^(trunk_output\.|s1\.b1\.)", "a RegNet"),
    (r"^(blocks\.|_blocks\.|conv_stem)", "an EfficientNet"),
    (r"^features\.\d+\.", "a VGG or MobileNet"),
)


def detect_architecture(path: Path, tensors: dict[str, _Array]) -> dict[str, Any]:
    """Return the arguments of `build_resnext` that these tensors were made for.

    Raises:
        CheckpointError: they are those of another network, and which where that can be said.
    """
    for pattern, what in _OTHER_NETWORKS:
        # A ResNeXt has an fc1 of its own only as part of our hidden head, without a prefix.
        if any(re.search(pattern, name) for name in tensors):
            raise CheckpointError(path, f"it is {what}, not a ResNeXt", code="wrong_architecture")
    blocks: dict[int, set[int]] = {}
    for name in tensors:
        match = re.match(r"layer(\d+)\.(\d+)\.", name)
        if match:
            blocks.setdefault(int(match[1]), set()).add(int(match[2]))
    if not blocks or "conv1.weight" not in tensors:
        first = ", ".join(name[:80] for name in sorted(tensors)[:3])
        reason = f"it is not a ResNeXt (its tensors begin: {first})" if tensors else "it holds no tensors"
        raise CheckpointError(path, reason, code="wrong_architecture")
    if sorted(blocks) != list(range(1, len(blocks) + 1)) or any(
        found != set(range(len(found))) for found in blocks.values()
    ):
        raise CheckpointError(path, "blocks are missing from its stages", code="incomplete_checkpoint")
    if "layer1.0.conv3.weight" not in tensors:
        if "layer1.0.conv2.weight" in tensors:
            reason = "its blocks have two convolutions (ResNet-18 or 34); only networks with bottlenecks are used here"
            raise CheckpointError(path, reason, code="wrong_architecture")
        raise CheckpointError(path, "layer1.0.conv3.weight is missing", code="incomplete_checkpoint")
    grouped = tensors.get("layer1.0.conv2.weight")
    if grouped is None or grouped.ndim != 4 or tensors["conv1.weight"].ndim != 4:
        raise CheckpointError(path, "layer1.0.conv2.weight is missing or no convolution", code="incomplete_checkpoint")
    width, per_group = int(grouped.shape[0]), int(grouped.shape[1])
    if per_group < 1 or width % per_group:
        shape = "x".join(map(str, grouped.shape))
        raise CheckpointError(path, f"layer1.0.conv2.weight has the shape {shape}, which no grouped convolution has")
    head = tensors.get("fc.weight")
    stem = int(tensors["conv1.weight"].shape[0])
    if stem < 1 or (head is not None and (head.ndim != 2 or head.shape[0] < 1)):
        name = "fc.weight" if stem else "conv1.weight"
        raise CheckpointError(path, f"{name} has the shape {_dims(tensors[name].shape)}, which none has")
    return {
        "blocks": [len(blocks[stage]) for stage in sorted(blocks)],
        "cardinality": width // per_group,
        "base_width": per_group,
        "stem": stem,
        "include_top": head is not None,
        "input_norm": "bn_data.bias" in tensors,
        **({} if head is None else {"classes": int(head.shape[0])}),
        **({} if head is None else {"head": "hidden" if "fc1.weight" in tensors else "linear"}),
    }


def expected_shapes(architecture: dict[str, Any], channels: int = 3, hidden: int = 1024) -> dict[str, tuple[int, ...]]:
    """Return {torchvision's name: shape} of every tensor that a network of this architecture has."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name: str, filters: int, inputs: int, size: int) -> None:
        shapes[f"{name}.weight"] = (filters, inputs, size, size)

    def norm(name: str, filters: int) -> None:
        shapes.update({f"{name}.{part}": (filters,) for part in _NORM})

    cardinality, base_width, stem = (architecture[key] for key in ("cardinality", "base_width", "stem"))
    if architecture.get("input_norm"):
        norm("bn_data", channels)
        del shapes["bn_data.weight"]
    conv("conv1", stem, channels, 7)
    norm("bn1", stem)
    inputs = stem
    for stage, count in enumerate(architecture["blocks"], start=1):
        width, wide = 2 ** (stage - 1) * base_width * cardinality, 256 * 2 ** (stage - 1)
        for index in range(count):
            prefix = f"layer{stage}.{index}."
            conv(prefix + "conv1", width, inputs, 1)
            norm(prefix + "bn1", width)
            conv(prefix + "conv2", width, width // cardinality, 3)
            norm(prefix + "bn2", width)
            conv(prefix + "conv3", wide, width, 1)
            norm(prefix + "bn3", wide)
            if index == 0 and (stage > 1 or inputs != wide):
                conv(prefix + "downsample.0", wide, inputs, 1)
                norm(prefix + "downsample.1", wide)
            inputs = wide
    if architecture["include_top"]:
        if architecture.get("head") == "hidden":
            shapes.update({"fc1.weight": (hidden, inputs), "fc1.bias": (hidden,)})
            inputs = hidden
        shapes.update({"fc.weight": (architecture["classes"], inputs), "fc.bias": (architecture["classes"],)})
    return shapes


def check_tensors(path: Path, tensors: dict[str, _Array], shapes: dict[str, tuple[int, ...]], report: Report) -> None:
    """Refuse anything missing, left over, misshapen, not finite, or impossible as a variance.

    Raises:
        CheckpointError: with the first tensor that is wrong, and how many more are.
    """
    unused = sorted(tensors.keys() - shapes.keys())
    missing = sorted(shapes.keys() - tensors.keys())
    if missing:
        raise CheckpointError(path, f"{_some(missing)} missing", code="incomplete_checkpoint")
    if unused:
        reason = f"it holds what {report.architecture} does not have: {_some(unused, '')}"
        raise CheckpointError(path, reason, code="wrong_architecture")
    for name, shape in shapes.items():
        found = tensors[name].shape
        if found != shape:
            turned = " (it looks transposed)" if sorted(found) == sorted(shape) else ""
            reason = f"{name} has the shape {_dims(found)} instead of {_dims(shape)}{turned}"
            raise CheckpointError(path, reason, code="wrong_shape")
    for name, array in tensors.items():
        if array.dtype.kind != "f":
            reason = f"{name} holds whole numbers ({array.dtype}); weights quantised to them are not used here"
            raise CheckpointError(path, reason, code="wrong_kind")
        if not np.isfinite(array).all():
            raise CheckpointError(path, f"{name} holds values that are not numbers", code="not_finite")
    report.checks += ["every tensor used once, each of the right shape", "all values finite"]
    _check_statistics(path, tensors, report)


def _check_statistics(path: Path, tensors: dict[str, _Array], report: Report) -> None:
    variances = {name: array for name, array in tensors.items() if name.endswith("running_var")}
    zeros = 0
    for name, variance in variances.items():
        if (variance < 0).any():
            raise CheckpointError(path, f"{name} holds negative variances", code="bad_statistics")
        if not variance.any():
            raise CheckpointError(path, f"{name} holds no variance above zero", code="bad_statistics")
        zeros += int((variance == 0).sum())
    if zeros:
        report.warnings.append(f"{zeros} channels have a variance of exactly zero: they never fired in training.")
    report.checks.append("variances positive")
    untrained = [
        name for name, variance in variances.items() if (variance == 1).all() and not _mean_of(tensors, name).any()
    ]
    if untrained:
        which = "all" if len(untrained) == len(variances) else f"{len(untrained)} of {len(variances)}"
        report.warnings.append(
            f"The batch normalisation statistics are untrained (mean 0, variance 1) in {which} layers: "
            "answers will be poor until the network is trained."
        )
    flat = [n for n, a in tensors.items() if n.endswith("weight") and a.ndim == 4 and a.size > 9 and not a.any()]
    if flat:
        raise CheckpointError(path, f"{_some(flat, '')} holds nothing but zeros", code="empty_tensor")


def _mean_of(tensors: dict[str, _Array], variance: str) -> _Array:
    return tensors[variance.removesuffix("running_var") + "running_mean"]


def _some(names: list[str], verb: str = " is") -> str:
    if len(names) == 1:
        return names[0] + verb
    return f"{names[0]} and {len(names) - 1} more" + (" are" if verb else "")


def _dims(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"

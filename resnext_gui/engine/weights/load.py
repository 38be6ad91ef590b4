"""Weights: what there is, where it lies, and how any file of them becomes a network.

`load_checkpoint` takes a file from torchvision, timm, Keras or this program and returns a checked network with the
preprocessing it was trained with.  `resolve_weights` finds weights by name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from resnext_gui.engine.network.resnext import (
    PRESETS,
    architecture_name,
    architecture_of,
    build_resnext,
    set_state,
    state_of,
    without_head,
)
from resnext_gui.engine.pictures.decode import FILTERS, Preprocessing
from resnext_gui.engine.weights import catalogue
from resnext_gui.engine.weights.probing import probe_activations
from resnext_gui.engine.weights.reading import RawWeights, read_weights
from resnext_gui.engine.weights.report import CheckpointError, Report
from resnext_gui.engine.weights.vetting import check_tensors, detect_architecture, expected_shapes
from resnext_gui.messages import UserError
from resnext_gui.project import guard, notes
from resnext_gui.project.files import write_durably
from resnext_gui.resources import asset

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Report",
    "ResolvedWeights",
    "imagenet_labels",
    "load_backbone",
    "load_checkpoint",
    "resolve_weights",
    "save_weights",
]

_Array = np.ndarray[Any, Any]


@dataclass
class Checkpoint:
    """A file of weights, read and checked.

    Attributes:
        model: from preprocessed pixels (batch, height, width, 3) to float32 logits, or features where there is no head.
        preprocessing: how its pixels must be made.
        labels: names of its logits in order, where known.
        report: what was found.
        sha256: of the file.
        name: the file's name without suffix.
        architecture: arguments of `build_resnext`.
        metadata: what the file says about itself.
    """

    model: keras.Model
    preprocessing: Preprocessing
    labels: list[str] | None
    report: Report
    sha256: str
    name: str
    architecture: dict[str, Any]
    metadata: dict[str, str] = field(default_factory=dict)

    def headless(self) -> keras.Model:
        """Return the network from pixels to pooled features (batch, features); layers are shared with `model`."""
        return without_head(self.model)


@dataclass(frozen=True)
class ResolvedWeights:
    """Weights that were found, or the wish for a random start.

    Attributes:
        name: what the person calls them.
        path: the file; None for a random start.
        sha256: of the file, or of what determines the random start.
        architecture: arguments of `build_resnext` without a head.
        preprocessing: how pixels must be made.
        downloaded: whether they came from the network.
        licence: as its makers call it; empty where unknown.
    """

    name: str
    path: Path | None
    sha256: str
    architecture: dict[str, Any]
    preprocessing: Preprocessing
    downloaded: bool
    licence: str


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Return the names of ImageNet's 1000 classes in the usual order; empty where the list is not installed."""
    try:
        text = asset("weights", "imagenet_labels.txt").read_text(encoding="utf-8")
    except OSError:
        return ()
    return tuple(text.splitlines())


def load_checkpoint(path: str | Path, include_top: bool = True) -> Checkpoint:
    """Read weights from a file, check them, and build their network under the global dtype policy.

    Formats: torchvision's and timm's ``.safetensors`` and ``.pth`` (read without PyTorch, and without running
    anything in them), keras-applications' and image-classifiers' ``.h5``, and this program's own ``.safetensors``
    and ``.keras``.  Depth, cardinality, width and classes are read from the shapes.

    Args:
        path: the file.
        include_top: False leaves a head that the file has aside.

    Returns:
        The network (`Checkpoint.model`: preprocessed pixels (batch, height, width, 3), of any height and width, to
        float32 logits (batch, classes), or to features (batch, channels) without a head), its preprocessing, the names
        of its classes where they are known, and the report of what was found.

    Raises:
        CheckpointError: the file is refused; the message names it and says why.
    """
    return _load(Path(path), include_top, (None, None, 3), probe=True)


def _load(path: Path, include_top: bool, shape: tuple[int | None, int | None, int], probe: bool) -> Checkpoint:
    raw = read_weights(path)
    report = Report(path.name, raw.layout, ignored=raw.ignored)
    architecture = detect_architecture(path, raw.tensors)
    architecture["norm_epsilon"] = raw.epsilon
    architecture["pooling"] = raw.metadata.get("pooling", "avg")
    if not 0 < raw.epsilon <= 1 or architecture["pooling"] not in ("avg", "max"):
        said = f"epsilon {raw.epsilon}, pooling {architecture['pooling']}"
        raise CheckpointError(path, f"what it says about its network makes no sense ({said})")
    report.architecture = architecture_name(architecture)
    report.classes = architecture.get("classes", 0)
    shapes = expected_shapes(architecture)
    check_tensors(path, raw.tensors, shapes, report)
    report.tensors = len(shapes)
    report.parameters = sum(array.size for name, array in raw.tensors.items() if "running_" not in name)
    if architecture["cardinality"] == 1:
        report.warnings.append(f"This is a plain {report.architecture} (cardinality 1), without grouped convolutions.")
    sha256 = guard.sha256(path)
    preprocessing = _preprocessing(path, raw, sha256)
    labels = _labels(raw, report.classes)
    if not include_top and architecture["include_top"]:
        architecture = {**architecture, "include_top": False}
        architecture.pop("classes"), architecture.pop("head")
    model = build_resnext(**architecture, input_shape=shape, name=_model_name(report.architecture))
    set_state(model, raw.tensors)
    if probe:
        probe_activations(path, model, preprocessing, report)
    return Checkpoint(model, preprocessing, labels, report, sha256, path.stem, architecture, raw.metadata)


def _model_name(architecture: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in architecture.lower())


def _preprocessing(path: Path, raw: RawWeights, sha256: str) -> Preprocessing:
    """Find how pixels are made for these weights: the file says, the catalogue knows, or the layout's usual way."""
    metadata = raw.metadata
    try:
        if "preprocessing" in metadata:
            said = json.loads(metadata["preprocessing"])
            if not isinstance(said, dict):
                raise ValueError("it is no table")
            return sane_preprocessing(Preprocessing.from_dict(said))
        if "mean" in metadata and "std" in metadata:
            return sane_preprocessing(
                Preprocessing(
                    size=int(metadata.get("input_size", 224)),
                    crop=float(metadata.get("crop", 0.875)),
                    interpolation=metadata.get("interpolation", "bicubic"),
                    mean=_three(metadata["mean"]),
                    std=_three(metadata["std"]),
                )
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise CheckpointError(path, f"what it says about its preprocessing makes no sense ({error})") from error
    known = catalogue.by_sha256(sha256)
    if known is not None:
        return known.preprocessing
    if raw.raw_pixels:
        return Preprocessing(224, 0.875, "bilinear", (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
    return Preprocessing(224, 0.875, "bilinear")


def sane_preprocessing(prep: Preprocessing) -> Preprocessing:
    """Return `prep`; ValueError where no picture could be made by it."""
    right = (
        (notes.side(prep.size), "size"),
        (isinstance(prep.crop, (int, float)) and 0.05 <= prep.crop <= 1, "crop"),
        (prep.interpolation in FILTERS, "interpolation"),
        (prep.order in ("rgb", "bgr"), "order"),
        (len(prep.mean) == 3 and all(abs(value) < 1e3 for value in prep.mean), "mean"),
        (len(prep.std) == 3 and all(1e-6 < value < 1e3 for value in prep.std), "std"),
    )
    for fits, name in right:
        if not fits:
            raise ValueError(f"{name} {getattr(prep, name)!r}")
    return prep


def _three(text: str) -> tuple[float, ...]:
    numbers = tuple(float(part) for part in text.strip("[]() ").split(","))
    if len(numbers) != 3:
        raise ValueError(f"three numbers expected, received {text!r}")
    return numbers


def _labels(raw: RawWeights, classes: int) -> list[str] | None:
    if "labels" in raw.metadata:
        try:
            labels = json.loads(raw.metadata["labels"])
        except (ValueError, RecursionError):
            labels = None
        if isinstance(labels, list) and len(labels) == classes:
            return [str(label) for label in labels]
    names = imagenet_labels()
    return list(names) if classes == 1000 == len(names) else None


# --------------------------------------------------------------------------------------------------------------------
# By name


def resolve_weights(name: str | None, architecture: str | None = None, seed: int = 0) -> ResolvedWeights:
    """Find weights by name; nothing is downloaded.

    Args:
        name: ``"starter"``, ``"none"`` (random start), a name in the catalogue or of an import, a file's path; None
            for the catalogue's default where it has been downloaded, and the starter otherwise.
        architecture: preset for ``"none"``; the starter's where None.
        seed: of the random start.

    Raises:
        UserError: ``weights_missing``: they are not on this computer; ``weights_damaged``: what lies here under their
            name is something else; ``unknown_weights``: there are none so called.
        CheckpointError: the file is refused.
    """
    if name is None:
        default = catalogue.by_name(catalogue.DEFAULT)
        name = catalogue.DEFAULT if default is not None and default.local_path() is not None else "starter"
    if name == "none":
        return _random_start(architecture or "resnext26_16x4d", seed)
    if name == "starter":
        path = catalogue.starter_path()
        if not path.is_file():
            raise UserError("weights_missing", "The starter weights are not installed.", "Install the program anew.")
        return _resolved("starter", path, downloaded=False, licence=catalogue.STARTER_LICENCE)
    entry = catalogue.by_name(name)
    if entry is not None:
        local = entry.local_path()
        if local is None:
            raise UserError(
                "weights_missing",
                f"The weights “{name}” are not on this computer yet.",
                f"Get them with “resnext-gui weights get {name}” ({entry.megabytes} MB), or use the starter weights.",
            )
        resolved = _resolved(entry.name, local, downloaded=True, licence=entry.licence)
        if resolved.sha256 != entry.sha256:
            raise UserError(
                "weights_damaged",
                f"The weights “{name}” in '{local}' are not what their makers published: damaged, or replaced.",
                f"Get them again with “resnext-gui weights get {name}”, or use the starter weights.",
            )
        return resolved
    imported = catalogue.imported_path(name)
    path = imported if imported is not None else Path(name).expanduser()
    if imported is None and not path.is_file():
        known = ", ".join(("starter", "none", *(known.name for known in catalogue.CATALOGUE)))
        raise UserError(
            "unknown_weights", f"There are no weights called “{name}”.", f"Use one of {known}, or the path of a file."
        )
    return _resolved(str(path) if imported is None else name, path, downloaded=False, licence="")


def _random_start(architecture: str, seed: int) -> ResolvedWeights:
    if architecture not in PRESETS:
        raise UserError(
            "unknown_architecture",
            f"There is no architecture called “{architecture}”.",
            f"Use one of {', '.join(PRESETS)}.",
        )
    built = {key: list(value) if isinstance(value, tuple) else value for key, value in PRESETS[architecture].items()}
    built["include_top"] = False
    digest = hashlib.sha256(f"none {json.dumps(built, sort_keys=True)} {seed}".encode()).hexdigest()
    return ResolvedWeights("none", None, digest, built, Preprocessing(224, 0.875, "bicubic"), False, "")


_headers: dict[tuple[str, int, int], tuple[str, dict[str, Any], Preprocessing]] = {}


def _resolved(name: str, path: Path, downloaded: bool, licence: str) -> ResolvedWeights:
    """Read architecture and preprocessing from the file, once in a process for each version of it."""
    try:
        status = path.stat()
    except OSError as error:
        raise CheckpointError(path, f"it cannot be read ({error.strerror})", "Check the path.") from error
    key = (str(path.resolve()), status.st_mtime_ns, status.st_size)
    if key not in _headers:
        raw = read_weights(path)
        architecture = detect_architecture(path, raw.tensors)
        architecture |= {"norm_epsilon": raw.epsilon, "include_top": False}
        architecture.pop("classes", None), architecture.pop("head", None)
        sha256 = guard.sha256(path)
        _headers[key] = sha256, architecture, _preprocessing(path, raw, sha256)
    sha256, architecture, preprocessing = _headers[key]
    return ResolvedWeights(name, path, sha256, dict(architecture), preprocessing, downloaded, licence)


def load_backbone(resolved: ResolvedWeights, size: int | None = None, seed: int = 0) -> keras.Model:
    """Build the network that `resolved` names, without a head, under the global dtype policy.

    Args:
        resolved: from `resolve_weights`.
        size: fixed side of the pictures in pixels; free where None, and where the weights are not known yet.
        seed: of the random start, where there are no weights.

    Returns:
        A model from pixels (batch, height, width, 3) to float32 features (batch, features).

    Raises:
        CheckpointError: the file has gone or changed, or is refused.
    """
    if resolved.path is None:
        keras.utils.set_random_seed(seed)
        return build_resnext(**resolved.architecture, input_shape=(size, size, 3))
    # Of files with a known hash there is nothing left to find out by looking at activations.
    known = resolved.name == "starter" or catalogue.by_sha256(resolved.sha256) is not None
    # The test pictures have a size of their own.
    shape = (size, size, 3) if known else (None, None, 3)
    checkpoint = _load(resolved.path, include_top=False, shape=shape, probe=not known)
    if checkpoint.sha256 != resolved.sha256:
        raise CheckpointError(resolved.path, "it has changed since it was chosen", "Choose the weights again.")
    return checkpoint.model


def save_weights(
    path: str | Path,
    model: keras.Model,
    metadata: dict[str, Any] | None = None,
    preprocessing: Preprocessing | None = None,
    labels: list[str] | None = None,
) -> None:
    """Write `model` as safetensors under torchvision's names; `load_checkpoint` reads it, and so does torchvision.

    The file appears whole or not at all.

    Args:
        path: where to; an existing file is replaced.
        model: made by `build_resnext`; normalisation must not be folded.
        metadata: further facts; values that are no text are written as JSON.
        preprocessing: how the model's pixels are made.
        labels: names of its logits.

    Raises:
        OSError: the disk is full or read-only.
    """
    from safetensors.numpy import save

    architecture = architecture_of(model)
    facts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (metadata or {}).items()}
    facts |= {
        "format": "pt",
        "architecture": architecture_name(architecture),
        "norm_epsilon": repr(architecture["norm_epsilon"]),
        "pooling": architecture["pooling"],
    }
    if preprocessing is not None:
        facts["preprocessing"] = json.dumps(preprocessing.to_dict())
    if labels is not None:
        facts["labels"] = json.dumps(labels, ensure_ascii=False)
    write_durably(path, _in_order(save(state_of(model), facts)))


def _in_order(data: bytes) -> bytes:
    """Return a safetensors file with its facts in order, so that equal runs write equal files."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, memoryview(data)[start:]))

"""Models on disk: ``model.json`` and one safetensors file that it points at.  Nothing in them can run.

A quick model is a head of a few kilobytes on weights that lie elsewhere; a fine-tuned one is a whole network under
torchvision's names.  The tensors are written first, under a new name, then the JSON that points at them is replaced in
one step: whoever reads sees the old model or the new one, never a mixture.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine.models.head import LinearHead
from resnext_gui.engine.network.resnext import architecture_of, build_resnext, set_state
from resnext_gui.engine.pictures.decode import Preprocessing
from resnext_gui.engine.weights.load import (
    ResolvedWeights,
    resolve_weights,
    sane_preprocessing,
    save_weights,
)
from resnext_gui.engine.weights.vetting import expected_shapes
from resnext_gui.messages import UserError
from resnext_gui.project import ProjectError, guard, notes, write_json
from resnext_gui.project.files import file_trouble, odd_file, write_durably

FORMAT = "resnext-gui model"
VERSION = 1
NAME = "model.json"

_NAMES = {"quick": re.compile(r"quick-[0-9a-f]{12}\.safetensors"), "network": re.compile(r"best\.safetensors")}
_MOST_BLOCKS = 256
_WIDEST = 8192
"""Channels of a bottleneck in the first stage: four times the widest network that there are weights for."""

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ModelFile:
    """What ``model.json`` says.

    Attributes:
        kind: ``"quick"`` (a head on weights that lie elsewhere) or ``"network"``.
        labels: in the order of the logits, as they were called when it was made.
        preprocessing: how pixels are made for it.
        temperature: logits are divided by it before they become probabilities.
        flip: whether a picture and its mirror image answer together.
        precision: it was made with.
        weights: name, sha256, path (or None), architecture and seed of the weights it started from.
        architecture: arguments of `build_resnext`, of a whole network.
        file: name of the tensors' file, beside model.json.
        digest: sha256 of that file.
        photographs: fingerprint of what it learnt from and was chosen by.
        practice: right, total and loss on the practice photographs.
        counts: labels and photographs, for a sentence.
        label_rows: what tells how the labels are called now (`Project.names_now`).
        created: Unix time.
    """

    kind: str
    labels: list[str]
    preprocessing: Preprocessing
    temperature: float
    flip: bool
    precision: str
    weights: dict[str, Any]
    architecture: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    digest: str = ""
    photographs: str = ""
    practice: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    label_rows: dict[str, Any] = field(default_factory=dict)
    created: float = 0.0

    @property
    def identity(self) -> str:
        """Changes whenever the answers may: what a cache of loaded models or of scores is keyed by."""
        rest = json.dumps([self.labels, self.temperature, self.flip, self.preprocessing.to_dict()])
        return f"{self.digest}:{hashlib.sha256(rest.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def weights_facts(resolved: ResolvedWeights, seed: int, architecture: str | None) -> dict[str, Any]:
    """Return what finds the same weights again."""
    return {
        "name": resolved.name,
        "sha256": resolved.sha256,
        "path": None if resolved.path is None else os.fspath(resolved.path),
        "architecture": architecture,
        "seed": seed,
    }


def save_quick(folder: Path, model: ModelFile, head: LinearHead) -> ModelFile:
    """Write a quick model into `folder`; returns what was written.

    Raises:
        ProjectError: the disk is full or read-only; the old model is untouched then.
    """
    from safetensors.numpy import save

    data = save({"fc.weight": np.ascontiguousarray(head.kernel.T), "fc.bias": head.bias}, {"format": FORMAT})
    digest = hashlib.sha256(data).hexdigest()
    name = f"quick-{digest[:12]}.safetensors"
    try:
        guard.make_folder(folder)
        write_durably(folder / name, data)
    except OSError as error:
        raise file_trouble(error, folder) from error
    written = _point(folder, model, name, digest)
    for old in folder.glob("quick-*.safetensors"):
        if old.name != name:
            with suppress(OSError):
                guard.remove(old)
    return written


def save_network(folder: Path, model: ModelFile, network: keras.Model) -> ModelFile:
    """Write a whole network as ``best.safetensors``; returns what was written.

    Raises:
        ProjectError: the disk is full or read-only.
    """
    file = folder / "best.safetensors"
    try:
        save_weights(file, network, {"made_by": FORMAT}, model.preprocessing, model.labels)
        digest = guard.sha256(file)
    except OSError as error:
        raise file_trouble(error, folder) from error
    return _point(folder, replace(model, architecture=architecture_of(network)), file.name, digest)


def _point(folder: Path, model: ModelFile, file: str, digest: str) -> ModelFile:
    values = asdict(model) | {
        "file": file,
        "digest": digest,
        "preprocessing": model.preprocessing.to_dict(),
        "created": time.time(),
    }
    write_json(folder / NAME, {"format": FORMAT, "version": VERSION, **values})
    return _from(values)


def _from(values: dict[str, Any]) -> ModelFile:
    known = {name: values[name] for name in ModelFile.__dataclass_fields__ if name in values}
    known["preprocessing"] = Preprocessing.from_dict(values["preprocessing"])
    known["labels"] = [str(label) for label in values["labels"]]
    return ModelFile(**known)


def read_model(folder: Path) -> ModelFile:
    """Read ``model.json``.

    Raises:
        UserError: ``no_model``, ``newer_version`` or ``damaged``.
    """
    try:
        body = notes.read_model(folder)
    except guard.OddFileError as error:
        raise odd_file(error) from error
    except ProjectError as error:
        raise UserError("damaged", f"The model in '{folder}' is damaged.", "Train it again.") from error
    except OSError as error:
        raise UserError(
            "no_model", "There is no classifier here yet.", "Add photographs of at least two labels first."
        ) from error
    try:
        if body["format"] != FORMAT:
            raise ValueError(body["format"])
        if int(body["version"]) > VERSION:
            raise UserError(
                "newer_version", "This model was made by a newer version of the program.", "Update the program."
            )
        return _sane(_from(body))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("damaged", f"The model in '{folder}' is damaged.", "Train it again.") from error


def _sane(model: ModelFile) -> ModelFile:
    """Return `model`; ValueError where it says what the program never writes."""
    architecture = model.architecture
    sane_preprocessing(model.preprocessing)
    numbers = {key: architecture.get(key, 1) for key in ("cardinality", "base_width", "classes", "stem")}
    blocks = architecture.get("blocks", [1])
    right = (
        (_NAMES[model.kind].fullmatch(model.file), "file"),
        (len(model.labels) > 0, "labels"),
        (set(architecture) <= set(inspect.signature(build_resnext).parameters) - {"input_shape", "name"}, "network"),
        (isinstance(blocks, (list, tuple)) and len(blocks) <= 6 and all(map(notes.count, blocks)), "blocks"),
        (all(notes.count(number) and number < 100_000 for number in numbers.values()), "network"),
        (sum(blocks) <= _MOST_BLOCKS and numbers["cardinality"] * numbers["base_width"] <= _WIDEST, "size"),
        (model.kind == "quick" or architecture.get("classes") == len(model.labels), "classes"),
    )
    for fits, name in right:
        if not fits:
            raise ValueError(name)
    return model


def find_weights(facts: dict[str, Any]) -> ResolvedWeights:
    """Find the weights that a model stands on.

    Raises:
        UserError: ``weights_missing`` where they are gone or others now have their name.
    """
    if not notes.fits(facts, notes.WEIGHTS) or not {"name", "sha256"} <= set(facts):
        raise UserError("damaged", "The notes about the weights of a model are damaged.", "Train it again.")
    names = [facts["name"], *([facts["path"]] if facts.get("path") else [])]
    for name in names:
        try:
            found = resolve_weights(name, facts.get("architecture"), int(facts.get("seed", 0)))
        except UserError:
            continue
        if found.sha256 == facts["sha256"]:
            return found
    raise UserError(
        "weights_missing",
        f"The weights “{facts['name']}” that the quick model stands on are gone, or have changed.",
        "Put them back, or make the quick model again.",
    )


def read_head(folder: Path, model: ModelFile) -> LinearHead:
    """Read a quick model's head.

    Raises:
        UserError: ``damaged``.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = guard.read_bytes(folder / model.file, notes.MANY)
        if hashlib.sha256(data).hexdigest() != model.digest:
            raise ValueError("another content than was written")
        tensors = load(data)
        kernel, bias = tensors["fc.weight"].T, tensors["fc.bias"]
        if kernel.ndim != 2 or kernel.shape[1] != len(model.labels) or bias.shape != (len(model.labels),):
            raise ValueError("another number of labels")
        if kernel.dtype != np.float32 or bias.dtype != np.float32 or not np.isfinite(kernel).all():
            raise ValueError("no numbers")
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UserError("damaged", "The quick model is damaged.", "Make it again: it takes seconds.") from error
    return LinearHead(np.ascontiguousarray(kernel), bias, 0.0, model.temperature)


def build_network(folder: Path, model: ModelFile) -> keras.Model:
    """Return a run's network from preprocessed pixels (batch, size, size, 3) to float32 logits, not yet folded.

    Raises:
        UserError: something it needs is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = folder / model.file
    side = model.preprocessing.size
    try:
        # What it holds was checked when it was made, and is what was written: nothing more to find out.
        if guard.sha256(file) != model.digest:
            raise ValueError("another content than was written")
        # Before a large network is built: it has to be the one whose numbers there are.
        shapes = expected_shapes({"stem": 64, **model.architecture})
        if sum(4 * math.prod(shape) for shape in shapes.values()) > 1.1 * file.stat().st_size + (1 << 20):
            raise ValueError("fewer numbers than the network has")
        network = build_resnext(**model.architecture, input_shape=(side, side, 3))
        set_state(network, load_file(file))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UserError(
            "damaged", f"The model in '{folder}' is incomplete.", "Train it again, or resume its run."
        ) from error
    return network


def fingerprint(labels: list[str], *groups: list[Any]) -> str:
    """Return a hash of labels and of who belongs to which; items have `.hash` and `.label`."""
    digest = hashlib.sha256(json.dumps(labels).encode())
    for group in groups:
        digest.update(b"|")
        for item in group:
            digest.update(f"{item.hash}:{item.label};".encode())
    return digest.hexdigest()

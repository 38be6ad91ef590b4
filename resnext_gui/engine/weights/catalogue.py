"""The weights that can be had by name, and where they lie on this computer."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from resnext_gui.engine.pictures.decode import Preprocessing
from resnext_gui.resources import asset

DEFAULT = "resnext50_32x4d.a1h_in1k"
STARTER_LICENCE = "Apache-2.0"
STARTER_FILE = "resnext26_16x4d-starter.safetensors"
FILE_IN_REPOSITORY = "model.safetensors"


@dataclass(frozen=True)
class Entry:
    """Weights on the Hugging Face hub.

    Attributes:
        name: their name here.
        title: what they are, in a few words.
        repository: their place on the hub.
        megabytes: size of the download.
        top1: percentage of ImageNet's validation pictures they name right, as their makers report.
        licence: as their makers call it.
        architecture: preset name.
        sha256: of the file.
        preprocessing: what they were tested with.
    """

    name: str
    title: str
    repository: str
    megabytes: int
    top1: float
    licence: str
    architecture: str
    sha256: str
    preprocessing: Preprocessing

    def local_path(self) -> Path | None:
        """Return where the file lies, shipped or downloaded by us or another program, or None.  Asks only the disk."""
        from huggingface_hub import try_to_load_from_cache

        name = f"{self.name}.safetensors"
        for ours in (asset("weights", name), downloads_folder() / name):
            if ours.is_file():
                return ours
        found = try_to_load_from_cache(self.repository, FILE_IN_REPOSITORY)
        if isinstance(found, str) and Path(found).is_file():
            return Path(found)
        return None


CATALOGUE = (
    Entry(
        DEFAULT,
        "ResNeXt-50 32x4d, timm's recipe A1",
        "timm/resnext50_32x4d.a1h_in1k",
        100,
        81.1,
        "Apache-2.0",
        "resnext50_32x4d",
        "b952952a7b3e856b16ebf82fb44d2aa8c502e73ec678976c9e3b970fcd530bd5",
        Preprocessing(224, 0.95, "bicubic"),
    ),
    Entry(
        "resnext50_32x4d.tv_in1k",
        "ResNeXt-50 32x4d, torchvision's first weights",
        "timm/resnext50_32x4d.tv_in1k",
        100,
        77.6,
        "BSD-3-Clause",
        "resnext50_32x4d",
        "c0d85cba49c0e9dedbcf6d4e572e2c5ea5eb68e9d64d0564811fd54d4f72939a",
        Preprocessing(224, 0.875, "bilinear"),
    ),
    Entry(
        "resnext101_32x8d.tv2_in1k",
        "ResNeXt-101 32x8d, torchvision's second weights",
        "timm/resnext101_32x8d.tv2_in1k",
        356,
        82.8,
        "BSD-3-Clause",
        "resnext101_32x8d",
        "580cfe940c344745cc8a629517a5c3300b6aeea9bd88a258f61027da010344af",
        Preprocessing(224, 0.965, "bilinear"),
    ),
    Entry(
        "resnext101_64x4d.tv_in1k",
        "ResNeXt-101 64x4d, torchvision",
        "timm/resnext101_64x4d.tv_in1k",
        335,
        83.0,
        "BSD-3-Clause",
        "resnext101_64x4d",
        "47528f24e5cd6844249c9e4ea11aed6619431b83a0596afe80efdfffdb369900",
        Preprocessing(224, 0.875, "bilinear"),
    ),
)
"""Best value first.  All take RGB with ImageNet's mean and deviation."""


def by_name(name: str) -> Entry | None:
    """Return the entry of this name; timm's own id with ``timm/`` in front is understood too."""
    return next((entry for entry in CATALOGUE if name in (entry.name, entry.repository)), None)


def by_sha256(sha256: str) -> Entry | None:
    """Return the entry whose file has this hash."""
    return next((entry for entry in CATALOGUE if entry.sha256 == sha256), None)


def starter_path() -> Path:
    """Return where the weights that ship with the program lie."""
    return asset("weights", STARTER_FILE)


def downloads_folder() -> Path:
    """Return the folder of downloaded weights, shared by all projects of this person; it may not exist."""
    return user_cache_path("resnext-gui", appauthor=False) / "weights"


def imports_folder() -> Path:
    """Return the folder of weights that the person has imported; it may not exist."""
    return user_data_path("resnext-gui", appauthor=False) / "weights"


def imported_path(name: str) -> Path | None:
    """Return the file imported under this name, or None."""
    path = imports_folder() / f"{name}.safetensors"
    return path if Path(name).name == name and path.is_file() else None


def imported() -> list[str]:
    """Return the names of all imports, sorted."""
    return sorted(path.stem for path in imports_folder().glob("*.safetensors"))


def header(path: Path) -> dict[str, str]:
    """Return what a safetensors file says about itself, without reading its numbers; {} where that cannot be read."""
    with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length <= 100_000_000:
            found = json.loads(file.read(length)).get("__metadata__", {})
            return {str(key): str(value) for key, value in found.items()}
    return {}

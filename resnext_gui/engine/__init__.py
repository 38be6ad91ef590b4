"""The classifier itself: Keras, NumPy and Pillow, and never Qt.

Names are resolved on first use, so that importing this package costs nothing.
"""

from __future__ import annotations

import os
import platform
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnext_gui.engine.network.resnext import build_resnext as build_resnext
    from resnext_gui.engine.network.resnext import inference_model as inference_model
    from resnext_gui.engine.pictures.decode import load_pixels as load_pixels
    from resnext_gui.engine.weights.load import CheckpointError as CheckpointError
    from resnext_gui.engine.weights.load import load_checkpoint as load_checkpoint

# TensorFlow takes its own kernels on processors without AVX-512, and these cannot train a grouped convolution.
if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

_HOME = {
    "CheckpointError": "weights.load",
    "build_resnext": "network.resnext",
    "inference_model": "network.resnext",
    "load_checkpoint": "weights.load",
    "load_pixels": "pictures.decode",
}

__all__ = ["CheckpointError", "build_resnext", "inference_model", "load_checkpoint", "load_pixels"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

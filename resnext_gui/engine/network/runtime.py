"""What a backend has of its own for our layers and steps, where it has something."""

from __future__ import annotations

from typing import Any


def torch_runtime() -> Any:
    """Return the module with PyTorch's own operations where Keras computes with PyTorch, else None."""
    import keras

    if keras.config.backend() != "torch":
        return None
    from resnext_gui.engine.network import torch_runtime as module

    return module


def speed_up(model: Any) -> None:
    """Let `model` take its steps as fast as this backend can; called after `compile`, where it is compiled at all.

    On PyTorch with a CUDA card steps of `fit`, `train_on_batch` and `predict_on_batch` are recorded.
    """
    runtime = torch_runtime()
    if runtime is not None:
        runtime.speed_up(model)

"""What the layers of a network are called, and what follows from a name.  Standard library only."""

from __future__ import annotations

import re
from typing import Any

HEAD_STAGE = 5


def stage_of(item: Any) -> int:
    """Return the stage of a layer, of a variable or of a name: 0 the stem, 1 to 4, 5 the head.

    Raises:
        ValueError: `item` belongs to no ResNeXt.
    """
    name = item if isinstance(item, str) else str(getattr(item, "path", "") or item.name)
    for part in name.split("/"):
        found = re.match(r"layer(\d+)_\d+_", part)
        if found:
            return int(found[1])
        if re.match(r"(fc|pool)(\d*$|_)", part):
            return HEAD_STAGE
        if re.match(r"(pixels|conv1|bn1|bn_data|relu|maxpool)", part):
            return 0
    raise ValueError(f"not part of a ResNeXt. Received: {name!r}")


def norm_after(convolution: str) -> str:
    """Return the name of the normalisation that follows the convolution of this name."""
    if convolution.endswith("downsample_0"):
        return convolution[:-1] + "1"
    return re.sub(r"conv(\d)$", r"bn\1", convolution)


def torch_name(layer: str) -> str:
    """Return the name of a layer as torchvision writes it."""
    return re.sub(r"^layer(\d+)_(\d+)_", r"layer\1.\2.", layer).replace("downsample_", "downsample.")

"""Every mode that a decoder may deliver, as honest 8-bit RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def to_rgb(picture: Image.Image, inverted: bool = False) -> Image.Image:
    """Return a decoded picture as mode RGB.

    Args:
        picture: loaded, in any mode.
        inverted: whether deep grey samples count from white to black.

    Raises:
        ValueError: a mode that has no conversion.
    """
    mode = picture.mode
    if mode in _DEEP:
        return Image.fromarray(deep_to_grey(np.asarray(picture), inverted)).convert("RGB")
    if mode == "LAB":
        return _lab_to_rgb(picture)
    if mode in ("La", "RGBa"):
        picture = picture.convert("LA" if mode == "La" else "RGBA")
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        return _on_white(picture)
    return picture if mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    clear = picture.convert("RGBA")
    alpha = clear.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return clear.convert("RGB")
    white = Image.new("RGB", clear.size, (255, 255, 255))
    white.paste(clear.convert("RGB"), mask=alpha)
    return white


def _lab_to_rgb(picture: Image.Image) -> Image.Image:
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    converted = ImageCms.applyTransform(picture, transform)
    if converted is None:
        raise ValueError("no conversion from LAB")
    return converted


def deep_to_grey(samples: npt.NDArray[Any], inverted: bool = False) -> npt.NDArray[np.uint8]:
    """Scale 16-bit, 32-bit or floating-point grey to 8 bits.

    Integers without a sign are scaled by the smallest usual depth that holds them (8, 10, 12, 14 or 16 bits), so that
    a dark photograph stays dark and a 12-bit one does not turn black.  Floats within 0..1 or 0..255 are taken as
    such.  Everything else is stretched between its 0.1 and 99.9 percentiles.  Not a number becomes black, infinity
    the extreme.

    Args:
        samples: ``(height, width)`` of any real type.
        inverted: 0 is white.

    Returns:
        uint8 ``(height, width)``.
    """
    if samples.dtype.kind == "f":
        values = samples.astype(np.float32)
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    else:
        values = samples
        finite = samples.reshape(-1)
        low, high = float(finite.min()), float(finite.max())
    if low >= 0 and high <= 1 and values.dtype.kind == "f":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 65535 and (values.dtype.kind != "f" or high <= 255):
        low, high = 0.0, float(next(top for top in (255, 1023, 4095, 16383, 65535) if high <= top))
    elif finite.size:
        some = finite[:: max(1, finite.size // 1_000_000)]
        low, high = (float(x) for x in np.percentile(some, (0.1, 99.9)))
    span = high - low if high > low else 1.0
    with np.errstate(all="ignore"):  # infinities, and floats near the end of their range
        scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255.0 / span)
        scaled = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
    if inverted:
        scaled = 255.0 - scaled
    grey: npt.NDArray[np.uint8] = np.clip(scaled + 0.5, 0.0, 255.0).astype(np.uint8)
    return grey

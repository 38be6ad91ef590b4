"""Every mode that a decoder may deliver, as honest 8-bit RGB."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImagePalette

from resnext_gui.engine.pictures.tiff_structure import Tag

DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
"""Modes of one sample of more than 8 bits."""

_DIM = 64
"""A 16-bit picture whose high bytes are all smaller may hold 10, 12 or 14 bits."""


def to_rgb(picture: Image.Image, inverted: bool = False) -> Image.Image:
    """Return a decoded picture as mode RGB.

    Args:
        picture: loaded, in any mode.
        inverted: whether deep grey samples count from white to black.

    Raises:
        ValueError: a mode that has no conversion.
    """
    mode = picture.mode
    if mode in DEEP:
        samples = np.asarray(picture)
        if _is_unsigned(picture):
            samples = samples.view(np.uint32)
        grey = deep_to_grey(samples, inverted)
        clear = picture.info.get("transparency")
        if isinstance(clear, int):  # one grey of a PNG stands for nothing
            grey[samples == clear] = 255
        return Image.fromarray(grey).convert("RGB")
    if mode == "LAB":
        return _lab_to_rgb(picture)
    if mode in ("La", "RGBa"):
        picture = picture.convert("LA" if mode == "La" else "RGBA")
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        return _on_white(picture)
    return picture if mode == "RGB" else picture.convert("RGB")


def _is_unsigned(picture: Image.Image) -> bool:
    """Tell whether 32 bits of a TIFF have no sign, though the mode has one."""
    tags = getattr(picture, "tag_v2", {})
    return picture.mode == "I" and tags.get(Tag.BITS) == (32,) and tags.get(Tag.FORMAT, (1,)) == (1,)


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


@dataclass(frozen=True, slots=True)
class Layers:
    """How the low bytes of a 16-bit picture are got from Pillow, which keeps the high ones.

    Attributes:
        mode: of the pictures that take the bytes.
        high: raw mode that gives the high bytes.
        low: the one that gives the low bytes, by reading them in the other order; empty: `high` gives both in turns.
        colours: 1 or 3.
        alpha: as in `deep_to_rgb`.
    """

    mode: str
    high: str
    low: str
    colours: int
    alpha: int


def deep_layers(picture: Image.Image) -> Layers | None:
    """Return how all 16 bits of a picture can be got that Pillow gives with 8, before it is loaded; None for others."""
    tiles = getattr(picture, "tile", ())
    args = tiles[0].args if tiles else None
    raw = args[0] if isinstance(args, tuple) and args else args
    if not isinstance(raw, str):
        return None
    if raw == "LA;16B":
        return Layers("RGBA", "RGBA", "", 1, 2)
    order = {";16L": "LB", ";16B": "BL", ";16N": "LB" if sys.byteorder == "little" else "BL"}.get(raw[-4:])
    kind = {"RGB": ("RGB", 0), "RGBA": ("RGBA", 2), "RGBa": ("RGBA", 1), "RGBX": ("RGBA", 0)}.get(raw[:-4])
    if order is None or kind is None:
        return None
    mode, alpha = kind
    return Layers(mode, f"{mode};16{order[0]}", f"{mode};16{order[1]}", 3, alpha)


def decode_deep(picture: Image.Image, layers: Layers, again: Callable[[], Image.Image]) -> Image.Image | None:
    """Return a 16-bit picture that holds fewer bits as mode RGB, scaled as deep grey is; None where it holds all 16.

    One that has a colour which stands for nothing is also read so: it takes all 16 bits to tell it from others.

    Args:
        picture: loaded; the high bytes.
        layers: what `deep_layers` said.
        again: opens the same picture once more.
    """
    colours = picture.getchannel(0) if layers.colours == 1 else picture.convert("RGB")
    clear = picture.info.get("transparency")
    if np.asarray(colours).max() >= _DIM and not isinstance(clear, tuple):
        return None
    if layers.low:
        high, low = (_bytes_of(again(), layers.mode, raw).astype(np.uint16) for raw in (layers.high, layers.low))
    else:
        both = _bytes_of(again(), layers.mode, layers.high).astype(np.uint16)
        high, low = both[..., 0::2], both[..., 1::2]
    samples = (high << 8) | low
    rgb = deep_to_rgb(samples, layers.colours, layers.alpha)
    if isinstance(clear, tuple):
        rgb.paste((255, 255, 255), mask=Image.fromarray((samples == clear).all(axis=-1)))
    return rgb


def _bytes_of(picture: Image.Image, mode: str, raw: str) -> npt.NDArray[np.uint8]:
    """Load a picture with its bytes taken for something else."""
    tiles = []
    for tile in picture.tile:  # type: ignore[attr-defined]
        args = (raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw
        tiles.append(tile._replace(args=args))
    picture._mode = mode
    picture.tile = tiles  # type: ignore[attr-defined]
    picture.load()
    return np.asarray(picture)


def mend_palette(picture: Image.Image, colour_map: Sequence[int] | None) -> None:
    """Take the colours of a TIFF's palette as they are where none needs more than 8 bits.

    They ought to have 16; some programs write 8, which would be black.  Other viewers guess likewise.
    """
    if colour_map and 0 < max(colour_map) < 256:
        picture.palette = ImagePalette.raw("RGB;L", bytes(colour_map))


def deep_to_rgb(samples: npt.NDArray[Any], colours: int, alpha: int = 0, inverted: bool = False) -> Image.Image:
    """Return deep grey or colours as mode RGB, white under transparency.

    All colours are scaled alike, by the rule of `deep_to_grey`, so that a photograph looks the same whatever its mode.

    Args:
        samples: ``(height, width, samples)`` of any real type; alpha, if any, comes after the colours.
        colours: 1 or 3.
        alpha: 0: none, 1: colours are multiplied by it already, 2: they are not.
        inverted: 0 is white.
    """
    colour = samples[..., :colours]
    low, high = _range(colour)
    rgb = _scaled(colour, low, high, inverted)
    if alpha and samples.shape[-1] > colours:
        opaque = samples[..., colours:]
        # One that is as deep as the colours, or deeper where it does not fit.
        share = _scaled(opaque, 0.0, max(high, _range(opaque)[1])).astype(np.float32) / 255.0
        seen = rgb.astype(np.float32) * (share if alpha == 2 else 1.0)
        rgb = np.clip(seen + 255.0 * (1.0 - share) + 0.5, 0.0, 255.0).astype(np.uint8)
    if colours == 1:
        return Image.fromarray(np.ascontiguousarray(rgb[..., 0])).convert("RGB")
    return Image.fromarray(np.ascontiguousarray(rgb))


def deep_to_grey(samples: npt.NDArray[Any], inverted: bool = False) -> npt.NDArray[np.uint8]:
    """Scale 16-bit, 32-bit or floating-point samples to 8 bits.

    Integers without a sign are scaled by the smallest usual depth that holds them (8, 10, 12, 14 or 16 bits), so that
    a dark photograph stays dark and a 12-bit one does not turn black.  Floats within 0..1 or 0..255 are taken as
    such.  Everything else is stretched between its 0.1 and 99.9 percentiles.  Not a number becomes black, infinity
    the extreme.

    Args:
        samples: of any real type and shape.
        inverted: 0 is white.

    Returns:
        uint8 of the same shape.
    """
    return _scaled(samples, *_range(samples), inverted)


def _range(samples: npt.NDArray[Any]) -> tuple[float, float]:
    """Return what becomes 0, and what becomes 255."""
    floating = samples.dtype.kind == "f"
    finite = samples[np.isfinite(samples)] if floating else samples.reshape(-1)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low >= 0 and high <= 1 and floating:
        return 0.0, 1.0
    if low >= 0 and high <= 65535 and (not floating or high <= 255):
        return 0.0, float(next(top for top in (255, 1023, 4095, 16383, 65535) if high <= top))
    if finite.size:
        some = finite[:: max(1, finite.size // 1_000_000)].astype(np.float64)
        low, high = (float(x) for x in np.percentile(some, (0.1, 99.9)))
    return low, high


_ROWS = 256


def _scaled(samples: npt.NDArray[Any], low: float, high: float, inverted: bool = False) -> npt.NDArray[np.uint8]:
    span = high - low if high > low else 1.0
    out = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), _ROWS):  # a few rows at a time: the numbers between take four times the memory
        with np.errstate(all="ignore"):  # infinities, and floats near the end of their range
            scaled = (samples[top : top + _ROWS].astype(np.float32) - np.float32(low)) * np.float32(255.0 / span)
            scaled = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
        if inverted:
            scaled = 255.0 - scaled
        out[top : top + _ROWS] = np.clip(scaled + 0.5, 0.0, 255.0).astype(np.uint8)
    return out

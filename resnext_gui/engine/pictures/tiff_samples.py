"""TIFF pictures that Pillow does not read, or reads wrongly: floating-point colours, deep grey with alpha, planes.

Uncompressed or deflated samples only.  What is not read is said in words, since such a file is valid and not damaged.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from resnext_gui.engine.pictures.tiff_structure import Directory, Tag

Samples = npt.NDArray[Any]

_PLAIN, _DEFLATED = (1,), (8, 32946)
_GREY_INVERTED, _GREY, _RGB = 0, 1, 2
_ASSOCIATED, _ALPHA = 1, 2

_COMPRESSIONS = {
    2: "fax", 3: "fax", 4: "fax", 5: "LZW", 6: "old JPEG", 7: "JPEG", 32773: "PackBits", 33003: "JPEG 2000",
    33005: "JPEG 2000", 34661: "JBIG", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG", 34925: "LZMA",
    50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
"""Names of compressions."""

RARE_COMPRESSIONS = frozenset(_COMPRESSIONS) - {2, 3, 4, 5, 7, 32773}
"""Those that a decoder may lack, so that a picture need not be damaged when it cannot be decoded."""

_PHOTOMETRIC = {4: "a mask", 6: "YCbCr", 8: "Lab", 9: "ICC Lab", 10: "ITU Lab", 32844: "LogL", 32845: "LogLuv"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How samples lie in the file.

    Attributes:
        shape: height, width, samples of a pixel.
        colours: how many of the samples are colours: 1 or 3.
        alpha: 0: none, 1: colours are multiplied by it, 2: they are not.
        dtype: of one sample, with its byte order.
        inverted: 0 is white.
        orientation: 1..8.
    """

    shape: tuple[int, int, int]
    colours: int
    alpha: int
    dtype: np.dtype[Any]
    inverted: bool
    orientation: int


def layout(directory: Directory) -> Layout | None:
    """Return the layout of a picture that can be read here; None for all others."""
    width, height = directory.one(Tag.WIDTH), directory.one(Tag.HEIGHT)
    samples = directory.one(Tag.SAMPLES, 1)
    photometric = directory.one(Tag.PHOTOMETRIC, -1)
    bits, formats = set(directory.all(Tag.BITS)), set(directory.all(Tag.FORMAT)) or {1}
    colours = {_GREY_INVERTED: 1, _GREY: 1, _RGB: 3}.get(photometric, 0)
    if not width or not height or not colours or samples not in (colours, colours + 1):
        return None
    if directory.one(Tag.COMPRESSION, 1) not in _PLAIN + _DEFLATED or len(bits) != 1 or len(formats) != 1:
        return None
    letter, depth = {1: "u", 2: "i", 3: "f"}.get(formats.pop(), ""), bits.pop()
    if depth not in {"u": (8, 16, 32), "i": (8, 16, 32), "f": (16, 32, 64)}.get(letter, ()):
        return None
    if directory.one(Tag.PREDICTOR, 1) not in ((1, 3) if letter == "f" else (1, 2)):
        return None
    extra = directory.one(Tag.EXTRA) if samples > colours else 0
    value = directory.one(Tag.ORIENTATION, 1)
    return Layout(
        (height, width, samples),
        colours,
        extra if extra in (_ASSOCIATED, _ALPHA) else 0,
        np.dtype(f"{directory.order}{letter}{depth // 8}"),
        photometric == _GREY_INVERTED,
        value if 1 <= value <= 8 else 1,
    )


def is_wrongly_read(directory: Directory) -> bool:
    """Tell whether Pillow would read a picture without complaint, but wrongly: deep planes."""
    deep = any(bits > 8 for bits in directory.all(Tag.BITS))
    several = directory.one(Tag.SAMPLES, 1) > 1
    return deep and several and directory.one(Tag.PLANAR, 1) == 2


def cannot_be_right(directory: Directory) -> bool:
    """Tell whether Pillow would read a picture wrongly and it is none of those that are read here."""
    if is_wrongly_read(directory):
        return layout(directory) is None
    # Uncompressed YCbCr with fewer chroma samples is taken for three samples a pixel.
    return (
        directory.one(Tag.PHOTOMETRIC) == 6
        and directory.one(Tag.COMPRESSION, 1) == 1
        and (directory.all(Tag.SUBSAMPLING) or (2, 2)) != (1, 1)
    )


def kind_in_words(directory: Directory) -> str:
    """Return what kind of TIFF it is, such as ``"5 samples of 8 bits"``."""
    samples = directory.one(Tag.SAMPLES, 1)
    bits = directory.one(Tag.BITS, 1)
    form = {2: "signed ", 3: "floating-point ", 5: "complex ", 6: "complex "}.get(directory.one(Tag.FORMAT, 1), "")
    words = [f"{samples} {form}{'sample' if samples == 1 else 'samples'} of {bits} {'bit' if bits == 1 else 'bits'}"]
    words += [name for name in [_PHOTOMETRIC.get(directory.one(Tag.PHOTOMETRIC))] if name]
    compression = directory.one(Tag.COMPRESSION, 1)
    if compression not in (*_PLAIN, *_DEFLATED):
        words.append(f"compressed as {_COMPRESSIONS.get(compression, f'number {compression}')}")
    return ", ".join(words)


def is_complete(directory: Directory, size: int) -> bool:
    """Tell whether a picture has a size, and all its data lies inside a file of `size` bytes."""
    tiled = Tag.TILES in directory.values
    offsets = directory.all(Tag.TILES if tiled else Tag.STRIPS)
    counts = directory.all(Tag.TILE_BYTES if tiled else Tag.STRIP_BYTES)
    return (
        directory.one(Tag.WIDTH) > 0
        and directory.one(Tag.HEIGHT) > 0
        and len(offsets) == len(counts) > 0
        and all(offset + count <= size for offset, count in zip(offsets, counts, strict=True))
    )


def read_samples(file: IO[bytes], directory: Directory, how: Layout) -> Samples:
    """Read the samples of a picture.

    Returns:
        ``(height, width, samples)`` in native byte order.

    Raises:
        ValueError: there is less data than the picture has.
    """
    height, width, samples = how.shape
    planes = samples if directory.one(Tag.PLANAR, 1) == 2 and samples > 1 else 1
    inside = samples // planes
    tiled = Tag.TILES in directory.values
    across = directory.one(Tag.TILE_WIDTH) if tiled else width
    down = directory.one(Tag.TILE_HEIGHT) if tiled else min(height, directory.one(Tag.ROWS, height) or height)
    offsets = directory.all(Tag.TILES if tiled else Tag.STRIPS)
    counts = directory.all(Tag.TILE_BYTES if tiled else Tag.STRIP_BYTES)
    corners = [
        (plane, top, left)
        for plane in range(planes)
        for top in range(0, height, max(1, down))
        for left in range(0, width, max(1, across))
    ]
    if not across or not down or across > 1 << 16 or len(offsets) < len(corners) or len(counts) < len(corners):
        raise ValueError("parts are missing")
    out = np.zeros((height, width, samples), how.dtype.newbyteorder("="))
    for (plane, top, left), offset, count in zip(corners, offsets, counts, strict=False):
        rows = down if tiled else min(down, height - top)
        file.seek(offset)
        data = file.read(count)
        part = _part(data, directory, how.dtype, (rows, across, inside))
        rows, columns = min(rows, height - top), min(across, width - left)
        channels = slice(plane, plane + 1) if planes > 1 else slice(None)
        out[top : top + rows, left : left + columns, channels] = part[:rows, :columns]
    return out


def _part(data: bytes, directory: Directory, dtype: np.dtype[Any], shape: tuple[int, int, int]) -> Samples:
    rows, across, inside = shape
    needed = rows * across * inside * dtype.itemsize
    if directory.one(Tag.COMPRESSION, 1) in _DEFLATED:
        data = zlib.decompressobj().decompress(data, needed)
    if len(data) < needed:
        raise ValueError("a part is too short")
    predictor = directory.one(Tag.PREDICTOR, 1)
    if predictor == 3:
        # Differences of bytes, which lie apart by significance, the highest first.
        raw = np.frombuffer(data, np.uint8, needed).reshape(rows, across * dtype.itemsize, inside)
        summed = np.cumsum(raw, axis=1, dtype=np.uint8).reshape(rows, dtype.itemsize, across * inside)
        values = np.ascontiguousarray(summed.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))
        return values.reshape(shape)
    values = np.frombuffer(data, dtype, needed // dtype.itemsize).reshape(shape)
    if predictor == 2:
        values = np.cumsum(values, axis=1, dtype=dtype.newbyteorder("="))
    return values

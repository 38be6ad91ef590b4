"""One function that turns a file into pixels, and says why when it cannot.  Safe to call from many threads.

Pillow decodes; pi_heif adds what telephones make.  Only formats that hold photographs are admitted: none that could
start another program (EPS), and none that describe something else (PDF, FITS, metafiles).
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    QoiImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from resnext_gui.engine.pictures.decode_watch import DecodeWatch
from resnext_gui.engine.pictures.files import (
    DRIVE_ERRORS,
    MAGIC,
    OTHER_SUFFIXES,
    PICTURE_SUFFIXES,
    ImageError,
    PathLike,
    could_be_picture,
    display,
    is_side_file,
    opened_file,
    trouble,
)
from resnext_gui.engine.pictures.modes import to_rgb

__all__ = [
    "PICTURE_SUFFIXES",
    "DecodeWatch",
    "ImageError",
    "Preprocessing",
    "could_be_picture",
    "crop_resized",
    "identify",
    "is_side_file",
    "load_pixels",
    "load_uint8",
    "open_rgb",
]

Bytes = npt.NDArray[np.uint8]

MAX_PIXELS = 178_000_000
"""Pictures with more are refused: decoded they would take over half a gigabyte."""

MAX_JPEG_PIXELS = 250_000_000
"""JPEG can be decoded at a half, a quarter or an eighth, so larger ones are admitted where that is enough."""

_BIG_PIXELS = 40_000_000
"""Larger ones are decoded one at a time, whatever the number of threads."""

# The limits are our own, checked on the header before anything is decoded; Pillow's would warn long before refusing.
Image.MAX_IMAGE_PIXELS = None

_PLUGINS = (
    AvifImagePlugin, BmpImagePlugin, GifImagePlugin, Jpeg2KImagePlugin, JpegImagePlugin, PngImagePlugin,
    PpmImagePlugin, QoiImagePlugin, TgaImagePlugin, TiffImagePlugin, WebPImagePlugin,
)  # fmt: skip
"""Imported for what importing them does: they register their formats."""

_FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "DIB", "GIF", "TIFF", "JPEG2000", "PPM", "QOI"]

try:
    import pi_heif

    pi_heif.register_heif_opener()
    _FORMATS.append("HEIF")
except ImportError:  # an installation without it reads everything else
    pi_heif = None

_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, ArithmeticError,
    AssertionError, NotImplementedError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError, Warning,
)  # fmt: skip
"""What Pillow's decoders are known to raise on damaged files."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pixels become what a network sees: ``(pixels / 255 - mean) / std``.

    A network that takes raw 0..255 has mean 0 and std 1/255.

    Attributes:
        size: side of the square, in pixels.
        crop: share of the shorter side that the square covers, 0..1.
        interpolation: ``"nearest"``, ``"box"``, ``"bilinear"``, ``"hamming"``, ``"bicubic"`` or ``"lanczos"``.
        mean: for each channel, in `order`.  `std` likewise.
        order: ``"rgb"`` or ``"bgr"``.
    """

    size: int = 224
    crop: float = 0.95
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    order: str = "rgb"

    @property
    def short_side(self) -> int:
        """What the picture's shorter side is resized to before the square is cut out of its middle."""
        return max(self.size, int(self.size / self.crop))

    def with_size(self, size: int) -> Preprocessing:
        """Return the same for another size."""
        return replace(self, size=size)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Preprocessing:
        """Rebuild what `to_dict` made; unknown keys are passed over, missing ones take the default."""
        known = {key: values[key] for key in cls.__dataclass_fields__ if key in values}
        for key in ("mean", "std"):
            if key in known:
                known[key] = tuple(float(x) for x in known[key])
        return cls(**known)


# --------------------------------------------------------------------------------------------------------------------
# Opening


def _quiet() -> None:
    """Keep what Pillow has to say about odd metadata off the terminal.

    Said again at each picture, because whoever uses `warnings.catch_warnings` drops it, and that tool itself may not
    be used here: it is not safe with threads.
    """
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"(PIL|pi_heif)\b")


warnings.filterwarnings("ignore", module=r"(PIL|pi_heif)\b")
_QUIET = warnings.filters[0]
logging.getLogger("PIL").addHandler(logging.NullHandler())


def _hush_libtiff() -> None:
    """Stop libtiff from writing a line to the terminal for each odd tag, where it is a library of its own."""
    home = Path(Image.__file__).parent
    for library in [*home.parent.glob("pillow.libs/libtiff*"), *home.glob(".dylibs/libtiff*")]:
        with contextlib.suppress(OSError, AttributeError):
            loaded = ctypes.CDLL(str(library))
            for setter in (loaded.TIFFSetErrorHandler, loaded.TIFFSetWarningHandler):
                setter.restype = ctypes.c_void_p
                setter.argtypes = [ctypes.c_void_p]
                setter(None)


_hush_libtiff()


@contextlib.contextmanager
def _explained(path: PathLike) -> Iterator[None]:
    """Say in a sentence why a picture cannot be opened or decoded.

    Raises:
        ImageError: instead of what the decoder raised.
    """
    try:
        yield
    except MemoryError as error:
        raise _too_little_memory(display(path)) from error
    except OSError as error:
        if error.errno in DRIVE_ERRORS:
            raise trouble(path, error) from error
        raise _broken(display(path)) from error
    except _DECODING_ERRORS as error:
        raise _broken(display(path)) from error


def _open_header(path: PathLike, file: IO[bytes]) -> Image.Image:
    name = display(path)
    formats = [*_FORMATS, "TGA"] if PurePath(path).suffix.lower() == ".tga" else _FORMATS
    _quiet()
    with _explained(path):
        try:
            picture = Image.open(file, formats=formats)
        except UnidentifiedImageError as error:
            raise _unidentified(name, file) from error
    width, height = picture.size
    limit = MAX_JPEG_PIXELS if picture.format in ("JPEG", "MPO") else MAX_PIXELS
    if width * height > limit:
        raise ImageError(
            "too_large",
            f"'{name}' has {width * height / 1e6:,.0f} megapixels ({width:,} x {height:,}); {limit / 1e6:.0f} is the "
            "limit.",
            "Save a smaller copy of it.",
        )
    if width < 1 or height < 1:
        raise _broken(name)
    return picture


def _unidentified(name: str, file: IO[bytes]) -> ImageError:
    try:
        file.seek(0)
        head = file.read(32)
    except OSError:
        head = b""
    if MAGIC.match(head):
        return _broken(name)
    suffix = PurePath(name).suffix.lower()
    if suffix in OTHER_SUFFIXES:
        return ImageError(
            "unsupported",
            f"'{name}' is in a format that is not read ({suffix[1:].upper()}).",
            "Save it as JPEG or PNG.",
        )
    return ImageError(
        "not_a_picture",
        f"'{name}' is not a picture in a format that can be read.",
        "Save it as JPEG or PNG, or remove it.",
    )


def _broken(name: str) -> ImageError:
    return ImageError(
        "broken", f"'{name}' is damaged or incomplete.", "Copy it again from where it came from, or remove it."
    )


def _too_little_memory(name: str) -> ImageError:
    return ImageError("no_memory", f"'{name}' does not fit into memory.", "Save a smaller copy of it.")


def _orientation(picture: Image.Image) -> int:
    """Return the EXIF orientation, 1..8; damaged metadata counts as upright."""
    try:
        value = picture.getexif().get(0x0112, 1)
    except (*_DECODING_ERRORS, MemoryError):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def identify(path: PathLike) -> tuple[int, int, str]:
    """Return width, height (upright, in pixels) and format, such as ``"JPEG"``, from the header alone.

    Raises:
        ImageError: it is no picture, too large, or cannot be read.  That it decodes is not promised.
    """
    with opened_file(path) as file:
        return identify_open(path, file)


def identify_open(path: PathLike, file: IO[bytes]) -> tuple[int, int, str]:
    """Do `identify` on an open file; `path` is only named.  The file's position afterwards is anywhere."""
    with _open_header(path, file) as picture:
        width, height = picture.size
        # A TIFF turns itself, and gives its size accordingly.
        if picture.format != "TIFF" and _orientation(picture) >= 5:
            width, height = height, width
        return width, height, str(picture.format)


_one_big_at_a_time = threading.Lock()


def open_rgb(path: PathLike, at_least: int | None = None) -> Bytes:
    """Decode a picture: upright, white under transparency, 16-bit and floating-point samples scaled, CMYK converted.

    Colour profiles are not applied: networks are trained without.

    Args:
        path: any file; only regular ones are opened.
        at_least: the shorter side may be reduced while decoding, but not below this many pixels.  Much faster for
            large JPEGs.

    Returns:
        uint8 of shape ``(height, width, 3)``; may be read-only.

    Raises:
        ImageError: names the file and says why.
    """
    return np.asarray(_open_picture(path, at_least))


def _open_picture(path: PathLike, at_least: int | None) -> Image.Image:
    with opened_file(path) as file, _open_header(path, file) as picture, _explained(path):
        if picture.format in ("JPEG", "MPO") and at_least is not None:
            _draft(picture, at_least)
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise ImageError(
                "too_large",
                f"'{display(path)}' has {width * height / 1e6:,.0f} megapixels; {MAX_PIXELS / 1e6:.0f} is the limit.",
                "Save a smaller copy of it.",
            )
        if width * height > _BIG_PIXELS:
            with _one_big_at_a_time:
                return _decode(picture, at_least)
        return _decode(picture, at_least)


def _draft(picture: Image.Image, at_least: int) -> None:
    width, height = picture.size
    scale = at_least / min(width, height)
    if scale < 1:
        picture.draft(None, (-int(-width * scale // 1), -int(-height * scale // 1)))


def _decode(picture: Image.Image, at_least: int | None) -> Image.Image:
    if picture.format == "TIFF" and picture.mode in ("I;16", "I;16B", "I", "F"):
        inverted = getattr(picture, "tag_v2", {}).get(262) == 0
    else:
        inverted = False
    picture.load()
    turn = _TURN.get(_orientation(picture))
    factor = 1 if at_least is None else min(picture.size) // at_least
    if factor >= 2 and picture.mode in ("L", "RGB", "RGBA", "CMYK", "YCbCr"):
        # What JPEG does while decoding, done here for the others, and before the conversion that multiplies memory.
        metadata = picture.info
        reduced = picture.reduce(factor)
        picture.close()
        reduced.info = metadata
        rgb = to_rgb(reduced)
    else:
        rgb = to_rgb(picture, inverted)
        if factor >= 2:
            rgb = rgb.reduce(factor)
    return rgb if turn is None else rgb.transpose(turn)


# --------------------------------------------------------------------------------------------------------------------
# What the network sees

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def crop_resized(rgb: Bytes, prep: Preprocessing) -> Bytes:
    """Resize so that the shorter side is ``size / crop``, then cut the square of `size` out of the middle.

    Both in one step: only the square is computed, so a strip of 6000x1 costs no more than any other picture.

    Args:
        rgb: uint8 ``(height, width, 3)``.
        prep: how.

    Returns:
        uint8 ``(size, size, 3)``, writable.
    """
    return np.array(_square(Image.fromarray(rgb), prep))


def _square(picture: Image.Image, prep: Preprocessing) -> Image.Image:
    width, height = picture.size
    short = prep.short_side
    if width <= height:
        new_width, new_height = short, max(short, int(short * height / width))
    else:
        new_width, new_height = max(short, int(short * width / height)), short
    left, top = round((new_width - prep.size) / 2), round((new_height - prep.size) / 2)
    across, down = width / new_width, height / new_height
    box = (left * across, top * down, min(width, (left + prep.size) * across), min(height, (top + prep.size) * down))
    return picture.resize((prep.size, prep.size), _FILTERS[prep.interpolation], box=box)


def load_uint8(path: PathLike, prep: Preprocessing) -> Bytes:
    """Return the file as uint8 ``(size, size, 3)``, RGB.

    Raises:
        ImageError: as `open_rgb`.
    """
    return np.array(_square(_open_picture(path, prep.short_side), prep))


def normalise(pixels: Bytes, prep: Preprocessing) -> npt.NDArray[np.float32]:
    """Turn uint8 ``(..., 3)`` RGB into the float32 that the network takes."""
    if prep.order == "bgr":
        pixels = pixels[..., ::-1]
    scale = 1.0 / (255.0 * np.asarray(prep.std, np.float64))
    shift = np.asarray(prep.mean, np.float64) / np.asarray(prep.std, np.float64)
    out: npt.NDArray[np.float32] = pixels.astype(np.float32)
    out *= scale.astype(np.float32)
    out -= shift.astype(np.float32)
    return out


def load_pixels(path: PathLike, prep: Preprocessing | None = None) -> npt.NDArray[np.float32]:
    """Return the file as float32 ``(size, size, 3)``, normalised; `prep` is that of the default weights if not given.

    Raises:
        ImageError: as `open_rgb`.
    """
    prep = prep or Preprocessing()
    return normalise(load_uint8(path, prep), prep)

"""One function that turns a file into pixels, and says why when it cannot.  Safe to call from many threads.

Pillow decodes; pi_heif adds what telephones make.  Only formats that hold photographs are admitted: none that could
start another program (EPS), and none that describe something else (PDF, FITS, metafiles).
"""

from __future__ import annotations

import contextlib
import ctypes
import io
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
    opened_content,
    trouble,
)
from resnext_gui.engine.pictures.jpeg_ends import odd_kind, without_end
from resnext_gui.engine.pictures.modes import DEEP, Layers, decode_deep, deep_layers, deep_to_rgb, mend_palette, to_rgb
from resnext_gui.engine.pictures.raw_files import is_raw, preview
from resnext_gui.engine.pictures.tiff_samples import (
    RARE_COMPRESSIONS,
    Layout,
    cannot_be_right,
    is_complete,
    is_wrongly_read,
    kind_in_words,
    layout,
    read_samples,
)
from resnext_gui.engine.pictures.tiff_structure import Directory, Tag, directories

__all__ = [
    "PICTURE_SUFFIXES",
    "DecodeWatch",
    "Decoded",
    "ImageError",
    "Preprocessing",
    "could_be_picture",
    "crop_resized",
    "decode",
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

MAX_SAMPLE_BYTES = 2 << 30
"""Of pictures whose samples are all held at once."""

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


@dataclass(slots=True)
class _Opened:
    """A picture whose header was read.

    Attributes:
        data: what it is decoded from: the file, or the preview in it.
        width: in pixels, before it is turned.  `height` likewise.
        format: such as ``"JPEG"``.
        orientation: EXIF orientation, 1..8.
        picture: for Pillow to decode; None where `samples` are read here.
        layers: how the low bytes of 16-bit colours can be got.
        directory: of a TIFF.
        samples: how they lie in a TIFF that Pillow does not read.
    """

    data: IO[bytes]
    width: int
    height: int
    format: str
    orientation: int
    picture: Image.Image | None
    layers: Layers | None = None
    directory: Directory | None = None
    samples: Layout | None = None


def _open_header(path: PathLike, file: IO[bytes]) -> _Opened:
    with _explained(path):
        file.seek(0)
        head = file.read(32)
        found = directories(file)
        turned = 1
        if is_raw(path, head, found):
            inside = preview(path, file, head, found)
            file, turned, found = io.BytesIO(inside.data), inside.orientation, []
        file.seek(0)
        opened = _open_tiff(path, file, found) if found else _open_other(path, file)
    if turned > 1 and opened.orientation == 1:
        opened.orientation = turned
    _check_size(path, opened)
    return opened


def _open_other(path: PathLike, file: IO[bytes]) -> _Opened:
    formats = [*_FORMATS, "TGA"] if PurePath(path).suffix.lower() == ".tga" else _FORMATS
    _quiet()
    try:
        picture = Image.open(file, formats=formats)
    except UnidentifiedImageError as error:
        raise _unidentified(display(path), file) from error
    layers = deep_layers(picture)  # before anything loads it, as looking for the orientation of a PNG does
    # A TIFF turns itself, and gives its size accordingly.
    turn = 1 if picture.format == "TIFF" else _orientation(picture)
    return _Opened(file, *picture.size, str(picture.format), turn, picture, layers)


def _open_tiff(path: PathLike, file: IO[bytes], found: list[Directory]) -> _Opened:
    # A small copy of the picture may come first.
    pages = [each for each in found if each.main]
    number = next((n for n, each in enumerate(pages) if not each.one(Tag.SUBFILE) & 1), 0)
    directory = pages[number]
    how = layout(directory)
    if not is_wrongly_read(directory):
        try:
            opened = _open_other(path, file)
            if number and opened.picture is not None:
                opened.picture.seek(number)
                opened.layers = deep_layers(opened.picture)
                opened.width, opened.height = opened.picture.size
        except (ImageError, *_DECODING_ERRORS):
            pass  # what it is then is told below
        else:
            if cannot_be_right(directory):
                raise _other_tiff(path, directory)
            opened.directory = directory
            return opened
    if not is_complete(directory, file.seek(0, 2)):
        raise _broken(display(path))
    if how is None:
        raise _other_tiff(path, directory)
    return _Opened(file, how.shape[1], how.shape[0], "TIFF", how.orientation, None, None, directory, how)


def _other_tiff(path: PathLike, directory: Directory) -> ImageError:
    return ImageError(
        "unsupported",
        f"'{display(path)}' is a TIFF of a kind that is not read ({kind_in_words(directory)}).",
        "Save it as JPEG or PNG.",
    )


def _check_size(path: PathLike, opened: _Opened) -> None:
    pixels = opened.width * opened.height
    limit = MAX_JPEG_PIXELS if opened.format in ("JPEG", "MPO") else MAX_PIXELS
    if opened.samples is not None:
        limit = min(limit, MAX_SAMPLE_BYTES // (opened.samples.shape[2] * opened.samples.dtype.itemsize))
    if pixels > limit:
        raise _too_large(path, opened.width, opened.height, limit)
    if opened.width < 1 or opened.height < 1:
        raise _broken(display(path))


def _too_large(path: PathLike, width: int, height: int, limit: int) -> ImageError:
    return ImageError(
        "too_large",
        f"'{display(path)}' has {width * height / 1e6:,.0f} megapixels ({width:,} x {height:,}); {limit / 1e6:.0f} is "
        "the limit.",
        "Save a smaller copy of it.",
    )


def _unidentified(name: str, file: IO[bytes]) -> ImageError:
    try:
        file.seek(0)
        head = file.read(32)
    except OSError:
        head = b""
    if MAGIC.match(head):
        odd = odd_kind(file) if head.startswith(b"\xff\xd8") else ""
        if odd:
            hint = "Save it as JPEG or PNG."
            return ImageError("unsupported", f"'{name}' is a JPEG of a kind that is not read ({odd}).", hint)
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
    with opened_content(path) as content:
        return identify_open(path, content.file)


def identify_open(path: PathLike, file: IO[bytes]) -> tuple[int, int, str]:
    """Do `identify` on an open file; `path` is only named.  The file's position afterwards is anywhere."""
    opened = _open_header(path, file)
    width, height = opened.width, opened.height
    return (height, width, opened.format) if opened.orientation >= 5 else (width, height, opened.format)


_one_big_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture, and what there is to say about it.

    Attributes:
        picture: upright, mode RGB.
        digest: hash of the file that it was decoded from.
        remark: a sentence, where something is missing of it; else empty.
    """

    picture: Image.Image
    digest: str
    remark: str

    @property
    def pixels(self) -> Bytes:
        """uint8 of shape ``(height, width, 3)``; may be read-only."""
        return np.asarray(self.picture)


def decode(path: PathLike, at_least: int | None = None, digest: str | None = "") -> Decoded:
    """Decode a picture: upright, white under transparency, deep samples scaled, CMYK converted.

    The one way in which photographs become pixels.  Of a raw file the preview is taken, if it is a large one; of an
    animation the first picture.  A JPEG whose last few rows are missing is read with a remark.  Colour profiles are not
    applied: networks are trained without.

    Args:
        path: any file; only regular ones are opened.
        at_least: the shorter side may be reduced while decoding, but not below this many pixels.  Much faster for
            large JPEGs.
        digest: the hash that the file must have; empty: any; None: any, and it need not be computed.

    Raises:
        ImageError: names the file and says why; ``changed`` where it has another hash.
    """
    with opened_content(path) as content:
        opened = _open_header(path, content.file)
        with _explained(path):
            picture, share = _decode_opened(path, opened, at_least)
            content.expect(digest or "")
            seen = "" if digest is None else content.digest()
    remark = "" if share is None else f"'{display(path)}' ends too early; {_lost(share)}."
    return Decoded(picture, seen, remark)


def _lost(share: float) -> str:
    if share >= 1:
        return "all of the picture is there"
    return f"{max(0.1, 100 * (1 - share)):.1f} % of the picture, at its bottom, is missing"


def open_rgb(path: PathLike, at_least: int | None = None, digest: str = "") -> Bytes:
    """Do `decode`, for the pixels alone: uint8 of shape ``(height, width, 3)``; may be read-only.

    Raises:
        ImageError: as `decode`.
    """
    return decode(path, at_least, digest or None).pixels


def _decode_opened(path: PathLike, opened: _Opened, at_least: int | None) -> tuple[Image.Image, float | None]:
    """Return the picture, and the share of it that is there where it ends too early."""
    if opened.format in ("JPEG", "MPO") and opened.picture is not None:
        if at_least is not None:
            _draft(opened.picture, at_least)
        width, height = opened.picture.size
        if width * height > MAX_PIXELS:
            raise _too_large(path, width, height, MAX_PIXELS)
    with _one_big_at_a_time if opened.width * opened.height > _BIG_PIXELS else contextlib.nullcontext():
        if opened.samples is not None and opened.directory is not None:
            how = opened.samples
            samples = read_samples(opened.data, opened.directory, how)
            rgb = deep_to_rgb(samples, how.colours, how.alpha, how.inverted)
            return _finished(rgb, opened.orientation, at_least), None
        if opened.picture is None:
            raise _broken(display(path))
        share = None
        try:
            rgb = _decode_by_pillow(opened, opened.picture, at_least)
        except OSError:
            if opened.directory is not None and opened.directory.one(Tag.COMPRESSION, 1) in RARE_COMPRESSIONS:
                raise _other_tiff(path, opened.directory) from None
            ended = _decode_without_end(opened, at_least) if opened.format in ("JPEG", "MPO") else None
            if ended is None:
                raise
            rgb, share = ended
        return _finished(rgb, opened.orientation, at_least), share


def _draft(picture: Image.Image, at_least: int) -> None:
    width, height = picture.size
    scale = at_least / min(width, height)
    if scale < 1:
        picture.draft(None, (-int(-width * scale // 1), -int(-height * scale // 1)))


def _finished(rgb: Image.Image, orientation: int, at_least: int | None) -> Image.Image:
    factor = 1 if at_least is None else min(rgb.size) // at_least
    if factor >= 2:
        rgb = rgb.reduce(factor)
    turn = _TURN.get(orientation)
    return rgb if turn is None else rgb.transpose(turn)


def _decode_by_pillow(opened: _Opened, picture: Image.Image, at_least: int | None) -> Image.Image:
    inverted = False
    if picture.format == "TIFF":
        tags = getattr(picture, "tag_v2", {})
        inverted = picture.mode in DEEP and tags.get(Tag.PHOTOMETRIC) == 0
        if picture.mode in ("P", "PA"):
            mend_palette(picture, tags.get(Tag.COLOUR_MAP))
    picture.load()
    if opened.layers is not None:
        deep = decode_deep(picture, opened.layers, lambda: _again(opened, picture.tell()))
        if deep is not None:
            return deep
    factor = 1 if at_least is None else min(picture.size) // at_least
    if factor >= 2 and picture.mode in ("L", "RGB", "RGBA", "CMYK", "YCbCr"):
        # What JPEG does while decoding, done here for the others, and before the conversion that multiplies memory.
        metadata = picture.info
        reduced = picture.reduce(factor)
        picture.close()
        reduced.info = metadata
        return to_rgb(reduced)
    return to_rgb(picture, inverted)


def _again(opened: _Opened, page: int) -> Image.Image:
    opened.data.seek(0)
    picture = Image.open(opened.data, formats=[opened.format])
    if page:
        picture.seek(page)
    return picture


def _decode_without_end(opened: _Opened, at_least: int | None) -> tuple[Image.Image, float] | None:
    if opened.width * opened.height > MAX_PIXELS:
        return None

    def decoded(data: io.BytesIO) -> Image.Image:
        picture = Image.open(data, formats=["JPEG", "MPO"])
        if at_least is not None:
            _draft(picture, at_least)
        picture.load()
        return to_rgb(picture)

    opened.data.seek(0)
    return without_end(opened.data.read(), decoded)


# --------------------------------------------------------------------------------------------------------------------
# What the network sees

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""Ways of resampling, by the names that `Preprocessing` knows."""


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
    return picture.resize((prep.size, prep.size), FILTERS[prep.interpolation], box=box)


def load_uint8(path: PathLike, prep: Preprocessing, digest: str = "") -> Bytes:
    """Return the file as uint8 ``(size, size, 3)``, RGB; `digest` is the hash that it must have, if any.

    Raises:
        ImageError: as `decode`.
    """
    return load_remarked(path, prep, digest)[0]


def load_remarked(path: PathLike, prep: Preprocessing, digest: str = "") -> tuple[Bytes, str]:
    """Do `load_uint8`; returns its pixels and the remark of `Decoded`, empty for a whole picture.

    Raises:
        ImageError: as `decode`.
    """
    decoded = decode(path, prep.short_side, digest or None)
    return np.array(_square(decoded.picture, prep)), decoded.remark


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
        ImageError: as `decode`.
    """
    prep = prep or Preprocessing()
    return normalise(load_uint8(path, prep), prep)

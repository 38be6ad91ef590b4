"""Makes odd, broken and hostile picture files, so that the tests need nothing from outside."""

from __future__ import annotations

import functools
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

SIDE = (64, 48)


def scene(width: int = 64, height: int = 48) -> Image.Image:
    """A picture whose four corners differ: red, green, blue, white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    half_y, half_x = height // 2, width // 2
    pixels[:half_y, :half_x] = (220, 30, 30)
    pixels[:half_y, half_x:] = (30, 200, 30)
    pixels[half_y:, :half_x] = (30, 30, 220)
    pixels[half_y:, half_x:] = (250, 250, 250)
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def png_header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def claims(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size in its frame header."""
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


@functools.cache
def refused() -> dict[str, tuple[bytes, str]]:
    """Name -> (bytes, the code it must be refused with)."""
    picture = scene(200, 150)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (150, 200, 3), np.uint8))
    text = PngImagePlugin.PngInfo()
    text.add_text("bomb", "A" * (70 << 20), zip=True)
    jpeg = encoded(noise, "JPEG")
    return {
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"just words, no picture at all, but quite a lot of them\n" * 9, "not_a_picture"),
        "zeros.png": (b"\0" * 4096, "not_a_picture"),
        "document.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "not_a_picture"),
        "program.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not_a_picture"),
        "layers.psd": (b"8BPS\0\1" + b"\0" * 60, "unsupported"),
        "icon.ico": (encoded(picture, "ICO"), "unsupported"),
        "half.jpg": (jpeg[: len(jpeg) // 2], "broken"),
        "head only.jpg": (jpeg[:300], "broken"),
        "half.png": (encoded(noise, "PNG")[:9000], "broken"),
        "half.gif": (encoded(noise.quantize(64), "GIF")[:5000], "broken"),
        "half.tif": (encoded(noise, "TIFF")[:20000], "broken"),
        "half.webp": (encoded(noise, "WEBP")[:3000], "broken"),
        "half.avif": (encoded(noise, "AVIF")[:2000], "broken"),
        "half.bmp": (encoded(noise, "BMP")[:20000], "broken"),
        "half.jp2": (encoded(noise, "JPEG2000")[:100], "broken"),
        "300 megapixels.png": (png_header(20000, 15000), "too_large"),
        "300 megapixels.jpg": (claims(jpeg, 20000, 15000), "too_large"),
        "four billion.jpg": (claims(jpeg, 65500, 65500), "too_large"),
        "text bomb.png": (encoded(scene(), "PNG", pnginfo=text), "broken"),
        "no pixels.png": (png_header(30, 30).replace(b"IDAT", b"tEXt"), "broken"),
    }


def write_special(folder: Path) -> list[str]:
    """What is no file: names that must be refused without being opened.  Returns them."""
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.jpg").symlink_to("/nonexistent/x.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(folder / "pipe.jpg")
    return ["dangling.jpg", "loop.jpg", "pipe.jpg"]


def near(pixels: np.ndarray, colour: tuple[int, int, int], tolerance: int = 30) -> bool:
    """Whether the mean colour of some pixels is about `colour`."""
    return bool(np.abs(pixels.reshape(-1, 3).mean(axis=0) - np.array(colour)).max() <= tolerance)


def corners(pixels: np.ndarray) -> list[np.ndarray]:
    """The four quarters without their borders: top left, top right, bottom left, bottom right."""
    height, width = pixels.shape[:2]
    y, x = height // 4, width // 4
    return [pixels[a : a + y, b : b + x] for a in (y // 2, height - y - y // 2) for b in (x // 2, width - x - x // 2)]

"""Samples of more than 8 bits, and the kinds of TIFF: the same photograph looks the same, or is refused by its kind."""

from __future__ import annotations

import struct
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.pictures.decode import identify, open_rgb
from resnext_gui.engine.pictures.files import ImageError
from tests.engine.odd_files import encoded, scene
from tests.engine.pictures.tiff_maker import Page, png16, samples, tiff

BASE = np.asarray(scene(96, 72))
FLOAT = BASE.astype(np.float32) / 255
FULL = BASE.astype(np.uint16) * 257
TEN, TWELVE = BASE.astype(np.uint16) * 4, BASE.astype(np.uint16) * 16
GREY = np.asarray(scene(96, 72).convert("L"))[..., None]
CLEAR = np.full((72, 96, 1), 65535, np.uint16)
CLEAR[:, :48] = 0
SEEN = CLEAR // 65535

COLOURS = {
    "float.tif": tiff([samples(FLOAT)]),
    "float, big-endian, deflated, predicted.tif": tiff(
        [samples(FLOAT, order=">", deflate=True, predictor=3)], order=">"
    ),
    "float planes.tif": tiff([samples(FLOAT, planar=True)]),
    "half.tif": tiff([samples(FLOAT.astype(np.float16))]),
    "double.tif": tiff([samples(FLOAT.astype(np.float64), order=">")], order=">"),
    "float in a big file.tif": tiff([samples(FLOAT)], big=True),
    "8 bits in a big file.tif": tiff([samples(BASE, order=">")], order=">", big=True),
    "planes.tif": tiff([samples(BASE, planar=True)]),
    "16.tif": tiff([samples(FULL)]),
    "16 planes.tif": tiff([samples(FULL, planar=True)]),
    "16 planes, deflated.tif": tiff([samples(FULL, planar=True, deflate=True)]),
    "10.tif": tiff([samples(TEN)]),
    "12, big-endian.tif": tiff([samples(TWELVE, order=">")], order=">"),
    "12 planes.tif": tiff([samples(TWELVE, planar=True)]),
    "12, deflated, predicted.tif": tiff([samples(TWELVE, deflate=True, predictor=2)]),
    "12 and nothing.tif": tiff([samples(np.concatenate([TWELVE, CLEAR], 2), extra=[0])]),
    "small copy first.tif": tiff([samples(BASE[::8, ::8], tags={254: (4, [1])}), samples(FULL)]),
    "10.png": png16(TEN),
    "12.png": png16(TWELVE),
    "16.png": png16(FULL),
}


@pytest.mark.parametrize("name", COLOURS)
def test_the_same_photograph_looks_the_same(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(COLOURS[name])
    assert identify(path)[:2] == (96, 72)
    assert np.abs(open_rgb(path).astype(int) - BASE).max() <= 2
    assert open_rgb(path, at_least=20).shape == (24, 32, 3)


TRANSPARENT = {
    "12.png": png16(np.concatenate([TWELVE, CLEAR], 2)),
    "12.tif": tiff([samples(np.concatenate([TWELVE, CLEAR], 2), extra=[2])]),
    "12, multiplied.tif": tiff([samples(np.concatenate([TWELVE * SEEN, CLEAR], 2), extra=[1])]),
    "12, all of it.png": png16(np.concatenate([TWELVE, CLEAR & 4095], 2)),
    "float.tif": tiff([samples(np.concatenate([FLOAT, SEEN.astype(np.float32)], 2), extra=[2])]),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_deep_transparency_lies_on_white(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(TRANSPARENT[name])
    pixels = open_rgb(path).astype(int)
    assert (pixels[:, :48] == 255).all()
    assert np.abs(pixels[:, 48:] - BASE[:, 48:]).max() <= 2


@pytest.mark.parametrize("form", ["png", "tif", "grey.tif", "inverted.tif"])
@pytest.mark.parametrize("depth", [10, 12, 16])
def test_deep_grey_with_and_without_alpha(tmp_path: Path, form: str, depth: int):
    grey = (GREY.astype(np.uint16) * (257 if depth == 16 else 2 ** (depth - 8))).astype(np.uint16)
    both = np.concatenate([grey, CLEAR | 65535], 2)
    path = tmp_path / form
    path.write_bytes(
        {
            "png": lambda: png16(both),
            "tif": lambda: tiff([samples(both, 1, extra=[2])]),
            "grey.tif": lambda: tiff([samples(grey, 1)]),
            "inverted.tif": lambda: tiff([samples(np.uint16(2**depth - 1) - grey, 0)]),
        }[form]()
    )
    assert np.abs(open_rgb(path).astype(int) - GREY).max() <= 2


def test_half_precision_grey(tmp_path: Path):
    path = tmp_path / "half.tif"
    path.write_bytes(tiff([samples((GREY / 255).astype(np.float16), 1)]))
    assert np.abs(open_rgb(path).astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_palette_of_8_or_16_bits(tmp_path: Path, scale: int):
    picture = scene(96, 72).quantize(8)
    rgb = np.zeros((3, 256), int)
    rgb[:, : len(picture.palette.palette) // 3] = np.frombuffer(picture.palette.palette, np.uint8).reshape(-1, 3).T
    colours = [int(value) * scale for value in rgb.reshape(-1)]
    path = tmp_path / "palette.tif"
    path.write_bytes(tiff([samples(np.asarray(picture)[..., None], 3, tags={320: (3, colours)})]))
    assert np.abs(open_rgb(path).astype(int) - np.asarray(picture.convert("RGB"))).max() == 0


KINDS = {
    "five.tif": (tiff([samples(np.concatenate([BASE, BASE[..., :2]], 2), 1, extra=[0] * 4)]), "5 samples of 8 bits"),
    "long.tif": (tiff([samples(GREY.astype(np.uint64), 1)]), "1 sample of 64 bits"),
    "ink planes.tif": (
        tiff([samples(np.concatenate([FULL, CLEAR], 2), 5, planar=True)]), "4 samples of 16 bits"),
    "chroma.tif": (tiff([samples(BASE, 6)]), "3 samples of 8 bits, YCbCr"),
    "new.tif": (tiff([samples(BASE, tags={259: (3, [50002])})]), "compressed as JPEG XL"),
    "later.tif": (tiff([samples(BASE, tags={259: (3, [61234])})]), "compressed as number 61234"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_valid_tiff_is_never_called_damaged(tmp_path: Path, name: str):
    data, kind = KINDS[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        open_rgb(path)
    assert caught.value.code == "unsupported"
    assert f"{name}' is a TIFF of a kind that is not read (" in caught.value.message
    assert kind in caught.value.message


@pytest.mark.parametrize("name", ["float.tif", "12.tif", "16 planes.tif"])
def test_a_tiff_cut_short_is_damaged(tmp_path: Path, name: str):
    page = {"float.tif": samples(FLOAT), "12.tif": samples(TWELVE), "16 planes.tif": samples(FULL, planar=True)}[name]
    page.strips[-1] = page.strips[-1][:100]
    path = tmp_path / name
    path.write_bytes(tiff([page]))
    with pytest.raises(ImageError) as caught:
        open_rgb(path)
    assert caught.value.code == "broken"
    beyond = samples(FLOAT)
    strips, beyond.strips = beyond.strips, []
    beyond.tags |= {273: (4, [1 << 30] * 3), 279: (4, [len(strip) for strip in strips])}
    path.write_bytes(tiff([beyond]))
    with pytest.raises(ImageError) as caught:
        identify(path)
    assert caught.value.code == "broken"


def test_a_turned_tiff_that_is_read_here(tmp_path: Path):
    path = tmp_path / "turned.tif"
    path.write_bytes(tiff([samples(FLOAT, tags={274: (3, [6])})]))
    assert identify(path)[:2] == (72, 96)
    assert np.abs(open_rgb(path).astype(int) - np.asarray(Image.fromarray(BASE).transpose(4))).max() <= 1


def test_several_pages_give_the_first(tmp_path: Path):
    other = Image.fromarray(255 - BASE)
    path = tmp_path / "pages.tif"
    path.write_bytes(encoded(Image.fromarray(BASE), "TIFF", save_all=True, append_images=[other]))
    assert (open_rgb(path) == BASE).all()


def test_more_samples_than_fit_are_refused_by_the_header(tmp_path: Path):
    path = tmp_path / "huge.tif"
    tags = {256: (4, [12_000]), 257: (4, [12_000]), 258: (3, [64] * 3), 259: (3, [8]), 262: (3, [2]), 277: (3, [3])}
    path.write_bytes(tiff([Page({**tags, 339: (3, [3] * 3)}, [b"x" * 100])]))
    with pytest.raises(ImageError) as caught:
        identify(path)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("deep", [FULL, np.repeat(FULL[..., :1], 3, 2)], ids=["colours", "grey"])
def test_a_deep_colour_that_stands_for_nothing(tmp_path: Path, deep: np.ndarray):
    kinds = ("RGB", ">HHH", (3, 258, 7)) if (deep[..., :1] != deep).any() else ("L", ">H", (258,))
    deep = deep[..., : len(kinds[2])].copy()
    deep[:, :48] = kinds[2]
    deep[:8, 48:] = [one + 1 for one in kinds[2]]  # nearly that colour, and there
    path = tmp_path / "clear.png"
    clear = struct.pack(kinds[1], *kinds[2])
    data = png16(deep)
    at = data.index(b"IDAT") - 4
    chunk = b"tRNS" + clear
    path.write_bytes(data[:at] + struct.pack(">I", len(clear)) + chunk + struct.pack(">I", crc32(chunk)) + data[at:])
    seen = open_rgb(path)
    assert (seen[:, :48] == 255).all() and (seen[:8, 48:] < 5).all()
    assert np.abs(seen[8:, 48:].astype(int) - deep[8:, 48:] // 257).max() <= 2


@pytest.mark.parametrize("order", ["<", ">"])
def test_32_bits_without_a_sign(tmp_path: Path, order: str):
    path = tmp_path / "32.tif"
    path.write_bytes(tiff([samples(GREY.astype(np.uint32) << 24, 1, order)], order=order))
    seen = open_rgb(path)[..., 0].astype(float)
    assert np.corrcoef(seen.ravel(), GREY.ravel())[0, 1] > 0.99


def test_a_jpeg_of_12_bits_is_valid(tmp_path: Path):
    data = bytearray(encoded(scene(32, 32), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(ImageError, match="12 bits a sample") as caught:
        identify(tmp_path / "x.jpg")
    assert caught.value.code == "unsupported"

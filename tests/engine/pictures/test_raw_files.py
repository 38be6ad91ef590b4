"""Raw files: learned from their full-size preview, or refused by name; never from their thumbnail."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.pictures.decode import identify, open_rgb
from resnext_gui.engine.pictures.files import ImageError
from tests.engine.odd_files import corners, encoded, near, scene
from tests.engine.pictures.tiff_maker import Page, samples, sensor, tiff

BIG = scene(720, 540)
PREVIEW = encoded(BIG, "JPEG", quality=90)
SMALL = encoded(scene(160, 120), "JPEG")


def thumbnail(*below: Page, orientation: int = 1) -> Page:
    """The small copy that comes first in a raw file: all blue, so that learning from it shows."""
    page = samples(np.full((48, 64, 3), (0, 0, 255), np.uint8), tags={254: (4, [1]), 274: (3, [orientation])})
    page.below.extend(below)
    return page


def strip(
    jpeg: bytes, width: int = 720, height: int = 540, compression: int = 6, **more: tuple[int, list[int]]
) -> Page:
    tags = {254: (4, [0]), 256: (4, [width]), 257: (4, [height]), 259: (3, [compression]), 262: (3, [6])}
    return Page({**tags, **{int(tag[1:]): value for tag, value in more.items()}}, [jpeg])


def marked(page: Page) -> Page:
    page.tags[50706] = (1, [1, 4, 0, 0])
    return page


def raf(jpeg: bytes) -> bytes:
    return (
        b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 160, len(jpeg)) + b"\0" * 68 + jpeg + b"\7" * 999
    )


def cr3(jpeg: bytes, orientation: int = 1) -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    facts = tiff([Page({256: (4, [720]), 274: (3, [orientation])})])
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"CMT1", facts)) + box(b"mdat", jpeg + b"\5" * 500)


FILES = {
    "sub-directory.NEF": tiff([thumbnail(sensor(1440, 80), Page({254: (4, [1])}, jpeg=PREVIEW))], order=">"),
    "first.CR2": tiff([strip(PREVIEW), Page({}, jpeg=SMALL), sensor(90, 60)]),
    "first.ARW": tiff([Page({254: (4, [1]), 259: (3, [6])}, jpeg=PREVIEW, below=[sensor(90, 60)])]),
    "preview.dng": tiff([marked(thumbnail(sensor(90, 60), strip(PREVIEW, compression=7)))]),
    "own place.ORF": tiff([thumbnail()], magic=b"IIRO") + b"maker" * 9 + SMALL + PREVIEW + b"\3" * 99,
    "own place.PEF": tiff([thumbnail()], order=">") + b"maker" * 9 + PREVIEW,
    "panasonic.RW2": tiff([Page({0x2E: (1, list(PREVIEW)), 274: (3, [1])})], magic=b"IIU\0"),
    "fuji.RAF": raf(PREVIEW),
    "canon.CR3": cr3(PREVIEW),
    "renamed.tif": tiff([thumbnail(sensor(90, 60), Page({254: (4, [1])}, jpeg=PREVIEW))]),
    "as large as the sensor.NEF": tiff([thumbnail(sensor(300, 240), Page({}, jpeg=encoded(scene(300, 240), "JPEG")))]),
}

REFUSED = {
    "thumbnail.NEF": tiff([thumbnail(sensor(720, 540))]),
    "small preview.NEF": tiff([thumbnail(sensor(720, 540), Page({254: (4, [1])}, jpeg=SMALL))]),
    "small.CR2": tiff([strip(SMALL, 160, 120), sensor(720, 540)]),
    "telephone.dng": tiff([marked(sensor(720, 540, linear=True))]),
    # The samples themselves as a lossy JPEG: no picture to look at.
    "lossy.dng": tiff([marked(thumbnail(strip(PREVIEW, compression=7, t262=(3, [34892]))))]),
    "nothing.raf": raf(b"\0" * 999),
    "nothing.CR3": cr3(b"\0" * 999),
    "nothing.orf": tiff([thumbnail()], magic=b"IIRS"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_full_size_preview_is_read(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    pixels = open_rgb(path)
    assert pixels.shape == ((240, 300, 3) if "sensor" in name else (540, 720, 3))
    assert identify(path)[:2] == pixels.shape[1::-1]
    wanted = [(220, 30, 30), (30, 200, 30), (30, 30, 220), (250, 250, 250)]
    assert all(near(quarter, colour) for quarter, colour in zip(corners(pixels), wanted, strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_without_one_it_is_refused_by_name(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(REFUSED[name])
    for read in (identify, open_rgb):
        with pytest.raises(ImageError) as caught:
            read(path)
        assert caught.value.code == "unsupported"
        assert f"{name}' is a raw file ({path.suffix[1:].upper()}) without a full-size preview" in caught.value.message


@pytest.mark.parametrize("make", [lambda turn: tiff([thumbnail(Page({}, jpeg=PREVIEW), orientation=turn)]), None])
def test_the_preview_is_turned_as_the_raw_file_says(tmp_path: Path, make):
    path = tmp_path / "upright.nef"
    path.write_bytes(make(6) if make else cr3(PREVIEW, 6))
    assert identify(path)[:2] == (540, 720)
    pixels = open_rgb(path, at_least=100)
    assert near(corners(pixels)[1], (220, 30, 30))  # what was top left is top right now
    exif = Image.Exif()
    exif[0x112] = 3
    path.write_bytes(tiff([thumbnail(Page({}, jpeg=encoded(BIG, "JPEG", exif=exif)), orientation=6)]))
    assert near(corners(open_rgb(path))[3], (220, 30, 30))  # the preview's own word goes first


def test_a_raw_file_cut_short_is_damaged(tmp_path: Path):
    path = tmp_path / "cut.CR2"
    whole = FILES["first.CR2"]
    at = whole.index(PREVIEW)
    page = tiff([Page({254: (4, [1])}, below=[Page({513: (4, [4000]), 514: (4, [900_000])})])])
    for data in (page, whole[: at + len(PREVIEW) // 2]):
        path.write_bytes(data)
        with pytest.raises(ImageError) as caught:
            open_rgb(path)
        assert caught.value.code == "broken"


def test_directories_in_circles_and_beyond_the_end_come_to_an_end(tmp_path: Path):
    path = tmp_path / "circle.nef"
    one = bytearray(tiff([thumbnail()]))
    start = struct.unpack_from("<I", one, 4)[0]
    count = struct.unpack_from("<H", one, start)[0]
    for following in (start, 0xFFFFFF00):
        struct.pack_into("<I", one, start + 2 + 12 * count, following)
        path.write_bytes(one)
        with pytest.raises(ImageError):
            identify(path)
    path.write_bytes(tiff([Page({330: (4, [8] * 500), 700: (1, [0] * 9)})]))
    with pytest.raises(ImageError):
        identify(path)

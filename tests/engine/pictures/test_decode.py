"""Files to pixels: every mode comes out right, everything else is refused by name, nothing crashes or hangs."""

from __future__ import annotations

import csv
import os
import socket
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from resnext_gui.engine.pictures import decode
from resnext_gui.engine.pictures.decode import (
    ImageError,
    Preprocessing,
    could_be_picture,
    crop_resized,
    identify,
    is_side_file,
    load_pixels,
    load_uint8,
    open_rgb,
)
from resnext_gui.engine.pictures.modes import deep_to_grey
from tests.engine.odd_files import corners, encoded, near, png_header, refused, scene, write_special

COLOURS = [(220, 30, 30), (30, 200, 30), (30, 30, 220), (250, 250, 250)]


def saved(folder: Path, name: str, picture: Image.Image, form: str | None = None, **options: object) -> Path:
    path = folder / name
    picture.save(path, form, **options)
    return path


def looks_right(pixels: np.ndarray, tolerance: int = 30) -> bool:
    return all(near(part, colour, tolerance) for part, colour in zip(corners(pixels), COLOURS, strict=True))


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("a.jpg", {}), ("a.jpeg", {"progressive": True}), ("a.png", {}), ("a.webp", {}),
            ("b.webp", {"lossless": True}), ("a.avif", {}), ("a.bmp", {}), ("a.tif", {}),
            ("b.tif", {"compression": "tiff_lzw"}),
            ("c.tif", {"compression": "jpeg"}), ("a.jp2", {}), ("a.ppm", {}), ("a.tga", {}), ("a.qoi", {}),
            ("ünï 😀 名前.jpg", {}),
        ],
    )  # fmt: skip
    def test_each_format_opens(self, tmp_path: Path, name: str, options: dict[str, object]):
        path = saved(tmp_path, name, scene(), **options)
        pixels = open_rgb(path)
        assert (pixels.dtype, pixels.shape) == (np.uint8, (48, 64, 3))
        assert looks_right(pixels)
        assert identify(path)[:2] == (64, 48)

    def test_the_first_frame_of_an_animation(self, tmp_path: Path):
        other = Image.new("RGB", (64, 48), "black")
        for name in ("a.gif", "a.webp", "a.png", "a.avif"):
            path = saved(tmp_path, name, scene(), save_all=True, append_images=[other, other])
            assert looks_right(open_rgb(path)), name

    def test_names_do_not_decide(self, tmp_path: Path):
        for name in ("picture", "wrong.png", "IMG_2041.v2"):
            (tmp_path / name).write_bytes(encoded(scene(), "JPEG"))
            assert looks_right(open_rgb(tmp_path / name))

    def test_a_telephone_held_upright(self):
        """HEVC inside, stored lying (96 x 64, blue at its upper left), to be shown turned to the right."""
        path = Path(__file__).with_name("telephone.heic")
        pixels = open_rgb(path)
        assert (pixels.dtype, pixels.shape) == (np.uint8, (96, 64, 3))
        assert identify(path)[:2] == (64, 96)
        for row, column, colour in ((10, 54, (20, 90, 200)), (10, 10, (200, 30, 40)), (72, 16, (240, 220, 60))):
            assert np.abs(pixels[row, column].astype(int) - colour).max() <= 8

    def test_telephone_pictures(self, hostile: Path):
        pixels = open_rgb(hostile / "files" / "pil_avif_hopper.heif")
        assert pixels.shape == (128, 128, 3)
        assert 60 < pixels.mean() < 120


class TestModes:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_upright(self, tmp_path: Path, orientation: int, form: str):
        turns = [
            None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
            Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_270,
        ]  # fmt: skip
        turn = turns[orientation - 1]
        picture = scene() if turn is None else scene().transpose(turn)
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = saved(tmp_path, "turned", picture, form, exif=exif)
        assert open_rgb(path).shape == (48, 64, 3)
        assert looks_right(open_rgb(path))
        assert identify(path)[:2] == (64, 48)

    def test_transparency_lies_on_white(self, tmp_path: Path):
        clear = scene().convert("RGBA")
        clear.putalpha(Image.new("L", clear.size, 0))
        assert (open_rgb(saved(tmp_path, "clear.png", clear)) == 255).all()
        half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
        assert abs(int(open_rgb(saved(tmp_path, "half.png", half)).mean()) - 127) < 3
        grey = Image.new("LA", (8, 8), (0, 0))
        assert (open_rgb(saved(tmp_path, "grey.png", grey)) == 255).all()

    def test_transparent_colours_of_palettes_and_plain_pictures(self, tmp_path: Path):
        palette = Image.new("P", (8, 8), 0)
        palette.putpalette([0, 0, 0, 200, 10, 10] + [0] * 762)
        palette.paste(1, (4, 0, 8, 8))
        pixels = open_rgb(saved(tmp_path, "p.png", palette, transparency=0))
        assert (pixels[:, :4] == 255).all()
        assert near(pixels[:, 4:], (200, 10, 10), 1)
        plain = Image.new("RGB", (8, 8), (1, 2, 3))
        assert (open_rgb(saved(tmp_path, "rgb.png", plain, transparency=(1, 2, 3))) == 255).all()
        assert (open_rgb(saved(tmp_path, "l.png", Image.new("L", (8, 8), 7), transparency=7)) == 255).all()

    def test_one_bit_and_grey(self, tmp_path: Path):
        grey = scene().convert("L")
        assert np.array_equal(open_rgb(saved(tmp_path, "g.png", grey))[..., 0], np.asarray(grey))
        bits = scene().convert("1", dither=Image.Dither.NONE)
        assert set(np.unique(open_rgb(saved(tmp_path, "b.png", bits)))) == {0, 255}

    @pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
    def test_sixteen_bit_grey_is_not_white(self, tmp_path: Path, name: str):
        ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
        pixels = open_rgb(saved(tmp_path, name, Image.fromarray(ramp)))
        assert abs(int(pixels.mean()) - 127) <= 2
        assert np.abs(pixels[0, :, 0].astype(int) - np.linspace(0, 255, 64)).max() <= 1

    def test_scaling_of_deep_samples(self):
        assert deep_to_grey(np.array([[0, 2047, 4095]], np.uint16)).tolist() == [[0, 127, 255]]
        assert deep_to_grey(np.array([[0, 128, 255]], np.int32)).tolist() == [[0, 128, 255]]
        assert deep_to_grey(np.array([[0.0, 0.5, 1.0]], np.float32)).tolist() == [[0, 128, 255]]
        assert deep_to_grey(np.array([[0.0, 128.0, 200.0]], np.float32)).tolist() == [[0, 128, 200]]
        assert deep_to_grey(np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32)).tolist() == [[0, 255, 0, 128]]
        assert deep_to_grey(np.full((2, 2), np.nan, np.float32)).tolist() == [[0, 0], [0, 0]]
        assert deep_to_grey(np.array([[0, 65535]], np.uint16), inverted=True).tolist() == [[255, 0]]
        wide = deep_to_grey(np.linspace(-5e6, 5e6, 4096, dtype=np.float32).reshape(64, 64))
        assert (wide.min(), wide.max()) == (0, 255)
        assert 120 < wide.mean() < 135
        assert deep_to_grey(np.full((2, 2), -7, np.int32)).max() <= 255

    def test_floating_point_tiff(self, tmp_path: Path):
        ramp = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(48, 0).copy()
        ramp[0, :3] = np.nan, np.inf, -np.inf
        pixels = open_rgb(saved(tmp_path, "f.tif", Image.fromarray(ramp)))
        assert 120 < pixels.mean() < 135

    @pytest.mark.parametrize("name", ["ink.jpg", "ink.tif"])
    def test_four_inks(self, tmp_path: Path, name: str):
        # A CMYK JPEG is stored inverted, as Adobe's programs do.
        assert looks_right(open_rgb(saved(tmp_path, name, scene().convert("CMYK"))), 45)

    def test_lab(self, tmp_path: Path):
        transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        lab = ImageCms.applyTransform(scene(), transform)
        assert looks_right(open_rgb(saved(tmp_path, "lab.tif", lab)), 45)

    def test_broken_metadata_does_not_matter(self, tmp_path: Path):
        path = saved(tmp_path, "a.jpg", scene(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 50)
        assert looks_right(open_rgb(path))
        path = saved(tmp_path, "b.jpg", scene(), icc_profile=b"no profile" * 20000)
        assert looks_right(open_rgb(path))


class TestRefusals:
    @pytest.mark.parametrize("name", refused())
    def test_by_name_with_a_reason(self, tmp_path: Path, name: str):
        data, code = refused()[name]
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(ImageError) as caught:
            open_rgb(path)
        assert caught.value.code == code
        assert name in caught.value.message
        assert caught.value.hint

    def test_bombs_are_refused_by_their_header(self, tmp_path: Path):
        (tmp_path / "b.png").write_bytes(png_header(50000, 50000, 1, 0))
        with pytest.raises(ImageError) as caught:
            identify(tmp_path / "b.png")
        assert caught.value.code == "too_large"
        assert "2,500 megapixels" in caught.value.message

    @pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and links")
    def test_what_is_no_file_is_never_opened(self, tmp_path: Path):
        write_special(tmp_path)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / "socket.jpg"))
        server.close()
        expected = {
            "folder.jpg": "folder", "dangling.jpg": "missing", "loop.jpg": "missing", "pipe.jpg": "pipe",
            "socket.jpg": "pipe", "nothing.jpg": "missing", "nul\0.jpg": "missing",
        }  # fmt: skip
        for name, code in expected.items():
            for function in (open_rgb, identify):
                with pytest.raises(ImageError) as caught:
                    function(f"{tmp_path}/{name}")
                assert caught.value.code == code, name
        with pytest.raises(ImageError) as caught:
            open_rgb("/dev/zero")
        assert caught.value.code == "pipe"

    def test_a_file_that_may_not_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        path = saved(tmp_path, "a.jpg", scene())

        def forbidden(*_args: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", forbidden)
        with pytest.raises(ImageError) as caught:
            open_rgb(path)
        assert caught.value.code == "no_permission"

    def test_too_little_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        path = saved(tmp_path, "a.jpg", scene())

        def full(*_args: object) -> None:
            raise MemoryError

        monkeypatch.setattr(decode, "to_rgb", full)
        with pytest.raises(ImageError) as caught:
            open_rgb(path)
        assert caught.value.code == "no_memory"

    def test_truncated_files_stay_refused_whatever_others_set(self):
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False

    def test_names_that_are_no_valid_unicode(self, tmp_path: Path):
        if sys.platform == "win32":
            pytest.skip("Windows has no such names")
        path = str(tmp_path / os.fsdecode(b"caf\xe9.jpg"))
        Path(path).write_bytes(b"nothing")
        with pytest.raises(ImageError) as caught:
            open_rgb(path)
        caught.value.message.encode("utf-8")
        Path(path).write_bytes(encoded(scene(), "JPEG"))
        assert looks_right(open_rgb(path))

    def test_warnings_stay_inside(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
        path = saved(tmp_path, "a.tif", scene())
        data = bytearray(path.read_bytes())
        path.write_bytes(data[:-8])
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for _ in range(2):
                try:
                    open_rgb(path)
                except ImageError:
                    continue
        assert not seen
        assert capfd.readouterr().err == ""


def manifest() -> list[tuple[str, str]]:
    """Names and expectations of the shared odd files; empty where they are absent."""
    places = [os.environ.get("RESNEXT_GUI_SHARED", ""), str(Path(__file__).resolve().parents[4] / "shared")]
    for place in places:
        file = Path(place) / "data" / "hostile" / "manifest.csv"
        if place and file.is_file():
            with file.open(encoding="utf-8", newline="") as opened:
                return [(row["file"], row["expected"]) for row in csv.DictReader(opened)]
    return [("", "")]


@pytest.mark.parametrize(("name", "expected"), manifest())
def test_shared_odd_files(hostile: Path, name: str, expected: str, capfd: pytest.CaptureFixture[str]):
    path = hostile / "files" / name
    admitted = path.suffix not in (".psd",)  # formats we leave out, in so many words
    if path.suffix == ".heif":  # and one that is decoded by more than Pillow
        expected = "either"
    try:
        pixels = open_rgb(path, at_least=224)
    except ImageError as error:
        assert expected in ("refused", "either") or not admitted, error.message
        assert name in error.message
        assert error.hint
    else:
        assert expected in ("opens", "either")
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        if "16" in name and "basn" in name:
            assert pixels.mean() < 250
        assert load_uint8(path, Preprocessing(64)).shape == (64, 64, 3)
    assert capfd.readouterr().err == ""


class TestWhatTheNetworkSees:
    def test_the_square_is_resized_and_cut_as_the_weights_were_measured(self):
        rng = np.random.default_rng(0)
        noise = Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8)).resize(
            (400, 300), Image.Resampling.BICUBIC
        )
        prep = Preprocessing(size=224, crop=0.875)
        resized = noise.resize((341, 256), Image.Resampling.BICUBIC)
        left, top = round((341 - 224) / 2), round((256 - 224) / 2)
        expected = np.asarray(resized.crop((left, top, left + 224, top + 224)), np.int16)
        difference = np.abs(crop_resized(np.asarray(noise), prep).astype(np.int16) - expected)
        assert difference.max() <= 2
        assert difference.mean() < 0.1

    @pytest.mark.parametrize(("width", "height"), [(6000, 1), (1, 6000), (2, 5000), (1, 1), (223, 7), (50, 50)])
    def test_any_shape_gives_a_square(self, width: int, height: int):
        pixels = np.full((height, width, 3), (10, 120, 240), np.uint8)
        for crop in (0.875, 1.0):
            square = crop_resized(pixels, Preprocessing(size=32, crop=crop))
            assert square.shape == (32, 32, 3)
            assert near(square, (10, 120, 240), 1)

    def test_reduction_while_decoding_stays_above_what_is_asked(self, tmp_path: Path):
        for name in ("big.jpg", "big.png", "big.tif"):
            path = saved(tmp_path, name, scene(1600, 1200))
            small = open_rgb(path, at_least=230)
            assert 230 <= min(small.shape[:2]) < 600
            assert looks_right(small)
            assert min(open_rgb(path, at_least=3000).shape[:2]) == 1200
            assert looks_right(load_uint8(path, Preprocessing(96, 1.0)))

    def test_a_huge_jpeg_is_decoded_small(self, tmp_path: Path):
        path = saved(tmp_path, "huge.jpg", Image.new("L", (16000, 12500), 90))  # 200 megapixels
        assert near(load_uint8(path, Preprocessing(64)), (90, 90, 90), 2)
        with pytest.raises(ImageError) as caught:
            open_rgb(path)
        assert caught.value.code == "too_large"

    def test_normalising(self, tmp_path: Path):
        path = saved(tmp_path, "a.png", Image.new("RGB", (40, 40), (255, 128, 0)))
        plain = load_pixels(path)
        assert plain.shape == (224, 224, 3)
        assert plain.dtype == np.float32
        expected = (np.array([255, 128, 0]) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        assert np.allclose(plain[0, 0], expected, atol=1e-5)
        raw = Preprocessing(8, mean=(0.0,) * 3, std=(1 / 255,) * 3, order="bgr")
        assert np.allclose(load_pixels(path, raw)[0, 0], [0, 128, 255], atol=1e-3)

    def test_settings_travel(self):
        prep = Preprocessing(288, 1.0, "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bgr")
        assert Preprocessing.from_dict(prep.to_dict()) == prep
        assert Preprocessing.from_dict({"size": 96, "unknown": 1}) == Preprocessing(96)
        assert prep.with_size(64).size == 64


class TestWhichFiles:
    def test_side_files(self):
        for name in ("._IMG_1.jpg", "Thumbs.db", ".DS_Store", "desktop.ini", "__MACOSX", ".hidden", "@eaDir"):
            assert is_side_file(name)
        assert not is_side_file("IMG_1.jpg")

    def test_by_suffix_or_by_first_bytes(self, tmp_path: Path):
        (tmp_path / "bare").write_bytes(encoded(scene(), "JPEG"))
        (tmp_path / "words").write_text("words")
        (tmp_path / "trip.2021").write_bytes(encoded(scene(), "PNG"))
        assert could_be_picture(tmp_path / "bare")
        assert could_be_picture(tmp_path / "trip.2021")
        assert could_be_picture("nowhere/A.JPG")
        for name in ("words", "nothing", "notes.txt", "._a.jpg"):
            assert not could_be_picture(tmp_path / name)


def damaged(data: bytes, random: Random) -> bytes:
    """A copy with some bytes changed, dropped or added."""
    out = bytearray(data)
    for _ in range(random.choice([1, 3, 10, 60])):
        at = random.randrange(len(out))
        change = random.random()
        if change < 0.6:
            out[at] = random.randrange(256)
        elif change < 0.75:
            out[at : at + 4] = random.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
        elif change < 0.9 and len(out) > 60:
            del out[at : at + random.randrange(1, 50)]
        else:
            out[at:at] = random.randbytes(9)
    return bytes(out)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "JPEG2000", "PPM"])
def test_damaged_files_open_or_are_refused(tmp_path: Path, form: str):
    random = Random(form)  # the same damage at every run
    whole = encoded(scene(), form)
    for _ in range(40):
        path = tmp_path / "damaged"
        path.write_bytes(damaged(whole, random))
        try:
            pixels = open_rgb(path, at_least=32)
        except ImageError as error:
            assert error.code in ("broken", "not_a_picture", "too_large", "no_memory", "unsupported"), error.message
        else:
            assert pixels.ndim == 3


def test_many_threads_at_once(tmp_path: Path):
    paths = [
        saved(tmp_path, f"{n}.{form}", scene(320, 240)) for n, form in enumerate(["jpg", "png", "webp", "tif"] * 10)
    ]
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff" + b"x" * 500)

    def work(path: Path) -> bool:
        try:
            return looks_right(open_rgb(path, at_least=100))
        except ImageError as error:
            return error.code == "broken"

    before = threading.active_count()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, [*paths, tmp_path / "bad.jpg"] * 3))
    assert threading.active_count() == before

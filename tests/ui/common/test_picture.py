"""The store of pictures: read once, kept within limits, and never called unreadable for having been scrolled past."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject, QSize
from PySide6.QtGui import QColor, QImage

from resnext_gui.engine.pictures.decode import open_rgb
from resnext_gui.ui.common import picture
from resnext_gui.ui.common.picture import PictureStore
from resnext_gui.ui.common.pictures import PictureLoader, picture_format, read_picture
from tests.engine.odd_files import encoded, scene
from tests.engine.pictures.tiff_maker import png16, samples, tiff


def draw(path: Path, width: int = 90, height: int = 60) -> str:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("teal"))
    assert image.save(str(path))
    return str(path)


def test_a_picture_can_be_read_so_that_it_covers_a_square(tmp_path: Path, qapp: Any) -> None:
    path = draw(tmp_path / "wide.png", 400, 200)
    assert read_picture(path, QSize(100, 100), cover=True)[0].size() == QSize(200, 100)
    assert read_picture(path, QSize(300, 300), cover=True)[0].size() == QSize(400, 200)


def test_the_format_is_told_by_content_and_never_guessed_by_qt(tmp_path: Path, qapp: Any) -> None:
    for suffix, kind in (("jpg", b"jpeg"), ("png", b"png"), ("bmp", b"bmp")):
        path = Path(draw(tmp_path / f"a.{suffix}"))
        assert picture_format(str(path)) == kind
        wrong = path.rename(path.with_suffix(".gif"))
        assert read_picture(str(wrong))[0].size() == QSize(90, 60)
    drawing = tmp_path / "a.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "utf-8")
    image, _full, problem = read_picture(str(drawing))
    assert image.isNull() and problem


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("side", [None, 60])
def test_a_picture_is_shown_as_it_is_learned(
    tmp_path: Path, qapp: Any, form: str, orientation: int, side: int | None
) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / "turned.tif"
    path.write_bytes(encoded(scene(160, 120), form, exif=exif))
    learned = open_rgb(path)
    image, full, _ = read_picture(str(path), None if side is None else QSize(side, side))
    assert (full.height(), full.width()) == learned.shape[:2]
    for right in (False, True):
        for below in (False, True):
            wanted = learned[(90 if below else 30) % learned.shape[0], (130 if right else 30) % learned.shape[1]]
            x = ((130 if right else 30) % learned.shape[1]) * image.width() // learned.shape[1]
            y = ((90 if below else 30) % learned.shape[0]) * image.height() // learned.shape[0]
            shown = image.pixelColor(x, y)
            assert abs(np.array([shown.red(), shown.green(), shown.blue()], int) - wanted).max() < 40


def test_what_qt_would_show_otherwise_is_left_to_the_preview(tmp_path: Path, qapp: Any) -> None:
    small = np.full((60, 80, 3), 200, np.uint8)
    deep = small.astype(np.uint16)
    made = {
        "deep.png": png16(deep),
        "deep.tif": tiff([samples(deep)]),
        "small copy.tif": tiff([samples(small, tags={254: (4, [1])})]),
        "raw.NEF": tiff([samples(small)]),
        "ink.tif": encoded(scene().convert("CMYK"), "TIFF"),
        "palette.tif": encoded(scene().quantize(4), "TIFF"),
        "cut.tif": tiff([samples(small)])[:40],
        "circle.tif": b"II*\0" + b"\xff" * 60,
    }
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
        assert picture_format(str(tmp_path / name)) == b""
        assert read_picture(str(tmp_path / name))[0].isNull()
    (tmp_path / "plain.tif").write_bytes(tiff([samples(small)]))
    assert read_picture(str(tmp_path / "plain.tif"))[0].size() == QSize(80, 60)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_holds_nobody_up(tmp_path: Path, qapp: Any) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert read_picture(str(tmp_path / "pipe.jpg"))[0].isNull()


def test_reading_never_stops_the_window(tmp_path: Path, qapp: Any, qtbot: Any) -> None:
    """Objects with Python slots come and go while pictures are read: neither thread may wait for the other."""
    loader = PictureLoader()
    seen: list[Any] = []
    loader.loaded.connect(lambda decoded: seen.append(decoded.key))
    path = draw(tmp_path / "a.jpg")
    for number in range(400):
        loader.request(number, path)

    def busy() -> bool:
        for _ in range(20):
            one = QObject()
            one.objectNameChanged.connect(seen.append)
            one.objectNameChanged.disconnect(seen.append)
        return len(seen) >= 400

    qtbot.waitUntil(busy, timeout=60_000)
    loader.close()


def test_a_picture_is_read_once_and_kept(tmp_path: Path, qapp: Any, qtbot: Any) -> None:
    store = PictureStore()
    path = draw(tmp_path / "a.png")
    with qtbot.waitSignal(store.loaded) as told:
        assert store.get(path, 32) is None
        assert store.get(path, 32) is None
    assert told.args == [path, 32]
    kept = store.get(path, 32)
    assert kept is not None and kept.height() == 32
    with qtbot.waitSignal(store.failed):
        store.get(str(tmp_path / "none.png"), 32)
    assert store.cannot(str(tmp_path / "none.png"), 32) and not store.cannot(path, 32)
    store.close()


def test_what_was_scrolled_past_can_be_asked_for_again(tmp_path: Path, qapp: Any, qtbot: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(picture, "WAITING_AT_MOST", 5)
    store = PictureStore()
    paths = [draw(tmp_path / f"{number}.png") for number in range(40)]
    for path in paths:
        store.get(path, 16)
    qtbot.waitUntil(lambda: not store._pending)
    assert not any(store.cannot(path, 16) for path in paths)
    missing = [path for path in paths if store._kept.get((path, 16)) is None]
    assert missing
    with qtbot.waitSignal(store.loaded):
        store.get(missing[0], 16)
    store.close()


def test_memory_stays_within_its_limit(tmp_path: Path, qapp: Any, qtbot: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(picture, "CACHE_BYTES", 3 * 30 * 20 * 4)
    store = PictureStore()
    for number in range(8):
        store.get(draw(tmp_path / f"{number}.png", 30, 20), 64)
    qtbot.waitUntil(lambda: not store._pending)
    assert len(store._kept) == 3 and store._bytes <= picture.CACHE_BYTES
    store.close()

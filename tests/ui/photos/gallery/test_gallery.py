"""The grid: only what is visible exists; hands select, move and drag."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from resnext_gui.project import Photo
from resnext_gui.ui.common import theme
from resnext_gui.ui.common.pictures import PictureLoader, Thumbs, read_picture
from resnext_gui.ui.photos.gallery import tiles
from resnext_gui.ui.photos.gallery.dragging import carry, dragged
from resnext_gui.ui.photos.gallery.gallery import Gallery
from resnext_gui.ui.photos.gallery.grid import MOST_ROWS
from resnext_gui.ui.photos.gallery.tiles import Proposal
from tests.ui.photos_help import draw

Key = Qt.Key
Mod = Qt.KeyboardModifier


class Rows:
    """Makes rows up, and remembers how many were asked for at a time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, ids: Sequence[int]) -> list[Photo]:
        self.asked.append(len(ids))
        return [photo(i) for i in ids]


def photo(i: int, **fields: Any) -> Photo:
    values = {
        "id": i, "path": f"/somewhere/photo {i}.jpg", "label_id": i % 7, "label": f"label {i % 7}", "hash": f"h{i}",
        "size": 1000, "mtime_ns": 1, "width": 640, "height": 480, "status": "ok", "reason": "", "kind": "learning",
    }  # fmt: skip
    return Photo(**{**values, **fields})


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def gallery(rows: Rows, qtbot: Any, dressed: Any) -> Iterator[Gallery]:
    made = Gallery()
    qtbot.addWidget(made)
    made.set_fetch(rows)
    made.resize(976, 600)
    made.set_ids(array("q", range(1, 1001)), keep=False)
    made.show()
    made.activateWindow()
    made.setFocus()
    qtbot.waitUntil(made.hasFocus)
    yield made
    made.thumbs.close()


def test_five_tiles_of_180_at_1280(gallery: Gallery) -> None:
    geometry = gallery.geometry_of_tiles
    assert geometry.columns == 5 and 180 <= geometry.width <= 200
    last = gallery.tile_rect(4)
    assert last.right() < gallery.viewport().width()


def test_100_000_photographs_stay_virtual(gallery: Gallery, rows: Rows, tmp_path: Path, qtbot: Any) -> None:
    thumb = str(draw(tmp_path / "t.png", 40, 256, 192))
    gallery.thumbs.most_bytes = 4 << 20
    gallery.thumbnails_wanted.connect(lambda ids: [gallery.thumbs.arrived(i, thumb) for i in ids])
    gallery.set_ids(array("q", range(1, 100_001)), keep=False)
    children = len(gallery.findChildren(QWidget))
    bar = gallery.verticalScrollBar()
    rows.asked.clear()
    for step in range(12):
        bar.setValue(bar.maximum() * step // 11)
        first = gallery.ids()[gallery.visible()[0]]
        qtbot.waitUntil(lambda first=first: gallery.thumbs.pixmap(first) is not None)
    assert gallery.visible()[-1] == 99_999
    assert len(gallery.findChildren(QWidget)) == children
    assert max(rows.asked) <= 40  # a screen, never the whole
    assert gallery.thumbs.bytes <= 4 << 20 and len(gallery.thumbs) < 200
    assert len(gallery._rows) <= MOST_ROWS


def test_painting_asks_once_for_a_screen(gallery: Gallery, rows: Rows, qtbot: Any) -> None:
    rows.asked.clear()
    gallery.forget_rows()
    gallery.viewport().grab()
    gallery.viewport().grab()
    assert rows.asked == [len(gallery.visible())]


def test_arrows_home_end_and_pages(gallery: Gallery) -> None:
    steps = [
        (Key.Key_Right, 1), (Key.Key_Down, 6), (Key.Key_Left, 5), (Key.Key_Up, 0), (Key.Key_End, 999),
        (Key.Key_Home, 0),
    ]  # fmt: skip
    for key, index in steps:
        QTest.keyClick(gallery, key)
        assert gallery.current == index and gallery.selected() == {index + 1}
    QTest.keyClick(gallery, Key.Key_PageDown)
    assert gallery.current >= 10 and gallery.current % 5 == 0
    assert gallery.current in gallery.visible()


def test_shift_and_control_and_all(gallery: Gallery) -> None:
    gallery.set_current(2)
    QTest.keyClick(gallery, Key.Key_Down, Mod.ShiftModifier)
    assert gallery.selected() == set(range(3, 9))
    viewport = gallery.viewport()
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, Mod.ControlModifier, gallery.tile_rect(3).center())
    assert gallery.selected() == set(range(3, 9)) - {4}
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, Mod.ShiftModifier, gallery.tile_rect(5).center())
    assert gallery.selected() == {4, 5, 6}
    QTest.keyClick(gallery, Key.Key_A, Mod.ControlModifier)
    assert gallery.selected_count() == 1000
    QTest.keyClick(gallery, Key.Key_Escape)
    assert gallery.selected_count() == 0


def test_a_band_selects_what_it_touches(gallery: Gallery) -> None:
    viewport = gallery.viewport()
    start = QPoint(gallery.tile_rect(0).left() - 6, gallery.tile_rect(0).top() - 6)
    end = gallery.tile_rect(6).center()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, Mod.NoModifier, start)
    for part in range(1, 6):
        QTest.mouseMove(viewport, start + (end - start) * part / 5)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, Mod.NoModifier, end)
    assert gallery.selected() == {1, 2, 6, 7}


def test_a_click_on_one_of_many_selects_it_alone(gallery: Gallery) -> None:
    gallery.select_all()
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, Mod.NoModifier, gallery.tile_rect(3).center())
    assert gallery.selected() == {4}


@pytest.mark.parametrize(
    ("key", "signal"), [(Key.Key_Space, "opened"), (Key.Key_L, "label_wanted"), (Key.Key_Delete, "remove_wanted")]
)
def test_keys_tell_what_is_wanted(gallery: Gallery, key: Any, signal: str, qtbot: Any) -> None:
    with qtbot.waitSignal(getattr(gallery, signal)):
        QTest.keyClick(gallery, key)


def test_digits_and_enter_on_a_proposal(gallery: Gallery, qtbot: Any) -> None:
    with qtbot.waitSignal(gallery.label_key) as heard:
        QTest.keyClick(gallery, Key.Key_7)
    assert heard.args == [7]
    gallery.set_proposals({1: Proposal("rust", 0.4)})
    with qtbot.waitSignal(gallery.accepted):
        QTest.keyClick(gallery, Key.Key_Return)


def test_tiles_change_size_and_the_place_stays(gallery: Gallery, qtbot: Any) -> None:
    gallery.set_current(500)
    first = gallery.visible()[gallery.geometry_of_tiles.columns]
    with qtbot.waitSignal(gallery.tile_changed) as heard:
        QTest.keyClick(gallery, Key.Key_Minus, Mod.ControlModifier)
    assert heard.args == [120]
    assert first in gallery.visible()


def test_what_is_selected_stays_when_others_come(gallery: Gallery) -> None:
    gallery.set_current(9)
    gallery.set_ids(array("q", [5000, *range(1, 1001)]))
    assert gallery.selected() == {10} and gallery.current_id() == 10


def test_a_missing_thumbnail_is_asked_for_again(gallery: Gallery, qtbot: Any) -> None:
    with qtbot.waitSignal(gallery.thumbnails_wanted) as heard:
        gallery.viewport().update()
    assert heard.args[0][0] == 1
    gallery.thumbs.arrived(1, "/nowhere/thumb.jpg")  # the cache was cleared by somebody
    with qtbot.waitSignal(gallery.thumbnails_wanted, check_params_cb=lambda ids: 1 in ids):
        gallery.viewport().update()


def test_half_a_thumbnail_is_asked_for_again_but_once(gallery: Gallery, qtbot: Any, tmp_path: Path) -> None:
    half = tmp_path / "half.jpg"
    half.write_bytes(b"")
    with qtbot.waitSignal(gallery.thumbnails_wanted):
        gallery.viewport().update()
    gallery.thumbs.arrived(1, str(half))
    with qtbot.waitSignal(gallery.thumbnails_wanted, check_params_cb=lambda ids: 1 in ids):
        gallery.viewport().update()
    assert not gallery.thumbs.failed(1)
    gallery.thumbs.arrived(1, str(half))
    qtbot.waitUntil(lambda: gallery.thumbs.failed(1))


def test_tiles_tell_what_is_wrong(gallery: Gallery) -> None:
    gallery.set_fetch(
        lambda ids: (
            [photo(i, status="unreadable", reason="The file is empty.", label=None) for i in ids[:2]]
            + [photo(i, status="gone") for i in ids[2:]]
        )
    )
    gallery.thumbs.arrived(4, "")
    picture = gallery.viewport().grab().toImage()
    assert not picture.isNull()
    assert "empty" in tiles.describe(photo(1, status="unreadable", reason="The file is empty."))
    assert "gone" in tiles.describe(photo(1, status="gone"))


def test_the_current_photograph_is_told_to_screen_readers(gallery: Gallery) -> None:
    gallery.set_current(3)
    assert "photo 4.jpg" in gallery.accessibleDescription() and "4 of 1" in gallery.accessibleDescription()


def test_dark_and_light_differ(gallery: Gallery) -> None:
    light = gallery.viewport().grab().toImage().pixelColor(3, 3)
    theme.choose("dark")
    dark = gallery.viewport().grab().toImage().pixelColor(3, 3)
    assert light.lightness() > 200 > 60 > dark.lightness()


def test_drags_carry_ids_and_nothing_else(qapp: Any) -> None:
    assert dragged(carry([3, 1, 2])) == [3, 1, 2]
    strange = carry([1])
    strange.setData("application/x-resnext-gui-photographs", b"\xff not json")
    assert dragged(strange) == []


def test_geometry_finds_cells_again() -> None:
    geometry = tiles.lay_out(23, 964, 180)
    for index in range(23):
        centre = geometry.rect(index).center()
        assert geometry.at(centre.x(), centre.y()) == index
    assert geometry.at(2, 2) == -1 and geometry.rows == 5
    assert geometry.within(QRect(0, 0, 964, geometry.total)) == list(range(23))
    assert list(geometry.rows_between(0, 1)) == [0, 1, 2, 3, 4]
    assert tiles.lay_out(3, 100, 180).columns == 1


def test_long_reasons_are_shortened(qapp: Any) -> None:
    metrics = QFontMetrics(QFont())
    text, height = tiles.clipped("word " * 200, metrics, 120, 3)
    assert text.endswith("…") and height <= 3 * metrics.lineSpacing() + 1
    text, height = tiles.clipped("x" * 500, metrics, 120, 2)
    assert text.endswith("…") and height <= 2 * metrics.lineSpacing() + 1


def test_pictures_are_read_upright_and_reduced(tmp_path: Path, qapp: Any) -> None:
    path = draw(tmp_path / "wide.png", 10, 400, 200)
    image, full, problem = read_picture(str(path), QSize(100, 100))
    assert (image.width(), image.height()) == (100, 50) and full == QSize(400, 200) and problem == ""
    small = read_picture(str(draw(tmp_path / "small.png", 10, 20, 10)), QSize(100, 100))[0]
    assert small.width() == 20  # never enlarged
    nothing, _full, problem = read_picture(str(tmp_path / "none.png"))
    assert nothing.isNull() and problem


def test_loader_reads_the_newest_first_and_closes(tmp_path: Path, qapp: Any, qtbot: Any) -> None:
    loader = PictureLoader()
    path = str(draw(tmp_path / "p.png", 10))
    seen: list[Any] = []
    loader.loaded.connect(lambda decoded: seen.append(decoded.key))
    for number in range(50):
        loader.request(number, path)
    qtbot.waitUntil(lambda: len(seen) == 50)
    assert 49 in seen[:3]
    loader.close()
    loader.request(99, path)
    assert not loader.pending(99)


def test_thumbs_forget_what_changed(tmp_path: Path, qapp: Any, qtbot: Any) -> None:
    thumbs = Thumbs()
    thumbs.set_box(100, 4.0, 1.0)
    thumbs.want([1, 2])
    with qtbot.waitSignal(thumbs.changed):
        thumbs.arrived(1, str(draw(tmp_path / "p.png", 10, 256, 256)))
    assert thumbs.pixmap(1).width() == 100 and thumbs.bytes == 100 * 100 * 4
    thumbs.forget(1)
    assert thumbs.pixmap(1) is None and thumbs.bytes == 0
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    for failed in (False, True):  # made again once
        thumbs.want([2])
        with qtbot.waitSignal(thumbs.changed):
            thumbs.arrived(2, str(bad))
        assert thumbs.failed(2) == failed
    thumbs.close()


def test_pictures_turned_by_the_camera_stand_upright(tmp_path: Path, qapp: Any) -> None:
    from PIL import Image

    picture = Image.new("RGB", (80, 40), "red")
    exif = picture.getexif()
    exif[274] = 6  # turned by a quarter
    picture.save(tmp_path / "turned.jpg", exif=exif)
    image, full, _problem = read_picture(str(tmp_path / "turned.jpg"), QSize(40, 40))
    assert full == QSize(40, 80) and (image.width(), image.height()) == (20, 40)
    assert isinstance(image, QImage)

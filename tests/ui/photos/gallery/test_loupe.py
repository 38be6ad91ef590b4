"""The loupe: zooms around the mouse, pans, and shows what there is of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from resnext_gui.ui.photos.gallery.loupe import Loupe, file_size
from resnext_gui.ui.photos.gallery.picture_view import LARGEST, PictureView
from resnext_gui.ui.photos.gallery.tiles import Proposal
from tests.ui.photos.gallery.test_gallery import photo
from tests.ui.photos_help import draw

Key = Qt.Key


@pytest.fixture
def window(qtbot: Any, dressed: Any) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    made.activateWindow()
    return made


@pytest.fixture
def loupe(window: QWidget) -> Iterator[Loupe]:
    made = Loupe(window)
    yield made
    made.shut()


@pytest.fixture
def view(qtbot: Any, dressed: Any) -> PictureView:
    made = PictureView()
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.show()
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.gray)
    made.show_image(image, QSize(1600, 1200))
    return made


def _wheel(view: PictureView, at: QPointF, notches: int) -> None:
    event = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    view.wheelEvent(event)


def test_a_picture_is_fitted(view: PictureView) -> None:
    assert view.fitted and view.scale == pytest.approx(0.5)
    rect = view.picture_rect()
    assert (rect.width(), rect.height()) == (800, 600)


def test_the_wheel_zooms_around_the_mouse(view: PictureView) -> None:
    at = QPointF(200, 450)
    before = view.to_picture(at)
    for _ in range(6):
        _wheel(view, at, 1)
        now = view.to_picture(at)
        assert (now.x(), now.y()) == pytest.approx((before.x(), before.y()), abs=1e-6)
    assert view.scale == pytest.approx(0.5 * 1.25**6)
    _wheel(view, at, 60)
    assert view.scale == LARGEST
    _wheel(view, at, -100)
    assert view.fitted


def test_dragging_pans_but_not_beyond_the_edge(view: PictureView) -> None:
    view.actual()
    left = view.picture_rect().left()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(400, 300))
    QTest.mouseMove(view, QPoint(350, 280))
    assert view.picture_rect().left() == pytest.approx(left - 50)
    view.move_by(5000, 5000)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(350, 280))
    assert view.picture_rect().left() == pytest.approx(0) and view.picture_rect().top() == pytest.approx(0)


def test_detail_is_asked_for_when_it_can_be_seen(view: PictureView, qtbot: Any) -> None:
    with qtbot.waitSignal(view.detail_wanted):
        view.actual()
    place = view.to_picture(QPointF(0, 0))
    full = QImage(1600, 1200, QImage.Format.Format_RGB32)
    view.show_image(full, QSize(1600, 1200), keep_view=True)
    assert view.scale == 1.0 and view.to_picture(QPointF(0, 0)) == place


def test_a_resized_window_keeps_the_picture_fitted(view: PictureView, qtbot: Any) -> None:
    view.resize(400, 600)
    assert view.picture_rect().width() == pytest.approx(400)


def test_z_shows_actual_pixels_from_the_original(loupe: Loupe, tmp_path: Path, qtbot: Any) -> None:
    path = draw(tmp_path / "large.png", 10, 3000, 2000)
    loupe.open_photo(photo(1, path=str(path), width=3000, height=2000, size=2_400_000), "", "1 of 3")
    qtbot.waitUntil(lambda: not loupe.view.empty)
    assert loupe.view.fitted and loupe.view.loaded.width() < 3000
    QTest.keyClick(loupe, Key.Key_Z)
    qtbot.waitUntil(lambda: loupe.view.loaded.width() == 3000)
    assert loupe.view.scale == pytest.approx(1.0) and loupe.actual_button.isChecked()
    QTest.keyClick(loupe, Key.Key_Z)
    assert loupe.view.fitted
    assert "3,000 × 2,000" in loupe.facts.text().replace("3000 × 2000", "3,000 × 2,000")
    assert "2.4 MB" in loupe.facts.text() and "learning" in loupe.facts.text()


def test_what_qt_cannot_read_is_shown_from_its_thumbnail(loupe: Loupe, tmp_path: Path, qtbot: Any) -> None:
    strange = tmp_path / "telephone.heic"
    strange.write_bytes(b"not for Qt")
    loupe.open_photo(photo(1, path=str(strange)), "", "")
    qtbot.waitUntil(lambda: loupe.note.isVisible())
    loupe.thumbnail_ready(1, str(draw(tmp_path / "thumb.png", 10, 256, 192)))
    qtbot.waitUntil(lambda: not loupe.view.empty)
    assert loupe.note.isHidden() and loupe.view.full == QSize(640, 480)
    assert "preview" in loupe.facts.text()


def test_trouble_is_told_in_words(loupe: Loupe) -> None:
    loupe.open_photo(photo(1, status="unreadable", reason="The file is empty."), "", "")
    assert loupe.note.isVisible() and loupe.note.text() == "The file is empty."
    loupe.show_photo(photo(2, status="gone"), "", "")
    assert "gone" in loupe.note.text()


@pytest.mark.parametrize("key", [Key.Key_Escape, Key.Key_Space])
def test_closes(loupe: Loupe, key: Any, qtbot: Any) -> None:
    loupe.open_photo(photo(1), "", "")
    with qtbot.waitSignal(loupe.closed):
        QTest.keyClick(loupe, key)
    assert loupe.isHidden()


def test_keys_step_label_and_accept(loupe: Loupe, qtbot: Any) -> None:
    loupe.open_photo(photo(1), "", "", Proposal("rust", 0.4))
    assert "rust?" in loupe.label_chip.text()
    with qtbot.waitSignal(loupe.stepped) as step:
        QTest.keyClick(loupe, Key.Key_Left)
    assert step.args == [-1]
    with qtbot.waitSignal(loupe.label_key) as given:
        QTest.keyClick(loupe, Key.Key_4)
    assert given.args == [4]
    with qtbot.waitSignal(loupe.accepted):
        QTest.keyClick(loupe, Key.Key_Return)


def test_covers_the_window_and_keeps_the_focus_inside(loupe: Loupe, window: QWidget, qtbot: Any) -> None:
    loupe.open_photo(photo(1), "", "")
    window.resize(1200, 800)
    assert loupe.size() == QSize(1200, 800)
    qtbot.waitUntil(loupe.hasFocus)
    for _ in range(9):
        QTest.keyClick(QGuiApplication.focusWindow(), Key.Key_Tab)
        focus = window.focusWidget()
        assert focus is loupe or loupe.isAncestorOf(focus)


def test_copies_the_path(loupe: Loupe) -> None:
    loupe.open_photo(photo(1), "", "")
    QTest.keyClick(loupe, Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "/somewhere/photo 1.jpg"


def test_sizes_in_words() -> None:
    assert [file_size(n) for n in (0, 512, 21_300, 2_449_000)] == ["", "512 B", "21 KB", "2.4 MB"]

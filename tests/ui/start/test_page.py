"""The first page: what projects opened before look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QRectF

from resnext_gui.ui.start.faces import Faces, places
from resnext_gui.ui.start.page import RecentCard, StartPage
from resnext_gui.ui.system.settings import Recent, Settings

RED, GREEN = (200, 40, 40), (40, 160, 60)


@pytest.fixture
def page(dressed: Any, qtbot: Any) -> StartPage:
    made = StartPage()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    return made


def _picture(path: Path, colour: tuple[int, int, int]) -> str:
    Image.new("RGB", (90, 60), colour).save(path)
    return str(path)


def test_a_project_is_known_again_by_its_pictures(page: StartPage, qtbot: Any, tmp_path: Path) -> None:
    paths = (_picture(tmp_path / "a.png", RED), str(tmp_path / "gone.jpg"), _picture(tmp_path / "b.png", GREEN))
    page.show_recent([Recent(str(tmp_path), "Flowers", 90, 3, 0.0, paths)])
    (card,) = page.findChildren(RecentCard)
    faces = card.findChild(Faces)
    qtbot.waitUntil(lambda: len(faces.images) == 2)  # what cannot be read is left out
    shown = faces.grab().toImage()
    side = shown.width()
    assert shown.pixelColor(side // 4, side // 2).getRgb()[:3] == RED
    assert shown.pixelColor(3 * side // 4, side // 2).getRgb()[:3] == GREEN


def test_a_project_without_pictures_has_a_sign(page: StartPage, tmp_path: Path) -> None:
    page.show_recent([Recent(str(tmp_path), "Empty")])
    shown = page.findChild(Faces).grab().toImage()
    middle = shown.height() // 2
    assert len({shown.pixel(x, middle) for x in range(2, shown.width() - 2)}) > 1


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_photographs_fill_the_square_without_covering_each_other(count: int) -> None:
    square = QRectF(0, 0, 48, 48)
    found = places(square, count)
    assert len(found) == count
    assert all(square.contains(place) for place in found)
    assert not any(one.intersects(other) for one in found for other in found if one is not other)
    assert sum(place.width() * place.height() for place in found) > 0.9 * 48 * 48


def test_the_list_of_an_earlier_version_is_read(own_home: Any) -> None:
    settings = Settings()
    settings.set("recent", [{"path": "/p", "name": "Old", "photographs": 3, "labels": 1, "at": 1.0}, "nonsense"])
    (recent,) = Settings().recent()
    assert (recent.name, recent.faces) == ("Old", ())
    settings.remember("/q", "New", 4, 2, ["/q/a.jpg"])
    assert Settings().recent()[0].faces == ("/q/a.jpg",)

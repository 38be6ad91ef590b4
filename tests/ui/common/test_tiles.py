"""Tiles in a grid: the width is filled, and what a person walks through stays the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QColor, QImage

from resnext_gui.ui.common.picture import PictureStore
from resnext_gui.ui.common.tiles import GAP, Tile, TileView


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    paths = []
    for number in range(9):
        image = QImage(40, 30, QImage.Format.Format_RGB32)
        image.fill(QColor.fromHsv(number * 40, 200, 200))
        path = tmp_path / f"{number}.png"
        assert image.save(str(path))
        paths.append(str(path))
    return paths


@pytest.mark.parametrize(("width", "columns"), [(350, 2), (500, 3), (640, 4), (820, 5)])
def test_tiles_fill_the_width(qtbot: Any, pictures: list[str], width: int, columns: int) -> None:
    view = TileView(PictureStore(), 144, 2)
    qtbot.addWidget(view)
    view.tiles.set_tiles([Tile(path) for path in pictures])
    view.resize(width, 400)
    view.show()
    qtbot.waitExposed(view)
    rows = {view.visualRect(view.tiles.index(row)).y() for row in range(columns)}
    assert len(rows) == 1, "not all of the first row stand in it"
    assert view.visualRect(view.tiles.index(columns)).y() > next(iter(rows))
    right = view.visualRect(view.tiles.index(columns - 1)).right()
    assert 0 <= view.viewport().width() - right <= columns + view.verticalScrollBar().sizeHint().width() + 4
    assert view.gridSize().width() - GAP >= 144


def test_a_film_strip_keeps_its_size(qtbot: Any, pictures: list[str]) -> None:
    view = TileView(PictureStore(), 68, 0, one_row=True)
    qtbot.addWidget(view)
    view.tiles.set_tiles([Tile(path) for path in pictures])
    view.resize(900, 200)
    view.show()
    qtbot.waitExposed(view)
    assert view.gridSize().width() == 68 + GAP
    assert len({view.visualRect(view.tiles.index(row)).y() for row in range(9)}) == 1

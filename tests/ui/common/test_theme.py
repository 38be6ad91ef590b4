"""The look: contrast in numbers, one style sheet that Qt understands, and icons that are there."""

from __future__ import annotations

import dataclasses
import re

import pytest
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QLabel, QPushButton

from resnext_gui.resources import asset
from resnext_gui.ui.common import qss, theme

PALETTES = [pytest.param(theme.LIGHT, id="light"), pytest.param(theme.DARK, id="dark")]
TEXTS = ["text", "quiet", "accent", "good", "caution", "wrong"]
GROUNDS = ["ground", "surface", "hover"]
PAIRS = [(ink, ground) for ink in TEXTS for ground in GROUNDS] + [
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("text", "accent_soft"),
    ("accent", "accent_soft"),
    ("text", "good_soft"),
    ("good", "good_soft"),
    ("text", "caution_soft"),
    ("caution", "caution_soft"),
    ("text", "wrong_soft"),
    ("wrong", "wrong_soft"),
    ("text", "pressed"),
    ("quiet", "pressed"),
    ("ground", "text"),
]


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_can_be_read(palette, ink, ground):
    assert theme.contrast(getattr(palette, ink), getattr(palette, ground)) >= 4.5


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("line", ["edge", "accent", "practice", "learning", "good", "caution", "wrong"])
@pytest.mark.parametrize("ground", ["ground", "surface"])
def test_lines_can_be_seen(palette, line, ground):
    assert theme.contrast(getattr(palette, line), getattr(palette, ground)) >= 3.0


def test_contrast_is_the_known_one():
    assert theme.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert theme.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("palette", PALETTES)
def test_colours_are_colours(palette):
    for field in dataclasses.fields(palette):
        if field.name != "dark":
            assert re.fullmatch("#[0-9A-F]{6}", getattr(palette, field.name))


def test_the_style_sheet_names_files_that_exist(dressed):
    for palette in (theme.LIGHT, theme.DARK):
        files = re.findall(r'url\("([^"]+)"\)', qss.sheet(palette))
        assert len(files) >= 6
        assert all(asset("icons", "controls", file.rsplit("/", 1)[1]).is_file() for file in files)


def test_choosing_light_and_dark_changes_everything_at_once(qtbot, dressed):
    label = QLabel("x")
    qtbot.addWidget(label)
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert theme.colours() is theme.DARK and theme.choice() == "dark"
    assert dressed.palette().window().color().name().upper() == theme.DARK.ground
    theme.choose("light")
    assert theme.colours() is theme.LIGHT
    theme.choose("system")
    assert theme.choice() == "system"


def test_every_icon_can_be_drawn_in_a_colour(dressed):
    names = [path.stem for path in asset("icons").glob("*.svg")]
    assert {"photos", "train", "results", "classify", "app"} <= set(names)
    for name in names:
        image = theme.pixmap(name, 24, "#ff0000").toImage()
        inked = [image.pixelColor(x, y) for x in range(24) for y in range(24) if image.pixelColor(x, y).alpha() > 200]
        assert inked, name
        if name != "app":
            assert all(colour.red() > 200 and colour.green() < 60 for colour in inked), name


def test_icons_are_24_by_24_strokes():
    for path in asset("icons").glob("*.svg"):
        text = path.read_text()
        assert "viewBox" in text
        if path.stem != "app":
            assert 'viewBox="0 0 24 24"' in text and "currentColor" in text, path.name


def test_an_unknown_icon_is_empty_rather_than_an_error(dressed):
    assert isinstance(theme.icon("no-such-icon"), QIcon)


def test_icons_on_buttons_follow_the_theme(qtbot, dressed):
    button = QPushButton()
    qtbot.addWidget(button)
    theme.keep_icon(button, "photos")
    before = button.icon().pixmap(24).toImage()
    theme.choose("dark")
    assert button.icon().pixmap(24).toImage() != before
    theme.keep_icon(button, "train", "accent")
    theme.choose("light")


def test_icons_are_sharp_on_dense_screens(dressed):
    picture = theme.pixmap("photos", 24, ratio=1.5)
    assert (picture.width(), picture.devicePixelRatio()) == (36, 1.5)


def test_roles_are_applied_and_changed(qtbot, dressed):
    label = theme.label("Photographs", "quiet")
    qtbot.addWidget(label)
    label.ensurePolished()
    assert label.palette().windowText().color().name().upper() == theme.LIGHT.quiet
    theme.set_role(label, "wrong")
    assert label.palette().windowText().color().name().upper() == theme.LIGHT.wrong

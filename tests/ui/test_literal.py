"""Labels, file names and names of projects are shown letter by letter: never as HTML, never as keys."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as QtText
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QLabel, QMenu, QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.shell.menu import make_menu
from resnext_gui.ui.shell.places import PAGES
from tests.ui.shell.test_main_window import LONG, make_window, opened

UI = Path(theme.__file__).parent
LABEL = '<b>x</b><img src="file:///nowhere.png">&y'

__all__ = ["make_window"]


def seen(text):
    """What a person reads of a text that Qt may take for HTML."""
    return QTextDocumentFragment.fromHtml(text).toPlainText() if QtText.mightBeRichText(text) else text


@pytest.mark.parametrize("text", [LABEL, "a < b & c", "<p>two\nlines</p>", "", "&", "<a href='x'>y</a>"])
def test_what_looks_like_html_is_read_as_it_was_written(qapp, text):
    assert seen(theme.literal(text)) == text
    assert "<img" not in theme.literal(text)


def test_a_caption_has_no_keys():
    assert theme.caption("salt & pepper\tF5") == "salt && pepper F5"


def texts_of(widget):
    """Every text of `widget` and what it holds that a label's name could be in, as a person reads it."""
    found = []
    for part in [widget, *widget.findChildren(QWidget)]:
        found.append(part.toolTip())
        if isinstance(part, QLabel) and part.textFormat() != Qt.TextFormat.PlainText:
            found.append(part.text())
        if isinstance(part, QAbstractItemView) and part.model() is not None:
            model = part.model()
            found += [
                str(model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole) or "") for row in range(model.rowCount())
            ]
    return found


def captions_of(widget):
    return [button.text() for button in widget.findChildren(QAbstractButton)]


def test_no_page_takes_a_name_for_html(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    project = window.session.project
    first = project.labels()[0].id
    window.session.corrections.rename_label(first, LABEL)
    window._rename(f"{LABEL} [*]")
    assert window.windowTitle() == f"{LABEL} [*][*] - ResNeXt GUI"  # which Qt shows with one of the two
    tips, captions = [], []
    for place in PAGES:
        window.turn_to(place.key)
        qtbot.waitUntil(lambda key=place.key: window.page == key, timeout=LONG)
        tips += texts_of(window)
        captions += captions_of(window)
    gallery = window.pages["photos"].findChildren(QAbstractItemView)
    assert gallery
    menus = [make_menu(window), window.top.model_menu(), *window.findChildren(QMenu)]
    captions += [action.text() for menu in menus for action in menu.actions()]
    assert not [tip for tip in tips if "<img" in tip]
    assert [tip for tip in tips if LABEL in seen(tip)]  # it is there, and as it was written
    assert not [text for text in captions if "&y" in text and "&&y" not in text]


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "setToolTip":
                yield node.args[-1]
            elif node.func.attr == "showText":
                yield node.args[1]


def harmless(node, assigned):
    """Whether a tool tip's text is of our own words alone, or passes through `theme.literal`."""
    if isinstance(node, ast.IfExp):
        return harmless(node.body, assigned) and harmless(node.orelse, assigned)
    if isinstance(node, ast.Name):
        return node.id in assigned
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    return isinstance(node, ast.Constant) or (named and ast.unparse(node.func) in ("theme.literal", "self.tr", "_tr"))


@pytest.mark.parametrize("module", sorted(UI.rglob("*.py")), ids=lambda path: path.stem)
def test_every_tool_tip_is_literal(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assigned = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and harmless(node.value, ())
    }
    assert not [ast.unparse(node) for node in calls(tree) if not harmless(node, assigned)]

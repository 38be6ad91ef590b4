"""Translations are found, and Qt's tools find what there is to translate."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator
from resnext_gui.ui.engine_process.texts import say

from resnext_gui.ui.system import languages
from tests.unit.test_packaging import PACKAGING, load

TOOLS = Path(sys.executable).parent


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``packaging/languages.py``, writing into a folder of its own."""
    module = load(PACKAGING / "languages.py")
    monkeypatch.setattr(module, "SOURCES", tmp_path / "sources")
    monkeypatch.setattr(module, "MADE", tmp_path / "made")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    return module


def test_the_engines_phrases_are_up_to_date(script):
    written = script.PHRASES.read_text(encoding="utf-8")
    assert written == script.phrases_module(), "run: python packaging/languages.py phrases"


def test_gaps_are_numbered_and_texts_for_machines_left_out(script):
    import ast

    source = '''
def work(name, count):
    """A docstring of several words."""
    log.debug("some words for the log")
    db.execute("SELECT some words FROM x")
    if not count:
        raise ValueError("a fault of ours")
    raise UserError("short", f"'{name}' has {count:,} {'{}'}.", "Do this" if name else "or do that")
'''
    assert list(script.phrases_of(ast.parse(source))) == ["'{0}' has {1} {2}.", "or do that"]


@pytest.mark.skipif(shutil.which("pyside6-lupdate", path=str(TOOLS)) is None, reason="Qt's tools are not there")
def test_a_language_from_its_texts_to_the_window(script, tmp_path, qapp):
    assert script.main(["update", "de"]) == 0
    texts = tmp_path / "sources" / "resnext_gui_de.ts"
    words = texts.read_text(encoding="utf-8")
    for source, translation in (
        ("Open a project...", "Projekt öffnen..."),
        ("There is not enough memory for this.", "Dafür reicht der Speicher nicht."),
    ):
        before = f'<source>{source}</source>\n        <translation type="unfinished"></translation>'
        assert before in words
        words = words.replace(before, f"<source>{source}</source>\n        <translation>{translation}</translation>")
    texts.write_text(words, encoding="utf-8")
    assert script.main(["build"]) == 0

    german = QLocale(QLocale.Language.German, QLocale.Country.Austria)
    before_us = set(qapp.findChildren(QTranslator))
    assert languages.install(qapp, tmp_path / "made", german) == "de"
    try:
        assert QCoreApplication.translate("menu", "Open a project...") == "Projekt öffnen..."
        assert QCoreApplication.translate("QPlatformTheme", "Cancel") in ("Abbrechen", "Cancel")
        assert say("There is not enough memory for this.") == "Dafür reicht der Speicher nicht."
    finally:
        for translator in set(qapp.findChildren(QTranslator)) - before_us:
            qapp.removeTranslator(translator)
            translator.deleteLater()


def test_without_a_translation_the_window_speaks_english(qapp, tmp_path):
    assert languages.install(qapp, tmp_path, QLocale(QLocale.Language.French)) == ""


def test_the_script_says_what_it_can_do(script, capsys):
    assert script.main([]) == 2
    assert "update" in capsys.readouterr().out

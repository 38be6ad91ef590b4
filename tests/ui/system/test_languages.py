"""Translations are found, and Qt's tools find what there is to translate."""

from __future__ import annotations

import html
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from resnext_gui.messages import UserError
from resnext_gui.texts import some, text
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


@pytest.mark.skipif(shutil.which("pyside6-lupdate", path=str(TOOLS)) is None, reason="Qt's tools are not there")
def test_a_language_from_its_texts_to_the_window(script, tmp_path, qapp):
    assert script.main(["update", "de"]) == 0
    texts = tmp_path / "sources" / "resnext_gui_de.ts"
    words = texts.read_text(encoding="utf-8")
    assert set(script.sentences()) <= set(map(html.unescape, re.findall(r"<source>(.*?)</source>", words, re.DOTALL)))
    for source, translation in (
        ("Open a project...", "Projekt öffnen..."),
        ("There is not enough memory for this.", "Dafür reicht der Speicher nicht."),
        ("Rename {label} to {name}", "{name} aus {label} machen"),
        ("{n} photographs", "{n} Fotos"),
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
        assert UserError("memory_full").message == "Dafür reicht der Speicher nicht."
        assert str(text("rename_label", label="a to b", name="c {label}")) == "c {label} aus a to b machen"
        assert str(some(20_000)) == f"{QLocale().toString(20_000)} Fotos"
    finally:
        for translator in set(qapp.findChildren(QTranslator)) - before_us:
            qapp.removeTranslator(translator)
            translator.deleteLater()


def test_without_a_translation_the_window_speaks_english(qapp, tmp_path):
    assert languages.install(qapp, tmp_path, QLocale(QLocale.Language.French)) == ""


def test_the_script_says_what_it_can_do(script, capsys):
    assert script.main([]) == 2
    assert "update" in capsys.readouterr().out

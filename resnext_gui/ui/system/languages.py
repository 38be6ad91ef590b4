"""The person's language: loads translations, where there are any."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from resnext_gui import texts

FOLDER = Path(__file__).resolve().parent.parent / "translations"
NAME = "resnext_gui"
"""Beginning of the names of our files: ``resnext_gui_de.qm`` holds German."""
CONTEXT = "engine"
"""Where in them the sentences of `texts` stand."""


def install(app: QCoreApplication, folder: Path | None = None, locale: QLocale | None = None) -> str:
    """Let `app`, and `texts`, speak the person's language where `folder` (`FOLDER` unless given) holds it.

    Returns:
        The language's name, such as ``"de"``; empty where the texts stay English.
    """
    locale = QLocale() if locale is None else locale
    texts.speak(partial(QCoreApplication.translate, CONTEXT), _number)
    ours = QTranslator(app)
    if not ours.load(locale, NAME, "_", str(FOLDER if folder is None else folder)):
        return ""
    of_qt = QTranslator(app)  # the buttons of Qt's own dialogs
    if of_qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(of_qt)
    app.installTranslator(ours)
    return ours.language()


def _number(number: int) -> str:
    return QLocale().toString(number) if abs(number) < 1 << 63 else str(number)

"""The person's language: loads translations, where there are any."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

FOLDER = Path(__file__).resolve().parent.parent / "translations"
NAME = "resnext_gui"
"""Beginning of the names of our files: ``resnext_gui_de.qm`` holds German."""


def install(app: QCoreApplication, folder: Path | None = None, locale: QLocale | None = None) -> str:
    """Let `app` speak the person's language where `folder` (`FOLDER` unless given) holds it.

    Returns:
        The language's name, such as ``"de"``; empty where the texts stay English.
    """
    locale = QLocale() if locale is None else locale
    ours = QTranslator(app)
    if not ours.load(locale, NAME, "_", str(FOLDER if folder is None else folder)):
        return ""
    of_qt = QTranslator(app)  # the buttons of Qt's own dialogs
    if of_qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(of_qt)
    app.installTranslator(ours)
    return ours.language()

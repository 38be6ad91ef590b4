"""Asking where to save and what to open, without stopping the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from resnext_gui import csvfile

PICTURES = "*.jpg *.jpeg *.png *.webp *.avif *.bmp *.gif *.tif *.tiff *.heic *.heif"


def ask_save(parent: QWidget, title: str, name: str, kind: str, then: Callable[[Path], None]) -> QFileDialog:
    """Ask where to save; `then` receives the path.  `kind` is a filter such as ``"Table (*.csv)"``.

    Returns the dialog, which deletes itself when it is closed.
    """
    dialog = QFileDialog(parent, title, name, kind)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    return _show(dialog)


def ask_open(
    parent: QWidget, title: str, kind: str, then: Callable[[list[str]], None], several: bool = False
) -> QFileDialog:
    """Ask for one file, or for `several`; `then` receives their paths."""
    dialog = QFileDialog(parent, title, "", kind)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles if several else QFileDialog.FileMode.ExistingFile)
    dialog.filesSelected.connect(lambda paths: then([str(path) for path in paths]))
    return _show(dialog)


def ask_folder(parent: QWidget, title: str, then: Callable[[list[str]], None]) -> QFileDialog:
    """Ask for a folder; `then` receives a list with its path."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
    dialog.filesSelected.connect(lambda paths: then([str(path) for path in paths]))
    return _show(dialog)


def _show(dialog: QFileDialog) -> QFileDialog:
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def save_text(path: Path, text: str) -> str:
    """Write the `text` of a table.  Returns "" or, in words, why it could not be written."""
    try:
        with csvfile.create(path) as file:
            file.write(text)
    except OSError as error:
        return f"{path.name}: {error.strerror or error}"
    return ""

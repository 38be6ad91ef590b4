"""The unexpected: written to the log, and told once in a window with the details to copy."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, QUrl, Signal, qInstallMessageHandler, qVersion
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

import resnext_gui
from resnext_gui.ui.common import theme

log = logging.getLogger(__name__)


def describe(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Return the details of an error as text to send to someone who can help."""
    head = f"ResNeXt GUI {resnext_gui.__version__}, Qt {qVersion()}, Python {platform.python_version()}, "
    return head + platform.platform() + "\n\n" + "".join(traceback.format_exception(kind, error, trace))


class ErrorDialog(QDialog):
    """Says that something unexpected happened; does not stop the rest of the window."""

    def __init__(self, details: str, log_folder: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Something unexpected happened"))
        self.setModal(False)
        self.resize(640, 400)
        self._details = details
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(12)
        column.addWidget(theme.label(self.tr("Something unexpected happened"), "heading"))
        text = self.tr("Your photographs and everything that was finished are safe. You can go on; if it happens")
        column.addWidget(
            theme.label(text + " " + self.tr("again, start the program again and send us the details."), wrap=True)
        )
        box = QPlainTextEdit(details)
        box.setReadOnly(True)
        box.setAccessibleName(self.tr("Details"))
        column.addWidget(box, 1)
        row = QHBoxLayout()
        copy = QPushButton(self.tr("Copy details"))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._details))
        row.addWidget(copy)
        if log_folder is not None:
            folder = QPushButton(self.tr("Open the log folder"))
            folder.setProperty("role", "plain")
            folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_folder))))
            row.addWidget(folder)
        row.addStretch(1)
        close = QPushButton(self.tr("Close"))
        close.setProperty("role", "primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(close)
        column.addLayout(row)


class Catcher(QObject):
    """Catches what nobody else did, on any thread, and shows one window at a time."""

    caught = Signal(str)

    def __init__(self, log_folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._log_folder = log_folder
        self.dialog: ErrorDialog | None = None
        self.caught.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Catch from now on."""
        sys.excepthook = self._catch
        threading.excepthook = self._catch_in_thread
        qInstallMessageHandler(_log_qt)

    def _catch(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            app = QGuiApplication.instance()
            if app is not None:
                app.quit()
            return
        log.error("unexpected", exc_info=(kind, error, trace))
        self.caught.emit(describe(kind, error, trace))

    def _catch_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._catch(args.exc_type, args.exc_value, args.exc_traceback)

    def _show(self, details: str) -> None:
        if self.dialog is not None:
            return  # one is enough; the others are in the log
        self.dialog = ErrorDialog(details, self._log_folder)
        self.dialog.destroyed.connect(self._forget)
        self.dialog.show()

    def _forget(self) -> None:
        self.dialog = None


def _log_qt(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    level = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
    }.get(kind, logging.ERROR)
    logging.getLogger("qt").log(level, "%s%s", message, f" ({context.category})" if context.category else "")

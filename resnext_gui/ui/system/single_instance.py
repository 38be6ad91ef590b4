"""One window a person: a second start hands its file to the first and ends.

The first start listens on a local socket that only the same person can reach, and both look who the other end is: in
a folder for everybody's temporary files, another person could listen under the name first.  A later start sends one
JSON line, ``{"path": "..."}`` or ``{"path": null}``, and waits for ``ok``.  Without an answer in time (the first hangs,
or died and left its socket behind) the later start becomes a window of its own: better two windows than none.
"""

from __future__ import annotations

import ctypes
import getpass
import hashlib
import json
import logging
import os
import socket
import struct
import sys
import time
from pathlib import Path

from PySide6.QtCore import QDir, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from resnext_gui import scratch

log = logging.getLogger(__name__)

PATIENCE = 2000
"""Milliseconds that a later start waits for an answer."""
LINE_PATIENCE = 300
"""Milliseconds that the window waits for the line of somebody who knocked."""
LONGEST = 64_000
"""Bytes of one message; a longer one is not ours."""


def socket_name(folder: Path) -> str:
    """Return the socket's name for the person whose settings lie in `folder`."""
    try:
        person = getpass.getuser()
    except (OSError, KeyError, ImportError):
        person = "somebody"
    name = "resnext-gui-" + hashlib.sha256(f"{person}\0{folder}".encode("utf-8", "replace")).hexdigest()[:20]
    if os.name == "posix" and len(os.fsencode(QDir.tempPath())) > scratch.LONGEST:
        return str(scratch.socket_place() / name)  # Qt would take the temporary folder, too deep for a socket's path
    return name


def hand_over(name: str, path: str | None, patience: int = PATIENCE) -> bool:
    """Send `path` to the window that listens on `name`.  Returns whether there is one and it answered."""
    knock = QLocalSocket()
    knock.connectToServer(name)
    if not knock.waitForConnected(patience) or not _is_ours(knock):
        knock.abort()
        return False
    _let_it_come_to_front()
    knock.write(json.dumps({"path": path}).encode() + b"\n")
    knock.flush()
    deadline = time.monotonic() + patience / 1000
    # Short waits: the answer may come while the rest is still being written, and then nothing new follows.
    while knock.bytesAvailable() == 0 and time.monotonic() < deadline:
        if knock.state() != QLocalSocket.LocalSocketState.ConnectedState:
            break
        knock.waitForReadyRead(50)
    answered = bytes(knock.readAll().data()).startswith(b"ok")
    knock.disconnectFromServer()
    return answered


class Doorman(QObject):
    """Listens for later starts."""

    asked = Signal(object)
    """A later start's path (absolute), or None where it only wants to see the window."""

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._welcome)
        self._name = name

    def listen(self) -> bool:
        """Begin.  Call it after `hand_over` found nobody: what is left of a dead window is cleared away."""
        if self._server.listen(self._name):
            return True
        QLocalServer.removeServer(self._name)
        if self._server.listen(self._name):
            return True
        log.warning("later starts cannot be heard: %s", self._server.errorString())
        return False

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _welcome(self) -> None:
        while (visitor := self._server.nextPendingConnection()) is not None:
            self._answer(visitor)
            visitor.disconnectFromServer()
            visitor.deleteLater()

    def _answer(self, visitor: QLocalSocket) -> None:
        """Read one line and answer it.  Who says nothing at once is not one of us and is not waited for."""
        if not _is_ours(visitor):
            log.warning("somebody else knocked and was not heard")
            return
        if not visitor.canReadLine():
            visitor.waitForReadyRead(LINE_PATIENCE)
        try:
            path = json.loads(bytes(visitor.readLine(LONGEST).data()))["path"]
        except (ValueError, KeyError, TypeError):
            return
        visitor.write(b"ok\n")
        visitor.flush()
        self.asked.emit(path if isinstance(path, str) else None)


def _is_ours(connection: QLocalSocket) -> bool:
    """Tell whether the process at the other end belongs to the same person.

    Windows grants the socket to that person alone; elsewhere the system is asked who it is (getpeereid(3),
    SO_PEERCRED in unix(7)), and where it does not tell, nobody is believed.
    """
    if os.name == "nt":
        return True
    credentials = getattr(socket, "SO_PEERCRED", None)  # Linux has it
    try:
        with socket.socket(fileno=os.dup(int(connection.socketDescriptor()))) as other:
            if credentials is not None:
                facts = other.getsockopt(socket.SOL_SOCKET, credentials, struct.calcsize("3i"))
                return int(struct.unpack("3i", facts)[1]) == os.getuid()
            person, group = ctypes.c_uint(), ctypes.c_uint()
            told = ctypes.CDLL(None).getpeereid(other.fileno(), ctypes.byref(person), ctypes.byref(group))
            return told == 0 and person.value == os.getuid()
    except (OSError, ValueError, AttributeError):
        return False


def _let_it_come_to_front() -> None:
    """Windows lets only the program in front put a window there: pass that right on."""
    if sys.platform == "win32":
        ctypes.windll.user32.AllowSetForegroundWindow(-1)


def absolute(path: str | None) -> str | None:
    """Return `path` as seen from any folder; links the person made on purpose stay."""
    return None if path is None else os.path.abspath(path)  # noqa: PTH100

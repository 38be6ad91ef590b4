"""The weights a run can start from: which there are, downloading them, and taking a file in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from resnext_gui import messages
from resnext_gui.messages import Failed
from resnext_gui.ui.session.core import SessionCore
from resnext_gui.ui.session.state import Work


class Weights(QObject):
    """Lists, downloads and imports weights."""

    def __init__(self, session: SessionCore) -> None:
        super().__init__(session)
        self._session = session

    def list(self, callback: Callable[[list[dict[str, Any]]], None]) -> None:
        """Tell `callback` what there is (see ``weights_commands.list_weights``); nothing where that is not known."""
        self._session.run(
            messages.Weights("", "list"),
            done=lambda result: callback(list(result.get("weights", []))),
            failed=lambda _failure: callback([]),
        )

    def get(self, name: str, callback: Callable[[dict[str, Any] | Failed], None]) -> None:
        """Download weights, shown in the strip; `callback` gets {"name", "path", ...} or a `Failed`."""
        self._fetch(messages.Weights("", "get", name), self.tr("Downloading weights"), callback)

    def take_in(self, path: str, callback: Callable[[dict[str, Any] | Failed], None]) -> None:
        """Check a checkpoint file and take it in; `callback` as for `get`."""
        self._fetch(messages.Weights("", "import", path), self.tr("Reading weights"), callback)

    def _fetch(
        self, command: messages.Weights, title: str, callback: Callable[[dict[str, Any] | Failed], None]
    ) -> None:
        work = Work(title, can_cancel=True, key="weights")
        self._session.run(command, done=callback, failed=callback, work=work)

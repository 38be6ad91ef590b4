"""What the window remembers between two starts: appearance, size, recent projects.  One small JSON file."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resnext_gui.messages import UserError
from resnext_gui.project import read_json, write_json

log = logging.getLogger(__name__)

VERSION = 1
RECENT = 12
"""Projects that are remembered."""


@dataclass(frozen=True, slots=True)
class Recent:
    """A project opened before.

    Attributes:
        at: Unix time.
        faces: paths of a few pictures by which a person knows it again.
    """

    path: str
    name: str
    photographs: int = 0
    labels: int = 0
    at: float = 0.0
    faces: tuple[str, ...] = ()


def own_folder() -> Path:
    """Return where the program keeps what is its own; ``RESNEXT_GUI_HOME`` moves it along with the projects."""
    home = os.environ.get("RESNEXT_GUI_HOME")
    if home:
        return Path(home) / ".resnext-gui"
    from platformdirs import user_config_path

    return user_config_path("ResNeXt GUI", appauthor=False)


class Settings:
    """The settings file.  A damaged or missing one is as good as an empty one; a full disk loses nothing but it."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or own_folder() / "settings.json"
        self._values: dict[str, Any] = {}
        try:
            found = read_json(self.path)
        except (OSError, ValueError, UserError):
            found = {}
        if isinstance(found, dict) and found.get("version", VERSION) == VERSION:
            self._values = found

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value."""
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Keep a value, on disk too."""
        if self._values.get(key) == value:
            return
        self._values[key] = value
        self._save()

    def _save(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, {**self._values, "version": VERSION})
        except (OSError, UserError) as error:
            log.warning("the settings could not be saved: %s", error)

    # ---- recent projects

    def recent(self) -> list[Recent]:
        """Return projects opened before, newest first."""
        found = []
        for entry in self._values.get("recent", []):
            try:
                found.append(Recent(**{**entry, "faces": tuple(map(str, entry.get("faces") or ()))}))
            except (TypeError, AttributeError):
                continue
        return found

    def remember(self, path: str, name: str, photographs: int, labels: int, faces: Sequence[str] = ()) -> None:
        """Put a project at the top of the list."""
        entry = Recent(path, name, photographs, labels, time.time(), tuple(faces))
        others = [old for old in self.recent() if old.path != path]
        self.set("recent", [asdict(item) for item in [entry, *others][:RECENT]])

    def forget(self, path: str) -> None:
        """Take a project off the list."""
        self.set("recent", [asdict(old) for old in self.recent() if old.path != path])

"""Where logs are: one folder for the window, its helpers and the command line.  No file in it grows without end."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from pathlib import Path

from resnext_gui.printable import Formatter

LARGEST = 1_000_000
"""Bytes of a log; then it becomes ``NAME.log.1``, and the one before that goes."""


def folder() -> Path:
    """Return the folder, which may not exist; ``RESNEXT_GUI_HOME`` moves it along with the projects."""
    home = os.environ.get("RESNEXT_GUI_HOME")
    if home:
        return Path(home) / ".resnext-gui" / "logs"
    from platformdirs import user_log_path

    return user_log_path("ResNeXt GUI", appauthor=False)


def set_up(name: str, layout: str, loud: int = logging.INFO) -> None:
    """Log into ``<name>.log``, and records of level `loud` and above to standard error.

    Without a place for the file, or with a full disk, the program goes on without it.
    """
    logging.raiseExceptions = False  # a full disk must not end the program by way of its log
    handlers: list[logging.Handler] = []
    if sys.stderr is not None:
        handlers.append(logging.StreamHandler())
        handlers[0].setLevel(loud)
    try:
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        handlers.append(
            logging.handlers.RotatingFileHandler(
                place / f"{name}.log",
                maxBytes=LARGEST,
                backupCount=1,
                encoding="utf-8",
                errors="backslashreplace",
                delay=True,
            )
        )
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows where the person's home is
        if sys.stderr is not None:
            print(f"resnext-gui: there is no log: {error}", file=sys.stderr)  # noqa: T201
    for handler in handlers:
        handler.setFormatter(Formatter(layout))
    logging.basicConfig(level=logging.INFO, handlers=handlers)

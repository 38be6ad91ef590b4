"""Text that a terminal, or a log that is read in one, shows and does not obey.  Standard library only."""

from __future__ import annotations

import logging
import re

_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]",
)
"""Control characters, those that change the direction of writing, and halves of characters (bytes that are no text)."""


def printable(text: str, lines: bool = False) -> str:
    r"""Return `text` with what would steer a terminal made visible, such as ``\x1b``; `lines`: line ends stay."""

    def visible(found: re.Match[str]) -> str:
        character = found[0]
        if lines and character == "\n":
            return character
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")

    return _OBEYED.sub(visible, text)


def cannot_print(error: OSError) -> str:
    """Return in words that standard output takes nothing."""
    return f"The results cannot be written to standard output: {error.strerror or error}."


class Formatter(logging.Formatter):
    """Puts a log's records down so that no file name in them can pretend to be another line, or steer a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return the record in one line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's own name
        """Return the traceback."""
        return printable(super().formatException(ei), lines=True)  # type: ignore[arg-type]

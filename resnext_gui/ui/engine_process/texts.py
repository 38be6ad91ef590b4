"""What the engine and the project say, in the person's language.

Both know nothing of Qt and speak English.  Their phrases are collected into ``phrases.py``, from where Qt's
tools take them like all others, and a sentence that arrives is recognised by its phrase.
"""

from __future__ import annotations

import dataclasses
import re
from functools import lru_cache
from typing import Any, TypeVar

from PySide6.QtCore import QCoreApplication, QLocale

from resnext_gui.messages import DeviceChosen, Failed, Finished, Message, Progress, Refused
from resnext_gui.ui.engine_process.phrases import PHRASES

CONTEXT = "engine"
"""The context of the engine's phrases among the translations."""
FIELDS: dict[type[Any], tuple[str, ...]] = {
    Progress: ("text",),
    DeviceChosen: ("reason", "advice"),
    Refused: ("message", "hint"),
    Failed: ("message", "hint"),
}
"""The parts of events that are sentences."""
KEYS = ("message", "hint", "reason", "advice", "warnings")
"""The parts of results that are sentences, or lists of them."""

_PLACE = re.compile(r"\\{(\d+)\\}")
_NUMBER = re.compile(r"\d{1,3}(,\d{3})+")
_SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z“'])")

Event = TypeVar("Event", bound=Message)


class _Phrases:
    """The phrases, ready to be recognised: those without gaps, and the others, the wordiest first."""

    def __init__(self) -> None:
        self.plain = {phrase for phrase in PHRASES if not re.search(r"\{\d", phrase)}
        open_ones = sorted((phrase for phrase in PHRASES if phrase not in self.plain), key=_letters, reverse=True)
        self.open = [(phrase, re.compile(_pattern(phrase), re.DOTALL)) for phrase in open_ones]


def _letters(phrase: str) -> int:
    return len(re.sub(r"\{\d+\}", "", phrase))


def _pattern(phrase: str) -> str:
    escaped = re.escape(phrase.replace("{{", "{").replace("}}", "}"))
    return _PLACE.sub(r"(?P<_\1>.*?)", escaped) + r"\Z"


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    return _Phrases()


def say(text: str) -> str:
    """Return `text`, one or more sentences of the engine, in the person's language; what is unknown stays as it is."""
    whole = _say_one(text)
    if whole is not None:
        return whole
    parts = _SENTENCE_END.split(text)
    if len(parts) == 1:
        return text
    return " ".join(_say_one(part) or part for part in parts)


def _say_one(text: str) -> str | None:
    phrase, values = _recognise(text)
    if phrase is None:
        return None
    template = QCoreApplication.translate(CONTEXT, phrase)
    return template.format(*map(_inside, values)) if values else template


@lru_cache(maxsize=500)
def _recognise(text: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the phrase that `text` was made of, and what stands in its gaps; None where there is none."""
    known = _phrases()
    if text in known.plain:
        return text, ()
    for phrase, pattern in known.open:
        if (found := pattern.match(text)) is not None:
            gaps = found.groupdict()
            return phrase, tuple(gaps[f"_{number}"] for number in range(len(gaps)))
    return None, ()


def _inside(value: str) -> str:
    """Return what stands in a sentence's gap: a number, another phrase of the engine, or a name."""
    if _NUMBER.fullmatch(value):
        return QLocale().toString(int(value.replace(",", "")))
    return _say_one(value) or value


def translated(event: Event) -> Event:
    """Return `event` with its sentences in the person's language."""
    if isinstance(event, Finished):
        return dataclasses.replace(event, result=_result(event.result))
    names = FIELDS.get(type(event))
    if names is None:
        return event
    said: dict[str, Any] = {name: say(getattr(event, name)) for name in names if getattr(event, name)}
    return dataclasses.replace(event, **said)


def _result(value: Any, sentence: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: _result(inside, key in KEYS) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_result(inside, sentence) for inside in value]
    return say(value) if sentence and isinstance(value, str) else value

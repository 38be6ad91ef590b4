"""What the engine and the project say: sentences in English, by code, with named gaps.  Standard library only.

Engine and project never put sentences together.  They hand on a code and its values, as a `Text` or in a `UserError`;
whoever shows it asks for the sentence, in the language of its own process: the command line in English, the window in
the person's language (`speak`).  So what travels or is stored can be said in any language, later too.

`TEXTS` and `ERRORS` are all there is to translate; ``packaging/languages.py`` collects it from here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = Any
"""What may stand in a gap: text, a number (int: grouped by thousands), another `Text`, or a list of these."""

_MARK = "$text"
"""The key by which JSON tells a `Text` from other objects."""

TEXTS: dict[str, str | tuple[str, str]] = {
    "plain": "{text}",
    # one of something, several of it; the gap is n
    "photographs": ("{n} photograph", "{n} photographs"),
}
"""Code -> template; two of them where one and many differ, which the gap ``n`` decides."""

ERRORS: dict[str, tuple[str, str]] = {}
"""Code, or ``code:which`` where one code has several sentences -> what happened, and what to do (may be empty)."""


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence, or a part of one, that has not been put into words yet.  ``str()`` says it."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        template = TEXTS.get(self.code, self.code)
        if isinstance(template, tuple):
            template = template[0 if self.values.get("n") == 1 else 1]
        return _filled(template, self.values)


def text(code: str, /, **values: Value) -> Text:
    """Return the sentence `code` of `TEXTS` with `values` in its gaps."""
    return Text(code, values)


def some(n: int, what: str = "photographs") -> Text:
    """Return a count with its noun, such as "3 photographs" or "12,000 photographs"; `what` is a code of `TEXTS`."""
    return Text(what, {"n": n})


def error_words(error: str, values: Mapping[str, Value]) -> tuple[str, str]:
    """Return what happened and what to do, in this process's language; `error` is a code of `ERRORS`."""
    message, hint = ERRORS.get(error, (error, ""))
    return _filled(message, values), _filled(hint, values) if hint else ""


# --------------------------------------------------------------------------------------------------------------------
# The language of this process, as Qt's translators are of a process, too


def _english_number(number: int) -> str:
    return f"{number:,}"


class _Language:
    translate: Callable[[str], str] = staticmethod(str)
    number: Callable[[int], str] = staticmethod(_english_number)


def speak(translate: Callable[[str], str] = str, number: Callable[[int], str] = _english_number) -> None:
    """Say everything in another language from now on: `translate` turns a template, `number` a whole number."""
    _Language.translate = staticmethod(translate)
    _Language.number = staticmethod(number)


class _Gaps(dict[str, str]):
    """Values in words.  What is missing, say in a project by a newer version, is a gap that can be seen."""

    def __missing__(self, key: str) -> str:
        return "…"


def _filled(template: str, values: Mapping[str, Value]) -> str:
    words = _Gaps({name: _inside(value) for name, value in values.items()})
    return _Language.translate(template).format_map(words)


def _inside(value: Value) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return _Language.number(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_inside, value))
    return str(value)


# --------------------------------------------------------------------------------------------------------------------
# As JSON


def to_json(value: Any) -> Any:
    """Serve `json.dumps` as its ``default``: a `Text` becomes an object that `from_json` knows again.

    Raises:
        TypeError: it is neither a `Text` nor JSON.
    """
    if isinstance(value, Text):
        return {_MARK: value.code, **value.values}
    raise TypeError(f"{type(value).__name__} is not JSON")


def from_json(found: dict[str, Any]) -> Any:
    """Serve `json.loads` as its ``object_hook``."""
    code = found.pop(_MARK, None)
    return found if code is None else Text(str(code), found)


def stored(value: Text | str) -> str:
    """Return `value` as a database or a file keeps it."""
    return value if isinstance(value, str) else json.dumps(value, default=to_json, ensure_ascii=False)


def restored(value: str) -> Text | str:
    """Undo `stored`.  Sentences that an older version stored in English stay as they are."""
    if not value.startswith(f'{{"{_MARK}"'):
        return value
    try:
        found = json.loads(value, object_hook=from_json)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, Text) else value

"""Sentences by code: in English, in another language, on their way, and where something is missing."""

from __future__ import annotations

import ast
import functools
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnext_gui import texts
from resnext_gui.texts import (
    ERRORS,
    TEXTS,
    Text,
    error_words,
    from_json,
    restored,
    said,
    some,
    speak,
    stored,
    text,
    to_json,
)


@pytest.fixture
def backwards() -> Iterator[None]:
    """A language in which templates are told backwards, but for their gaps."""
    speak(lambda template: {"{n} photographs": "sotohp {n}"}.get(template, template), lambda n: f"{n:_}")
    yield
    speak()


def test_counts_have_their_noun() -> None:
    assert (str(some(1)), str(some(12000)), str(some(0))) == ("1 photograph", "12,000 photographs", "0 photographs")


def test_another_language_is_spoken_inside_sentences_too(backwards: None) -> None:
    assert str(text("plain", text=some(4000))) == "sotohp 4_000"


def test_what_a_person_typed_is_never_taken_for_a_sentence() -> None:
    assert str(text("plain", text="{n} photographs {0.__class__}")) == "{n} photographs {0.__class__}"


def test_it_survives_the_journey_and_the_disk() -> None:
    sentence = text("plain", text=[some(2), "a", Text("plain", {"text": "b"})])
    there = json.loads(json.dumps({"why": sentence}, default=to_json), object_hook=from_json)["why"]
    assert there == sentence
    assert str(restored(stored(sentence))) == str(sentence) == "2 photographs, a, b"


@pytest.mark.parametrize("old", ["Add 3 photographs", "", '{"$text"', '{"$text": [', "[1]", '{"$text": {}, "a": 1} x'])
def test_what_older_versions_stored_stays_as_it_is(old: str) -> None:
    assert restored(old) == old


def test_a_label_may_have_the_name_of_the_mark() -> None:
    assert json.loads(json.dumps({"$text": 3}), object_hook=from_json) == {"$text": 3}


def test_what_is_nested_without_end_stays_as_it_is() -> None:
    deep = '{"$text": "plain", "text": ' * 900 + '""' + "}" * 900
    assert restored(deep) == deep


def test_names_of_any_bytes_are_stored() -> None:
    name = b"a\xff".decode("utf-8", "surrogateescape")
    assert stored(text("plain", text=name)).isascii()
    assert str(restored(stored(text("plain", text=name)))) == name


def test_a_tree_is_put_into_words() -> None:
    assert said({"a": [some(1), {"b": (some(2), 3, None)}]}) == {
        "a": ["1 photograph", {"b": ["2 photographs", 3, None]}]
    }


def test_what_happened_in_an_error_is_a_text_too() -> None:
    assert not TEXTS.keys() & ERRORS.keys()
    assert str(Text("no_run", {"run": "x"})) == error_words("no_run", {"run": "x"})[0]
    assert error_words("any:plain", {"message": "It broke.", "hint": "Mend it."}) == ("It broke.", "Mend it.")


def test_missing_values_and_unknown_codes_show_and_end_nothing() -> None:
    assert str(Text("photographs")) == "… photographs"
    assert str(Text("of a newer version")) == "of a newer version"
    assert error_words("of a newer version", {}) == ("of a newer version", "")


def _templates() -> Iterator[str]:
    for template in TEXTS.values():
        yield from (template,) if isinstance(template, str) else template
    for pair in ERRORS.values():
        yield from pair


def test_gaps_have_names_alone() -> None:
    for template in _templates():
        for _, name, spec, conversion in string.Formatter().parse(template):
            assert name is None or (name.isidentifier() and not spec and not conversion), template


def test_errors_say_what_happened_and_what_to_do_in_sentences() -> None:
    for code, (message, hint) in ERRORS.items():
        assert message and message[-1] in ".!?”)}", code
        assert not hint or hint[-1] in ".!?”)" or hint.endswith(("'{path}'", ":NAME")), code


# --------------------------------------------------------------------------------------------------------------------
# What the program says, and what there is to be said

PACKAGE = Path(texts.__file__).parent
RAISED = ("UserError", "ProjectError", "ImageError")
EVENTS = {"Failed": 1, "Refused": 2}
"""Where in their arguments the code stands; the values follow."""


@functools.cache
def _trees() -> list[tuple[str, ast.AST]]:
    files = [path for path in PACKAGE.rglob("*.py") if path.name != "texts.py"]
    return [(str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))) for path in files]


def _literals(node: ast.AST | None) -> list[str]:
    """Return the texts that an expression may be; none where that is not seen at once."""
    if isinstance(node, ast.IfExp):
        return _literals(node.body) + _literals(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _said(tree: ast.AST) -> Iterator[tuple[str, set[str], bool, int]]:
    """Yield code, names of the values, whether these are all, and line of what a module says."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        names = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
        complete = len(names) == len(call.keywords)
        codes: list[str] = []
        if name == "text" and isinstance(call.func, ast.Name) and len(call.args) == 1:
            codes = _literals(call.args[0])
        elif name == "some":
            codes, names = _literals(call.args[1]) if len(call.args) > 1 else ["photographs"], {"n"}
        elif name in RAISED and len(call.args) == 1:  # more of them: in words, as before there were codes
            codes = _literals(call.args[0])
        elif name in EVENTS and len(call.args) > EVENTS[name]:
            codes = _literals(call.args[EVENTS[name]])
            values = call.args[EVENTS[name] + 1] if len(call.args) > EVENTS[name] + 1 else ast.Dict([], [])
            complete = isinstance(values, ast.Dict)
            names = {key for node in getattr(values, "keys", []) for key in _literals(node)}
        yield from ((code, names, complete, call.lineno) for code in codes)


def _gaps(code: str) -> set[str]:
    found = ERRORS.get(code) or TEXTS[code]
    templates = (found,) if isinstance(found, str) else found
    return {name for part in templates for _, name, _, _ in string.Formatter().parse(part) if name is not None}


def test_what_is_said_exists_and_its_gaps_are_filled() -> None:
    wrong = []
    for path, tree in _trees():
        for code, names, complete, line in _said(tree):
            if code.endswith(":plain"):
                continue
            if code not in TEXTS and code not in ERRORS:
                wrong.append(f"{path}:{line}: {code} does not exist")
            elif not (names == _gaps(code) if complete else names <= _gaps(code)):
                wrong.append(f"{path}:{line}: {code} has the gaps {sorted(_gaps(code))}, given are {sorted(names)}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_there_that_nobody_says() -> None:
    said, made = {"plain", "photographs"}, set()
    for _, tree in _trees():
        for node in ast.walk(tree):
            said.update(_literals(node))
            if isinstance(node, ast.JoinedStr):  # such as f"{code}:path"
                form = "".join(part.value if isinstance(part, ast.Constant) else ".*" for part in node.values)
                made.add(form if re.fullmatch(r"\.\*:\w+|\w+:\.\*", form) else "")
    unsaid = [code for code in (*TEXTS, *ERRORS) if code not in said and not any(re.fullmatch(f, code) for f in made)]
    assert not unsaid


def test_everything_is_english_again() -> None:
    assert str(some(1000)) == "1,000 photographs"
    assert texts.TEXTS is TEXTS

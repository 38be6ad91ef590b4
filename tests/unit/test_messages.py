"""What crosses the border arrives as it was sent, and nothing else is let in."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnext_gui import messages
from resnext_gui.messages import (
    Answer,
    Classify,
    Finished,
    Progress,
    Scan,
    Source,
    Train,
    TrainSpec,
    UserError,
    decode,
    encode,
)
from resnext_gui.texts import Text, some, text

KINDS = typing.get_args(messages.Message)


def example(hint: object) -> st.SearchStrategy[object]:
    """Values of the kinds that messages hold."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{field.name: example(hints[field.name]) for field in dataclasses.fields(hint)})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(example(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(example, arguments))
    if origin is dict:
        return st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none() | st.booleans(), max_size=3)
    if arguments:
        return st.one_of([st.none() if one is type(None) else example(one) for one in arguments])
    simple = {
        str: st.text(),
        int: st.integers(-(2**53), 2**53),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        Text: st.builds(Text, st.text(max_size=5), st.dictionaries(st.text(max_size=5), st.integers() | st.text())),
    }
    return simple[hint]  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_survives_the_journey(kind: type) -> None:
    @given(example(kind))
    def journey(message: messages.Message) -> None:
        assert decode(encode(message)) == message

    journey()


def test_nested_values_come_back_with_their_types() -> None:
    command = Scan("1", "/p", (Source("/a", "first"), Source("/b", label="rust")))
    assert decode(encode(command)) == command
    train = Train("2", "/p", TrainSpec(minutes=2.5, seed=7), run="r")
    assert isinstance(decode(encode(train)).spec, TrainSpec)  # type: ignore[union-attr]
    answer = Answer("3", "/x.jpg", "a", 0.5, (("a", 0.5), ("b", 0.25)), "quick", 3.0)
    assert decode(encode(answer)).top == (("a", 0.5), ("b", 0.25))  # type: ignore[union-attr]


def test_sentences_arrive_as_codes_wherever_they_are() -> None:
    result = {"findings": [{"message": text("plain", text=some(3))}], "labels": {"$text": 3, "rust": 2}}
    assert decode(encode(Finished("1", result))) == Finished("1", result)


def test_trouble_is_put_into_words_by_who_reads_it() -> None:
    error = UserError("disk_full:path", path="/p/a")
    failed = decode(encode(messages.Failed("1", error.error, error.values)))
    assert isinstance(failed, messages.Failed)
    assert (failed.code, failed.message, failed.hint) == (error.code, str(error), error.hint)
    assert (error.code, str(error.sentence)) == ("disk_full", "The disk is full: '/p/a'.")
    again = copy.copy(error)
    assert (again.error, again.values) == (error.error, error.values)


def test_names_that_are_no_unicode_survive() -> None:
    name = b"bad\xff.jpg".decode("utf-8", "surrogateescape")
    assert decode(encode(Classify("1", "/p", (name,)))).paths == (name,)  # type: ignore[union-attr]


def test_numbers_without_a_json_word_survive() -> None:
    back = decode(encode(Progress("1", "x", 0, 0, seconds_left=math.inf)))
    assert isinstance(back, Progress) and back.seconds_left == math.inf


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b'{"type": "Explode"}',
        b'{"type": "Stop"}',
        b'{"type": "Stop", "job_id": "1", "extra": 2}',
        b'{"job_id": "1"}',
        b'{"type": ["Stop"], "job_id": "1"}',
        b'{"type": "Answer", "job_id": "1", "path": "", "label": "", "probability": 1, "top": [[1]], "model": "",'
        b' "milliseconds": 1}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


def test_a_message_is_one_line_of_json() -> None:
    data = encode(Finished("1", {"a": "line\nbreak", "b": [1, 2.5, None]}))
    assert b"\n" not in data
    assert json.loads(data)["result"]["b"] == [1, 2.5, None]


def test_messages_cannot_be_changed_on_their_way() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        messages.Stop("1").job_id = "2"  # type: ignore[misc]

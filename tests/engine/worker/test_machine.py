"""What is measured once on a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path

from resnext_gui.engine.network import convolution
from resnext_gui.engine.worker import machine


class Question:
    """Counts how often it is measured."""

    def __init__(self) -> None:
        self.measured = 0

    def ask(self, *rule: object) -> int:
        def measure() -> dict[str, Any]:
            self.measured += 1
            return {"answer": self.measured}

        return machine.measured_once("question", list(rule), measure, lambda values: int(values["answer"]))


def files() -> list[Path]:
    return sorted(user_cache_path("resnext-gui", appauthor=False).glob("question-*"))


def test_it_is_measured_once() -> None:
    question = Question()
    assert [question.ask("a", 0.5), question.ask("a", 0.5)] == [1, 1]
    assert Question().ask("a", 0.5) == 1
    assert question.ask("a", 0.6) == 2
    assert len(files()) == 2


def test_another_processor_is_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question()
    assert question.ask() == 1
    monkeypatch.setattr(machine, "usable_cores", lambda: 99)
    assert question.ask() == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"answer": "many"}', "null"])
def test_what_cannot_be_read_is_measured_again(text: str) -> None:
    question = Question()
    question.ask()
    (file,) = files()
    file.write_text(text, encoding="utf-8")
    assert question.ask() == 2
    assert question.ask() == 2


def test_who_was_faster_is_right() -> None:
    """Two processes that measure at the same time end with one answer."""

    def slowly() -> dict[str, Any]:
        assert Question().ask() == 1
        return {"answer": 7}

    assert machine.measured_once("question", [], slowly, lambda values: int(values["answer"])) == 1


def test_without_a_place_to_remember_it_answers_all_the_same(own_home: Path) -> None:
    own_home.mkdir(exist_ok=True)
    user_cache_path("resnext-gui", appauthor=False).parent.mkdir(parents=True, exist_ok=True)
    user_cache_path("resnext-gui", appauthor=False).write_text("in the way")
    assert Question().ask() == 1


def test_the_next_process_convolves_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a run that is continued would end elsewhere, in the last digits, after a busy moment."""
    import tensorflow as tf

    kernel = tf.zeros((1, 1, 512, 512), "bfloat16")
    for first in (True, False):
        monkeypatch.setattr(convolution, "LESS_TIME", 0.5 + first / 10)
        convolution.forget_probes()
        monkeypatch.setattr(convolution, "_float32_wins", lambda *key, first=first: first)
        assert convolution.better_in_float32(kernel) is first
        convolution.forget_probes()
        monkeypatch.setattr(convolution, "_float32_wins", lambda *key, first=first: not first)
        assert convolution.better_in_float32(kernel) is first
    convolution.forget_probes()

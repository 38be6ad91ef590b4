import csv
import io

import pytest
from PySide6.QtWidgets import QComboBox

from resnext_gui.messages import Answer, Refused
from resnext_gui.project import StoredAnswer
from resnext_gui.ui.classify.answer import AnswerCard
from resnext_gui.ui.classify.answer_list import Entry, to_csv

TOP = (("rust", 0.78), ("scratch", 0.2), ("good", 0.02))
CLOSE = (("rust", 0.45), ("scratch", 0.41), ("good", 0.14))


def entry(top=TOP, **more) -> Entry:
    return Entry("/pictures/a.jpg", tuple(top), "quick", 31.4, **more)


@pytest.fixture
def card(qtbot, dressed):
    made = AnswerCard()
    qtbot.addWidget(made)
    made.resize(440, 560)
    made.set_labels(["good", "rust", "scratch"])
    made.show()
    return made


def combo(card: AnswerCard) -> QComboBox:
    found = card.findChild(QComboBox)
    assert found is not None
    return found


def test_the_answer_is_told(card) -> None:
    card.show_entry(entry(), "Quick model")
    assert card._answer.text() == "rust"
    assert card._sure.text() == "Fairly sure, 78 in 100"
    assert card._made.text() == "Quick model, 31 ms"
    assert card.accessibleName() == "a.jpg: rust. Fairly sure, 78 in 100"


def test_two_close_answers(card) -> None:
    card.show_entry(entry(CLOSE))
    assert card._answer.text() == "Unsure: rust or scratch"


def test_a_refusal_is_told_with_what_to_do(card) -> None:
    refused = Refused(
        "j", "/p/torn.jpg", "broken:plain", {"message": "'torn.jpg' ends too early.", "hint": "Copy it again."}
    )
    card.show_entry(Entry.of_refusal(refused))
    assert card._sure.text() == "'torn.jpg' ends too early."
    assert card._made.text() == "Copy it again."
    assert not combo(card).isVisible()


def test_correcting(qtbot, card) -> None:
    card.show_entry(entry())
    with qtbot.waitSignal(card.corrected) as told:
        combo(card).activated.emit(2)
    assert told.args == ["scratch"]
    card.show_entry(entry(corrected="scratch"))
    assert card._said.text() == "You said: scratch"
    with qtbot.waitSignal(card.learn) as learn:
        card._learn.click()
    assert learn.args == ["scratch"]
    with qtbot.waitSignal(card.corrected) as back:
        card._back.click()
    assert back.args == [None]


def test_agreeing_with_a_sure_answer_is_no_correction(qtbot, card) -> None:
    card.show_entry(entry())
    with qtbot.waitSignal(card.corrected) as told:
        combo(card).activated.emit(1)
    assert told.args == [None]


def test_agreeing_with_an_unsure_answer_settles_it(qtbot, card) -> None:
    card.show_entry(entry(CLOSE))
    with qtbot.waitSignal(card.corrected) as told:
        combo(card).activated.emit(1)
    assert told.args == ["rust"]
    assert not entry(CLOSE, corrected="rust").unsure


def test_long_names_are_shortened_not_cut(card) -> None:
    card.show_entry(Entry("/p/" + "very long name " * 20 + ".jpg", TOP))
    assert "…" in card._file.text()
    assert card._file.fontMetrics().horizontalAdvance(card._file.text()) <= card.width()


def test_entries_of_the_engine_and_of_the_project_are_alike() -> None:
    answer = Entry.of_answer(Answer("j", "/p/a.jpg", "rust", 0.78, TOP, "quick", 31.4, 1))
    stored = Entry.of_answer(StoredAnswer(1, "/p/a.jpg", "rust", 0.78, TOP, "quick", 31.4, 0.0, None))
    assert answer == stored


def test_the_table_holds_answers_corrections_and_refusals() -> None:
    refused = Entry.of_refusal(Refused("j", "/p/torn.jpg", "broken:plain", {"message": "It ends."}))
    rows = list(csv.DictReader(io.StringIO(to_csv([entry(corrected="good"), refused]))))
    assert rows[0]["label"] == "rust" and rows[0]["corrected"] == "good" and rows[0]["second_label"] == "scratch"
    assert float(rows[0]["probability"]) == pytest.approx(0.78)
    assert rows[1]["path"] == "/p/torn.jpg" and rows[1]["problem"] == "It ends." and rows[1]["label"] == ""

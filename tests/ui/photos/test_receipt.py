"""The receipt of an import, news from the disk, and the words in both."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QRadioButton

from resnext_gui.ui.photos.findings import FindingsLine
from resnext_gui.ui.photos.receipt import DiskNews, Receipt, sentence
from tests.ui.photos_help import receipt

PREVIEW = {
    "rules": {
        "last": [["daisy", 6, "/a/daisy/1.jpg"], ["rose", 6, "/a/rose/1.jpg"]],
        "first": [["a", 12, "/a/daisy/1.jpg"]],
        "name": [],
        "csv": [],
    },
    "auto": "last",
    "photographs": 12,
}


@pytest.fixture
def card(qtbot: Any, dressed: Any) -> Receipt:
    made = Receipt()
    qtbot.addWidget(made)
    made.resize(900, 60)
    made.show_receipt(receipt(), can_choose=True)
    return made


def _plain(text: str) -> str:
    return text.replace(",000", "000")


def test_the_sentence() -> None:
    labels = [[f"l{i}", 1] for i in range(12)]
    text = sentence(receipt(labels=labels, photographs=4000, unlabelled=0, unreadable_count=3))
    assert _plain(text) == "12 labels from the last folder level, 4000 photographs, 3 unreadable"
    assert sentence(receipt(labels=[["a", 1]], rule="csv", photographs=1, unlabelled=0, unreadable_count=0)) == (
        "1 label from the table, 1 photograph"
    )
    again = sentence(receipt(labels=[], photographs=0, unlabelled=0, unreadable_count=0, duplicates=7))
    assert again == "no new photographs, 7 already here"


def test_show_and_undo_are_offered_where_they_make_sense(card: Receipt, qtbot: Any) -> None:
    assert card.show_button.isVisible() and card.undo_button.isVisible()
    with qtbot.waitSignal(card.show_wanted):
        card.show_button.click()
    with qtbot.waitSignal(card.undo_wanted):
        card.undo_button.click()
    card.show_receipt(receipt(unreadable_count=0, photographs=0, duplicates=3), can_choose=True)
    assert card.show_button.isHidden() and card.undo_button.isHidden() and card.rule_button.isHidden()


def test_rules_are_previewed_once_and_only_on_request(card: Receipt, qtbot: Any) -> None:
    asked: list[bool] = []
    card.preview_wanted.connect(lambda: asked.append(True))
    assert card.rule_button.text() == "Labels from: last folder level" and not asked
    card.rule_button.click()
    assert asked and card.rules.waiting.isVisible()
    card.set_preview(PREVIEW)
    texts = [button.text() for button in card.rules.findChildren(QRadioButton)]
    assert texts == ["last folder level", "first folder level", "nowhere: leave unlabelled"]
    assert not card.rules.use.isEnabled()
    card.rules._buttons["first"].click()
    with qtbot.waitSignal(card.rule_wanted) as heard:
        card.rules.use.click()
    assert heard.args == ["first"] and card.rules.isHidden()
    card.rule_button.click()
    assert asked == [True]


def test_no_other_rule_once_something_else_was_done(card: Receipt) -> None:
    card.rule_button.click()
    card.set_preview(PREVIEW)
    card.rules._buttons["none"].click()
    assert card.rules.use.isEnabled()
    card.set_can_undo(False)
    assert not card.rules.use.isEnabled() and card.undo_button.isHidden()


def test_a_preview_that_fails_says_why(card: Receipt) -> None:
    card.rule_button.click()
    card.set_preview({"error": "Drive Z: is not reachable."})
    assert card.rules.waiting.text() == "Drive Z: is not reachable." and card.rules.use.isHidden()


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"new": 212, "gone": 3, "changed": 9}, "212 new, 3 gone, 9 changed."),
        ({"new": 1}, "1 new."),
        ({"unreachable": ["Z:\\flowers"]}, "Z:\\flowers is not reachable. Its photographs stay in the project."),
        ({"back": 80, "returned": ["Z:\\flowers"]}, "80 are back. Z:\\flowers is reachable again."),
        (
            {"moved": 3, "relabelled": 2, "disagree": 1},
            "3 were moved, 2 have the label of their folder now, 1 keeps the label given here.",
        ),
    ],
)
def test_news_in_words(result: dict[str, Any], text: str, qtbot: Any, dressed: Any) -> None:
    news = DiskNews()
    qtbot.addWidget(news)
    assert news.show_news(result)
    assert news.text.text() == text
    assert news.review_button.isVisible() == ("returned" not in result)
    assert news.give_up_button.isHidden() == ("unreachable" not in result)
    assert news.undo_button.isHidden() == ("relabelled" not in result)
    assert news.disagree_button.isHidden() == ("disagree" not in result)


def test_what_became_of_known_ones_is_part_of_the_receipt() -> None:
    told = {"photographs": 0, "duplicates": 24, "moved": 10, "relabelled": 10, "disagree": 2, "back": 1}
    assert sentence(told) == (
        "no new photographs, 24 already here, 1 is back, 10 were moved, 10 have the label of their folder now, "
        "2 keep the label given here"
    )


def test_no_news_is_silent(qtbot: Any, dressed: Any) -> None:
    news = DiskNews()
    qtbot.addWidget(news)
    assert not news.show_news({"new": 0, "gone": 0, "changed": 0, "unreachable": []})
    assert news.isHidden()


def test_gone_alone_can_be_looked_at(qtbot: Any, dressed: Any) -> None:
    news = DiskNews()
    qtbot.addWidget(news)
    news.show_news({"gone": 2, "examples": {"gone": ["/a/1.jpg"]}})
    news.review_button.click()
    assert news.gone_button.isVisible() and news.apply_button.isHidden()
    assert "/a/1.jpg and 1 more" in news.examples.text()


def test_findings_in_one_line(qtbot: Any, dressed: Any) -> None:
    line = FindingsLine()
    qtbot.addWidget(line)
    line.set_counts(3, 1)
    assert line.text.text() == "3 files could not be read. 1 photograph is gone."
    line.set_counts(0, 2)
    with qtbot.waitSignal(line.show_wanted) as heard:
        line.show_button.click()
    assert heard.args == ["gone"]
    line.set_counts(0, 0)
    assert line.isHidden()


def _two_readings(**fields: Any) -> dict[str, Any]:
    rules = {
        "last": [["new", 12, "/x"], ["old", 12, "/x"]],
        "first": [["camera 1", 12, "/x"], ["camera 2", 12, "/x"]],
        "name": [],
    }
    return receipt(**{"rules": rules, "auto": "last", "doubts": ["last", "first"], **fields})


def test_two_readings_are_seen_at_once(card: Receipt, qtbot: Any) -> None:
    asked: list[bool] = []
    card.preview_wanted.connect(lambda: asked.append(True))
    card.show_receipt(_two_readings(), can_choose=True)
    text = card.text.text()
    assert "Labels read from: last folder level, new (12), old (12). They" in text
    assert "could also be read from: first folder level, camera 1 (12), camera 2 (12)." in text
    assert card.rules.isVisible() and card.rules.chosen() == "last" and not asked
    with qtbot.waitSignal(card.rule_wanted) as heard:
        card.other_button.click()
    assert heard.args == ["first"]
    card.show_receipt(receipt(), can_choose=True)
    assert card.rules.isHidden() and card.other_button.isHidden()


def test_columns_of_a_table_are_readings(card: Receipt, qtbot: Any) -> None:
    rules = {"column:dx": [["mel", 4, ""], ["nv", 4, ""]], "column:site": [["arm", 4, ""], ["leg", 4, ""]], "csv": []}
    doubts = ["column:dx", "column:site"]
    card.show_receipt(receipt(rule="auto->csv", rules=rules, auto="column:dx", doubts=doubts), can_choose=True)
    assert card.rule_button.text() == "Labels from: column dx"
    texts = [button.text() for button in card.rules.findChildren(QRadioButton)]
    assert texts == ["column dx", "column site", "nowhere: leave unlabelled"]
    card.rules._buttons["column:site"].click()
    with qtbot.waitSignal(card.rule_wanted) as heard:
        card.rules.use.click()
    assert heard.args == ["column:site"]


def test_no_other_reading_where_the_import_cannot_be_taken_back(card: Receipt) -> None:
    card.show_receipt(_two_readings(), can_choose=True, can_undo=False)
    assert card.other_button.isHidden() and not card.rules.use.isEnabled()


def test_every_finding_is_shown(card: Receipt) -> None:
    card.show_receipt(receipt(warnings=[f"Finding {n}." for n in range(10)]), can_choose=True)
    lines = card.notes.text().splitlines()
    assert lines[0] == "• Finding 0." and len(lines) == 9 and lines[-1] == "and 2 more"
    card.show_receipt(receipt(), can_choose=True)
    assert card.notes.isHidden()

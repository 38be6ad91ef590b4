"""The labels' panel and the field that asks for a label."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget

from resnext_gui.project import Label
from resnext_gui.ui.photos.labels.entry import LabelEntry, matches
from resnext_gui.ui.photos.labels.panel import LabelsPanel, entries_for

Key = Qt.Key


def label(number: int, name: str, count: int = 10, excluded: bool = False) -> Label:
    return Label(number, name, count, excluded, number)


LABELS = [label(1, "good", 40), label(2, "rust", 10), label(3, "deep scratch", 0), label(4, "scratch", 20, True)]
COUNTS = {"photographs": 75, "unlabelled": 5, "unreadable": 0, "gone": 0}


@pytest.fixture
def panel(qtbot: Any, dressed: Any) -> LabelsPanel:
    made = LabelsPanel()
    qtbot.addWidget(made)
    made.resize(232, 600)
    made.set_labels(LABELS, COUNTS)
    made.show()
    made.activateWindow()
    made.list.setFocus()
    qtbot.waitUntil(made.list.hasFocus)
    return made


@pytest.fixture
def entry(qtbot: Any, dressed: Any) -> LabelEntry:
    over = QWidget()
    qtbot.addWidget(over)
    over.resize(800, 600)
    over.show()
    over.activateWindow()
    made = LabelEntry(over)
    made.ask(LABELS, "Label for 3 photographs")
    qtbot.waitUntil(made.field.hasFocus)
    return made


def test_the_first_nine_have_keys_and_shares_follow_the_largest() -> None:
    texts = {"all": "All", "unlabelled": "Unlabelled", "unreadable": "Bad", "gone": "Gone"}
    many = [label(i, f"l{i}", i) for i in range(1, 13)]
    entries = entries_for(many, {"photographs": 78, "gone": 2}, texts)
    assert [e.key for e in entries[1:13]] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0]
    assert entries[1].share == pytest.approx(1 / 12) and entries[12].share == 1.0
    assert [e.where for e in entries[13:]] == ["unlabelled", "gone"]


def test_choosing_by_keyboard(panel: LabelsPanel, qtbot: Any) -> None:
    with qtbot.waitSignal(panel.chosen) as heard:
        QTest.keyClick(panel.list, Key.Key_Down)
    assert heard.args == [1]
    with qtbot.waitSignal(panel.number_pressed) as digit:
        QTest.keyClick(panel.list, Key.Key_3)
    assert digit.args == [3]


def test_what_is_chosen_survives_new_counts(panel: LabelsPanel) -> None:
    panel.choose(2)
    panel.set_labels([label(2, "rust", 11), label(1, "good", 39)], COUNTS)
    assert panel.where() == 2
    panel.set_labels([label(1, "good", 50)], COUNTS)
    assert panel.where() == "all"


def test_a_name_being_typed_is_left_alone(panel: LabelsPanel, qtbot: Any) -> None:
    panel.choose(2)
    panel.list.rename(2)
    editor = panel.list.findChild(QLineEdit)
    editor.setText("brown ru")
    panel.set_labels([*LABELS, label(9, "dent")], COUNTS)
    assert editor.text() == "brown ru" and panel.list.renaming
    with qtbot.waitSignal(panel.renamed) as heard:
        QTest.keyClick(editor, Key.Key_Return)
    assert heard.args == [2, "brown ru"]
    qtbot.waitUntil(lambda: any(e.name == "dent" for e in panel.model.entries()))


def test_special_entries_cannot_be_renamed(panel: LabelsPanel) -> None:
    model = panel.model
    assert not model.flags(model.index(0)) & Qt.ItemFlag.ItemIsEditable
    assert model.flags(model.index(2)) & Qt.ItemFlag.ItemIsEditable
    assert not model.setData(model.index(0), "x")


def test_new_label(panel: LabelsPanel, qtbot: Any) -> None:
    panel.new_button.click()
    assert panel.new_name.isVisible()
    QTest.keyClicks(panel.new_name, " dent ")
    with qtbot.waitSignal(panel.new_wanted) as heard:
        QTest.keyClick(panel.new_name, Key.Key_Return)
    assert heard.args == ["dent"] and panel.new_button.isVisible()
    panel.new_button.click()
    QTest.keyClick(panel.new_name, Key.Key_Escape)
    assert panel.new_name.isHidden()


def test_search_waits_for_a_pause_and_escape_empties(panel: LabelsPanel, qtbot: Any) -> None:
    heard: list[str] = []
    panel.searched.connect(heard.append)
    panel.search.setFocus()
    QTest.keyClicks(panel.search, "abc")
    qtbot.waitUntil(lambda: heard == ["abc"])
    QTest.keyClick(panel.search, Key.Key_Escape)
    assert heard == ["abc", ""]
    with qtbot.waitSignal(panel.leave):
        QTest.keyClick(panel.search, Key.Key_Escape)


def test_menu_of_many_labels_asks_instead(panel: LabelsPanel, qtbot: Any) -> None:
    panel.set_labels([label(i, f"label {i}", 0) for i in range(1, 60)], COUNTS)
    actions = {a.text(): a for a in panel.menu_for(panel.model.entries()[1]).actions()}
    with qtbot.waitSignal(panel.merge_wanted) as heard:
        actions["Merge into..."].trigger()
    assert heard.args == [1, 0]
    with qtbot.waitSignal(panel.removed) as removed:
        actions["Remove label"].trigger()
    assert removed.args == [1]


def test_everything_has_a_name_for_screen_readers(panel: LabelsPanel) -> None:
    for widget in (panel.search, panel.list, panel.new_button, panel.new_name):
        assert widget.accessibleName()
    said = panel.model.data(panel.model.index(4), Qt.ItemDataRole.AccessibleTextRole)
    assert "scratch" in str(said) and "Not used in training" in str(said)


def test_matches_prefer_beginnings() -> None:
    assert [one.name for one in matches(LABELS, "scr")] == ["scratch", "deep scratch"]
    assert [one.name for one in matches(LABELS, "RUS")] == ["rust"]
    assert [one.name for one in matches(LABELS, "oo")] == ["good"]
    assert len(matches(LABELS, "  ")) == 4


def test_entry_picks_makes_and_cancels(entry: LabelEntry, qtbot: Any) -> None:
    QTest.keyClicks(entry.field, "scr")
    QTest.keyClick(entry.field, Key.Key_Down)
    with qtbot.waitSignal(entry.picked) as picked:
        QTest.keyClick(entry.field, Key.Key_Return)
    assert picked.args == [3]
    entry.ask(LABELS, "")
    QTest.keyClicks(entry.field, "scr")
    QTest.keyClick(entry.field, Key.Key_Tab)
    assert entry.field.text() == "scratch"
    entry.field.setText("ru st")
    with qtbot.waitSignal(entry.made) as made:
        QTest.keyClick(entry.field, Key.Key_Return)
    assert made.args == ["ru st"]
    entry.ask(LABELS, "")
    with qtbot.waitSignal(entry.cancelled):
        QTest.keyClick(entry.field, Key.Key_Escape)
    assert entry.isHidden()


def test_entry_can_forbid_new_names(entry: LabelEntry, qtbot: Any) -> None:
    entry.cancel()
    entry.ask(LABELS, "", may_make=False)
    QTest.keyClicks(entry.field, "nothing like it")
    assert entry.list.count() == 0
    with qtbot.assertNotEmitted(entry.made):
        QTest.keyClick(entry.field, Key.Key_Return)
    assert entry.isVisible()

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from resnext_gui.ui.common.bars import AnswerBars, LabelBars, LabelScore
from resnext_gui.ui.results.confusion import ConfusedPairs, ConfusionMatrix, confused_pairs

LABELS = ["daisy", "rose", "a label with quite a long name"]
COUNTS = [[8, 2, 0], [1, 9, 0], [0, 3, 7]]


@pytest.fixture
def matrix(qtbot, dressed):
    made = ConfusionMatrix()
    qtbot.addWidget(made)
    made.resize(560, 520)
    made.set_table(LABELS, COUNTS)
    made.show()
    return made


def test_a_click_opens_the_cell(qtbot, matrix) -> None:
    with qtbot.waitSignal(matrix.opened) as opened:
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.cell_rect(2, 1).center().toPoint())
    assert opened.args == [2, 1]


def test_empty_cells_open_nothing(qtbot, matrix) -> None:
    with qtbot.assertNotEmitted(matrix.opened):
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.cell_rect(0, 2).center().toPoint())
    assert matrix.current == (0, 2)


def test_keys_walk_and_speak(qtbot, matrix) -> None:
    matrix.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right):
        qtbot.keyClick(matrix, key)
    assert matrix.current == (2, 1)
    assert "3 photographs" in matrix.accessibleDescription() and "answered as rose" in matrix.accessibleDescription()
    with qtbot.waitSignal(matrix.opened) as opened:
        qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert opened.args == [2, 1]


@pytest.mark.parametrize("size", [(320, 260), (560, 520), (900, 400)])
def test_all_cells_lie_inside(matrix, size: tuple[int, int]) -> None:
    matrix.resize(*size)
    for i in range(3):
        for j in range(3):
            assert matrix.rect().contains(matrix.cell_rect(i, j).toAlignedRect())


def test_many_labels_keep_readable_cells(qtbot, dressed) -> None:
    matrix = ConfusionMatrix()
    qtbot.addWidget(matrix)
    matrix.set_table([f"label {i}" for i in range(20)], [[1] * 20 for _ in range(20)])
    assert matrix.minimumWidth() > 20 * 20


def test_a_crooked_table_is_refused(matrix) -> None:
    with pytest.raises(ValueError, match="3 labels a side"):
        matrix.set_table(LABELS, [[1, 2], [3, 4]])


def test_pairs_commonest_first(qtbot, dressed) -> None:
    assert confused_pairs(COUNTS) == [(2, 1, 3), (0, 1, 2), (1, 0, 1)]
    pairs = ConfusedPairs()
    qtbot.addWidget(pairs)
    pairs.set_table(LABELS, COUNTS)
    first = pairs.findChildren(QPushButton)[0]
    assert first.text().startswith("3 ") and "rose" in first.text()
    with qtbot.waitSignal(pairs.opened) as opened:
        first.click()
    assert opened.args == [2, 1]


def test_label_bars_by_keyboard(qtbot, dressed) -> None:
    bars = LabelBars()
    qtbot.addWidget(bars)
    bars.resize(400, 120)
    bars.set_scores([LabelScore("daisy", 8, 10), LabelScore("rose", 0, 0)])
    bars.show()
    assert bars.accessibleDescription() == "daisy: 8 of 10 right, between 44 to 97 in 100"
    qtbot.keyClick(bars, Qt.Key.Key_Down)
    assert bars.accessibleDescription() == "rose: no photograph"
    with qtbot.waitSignal(bars.opened) as opened:
        qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert opened.args == ["rose"]
    bars.grab()


def test_answer_bars_tell_five_at_most(qtbot, dressed) -> None:
    bars = AnswerBars()
    qtbot.addWidget(bars)
    bars.set_top([(f"label {i}", 0.5 / 2**i) for i in range(9)])
    assert bars.accessibleName().count("label") == 5
    bars.grab()

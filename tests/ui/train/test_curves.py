import csv
import io
import itertools
import math
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog

from resnext_gui import csvfile
from resnext_gui.messages import BatchPoint, EpochLine
from resnext_gui.ui.common import theme
from resnext_gui.ui.train import plot
from resnext_gui.ui.train.curve_data import CurveData, Thinned
from resnext_gui.ui.train.curves import Compared, Curves


def batch(step: int, position: float, loss: float = 1.0, accuracy: float = 0.5) -> BatchPoint:
    return BatchPoint("j", step, position, loss, accuracy, 10.0)


def epoch(number: int, practice: float | None = 0.7) -> EpochLine:
    return EpochLine("j", number, 1.0 / number, 0.6, 0.9, practice, 1e-3, 30.0, False)


def drawn(curves: Curves, key: str) -> list[tuple[float, float]]:
    """Return the points of a series of the accuracy plot as the plotting library holds them."""
    x, y = curves._accuracy.plot._items[key].getOriginalDataset()
    return [] if x is None else list(zip(x.tolist(), y.tolist(), strict=True))


@pytest.fixture
def curves(qtbot, dressed):
    made = Curves()
    qtbot.addWidget(made)
    made.resize(1000, 360)
    made.show()
    plot.preload()
    qtbot.waitUntil(plot.ready, timeout=60_000)
    qtbot.waitUntil(lambda: made._loss.plot._plot is not None and made._accuracy.plot._plot is not None)
    return made


# ---- the numbers


def test_thinning_keeps_the_mean_and_the_bound() -> None:
    thinned = Thinned(100)
    for i in range(12_800):
        thinned.add(i, i % 2)
    assert len(thinned.x) < 100
    assert all(abs(y - 0.5) < 1e-9 for y in thinned.y)
    assert list(thinned.x) == sorted(thinned.x)


def test_every_step_and_epoch_is_in_the_table() -> None:
    data = CurveData()
    for step in range(5000):
        data.add_point(batch(step, step / 1000))
    for number in range(1, 6):
        data.add_line(epoch(number))
    rows = list(csv.DictReader(io.StringIO(csvfile.as_text(data.rows()))))
    assert [r["kind"] for r in rows].count("step") == 5000
    assert [r["epoch"] for r in rows if r["kind"] == "epoch"] == ["1", "2", "3", "4", "5"]
    assert len(data.loss.x) < 3000


def test_a_run_that_goes_on_replaces_what_it_does_again() -> None:
    data = CurveData()
    for step in range(30):
        data.add_point(batch(step, step / 10, loss=2.0))
    data.add_line(epoch(1))
    data.add_line(epoch(2))
    data.add_point(batch(10, 1.0, loss=1.0))
    assert len(data.steps) == 11
    assert data.nearest_batch(5.0) == (1.0, 1.0, 0.5)
    data.add_line(epoch(2, practice=0.9))
    assert data.practice_scores() == [0.7, 0.9]


def test_damaged_history_lines_are_passed_over() -> None:
    data = CurveData.read(
        [{"epoch": 1, "loss": 1.0, "accuracy": 0.5}, {"epoch": "?"}, {}],
        [{"position": 0.5, "loss": math.nan, "accuracy": 0.1}, {"loss": 1}],
    )
    assert [e.number for e in data.epochs] == [1]
    assert data.epochs[0].practice_accuracy is None
    assert len(data.loss.x) == 0 and len(data.accuracy.x) == 1


def test_passes_over_a_part_of_the_photographs_lie_between_epochs() -> None:
    data = CurveData.read([vars_of(1), vars_of(2)], parts=4)
    assert [data.place(e) for e in data.epochs] == [0.25, 0.5]
    assert data.last_position == 0.5


def vars_of(number: int) -> dict[str, float]:
    return {"epoch": number, "loss": 1.0, "accuracy": 0.5}


# ---- the drawing


def test_curves_show_what_arrives(qtbot, curves) -> None:
    curves.start("run")
    for step in range(200):
        curves.add_point(batch(step, step / 100))
    curves.add_line(epoch(1))
    curves.add_line(epoch(2))
    qtbot.waitUntil(lambda: drawn(curves, "practice") == [(1, 70), (2, 70)])
    assert len(drawn(curves, "batches")) > 100


def test_reading_off_by_keyboard(qtbot, curves) -> None:
    curves.start("run")
    curves.add_line(epoch(1))
    curves.add_line(epoch(2, practice=0.82))
    qtbot.waitUntil(lambda: not curves._redraw_soon.isActive())
    curves._accuracy.plot.setFocus()
    qtbot.keyClick(curves._accuracy.plot, Qt.Key.Key_Right)
    qtbot.keyClick(curves._accuracy.plot, Qt.Key.Key_Right)
    assert curves._accuracy.readout.text() == "Epoch 2: training 60, practice 82"
    assert curves._loss.readout.text() == "Epoch 2: training 0.5, practice 0.9"


def test_pointing_reads_off(qtbot, curves) -> None:
    curves.start("run")
    for step in range(100):
        curves.add_point(batch(step, step / 10, loss=0.25))
    qtbot.waitUntil(lambda: not curves._redraw_soon.isActive())
    view = curves._loss.plot._widget
    places = itertools.cycle(QPoint(view.width() // 2 + shift, view.height() // 2) for shift in (0, 9))

    def pointed() -> bool:
        qtbot.mouseMove(view.viewport(), next(places))  # moves that follow too closely are passed over
        return "training 0.25" in str(curves._loss.readout.text())

    qtbot.waitUntil(pointed)


def test_log_scale_and_quick_line(qtbot, curves) -> None:
    curves.start("run")
    curves.add_line(epoch(1))
    curves.set_quick(0.82, "Quick model, 41 of 50")
    qtbot.waitUntil(lambda: curves._accuracy.plot._level_line is not None)
    assert curves._accuracy.plot._level_line.value() == pytest.approx(82)
    assert any(text == "Quick model, 41 of 50" for text, _, _ in curves._accuracy._entries)
    curves.log_box.click()
    assert curves._loss.plot.log
    low, high = curves._loss.plot._plot.getViewBox().viewRange()[1]
    assert low < 0 < high
    curves.set_quick(None)
    qtbot.waitUntil(lambda: curves._accuracy.plot._level_line is None)


def test_two_runs_lie_over_each_other(qtbot, curves) -> None:
    one, two = CurveData(), CurveData()
    one.add_line(epoch(1))
    two.add_line(epoch(1, practice=0.9))
    curves.compare(Compared("first", one), Compared("second", two))
    assert [text for text, _, _ in curves._accuracy._entries] == ["first", "second"]
    assert len({(colour, style) for _, colour, style in curves._accuracy._entries}) == 2
    assert curves.readout(True, 1.0) == "first 70 · second 90"
    curves.start("run", one)
    assert not curves.comparing


def test_tens_of_thousands_of_points_do_not_hold_the_window(qtbot, curves) -> None:
    curves.start("run")
    gaps, last = [], []

    import time

    def tick() -> None:
        now = time.perf_counter()
        if last:
            gaps.append(now - last[0])
        last[:] = [now]

    timer = QTimer()
    timer.setInterval(10)
    timer.timeout.connect(tick)
    for step in range(30_000):
        curves.data.add_point(batch(step, step / 1000))
    timer.start()
    sent = iter(range(30_000, 30_300))

    def send() -> bool:
        for _ in range(10):
            step = next(sent, None)
            if step is None:
                return True
            curves.add_point(batch(step, step / 1000))
        return False

    qtbot.waitUntil(send, timeout=20_000)
    timer.stop()
    # A busy machine may hold us up once; drawing itself must not.
    assert sorted(gaps)[len(gaps) * 9 // 10] < 0.1


def test_saving(qtbot, curves, tmp_path: Path) -> None:
    curves.start("run")
    curves.add_line(epoch(1))
    qtbot.waitUntil(lambda: curves.save_table.isEnabled())
    curves.write_picture(tmp_path / "a.png")
    assert QImage(str(tmp_path / "a.png")).width() >= 1900
    curves.write_table(tmp_path / "a.csv")
    assert "practice_accuracy" in (tmp_path / "a.csv").read_text("utf-8-sig")
    with qtbot.waitSignal(curves.problem) as told:
        curves.write_table(tmp_path / "none" / "a.csv")
    assert "a.csv" in told.args[0]


def test_saving_asks_without_stopping_the_window(qtbot, curves) -> None:
    curves.start("run")
    curves.add_line(epoch(1))
    qtbot.waitUntil(lambda: curves.save_picture.isEnabled())
    curves.save_picture.click()
    dialog = curves.findChild(QFileDialog)
    assert dialog is not None and dialog.isVisible()
    dialog.reject()


def test_theme_changes_the_plot(qtbot, curves) -> None:
    curves.start("run")
    curves.add_line(epoch(1))
    theme.choose("dark")
    ground = curves._loss.plot._widget.backgroundBrush().color().name()
    assert ground.upper() == theme.colours().surface.upper()

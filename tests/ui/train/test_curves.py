import csv
import io
import itertools
import math
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog

from resnext_gui import csvfile
from resnext_gui.messages import BatchPoint, EpochLine
from resnext_gui.ui.common import theme
from resnext_gui.ui.train.curve_data import CurveData, Thinned
from resnext_gui.ui.train.curves import Compared, Curves
from resnext_gui.ui.train.plot import Plot, Scale


def batch(step: int, position: float, loss: float = 1.0, accuracy: float = 0.5) -> BatchPoint:
    return BatchPoint("j", step, position, loss, accuracy, 10.0)


def epoch(number: int, practice: float | None = 0.7) -> EpochLine:
    return EpochLine("j", number, 1.0 / number, 0.6, 0.9, practice, 1e-3, 30.0, False)


def drawn(curves: Curves, key: str) -> list[tuple[float, float]]:
    """Return the points of a series of the accuracy plot."""
    return curves._accuracy.plot.series[key].points


def inked(plot: Plot, colour: str) -> set[tuple[int, int]]:
    """Return where a plot shows a colour of the palette."""
    image, wanted = plot.grab().toImage(), theme.colour(colour).rgb()
    return {(x, y) for x in range(image.width()) for y in range(image.height()) if image.pixel(x, y) == wanted}


@pytest.fixture
def curves(qtbot, dressed):
    made = Curves()
    qtbot.addWidget(made)
    made.resize(1000, 360)
    made.show()
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
    assert [e.epoch for e in data.epochs] == [1]
    assert data.epochs[0].practice_accuracy is None
    assert len(data.loss.x) == 0 and len(data.accuracy.x) == 1


def test_passes_over_a_part_of_the_photographs_lie_between_epochs() -> None:
    data = CurveData.read([vars_of(1), vars_of(2)], parts=4)
    assert [data.place(e) for e in data.epochs] == [0.25, 0.5]
    assert data.last_position == 0.5


def vars_of(number: int) -> dict[str, float]:
    return {"epoch": number, "loss": 1.0, "accuracy": 0.5}


# ---- the drawing


@pytest.mark.parametrize(
    ("low", "high", "log", "ticks"),
    [
        (0.0, 20.4, False, [0, 5, 10, 15, 20]),
        (0.0, 1.02, False, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (40.0, 100.5, False, [40, 50, 60, 70, 80, 90, 100]),
        (-3.1, 1.0, True, [0.001, 0.01, 0.1, 1, 10]),
        (-0.7, 0.4, True, [0.2, 0.5, 1, 2]),
        (-0.05, 0.3, True, [0.9, 1]),
        (-40.0, 40.0, True, [1e-40, 1e-31, 1e-22, 1e-13, 1e-4, 1e5, 1e14, 1e23, 1e32]),
    ],
)
def test_scales_have_round_numbers(low: float, high: float, log: bool, ticks: list[float]) -> None:
    scale = Scale(low, high, 300.0, 0.0, log)
    assert scale.ticks(32)[: len(ticks)] == pytest.approx(ticks)
    places = [scale.place(tick) for tick in scale.ticks(32)]
    assert all(-1e-6 <= place <= 300 + 1e-6 for place in places) and len(places) <= 300 / 32 + 1
    assert log or scale.value(scale.place((low + high) / 2)) == pytest.approx((low + high) / 2)


def test_each_point_is_where_its_value_is(qtbot, curves) -> None:
    curves.start("run")
    curves.add_line(epoch(1, practice=0.4))
    curves.add_line(epoch(2, practice=0.9))
    qtbot.waitUntil(lambda: len(drawn(curves, "practice")) == 2)
    plot = curves._accuracy.plot
    x_scale, y_scale = plot.scales()
    ink = inked(plot, "practice")
    for x, y in drawn(curves, "practice"):
        assert (round(x_scale.place(x)), round(y_scale.place(y))) in ink


def test_values_that_are_none_leave_a_gap(qtbot, curves) -> None:
    curves.start("run")
    for number, loss in enumerate((1.0, math.nan, 0.5, math.inf, 0.4, -1.0, 0.3), start=1):
        curves.add_line(EpochLine("j", number, loss, 0.6, loss, 0.7, 1e-3, 30.0, False))
    qtbot.waitUntil(lambda: len(drawn(curves, "practice")) == 7)
    for log in (False, True):
        curves.log_box.setChecked(log)
        x_scale, _ = curves._loss.plot.scales()
        columns = {x for x, _ in inked(curves._loss.plot, "practice")}
        assert {round(x_scale.place(n)) for n in (1, 3, 5, 7)} <= columns
        assert not {round(x_scale.place(n)) for n in (2, 4)} & columns


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
    plot = curves._loss.plot
    places = itertools.cycle(QPoint(plot.width() // 2 + shift, plot.height() // 2) for shift in (0, 9))

    def pointed() -> bool:
        qtbot.mouseMove(plot, next(places))  # moves that follow too closely are passed over
        return "training 0.25" in str(curves._loss.readout.text())

    qtbot.waitUntil(pointed)
    assert inked(plot, "edge") and inked(curves._accuracy.plot, "edge"), "a line to read off by in both"
    QApplication.sendEvent(plot, QEvent(QEvent.Type.Leave))
    assert curves._loss.readout.text() == "" and not inked(curves._accuracy.plot, "edge")


def test_log_scale_and_quick_line(qtbot, curves) -> None:
    curves.start("run")
    curves.add_line(epoch(1))
    curves.set_quick(0.82, "Quick model, 41 of 50")
    qtbot.waitUntil(lambda: curves._accuracy.plot.level == pytest.approx(82))
    assert {y for _, y in inked(curves._accuracy.plot, "quiet")} & {
        round(curves._accuracy.plot.scales()[1].place(82)) + shift for shift in (-1, 0)
    }
    assert any(text == "Quick model, 41 of 50" for text, _, _ in curves._accuracy._entries)
    curves.log_box.click()
    assert curves._loss.plot.log
    scale = curves._loss.plot.scales()[1]
    assert scale.low < 0 < scale.high
    curves.set_quick(None)
    qtbot.waitUntil(lambda: curves._accuracy.plot.level is None)


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
    qtbot.waitUntil(lambda: drawn(curves, "practice") == [(1, 70)])
    theme.choose("dark")
    assert inked(curves._loss.plot, "practice") and inked(curves._loss.plot, "surface")

"""Two plots side by side, loss and accuracy, with legend, readout, log scale, and a way to save them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from resnext_gui import csvfile, figures
from resnext_gui.messages import BatchPoint, EpochLine
from resnext_gui.ui.common import files, theme
from resnext_gui.ui.train.curve_data import CurveData
from resnext_gui.ui.train.plot import Plot

UPDATES_PER_SECOND = 20


class Swatch(QWidget):
    """A short piece of a line as the plot draws it, for legends."""

    def __init__(self, colour: str, style: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = colour
        self._style = style
        self.setFixedSize(22, 12)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = theme.colour(self._colour)
        pen = QPen(ink, 2.0)
        if self._style == "dashed":
            pen.setDashPattern([3, 2])
        painter.setPen(pen)
        painter.drawLine(1, 6, 21, 6)
        if self._style == "dots":
            painter.setBrush(ink)
            painter.setPen(QPen(theme.colour("surface"), 1))
            painter.drawEllipse(7, 2, 8, 8)


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the runs whose curves lie over each other."""

    name: str
    data: CurveData


class _Panel(QFrame):
    """Title, legend, readout and one plot."""

    def __init__(self, title: str, bounded: bool, x_name: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.title = theme.label(title, "strong")
        self.readout = theme.label("", "quiet")
        self.readout.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.readout.setMinimumWidth(1)
        self.plot = Plot(title, x_name, bounded)
        self._entries: list[tuple[str, str, str]] = []
        self._legend = QHBoxLayout()
        self._legend.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addWidget(self.readout, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 8, 8)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addLayout(self._legend)
        layout.addWidget(self.plot, 1)

    def set_legend(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """Show (text, colour, style) entries."""
        if list(entries) == self._entries:
            return
        self._entries = list(entries)
        theme.clear(self._legend)
        for text, colour, style in entries:
            self._legend.addWidget(Swatch(colour, style))
            name = theme.label(text, "quiet")
            name.setMinimumWidth(1)
            self._legend.addWidget(name)
            self._legend.addSpacing(8)
        self._legend.addStretch(1)


class Curves(QWidget):
    """The course of one run while it happens or afterwards, or of two runs compared.

    Batches arrive by `add_point` and epochs by `add_line`; drawing happens at most 20 times a second.
    """

    problem = Signal(str)
    """A file could not be saved; the text says why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.data = CurveData()
        self._name = self.tr("curves")
        self._compared: list[Compared] = []
        self._quick: tuple[float, str] | None = None
        self._loss = _Panel(self.tr("Loss (lower is better)"), False, self.tr("epoch"))
        self._accuracy = _Panel(self.tr("Right answers in 100"), True, self.tr("epoch"))
        self._remark = theme.label(
            self.tr("Training is measured on altered photographs; it may lie below practice."), "quiet", wrap=True
        )
        self.log_box = QCheckBox(self.tr("Logarithmic loss"))
        self.log_box.setAccessibleName(self.tr("Draw the loss on a logarithmic scale"))
        self.log_box.toggled.connect(self._loss.plot.set_log)
        self.save_picture = QPushButton(self.tr("Save as PNG"))
        self.save_table = QPushButton(self.tr("Save as CSV"))
        for button in (self.save_picture, self.save_table):
            button.setProperty("role", "plain")
        self.save_picture.clicked.connect(self._ask_picture)
        self.save_table.clicked.connect(self._ask_table)
        self._plots = QWidget()
        pair = QHBoxLayout(self._plots)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(16)
        pair.addWidget(self._loss, 1)
        pair.addWidget(self._accuracy, 1)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self._remark, 100)
        tools.addStretch(1)
        tools.addWidget(self.log_box)
        tools.addWidget(self.save_picture)
        tools.addWidget(self.save_table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._plots, 1)
        layout.addLayout(tools)
        self._redraw_soon = QTimer(self)
        self._redraw_soon.setSingleShot(True)
        self._redraw_soon.setInterval(1000 // UPDATES_PER_SECOND)
        self._redraw_soon.timeout.connect(self._redraw)
        for panel in (self._loss, self._accuracy):
            panel.plot.hovered.connect(self._read_off)
        self._redraw()

    def sizeHint(self) -> QSize:
        """Room for two plots."""
        return QSize(960, 360)

    # Filling --------------------------------------------------------------------------------------------------------

    def start(self, name: str, data: CurveData | None = None) -> None:
        """Show one run, from the beginning or from what is known of it."""
        self._name = name
        self._compared = []
        self.data = CurveData() if data is None else data
        self._redraw()

    def compare(self, first: Compared, second: Compared) -> None:
        """Lay the practice curves of two runs over each other."""
        self._compared = [first, second]
        self._name = f"{first.name} - {second.name}"
        self._redraw()

    @property
    def comparing(self) -> bool:
        """Whether two runs are shown."""
        return bool(self._compared)

    def add_point(self, point: BatchPoint) -> None:
        """Add a training step of the run that is shown."""
        self.data.add_point(point)
        self._soon()

    def add_line(self, line: EpochLine) -> None:
        """Add a finished pass of the run that is shown."""
        self.data.add_line(line)
        self._soon()

    def set_parts(self, parts: int) -> None:
        """Say how many passes it takes to see every photograph once."""
        if self.data.parts != parts:
            self.data.parts = max(1, parts)
            self._soon()

    def set_quick(self, accuracy: float | None, text: str = "") -> None:
        """Draw the quick model's practice accuracy (0..1) as a dashed line called `text`; None removes it."""
        self._quick = None if accuracy is None else (accuracy * 100, text)
        self._soon()

    def _soon(self) -> None:
        if not self._redraw_soon.isActive():
            self._redraw_soon.start()

    # Drawing --------------------------------------------------------------------------------------------------------

    def _redraw(self) -> None:
        self._loss.plot.clear()
        self._accuracy.plot.clear()
        if self._compared:
            self._draw_compared()
        else:
            self._draw_one()
        if self._quick is not None:
            self._accuracy.plot.set_level(self._quick[0])
        self._remark.setVisible(not self._compared)
        known = any(run.data for run in self._compared) or bool(self.data)
        self.save_picture.setEnabled(known)
        self.save_table.setEnabled(known)

    def _draw_one(self) -> None:
        data = self.data
        numbers = [data.place(e) for e in data.epochs]
        legend = [(self.tr("Training"), "learning", "line"), (self.tr("Practice"), "practice", "dots")]
        for panel, batch, trained, practice in (
            (
                self._loss,
                (data.loss.x, data.loss.y),
                [e.loss for e in data.epochs],
                [(data.place(e), e.practice_loss) for e in data.epochs if e.practice_loss is not None],
            ),
            (
                self._accuracy,
                (data.accuracy.x, [100 * v for v in data.accuracy.y]),
                [100 * e.accuracy for e in data.epochs],
                [(data.place(e), 100 * e.practice_accuracy) for e in data.epochs if e.practice_accuracy is not None],
            ),
        ):
            quick = [(self._quick[1], "quiet", "dashed")] if self._quick and panel is self._accuracy else []
            panel.set_legend(legend + quick)
            panel.plot.set_series("batches", batch[0], batch[1], "learning", "faint")
            panel.plot.set_series("training", numbers, trained, "learning", "line")
            panel.plot.set_series("practice", [p[0] for p in practice], [p[1] for p in practice], "practice", "dots")
            panel.plot.set_stops(numbers)
            panel.plot.fit(max(1.0, data.last_position) * 1.02)

    def _draw_compared(self) -> None:
        end = max([1.0, *(run.data.last_position for run in self._compared)])
        looks = (("practice", "dots"), ("learning", "dashed"))
        for panel, value in ((self._loss, "practice_loss"), (self._accuracy, "practice_accuracy")):
            panel.set_legend([(run.name, *look) for run, look in zip(self._compared, looks, strict=True)])
            for run, (colour, style) in zip(self._compared, looks, strict=True):
                points = [
                    (run.data.place(e), getattr(e, value)) for e in run.data.epochs if getattr(e, value) is not None
                ]
                scale = 100.0 if panel is self._accuracy else 1.0
                panel.plot.set_series(
                    run.name + style, [p[0] for p in points], [scale * p[1] for p in points], colour, style
                )
            panel.plot.set_stops(sorted({run.data.place(e) for run in self._compared for e in run.data.epochs}))
            panel.plot.fit(end * 1.02)

    # Reading off ----------------------------------------------------------------------------------------------------

    def _read_off(self, x: object) -> None:
        place = float(x) if isinstance(x, int | float) else None
        for panel in (self._loss, self._accuracy):
            panel.readout.setText("" if place is None else self.readout(panel is self._accuracy, place))
            if panel.plot is not self.sender():
                panel.plot.set_cursor(place, tell=False)
            panel.plot.setAccessibleDescription(panel.readout.text())

    def readout(self, accuracy: bool, place: float) -> str:
        """Return the values at `place` (in epochs) in words."""

        def text(value: float | None) -> str:
            if value is None:
                return "-"
            return str(figures.hundredth(value)) if accuracy else f"{value:.3g}"

        if self._compared:
            parts = []
            for run in self._compared:
                epoch = run.data.nearest_epoch(place)
                if epoch is not None:
                    value = epoch.practice_accuracy if accuracy else epoch.practice_loss
                    parts.append(f"{run.name} {text(value)}")
            return " · ".join(parts)
        epoch = self.data.nearest_epoch(place)
        batch = self.data.nearest_batch(place)
        if epoch is not None and (batch is None or abs(self.data.place(epoch) - place) <= 0.5 / self.data.parts):
            return self.tr("Epoch {number}: training {training}, practice {practice}").format(
                number=f"{self.data.place(epoch):g}",
                training=text(epoch.accuracy if accuracy else epoch.loss),
                practice=text(epoch.practice_accuracy if accuracy else epoch.practice_loss),
            )
        if batch is not None:
            return self.tr("At {place}: training {training}").format(
                place=f"{batch[0]:.2f}", training=text(batch[2] if accuracy else batch[1])
            )
        return ""

    # Saving ---------------------------------------------------------------------------------------------------------

    def picture(self, ratio: float = 2.0) -> QPixmap:
        """Return both plots as they stand, `ratio` times as sharp as on the screen."""
        size = self._plots.size()
        made = QPixmap(round(size.width() * ratio), round(size.height() * ratio))
        made.setDevicePixelRatio(ratio)
        made.fill(theme.colour("ground"))
        self._plots.render(made)
        return made

    def table(self) -> str:
        """Return what is shown as CSV; for two runs one table under the other."""
        if not self._compared:
            return csvfile.as_text(self.data.rows())
        return "\n".join(csvfile.as_text([[f"# {run.name}"], *run.data.rows()]) for run in self._compared)

    def write_picture(self, path: Path) -> None:
        """Save both plots as a PNG file."""
        if not self.picture().save(str(path), "PNG"):
            self.problem.emit(self.tr("{name} could not be written. Choose another folder.").format(name=path.name))

    def write_table(self, path: Path) -> None:
        """Save the values as a CSV file."""
        trouble = files.save_text(path, self.table())
        if trouble:
            self.problem.emit(self.tr("The table could not be written. {why}").format(why=trouble))

    def _ask_picture(self) -> None:
        files.ask_save(
            self, self.tr("Save the curves"), f"{self._name}.png", self.tr("Picture (*.png)"), self.write_picture
        )

    def _ask_table(self) -> None:
        files.ask_save(
            self, self.tr("Save the curves"), f"{self._name}.csv", self.tr("Table (*.csv)"), self.write_table
        )

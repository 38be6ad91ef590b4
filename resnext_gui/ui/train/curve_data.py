"""The numbers behind the curves: every batch and epoch, and a thinned view that stays quick to draw.  No Qt."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

from resnext_gui.messages import BatchPoint, EpochLine


class Thinned:
    """A curve of at most `limit` points, each the mean of as many neighbours as it takes."""

    def __init__(self, limit: int = 2000) -> None:
        self._limit = limit
        self._stride = 1
        self._sum_x = self._sum_y = 0.0
        self._pending = 0
        self.x = array("d")
        self.y = array("d")

    def add(self, x: float, y: float) -> None:
        """Add a point; `x` never falls."""
        self._sum_x += x
        self._sum_y += y
        self._pending += 1
        if self._pending < self._stride:
            return
        self.x.append(self._sum_x / self._pending)
        self.y.append(self._sum_y / self._pending)
        self._sum_x = self._sum_y = 0.0
        self._pending = 0
        if len(self.x) >= self._limit:
            self._halve()

    def _halve(self) -> None:
        even = len(self.x) // 2 * 2
        self.x = array("d", ((self.x[i] + self.x[i + 1]) / 2 for i in range(0, even, 2)))
        self.y = array("d", ((self.y[i] + self.y[i + 1]) / 2 for i in range(0, even, 2)))
        self._stride *= 2


class CurveData:
    """All that is known about one run's course."""

    def __init__(self) -> None:
        self.epochs: list[EpochLine] = []
        self.parts = 1
        """Passes it takes to see every photograph once: with many photographs an epoch is scored more than once."""
        self.loss = Thinned()
        self.accuracy = Thinned()
        self.steps = array("q")
        self._positions = array("d")
        self._losses = array("d")
        self._accuracies = array("d")

    @classmethod
    def read(
        cls, epochs: Iterable[Mapping[str, Any]], batches: Iterable[Mapping[str, Any]] = (), parts: int = 1
    ) -> CurveData:
        """Rebuild from a run's history and batch points as they lie on disk; lines that make no sense are left out."""
        data = cls()
        data.parts = max(1, parts)
        for point in batches:
            try:
                data.add_batch(
                    int(point.get("step", 0)), float(point["position"]), float(point["loss"]), float(point["accuracy"])
                )
            except (KeyError, TypeError, ValueError):
                continue
        for line in epochs:
            try:
                data.add_line(_epoch(line))
            except (KeyError, TypeError, ValueError):
                continue
        return data

    def add_point(self, point: BatchPoint) -> None:
        """Add one training step as the engine reports it."""
        self.add_batch(point.step, point.position, point.loss, point.accuracy)

    def add_batch(self, step: int, position: float, loss: float, accuracy: float) -> None:
        """Add one training step; one that lies before the last (a run that went on from earlier) drops what it redoes.

        Args:
            step: number of the step.
            position: place in epochs.
            loss: mean loss; a value that is no finite number is kept for the table and not drawn.
            accuracy: 0..1.
        """
        if self._positions and position < self._positions[-1]:
            self._cut(position)
        self.steps.append(step)
        self._positions.append(position)
        self._losses.append(loss)
        self._accuracies.append(accuracy)
        self._draw(position, loss, accuracy)

    def _draw(self, position: float, loss: float, accuracy: float) -> None:
        if loss - loss == 0.0:
            self.loss.add(position, loss)
        if accuracy - accuracy == 0.0:
            self.accuracy.add(position, accuracy)

    def _cut(self, position: float) -> None:
        keep = len(self._positions)
        while keep and self._positions[keep - 1] >= position:
            keep -= 1
        del self.steps[keep:], self._positions[keep:], self._losses[keep:], self._accuracies[keep:]
        self.loss, self.accuracy = Thinned(), Thinned()
        for values in zip(self._positions, self._losses, self._accuracies, strict=True):
            self._draw(*values)

    def add_line(self, line: EpochLine) -> None:
        """Add one finished pass; one with the same or a later number is replaced."""
        while self.epochs and self.epochs[-1].epoch >= line.epoch:
            self.epochs.pop()
        self.epochs.append(line)

    @property
    def last_position(self) -> float:
        """How far the curves reach, in epochs."""
        return max(self._positions[-1] if self._positions else 0.0, self.place(self.epochs[-1]) if self.epochs else 0.0)

    def place(self, epoch: EpochLine) -> float:
        """Return where a pass ended, in epochs."""
        return epoch.epoch / self.parts

    def __bool__(self) -> bool:
        return bool(self._positions or self.epochs)

    def practice_scores(self) -> list[float]:
        """Practice accuracies in 0..1, oldest first, for a spark-line."""
        return [e.practice_accuracy for e in self.epochs if e.practice_accuracy is not None]

    def nearest_epoch(self, position: float) -> EpochLine | None:
        """Return the epoch whose end lies nearest to `position`."""
        return min(self.epochs, key=lambda e: abs(self.place(e) - position)) if self.epochs else None

    def nearest_batch(self, position: float) -> tuple[float, float, float] | None:
        """Return (position, loss, accuracy) of the step nearest to `position`."""
        if not self._positions:
            return None
        index = min(bisect_left(self._positions, position), len(self._positions) - 1)
        if index and abs(self._positions[index - 1] - position) < abs(self._positions[index] - position):
            index -= 1
        return self._positions[index], self._losses[index], self._accuracies[index]

    def rows(self) -> list[tuple[object, ...]]:
        """Return a table: its heads, a row a step, and a row an epoch with the practice values."""
        kinds = ("training_loss", "training_accuracy", "practice_loss", "practice_accuracy")
        rows: list[tuple[object, ...]] = [("kind", "epoch", "step", *kinds, "rate")]
        for step, position, loss, accuracy in zip(
            self.steps, self._positions, self._losses, self._accuracies, strict=True
        ):
            rows.append(("step", f"{position:.4f}", step, f"{loss:.6g}", f"{accuracy:.6g}", "", "", ""))
        for e in self.epochs:
            practice = ("" if value is None else f"{value:.6g}" for value in (e.practice_loss, e.practice_accuracy))
            place = f"{self.place(e):g}"
            rows.append(("epoch", place, "", f"{e.loss:.6g}", f"{e.accuracy:.6g}", *practice, f"{e.learning_rate:.6g}"))
        return rows


def _epoch(line: Mapping[str, Any]) -> EpochLine:
    def optional(key: str) -> float | None:
        value = line.get(key)
        return None if value is None else float(value)

    return EpochLine(
        "",
        int(line["epoch"]),
        float(line["loss"]),
        float(line["accuracy"]),
        optional("practice_loss"),
        optional("practice_accuracy"),
        float(line.get("learning_rate") or 0.0),
        float(line.get("seconds") or 0.0),
        bool(line.get("best")),
    )

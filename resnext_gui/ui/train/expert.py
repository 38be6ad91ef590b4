"""Expert settings of a run, each with a sane default called automatic and a line that explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from resnext_gui.messages import ARCHITECTURES, TrainSpec
from resnext_gui.ui.common import theme


class _Combo(QComboBox):
    """A list of values with names; the wheel scrolls the page, not the choice."""

    def __init__(self, choices: Sequence[tuple[str, Any]]) -> None:
        super().__init__()
        for text, value in choices:
            self.addItem(text, value)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(10)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def wheelEvent(self, event: Any) -> None:
        """Left to the page."""
        event.ignore()

    def value(self) -> Any:
        """Return the chosen value."""
        return self.currentData()

    def set_value(self, value: Any) -> None:
        """Choose `value` if it is there."""
        place = self.findData(value)
        if place >= 0:
            self.setCurrentIndex(place)


class _Number(QSpinBox):
    """A whole number whose least value reads "automatic" (or what `least_text` says)."""

    def __init__(self, least: int, most: int, least_text: str) -> None:
        super().__init__()
        self.setRange(least, most)
        self.setSpecialValueText(least_text)
        self.lineEdit().setTextMargins(8, 0, 0, 0)  # the style sheet's padding does not reach the field inside
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def wheelEvent(self, event: Any) -> None:
        """Left to the page."""
        event.ignore()


class ExpertSettings(QFrame):
    """All settings of a `TrainSpec` but the time."""

    changed = Signal()
    file_wanted = Signal()
    """The person wants to take weights from a file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        auto = self.tr("Automatic")
        self._fields: dict[str, QWidget] = {}
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(14)
        self._grid.setColumnStretch(0, 3)
        self._grid.setColumnStretch(1, 2)
        self.weights = _Combo([(auto, None)])
        self.weights.setPlaceholderText(auto)
        self.weights.activated.connect(self._on_weights)
        self._add("weights", self.tr("Weights"), self.tr("What the network knows before it starts."), self.weights)
        self._combo(
            "architecture",
            self.tr("Architecture"),
            self.tr("Shape of a network that starts at random; other weights bring their own."),
            [(auto, None), *((name, name) for name in ARCHITECTURES)],
        )
        self._combo(
            "head",
            self.tr("Head"),
            self.tr("What turns features into answers. A hidden layer can learn more, and needs more photographs."),
            [(self.tr("Linear"), "linear"), (self.tr("Hidden layer of 1,024, dropout"), "hidden")],
        )
        self._combo(
            "size",
            self.tr("Image size"),
            self.tr("Side of the square the network sees, in pixels. Larger shows more detail and takes longer."),
            [(auto, None), *((str(n), n) for n in (128, 160, 192, 224, 256, 288, 320, 384, 448))],
        )
        self._number("epochs", self.tr("Epochs"), self.tr("Passes through all photographs, instead of a time."), 10000)
        self._combo(
            "batch",
            self.tr("Batch"),
            self.tr("Photographs in a step. Larger needs more memory."),
            [(auto, None), *((str(n), n) for n in (4, 8, 16, 32, 64, 128, 256))],
        )
        self._combo(
            "rate",
            self.tr("Learning rate"),
            self.tr("How large a step is at most. Too large forgets, too small takes long."),
            [(auto, None), *((f"{n:g}", n) for n in (0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01))],
        )
        self._combo(
            "frozen_stages",
            self.tr("Frozen stages"),
            self.tr("How much of the network stays as it is, from the input on. More is faster and forgets less."),
            [
                (auto, None),
                (self.tr("None: all learns"), 0),
                (self.tr("Stem"), 1),
                (self.tr("Stem and 1 stage"), 2),
                (self.tr("Stem and 2 stages"), 3),
                (self.tr("Stem and 3 stages"), 4),
                (self.tr("All but the head"), 5),
            ],
        )
        self._combo(
            "augmentation",
            self.tr("Alteration"),
            self.tr("How strongly photographs are turned, cut and coloured while learning, so that it learns more."),
            [
                (auto, "auto"),
                (self.tr("None"), "none"),
                (self.tr("Light"), "light"),
                (self.tr("Medium"), "medium"),
                (self.tr("Strong"), "strong"),
            ],
        )
        self._combo(
            "mirror",
            self.tr("Mirror images"),
            self.tr("Also shows photographs mirrored. Wrong where left and right matter; automatic finds that out."),
            [(auto, "auto"), (self.tr("Yes"), "yes"), (self.tr("No"), "no")],
        )
        self._combo(
            "precision",
            self.tr("Precision"),
            self.tr("Numbers of 16 bits are faster where the machine has them. Automatic measures both."),
            [(auto, "auto"), *((name, name) for name in ("float32", "bfloat16", "float16"))],
        )
        self._combo(
            "device",
            self.tr("Device"),
            self.tr("What computes."),
            [(auto, "auto"), (self.tr("Processor"), "cpu"), (self.tr("Graphics card"), "gpu")],
        )
        self._number(
            "seed", self.tr("Seed"), self.tr("All chance follows from it: the same seed, the same run."), 2**31 - 1
        )
        self._check(
            "class_weights",
            self.tr("Rare labels weigh more"),
            self.tr("So that labels with few photographs are heard."),
        )
        name = QLineEdit()
        name.setMaxLength(120)
        name.setPlaceholderText(self.tr("Automatic"))
        self._add("name", self.tr("Name"), self.tr("What the run is called in the list."), name)
        reset = QPushButton(self.tr("Everything automatic"))
        reset.clicked.connect(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(16)
        layout.addLayout(self._grid)
        layout.addWidget(reset, 0, Qt.AlignmentFlag.AlignRight)
        self.set_weights([], None)

    # Rows -----------------------------------------------------------------------------------------------------------

    def _add(self, field: str, title: str, help_text: str, control: QWidget) -> None:
        row = self._grid.rowCount()
        text = QVBoxLayout()
        text.setSpacing(0)
        heading = theme.label(title, "strong")
        heading.setBuddy(control)
        text.addWidget(heading)
        text.addWidget(theme.label(help_text, "quiet", wrap=True))
        self._grid.addLayout(text, row, 0)
        self._grid.addWidget(control, row, 1, Qt.AlignmentFlag.AlignVCenter)
        control.setAccessibleName(title)
        control.setAccessibleDescription(help_text)
        self._fields[field] = control

    def _combo(self, field: str, title: str, help_text: str, choices: Sequence[tuple[str, Any]]) -> None:
        combo = _Combo(choices)
        combo.currentIndexChanged.connect(self.changed)
        self._add(field, title, help_text, combo)

    def _number(self, field: str, title: str, help_text: str, most: int) -> None:
        number = _Number(0, most, "0" if field == "seed" else self.tr("Automatic"))
        number.valueChanged.connect(self.changed)
        self._add(field, title, help_text, number)

    def _check(self, field: str, title: str, help_text: str) -> None:
        box = QCheckBox(self.tr("Yes"))
        box.setChecked(True)
        box.toggled.connect(self.changed)
        self._add(field, title, help_text, box)

    def field(self, name: str) -> QWidget:
        """Return the control of a setting, by its name in `TrainSpec`."""
        return self._fields[name]

    # Weights --------------------------------------------------------------------------------------------------------

    def set_weights(self, known: Sequence[dict[str, Any]], chosen: str | None) -> None:
        """Offer what is at hand of `known` (see ``weights_commands.list_weights``) and choose `chosen`."""
        self.weights.blockSignals(True)
        self.weights.clear()
        self.weights.addItem(self.tr("Automatic"), None)
        self.weights.addItem(self.tr("Built-in"), "starter")
        for entry in known:
            if entry.get("available") and entry["name"] != "starter":
                self.weights.addItem(str(entry["name"]), entry["name"])
        if chosen is not None and self.weights.findData(chosen) < 0:
            self.weights.addItem(chosen, chosen)
        self.weights.addItem(self.tr("None: start at random"), "none")
        self.weights.addItem(self.tr("From a file..."), "\0file")
        self.weights.set_value(chosen)
        self.weights.blockSignals(False)
        self._after_weights()

    def _on_weights(self) -> None:
        if self.weights.value() == "\0file":
            self.weights.setCurrentIndex(0)
            self.file_wanted.emit()
        self._after_weights()
        self.changed.emit()

    def _after_weights(self) -> None:
        if "architecture" in self._fields:
            self._fields["architecture"].setEnabled(self.weights.value() == "none")

    # Values ---------------------------------------------------------------------------------------------------------

    def spec(self, minutes: float | None) -> TrainSpec:
        """Return what is asked for; `minutes` is the time it may take, which a number of epochs replaces."""
        value = self._value
        epochs = value("epochs") or None
        return TrainSpec(
            weights=self.weights.value(),
            minutes=None if epochs else minutes,
            epochs=epochs,
            size=value("size"),
            batch=value("batch"),
            rate=value("rate"),
            head=value("head"),
            architecture=value("architecture") if self.weights.value() == "none" else None,
            frozen_stages=value("frozen_stages"),
            augmentation=value("augmentation"),
            mirror=value("mirror"),
            precision=value("precision"),
            device=value("device"),
            seed=value("seed"),
            class_weights=value("class_weights"),
            name=value("name") or None,
        )

    def _value(self, field: str) -> Any:
        control = self._fields[field]
        readers: tuple[tuple[type[QWidget], Callable[[Any], Any]], ...] = (
            (QComboBox, lambda c: c.currentData()),
            (QSpinBox, lambda c: c.value()),
            (QCheckBox, lambda c: c.isChecked()),
            (QLineEdit, lambda c: " ".join(c.text().split())),
        )
        return next(read(control) for kind, read in readers if isinstance(control, kind))

    def touched(self) -> int:
        """Return how many settings are not as they were at first."""
        default = TrainSpec()
        spec = self.spec(None)
        return sum(getattr(spec, name) != getattr(default, name) for name in TrainSpec.__dataclass_fields__)

    def reset(self) -> None:
        """Make everything automatic again."""
        for control in self._fields.values():
            if isinstance(control, QComboBox):
                control.setCurrentIndex(0)
            elif isinstance(control, QSpinBox):
                control.setValue(0)
            elif isinstance(control, QCheckBox):
                control.setChecked(True)
            elif isinstance(control, QLineEdit):
                control.clear()
        self._after_weights()
        self.changed.emit()

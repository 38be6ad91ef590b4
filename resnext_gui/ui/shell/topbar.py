"""The bar at the top: the project's name, which model answers, and on which device."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.session.state import Device, ModelInfo

HEIGHT = 48


class NameField(QLineEdit):
    """The project's name: looks like a heading, click to change it.  Enter keeps, Escape goes back."""

    renamed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bare")
        self.setFrame(False)
        self.setMaxLength(120)
        self.setAccessibleName(self.tr("Project name"))
        self.setToolTip(self.tr("Click to rename the project"))
        font = self.font()
        font.setPixelSize(theme.LEAD)
        font.setBold(True)
        self.setFont(font)
        self.setStyleSheet("font-size: 15px; font-weight: 600;")
        self._name = ""
        self.textChanged.connect(self._fit)
        self.editingFinished.connect(self._keep)

    def set_name(self, name: str) -> None:
        """Show `name`."""
        self._name = name
        self.setText(name)
        self.setCursorPosition(0)

    def _fit(self) -> None:
        wanted = self.fontMetrics().horizontalAdvance(self.text() or "MMMM") + 28
        self.setFixedWidth(min(280, max(72, wanted)))

    def _keep(self) -> None:
        name = self.text().strip()
        if not name:
            self.setText(self._name)
        elif name != self._name:
            self._name = name
            self.renamed.emit(name)
        self.setCursorPosition(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter keeps the name, Escape the old one; both leave the field."""
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._name)
            self.clearFocus()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._keep()
            self.clearFocus()
        else:
            super().keyPressEvent(event)


class TopBar(QFrame):
    """Project name, model menu, device chip, help."""

    renamed = Signal(str)
    model_chosen = Signal(str)
    help_wanted = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 8, 0)
        row.setSpacing(4)
        self.menu_button = QPushButton()
        self.menu_button.setProperty("role", "tool")
        self.menu_button.setAccessibleName(self.tr("Menu"))
        self.menu_button.setToolTip(self.tr("Projects and settings"))
        theme.keep_icon(self.menu_button, "menu")
        self.menu_button.clicked.connect(
            lambda: self.menu_wanted.emit(self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height() + 4)))
        )
        row.addWidget(self.menu_button)
        row.addSpacing(4)
        self.name = NameField()
        self.name.renamed.connect(self.renamed)
        row.addWidget(self.name)
        row.addStretch(1)
        self.model = QPushButton()
        self.model.setProperty("role", "plain")
        theme.keep_icon(self.model, "model", "accent", 18)
        self.model.clicked.connect(self._open_models)
        row.addWidget(self.model)
        self.device = QPushButton()
        self.device.setProperty("role", "plain")
        theme.keep_icon(self.device, "device", "quiet", 18)
        self.device.clicked.connect(self._open_device)
        row.addWidget(self.device)
        self.help = QPushButton()
        self.help.setProperty("role", "tool")
        self.help.setAccessibleName(self.tr("Keys"))
        self.help.setToolTip(self.tr("Keys  (?)"))
        theme.keep_icon(self.help, "help", "quiet")
        self.help.clicked.connect(self.help_wanted)
        row.addWidget(self.help)
        self._models: list[ModelInfo] = []
        self._device: Device | None = None
        self._popup: QWidget | None = None
        self.show_models([])
        self.show_device(None)

    # ---- models

    def show_models(self, models: list[ModelInfo]) -> None:
        """Show which model answers."""
        self._models = models
        current = next((model for model in models if model.current), None)
        if current is None:
            text = self.tr("No model yet")
            tip = self.tr("A model comes by itself as soon as there are photographs of two labels.")
        else:
            text = describe(current)
            tip = self.tr("Choose which model answers")
        shown = self.model.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, 300)
        self.model.setText(theme.caption(f"{shown}  ▾" if models else shown))
        self.model.setToolTip(tip)
        self.model.setAccessibleName(self.tr("Model: {0}").format(text))
        self.model.setEnabled(bool(models))

    def model_menu(self) -> QMenu:
        """Return the menu of models, the current one marked."""
        menu = QMenu(self)
        group = QActionGroup(menu)
        for model in self._models:
            text = theme.caption(describe(model))
            if model.created:
                text = f"{text}\t{words.when(model.created)}"
            action = QAction(text, menu)
            action.setCheckable(True)
            action.setChecked(model.current)
            action.setEnabled(not model.missing)
            action.triggered.connect(lambda _=False, chosen=model.id: self.model_chosen.emit(chosen))
            group.addAction(action)
            menu.addAction(action)
        menu.addSeparator()
        note = menu.addAction(self.tr("Scores are on practice photographs"))
        note.setEnabled(False)
        return menu

    def _open_models(self) -> None:
        menu = self.model_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.model.mapToGlobal(QPoint(0, self.model.height() + 4)))

    # ---- device

    def show_device(self, device: Device | None) -> None:
        """Show on which device the engine computes."""
        self._device = device
        self.device.setText(device_in_words(device))
        self.device.setToolTip(self.tr("What computes, and what would be faster"))
        self.device.setAccessibleName(self.tr("Device: {0}").format(device_in_words(device)))
        theme.keep_icon(self.device, "gpu" if device is not None and device.device == "gpu" else "device", "quiet", 18)

    def _open_device(self) -> None:
        popup = device_card(self._device, self)
        self._popup = popup
        popup.adjustSize()
        corner = self.device.mapToGlobal(QPoint(self.device.width(), self.device.height() + 4))
        popup.move(corner - QPoint(popup.width(), 0))
        popup.show()
        popup.setFocus()


def describe(model: ModelInfo) -> str:
    """Return such as "Quick model, 41 of 50 right"."""
    if model.missing:
        return _tr("{0}, files missing").format(model.name)
    text = model.name
    if model.total > 0:
        text = _tr("{0}, {1} right").format(text, words.of(model.right, model.total))
    if model.unknown:
        text = _tr("{0}, does not know {1}").format(text, ", ".join(f"“{label}”" for label in model.unknown[:3]))
    return text


def device_in_words(device: Device | None) -> str:
    """Return such as "This computer's processor"."""
    if device is None or device.device != "gpu":
        return _tr("This computer's processor")
    return _tr("Graphics card") if not device.name else device.name


class _Popup(QFrame):
    """A card that closes with Escape or a click elsewhere."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "popup")
        self.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Close on Escape."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.close()
            return True
        return super().eventFilter(watched, event)


def device_card(device: Device | None, parent: QWidget) -> QWidget:
    """Return a card with all there is to say about the device."""
    card = _Popup(parent)
    card.setFixedWidth(360)
    column = QVBoxLayout(card)
    column.setContentsMargins(24, 20, 24, 20)
    column.setSpacing(8)
    column.addWidget(theme.label(device_in_words(device), "heading"))
    if device is None:
        column.addWidget(
            theme.label(_tr("What it can do shows as soon as the engine has started."), "quiet", wrap=True)
        )
        return card
    facts = []
    if device.name and device.name != device_in_words(device):
        facts.append((_tr("Name"), device.name))
    if device.cores:
        facts.append((_tr("Cores"), words.number(device.cores)))
    if device.precision:
        facts.append((_tr("Precision"), device.precision))
    for title, value in facts:
        row = QHBoxLayout()
        key = theme.label(title, "quiet")
        key.setFixedWidth(88)
        row.addWidget(key, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(theme.label(value, wrap=True), 1)
        column.addLayout(row)
    for title, text in ((_tr("Why"), device.reason), (_tr("What would be faster"), device.advice)):
        if text:
            column.addSpacing(4)
            head: QLabel = theme.label(title, "strong")
            column.addWidget(head)
            column.addWidget(theme.label(text, "quiet", wrap=True))
    return card


def _tr(text: str) -> str:
    return QCoreApplication.translate("TopBar", text)

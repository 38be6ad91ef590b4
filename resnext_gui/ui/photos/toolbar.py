"""The toolbar of the Photos page: what is shown, which kinds, in which order, how large, undo, and adding more."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QSlider, QWidget

from resnext_gui.project import KINDS
from resnext_gui.ui.common import theme
from resnext_gui.ui.common.elided import Elided
from resnext_gui.ui.photos.gallery.gallery import TILE_SIZES
from resnext_gui.ui.photos.gallery.lister import Kind, Order
from resnext_gui.ui.photos.gallery.tiles import draw_kind, kind_meaning

HEIGHT = 48


def kind_icon(kind: str, side: int = 16) -> QIcon:
    """Return the mark of a kind as an icon."""
    icon = QIcon()
    for ratio in (1.0, 1.5, 2.0):
        pixmap = QPixmap(round(side * ratio), round(side * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        draw_kind(painter, QRectF(3, 3, side - 6, side - 6), kind, QColor(theme.colours().text))
        painter.end()
        icon.addPixmap(pixmap)
    return icon


class PhotosToolbar(QFrame):
    """48 pixels high; everything in it can be reached by Tab."""

    drawer_toggled = Signal()
    kind_chosen = Signal(object)
    """``"learning"``, ``"practice"``, ``"exam"``, or None for all."""
    order_chosen = Signal(str)
    """``"label"``, ``"name"`` or ``"added"``."""
    tile_chosen = Signal(int)
    undo_wanted = Signal()
    redo_wanted = Signal()
    label_wanted = Signal()
    folder_wanted = Signal()
    files_wanted = Signal()
    table_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self.setFixedHeight(HEIGHT)
        self.kind: Kind | None = None
        self.order: Order = "label"
        self.drawer_button = self._tool("list", self.tr("Labels"))
        self.drawer_button.setCheckable(True)
        self.drawer_button.clicked.connect(self.drawer_toggled)
        self.drawer_button.hide()
        self.title = Elided("")
        self.title.setProperty("role", "strong")
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.title.setMinimumWidth(60)
        self.count = theme.label("", "quiet")
        self.kind_button = self._menu_button(self.tr("Show only learning, practice or exam photographs"))
        self.order_button = self._menu_button(self.tr("Order of the photographs"))
        self.label_button = QPushButton(self.tr("Label..."))
        self.label_button.setProperty("role", "plain")
        self.label_button.setToolTip(self.tr("Give the selected photographs a label (L, or 1 to 9)"))
        theme.keep_icon(self.label_button, "tag", None, 16)
        self.label_button.clicked.connect(self.label_wanted)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(TILE_SIZES) - 1)
        self.slider.setPageStep(1)
        self.slider.setFixedSize(72, 24)
        self.slider.setAccessibleName(self.tr("Size of the tiles"))
        self.slider.setToolTip(self.tr("Size of the tiles (Ctrl and plus or minus)"))
        self.slider.valueChanged.connect(lambda step: self.tile_chosen.emit(TILE_SIZES[step]))
        self.undo_button = self._tool("undo", self.tr("Undo"))
        self.undo_button.clicked.connect(self.undo_wanted)
        self.redo_button = self._tool("redo", self.tr("Redo"))
        self.redo_button.clicked.connect(self.redo_wanted)
        self.add_button = QPushButton(self.tr("Add photographs..."))
        theme.keep_icon(self.add_button, "plus", None, 16)
        self.add_button.setMenu(self._add_menu())
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(6)
        row.addWidget(self.drawer_button)
        row.addWidget(self.title)
        row.addWidget(self.count)
        row.addStretch(1)
        for widget in (self.label_button, self.kind_button, self.order_button):
            row.addWidget(widget)
        row.addSpacing(6)
        row.addWidget(self.slider)
        row.addSpacing(6)
        row.addWidget(self.undo_button)
        row.addWidget(self.redo_button)
        row.addSpacing(6)
        row.addWidget(self.add_button)
        self._make_menus()
        theme.changed.connect(self._make_menus)
        self.set_undo(None, None)

    def _tool(self, icon: str, name: str) -> QPushButton:
        button = QPushButton()
        button.setProperty("role", "tool")
        theme.keep_icon(button, icon)
        button.setAccessibleName(name)
        button.setToolTip(theme.literal(name))
        return button

    def _menu_button(self, tip: str) -> QPushButton:
        button = QPushButton()
        button.setProperty("role", "plain")
        button.setToolTip(theme.literal(tip))
        button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        theme.keep_icon(button, "chevron-down", "quiet", 14)
        return button

    def _add_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(self.tr("A folder...")).triggered.connect(self.folder_wanted)
        menu.addAction(self.tr("Single pictures...")).triggered.connect(self.files_wanted)
        menu.addAction(self.tr("A table (CSV) of path and label...")).triggered.connect(self.table_wanted)
        return menu

    def _make_menus(self) -> None:
        kinds = QMenu(self)
        group = QActionGroup(kinds)
        everything = QAction(self.tr("All kinds"), kinds)
        everything.triggered.connect(lambda: self.set_kind(None))
        kinds.addAction(everything)
        kinds.addSeparator()
        self._kind_actions: dict[str | None, QAction] = {None: everything}
        for kind in KINDS:
            action = QAction(kind_icon(kind), kind_meaning(kind), kinds)
            action.triggered.connect(lambda _=False, chosen=kind: self.set_kind(chosen))
            kinds.addAction(action)
            self._kind_actions[kind] = action
        orders = QMenu(self)
        self._order_actions: dict[str, QAction] = {}
        order_group = QActionGroup(orders)
        for order, text in self._orders().items():
            action = QAction(text, orders)
            action.triggered.connect(lambda _=False, chosen=order: self.set_order(chosen))
            orders.addAction(action)
            self._order_actions[order] = action
        for choices, one_of in ((self._kind_actions.values(), group), (self._order_actions.values(), order_group)):
            for action in choices:
                action.setCheckable(True)
                one_of.addAction(action)
        for button, menu in ((self.kind_button, kinds), (self.order_button, orders)):
            old = button.menu()
            button.setMenu(menu)
            if old is not None:
                old.deleteLater()
        self._say_choices()

    def _orders(self) -> dict[Order, str]:
        return {"label": self.tr("By label"), "name": self.tr("By name"), "added": self.tr("Newest first")}

    def _kinds(self) -> dict[Kind | None, str]:
        return {
            None: self.tr("All kinds"),
            "learning": self.tr("Learning"),
            "practice": self.tr("Practice"),
            "exam": self.tr("Exam"),
        }

    def _say_choices(self) -> None:
        self._kind_actions[self.kind].setChecked(True)
        self._order_actions[self.order].setChecked(True)
        for button, text in (
            (self.kind_button, self._kinds()[self.kind]),
            (self.order_button, self._orders()[self.order]),
        ):
            button.setText(text)
            button.setAccessibleName(f"{text}. {button.toolTip()}")

    # ---------------------------------------------------------------------------------------------------------------

    def set_kind(self, kind: Kind | None) -> None:
        """Show one kind only; None: all."""
        if kind != self.kind:
            self.kind = kind
            self._say_choices()
            self.kind_chosen.emit(kind)

    def set_order(self, order: Order) -> None:
        """Show the photographs in another order."""
        if order != self.order:
            self.order = order
            self._say_choices()
            self.order_chosen.emit(order)

    def set_tile(self, width: int) -> None:
        """Put the slider where tiles of this width are."""
        step = min(range(len(TILE_SIZES)), key=lambda i: abs(TILE_SIZES[i] - width))
        if step != self.slider.value():
            self.slider.setValue(step)

    def set_shown(self, title: str, count: str, selected: int) -> None:
        """Say what is shown, how many, and whether something is selected."""
        self.title.set_full_text(title)
        self.count.setText(count)
        self.label_button.setEnabled(selected > 0)

    def set_undo(self, undo: str | None, redo: str | None) -> None:
        """Say what would be undone and done again; None: nothing."""
        for button, text, verb, keys in (
            (self.undo_button, undo, self.tr("Undo"), "Ctrl+Z"),
            (self.redo_button, redo, self.tr("Redo"), "Ctrl+Shift+Z"),
        ):
            button.setEnabled(text is not None)
            tip = f"{verb}: {text} ({keys})" if text else f"{verb} ({keys})"
            button.setToolTip(theme.literal(tip))
            button.setAccessibleName(tip)

    def set_drawer(self, *, possible: bool, opened: bool) -> None:
        """Whether the labels are in a drawer, and whether it is open."""
        self.drawer_button.setVisible(possible)
        self.drawer_button.setChecked(opened)

    def set_narrow(self, narrow: bool) -> None:
        """Give way where there is little room."""
        self.label_button.setText("" if narrow else self.tr("Label..."))
        self.label_button.setAccessibleName(self.tr("Label..."))

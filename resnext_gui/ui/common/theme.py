"""The look: two palettes, one style sheet, icons, and whether things may move.

Pages ask ``theme.colours()`` for the palette in force and listen to ``theme.changed``.  Widgets pick a style by a
dynamic property: ``set_role(label, "heading")``.  The roles are listed in `qss`, which makes the style sheet.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtGui import Qt as QtText
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLayout, QStyleFactory, QWidget

from resnext_gui.resources import asset
from resnext_gui.ui.common import qss

SMALL, BODY, LEAD, TITLE = 12, 13, 15, 28
"""Text sizes in pixels.  `SMALL` is for figures inside drawings only."""

GRID = 8
RADIUS = 10


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as ``#rrggbb``.

    `edge` outlines controls (3:1 against `surface` and `ground`), `line` only separates.  The ``*_soft`` colours are
    grounds for banners and chips; `text` and the colour they are named after are readable on them.
    """

    dark: bool
    ground: str
    surface: str
    line: str
    text: str
    quiet: str
    accent: str
    on_accent: str
    good: str
    caution: str
    wrong: str
    practice: str
    learning: str
    edge: str
    hover: str
    pressed: str
    accent_hover: str
    accent_soft: str
    good_soft: str
    caution_soft: str
    wrong_soft: str


LIGHT = Palette(
    dark=False,
    ground="#F6F6F4",
    surface="#FFFFFF",
    line="#E3E3DF",
    text="#1B1D20",
    quiet="#5F656E",
    accent="#2460D8",
    on_accent="#FFFFFF",
    good="#15774C",
    caution="#9A5A00",
    wrong="#C5352E",
    practice="#C96416",
    learning="#2460D8",
    edge="#868C95",
    hover="#F0F0ED",
    pressed="#E6E6E2",
    accent_hover="#1C51BC",
    accent_soft="#EAF0FC",
    good_soft="#E8F4EE",
    caution_soft="#FBF1E0",
    wrong_soft="#FCEBEA",
)

DARK = Palette(
    dark=True,
    ground="#17181A",
    surface="#202225",
    line="#33363B",
    text="#ECEDEE",
    quiet="#9AA1AB",
    accent="#6E9BFF",
    on_accent="#10141C",
    good="#4CC38A",
    caution="#F0A94B",
    wrong="#FF7A70",
    practice="#F09A55",
    learning="#6E9BFF",
    edge="#6F757F",
    hover="#2A2D31",
    pressed="#33363B",
    accent_hover="#89AEFF",
    accent_soft="#232C40",
    good_soft="#1D2F27",
    caution_soft="#332A1B",
    wrong_soft="#38211F",
)


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        def linear(value: float) -> float:
            return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

        c = QColor(colour)
        return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class Theme(QObject):
    """Keeps the palette in force and tells when it changes."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._palette = LIGHT
        self._choice = "system"
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._sources: dict[str, str] = {}

    def colours(self) -> Palette:
        """Return the palette in force."""
        return self._palette

    @property
    def choice(self) -> str:
        """What the person chose: ``"system"``, ``"light"`` or ``"dark"``."""
        return self._choice

    def install(self, app: QApplication, choice: str = "system") -> None:
        """Dress `app`, and follow the system's light and dark from now on unless `choice` says otherwise."""
        # Fusion draws every part that a style sheet leaves alone the same way on every system.
        style = QStyleFactory.create("Fusion")
        if style is not None:
            app.setStyle(style)
        app.styleHints().colorSchemeChanged.connect(self._follow)
        self.choose(choice)

    def choose(self, choice: str) -> None:
        """Use ``"light"`` or ``"dark"``, or follow the ``"system"``."""
        self._choice = choice if choice in ("light", "dark") else "system"
        hints = QGuiApplication.styleHints()
        if self._choice == "system":
            hints.unsetColorScheme()
        else:
            # Title bars and file dialogs that the system draws follow this.
            hints.setColorScheme(Qt.ColorScheme.Dark if self._choice == "dark" else Qt.ColorScheme.Light)
        self._apply()

    def _follow(self) -> None:
        if self._choice == "system":
            self._apply()

    def _apply(self) -> None:
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        if self._choice == "system":
            dark = app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        else:
            dark = self._choice == "dark"
        self._palette = DARK if dark else LIGHT
        self._icons.clear()
        font = QFont(app.font())
        font.setPixelSize(BODY)
        app.setFont(font)
        app.setPalette(_qpalette(self._palette))
        app.setStyleSheet(qss.sheet(self._palette))
        self.changed.emit()

    def pixmap(self, name: str, size: int, colour: str | None = None, ratio: float = 1.0) -> QPixmap:
        """Draw icon `name`, `size` pixels a side before scaling by `ratio`, in `colour` (None: the text's)."""
        return _draw(self._renderer(name, colour or self._palette.text), size, ratio)

    def icon(self, name: str, colour: str | None = None) -> QIcon:
        """Return icon `name` in `colour` (None: the text's), sharp from 16 to 48 pixels."""
        ink = colour or self._palette.text
        found = self._icons.get((name, ink))
        if found is None:
            found = QIcon()
            renderer = self._renderer(name, ink)
            for pixels in (16, 20, 24, 32, 40, 48):
                found.addPixmap(_draw(renderer, pixels))
            renderer = self._renderer(name, self._palette.edge)
            for pixels in (20, 40):
                found.addPixmap(_draw(renderer, pixels), QIcon.Mode.Disabled)
            self._icons[name, ink] = found
        return found

    def _renderer(self, name: str, colour: str) -> QSvgRenderer:
        return QSvgRenderer(QByteArray(self._svg(name, colour).encode()))

    def _svg(self, name: str, colour: str) -> str:
        if name not in self._sources:
            path = asset("icons", f"{name}.svg")
            self._sources[name] = path.read_text("utf-8") if path.is_file() else _EMPTY
        return self._sources[name].replace("currentColor", colour)


def _draw(renderer: QSvgRenderer, size: int, ratio: float = 1.0) -> QPixmap:
    pixels = max(1, round(size * ratio))
    picture = QPixmap(pixels, pixels)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


_EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"/>'

# One look for the whole program: Qt has one style sheet and one palette a process, and this mirrors that.
_theme = Theme()
changed = _theme.changed
colours = _theme.colours
icon = _theme.icon
pixmap = _theme.pixmap
install = _theme.install
choose = _theme.choose


def choice() -> str:
    """Return what the person chose: ``"system"``, ``"light"`` or ``"dark"``."""
    return _theme.choice


def colour(name: str) -> QColor:
    """Return the colour called `name` in the palette in force, such as ``colour("accent")``."""
    return QColor(getattr(_theme.colours(), name))


def set_role(widget: QWidget, role: str) -> None:
    """Give `widget` another style; see `qss` for the roles."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        restyle(widget)


def restyle(widget: QWidget) -> None:
    """Make Qt read the style sheet again for `widget` after one of its properties changed."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


def literal(text: str) -> str:
    """Return `text` so that a tool tip shows it letter by letter.

    Qt takes what looks like HTML for HTML there, and would open the files that a label's name tells it to.
    """
    if not QtText.mightBeRichText(text):
        return text
    return QtText.convertFromPlainText(text, Qt.WhiteSpaceMode.WhiteSpaceNormal)


def caption(text: str) -> str:
    """Return `text` so that a button or menu shows it letter by letter: there "&" marks a key, and a tab begins one."""
    return text.replace("&", "&&").replace("\t", " ")


def label(text: str = "", role: str = "", wrap: bool = False, parent: QWidget | None = None) -> QLabel:
    """Return a text in the style `role`."""
    made = QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


class _IconKeeper(QObject):
    """Draws a button's icon again whenever the colours change; lives as long as the button."""

    def __init__(self, button: QAbstractButton, name: str, colour_name: str | None, size: int) -> None:
        super().__init__(button)
        self._button = button
        self._name = name
        self._colour_name = colour_name
        button.setIconSize(QSize(size, size))
        changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        ink = getattr(colours(), self._colour_name) if self._colour_name else None
        self._button.setIcon(icon(self._name, ink))


def clear(layout: QLayout) -> None:
    """Take everything out of `layout`, and delete the widgets."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def keep_icon(button: QAbstractButton, name: str, colour_name: str | None = None, size: int = 20) -> None:
    """Give `button` the icon `name` in the palette's colour `colour_name`, now and after the theme changed."""
    for old in button.findChildren(_IconKeeper, options=Qt.FindChildOption.FindDirectChildrenOnly):
        changed.disconnect(old.refresh)
        old.setParent(None)  # not to be found again before it is deleted
        old.deleteLater()
    _IconKeeper(button, name, colour_name, size)


def _qpalette(c: Palette) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, value in (
        (role.Window, c.ground),
        (role.WindowText, c.text),
        (role.Base, c.surface),
        (role.AlternateBase, c.ground),
        (role.Text, c.text),
        (role.Button, c.surface),
        (role.ButtonText, c.text),
        (role.BrightText, c.wrong),
        (role.ToolTipBase, c.text),
        (role.ToolTipText, c.ground),
        (role.PlaceholderText, c.quiet),
        (role.Highlight, c.accent),
        (role.HighlightedText, c.on_accent),
        (role.Link, c.accent),
        (role.LinkVisited, c.accent),
        (role.Light, c.surface),
        (role.Midlight, c.hover),
        (role.Mid, c.line),
        (role.Dark, c.edge),
        (role.Shadow, c.edge),
    ):
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(c.edge))
    return palette

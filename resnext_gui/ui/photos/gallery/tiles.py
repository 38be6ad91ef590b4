"""How a photograph looks in a grid: the picture on a quiet ground, its label, its kind, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen, QPixmap

from resnext_gui import figures
from resnext_gui.project import KINDS, Photo
from resnext_gui.ui.common import theme

INSET = 8
CAPTION = 32
GAP = 8
MARGIN = 12
PICTURE_RADIUS = 4.0


def _tr(text: str) -> str:
    return QCoreApplication.translate("tiles", text)


def kind_word(kind: str | None) -> str:
    """Return the kind in the person's words."""
    return {"learning": _tr("learning"), "practice": _tr("practice"), "exam": _tr("exam")}.get(kind or "", "")


def kind_meaning(kind: str | None) -> str:
    """Return what a photograph of this kind is used for."""
    return {
        "learning": _tr("Learning: the model learns from it"),
        "practice": _tr("Practice: the model is tried on it while it learns"),
        "exam": _tr("Exam: kept aside, used only on the Results page"),
    }.get(kind or "", "")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the quick model would call an unlabelled photograph; `probability` in 0..1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Look:
    """What a tile shows beside its photograph."""

    selected: bool = False
    current: bool = False
    hovered: bool = False
    failed: bool = False
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Geometry:
    """A grid of equal cells.  Lengths in logical pixels."""

    count: int
    columns: int
    width: int
    picture: int
    left: int = MARGIN

    @property
    def step(self) -> tuple[int, int]:
        """Distance from one cell to the next, across and down."""
        return self.width + GAP, self.height + GAP

    @property
    def height(self) -> int:
        """Height of a cell: the picture, square, and its caption."""
        return INSET + self.picture + CAPTION

    @property
    def rows(self) -> int:
        """Number of rows."""
        return -(-self.count // self.columns)

    @property
    def total(self) -> int:
        """Height of everything, with its margins."""
        return 2 * MARGIN + max(0, self.rows * self.step[1] - GAP)

    def rect(self, index: int) -> QRect:
        """Return where cell `index` lies when nothing is scrolled."""
        row, column = divmod(index, self.columns)
        across, down = self.step
        return QRect(self.left + column * across, MARGIN + row * down, self.width, self.height)

    def at(self, x: int, y: int) -> int:
        """Return the cell at a point, or -1 between cells."""
        across, down = self.step
        column, inside_x = divmod(x - self.left, across)
        row, inside_y = divmod(y - MARGIN, down)
        index = row * self.columns + column
        if not 0 <= column < self.columns or row < 0 or inside_x >= self.width or inside_y >= self.height:
            return -1
        return index if index < self.count else -1

    def within(self, area: QRect) -> list[int]:
        """Return the cells that a rectangle touches."""
        across, down = self.step
        first_column = max(0, (area.left() - self.left + GAP) // across)
        last_column = min(self.columns - 1, (area.right() - self.left) // across)
        first_row = max(0, (area.top() - MARGIN + GAP) // down)
        last_row = min(self.rows - 1, (area.bottom() - MARGIN) // down)
        return [
            row * self.columns + column
            for row in range(first_row, last_row + 1)
            for column in range(first_column, last_column + 1)
            if row * self.columns + column < self.count
        ]

    def rows_between(self, top: int, bottom: int) -> range:
        """Return the cells of all rows that lie at least partly between two heights."""
        down = self.step[1]
        first = max(0, (top - MARGIN) // down)
        last = max(first + 1, (bottom - MARGIN) // down + 1)
        return range(min(self.count, first * self.columns), min(self.count, last * self.columns))


def lay_out(count: int, width: int, tile: int) -> Geometry:
    """Return the grid for a viewport of `width`: as many tiles of at least `tile` as fit, stretched to fill it."""
    inner = max(tile, width - 2 * MARGIN)
    columns = max(1, (inner + GAP) // (tile + GAP))
    cell = (inner - (columns - 1) * GAP) // columns
    left = max(0, width - columns * (cell + GAP) + GAP) // 2
    return Geometry(count, columns, cell, cell - 2 * INSET, left)


def describe(photo: Photo, proposal: Proposal | None = None) -> str:
    """Return a photograph in words, for a tool tip and for a screen reader."""
    parts = [photo.path.replace("\\", "/").rsplit("/", 1)[-1]]
    if proposal is not None:
        parts.append(
            _tr("Proposed: {label}, {figure} in 100").format(
                label=proposal.label, figure=figures.hundredth(proposal.probability)
            )
        )
    else:
        parts.append(photo.label if photo.label is not None else _tr("Unlabelled"))
    if photo.width and photo.height:
        parts.append(_tr("{width} × {height} pixels").format(width=photo.width, height=photo.height))
    if photo.status == "unreadable":
        parts.append(photo.reason or _tr("It could not be read"))
    elif photo.status == "gone":
        parts.append(_tr("The file is gone"))
    elif photo.kind:
        parts.append(kind_meaning(photo.kind))
    return "\n".join(parts)


class TilePainter:
    """Draws tiles with the palette in force; made anew for each paint."""

    def __init__(self, painter: QPainter, font: QFont, focused: bool) -> None:
        self._painter = painter
        self._colours = theme.colours()
        self._small = QFont(font)
        self._small.setPixelSize(theme.SMALL)
        self._italic = QFont(self._small)
        self._italic.setItalic(True)
        self._metrics = QFontMetrics(self._small)
        self._focused = focused
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def draw(self, rect: QRect, photo: Photo | None, pixmap: QPixmap | None, look: Look) -> None:
        """Draw one tile into `rect`; without a photograph only its ground."""
        c, painter = self._colours, self._painter
        card = QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(c.edge if look.hovered else c.line), 1))
        painter.setBrush(QColor(c.accent_soft if look.selected else c.surface))
        painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        picture = QRect(rect.x() + INSET, rect.y() + INSET, rect.width() - 2 * INSET, rect.width() - 2 * INSET)
        if photo is None:
            self._waiting(picture)
            return
        if photo.status == "gone":
            self._words(picture, "folder", c.quiet, _tr("The file is gone"))
        elif photo.status == "unreadable":
            self._words(picture, "warning", c.caution, photo.reason or _tr("It could not be read"))
        elif pixmap is not None:
            self._picture(picture, pixmap)
        elif look.failed:
            self._words(picture, "image", c.quiet, _tr("No preview"))
        else:
            self._waiting(picture)
        self._caption(QRect(picture.x(), picture.bottom() + 1, picture.width(), CAPTION), photo, look)
        current = look.current and self._focused
        if look.selected or current:
            self._ring(rect, c.accent if self._focused else c.edge, 4 if look.selected and current else 2)
        if look.selected:
            self._tick(rect)

    def _picture(self, area: QRect, pixmap: QPixmap) -> None:
        size = pixmap.deviceIndependentSize()
        left = area.x() + (area.width() - size.width()) / 2
        top = area.y() + (area.height() - size.height()) / 2
        self._painter.drawPixmap(QPointF(round(left), round(top)), pixmap)

    def _waiting(self, area: QRect) -> None:
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QColor(self._colours.hover))
        self._painter.drawRoundedRect(area, PICTURE_RADIUS, PICTURE_RADIUS)

    def _words(self, area: QRect, icon: str, ink: str, text: str) -> None:
        c, painter, metrics = self._colours, self._painter, self._metrics
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(c.ground))
        painter.drawRoundedRect(area, PICTURE_RADIUS, PICTURE_RADIUS)
        side = 28 if area.height() >= 130 else 20
        lines = max(1, min(5, (area.height() - side - 24) // metrics.height()))
        shown, used = clipped(text, metrics, area.width() - 16, lines)
        top = area.y() + max(4, (area.height() - side - 8 - used) // 2)
        theme.icon(icon, ink).paint(painter, QRect(area.center().x() - side // 2, top, side, side))
        painter.setFont(self._small)
        painter.setPen(QColor(c.quiet))
        box = QRect(area.x() + 8, top + side + 8, area.width() - 16, used + 2)
        wrap = Qt.TextFlag.TextWordWrap if " " in shown else Qt.TextFlag.TextWrapAnywhere
        painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | wrap), shown)

    def _caption(self, area: QRect, photo: Photo, look: Look) -> None:
        c, painter = self._colours, self._painter
        room = area.width()
        if photo.kind in KINDS and photo.status in ("ok", "changed"):
            mark = QRectF(area.right() - 10, area.center().y() - 4, 10, 10)
            draw_kind(painter, mark, photo.kind, QColor(c.quiet))
            room -= 18
        painter.setFont(self._small)
        if look.proposal is not None:
            percent = f" {figures.hundredth(look.proposal.probability)} %"
            rest = self._metrics.horizontalAdvance(percent) + 2
            self._chip(area, look.proposal.label + "?", room - rest, c.accent, dashed=True, after=percent)
        elif photo.label is not None:
            self._chip(area, photo.label, room, c.text, dashed=False)
        else:
            painter.setPen(QColor(c.quiet))
            painter.setFont(self._italic)
            text = self._metrics.elidedText(_tr("Unlabelled"), Qt.TextElideMode.ElideRight, room)
            painter.drawText(area.adjusted(2, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), text)

    def _chip(self, area: QRect, text: str, room: int, ink: str, *, dashed: bool, after: str = "") -> None:
        c, painter = self._colours, self._painter
        shown = self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(16, room - 16))
        width = self._metrics.horizontalAdvance(shown) + 16
        box = QRectF(area.x() + 0.5, area.center().y() - 8.5, width, 19)
        pen = QPen(QColor(c.accent if dashed else c.line), 1)
        if dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(QColor(c.surface if dashed else c.ground))
        painter.drawRoundedRect(box, 9.5, 9.5)
        painter.setPen(QColor(ink))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), shown)
        if after:
            painter.setPen(QColor(c.quiet))
            rest = QRectF(box.right() + 2, area.y(), 60, area.height())
            painter.drawText(rest, int(Qt.AlignmentFlag.AlignVCenter), after)

    def _ring(self, rect: QRect, colour: str, width: int) -> None:
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.setPen(QPen(QColor(colour), width))
        half = width / 2
        self._painter.drawRoundedRect(
            QRectF(rect).adjusted(half, half, -half, -half), theme.RADIUS - half, theme.RADIUS - half
        )

    def _tick(self, rect: QRect) -> None:
        c, painter = self._colours, self._painter
        centre = QPointF(rect.right() - 15, rect.top() + 16)
        painter.setPen(QPen(QColor(c.surface), 2))
        painter.setBrush(QColor(c.accent))
        painter.drawEllipse(centre, 10, 10)
        path = QPainterPath(centre + QPointF(-4, 0))
        path.lineTo(centre + QPointF(-1, 3.5))
        path.lineTo(centre + QPointF(4.5, -3.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(c.on_accent), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPath(path)


def draw_kind(painter: QPainter, box: QRectF, kind: str | None, ink: QColor) -> None:
    """Draw the mark of a kind: learning a full disc, practice a half one, exam an empty ring."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    inner = box.adjusted(0.75, 0.75, -0.75, -0.75)
    painter.setPen(QPen(ink, 1.5))
    painter.setBrush(ink if kind == "learning" else QColor(Qt.GlobalColor.transparent))
    painter.drawEllipse(inner)
    if kind == "practice":
        painter.setBrush(ink)
        painter.drawPie(inner, 90 * 16, 180 * 16)


def clipped(text: str, metrics: QFontMetrics, width: int, lines: int) -> tuple[str, int]:
    """Shorten `text` so that it fits into so many lines of `width` when wrapped; also return its height then."""
    wrap = int(Qt.TextFlag.TextWordWrap if " " in text else Qt.TextFlag.TextWrapAnywhere)

    def height(of: str) -> int:
        return metrics.boundingRect(QRect(0, 0, width, 10_000), wrap, of).height()

    most = lines * metrics.lineSpacing() + 1
    whole = height(text)
    if whole <= most:
        return text, whole
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if height(text[:middle].rstrip() + "…") <= most:
            low = middle
        else:
            high = middle - 1
    shown = text[:low].rstrip() + "…"
    return shown, height(shown)

"""A grid of photographs to look at and to select: only what is visible exists, however many there are.

`PhotoGrid` shows, remembers what is current and selected, and asks for thumbnails.  `gallery.Gallery` adds hands: mouse
and keyboard.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QFocusEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from resnext_gui.project import Photo
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.pictures import Thumbs
from resnext_gui.ui.photos.gallery import tiles
from resnext_gui.ui.photos.gallery.tiles import Geometry, Look, Proposal, TilePainter

MOST_ROWS = 4000
"""So many photographs' rows are kept in memory."""

Fetch = Callable[[Sequence[int]], list[Photo]]


def no_photos(_ids: Sequence[int]) -> list[Photo]:
    """Fetch nothing: what a grid without a project does."""
    return []


class PhotoGrid(QAbstractScrollArea):
    """A virtual grid over a list of photograph ids."""

    current_changed = Signal()
    selection_changed = Signal()
    thumbnails_wanted = Signal(list)
    """Photographs whose thumbnails are missing, the visible ones first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ids: array[int] = array("q")
        self._fetch: Fetch = no_photos
        self._rows: dict[int, Photo] = {}
        self._proposals: dict[int, Proposal] = {}
        self._tile = 180
        self._geometry = tiles.lay_out(0, 964, self._tile)
        self._current = -1
        self._anchor = -1
        self._selected: set[int] = set()
        self._hovered = -1
        self._band: QRect | None = None
        self.thumbs = Thumbs(self)
        self.thumbs.changed.connect(self._thumb_changed)
        self.thumbs.wanted.connect(self.thumbnails_wanted)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Photographs"))
        self.viewport().setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.verticalScrollBar().setSingleStep(48)
        self.setMinimumSize(200, 160)
        theme.changed.connect(self._repaint)

    # ---------------------------------------------------------------------------------------------------------------
    # What is shown

    def set_fetch(self, fetch: Fetch) -> None:
        """Use `fetch` to read the rows of the visible photographs; forgets another project's."""
        self._fetch = fetch
        self._rows.clear()
        self._proposals.clear()
        self.thumbs.clear()
        self._repaint()

    def set_ids(self, ids: array[int], *, keep: bool = True) -> None:
        """Show these photographs.  With `keep`, what is current, selected and in view stays so where it can."""
        current = self.current_id() if keep else -1
        old_count, old_top = len(self._ids), self.verticalScrollBar().value()
        had = self._selected
        self._ids = ids
        self._anchor = -1
        if not keep:
            self._selected = set()
            self._proposals = {}
        elif had:
            self._selected = had.intersection(ids)
        self._lay_out(keep_place=False)
        self.forget_rows()
        if not keep:
            self._current = 0 if len(ids) else -1
            self.verticalScrollBar().setValue(0)
        else:
            self.verticalScrollBar().setValue(old_top)
            self._settle(current, old_count)
        self._anchor = self._current
        self.selection_changed.emit()
        self._tell_current()

    def _settle(self, current: int, old_count: int) -> None:
        """After the list changed: stay at the current photograph, or at its place."""
        if not len(self._ids):
            self._current = -1
            return
        found = self.index_of(current)
        if found >= 0:
            self._current = found
        else:
            self._current = min(max(0, self._current), len(self._ids) - 1) if old_count else 0

    def pass_on(self, ids: Sequence[int]) -> None:
        """Go on to the photograph after `ids`, which are about to leave their places; they are in the order shown."""
        first = self.index_of(ids[0]) if ids else -1
        last = self.index_of(ids[-1]) if ids else -1
        if first < 0 or last < 0:
            return
        taken = set(ids)
        after = next((i for i in range(last + 1, len(self._ids)) if self._ids[i] not in taken), -1)
        if after < 0:
            after = next((i for i in range(first - 1, -1, -1) if self._ids[i] not in taken), -1)
        if after >= 0:
            self.set_current(after)
        else:
            self.clear_selection()

    def relabel(self, ids: Sequence[int], label_id: int | None, label: str | None) -> None:
        """Show another label on photographs at once; the project is read again soon."""
        for photo_id in ids:
            row = self._rows.get(photo_id)
            if row is not None:
                self._rows[photo_id] = replace(row, label_id=label_id, label=label)
            self._proposals.pop(photo_id, None)
        self._repaint()

    def ids(self) -> array[int]:
        """Return the photographs shown, in order."""
        return self._ids

    def index_of(self, photo_id: int) -> int:
        """Return where a photograph is, or -1."""
        try:
            return self._ids.index(photo_id)
        except ValueError:
            return -1

    def forget_rows(self) -> None:
        """Read rows again when they are next needed, because the project changed."""
        old, self._rows = self._rows, {}
        area = self.visible()
        fresh = self._read([self._ids[i] for i in area])
        for photo_id, photo in fresh.items():
            before = old.get(photo_id)
            if before is not None and (before.hash, before.path) != (photo.hash, photo.path):
                self.thumbs.forget(photo_id)
        self._repaint()

    def set_tile(self, width: int) -> None:
        """Make tiles at least `width` wide and keep the first visible one in view."""
        if width != self._tile:
            self._tile = width
            self._lay_out(keep_place=True)

    @property
    def tile(self) -> int:
        """The least width of a tile."""
        return self._tile

    def set_proposals(self, proposals: dict[int, Proposal]) -> None:
        """Show what the quick model would call photographs; replaces earlier proposals."""
        self._proposals = dict(proposals)
        self._repaint()

    def proposal(self, photo_id: int) -> Proposal | None:
        """Return the proposed label of a photograph."""
        return self._proposals.get(photo_id)

    def photo(self, photo_id: int) -> Photo | None:
        """Return a photograph's row, from memory where it is there."""
        found = self._rows.get(photo_id)
        return found if found is not None else self._read([photo_id]).get(photo_id)

    def _read(self, ids: Iterable[int]) -> dict[int, Photo]:
        missing = [photo_id for photo_id in ids if photo_id not in self._rows]
        found = {photo.id: photo for photo in self._fetch(missing)} if missing else {}
        if len(self._rows) + len(found) > MOST_ROWS:
            self._rows.clear()
        self._rows.update(found)
        return found

    # ---------------------------------------------------------------------------------------------------------------
    # Current and selected

    def current_id(self) -> int:
        """Return the current photograph, or -1."""
        return self._ids[self._current] if 0 <= self._current < len(self._ids) else -1

    @property
    def current(self) -> int:
        """Index of the current photograph, or -1."""
        return self._current

    def set_current(self, index: int, *, select: bool = True) -> None:
        """Go to a photograph, select it alone, and bring it into view."""
        if not 0 <= index < len(self._ids):
            return
        self._current = self._anchor = index
        if select:
            self._selected = {self._ids[index]}
        self.ensure_visible(index)
        self._told()

    def selected(self) -> set[int]:
        """Return the ids of the selected photographs."""
        return set(self._selected)

    def selected_count(self) -> int:
        """Return how many are selected."""
        return len(self._selected)

    def chosen(self) -> list[int]:
        """Return what an action is about, in order: the selected photographs, or the current one."""
        if self._selected:
            if len(self._selected) == 1:
                return list(self._selected)
            return [photo_id for photo_id in self._ids if photo_id in self._selected]
        current = self.current_id()
        return [current] if current >= 0 else []

    def select_all(self) -> None:
        """Select every photograph shown."""
        self._selected = set(self._ids)
        self._told()

    def clear_selection(self) -> None:
        """Select nothing."""
        self._selected = set()
        self._told()

    def ensure_visible(self, index: int) -> None:
        """Scroll as little as needed to show a tile."""
        rect = self._geometry.rect(index)
        bar = self.verticalScrollBar()
        if rect.top() - tiles.MARGIN < bar.value():
            bar.setValue(rect.top() - tiles.MARGIN)
        elif rect.bottom() + tiles.MARGIN > bar.value() + self.viewport().height():
            bar.setValue(rect.bottom() + tiles.MARGIN - self.viewport().height())

    def visible(self) -> range:
        """Return the indexes of the tiles in view."""
        top = self.verticalScrollBar().value()
        return self._geometry.rows_between(top, top + self.viewport().height())

    def tile_rect(self, index: int) -> QRect:
        """Return where a tile lies in the viewport now."""
        return self._geometry.rect(index).translated(0, -self.verticalScrollBar().value())

    @property
    def geometry_of_tiles(self) -> Geometry:
        """The grid as it is laid out now."""
        return self._geometry

    def _told(self) -> None:
        self._repaint()
        self.selection_changed.emit()
        self._tell_current()

    def _tell_current(self) -> None:
        photo = self.photo(self.current_id()) if self._current >= 0 else None
        text = tiles.describe(photo, self._proposals.get(photo.id)) if photo is not None else ""
        if photo is not None:
            place = self.tr("{n} of {total}").format(
                n=words.number(self._current + 1), total=words.number(len(self._ids))
            )
            text = f"{text}\n{place}"
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)
            if self.hasFocus():
                QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))
        self.current_changed.emit()

    def _move_to(self, index: int, modifiers: Qt.KeyboardModifier) -> None:
        if not len(self._ids):
            return
        index = max(0, min(len(self._ids) - 1, index))
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            if self._anchor < 0:
                self._anchor = max(0, self._current)
            low, high = sorted((self._anchor, index))
            self._selected = set(self._ids[low : high + 1])
        elif not modifiers & Qt.KeyboardModifier.ControlModifier:
            self._anchor = index
            self._selected = {self._ids[index]}
        self._current = index
        self.ensure_visible(index)
        self._told()

    # ---------------------------------------------------------------------------------------------------------------
    # Layout and painting

    def _lay_out(self, *, keep_place: bool) -> None:
        bar = self.verticalScrollBar()
        old = self._geometry
        first = old.rows_between(bar.value() + old.height // 2, bar.value() + 1).start if keep_place else 0
        view = self.viewport()
        self._geometry = tiles.lay_out(len(self._ids), view.width(), self._tile)
        bar.setPageStep(view.height())
        bar.setRange(0, max(0, self._geometry.total - view.height()))
        if keep_place and first and self._geometry.columns != old.columns:
            bar.setValue(self._geometry.rect(first).top() - tiles.MARGIN)
        self.thumbs.set_box(self._geometry.picture, tiles.PICTURE_RADIUS, self.devicePixelRatioF())
        self._repaint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit as many columns as there is room for."""
        super().resizeEvent(event)
        self._lay_out(keep_place=True)

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: ARG002 - Qt's signature
        """Draw again at the new position."""
        self.viewport().update()

    def changeEvent(self, event: QEvent) -> None:
        """Follow fonts and scale."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.DevicePixelRatioChange):
            self._lay_out(keep_place=True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tiles that the event's region touches, and ask for the thumbnails that are missing."""
        painter = QPainter(self.viewport())
        area = event.rect()
        painter.fillRect(area, theme.colour("ground"))
        shown = self.visible()
        shown_ids = [self._ids[i] for i in shown]
        self._read(shown_ids)
        draw = TilePainter(painter, self.font(), self.hasFocus())
        for index, photo_id in zip(shown, shown_ids, strict=True):
            rect = self.tile_rect(index)
            if not rect.intersects(area):
                continue
            look = Look(
                selected=photo_id in self._selected,
                current=index == self._current,
                hovered=index == self._hovered,
                failed=self.thumbs.failed(photo_id),
                proposal=self._proposals.get(photo_id),
            )
            draw.draw(rect, self._rows.get(photo_id), self.thumbs.pixmap(photo_id), look)
        if self._band is not None:
            accent = theme.colour("accent")
            painter.setPen(QPen(accent, 1))
            accent.setAlpha(38)
            painter.setBrush(accent)
            painter.drawRect(self._band.translated(0, -self.verticalScrollBar().value()))
        painter.end()
        self._want(shown)

    def _want(self, shown: range) -> None:
        def readable(photo_id: int) -> bool:
            photo = self._rows.get(photo_id)
            return photo is None or photo.status in ("ok", "changed")

        ahead = range(shown.stop, min(len(self._ids), shown.stop + len(shown)))
        self.thumbs.want(
            (self._ids[i] for i in shown if readable(self._ids[i])),
            (self._ids[i] for i in ahead),
        )

    def _thumb_changed(self, photo_id: int) -> None:
        for index in self.visible():
            if self._ids[index] == photo_id:
                self.viewport().update(self.tile_rect(index))
                return

    def _repaint(self) -> None:
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show which tile is current."""
        super().focusInEvent(event)
        self._repaint()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that keys go elsewhere."""
        super().focusOutEvent(event)
        self._repaint()

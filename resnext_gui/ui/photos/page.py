"""The Photos page: a light table for the project's photographs and their labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from resnext_gui.messages import UserError
from resnext_gui.project import Label, Photo
from resnext_gui.ui.common import words
from resnext_gui.ui.common.notice import Notice
from resnext_gui.ui.common.toast import Toast
from resnext_gui.ui.photos.disagree import DisagreeLine
from resnext_gui.ui.photos.dock import Dock
from resnext_gui.ui.photos.empty import EmptyPhotos
from resnext_gui.ui.photos.findings import FindingsLine, FindingsPanel
from resnext_gui.ui.photos.gallery.gallery import Gallery
from resnext_gui.ui.photos.gallery.grid import no_photos
from resnext_gui.ui.photos.gallery.lister import Listing, PhotoLister, Query, Where
from resnext_gui.ui.photos.incoming import Incoming
from resnext_gui.ui.photos.labels.labelling import Labelling
from resnext_gui.ui.photos.labels.panel import WIDTH, LabelsPanel
from resnext_gui.ui.photos.labels.proposer import Proposer
from resnext_gui.ui.photos.loupe_window import LoupeOpener
from resnext_gui.ui.photos.menu import photo_menu
from resnext_gui.ui.photos.receipt import DiskNews, Receipt
from resnext_gui.ui.photos.toolbar import PhotosToolbar
from resnext_gui.ui.session.state import Change

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session
    from resnext_gui.ui.session.state import PageKey, QuickState, Work

DRAWER_BELOW = 1100 - 72
"""Width of this page under which the labels become a drawer: a window of 1100 without its rail."""

NARROW_BELOW = 860
PATIENCE = 8
"""While photographs stream in, refreshing may take one part in so many of the time."""


class PhotosPage(QWidget):
    """Labels at the left, photographs at the right, the quick model below."""

    key: PageKey = "photos"
    title = "Photos"
    icon = "photos"
    keys = (
        ("Space", "Look closer"),
        ("Z", "In the loupe: actual pixels"),
        ("V", "In the loupe: what the model receives"),
        ("1 .. 9", "Give the label with this key"),
        ("L", "Type a label"),
        ("Enter", "Accept the proposed label"),
        ("Delete", "Leave out of the project"),
        ("F2", "Rename a label"),
        ("Ctrl F", "Search"),
        ("Ctrl A", "Select all"),
        ("Ctrl + / -", "Larger and smaller tiles"),
    )

    listed = Signal(object)
    """The `Listing` that is shown now."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = self.tr("Photos")
        self.session = session
        self._labels: list[Label] = []
        self._counts: dict[str, int] = {}
        self._where: Where = "all"
        self._search = ""
        self._dirty = True
        self._fresh = True
        self._cost = 0.0
        self._asked_at = 0.0
        self._refreshed_at = 0.0
        self._shut = False
        self._coming: Work | None = None
        self._select_all_next = False
        self._build()
        self.labelling = Labelling(self)
        self.incoming = Incoming(self)
        self.looking = LoupeOpener(self)
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self.refresh)
        self._restore()  # first: what was chosen before is no choice to be kept anew
        self._connect()
        self._shortcuts()
        self.refresh()

    # ---------------------------------------------------------------------------------------------------------------
    # Building

    def _build(self) -> None:
        self.setProperty("role", "ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.panel = LabelsPanel(self)
        self.toolbar = PhotosToolbar()
        self.gallery = Gallery()
        self.gallery.set_fetch(self._fetch)
        self.empty = EmptyPhotos()
        self.news = DiskNews()
        self.receipt = Receipt()
        self.findings_line = FindingsLine()
        self.proposing = Notice("info")
        self.disagree = DisagreeLine()
        for notice in (self.news, self.receipt, self.proposing):
            notice.hide()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.gallery)
        self.stack.addWidget(self.empty)
        self.findings = FindingsPanel()
        self.stack.addWidget(self.findings)
        self.stack.setMinimumSize(320, 160)  # less than the teaching texts would like, so that strips always fit
        self.toast = Toast(self.stack)
        self.dock = Dock()
        self.proposer = Proposer(self.session, self)
        self.lister = PhotoLister(self.session.project, self)
        right = QVBoxLayout()
        right.setSpacing(0)
        for part in (self.toolbar, self.news, self.receipt, self.findings_line, self.proposing, self.disagree):
            right.addWidget(part)
        right.addWidget(self.stack, 1)
        right.addWidget(self.dock)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(self.panel)
        self._row.addLayout(right, 1)
        self._drawer = False
        self.setTabOrder(self.panel.search, self.panel.list)

    def _connect(self) -> None:
        session, gallery, panel, bar = self.session, self.gallery, self.panel, self.toolbar
        session.changed.connect(self._on_changed)
        session.thumbnail_ready.connect(self._thumbnail_ready)
        session.quick_changed.connect(self._quick_changed)
        session.work_changed.connect(self._work_changed)
        gallery.thumbnails_wanted.connect(session.imports.request_thumbnails)
        gallery.selection_changed.connect(self._selection_changed)
        gallery.menu_wanted.connect(self._photo_menu)
        gallery.dragging.connect(self._dragging)
        gallery.tile_changed.connect(bar.set_tile)
        panel.chosen.connect(self._choose)
        panel.searched.connect(self._searched)
        panel.select_wanted.connect(self._select_all_of)
        panel.leave.connect(gallery.setFocus)
        bar.drawer_toggled.connect(self._toggle_drawer)
        bar.kind_chosen.connect(lambda _kind: self._show_other())
        bar.order_chosen.connect(self._order_chosen)
        bar.tile_chosen.connect(self._tile_chosen)
        bar.undo_wanted.connect(self.undo)
        bar.redo_wanted.connect(self.redo)
        self.empty.action_wanted.connect(self._show_everything)
        self.dock.improve_wanted.connect(lambda: session.navigate.emit("train"))
        self.dock.refresh_wanted.connect(session.quick.make)
        self.toast.undo_wanted.connect(self.undo)
        self.proposer.changed.connect(self._proposals_changed)
        self.lister.listed.connect(self._listed)

    def _shortcuts(self) -> None:
        def shortcut(keys: str, action: Callable[[], object]) -> None:
            made = QShortcut(QKeySequence(keys), self)
            made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            made.activated.connect(action)

        shortcut("Ctrl+Z", self.undo)
        shortcut("Ctrl+Shift+Z", self.redo)
        shortcut("Ctrl+Y", self.redo)
        shortcut("Ctrl+F", self._find)

    def _restore(self) -> None:
        """Tile size and order are the project's."""
        try:
            tile = self.session.project.setting("window_tile", 180)
            order = self.session.project.setting("window_order", "label")
        except UserError:
            return
        if isinstance(tile, int):
            self.gallery.set_tile(tile)
            self.toolbar.set_tile(tile)
        if order in ("label", "name", "added"):
            self.toolbar.set_order(order)

    def _remember(self, key: str, value: object) -> None:
        try:
            if not self.session.project.read_only:
                self.session.project.set_setting(key, value)
        except UserError:
            return  # a preference that is not kept is no reason for a message

    # ---------------------------------------------------------------------------------------------------------------
    # What is shown

    def _fetch(self, ids: Sequence[int]) -> list[Photo]:
        if self.session.closed:  # the page outlives its session for a turn of the event loop
            return []
        try:
            return self.session.project.photos(ids)
        except UserError:
            return []  # the session tells about it when it looks at the project

    def _on_changed(self, what: Change) -> None:
        if what & (Change.PHOTOS | Change.LABELS):
            self.refresh_soon()
        if what & Change.UNDO:
            self._undo_changed()

    def refresh_soon(self) -> None:
        """Photographs or labels changed: refresh soon, and not too often while photographs stream in."""
        self._dirty = True
        if self.isVisible() and not self._shut and not self._refresh_timer.isActive():
            since = time.monotonic() - self._refreshed_at
            wait = max(0.0, self._cost * PATIENCE - since)
            self._refresh_timer.start(round(wait * 1000))

    def refresh(self) -> None:
        """Read the project again and show what it holds now."""
        if self._shut or self.session.closed:
            return
        self._dirty = False
        self._asked_at = time.monotonic()
        self.lister.ask(Query(self._where, self._search, self.toolbar.kind, self.toolbar.order))

    def _listed(self, listing: Listing) -> None:
        """Show what was looked up."""
        self._labels, self._counts = listing.labels, listing.counts
        self._where, ids = listing.query.where, listing.ids
        self.panel.set_labels(self._labels, self._counts)
        self.panel.list.choose(self._where, tell=False)
        proposing = self._where == "unlabelled" and not self._search and self.toolbar.kind is None
        self.gallery.set_ids(self.proposer.arrange(ids) if proposing else ids, keep=not self._fresh)
        if proposing:
            self.gallery.set_proposals(self.proposer.proposals())
        self._fresh = False
        if self.stack.currentWidget() is not self.findings:
            self.show_photographs()
        self._quick_changed(self.session.quick.state)
        self._undo_changed()
        self._ask_proposals()
        if self._select_all_next:
            self._select_all_next = False
            self.gallery.select_all()
            self.gallery.setFocus()
        self.listed.emit(listing)
        self._refreshed_at = time.monotonic()
        self._cost = self._refreshed_at - self._asked_at

    def show_photographs(self) -> None:
        """Show the grid, or what to do where there is nothing to show."""
        if len(self.gallery.ids()):
            self.stack.setCurrentWidget(self.gallery)
            return
        label = self.label(self._where)
        if self._search:
            self.empty.teach_search(self._search)
        elif self.toolbar.kind is not None:
            few = self.toolbar.kind == "exam" and all(one.count < 5 for one in self._labels)
            self.empty.teach_kind(self.toolbar.kind, few)
        elif label is not None:
            place = self._labels.index(label)
            self.empty.teach_label(label.name, place + 1 if place < 9 else 0)
        elif self._where == "unlabelled" and self._counts.get("photographs"):
            self.empty.teach_unlabelled()
        elif self._coming is not None:
            self.empty.tell_work(self._coming.title, self._coming.text)
        else:
            self.empty.teach_drop()
        had_focus = self.gallery.hasFocus()
        self.stack.setCurrentWidget(self.empty)
        if had_focus:
            self.empty.button.setFocus()

    def label(self, where: Where) -> Label | None:
        """Return the label with this id."""
        return next((label for label in self._labels if label.id == where), None)

    @property
    def labels(self) -> list[Label]:
        """The labels, in order."""
        return self._labels

    def _work_changed(self, work: Work | None) -> None:
        """Say in an empty project that photographs are on their way."""
        coming = work if work is not None and work.key in ("scan", "samples") else None
        if coming != self._coming:
            self._coming = coming
            if self.stack.currentWidget() is self.empty:
                self.show_photographs()

    def leaves_place(self) -> bool:
        """Whether a photograph that gets another label goes elsewhere in what is shown, or out of it."""
        return self._where != "all" or self.toolbar.order == "label"

    @property
    def where(self) -> Where:
        """Which part of the photographs is shown."""
        return self._where

    def _choose(self, where: Where) -> None:
        if where != self._where:
            self._where = where
            self.proposer.clear()
            self._show_other()
        if self._drawer and self.panel.isVisible() and not self.panel.list.renaming:
            self._toggle_drawer()

    def _searched(self, search: str) -> None:
        if search != self._search:
            self._search = search
            self._show_other()

    def _show_other(self) -> None:
        """Show another part of the photographs, from its beginning."""
        self._fresh = True
        if self.stack.currentWidget() is self.findings:
            self.stack.setCurrentWidget(self.gallery)
        self.refresh()

    def _show_everything(self) -> None:
        self.panel.search.clear()
        self._search = ""
        self.toolbar.set_kind(None)
        if isinstance(self._where, int) or self._where == "unlabelled":
            self._where = "all"
        self._show_other()
        self.gallery.setFocus()

    def _select_all_of(self, where: Where) -> None:
        self._select_all_next = True
        if where == self._where:
            self.refresh()
        else:
            self.panel.choose(where)

    def _order_chosen(self, order: str) -> None:
        self._remember("window_order", order)
        self._show_other()

    def _tile_chosen(self, tile: int) -> None:
        if tile != self.gallery.tile:
            self.gallery.set_tile(tile)
        self._remember("window_tile", tile)

    def _selection_changed(self) -> None:
        label = self.label(self._where)
        names = {
            "all": self.tr("All photographs"),
            "unlabelled": self.tr("Unlabelled"),
            "disagree": self.tr("Disk says otherwise"),
            "unreadable": self.tr("Not readable"),
            "gone": self.tr("Gone"),
        }
        title = label.name if label is not None else names.get(str(self._where), "")
        total, chosen = len(self.gallery.ids()), self.gallery.selected_count()
        if chosen > 1:
            count = self.tr("{n} of {total} selected").format(n=words.number(chosen), total=words.number(total))
        else:
            count = words.photographs(total) if self._where != "all" or self._search else words.number(total)
        self.toolbar.set_shown(title, count, chosen)

    def _thumbnail_ready(self, photo_id: int, path: str) -> None:
        self.gallery.thumbs.arrived(photo_id, path)

    # ---------------------------------------------------------------------------------------------------------------
    # Proposals for Unlabelled

    def _ask_proposals(self) -> None:
        quick = self.session.quick.state
        ready = quick.exists or quick.phase == "ready"
        shown = self._where == "unlabelled" and bool(len(self.gallery.ids()))
        self.proposing.setVisible(shown and ready and len(self._labels) > 1)
        if self.proposing.isHidden():
            return
        self.proposer.ask(self.gallery.ids())
        self._say_proposing()

    def _say_proposing(self) -> None:
        count = len(self.proposer.proposals())
        if self.proposer.waiting and not count:
            self.proposing.say(self.tr("The quick model is looking at them to propose labels..."))
        elif count:
            self.proposing.say(
                self.tr("Proposed labels, least sure first. Enter accepts, 1 to 9 corrects, L types another.")
            )
        else:
            self.proposing.say(self.tr("Press 1 to 9 to label a photograph, or L to type a label."))

    def _proposals_changed(self) -> None:
        if self._where == "unlabelled":
            first = self.gallery.current <= 0 and self.gallery.selected_count() <= 1
            self.refresh()
            if first:
                self.gallery.set_current(0)

    # ---------------------------------------------------------------------------------------------------------------
    # Undo

    def say(self, text: str, *, undo: bool = True) -> None:
        """Tell what was just done, over the photographs or over the loupe."""
        self.toast.say(text, undo=undo, over=self.looking.loupe if self.looking.shown else None)

    def undo(self) -> None:
        """Take the last correction back."""
        text = self.session.corrections.undo()
        if text:
            self.say(self.tr("Undone: {what}").format(what=text), undo=False)

    def redo(self) -> None:
        """Do again what was undone."""
        text = self.session.corrections.redo()
        if text:
            self.say(self.tr("Done again: {what}").format(what=text))

    def _undo_changed(self) -> None:
        try:
            undo, redo = self.session.project.undo_text(), self.session.project.redo_text()
        except UserError:
            return
        self.toolbar.set_undo(undo, redo)

    # ---------------------------------------------------------------------------------------------------------------
    # Quick model

    def _quick_changed(self, quick: QuickState) -> None:
        with_photographs = sum(1 for label in self._labels if label.count and not label.excluded)
        self.dock.show_state(quick, with_photographs, self._counts.get("photographs", 0))
        if quick.phase == "ready" and self.proposing.isHidden():
            self._ask_proposals()

    # ---------------------------------------------------------------------------------------------------------------
    # Menu, drawer, focus

    def _photo_menu(self, point: QPoint) -> None:
        menu = photo_menu(self, self.labelling, self.gallery, self._labels)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(point)

    def _find(self) -> None:
        if self._drawer and not self.panel.isVisible():
            self._toggle_drawer()
        self.panel.search.setFocus()
        self.panel.search.selectAll()

    def _toggle_drawer(self) -> None:
        opened = self.panel.isHidden()
        self.panel.setVisible(opened)
        self.toolbar.set_drawer(possible=True, opened=opened)
        if opened:
            self._place_drawer()
            self.panel.raise_()
            self.panel.list.setFocus()
        else:
            self.gallery.setFocus()

    def _dragging(self, begins: bool) -> None:
        """Labels come out of their drawer while photographs are dragged."""
        if self._drawer and begins == self.panel.isHidden():
            self._toggle_drawer()

    def _place_drawer(self) -> None:
        top = self.toolbar.height()
        self.panel.setGeometry(0, top, WIDTH, self.height() - top)

    def _arrange(self) -> None:
        drawer = self.width() < DRAWER_BELOW
        self.toolbar.set_narrow(self.width() < NARROW_BELOW)
        if drawer != self._drawer:
            self._drawer = drawer
            if drawer:
                self._row.removeWidget(self.panel)
                self.panel.hide()
            else:
                self._row.insertWidget(0, self.panel)
                self.panel.show()
            self.toolbar.set_drawer(possible=drawer, opened=False)
        if drawer:
            self._place_drawer()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the labels a drawer where there is little room."""
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        """Show what changed while another page was in front."""
        super().showEvent(event)
        if self._dirty:
            self.refresh_soon()
        focus = self.window().focusWidget()
        if focus is None or not self.isAncestorOf(focus):
            (self.gallery if self.stack.currentWidget() is self.gallery else self.empty.button).setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        """Another page comes to the front: what lies over the window goes."""
        super().hideEvent(event)
        self.looking.close()
        self.labelling.cancel()

    def shut(self) -> None:
        """End the threads that read pictures, and read no more of the project."""
        self._shut = True
        self._refresh_timer.stop()
        self.lister.close()
        self.gallery.set_fetch(no_photos)
        self.gallery.thumbs.close()
        self.looking.shut()

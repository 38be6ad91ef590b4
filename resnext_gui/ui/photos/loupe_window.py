"""The loupe over the window, fed from the gallery of the Photos page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut

from resnext_gui.ui.common import words
from resnext_gui.ui.photos.gallery.loupe import Loupe

if TYPE_CHECKING:
    from resnext_gui.ui.photos.page import PhotosPage


class LoupeOpener(QObject):
    """Opens the loupe and keeps it at the gallery's current photograph."""

    def __init__(self, page: PhotosPage) -> None:
        super().__init__(page)
        self._page = page
        self.loupe: Loupe | None = None
        page.gallery.opened.connect(self.open)
        page.gallery.current_changed.connect(self.update)
        page.listed.connect(self.update)
        page.session.model_view_ready.connect(self._model_view_ready)
        page.session.thumbnail_ready.connect(self._thumbnail_ready)

    @property
    def shown(self) -> bool:
        """Whether the loupe covers the window."""
        return self.loupe is not None and self.loupe.isVisible()

    def open(self) -> None:
        """Look closer at the current photograph."""
        if self._page.gallery.current_id() < 0:
            return
        if self.loupe is None or self.loupe.parentWidget() is not self._page.window():
            self.loupe = self._make()
        self._show(self.loupe, opening=True)

    def update(self, _listing: object = None) -> None:
        """The gallery moved on, or its photograph changed."""
        if self.loupe is not None and self.shown:
            self._show(self.loupe)

    def close(self) -> None:
        """Take the loupe away."""
        if self.loupe is not None and self.shown:
            self.loupe.close_loupe()

    def shut(self) -> None:
        """End the thread that reads."""
        if self.loupe is not None:
            self.loupe.shut()

    def _make(self) -> Loupe:
        page = self._page
        loupe = Loupe(page.window())
        page.destroyed.connect(loupe.deleteLater)  # it belongs to the window, which outlives the page
        loupe.closed.connect(page.gallery.setFocus)
        loupe.closed.connect(page.toast.hide)
        loupe.stepped.connect(self._step)
        loupe.label_key.connect(page.labelling.give_key)
        loupe.label_wanted.connect(page.labelling.ask)
        loupe.accepted.connect(page.labelling.accept)
        loupe.remove_wanted.connect(page.labelling.forget)
        loupe.model_view_wanted.connect(page.session.answers.model_view)
        for keys, action in (("Ctrl+Z", page.undo), ("Ctrl+Shift+Z", page.redo), ("Ctrl+Y", page.redo)):
            shortcut = QShortcut(QKeySequence(keys), loupe)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)
        return loupe

    def _step(self, by: int) -> None:
        self._page.gallery.set_current(self._page.gallery.current + by)

    def _show(self, loupe: Loupe, *, opening: bool = False) -> None:
        gallery = self._page.gallery
        photo_id = gallery.current_id()
        photo = gallery.photo(photo_id) if photo_id >= 0 else None
        if photo is None:
            loupe.close_loupe()
            return
        place = self.tr("{n} of {total}").format(
            n=words.number(gallery.current + 1), total=words.number(len(gallery.ids()))
        )
        thumb = gallery.thumbs.path(photo_id)
        show = loupe.open_photo if opening else loupe.show_photo
        show(photo, thumb, place, gallery.proposal(photo_id))
        if not thumb and photo.status in ("ok", "changed"):
            self._page.session.imports.request_thumbnails([photo_id])

    def _model_view_ready(self, path: str, png: str) -> None:
        if self.loupe is not None and self.shown:
            self.loupe.model_view_ready(path, png)

    def _thumbnail_ready(self, photo_id: int, path: str) -> None:
        if self.loupe is not None and self.shown:
            self.loupe.thumbnail_ready(photo_id, path)

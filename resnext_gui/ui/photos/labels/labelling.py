"""Giving labels on the Photos page: by key, by name, by dragging, by accepting what is proposed; and forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from resnext_gui.project import Label
from resnext_gui.ui.common import words
from resnext_gui.ui.photos.gallery.lister import Where
from resnext_gui.ui.photos.labels.entry import LabelEntry

if TYPE_CHECKING:
    from resnext_gui.ui.photos.page import PhotosPage


class Labelling(QObject):
    """What the person's hands do to photographs and labels.  Everything can be undone."""

    def __init__(self, page: PhotosPage) -> None:
        super().__init__(page)
        self._page = page
        self._entry: LabelEntry | None = None
        self._asked_for: list[int] = []
        self._merging = 0
        gallery, panel = page.gallery, page.panel
        gallery.label_key.connect(self.give_key)
        gallery.label_wanted.connect(self.ask)
        gallery.accepted.connect(self.accept)
        gallery.remove_wanted.connect(self.forget)
        page.toolbar.label_wanted.connect(self.ask)
        panel.number_pressed.connect(self.give_key)
        panel.dropped.connect(self.drop)
        panel.renamed.connect(self.rename)
        panel.new_wanted.connect(self.new_label)
        panel.merge_wanted.connect(self.merge)
        panel.excluded.connect(page.session.corrections.exclude_label)
        panel.removed.connect(page.session.corrections.remove_label)

    # ---- photographs

    def target(self) -> list[int]:
        """Return what the hands are on: the photograph in the loupe, or what is chosen in the gallery."""
        gallery = self._page.gallery
        if self._page.looking.shown:
            return [gallery.current_id()] if gallery.current_id() >= 0 else []
        return gallery.chosen()

    def give(self, label_id: int | None, ids: Sequence[int] | None = None) -> None:
        """Give photographs a label (None: take it away): `ids`, or what is chosen in the gallery."""
        page = self._page
        moved = list(ids) if ids is not None else self.target()
        label = page.label(label_id) if label_id is not None else None
        if not moved or (label_id is not None and label is None):
            return
        if len(moved) == 1:
            photo = page.gallery.photo(moved[0])
            if photo is not None and photo.label_id == label_id:
                return
        page.session.corrections.move(moved, label_id)
        page.gallery.relabel(moved, label_id, label.name if label is not None else None)
        if page.leaves_place():
            page.gallery.pass_on(moved)
        page.refresh_soon()  # should the move have failed, that shows too
        name = label.name if label is not None else self.tr("Unlabelled")
        page.say(
            self.tr("{photographs} now {name}").format(photographs=words.photographs(len(moved)), name=name)
            if label is None
            else self.tr("{photographs} labelled {name}").format(photographs=words.photographs(len(moved)), name=name)
        )

    def give_key(self, key: int) -> None:
        """Give the label with this key, 1..9."""
        if key <= len(self._page.labels):
            self.give(self._page.labels[key - 1].id)

    def drop(self, ids: list[int], where: Where) -> None:
        """Photographs were dropped on a label, or on Unlabelled."""
        if isinstance(where, int):
            self.give(where, ids)
        elif where == "unlabelled":
            self.give(None, ids)

    def accept(self) -> None:
        """Give the chosen photographs the labels that are proposed for them."""
        page = self._page
        by_name = {label.name: label.id for label in page.labels}
        groups: dict[int, list[int]] = {}
        for photo_id in self.target():
            proposal = page.gallery.proposal(photo_id)
            label_id = by_name.get(proposal.label) if proposal is not None else None
            if label_id is not None:
                groups.setdefault(label_id, []).append(photo_id)
        for label_id, ids in groups.items():
            self.give(label_id, ids)

    def forget(self, ids: Sequence[int] | None = None) -> None:
        """Take photographs out of the project; their files stay where they are."""
        page = self._page
        gone = list(ids) if ids is not None else self.target()
        if gone:
            page.session.corrections.remove_photos(gone)
            page.gallery.pass_on(gone)
            page.say(
                self.tr("{photographs} left out. The files stay where they are.").format(
                    photographs=words.photographs(len(gone))
                )
            )

    # ---- labels

    def new_label(self, name: str) -> None:
        """Add a label."""
        self._page.session.corrections.add_label(name)

    def rename(self, label_id: int, name: str) -> None:
        """Rename a label; a name that is taken is an offer to merge."""
        page = self._page
        other = next((label for label in page.labels if label.name == name and label.id != label_id), None)
        if other is None:
            page.session.corrections.rename_label(label_id, name)
            return
        self.merge(label_id, other.id)

    def merge(self, label_id: int, into: int) -> None:
        """Merge a label into another; 0 asks for the other one."""
        page = self._page
        label = page.label(label_id)
        if label is None:
            return
        if not into:
            self._merging = label_id
            others = [one for one in page.labels if one.id != label_id]
            self._show_entry(others, self.tr('Merge "{name}" into').format(name=label.name), may_make=False)
            return
        other = page.label(into)
        if other is not None:
            page.session.corrections.merge_labels(label_id, into)
            page.say(self.tr("{name} merged into {other}").format(name=label.name, other=other.name))

    # ---- the field

    def ask(self) -> None:
        """Ask for the label of what is chosen."""
        page = self._page
        self._merging = 0
        self._asked_for = self.target()
        if self._asked_for:
            title = self.tr("Label for {photographs}").format(photographs=words.photographs(len(self._asked_for)))
            self._show_entry(page.labels, title)

    def _show_entry(self, labels: Sequence[Label], title: str, *, may_make: bool = True) -> None:
        window = self._page.window()
        if self._entry is None or self._entry.parentWidget() is not window:
            self._entry = LabelEntry(window)
            self._page.destroyed.connect(self._entry.deleteLater)
            self._entry.picked.connect(self._picked)
            self._entry.made.connect(self._made)
        self._entry.ask(labels, title, may_make=may_make)

    @property
    def entry(self) -> LabelEntry | None:
        """The field, once it was shown."""
        return self._entry

    def _picked(self, label_id: int) -> None:
        if self._merging:
            self.merge(self._merging, label_id)
            self._merging = 0
        else:
            self.give(label_id, self._asked_for)

    def _made(self, name: str) -> None:
        page = self._page
        made = page.session.corrections.add_label(name)
        if made is not None:
            page.refresh()
            self.give(made, self._asked_for)

    def cancel(self) -> None:
        """Close the field."""
        if self._entry is not None:
            self._entry.cancel()

"""Photographs coming into the project: asking for them, the receipt, news from the disk, and files with trouble."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from resnext_gui.messages import Source, UserError
from resnext_gui.ui.common import files
from resnext_gui.ui.photos.findings import MOST_ROWS
from resnext_gui.ui.photos.gallery.lister import Listing
from resnext_gui.ui.photos.receipt import plain_rule
from resnext_gui.ui.session.state import Change

if TYPE_CHECKING:
    from resnext_gui.ui.photos.page import PhotosPage


class Incoming(QObject):
    """Keeps the strips under the toolbar that tell of imports, and the list of findings."""

    def __init__(self, page: PhotosPage) -> None:
        super().__init__(page)
        self._page = page
        self._import_id = 0
        self._import_text: str | None = None
        self._counts: dict[str, int] = {}
        session = page.session
        self._add = session.imports.add
        session.import_finished.connect(self._import_finished)
        session.reconciled.connect(self._reconciled)
        session.changed.connect(self._on_changed)
        page.listed.connect(self._on_listed)
        page.toolbar.folder_wanted.connect(self.add_folder)
        page.toolbar.files_wanted.connect(self.add_files)
        page.toolbar.table_wanted.connect(self.add_table)
        page.empty.folder_wanted.connect(self.add_folder)
        page.dock.add_wanted.connect(self.add_folder)
        receipt, news, findings = page.receipt, page.news, page.findings
        receipt.undo_wanted.connect(self._undo_import)
        receipt.show_wanted.connect(lambda: self.show_findings("unreadable"))
        receipt.preview_wanted.connect(self._preview)
        receipt.rule_wanted.connect(self._import_again)
        receipt.closed.connect(self._close_receipt)
        news.apply_wanted.connect(self._apply_news)
        news.gone_wanted.connect(lambda: self.show_findings("gone"))
        news.disagree_wanted.connect(lambda: page.panel.choose("disagree"))
        news.given_up.connect(lambda: page.session.imports.reconcile(gone=True))
        news.undo_wanted.connect(self._undo_news)
        news.closed.connect(news.hide)
        page.disagree.take_wanted.connect(lambda: self._settle(take=True))
        page.disagree.keep_wanted.connect(lambda: self._settle(take=False))
        page.findings_line.show_wanted.connect(self.show_findings)
        findings.forget_wanted.connect(self._forget)
        findings.find_wanted.connect(self._find)
        findings.closed.connect(self._close_findings)

    # ---- asking for photographs

    def add_folder(self) -> None:
        """Ask for a folder and add what it holds."""
        files.ask_folder(self._page, self.tr("Add photographs from a folder"), self._add)

    def add_files(self) -> None:
        """Ask for pictures and add them."""
        kinds = self.tr("Pictures") + f" ({files.PICTURES})"
        files.ask_open(self._page, self.tr("Add pictures"), kinds, self._add, several=True)

    def add_table(self) -> None:
        """Ask for a table of path and label and add what it lists."""
        files.ask_open(self._page, self.tr("Add a table of path and label"), self.tr("Table") + " (*.csv)", self._add)

    # ---- the receipt

    def _import_finished(self, receipt: dict[str, Any]) -> None:
        page = self._page
        self._import_id = int(receipt.get("import_id") or 0)
        try:
            self._import_text = self._last()
            sources = self._sources()
        except UserError:
            self._import_text, sources = None, []
        page.receipt.show_receipt(receipt, can_choose=bool(sources), can_undo=self._import_text is not None)
        page.refresh()

    def _last(self) -> str | None:
        """Return what would be undone now."""
        return self._page.session.project.undo_text()

    def _sources(self) -> list[Source]:
        return self._page.session.project.import_sources(self._import_id) if self._import_id else []

    def _on_changed(self, what: Change) -> None:
        """Something was done or undone: the import can be taken back only while it is what comes next."""
        receipt = self._page.receipt
        if what & Change.UNDO and self._import_text is not None and not receipt.isHidden():
            with contextlib.suppress(UserError):
                if self._page.session.project.redo_text() == self._import_text:
                    self._close_receipt()  # it tells of photographs that are no longer here
                else:
                    receipt.set_can_undo(self._last() == self._import_text)

    def _undo_import(self) -> None:
        self._close_receipt()
        self._page.undo()

    def _close_receipt(self) -> None:
        self._page.receipt.hide()
        self._say_counts()

    def _preview(self) -> None:
        asked = self._import_id

        def show(result: dict[str, Any]) -> None:
            if asked == self._import_id:
                self._page.receipt.set_preview(result)

        try:
            sources = [replace(source, rule="auto", label=None) for source in self._sources()]
        except UserError as error:
            show({"error": error.message})
            return
        self._page.session.imports.preview(sources, show)

    def _import_again(self, rule: str) -> None:
        session = self._page.session
        try:
            sources = self._sources()
            possible = self._last() == self._import_text
        except UserError:
            return  # the session tells about it
        if sources and possible and session.corrections.undo():
            self._close_receipt()
            session.imports.add([replace(source, rule=plain_rule(rule), label=None) for source in sources])

    # ---- the disk

    def _reconciled(self, result: dict[str, Any]) -> None:
        page = self._page
        if result.get("receipt"):
            page.news.hide()
        else:
            page.news.show_news(result)
        page.refresh()

    def _apply_news(self) -> None:
        self._page.news.hide()
        self._page.session.imports.reconcile(apply=True)

    def _undo_news(self) -> None:
        self._page.news.hide()
        self._page.undo()

    def _settle(self, take: bool) -> None:
        page = self._page
        chosen = page.gallery.chosen() if page.gallery.selected_count() > 1 else page.gallery.ids()
        page.session.corrections.settle_disk_labels(list(chosen), take)
        page.refresh_soon()

    # ---- findings

    def _on_listed(self, listing: Listing) -> None:
        """Say how many files are unreadable or gone, and of photographs that are shown what the disk says."""
        page = self._page
        self._counts = listing.counts
        self._say_counts()
        page.disagree.hide()
        if listing.query.where == "disagree" and len(listing.ids):
            with contextlib.suppress(UserError):  # the session tells about it
                page.disagree.show_names(len(listing.ids), page.session.project.disputed_names())

    def _say_counts(self) -> None:
        # The receipt says the same, so one of them is enough.
        said = not self._page.receipt.show_button.isHidden() and not self._page.receipt.isHidden()
        unreadable = 0 if said else self._counts.get("unreadable", 0)
        self._page.findings_line.set_counts(unreadable, self._counts.get("gone", 0))

    def show_findings(self, which: str) -> None:
        """List the files that are ``"unreadable"`` or ``"gone"``."""
        page = self._page
        try:
            ids = page.session.project.photo_ids(which)
            photos = page.session.project.photos(ids[:MOST_ROWS])
        except UserError:
            return  # the session tells about it
        if not photos:
            self._close_findings()
            return
        page.findings.show_photos(photos, len(ids), which)
        page.stack.setCurrentWidget(page.findings)
        page.findings.tree.setFocus()

    def _close_findings(self) -> None:
        self._page.show_photographs()
        self._page.gallery.setFocus()

    def _forget(self, ids: list[int]) -> None:
        which = self._page.findings.which
        self._page.labelling.forget(ids)
        self.show_findings(which)

    def _find(self) -> None:
        files.ask_folder(self._page, self.tr("Where are the photographs now?"), self._add)

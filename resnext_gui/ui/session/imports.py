"""How photographs come in: scanning, previews, reconciling with the disk, samples, and thumbnails."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from resnext_gui import messages
from resnext_gui.messages import Failed, Source, UserError
from resnext_gui.ui.engine_process.client import Job
from resnext_gui.ui.session.core import SessionCore
from resnext_gui.ui.session.state import Change, Work

TRIES = 3
"""A file that ends the engine twice is refused by name at the third try, so an import goes on by itself."""
LOOKED_FOR = 200
"""Thumbnails looked for on the disk at one request; a window shows fewer."""
KNOWN_THUMBNAILS = 60_000
"""Paths of thumbnails that are remembered, about 150 bytes each."""
ASK_AGAIN = 20_000
"""Milliseconds between two questions whether a drive has come back."""


class Imports(QObject):
    """Brings photographs into the project."""

    settled = Signal()
    """An import ended, or the disk was compared with."""

    def __init__(self, session: SessionCore) -> None:
        super().__init__(session)
        self._session = session
        self._scans: set[Job] = set()
        self._reconcile: Job | None = None
        self._away: list[str] = []
        self._ask_again = QTimer(self)
        self._ask_again.setSingleShot(True)
        self._ask_again.timeout.connect(lambda: self.reconcile(quiet=True))
        self._thumbnails: OrderedDict[int, str] = OrderedDict()
        self._wanted: list[int] = []
        self._thumbnail_job: Job | None = None
        self._thumbnail_pause = QTimer(self)
        self._thumbnail_pause.setSingleShot(True)
        self._thumbnail_pause.setInterval(30)  # scrolling asks many times a second; the last question counts
        self._thumbnail_pause.timeout.connect(self._send_thumbnails)
        session.changed.connect(self._on_changed)

    @property
    def scanning(self) -> bool:
        """Whether photographs are being added."""
        return any(not job.done for job in self._scans)

    # ---- scanning

    def add(self, sources: Iterable[Source | str], tries: int = 1) -> None:
        """Scan folders, pictures and tables into the project; `tries` counts up when the engine dies of it."""
        asked = tuple(Source(source) if isinstance(source, str) else source for source in sources)
        if not asked:
            return

        def failed(failure: Failed) -> None:
            if failure.code == "engine_exited" and tries < TRIES:
                self.add(asked, tries + 1)
            else:
                self._session.tell(failure, "photos")
                self.settled.emit()

        job = self._session.run(
            messages.Scan("", self._session.folder, asked),
            done=self._on_scanned,
            failed=failed,
            work=Work(self.tr("Looking for photographs"), can_cancel=True, key="scan"),
            counted=self.tr("Reading photographs"),
        )
        self._note_scan(job)

    def _note_scan(self, job: Job) -> None:
        self._scans.add(job)
        job.over.connect(lambda: self._scans.discard(job))

    def _on_scanned(self, receipt: dict[str, Any]) -> None:
        self._session.changed.emit(Change.UNDO)
        self._session.import_finished.emit(receipt)
        self.settled.emit()

    def add_samples(self) -> None:
        """Render the sample photographs beside the database, then add them like any folder."""
        folder = str(self._session.project.folder / "sample photographs")
        job = self._session.run(
            messages.RenderSamples("", folder),
            "photos",
            done=lambda result: self.add([str(result.get("folder") or folder)]),
            work=Work(self.tr("Drawing sample photographs"), can_cancel=True, key="samples"),
        )
        self._note_scan(job)

    def preview(self, sources: Iterable[Source], callback: Callable[[dict[str, Any]], None]) -> None:
        """Tell `callback` which labels each rule would give (see ``preview_job``); ``{"error": ...}`` on trouble."""
        self._session.run(
            messages.Preview("", tuple(sources)),
            done=callback,
            failed=lambda failure: callback({"error": failure.message, "hint": failure.hint}),
        )

    # ---- reconciling

    def reconcile_at_opening(self) -> None:
        """Look at the disk once, when the project has photographs."""
        if self._session.project.photo_count() > 0:
            self.reconcile()

    def reconcile(self, apply: bool = False, gone: bool = False, quiet: bool = False) -> None:
        """Compare the project with the disk; ends with `reconciled`.

        Args:
            apply: take in what is new.
            gone: the person says that what is out of reach is gone.
            quiet: only see whether a drive has come back.
        """
        self._ask_again.stop()
        if self._reconcile is not None:
            if quiet:
                return  # the one under way will tell
            self._reconcile.cancel()
        title = self.tr("Reading photographs") if apply else self.tr("Comparing with the folders")
        job = self._session.run(
            messages.Reconcile("", self._session.folder, apply, gone),
            done=lambda result: self._on_reconciled(result, quiet),
            failed=lambda failure: self._session.tell(failure, "photos", "caution"),
            work=None if quiet else Work(title, can_cancel=True, key="reconcile"),
        )
        self._reconcile = job
        job.over.connect(lambda: self._end_reconcile(job))

    def _end_reconcile(self, job: Job) -> None:
        if self._reconcile is job:
            self._reconcile = None

    def _on_reconciled(self, result: dict[str, Any], quiet: bool) -> None:
        session = self._session
        before, self._away = self._away, [str(path) for path in result.get("unreachable") or []]
        if self._away:
            self._ask_again.start(ASK_AGAIN)
        result["returned"] = [path for path in before if path not in self._away]
        if quiet and before == self._away:
            return
        receipt = result.get("receipt")
        if result["returned"]:
            self._forget_refused()
        if receipt or result.get("relabelled") or result.get("labelled"):
            session.changed.emit(Change.UNDO)
        session.reconciled.emit(result)
        if receipt:
            session.import_finished.emit(receipt)
        self.settled.emit()

    # ---- thumbnails

    def thumbnail(self, photo_id: int) -> str | None:
        """Return the thumbnail's path if it was announced before; an empty text: there is none to be had."""
        return self._thumbnails.get(photo_id)

    def request_thumbnails(self, photo_ids: Iterable[int]) -> None:
        """Announce what is known of these photographs at once, and ask the engine for the rest.

        What was asked for before and is not done is dropped.
        """
        known = self._thumbnails
        asked = list(dict.fromkeys(photo_ids))
        self._find_on_disk([photo_id for photo_id in asked if photo_id not in known][:LOOKED_FOR])
        self._wanted = []
        for photo_id in asked:
            if photo_id in known:
                known.move_to_end(photo_id)
                self._session.thumbnail_ready.emit(photo_id, known[photo_id])
            else:
                self._wanted.append(photo_id)
        if not self._thumbnail_pause.isActive():
            self._thumbnail_pause.start()

    def _find_on_disk(self, photo_ids: list[int]) -> None:
        """Find thumbnails that were made before, so that an opened project shows at once."""
        project = self._session.project
        try:
            photos = project.photos(photo_ids)
        except UserError:
            return  # the engine will say what is the matter
        for photo in photos:
            # The engine's place for it; where it keeps them elsewhere, it is simply asked.
            path = project.thumbnail(photo.hash) if photo.status == "ok" else None
            if path is not None:
                self._thumbnails[photo.id] = str(path)

    def _send_thumbnails(self) -> None:
        if self._thumbnail_job is not None:
            under_way = set(self._thumbnail_job.command.photo_ids)  # type: ignore[union-attr]
            if under_way.issuperset(self._wanted):
                return
            self._thumbnail_job.cancel()
            self._thumbnail_job = None
        if not self._wanted:
            return
        command = messages.Thumbnails("", self._session.folder, tuple(self._wanted))
        job = self._session.run(command, event=self._on_thumbnail, failed=lambda _failure: None)
        self._thumbnail_job = job
        job.over.connect(lambda: self._end_thumbnails(job))

    def _on_thumbnail(self, event: object) -> None:
        if isinstance(event, messages.ThumbnailReady):
            self._thumbnails[event.photo_id] = event.path
            self._thumbnails.move_to_end(event.photo_id)
            while len(self._thumbnails) > KNOWN_THUMBNAILS:
                self._thumbnails.popitem(last=False)
            self._session.thumbnail_ready.emit(event.photo_id, event.path)

    def _end_thumbnails(self, job: Job) -> None:
        if self._thumbnail_job is job:
            self._thumbnail_job = None

    def _on_changed(self, what: Change) -> None:
        if what & Change.PHOTOS:
            self._forget_refused()

    def _forget_refused(self) -> None:
        """A photograph that had no thumbnail may have one after a change on the disk."""
        for photo_id in [photo_id for photo_id, path in self._thumbnails.items() if not path]:
            del self._thumbnails[photo_id]

    def close(self) -> None:
        """Ask for nothing more."""
        self._thumbnail_pause.stop()
        self._ask_again.stop()

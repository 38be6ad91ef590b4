"""How photographs come in: scanning, previews, reconciling with the disk, samples, and thumbnails."""

from __future__ import annotations

import dataclasses
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from resnext_gui import messages
from resnext_gui.messages import Failed, Progress, Source, UserError
from resnext_gui.ui.engine_process.client import Job
from resnext_gui.ui.session.state import Work

if TYPE_CHECKING:
    from resnext_gui.ui.session.session import Session

TRIES = 3
"""A file that ends the engine twice is refused by name at the third try, so an import goes on by itself."""
LOOKED_FOR = 200
"""Thumbnails looked for on the disk at one request; a window shows fewer."""
KNOWN_THUMBNAILS = 60_000
"""Paths of thumbnails that are remembered, about 150 bytes each."""


LOOK_AGAIN = 20_000
"""Milliseconds between two looks whether a drive has come back."""


class ImportDesk(QObject):
    """Brings photographs into the project."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._scans: list[Job] = []
        self._jobs: set[Job] = set()
        self._reconcile: Job | None = None
        self._away: list[str] = []
        self._look_again = QTimer(self)
        self._look_again.setSingleShot(True)
        self._look_again.timeout.connect(lambda: self.reconcile(False, quiet=True))
        self.thumbnails: OrderedDict[int, str] = OrderedDict()
        self._wanted: list[int] = []
        self._thumbnail_job: Job | None = None
        self._thumbnail_pause = QTimer(self)
        self._thumbnail_pause.setSingleShot(True)
        self._thumbnail_pause.setInterval(30)  # scrolling asks many times a second; the last question counts
        self._thumbnail_pause.timeout.connect(self._send_thumbnails)
        session.photos_changed.connect(self._forget_refused)

    @property
    def scanning(self) -> bool:
        """Whether photographs are being added."""
        return bool(self._scans)

    # ---- scanning

    def add(self, sources: list[Source], tries: int = 1) -> None:
        """Scan `sources` into the project; `tries` counts up when the engine dies of it."""
        if not sources:
            return
        job = self._session.assistant.submit(messages.Scan("", self._session.folder, tuple(sources)))
        self._scans.append(job)
        self._show(job, Work(self.tr("Looking for photographs"), can_cancel=True, key="scan"))
        job.happened.connect(lambda event: self._on_scan_event(job, event))
        job.finished.connect(lambda result: self._on_scanned(job, result))
        job.failed.connect(lambda failure: self._on_scan_failed(job, failure, sources, tries))

    def _show(self, job: Job, work: Work) -> None:
        self._session.set_work(work.key, work, job.stop)

    def _on_scan_event(self, job: Job, event: object) -> None:
        if isinstance(event, Progress):
            title = self.tr("Looking for photographs") if event.total == 0 else self.tr("Reading photographs")
            self._show(job, Work(title, str(event.text), event.done, event.total, event.seconds_left, True, "scan"))

    def _end_scan(self, job: Job) -> None:
        if job in self._scans:
            self._scans.remove(job)
        if not self._scans:
            self._session.set_work("scan", None)
        self._session.look()

    def _on_scanned(self, job: Job, receipt: dict[str, Any]) -> None:
        self._end_scan(job)
        self._session.undo_changed.emit()
        self._session.import_finished.emit(receipt)
        self._session.quicks.consider()

    def _on_scan_failed(self, job: Job, failure: Failed, sources: list[Source], tries: int) -> None:
        self._end_scan(job)
        if failure.code == "engine_exited" and tries < TRIES:
            self.add(sources, tries + 1)
            return
        self._session.tell(failure, "photos")
        self._session.quicks.consider()

    # ---- previews

    def preview(self, sources: list[Source], callback: Callable[[dict[str, Any]], None]) -> None:
        """Tell `callback` what each rule would make of `sources`."""
        job = self._session.assistant.submit(messages.Preview("", tuple(sources)))
        self._keep(job)
        job.finished.connect(callback)
        job.failed.connect(lambda failure: callback({"error": failure.message, "hint": failure.hint}))

    def _keep(self, job: Job) -> None:
        self._jobs.add(job)
        job.over.connect(lambda: self._jobs.discard(job))

    # ---- reconciling

    def reconcile_at_opening(self) -> None:
        """Look at the disk once, when the project has photographs."""
        if self._session.project.photo_count() > 0:
            self.reconcile(False)

    def reconcile(self, apply: bool, gone: bool = False, quiet: bool = False) -> None:
        """Compare the project with the disk; with `apply`, take in what is new, with `gone`, give up what is away.

        `quiet`: only to see whether a drive has come back.
        """
        self._look_again.stop()
        if quiet and self._reconcile is not None:
            return  # the one under way will tell
        if self._reconcile is not None:
            self._reconcile.cancel()
        job = self._session.assistant.submit(messages.Reconcile("", self._session.folder, apply, gone))
        self._reconcile = job
        if apply:
            self._show(job, Work(self.tr("Reading photographs"), can_cancel=True, key="reconcile"))
        if not quiet:
            job.happened.connect(lambda event: self._on_reconcile_event(job, event, apply))
        job.finished.connect(lambda result: self._on_reconciled(job, result, quiet))
        job.failed.connect(lambda failure: self._on_reconcile_failed(job, failure))

    def _on_reconcile_event(self, job: Job, event: object, apply: bool) -> None:
        if isinstance(event, Progress):
            title = self.tr("Reading photographs") if apply else self.tr("Comparing with the folders")
            self._show(
                job, Work(title, str(event.text), event.done, event.total, event.seconds_left, True, "reconcile")
            )

    def _end_reconcile(self, job: Job) -> None:
        if self._reconcile is job:
            self._reconcile = None
            self._session.set_work("reconcile", None)
        self._session.look()

    def _on_reconciled(self, job: Job, result: dict[str, Any], quiet: bool) -> None:
        self._end_reconcile(job)
        before, self._away = self._away, [str(path) for path in result.get("unreachable") or []]
        if self._away:
            self._look_again.start(LOOK_AGAIN)
        result["returned"] = [path for path in before if path not in self._away]
        if quiet and before == self._away:
            return
        if result["returned"]:
            self._forget_refused()
        if result.get("relabelled") or result.get("labelled"):
            self._session.undo_changed.emit()
        self._session.reconciled.emit(result)
        receipt = result.get("receipt")
        if receipt:
            self._session.undo_changed.emit()
            self._session.import_finished.emit(receipt)
        self._session.quicks.consider()

    def _on_reconcile_failed(self, job: Job, failure: Failed) -> None:
        self._end_reconcile(job)
        self._session.tell(failure, "photos", "caution")

    # ---- samples

    def add_samples(self) -> None:
        """Render the samples beside the database, then add them like any folder."""
        folder = str(self._session.project.folder / "sample photographs")
        job = self._session.assistant.submit(messages.RenderSamples("", folder))
        self._scans.append(job)
        work = Work(self.tr("Drawing sample photographs"), can_cancel=True, key="samples")
        self._session.set_work("samples", work, job.stop)

        def event(happened: object) -> None:
            if isinstance(happened, Progress):
                now = dataclasses.replace(
                    work, done=happened.done, total=happened.total, seconds_left=happened.seconds_left
                )
                self._session.set_work("samples", now, job.stop)

        def ended() -> None:
            self._session.set_work("samples", None)
            self._end_scan(job)

        def done(result: dict[str, Any]) -> None:
            ended()
            self.add([Source(str(result.get("folder") or folder))])

        def failed(failure: Failed) -> None:
            ended()
            self._session.tell(failure, "photos")

        job.happened.connect(event)
        job.finished.connect(done)
        job.failed.connect(failed)

    # ---- thumbnails

    def request_thumbnails(self, photo_ids: Iterable[int]) -> None:
        """Announce what is known of these photographs at once, and ask the engine for the rest."""
        known = self.thumbnails
        asked = list(dict.fromkeys(photo_ids))
        self._look_on_disk([photo_id for photo_id in asked if photo_id not in known][:LOOKED_FOR])
        self._wanted = []
        for photo_id in asked:
            if photo_id in known:
                known.move_to_end(photo_id)
                self._session.thumbnail_ready.emit(photo_id, known[photo_id])
            else:
                self._wanted.append(photo_id)
        if not self._thumbnail_pause.isActive():
            self._thumbnail_pause.start()

    def _look_on_disk(self, photo_ids: list[int]) -> None:
        """Find thumbnails that were made before, so that an opened project shows at once."""
        project = self._session.project
        try:
            photos = project.photos(photo_ids)
        except UserError:
            return  # the engine will say what is the matter
        for photo in photos:
            # The engine's place for it; where it keeps them elsewhere, it is simply asked.
            path = project.thumbnail(photo.hash) if photo.status == "ok" else None
            if path is not None and _holds_something(path):
                self.thumbnails[photo.id] = str(path)

    def _send_thumbnails(self) -> None:
        if self._thumbnail_job is not None:
            under_way = set(self._thumbnail_job.command.photo_ids)  # type: ignore[union-attr]
            if under_way.issuperset(self._wanted):
                return
            self._thumbnail_job.cancel()
            self._thumbnail_job = None
        if not self._wanted:
            return
        job = self._session.assistant.submit(messages.Thumbnails("", self._session.folder, tuple(self._wanted)))
        self._thumbnail_job = job
        job.happened.connect(self._on_thumbnail)
        job.over.connect(lambda: self._end_thumbnails(job))

    def _on_thumbnail(self, event: object) -> None:
        if isinstance(event, messages.ThumbnailReady):
            self.thumbnails[event.photo_id] = event.path
            self.thumbnails.move_to_end(event.photo_id)
            while len(self.thumbnails) > KNOWN_THUMBNAILS:
                self.thumbnails.popitem(last=False)
            self._session.thumbnail_ready.emit(event.photo_id, event.path)

    def _end_thumbnails(self, job: Job) -> None:
        if self._thumbnail_job is job:
            self._thumbnail_job = None

    def _forget_refused(self) -> None:
        """A photograph that had no thumbnail may have one after a change on the disk."""
        for photo_id in [photo_id for photo_id, path in self.thumbnails.items() if not path]:
            del self.thumbnails[photo_id]

    def close(self) -> None:
        """Let everything go."""
        self._thumbnail_pause.stop()
        self._look_again.stop()
        for job in [*self._scans, *self._jobs, self._reconcile, self._thumbnail_job]:
            if job is not None:
                job.cancel()
        self._scans.clear()


def _holds_something(path: Path) -> bool:
    """Whether a file is there; a crash or a full disk may leave an empty one, which the engine makes anew."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_size > 0

"""Small JPEGs of the photographs, kept by content, so that a renamed or copied file needs no new one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from resnext_gui.engine.ingest.reach import AWAY, Reach, verdict
from resnext_gui.engine.ingest.reading import read_again
from resnext_gui.engine.pictures.decode import decode
from resnext_gui.engine.pictures.decode_watch import DecodeWatch
from resnext_gui.engine.pictures.files import ImageError
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import ThumbnailReady, Thumbnails
from resnext_gui.project import Photo, Project, ProjectError, guard

SIDE = 256
"""Pixels of the longer side."""

QUALITY = 85
_THREADS = 2


def watch_for(project: Project) -> DecodeWatch:
    """Return the project's watch over files that crash the decoder."""
    return DecodeWatch(project.cache / "decoding")


def make_thumbnail(source: str, target: Path, digest: str = "") -> None:
    """Write the thumbnail of a picture, atomically; `digest` is the hash that the picture must have, if any.

    Raises:
        ImageError: the picture cannot be read, or is another one.
        OSError: the thumbnail cannot be written.
    """
    picture = decode(source, SIDE, digest or None).picture
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    with guard.replacing(target) as file:
        picture.save(file, "JPEG", quality=QUALITY, optimize=True)


def _is_whole(thumbnail: Path) -> bool:
    """Tell whether a thumbnail has a beginning and an end; a power cut or a full disk may leave one without."""
    try:
        with guard.open_read(thumbnail) as file:
            if file.read(3) != b"\xff\xd8\xff":
                return False
            file.seek(-2, os.SEEK_END)
            return file.read() == b"\xff\xd9"
    except OSError:
        return False


def thumbnails_job(command: Thumbnails, job: JobContext) -> dict[str, Any]:
    """Make the thumbnails that are missing and announce each, also those that are there already.

    A photograph that turns out unreadable is marked in the project and announced with an empty path.  On a full disk
    thumbnails are skipped, which is said once.

    Returns:
        ``{"made", "there", "refused", "skipped", "message"}``.

    Raises:
        UserError: the project's own trouble.
        JobStopped: the person stopped it.
    """
    tally: dict[str, Any] = {"made": 0, "there": 0, "refused": 0, "skipped": 0, "message": ""}
    with Project.open(command.project) as project:
        watch = watch_for(project)
        try:
            photos = project.photos(command.photo_ids)
            for number, (photo, outcome) in enumerate(_made(project, watch, photos, job), start=1):
                if isinstance(outcome, ImageError) and outcome.code == "changed":
                    photo, outcome = _anew(project, watch, photo)
                path = _count(project, photo, outcome, tally)
                job.emit(ThumbnailReady(job.job_id, photo.id, path))
                job.progress("thumbnails", number, len(photos))
        finally:
            watch.close()
    return tally


def _made(
    project: Project, watch: DecodeWatch, photos: list[Photo], job: JobContext
) -> Iterator[tuple[Photo, Path | ImageError | OSError | str]]:
    """Yield each photograph with its thumbnail's path, ``"there"``, or why there is none, in order."""

    def make(photo: Photo) -> Path | ImageError | OSError | str:
        if not photo.hash:
            return ImageError("unreadable", photo.reason or f"'{photo.path}' cannot be read.")
        try:
            target = project.thumbnail_path(photo.hash)
        except ProjectError as error:
            return ImageError("unreadable", error.message)
        if _is_whole(target):
            with contextlib.suppress(OSError):
                os.utime(target)  # the cache's budget drops what was not looked at for longest
            return "there"
        try:
            with watch(photo.path):
                make_thumbnail(photo.path, target, photo.hash)
        except (ImageError, OSError) as error:
            return error
        return target

    with ThreadPoolExecutor(_THREADS, "thumbnail") as pool:
        for start in range(0, len(photos), 2 * _THREADS):
            job.check()
            portion = photos[start : start + 2 * _THREADS]
            yield from zip(portion, pool.map(make, portion), strict=True)


def _anew(project: Project, watch: DecodeWatch, photo: Photo) -> tuple[Photo, Path | ImageError | OSError]:
    """Make the thumbnail of a photograph whose file has changed; returns it as it is now, and what came of it."""
    read_again(project, photo.path)
    photo = project.photo(photo.id)
    target = project.thumbnail_path(photo.hash)
    try:
        with watch(photo.path):
            make_thumbnail(photo.path, target, photo.hash)
    except (ImageError, OSError) as error:
        return photo, error
    return photo, target


def _count(project: Project, photo: Photo, outcome: Path | ImageError | OSError | str, tally: dict[str, Any]) -> str:
    """Count what came of a photograph, and return where its thumbnail lies; empty where there is none."""
    if isinstance(outcome, ImageError):
        tally["refused"] += 1
        if not project.read_only and outcome.code != "changed":
            gone = outcome.code in ("missing", "vanished")
            status = verdict(outcome)
            # A drive that is away for the moment says nothing about its photographs.
            # A folder that is not there may have been moved: the next comparison with the disk will tell.
            away = (gone and not Path(photo.path).parent.is_dir()) or (
                outcome.code in AWAY and Reach.of(project).lost(photo.path) is not None
            )
            if status is not None and photo.status != status and not away:
                project.set_status([photo.id], status, outcome.message)
    elif isinstance(outcome, OSError):
        tally["skipped"] += 1
        full = outcome.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        tally["message"] = (
            "The drive is full, so some photographs have no preview."
            if full
            else f"Some previews could not be written ({outcome.strerror})."
        )
    else:
        tally["there" if outcome == "there" else "made"] += 1
        return str(project.thumbnail_path(photo.hash))
    return ""


def prune_cache(project: Project, budget: int) -> int:
    """Delete what was not used for longest from the project's cache until it takes at most `budget` bytes.

    Only what the program has made there counts, and is deleted; no link is followed.

    Returns:
        How many bytes were freed.
    """
    files: list[tuple[float, int, str]] = []
    if guard.is_link(project.cache):
        return 0
    for folder, folders, names in os.walk(project.cache):
        folders[:] = [name for name in folders if name != "decoding" and not guard.is_link(Path(folder, name))]
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - hundreds of thousands of these
            with contextlib.suppress(OSError):
                facts = os.lstat(path)
                if not stat.S_ISREG(facts.st_mode) or not guard.is_ours(path):
                    continue
                files.append((max(facts.st_atime, facts.st_mtime), facts.st_size, path))
    total = sum(size for _, size, _ in files)
    freed = 0
    for _, size, path in sorted(files):
        if total - freed <= budget:
            break
        with contextlib.suppress(OSError):  # in use on Windows, or gone already
            guard.remove(path)
            freed += size
    return freed

"""Downloads weights from the Hugging Face hub: resumable, stoppable, and checked by hash.

The hub's library says where a file lies and brings the connection, with the system's proxies; the bytes are written
here, because a half download must survive a stop and the library throws it away.  What it has in its own cache,
which other programs share, is used where it lies.
"""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import IO, Any

from resnext_gui.engine.weights import catalogue
from resnext_gui.engine.weights.catalogue import Entry
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import UserError
from resnext_gui.project import guard

CHUNK = 1 << 18
TRIES = 3
CONNECT_SECONDS = 10.0

_CHOICES = "Use the starter weights that came with the program, or choose a file of weights from disk."


def download(entry: Entry, job: JobContext, endpoint: str | None = None) -> Path:
    """Bring the file of `entry` to this computer and return where it lies.

    Args:
        entry: from the catalogue.
        job: hears `Progress` in bytes, and is asked after every quarter of a megabyte.
        endpoint: the hub's address, where it is not the usual one.

    Raises:
        UserError: ``offline``, ``download_failed``, ``bad_download`` or ``disk_full``, with the choices that remain.
        JobStopped: the person stopped it; the next attempt goes on from there.
    """
    import huggingface_hub

    errors: Any = huggingface_hub.errors
    folder = catalogue.downloads_folder()
    target = folder / f"{entry.name}.safetensors"
    part = target.with_suffix(".part")
    url = huggingface_hub.hf_hub_url(entry.repository, catalogue.FILE_IN_REPOSITORY, endpoint=endpoint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, TRIES + 1):
            try:
                _fetch(url, part, entry, job)
                break
            except errors.HTTPError as error:
                status = getattr(getattr(error, "response", None), "status_code", 0)
                if attempt == TRIES or 400 <= status < 500:
                    raise
        job.check()
        if guard.sha256(part) != entry.sha256:
            part.unlink()
            raise UserError(
                "bad_download",
                f"The download of “{entry.name}” arrived damaged and was thrown away.",
                f"Try again. {_CHOICES}",
            )
        part.replace(target)
    except errors.OfflineModeIsEnabled as error:
        raise UserError(
            "offline", f"“{entry.name}” was not downloaded: the network is switched off.", _CHOICES
        ) from error
    except errors.HTTPError as error:
        raise _unreachable(entry, error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                "disk_full", f"The disk is full: “{entry.name}” needs {entry.megabytes} MB.", "Free some space."
            ) from error
        raise UserError(
            "download_failed", f"“{entry.name}” could not be written ({error.strerror or error}).", _CHOICES
        ) from error
    return target


def _unreachable(entry: Entry, error: Exception) -> UserError:
    response = getattr(error, "response", None)
    if response is not None:
        message = f"The server refused “{entry.name}” (status {response.status_code})."
        return UserError("download_failed", message, f"Try again later. {_CHOICES}")
    message = f"“{entry.name}” could not be downloaded: the computer seems to be offline."
    return UserError("offline", message, f"{_CHOICES} What has arrived is kept for the next attempt.")


def _fetch(url: str, part: Path, entry: Entry, job: JobContext) -> None:
    """Append what is missing to `part`."""
    import huggingface_hub

    utils: Any = huggingface_hub.utils
    done = part.stat().st_size if part.exists() else 0
    headers = dict(utils.build_hf_headers(token=False, library_name="resnext-gui"))
    if done:
        headers["Range"] = f"bytes={done}-"
    options: dict[str, Any] = {"follow_redirects": True, "timeout": CONNECT_SECONDS}
    with huggingface_hub.get_session().stream("GET", url, headers=headers, **options) as response:
        if response.status_code == 416:  # nothing is missing, or the part is longer than the file: the hash will say
            return
        utils.hf_raise_for_status(response)
        if response.status_code != 206:  # the server sends the whole file again
            done = 0
        total = done + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if done else "wb") as file:
            _copy(response.iter_bytes(CHUNK), file, done, total, f"Downloading {entry.title}", job)


def _copy(chunks: Any, file: IO[bytes], done: int, total: int, text: str, job: JobContext) -> None:
    began, already, told = time.monotonic(), done, 0.0
    job.progress("download", done, total, text)
    for chunk in chunks:
        job.check()
        file.write(chunk)
        done += len(chunk)
        now = time.monotonic()
        if now - told > 0.1:
            told = now
            rate = (done - already) / max(now - began, 1e-6)
            left = (total - done) / rate if total and rate else None
            job.progress("download", done, total, text, left)
    job.progress("download", done, max(total, done), text, 0.0)

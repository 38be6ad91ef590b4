"""Photographs on their way to the network: decoded on threads, remembered within limits, normalised.

Pillow releases the interpreter lock while it decodes, so a few threads keep the network fed without further processes.
What was decoded once is kept in memory, or on disk where memory does not suffice, without any loss: a run that starts
with an empty cache sees the same pixels as one that starts with a full one.
"""

from __future__ import annotations

import io
import itertools
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnext_gui.engine.pictures.decode import Preprocessing, normalise, open_rgb
from resnext_gui.engine.worker.machine import usable_cores
from resnext_gui.messages import UserError
from resnext_gui.project import guard

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
__all__ = ["DecodePool", "PixelStore", "denormalise", "normalise", "reduced"]

T = TypeVar("T")
R = TypeVar("R")

MEMORY_SHARE = 0.25
MEMORY_MOST = 2 << 30
DISK_MOST = 4 << 30
_LARGEST = 1 << 30
"""Bytes of one decoded photograph."""

DISK_SHARE = 0.1


class Picture(Protocol):
    """What a photograph needs to be read: where it lies, and the hash of its bytes."""

    @property
    def path(self) -> str: ...

    @property
    def hash(self) -> str: ...


class DecodePool:
    """A few decoding threads.  Use as a context manager: leaving it waits for none of the work not yet begun."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or max(2, min(16, usable_cores()))
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="decode")

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop what is waiting, wait for what is running, end the threads."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, function: Callable[[T], R], item: T) -> Future[R]:
        """Start `function(item)` on one of the threads."""
        return self._executor.submit(function, item)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield ``function(item)`` in order; all are begun at once."""
        return self._executor.map(function, items)

    def in_order(
        self, function: Callable[[T], R], items: Iterable[T], ahead: int = 64
    ) -> Iterator[tuple[T, R | UserError]]:
        """Yield (item, result) in the order of `items` while up to `ahead` further ones are worked on.

        A `UserError` is yielded in the place of the result; anything else is raised.
        """
        waiting: deque[tuple[T, Future[R]]] = deque()
        source = iter(items)
        try:
            for item in itertools.islice(source, ahead):
                waiting.append((item, self.submit(function, item)))
            while waiting:
                item, future = waiting.popleft()
                outcome: R | UserError
                try:
                    outcome = future.result()
                except UserError as error:
                    outcome = error
                for following in itertools.islice(source, 1):
                    waiting.append((following, self.submit(function, following)))
                yield item, outcome
        finally:
            for _, future in waiting:
                future.cancel()


def denormalise(values: Floats, prep: Preprocessing) -> Pixels:
    """Undo `normalise`: float32 (..., 3) to uint8 RGB of the same shape."""
    restored = (values * np.asarray(prep.std, np.float32) + np.asarray(prep.mean, np.float32)) * 255
    if prep.order == "bgr":
        restored = restored[..., ::-1]
    return np.clip(np.rint(restored), 0, 255).astype(np.uint8)


class PixelStore:
    """Learning photographs decoded once, with their short side at most `short` pixels.

    `get` may be called from several threads.
    """

    def __init__(
        self,
        pictures: list[Any],
        short: int,
        folder: Path | None = None,
        memory_limit: int | None = None,
        disk_limit: int | None = None,
    ) -> None:
        """Args:
        pictures: things with `.path` and `.hash`, such as `project.Item`.
        short: the short side that is kept, in pixels.
        folder: where decoded pixels may be kept on disk; None keeps none there.
        memory_limit: bytes held in memory; None takes a quarter of what is free, at most 2 GB.
        disk_limit: bytes held on disk; None takes a tenth of what is free, at most 4 GB.
        """
        self._pictures: list[Picture] = pictures
        self._short = short
        self._held: dict[int, Pixels] = {}
        self._lock = threading.Lock()
        self._memory_left = _free_memory_budget() if memory_limit is None else memory_limit
        self._folder = folder / f"pixels-{short}-1" if folder is not None else None
        self._disk_left = 0
        if self._folder is not None:
            self._disk_left = _free_disk_budget(self._folder) if disk_limit is None else disk_limit

    def __len__(self) -> int:
        return len(self._pictures)

    def get(self, index: int) -> Pixels:
        """Return uint8 (height, width, 3) of the photograph with this number.

        Raises:
            ImageError: the file cannot be read (any more).
        """
        held = self._held.get(index)
        if held is not None:
            return held
        picture = self._pictures[index]
        pixels = self._from_disk(picture.hash)
        fresh = pixels is None
        if pixels is None:
            pixels = reduced(open_rgb(picture.path, at_least=self._short, digest=picture.hash), self._short)
        with self._lock:
            keep = self._memory_left >= pixels.nbytes
            if keep and index not in self._held:
                self._memory_left -= pixels.nbytes
                self._held[index] = pixels
        if not keep and fresh:
            self._to_disk(picture.hash, pixels)
        return pixels

    def path(self, index: int) -> str:
        """Return where the photograph with this number lies."""
        return self._pictures[index].path

    def _file(self, content: str) -> Path | None:
        if self._folder is None or not guard.fits_hash(content):
            return None
        return self._folder / content[:2] / f"{content[2:]}.npy"

    def _from_disk(self, content: str) -> Pixels | None:
        file = self._file(content)
        if file is None:
            return None
        try:
            pixels = np.load(io.BytesIO(guard.read_bytes(file, _LARGEST)), allow_pickle=False)
        except (OSError, ValueError, EOFError, MemoryError):
            return None
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            return None
        return np.asarray(pixels, np.uint8)

    def _to_disk(self, content: str, pixels: Pixels) -> None:
        file = self._file(content)
        with self._lock:
            if file is None or self._disk_left < pixels.nbytes:
                return
            self._disk_left -= pixels.nbytes
        # a cache that cannot be written only costs time
        with suppress(OSError), guard.replacing(file, ".part") as stream:
            np.save(stream, pixels, allow_pickle=False)


def reduced(rgb: Pixels, short: int) -> Pixels:
    """Make a photograph smaller so that its short side is `short`; a smaller one stays as it is.

    Args:
        rgb: uint8 (height, width, 3).
        short: pixels.
    """
    height, width = rgb.shape[:2]
    if min(height, width) <= short:
        return rgb
    factor = short / min(height, width)
    size = (max(short, round(width * factor)), max(short, round(height * factor)))
    small: Pixels = np.array(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0), np.uint8)
    return small


def _free_memory_budget() -> int:
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        free = 2 << 30
    return min(MEMORY_MOST, int(free * MEMORY_SHARE))


def _free_disk_budget(folder: Path) -> int:
    try:
        guard.make_folder(folder)
        free = shutil.disk_usage(folder).free
    except OSError:
        return 0
    used = sum(file.stat().st_size for file in folder.glob("*/*.npy"))
    return max(0, min(DISK_MOST, int(free * DISK_SHARE)) - used)

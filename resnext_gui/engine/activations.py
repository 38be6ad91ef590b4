"""Cheaper passes: what the frozen lower stages make of each photograph is computed once and kept on disk.

With the stem and some stages frozen, statistics and all, their output for a given picture never changes.  A few
variations ("views") of each photograph are passed through them once and kept in half precision; a pass then costs only
the stages that learn.  12 x 12 x 1024 numbers (192 pixels, three stages frozen) are 295 KB a view.

The uncached way (`compute`) rounds its activations to half precision likewise, in batches of the same size, so both
train to exactly the same weights.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from resnext_gui.engine.pictures.decode import Preprocessing, normalise
from resnext_gui.engine.pictures.store import DecodePool
from resnext_gui.engine.training.batches import LearningSet
from resnext_gui.engine.worker.control import Control
from resnext_gui.project import guard

Pixels = npt.NDArray[np.uint8]
Halves = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

BATCH = 16
"""Pictures that pass the frozen part together; always as many, since other sizes round differently."""

DISK_MOST = 8 << 30


class FrozenPart:
    """The stages that do not learn, as a function from pictures to activations in half precision."""

    def __init__(self, lower: keras.Model, prep: Preprocessing) -> None:
        """Args:
        lower: from normalised pixels to activations; see `resnext.split_model`.
        prep: of the pixels.
        """
        self._lower, self._prep = lower, prep

    def compute(self, pictures: list[Pixels]) -> Halves:
        """Return float16 (pictures, height, width, channels) for squares, uint8 (size, size, 3)."""
        answers = []
        for begin in range(0, len(pictures), BATCH):
            part = pictures[begin : begin + BATCH]
            filled = np.stack(part + [part[-1]] * (BATCH - len(part)))
            output = np.asarray(self._lower.predict_on_batch(normalise(filled, self._prep)), np.float32)
            # beyond what half precision holds nothing useful lives; infinity would spoil everything after it
            answers.append(np.clip(output, -65504, 65504).astype(np.float16)[: len(part)])
        return np.concatenate(answers)


class ActivationStore:
    """Activations of (photograph, view) pairs in one file, computed when first asked for or all at once."""

    def __init__(self, file: Path, count: int, views: int, shape: tuple[int, ...], key: dict[str, object]) -> None:
        """Args:
        file: where they lie; deleted and made anew when it belongs to another `key`.
        count: photographs.
        views: variations of each.
        shape: of one activation.
        key: everything they depend on, JSON-able.

        Raises:
            OSError: the disk refuses.
        """
        self._file, self._note = file, file.with_suffix(".json")
        self._shape = (count, views, *shape)
        digest = hashlib.sha256(json.dumps([key, self._shape], sort_keys=True, default=str).encode()).hexdigest()
        guard.make_folder(file.parent)
        done = file.with_suffix(".done")
        sizes = {file: self.bytes_needed, done: count * views}
        kept = all(guard.is_ordinary(part) and part.stat().st_size == size for part, size in sizes.items())
        if not kept or self._read_note() != digest:
            # Anew, and not into what lies there, which may be somebody else's file as well.
            for part in (self._note, *sizes):
                guard.remove(part)
            for part, size in sizes.items():
                with guard.open_new(part) as stream:
                    stream.truncate(size)
            with guard.open_new(self._note) as stream:
                stream.write(digest.encode("ascii"))
        # An empty file cannot be mapped; without photographs there is nothing to keep either.
        empty = not self.bytes_needed
        self._values: np.memmap[Any, Any] | Halves = (
            np.zeros(self._shape, np.float16) if empty else np.memmap(file, np.float16, "r+", shape=self._shape)
        )
        self._done: np.memmap[Any, Any] | Pixels = (
            np.zeros((count, views), np.uint8) if empty else np.memmap(done, np.uint8, "r+", shape=(count, views))
        )

    @property
    def bytes_needed(self) -> int:
        """Size of the file."""
        return 2 * int(np.prod(self._shape, dtype=np.int64))

    def missing(self) -> list[tuple[int, int]]:
        """Return the (photograph, view) pairs that are not computed yet, view by view."""
        return [(int(index), int(view)) for view, index in np.argwhere(self._done.T == 0)]

    def put(self, pairs: list[tuple[int, int]], values: Halves, without: Container[int] = ()) -> None:
        """Keep activations (pairs, ...); those of photographs in `without` only for now, since they are of no use."""
        for (index, view), value in zip(pairs, values, strict=True):
            self._values[index, view] = value
        # only when they are on the disk may it say that they are, or a power cut would leave zeros to learn from
        if isinstance(self._values, np.memmap):
            self._values.flush()
        for index, view in pairs:
            self._done[index, view] = index not in without

    def get(self, rows: Labels, views: Labels) -> Floats:
        """Return float32 (rows, height, width, channels)."""
        return np.asarray(self._values[rows, views], np.float32)

    def close(self) -> None:
        """Let go of the file."""
        del self._values, self._done

    def _read_note(self) -> str:
        try:
            return guard.read_bytes(self._note, 1000).decode("ascii")
        except (OSError, UnicodeDecodeError):
            return ""


@dataclass
class FrozenSource:
    """Inputs of the trained part, from disk or computed on the way; exactly the same numbers either way.

    Attributes:
        learning: gives the inputs of learning photographs for rows and a pass.
        practice: gives those of practice photographs for rows and a side (1: mirrored).
    """

    learning: Callable[[Labels, int], Floats]
    practice: Callable[[Labels, int], Floats]
    _stores: list[ActivationStore]

    def close(self) -> None:
        """Let go of the files."""
        for store in self._stores:
            store.close()


def prepare(
    lower: keras.Model,
    learning: LearningSet,
    practice: Pixels,
    folder: Path,
    key: dict[str, object],
    pool: DecodePool,
    control: Control,
    progress: Callable[[int, int], None],
    disk_limit: int | None = None,
) -> FrozenSource:
    """Compute all activations that a run needs and return where it gets them from.

    Args:
        lower: from normalised pixels to activations.
        learning: the learning photographs; `learning.views` variations of each are kept.
        practice: uint8 (photographs, size, size, 3).
        folder: for the files; where they would not fit, activations are computed anew each time.
        key: what the activations depend on besides pictures and variations.
        pool: decodes.
        control: asked after each batch.
        progress: told how many of how many pictures are done.
        disk_limit: bytes; None takes a fifth of what is free, at most 8 GB.

    Raises:
        JobStopped: the person stopped it; what was computed is kept.
    """
    frozen = FrozenPart(lower, learning.prep)
    size = learning.prep.size
    shape = tuple(int(side) for side in lower.compute_output_shape((1, size, size, 3))[1:])
    views, count = learning.views, len(learning)

    def practice_pictures(pairs: list[tuple[int, int]]) -> list[Pixels]:
        return [practice[index][:, ::-1] if side else practice[index] for index, side in pairs]

    def learning_pictures(pairs: list[tuple[int, int]]) -> list[Pixels]:
        return list(pool.map(lambda pair: learning.view(*pair), pairs))

    needed = 2 * int(np.prod(shape)) * (count * views + 2 * len(practice))
    if needed > (_disk_budget(folder) if disk_limit is None else disk_limit):
        return FrozenSource(
            lambda rows, epoch: np.asarray(
                frozen.compute([learning.varied(int(row), epoch) for row in rows]), np.float32
            ),
            lambda rows, side: np.asarray(
                frozen.compute(practice_pictures([(int(row), side) for row in rows])), np.float32
            ),
            [],
        )
    learnt = ActivationStore(folder / "learning.bin", count, views, shape, key)
    looked_at = ActivationStore(folder / "practice.bin", len(practice), 2, shape, key)
    source = FrozenSource(
        lambda rows, epoch: learnt.get(rows, np.array([learning.view_in(epoch, int(row)) for row in rows])),
        lambda rows, side: looked_at.get(rows, np.full(len(rows), side)),
        [learnt, looked_at],
    )
    try:
        nothing: Container[int] = ()
        work = [(looked_at, practice_pictures, nothing), (learnt, learning_pictures, learning.missing)]
        total = sum(len(store.missing()) for store, _, _ in work)
        done = 0
        for store, pictures, unread in work:
            missing = store.missing()
            for begin in range(0, len(missing), BATCH):
                pairs = missing[begin : begin + BATCH]
                values = frozen.compute(pictures(pairs))
                learning.require()
                store.put(pairs, values, unread)
                done += len(pairs)
                progress(done, total)
                control.check()
    except BaseException:
        source.close()
        raise
    return source


def _disk_budget(folder: Path) -> int:
    try:
        guard.make_folder(folder)
        return min(DISK_MOST, shutil.disk_usage(folder).free // 5)
    except OSError:
        return 0

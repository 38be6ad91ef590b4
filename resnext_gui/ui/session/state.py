"""What the session tells pages: plain values, each a snapshot that never changes afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Work:
    """Background work of the moment, for the bottom strip.  `total` 0: not known.  `key` names it for `cancel_work`."""

    title: str
    text: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    can_cancel: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class QuickState:
    """The quick model.

    Attributes:
        phase: ``"none"`` (nothing to learn from), ``"waiting"`` (only one label so far), ``"reading"`` (being made or
            refreshed), ``"ready"``, or ``"failed"``.
        done, total: photographs looked at, while reading.
        right, practice: right answers of so many practice photographs, of the newest model there is; 0 of 0 where
            there is no model or no practice photograph.
        labels, photographs: what that model learned from.
        exists: whether there is a quick model that can answer.
        stale: photographs or labels changed since it was made.
        message: a plain sentence where there is something to say.
        seconds_left: while reading, where known.
        seconds: how long the last making took, which is what a refresh will take at most; 0 where not known.
    """

    phase: str = "none"
    done: int = 0
    total: int = 0
    right: int = 0
    practice: int = 0
    labels: int = 0
    message: str = ""
    photographs: int = 0
    exists: bool = False
    stale: bool = False
    seconds_left: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The run of this window, or the one that was before it.

    Attributes:
        phase: ``"idle"``, ``"starting"``, ``"running"``, ``"pausing"``, ``"paused"``, ``"stopping"``, ``"finished"`` or
            ``"failed"``.
        run: id of the run, once it exists.
        text: what it is doing, a short plain sentence.
        progress: 0..1.
        best_right, best_total: best practice score so far, in photographs.
        ends_at: Unix time.
        result: the job's result once finished (see ``train_job``).
        error: a `messages.Failed` once failed.
    """

    phase: str = "idle"
    run: str | None = None
    text: str = ""
    progress: float = 0.0
    best_right: int = 0
    best_total: int = 0
    images_per_second: float = 0.0
    seconds_left: float | None = None
    ends_at: float | None = None
    device: str = ""
    precision: str = ""
    reason: str = ""
    advice: str = ""
    result: dict[str, Any] | None = None
    error: Any = None

    @property
    def active(self) -> bool:
        """Whether a run is under way, paused or not."""
        return self.phase in ("starting", "running", "pausing", "paused", "stopping")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person must know.  `page` is where its banner shows (empty: everywhere)."""

    page: str
    message: str
    hint: str = ""
    details: str = ""
    code: str = ""
    tone: str = "wrong"
    """``"wrong"``, ``"caution"``, ``"info"`` or ``"good"``."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can answer.  `id` is ``"quick"`` or a run's id; `right` of `total` practice photographs.

    `unknown` are labels of the project that it does not know, since they came after it.
    """

    id: str
    name: str
    right: int = 0
    total: int = 0
    current: bool = False
    created: float = 0.0
    missing: bool = False
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run found interrupted when the project was opened.  `stopped_at` is Unix time, `progress` 0..1."""

    run: str
    name: str
    stopped_at: float
    progress: float
    has_best: bool
    seconds_left: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """Which device computes, in words."""

    device: str = ""
    name: str = ""
    precision: str = ""
    reason: str = ""
    advice: str = ""
    cores: int = 0
    details: dict[str, Any] = field(default_factory=dict)

"""What the session tells pages: plain values, each a snapshot that never changes afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Any, Literal, TypeAlias

from resnext_gui.messages import Failed

PageKey: TypeAlias = Literal["", "start", "photos", "train", "results", "classify"]
"""A page; empty: whichever is in front."""
Tone: TypeAlias = Literal["wrong", "caution", "info", "good"]
WorkKey: TypeAlias = Literal[
    "", "scan", "samples", "reconcile", "corrections", "quick", "classify", "evaluate", "training", "weights"
]
ScoredSplit: TypeAlias = Literal["exam", "practice"]
"""The photographs that a model is scored on."""
QuickPhase: TypeAlias = Literal["none", "waiting", "reading", "ready", "failed"]
"""Nothing to learn from; only one label so far; being made or refreshed; there; it could not be made."""
TrainingPhase: TypeAlias = Literal["idle", "starting", "running", "pausing", "paused", "stopping", "finished", "failed"]


class Change(Flag):
    """What became different, in one word or several."""

    ADDED = auto()
    """Photographs came in, came back, or are others on the disk."""
    REMOVED = auto()
    """Photographs left the project."""
    MOVED = auto()
    """Photographs have another label."""
    LABELS = auto()
    """There are other labels, names, or labels left out of learning."""
    UNDO = auto()
    """What can be undone or done again."""
    RUNS = auto()
    """What there is to know of runs."""
    MODEL = auto()
    """Which models there are, what they know, or which of them answers."""
    PHOTOS = ADDED | REMOVED | MOVED
    PROJECT = PHOTOS | LABELS | UNDO
    """Anything of photographs and labels, where it is not known what."""


@dataclass(frozen=True, slots=True)
class Work:
    """Background work of the moment, for the bottom strip.  `total` 0: not known.  `key` says of which kind it is."""

    title: str
    text: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    can_cancel: bool = False
    key: WorkKey = ""


@dataclass(frozen=True, slots=True)
class QuickState:
    """The quick model.

    Attributes:
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

    phase: QuickPhase = "none"
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
        run: id of the run, once it exists.
        text: what it is doing, a short plain sentence.
        progress: 0..1.
        best_right, best_total: best practice score so far, in photographs.
        ends_at: Unix time.
        result: the job's result once finished (see ``train_job``).
        error: once failed.
    """

    phase: TrainingPhase = "idle"
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
    error: Failed | None = None

    @property
    def active(self) -> bool:
        """Whether a run is under way, paused or not."""
        return self.phase in ("starting", "running", "pausing", "paused", "stopping")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person must know.  `page` is where its banner shows (empty: everywhere)."""

    page: PageKey
    message: str
    hint: str = ""
    details: str = ""
    code: str = ""
    tone: Tone = "wrong"


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

    @classmethod
    def told(cls, result: dict[str, Any]) -> Device:
        """Return the device that a `messages.Describe` was answered with."""
        device, name, precision, reason, advice = (
            str(result.get(key, "")) for key in ("device", "name", "precision", "reason", "advice")
        )
        return cls(device, name, precision, reason, advice, int(result.get("cores") or 0), result)

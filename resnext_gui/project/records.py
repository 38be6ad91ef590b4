"""The plain values that a project hands out, and the errors it raises.  Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from resnext_gui.messages import UserError
from resnext_gui.texts import Text


class ProjectError(UserError):
    """Expected trouble with a project's folder or database.

    Codes: ``newer_version``, ``not_a_project``, ``no_project``, ``project_exists``, ``locked``, ``read_only``,
    ``disk_full``, ``damaged``, ``odd_file``, ``holds_photographs``, ``folder_gone``, ``label_exists``, ``no_label``,
    ``label_not_empty``, ``bad_label``, ``no_photograph``, ``no_run``, ``run_busy``, ``cannot_undo``.
    """


@dataclass(frozen=True, slots=True)
class Label:
    """A label with the number of its usable photographs."""

    id: int
    name: str
    count: int
    excluded: bool
    position: int


@dataclass(frozen=True, slots=True)
class Photo:
    """One photograph of the project.

    Attributes:
        path: absolute path of the original file, which is never touched.
        label_id: None while it is unlabelled.
        hash: content hash in hexadecimal; empty for a file that could not be read.
        mtime_ns: the file's modification time when it was read, nanoseconds since 1970.
        width: pixels, upright; 0 where unknown.  `height` likewise.
        status: ``"ok"``, ``"changed"`` (the file differs from what was read), ``"unreadable"`` or ``"gone"``.
        reason: why it is unreadable, in a sentence.
        kind: ``"learning"``, ``"practice"``, ``"exam"``, or None while not assigned.
    """

    id: int
    path: str
    label_id: int | None
    label: str | None
    hash: str
    size: int
    mtime_ns: int
    width: int
    height: int
    status: str
    reason: str
    kind: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """A photograph to train or to measure on.  `label` is an index into `Project.training_labels()`."""

    photo_id: int
    path: str
    hash: str
    label: int
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """What a scan learnt about one file."""

    path: str
    size: int = 0
    mtime_ns: int = 0
    hash: str = ""
    width: int = 0
    height: int = 0
    label: str | None = None
    status: str = "ok"
    reason: Text | str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the project remembers of a file, for comparing it with the disk.

    `removed`: forgotten by the person.  `disk_label`: the label last read from the disk; empty where none was, None
    where that is not known.
    """

    id: int
    size: int
    mtime_ns: int
    hash: str
    status: str
    labelled: bool
    removed: bool
    disk_label: str | None = None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer the project remembers.  `at` is Unix time; `corrected` is what the person said instead."""

    id: int
    path: str
    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    model: str
    milliseconds: float
    at: float
    corrected: str | None


@dataclass(frozen=True, slots=True)
class ModelChange:
    """From `at` (Unix time) on, `model` answered, for the stated reason."""

    model: str
    reason: str
    at: float

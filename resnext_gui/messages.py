"""Everything that crosses the border between the window and the engine.

Commands travel from the window (or the command line) to a child process, events travel back.  Each is a frozen
dataclass of plain values: paths, numbers, text, and tuples of them.  Pixels, tensors and Qt objects never travel.

On the wire a message is one JSON object, so that reading one can execute nothing and a child that runs another
Python version still understands it: ``{"type": "Progress", "job_id": "...", ...}``.

Every job command carries a ``job_id``.  A job ends with exactly one terminal event, `Finished` or `Failed`, which is
sent after all of the job's files are on disk.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from resnext_gui.texts import Text, Value, error_words, from_json, to_json

PROTOCOL = 2
"""Version of this module's messages.  A child that greets with another number is refused."""


class _Trouble:
    """What errors and the events that tell of them have in common: a code and its values, and the words for them."""

    __slots__ = ()
    error: str
    values: dict[str, Value]

    @property
    def code(self) -> str:
        """Short stable identifier in snake case, such as ``"no_photographs"``."""
        return self.error.partition(":")[0]

    @property
    def message(self) -> str:
        """One sentence that says what happened and names the file, in this process's language."""
        return error_words(self.error, self.values)[0]

    @property
    def sentence(self) -> Text:
        """`message`, before it is put into words: to be stored."""
        return Text(self.error, self.values)

    @property
    def hint(self) -> str:
        """One sentence that says what to do.  May be empty."""
        return error_words(self.error, self.values)[1]


class UserError(_Trouble, Exception):
    """Expected trouble, told in words a person can act on.

    Args:
        error: a key of `texts.ERRORS`, such as ``"no_run"`` or ``"disk_full:folder"``; `code` is its part before the
            colon.
        values: what stands in the gaps of its sentences.
    """

    def __init__(self, error: str, message: str | None = None, hint: str = "", /, **values: Value) -> None:
        super().__init__(error)
        self.error = error
        self.values = values
        if message is not None:  # in words, without a code of its own
            self.error, self.values = f"{error}:plain", {"message": message, "hint": hint}

    def __str__(self) -> str:
        return self.message


class JobStopped(Exception):  # noqa: N818 - not an error: the person asked for it
    """Raised inside a job when the person asked it to stop."""


# --------------------------------------------------------------------------------------------------------------------
# Values inside messages


RULES = ("auto", "first", "last", "name", "csv", "none")
"""How a label is read; ``COLUMN + heading`` as well."""
COLUMN = "column:"
"""What the name of a rule begins with that reads one column of a table."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where photographs come from.

    Attributes:
        path: a folder, a picture, or a CSV table with the columns ``path,label``.
        rule: how a label is read: ``"auto"``, ``"first"`` (first folder level), ``"last"`` (last folder level),
            ``"name"`` (file name up to its trailing digits), ``"csv"`` (a table's best column), ``"column:NAME"`` (the
            table's column with this heading), or ``"none"`` (all are left unlabelled).
        label: a label for everything in it, which overrides the rule.
    """

    path: str
    rule: str = "auto"
    label: str | None = None


ARCHITECTURES = ("resnext26_16x4d", "resnext50_32x4d", "resnext101_32x4d", "resnext101_32x8d", "resnext101_64x4d")
"""Networks that a run can build from scratch, the smallest first."""

LARGEST_SIDE = 1024
"""Pixels: the largest side of what a network sees.  Beyond it a batch would not fit the memory of a computer."""


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """What a training run is asked to do.  ``None`` and ``"auto"`` leave the choice to the engine.

    Attributes:
        weights: name in the catalogue, ``"starter"``, ``"none"`` (random start), or a file's path.
        minutes: time budget for fine-tuning.
        epochs: number of passes; replaces the time budget and makes a resumed run exact.
        size: side of the square the network sees, in pixels.
        batch: photographs in a step.
        rate: peak learning rate of the head; earlier stages learn more slowly.
        head: ``"linear"`` or ``"hidden"`` (1024 units and dropout).
        architecture: one of `ARCHITECTURES`, used with ``weights="none"``.
        frozen_stages: how many of stem and four stages (0..5) stay as they are.
        augmentation: ``"auto"``, ``"none"``, ``"light"``, ``"medium"`` or ``"strong"``.
        mirror: whether photographs are mirrored while learning and answering: ``"yes"``, ``"no"``, or ``"auto"``, which
            tries whether mirror images keep their labels.
        precision: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        device: ``"auto"``, ``"cpu"`` or ``"gpu"``.
        seed: all randomness of the run follows from it.
        class_weights: whether rare labels weigh more.
        name: what the run is called in lists.
    """

    weights: str | None = None
    minutes: float | None = None
    epochs: int | None = None
    size: int | None = None
    batch: int | None = None
    rate: float | None = None
    head: str = "linear"
    architecture: str | None = None
    frozen_stages: int | None = None
    augmentation: str = "auto"
    mirror: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    seed: int = 0
    class_weights: bool = True
    name: str | None = None


# --------------------------------------------------------------------------------------------------------------------
# Commands


@dataclass(frozen=True, slots=True)
class Scan:
    """Look through `sources` and add what they hold to the project.  Ends with an import receipt.

    With `ask`, labels that can be read in several ways are refused by `UserError` (``two_readings`` or ``odd_label``)
    before anything is added; without, the better reading is taken and the receipt says so.
    """

    job_id: str
    project: str
    sources: tuple[Source, ...]
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """Say which labels `sources` would give under each rule, without adding anything."""

    job_id: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Compare the project with the disk, and follow it; new photographs are added only with `apply`.

    With `gone`, the person says that photographs are gone whose place is out of reach.
    """

    job_id: str
    project: str
    apply: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Make thumbnails of these photographs; each is announced by `ThumbnailReady`."""

    job_id: str
    project: str
    photo_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MakeQuick:
    """Compute what features are missing and train the linear head on them."""

    job_id: str
    project: str
    weights: str | None = None
    size: int | None = None
    device: str = "auto"
    precision: str = "auto"
    seed: int = 0
    class_weights: bool = True


@dataclass(frozen=True, slots=True)
class Train:
    """Fine-tune.  With `run`, continue that unfinished run; its own settings win over `spec`.

    With `finish` as well, learn no more: end the run with the best that it has.
    """

    job_id: str
    project: str
    spec: TrainSpec
    run: str | None = None
    finish: bool = False


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Score a model on the ``"exam"`` (counts as a use) or on ``"practice"`` photographs."""

    job_id: str
    project: str
    model: str
    kind: str = "exam"


@dataclass(frozen=True, slots=True)
class Classify:
    """Answer what each picture shows.

    `model` is ``"quick"``, a run's name, or None for the current one.  With `keep`, the project remembers the answers.
    """

    job_id: str
    project: str
    paths: tuple[str, ...]
    model: str | None = None
    top: int = 5
    keep: bool = True


@dataclass(frozen=True, slots=True)
class ModelView:
    """Write a PNG of exactly what the model receives for a picture."""

    job_id: str
    project: str
    path: str


@dataclass(frozen=True, slots=True)
class Describe:
    """Say which device and precision are in use, why, and what would be faster."""

    job_id: str
    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class RenderSamples:
    """Render the built-in sample photographs into a folder, one sub-folder a label."""

    job_id: str
    folder: str
    per_label: int = 40
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """Work on the weight catalogue: `action` is ``"list"``, ``"get"`` or ``"import"``."""

    job_id: str
    action: str
    target: str = ""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask a job to stop.  What is finished is kept."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Ask a job to wait at its next safe point."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a paused job go on."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Finish: stop all jobs and leave the process."""


# --------------------------------------------------------------------------------------------------------------------
# Events


@dataclass(frozen=True, slots=True)
class Hello:
    """The child's first words."""

    protocol: int
    role: str
    pid: int


@dataclass(frozen=True, slots=True)
class Started:
    """The job is being worked on."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.  `total` 0 means not known.  `text` is a short plain sentence; `seconds_left` may be None."""

    job_id: str
    stage: str
    done: int
    total: int
    text: Text | str = ""
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceChosen:
    """Which device computes, in which precision, why, and what would make it faster (may be empty)."""

    job_id: str
    device: str
    name: str
    precision: str
    reason: Text | str
    advice: Text | str


@dataclass(frozen=True, slots=True)
class RunCreated:
    """The folder of the run this job works on exists from now on."""

    job_id: str
    run: str


@dataclass(frozen=True, slots=True)
class BatchPoint:
    """One training step.  `position` is in epochs (2.25: a quarter through the third); `ends_at` is Unix time."""

    job_id: str
    step: int
    position: float
    loss: float
    accuracy: float
    images_per_second: float
    seconds_left: float | None = None
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class EpochLine:
    """One finished pass.  Accuracies are in 0..1, `seconds` is the time of this pass without pauses."""

    job_id: str
    epoch: int
    loss: float
    accuracy: float
    practice_loss: float | None
    practice_accuracy: float | None
    learning_rate: float
    seconds: float
    best: bool


@dataclass(frozen=True, slots=True)
class ModelReady:
    """A model can answer now.

    `right` of `total` practice photographs, both 0 when there are none; `photographs` counts those as well as the ones
    it learned from.
    """

    job_id: str
    model: str
    right: int
    total: int
    labels: int
    photographs: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a picture shows.

    `top` holds (label, probability) pairs, most probable first; `stored` is the answer's id in the project, or None
    where it is not kept.
    """

    job_id: str
    path: str
    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    model: str
    milliseconds: float
    stored: int | None = None


@dataclass(frozen=True, slots=True)
class Refused(_Trouble):
    """A file that could not be used; `error` and `values` as in `UserError` say why, and what to do."""

    job_id: str
    path: str
    error: str
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ThumbnailReady:
    """A photograph's thumbnail lies at `path`.  An empty path: none could be made."""

    job_id: str
    photo_id: int
    path: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The job waits."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The job goes on."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Terminal.  The job is done (or was stopped in a way that leaves a result) and its files are on disk."""

    job_id: str
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed(_Trouble):
    """Terminal.  `error` and `values` as in `UserError`; `details` holds a traceback or is empty.

    The error of a stop that leaves nothing begins with ``stopped``.
    """

    job_id: str
    error: str
    values: dict[str, Value] = field(default_factory=dict)
    details: str = ""


Command = (
    Scan
    | Preview
    | Reconcile
    | Thumbnails
    | MakeQuick
    | Train
    | Evaluate
    | Classify
    | ModelView
    | Describe
    | RenderSamples
    | Weights
    | Stop
    | Pause
    | Resume
    | Shutdown
)
FileJob = Scan | Preview | Reconcile | Thumbnails | RenderSamples
"""What needs no Keras: the child works on it beside everything else, in a lane of its own."""

Event = (
    Hello
    | Started
    | Progress
    | DeviceChosen
    | RunCreated
    | BatchPoint
    | EpochLine
    | ModelReady
    | Answer
    | Refused
    | ThumbnailReady
    | Paused
    | Resumed
    | Finished
    | Failed
)
Message = Command | Event

_TYPES: dict[str, type[Any]] = {cls.__name__: cls for cls in typing.get_args(Message)}


def encode(message: Message) -> bytes:
    """Return `message` as one line of UTF-8 JSON.  NaN and infinity travel as JSON's usual extensions."""
    body: dict[str, Any] = {"type": type(message).__name__, **dataclasses.asdict(message)}
    words = json.dumps(body, default=to_json, ensure_ascii=False, separators=(",", ":"))
    return words.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> Message:
    """Rebuild the message that `encode` wrote.

    Raises:
        ValueError: the bytes are no message of this protocol.
    """
    try:
        body = json.loads(data.decode("utf-8", "surrogatepass"), object_hook=from_json)
        cls = _TYPES[body.pop("type")]
        message: Message = _build(cls, body)
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a message of protocol {PROTOCOL}: {data[:200]!r}") from error
    return message


_known_hints: dict[str, dict[str, Any]] = {}


def _hints(cls: type[Any]) -> dict[str, Any]:
    """Return the types of a class's fields; working them out takes longer than all the rest of a message."""
    found = _known_hints.get(cls.__name__)
    if found is None:
        found = _known_hints[cls.__name__] = typing.get_type_hints(cls)
    return found


def _build(cls: type[Any], body: dict[str, Any]) -> Any:
    hints = _hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}
    unknown = body.keys() - known
    if unknown:
        raise KeyError(f"{cls.__name__} has no field {sorted(unknown)[0]!r}")
    return cls(**{name: _convert(hints[name], value) for name, value in body.items()})


def _convert(hint: Any, value: Any) -> Any:
    """Turn JSON's lists and objects back into the tuples and dataclasses that `hint` asks for."""
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        return _convert(inner[0], value) if len(inner) == 1 else value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value)
    if origin is tuple:
        args = typing.get_args(hint)
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_convert(args[0], item) for item in value)
        return tuple(_convert(arg, item) for arg, item in zip(args, value, strict=True))
    return value

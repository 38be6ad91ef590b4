"""`Project`: everything together, and how one is created and opened.  Standard library only."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from resnext_gui.project import guard, notes
from resnext_gui.project.database import FILE_NAME, loaded_path, stored_path
from resnext_gui.project.files import file_trouble, is_locked, lock_file, odd_file, safe_name, tidy
from resnext_gui.project.kinds import Kinds
from resnext_gui.project.marker import project_folder, write_marker
from resnext_gui.project.records import ModelChange, ProjectError, StoredAnswer
from resnext_gui.project.runs import Run
from resnext_gui.texts import Text, restored, stored, text

_SETTINGS: dict[str, notes.Shape] = {
    "name": notes.text,
    "current_model": notes.text,
    "stage": {"weights": notes.maybe(notes.text), "size": notes.maybe(notes.side), "seed": notes.count,
              "architecture": notes.maybe(notes.text)},
    "window_quick": {"seconds": notes.maybe(notes.number), "version": notes.maybe(notes.count)},
    "window_tile": notes.count,
    "window_order": notes.text,
    "demonstration": notes.flag,
}  # fmt: skip
"""What the settings that the program itself stores may be; another value counts as none."""


def _one_of_top(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and notes.number(value[1])


class Project(Kinds):
    """A project folder, open.  Usable from one thread; open several in several threads or processes.

    Attributes:
        folder: the project's folder.
        read_only: whether the folder cannot be written to; then every change raises ``read_only``.
    """

    # ----------------------------------------------------------------------------------------------------------------
    # Opening

    @classmethod
    def create(cls, folder: str | os.PathLike[str], name: str | None = None) -> Project:
        """Make a new project in `folder`, which may exist but must not hold one.

        A folder of photographs is refused: the project's own folders would stand among the labels.

        Raises:
            ProjectError: ``project_exists``, ``holds_photographs``, ``odd_file``, ``read_only``, ``disk_full``,
                ``folder_gone``.
        """
        place = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow links the person made on purpose
        file = place / FILE_NAME
        if not os.path.lexists(file):
            refuse_photographs(place)
        try:
            place.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644))
        except OSError as error:
            raise file_trouble(error, place) from error
        if file.lstat().st_size > 0 and not guard.is_link(file):
            raise ProjectError("project_exists", path=tidy(str(place)))
        project = cls._opened(place, read_only=False, create=True)
        if project.setting("name") is None:
            project.set_setting("name", tidy(name or place.name or "Project"))
        return project

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Project:
        """Open the project in a folder, or the one whose ``project.db`` or marker file this is.

        A project that cannot be written to opens read-only.

        Raises:
            ProjectError: ``no_project``, ``not_a_project``, ``newer_version``, ``damaged``, ``locked``.
        """
        place = project_folder(os.path.abspath(path))  # noqa: PTH100
        file = place / FILE_NAME
        if not os.path.lexists(file):
            raise ProjectError("no_project", path=tidy(str(place)))
        writable = os.access(place, os.W_OK) and os.access(file, os.W_OK)
        return cls._opened(place, read_only=not writable, create=file.lstat().st_size == 0)

    @classmethod
    def open_or_create(cls, folder: str | os.PathLike[str], name: str | None = None) -> Project:
        """Open the project in `folder`, or make one there.

        Raises:
            ProjectError: as `open` and `create`.
        """
        folder = project_folder(folder)
        if os.path.lexists(folder / FILE_NAME):
            return cls.open(folder)
        try:
            return cls.create(folder, name)
        except ProjectError as error:
            if error.code != "project_exists":  # another process was faster
                raise
            return cls.open(folder)

    @classmethod
    def _opened(cls, folder: Path, read_only: bool, create: bool) -> Project:
        project = cls(folder, read_only)
        try:
            project._prepare(create)
        except ProjectError as error:
            project.close()
            if error.code == "read_only" and not read_only:
                return cls._opened(folder, read_only=True, create=False)
            raise
        except BaseException:
            project.close()
            raise
        if not read_only:
            write_marker(folder)
        return project

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ----------------------------------------------------------------------------------------------------------------
    # Name, places, settings

    @property
    def name(self) -> str:
        """What the person calls the project."""
        return str(self.setting("name") or self.folder.name)

    def rename(self, name: str) -> None:
        """Call the project something else.  Its folder keeps its name."""
        name = " ".join(tidy(name).split())[:120]
        if name:
            self.set_setting("name", name)

    @property
    def cache(self) -> Path:
        """Thumbnails, features, decoded pixels: safe to delete."""
        return self.folder / "cache"

    def faces(self, most: int) -> list[str]:
        """Return the paths of up to `most` pictures by which a person knows the project again.

        One of each label, evenly chosen among many labels; its thumbnail where that has been made.
        """
        labels = [label for label in self.labels() if label.count]
        chosen = [labels[n * len(labels) // min(most, len(labels))] for n in range(min(most, len(labels)))]
        sql = "SELECT id FROM photos WHERE removed = 0 AND status <= 1 AND label_id = ? ORDER BY sort, id LIMIT 1"
        found = self.photos([row[0] for label in chosen for row in self._rows(sql, (label.id,))])
        return [str(self.thumbnail(photo.hash) or photo.path) for photo in found]

    def thumbnail_path(self, content: str) -> Path:
        """Return where the thumbnail of this content lies; it need not exist.

        Raises:
            ProjectError: ``damaged``: that is no content hash.
        """
        if not guard.fits_hash(content):
            raise ProjectError("damaged:hash", name=tidy(self.folder.name), content=tidy(content)[:40])
        return self.cache / "thumbnails" / content[:2] / f"{content}.jpg"

    def thumbnail(self, content: str) -> Path | None:
        """Return the thumbnail of this content where there is one; a crash or a full disk may leave an empty file."""
        path = self.thumbnail_path(content) if guard.fits_hash(content) else None
        return path if path is not None and guard.is_ordinary(path) and path.stat().st_size else None

    @property
    def runs_folder(self) -> Path:
        """One folder a run."""
        return self.folder / "runs"

    @property
    def quick_folder(self) -> Path:
        """The quick model."""
        return self.folder / "quick"

    def setting(self, key: str, default: Any = None) -> Any:
        """Return a setting, any JSON value."""
        found = self._one("SELECT value FROM settings WHERE key = ?", (key,))
        if found is None:
            return default
        try:
            value = notes.parse(str(found).encode())
        except ValueError:
            return default
        shape = _SETTINGS.get(key)
        return value if shape is None or notes.fits(value, shape) else default

    def set_setting(self, key: str, value: Any) -> None:
        """Store a setting, any JSON value; None removes it.  What is so already is not written again."""
        if self.setting(key) == value:
            return
        with self._writing(changes=False) as db:
            _set(db, key, value)

    # ----------------------------------------------------------------------------------------------------------------
    # Answers

    def add_answer(
        self,
        path: str,
        label: str,
        probability: float,
        top: tuple[tuple[str, float], ...] | list[tuple[str, float]],
        model: str,
        milliseconds: float,
        at: float | None = None,
    ) -> int:
        """Remember an answer and return its id.  `at` is Unix time, now by default."""
        with self._writing(changes=False) as db:
            cursor = db.execute(
                "INSERT INTO answers (path, label, probability, top, model, milliseconds, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    stored_path(path),
                    label,
                    float(probability),
                    json.dumps([[name, float(p)] for name, p in top]),
                    model,
                    float(milliseconds),
                    time.time() if at is None else at,
                ),
            )
            return int(cursor.lastrowid or 0)

    def answers(self, limit: int = 1000) -> list[StoredAnswer]:
        """Return the remembered answers, newest first."""
        rows = self._rows(
            "SELECT id, path, label, probability, top, model, milliseconds, at, corrected FROM answers"
            " ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        found = []
        for i, path, label, p, top, model, ms, at, corrected in rows:
            with contextlib.suppress(ValueError):  # one that makes no sense is left out
                best = notes.parse(str(top).encode())
                if notes.number(p) and notes.number(ms) and notes.moment(at) and notes.fits(best, [_one_of_top]):
                    best = tuple((name, float(q)) for name, q in best)
                    found.append(StoredAnswer(i, loaded_path(path), label, p, best, model, ms, at, corrected))
        return found

    def correct_answer(self, answer_id: int, label: str | None) -> None:
        """Note what the person says the picture shows."""
        with self._writing(changes=False) as db:
            db.execute("UPDATE answers SET corrected = ? WHERE id = ?", (label, answer_id))

    # ----------------------------------------------------------------------------------------------------------------
    # Models and runs

    @property
    def current_model(self) -> str | None:
        """The model that answers: ``"quick"``, a run's id, or None before there is one."""
        value = self.setting("current_model")
        return value if value == "quick" or (isinstance(value, str) and safe_name(value, "") == value) else None

    def set_current_model(self, model: str | None, reason: Text | str = "") -> None:
        """Let another model answer, and remember since when and why."""
        with self._writing(changes=False) as db:
            _set(db, "current_model", model)
            if model is not None:
                db.execute(
                    "INSERT INTO models (model, reason, at) VALUES (?, ?, ?)", (model, stored(reason), time.time())
                )

    @property
    def model_history(self) -> list[ModelChange]:
        """Which model answered since when, newest first."""
        rows = self._rows("SELECT model, reason, at FROM models ORDER BY id DESC")
        return [ModelChange(model, str(restored(why)), at) for model, why, at in rows if notes.moment(at)]

    def exam_uses(self) -> int:
        """Return how often the exam was scored, with whichever model: who chooses among models by it uses it up."""
        return int(self._one("SELECT SUM(uses) FROM exams") or 0)

    def count_exam_use(self, model: str) -> int:
        """Count one more use of the exam, with `model`, and return the project's new number."""
        with self._writing(changes=False) as db:
            db.execute("INSERT INTO exams VALUES (?, 1) ON CONFLICT (model) DO UPDATE SET uses = uses + 1", (model,))
        return self.exam_uses()

    @property
    def _training_lock(self) -> Path:
        return self.runs_folder / "training.lock"

    @property
    def being_trained(self) -> bool:
        """Whether some process trains in the project now."""
        return is_locked(self._training_lock)

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Hold the project while training in it; the operating system lets go when the process ends, however it ends.

        Raises:
            ProjectError: ``run_busy``: another process trains in it; or the folder cannot be written to.
        """
        try:
            self.runs_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_trouble(error, self.runs_folder) from error
        # A moment's patience: someone who only asks holds the lock for microseconds.
        with lock_file(self._training_lock, 1.0) as held:
            if not held:
                raise ProjectError("run_busy:project", path=tidy(str(self.folder)))
            yield

    def new_run(self, spec: dict[str, Any], name: str | None = None) -> Run:
        """Make a run's folder with a first run.json.

        Raises:
            ProjectError: the folder cannot be written to.
        """
        return Run.create(self.runs_folder, spec, name)

    def runs(self) -> list[Run]:
        """Return the runs, newest first; folders without run.json, and runs whose notes are damaged, are left out."""
        aged = []
        for run in self._run_folders():
            with contextlib.suppress(ProjectError):
                # Not by the folder's name: that is the local time, which a journey or the summer's end turns back.
                aged.append((float(run.read().get("created") or 0.0), _run_age(run.id), run))
        return [run for _, _, run in sorted(aged, key=lambda item: item[:2], reverse=True)]

    def damaged(self) -> list[ProjectError]:
        """Return what in the project's folder is left alone, as sentences: links, and runs with damaged notes."""
        places = (self.cache, self.quick_folder, self.runs_folder, *_inside(self.cache))
        found = [odd_file(guard.OddFileError(place, text("a_link"))) for place in places if guard.is_link(place)]
        for run in self._run_folders():
            try:
                guard.check(run.folder)
                run.read()
            except guard.OddFileError as error:
                found.append(odd_file(error))
            except ProjectError as error:
                found.append(error)
        return found

    def _run_folders(self) -> list[Run]:
        if guard.is_link(self.runs_folder):
            return []
        names = [place for place in _inside(self.runs_folder) if os.path.lexists(place / "run.json")]
        return [Run(place) for place in names if safe_name(place.name, "") == place.name]

    def run(self, run_id: str) -> Run:
        """Return one run.

        Raises:
            ProjectError: ``no_run``.
        """
        folder = self.runs_folder / run_id
        if safe_name(run_id, "") != run_id or not os.path.lexists(folder / "run.json"):
            raise ProjectError("no_run", run=tidy(run_id))
        return Run(folder)


_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".bmp", ".gif", ".tif", ".tiff", ".jp2")


def refuse_photographs(folder: Path, photographs: Iterable[str] = ()) -> None:
    """Refuse a folder for a new project that holds pictures, or folders of pictures, or is one of `photographs`.

    Raises:
        ProjectError: ``holds_photographs``.
    """
    shared = any(Path(source).is_dir() and folder.is_dir() and folder.samefile(source) for source in photographs)
    places = [] if shared else [folder, *(place for place in _inside(folder, 1000) if place.is_dir())]
    if shared or any(place.suffix.lower() in _PICTURES for above in places for place in _inside(above, 1000)):
        raise ProjectError("holds_photographs", path=tidy(str(folder)))


def _inside(folder: Path, most: int = 10_000) -> list[Path]:
    """Return what lies in `folder`, at most so much; nothing where that is a link or not there."""
    if guard.is_link(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in itertools.islice(entries, most)]
    except OSError:
        return []


def _run_age(name: str) -> tuple[str, int]:
    """Return a key that sorts runs of the same second in the order they were made."""
    stamp, _, rest = name[:17], name[17:18], name[18:]
    return stamp, int(rest) if rest.isdigit() else 0


def _set(db: sqlite3.Connection, key: str, value: Any) -> None:
    if value is None:
        db.execute("DELETE FROM settings WHERE key = ?", (key,))
    else:
        db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, json.dumps(value)))

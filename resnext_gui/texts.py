"""What the engine and the project say: sentences in English, by code, with named gaps.  Standard library only.

Engine and project never put sentences together.  They hand on a code and its values, as a `Text` or in a `UserError`;
whoever shows it asks for the sentence, in the language of its own process: the command line in English, the window in
the person's language (`speak`).  So what travels or is stored can be said in any language, later too.

`TEXTS` and `ERRORS` are all there is to translate; ``packaging/languages.py`` collects it from here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from numbers import Integral
from os import PathLike, fspath
from typing import Any

Value = Any
"""What may stand in a gap: text, a number (int: grouped by thousands), another `Text`, or a list of these."""

_MARK = "$text"
"""The key by which JSON tells a `Text` from other objects."""

TEXTS: dict[str, str | tuple[str, str]] = {
    "plain": "{text}",
    # one of something, several of it; the gap is n
    "photographs": ("{n} photograph", "{n} photographs"),
    "files": ("{n} file", "{n} files"),
    "raw_files": ("{n} raw file", "{n} raw files"),
    # ---- project
    # what can be undone
    "add_photographs": "Add {photographs}",
    "move_photographs": "Move {photographs} to {label}",
    "remove_photographs": "Remove {photographs}",
    "label_photographs": "Label {photographs}",
    "relabel_photographs": "Relabel {photographs} as on the disk",
    "label_from_disk": "Label {photographs} as on the disk",
    "keep_labels": "Keep the labels of {photographs}",
    "add_label": "Add the label {label}",
    "rename_label": "Rename {label} to {name}",
    "merge_label": "Merge {label} into {into}",
    "leave_out_label": "Leave out {label}",
    "use_label": "Use {label}",
    "remove_label": "Remove the label {label}",
    "unlabelled": "Unlabelled",
    # what lies where a file of the project should be
    "a_link": "a link",
    "a_folder": "a folder",
    "not_ordinary": "not an ordinary file",
    "not_of_program": "not a file of the program",
    "others_journal": "the journal of another program",
    "larger_than": "larger than {megabytes} MB",
    # ---- photographs in
    # ---- pictures
    # ---- tables
    # ---- findings
    # ---- weights
    # ---- training
    # ---- models
    # ---- device
    # ---- worker, samples
    "finishing_begun": "Finishing what was begun",
    "rendered": "Rendered {done} of {total}",
    # ---- command line
    # what could not be done
    "table_not_written": "The table could not be written",
    "folder_not_made": "The folder for the report could not be made",
    "report_not_written": "The report could not be written",
}
"""Code -> template; two of them where one and many differ, which the gap ``n`` decides."""

ERRORS: dict[str, tuple[str, str]] = {
    # ---- project
    "project_exists": ("There is already a project in '{path}'.", "Open it, or choose another."),
    "no_project": (
        "There is no project in '{path}'.",
        "Choose a folder that holds a file named project.db, or begin a new project.",
    ),
    "not_a_project": (
        "'{path}' is not a project of ResNeXt GUI.",
        "Choose a project folder, or drop the photographs' folder to begin a new project.",
    ),
    "newer_version": (
        "The project '{name}' was made by a newer version of ResNeXt GUI "
        "(its format is {version}, this version reads up to {known}).",
        "Update ResNeXt GUI, then open it again. Nothing in it was changed.",
    ),
    "holds_photographs": (
        "The folder '{path}' holds photographs, so no project can be kept in it.",
        "Choose another folder for the project, such as a new one beside it. The photographs stay where they are.",
    ),
    "odd_file": (
        "'{path}' is {what}, which a project does not have there: it is left alone.",
        "Remove it, or put an ordinary file or folder in its place. Caches are made again.",
    ),
    "damaged": (
        "The project file in '{path}' is damaged.",
        "Restore the folder from a backup, or begin a new project from the same photographs.",
    ),
    "damaged:schema": (
        "The project file '{path}' does not hold what it should (see '{part}').",
        "It may be damaged, or made by somebody else. Restore it from a backup, or begin a new project.",
    ),
    "damaged:hash": (
        "The project '{name}' names a content '{content}', which cannot be.",
        "Restore the project from a backup.",
    ),
    "damaged:file": ("The file '{path}' is damaged.", "Restore it from a backup."),
    "damaged:run": ("The notes of the run '{run}' are damaged.", "Start a new run."),
    "disk_full:drive": (
        "The drive that holds '{path}' is full.",
        "Free some space, then try again. Nothing that was saved before is lost.",
    ),
    "read_only:folder": (
        "The folder '{path}' cannot be written to.",
        "Move the project to a folder of your own, or change the folder's permissions.",
    ),
    "read_only:project": (
        "The project folder '{path}' cannot be written to, so nothing can be changed.",
        "Copy the project to a folder of your own and open it there.",
    ),
    "folder_gone": (
        "The folder '{path}' cannot be reached ({reason}).",
        "Check that the drive is connected, then open the project again.",
    ),
    "folder_gone:project": (
        "The project folder '{path}' cannot be reached any more.",
        "Check that the drive is connected and the folder was not moved, then open the project again.",
    ),
    "locked": (
        "Another program has kept the project '{path}' to itself for {seconds} seconds.",
        "Close other windows and programs that use it, then try again.",
    ),
    "no_run": ("There is no training run '{run}'.", "Choose another run."),
    "run_busy": (
        "The run '{run}' is being worked on by another window or program.",
        "Wait until it is done, or stop it there.",
    ),
    "run_busy:project": (
        "Another program is training in the project '{path}' now.",
        "Wait until it has finished, or stop it there.",
    ),
    "no_photograph": ("That photograph is no longer in the project.", ""),
    "bad_label": ("A label needs a name.", "Type at least one letter or digit."),
    "no_label": ("That label does not exist any more.", "Choose another label."),
    "label_exists": ("There is already a label '{label}'.", "Choose another name, or merge the two labels."),
    "label_not_empty": (
        "The label '{label}' still has photographs.",
        "Move them to another label first, or merge the label into another.",
    ),
    "cannot_undo": (
        "'{what}' cannot be undone: another label has taken that name since.",
        "Rename that label first.",
    ),
    "cannot_undo:again": (
        "'{what}' cannot be done again: another label has taken that name since.",
        "Rename that label first.",
    ),
    # ---- photographs in
    # ---- pictures
    # ---- tables
    # ---- findings
    # ---- weights
    # ---- training
    "vanished:run": ("{reason}", "The run goes on without it."),
    # ---- models
    "incomplete": ("{remark}", "It is learnt from all the same."),
    "label_left_out": (
        "The label “{label}” is left out: none of its photographs can be learnt from.",
        "Look at “Unreadable” on the Photos page, and add other photographs of it.",
    ),
    "no_pictures:folder": ("'{path}' holds no pictures.", "Drop a folder with photographs."),
    # ---- device
    # ---- worker, samples
    "stopped": ("Stopped.", ""),
    "stopped:before": ("Stopped before it began.", ""),
    "stopped:ended": ("It did not stop by itself and was ended.", ""),
    "closed": ("The program is closing.", ""),
    "internal": ("The connection with the engine broke.", "Start the program again."),
    "protocol": (
        "The engine speaks version {engine} and this window version {window}.",
        "Install the program again, so that both parts fit.",
    ),
    "engine_keeps_stopping": (
        "The engine stopped several times in a row.",
        "Close other programs, or start this program again.",
    ),
    "engine_start": ("The engine could not be started: {reason}.", "Install the program again."),
    "engine_silent": (
        "The engine did not answer within {seconds} seconds.",
        "The computer may be very busy. Try again.",
    ),
    "engine_exited": (
        "The engine stopped unexpectedly (engine exited, code {exit}).",
        "Try again. What was finished is kept.",
    ),
    "engine_exited:outside": (
        "The engine was ended from outside (engine exited, code {exit}); often the memory is full.",
        "Close other programs and try again. What was finished is kept.",
    ),
    "fault": (
        "The engine met a fault of its own ({kind}).",
        "Try again. If it happens again, copy the details and send them to us.",
    ),
    "memory_full": (
        "There is not enough memory for this.",
        "Close other programs, or choose a smaller image size or a smaller batch.",
    ),
    "disk_full": ("The disk is full.", "Free some space, then try again. What was finished is kept."),
    "disk_full:path": ("The disk is full: '{path}'.", "Free some space, then try again. What was finished is kept."),
    "read_only": (
        "The program may not read or write here.",
        "Choose a folder of your own, or change its permissions.",
    ),
    "read_only:path": (
        "The program may not read or write here: '{path}'.",
        "Choose a folder of your own, or change its permissions.",
    ),
    "not_usable": ("A file or folder cannot be used: {reason}.", "Choose another one."),
    "not_usable:path": ("A file or folder cannot be used: '{path}': {reason}.", "Choose another one."),
    "bad_count:samples": ("At least one sample of each label is needed.", "Ask for 40."),
    # ---- command line
    "no_folder": (
        "The folder that the program was started in is gone, so there is no '{path}' in it.",
        "Go to another folder, or name the whole path.",
    ),
    "missing:source": ("There is no '{path}'.", "Check the spelling, or connect the drive."),
    "bad_rule:table": (
        "'{path}' is a table, which has no folder levels to read labels from.",
        "Leave --labels out, or name a column of the table: --labels column:NAME",
    ),
    "not_written": ("{what}: {reason}.", "Choose another place for it."),
    "not_written:path": ("{what} '{path}': {reason}.", "Choose another place for it."),
    "not_written:output": ("{what}", "Free some space, or print elsewhere."),
    "no_model:project": (
        "The project '{path}' has no model yet.",
        "Make one first: resnext-gui train PHOTOS --project '{path}'",
    ),
    "no_pictures": ("There is no picture in these folders.", "Name pictures, or a folder that holds some."),
    "no_pictures:path": ("There is no picture in '{path}'.", "Name pictures, or a folder that holds some."),
    "usage:table": ("'{path}' is for the answers in words.", "Give the table a file's name."),
    "usage:weights_list": ("'weights list' takes nothing more.", ""),
    "usage:weights_get": (
        "'weights get' needs the name of weights.",
        "'resnext-gui weights list' shows the names.",
    ),
    "usage:weights_import": ("'weights import' needs a file.", "'resnext-gui weights list' shows the names."),
    "usage:weights_name": ("--name has no meaning for 'weights {action}'.", ""),
    "usage:no_photographs": ("No photographs were named.", "Name a folder with one sub-folder a label."),
    "file_exists:table": (
        "'{path}' exists and is not a table of answers, so it was left as it is.",
        "Give the table another name.",
    ),
    "file_exists:demo": (
        "'{path}' already holds something called '{name}', which is left as it is.",
        "Choose an empty folder for the demonstration.",
    ),
    "no_run:unfinished": ("There is no unfinished run in this project.", "Start one, without --finish."),
    "no_photographs:found": (
        "No photographs were found.",
        "Name a folder with one sub-folder a label; JPEG, PNG and other common pictures are read.",
    ),
    "no_photographs:path": (
        "No photographs were found in '{path}'.",
        "Name a folder with one sub-folder a label; JPEG, PNG and other common pictures are read.",
    ),
    "other_labels": (
        "The project '{project}' has read the labels of '{path}' from {rule}.",
        "For labels from {asked} name a new project, or leave --labels out.",
    ),
    "no_result": ("The run '{run}' has left no result.", "Start a new run, without --resume."),
}
"""Code, or ``code:which`` where one code has several sentences -> what happened, and what to do (may be empty)."""


class Text:
    """A sentence, or a part of one, that has not been put into words yet.  ``str()`` says it.

    No dataclass: `dataclasses.asdict` would take it to pieces.
    """

    __slots__ = ("code", "values")

    def __init__(self, code: str, values: Mapping[str, Value] | None = None) -> None:
        self.code = code
        self.values = values or {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and (self.code, self.values) == (other.code, other.values)

    def __hash__(self) -> int:
        return hash(self.code)

    def __repr__(self) -> str:
        return f"Text({self.code!r}, {self.values!r})"

    def __str__(self) -> str:
        template = TEXTS.get(self.code)
        if template is None:  # what happened in an error
            return error_words(self.code, self.values)[0]
        if isinstance(template, tuple):
            template = template[0 if self.values.get("n") == 1 else 1]
        return _filled(template, self.values)


def text(code: str, /, **values: Value) -> Text:
    """Return the sentence `code` of `TEXTS` with `values` in its gaps."""
    return Text(code, values)


def some(n: int, what: str = "photographs") -> Text:
    """Return a count with its noun, such as "3 photographs" or "12,000 photographs"; `what` is a code of `TEXTS`."""
    return Text(what, {"n": n})


def error_words(error: str, values: Mapping[str, Value]) -> tuple[str, str]:
    """Return what happened and what to do, in this process's language; `error` is a code of `ERRORS`.

    Trouble that came in words, ``code:plain``, brings them along as the values ``message`` and ``hint``.
    """
    if error.endswith(":plain"):
        return str(values.get("message", error)), str(values.get("hint", ""))
    message, hint = ERRORS.get(error, (error, ""))
    return _filled(message, values), _filled(hint, values) if hint else ""


def said(value: Any) -> Any:
    """Return `value`, a tree of dicts and lists as from JSON, with each `Text` in it in words."""
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, dict):
        return {key: said(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [said(inside) for inside in value]
    return value


# --------------------------------------------------------------------------------------------------------------------
# The language of this process, as Qt's translators are of a process, too


def _english_number(number: int) -> str:
    return f"{number:,}"


class _Language:
    translate: Callable[[str], str] = staticmethod(str)
    number: Callable[[int], str] = staticmethod(_english_number)


def speak(translate: Callable[[str], str] = str, number: Callable[[int], str] = _english_number) -> None:
    """Say everything in another language from now on: `translate` turns a template, `number` a whole number."""
    _Language.translate = staticmethod(translate)
    _Language.number = staticmethod(number)


class _Gaps(dict[str, str]):
    """Values in words.  What is missing, say in a project by a newer version, is a gap that can be seen."""

    def __missing__(self, key: str) -> str:
        return "…"


def _filled(template: str, values: Mapping[str, Value]) -> str:
    words = _Gaps({name: _inside(value) for name, value in values.items()})
    return _Language.translate(template).format_map(words)


def _inside(value: Value) -> str:
    if isinstance(value, Integral):
        return _Language.number(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(_inside, value))
    return str(value)


# --------------------------------------------------------------------------------------------------------------------
# As JSON


def to_json(value: Any) -> Any:
    """Serve `json.dumps` as its ``default``: a `Text` becomes an object that `from_json` knows again.

    Raises:
        TypeError: it is neither a `Text`, nor a path, nor JSON.
    """
    if isinstance(value, Text):
        return {_MARK: value.code, **value.values}
    if isinstance(value, Integral):  # of numpy
        return int(value)
    if isinstance(value, PathLike):
        return fspath(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def from_json(found: dict[str, Any]) -> Any:
    """Serve `json.loads` as its ``object_hook``."""
    if not isinstance(found.get(_MARK), str):  # such as how often there is a label of that name
        return found
    return Text(found.pop(_MARK), found)


def stored(value: Text | str) -> str:
    """Return `value` as a database or a file keeps it: in ASCII, whatever bytes a name consists of."""
    return value if isinstance(value, str) else json.dumps(value, default=to_json)


def restored(value: str) -> Text | str:
    """Undo `stored`.  Sentences that an older version stored in English stay as they are."""
    if not value.startswith(f'{{"{_MARK}"'):
        return value
    try:
        found = json.loads(value, object_hook=from_json)
        str(found)  # what somebody else has written may be nested without end
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, Text) else value

"""Turns what a person chose (folders, pictures, tables) into files with labels, before any picture is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from resnext_gui.engine.ingest.rules import Parts, choose, from_folder, from_name, is_split_name, simplify
from resnext_gui.engine.ingest.tables import TABLE_SUFFIXES, read_table
from resnext_gui.engine.ingest.walk import Found, Listing, Tick, list_folder, not_reachable
from resnext_gui.engine.pictures.files import PICTURE_SUFFIXES, display
from resnext_gui.messages import Source, UserError
from resnext_gui.project.labels import clean_label

RULES = ("auto", "first", "last", "name", "csv", "none")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to be read.  `source` is an index into the sources."""

    path: str
    label: str | None
    source: int


@dataclass(slots=True)
class Gathered:
    """All files of some sources.

    Attributes:
        files: of each label in turn, so that the first few hundred hold some of every label.
        passed_over: files that are no pictures.
        troubles: (path, sentence) for what is listed but cannot be looked into.
        rules: for each source, the rule that was used in the end.
        vague: for each source, whether `rules` came from ``"auto"``.
    """

    files: list[Candidate] = field(default_factory=list)
    passed_over: int = 0
    troubles: list[tuple[str, str]] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    vague: list[bool] = field(default_factory=list)

    @property
    def rule(self) -> str:
        """The rule in a few words, such as ``"auto->last"``."""
        named = [f"auto->{rule}" if vague else rule for rule, vague in zip(self.rules, self.vague, strict=True)]
        return ", ".join(dict.fromkeys(named))


def absolute(path: str) -> str:
    """Return `path` as the project stores paths: absolute, without ``..``, links left as they are."""
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - resolve() would follow links


def gather(sources: Sequence[Source], tick: Tick) -> Gathered:
    """List the files of all `sources`; a file named twice is taken once.

    Raises:
        UserError: ``not_reachable``, ``bad_table``, ``bad_rule``, or an `ImageError` for a table.
    """
    result = Gathered()
    folders = sum(os.path.isdir(absolute(source.path)) for source in sources)  # noqa: PTH112
    found: list[Candidate] = []
    seen: set[str] = set()
    for number, source in enumerate(sources):
        if source.rule not in RULES:
            raise UserError("bad_rule", f"There is no rule '{source.rule}'.", f"Use one of: {', '.join(RULES)}.")
        before = len(found)
        for path, label in _one_source(source, folders > 1, result, lambda n, b=before: tick(b + n)):  # type: ignore[misc]
            if path not in seen:
                seen.add(path)
                found.append(Candidate(path, clean_label(source.label or label or "") or None, number))
    result.files = in_turn(found)
    return result


def in_turn(files: Sequence[Candidate]) -> list[Candidate]:
    """Return `files` in rounds: the first of every label, then the second of every label, and so on."""
    taken: Counter[str | None] = Counter()
    rounds = []
    for file in files:
        rounds.append(taken[file.label])
        taken[file.label] += 1
    return [files[n] for n in sorted(range(len(files)), key=rounds.__getitem__)]


def _one_source(source: Source, several: bool, result: Gathered, tick: Tick) -> list[tuple[str, str | None]]:
    path = absolute(source.path)
    if os.path.isdir(path):  # noqa: PTH112
        listing = list_folder(path, tick)
        result.passed_over += listing.passed_over
        result.troubles += listing.troubles
        return _folder(path, source.rule, several, listing, result)
    if path.lower().endswith(TABLE_SUFFIXES) or source.rule == "csv":
        if not os.path.lexists(path):
            raise not_reachable(path)
        return _table(path, source.rule, result)
    # One of many dropped pictures may have vanished; a folder or a drive that is not there is another matter.
    picture = os.path.splitext(path)[1].lower() in PICTURE_SUFFIXES  # noqa: PTH122
    if not os.path.lexists(path) and not (picture and os.path.isdir(os.path.dirname(path))):  # noqa: PTH112, PTH120
        raise not_reachable(path)
    rule = "name" if source.rule == "name" else "none"
    result.rules.append(rule)
    result.vague.append(source.rule == "auto")
    return [(path, from_name(path) if rule == "name" else None)]


def _table(path: str, rule: str, result: Gathered) -> list[tuple[str, str | None]]:
    table = read_table(path)
    result.rules.append("csv")
    result.vague.append(rule == "auto")
    result.troubles += [
        (name, f"'{display(name)}' is listed in '{display(os.path.basename(path))}' but does not exist.")  # noqa: PTH119
        for name in table.missing
    ]
    return list(table.rows)


def _folder(root: str, rule: str, several: bool, listing: Listing, result: Gathered) -> list[tuple[str, str | None]]:
    files = listing.files
    if rule in ("csv", "auto"):
        labels = _table_in(root, files, must=rule == "csv")
        if labels is not None:
            result.rules.append("csv")
            result.vague.append(rule == "auto")
            return [(file.path, labels.get(file.path)) for file in files]
    counts = Counter(file.parts for file in files)
    simple = simplify(counts)
    used = rule
    if rule == "auto":
        used = choose(_merged(counts, simple))
        # Several folders of loose pictures, dropped together: each is a label.
        name = os.path.basename(root)  # noqa: PTH119
        if several and not any(simple.values()) and not is_split_name(name):
            result.rules.append("folder")
            result.vague.append(True)
            return [(file.path, name) for file in files]
    result.rules.append(used)
    result.vague.append(rule == "auto")
    return [(file.path, label_by(used, file, simple)) for file in files]


def _merged(counts: Counter[Parts], simple: dict[Parts, Parts]) -> Counter[Parts]:
    merged: Counter[Parts] = Counter()
    for parts, count in counts.items():
        merged[simple[parts]] += count
    return merged


def label_by(rule: str, file: Found, simple: dict[Parts, Parts]) -> str | None:
    """Return the label that ``"first"``, ``"last"``, ``"name"`` or ``"none"`` gives a listed file."""
    if rule == "name":
        return from_name(file.path)
    if rule == "none":
        return None
    return from_folder(simple[file.parts], rule)


def _table_in(root: str, files: list[Found], must: bool) -> dict[str, str | None] | None:
    """Return the labels that a table in the folder itself gives, if there is one that speaks of these files.

    Without `must` it has to speak of at least half of them, and the folder must have no sub-folders that could mean
    labels.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(root) if entry.name.lower().endswith(TABLE_SUFFIXES))
    except OSError as error:
        raise not_reachable(root) from error
    if not must and (not files or any(simplify({file.parts for file in files}).values())):
        return None
    best: dict[str, str | None] | None = None
    for name in names:
        try:
            table = read_table(os.path.join(root, name))  # noqa: PTH118
        except UserError:
            continue
        listed = {file.path for file in files}
        labels: dict[str, str | None] = {path: label for path, label in table.rows if path in listed and label}
        if labels and (best is None or len(labels) > len(best)):
            best = labels
    if must and best is None:
        raise UserError(
            "bad_table",
            f"'{display(root)}' holds no table that names its photographs.",
            "Put a CSV table with the columns path and label into the folder, or choose another rule.",
        )
    if best is not None and not must and len(best) * 2 < len(files):
        return None
    return best

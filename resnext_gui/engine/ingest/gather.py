"""Turns what a person chose (folders, pictures, tables) into files with labels, before any picture is read."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from resnext_gui.engine.ingest.rules import (
    Levels,
    from_name,
    is_learning_name,
    is_split_name,
    names_say_labels,
    only_dates,
    read_levels,
    says_nothing,
)
from resnext_gui.engine.ingest.tables.table import TABLE_SUFFIXES, WORKBOOK_SUFFIXES, Table, read_table
from resnext_gui.engine.ingest.walk import Found, Listing, Passed, Tick, list_folder, not_reachable
from resnext_gui.engine.pictures.files import PICTURE_SUFFIXES, display
from resnext_gui.messages import COLUMN, RULES, Source, UserError
from resnext_gui.project.labels import alike, clean_label

Labelled = list[tuple[str, str | None]]
Reading = dict[str, list[object]]
"""What a rule gives: label -> [count, an example].  Photographs without a label are counted under ``""``."""


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
        passed: what was passed over, as in `Listing`.
        troubles: (path, sentence) for what is listed but cannot be looked into.
        rules: for each source, the rule that was used in the end.
        vague: for each source, whether `rules` came from ``"auto"``.
        doubts: rules that are as sensible as the one used, that one first; empty where there is no doubt.
        nothing: labels among those used that say nothing, such as ``images``.
        only_in: labels that occur only under a folder such as ``test``, with its name.
        aside: folders such as ``unlabeled``, and what lies beside ``train``, with the number of photographs there that
            have no label.
        remarks: sentences of tables about how they were read.
        readings: what each rule gives, where that was asked for or there is a doubt.
        column: the heading that labels were read from, where a table has several.
        labelled: the sources that gave labels.
    """

    files: list[Candidate] = field(default_factory=list)
    passed: dict[str, Passed] = field(default_factory=dict)
    troubles: list[tuple[str, str]] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    vague: list[bool] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)
    only_in: dict[str, str] = field(default_factory=dict)
    aside: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    readings: dict[str, Reading] = field(default_factory=dict)
    column: str | None = None
    labelled: set[int] = field(default_factory=set)

    @property
    def rule(self) -> str:
        """The rule in a few words, such as ``"auto->last"``."""
        named = [f"auto->{rule}" if vague else rule for rule, vague in zip(self.rules, self.vague, strict=True)]
        return ", ".join(dict.fromkeys(named))

    @property
    def used(self) -> str:
        """The rule that gave labels, as `readings` calls it."""
        rule = next((rule for rule in self.rules if rule != "none"), "none")
        return COLUMN + self.column if rule == "csv" and self.column is not None else rule

    def kept_rule(self, number: int) -> str:
        """Return the rule by which a source is to be read from now on, so that new folders do not change it.

        A source that has no labels yet may have some later, in whatever way.
        """
        rule = self.rules[number]
        return "auto" if self.vague[number] and (rule in ("none", "folder") or number not in self.labelled) else rule

    @property
    def passed_over(self) -> int:
        """How many files are no pictures, or raw twins of pictures."""
        return sum(row.count for kind, row in self.passed.items() if kind == "raw" or kind.startswith("other"))


def absolute(path: str) -> str:
    """Return `path` as the project stores paths: absolute, without ``..``, links left as they are."""
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - resolve() would follow links


def known_rule(rule: str) -> bool:
    """Tell whether labels can be read by `rule`."""
    return rule in RULES or (rule.startswith(COLUMN) and len(rule) > len(COLUMN))


def gather(sources: Sequence[Source], tick: Tick, every_rule: bool = False) -> Gathered:
    """List the files of all `sources`; a file named twice is taken once.

    Args:
        sources: folders, pictures and tables.
        tick: called often with the number of files so far.
        every_rule: whether to say what each rule would give, even where there is no doubt.

    Raises:
        UserError: ``not_reachable``, ``bad_table``, ``bad_rule``, or an `ImageError` for a table.
    """
    result = Gathered()
    folders = sum(os.path.isdir(absolute(source.path)) for source in sources)  # noqa: PTH112
    found: list[Candidate] = []
    seen: set[str] = set()
    read: list[_Read] = []
    for number, source in enumerate(sources):
        if not known_rule(source.rule):
            names = ", ".join((*RULES, COLUMN + "NAME"))
            raise UserError("bad_rule", f"There is no rule '{source.rule}'.", f"Use one of: {names}.")
        before = len(found)
        one = _Read(source, folders > 1, result, lambda n, b=before: tick(b + n))  # type: ignore[misc]
        read.append(one)
        for path, label in one.labelled:
            if path not in seen:
                seen.add(path)
                found.append(Candidate(path, clean_label(source.label or label or "") or None, number))
    result.labelled = {file.source for file in found if file.label is not None}
    result.files = in_turn(found)
    if result.doubts or every_rule:
        for one in read:
            one.add_readings(result.readings)
    return result


def in_turn(files: Sequence[Candidate]) -> list[Candidate]:
    """Return `files` in rounds: the first of every label, then the second of every label, and so on."""
    taken: Counter[str | None] = Counter()
    rounds = []
    for file in files:
        rounds.append(taken[file.label])
        taken[file.label] += 1
    return [files[n] for n in sorted(range(len(files)), key=rounds.__getitem__)]


class _Read:
    """One source: its files with their labels, and what other rules would make of them."""

    def __init__(self, source: Source, several: bool, result: Gathered, tick: Tick) -> None:
        self.source = source
        self.root = absolute(source.path)
        self.rule = source.rule
        self.result = result
        self.files: list[Found] = []
        self.levels: Levels | None = None
        self.tables: list[Table] = []
        self.refused: list[UserError] = []
        self.labelled: Labelled
        if os.path.isdir(self.root):  # noqa: PTH112
            listing = list_folder(self.root, tick)
            self.files = listing.files
            result.troubles += listing.troubles
            self.labelled = self._folder(listing, several)
            for kind, row in listing.passed.items():
                total = result.passed.setdefault(kind, Passed())
                total.count += row.count
                total.examples = (total.examples + row.examples)[:5]
        elif (
            self.root.lower().endswith(TABLE_SUFFIXES + WORKBOOK_SUFFIXES)
            or self.rule == "csv"
            or self.rule.startswith(COLUMN)
        ):
            if not os.path.lexists(self.root):
                raise not_reachable(self.root)
            self.labelled = self._table_alone()
        else:
            self.labelled = [self._picture()]

    def _use(self, rule: str) -> None:
        self.result.rules.append(rule)
        self.result.vague.append(self.rule == "auto")

    def _doubt(self, *rules: str) -> None:
        if self.source.label is None:
            self.result.doubts += [rule for rule in rules if rule not in self.result.doubts]

    def _picture(self) -> tuple[str, str | None]:
        # One of many dropped pictures may have vanished; a folder or a drive that is not there is another matter.
        picture = os.path.splitext(self.root)[1].lower() in PICTURE_SUFFIXES  # noqa: PTH122
        if not os.path.lexists(self.root) and not (picture and os.path.isdir(os.path.dirname(self.root))):  # noqa: PTH112, PTH120
            raise not_reachable(self.root)
        rule = "name" if self.rule == "name" else "none"
        self._use(rule)
        self.files = [Found(self.root, ())]
        return self.root, from_name(self.root) if rule == "name" else None

    # ---- tables

    def _column(self) -> str | None:
        return self.rule[len(COLUMN) :] if self.rule.startswith(COLUMN) else None

    def _table_alone(self) -> Labelled:
        table = read_table(self.root, self._column())
        self._take_tables([table])
        self.files = [Found(path, ()) for path, _ in table.rows]
        if self.rule in ("none", "name"):
            self._use(self.rule)
            return [(path, from_name(path) if self.rule == "name" else None) for path, _ in table.rows]
        self._use(self.rule if self._column() else "csv")
        if not table.certain and self._column() is None:
            self._doubt(*_columns([table]))
        return list(table.rows)

    def _take_tables(self, tables: list[Table]) -> None:
        self.tables = tables
        result = self.result
        for table in tables:
            result.troubles += [
                (path, f"'{display(path)}' is listed in '{table.name}' but does not exist.") for path in table.missing
            ]
            result.remarks += table.remarks
            if len(table.columns) > 1:
                result.column = table.column

    # ---- folders

    def _folder(self, listing: Listing, several: bool) -> Labelled:
        files, rule = self.files, self.rule
        counts = Counter(file.parts for file in files)
        self.levels = levels = read_levels(counts)
        wants_table = rule == "csv" or rule.startswith(COLUMN)
        tables = self._tables_in(listing) if wants_table or rule == "auto" else []
        if wants_table and not tables:
            raise UserError(
                "bad_table",
                f"'{display(self.root)}' holds no table that names its photographs.",
                "Put a CSV table with the columns path and label into the folder, or choose another rule.",
            )
        by_level = levels.labels
        if tables and (wants_table or not self._says_more(tables, by_level)):
            self._take_tables(tables)
            self._forget_tables(listing)
            self._use(rule if self._column() else "csv")
            if not self._column() and not all(table.certain for table in tables):
                self._doubt(*_columns(tables))
            labels = dict(row for table in tables for row in table.rows)
            return [(file.path, labels.get(file.path)) for file in files]
        name = os.path.basename(self.root)  # noqa: PTH119
        has_labels = any(label is not None for label in by_level.values())
        if rule == "auto" and several and not has_labels and not is_split_name(name):
            # Several folders of loose pictures, dropped together: each is a label.
            self._use("folder")
            self.result.nothing += [name] if says_nothing(name) else []
            return [(file.path, name) for file in files]
        used = levels.choice if rule == "auto" else rule
        self._use(used)
        if rule == "auto":
            if has_labels and not tables and only_dates(levels):
                self._doubt("none", used)
                self.result.rules[-1] = used = "none"
            elif tables:
                self.tables = tables
                self._doubt(used, *(_columns(tables) or ["csv"]))
            elif has_labels and not levels.certain:
                other = "first" if used == "last" else "last"
                self._doubt(used, *([other] if levels.first != levels.last else []))
            elif not has_labels and names_say_labels(file.path for file in files):
                self.result.rules[-1] = used = "none"
                self._doubt("none", "name")
            if not has_labels:  # the table is to be seen that could have had them
                self.result.remarks += [f"{error.message} {error.hint}" for error in self.refused[:3]]
        if used in ("first", "last"):
            self._note_folders(levels, levels.first if used == "first" else levels.last)
        return [(file.path, self._label_by(used, file)) for file in files]

    def _says_more(self, tables: list[Table], by_level: Mapping[tuple[str, ...], str | None]) -> bool:
        """Tell whether folders give labels, too, so that these are used unless the person says otherwise.

        A table that says the same as the folders is no other reading: it is put away.
        """
        if len({label for label in by_level.values() if label is not None}) < 2:
            return False
        labels = dict(row for table in tables for row in table.rows)
        same = total = 0
        for file in self.files:
            told, label = labels.get(file.path), by_level[file.parts]
            if told is not None and label is not None:
                total += 1
                same += alike(told) == alike(label)
        if same >= 0.95 * total:
            tables.clear()
        return True

    def _note_folders(self, levels: Levels, labels: Mapping[tuple[str, ...], str | None]) -> None:
        """Note what is odd about the folders that labels were read from."""
        under: dict[str, set[str]] = defaultdict(set)
        learning = set()
        loose: Counter[str] = Counter()
        for file in self.files:
            label = labels[file.parts]
            parts = levels.splits.get(file.parts, ())
            if label is None:
                name = levels.aside.get(file.parts) or (parts[-1] if parts else "")
                loose[name] += 1
                continue
            if not parts or any(map(is_learning_name, parts)):
                learning.add(label)
            else:
                under[label].add(parts[0])
        if learning:
            self.result.only_in.update(
                {label: min(names) for label, names in sorted(under.items()) if label not in learning}
            )
        del loose[""]  # beside all folders
        if learning or under:
            self.result.aside += loose
        elif loose:
            names = [f"'{display(name)}'" for name in loose]
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            self.result.remarks.append(
                f"Folders such as {shown} say what photographs are for, not what they show: so there are no labels. "
                "Rename them if they are labels."
            )
        if self.rule == "auto":
            self.result.nothing += sorted(label for label in {*learning, *under} if says_nothing(label))

    def _label_by(self, rule: str, file: Found) -> str | None:
        if rule == "name":
            return from_name(file.path)
        if rule == "none" or self.levels is None:
            return None
        return (self.levels.first if rule == "first" else self.levels.last)[file.parts]

    def _tables_in(self, listing: Listing) -> list[Table]:
        """Return the tables among the photographs that speak of most of them, or of most in the folders they speak of.

        Several tables with the same heading, say one in each of ``train`` and ``test``, are taken together.
        """
        paths = [file.path for file in self.files]
        if not paths:
            return []
        listed = set(paths)
        alike_tables: dict[str | None, list[Table]] = defaultdict(list)
        for name in sorted(listing.tables):
            try:
                table = read_table(name, self._column(), paths)
            except UserError as error:
                self.refused.append(error)
                continue
            if "submission" not in os.path.basename(name).lower():  # noqa: PTH119
                alike_tables[table.column].append(table)
        if not alike_tables and self._column() and len(self.refused) == 1:
            raise self.refused[0]
        best: list[Table] = []
        most = 0
        unused: list[str] = []
        for tables in alike_tables.values():
            labels = {path: label for table in tables for path, label in table.rows if label and path in listed}
            told = {*labels.values(), *(label for table in tables for _, both in table.conflicts for label in both)}
            labels.update({path: both[0] for table in tables for path, both in table.conflicts if path in listed})
            if labels and (len(told) > 1 or self.rule != "auto"):
                places = {os.path.dirname(path) for path in labels}  # noqa: PTH120
                near = sum(os.path.dirname(path) in places for path in paths)  # noqa: PTH120
                if len(labels) > most and (self.rule != "auto" or 2 * len(labels) >= near):
                    best, most = tables, len(labels)
                    continue
                unused.append(f"'{tables[0].name}' gives labels to only {len(labels):,} of {len(paths):,} photographs.")
            elif labels:
                unused.append(f"'{tables[0].name}' gives one label only, '{display(next(iter(told)))}'.")
            elif tables[0].column is not None or tables[0].missing:
                unused.append(f"'{tables[0].name}' names none of these photographs.")
        if self.rule == "auto" and 10 * most < len(paths):
            best = []
        if not best:
            hint = "So no labels were read from it."
            self.refused += [UserError("bad_table", f"The table {sentence}", hint) for sentence in unused]
        return best

    def _forget_tables(self, listing: Listing) -> None:
        """What was read is not passed over."""
        for name in listing.tables:
            row = listing.passed.get("other " + os.path.splitext(name)[1].lower())  # noqa: PTH122
            if row is not None:
                row.count -= 1
                row.examples = [path for path in row.examples if path != name]
        listing.passed = {kind: row for kind, row in listing.passed.items() if row.count > 0}

    # ---- readings

    def add_readings(self, readings: dict[str, Reading]) -> None:
        """Add what each rule would give."""
        fixed = self.source.label
        if self.levels is not None:
            for rule in ("last", "first", "name"):
                self._add(readings, rule, ((file.path, self._label_by(rule, file)) for file in self.files))
        tables = self.tables
        if not tables:
            return
        columns = _columns(tables)
        if columns and not fixed:
            for rule in columns:
                found = readings.setdefault(rule, {})
                for table in tables:
                    for label, count in table.columns.get(rule[len(COLUMN) :], {}).items():
                        row = found.setdefault(clean_label(label), [0, ""])
                        row[0] = int(str(row[0])) + count
        else:
            listed = {file.path for file in self.files}
            labels = {path: label for table in tables for path, label in table.rows if path in listed}
            self._add(readings, "csv", ((file.path, labels.get(file.path)) for file in self.files))

    def _add(self, readings: dict[str, Reading], rule: str, rows: Iterable[tuple[str, str | None]]) -> None:
        found = readings.setdefault(rule, {})
        for path, label in rows:
            row = found.setdefault(clean_label(self.source.label or label or ""), [0, display(path)])
            row[0] = int(str(row[0])) + 1


def _columns(tables: Iterable[Table]) -> list[str]:
    """Return the rules for the columns that labels could be read from, the one used first; none where there is one."""
    found: dict[str, None] = {}
    for table in tables:
        if len(table.columns) > 1:
            if table.column is not None:
                found[COLUMN + table.column] = None
            found.update({COLUMN + name: None for name in table.columns})
    return list(found)

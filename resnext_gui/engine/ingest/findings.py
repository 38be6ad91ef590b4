"""What could disturb learning, in words: one place for the check-up, the receipt of an import, and the window."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from resnext_gui.engine.ingest.gather import Gathered
from resnext_gui.engine.ingest.rules import says_nothing
from resnext_gui.engine.ingest.walk import Passed
from resnext_gui.engine.pictures.files import display
from resnext_gui.messages import COLUMN
from resnext_gui.project.files import natural
from resnext_gui.project.labels import LONGEST, alike
from resnext_gui.texts import some

Finding = dict[str, Any]
"""``{"finding": kind, "paths": [...], "message": sentence}``, and perhaps ``"hint"`` and ``"code"``."""

FEW = 5
"""With so many photographs a label can have an exam."""

NOTES = frozenset({"passed_over", "beside"})
"""Findings that disturb nothing; they say what was done."""

_NAMED = 8


def finding(kind: str, paths: Iterable[str], message: str, hint: str = "", code: str = "") -> Finding:
    """Return a finding whose paths can be shown."""
    found: Finding = {"finding": kind, "paths": [display(path) for path in paths], "message": message}
    if hint:
        found["hint"] = hint
    if code:
        found["code"] = code
    return found


def sentence(found: Finding) -> str:
    """Return a finding's message and hint."""
    return f"{found['message']} {found.get('hint', '')}".rstrip()


def about_sources(gathered: Gathered) -> list[Finding]:
    """Return what is to be said about how labels were read, and about what was passed over."""
    return [*_readings(gathered), *_folders(gathered), *_tables(gathered), *_passed(gathered.passed)]


def about_labels(labels: Mapping[str, int], lost: Sequence[str] = ()) -> list[Finding]:
    """Return what is to be said about labels.

    Args:
        labels: names with the number of readable photographs, in the order to be shown.
        lost: labels none of whose photographs can be read.
    """
    found = []
    if len(labels) == 1:
        found.append(
            finding(
                "one_label",
                [],
                f"There is only one label, '{display(next(iter(labels)))}'. A classifier compares.",
                "Add photographs of something else, or of good ones.",
            )
        )
    few = [name for name, count in labels.items() if 0 < count < FEW]
    if few and len(labels) > 1:
        found.append(
            finding(
                "too_few",
                [],
                f"Fewer than {FEW} photographs of {_names(few)}: too few for an exam.",
                f"Add more; with {FEW} or more some can be kept back.",
            )
        )
    found += [
        finding("too_few", [], f"The label '{display(name)}' has no readable photograph.", "Add some.") for name in lost
    ]
    same: dict[str, list[str]] = defaultdict(list)
    for name in labels:
        same[alike(name)].append(name)
    found += [
        finding(
            "alike",
            [],
            f"The labels {_and(sorted(names))} differ only in case, width or invisible characters.",
            "If they mean the same, merge them or give the folders one name.",
        )
        for names in same.values()
        if len(names) > 1
    ]
    cut = [name for name in labels if len(name) >= LONGEST - 10 and "… " in name]
    if cut:
        found.append(
            finding(
                "long_label",
                [],
                f"Names of labels end after {LONGEST} characters; these were cut: {_and(cut)}.",
                "Give the folder a shorter name.",
            )
        )
    return found


def two_labels(labels: Iterable[str], paths: Sequence[str]) -> Finding:
    """Return the finding for the same photograph under several labels."""
    names = " and ".join(f"'{display(name)}'" for name in sorted(labels, key=natural))
    message = f"The same photograph lies under {names}: {display(paths[0])}."
    return finding("two_labels", paths, message, "Keep it under the label that is right.")


def many_two_labels(groups: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[Finding]:
    """Return one finding for all photographs that lie under several labels, given as (labels, paths) of each."""
    if len(groups) <= 1:
        return [two_labels(*group) for group in groups]
    names = sorted({name for labels, _ in groups for name in labels}, key=natural)
    message = (
        f"{len(groups):,} photographs lie under several labels ({_names(names)}), such as {display(groups[0][1][0])}."
    )
    paths = [path for _, group in groups for path in group]
    return [finding("two_labels", paths[:1000], message, "Keep each under the label that is right.")]


def unlabelled(paths: Sequence[str], count: int) -> Finding:
    """Return the finding for photographs without a label beside others that have one."""
    return finding("unlabelled", paths[:1000], f"{some(count)} without a label.", "Put each into a sub-folder.")


# --------------------------------------------------------------------------------------------------------------------


def rule_words(rule: str) -> str:
    """Return where a rule reads labels, such as "the last folder level"."""
    if rule.startswith(COLUMN):
        return f"the column '{rule[len(COLUMN) :]}'"
    return {
        "last": "the last folder level",
        "first": "the first folder level",
        "name": "the file names",
        "csv": "the table",
        "folder": "the folders' names",
        "none": "nowhere",
    }.get(rule, rule)


def labels_in_words(labels: Mapping[str, int], most: int = _NAMED) -> str:
    """Return labels with their counts: "rust (12), good (9) and 3 more"."""
    named = [(name, count) for name, count in labels.items() if name]
    shown = ", ".join(f"{display(name)} ({count:,})" for name, count in named[:most])
    more = len(named) - most
    return shown + (f" and {more:,} more" if more > 0 else "")


def question(gathered: Gathered) -> Finding | None:
    """Return the finding that labels can be read in several ways; None where they cannot."""
    found = _readings(gathered)
    return found[0] if found else None


def _readings(gathered: Gathered) -> list[Finding]:
    ways = []
    for rule in gathered.doubts:
        labels = {name: int(str(row[0])) for name, row in _in_order(gathered.readings.get(rule, {}))}
        given = labels_in_words(labels, 4)
        ways.append(f"from {rule_words(rule)}, {given}" if given else "none at all")
    if len(ways) > 1:
        number = "two ways" if len(ways) == 2 else "several ways"
        message = f"Labels can be read in {number}: {'; or '.join(ways)}."
        return [finding("two_readings", [], message, f"Now they are read {_from(gathered.doubts[0])}.")]
    if gathered.nothing:
        names = _and(gathered.nothing)
        message = f"The folder name {names} says nothing about what its photographs show, and would be a label."
        if len(gathered.nothing) > 1:
            message = f"The folder names {names} say nothing about what their photographs show, and would be labels."
        return [finding("odd_label", [], message, "Rename the folder, or leave its photographs out.")]
    return []


def _from(rule: str) -> str:
    return "nowhere" if rule == "none" else f"from {rule_words(rule)}"


def _in_order(reading: Mapping[str, list[object]]) -> list[tuple[str, list[object]]]:
    return sorted(reading.items(), key=lambda item: natural(item[0]))


def _folders(gathered: Gathered) -> list[Finding]:
    found = []
    only = list(gathered.only_in.items())
    if len(only) > 3:  # they may be called otherwise there
        labels, parts = _and([label for label, _ in only]), _and(list(dict.fromkeys(part for _, part in only)))
        message, hint = f"These labels occur only under {parts}: {labels}.", "Call each label the same everywhere."
        found.append(finding("only_in_test", [], message, hint))
        only.clear()
    for label, part in only:
        found.append(
            finding(
                "only_in_test",
                [],
                f"The label '{display(label)}' occurs only under '{display(part)}'.",
                "If it means that the labels there are not known, leave it out.",
            )
        )
    if gathered.aside:
        names = list(gathered.aside)
        found.append(
            finding(
                "beside",
                [],
                f"Left without a label, beside the others: {some(gathered.aside.total())} in {_and(names)}.",
            )
        )
    return found


def _tables(gathered: Gathered) -> list[Finding]:
    return [finding("table", [], remark) for remark in gathered.remarks]


def _passed(passed: Mapping[str, Passed]) -> list[Finding]:
    found = []
    other: Counter[str] = Counter()
    example = ""
    for kind, row in passed.items():
        first = f"'{display(os.path.basename(row.examples[0]))}'" if row.examples else ""  # noqa: PTH119
        if kind.startswith("not here"):
            folder = kind.removeprefix("not here ")
            of = f" of '{display(folder)}'" if folder else ""
            found.append(
                finding(
                    "not_downloaded",
                    row.examples,
                    f"Not downloaded from iCloud: {some(row.count, 'files')}{of}.",
                    "Download them in the file manager, then add the folder again.",
                )
            )
        elif kind == "hidden":
            message = f"Passed over in hidden folders or under hidden names: {some(row.count)}, such as {first}."
            found.append(finding("hidden", row.examples, message, "Rename what is to be read, without the dot."))
        elif kind == "project":
            message = f"{first} belongs to a project of this program and was passed over."
            if row.count > 1:
                names = _names([os.path.basename(path) for path in row.examples])  # noqa: PTH119
                message = f"{row.count} folders belong to projects of this program and were passed over: {names}."
            hint = "Keep projects and photographs in different folders."
            found.append(finding("project", row.examples, message, hint))
        elif kind == "raw":
            message = f"Passed over for the JPEG of the same name: {some(row.count, 'raw_files')}."
            found.append(finding("passed_over", row.examples, message))
        elif kind == "empty":
            named = [path for path in row.examples if not says_nothing(os.path.basename(path))]  # noqa: PTH119
            if named:
                names = _names([os.path.basename(path) for path in named])  # noqa: PTH119
                found.append(finding("empty_folder", named, f"No photographs in {names}."))
        else:
            other[kind.removeprefix("other").strip() or "without a suffix"] += row.count
            example = example or first
    if other:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in other.most_common(4))
        kinds += f" and {len(other) - 4} more kinds" if len(other) > 4 else ""
        message = f"Passed over, being no pictures: {kinds} (such as {example})."
        found.append(finding("passed_over", [], message))
    return found


def _names(names: Sequence[str], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(display(name) for name in names[:most]) + (f" and {more} more" if more > 0 else "")


def _and(names: Sequence[str], most: int = 5) -> str:
    quoted = [f"'{display(name)}'" for name in names]
    if len(quoted) > most:
        return ", ".join(quoted[:most]) + f" and {len(quoted) - most} more"
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" and {quoted[-1]}"

"""A check-up of photographs before anything is learnt from them: every file is decoded in full."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from resnext_gui.engine.ingest.gather import Candidate, Gathered, gather
from resnext_gui.engine.pictures.decode import Decoded, decode
from resnext_gui.engine.pictures.files import ImageError, display
from resnext_gui.engine.worker.control import Control, Emit
from resnext_gui.messages import Progress, Source
from resnext_gui.project.files import natural
from resnext_gui.project.photographs import some

Finding = dict[str, Any]

_FEW = 5


def check_photographs(sources: Sequence[Source], emit: Emit, control: Control, job_id: str = "check") -> list[Finding]:
    """Decode every photograph and say what is wrong with them.

    Returns:
        Findings ``{"finding": kind, "paths": [...], "message": sentence}`` with the kinds ``unreadable`` and
        ``incomplete`` (a JPEG whose end is missing, but which can be used), one a file each,
        ``no_photographs``, ``one_label``, ``too_few``, ``unlabelled``, ``two_labels`` (the same content under two
        labels) and ``identical``; last ``{"summary": {...}}`` with ``photographs``, ``labels`` (name -> count),
        ``unlabelled``, ``unreadable``, ``passed_over``, ``identical``, ``rule`` and ``seconds``.

    Raises:
        UserError: ``not_reachable``, ``bad_table``.
        JobStopped: the person stopped it.
    """
    began = time.monotonic()

    def tick(found: int) -> None:
        control.check()
        emit(Progress(job_id, "listing", found, 0, f"Found {some(found)} so far"))

    gathered = gather(sources, tick)
    findings: list[Finding] = [_finding("unreadable", [path], message) for path, message in gathered.troubles]
    good: list[tuple[Candidate, str]] = []
    remarks: list[Finding] = []
    total = len(gathered.files)
    with ThreadPoolExecutor(2, "check") as pool:
        # A portion at a time, so that a stop need not wait for 200,000 queued files.
        for start in range(0, total, 16):
            control.check()
            for file, outcome in pool.map(_examine, gathered.files[start : start + 16]):
                if isinstance(outcome, ImageError):
                    findings.append(_finding("unreadable", [file.path], outcome.message, outcome.hint, outcome.code))
                    continue
                good.append((file, outcome.digest))
                if outcome.remark:
                    remarks.append(_finding("incomplete", [file.path], outcome.remark, "Copy it again if you can."))
            done = min(start + 16, total)
            emit(Progress(job_id, "checking", done, total, f"Checked {done:,} of {total:,}"))
    unreadable = len(findings)
    copies = _copies(good)
    findings += remarks + _labels(good, gathered) + copies
    findings.append({"summary": _summary(good, gathered, unreadable, copies, time.monotonic() - began)})
    return findings


def _finding(kind: str, paths: list[str], message: str, hint: str = "", code: str = "") -> Finding:
    found: Finding = {"finding": kind, "paths": [display(path) for path in paths], "message": message}
    if hint:
        found["hint"] = hint
    if code:
        found["code"] = code
    return found


def _examine(file: Candidate) -> tuple[Candidate, Decoded | ImageError]:
    """Return a picture that decodes, made small since many are waited for together, or why it does not."""
    try:
        decoded = decode(file.path, at_least=256)
    except ImageError as error:
        return file, error
    return file, Decoded(decoded.picture.resize((1, 1)), decoded.digest, decoded.remark)


def _by_label(good: list[tuple[Candidate, str]]) -> dict[str, list[Candidate]]:
    labels: dict[str, list[Candidate]] = defaultdict(list)
    for file, _ in good:
        if file.label is not None:
            labels[file.label].append(file)
    return dict(sorted(labels.items(), key=lambda item: natural(item[0])))


def _labels(good: list[tuple[Candidate, str]], gathered: Gathered) -> list[Finding]:
    labels = _by_label(good)
    found = []
    if not good:
        found.append(
            _finding("no_photographs", [], "There is no readable photograph.", "Choose a folder that holds pictures.")
        )
    if len(labels) == 1:
        name = next(iter(labels))
        found.append(
            _finding(
                "one_label",
                [],
                f"There is only one label, '{name}'. A classifier compares.",
                "Add photographs of something else, or of good ones.",
            )
        )
    for name, files in labels.items():
        if len(files) < _FEW:
            found.append(
                _finding(
                    "too_few",
                    [file.path for file in files],
                    f"The label '{name}' has {some(len(files))}.",
                    f"Add more; with {_FEW} or more some can be kept back for an exam.",
                )
            )
    # Labels all of whose files are refused would otherwise go unmentioned.
    lost = sorted({file.label for file in gathered.files if file.label} - set(labels), key=natural)
    found += [_finding("too_few", [], f"The label '{name}' has no readable photograph.", "Add some.") for name in lost]
    loose = [file.path for file, _ in good if file.label is None]
    if loose and labels:
        found.append(
            _finding("unlabelled", loose[:1000], f"{some(len(loose))} without a label.", "Put each into a sub-folder.")
        )
    return found


def _copies(good: list[tuple[Candidate, str]]) -> list[Finding]:
    same: dict[str, list[Candidate]] = defaultdict(list)
    for file, digest in good:
        same[digest].append(file)
    found = []
    for files in same.values():
        if len(files) < 2:
            continue
        paths = [file.path for file in files]
        labels = sorted({file.label for file in files if file.label is not None}, key=natural)
        if len(labels) > 1:
            names = " and ".join(f"'{name}'" for name in labels)
            message = f"The same photograph lies under {names}: {display(paths[0])}."
            found.append(_finding("two_labels", paths, message, "Keep it under the label that is right."))
        else:
            message = f"{len(files)} files are identical: {display(paths[0])}."
            found.append(_finding("identical", paths, message, "They count as one photograph."))
    return found


def _summary(
    good: list[tuple[Candidate, str]], gathered: Gathered, unreadable: int, copies: list[Finding], seconds: float
) -> dict[str, Any]:
    return {
        "photographs": len(good),
        "labels": {name: len(files) for name, files in _by_label(good).items()},
        "unlabelled": sum(file.label is None for file, _ in good),
        "unreadable": unreadable,
        "passed_over": gathered.passed_over,
        "identical": sum(len(found["paths"]) - 1 for found in copies),
        "rule": gathered.rule,
        "seconds": round(seconds, 3),
    }

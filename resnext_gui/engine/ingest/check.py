"""A check-up of photographs before anything is learnt from them: every file is decoded in full."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from resnext_gui.engine.ingest import findings as words
from resnext_gui.engine.ingest.findings import Finding, finding
from resnext_gui.engine.ingest.gather import Candidate, Gathered, gather
from resnext_gui.engine.pictures.decode import Decoded, decode
from resnext_gui.engine.pictures.files import ImageError, display
from resnext_gui.engine.worker.control import Control, Emit
from resnext_gui.messages import Progress, Source
from resnext_gui.project.files import natural
from resnext_gui.texts import some


def check_photographs(sources: Sequence[Source], emit: Emit, control: Control, job_id: str = "check") -> list[Finding]:
    """Decode every photograph and say what is wrong with them.

    Returns:
        Findings as in `ingest.findings`, with the kinds of that module, ``unreadable`` and ``incomplete`` (a JPEG whose
        end is missing, but which can be used), one a file each, ``no_photographs``, ``two_labels`` (the same content
        under two labels) and ``identical``; last
        ``{"summary": {...}}`` with ``photographs``, ``labels`` (name -> count), ``unlabelled``, ``unreadable``,
        ``passed_over``, ``identical``, ``rule``, ``used`` (the rule that gave labels) and ``seconds``.

    Raises:
        UserError: ``not_reachable``, ``bad_table``.
        JobStopped: the person stopped it.
    """
    began = time.monotonic()

    def tick(found: int) -> None:
        control.check()
        emit(Progress(job_id, "listing", found, 0, f"Found {some(found)} so far"))

    gathered = gather(sources, tick)
    findings: list[Finding] = [finding("unreadable", [path], message) for path, message in gathered.troubles]
    good: list[tuple[Candidate, str]] = []
    remarks: list[Finding] = []
    total = len(gathered.files)
    with ThreadPoolExecutor(2, "check") as pool:
        # A portion at a time, so that a stop need not wait for 200,000 queued files.
        for start in range(0, total, 16):
            control.check()
            for file, outcome in pool.map(_examine, gathered.files[start : start + 16]):
                if isinstance(outcome, ImageError):
                    findings.append(finding("unreadable", [file.path], outcome.message, outcome.hint, outcome.code))
                    continue
                good.append((file, outcome.digest))
                if outcome.remark:
                    remarks.append(finding("incomplete", [file.path], outcome.remark, "Copy it again if you can."))
            done = min(start + 16, total)
            emit(Progress(job_id, "checking", done, total, f"Checked {done:,} of {total:,}"))
    unreadable = len(findings)
    copies, identical = _copies(good)
    findings = words.about_sources(gathered) + findings + remarks + _labels(good, gathered) + copies
    findings.append({"summary": _summary(good, gathered, unreadable, identical, time.monotonic() - began)})
    return findings


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
            finding("no_photographs", [], "There is no readable photograph.", "Choose a folder that holds pictures.")
        )
    # Labels all of whose files are refused would otherwise go unmentioned.
    lost = sorted({file.label for file in gathered.files if file.label} - set(labels), key=natural)
    found += words.about_labels({name: len(files) for name, files in labels.items()}, lost)
    loose = [file.path for file, _ in good if file.label is None]
    if loose and labels:
        found.append(words.unlabelled(loose, len(loose)))
    return found


def _copies(good: list[tuple[Candidate, str]]) -> tuple[list[Finding], int]:
    """Return what is to be said of files with the same content, and how many of them are one too many."""
    same: dict[str, list[Candidate]] = defaultdict(list)
    for file, digest in good:
        same[digest].append(file)
    found: list[Finding] = []
    two: list[tuple[list[str], list[str]]] = []
    for files in same.values():
        if len(files) < 2:
            continue
        paths = [file.path for file in files]
        labels = sorted({file.label for file in files if file.label is not None}, key=natural)
        if len(labels) > 1:
            two.append((labels, paths))
        else:
            message = f"{len(files)} files are identical: {display(paths[0])}."
            found.append(finding("identical", paths, message, "They count as one photograph."))
    return words.many_two_labels(two) + found, len(good) - len(same)


def _summary(
    good: list[tuple[Candidate, str]], gathered: Gathered, unreadable: int, identical: int, seconds: float
) -> dict[str, Any]:
    return {
        "photographs": len(good),
        "labels": {name: len(files) for name, files in _by_label(good).items()},
        "unlabelled": sum(file.label is None for file, _ in good),
        "unreadable": unreadable,
        "passed_over": gathered.passed_over,
        "identical": identical,
        "rule": gathered.rule,
        "used": gathered.used,
        "seconds": round(seconds, 3),
    }

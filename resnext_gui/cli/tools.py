"""``resnext-gui weights`` and ``resnext-gui benchmark``."""

from __future__ import annotations

import argparse
from typing import Any

from resnext_gui import messages
from resnext_gui.cli.common import absolute, job_id, run_job
from resnext_gui.cli.output import Output
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import UserError


def weights(arguments: argparse.Namespace, out: Output, control: Control) -> int:
    """List, fetch or import pretrained weights; returns the exit status.

    Raises:
        UserError: bad usage, no connection, or a file that is refused.
        JobStopped: the person asked for it.
    """
    action, target = arguments.action, arguments.target
    if action == "list" and target:
        raise UserError("usage:weights_list")
    if action != "list" and not target:
        raise UserError("usage:weights_get" if action == "get" else "usage:weights_import")
    if arguments.name and action != "import":
        raise UserError("usage:weights_name", action=action)
    if action == "import":
        target = absolute(target)
    result = run_job(messages.Weights(job_id(), action, target or "", arguments.name), out, control)
    entries: list[dict[str, Any]] = result.get("weights", [result])
    for entry in entries:
        out.line(entry)
        for line in _in_words(entry).splitlines():
            out.say(line)
    return 0


def _in_words(entry: dict[str, Any]) -> str:
    """Return a line about weights: of a listing, or what was fetched or imported."""
    if "title" not in entry:
        report = entry.get("text")
        return f"{entry.get('name')}: {entry.get('path')}" + (f"\n{report}" if report else "")
    facts = [entry["title"], f"{entry['megabytes']} MB"]
    if entry.get("top1"):
        facts.append(f"{entry['top1']} % right on ImageNet")
    facts.append(str(entry.get("licence") or "licence not known"))
    facts.append("on this computer" if entry["available"] else "not downloaded")
    return f"{entry['name']:<28} {', '.join(facts)}"


def benchmark(arguments: argparse.Namespace, out: Output, control: Control) -> int:
    """Measure this machine; returns the exit status."""
    del arguments
    from resnext_gui.engine.benchmark import run_benchmark

    for row in run_benchmark(control):
        out.line(row)
        out.say(", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in row.items()))
    return 0

"""`resnext-gui weights list | get | import`: the jobs behind the commands and the window's weight page."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

from resnext_gui.engine.network.resnext import PRESETS, architecture_name
from resnext_gui.engine.weights import catalogue
from resnext_gui.engine.weights.download import download
from resnext_gui.engine.worker.context import JobContext
from resnext_gui.messages import UserError
from resnext_gui.project import guard


def weights_job(command: Any, job: JobContext) -> dict[str, Any]:
    """Serve `messages.Weights`.

    Returns:
        For ``"list"`` {"weights": [{name, title, megabytes, top1, licence, architecture, available, source}, ...]};
        for ``"get"`` and ``"import"`` {"name", "path", "sha256", "report": ...}.

    Raises:
        UserError: the action or the name is unknown, the network is away, the disk is full, or the file is refused.
        JobStopped: the person stopped a download; what has arrived is kept and continued next time.
    """
    if command.action == "list":
        return {"weights": list_weights()}
    if command.action == "get":
        return get_weights(command.target, job)
    if command.action == "import":
        return import_weights(command.target, command.name, job)
    raise UserError("bad_action", f"There is no action “{command.action}”.", "Use list, get or import.")


def list_weights() -> list[dict[str, Any]]:
    """Return what can be used or downloaded: the starter, the catalogue, and what was imported."""
    listed = [
        {
            "name": "starter",
            "title": "Starter weights, small, shipped with the program",
            "megabytes": 20,
            "top1": None,
            "licence": catalogue.STARTER_LICENCE,
            "architecture": architecture_name(PRESETS["resnext26_16x4d"]),
            "available": catalogue.starter_path().is_file(),
            "source": "shipped",
        }
    ]
    listed += [
        {
            "name": entry.name,
            "title": entry.title,
            "megabytes": entry.megabytes,
            "top1": entry.top1,
            "licence": entry.licence,
            "architecture": architecture_name(PRESETS[entry.architecture]),
            "available": entry.local_path() is not None,
            "source": f"huggingface.co/{entry.repository}",
        }
        for entry in catalogue.CATALOGUE
    ]
    for name in catalogue.imported():
        path = catalogue.imported_path(name)
        facts = catalogue.header(path) if path is not None else {}
        listed.append(
            {
                "name": name,
                "title": facts.get("title", "Imported from a file"),
                "megabytes": round(path.stat().st_size / 1e6) if path is not None else 0,
                "top1": None,
                "licence": facts.get("licence", ""),
                "architecture": facts.get("architecture", ""),
                "available": True,
                "source": "imported",
            }
        )
    return listed


def get_weights(name: str, job: JobContext) -> dict[str, Any]:
    """Make the weights `name` available on this computer, downloading them where they are not."""
    from resnext_gui.engine.weights.load import resolve_weights

    entry = catalogue.by_name(name or catalogue.DEFAULT)
    if entry is None:
        resolved = resolve_weights(name)
        return {"name": resolved.name, "path": str(resolved.path), "sha256": resolved.sha256, "downloaded": False}
    local = entry.local_path()
    if local is not None and guard.sha256(local) != entry.sha256:
        local = None
    path = local if local is not None else download(entry, job)
    return {"name": entry.name, "path": str(path), "sha256": entry.sha256, "downloaded": local is None}


def import_weights(target: str, name: str | None, job: JobContext) -> dict[str, Any]:
    """Check the file `target` and keep its weights, as safetensors, under `name` (else the file's own name).

    Raises:
        CheckpointError: the file is refused.
        UserError: ``bad_name``, ``name_taken`` or ``disk_full``.
    """
    from resnext_gui.engine.weights.load import load_checkpoint, save_weights

    name = (name or Path(target).name.partition(".")[0]).strip()
    if not re.fullmatch(r"[\w][\w .+-]{0,99}", name):
        raise UserError("bad_name", f"“{name}” cannot be a name for weights.", "Use letters, digits, - and _.")
    if name in ("starter", "none") or catalogue.by_name(name) is not None:
        raise UserError("name_taken", f"“{name}” is the name of other weights.", "Choose another name.")
    checkpoint = load_checkpoint(Path(target).expanduser())
    job.check()
    folder = catalogue.imports_folder()
    path = folder / f"{name}.safetensors"
    facts = {**checkpoint.metadata, "title": f"Imported from {Path(target).name}", "source_sha256": checkpoint.sha256}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(path, checkpoint.model, facts, checkpoint.preprocessing, checkpoint.labels)
    except OSError as error:
        raise UserError(
            "disk_full" if error.errno == errno.ENOSPC else "not_written",
            f"The weights could not be kept in {folder} ({error.strerror or error}).",
            "Free some space, or use the file by its path.",
        ) from error
    report = checkpoint.report
    return {
        "name": name,
        "path": str(path),
        "sha256": checkpoint.sha256,
        "report": report.to_dict(),
        "text": str(report),
        "warnings": report.warnings,
    }

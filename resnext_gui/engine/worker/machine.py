"""This computer: its processor, and what was measured on it once and for all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_cache_path

Answer = TypeVar("Answer")


def usable_cores() -> int:
    """Return how many processor cores this process may use, by affinity and by the container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return max(1, cores)


def processor_name() -> str:
    """Return what the maker calls the processor."""
    with contextlib.suppress(OSError, IndexError):
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        return text.split("model name", 1)[1].split(":", 1)[1].split("\n", 1)[0].strip()
    return platform.processor() or platform.machine()


def measured_once(
    name: str, rule: list[object], measure: Callable[[], dict[str, Any]], read: Callable[[dict[str, Any]], Answer]
) -> Answer:
    """Return the answer to a question that costs time to measure, and would be another one after a busy moment.

    It is remembered in the user's cache folder for this processor and these versions, so that every process computes
    alike: a run that is continued in another one ends where it would have ended.

    Args:
        name: of the question; begins the file's name.
        rule: all that the answer depends on but the machine; another rule is another question.
        measure: measures, and returns values for JSON.
        read: makes the answer of them; raises for what is none.
    """
    import keras

    backend = keras.config.backend()
    versions = [backend, keras.__version__, _version(backend)]
    key = json.dumps([*versions, processor_name(), usable_cores(), rule])
    number = hashlib.sha256(key.encode()).hexdigest()[:16]
    file = user_cache_path("resnext-gui", appauthor=False) / f"{name}-{number}.json"

    def remembered() -> Answer:
        return read(json.loads(file.read_text(encoding="utf-8")))

    unknown = (OSError, ValueError, KeyError, TypeError)
    with contextlib.suppress(*unknown):
        return remembered()
    values = measure()
    with contextlib.suppress(*unknown):
        return remembered()  # another process was faster, and may be at work with its answer
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(values), encoding="utf-8")
        part.replace(file)
    return read(values)


def _version(package: str) -> str:
    with contextlib.suppress(PackageNotFoundError):
        return version(package)
    return "?"

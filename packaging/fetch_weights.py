"""Fetch the default weights into ``assets/weights``, so that an installed program needs no download.

    python packaging/fetch_weights.py

Run before a release is built, by an environment that has the program's packages and internet.  The file is checked
against the catalogue's hash by the same code that the program itself downloads with.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, os.fspath(ROOT))

from resnext_gui.engine.weights import catalogue  # noqa: E402
from resnext_gui.engine.weights.download import download  # noqa: E402
from resnext_gui.engine.worker.control import Control  # noqa: E402


def main() -> None:
    """Download, check and copy.

    Raises:
        UserError: the hub cannot be reached, or what came is not what the catalogue names.
    """
    entry = catalogue.by_name(catalogue.DEFAULT)
    if entry is None:
        raise SystemExit(f"{catalogue.DEFAULT} is not in the catalogue")
    target = ROOT / "assets" / "weights" / f"{entry.name}.safetensors"
    if not target.is_file():
        shutil.copyfile(download(entry, "", lambda _event: None, Control()), target)
    sys.stdout.write(f"{target} has {target.stat().st_size / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()

"""Write the licences of everything that the frozen program contains into one text file.

    python packaging/notices.py OUT [BUNDLE]

Run by the environment that the bundle is made from.  Each Python package brings its licence in its ``dist-info``
folder; libraries that come from the build system's own packages (Python itself, X11 helpers) are named with the
licence text that the system keeps for them.  With BUNDLE only what is really in it is listed; a package without any
licence text ends the build, so that none is forgotten.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

BUILD_ONLY = {"pip", "wheel", "pyinstaller-hooks-contrib", "altgraph", "libclang", "hf-xet", "grpcio", "setuptools"}
"""In the environment, but not in the bundle."""
TEXT = re.compile(r"(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)
# Packages whose wheels carry no text: where theirs can be read.
KNOWN = {
    "PySide6_Essentials": "LGPL-3.0-only. Sources: https://code.qt.io/cgit/pyside/pyside-setup.git",
    "shiboken6": "LGPL-3.0-only. Sources: https://code.qt.io/cgit/pyside/pyside-setup.git",
}
FOREWORD = """Third-party notices

ResNeXt GUI itself is under the Apache License 2.0.  It contains the following works of others, each under its own
licence.  Qt and PySide6 are used under the LGPL-3.0: their libraries lie as separate files in the program's folder
and may be replaced by versions of your own.
"""


def packages() -> list[metadata.Distribution]:
    """Return the environment's packages that the bundle is made of, by name."""
    found = {dist.metadata["Name"]: dist for dist in metadata.distributions()}
    names = [name for name in found if name.lower().replace("_", "-") not in BUILD_ONLY]
    return [found[name] for name in sorted(names, key=str.lower)]


def texts(dist: metadata.Distribution) -> list[tuple[str, str]]:
    """Return the licence texts of a package as (file name, text)."""
    result = []
    for file in dist.files or []:
        inside = ".dist-info/" in f"{file.parent}/" or len(file.parts) <= 2
        if inside and TEXT.search(file.name) and file.suffix.lower() not in (".py", ".pyc", ".so"):
            path = Path(str(dist.locate_file(file)))
            if path.is_file():
                result.append((file.name, path.read_text(encoding="utf-8", errors="replace").strip()))
    return result


def system_packages(bundle: Path) -> list[tuple[str, str]]:
    """Return (Debian package, its copyright text) for the bundle's libraries that came from the build system."""
    if shutil.which("dpkg-query") is None:
        return []
    inner = bundle / "_internal"
    names = {path.name for path in inner.glob("lib*.so*") if not path.is_symlink()}
    names |= {"libpython3" + name.split("libpython3")[1] for name in names if name.startswith("libpython3")}
    result = {}
    for name in sorted(names):
        found = subprocess.run(["dpkg-query", "-S", f"*/{name}"], capture_output=True, text=True, check=False).stdout
        for package in re.findall(r"^([a-z0-9.+-]+)(?::\w+)?: ", found, re.MULTILINE)[:1]:
            text = Path(f"/usr/share/doc/{package}/copyright")
            if text.is_file():
                result[package] = text.read_text(encoding="utf-8", errors="replace").strip()
    return sorted(result.items())


def main() -> None:
    """Write the file that the command line names.

    Raises:
        SystemExit: a package has no licence text.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("bundle", type=Path, nargs="?")
    arguments = parser.parse_args()
    parts, missing = [FOREWORD], []
    line = "=" * 100
    parts.append(
        f"{line}\nPython {sys.version.split()[0]}\nPython Software Foundation License, https://docs.python.org/3/license.html"
    )
    for dist in packages():
        name = dist.metadata["Name"]
        licence = dist.metadata["License-Expression"] or (dist.metadata["License"] or "").partition("\n")[0]
        licence = licence or "; ".join(
            c.rpartition(" :: ")[2] for c in dist.metadata.get_all("Classifier", []) if c.startswith("License")
        )
        found = texts(dist)
        if not found and name in KNOWN:
            found = [("see", KNOWN[name])]
        if not found and not licence:
            missing.append(name)
        body = "\n\n".join(f"--- {file}\n{text}" for file, text in found)
        parts.append(f"{line}\n{name} {dist.version}\n{licence}\n\n{body}".rstrip())
    if arguments.bundle:
        parts += [
            f"{line}\n{package} (system library)\n\n{text}" for package, text in system_packages(arguments.bundle)
        ]
    if missing:
        raise SystemExit(f"No licence is known of: {', '.join(missing)}")
    arguments.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    sys.stdout.write(f"licences of {len(parts) - 2} works in {arguments.out}\n")


if __name__ == "__main__":
    main()

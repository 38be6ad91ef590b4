"""``python packaging/pins.py`` writes beside each pinned package the hashes of its files, for every system and Python.

pip then installs nothing else than what was published when the tests passed.  After adding or changing a line such as
``name==1.2``, run this again; it needs the internet, and ``uv`` (``pip install uv``).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = "3.11"
COMMAND = (
    "uv pip compile - --universal --no-deps --no-strip-extras --generate-hashes --quiet --python-version " + OLDEST
)
PLAIN = "--no-header --no-annotate --no-emit-index-url --no-emit-find-links"


def main() -> None:
    """Rewrite all lists."""
    for path in sorted(HERE.glob("requirements*.txt")):
        lines = [
            line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("--hash")
        ]
        kept = [line for line in lines if line.startswith(("#", "-r "))]
        packages = "\n".join(line.removesuffix("\\").rstrip() for line in lines if line not in kept)
        done = subprocess.run(
            [*COMMAND.split(), *PLAIN.split()], input=packages, stdout=subprocess.PIPE, text=True, check=True
        )
        path.write_text("\n".join(kept) + "\n" + done.stdout, encoding="utf-8", newline="\n")
        print(path.name, done.stdout.count("=="), "packages")  # noqa: T201


if __name__ == "__main__":
    main()

"""Write what Windows shows under a program's properties, in the form that PyInstaller reads.

python packaging/windows/version_info.py 0.1.0 build/version_info.txt
"""

from __future__ import annotations

import sys
from pathlib import Path

FORM = """VSVersionInfo(
  ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3F, flags=0x0, OS=0x40004, fileType=0x1),
  kids=[
    StringFileInfo([StringTable("040904B0", [
      StringStruct("FileDescription", "ResNeXt GUI"),
      StringStruct("FileVersion", "{version}"),
      StringStruct("ProductName", "ResNeXt GUI"),
      StringStruct("ProductVersion", "{version}"),
      StringStruct("LegalCopyright", "Apache-2.0"),
    ])]),
    VarFileInfo([VarStruct("Translation", [1033, 1200])]),
  ],
)
"""


def version_info(version: str) -> str:
    """Return the resource's text for a version such as ``0.1.0``; what is not a number in it counts as 0."""
    numbers = [int(part) if part.isdigit() else 0 for part in version.split(".")[:4]]
    return FORM.format(numbers=tuple(numbers + [0] * (4 - len(numbers))), version=version)


if __name__ == "__main__":
    target = Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(version_info(sys.argv[1]), encoding="utf-8")

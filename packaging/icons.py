"""Draw the program's icon in every size that the three systems ask for.

    python packaging/icons.py             writes assets/icons/app-*.png and app.ico, which are committed
    python packaging/icons.py --icns OUT  writes a macOS icon from the PNG files; needs nothing but Python

The source is ``assets/icons/app.svg``.  Drawing needs ``rsvg-convert`` (Debian: librsvg2-bin); the ``.ico`` and
``.icns`` containers are written here, since both are no more than a table of PNG files.
"""

from __future__ import annotations

import argparse
import struct
import subprocess
from pathlib import Path

ICONS = Path(__file__).resolve().parent.parent / "assets" / "icons"
SIZES = (16, 22, 24, 32, 48, 64, 96, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
# Apple's type codes for PNG content: https://en.wikipedia.org/wiki/Apple_Icon_Image_format
ICNS_TYPES = ((b"icp4", 16), (b"icp5", 32), (b"icp6", 64), (b"ic07", 128), (b"ic08", 256), (b"ic09", 512))


def png(size: int) -> Path:
    """Return where the square icon of `size` pixels lies."""
    return ICONS / f"app-{size}.png"


def draw() -> None:
    """Render every PNG from the SVG.

    Raises:
        subprocess.CalledProcessError: the renderer failed.
        FileNotFoundError: ``rsvg-convert`` is not installed.
    """
    for size in SIZES:
        command = ["rsvg-convert", "-w", str(size), "-h", str(size), "-o", str(png(size)), str(ICONS / "app.svg")]
        subprocess.run(command, check=True)


def ico_bytes(images: dict[int, bytes]) -> bytes:
    """Return a Windows icon file that holds `images` (side in pixels -> PNG file content)."""
    offset = 6 + 16 * len(images)
    table, body = b"", b""
    for size, data in sorted(images.items()):
        side = 0 if size == 256 else size  # one byte, in which 0 means 256
        table += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(data), offset + len(body))
        body += data
    return struct.pack("<HHH", 0, 1, len(images)) + table + body


def icns_bytes(images: dict[bytes, bytes]) -> bytes:
    """Return a macOS icon file that holds `images` (four-letter type -> PNG file content)."""
    body = b"".join(kind + struct.pack(">I", len(data) + 8) + data for kind, data in images.items())
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--icns", type=Path, metavar="OUT", help="only write a macOS icon")
    arguments = parser.parse_args()
    if arguments.icns:
        arguments.icns.write_bytes(icns_bytes({kind: png(size).read_bytes() for kind, size in ICNS_TYPES}))
        return
    draw()
    (ICONS / "app.ico").write_bytes(ico_bytes({size: png(size).read_bytes() for size in ICO_SIZES}))


if __name__ == "__main__":
    main()

"""Make a finished bundle smaller and quicker to start, and say what it needs from the system.

    python packaging/trim.py dist/resnext-gui

Symbols are stripped from the libraries that stand it.  Those that a wheel's maker has patched for their place
(``numpy.libs``, ``pillow.libs`` and their like) do not: stripping moves their sections and they no longer load.
Source that ships as source is compiled beside itself, since an installed program cannot write into its own folder.
Qt's copy of ICU is left with the data that Qt asks it for.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import py_compile
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

# Library that a Linux desktop brings itself -> Debian package.  A library that is neither here nor in the bundle
# ends the build: better here than on somebody's computer.
SYSTEM_LIBRARIES = {
    "ld-linux-x86-64.so.2": "libc6",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libc.so.6": "libc6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libdl.so.2": "libc6",
    "libdrm.so.2": "libdrm2",
    "libexpat.so.1": "libexpat1",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgbm.so.1": "libgbm1",
    "libgcc_s.so.1": "libgcc-s1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libm.so.6": "libc6",
    "libresolv.so.2": "libc6",
    "libuuid.so.1": "libuuid1",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libpthread.so.0": "libc6",
    "librt.so.1": "libc6",
    "libstdc++.so.6": "libstdc++6",
    "libutil.so.1": "libc6",
    "libwayland-client.so.0": "libwayland-client0",
    "libxcb.so.1": "libxcb1",
    "libz.so.1": "zlib1g",
}
UNUSED_SOURCES = (
    "keras/**/*_test.py",
    # Engines that are not in the bundle.
    "keras/src/backend/jax/*.py",
    "keras/src/backend/openvino/*.py",
    "keras/src/backend/torch/*.py",
)
# Plugins of Qt that would pull in a whole other desktop: the look follows the system without them.
UNUSED_PLUGINS = ("platformthemes/libqgtk3.so",)
KEEP_SYMBOLS = re.compile(r"(numpy|pillow|pi_heif|h5py|scipy)\.libs/|/numpy/|/PIL/|ld-linux")
# Of ICU's data (32 MB: names of languages, units and currencies, converters from old code pages) Qt can ask for the
# order of letters, names of time zones and Unicode's own tables.  Texts, dates and numbers are Qt's own.
ICU_WANTED = re.compile(
    r"(coll/)?(root|pool|res_index)\.res | coll/ucadata\.icu | zone/(root|pool|res_index|en|de)\.res | (en|de)\.res"
    r"| \w+\.(icu|nrm) | (supplementalData|likelySubtags|zoneinfo64|timezoneTypes|metaZones|windowsZones|keyTypeData"
    r"|numberingSystems|icuver|icustd|tzdbNames|genderList|plurals|dayPeriods|pluralRanges)\.res",
    re.VERBOSE,
)


def icu_subset(data: bytes) -> bytes:
    """Return ICU's common data file with the items that `ICU_WANTED` names.

    The file is a header, then a table of (offset of the name, offset of the item), then names and items; offsets count
    from the table's start, and each item begins at a multiple of 16.

    Raises:
        SystemExit: it is no such file, or of a version that is built otherwise.
    """
    start, first, second = struct.unpack_from("<HBB", data)
    if (first, second, data[12:16], data[16]) != (0xDA, 0x27, b"CmnD", 1) or data[8] != 0:
        raise SystemExit("Qt's ICU keeps its data in a form that is not known here")
    (count,) = struct.unpack_from("<I", data, start)
    table = [struct.unpack_from("<II", data, start + 4 + 8 * number) for number in range(count)]
    ends = [offset for _, offset in table[1:]] + [len(data) - start]
    kept: list[tuple[bytes, bytes]] = []
    for (name_at, item_at), end in zip(table, ends, strict=True):
        name = data[start + name_at : data.index(b"\0", start + name_at)]
        if ICU_WANTED.fullmatch(name.decode("ascii").partition("/")[2]):
            kept.append((name, data[start + item_at : start + end]))
    names_at = 4 + 8 * len(kept)
    places, names, items = b"", b"", b""
    items_at = names_at + sum(len(name) + 1 for name, _ in kept)
    items_at += -(start + items_at) % 16
    for name, item in kept:
        places += struct.pack("<II", names_at + len(names), items_at + len(items))
        names += name + b"\0"
        items += item + bytes(-len(item) % 16)
    body = struct.pack("<I", len(kept)) + places + names
    return data[:start] + body.ljust(items_at, b"\0") + items


def shrink_icu(bundle: Path) -> None:
    """Link Qt's library of ICU data anew, with what is wanted of it.

    Raises:
        subprocess.CalledProcessError: the assembler or the linker failed.
        SystemExit: the library is built otherwise.
    """
    for library in bundle.glob("_internal/PySide6/Qt/lib/libicudata.so.*"):
        symbols = subprocess.run(
            ["readelf", "--wide", "--dyn-syms", str(library)], check=True, capture_output=True, text=True
        ).stdout
        found = re.search(r": ([0-9a-f]+) +(\w+) OBJECT +GLOBAL +DEFAULT +\d+ (icudt\d+_dat)$", symbols, re.MULTILINE)
        if not found:
            raise SystemExit(f"{library.name} has no data")
        address, length, symbol = int(found[1], 16), int(found[2], 0), found[3]
        # The part that is only read is mapped as it lies in the file: its addresses are offsets.
        data = icu_subset(library.read_bytes()[address : address + length])
        with tempfile.TemporaryDirectory() as folder:
            raw, source, made = Path(folder, "data"), Path(folder, "data.s"), Path(folder, "data.o")
            raw.write_bytes(data)
            source.write_text(
                f'.section .note.GNU-stack,"",@progbits\n.section .rodata\n.balign 16\n.global {symbol}\n'
                f'.type {symbol}, @object\n{symbol}:\n.incbin "{raw}"\n.size {symbol}, .-{symbol}\n',
                encoding="utf-8",
            )
            subprocess.run(["as", "-o", str(made), str(source)], check=True)
            command = ["ld", "-shared", "-soname", library.name, "--build-id=sha1", "-o", str(library), str(made)]
            subprocess.run(command, check=True)


def libraries(bundle: Path) -> list[Path]:
    """Return every ELF file of `bundle`."""
    found = []
    for path in sorted(bundle.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(path)
    return found


def needed_by(path: Path) -> list[str]:
    """Return the names of the libraries that `path` is linked against."""
    text = subprocess.run(["objdump", "-p", str(path)], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^\s+NEEDED\s+(\S+)", text, re.MULTILINE)


def remove_unused(bundle: Path) -> list[str]:
    """Remove the plugins above, and then every collected library that nothing in the bundle needs any more."""
    inner = bundle / "_internal"
    gone = []
    for name in UNUSED_PLUGINS:
        for path in inner.rglob(name):
            path.unlink()
            gone.append(path.name)
    # Python modules and plugins are loaded by name; these two folders hold what others are linked against.
    collected = [
        path
        for folder in (inner, inner / "PySide6" / "Qt" / "lib")
        for path in folder.glob("lib*.so*")
        if not path.name.startswith("libpython")
    ]
    wants = {path: set(needed_by(path)) for path in libraries(bundle)}
    while True:
        needed = set().union(*wants.values())
        unused = [path for path in collected if path.name not in needed and (path in wants or path.is_symlink())]
        if not unused:
            return gone
        for path in unused:
            path.unlink()
            wants.pop(path, None)
            collected.remove(path)
            gone.append(path.name)


def strip(paths: list[Path]) -> int:
    """Strip what can be stripped; returns the bytes saved."""
    saved = 0
    for path in paths:
        if KEEP_SYMBOLS.search(path.as_posix()):
            continue
        before = path.stat().st_size
        # The executable carries its archive behind the ELF part: strip would cut it off.
        if path.suffix == "" and ".so" not in path.name:
            continue
        subprocess.run(["strip", "--strip-unneeded", str(path)], check=False, capture_output=True)
        saved += before - path.stat().st_size
    return saved


def forget_build_paths(paths: list[Path]) -> None:
    """Let libraries look for others beside themselves instead of in folders of the computer that built them."""
    for path in paths:
        text = subprocess.run(["objdump", "-p", str(path)], check=True, capture_output=True, text=True).stdout
        for found in re.findall(r"^\s+(?:RUNPATH|RPATH)\s+(/\S+)", text, re.MULTILINE):
            data = path.read_bytes()
            old = b"\0" + found.encode() + b"\0"
            if len(found) < len("$ORIGIN") or data.count(old) != 1:
                raise SystemExit(f"{path.name} looks for libraries in {found}")
            path.write_bytes(data.replace(old, b"\0" + b"$ORIGIN".ljust(len(found), b"\0") + b"\0"))


def compile_sources(bundle: Path) -> None:
    """Write bytecode beside the sources.  It is trusted without a look at the source, whose date packages change."""
    compileall.compile_dir(
        bundle,
        quiet=2,
        workers=1,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        stripdir=str(bundle),
    )


def needs(paths: list[Path], bundle: Path) -> dict[str, object]:
    """Return the packages and the glibc version that the bundle needs.

    Raises:
        SystemExit: a library is neither in the bundle nor known to come with a system.
    """
    have = {path.name for path in bundle.rglob("*.so*")}
    packages: set[str] = set()
    unknown: dict[str, str] = {}
    glibc = (2, 17)
    for path in paths:
        text = subprocess.run(["objdump", "-p", str(path)], check=True, capture_output=True, text=True).stdout
        for name in re.findall(r"^\s+NEEDED\s+(\S+)", text, re.MULTILINE):
            if name in SYSTEM_LIBRARIES:
                packages.add(SYSTEM_LIBRARIES[name])
            elif name not in have:
                unknown[name] = path.relative_to(bundle).as_posix()
        for major, minor in re.findall(r"\bGLIBC_(\d+)\.(\d+)", text):
            glibc = max(glibc, (int(major), int(minor)))
    if unknown:
        lines = "\n".join(f"  {name}, needed by {user}" for name, user in sorted(unknown.items()))
        raise SystemExit(f"Libraries that are neither in the bundle nor part of a system:\n{lines}")
    return {"packages": sorted(packages), "glibc": f"{glibc[0]}.{glibc[1]}"}


def size(folder: Path) -> int:
    """Return the bytes of all files, each counted once."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def main() -> None:
    """Trim the bundle that the command line names and write ``needs.json`` beside it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    bundle = parser.parse_args().bundle
    before = size(bundle)
    for pattern in UNUSED_SOURCES:
        for path in bundle.rglob(pattern):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    compile_sources(bundle)
    if os.name == "posix" and os.uname().sysname == "Linux":
        shrink_icu(bundle)
        gone = remove_unused(bundle)
        sys.stdout.write(f"nothing needs {' '.join(sorted(gone))}\n")
        elf = libraries(bundle)
        strip(elf)
        forget_build_paths(elf)
        needed = needs(elf, bundle)
        bundle.with_suffix(".needs.json").write_text(json.dumps(needed, indent=1), encoding="utf-8")
        sys.stdout.write(f"needs {needed}\n")
    sys.stdout.write(f"{before / 1e6:.0f} MB -> {size(bundle) / 1e6:.0f} MB in {bundle}\n")


if __name__ == "__main__":
    main()

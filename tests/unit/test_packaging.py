"""The recipes for installers: what can be checked without building one."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest
from platformdirs import user_log_path

from resnext_gui import __version__, logs
from resnext_gui.engine.weights.catalogue import downloads_folder, imports_folder
from resnext_gui.project import APPLICATION_ID
from resnext_gui.project.marker import SUFFIX
from resnext_gui.ui.system.settings import own_folder

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
LINUX = PACKAGING / "linux"
ICONS = ROOT / "assets" / "icons"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pins(name: str, system: str = "linux") -> dict[str, str]:
    lines = (PACKAGING / name).read_text(encoding="utf-8").splitlines()
    pairs = (re.fullmatch(r"([\w.-]+)==([\w.]+)(?: ; sys_platform == '(\w+)'| ;.*)? \\", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", pair[1]).lower(): pair[2] for pair in pairs if pair and pair[3] in (None, system)}


def test_the_frozen_program_has_the_versions_that_are_tested():
    tested, frozen = pins("requirements.txt"), pins("requirements-frozen-linux.txt")
    assert frozen.pop("tensorflow-cpu") == tested.pop("tensorflow")
    assert tested.items() <= frozen.items()


@pytest.mark.parametrize("path", sorted(PACKAGING.glob("requirements*.txt")), ids=lambda path: path.stem)
def test_pip_installs_only_what_has_a_known_hash(path):
    """A line without a hash would make pip refuse the whole list: `python packaging/pins.py` adds them."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.startswith(("#", "-r "))]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", line), line


@pytest.mark.parametrize("size", [16, 22, 24, 32, 48, 64, 96, 128, 256, 512])
def test_the_icon_in_every_size(size):
    data = (ICONS / f"app-{size}.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", data[16:24]) == (size, size)


def test_icon_files_hold_what_their_tables_say():
    icons = load(PACKAGING / "icons.py")
    data = (ICONS / "app.ico").read_bytes()
    assert data == icons.ico_bytes({size: icons.png(size).read_bytes() for size in icons.ICO_SIZES})
    for number, size in enumerate(icons.ICO_SIZES):
        side, *_, length, offset = struct.unpack_from("<BBBBHHII", data, 6 + 16 * number)
        assert side == size % 256 and data[offset : offset + length] == icons.png(size).read_bytes()
    apple = icons.icns_bytes({b"ic07": b"picture"})
    assert apple == b"icns" + struct.pack(">I", 23) + b"ic07" + struct.pack(">I", 15) + b"picture"


def test_desktop_entry_and_metainfo_fit_together():
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment, method-assign]
    entry.read(LINUX / "resnext-gui.desktop", encoding="utf-8")
    desktop = entry["Desktop Entry"]
    info = ElementTree.parse(LINUX / "resnext-gui.metainfo.xml").getroot()  # noqa: S314 - our own file
    assert info.findtext("launchable") == "resnext-gui.desktop"
    assert info.findtext("provides/binary") == desktop["Exec"].split()[0]
    assert "".join(f"{node.text};" for node in info.findall("provides/mediatype")) == desktop["MimeType"]
    assert info.find("releases/release").attrib == {"version": "@VERSION@", "date": "@DATE@"}  # type: ignore[union-attr]


def test_a_project_is_known_by_its_marker():
    mime = ElementTree.parse(LINUX / "resnext-gui.mime.xml").getroot()  # noqa: S314 - our own file
    space = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    marker = mime.find(".//m:match/m:match", space)
    assert marker is not None
    assert (int(marker.attrib["value"], 16), marker.attrib["offset"]) == (APPLICATION_ID, "68")
    assert {node.attrib["pattern"] for node in mime.findall(".//m:glob", space)} == {"project.db", f"*{SUFFIX}"}
    types = [node.attrib["type"] for node in mime.findall("m:mime-type", space)]
    entry = (LINUX / "resnext-gui.desktop").read_text(encoding="utf-8")
    assert f"MimeType={';'.join(types)};\n" in entry
    assert f'"Software\\Classes\\{SUFFIX}"' in (PACKAGING / "windows" / "installer.nsi").read_text(encoding="utf-8")


def test_the_manual_page_names_every_command():
    from resnext_gui.__main__ import COMMANDS

    page = (LINUX / "resnext-gui.1").read_text(encoding="utf-8")
    assert all(re.search(rf"^\.BR? {command}\b", page, re.MULTILINE) for command in COMMANDS)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A portable copy whose program only says what it was given."""
    if sys.platform != "linux":
        pytest.skip("the launcher is for Linux")
    folder = tmp_path / "a place with ümlauts"
    program = folder / "lib" / "resnext-gui" / "resnext-gui"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "got: $@"\n', encoding="utf-8")
    program.chmod(0o755)
    launcher = folder / "resnext-gui"
    launcher.write_text((LINUX / "resnext-gui.sh").read_text(encoding="utf-8").replace("@GLIBC@", "2.35"), "utf-8")
    launcher.chmod(0o755)
    return launcher


def start(launcher: Path, glibc: str | None, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    tools = tmp_path / "tools"
    tools.mkdir()
    answer = "exit 1" if glibc is None else f"echo 'glibc {glibc}'"
    for name, text in (("getconf", answer), ("uname", "echo x86_64"), ("grep", "exit 0")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([launcher, "a b", "c"], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("glibc", ["2.35", "2.41", "3.0"])
def test_the_launcher_starts_the_program(installed, tmp_path, glibc):
    done = start(installed, glibc, tmp_path)
    assert (done.returncode, done.stdout) == (0, "got: a b c\n")


@pytest.mark.parametrize("glibc", ["2.19", "2.34", "1.99", None])
def test_an_old_system_is_refused_in_words(installed, tmp_path, glibc):
    done = start(installed, glibc, tmp_path)
    assert done.returncode == 1 and "2.35" in done.stderr and done.stdout == ""
    assert glibc is None or glibc in done.stderr


@pytest.mark.parametrize("own", [True, False])
def test_keras_keeps_its_settings_in_our_cache(monkeypatch, own):
    from platformdirs import user_cache_path

    if not own:
        monkeypatch.delenv("XDG_CACHE_HOME")
    home = Path(load(PACKAGING / "keras_home.py").keras_home())
    assert home == user_cache_path("resnext-gui", appauthor=False) / "keras"


def icu_data(*items: tuple[str, bytes]) -> bytes:
    """A data file as ICU has it, of format version 1."""
    start = 32
    names_at = 4 + 8 * len(items)
    at = -(-(start + names_at + sum(len(name) + 7 for name, _ in items)) // 16) * 16 - start
    table, names, body = b"", b"", b""
    for name, item in items:
        table += struct.pack("<II", names_at + len(names), at + len(body))
        names += b"test1/" + name.encode() + b"\0"
        body += item.ljust(-(-len(item) // 16) * 16, b"\0")
    header = struct.pack("<HBB", start, 0xDA, 0x27) + b"\x14\0\0\0\0\0\x02\0CmnD\x01\0\0\0"
    return header.ljust(start, b"\0") + (struct.pack("<I", len(items)) + table + names).ljust(at, b"\0") + body


def test_removing_the_package_leaves_projects_and_nothing_else(tmp_path, monkeypatch):
    if not sys.platform.startswith("linux"):
        pytest.skip("Linux' package is removed on Linux")
    home, service, tools = tmp_path / "käthe b", tmp_path / "service", tmp_path / "bin"
    for name in ("RESNEXT_GUI_HOME", *(f"XDG_{kind}_HOME" for kind in ("CONFIG", "CACHE", "STATE", "DATA"))):
        monkeypatch.delenv(name, raising=False)
    for person in (service, home):
        monkeypatch.setenv("HOME", str(person))
        for place in (
            own_folder(),
            logs.folder(),
            downloads_folder(),
            imports_folder(),
            user_log_path("resnext-gui", appauthor=False),
        ):
            assert place.is_relative_to(person)
            place.mkdir(parents=True)
            (place / "file").write_bytes(b"x")
    project = home / "Documents" / "ResNeXt GUI" / "Pets" / "project.sqlite"
    others = home / ".config" / "another" / "settings.json"
    for kept in (project, others):
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"x")
    tools.mkdir()
    (tools / "getent").write_text(
        f"#!/bin/sh\necho 'daemon:x:2:2::{service}:/bin/sh'\necho 'kb:x:1000:1000:K, B:{home}:/bin/sh'\n"
        "echo 'nobody:x:65534:65534::/nonexistent:/bin/false'\n"
    )
    (tools / "runuser").write_text('#!/bin/sh\n[ "$1 $2 $3" = "-u kb --" ] || exit 9\nshift 3\nexec "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)

    def remove(*arguments: str) -> None:
        subprocess.run(["sh", LINUX / "prerm", *arguments], check=True, timeout=30)

    before = sorted(tmp_path.rglob("*"))
    remove("upgrade", "2.0")
    remove("remove", "in-favour", "another", "1.0")
    assert sorted(tmp_path.rglob("*")) == before
    remove("remove")
    assert {path for path in home.rglob("*") if path.is_file()} == {project, others}
    assert len([path for path in service.rglob("*") if path.is_file()]) == 5


def test_icu_keeps_what_qt_asks_for():
    wanted = [("coll/root.res", b"order"), ("nfkc.nrm", b"n" * 33), ("pool.res", b""), ("zone/de.res", b"z" * 16)]
    unwanted = [("curr/de.res", b"money"), ("fr.res", b"French"), ("ibm-1047.cnv", b"c"), ("zone/fr.res", b"x" * 99)]
    trim = load(PACKAGING / "trim.py")
    assert trim.icu_subset(icu_data(*sorted(wanted + unwanted))) == icu_data(*sorted(wanted))
    with pytest.raises(SystemExit):
        trim.icu_subset(b"\x20\0\xda\x27" + bytes(60))


STAND_INS = """
import sys
sys.path.insert(0, sys.argv[1])
import absent
absent.stand_in()
from tensorflow.python.profiler.internal import _pywrap_profiler_plugin
try:
    _pywrap_profiler_plugin.monitor()
except NotImplementedError as error:
    print(error)
print(*(name for name in absent.ABSENT if getattr(sys.modules[name], "__file__", None)))
"""


def test_what_is_left_out_is_not_missed_at_import():
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", STAND_INS, str(PACKAGING)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("_pywrap_profiler_plugin.monitor is not in this bundle\n\n")


def test_version_resource_of_windows():
    module = load(PACKAGING / "windows" / "version_info.py")
    text = module.version_info(__version__)
    assert compile(text, "version", "eval") and f'"{__version__}"' in text
    assert "filevers=(1, 2, 0, 0)" in module.version_info("1.2")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shell_scripts():
    scripts = [*PACKAGING.glob("*.sh"), *PACKAGING.glob("*/*.sh"), LINUX / "AppRun"]
    names = [script.relative_to(ROOT) for script in scripts]
    done = subprocess.run(["shellcheck", "-x", *names], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(os.name != "posix", reason="a script for bash")
def test_the_environment_gets_a_command_that_hands_everything_on(tmp_path):
    folder = tmp_path / "it's an environment" / "bin"
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    script = f'. "{PACKAGING / "common.sh"}"; make_command'
    environment = {**os.environ, "RESNEXT_GUI_VENV": str(folder.parent)}
    subprocess.run(["bash", "-c", script], env=environment, check=True)
    command = [folder / "resnext-gui", "check", "My photographs", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["-P", "-m", "resnext_gui", "check", "My photographs", "--json"]


@pytest.mark.skipif(os.name != "posix", reason="a script for bash")
def test_modules_lying_about_in_the_folder_one_is_in_are_not_run(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('a module of a stranger was run')")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    last = (PACKAGING / "run.sh").read_text().splitlines()[-1]
    script = f'python="{sys.executable}"; set -- --version; {last}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip().split()[-1]) == (0, __version__), done.stderr

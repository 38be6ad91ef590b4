"""What a terminal gets: nothing that steers it, one sentence where it takes nothing, and never a traceback."""

from __future__ import annotations

import errno
import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from resnext_gui import __main__, cli, logs
from resnext_gui.cli.output import Output
from resnext_gui.engine.worker.jobs import failure
from resnext_gui.messages import Failed, Progress
from resnext_gui.printable import Formatter, printable

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="how a shell starts programs")


def shell(line: str, **more: object) -> subprocess.CompletedProcess[str]:
    """Run a line of shell, in which ``$P`` is the program."""
    environment = {**os.environ, "P": f"{sys.executable} -P -m resnext_gui", "PYTHONPATH": str(ROOT), **more}  # type: ignore[dict-item]
    return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)


# ---- names that steer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\rb", "a\\rb"),
        ("a\nb", "a\\nb"),
        ("gnp.\u202eexe", "gnp.\\u202eexe"),
        ("\x9b31m", "\\x9b31m"),
        ("caf\udce9", "caf\\udce9"),
        ("Käse 蝶 👩‍🔬", "Käse 蝶 👩‍🔬"),
    ],
)
def test_what_steers_a_terminal_is_made_visible(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_nothing_printable_steers(text):
    shown = printable(text)
    assert not any(
        ord(character) < 32 or 127 <= ord(character) < 160 or character in "\u202e\u2066" for character in shown
    )
    assert printable(shown) == shown
    shown.encode()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_everything_said_is_printable():
    out, err = Terminal(), Terminal()
    output = Output(False, out, err)
    name = "x\x1b[31m\r\u202ey\nresnext-gui: all is well"
    output.say(name)
    output.note(name)
    output.emit(Progress("", "scan", 1, 9, name))
    output.failed(Failed("", "fault:plain", {"message": name, "hint": name}, f"Traceback\n  {name}"))
    for written in (out.getvalue(), err.getvalue().replace("\r\x1b[K", "")):
        assert "\x1b" not in written and "\r" not in written and "\u202e" not in written
        assert not [line for line in written.splitlines() if line.startswith("resnext-gui: all is well")]


def test_arguments_are_told_printable(capsys):
    assert cli.main(["check", "x", "--no\x1b[2Jsuch"]) == 2
    assert __main__.main(["./no\x1b[2Jsuch"]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err and err.count("\\x1b[2Jsuch") == 2


def test_a_log_is_printable():
    record = logging.LogRecord("n", logging.INFO, "f", 1, "no '%s'", ("a\nERROR\x1b[2J",), None)
    assert Formatter("%(levelname)s %(message)s").format(record) == "INFO no 'a\\nERROR\\x1b[2J'"
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        record.exc_info = sys.exc_info()
    text = Formatter("%(message)s").format(record)
    assert "\x1b" not in text and text.count("\n") > 2


# ---- one place for logs


def test_logs_lie_in_one_folder(own_home, monkeypatch):
    assert logs.folder() == own_home / "projects" / ".resnext-gui" / "logs"
    monkeypatch.delenv("RESNEXT_GUI_HOME")
    assert logs.folder().is_relative_to(own_home)


def test_logging_survives_a_folder_that_cannot_be_made(tmp_path, capsys, monkeypatch):
    given = {}
    monkeypatch.setattr(logging, "basicConfig", lambda **named: given.update(named))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RESNEXT_GUI_HOME", str(tmp_path / "file"))
    logs.set_up("window", "%(message)s")
    assert "there is no log" in capsys.readouterr().err and len(given["handlers"]) == 1


def test_a_log_does_not_grow_without_end(own_home, monkeypatch):
    given = {}
    monkeypatch.setattr(logging, "basicConfig", lambda **named: given.update(named))
    monkeypatch.setattr(logs, "LARGEST", 1000)
    logs.set_up("window", "%(message)s")
    handler = given["handlers"][-1]
    for number in range(100):
        handler.emit(logging.LogRecord("n", logging.INFO, "f", 1, f"line {number} \udce9" + "x" * 50, (), None))
    handler.close()
    sizes = {path.name: path.stat().st_size for path in logs.folder().iterdir()}
    assert sizes.keys() == {"window.log", "window.log.1"} and max(sizes.values()) <= 1000


# ---- standard output that takes nothing


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_full_output_is_told_once(as_json, monkeypatch, tmp_path):
    err = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", err)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    assert cli.main(["check", str(tmp_path), *(["--json"] if as_json else [])]) == 2
    assert err.getvalue().count("cannot be written to standard output: No space left") == 1
    assert "Traceback" not in err.getvalue()


@posix
@pytest.mark.parametrize("arguments", ["--help", "check pictures.png --json"])
@pytest.mark.parametrize(
    ("where", "reason"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")]
)
def test_closed_or_full_output_is_one_sentence(arguments, where, reason, own_home):
    if "full" in where and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    Image.new("RGB", (40, 30)).save(own_home / "pictures.png")
    done = shell(f"cd $HOME; $P {arguments} {where}")
    assert done.returncode == 2
    sentence = f"resnext-gui: The results cannot be written to standard output: {reason}."
    assert done.stderr.startswith(sentence) and len(done.stderr.splitlines()) == 1


@posix
def test_a_reader_that_has_had_enough_is_no_trouble():
    done = shell("$P train --help | head -c 1")
    assert (done.stdout, done.stderr) == ("u", "")


@posix
def test_closed_input_and_errors_are_no_trouble(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    done = shell(f"$P check '{tmp_path}' --json <&- 2>&-")
    assert done.returncode == 0 and '"photographs": 1' in done.stdout


@posix
def test_no_file_gets_the_number_of_a_closed_stream(tmp_path):
    """Else what a library prints would land in the first file that is opened, such as a project's database."""
    script = tmp_path / "start.py"
    script.write_text(
        "from resnext_gui import __main__\n"
        "__main__._dispatch = lambda arguments: open(arguments[0], 'w').fileno()\n"
        "raise SystemExit(__main__.main())"
    )
    done = shell(f"{sys.executable} '{script}' '{tmp_path / 'file'}' <&- >&- 2>&-")
    assert done.returncode > 2


# ---- where one starts from


@posix
def test_a_deleted_folder_is_told(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    before = Path.cwd()
    os.chdir(gone)
    try:
        gone.rmdir()
        for line in (["check", "x"], ["train", "x"], ["classify", "p", "x"], ["demo", "--out", "x"]):
            assert cli.main(line) == 2
            assert "is gone, so there is no" in capsys.readouterr().err
    finally:
        os.chdir(before)


@posix
@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_one_is_told(home, monkeypatch, capsys):
    monkeypatch.setenv("HOME", home)
    assert __main__.main(["check", "x"]) == 2
    assert capsys.readouterr().err == (
        "resnext-gui: It is not known where your home folder is. Set HOME to a folder of your own.\n"
    )


def test_without_a_place_for_temporary_files_one_is_told(monkeypatch, capsys):
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.setattr("resnext_gui.scratch._own", None)
    assert __main__.main(["check", "x"]) == 2
    assert "No folder for temporary files can be written to: No usable temporary" in capsys.readouterr().err


@pytest.mark.parametrize("length", [300, 5000])
@pytest.mark.parametrize(
    "line",
    [["check"], ["train"], ["train", "--project"], ["demo", "--out"], []],
)
def test_names_that_are_too_long_are_refused(line, length, capsys):
    assert __main__.main([*line, "a" * length]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err and "aaaa" in err


def test_a_zero_byte_is_refused(capsys):
    assert __main__.main(["check", "a\0b"]) == 2
    assert "zero byte" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EIO])
def test_trouble_with_a_file_is_no_fault(number):
    failed = failure("", OSError(number, os.strerror(number), "/a/b"))
    assert failed.code == "not_usable" and "'/a/b'" in failed.message


@posix
def test_ctrl_c_while_the_program_is_still_being_loaded_says_nothing(tmp_path):
    script = tmp_path / "start.py"
    script.write_text(
        "import os, signal\nfrom resnext_gui import __main__\n"
        "__main__._dispatch = lambda arguments: os.kill(os.getpid(), signal.SIGINT)\n"
        "raise SystemExit(__main__.main())"
    )
    done = shell(f"{sys.executable} '{script}'")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")

"""The command line's words.  Imports nothing heavy, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any, NoReturn

from resnext_gui import __version__
from resnext_gui.messages import ARCHITECTURES, COLUMN, LARGEST_SIDE
from resnext_gui.printable import printable


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, printable(f"{self.prog}: {message[:1].lower()}{message[1:]} (see {self.prog} --help)") + "\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help or the version.  argparse's own says nothing where that fails."""
        stream = file or sys.stderr
        if message and stream is not None:
            stream.write(message)
            stream.flush()


def _count(least: int, most: int) -> type[int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    return parse  # type: ignore[return-value]  # argparse takes any callable


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def _not_empty(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _labels(text: str) -> str:
    if text in ("first", "last", "name", "none") or (text.startswith(COLUMN) and text != COLUMN):
        return text
    raise argparse.ArgumentTypeError(f"'{text}' is not first, last, name, none or column:NAME")


def _add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels",
        metavar="WHERE",
        type=_labels,
        help="where labels are read from: first or last (folder level), name (of the file), column:NAME (of a table) "
        "or none",
    )


def _rate(text: str) -> float:
    value = _minutes(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text} is more than 1")
    return value


def _add_expert_settings(group: argparse._ArgumentGroup) -> None:
    """Add what the window keeps folded away."""
    group.add_argument("--architecture", choices=ARCHITECTURES, help="of a network without pretrained weights")
    group.add_argument("--head", choices=("linear", "hidden"), default="linear", help="default: %(default)s")
    group.add_argument("--batch", metavar="N", type=_count(1, 1024), help="photographs in a step")
    group.add_argument("--rate", metavar="R", type=_rate, help="peak learning rate of the last stage")
    group.add_argument(
        "--frozen-stages", metavar="N", type=_count(0, 5), help="of stem and four stages, how many stay as they are"
    )
    group.add_argument(
        "--augmentation",
        choices=("auto", "none", "light", "medium", "strong"),
        default="auto",
        help="how photographs vary",
    )
    group.add_argument(
        "--mirror",
        choices=("auto", "yes", "no"),
        default="auto",
        help="show mirror images, too; by default only where they keep their labels, which is tried",
    )
    group.add_argument("--precision", choices=("auto", "float32", "bfloat16", "float16"), default="auto")
    group.add_argument(
        "--no-class-weights",
        dest="class_weights",
        action="store_false",
        help="let rare labels weigh no more than others",
    )


def build_parser() -> argparse.ArgumentParser:
    """Return the parser for everything but the window."""
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object a line on standard output")
    common.add_argument("--verbose", action="store_true", help="log more on standard error")
    parser = _Parser(
        prog="resnext-gui",
        description="Learns to tell your photographs apart. Without a sub-command the window opens.",
        epilog="Exit status: 0 done, 2 bad input or usage, 130 stopped, 1 a fault of the program.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"resnext-gui {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    train = commands.add_parser(
        "train",
        parents=[common],
        allow_abbrev=False,
        help="learn from photographs",
        description="Learns from photographs: one sub-folder a label, or a CSV table with the columns path,label.",
    )
    train.add_argument("photos", metavar="PHOTOS", nargs="*", type=_not_empty, help="folders or CSV tables")
    train.add_argument(
        "--project", metavar="DIR", type=_not_empty, help="the project's folder; made where there is none"
    )
    _add_labels(train)
    train.add_argument("--mode", choices=("quick", "finetune"), default="finetune", help="default: %(default)s")
    train.add_argument(
        "--weights", metavar="NAME", type=_not_empty, help="starter, none, a name from 'weights list', or a file"
    )
    train.add_argument("--minutes", metavar="M", type=_minutes, help="time that fine-tuning may take")
    train.add_argument("--epochs", metavar="N", type=_count(1, 100_000), help="passes, instead of a time")
    train.add_argument(
        "--size", metavar="PX", type=_count(32, LARGEST_SIDE), help="side of the picture the network sees"
    )
    train.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto", help="default: %(default)s")
    train.add_argument("--seed", metavar="N", type=_count(0, 2**31 - 1), default=0, help="default: %(default)s")
    unfinished = train.add_mutually_exclusive_group()
    unfinished.add_argument("--resume", action="store_true", help="go on with the project's unfinished run")
    unfinished.add_argument("--finish", action="store_true", help="end the unfinished run with the best that it has")
    _add_expert_settings(train.add_argument_group("settings for experts, each chosen by itself where it is not given"))

    classify = commands.add_parser(
        "classify",
        parents=[common],
        allow_abbrev=False,
        help="say what pictures show",
        description="Says what pictures show.",
    )
    classify.add_argument("project", metavar="PROJECT", type=_not_empty, help="the project's folder")
    classify.add_argument("paths", metavar="PATH", nargs="+", type=_not_empty, help="pictures, or folders of them")
    classify.add_argument("--top", metavar="K", type=_count(1, 1000), default=5, help="answers a picture (%(default)s)")
    classify.add_argument("--csv", metavar="FILE", type=_not_empty, help="write a table")

    check = commands.add_parser(
        "check",
        parents=[common],
        allow_abbrev=False,
        help="look through photographs without learning",
        description="Looks through photographs and reports what could disturb learning. Changes nothing.",
    )
    check.add_argument("photos", metavar="PHOTOS", nargs="+", type=_not_empty, help="folders or CSV tables")
    _add_labels(check)

    demo = commands.add_parser(
        "demo",
        parents=[common],
        allow_abbrev=False,
        help="show everything on sample photographs",
        description="Renders sample photographs, learns from them, classifies some, and writes a report.",
    )
    demo.add_argument("--out", metavar="DIR", type=_not_empty, help="folder for the report; made where there is none")

    weights = commands.add_parser(
        "weights", parents=[common], allow_abbrev=False, help="list, fetch or import pretrained weights"
    )
    weights.add_argument("action", choices=("list", "get", "import"))
    weights.add_argument("target", nargs="?", metavar="NAME|FILE", type=_not_empty)
    weights.add_argument("--name", metavar="N", type=_not_empty, help="what imported weights are called")

    commands.add_parser(
        "benchmark",
        parents=[common],
        allow_abbrev=False,
        help="measure this machine",
        description="Measures our layers beside other ways to compute the same, and our networks, on this machine.",
    )
    return parser

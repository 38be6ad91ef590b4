"""What translators need: collects the program's texts, and makes the files that the window loads.

python packaging/languages.py phrases     collect what the engine says into resnext_gui/ui/engine_process/phrases.py
python packaging/languages.py update de   collect all texts into packaging/languages/resnext_gui_de.ts
python packaging/languages.py build       make resnext_gui/ui/translations/*.qm of them
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "resnext_gui"
PHRASES = PACKAGE / "ui" / "engine_process" / "phrases.py"
SOURCES = TOP / "packaging" / "languages"
MADE = PACKAGE / "ui" / "translations"

SPEAKERS = (
    *sorted((PACKAGE / "engine").rglob("*.py")),
    *sorted((PACKAGE / "project").rglob("*.py")),
    PACKAGE / "ui" / "engine_process" / "process.py",
)
"""Who speaks English, for want of Qt or because it is the engine's doing."""
FAULTS = ("ValueError", "TypeError", "RuntimeError", "AssertionError", "KeyError", "AttributeError")
"""Errors of programmers, which nobody translates."""
TO_MACHINES = (
    "execute", "executemany", "executescript", "_rows", "_row", "_value", "debug", "warning", "exception", "name_words",
)  # fmt: skip
TWO_WORDS = re.compile(r"[a-z]{2,},? [a-z{]|\} [a-z]{2,}|[a-z]{2,} \{")
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|PRAGMA|FROM|WHERE|JOIN|EXISTS|AND|ORDER)\b")

HEAD = '''"""What the engine and the project say.  Made by ``packaging/languages.py phrases``; not written by hand."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP

# ruff: noqa: E501
# fmt: off
_PHRASES = (
'''

END = '''# fmt: on
PHRASES: tuple[str, ...] = tuple(map(str, _PHRASES))
"""With their gaps numbered, as in ``"'{0}' is empty."``"""
'''


def template(node: ast.AST) -> str | None:
    """Return a text with its gaps numbered, as in ``"'{0}' is damaged."``; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    out, gaps = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            out += str(part.value).replace("{", "{{").replace("}", "}}")
        else:
            out += f"{{{gaps}}}"
            gaps += 1
    return out


def phrases_of(tree: ast.AST) -> Iterator[str]:
    """Yield the texts in a module that are meant for people."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))  # a docstring
        elif isinstance(node, ast.JoinedStr):
            passed.update(
                id(part) for part in ast.walk(node) if part is not node and not isinstance(part, ast.JoinedStr)
            )
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in FAULTS or name in TO_MACHINES:
                passed.update(id(part) for part in ast.walk(node))
    for node in ast.walk(tree):
        text = template(node) if id(node) not in passed else None
        if text is not None and TWO_WORDS.search(text) and not SQL.match(text):
            yield text


def phrases() -> list[str]:
    """Return all that the engine and the project can say, sorted."""
    found: set[str] = set()
    for path in SPEAKERS:
        found.update(phrases_of(ast.parse(path.read_text(encoding="utf-8"))))
    return sorted(found)


def phrases_module() -> str:
    """Return the text of ``phrases.py``."""
    lines = [f'    QT_TRANSLATE_NOOP("engine", {json.dumps(phrase, ensure_ascii=False)}),\n' for phrase in phrases()]
    return HEAD + "".join(lines) + ")\n" + END


def indirect(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield context and text of what a module of the window translates in ways that Qt's tool does not see.

    That is a module's own ``_tr``, the lists of keys, and the titles of the places.
    """
    context = ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "_tr":
            context = next(part.value for part in ast.walk(node) if _is_text(part))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args and _is_text(node.args[0]):
            if node.func.id == "_tr":
                yield context, node.args[0].value
            elif node.func.id == "Place":
                yield "places", node.args[1].value
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if getattr(target, "id", "") in ("keys", "_DEFAULT") and node.value is not None:
                pairs = (part.elts for part in ast.walk(node.value) if isinstance(part, ast.Tuple))
                yield from (("keys", pair[1].value) for pair in pairs if len(pair) == 2 and all(map(_is_text, pair)))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def update(language: str) -> None:
    """Collect all texts of the program into the translator's file of `language`."""
    SOURCES.mkdir(exist_ok=True)
    files = sorted((PACKAGE / "ui").rglob("*.py"))
    found = {pair for path in files for pair in indirect(ast.parse(path.read_text(encoding="utf-8")))}
    target = SOURCES / f"resnext_gui_{language}.ts"
    with tempfile.TemporaryDirectory() as folder:
        others = Path(folder) / "others.py"
        others.write_text("".join(f"translate({context!r}, {text!r})\n" for context, text in sorted(found)))
        names = [str(path) for path in (*files, others)]
        options = ["-locations", "none", "-target-language", language]
        subprocess.run(["pyside6-lupdate", *names, *options, "-ts", str(target)], check=True)


def build() -> None:
    """Make the files that the window loads."""
    MADE.mkdir(exist_ok=True)
    for source in sorted(SOURCES.glob("*.ts")):
        subprocess.run(["pyside6-lrelease", str(source), "-qm", str(MADE / f"{source.stem}.qm")], check=True)


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    match arguments:
        case ["phrases"]:
            PHRASES.write_text(phrases_module(), encoding="utf-8")
        case ["update", language]:
            PHRASES.write_text(phrases_module(), encoding="utf-8")
            update(language)
        case ["build"]:
            build()
        case _:
            sys.stdout.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

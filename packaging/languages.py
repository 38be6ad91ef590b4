"""What translators need: collects the program's texts, and makes the files that the window loads.

python packaging/languages.py update de   collect all texts into packaging/languages/resnext_gui_de.ts
python packaging/languages.py build       make resnext_gui/ui/translations/*.qm of them
"""

from __future__ import annotations

import ast
import json
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "resnext_gui"
SOURCES = TOP / "packaging" / "languages"
MADE = PACKAGE / "ui" / "translations"


def sentences() -> Iterator[str]:
    """Yield what the engine and the project can say."""
    said = runpy.run_path(str(PACKAGE / "texts.py"))
    for template in (*said["TEXTS"].values(), *said["ERRORS"].values()):
        yield from filter(None, [template] if isinstance(template, str) else template)


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
    found.update(("engine", sentence) for sentence in sentences())
    target = SOURCES / f"resnext_gui_{language}.ts"
    with tempfile.TemporaryDirectory() as folder:
        others = Path(folder) / "others.py"
        lines = (
            f"translate({json.dumps(context)}, {json.dumps(text, ensure_ascii=False)})\n" for context, text in found
        )
        others.write_text("".join(sorted(lines)), encoding="utf-8")
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
        case ["update", language]:
            update(language)
        case ["build"]:
            build()
        case _:
            sys.stdout.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

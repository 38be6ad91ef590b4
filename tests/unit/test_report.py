"""The demonstration's report: a page that holds what was found, and curves that show it."""

from __future__ import annotations

import math
import re
from pathlib import Path

from PIL import Image

from resnext_gui import plots
from resnext_gui.messages import Answer, BatchPoint, EpochLine
from resnext_gui.report import Findings, write_report


def colours(path: Path) -> set[tuple[int, ...]]:
    with Image.open(path) as picture:
        found = picture.convert("RGB").getcolors(picture.width * picture.height)
    assert found is not None
    return {colour for count, colour in found if count > 40}  # type: ignore[misc]


def rgb(text: str) -> tuple[int, ...]:
    return tuple(int(text[place : place + 2], 16) for place in (1, 3, 5))


def test_curves_are_drawn_in_their_colours_and_survive_odd_numbers(tmp_path: Path) -> None:
    curves = [
        plots.Curve(
            "learning", plots.LEARNING, [(0, 2.0), (1, math.nan), (2, 1.0), (3, math.inf), (4, 0.5)], marks=True
        ),
        plots.Curve("practice", plots.PRACTICE, [(1, 1.5), (4, 1.0)], marks=True),
    ]
    plots.draw_curves(tmp_path / "loss.png", "Loss", curves)
    assert {rgb(plots.LEARNING), rgb(plots.PRACTICE), rgb(plots.GROUND)} <= colours(tmp_path / "loss.png")
    with Image.open(tmp_path / "loss.png") as picture:
        assert picture.size == (1280, 760)
    plots.draw_curves(tmp_path / "empty.png", "Loss", [])
    assert (tmp_path / "empty.png").stat().st_size > 0


def test_a_confusion_matrix_fits_any_number_of_labels(tmp_path: Path) -> None:
    for count in (1, 2, 40):
        labels = [f"a rather long name of label {number}" for number in range(count)]
        numbers = [[9 if row == column else 0 for column in range(count)] for row in range(count)]
        plots.draw_confusion(tmp_path / f"{count}.png", labels, numbers)
        with Image.open(tmp_path / f"{count}.png") as picture:
            assert picture.width >= 720 and picture.height > 2 * 22 * count


def test_the_page_names_what_was_found(tmp_path: Path) -> None:
    picture = tmp_path / "one.png"
    Image.new("RGBA", (600, 400), (200, 40, 40, 90)).save(picture)
    findings = Findings(
        photographs=200,
        labels=["a <b>", "b"],
        batches=[BatchPoint("1", 1, 0.5, 1.0, 0.5, 9.0), BatchPoint("1", 2, 1.0, 0.8, 0.6, 9.0)],
        epochs=[(1.0, EpochLine("1", 1, 0.9, 0.55, None, None, 1e-3, 2.0, True))],
        quick={"right": 7, "total": 10, "accuracy": 0.7},
        result={"kept": "quick", "practice_accuracy": 0.7, "accuracy": 0.8, "exam": 10, "accuracy_low": 0.49,
                "accuracy_high": 0.94},
        exam={"labels": ["a <b>", "b"], "confusion": [[4, 1], [1, 4]]},
        answers=[
            ("b", Answer("1", str(picture), "b", 0.9, (("b", 0.9), ("a <b>", 0.1)), "quick", 1.0)),
            ("b", Answer("1", str(picture), "a <b>", 0.6, (("a <b>", 0.6), ("b", 0.4)), "quick", 1.0)),
        ],
        seconds=100,
    )  # fmt: skip
    page = write_report(tmp_path / "out", findings)
    text = page.read_text(encoding="utf-8")
    assert "8 of 10" in text and "anything from 44 to 97 in 100" in text and "1 of 2 new pictures right" in text
    assert "wrong: it is b" in text and "a <b>" not in text and "a &lt;b&gt;" in text
    for source in re.findall(r'src="([^"]+)"', text):
        assert (page.parent / source).is_file()


def test_a_run_without_passes_or_exam_still_makes_a_page(tmp_path: Path) -> None:
    page = write_report(tmp_path / "out", Findings())
    assert "confusion" not in page.read_text(encoding="utf-8") and (page.parent / "loss.png").is_file()

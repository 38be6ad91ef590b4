"""The report of ``resnext-gui demo``: one HTML page with the curves beside it as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from resnext_gui import plots
from resnext_gui.figures import expectation, hundredth, worn
from resnext_gui.messages import Answer, BatchPoint, DeviceChosen, EpochLine


@dataclass(slots=True)
class Findings:
    """What there is to report.

    Attributes:
        photographs, labels: what was learned from.
        batches, epochs: single steps, and summaries with their place on the axis of passes.
        quick: result of the quick model.
        result: result of the whole run.
        exam: evaluation of the kept model, or None.
        answers: (what it is, what was answered) for pictures that nothing had learned from.
        seconds: of the whole demonstration.
    """

    photographs: int = 0
    labels: list[str] = field(default_factory=list)
    device: DeviceChosen | None = None
    batches: list[BatchPoint] = field(default_factory=list)
    epochs: list[tuple[float, EpochLine]] = field(default_factory=list)
    quick: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    exam: dict[str, Any] | None = None
    answers: list[tuple[str, Answer]] = field(default_factory=list)
    seconds: float = 0.0


def write_report(folder: Path, findings: Findings) -> Path:
    """Write ``report.html``, the curves and the pictures into `folder`; returns the page's path.

    Raises:
        OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _draw(folder, findings)
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    cards = [_card(pictures, number, truth, answer) for number, (truth, answer) in enumerate(findings.answers)]
    page = folder / "report.html"
    page.write_text(_page(findings, cards), encoding="utf-8")
    return page


def _draw(folder: Path, findings: Findings) -> None:
    epochs, batches = findings.epochs, findings.batches
    quick = findings.quick.get("accuracy")
    for name, title, key, as_percent in (
        ("accuracy.png", "Share right", "accuracy", True),
        ("loss.png", "Loss", "loss", False),
    ):
        learning = [(place, getattr(line, key)) for place, line in epochs]
        practice = [(place, getattr(line, f"practice_{key}")) for place, line in epochs]
        curves = [
            plots.Curve("step", plots.LEARNING, [(p.position, getattr(p, key)) for p in batches], 1.0, faint=True),
            plots.Curve("learning", plots.LEARNING, learning, marks=True),
            plots.Curve("practice", plots.PRACTICE, [(x, y) for x, y in practice if y is not None], marks=True),
        ]
        level = ("quick model", float(quick)) if as_percent and quick is not None else None
        plots.draw_curves(folder / name, title, curves, as_percent=as_percent, level=level)
    if findings.exam:
        plots.draw_confusion(folder / "confusion.png", findings.exam["labels"], findings.exam["confusion"])


def _card(folder: Path, number: int, truth: str, answer: Answer) -> str:
    name = f"{number:02}.jpg"
    with Image.open(answer.path) as picture:
        small = picture.convert("RGB")
        small.thumbnail((320, 320), Image.Resampling.LANCZOS)
        small.save(folder / name, quality=88)
    right = answer.label == truth
    verdict = "right" if right else f"wrong: it is {truth}"
    bars = "".join(
        f'<div class="bar"><span>{escape(label)}</span><i style="width:{100 * share:.1f}%"></i>'
        f"<b>{hundredth(share)}&nbsp;%</b></div>"
        for label, share in answer.top[:3]
    )
    return (
        f'<figure class="card"><img src="pictures/{name}" alt="{escape(truth)}"><figcaption>'
        f'<strong>{escape(answer.label)}</strong> <em class="{"good" if right else "wrong"}">{escape(verdict)}</em>'
        f"{bars}</figcaption></figure>"
    )


def _figures(findings: Findings) -> Sequence[tuple[str, str]]:
    """Return (large text, small text) for the head of the page."""
    result, quick = findings.result, findings.quick
    figures = []
    if quick.get("total"):
        figures.append(
            (
                f"{quick['right']} of {quick['total']}",
                f"practice photographs right with the quick model, {result.get('first_model_seconds') or 0:.0f} s "
                "after the program was started",
            )
        )
    if result.get("practice_accuracy") is not None:
        model = "the fine-tuned ResNeXt" if result.get("kept") == "finetune" else "the quick model, which stays"
        figures.append((f"{hundredth(result['practice_accuracy'])} %", f"of practice photographs right with {model}"))
    if result.get("exam"):
        right, total = round(result["accuracy"] * result["exam"]), int(result["exam"])
        uses = worn(int((findings.exam or {}).get("uses") or 0))
        said = f"right in the exam. {expectation(right, total)} {uses}"
        figures.append((f"{right} of {total}", said.strip().removesuffix(".")))
    if result.get("images_per_second"):
        figures.append((f"{result['images_per_second']:.0f}", "photographs a second in fine-tuning"))
    return figures


def _page(findings: Findings, cards: Sequence[str]) -> str:
    figures = "".join(
        f'<div class="figure"><b>{escape(large)}</b><span>{escape(small)}</span></div>'
        for large, small in _figures(findings)
    )
    device = findings.device
    machine = f"{device.name}, {device.precision}. {device.reason}" if device else ""
    right = sum(answer.label == truth for truth, answer in findings.answers)
    exam = (
        "<h2>The exam</h2><p>Photographs that neither learning nor the choice between models has seen.</p>"
        '<div class="row"><div class="plot small"><img src="confusion.png" alt="Confusion matrix"></div></div>'
        if findings.exam
        else ""
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>ResNeXt GUI: demonstration</title>
<style>
:root {{ color-scheme: light }}
body {{ margin: 0; background: #F6F6F4; color: #1B1D20; font: 15px/1.5 system-ui, sans-serif }}
main {{ max-width: 1080px; margin: 0 auto; padding: 48px 24px }}
h1 {{ font-size: 28px; margin: 0 0 8px }} h2 {{ font-size: 20px; margin: 40px 0 8px }}
p {{ max-width: 68ch; margin: 0 0 8px; color: #5F656E }}
.row {{ display: flex; flex-wrap: wrap; gap: 16px; margin-top: 16px }}
.figure, .card, .plot {{ background: #FFF; border: 1px solid #E3E3DF; border-radius: 10px }}
.figure {{ flex: 1 1 200px; padding: 16px }} .figure b {{ display: block; font-size: 28px; line-height: 1.2 }}
.figure span {{ color: #5F656E; font-size: 13px }}
.plot {{ padding: 8px; flex: 1 1 440px; text-align: center }} .plot img {{ max-width: 100%; zoom: .8 }}
.plot.small {{ flex: 0 0 auto }} .plot.small img {{ zoom: .5; max-width: 2000px }}
.card {{ width: 196px; margin: 0; overflow: hidden }}
.card img {{ width: 100%; display: block; aspect-ratio: 4 / 3; object-fit: cover }}
figcaption {{ padding: 8px 12px 12px; font-size: 13px }} em {{ font-style: normal }}
.good {{ color: #15774C }} .wrong {{ color: #C5352E }}
.bar {{ position: relative; display: flex; justify-content: space-between; margin-top: 4px; padding: 1px 6px }}
.bar i {{ position: absolute; inset: 0 auto 0 0; background: #2460D8; opacity: .14; border-radius: 4px }}
.bar b {{ font-weight: 500 }}
</style>
<main>
<h1>What ResNeXt GUI learned from {findings.photographs} sample photographs</h1>
<p>{len(findings.labels)} labels: {escape(", ".join(findings.labels))}. The whole demonstration took
{findings.seconds:.0f} seconds on this computer. {escape(machine)}</p>
<div class="row">{figures}</div>
<h2>Fine-tuning</h2>
<p>Learning is measured on altered photographs, so it may lie below practice. The pale line is each single step.</p>
<div class="row"><div class="plot"><img src="accuracy.png" alt="Share right in each pass"></div>
<div class="plot"><img src="loss.png" alt="Loss in each pass"></div></div>
{exam}
<h2>{right} of {len(findings.answers)} new pictures right</h2>
<p>Rendered afresh, after learning.</p>
<div class="row">{"".join(cards)}</div>
</main></html>
"""

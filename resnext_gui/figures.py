"""The figures that tell how good a model is, counted and rounded in one way for all who show them.

Standard library only: the engine, the command line and the window all count by this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

FEW = 20
"""With fewer photographs than this a share of right answers tells too little to expect anything by it."""

_OUTSIDE = 0.025
"""What lies beyond either end of an interval."""


@lru_cache(maxsize=4096)
def interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high), in 0..1, for the share of right answers among photographs like these.

    The exact interval of Clopper and Pearson (1934): whatever the share really is, at least 95 of 100 such intervals
    hold it, for few photographs as for many.

    Args:
        right: right answers, 0..total.
        total: photographs scored; 0 gives (0, 1).
    """
    if total <= 0:
        return 0.0, 1.0
    # The share at which so many right answers or more, or so many or fewer, come about in only 2.5 % of cases.
    tail = 1 - _OUTSIDE
    low = 0.0 if right <= 0 else _share_where(lambda p: beta_probability(right, total - right + 1, p) > _OUTSIDE)
    high = 1.0 if right >= total else _share_where(lambda p: beta_probability(right + 1, total - right, p) > tail)
    return low, high


def _share_where(beyond: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(48):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2


def beta_probability(a: float, b: float, x: float) -> float:
    """Return how probable a value up to `x`, 0..1, is under the beta distribution: the regularised incomplete beta.

    By its continued fraction (Numerical Recipes, 6.4), evaluated by the method of Lentz, to about 12 digits.

    Args:
        a: first parameter, above 0.
        b: second parameter, above 0.
        x: 0..1.
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):  # where the fraction converges quickly for the other tail only
        return 1.0 - beta_probability(b, a, 1.0 - x)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    tiny = 1e-300
    c, d = 1.0, 1.0 / ((1.0 - (a + b) * x / (a + 1)) or tiny)
    fraction = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / ((1.0 + term * d) or tiny)
            c = (1.0 + term / c) or tiny
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return min(1.0, math.exp(logarithm) * fraction / a)


def hundredth(share: float) -> int:
    """Return a share of 0..1 in 100; 100 and 0 are kept for what is really all or nothing, so 0.998 gives 99."""
    if 0.0 < share < 1.0:
        return min(99, max(1, round(share * 100)))
    return round(share * 100)


def span(right: int, total: int) -> tuple[int, int]:
    """Return the ends of `interval` in 100, as they are said: (81, 98) for "81 to 98 in 100"."""
    low, high = interval(right, total)
    return round(low * 100), round(high * 100)


def expectation(right: int, total: int) -> str:
    """Return in a sentence what `right` of `total` lets one expect; the window says the same in its own words."""
    low, high = span(right, total)
    if total < FEW:
        return f"That is too few photographs to tell: anything from {low} to {high} in 100."
    return f"For new photographs taken the same way expect {low} to {high} in 100."


def worn(uses: int) -> str:
    """Return a sentence about an exam that was used before, or an empty one at its first use."""
    return f"The exam was used {uses} times; now slightly flattering." if uses > 1 else ""


def tally(labels: Sequence[str], items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Count how a model did.

    Args:
        labels: in the order of the table's rows and columns.
        items: a dictionary a photograph, with its label in ``"truth"`` and the model's in ``"answer"``, both of
            `labels`.

    Returns:
        ``right``, ``total``, the interval's ``low`` and ``high``, the table ``confusion`` (rows are the truth),
        ``per_label`` and the ``baseline`` of whoever always gives the commonest label.  JSON-able.
    """
    number = {label: n for n, label in enumerate(labels)}
    confusion = [[0] * len(labels) for _ in labels]
    for item in items:
        confusion[number[item["truth"]]][number[item["answer"]]] += 1
    totals = [sum(row) for row in confusion]
    hits = [row[n] for n, row in enumerate(confusion)]
    right, total = sum(hits), sum(totals)
    low, high = interval(right, total)
    per_label = []
    for label, hit, of_label in zip(labels, hits, totals, strict=True):
        label_low, label_high = interval(hit, of_label)
        per_label.append({"label": label, "right": hit, "total": of_label, "low": label_low, "high": label_high})
    common = max(totals, default=0)
    return {
        "right": right,
        "total": total,
        "low": low,
        "high": high,
        "confusion": confusion,
        "per_label": per_label,
        "baseline": {"label": labels[totals.index(common)] if labels else "", "right": common},
    }


def ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`, at most `most` + 1, a 1-2-5 step apart."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]

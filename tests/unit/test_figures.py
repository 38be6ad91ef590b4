"""One interval for a result, exact at every size; one way to count and to round."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom

from resnext_gui.figures import beta_probability, hundredth, interval, span, tally, ticks


def expected(right: int, total: int) -> tuple[float, float]:
    low = 0.0 if right == 0 else float(beta.ppf(0.025, right, total - right + 1))
    high = 1.0 if right == total else float(beta.ppf(0.975, right + 1, total - right))
    return low, high


def test_the_interval_is_that_of_clopper_and_pearson_for_all_small_counts() -> None:
    for total in range(1, 61):
        rights = np.arange(total + 1)
        low = np.where(rights == 0, 0.0, beta.ppf(0.025, np.maximum(rights, 1), total - rights + 1))
        high = np.where(rights == total, 1.0, beta.ppf(0.975, rights + 1, np.maximum(total - rights, 1)))
        ours = np.array([interval(int(right), total) for right in rights])
        np.testing.assert_allclose(ours, np.stack([low, high], axis=1), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("right", "total"),
    [(0, 100_000), (1, 100_000), (50_000, 100_000), (99_999, 100_000), (100_000, 100_000), (970, 1000), (3, 7777)],
)
def test_and_for_large_ones(right: int, total: int) -> None:
    assert interval(right, total) == pytest.approx(expected(right, total), abs=1e-9)


@pytest.mark.parametrize("total", [5, 12, 20, 50, 137, 500])
def test_at_least_95_of_100_intervals_hold_the_share(total: int) -> None:
    rights = np.arange(total + 1)
    bounds = np.array([interval(int(right), total) for right in rights])
    for share in np.linspace(0.002, 0.998, 250):
        holds = (bounds[:, 0] <= share) & (share <= bounds[:, 1])
        assert float(binom.pmf(rights, total, share)[holds].sum()) >= 0.95 - 1e-9


def test_its_ends_are_exact_and_it_holds_the_share() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(0, 50)[0] == 0.0 and interval(50, 50)[1] == 1.0
    assert interval(6, 6)[0] == pytest.approx(0.025 ** (1 / 6), abs=1e-12)
    for total in (1, 6, 19, 20, 50, 1000):
        for right in range(0, total + 1, max(1, total // 10)):
            low, high = interval(right, total)
            assert 0 <= low <= right / total <= high <= 1 and low < high


def test_the_distribution_behind_it_is_complete() -> None:
    assert (beta_probability(3, 4, 0.0), beta_probability(3, 4, 1.0)) == (0.0, 1.0)
    assert beta_probability(1, 1, 0.3) == pytest.approx(0.3)
    for a, b, x in ((0.5, 0.5, 0.2), (2, 30, 0.1), (500, 3, 0.99), (4000, 4000, 0.51)):
        assert beta_probability(a, b, x) == pytest.approx(float(beta.cdf(x, a, b)), abs=1e-11)


@pytest.mark.parametrize(
    ("right", "total", "ends"), [(46, 50, (81, 98)), (6, 6, (54, 100)), (0, 6, (0, 46)), (41, 50, (69, 91))]
)
def test_in_100(right: int, total: int, ends: tuple[int, int]) -> None:
    assert span(right, total) == ends


def test_only_all_is_100_and_only_nothing_0() -> None:
    assert [hundredth(share) for share in (0.0, 0.001, 0.5, 0.998, 1.0)] == [0, 1, 50, 99, 100]


def test_a_tally_counts_what_was_taken_for_what() -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("c", "a")]
    found = tally(["a", "b", "c"], [{"truth": truth, "answer": answer} for truth, answer in pairs])
    assert (found["right"], found["total"]) == (2, 4)
    assert (found["low"], found["high"]) == interval(2, 4)
    assert found["confusion"] == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert found["baseline"] == {"label": "a", "right": 2}
    assert [(row["right"], row["total"]) for row in found["per_label"]] == [(1, 2), (1, 1), (0, 1)]
    empty = tally([], [])
    assert (empty["right"], empty["total"], empty["low"], empty["high"]) == (0, 0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 2.3, [0, 0.5, 1, 1.5, 2]), (5, 5, [5]), (0, 90, [0, 20, 40, 60, 80])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == pytest.approx(expected)
    assert all(tick == int(tick) for tick in ticks(0, 3.2, 8, whole=True))

"""The linear head: multinomial logistic regression on pooled features, in NumPy alone.

The features of the frozen backbone are centred and scaled, and ``0.5 |W|^2 + C * sum of weighted cross entropies`` is
minimised by L-BFGS in double precision, as scikit-learn's ``LogisticRegression`` does.  Where there are fewer
photographs than features the solution lies in the span of the photographs, so the problem is first rotated into that
span: 200 photographs of 2048 features become a 200 x 200 problem with exactly the same solution.

How strongly to regularise is decided by cross-validation among the learning photographs.  Its held-out answers also
calibrate the head's confidence (one temperature: Guo et al. 2017, arXiv:1706.04599).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
"""Candidates for C, the weight of the photographs against the regularisation."""

POWERS = (0.5, 1.0)
"""Candidates for how features are scaled: they are divided by this power of their deviation.

1 is the usual standardisation, 0 would trust the features that vary most.  Half way between is a point better in
cross-validation than either end on the features of the starter weights; on others the end may be better.
"""

LARGEST_FIT = 40_000
"""Photographs that a head is fitted on at most; beyond it more of them change nothing that can be measured."""

LARGEST_CHOICE = 4000
"""From so many photographs on, C is chosen on fewer of them and with one fold."""

MOST_WORK = 4e10
"""Photographs x features x labels that a fit takes on at most: about a second a step on two cores."""


@dataclass(frozen=True, slots=True)
class LinearHead:
    """A fitted head: ``logits = features @ kernel + bias`` on the features as the backbone gives them.

    Attributes:
        kernel: float32 (features, labels); the standardisation is folded in.
        bias: float32 (labels,).
        strength: the C that cross-validation chose.
        temperature: logits are divided by it before they become probabilities.
    """

    kernel: Features
    bias: Features
    strength: float
    temperature: float = 1.0

    def logits(self, features: Features) -> Features:
        """Return float32 (photographs, labels), not divided by the temperature."""
        return np.asarray(features @ self.kernel + self.bias, dtype=np.float32)


def softmax(logits: npt.NDArray[np.floating]) -> Floats:
    """Turn logits (photographs, labels) into probabilities of the same shape, in double precision."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    probabilities: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities


def losses(logits: npt.NDArray[np.floating], labels: Labels, temperature: float = 1.0) -> Floats:
    """Return the cross entropy of each photograph in nats (photographs,)."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    each: Floats = np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]
    return each


def log_loss(logits: npt.NDArray[np.floating], labels: Labels, temperature: float = 1.0) -> float:
    """Return the mean cross entropy in nats; NaN without photographs."""
    return float(losses(logits, labels, temperature).mean()) if len(labels) else float("nan")


def fit_temperature(logits: npt.NDArray[np.floating], labels: Labels, prior: float = 3.0) -> float:
    """Return the temperature (0.2..5) that makes `logits` least surprised by `labels`.

    Args:
        logits: (photographs, labels), of photographs that the model did not learn from.
        labels: (photographs,), the truth.
        prior: how many photographs' worth of belief in temperature 1, so that a handful cannot turn it to an extreme.
    """
    if len(labels) < 2:
        return 1.0
    grid = np.exp(np.linspace(np.log(0.2), np.log(5.0), 65))
    costs = [log_loss(logits, labels, float(t)) * len(labels) + prior * np.log(t) ** 2 for t in grid]
    return float(grid[int(np.argmin(costs))])


def label_weights(labels: Labels, classes: int, power: float = 0.5) -> Floats:
    """Return a weight for each label (classes,) with mean 1 over the photographs.

    Full balancing (power 1) makes a label of three photographs shout over one of three hundred; the square root is
    the usual compromise between overall accuracy and fairness to rare labels.
    """
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    weights = np.where(counts > 0, (counts.sum() / max(1, (counts > 0).sum()) / np.maximum(counts, 1)) ** power, 1.0)
    weights /= max(1e-12, float((weights * counts).sum() / max(1.0, counts.sum())))
    return weights


def fit_head(
    features: Features,
    labels: Labels,
    classes: int,
    *,
    balance: bool = True,
    strengths: tuple[float, ...] = STRENGTHS,
    seed: int = 0,
    check: Callable[[], None] | None = None,
) -> LinearHead:
    """Fit a head on learning photographs.

    Args:
        features: float32 (photographs, features) as the backbone gives them.
        labels: (photographs,) integers below `classes`.
        classes: how many labels there are; one without photographs gets no chance.
        balance: give rare labels more weight.
        strengths: candidates for C; with one, no cross-validation is made.
        seed: decides the folds.
        check: called now and then; may raise to stop.

    Returns:
        The head fitted on all photographs with the best C.
    """
    rng = np.random.default_rng(np.random.SeedSequence((seed, 0x4EAD)))
    limit = min(LARGEST_FIT, max(20 * classes, int(MOST_WORK / (features.shape[1] * classes))))
    chosen = thin_out(labels, limit, rng)
    features, labels = features[chosen], labels[chosen]
    per_label = label_weights(labels, classes) if balance else np.ones(classes)
    weights = per_label[labels]
    mean, deviation = _spread(features)
    best = _Choice(POWERS[0], strengths[len(strengths) // 2], 1.0, np.inf)
    small = np.arange(len(labels))
    if len(labels) > LARGEST_CHOICE:
        small = thin_out(labels, max(LARGEST_CHOICE // 2, 5 * classes), rng)
    folds = stratified_folds(labels[small], rng)
    if folds and len(strengths) > 1:
        for power in POWERS:
            rows, _ = _rotate((features[small] - mean) / _scale(deviation, power))
            found = _choose(rows, labels[small], weights[small], classes, power, strengths, folds, check)
            best = min(best, found, key=lambda choice: choice.cost)
    scale = _scale(deviation, best.power)
    rows, back = _rotate((features - mean) / scale)
    solution = _solve(rows, labels, weights, classes, best.strength, check=check)
    kernel = solution[:-1] if back is None else back @ solution[:-1]
    kernel = kernel / scale[:, None]
    bias = solution[-1] - mean @ kernel
    bias[np.bincount(labels, minlength=classes) == 0] -= 20.0
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32), best.strength, best.temperature)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A way to fit, and how it did on photographs held out."""

    power: float
    strength: float
    temperature: float
    cost: float


def thin_out(labels: Labels, limit: int, rng: np.random.Generator) -> Labels:
    """Return sorted row numbers of `labels` (photographs,): all, or `limit` of them.

    The rare labels are kept whole as far as possible.
    """
    if len(labels) <= limit:
        return np.arange(len(labels))
    order = rng.permutation(len(labels))
    # the how-many-th of its label each photograph is; taking the lowest first takes evenly from all labels
    by_label = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    place = np.empty(len(labels), np.int64)
    place[by_label] = np.arange(len(labels)) - starts[labels[by_label]]
    taken: Labels = np.sort(np.argsort(place, kind="stable")[:limit])
    return taken


def _spread(features: Features) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each feature, (features,)."""
    mean = features.mean(axis=0, dtype=np.float64)
    return mean, np.sqrt(np.maximum(0.0, np.square(features - mean).mean(axis=0, dtype=np.float64)))


def _scale(deviation: Floats, power: float) -> Floats:
    """Return what features are divided by.  A floor keeps nearly dead ones from blowing up on a new picture."""
    alive = deviation[deviation > 0]
    usual = float(np.mean(alive)) if len(alive) else 1.0
    scale: Floats = np.maximum(deviation, 0.1 * usual) ** power * usual ** (1 - power)
    return scale


def _rotate(rows: Floats) -> tuple[Floats, Floats | None]:
    """Return rows (n, r) in the span of the photographs and the matrix (features, r) that leads back."""
    count, width = rows.shape
    if count >= width:
        return np.ascontiguousarray(rows), None
    values, vectors = np.linalg.eigh(rows @ rows.T)
    kept = values > max(1e-9, values[-1] * 1e-10)
    root = np.sqrt(values[kept])
    vectors = vectors[:, kept]
    return vectors * root, rows.T @ (vectors / root)


def stratified_folds(labels: Labels, rng: np.random.Generator) -> list[Labels]:
    """Return the held-out row numbers of each fold, stratified; none where there is too little to hold out.

    Args:
        labels: (photographs,) integers.
        rng: decides who is held out when.
    """
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    if len(labels) < 10 or np.median(counts) < 2:
        return []
    folds = 5 if len(labels) <= LARGEST_CHOICE else 4
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    numbers = np.arange(len(labels)) % folds
    held = [np.sort(order[numbers == fold]) for fold in range(folds)]
    # One fold decides where there are plenty: its standard error is below half a point already.
    return held[:1] if len(labels) > LARGEST_CHOICE else held


def _choose(
    rows: Floats,
    labels: Labels,
    weights: Floats,
    classes: int,
    power: float,
    strengths: tuple[float, ...],
    folds: list[Labels],
    check: Callable[[], None] | None,
) -> _Choice:
    """Return the best C for rows that are scaled already.

    Accuracy on a few hundred held-out photographs is noisy; together with the calibrated log-loss, which orders the
    candidates the same way with far less noise, it decides well.
    """
    held_out = np.concatenate(folds)
    truth = labels[held_out]
    starts: list[Floats | None] = [None] * len(folds)
    best: _Choice | None = None
    worse = 0
    # From strong to weak regularisation, each fit beginning at the last one's solution.
    for strength in strengths:
        answers = np.zeros((len(labels), classes))
        for number, held in enumerate(folds):
            mask = np.ones(len(labels), bool)
            mask[held] = False
            found = _solve(
                rows[mask], labels[mask], weights[mask], classes, strength, starts[number], check, tolerance=1e-3
            )
            answers[held] = rows[held] @ found[:-1] + found[-1]
            starts[number] = found
        logits = answers[held_out]
        temperature = fit_temperature(logits, truth)
        accuracy = float((logits.argmax(axis=1) == truth).mean())
        cost = log_loss(logits, truth, temperature) - accuracy
        if best is None or cost < best.cost:
            best, worse = _Choice(power, strength, temperature, cost), 0
        else:
            worse += 1
            if worse == 2:
                break
    if best is None:
        raise ValueError("at least one strength is needed")
    return best


def _solve(
    rows: Floats,
    labels: Labels,
    weights: Floats,
    classes: int,
    strength: float,
    start: Floats | None = None,
    check: Callable[[], None] | None = None,
    tolerance: float = 1e-4,
    limit: int = 300,
) -> Floats:
    """Minimise the objective; returns (width + 1, classes), the last row the bias, which is not regularised."""
    count, width = rows.shape
    # Larger problems are bound by the multiplications: single precision there, sums stay double.
    compute = rows.astype(np.float32) if rows.size * classes > 1e6 else rows
    hot = np.zeros((count, classes))
    hot[np.arange(count), labels] = 1.0
    pull = (strength * weights)[:, None]
    # Along a direction of large variance the objective is steep, along others flat.  Measuring each in units of its
    # own steepness (an upper bound of the curvature: Boehning 1992) saves most of the steps; rotated rows are
    # uncorrelated, so that for them this is nearly Newton's method.
    steepness = 1.0 + 0.25 * np.einsum("nw,nw,n->w", rows, rows, pull[:, 0])
    unit = np.append(1.0 / np.sqrt(steepness), 1.0 / np.sqrt(1e-12 + 0.25 * pull.sum()))[:, None]

    def value_and_slope(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.reshape(width + 1, classes) * unit
        logits = np.asarray(compute @ matrix[:-1].astype(compute.dtype), np.float64) + matrix[-1]
        logits -= logits.max(axis=1, keepdims=True)
        exponents = np.exp(logits)
        sums = exponents.sum(axis=1, keepdims=True)
        loss = float((pull[:, 0] * (np.log(sums[:, 0]) - logits[np.arange(count), labels])).sum())
        error = (exponents / sums - hot) * pull
        slope = np.empty_like(matrix)
        slope[:-1] = compute.T @ error.astype(compute.dtype)
        slope[:-1] += matrix[:-1]
        slope[-1] = error.sum(axis=0)
        return loss + 0.5 * float(np.square(matrix[:-1]).sum()), (slope * unit).ravel()

    origin = np.zeros((width + 1) * classes) if start is None else (start / unit).ravel()
    scale = float(np.sqrt(pull.sum())) + 1e-12
    found = _lbfgs(value_and_slope, origin, tolerance * scale, limit, check)
    solution: Floats = found.reshape(width + 1, classes) * unit
    return solution


def _lbfgs(
    function: Callable[[Floats], tuple[float, Floats]],
    point: Floats,
    tolerance: float,
    limit: int,
    check: Callable[[], None] | None,
    memory: int = 12,
) -> Floats:
    """Minimise a smooth convex function by limited-memory BFGS (Nocedal & Wright, algorithm 7.5).

    Stops when the largest component of the slope is below `tolerance`.
    """
    value, slope = function(point)
    steps: list[tuple[Floats, Floats, float]] = []
    for _ in range(limit):
        if check is not None:
            check()
        if float(np.abs(slope).max()) <= tolerance:
            break
        direction = -slope
        factors = []
        for step, change, inverse in reversed(steps):
            factor = inverse * float(step @ direction)
            direction = direction - factor * change
            factors.append(factor)
        if steps:
            step, change, inverse = steps[-1]
            direction = direction / (inverse * float(change @ change))
        else:
            direction = direction / max(1.0, float(np.linalg.norm(slope)))
        for (step, change, inverse), factor in zip(steps, reversed(factors), strict=True):
            direction = direction + step * (factor - inverse * float(change @ direction))
        descent = float(slope @ direction)
        if descent >= 0:  # rounding has spoilt the memory: begin afresh from the steepest way down
            steps.clear()
            direction, descent = -slope, -float(slope @ slope)
        length = 1.0
        for _halving in range(30):
            moved = point + length * direction
            new_value, new_slope = function(moved)
            if new_value <= value + 1e-4 * length * descent:
                break
            length *= 0.5
        else:
            break
        step, change = moved - point, new_slope - slope
        curvature = float(step @ change)
        if curvature > 1e-12 * float(change @ change):
            steps.append((step, change, 1.0 / curvature))
            del steps[:-memory]
        point, value, slope = moved, new_value, new_slope
    return point

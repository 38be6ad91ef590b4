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

LARGEST_FIT = 40_000
"""Photographs that a head is fitted on at most; beyond it more of them change nothing that can be measured."""


@dataclass(frozen=True, slots=True)
class LinearHead:
    """A fitted head: ``logits = features @ kernel + bias`` on the features as the backbone gives them.

    Attributes:
        kernel: float32 (features, labels); the standardisation is folded in.
        bias: float32 (labels,).
        strength: the C that cross-validation chose.
        temperature: logits are divided by it before they become probabilities.
        held_out_accuracy: accuracy in the cross-validation, 0..1, or None where it was too small for one.
    """

    kernel: Features
    bias: Features
    strength: float
    temperature: float = 1.0
    held_out_accuracy: float | None = None

    def logits(self, features: Features) -> Features:
        """Return float32 (photographs, labels), not divided by the temperature."""
        return np.asarray(features @ self.kernel + self.bias, dtype=np.float32)


def softmax(logits: npt.NDArray[np.floating]) -> Floats:
    """Turn logits (photographs, labels) into probabilities of the same shape, in double precision."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    probabilities: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities


def log_loss(logits: npt.NDArray[np.floating], labels: Labels, temperature: float = 1.0) -> float:
    """Return the mean cross entropy in nats; NaN without photographs."""
    if not len(labels):
        return float("nan")
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    losses = np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]
    return float(losses.mean())


def fit_temperature(logits: npt.NDArray[np.floating], labels: Labels, prior: float = 10.0) -> float:
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
    chosen = _thin_out(labels, LARGEST_FIT, rng)
    features, labels = features[chosen], labels[chosen]
    mean, scale = _standardisation(features)
    rows, back = _rotate((features - mean) / scale)
    per_label = label_weights(labels, classes) if balance else np.ones(classes)
    weights = per_label[labels]

    best, temperature, accuracy = strengths[len(strengths) // 2], 1.0, None
    folds = _folds(labels, rng)
    if len(folds) and len(strengths) > 1:
        best, temperature, accuracy = _choose(rows, labels, weights, classes, strengths, folds, check)
    solution = _solve(rows, labels, weights, classes, best, check=check)
    kernel = solution[:-1] if back is None else back @ solution[:-1]
    kernel = kernel / scale[:, None]
    bias = solution[-1] - mean @ kernel
    bias[np.bincount(labels, minlength=classes) == 0] -= 20.0
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32), best, temperature, accuracy)


def _thin_out(labels: Labels, limit: int, rng: np.random.Generator) -> Labels:
    """Return sorted row numbers: all, or `limit` of them with the rare labels kept whole as far as possible."""
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


def _standardisation(features: Features) -> tuple[Floats, Floats]:
    """Return mean and scale (features,).

    A feature is divided by the root of its deviation and not by the deviation itself: half way between trusting all
    features alike and trusting those that vary most.  On the starter weights' features that is a point better in
    cross-validation than either end.  A floor keeps nearly dead features from blowing up on a new picture.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt(np.maximum(0.0, np.square(features - mean).mean(axis=0, dtype=np.float64)))
    alive = deviation[deviation > 0]
    usual = float(np.mean(alive)) if len(alive) else 1.0
    scale: Floats = np.sqrt(np.maximum(deviation, 0.1 * usual) * usual)
    return mean, scale


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


def _folds(labels: Labels, rng: np.random.Generator) -> list[Labels]:
    """Return the held-out row numbers of each fold, stratified; none where there is too little to hold out."""
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    if len(labels) < 10 or np.median(counts) < 2:
        return []
    folds = 5 if len(labels) <= 4000 else 2
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    numbers = np.arange(len(labels)) % folds
    held = [np.sort(order[numbers == fold]) for fold in range(folds)]
    # One fold decides where there are plenty: its standard error is below half a point already.
    return held[:1] if len(labels) > 4000 else held


def _choose(
    rows: Floats,
    labels: Labels,
    weights: Floats,
    classes: int,
    strengths: tuple[float, ...],
    folds: list[Labels],
    check: Callable[[], None] | None,
) -> tuple[float, float, float]:
    """Return C, temperature and held-out accuracy, the C by held-out log-loss after calibration.

    Accuracy on a few hundred held-out photographs is noisy; calibrated log-loss orders the candidates the same way
    with far less noise.
    """
    held_out = np.concatenate(folds)
    answers = np.zeros((len(strengths), len(labels), classes))
    for held in folds:
        mask = np.ones(len(labels), bool)
        mask[held] = False
        start: Floats | None = None
        for number, strength in enumerate(strengths):
            # from strong to weak regularisation, each starting at the last one's solution
            start = _solve(rows[mask], labels[mask], weights[mask], classes, strength, start, check, tolerance=1e-3)
            answers[number][held] = rows[held] @ start[:-1] + start[-1]
    truth = labels[held_out]
    scores = []
    for number in range(len(strengths)):
        logits = answers[number][held_out]
        temperature = fit_temperature(logits, truth)
        accuracy = float((logits.argmax(axis=1) == truth).mean())
        scores.append((log_loss(logits, truth, temperature) - accuracy, temperature, accuracy))
    best = min(range(len(strengths)), key=lambda number: scores[number][0])
    return strengths[best], scores[best][1], scores[best][2]


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

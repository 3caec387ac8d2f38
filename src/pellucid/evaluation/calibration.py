"""Are probabilities what they say? Reliability, expected calibration error, and the temperature that mends it.

Bins hold equally many rows. The expected calibration error is the mean distance between what was held probable and what
came true over the bins (Naeini, Cooper & Hauskrecht 2015). It is never 0: the noise of every bin adds to it. So its
value here is corrected for that bias by the bootstrap (Efron & Tibshirani 1993, 10), the bare one stands beside it, and
so does what a perfectly calibrated net would show on as many rows (Broecker & Smith 2007). Temperature: Guo et al.
2017, arXiv:1706.04599.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.intervals import resampled, with_intervals
from pellucid.tasks.certainty import LEAST_LOG, tempered
from pellucid.tasks.score import Score

Floats = NDArray[np.float64]
Clusters = NDArray[np.int64] | None

NUM_BINS = 15
"""As in Guo et al. 2017; fewer where a bin would have less than `FEWEST` rows."""
FEWEST = 20
CLUSTERS_OF_BIN, FEWEST_BINS = 10, 4
"""Of rows that belong together there are fewer bins, so that each holds the evidence of some clusters."""
LARGEST_TEMPERATURE = 20.0
"""Temperatures lie between its inverse and it: of rows that are all wrong the best one is infinite."""
FIFTHS = 5
STEPS = 60
NUMBERS_AT_ONCE = 4 << 20


@dataclass(frozen=True)
class Events:
    """What was held probable, and what came true: of each row one event.

    Attributes:
        of: what the event is, in words.
        probability: held beforehand, `[rows]`.
        outcome: whether it came true, `[rows]`.
    """

    of: str
    probability: Floats
    outcome: NDArray[np.bool_]


def events(log_probabilities: NDArray[Any], targets: NDArray[np.int64], names: list[str]) -> Events:
    """Return, of two classes, the event that a row is of the second; of more, that the likeliest one is right."""
    probabilities = np.exp(log_probabilities.astype(np.float64))
    if probabilities.shape[1] == 2:
        return Events(f"the class {names[1]}", probabilities[:, 1], targets == 1)
    chosen = probabilities.argmax(axis=1)
    return Events("the predicted class", probabilities.max(axis=1), targets == chosen)


def bins_of(probability: Floats, num_bins: int = NUM_BINS, clusters: Clusters = None) -> NDArray[np.int64]:
    """Return each row's bin, `[rows]`: bins of about equally many rows, by rising probability.

    Rows of one probability share a bin, so there may be fewer bins.
    """
    num_bins = max(1, min(num_bins, len(probability) // FEWEST))
    if clusters is not None:
        num_bins = min(num_bins, max(FEWEST_BINS, (int(clusters.max()) + 1) // CLUSTERS_OF_BIN))
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, num_bins + 1)[1:-1]))
    places = np.searchsorted(edges, probability, side="right")
    codes: NDArray[np.int64] = np.unique(places, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes


def dense(clusters: NDArray[np.int64] | None) -> Clusters:
    """Codes from 0 of which rows belong together; None where all do, so that nothing could be told of others."""
    if clusters is None:
        return None
    codes: NDArray[np.int64] = np.unique(clusters, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes if codes.max(initial=0) > 0 else None


def bare_error(given: Events, bins: NDArray[np.int64]) -> float:
    """Return the mean distance of the bins from what was held probable, noise and all."""
    sums = np.bincount(bins, weights=given.outcome - given.probability)
    return float(np.abs(sums).sum() / len(bins))


def reliability(given: Events, bins: NDArray[np.int64], resamples: int, clusters: Clusters) -> list[dict[str, Any]]:
    """Return of each bin the mean probability, the share that came true with its interval, and how many rows."""
    shares = {}
    for code in range(int(bins.max()) + 1):
        inside = bins == code
        shares[str(code)] = Score(
            np.stack([inside * given.outcome, inside], axis=1).astype(np.float64), "ratio", "max", "wilson"
        )
    told = []
    for code, share in enumerate(with_intervals(shares, resamples, clusters=clusters).values()):
        inside = bins == code
        told.append(
            {
                "probability": float(given.probability[inside].mean()),
                **{name: share[name] for name in ("value", "low", "high")},
                "n": int(inside.sum()),
                "from": float(given.probability[inside].min()),
                "to": float(given.probability[inside].max()),
            }
        )
    return told


def calibration_error(given: Events, bins: NDArray[np.int64], resamples: int, clusters: Clusters) -> dict[str, Any]:
    """Return the expected calibration error, corrected for its bias, with a 95 % interval.

    `"bare"` is the plain mean of distances, which noise makes larger. The interval holds the errors of which as small
    and as large a bare one is no rarer than 1 in 40 each, and the value is the one of which the bare one is the median:
    true distances are supposed, and noise is added to them as resampled rows have it. As to how the error is spread
    over the bins, two extremes are supposed, as it was seen and evenly; the interval spans both, the value is their
    mean. `"if_calibrated"` is what noise alone makes of a bare one, mean and 95 % point; `"p"` how probable so large a
    one is then.
    """
    moments = np.zeros((len(bins), int(bins.max()) + 2))
    moments[np.arange(len(bins)), bins] = given.outcome - given.probability
    moments[:, -1] = 1
    parts = {str(code): Score(moments[:, [code, -1]], "ratio", "max") for code in range(int(bins.max()) + 1)}
    distances = np.array([part.value for part in parts.values()])
    noise = np.stack(list(resampled(parts, resamples, clusters=clusters).values()), axis=1) - distances
    bare = bare_error(given, bins)
    chance = np.concatenate(list(_by_chance(given, bins, resamples, clusters)))
    alike = np.full_like(distances, bare / len(distances))
    ends = [[bare * _scale(shape, noise, bare, point) for shape in (distances, alike)] for point in (0.975, 0.5, 0.025)]
    low, value, high = min(ends[0]), float(np.mean(ends[1])), max(ends[2])
    return {
        "value": value,
        "low": low,
        "high": high,
        "n": len(bins),
        "interval": "bootstrap",
        "bare": bare,
        "if_calibrated": {"value": float(chance.mean()), "high": float(np.quantile(chance, 0.95))},
        "p": float((1 + (chance >= bare).sum()) / (1 + len(chance))),
    }


def _scale(distances: Floats, noise: Floats, bare: float, point: float) -> float:
    """Return by what the distances are to be scaled for the bare error to lie at this point of what noise makes of it.

    0 where noise alone makes more.
    """

    def lies_below(scale: float) -> bool:
        return float(np.quantile(np.abs(scale * distances + noise).sum(axis=1), point)) < bare

    low, high = 0.0, 1.0
    if not lies_below(low):
        return 0.0
    while lies_below(high) and high < 16:
        high *= 2
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if lies_below(middle) else (low, middle)
    return (low + high) / 2


def _by_chance(given: Events, bins: NDArray[np.int64], draws: int, clusters: Clusters) -> Iterator[Floats]:
    """Yield the bare error of outcomes that are drawn with the very probabilities that were held.

    Of rows that belong together, whose outcomes are not independent, the sign of each cluster's residuals is drawn
    instead (wild bootstrap; Cameron, Gelbach & Miller 2008).
    """
    random = np.random.default_rng(0)
    rows = len(bins)
    of_bin = np.zeros((rows, int(bins.max()) + 1))
    of_bin[np.arange(rows), bins] = 1
    if clusters is not None:
        sums = np.zeros((int(clusters.max()) + 1, of_bin.shape[1]))
        np.add.at(sums, clusters, of_bin * (given.outcome - given.probability)[:, None])
        yield np.abs(random.choice([-1.0, 1.0], size=(draws, len(sums))) @ sums).sum(axis=1) / rows
        return
    at_once = max(1, (4 << 20) // rows)
    for start in range(0, draws, at_once):
        true = random.random((min(at_once, draws - start), rows)) < given.probability
        yield np.abs((true - given.probability) @ of_bin).sum(axis=1) / rows


def log_loss(log_probabilities: NDArray[Any], targets: NDArray[np.int64]) -> Floats:
    """Return each row's surprise at its true class in nats, `[rows]`."""
    found: Floats = -np.take_along_axis(log_probabilities, targets[:, None], axis=1)[:, 0].astype(np.float64)
    return found


def temperature(log_probabilities: NDArray[Any], targets: NDArray[np.int64]) -> float:
    """Return the temperature that makes the true classes most probable, by Newton's method within a bracket.

    The log loss is convex in 1 / temperature, so there is one minimum. Where every row is right it lies at 0, which
    would make the net sure of everything; nothing is known of its mistakes then, and 1 is returned.
    """
    if (log_probabilities.argmax(axis=1) == targets).all():
        return 1.0
    pieces = max(1, log_probabilities.size // NUMBERS_AT_ONCE)
    inverse, low, high = 1.0, 1 / LARGEST_TEMPERATURE, LARGEST_TEMPERATURE
    for _ in range(STEPS):
        slope, curvature = np.sum(
            [
                _derivatives(logs, true, inverse)
                for logs, true in zip(
                    np.array_split(log_probabilities, pieces), np.array_split(targets, pieces), strict=True
                )
            ],
            axis=0,
        )
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        following = inverse - slope / curvature if curvature > 1e-9 * abs(slope) else math.nan
        if not low < following < high:
            following = math.sqrt(low * high)
        if abs(following / inverse - 1) < 1e-10:
            break
        inverse = following
    return 1 / inverse


def _derivatives(logs: NDArray[Any], targets: NDArray[np.int64], inverse: float) -> tuple[float, float]:
    """The first and second derivative of the summed log loss by the inverse temperature."""
    logs = np.maximum(logs.astype(np.float64), LEAST_LOG)
    p = np.exp(tempered(logs, 1 / inverse))
    mean = (p * logs).sum(axis=1)
    slope = float((mean - np.take_along_axis(logs, targets[:, None], axis=1)[:, 0]).sum())
    return slope, float(((p * np.square(logs)).sum(axis=1) - np.square(mean)).sum())


Parts = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Places of rows to fit on, and of those to judge; each row is judged once."""


def crossed(rows: int, clusters: Clusters, num: int, seed: int = 0) -> Parts:
    """Return each of `num` pieces of the rows to judge, with all others to fit on; clusters stay whole.

    None where there would be too few rows to fit on.
    """
    codes = np.arange(rows) if clusters is None else clusters
    order = np.random.default_rng(seed).permutation(np.unique(codes))
    judged = [np.isin(codes, order[place::num]) for place in range(min(num, len(order)))]
    if len(judged) < 2 or rows - max(int(piece.sum()) for piece in judged) < FEWEST:
        return []
    return [(np.flatnonzero(~piece), np.flatnonzero(piece)) for piece in judged]


def halves(rows: int, clusters: Clusters, seed: int = 0) -> Parts:
    """Return (fit on, judge on) row places twice, each half once each; clusters stay whole. None of too few rows."""
    return crossed(rows, clusters, 2, seed)


def cross_tempered(
    log_probabilities: NDArray[Any], targets: NDArray[np.int64], clusters: Clusters
) -> tuple[Floats, NDArray[np.int64]]:
    """Return log-probabilities at a temperature that was fitted on the other rows, and the rows' places.

    A fifth at a time: a half is much less than what the temperature is fitted on that is told.
    """
    tempers = [
        (judged, tempered(log_probabilities[judged], temperature(log_probabilities[fitted], targets[fitted])))
        for fitted, judged in crossed(len(targets), clusters, FIFTHS)
    ]
    if not tempers:
        return np.zeros((0, log_probabilities.shape[1])), np.zeros(0, np.int64)
    places = np.concatenate([judged for judged, _ in tempers])
    order = np.argsort(places)
    return np.concatenate([found for _, found in tempers])[order], places[order]

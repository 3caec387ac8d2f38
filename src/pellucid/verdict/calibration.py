"""Poorly calibrated: one temperature for all answers makes the probabilities significantly and noticeably better.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017, arXiv:1706.04599. A
softmax of logits over T: T above 1 says that the net is too sure, below 1 that it is not sure enough. T is fitted on
one half of the validation rows and judged on the other, both ways, so what is gained was not fitted to the rows that
show it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.intervals import resampled
from pellucid.tasks.score import mean_score
from pellucid.verdict.finding import Finding, again
from pellucid.verdict.record import Record, longer

GAIN = 0.1
"""Share of the log loss that a temperature must bring."""
ERROR = 0.04
"""Expected calibration error that it must have: below it, stated and true shares differ by what few would notice."""
ASKED_FOR = 0.1
"""What is added to it where the recipe smooths the labels, and the net is less sure than it could be: as much is usual
(Szegedy et al. 2016) and was asked for."""
FEWEST = 50
"""Rows below which no temperature can be told from chance."""
RESAMPLES = 1000
BINS = 10
_TEMPERATURES = np.geomspace(0.1, 20.0, 107)


def poorly_calibrated(record: Record) -> Finding | None:
    """Cross-fit a temperature and test what it gains by a paired bootstrap."""
    logits, targets = record.log_probability, record.targets
    if logits is None or targets is None or len(targets) < FEWEST or logits.ndim != 2 or not np.isfinite(logits).all():
        return None
    loss = losses_at(logits, targets, np.array([1.0]))[0]
    gain = loss - _cross_fitted(logits, targets)
    drawn = resampled({"gain": mean_score(gain, "max")}, RESAMPLES, clusters=record.clusters)["gain"]
    low = float(np.quantile(drawn, 0.005))
    error = calibration_error(logits, targets)
    temperature = float(_TEMPERATURES[losses_at(logits, targets, _TEMPERATURES).mean(axis=1).argmin()])
    smoothed = temperature < 1 and record.recipe["task"].get("label_smoothing", 0) > 0
    if not (low > 0 and gain.mean() > GAIN * loss.mean() and error > ERROR + ASKED_FOR * smoothed):
        return None
    sure = "too sure of itself" if temperature > 1 else "less sure than it could be"
    message = (
        f"It is poorly calibrated: {sure}. Stated and true shares differ by {error:.1%} on average, and a "
        f"temperature of {temperature:.2g} would bring the log loss on validation from {loss.mean():.3g} to "
        f"{(loss - gain).mean():.3g}."
    )
    evidence = {
        "temperature": temperature,
        "calibration_error": error,
        "log_loss": float(loss.mean()),
        "gain": float(gain.mean()),
        "gain_low": low,
    }
    command = again(record.run, record.recipe, _remedy(record, temperature), "calibrated")
    return Finding("poorly_calibrated", message, evidence, command)


def _remedy(record: Record, temperature: float) -> list[str]:
    """Too sure: smoother labels. Not sure enough: nothing that makes it so on purpose, and more training."""
    task = record.recipe["task"]
    if temperature > 1:
        return [f"task.label_smoothing={task.get('label_smoothing', 0) + 0.05:g}"]
    if task.get("label_smoothing"):
        return ["task.label_smoothing=0"]
    if task.get("class_weights", "none") != "none":
        return ["task.class_weights=none"]
    return [longer(record.recipe, 2)]


def losses_at(
    logits: NDArray[np.floating], targets: NDArray[np.integer], temperatures: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each row's negative log-likelihood at each temperature, `[temperatures, rows]`."""
    found = np.empty((len(temperatures), len(targets)))
    rows = np.arange(len(targets))
    for place, temperature in enumerate(temperatures):
        scaled = logits.astype(np.float64) / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        found[place] = np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, targets]
    return found


def calibration_error(logits: NDArray[np.floating], targets: NDArray[np.integer]) -> float:
    """Return the expected calibration error of the most probable class over bins of as many rows, in 0 to 1."""
    sure, right = np.exp(logits.max(axis=1)), logits.argmax(axis=1) == targets
    order = np.argsort(sure, kind="stable")
    pieces = np.array_split(order, min(BINS, len(order)))
    return float(sum(len(piece) * abs(sure[piece].mean() - right[piece].mean()) for piece in pieces) / len(order))


def _cross_fitted(logits: NDArray[np.floating], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """Each row's loss at the temperature that is best for the other half of the rows, `[rows]`."""
    found = losses_at(logits, targets, _TEMPERATURES)
    halves = np.random.default_rng(0).permutation(len(targets)) % 2
    scaled = np.empty(len(targets))
    for one in (0, 1):
        best = int(found[:, halves != one].mean(axis=1).argmin())
        scaled[halves == one] = found[best, halves == one]
    return scaled

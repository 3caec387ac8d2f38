"""Poorly calibrated: one temperature for all answers makes the probabilities significantly and noticeably better.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017, arXiv:1706.04599. A
softmax of logits over T: T above 1 says that the net is too sure, below 1 that it is not sure enough. What
it gains is judged on rows that it was not fitted on. Temperature and error are those of the page.
"""

from __future__ import annotations

import numpy as np

from pellucid.evaluation import calibration
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


def poorly_calibrated(record: Record) -> Finding | None:
    """Cross-fit a temperature and test what it gains by a paired bootstrap."""
    logits, targets = record.log_probability, record.targets
    if logits is None or targets is None or len(targets) < FEWEST or logits.ndim != 2 or not np.isfinite(logits).all():
        return None
    clusters = calibration.dense(record.clusters)
    softened, places = calibration.cross_tempered(logits, targets, clusters)
    if not len(places):
        return None
    loss = calibration.log_loss(logits, targets)
    gain = loss - calibration.log_loss(softened, targets)
    drawn = resampled({"gain": mean_score(gain, "max")}, RESAMPLES, clusters=clusters)["gain"]
    low = float(np.quantile(drawn, 0.005))
    given = calibration.events(logits, targets, record.result["class_names"])
    error = calibration.bare_error(given, calibration.bins_of(given.probability, clusters=clusters))
    temperature = calibration.temperature(logits, targets)
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

"""Numbers and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "f1": "F1",
    "mcc": "MCC",
    "kappa": "Cohen's kappa",
    "pinball": "pinball loss",
    "mase": "MASE",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "hamming_loss": "Hamming loss",
    "dice": "Dice overlap",
    "mean_iou": "mean IoU",
    "nats_per_character": "nats per character",
    "bleu": "BLEU",
    "frechet_distance": "Fréchet distance",
    "log_likelihood": "log-likelihood",
}
_IN_FULL = {
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "r2": "R², the share of variance explained",
    "auc": "area under the ROC curve",
    "mcc": "Matthews correlation coefficient",
    "mase": "mean absolute scaled error",
    "mean_iou": "mean intersection over union",
    "macro_f1": "macro F1, the mean over labels",
}
_BASELINES = {
    "majority": "largest class",
    "mean": "mean",
    "linear": "linear model",
    "k_nearest": "nearest neighbours",
    "tfidf": "tf-idf and a linear model",
    "boosted_trees": "boosted trees",
}
_INTERVALS = {"wilson": "Wilson's score", "bootstrap": "the bootstrap", "student": "Student's t"}


@dataclass(frozen=True)
class Shown:
    """A score in words: as many digits as its interval leaves any sense in."""

    value: str
    low: str
    high: str
    unit: str = ""

    @property
    def full(self) -> str:
        """The value with its unit."""
        return self.value + self.unit

    @property
    def interval(self) -> str:
        """The interval with its unit."""
        return f"{self.low} – {self.high}{self.unit}"


def metric(name: str) -> str:
    """Name a metric in words."""
    if name.startswith("recall_"):
        return f"recall of {name.removeprefix('recall_')}"
    if name.startswith("iou_"):
        return f"IoU of {name.removeprefix('iou_')}"
    if is_top(name):
        return f"top-{name.removeprefix('top_')} accuracy"
    if name.startswith("f1_"):
        return f"F1 of {name.removeprefix('f1_')}"
    return _METRICS.get(name, name.replace("_", " "))


def metric_in_full(name: str) -> str:
    """Name a metric in words, without abbreviation."""
    return _IN_FULL.get(name, metric(name))


def baseline(name: str) -> str:
    """Name a baseline in words."""
    return _BASELINES.get(name, name.replace("_", " "))


def interval(kind: str) -> str:
    """Name how an interval was computed."""
    return _INTERVALS.get(kind, kind)


def is_share(name: str) -> bool:
    """Whether a metric is a share of rows, which reads best in per cent."""
    return "accuracy" in name or name == "exact_match" or name.startswith("recall") or is_top(name)


def is_top(name: str) -> bool:
    """Whether a metric is the share of rows whose class is among the likeliest, such as top_5."""
    return name.startswith("top_") and name.removeprefix("top_").isdecimal()


def shown(score: Mapping[str, Any], name: str) -> Shown:
    """Return a score with two digits of its interval's half-width."""
    scale, unit = (100, " %") if is_share(name) else (1, "")
    value, low, high = (scale * float(score.get(key, score["value"])) for key in ("value", "low", "high"))
    half = (high - low) / 2
    digits = max(0, 1 - math.floor(math.log10(half))) if half > 0 else 1 if unit else 3
    sensible = 3 - math.floor(math.log10(abs(value))) if value else 6  # four figures at most
    digits = min(digits, 1 if unit else max(0, sensible))
    told = [signed(f"{number:,.{digits}f}") for number in (value, low, high)]
    return Shown(told[0], told[1], told[2], unit)


def signed(text: str) -> str:
    """Write a minus sign as one, and no minus before zero."""
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", "−", 1) if text.startswith("-") else text


def rounded(value: Any) -> str:
    """Write any value of a table: whole numbers with commas, others with four digits, all else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return signed(f"{int(value):,}")
    return signed(f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}")


def column(values: Sequence[float]) -> list[str]:
    """Write the numbers of a column alike: whole, or with the digits that its largest one makes sensible."""
    largest = max((abs(value) for value in values), default=0.0)
    whole = all(abs(value - round(value)) < 1e-4 * max(1.0, abs(value)) for value in values)
    digits = 0 if whole or not largest else min(6, max(0, 3 - math.floor(math.log10(largest))))
    return [signed(f"{value:,.{digits}f}") for value in values]


def of_metric(value: float, name: str) -> str:
    """Write a metric's bare value."""
    return f"{100 * value:.1f} %" if is_share(name) else rounded(float(f"{value:.4g}"))


def shape(sizes: Any) -> str:
    """Write a shape, such as 32 × 8 × 8."""
    return " × ".join(map(str, sizes)) if sizes else "one number" if sizes == [] else "–"


def duration(seconds: float) -> str:
    """Write a span of time."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, noun: str) -> str:
    """Write how many of a thing: 1 row, 1,258 rows, 0 classes."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    if " of " in noun:  # sets of samples
        first, _, rest = noun.partition(" of ")
        plural = f"{first}s of {rest}"
    return f"{number:,} {noun if number == 1 else plural}"


def times(number: int) -> str:
    """Write how often: once, twice, 3 times."""
    return {0: "0 times", 1: "once", 2: "twice"}.get(number, f"{number} times")


def look(by_run: int, by_all: int) -> str:
    """Say which look at a test part this was, and what that makes of its scores."""
    number = max(by_run, by_all)
    ordinal = {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
    if number <= 1:
        return "This was the first look at this test part."
    others = f", {by_all - by_run} of them by other runs" if by_all > by_run else ""
    return (
        f"This was the {ordinal} look at this test part{others}. Whatever was changed after the first one was chosen "
        "with its help, and the scores are kinder for it."
    )


def learned(split: Mapping[str, Any]) -> str:
    """Name what a batch has many of, by what the parts are counted in."""
    return {"character": "window", "episode": "time step"}.get(split.get("unit", "row"), "row")


def date(when: str) -> str:
    """Write an ISO time as a date and a time to the minute."""
    return when[:16].replace("T", " ")

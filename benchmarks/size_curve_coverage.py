"""How often the intervals of a size curve hold what was simulated, and how often noise is called a law.

The claim: of runs at five or seven sizes whose error is c + a * rows^-b, the 95 % intervals of b, of c, of the error at
once, twice and ten times the most rows, and of what doubling gains cover in 90 to 100 %, where there is a c and
where there is none; and errors that do not depend on the size are taken for a law in 5 % of the cases at most.

    python benchmarks/size_curve_coverage.py

`draws` is normal noise, a share of the error, as drawing subsets and seeds makes it. `rows` adds what a validation part
of 500 rows does: every run is judged on the same rows, of which some are harder than others (a latent Gaussian, 0.7
of whose variance is the row's), and the truth is the error on all rows that there could be. n = 300 simulations of
each line, 3 draws of a size; the standard error of a coverage of 0.95 is 0.013.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import norm

from hardware import write_results
from pellucid.size_curve.power_law import LEVEL, ends, fit
from pellucid.size_curve.summary import shared
from pellucid.tasks.score import mean_score

SIMULATIONS = 300
DRAWS = 3
FIVE, SEVEN = [100, 188, 354, 667, 1258], [50, 100, 200, 400, 800, 1600, 3200]
ROWS, HARDNESS = 500, 0.7
LINES = [
    ("draws", 2.0, 0.5, 0.02, 0.05, FIVE),
    ("draws", 2.0, 0.5, 0.0, 0.05, FIVE),
    ("draws", 1.0, 0.3, 0.05, 0.05, FIVE),
    ("draws", 1.0, 0.3, 0.0, 0.05, FIVE),
    ("draws", 5.0, 0.8, 0.1, 0.05, FIVE),
    ("draws", 2.0, 0.5, 0.02, 0.15, FIVE),
    ("draws", 2.0, 0.5, 0.02, 0.05, SEVEN),
    ("draws", 0.0, 0.5, 0.1, 0.05, FIVE),
    ("rows", 2.0, 0.5, 0.02, 0.05, FIVE),
    ("rows", 1.0, 0.3, 0.0, 0.05, FIVE),
    ("rows", 0.0, 0.5, 0.1, 0.05, FIVE),
]


def simulate(kind: str, a: float, b: float, c: float, noise: float, sizes: list[int]) -> dict[str, Any]:
    """Count how often each interval holds the truth."""
    random = np.random.default_rng(1)
    rows, codes = np.repeat(sizes, DRAWS).astype(float), np.repeat(np.arange(len(sizes)), DRAWS)
    most = sizes[-1]
    truth = {"b": b, "c": c, **{f"error_{times}": c + a * (times * most) ** -b for times in (1, 2, 10)}}
    truth["gain_2"] = truth["error_1"] - truth["error_2"]
    held, claimed = dict.fromkeys(truth, 0), 0
    for seed in range(SIMULATIONS):
        errors, moved = (c + a * rows**-b) * (1 + noise * random.standard_normal(len(rows))), None
        if kind == "rows":
            hard, chance = random.standard_normal(ROWS), random.standard_normal((len(rows), ROWS))
            latent = np.sqrt(HARDNESS) * hard + np.sqrt(1 - HARDNESS) * chance
            wrong = latent < norm.ppf(np.clip(errors, 1e-9, 1 - 1e-9))[:, None]
            errors = wrong.mean(axis=1)
            moved = shared([mean_score(each, "min") for each in wrong], codes)
        law = fit(rows, errors, codes, moved, seed=seed)
        claimed += law.p < LEVEL
        gains = law.resampled_at(most) - law.resampled_at(2 * most)
        found = {
            "b": ends(law.draws[..., 1]),
            "c": ends(law.draws[..., 2]),
            **{f"error_{times}": law.interval(times * most) for times in (1, 2, 10)},
            "gain_2": ends(gains),
        }
        for name, (low, high) in found.items():
            held[name] += low - 1e-12 <= truth[name] <= high + 1e-12
    return {
        "noise_of": kind,
        "a": a,
        "b": b,
        "c": c,
        "noise": noise,
        "sizes": len(sizes),
        "simulations": SIMULATIONS,
        **{f"covered_{name}": round(count / SIMULATIONS, 4) if a else "" for name, count in held.items()},
        "called_a_law": round(claimed / SIMULATIONS, 4),
    }


def main() -> None:
    """Simulate every line, print it, and write all of them."""
    results = []
    for line in LINES:
        results.append(simulate(*line))
        print(results[-1], flush=True)
    print(write_results("size_curve_coverage", results))


if __name__ == "__main__":
    main()

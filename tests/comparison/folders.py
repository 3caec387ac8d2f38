"""Run folders as `train` leaves them, as far as a comparison reads them, made of what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.evaluation import kept
from pellucid.evaluation.corrected import corrected
from pellucid.evaluation.kept import Kept, Scores
from pellucid.tasks.score import mean_score

NUM_ROWS = 200


def scores(seed: int, num: int, share: float = 0.8) -> Scores:
    """Accuracy and log loss of made-up predictions of the rows 0 to `num` - 1, some of them hard for all."""
    hard = np.random.default_rng(0).random(NUM_ROWS)[:num]
    own = np.random.default_rng([1, seed]).random(NUM_ROWS)[:num]
    return {
        "accuracy": mean_score(0.5 * hard + 0.5 * own < share, "max", "wilson"),
        "log_loss": mean_score(hard + own, "min"),
    }


def make_run(
    path: Path,
    found: Scores,
    rows: Sequence[int],
    *,
    baselines: Mapping[str, Scores] | None = None,
    parts: Sequence[str] = ("validation",),
    data_hash: str = "data",
    train: Sequence[int] = range(500, 900),
    rate: float = 0.1,
    clusters: Any = None,
) -> Path:
    """Make a run that judged rows."""
    for folder in ("results", "predictions"):
        (path / folder).mkdir(parents=True)
    (path / "recipe.toml").write_text(f'name = "made"\nseed = 0\n[rule.optimizer]\nlearning_rate = {rate}\n')
    environment = {"torch": "2.13.0", "created": str(rate), "recipe_sha256": str(rate)}
    split = {
        "data_hash": data_hash,
        "hash": str(list(rows)),
        "counts": {"train": len(train)},
        "rows": {"train": list(train), "validation": list(rows), "test": list(rows)},
    }
    result = {"metrics": {name: {} for name in found}, "primary": "accuracy", "looks": len(parts) - 1}
    for name, values in (("environment", environment), ("split", split)):
        (path / f"{name}.json").write_text(json.dumps(values))
    for part in parts:
        (path / f"results/{part}.json").write_text(json.dumps(result))
        entrants = {kept.NET: found, **(baselines or {})}
        kept.write(path / f"predictions/{part}-scores.safetensors", Kept(entrants, np.array(rows), clusters))
    lines = [{"kind": "validation", "step": n, "epoch": n, "metrics": {"accuracy": 0.1 * n}} for n in (1, 2, 3)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def make_crossval(path: Path, values: Sequence[Sequence[float]], hashes: Sequence[str]) -> Path:
    """Make a cross-validation: of each fold the accuracy with each seed."""
    (path / "results").mkdir(parents=True)
    (path / "recipe.toml").write_text(f'name = "{path.name}"\n')
    results = [
        {"fold": f"fold-{n}", "repeat": 1, "seed": seed, "hash": name, "rows": 20, "train_rows": 80}
        | {"metrics": {"accuracy": value}}
        for n, (name, of_seeds) in enumerate(zip(hashes, values, strict=True))
        for seed, value in enumerate(of_seeds)
    ]
    value, low, high, _ = corrected(np.array([np.mean(of_seeds) for of_seeds in values]), 20 / 80)
    mean = {"value": value, "low": low, "high": high, "n": len(values), "interval": "corrected"}
    told = {"fold_results": results, "directions": {"accuracy": "max"}, "primary": "accuracy", "data_hash": "data"}
    told["metrics"] = {"accuracy": mean}
    (path / "results/crossval.json").write_text(json.dumps(told))
    return path

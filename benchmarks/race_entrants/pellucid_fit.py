"""Pellucid: `pellucid.fit` with the same net and arrays, or a recipe on the same text; the same number of steps.

python pellucid_fit.py WORKLOAD DATA_FOLDER STEPS PRECISION RUN_FOLDER [--report] [--blind]

The test rows of the race are given as the rows to judge by, which the other entrants do only at their end; the last
weights are kept, so that they choose nothing. --report adds baselines and the report; --blind looks inside twice.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from account import WARM, say
from workload import CONTEXT, MODELS, SEED, WORKLOADS, net, read

import pellucid


def main(name: str, folder: str, steps: int, precision: str, out: str, report: bool, blind: bool) -> None:
    workload = WORKLOADS[name]
    settings: dict[str, Any] = {
        "rule.optimizer.name": "adam",
        "rule.optimizer.learning_rate": workload.learning_rate,
        "train.batch_size": workload.batch_size,
        "train.keep": "last",
        "train.evaluate_every": steps,
        "evaluate.baselines": report,
        "execution.precision": precision,
    }
    if blind:
        settings["train.log_every"] = int(0.45 * steps)
    if workload.data == "text":
        given = {f"model.{key}": value for key, value in MODELS[name].items()} | {
            "data.source": str(Path(folder) / "text.txt"),
            "split.validation": 0.1,
            "split.test": 0.0,
            "prepare.context": CONTEXT,
            "rule.schedule.name": "constant",
            "rule.clip": None,
            "train.epochs": None,
            "train.steps": steps,
            "seed": SEED,
        }
        recipe = {"R4": "descriptions-lstm", "R5": "descriptions-gpt"}[name]
        run = pellucid.train(recipe, {**settings, **given}, out=out, report=report, quiet=True)
        quality = run.metrics["nats_per_character"]
    else:
        arrays = read(folder, workload)
        run = pellucid.fit(
            arrays.x_train,
            arrays.y_train,
            model=net(name),
            validation=(arrays.x_test, arrays.y_test),
            test=0.0,
            seed=SEED,
            settings={**settings, "prepare.standardize": False, "train.steps": steps, "train.epochs": None},
            out=out,
            report=report,
            quiet=True,
        )
        quality = run.metrics["accuracy"]
    lines = [json.loads(line) for line in Path(out, "metrics.jsonl").read_text().splitlines()]
    steady = [line for line in lines if line["kind"] == "train" and line["step"] >= WARM * steps]
    first, last = steady[0], steady[-1]
    say(
        quality=quality,
        steps=run.result()["steps"],
        train_seconds=run.result()["training_seconds"],
        samples_per_second=(last["step"] - first["step"]) * workload.batch_size / (last["seconds"] - first["seconds"]),
    )


if __name__ == "__main__":
    name, folder, steps, precision, out = sys.argv[1:6]
    main(name, folder, int(steps), precision, out, report="--report" in sys.argv[6:], blind="--blind" in sys.argv[6:])

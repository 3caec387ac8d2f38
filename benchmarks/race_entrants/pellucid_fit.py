"""Pellucid: `pellucid.fit` with the same net, arrays, optimizer and number of steps.

python pellucid_fit.py WORKLOAD ARRAYS_FOLDER RUN_FOLDER [--report]

The test rows of the race are given as the rows to judge by, after each epoch, which the plain loop does only at its
end; the last weights are kept, so that they choose nothing. --report adds baselines and the report.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from account import tell
from workload import SEED, WORKLOADS, net, read

import pellucid


def main(name: str, folder: str, out: str, report: bool) -> None:
    workload = WORKLOADS[name]
    arrays = read(folder, workload)
    run = pellucid.fit(
        arrays.x_train,
        arrays.y_train,
        model=net(name),
        validation=(arrays.x_test, arrays.y_test),
        test=0.0,
        epochs=workload.epochs,
        seed=SEED,
        settings={
            "prepare.standardize": False,
            "rule.optimizer.name": "adam",
            "rule.optimizer.learning_rate": workload.learning_rate,
            "train.batch_size": workload.batch_size,
            "train.keep": "last",
            "evaluate.baselines": report,
        },
        out=out,
        report=report,
        quiet=True,
    )
    result = run.result()
    lines = [json.loads(line) for line in Path(out, "metrics.jsonl").read_text().splitlines()]
    ends = [line["seconds"] for line in lines if line["kind"] == "validation"]  # of training, after each epoch
    tell(
        accuracy=run.metrics["accuracy"],
        steps=result["steps"],
        train_seconds=result["training_seconds"],
        samples_per_second=len(arrays.x_train) * (workload.epochs - 1) / (ends[-1] - ends[0]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:4], report="--report" in sys.argv[4:])

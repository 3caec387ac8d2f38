"""Evaluation and `predict` beside the loop by hand: inference mode, whole batches, one forward pass.

The claim: judging the test part (each row's prediction kept, losses, classes, what its intervals need) takes at most
1.1 times the loop that only adds up losses and right rows; mnist-softmax, whose forward pass is shorter than a glance
at its 10,000 rows, is shown beside it and not held to that. `predict` on 10,000 raw images reads and checks the
artefact and gives a mapping of words and probabilities per row: seconds alone are shown.

    python benchmarks/answering.py            # a minute on two cores; needs MNIST

How it is measured: in one process, in turn, the first round discarded; medians of the ratios within a round, against
the best batch size of the loop. Untrained weights: what is computed does not depend on them. Hardware and versions
stand in every row of results/answering_HARDWARE_DATE.csv.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import pellucid
from hardware import write_results
from pellucid import experiment, verbs
from pellucid.data.mnist import mnist
from pellucid.errors import DataError
from pellucid.evaluation import evaluate
from pellucid.execution import Execution, decide

RECIPES = ("mnist-mlp", "mnist-lenet5", "mnist-lenet5-1998", "mnist-resnet")
BATCHES = (128, 256, 512, 2048)
BOUND = 1.1


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@dataclass(frozen=True)
class Ways:
    """Both ways over the same rows: by hand, from raw bytes that lie ready to losses and classes, and Pellucid's."""

    parts: experiment.Parts
    execution: Execution
    raw: Tensor
    targets: Tensor

    def evaluate(self) -> object:
        """Scores of the test part."""
        return evaluate.run(self.parts.model, self.parts.task, self.parts.world, "test", self.execution).scores

    def by_hand(self, batch_size: int) -> tuple[float, int]:
        """The summed loss, and how many rows are right."""
        model, losses, right = self.parts.model, 0.0, 0
        step = self.parts.world.preprocessing.steps["input"]
        mean, std = torch.tensor(step.mean).view(-1, 1, 1), torch.tensor(step.std).view(-1, 1, 1)
        model.eval()
        with torch.inference_mode(), self.execution.autocast():
            for x, y in zip(self.raw.split(batch_size), self.targets.split(batch_size), strict=True):
                logits = model(x.float().mul_(1 / 255).sub_(mean).div_(std)).float()
                logs = logits.log_softmax(dim=1)
                losses -= float(logs.gather(1, y[:, None]).sum())
                right += int((logs.argmax(dim=1) == y).sum())
        model.train()
        return losses, right


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8, help="of which the first is discarded (default 8)")
    rounds = parser.parse_args().rounds
    rows, missed = [], False
    for name in ("mnist-softmax", *RECIPES):
        recipe = experiment.resolve(verbs.recipe_of(name, {"evaluate.baselines": False}))
        execution = decide(recipe.execution)
        try:
            parts = experiment.assemble(recipe, execution, experiment.Given())
        except DataError as error:
            print(error, file=sys.stderr)
            return 2
        chosen = parts.world.rows("test").numpy()
        columns = parts.world.columns.values
        ways = Ways(
            parts, execution, torch.from_numpy(columns["input"][chosen]), torch.from_numpy(columns["target"][chosen])
        )
        times: dict[str, list[float]] = {}
        for number in range(rounds):
            entrants: dict[str, Callable[[], object]] = {
                f"loop of {size}": partial(ways.by_hand, size) for size in BATCHES
            }
            entrants["evaluate"] = ways.evaluate
            for entrant, work in entrants.items():
                taken = seconds(work)
                rows.append({"recipe": name, "entrant": entrant, "round": number, "seconds": round(taken, 5)})
                if number:
                    times.setdefault(entrant, []).append(taken)
        best = min(
            (entrant for entrant in times if entrant != "evaluate"), key=lambda who: statistics.median(times[who])
        )
        ratios = [mine / its for mine, its in zip(times["evaluate"], times[best], strict=True)]
        ratio = statistics.median(ratios)
        missed |= ratio > BOUND and name in RECIPES
        wanted = f", wanted <= {BOUND}" if name in RECIPES else ""
        print(f"{name}: evaluate / {best} {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}){wanted}")
    with tempfile.TemporaryDirectory(prefix="pellucid-answering-") as folder:
        settings = {"train.steps": 20, "train.epochs": None, "evaluate.baselines": False}
        run = pellucid.train("mnist-mlp", settings, out=str(Path(folder) / "run"), report=False, quiet=True)
        columns = mnist()
        images = columns.values["input"][columns.given["test"]]
        for number in range(rounds):
            taken = seconds(lambda: run.predict(images))
            rows.append({"recipe": "mnist-mlp", "entrant": "predict", "round": number, "seconds": round(taken, 5)})
        told = statistics.median(row["seconds"] for row in rows if row["entrant"] == "predict" and row["round"])
        print(f"mnist-mlp: predict of {len(images):,} images in memory {told:.2f} s")
    print(f"Every run: {write_results('answering', rows)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

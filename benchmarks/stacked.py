"""Race ten folds in one stacked pass against the same ten folds one after another.

The claims: a tiny net (R6 of race.py: a multilayer perceptron 64-128-64-10 on the digits, batch 32, Adam) trains its
ten folds stacked in at most half the time; where stacking does not pay (R1: 784-256-128-10 on MNIST, batch 128), it is
not chosen.

    python benchmarks/stacked.py                        # two minutes on one core
    python benchmarks/stacked.py --rounds 2 --steps 200

How it is measured: in each round the folds of R6 are trained both ways, in turn, so that drift hits both alike; the
first round is discarded. Timed is `fit` from assembled parts to the kept weights: the settling of how a step is carried
out (measured once for all folds where they follow one another), the steps, a validation per epoch, metrics.jsonl and
checkpoints. What both ways do the same (opening the data, artefacts, results, reports) is left out. Raced is the median
of the ratios within each round. Both ways must also agree: the first 50 losses of every fold to 1e-5, and 99 % of the
predictions of held-out rows. Exit code 1 if a claim is missed.

Nothing else should run. Hardware and versions stand in every row of results/stacked_HARDWARE_DATE.csv.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hardware import write_results
from pellucid import experiment, recipes, rundir, stacking
from pellucid import recipe as recipe_words
from pellucid.catalogue import find
from pellucid.data.folds import folds
from pellucid.evaluation.evaluate import run as evaluate
from pellucid.execution import Execution, decide
from pellucid.experiment import Given
from pellucid.recipe import Recipe
from pellucid.stacking import Member, Trained
from pellucid.training import fit as training
from pellucid.training.progress import Progress
from pellucid.training.threads import ThreadWatch

FOLDS = 10
AT_MOST = 0.5
"""Of the time one after another."""
CLOSE, STEPS, AGREEING = 1e-5, 50, 0.99
Row = dict[str, Any]


def recipe_of(name: str, steps: int) -> Recipe:
    """R1 or R6 of race.py as a recipe, all rows of the data dealt to the folds."""
    hidden, batch, data = ([256, 128], 128, "mnist-mlp") if name == "R1" else ([128, 64], 32, "digits-mlp")
    made = find(recipes.RECIPES, data, "recipe").load()()
    settings = {
        "model.hidden": hidden,
        "train.batch_size": batch,
        "train.steps": steps,
        "rule.optimizer.name": "adam",
        "rule.optimizer.learning_rate": 1e-3,
        "evaluate.baselines": False,
        "execution.threads": 1,
    }
    settings |= {"split.test": 0.0} if name == "R6" else {}
    return experiment.resolve(recipe_words.override(made, settings))


def members_of(recipe: Recipe) -> tuple[list[Member], Execution]:
    """The folds, each assembled with its own split."""
    execution = decide(recipe.execution)
    columns = experiment.open_world(recipe, execution).columns
    made = []
    for place, split in enumerate(folds(recipe.split, columns, FOLDS)):
        parts = experiment.assemble(recipe, execution, Given(split=split))
        made.append(Member(f"fold-{place + 1}", recipe, parts))
    return made, execution


def one_after_another(members: Sequence[Member], execution: Execution, folder: Path) -> list[Trained]:
    """Train each fold in a folder of its own; how a step is carried out is settled for the first."""
    trained, settled = [], None
    for member in members:
        parts = member.parts

        def look(member: Member = member) -> Any:
            parts = member.parts
            return evaluate(parts.model, parts.task, parts.world, "validation", execution)

        with rundir.create(member.name, recipe_words.to_toml(member.recipe), folder / member.name) as run:
            given = Given(quiet=True, execution=settled)
            settled = experiment.settled(run, member.recipe, settled or execution, parts, given).execution
            outcome = training.fit(
                parts.rule,
                parts.source,
                look,
                parts.plan,
                run,
                Progress(parts.plan.total_steps, quiet=True),
                seed=member.recipe.seed,
                threads=ThreadWatch(False),
            )
            lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        trained.append(Trained(outcome.weights, {"steps": outcome.state.step}, lines))
    return trained


def stacked(members: Sequence[Member], execution: Execution, folder: Path) -> list[Trained]:
    """Train all folds in one pass."""
    (group,) = stacking.group(members, execution)
    with rundir.create("stacked", recipe_words.to_toml(members[0].recipe), folder / "stacked") as run:
        settled = experiment.settled(run, members[0].recipe, execution, members[0].parts, Given(quiet=True)).execution
        return stacking.fit(group, settled, run, quiet=True, settled=True)


def predicted(members: Sequence[Member], trained: Sequence[Trained], execution: Execution) -> np.ndarray[Any, Any]:
    """What is said of every row by the net that was not trained on it."""
    found = []
    for member, own in zip(members, trained, strict=True):
        parts = member.parts
        parts.model.load_state_dict(own.weights)
        look: Any = evaluate(parts.model, parts.task, parts.world, "validation", execution)
        found.append(look.predictions["class"])
    return np.concatenate(found)


def disagreement(members: Sequence[Member], both: Sequence[Sequence[Trained]], execution: Execution) -> Row:
    """How far the first losses lie apart, and how many predictions are equal."""
    losses = [
        [[line["loss"] for line in each.lines if line["kind"] == "train" and line["step"] <= STEPS] for each in trained]
        for trained in both
    ]
    classes = [predicted(members, trained, execution) for trained in both]
    apart = float(np.abs(np.array(losses[0]) - np.array(losses[1])).max())
    return {"losses_apart": apart, "predictions_equal": float((classes[0] == classes[1]).mean())}


def race(rounds: int, steps: int) -> list[Row]:
    """Train R6's folds both ways in turn."""
    rows = []
    for number in range(rounds):
        recipe = recipe_of("R6", steps)
        # Once with every loss on a line of its own, to compare them; as it comes where it is timed
        recipe = recipe_words.override(recipe, {"train.log_every": 1}) if number == 0 else recipe
        recipe = experiment.resolve(recipe)
        trained, seconds, processor = [], [], []
        for way in (one_after_another, stacked):
            members, execution = members_of(recipe)
            with tempfile.TemporaryDirectory(prefix="pellucid-stacked-") as folder:
                begin, begun = time.perf_counter(), time.process_time()
                trained.append(way(members, execution, Path(folder)))
                seconds.append(time.perf_counter() - begin)
                processor.append(time.process_time() - begun)
        row: Row = {"workload": "R6", "round": number, "discarded": int(number == 0), "steps": steps, "folds": FOLDS}
        row |= {"sequential_seconds": round(seconds[0], 4), "stacked_seconds": round(seconds[1], 4)}
        row |= {"ratio": round(seconds[1] / seconds[0], 4)}
        row |= {"processor_ratio": round(processor[1] / processor[0], 4), "chosen": ""}
        rows.append(row | disagreement(members, trained, execution))
        told = f"{seconds[0]:.2f} s one after another, {seconds[1]:.2f} s stacked"
        print(f"R6 round {number}: {told} (processor: {processor[0]:.2f} and {processor[1]:.2f} s)", file=sys.stderr)
    return rows


def decision(name: str, steps: int) -> Row:
    """What is chosen for a workload, by what measurement."""
    members, execution = members_of(recipe_of(name, steps))
    (group,) = stacking.group(members, execution)
    measured = stacking.pays(group, execution)
    print(f"{name}: {measured.reason} (measured in {measured.spent:.2f} s)")
    alone, together = measured.alone or float("nan"), measured.stacked or float("nan")
    row: Row = {"workload": name, "round": "decision", "discarded": 0, "steps": steps, "folds": FOLDS}
    row |= {"sequential_seconds": alone, "stacked_seconds": together, "ratio": round(together / alone, 4)}
    row |= {"processor_ratio": ""}
    return row | {"chosen": "stacked" if measured else "one after another", "losses_apart": "", "predictions_equal": ""}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=6, help="of which the first is discarded (default 6)")
    parser.add_argument("--steps", type=int, default=20 * 51, help="of R6 (default 20 epochs)")
    arguments = parser.parse_args()
    if arguments.rounds < 2:
        parser.error("--rounds is at least 2: the first is discarded")
    torch.set_num_threads(1)
    decisions = [decision("R6", arguments.steps), decision("R1", 3 * 390)]
    rows = race(arguments.rounds, arguments.steps)
    raced = [row["ratio"] for row in rows if not row["discarded"]]
    share = statistics.median(raced)
    computing = statistics.median(row["processor_ratio"] for row in rows if not row["discarded"])
    print(f"R6, {FOLDS} folds: {computing:.3f} of the processor's time, which a busy neighbour moves less")
    print(f"R6, {FOLDS} folds: stacked in {share:.3f} of the time ({min(raced):.3f} to {max(raced):.3f})")
    wrong = [f"R6: {share:.3f} of the time, wanted at most {AT_MOST}"] if share > AT_MOST else []
    wrong += [
        f"R6: losses {row['losses_apart']:.2g} apart, {row['predictions_equal']:.4f} of the predictions equal"
        for row in rows
        if (row["discarded"] and row["losses_apart"] > CLOSE) or row["predictions_equal"] < AGREEING
    ]
    wanted = {"R6": "stacked", "R1": "one after another"}
    wrong += [
        f"{row['workload']}: chosen {row['chosen']}" for row in decisions if row["chosen"] != wanted[row["workload"]]
    ]
    print(f"Every round: {write_results('stacked', [*rows, *decisions])}")
    print("\n".join(["Missed:", *wrong]) if wrong else "Every claim holds.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

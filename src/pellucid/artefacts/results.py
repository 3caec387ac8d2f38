"""What a run keeps of what it knows: the artefact, the result of each part, predictions, and what the report shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.numpy import save
from torch import inference_mode, nn

from pellucid import exhibit, ledger, rundir, verdict
from pellucid.artefacts import artefact as artefacts
from pellucid.artefacts import certainty
from pellucid.artefacts.artefact import Artefact
from pellucid.artefacts.card import card
from pellucid.data.pictures import encode
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.world import World
from pellucid.evaluation import baselines, kept
from pellucid.evaluation.certainty import NOTHING, Asked
from pellucid.evaluation.evaluate import evaluating
from pellucid.evaluation.kept import Kept, Scores
from pellucid.evaluation.result import describe
from pellucid.execution import Execution
from pellucid.exhibit import Exhibit, Signal
from pellucid.randomness import undisturbed
from pellucid.recipe import Recipe
from pellucid.rundir import RunFolder
from pellucid.tasks.task import Answer, Look, Task
from pellucid.verdict.fitted import look_back
from pellucid.verdict.reading import LOOK_BACK, of_run

EXHIBITS = "exhibits.json"
SIGNALS = "signals.json"


def keep_artefact(
    folder: RunFolder, recipe: Recipe, world: World, model: nn.Module, task: Task, execution: Execution
) -> None:
    """Write the artefact, with golden examples that were not trained on where there are any."""
    examples = task.examples(world, artefacts.GOLDEN_ROWS)
    model.cpu()
    preprocessing = Preprocessing(world.preprocessing.steps)
    on_cpu = replace(execution, device="cpu")
    kept = Artefact(model, task, world.spec, preprocessing, recipe.model, recipe.task, examples, on_cpu)
    artefacts.write(kept, folder / "artefact", card(recipe, world.spec))
    model.to(execution.device)


def keep_signals(folder: RunFolder, signals: tuple[Signal, ...]) -> None:
    """Write what is to be watched while it learns."""
    folder.write_json(SIGNALS, [vars(signal) for signal in signals])


def keep_exhibits(
    folder: RunFolder,
    world: World,
    model: nn.Module,
    task: Task,
    execution: Execution,
    others: Sequence[Exhibit] = (),
) -> None:
    """Write what the report shows of the kept weights, and what it shows of other things."""
    with evaluating(model), undisturbed(0), inference_mode(), execution.autocast():
        told, pixels = exhibit.to_files([*task.exhibits(model, world), *others])
    if not told:
        return
    if pixels:
        rundir.write_atomically(folder / "exhibits.safetensors", save(pixels))
    folder.write_json(EXHIBITS, told)


def keep_look_back(folder: RunFolder, world: World, model: nn.Module, task: Task, execution: Execution) -> None:
    """Write what the kept weights make of the rows that they learned from: the verdict compares by it."""
    folder.write_json(LOOK_BACK, look_back(model, task, world, execution))


def judge(
    folder: RunFolder,
    recipe: Recipe,
    world: World,
    task: Task,
    part: str,
    look: Look | None,
    asked: Asked = NOTHING,
    *,
    beside: bool = True,
) -> dict[str, Any]:
    """Keep the result of a part, with intervals and beside baselines, and every row's prediction.

    Args:
        look: what the model makes of the part; None where nothing was held out.
        asked: what is to be told beyond scores: costs, slices.
        beside: put baselines beside it, where the recipe asks for them, and tell how sure it is.
    """
    result: dict[str, Any] = {
        "run": str(folder.path),
        "split": part,
        "looks": _looks(folder),
        "looks_at_test": max(_looks(folder), ledger.looks(world.test_hash)),
    }
    result |= rundir.read_json(folder / "results/training.json")
    result |= {"task": recipe.task["name"], "unit": "row", "metrics": {}, "baselines": {}, "verdict": []}
    found: Mapping[str, tuple[Scores, int]] = {}
    if look is not None:
        result |= describe(look, task, recipe.evaluate.resamples)
        if beside:
            result |= certainty.judge(folder, look, asked, recipe.evaluate.resamples)
        if beside and recipe.evaluate.baselines:
            found = baselines.run(task, recipe.task, world, part)
            result["baselines"] = baselines.describe(found, recipe.evaluate.resamples, look.clusters)
        _keep_predictions(folder, look)
        _keep_scores(folder, look, found)
        if part == "validation":  # a verdict chooses the next experiment, and the test part chooses nothing
            ill = verdict.judge(of_run(folder.path, recipe, result, world, look))
            result["verdict"] = [finding.to_dict() for finding in ill]
    folder.write_json(f"results/{part}.json", result)
    return result


def keep_answer(run: Path, answer: Answer) -> dict[str, Any]:
    """Return an answer's values; its picture, if any, is written under the first free name and told as `"file"`."""
    if answer.picture is None:
        return dict(answer.values)
    folder, number = run / "predictions", 1
    while any((folder / f"predict-{number}.{ending}").exists() for ending in ("png", "gif")):
        number += 1
    path = folder / f"predict-{number}.{'png' if len(answer.picture) == 1 else 'gif'}"
    folder.mkdir(exist_ok=True)
    rundir.write_atomically(path, encode(answer.picture, palette=answer.palette))
    return {**answer.values, "file": str(path)}


def _looks(folder: RunFolder) -> int:
    """How often the test part was opened: by the journal of looks, or by the last result where that was removed."""
    tested = folder / "results/test.json"
    before = rundir.read_json(tested)["looks"] if tested.exists() else 0
    return max(len(rundir.read_lines(folder / "looks.jsonl")), before)


def _keep_scores(folder: RunFolder, look: Look, found: Mapping[str, tuple[Scores, int]]) -> None:
    """Write what each unit adds to every score, of the net and of its baselines."""
    entrants = {kept.NET: look.all_scores, **{name: scores for name, (scores, _) in found.items()}}
    fitted_on = {name: num for name, (_, num) in found.items()}
    kept.write(
        folder / f"predictions/{look.part}-scores.safetensors",
        Kept(entrants, look.rows, look.clusters, look.unit, fitted_on),
    )


def _keep_predictions(folder: RunFolder, look: Look) -> None:
    """Write every row's prediction as CSV, and the inputs of the worst mistakes for the report."""
    table = look.table()
    if table:
        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
        folder.write_text(f"predictions/{look.part}.csv", written.getvalue())
    inputs = look.worst_inputs()
    if inputs is not None:
        rundir.write_atomically(folder / f"predictions/{look.part}-worst.safetensors", save({"input": inputs}))

"""What the folds say together: each score's mean with its corrected interval, beside baselines on the same folds.

Two intervals are told, because they answer two questions. Of the mean over folds the corrected resampled t (Nadeau &
Bengio 2003): how well does this recipe do, on data like these, whichever rows it trains on? Of the pooled rows the
bootstrap: how right were the predictions of these rows, each by a net that had not seen it?
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import verdict
from pellucid.data.split import rows_hash
from pellucid.errors import RunError
from pellucid.evaluation import jackknife, kept
from pellucid.evaluation.bounds import Bounds, bounds_of, within
from pellucid.evaluation.corrected import corrected
from pellucid.evaluation.holm import holm
from pellucid.evaluation.intervals import with_intervals
from pellucid.evaluation.kept import NET, Kept
from pellucid.rundir import RunFolder, read_json
from pellucid.spec import Field
from pellucid.stacking import Together
from pellucid.tasks.score import Score
from pellucid.validation import ensemble
from pellucid.validation.dealing import Member, Plan, judged_to_training
from pellucid.verdict.several import knows_nothing, of_most

RESULT = "results/crossval.json"
OUT_OF_FOLD = "predictions/out-of-fold.csv"


def write(
    folder: RunFolder, plan: Plan, dealt: Sequence[Member], together: Sequence[Together], target: Field | None = None
) -> dict[str, Any]:
    """Sum up finished folds, write `results/crossval.json` and the pooled predictions, and return the former.

    Args:
        target: what is predicted, for an ensemble of several seeds.
    """
    _write_predictions(folder, dealt)
    results = [read_json(folder / member.name / "results/test.json", "metrics", "directions") for member in dealt]
    first = results[0]
    ratio = judged_to_training(dealt)
    pieces = [kept.read(folder / member.name / "predictions/test-scores.safetensors") for member in dealt]
    bounds = {name: bounds_of(score) for name, score in pieces[0].entrants[NET].items()}
    names = [name for name in first["metrics"] if all(name in result["metrics"] for result in results)]
    values = {name: _by_fold([result["metrics"][name] for result in results], dealt) for name in names}
    once = [  # each row is judged in one of these
        piece
        for piece, member in zip(pieces, dealt, strict=True)
        if (member.repeat, member.recipe.seed) == (1, dealt[0].recipe.seed)
    ]
    told: dict[str, Any] = {
        "run": str(folder.path),
        "split": "folds",
        "looks": 0,
        "plan": {"folds": plan.folds, "repeats": plan.repeats, "seeds": plan.seeds, "told": plan.told},
        "unit": "fold",
        "data_hash": read_json(folder / dealt[0].name / "split.json")["data_hash"],
        "task": first["task"],
        "primary": first["primary"],
        "directions": {name: first["directions"][name] for name in names},
        "metrics": {name: _summed_up(values[name], ratio, bounds[name], _least(once, NET, name)) for name in names},
        **_ensemble(folder, dealt, values, target, ratio, bounds),
        "baselines": _baselines(results, dealt, values, first, ratio, bounds, once),
        "folds": [{name: float(values[name][place]) for name in names} for place in range(len(values[names[0]]))],
        "fold_results": [_of_member(member, result, names) for member, result in zip(dealt, results, strict=True)],
        "pooled": _pooled(folder, dealt, pieces),
        **_confusion(results),
        "stacking": [{"folds": list(each.names), "stacked": each.stacked, "reason": each.reason} for each in together],
        "steps": sum(result["steps"] for result in results),
        "samples_per_second": round(float(np.mean([result["samples_per_second"] for result in results])), 1),
        "training_seconds": round(sum(result["training_seconds"] for result in results), 3),
        "parameters": first["parameters"],
    }
    told["verdict"] = _verdict(folder, dealt, results, told)
    folder.write_json(RESULT, told)
    return told


def _verdict(
    folder: RunFolder, dealt: Sequence[Member], results: Sequence[Mapping[str, Any]], told: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Whether the folds agree, and know anything, and what most of them show by their own validation."""
    alone = [read_json(folder / member.name / "results/validation.json") for member in dealt]
    seed = dealt[0].recipe.seed
    once = [  # each row is judged in one of these
        result
        for member, result in zip(dealt, results, strict=True)
        if (member.repeat, member.recipe.seed) == (1, seed)
    ]
    together = verdict.of_folds(once, dealt[0].recipe.model_dump(), str(folder.path))
    found = of_most(alone, together, "folds" if len({member.recipe.seed for member in dealt}) == 1 else "runs")
    nothing = knows_nothing(told)
    if nothing is not None and all(finding["kind"] == "fits" for finding in found):
        return [nothing.to_dict()]
    whole = f"pellucid train {shlex.quote(f'{folder.path}/recipe.toml')}"
    return [finding | {"next": whole} if finding["kind"] == "fits" else finding for finding in found]


def _of_member(member: Member, result: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {
        "fold": member.name,
        "number": member.fold,
        "repeat": member.repeat,
        "seed": member.recipe.seed,
        "hash": rows_hash(member.split.parts["test"]),
        "rows": len(member.split.parts["test"]),
        "train_rows": member.outside,
        "steps": result["steps"],
        "best_step": result["best_step"],
        "stopped_early": result["stopped_early"],
        "metrics": {name: result["metrics"][name]["value"] for name in names},
    }


def _by_fold(scores: Sequence[Mapping[str, Any]], dealt: Sequence[Member]) -> NDArray[np.float64]:
    """One value per fold and repeat, `[J]`: seeds of a fold are averaged, for they are no folds of their own."""
    found: dict[tuple[int, int], list[float]] = {}
    for member, score in zip(dealt, scores, strict=True):
        found.setdefault((member.repeat, member.fold), []).append(score["value"])
    return np.array([np.mean(each) for each in found.values()])


def _least(once: Sequence[Kept], entrant: str, metric: str, other: str | None = None) -> float:
    """The standard error that the judged rows leave in a mean over folds of a score, or of its difference."""
    ones = [piece.entrants[entrant][metric] for piece in once]
    others = [piece.entrants[other][metric] if other is not None else None for piece in once]
    of_rows = [
        piece.clusters if piece.clusters is not None and len(piece.clusters) == len(score.moments) else None
        for piece, score in zip(once, ones, strict=True)
    ]
    return jackknife.over_folds(ones, others, of_rows)


def _summed_up(values: NDArray[np.float64], ratio: float, bounds: Bounds, least_error: float = 0.0) -> dict[str, Any]:
    mean, low, high, _ = corrected(values, ratio, least_error)
    low, high = within(low, high, bounds)
    return {
        "value": mean,
        "low": low,
        "high": high,
        "n": len(values),
        "interval": "corrected",
        "spread": float(values.std(ddof=1)),
    }


def _ensemble(
    folder: RunFolder,
    dealt: Sequence[Member],
    values: Mapping[str, NDArray[np.float64]],
    target: Field | None,
    ratio: float,
    bounds: Mapping[str, Bounds],
) -> dict[str, Any]:
    """The scores of the ensemble of each fold's seeds, and by pairs how far they are from those of single nets."""
    by_fold: dict[tuple[int, int], list[Path]] = {}
    for member in dealt:
        by_fold.setdefault((member.repeat, member.fold), []).append(folder / member.name)
    if all(len(runs) == 1 for runs in by_fold.values()):
        return {}
    judged = [ensemble.scores(runs, dealt[0].recipe, target, list(values)) for runs in by_fold.values()]
    told: dict[str, Any] = {}
    for name in values:
        if all(name in scores for scores in judged):
            theirs = np.array([scores[name].value for scores in judged])
            mean, low, high, p = corrected(theirs - values[name], ratio)
            told[name] = {
                **_summed_up(theirs, ratio, bounds[name]),
                "difference": {"value": mean, "low": low, "high": high, "p": p, "test": "corrected resampled t"},
            }
    return {"ensemble": told} if told else {}


def _baselines(
    results: Sequence[Mapping[str, Any]],
    dealt: Sequence[Member],
    values: Mapping[str, NDArray[np.float64]],
    first: Mapping[str, Any],
    ratio: float,
    bounds: Mapping[str, Bounds],
    once: Sequence[Kept],
) -> dict[str, dict[str, Any]]:
    """Each baseline's scores over the same folds, and by pairs how far the net is from them, with Holm's p-values."""
    told: dict[str, dict[str, Any]] = {}
    for name in first["baselines"]:
        told[name] = {}
        for metric in first["baselines"][name]:
            if metric not in values:
                continue
            theirs = _by_fold([result["baselines"][name][metric] for result in results], dealt)
            mean, low, high, p = corrected(values[metric] - theirs, ratio, _least(once, NET, metric, name))
            told[name][metric] = {
                **_summed_up(theirs, ratio, bounds[metric], _least(once, name, metric)),
                "difference": {"value": mean, "low": low, "high": high, "p": p, "test": "corrected resampled t"},
            }
    for metric in values:
        having = [each[metric]["difference"] for each in told.values() if metric in each]
        for difference, p in zip(having, holm([difference["p"] for difference in having]), strict=True):
            difference["p_holm"] = p
    return told


def _confusion(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which class was taken for which, over all folds."""
    if "confusion" not in results[0]:
        return {}
    counts = np.sum([result["confusion"] for result in results], axis=0)
    return {"class_names": results[0]["class_names"], "confusion": counts.tolist()}


def _pooled(folder: RunFolder, dealt: Sequence[Member], pieces: Sequence[Kept]) -> dict[str, Any]:
    """The scores of all folds' rows together, each row judged by nets that had not seen it; kept unit by unit too.

    Of several repeats and seeds a row's predictions belong together, as do those of its group.
    """
    entrants = {entrant: _joined([piece.entrants[entrant] for piece in pieces]) for entrant in pieces[0].entrants}
    rows = np.concatenate([_rows(piece, member) for piece, member in zip(pieces, dealt, strict=True)])
    clusters = rows if pieces[0].clusters is None else _groups(pieces, dealt, rows)
    alone = len(np.unique(clusters)) == len(clusters)
    found = Kept(entrants, rows, None if alone else np.unique(clusters, return_inverse=True)[1], pieces[0].unit)
    kept.write(folder / "predictions/out-of-fold-scores.safetensors", found)
    return with_intervals(entrants[NET], resamples=1000, clusters=found.clusters)


def _joined(pieces: Sequence[Mapping[str, Score]]) -> dict[str, Score]:
    """The scores of several sets of units as scores of all of them; those whose moments differ in kind are left out."""
    joined: dict[str, Score] = {}
    for name, score in pieces[0].items():
        same = [piece[name] for piece in pieces if name in piece]
        if len(same) == len(pieces) and len({each.moments.shape[1] for each in same}) == 1:
            moments = np.concatenate([each.moments for each in same])
            joined[name] = Score(moments, score.kind, score.better, score.interval)
    return joined


def _rows(piece: Kept, member: Member) -> NDArray[np.int64]:
    return piece.rows if piece.rows is not None else member.split.parts["test"]


def _groups(pieces: Sequence[Kept], dealt: Sequence[Member], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Codes of which units belong together across folds, `[units]`.

    A fold numbers its own groups. A group is in one fold of a repeat, so the first repeat, which has every row, tells
    the group of each row.
    """
    of_row: dict[int, tuple[int, int]] = {}
    for piece, member in zip(pieces, dealt, strict=True):
        if member.repeat == 1 and piece.clusters is not None:
            pairs = zip(_rows(piece, member).tolist(), piece.clusters.tolist(), strict=True)
            of_row |= {row: (member.fold, code) for row, code in pairs}
    codes: dict[tuple[int, int], int] = {}
    return np.array([codes.setdefault(of_row[int(row)], len(codes)) for row in rows])


def _write_predictions(folder: RunFolder, dealt: Sequence[Member]) -> None:
    """Write every fold's predictions of its own rows as one CSV, by row."""
    lines: list[tuple[int, list[str]]] = []
    head: list[str] = []
    paths = [(member, folder / member.name / "predictions/test.csv") for member in dealt]
    lost = [path for _, path in paths if not path.exists()]
    if len(lost) == len(paths):
        return
    if lost:
        raise RunError(f"{lost[0]} is missing. Remove {lost[0].parents[1]}, and the same command makes it anew.")
    for member, path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            read = csv.reader(file)
            head = next(read)
            place = head.index("row") if "row" in head else 0
            lines += [(int(line[place]), [member.name, *line]) for line in read]
    lines.sort(key=lambda pair: pair[0])
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["fold", *head])
    writer.writerows(line for _, line in lines)
    folder.write_text(OUT_OF_FOLD, written.getvalue())

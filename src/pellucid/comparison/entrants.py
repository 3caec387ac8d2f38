"""Who is compared: runs as they lie on the disk, and whether they judged the same rows."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.data.split import read_rows
from pellucid.errors import PellucidError, RunError
from pellucid.evaluation import kept
from pellucid.evaluation.kept import NET, Scores
from pellucid.rundir import read_json

CROSSVAL = "results/crossval.json"
PLANNED = "crossval.json"
"""Of a cross-validation from its first moment; the other one says what it came to."""


@dataclass(frozen=True)
class Entrant:
    """One run's net, or a baseline beside it, on one part.

    Attributes:
        name: what it is called among the others: the run's path, or the baseline's name.
        run: its folder.
        scores: of the units judged, by name.
        rows: what the units are, `[units]`, where they are rows.
        clusters: which of them belong together, `[units]`.
        unit: "row", "window", "episode".
        result: results/PART.json.
        split: split.json.
    """

    name: str
    run: Path
    scores: Scores
    rows: NDArray[np.int64] | None
    clusters: NDArray[np.int64] | None
    unit: str
    result: Mapping[str, Any]
    split: Mapping[str, Any]


def check(runs: Sequence[Path]) -> None:
    """Refuse what is no run, and a run that is given twice."""
    seen: dict[Path, Path] = {}
    for run in runs:
        if (run / "seeds.json").is_file():
            raise RunError(
                f"{run} holds several runs of one recipe, and compare takes single runs or folders of crossval. "
                f"Compare one of them ({run}/seed-0), or cross-validate both recipes: pellucid crossval RECIPE."
            )
        if not is_crossval(run):
            rundir.check(run)
            if (run / PLANNED).is_file():
                raise RunError(
                    f"{run} is a cross-validation that has not ended. Go on with it: pellucid crossval --resume "
                    f"{shlex.quote(str(run))}"
                )
        if run.resolve() in seen:
            raise PellucidError(f"{run} is given twice. A run is not better than itself: name another one.")
        seen[run.resolve()] = run
    of_folds = [run for run in runs if is_crossval(run)]
    if of_folds and len(of_folds) < len(runs):
        other = next(run for run in runs if run not in of_folds)
        raise RunError(
            f"{of_folds[0]} is a cross-validation and {other} a single run: they judged different rows. Cross-validate "
            f"the other recipe too: pellucid crossval {shlex.quote(str(other / 'recipe.toml'))}"
        )


def is_crossval(run: Path) -> bool:
    """Whether a folder is that of a cross-validation."""
    return (run / CROSSVAL).is_file()


def read(run: Path, part: str) -> tuple[Entrant, list[Entrant]]:
    """Return a run's net and its baselines, as they judged a part.

    Raises:
        RunError: the run has judged nothing yet; or the test part is asked for, and it is still sealed in this run.
    """
    if not (run / f"results/{part}.json").is_file():
        command = f"pellucid evaluate {shlex.quote(str(run))} --split test"
        if part == "test":
            raise RunError(
                f"The test part is still sealed in {run}, and compare opens no seal. Compare on validation; when the "
                f"choice is made, open it: {command}"
            )
        raise RunError(f"{run} has no result yet. Let it end: pellucid train --resume {shlex.quote(str(run))}")
    result, split = read_json(run / f"results/{part}.json", "metrics"), read_json(run / "split.json", "data_hash")
    if not result["metrics"]:
        raise RunError(f"{run} validated nothing (split.validation = 0), so there is nothing to compare it by.")
    found = kept.read(run / f"predictions/{part}-scores.safetensors")
    net, *others = (
        Entrant(name, run, scores, found.rows, found.clusters, found.unit, result, split)
        for name, scores in found.entrants.items()
    )
    assert net.name == NET
    return replace(net, name=str(run)), others


def same_rows(entrants: Sequence[Entrant], part: str, common: bool) -> tuple[list[Entrant], list[str]]:
    """Return the entrants on rows that all of them judged, and what is to be noted of that.

    Args:
        common: judge the rows that all have in common, where they do not all have the same.

    Raises:
        RunError: they are of different data, or did not judge the same rows; the message says how many they share.
    """
    first, notes = entrants[0], []
    for other in entrants[1:]:
        if other.split["data_hash"] != first.split["data_hash"]:
            raise RunError(
                f"{first.name} and {other.name} are not comparable: their data differ (hash "
                f"{first.split['data_hash'][:12]} against {other.split['data_hash'][:12]}), and so do the rows that "
                f"judge them. Train one recipe on the other's data."
            )
    ids = [_judged(entrant, part) for entrant in entrants]
    differing = [place for place, rows in enumerate(ids) if not np.array_equal(rows, ids[0])]
    if differing:
        shared = ids[0]
        for rows in ids[1:]:
            shared = np.intersect1d(shared, rows)
        entrants = _on_common(entrants, ids, shared, differing[0], part, common)
        notes.append(
            f"Only the {len(shared):,} {first.unit}s that all of them judged are compared; "
            f"{', '.join(f'{e.name} judged {len(rows):,}' for e, rows in zip(entrants, ids, strict=True))}."
        )
    trained = [entrant for entrant in entrants[1:] if _training(entrant) != _training(first)]
    if trained:
        counts = ", ".join(
            f"{each.name} on {each.split['counts']['train']:,}" if "counts" in each.split else each.name
            for each in (first, *trained)
        )
        notes.append(
            f"They were not trained on the same rows ({counts}): a difference may be the rows' and not theirs."
        )
    return list(entrants), notes


def _judged(entrant: Entrant, part: str) -> NDArray[np.int64]:
    """The ids of what was judged; of windows, episodes and the like those of the part."""
    if entrant.rows is not None:
        return entrant.rows
    return read_rows(entrant.split["rows"][part]) if "rows" in entrant.split else np.array([], np.int64)


def _training(entrant: Entrant) -> Any:
    return entrant.split.get("rows", {}).get("train")


def _on_common(
    entrants: Sequence[Entrant],
    ids: Sequence[NDArray[np.int64]],
    shared: NDArray[np.int64],
    place: int,
    part: str,
    common: bool,
) -> list[Entrant]:
    """Take the shared rows of each, or say why not."""
    first, other = entrants[0], entrants[place]
    told = (
        f"{first.name} and {other.name} are not comparable: they judged different {part} {first.unit}s "
        f"({len(ids[0]):,} and {len(ids[place]):,}, {len(np.intersect1d(ids[0], ids[place])):,} of them the same). "
    )
    remedy = "Train both with the same [split] section of the recipe"
    if len(shared) < 2 or any(entrant.rows is None for entrant in entrants):
        raise RunError(f"{told}{remedy}.")
    if not common:
        raise RunError(f"{told}{remedy}, or compare the {len(shared):,} that all judged: --common.")
    return [_taken(entrant, np.flatnonzero(np.isin(rows, shared))) for entrant, rows in zip(entrants, ids, strict=True)]


def _taken(entrant: Entrant, places: NDArray[np.int64]) -> Entrant:
    """An entrant on some of its rows; scores of other units than rows are left out."""
    assert entrant.rows is not None
    num, clusters = len(entrant.rows), entrant.clusters
    return replace(
        entrant,
        rows=entrant.rows[places],
        clusters=clusters[places] if clusters is not None and len(clusters) == num else None,
        scores={
            name: replace(score, moments=score.moments[places])
            for name, score in entrant.scores.items()
            if len(score.moments) == num
        },
    )

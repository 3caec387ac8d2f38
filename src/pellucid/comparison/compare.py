"""Compare runs: are they comparable, how far are they apart, and is that more than chance.

T. Dietterich, "Approximate statistical tests for comparing supervised classification learning algorithms", Neural
Computation 10, 1998; J. Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006. Nothing
is trained, and no seal is opened: all that is needed lies in the run folders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from pellucid import rundir
from pellucid.comparison import entrants, folds, page, paired, sentences, settings
from pellucid.comparison.entrants import Entrant
from pellucid.comparison.folds import Folds
from pellucid.comparison.paired import Tested
from pellucid.errors import PellucidError, RunError, closest
from pellucid.evaluation.holm import holm
from pellucid.evaluation.intervals import with_intervals

T = TypeVar("T")
PARTS = ("validation", "test")
RESAMPLES = 1000
ALL_PAIRS = 4
"""So many runs are compared each with each; of more, each with the first."""
PAGE = Path("runs") / "compare.html"


def compare(
    runs: Sequence[Path],
    metric: str | None = None,
    part: str = "validation",
    common: bool = False,
    out: Path | None = None,
    report: bool = True,
) -> dict[str, Any]:
    """Return what the runs are to each other, as JSON types, and write it as a page.

    Args:
        runs: folders of runs or of cross-validations. Of a single run its net is compared with each of its baselines.
        metric: which score decides; the task's primary one by default.
        part: "validation", or "test" where all runs have opened it.
        common: compare the rows that all judged, where they judged different ones.
        out: the page; `runs/compare.html` by default.

    Raises:
        PellucidError: the runs cannot be compared; the message says what differs.
    """
    if part not in PARTS:
        raise PellucidError(f"split = {part!r}: expected validation or test.")
    if not runs:
        raise PellucidError("There is nothing to compare. Name two runs, or one to be compared with its baselines.")
    entrants.check(runs)
    if entrants.is_crossval(runs[0]):
        told = _by_folds([folds.read(run) for run in runs], metric)
    else:
        told = _by_rows(runs, metric, part, common)
    told["config"] = settings.differing(runs)
    told["sentences"] = [sentences.of(each, told) for each in told["comparisons"]]
    if report:
        path = out if out is not None else PAGE
        _make_folder(path)
        told["page"] = str(path)
        rundir.write_atomically(path, page.page(told, runs).encode())
    return told


def _by_rows(runs: Sequence[Path], metric: str | None, part: str, common: bool) -> dict[str, Any]:
    read = [entrants.read(run, part) for run in runs]
    nets = [net for net, _ in read]
    notes: list[str] = []
    if len(runs) == 1:
        net, baselines = read[0]
        if not baselines:
            raise RunError(
                f"{runs[0]} has no baselines to be compared with. Name another run, or train with "
                "evaluate.baselines=true."
            )
        judged = [net, *baselines]
    else:
        judged, notes = entrants.same_rows(nets, part, common)
    name = _metric(metric, [entrant.scores for entrant in judged[: len(runs)]], nets[0].result.get("primary"))
    judged = [entrant for entrant in judged if name in entrant.scores]  # a baseline may have no such score
    if len(judged) < 2:
        raise PellucidError(f"No baseline of {runs[0]} has the score {name}. Choose another --metric.")
    pairs = _pairs(judged, against_first=len(runs) == 1)
    tested = [_tested(a, b, name) for a, b in pairs]
    if len(runs) > 1:
        notes += _cautions(part, nets)
    return {
        "split": part,
        "metric": name,
        "better": judged[0].scores[name].better,
        "unit": judged[0].unit,
        "runs": [str(run) for run in runs],
        "scores": {entrant.name: _score(entrant, name) for entrant in judged},
        "comparable": {
            "units": len(judged[0].scores[name].moments),
            "same_split": len({entrant.split.get("hash") for entrant in judged}) == 1,
            "looks": {net.name: net.result.get("looks", 0) for net in nets},
            "notes": notes,
        },
        "comparisons": _told([(a.name, b.name) for a, b in pairs], tested, name),
    }


def _by_folds(read: Sequence[Folds], metric: str | None) -> dict[str, Any]:
    if len(read) < 2:
        raise PellucidError(
            f"{read[0].name} is one cross-validation: name another one. How its net stands against its baselines is in "
            f"its own report."
        )
    folds.check(read)
    name = _metric(metric, [each.scores for each in read], read[0].told["primary"])
    pairs = _pairs(read)
    tested = [
        paired.of_folds(a.scores[name], b.scores[name], a.test_to_train, folds.least_error(a, b, name))
        for a, b in pairs
    ]
    return {
        "split": "folds",
        "metric": name,
        "better": read[0].told["directions"][name],
        "unit": "fold",
        "runs": [str(each.run) for each in read],
        "scores": {each.name: _mean(each, name) for each in read},
        "comparable": {"units": len(read[0].hashes), "same_split": True, "looks": {}, "notes": []},
        "comparisons": _told([(a.name, b.name) for a, b in pairs], tested, name),
    }


def _score(entrant: Entrant, name: str) -> dict[str, Any]:
    """An entrant's score with its interval, on the rows that are compared."""
    return with_intervals({name: entrant.scores[name]}, RESAMPLES, clusters=entrant.clusters)[name]


def _mean(read: Folds, name: str) -> dict[str, Any]:
    """A mean over folds with its interval, as the cross-validation told it."""
    told: dict[str, Any] = {key: read.told["metrics"][name][key] for key in ("value", "low", "high", "n", "interval")}
    return told


def _tested(a: Entrant, b: Entrant, name: str) -> Tested:
    """The paired test of two entrants' scores."""
    first, second = a.scores[name], b.scores[name]
    if (first.kind, first.better) != (second.kind, second.better):
        raise RunError(f"{name} is not the same score in {a.name} and {b.name}. Evaluate both with one version.")
    if len(first.moments) != len(second.moments):
        raise RunError(
            f"{a.name} and {b.name} are not comparable by {name}: it was taken of {len(first.moments):,} and of "
            f"{len(second.moments):,} units, which are no pairs. Choose another --metric, or train both alike."
        )
    if len(first.moments) < 2:
        raise RunError(f"{a.name} judged one unit, and a test needs several. Give split.validation more rows.")
    clusters = a.clusters if a.clusters is not None and len(a.clusters) == len(first.moments) else None
    return paired.of_scores(first, second, clusters)


def _metric(wanted: str | None, scores: Sequence[Mapping[str, Any]], primary: str | None) -> str:
    """The score that decides, which all have."""
    shared = [name for name in scores[0] if all(name in each for each in scores)]
    if not shared:
        told = " and ".join(", ".join(each) for each in scores[:2])
        raise RunError(f"These runs have no score in common ({told}): they were asked different questions.")
    if wanted is None:
        return primary if primary in shared else shared[0]
    if wanted not in shared:
        having = any(wanted in each for each in scores)
        reason = "not all of these runs have it" if having else "there is no such score"
        raise PellucidError(f"metric = {wanted!r}: {reason}. {closest(wanted, shared)}")
    return wanted


def _pairs(judged: Sequence[T], against_first: bool = False) -> list[tuple[T, T]]:
    """Who is compared with whom: of few each with each, of many each with the first."""
    if against_first or len(judged) > ALL_PAIRS:
        return [(judged[0], other) for other in judged[1:]]
    return list(combinations(judged, 2))


def _told(names: Sequence[tuple[str, str]], tested: Sequence[Tested], metric: str) -> list[dict[str, Any]]:
    adjusted = holm([each.p for each in tested])
    return [
        {"a": a, "b": b, "metric": metric, **asdict(each), "p_holm": p}
        for (a, b), each, p in zip(names, tested, adjusted, strict=True)
    ]


def _cautions(part: str, nets: Sequence[Entrant]) -> list[str]:
    """What a paired test of single runs does not say."""
    notes = [
        "One run of each: p speaks of these nets on new data of the same kind. Whether the recipe is better, or its "
        "seed was lucky, is told by folds: pellucid crossval."
    ]
    if part == "validation":
        notes.append(
            "Each run chose its best weights by this validation, so its score is a little too kind; so is the best of "
            "many runs."
        )
    else:
        looks = max(net.result.get("looks_at_test", net.result.get("looks", 0)) for net in nets)
        notes.append(f"The test part has been opened {looks} time{'s' if looks != 1 else ''}; compare opens nothing.")
    return notes


def _make_folder(path: Path) -> None:
    if path.is_dir():
        raise PellucidError(f"{path} is a folder. Give the page's file: --out {path / 'compare.html'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PellucidError(f"{path} cannot be written: {error.strerror}.") from None

"""The commands that carry out many runs, or look at several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.asking import (
    Check,
    Data,
    Debug,
    Json,
    Model,
    RecipeArgument,
    Report,
    Settings,
    Target,
    asked,
    looked_at,
)
from pellucid.cli.outcome import Outcome, Stopped, answer


def crossval(
    recipe: RecipeArgument = None,
    settings: Settings = None,
    data: Data = None,
    target: Target = None,
    model: Model = None,
    folds: Annotated[
        int | None, typer.Option(metavar="K", help="Into how many folds the rows are dealt [default: 5].")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(metavar="R", help="How often they are dealt, each time anew [default: 1].")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="How often each fold is trained, from other weights [default: 1].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make [default: runs/NAME-crossval].", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with a cross-validation.", show_default=False)
    ] = None,
    artefacts: Annotated[bool, typer.Option("--artefacts", help="Keep each fold's artefact.")] = False,
    stack: Annotated[bool, typer.Option(help="Let folds learn in one pass where that pays.")] = True,
    check: Check = True,
    report: Report = True,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a recipe once per fold, and judge every row by a net that has not seen it."""
    from pellucid import studies
    from pellucid.errors import PellucidError
    from pellucid.training.interrupt import Interrupted

    chosen = asked(recipe, settings, data, target, model)
    if (chosen is None) == (resume is None):
        raise PellucidError("Give exactly one of: a recipe (`pellucid ls` lists them), --data PATH, --resume FOLDER.")
    if resume is not None and (settings or any(number is not None for number in (folds, repeats, seeds))):
        raise PellucidError("A resumed cross-validation keeps its own recipe and numbers: give --resume FOLDER alone.")
    try:
        if resume is not None:
            done = studies.resume_crossval(resume, artefacts=artefacts, report=report)
        else:
            done = studies.crossval(
                chosen,
                folds=5 if folds is None else folds,
                repeats=1 if repeats is None else repeats,
                seeds=1 if seeds is None else seeds,
                out=out,
                artefacts=artefacts,
                stack=stack,
                report=report,
                before=looked_at(chosen) if check else None,
            )
    except Interrupted as interruption:
        raise Stopped(str(interruption)) from None
    answer(Outcome.of_crossval(done.result, report=report), json)


def curve(
    recipe: RecipeArgument = None,
    settings: Settings = None,
    data: Data = None,
    target: Target = None,
    model: Model = None,
    sizes: Annotated[
        str, typer.Option(metavar="N|N,N,...", help="How many sizes up to all training rows, or the sizes.")
    ] = "5",
    draws: Annotated[int, typer.Option(metavar="R", help="How many subsets of each size.")] = 3,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the runs [default: runs/NAME-curve].", show_default=False)
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep every run's weights too.")] = False,
    check: Check = True,
    report: Report = True,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Score against training size: would more data help? Called again it goes on."""
    from pellucid import studies
    from pellucid.errors import PellucidError

    chosen = asked(recipe, settings, data, target, model)
    if chosen is None:
        raise PellucidError("Give a recipe (`pellucid ls` lists them), or --data PATH.")
    before = looked_at(chosen) if check else None
    try:
        made = studies.curve(chosen, sizes=_sizes(sizes), draws=draws, out=out, keep=keep, report=report, before=before)
    except KeyboardInterrupt:  # between two runs too
        raise Stopped("Interrupted; what was done is saved. The same command goes on with it.") from None
    answer(Outcome.of_curve(made.result, made.report if report else None), json)


def _sizes(given: str) -> int | list[int]:
    """A number of sizes, or the sizes with commas between them."""
    from pellucid.errors import PellucidError

    try:
        listed = [int(size) for size in given.split(",")]
    except ValueError:
        raise PellucidError(f"--sizes {given}: expected a number of sizes, 5, or sizes such as 100,300,1000.") from None
    return listed if "," in given else listed[0]


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN ...",
            help="Folders of runs, or of cross-validations. One run alone is compared with its baselines.",
            show_default=False,
        ),
    ],
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="The score that decides; the primary one by default.")
    ] = None,
    split: Annotated[str, typer.Option(help="validation, or test where every run has opened it.")] = "validation",
    common: Annotated[
        bool, typer.Option("--common", help="Compare the rows that all judged, where they judged different ones.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page; runs/compare.html by default.", show_default=False)
    ] = None,
    report: Report = True,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say whether a run is shown to be better than another: a paired test, its interval, what they differ in."""
    from pellucid import studies

    told = studies.compare(*runs, metric=metric, split=split, common=common, out=out, report=report)
    answer(Outcome.of_comparison(told), json)

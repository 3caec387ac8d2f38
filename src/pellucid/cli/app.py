"""The commands. Each says what it takes, calls one verb, and prints what came of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid.cli import many
from pellucid.cli.asking import (
    Check,
    Data,
    Debug,
    Json,
    Model,
    RecipeArgument,
    Report,
    RunArgument,
    Settings,
    Target,
    asked,
    looked_at,
)
from pellucid.cli.outcome import AGAIN, Outcome, Stopped, answer, run_safely

app = typer.Typer(
    name="pellucid",
    help="Deep learning that you can see through: train, evaluate honestly, look inside.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SETTING = "predict."
"""How a setting of `predict` begins; everything else is an input."""


@app.command()
def train(
    recipe: RecipeArgument = None,
    settings: Settings = None,
    data: Data = None,
    target: Target = None,
    model: Model = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder to make [default: runs/NAME].", show_default=False)
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Train with N seeds, in OUT/seed-0 and so on.", show_default=False),
    ] = None,
    stack: Annotated[bool, typer.Option("--stack", help="Let the seeds learn in one pass where that pays.")] = False,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a run.", show_default=False)] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="RUN/failures/step-N", help="Do a failed step again.", show_default=False)
    ] = None,
    check: Check = True,
    report: Report = True,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a recipe in a new run folder, or go on with one."""
    from pellucid import verbs
    from pellucid.errors import PellucidError, TrainingFailed
    from pellucid.training.interrupt import Interrupted

    chosen = asked(recipe, settings, data, target, model)
    if seeds is not None and chosen is None:
        raise PellucidError("--seeds goes with a recipe; given again, it goes on with those that were interrupted.")
    if stack and seeds is None:
        raise PellucidError("--stack goes with --seeds: one run has none to learn with.")
    if resume is not None and (chosen is not None or settings):
        raise PellucidError("A resumed run keeps its own recipe: give --resume RUN alone.")
    if sum(choice is not None for choice in (chosen, resume, replay)) != 1:
        raise PellucidError(
            "Give exactly one of: a recipe (`pellucid ls` lists them), --data PATH, --resume RUN, --replay FAILURE."
        )
    if replay is not None:
        raise TrainingFailed(verbs.replay(replay))
    before = looked_at(chosen) if chosen is not None and check else None
    try:
        if seeds is not None:
            runs = verbs.train(chosen, out=out, seeds=seeds, stack=stack, report=report, before=before)
            answer(Outcome.of_seeds(runs.result), json)
            return
        if resume is not None:
            run = verbs.resume(resume, report=report)
        else:
            run = verbs.train(chosen, out=out, report=report, before=before)
    except Interrupted as interruption:
        raise Stopped(AGAIN if seeds is not None else str(interruption)) from None
    answer(Outcome.of_run(run.folder, "validation", report=report), json)


@app.command()
def evaluate(
    run: RunArgument,
    split: Annotated[str, typer.Option(help="validation, or test, which opens the seal and counts it.")] = "validation",
    slices: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Judge the rows of each value of a column apart, and test it against the rest. Again for more.",
            show_default=False,
        ),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TRUE:PREDICTED=COST",
            help="What a mistake costs (1 where not said): decide by cost, and tell what it saves. Again for more.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Evaluate a run's artefact: scores with intervals, beside baselines."""
    from pellucid import verbs

    verbs.evaluate(run, split, slices=slices or (), costs=cost or ())
    answer(Outcome.of_run(run, split, report=True), json)


@app.command()
def predict(
    run: RunArgument,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT ... [predict.field=value ...]",
            help="Files of the kind that was learned from: pictures, sounds, texts, folders of them, tables, arrays; "
            "prompts of a language model. "
            "Left out: examples of its own. `pellucid show TASK` lists the fields.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict new inputs, sample, or play. A wrong input is named, and the rest goes on; the exit code is then 2."""
    from pellucid import verbs
    from pellucid.recipe import assignment

    given = [each for each in inputs or [] if not each.startswith(SETTING)]
    settings = dict(assignment(each) for each in inputs or [] if each.startswith(SETTING))
    if not given:
        print("No input was given, so these are examples of its own.", file=sys.stderr)
    predictions = verbs.predict(
        run, given or None, {name.removeprefix(SETTING): value for name, value in settings.items()}
    )
    answer(Outcome.of_predictions(predictions), json)
    if any("error" in prediction for prediction in predictions):
        raise typer.Exit(2)


app.command()(many.crossval)
app.command()(many.compare)
app.command()(many.curve)


@app.command()
def check(
    source: Annotated[
        str, typer.Argument(metavar="PATH|RECIPE|FILE.toml", help="What to look at.", show_default=False)
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="section.field=value ...", help="Changes to the recipe.", show_default=False),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The column to predict, or the piece of names that is the class.", show_default=False
        ),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Fail where anything is wrong or doubtful.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Look for what is wrong with data or a recipe before anything is trained."""
    from pellucid.preflight.check import check as look_at
    from pellucid.preflight.check import looked_at

    findings = look_at(source, settings or [], target=target)
    told = [] if findings else looked_at(source, settings or [], target)
    answer(Outcome.of_findings(findings, told), json)
    if strict and any(finding.weight != "note" for finding in findings):
        raise typer.Exit(1)


@app.command()
def ls(
    table: Annotated[
        str,
        typer.Argument(
            help="recipes, models, tasks, rules, sources, data, environments, optimizers, schedules, augmentations."
        ),
    ] = "recipes",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List a table of what there is."""
    from pellucid import listing

    answer(Outcome.of_rows(table, listing.ls(table)), json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name of any table.", show_default=False)],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show a recipe, model, task, rule, optimizer or data set in full."""
    from pellucid import listing

    answer(Outcome.of_entry(listing.show(name)), json)


@app.command()
def copy(
    recipe: Annotated[str, typer.Argument(help="A name of `pellucid ls`.", show_default=False)],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print a recipe as commented TOML: `pellucid copy digits > mine.toml`, change it, train it."""
    from pellucid import listing

    toml = listing.copy(recipe)
    answer(Outcome({"toml": toml}, toml.rstrip("\n")), json)


@app.command()
def cache(
    action: Annotated[str, typer.Argument(help="ls, or clear.")] = "ls",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what the cache holds (packed files, baselines, borrowed models), or clear it: all can be made again."""
    from pellucid import rundir
    from pellucid.errors import PellucidError

    folder = rundir.cache()
    if action not in ("ls", "clear"):
        raise PellucidError(f"pellucid cache {action}: expected ls or clear.")
    if action == "clear":
        removed = rundir.clear_cache()
        answer(Outcome({"folder": str(folder), "removed": removed}, f"{folder}: {removed / 1e6:,.1f} MB removed"), json)
        return
    rows = rundir.cached()
    text = "\n".join([f"{folder}{'' if rows else ' is empty'}", *(f"  {row['name']:<12}{row['line']}" for row in rows)])
    answer(Outcome({"folder": str(folder), "cache": rows}, text), json)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from pellucid import __version__

        print(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(run_safely(lambda: app(given, standalone_mode=False), given))

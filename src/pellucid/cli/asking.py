"""What the commands have in common: a recipe or data of one's own, settings, and how to answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid.errors import PellucidError

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON object as the last line of standard output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, as `train` printed it.", show_default=False)
]
RecipeArgument = Annotated[
    str | None,
    typer.Argument(metavar="RECIPE|FILE.toml", help="A name of `pellucid ls`, or a file.", show_default=False),
]
Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="section.field=value ...", help="Changes to the recipe.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="Data of your own, a file or a folder: a recipe is proposed.", show_default=False
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Of --data, the column to predict, or the piece of names that is the class.",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of --data, the model; by default a plain first choice.", show_default=False),
]
Check = Annotated[bool, typer.Option(help="Look at data of your own for what is wrong with it first.")]
Report = Annotated[bool, typer.Option(help="Write report.html at the end.")]


def asked(
    recipe: str | None, settings: list[str] | None, data: Path | None, target: str | None, model: str | None
) -> Any:
    """Return the recipe that a command names, or proposes for `--data`, with its settings; None where it names none."""
    from pellucid.verbs import recipe_of

    if data is not None:
        return _proposed(data, target, model, [*([recipe] if recipe else []), *(settings or [])])
    if target is not None or model is not None:
        raise PellucidError("--target and --model go with --data PATH.")
    if recipe is not None and "=" in recipe and not Path(recipe).exists():
        raise PellucidError(
            f"{recipe} is a setting, and goes after a recipe: pellucid train digits {recipe}. "
            "What is resumed keeps its own recipe."
        )
    return recipe_of(recipe, settings or []) if recipe is not None else None


def _proposed(data: Path, target: str | None, model: str | None, settings: list[str]) -> Any:
    """A recipe for data of one's own with the user's settings, shown as it will be carried out."""
    from pellucid.proposals import propose
    from pellucid.recipe import to_toml
    from pellucid.verbs import recipe_of

    made = propose(data, target, model, settings)
    recipe = recipe_of(made.recipe, settings)
    print("\n".join(made.because), to_toml(recipe), sep="\n\n", file=sys.stderr)
    return recipe


def looked_at(recipe: Any) -> Any:
    """Tell what is found in the user's own files, and return what tells of their split once it is drawn."""
    from pellucid.data.world import ARRAYS, is_own
    from pellucid.preflight.check import of_data, of_split

    if not is_own(recipe.data.source) or recipe.data.source == ARRAYS:
        return None
    found = of_data(recipe.data)
    print(*found, "Looked at the data before training; --no-check leaves that out.\n", sep="\n", file=sys.stderr)
    told = {(finding.kind, tuple(finding.rows)) for finding in found}

    def look(resolved: Any, parts: Any) -> None:
        for finding in of_split(parts, resolved):
            if (finding.kind, tuple(finding.rows)) not in told:
                told.add((finding.kind, tuple(finding.rows)))  # several seeds have one split
                print(finding, file=sys.stderr)

    return look

"""The page: what each section needs, gathered from the run's record, and written whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.reporting import (
    certainty,
    curves,
    exhibits,
    matrices,
    overlaps,
    pictures,
    provenance,
    record,
    reliability,
    scatter,
    scores,
    signals,
    style,
    words,
)
from pellucid.reporting.record import Record
from pellucid.reporting.style import Picture
from pellucid.rundir import write_atomically
from pellucid.tasks import TASKS

HERE = Path(__file__).parent
Figures = Mapping[str, list[Picture]]


def write(folder: Path) -> Path:
    """Write `report.html` and `figures/*.svg` of a run, from nothing but the files in its folder.

    The same files give the same bytes. The page needs no other file and no network.

    Returns:
        The path of the page.

    Raises:
        RunError: `folder` is not a run, or a file that every run has is missing or damaged.
    """
    told = record.read(folder)
    figures = draw(told)
    page = assemble(told, figures)
    (folder / "figures").mkdir(exist_ok=True)
    for section in figures.values():
        for figure in section:
            write_atomically(folder / "figures" / f"{figure.name}.svg", figure.svg.encode())
    write_atomically(folder / "report.html", page.encode())
    return folder / "report.html"


def draw(told: Record) -> Figures:
    """Draw every figure that the run has something to show in."""
    detailed = told.detailed or {}
    with style.house_style():
        return {
            "standing": scores.draw_standing(told),
            "learning": curves.draw_learning(told),
            "confusion": matrices.draw_confusion(detailed),
            "recall": scores.draw_recall(detailed),
            "reliability": reliability.draw(detailed),
            "overlaps": overlaps.draw(detailed),
            "labels": overlaps.draw_labels(detailed),
            "predicted": scatter.draw_predicted(told.predictions(detailed["split"]))
            if "target_names" in detailed
            else [],
            "signals": signals.draw(told),
            "exhibits": exhibits.draw(told),
            "inside": curves.draw_inside(told),
        }


def assemble(told: Record, figures: Figures) -> str:
    """Fill the template. Everything that comes from the user is escaped by it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters.update(
        metric=words.metric,
        in_full=words.metric_in_full,
        rounded=words.rounded,
        shape=words.shape,
        count=words.count,
        duration=words.duration,
    )
    return templates.get_template("page.html.jinja").render(
        css=(HERE / "page.css").read_text(encoding="utf-8"), run=told, figures=figures, **_sections(told, figures)
    )


def _sections(told: Record, figures: Figures) -> dict[str, Any]:
    main, detailed = told.main, told.detailed
    parts, classes = provenance.class_table(told)
    return {
        "learned": learned(told),
        "training": training(told),
        "every": scatter.stride(detailed["metrics"][detailed["primary"]]["n"]) if detailed else 1,
        "kindness": scores.kindness(told),
        "seal": provenance.seal(told),
        "headline": words.shown(main["metrics"][main["primary"]], main["primary"]) if main else None,
        "against": scores.against_baseline(main) if main else "",
        "verdict": told.account.get("verdict", []),
        "tables": [
            (part, *scores.table(result, told.split["counts"]["train"]))
            for part, result in reversed(list(told.results.items()))
        ],
        "intervals": {part: scores.how_intervals(result) for part, result in told.results.items()},
        "confused": matrices.most_confused(detailed) if detailed and "confusion" in detailed else [],
        "many_classes": bool(detailed and "confusion" in detailed and matrices.is_large(detailed)),
        "sure": certainty.told(told),
        "worst": pictures.worst(told, detailed) if detailed else None,
        "labels": overlaps.labels(detailed or {}),
        "parts": provenance.parts(told),
        "part_names": parts,
        "classes": classes,
        "disjoint": provenance.is_disjoint(told),
        "fitted": provenance.fitted(told),
        "signals": signals.standings(told),
        "exhibits": exhibits.shown(told, figures["exhibits"]),
        "unit": told.split.get("unit", "row"),
        "learned_unit": words.learned(told.split),
        "commands": provenance.commands(told),
        "environment": provenance.facts(
            told.environment, {"pellucid": "Pellucid", "python": "Python", "torch": "PyTorch", "numpy": "NumPy"}
        ),
        "execution": provenance.facts(told.execution, {}),
    }


_ROWS = {"sounds": "sound", "documents": "document", "series": "window"}
"""What a row of training is, by the kind of data."""


def learned(told: Record) -> str:
    """Say in one sentence what learned what from what."""
    model, data, counts = told.recipe["model"]["name"], told.recipe["data"], told.split["counts"]
    result = told.detailed or {}
    source = str(data.get("source", "data")).rpartition("/")[2]
    given = (told.layers or {}).get("input_shape", [])
    if data.get("kind") in _ROWS:  # what a model meets of them are spectrograms, tokens and channels
        rows = words.count(counts["train"], _ROWS[data["kind"]])
    elif len(given) == 3:
        rows = (
            words.count(counts["train"], "image")
            + f" of {given[1]}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{given[2]} pixels"
        )
    else:
        unit = told.split.get("unit", "row")
        rows = words.count(counts["train"], unit) if counts.get("train") else "what it met"
        rows += f" of {words.count(given[0], 'number')}" if len(given) == 1 and unit == "row" else ""
    task = told.recipe["task"]["name"]
    if task == "classify":
        num = len(next(iter((told.split.get("classes") or {}).values()), ())) or len(result.get("class_names", ()))
        asked = f"to tell {words.count(num, 'class')} apart" if num else "to classify"
    elif "label_names" in result:
        asked = f"to tell which of {words.count(len(result['label_names']), 'label')} a row has"
    elif "target_names" in result or task == "regress":
        asked = f"to predict {', '.join(result.get('target_names', ())) or 'a number'}"
    else:
        asked = TASKS[task].line if task in TASKS else task
    who = "Your own model" if model == "own" else f"The model {model}"
    return f"{who}, trained on {rows} ({source}){' ' if asked.startswith('to ') else ': '}{asked}."


def training(told: Record) -> str:
    """Say how long it was trained, and how to read its curves."""
    account, sentences = told.account, []
    if "steps" in account:
        took = f" in {words.duration(account['training_seconds'])}" if "training_seconds" in account else ""
        rate = f", {words.count(round(account.get('samples_per_second', 0)), words.learned(told.split))} a second"
        early = "; stopped early, as validation no longer became better" if account.get("stopped_early") else ""
        sentences.append(words.count(account["steps"], "step") + took + rate + early + ".")
    if len(told.trained) > curves.MOST_POINTS:
        sentences.append("A point of a training curve is the mean over some steps.")
    if told.best is not None:
        kept = "those weights were kept" if told.keeps_best else "but the weights kept are the last"
        sentences.append(f"The ring marks the best validation, at step {told.best['step']:,}: {kept}.")
    if told.best is not None and told.recipe["rule"]["name"] == "backpropagation":  # elsewhere the loss is no measure
        sentences.append("Where the training loss goes on falling while validation does not, the net learns by heart.")
    return " ".join(sentences)

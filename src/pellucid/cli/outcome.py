"""What a command prints: words for a person or one JSON object, and for a mistake one message and an exit code."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from pellucid.cli import tables
from pellucid.errors import PellucidError

# Typer keeps the click that it uses to itself; the class of all wrong usage is a parent of the one that it exports.
UsageError: Any = typer.BadParameter.__mro__[1]


@dataclass(frozen=True)
class Outcome:
    """The answer of a verb: as JSON types, and as text."""

    values: Mapping[str, Any]
    text: str

    @staticmethod
    def of_run(folder: Path, split: str, *, report: bool) -> Outcome:
        """The result of a part, and where the report is."""
        from pellucid.reporting import words
        from pellucid.rundir import read_json

        result = read_json(folder / f"results/{split}.json")
        lines = [_result(result), *tables.of_result(result, _columns), *_verdict(result.get("verdict", []))]
        if split == "validation":
            command = f"pellucid evaluate {shlex.quote(str(folder))} --split test"
            if result["looks"]:
                lines.append(f"The test part has been opened {words.times(result['looks'])}.")
            else:
                lines.append(f"The test part is sealed. Open it once, at the end: {command}")
            others = result.get("looks_at_test", 0) - result["looks"]
            if others > 0:
                lines.append(f"Other runs have looked at these test rows {words.times(others)}.")
        else:
            lines.append(words.look(result["looks"], result.get("looks_at_test", 0)))
        if report:
            lines.append(f"Report: {folder / 'report.html'}")
        return Outcome(result, "\n".join(lines))

    @staticmethod
    def of_seeds(told: Mapping[str, Any]) -> Outcome:
        """What several runs say together."""
        from pellucid.seeds.summary import as_text

        return Outcome(told, "\n".join([as_text(told), *_verdict(told.get("verdict", []))]))

    @staticmethod
    def of_crossval(told: Mapping[str, Any], *, report: bool) -> Outcome:
        """What the folds say together."""
        from pellucid.validation.tell import as_text

        lines = [as_text(told), *_verdict(told["verdict"], always=True)]
        if report:
            lines.append(f"Report: {told['run']}/report.html")
        return Outcome(told, "\n".join(lines))

    @staticmethod
    def of_curve(told: Mapping[str, Any], report: Path | None) -> Outcome:
        """The score against the size, and where the page is."""
        from pellucid.size_curve.summary import as_text

        return Outcome(told, as_text(told) + (f"\nReport: {report}" if report else ""))

    @staticmethod
    def of_comparison(told: Mapping[str, Any]) -> Outcome:
        """What runs are to each other."""
        from pellucid.comparison.sentences import as_text

        return Outcome(told, as_text(told))

    @staticmethod
    def of_predictions(predictions: Sequence[Mapping[str, Any]]) -> Outcome:
        """One line per input."""
        lines, noted = [], ("", "")
        for answer in predictions:
            if "error" in answer:
                lines.append(f"{answer['input']}: ERROR: {answer['error']}")
                continue
            said = "  ".join(_said(value) for key, value in answer.items() if key.startswith("prediction"))
            if not said:  # an answer of another kind: everything that it says
                said = "  ".join(f"{key} {_said(v)}" for key, v in answer.items() if key not in ("input", "note"))
            elif "file" in answer:
                said += f"  {answer['file']}"
            share = answer.get("probabilities", {}).get(str(answer.get("prediction")))
            sure = f"  ({share:.1%})" if share is not None else ""
            sure += "".join(tables.held(key, value) for key, value in answer.items())
            source, _, row = str(answer["input"]).rpartition(":")
            note = (source if row.isdecimal() else "", answer.get("note", ""))
            repeated = note[0] and note == noted  # what is noted of a whole table stands beside its first row
            lines.append(f"{answer['input']}: {said}{sure}{'  ' + note[1] if note[1] and not repeated else ''}")
            noted = note
        return Outcome({"predictions": list(predictions)}, "\n".join(lines))

    @staticmethod
    def of_findings(findings: Sequence[Any], looked_at: Sequence[str] = ()) -> Outcome:
        """What a check found, a line each; where that is nothing, what was looked at."""
        counts = {
            weight: sum(finding.weight == weight for finding in findings) for weight in ("wrong", "doubtful", "note")
        }
        lines = [str(finding) for finding in findings]
        lines.append(
            "  ".join(f"{weight} {count}" for weight, count in counts.items())
            if findings
            else "\n".join([*looked_at, "Nothing is wrong."])
        )
        return Outcome({"findings": [finding.to_dict() for finding in findings]}, "\n".join(lines))

    @staticmethod
    def of_rows(table: str, rows: Sequence[Mapping[str, Any]]) -> Outcome:
        """A table, one line per row."""
        width = max(len(row["name"]) for row in rows)
        lines = [f"{row['name']:<{width}}  {row['line']}" for row in rows]
        return Outcome({table: list(rows)}, "\n".join(lines))

    @staticmethod
    def of_entry(shown: Mapping[str, Any]) -> Outcome:
        """An entry in full."""
        lines = [f"{shown['name']}: {shown['line']}"]
        if shown["paper"]:
            lines.append(f"{shown['paper']}, {shown['year']}")
        for field, about in shown.get("fields", {}).items():
            lines.append(f"\n  {field} = {about['default']!r}\n      {about['meaning']}")
        if "recipe" in shown:
            lines.append(f"\npellucid copy {shown['name']}   prints it as a file to change")
        if "spec" in shown:
            lines.append(json.dumps(shown["spec"], indent=1))
        if "layers" in shown:
            lines += ["", _layers(shown)]
        return Outcome(shown, "\n".join(lines))


def _said(value: Any) -> str:
    """A part of an answer: a number with six digits, numbers by name with three, the rest as it is."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {v:.3g}" if isinstance(v, float) else f"{name} {v}" for name, v in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _layers(shown: Mapping[str, Any]) -> str:
    rows = [("layer", "kind", "output", "parameters", "multiply-adds")]
    for layer in shown["layers"]:
        shape = " x ".join(map(str, layer["output_shape"]))
        rows.append((layer["name"], layer["kind"], shape, f"{layer['parameters']:,}", f"{layer['multiply_adds']:,}"))
    rows.append(("total", "", "", f"{shown['parameters']:,}", f"{shown['multiply_adds']:,}"))
    return f"As built for {shown['data']}, input {' x '.join(map(str, shown['input_shape']))}:\n" + _columns(
        rows, right=(3, 4)
    )


def _result(result: Mapping[str, Any]) -> str:
    """The scores of a part beside its baselines."""
    from pellucid.reporting import words

    head = f"{result['run']}: {result['split']}, {result['steps']:,} steps, {result['samples_per_second']:,.0f} rows/s"
    if not result["metrics"]:
        return f"{head}\nNothing was validated: the recipe's split.validation is 0."
    baselines = result["baselines"]
    rows = [("", "net", "95 % interval", *(name.replace("_", " ") for name in baselines))]
    for name, score in result["metrics"].items():
        beside = [f"{baselines[other][name]['value']:.4g}" if name in baselines[other] else "" for other in baselines]
        rows.append((name, f"{score['value']:.4g}", f"{score['low']:.4g} to {score['high']:.4g}", *beside))
    n, unit = next(iter(result["metrics"].values()))["n"], result.get("unit", "row")
    return f"{head}, {words.count(n, unit)} judged\n{_columns(rows, right=range(1, len(rows[0])))}"


def _verdict(findings: Sequence[Mapping[str, Any]], always: bool = False) -> list[str]:
    """What ails it, a sentence or two each, and below it the next experiment.

    Args:
        always: where nothing ails it too; of a run the line on the sealed part says what is next then.
    """
    lines = []
    for finding in findings:
        lines.append(finding["message"])
        if always or finding["kind"] != "fits":
            lines.append(f"  Next: {finding['next']}")
    return lines


def _columns(rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(w) if column in right else cell.ljust(w)
            for column, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


AGAIN = "Interrupted; what was done is saved. The same command goes on with it."


class Stopped(PellucidError):
    """A run was interrupted, and its message says how to go on. (Typer would drop a KeyboardInterrupt's message.)"""

    kind = "interrupted"
    exit_code = 130


def answer(outcome: Outcome, as_json: bool) -> None:
    """Print an outcome: the text on standard output, or on standard error with the JSON on standard output."""
    if as_json:
        print(outcome.text, file=sys.stderr)
        print(json.dumps(outcome.values, allow_nan=False, default=str), flush=True)
    else:
        print(outcome.text, flush=True)


def run_safely(command: Callable[[], Any], arguments: Sequence[str]) -> int:
    """Run a command and return its exit code: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted."""
    try:
        code = command()
        if code == 130:  # Typer made an exit of a Ctrl-C that came outside a run
            return _fail("interrupted", "Interrupted.", 130, arguments)
        return code if isinstance(code, int) else 0
    except UsageError as error:
        return _fail("usage", f"{error.format_message().rstrip('.')}. See pellucid --help.", 2, arguments)
    except PellucidError as error:
        return _fail(error.kind, str(error), error.exit_code, arguments, error)
    except KeyboardInterrupt:
        return _fail("interrupted", "Interrupted.", 130, arguments)
    except BrokenPipeError:
        sys.stderr.close()  # the reader left; there is nobody to tell
        return 0
    except Exception as error:  # a mistake of ours: said as such, never shown as the user's
        message = f"Pellucid failed: {type(error).__name__}: {error}\nThis is a bug; --debug shows where."
        return _fail("bug", message, 1, arguments, error)


def _fail(kind: str, message: str, code: int, arguments: Sequence[str], error: Exception | None = None) -> int:
    if error is not None and "--debug" in arguments:
        import traceback

        traceback.print_exception(error)
    print(message, file=sys.stderr)
    if "--json" in arguments:
        print(json.dumps({"error": {"kind": kind, "message": message}}), flush=True)
    return code

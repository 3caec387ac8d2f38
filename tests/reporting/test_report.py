"""The report: every section, in any circumstance, from the files of the run alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pellucid import reporting
from pellucid.errors import RunError
from tests.reporting.samples import edit, with_classes, with_colour

SECTIONS = (
    *("result", "verdict", "scores", "learning", "certainty", "mistakes", "inside", "network", "data", "recipe"),
    "commands",
)


def page_of(folder: Path) -> str:
    page = reporting.write(folder)
    assert page == folder / "report.html"
    text = page.read_text(encoding="utf-8")
    assert_sound(folder, text)
    return text


def assert_sound(folder: Path, page: str) -> None:
    """What holds of every page: it fetches nothing, its figures are XML, and no number is missing."""
    assert not re.search(r"https?://", page)
    for target in re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page):
        assert target.startswith(("#", "data:image/png;base64,"))
    assert "<script" not in page
    assert "@import" not in page
    assert set(re.findall(r"url\(([^)]*)", page)) <= {f"#{name}" for name in re.findall(r'id="([^"]*)"', page)}
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b|Undefined", page)
    figures = sorted((folder / "figures").glob("*.svg"))
    assert figures
    for figure in figures:
        text = figure.read_text(encoding="utf-8")
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "nan" not in re.sub(r"base64,[^\"]*", "", text).lower().split()
    identifiers = re.findall(r'<(?:clipPath|path|section|header) id="([^"]*)"', page)
    assert len(identifiers) == len(set(identifiers))


def sections_of(page: str) -> list[str]:
    return re.findall(r'<(?:section|header) id="([^"]*)"', page)


def test_classification_has_every_section(digits: Path) -> None:
    page = page_of(digits)
    assert set(sections_of(page)) == {*SECTIONS, "confusion", "slices"}
    result = json.loads((digits / "results/validation.json").read_text())
    value = result["metrics"]["accuracy"]["value"]
    assert f"{100 * value:.1f}<small> %" in page
    assert "The test part was opened 0 times" in page
    assert "No row is in two parts." in page
    assert "yes, by their hash" in page
    assert "nearest neighbours" in page
    assert f"pellucid train --resume {digits}" in page
    assert page.count("data:image/png;base64,") == len(result["worst"])


def test_regression_has_every_section(diabetes: Path) -> None:
    page = page_of(diabetes)
    assert set(sections_of(page)) == {*SECTIONS, "predicted"}
    assert "root mean squared error on test" in page
    assert "The test part was looked at 2 times" in page
    assert (diabetes / "figures/predicted.svg").exists()
    for name in ("age", "bmi", "off by"):
        assert f"<th>{name}</th>" in page


def test_the_same_files_give_the_same_bytes(digits: Path, diabetes: Path) -> None:
    for folder in (digits, diabetes):
        kept = [*(folder / "figures").glob("*.svg"), reporting.write(folder)]
        before = {path: path.read_bytes() for path in kept}
        again = [
            sys.executable,
            "-c",
            f"from pathlib import Path; from pellucid import reporting; reporting.write(Path({str(folder)!r}))",
        ]
        subprocess.run(again, check=True)
        assert {path: path.read_bytes() for path in kept} == before


def test_names_of_the_user_are_escaped(digits: Path) -> None:
    hostile = [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "$x^2$",
        "{{ 7 * 7 }}",
        "a\x00\x1b b",
        "日本語",
    ]
    with_classes(digits, hostile)
    page = page_of(digits)
    assert "&lt;script&gt;" in page
    assert "<img src=x" not in page
    assert "{{ 7 * 7 }}" in page


@pytest.mark.parametrize("num", [2, 3, 13, 20, 21, 100, 450])
def test_any_number_of_classes(digits: Path, num: int) -> None:
    with_classes(digits, [f"class {number}" for number in range(num)])
    page = page_of(digits)
    assert "confusion" in sections_of(page)
    assert ("Most often confused" in page) == (num > 20)
    assert (digits / "figures/confusion.svg").exists() == (num <= 400)


def test_pictures_in_colour(digits: Path) -> None:
    assert page_of(with_colour(digits)).count("data:image/png;base64,")


@pytest.mark.parametrize(
    ("missing", "section"),
    [("layers.json", "network"), ("predictions/validation-worst.safetensors", ""), ("predictions/validation.csv", "")],
)
def test_optional_files_may_be_missing(digits: Path, missing: str, section: str) -> None:
    (digits / missing).unlink()
    assert section not in sections_of(page_of(digits))


def test_a_run_without_held_out_rows(digits: Path) -> None:
    shutil.rmtree(digits / "results")
    edit(digits / "split.json", lambda split: split["counts"].update(validation=0, test=0))
    page = page_of(digits)
    assert "No rows were put aside" in page
    assert "There is no test part" in page
    assert set(sections_of(page)) >= {"learning", "network", "data", "commands"}


def test_only_a_test_result(diabetes: Path) -> None:
    (diabetes / "results/validation.json").unlink()
    page = page_of(diabetes)
    assert "On test" in page
    assert "On validation" not in page


def test_a_run_of_one_step_and_scalars_of_its_own(digits: Path) -> None:
    line = json.loads((digits / "metrics.jsonl").read_text().splitlines()[0])
    lines = [{**line, "step": step, "epoch": None, "generator_loss": 1.0 / step} for step in (1, 2)]
    (digits / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    page_of(digits)
    assert (digits / "figures/train_generator_loss.svg").exists()
    (digits / "metrics.jsonl").write_text("")
    assert "learning" not in sections_of(page_of(digits))


def test_several_targets(diabetes: Path) -> None:
    table = (diabetes / "predictions/validation.csv").read_text().splitlines()
    rows = [line.split(",") for line in table[1:]]
    text = ["row,target_a b,prediction_a b,target_c,prediction_c", *(",".join([r, t, p, p, t]) for r, t, p in rows)]
    (diabetes / "predictions/validation.csv").write_text("\n".join(text))

    def change(result: dict[str, Any]) -> None:
        for mistake in result["worst"]:
            target, prediction = mistake.pop("target"), mistake.pop("prediction")
            mistake |= {"target_a b": target, "prediction_a b": prediction, "target_c": 1.5, "prediction_c": 2.5}

    edit(diabetes / "results/validation.json", change)
    page = page_of(diabetes)
    assert "<th>predicted a b</th>" in page
    assert (diabetes / "figures/residuals_a_b.svg").exists()


def test_a_leak_is_told(digits: Path) -> None:
    def leak(preprocessing: dict[str, Any]) -> None:
        preprocessing["steps"][0]["fitted_on"]["hash"] = "0" * 64

    edit(digits / "artefact/preprocessing.json", leak)
    edit(digits / "split.json", lambda split: split["rows"]["test"].append(split["rows"]["train"][0]))
    page = page_of(digits)
    assert "no: the scores cannot be trusted" in page
    assert "Some rows are in two parts" in page


@pytest.mark.parametrize(
    "missing", ["recipe.toml", "environment.json", "execution.json", "split.json", "metrics.jsonl"]
)
def test_not_a_run(digits: Path, missing: str) -> None:
    (digits / missing).unlink()
    with pytest.raises(RunError, match=re.escape(missing)):
        reporting.write(digits)
    assert not (digits / "report.html").exists()


def test_a_damaged_recipe(digits: Path) -> None:
    (digits / "recipe.toml").write_text("= 3")
    with pytest.raises(RunError, match="damaged"):
        reporting.write(digits)


def test_the_users_own_style_does_not_matter(digits: Path) -> None:
    import matplotlib as mpl

    before = reporting.write(digits).read_bytes()
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
        assert reporting.write(digits).read_bytes() == before
        assert mpl.rcParams["font.size"] == 30


def test_importing_it_is_light() -> None:
    code = "import sys, pellucid.reporting; print(*{'torch', 'matplotlib', 'jinja2', 'polars'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_writing_it_loads_no_torch(digits: Path) -> None:
    code = f"import sys, pathlib, pellucid.reporting as room; room.write(pathlib.Path({str(digits)!r}))"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]

"""The import rule: a file imports only from rows below its own, and a model never imports a model."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pellucid

ROWS = (
    ("errors", "spec", "exhibit", "catalogue", "recipe", "rundir", "ledger"),
    ("nn", "data", "optim", "randomness", "execution", "capture", "checkpoint", "recipes"),
    ("environments",),
    ("models", "tasks"),
    ("rules", "sources"),
    ("evaluation", "inspection"),
    ("verdict",),
    ("training", "artefacts", "reporting"),
    ("provision", "proposals", "records", "refusals"),
    ("experiment",),
    ("members",),
    ("stacking",),
    ("seeds", "validation", "size_curve", "comparison"),
    ("verbs", "listing"),
    ("studies",),
    ("preflight",),
    ("cli",),
    ("__main__",),
)
ROW_OF = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
ROOT = Path(pellucid.__file__).parent


def imports(path: Path) -> set[str]:
    """The dotted names of Pellucid's modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return {name for name in found if name.startswith("pellucid.")}


def files() -> list[tuple[str, Path]]:
    """Every file with the room that it belongs to."""
    paths = [path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"]
    return [(path.relative_to(ROOT).parts[0].removesuffix(".py"), path) for path in paths]


def test_every_room_has_a_row() -> None:
    assert {room for room, _ in files()} == set(ROW_OF)


def test_the_design_shows_these_rows() -> None:
    page = (Path(__file__).parent.parent / "docs/design.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| (\d+) \| `([^`]+)` \|", page, re.MULTILINE)
    rows = {int(number): {room.rstrip("/") for room in rooms.split()} for number, rooms in shown}
    assert rows == {row: set(rooms) for row, rooms in enumerate(ROWS) if rooms != ("__main__",)}


def test_imports_go_down() -> None:
    wrong = []
    for room, path in files():
        for name in imports(path):
            other = name.split(".")[1]
            if other == room or other.startswith("__"):
                continue
            # The words of row 0 may use one another; nothing else may look sideways.
            if ROW_OF[other] > ROW_OF[room] or (ROW_OF[other] == ROW_OF[room] != 0):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_no_model_imports_a_model() -> None:
    wrong = [
        f"{path.name} imports {name}"
        for path in (ROOT / "models").glob("[a-z]*.py")
        for name in imports(path)
        if name.startswith("pellucid.models.")
    ]
    assert wrong == []

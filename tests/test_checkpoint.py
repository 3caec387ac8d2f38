"""Checkpoints: what goes in comes out, damage is noticed, the one before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid import checkpoint
from pellucid.errors import RunError


def state(step: int) -> dict[str, Any]:
    random = torch.Generator().manual_seed(step)
    return {
        "model": {"layer.weight": torch.randn(3, 4, generator=random), "counts": torch.tensor([1, 2])},
        "rule": {
            "update": {"steps": step, "moments": {"first": torch.randn(5, generator=random), "scores": [0.1, 0.2]}}
        },
        "source": {"step": step, "text": "ü", "nothing": None},
        "empty": {},
    }


def best(step: int) -> dict[str, Tensor]:
    return {"layer.weight": torch.full((2,), float(step))}


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    if isinstance(tree, dict) and tree:
        return {k: v for name, below in tree.items() for k, v in flat(below, f"{path}/{name}").items()}
    return {path: tree.tolist() if isinstance(tree, Tensor) else tree}


def write(folder: Path, *steps: int) -> None:
    for step in steps:
        checkpoint.save(folder, step, state(step), best(step), step)


def restored(folder: Path) -> tuple[checkpoint.Checkpoint | None, list[str]]:
    said: list[str] = []
    return checkpoint.restore(folder, said.append), said


def test_round_trip() -> None:
    write(Path("c"), 7)
    found, said = restored(Path("c"))
    assert found is not None
    assert (found.step, said) == (7, [])
    assert flat(found.state) == flat(state(7))
    assert found.best is not None
    assert found.best["layer.weight"].tolist() == [7.0, 7.0]


def test_nothing_yet() -> None:
    assert restored(Path("c")) == (None, [])


def test_the_last_two_and_their_best_are_kept() -> None:
    folder = Path("c")
    for step in (1, 2, 3, 4):
        checkpoint.save(folder, step, state(step), best(min(step, 2)), min(step, 2))
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "best-000000002.safetensors",
        "step-000000003.json",
        "step-000000003.safetensors",
        "step-000000004.json",
        "step-000000004.safetensors",
    ]


@pytest.mark.parametrize("victim", ["step-000000002.safetensors", "step-000000002.json", "best-000000002.safetensors"])
@pytest.mark.parametrize("harm", ["truncate", "alter", "remove", "empty"])
def test_a_damaged_checkpoint_is_said_and_the_one_before_used(victim: str, harm: str) -> None:
    folder = Path("c")
    write(folder, 1, 2)
    path = folder / victim
    content = path.read_bytes()
    if harm == "remove":
        path.unlink()
    else:
        middle = len(content) // 2
        altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes({"truncate": content[:-9], "alter": altered, "empty": b""}[harm])
    found, said = restored(folder)
    assert found is not None
    assert found.step == 1
    assert flat(found.state) == flat(state(1))
    if (victim, harm) == ("step-000000002.json", "remove"):
        assert said == []  # never committed, as after a kill between the files
    else:
        assert len(said) == 1
        assert "step-000000002.json is damaged" in said[0]
        assert "the one of step 1 is used instead" in said[0]


def test_a_damaged_best_file_is_written_again() -> None:
    """After falling back and training to the same best step again, the damaged bytes must not be taken for good."""
    folder = Path("c")
    checkpoint.save(folder, 1, state(1), best(1), 1)
    checkpoint.save(folder, 2, state(2), best(2), 2)
    damaged = folder / "best-000000002.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-4] + b"oops")
    found, _ = restored(folder)
    assert found is not None
    assert found.step == 1
    checkpoint.save(folder, 2, state(2), best(2), 2)
    again, said = restored(folder)
    assert again is not None
    assert again.best is not None
    assert (again.step, again.best["layer.weight"].tolist(), said) == (2, [2.0, 2.0], [])


def test_sequences_of_tensors_are_kept() -> None:
    """A recurrent model's carried state is a tuple of tensors."""
    carry = (torch.ones(2), [torch.zeros(3), torch.full((1,), 2.0)])
    checkpoint.save(Path("c"), 1, {"rule": {"carry": carry, "none": None, "numbers": [1, 2]}}, None, None)
    found, _ = restored(Path("c"))
    assert found is not None
    kept = found.state["rule"]["carry"]
    assert isinstance(kept, tuple)
    assert torch.equal(kept[0], carry[0])
    assert [tensor.tolist() for tensor in kept[1]] == [[0.0, 0.0, 0.0], [2.0]]
    assert found.state["rule"]["numbers"] == [1, 2]


def test_all_damaged_is_an_error() -> None:
    folder = Path("c")
    write(folder, 1, 2)
    for path in folder.glob("*.json"):
        path.write_text("{}")
    with pytest.raises(RunError, match=r"No checkpoint in c is whole: .* --resume . starts over"):
        restored(folder)


def test_same_state_same_bytes() -> None:
    write(Path("a"), 3)
    write(Path("b"), 3)
    for path in Path("a").iterdir():
        assert path.read_bytes() == (Path("b") / path.name).read_bytes()


def test_no_pickle() -> None:
    write(Path("c"), 1)
    assert {path.suffix for path in Path("c").iterdir()} == {".json", ".safetensors"}

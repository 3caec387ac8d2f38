"""No illness is missed, and none is found where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.verdict import VERDICTS
from tests.verdict.cases import HEALTHY, ILL


def kinds(result: dict[str, object]) -> list[str]:
    found = result["verdict"]
    assert isinstance(found, list)
    for finding in found:
        assert finding["message"]
        assert finding["next"]
        assert all(isinstance(number, float) for number in finding["evidence"].values())
    return [finding["kind"] for finding in found]


def test_every_illness_of_one_run_has_three_runs_at_least() -> None:
    assert set(ILL) == set(VERDICTS)
    assert all(len(cases) >= 3 for cases in ILL.values())
    assert len(HEALTHY) >= 10


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, cases in ILL.items() for name in cases])
def test_an_illness_is_found(kind: str, name: str, tmp_path: Path) -> None:
    assert kind in kinds(ILL[kind][name].train(tmp_path / "run").result())


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_fits(name: str, tmp_path: Path) -> None:
    result = HEALTHY[name].train(tmp_path / "run").result()
    assert kinds(result) == ["fits"], result["verdict"]

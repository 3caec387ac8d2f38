"""When a loss or a gradient is not finite: where it began, from which rows, and a command that shows it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from pellucid import checkpoint
from pellucid import recipe as recipes
from pellucid.data.batch import Batch
from pellucid.errors import RunError, TrainingFailed
from pellucid.optim.update import NonFinite
from pellucid.randomness import StepNoise
from pellucid.rules.rule import Rule
from pellucid.rundir import RunFolder, write_atomically


def record(
    folder: RunFolder,
    rule: Rule,
    batch: Batch,
    noise: StepNoise,
    step: int,
    state: Mapping[str, Any],
    error: NonFinite,
    recent: Iterable[tuple[int, Mapping[str, Tensor | float], list[float]]],
) -> TrainingFailed:
    """Keep the batch and the weights before the step, look for the first culprit, and return the error to raise.

    Args:
        recent: the steps before: number, scalars, learning rates.
    """
    place = folder / "failures" / f"step-{step + 1:09d}"
    place.mkdir(parents=True, exist_ok=True)
    checkpoint.save(place, step, state, None, None)
    tensors = {f"columns/{name}": tensor.cpu().contiguous() for name, tensor in batch.columns.items()}
    write_atomically(place / "batch.safetensors", save({**tensors, "rows": batch.rows}))
    cause = diagnose(rule, batch, noise, step)
    record = {
        "step": step + 1,
        "seed": noise.seed,
        "learning_rate": error.learning_rate,
        **cause,
        "rows": batch.rows.tolist(),
        "recent": [
            {"step": number, **{name: float(value) for name, value in scalars.items()}, **_rate(rates)}
            for number, scalars, rates in recent
        ],
    }
    write_atomically(place / "failure.json", json.dumps(record, indent=1).encode())
    folder.note("failed", step=step + 1, **cause)
    return TrainingFailed(_tell(record, place))


def replay(rule: Rule, place: Path) -> str:
    """Carry the failed step out again from what was kept, and tell what happens.

    Raises:
        RunError: `place` holds no failure.
    """
    if not (place / "failure.json").is_file():
        raise RunError(f"{place} holds no failed step. Give a folder RUN/failures/step-N.")
    failed = json.loads((place / "failure.json").read_text(encoding="utf-8"))
    kept = checkpoint.restore(place, lambda message: None)
    assert kept is not None
    rule.model.load_state_dict(kept.state["model"])
    rule.load_state_dict(kept.state["rule"])
    tensors = load_file(place / "batch.safetensors")
    columns = {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith("columns/")}
    cause = diagnose(rule, Batch(columns, tensors["rows"]), StepNoise(failed["seed"]), kept.step)
    return _tell(failed | cause, place)


@torch.no_grad()
def _culprit(name: str, output: Any, found: dict[str, Any]) -> None:
    if "layer" in found or not isinstance(output, Tensor) or not output.is_floating_point():
        return
    bad = ~torch.isfinite(output)
    if bad.any():
        found["layer"] = name
        found["rows"] = len(bad) if bad.ndim else 0
        found["places"] = bad.reshape(len(bad), -1).any(dim=1).nonzero()[:, 0].tolist() if bad.ndim else []


def diagnose(rule: Rule, batch: Batch, noise: StepNoise, step: int) -> dict[str, Any]:
    """Carry out a step while watching every layer's output; return the first one that is not finite.

    Returns:
        `"layer"` and `"where"` ("forward" or "gradient"; None and "nowhere" when all is finite), `"sample_rows"`
        (row ids whose values are not finite; all of the batch where that cannot be told apart), `"loss"` and
        `"gradient_norm"` as text, for JSON has no infinity.
    """
    found: dict[str, Any] = {}

    def watch(name: str) -> Any:
        return lambda module, inputs, output: _culprit(name, output, found)

    # A module's hook is called after those of the modules inside it: the first hit is the innermost.
    hooks = [
        module.register_forward_hook(watch(name or type(module).__name__))
        for name, module in rule.model.named_modules()
    ]
    noise.at(step)
    error: NonFinite | None = None
    try:
        rule.step(batch)
    except NonFinite as caught:
        error = caught
    finally:
        for hook in hooks:
            hook.remove()
    where = "forward" if "layer" in found else "nowhere"
    if "layer" not in found and error is not None:
        # Forward was finite: the gradient flows from the last layer to the first, so the last parameter was hit first.
        order = {id(parameter): name for name, parameter in rule.model.named_parameters()}
        bad = {
            id(parameter)
            for update in rule.updates.values()
            if update.name == error.update
            for parameter, gradient in zip(update.flat.parameters, update.flat.gradients, strict=True)
            if not torch.isfinite(gradient).all()
        }
        hit = [name for parameter, name in order.items() if parameter in bad]
        found["layer"], where = (hit[-1], "gradient") if hit else (None, "loss")
    # A micro-batch's places are not the batch's.
    places = found["places"] if found.get("rows") == len(batch) else range(len(batch))
    return {
        "update": error.update if error else "",
        "layer": found.get("layer"),
        "where": where,
        "sample_rows": [int(batch.rows[place]) for place in places],
        "loss": str(error.loss if error else "finite"),
        "gradient_norm": str(error.gradient_norm if error else "finite"),
    }


def _rate(rates: list[float]) -> dict[str, float]:
    """The first update's learning rate; nothing where a rule has no update."""
    return {"learning_rate": rates[0]} if rates else {}


def _command(place: Path) -> str:
    """What shows a failed step again: a command, or a call where the run needs what only Python can give."""
    run = recipes.read(place.parent.parent / "recipe.toml")
    own = run.model["name"] == "own"
    if own:
        return f"pellucid.replay({str(place)!r}, model=YourModel())"
    return f"pellucid train --replay {place}"


def _tell(failed: Mapping[str, Any], place: Path) -> str:
    rows = failed["sample_rows"]
    shown = ", ".join(map(str, rows[:10])) + (f", ... ({len(rows)} rows)" if len(rows) > 10 else "")
    where = {
        "forward": f"the first layer whose output is not finite is {failed['layer']!r}",
        "gradient": f"the forward pass is finite; the first gradient that is not is that of {failed['layer']!r}",
        "loss": "every layer's output and gradient is finite, the loss alone is not",
        "nowhere": "carried out again, everything is finite",
    }[failed["where"]]
    recent = "\n".join(
        f"  step {line['step']}: loss {line.get('loss', 0):.4g}"
        + (f", learning rate {line['learning_rate']:.3g}" if "learning_rate" in line else "")
        + "".join(f", {name.replace('_', ' ')} {value:.4g}" for name, value in line.items() if "gradient_norm" in name)
        for line in failed["recent"]
    )
    owner = failed.get("update", "")
    told = f"rule.{owner}" if owner else "rule"
    others = " (and that of what it plays against)" if owner else ""
    return (
        f"Step {failed['step']} was stopped{f' at the update of the {owner}' if owner else ''}: "
        f"the loss is {failed['loss']}, "
        f"the gradient norm {failed['gradient_norm']}, "
        f"at learning rate {failed['learning_rate']:.3g}.\nWhere: {where}.\nRows: {shown}.\n"
        + (f"Before that:\n{recent}\n" if recent else "")
        + f"No weight was touched. See it again: {_command(place)}\n"
        f"Try a smaller {told}.optimizer.learning_rate{others}, {told}.clip=1.0 or a warm-up; look at these rows."
    )

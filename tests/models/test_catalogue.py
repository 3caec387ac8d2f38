"""Every row of the table keeps the contract of a model: one tensor in, one row of outputs each, and it can learn."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.catalogue import sentences
from pellucid.errors import PellucidError, RecipeError
from pellucid.models import MODELS, build
from pellucid.spec import Field, Spec

SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar10": (3, 32, 32)}

NO_OUTPUTS = {"rbm", "hopfield", "som", "dcgan", "actor_critic", "lstm", "gpt", "unet", "text_convnet"}
"""Models that give no number per class and are not learned by a gradient through them: see their own tests."""

SECTIONS: list[dict[str, Any]] = [
    *({"name": name} for name in MODELS if name not in NO_OUTPUTS),
    *({"name": "mlp", "activation": name} for name in ("sigmoid", "tanh", "leaky_relu", "elu", "gelu", "maxout")),
    {"name": "mlp", "activation": "softmax", "hidden": [64]},  # units that share one learn slowly when stacked
    *({"name": "mlp", "norm": name, "initialiser": "he"} for name in ("batch", "layer", "group")),
    *({"name": "convnet", "norm": name, "activation": "maxout"} for name in ("none", "batch", "layer", "group")),
    *({"name": name, "initialiser": "layer_sequential"} for name in ("mlp", "convnet")),
    {"name": "lenet5", "form": "1998"},
    {"name": "resnet", "depth": 8, "shortcut": "B"},
    {"name": "resnet", "depth": 8, "shortcut": "none"},
]


def example_spec(name: str) -> Spec:
    classes = tuple("0123456789")
    return Spec(Field("image", SHAPES[MODELS[name].example]), Field("category", categories=classes))


def example_batch(spec: Spec, rows: int = 16) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, *spec.input.shape, generator=generator), torch.arange(rows) % spec.num_outputs


def build_example(section: dict[str, Any], seed: int = 0) -> tuple[nn.Module, Tensor, Tensor]:
    spec = example_spec(section["name"])
    inputs, labels = example_batch(spec)
    return build(section, spec, seed=seed, sample=lambda: inputs), inputs, labels


@pytest.fixture(params=SECTIONS, ids=lambda section: "-".join(str(value) for value in section.values()))
def section(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def test_gives_one_row_of_outputs_per_input(section: dict[str, Any]) -> None:
    model, inputs, _ = build_example(section)
    outputs = model(inputs)
    assert outputs.shape == (16, 10)
    assert outputs.isfinite().all()


def test_gradient_reaches_every_parameter(section: dict[str, Any]) -> None:
    model, inputs, labels = build_example(section)
    names, parameters = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(F.cross_entropy(model(inputs), labels), parameters, allow_unused=True)
    unreached = [n for n, g in zip(names, gradients, strict=True) if g is None or not g.abs().sum() > 0]
    assert unreached == []


def test_a_tiny_batch_can_be_learned_by_heart(section: dict[str, Any]) -> None:
    model, inputs, labels = build_example(section)
    assert accuracy_after(model, inputs, labels, steps=200) == 1.0


def accuracy_after(model: nn.Module, inputs: Tensor, labels: Tensor, *, steps: int, rate: float = 1e-2) -> float:
    """Adam by hand: importing torch.optim would bring the compiler along, and no model needs it."""
    parameters = list(model.parameters())
    means, squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    for step in range(1, steps + 1):
        outputs = model(inputs)
        if outputs.argmax(1).eq(labels).all():
            return 1.0
        gradients = torch.autograd.grad(F.cross_entropy(outputs, labels), parameters)
        with torch.no_grad():
            for p, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
                mean.lerp_(gradient, 0.1)
                square.lerp_(gradient.square(), 0.01)
                p -= rate * (mean / (1 - 0.9**step)) / ((square / (1 - 0.99**step)).sqrt() + 1e-8)
    return outputs.argmax(1).eq(labels).double().mean().item()


def test_rows_do_not_meet_in_evaluation(section: dict[str, Any]) -> None:
    model, inputs, _ = build_example(section)
    model.eval()
    torch.testing.assert_close(model(inputs)[3:5], model(inputs[3:5]), rtol=1e-4, atol=1e-5)


def test_the_seed_decides_the_weights_and_nothing_else(section: dict[str, Any]) -> None:
    before = torch.get_rng_state()
    first, second, other = (build_example(section, seed)[0].state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)
    starts_at_zero = section["name"] in ("linear", "perceptron")
    assert starts_at_zero or any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_has_a_sentence(name: str) -> None:
    config = MODELS[name].config()
    assert set(config.model_fields) == set(sentences(config))


def test_the_table_needs_no_torch_and_the_models_no_compiler() -> None:
    script = f"""
        import sys
        from pellucid.models import MODELS, build
        assert "torch" not in sys.modules, "the table imports torch"
        from pellucid.spec import Field, Spec
        spec = Spec(Field("image", (3, 32, 32)), Field("category", categories=("a", "b")))
        import torch
        for name in set(MODELS) - {NO_OUTPUTS!r}:
            model = build({{"name": name}}, spec, seed=0)
            torch.autograd.grad(model(torch.zeros(2, 3, 32, 32)).sum(), list(model.parameters()))
        assert "torch._dynamo" not in sys.modules, "a model imports the compiler"
    """
    code = "\n".join(line.removeprefix(" " * 8) for line in script.splitlines())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_all_problems_of_a_section_are_told_at_once() -> None:
    section = {"name": "mlp", "hiden": [8], "dropout": 1.0, "activation": "relo"}
    with pytest.raises(RecipeError) as caught:
        build(section, example_spec("mlp"), seed=0)
    assert len(caught.value.problems) == 3
    text = str(caught.value)
    assert "model.hiden: there is no such field. Did you mean 'hidden'?" in text
    assert "model.dropout = 1.0: expected less than 1." in text
    assert "model.activation = 'relo': expected 'identity', 'sigmoid', 'tanh', 'relu'" in text


def test_an_unknown_model_answers_with_the_closest() -> None:
    with pytest.raises(RecipeError, match=r"model\.name: there is no 'lenet'\. Did you mean 'lenet5'"):
        build({"name": "lenet"}, example_spec("mlp"), seed=0)


def test_layer_sequential_asks_for_inputs() -> None:
    with pytest.raises(PellucidError, match=r"scales the weights on real inputs, but none were given\. Pass sample="):
        build({"name": "mlp", "initialiser": "layer_sequential"}, example_spec("mlp"), seed=0)


def test_layer_sequential_is_applied_by_build() -> None:
    model, inputs, _ = build_example({"name": "mlp", "initialiser": "layer_sequential"})
    assert model(inputs).var(correction=0).item() == pytest.approx(1, abs=1e-3)

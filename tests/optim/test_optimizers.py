"""Each optimizer draws the same path as torch.optim's, and the equations agree with the fused kernels."""

import pytest
import torch
import torch.nn.functional as F

from pellucid.catalogue import configure, sentences
from pellucid.errors import PellucidError
from pellucid.optim import OPTIMIZERS, adagrad, moments, sgd
from pellucid.optim.flat import FlatParameters

REFERENCES = {
    "sgd": (torch.optim.SGD, {}, {"momentum": 0.9}),
    "sgd plain": (torch.optim.SGD, {"momentum": 0.0}, {}),
    "sgd nesterov": (torch.optim.SGD, {"nesterov": True, "momentum": 0.8}, {"nesterov": True, "momentum": 0.8}),
    "adagrad": (torch.optim.Adagrad, {}, {}),
    "rmsprop": (torch.optim.RMSprop, {"learning_rate": 0.01}, {}),
    "adam": (torch.optim.Adam, {"learning_rate": 0.01}, {}),
    "adamw": (torch.optim.AdamW, {"learning_rate": 0.01, "beta2": 0.95}, {"betas": (0.9, 0.95)}),
}


@pytest.fixture(params=["fused", "equations"])
def kernels(request, monkeypatch):
    if request.param == "equations":
        for module in (sgd, adagrad, moments):
            monkeypatch.setattr(module, "has_fused", lambda name, device: False)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("case", REFERENCES)
@pytest.mark.usefixtures("kernels")
def test_same_path_as_torch(case, weight_decay, make_net, batches, fill):
    reference, fields, arguments = REFERENCES[case]
    name = case.split()[0]
    config = configure(OPTIMIZERS, {"name": name, "weight_decay": weight_decay, **fields}, "optimizer")
    model, other = make_net(), make_net()
    flat = FlatParameters(model)
    optimizer = OPTIMIZERS[name].load()(config, flat)
    theirs = reference(
        [
            {"params": [p for p in other.parameters() if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in other.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        **arguments,
    )
    for batch in batches:
        optimizer.step(config.learning_rate, fill(model, flat, batch))
        theirs.zero_grad()
        F.cross_entropy(other(batch[0]), batch[1]).backward()
        theirs.step()
    start = FlatParameters(make_net()).values
    assert (flat.values - start).abs().max() > 0.01
    assert torch.allclose(flat.values, FlatParameters(other).values, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_step_leaves_the_gradient_as_it_was(name, make_net, batches, fill):
    model = make_net()
    flat = FlatParameters(model)
    optimizer = OPTIMIZERS[name].load()(configure(OPTIMIZERS, {"name": name, "weight_decay": 0.1}, "optimizer"), flat)
    loss = fill(model, flat, batches[0])
    gradient = flat.gradient.clone()
    optimizer.step(0.1, loss)
    assert torch.equal(flat.gradient, gradient)


def test_nesterov_needs_momentum():
    with pytest.raises(PellucidError, match="expected momentum above 0 where nesterov = true"):
        configure(OPTIMIZERS, {"name": "sgd", "nesterov": True, "momentum": 0}, "optimizer")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_field_has_a_sentence_and_a_bound(name):
    config = OPTIMIZERS[name].config()
    assert {"learning_rate", "weight_decay"} <= set(config.model_fields)
    assert set(sentences(config)) == set(config.model_fields)
    for field, value in (("learning_rate", 0.0), ("learning_rate", float("inf")), ("weight_decay", -1.0)):
        with pytest.raises(PellucidError, match=rf"optimizer\.{field} = .*: expected"):
            configure(OPTIMIZERS, {"name": name, field: value}, "optimizer")

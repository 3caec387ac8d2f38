"""Muon: singular values near one, and the same path as a NumPy transcription of Jordan's post."""

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.catalogue import configure
from pellucid.errors import PellucidError
from pellucid.optim import OPTIMIZERS
from pellucid.optim.flat import FlatParameters
from pellucid.optim.muon import orthogonalise


def muon(flat, **fields):
    config = configure(OPTIMIZERS, {"name": "muon", **fields}, "optimizer")
    return config, OPTIMIZERS["muon"].load()(config, flat)


@pytest.mark.parametrize("shape", [(16, 16), (8, 40), (40, 8), (3, 8, 20)])
def test_singular_values_become_about_one(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    found = orthogonalise(matrices)
    kept = (u.mT @ found @ v.mT).diagonal(dim1=-2, dim2=-1)  # in the same singular vectors
    large = s > 0.05 * s.amax(-1, keepdim=True)
    assert large.float().mean() > 0.8
    assert kept[large].min() > 0.65
    assert kept[large].max() < 1.25
    assert torch.allclose(u @ kept.diag_embed() @ v, found, atol=1e-4)


def newton_schulz(g):
    """Jordan's `zeropower_via_newtonschulz5`, in NumPy and double precision."""
    x = g / np.linalg.norm(g)
    if g.shape[0] > g.shape[1]:
        x = x.T
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def test_same_path_as_the_post(make_net, batches, fill):
    model = make_net()
    flat = FlatParameters(model)
    config, optimizer = muon(flat, weight_decay=0.1)
    hidden = [flat.names.index(name) for name in ("4.weight", "6.weight")]
    outer = [place for place in range(len(flat.names)) if place not in hidden]
    with torch.no_grad():
        expected = [view.double().numpy().copy() for view in flat.views(flat.values)]
    buffers = [np.zeros_like(value) for value in expected]
    others = [torch.tensor(expected[place], requires_grad=True) for place in outer]
    adamw = torch.optim.AdamW(
        [
            {"params": [p for p in others if p.ndim >= 2], "weight_decay": 0.1},
            {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=0.001,
        betas=(0.9, 0.95),
    )
    for batch in batches:
        loss = fill(model, flat, batch)
        gradients = [gradient.double().numpy().copy() for gradient in flat.gradients]
        for place in hidden:
            buffers[place] = 0.95 * buffers[place] + gradients[place]
            update = newton_schulz(gradients[place] + 0.95 * buffers[place])
            rows, columns = update.shape
            expected[place] *= 1 - 0.02 * 0.1
            expected[place] -= 0.02 * max(1, rows / columns) ** 0.5 * update
        for place, parameter in zip(outer, others, strict=True):
            parameter.grad = torch.from_numpy(gradients[place])
        adamw.step()
        optimizer.step(config.learning_rate, loss)
    for place, view in enumerate(flat.views(flat.values)):
        reference = expected[place] if place in hidden else others[outer.index(place)].detach().numpy()
        assert np.allclose(view.numpy(), reference, atol=1e-4), flat.names[place]


def test_kernels_are_matrices_and_embeddings_are_not():
    model = nn.ModuleDict(
        {
            "tokens": nn.Embedding(7, 4),
            "positions": nn.Embedding(5, 4),
            "kernel": nn.Conv2d(2, 3, 3),
            "same": nn.Conv2d(2, 3, 3),
            "head": nn.Linear(4, 7),
        }
    )
    _, optimizer = muon(FlatParameters(model))
    assert [tuple(m.shape) for m in optimizer.state_dict()["momentum"].values()] == [(2, 3, 18)]


def test_a_model_without_hidden_matrices_is_refused():
    with pytest.raises(PellucidError, match=r"needs a hidden matrix .* this model has 2 weight matrices in all"):
        muon(FlatParameters(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))))

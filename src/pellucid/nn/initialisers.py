"""Where learning starts: the first weights of every linear and convolutional layer. Biases start at zero.

| name             | weights                                                              | paper                     |
|------------------|----------------------------------------------------------------------|---------------------------|
| default          | what PyTorch gives: uniform with variance 1 / (3 fan_in), biases too |                           |
| constant         | all 0.01: units of a layer stay equal for ever; here to show why not |                           |
| small_random     | normal, deviation 0.01: the signal fades with depth                  |                           |
| xavier           | uniform, variance 2 / (fan_in + fan_out): for sigmoid and tanh       | Glorot & Bengio 2010      |
| he               | normal, variance 2 / fan_in: for ReLU, which drops half of its sums  | He, arXiv:1502.01852      |
| orthogonal       | rows (or columns) of length one at right angles to each other        | Saxe, arXiv:1312.6120     |
| layer_sequential | orthogonal, then rescaled on real inputs (LSUV)                      | Mishkin, arXiv:1511.06422 |
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import PellucidError, closest

InitialiserName = Literal["default", "constant", "small_random", "xavier", "he", "orthogonal", "layer_sequential"]

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""The layers that are weighted sums of their input."""

INITIALISERS: dict[str, Callable[[Tensor], Tensor]] = {
    "constant": partial(nn.init.constant_, val=0.01),
    "small_random": partial(nn.init.normal_, std=0.01),
    "xavier": nn.init.xavier_uniform_,
    "he": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "orthogonal": nn.init.orthogonal_,
    "layer_sequential": nn.init.orthogonal_,  # its first half; `layer_sequential` below is the second
}


def initialise(model: nn.Module, name: str) -> None:
    """Give every linear and convolutional layer of `model` its first weights, drawn from torch's global generator."""
    if name == "default":
        return
    if name not in INITIALISERS:
        raise PellucidError(f"initialiser: there is no {name!r}. {closest(name, ['default', *INITIALISERS])}")
    for layer in model.modules():
        if isinstance(layer, WEIGHTED):
            INITIALISERS[name](layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@torch.no_grad()
def layer_sequential(model: nn.Module, sample: Float[Tensor, "batch *shape"]) -> None:
    """Start from orthogonal weights and rescale them, first layer to last, so that each layer's sums have variance one.

    "All you need is a good init", Mishkin & Matas 2015, arXiv:1511.06422. The paper measures, divides and repeats until
    the variance is within 0.1 of one. With biases at zero a layer is linear in its weights, so that one division is
    exact and one forward pass serves all layers: each rescales itself as the sample comes by.

    Args:
        model: its linear and convolutional layers are changed in place; it runs in evaluation mode.
        sample: inputs as the model will meet them, a few hundred rows.
    """
    initialise(model, "orthogonal")
    rescaled: set[nn.Module] = set()

    def rescale(layer: nn.Module, _: tuple[Tensor, ...], sums: Tensor) -> Tensor:
        if layer in rescaled:  # a shared layer is scaled where it is met first
            return sums
        rescaled.add(layer)
        deviation = sums.std(correction=0)
        if not (torch.isfinite(deviation) and deviation > 0):
            raise PellucidError(
                f"layer_sequential: {layer} gives sums with a standard deviation of {deviation.item():g} on the sample "
                f"of {len(sample)} rows, and cannot be scaled to one. Give it more rows, with finite and varied values."
            )
        assert isinstance(layer.weight, Tensor)
        layer.weight /= deviation
        return sums / deviation

    was_training = {module: module.training for module in model.modules()}
    hooks = [layer.register_forward_hook(rescale) for layer in model.modules() if isinstance(layer, WEIGHTED)]
    try:
        model.eval()(sample)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in was_training.items():
            module.training = training

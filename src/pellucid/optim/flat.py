"""Flat parameters: a model's weights as views of one tensor, so that a step over all of them is one kernel call.

The layout is [ weights that may decay | exempt ones ]: matrices and kernels (two axes or more) first, then biases and
the scales of norms, which weight decay would only pull away from where normalisation needs them. A kernel that lies
with its channels last keeps that order inside its stretch.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pellucid.errors import PellucidError


class Part(NamedTuple):
    """A stretch of the flat tensors under one weight decay."""

    where: slice
    weight_decay: float


class FlatParameters:
    """The trainable parameters of a model in one tensor, and their gradient in another.

    `state_dict` and `load_state_dict` of the model work as before, because its parameters are views. What replaces a
    parameter's storage (`model.to(device)`, `load_state_dict(assign=True)`) has to come first.

    Attributes:
        values: all trainable parameters, `(size,)`.
        gradient: of the loss, `(size,)`; filled by `fill`, or by hand through `gradients`.
        decayed, exempt: the two stretches of `values`.
        parameters, names, shapes, slices, gradients: one per parameter, in the order of `values`. A tied parameter
            stands once, under its first name; one with `requires_grad = False` is left out.
        lookups: whether each parameter is the table of an embedding.
        arrived: a first gradient has come, for every parameter.

    Raises:
        PellucidError: nothing is trainable, or the parameters differ in dtype or device.
    """

    def __init__(self, model: nn.Module, stacked: bool = False) -> None:
        """Lay the parameters out.

        Args:
            model: whose parameters they are.
            stacked: the first axis of every parameter counts models of one architecture, `(K, *shape)`, and makes no
                matrix of a bias.
        """
        axes = 3 if stacked else 2
        trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        if not trainable:
            raise PellucidError(
                f"{type(model).__name__} has no trainable parameter: there is nothing to learn. "
                "Set requires_grad = True where it should learn."
            )
        _require_one("dtype", trainable)
        _require_one("device", trainable)
        if not trainable[0][1].is_floating_point():
            raise PellucidError(f"the parameters are {trainable[0][1].dtype}: only real ones can be trained.")
        trainable.sort(key=lambda pair: pair[1].ndim < axes)  # stable: the model's order stays within each kind
        self.names = tuple(name for name, _ in trainable)
        self.parameters = tuple(p for _, p in trainable)
        self.shapes = tuple(p.shape for p in self.parameters)
        self._channels_last = tuple(not stacked and p.ndim == 4 and p.stride(1) == 1 for p in self.parameters)
        tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
        self.lookups = tuple(id(p) in tables for p in self.parameters)

        lying = zip(self.parameters, self._channels_last, strict=True)
        self.values = torch.cat(
            [(p.detach().permute(0, 2, 3, 1) if last else p.detach()).reshape(-1) for p, last in lying]
        )
        self.gradient = torch.zeros_like(self.values)
        sizes = [p.numel() for p in self.parameters]
        self.slices = tuple(
            slice(end - size, end) for size, end in zip(sizes, itertools.accumulate(sizes), strict=True)
        )
        self.gradients = self.views(self.gradient)
        for parameter, view in zip(self.parameters, self.views(self.values), strict=True):
            parameter.data = view
        boundary = sum(p.numel() for p in self.parameters if p.ndim >= axes)
        self.decayed = slice(0, boundary)
        self.exempt = slice(boundary, len(self.values))
        self.arrived = False

    def views(self, flat: Tensor) -> list[Tensor]:
        """Return the stretches of a flat tensor, each in the shape of its parameter."""
        return [
            _kernel(flat[where], shape) if last else flat[where].view(shape)
            for where, shape, last in zip(self.slices, self.shapes, self._channels_last, strict=True)
        ]

    def matrix(self, flat: Tensor, place: int) -> Tensor:
        """Return one stretch with a row per output, `(outputs, inputs)`; a kernel's inputs in the order they lie."""
        return flat[self.slices[place]].view(self.shapes[place][0], -1)

    def parts(self, weight_decay: float) -> list[Part]:
        """Return the stretches that an optimizer treats alike: all as one where nothing decays."""
        if weight_decay == 0:
            return [Part(slice(0, len(self.values)), 0.0)]
        both = [Part(self.decayed, weight_decay), Part(self.exempt, 0.0)]
        return [part for part in both if part.where.stop > part.where.start]

    def fill(self, loss: Tensor) -> None:
        """Set the gradient to that of `loss`, `()`.

        Raises:
            PellucidError: at the first fill, some parameters have no part in the loss. Later on they count as zero:
                a branch may rest for a step.
        """
        torch._foreach_copy_(self.gradients, self.differentiate(loss))

    def accumulate(self, loss: Tensor) -> None:
        """Add the gradient of `loss`, `()`."""
        torch._foreach_add_(self.gradients, self.differentiate(loss))

    def differentiate(self, loss: Tensor) -> tuple[Tensor, ...]:
        """Return the gradient of `loss`, `()`, one tensor per parameter; raises like `fill`."""
        if not loss.requires_grad:
            raise PellucidError(
                "gradient never arrives at any parameter: the loss was detached, or made under no_grad."
            )
        # The scale is part of the loss: giving `grad_outputs` makes torch import sympy, a third of a second.
        found = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        missing = [name for name, gradient in zip(self.names, found, strict=True) if gradient is None]
        if not missing:
            self.arrived = True
            return found
        if not self.arrived:
            raise PellucidError(
                f"gradient never arrives at {', '.join(missing)}: use them in forward, or set requires_grad = False."
            )
        return tuple(torch.zeros_like(p) if g is None else g for p, g in zip(self.parameters, found, strict=True))


def _kernel(stretch: Tensor, shape: torch.Size) -> Tensor:
    """A stretch that lies as (outputs, height, width, inputs), seen as the kernel (outputs, inputs, height, width)."""
    outputs, inputs, height, width = shape
    return stretch.view(outputs, height, width, inputs).permute(0, 3, 1, 2)


def _require_one(what: str, trainable: Sequence[tuple[str, nn.Parameter]]) -> None:
    """Raise where the parameters differ in `what`, naming one parameter for each value."""
    holders: dict[str, str] = {}
    for name, parameter in trainable:
        holders.setdefault(str(getattr(parameter, what)), name)
    if len(holders) > 1:
        found = ", ".join(f"{value} ({name})" for value, name in holders.items())
        raise PellucidError(f"the parameters differ in {what}: {found}. Choose one: model.to({what}=...).")

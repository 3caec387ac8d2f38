"""Stacked: K models of one architecture as one module, whose parameters are theirs one upon another, `[K, *shape]`.

A product of K small matrices with K small batches is one operation, `(K, B, I) x (K, I, O)`, where one model after
another would be K of them, each with its own bookkeeping. Which operations those are is found by `torch.func.vmap`, so
the models need not know of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from pellucid.nn.stacked_layers import LossesAtOnce, at_once

# axes: K models, M of them that are computed together, * a parameter's own shape

Compute = Callable[[nn.Module, Mapping[str, Tensor]], Tensor]
"""What is computed by one model of its own tensors: of `[...]` each, where the stack is given `[M, ...]`."""


class Stacked(nn.Module):
    """The parameters and buffers of K models under their own names; copies, so the models stay as they are.

    Attributes:
        losses: of each model at its last step, `[K]`: a buffer, so that a recorded step writes them too.
    """

    losses: Tensor

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.num_models = len(models)
        self.stack = nn.Module()  # what bears the models' names, which may be any
        self._template = (copy.deepcopy(models[0]),)  # in a tuple, so that its parameters are not this module's
        at_once(self._template[0])
        for name, parameter in models[0].named_parameters():
            stack = torch.stack([model.get_parameter(name).detach() for model in models])
            owner, own_name = self._owner(name)
            owner.register_parameter(own_name, nn.Parameter(stack, requires_grad=parameter.requires_grad))
        self._buffer_names = tuple(name for name, _ in models[0].named_buffers())
        for name in self._buffer_names:
            owner, own_name = self._owner(name)
            owner.register_buffer(own_name, torch.stack([model.get_buffer(name) for model in models]))
        self._parameter_names = tuple(name for name, _ in models[0].named_parameters())
        some = next(self.parameters())
        self.register_buffer("losses", torch.zeros(self.num_models, device=some.device))

    def tensors(self) -> dict[str, Tensor]:
        """Return every parameter and buffer of the models by name, `[K, *shape]` each."""
        return {name: self.stack.get_parameter(name) for name in self._parameter_names} | self._buffers_of_models()

    def forward(self, compute: Compute, columns: Mapping[str, Tensor], members: Tensor | None = None) -> Tensor:
        """Return what `compute` gives for each model and its own tensors, `[M, ...]`.

        Args:
            compute: what one model computes. Random numbers that it draws are drawn once, the same for all models.
            columns: `[M, ...]` each.
            members: which of the models, `[M]`; all K of them by default.
        """
        tensors = self.tensors()
        if members is not None:
            tensors = {name: stack.index_select(0, members) for name, stack in tensors.items()}
        call = _Call(self._template[0], compute)

        def one(own: Mapping[str, Tensor], column: Mapping[str, Tensor]) -> Tensor:
            found: Tensor = functional_call(call, {f"model.{name}": tensor for name, tensor in own.items()}, (column,))
            return found

        computed: Tensor = vmap(one, randomness="same")(tensors, dict(columns))
        if members is not None:
            with torch.no_grad():  # what a norm has noted of the batch was written into copies
                for name, stack in self._buffers_of_models().items():
                    stack.index_copy_(0, members, tensors[name])
        return computed

    def _buffers_of_models(self) -> dict[str, Tensor]:
        return {name: self.stack.get_buffer(name) for name in self._buffer_names}

    def _owner(self, name: str) -> tuple[nn.Module, str]:
        """The module of the stack that holds a name with dots, made where it is missing."""
        *path, own_name = name.split(".")
        owner = self.stack
        for part in path:
            if part not in owner._modules:
                owner.add_module(part, nn.Module())
            owner = owner.get_submodule(part)
        return owner, own_name


class _Call(nn.Module):
    """A computation by a model, as a module whose parameters can be swapped."""

    def __init__(self, model: nn.Module, compute: Compute) -> None:
        super().__init__()
        self.model = model
        self._compute = compute

    def forward(self, columns: Mapping[str, Tensor]) -> Tensor:
        with LossesAtOnce():
            return self._compute(self.model, columns)


@torch.no_grad()
def write(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into a model's parameters and buffers of these names."""
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, tensor in tensors.items():
        own[name].copy_(tensor)

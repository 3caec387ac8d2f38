"""The linear map of K models at once: products of stacks of matrices, the gradient's too.

What `vmap` makes of a linear map by itself differentiates with respect to the transposed weights and transposes that
gradient back, which takes as long as the product. Here it is computed as it lies.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import Function, FunctionCtx

# axes: K models, B rows, I inputs, O outputs


class _Products(Function):
    """`(K, B, I) x (K, O, I) + (K, O) -> (K, B, O)`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        if bias is None:
            return torch.bmm(x, weight.transpose(1, 2))
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            torch.bmm(gradient, weight) if of_x else None,
            torch.bmm(gradient.transpose(1, 2), x) if of_weight else None,
            gradient.sum(1) if of_bias else None,
        )


class _Linear(Function):
    """A linear map that is one of a stack: only `vmap` calls it."""

    generate_vmap_rule = False

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing: it is differentiated as `_Products`."""

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, int]:
        x, weight = (_first(tensor, axis, info.batch_size) for tensor, axis in zip((x, weight), in_dims, strict=False))
        if bias is not None:
            bias = _first(bias, in_dims[2], info.batch_size)
        rows = x if x.ndim == 3 else x.reshape(len(x), -1, x.shape[-1])  # (K, ..., I) -> (K, B, I)
        outputs: Tensor = _Products.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
        return outputs if x.ndim == 3 else outputs.view(*x.shape[:-1], weight.shape[1]), 0


def _first(tensor: Tensor, axis: int | None, size: int) -> Tensor:
    """A tensor whose first axis counts the models; one that all of them share is seen `size` times."""
    if axis is None:
        return tensor.expand(size, *tensor.shape)
    return tensor if axis == 0 else tensor.movedim(axis, 0)


def as_products(model: nn.Module) -> None:
    """Let every linear map of a model that `vmap` computes be products of stacks."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.forward = _Forward(module)  # type: ignore[method-assign]


class _Forward:
    """The forward pass of one linear map, by the parameters that it has when it is called."""

    def __init__(self, module: nn.Linear) -> None:
        self._module = module

    def __call__(self, x: Tensor) -> Tensor:
        computed: Tensor = _Linear.apply(x, self._module.weight, self._module.bias)
        return computed

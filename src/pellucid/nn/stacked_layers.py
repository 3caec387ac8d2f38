"""Layers of K models at once, where what `vmap` makes of one by itself is slow or rounds in another way.

A linear map: `vmap` differentiates with respect to the transposed weights and transposes that gradient back, which
takes as long as the product. Here it is products of stacks of matrices as they lie.

A batch norm: `vmap` takes scale and shift out of it. Here the models' channels lie side by side in one batch norm,
whose sums are those of each model alone. It matters because Adam makes a full step of a gradient that is nothing but
rounding, such as that of a weight whose input is the same in all rows.

A cross-entropy: `vmap` takes it apart into a dozen operations. Here the rows of all models lie one under another.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import Function, FunctionCtx
from torch.overrides import TorchFunctionMode

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


class _BatchNorm(Function):
    """A batch norm that learns and is one of a stack: only `vmap` calls it."""

    generate_vmap_rule = False

    @staticmethod
    def forward(
        x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor, momentum: float, epsilon: float
    ) -> Tensor:
        return F.batch_norm(x, mean, variance, scale, shift, True, momentum, epsilon)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing: it is differentiated as the batch norm of all channels."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, *others: Any) -> tuple[Tensor, int]:
        *vectors, momentum, epsilon = others
        x = _first(x, in_dims[0], info.batch_size).transpose(0, 1)  # (B, K, C, ...)
        # Seen as they lie, because the running mean and variance are written into
        vectors = [
            _first(vector, axis, info.batch_size).view(-1) for vector, axis in zip(vectors, in_dims[1:], strict=False)
        ]
        mean, variance, scale, shift = vectors  # (K * C) each
        normed = F.batch_norm(x.flatten(1, 2), mean, variance, scale, shift, True, momentum, epsilon)
        return normed.view(x.shape).transpose(0, 1), 0


class _CrossEntropy(Function):
    """A summed cross-entropy that is one of a stack: only `vmap` calls it."""

    generate_vmap_rule = False

    @staticmethod
    def forward(logits: Tensor, target: Tensor, smoothing: float) -> Tensor:
        return F.cross_entropy(logits, target, reduction="sum", label_smoothing=smoothing)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing: it is differentiated as the cross-entropy of all rows."""

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], logits: Tensor, target: Tensor, smoothing: float
    ) -> tuple[Tensor, int]:
        logits, target = _first(logits, in_dims[0], info.batch_size), _first(target, in_dims[1], info.batch_size)
        # (K, B, C) -> (K * B, C) -> (K, B) -> (K,)
        losses = F.cross_entropy(
            logits.flatten(0, 1), target.flatten(0, 1), reduction="none", label_smoothing=smoothing
        )
        return losses.view(target.shape).sum(1), 0


SUMMED = {"weight": None, "size_average": None, "ignore_index": -100, "reduce": None, "reduction": "sum"}
"""How torch tells a mode of a sum over rows that weigh the same."""


class LossesAtOnce(TorchFunctionMode):
    """While it is entered, what `vmap` computes of a loss is that of a stack."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        plain = {name: value for name, value in kwargs.items() if name != "label_smoothing"}
        if function is not F.cross_entropy or len(args) != 2 or plain != SUMMED:
            return function(*args, **kwargs)
        logits, target = args
        if logits.ndim != 2 or target.ndim != 1:
            return function(*args, **kwargs)
        return _CrossEntropy.apply(logits, target, kwargs.get("label_smoothing", 0.0))  # type: ignore[no-untyped-call]


def at_once(model: nn.Module) -> None:
    """Let the layers of a model that `vmap` computes be those of a stack."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.forward = _LinearForward(module)  # type: ignore[method-assign, assignment]
        elif type(module) in (nn.BatchNorm1d, nn.BatchNorm2d) and module.affine and module.momentum is not None:
            module.forward = _BatchNormForward(module)


class _LinearForward:
    """The forward pass of one linear map, by the parameters that it has when it is called."""

    def __init__(self, module: nn.Linear) -> None:
        self._module = module

    def __call__(self, x: Tensor) -> Tensor:
        computed: Tensor = _Linear.apply(x, self._module.weight, self._module.bias)  # type: ignore[no-untyped-call]
        return computed


class _BatchNormForward:
    """The forward pass of one batch norm, by what it has when it is called."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._as_it_comes = module.forward

    def __call__(self, x: Tensor) -> Tensor:
        module: Any = self._module
        if not module.training or module.running_mean is None:
            found: Tensor = self._as_it_comes(x)
            return found
        module.num_batches_tracked.add_(1)
        tensors = (module.running_mean, module.running_var, module.weight, module.bias)
        normed: Tensor = _BatchNorm.apply(x, *tensors, module.momentum, module.eps)  # type: ignore[no-untyped-call]
        return normed

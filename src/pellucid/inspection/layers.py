"""What a model consists of: the shape, the parameters and the cost of every layer, for any `nn.Module`.

One row of zeros is sent through. Hooks note which module is running; a dispatch mode sees every operation that reaches
PyTorch's kernels and counts the multiply-adds of those that are sums of products (matrix products, convolutions,
attention, recurrent layers). So the cost is what is really computed, also where a module's `forward` calls functions.
Elementwise work (activations, norms, pooling) is not counted, as is the custom in papers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pellucid.spec import Spec


@dataclass(frozen=True)
class Layer:
    """One module that has parameters of its own, does multiply-adds, or changes the shape.

    Attributes:
        name: the path in the model, as in `parameter_names`; empty for the model itself.
        kind: the class, such as `Conv2d`.
        output_shape: of one row, without the batch; None where the module's own `forward` is never called.
        parameters: how many numbers are learned here, and not already in a layer above.
        multiply_adds: for one row, over all calls of the module.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...] | None
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Description:
    """A model's layers in the order in which they run, and the totals."""

    parameters: int
    trainable: int
    multiply_adds: int
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    parameter_names: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the description as JSON types."""
        values = asdict(self)
        for part in (values, *values["layers"]):
            part.update({key: list(value) for key, value in part.items() if isinstance(value, tuple)})
        return values

    def __str__(self) -> str:
        rows = [("layer", "kind", "output", "parameters", "multiply-adds")]
        for layer in self.layers:
            shape = "" if layer.output_shape is None else " x ".join(map(str, layer.output_shape))
            rows.append((layer.name, layer.kind, shape, f"{layer.parameters:,}", f"{layer.multiply_adds:,}"))
        rows.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligned = (
            [cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
            for row in rows
        )
        return "\n".join("  ".join(cells).rstrip() for cells in aligned)


def describe(model: nn.Module, inputs: Spec | Sequence[int] | Tensor) -> Description:
    """Describe every layer of `model`. Its weights, buffers, modes and the random state stay as they are.

    Args:
        model: any module that takes one tensor.
        inputs: the spec of the data, the shape of one row (without the batch), or a batch whose first row is taken
            where zeros will not do.

    Example:
        >>> describe(nn.Linear(3, 2), (3,)).multiply_adds
        6
    """
    row = _one_row(inputs, model)
    trace = _Trace(model)
    # With gradients on, transformers take their ordinary path instead of one fused kernel that hides its layers.
    with _evaluation_mode(model), torch.enable_grad(), torch.random.fork_rng(devices=[]), trace.hooks(), trace:
        model(row)

    names = {module: name for name, module in model.named_modules()}
    never_called = (module for module in names if module not in trace.output_shapes)
    counted: set[nn.Parameter] = set()  # a shared parameter counts once, where it is met first
    layers: list[Layer] = []
    for module in (*trace.output_shapes, *never_called):
        own = list(module.parameters(recurse=False))
        reshapes = module in trace.reshaping and not list(module.children())
        if own or reshapes or trace.multiply_adds[module]:
            layers.append(
                Layer(
                    name=names[module],
                    kind=type(module).__name__,
                    output_shape=trace.output_shapes.get(module),
                    parameters=sum(parameter.numel() for parameter in own if parameter not in counted),
                    multiply_adds=trace.multiply_adds[module],
                )
            )
            counted.update(own)
    return Description(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        trainable=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        multiply_adds=sum(trace.multiply_adds.values()),
        input_shape=tuple(row.shape[1:]),
        layers=tuple(layers),
        parameter_names=tuple(name for name, _ in model.named_parameters()),
    )


class _Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes, while the model runs, each module's output shape and the multiply-adds done in its own `forward`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.model = model
        self.running: list[nn.Module] = []
        self.output_shapes: dict[nn.Module, tuple[int, ...] | None] = {}
        self.reshaping: set[nn.Module] = set()
        self.multiply_adds = dict.fromkeys(model.modules(), 0)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping it means importing it, which takes a second; nothing is compiled here

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = operation(*args, **(kwargs or {}))
        cost = COSTS.get(operation.overloadpacket)
        if cost is not None and self.running:
            self.multiply_adds[self.running[-1]] += cost(args, output)
        return output

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Follow which module is running, for as long as the context lasts."""

        def enter(module: nn.Module, _: Any) -> None:
            self.running.append(module)
            self.output_shapes.setdefault(module, None)  # keeps the order of first calls

        def leave(module: nn.Module, inputs: Any, output: Any) -> None:
            self.running.pop()
            before, after = _first_tensor(inputs), _first_tensor(output)
            if after is not None:
                self.output_shapes[module] = tuple(after.shape[1:])
                if before is not None and before.shape != after.shape:
                    self.reshaping.add(module)

        handles = [
            handle
            for module in self.model.modules()
            for handle in (module.register_forward_pre_hook(enter), module.register_forward_hook(leave))
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Norms use (and keep) their running averages; afterwards every module is in the mode that it was in."""
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in was_training.items():
            module.training = training


def _one_row(inputs: Spec | Sequence[int] | Tensor, model: nn.Module) -> Tensor:
    """One row of input, with its batch axis, on the model's device and in its precision."""
    if isinstance(inputs, Tensor):
        return inputs[:1]
    parameter = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
    if isinstance(inputs, Spec):
        dtype = torch.long if inputs.input.kind in ("category", "tokens") else parameter.dtype
        return torch.zeros(1, *inputs.input.shape, dtype=dtype, device=parameter.device)
    return torch.zeros(1, *inputs, dtype=parameter.dtype, device=parameter.device)


def _first_tensor(values: Any) -> Tensor | None:
    """The tensor that a module was given or gave, or the first of several (a recurrent layer also gives its state)."""
    if isinstance(values, Tensor):
        return values
    if isinstance(values, dict):
        values = tuple(values.values())
    if isinstance(values, tuple | list):
        return next((tensor for value in values if (tensor := _first_tensor(value)) is not None), None)
    return None


def _matrix_product(left: Tensor, right: Tensor) -> int:
    """(..., n, k) times (..., k, m), or times (k,): each number on the left meets every column on the right."""
    return left.numel() * (right.shape[-1] if right.dim() > 1 else 1)


def _convolution(args: tuple[Any, ...], output: Tensor) -> int:
    """Every output number is a sum over one window; transposed, every input number is spread over one."""
    image, weight, transposed = args[0], args[1], args[6]
    return int((image if transposed else output).numel() * weight[0].numel())


def _attention(args: tuple[Any, ...], _: Any) -> int:
    """Each query meets every key, and the weights that come of it meet every value."""
    query, key, value = args[:3]
    num_scores = math.prod(query.shape[:-1]) * key.shape[-2]
    return int(num_scores * (query.shape[-1] + value.shape[-1]))


def _recurrent(sequence: Tensor, weights: Sequence[Tensor]) -> int:
    """Every weight of every matrix is used once per time step of the one row."""
    num_steps = sequence.numel() // sequence.shape[-1]
    return num_steps * sum(weight.numel() for weight in weights if weight.dim() == 2)


aten = torch.ops.aten
COSTS: dict[Any, Callable[[tuple[Any, ...], Any], int]] = {
    aten.mm: lambda args, _: _matrix_product(args[0], args[1]),
    aten.bmm: lambda args, _: _matrix_product(args[0], args[1]),
    aten.mv: lambda args, _: _matrix_product(args[0], args[1]),
    aten.dot: lambda args, _: _matrix_product(args[0], args[1]),
    aten.addmm: lambda args, _: _matrix_product(args[1], args[2]),
    aten.baddbmm: lambda args, _: _matrix_product(args[1], args[2]),
    aten.addmv: lambda args, _: _matrix_product(args[1], args[2]),
    aten.convolution: _convolution,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
    aten.mkldnn_rnn_layer: lambda args, _: _recurrent(args[0], args[1:5]),
    aten._cudnn_rnn: lambda args, _: _recurrent(args[0], args[1]),
}
"""PyTorch's kernels that are sums of products, and how many multiply-adds a call does."""

"""The recorder: every operation that reaches the kernels, with what it took and gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class NotCapturable(Exception):
    """A recording would not be what the model computes next time; the message says why."""


@dataclass
class Call:
    """One operation as it reached the kernels."""

    operation: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    output: Any

    def __post_init__(self) -> None:
        schema = self.operation._schema
        self.name = str(schema.name).partition("::")[2]
        self.writes = bool(schema.is_mutable)
        self.draws = torch.Tag.nondeterministic_seeded in self.operation.tags
        self.is_view = not self.writes and len(schema.returns) == 1 and schema.returns[0].alias_info is not None
        self.tensors = list(_tensors([*self.args, *self.kwargs.values()]))


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the calls of what is computed while it is entered, and the tensors that were written into."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []  # they keep every tensor alive, so that an id stays one tensor's
        self.written: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # what would be skipped has to be imported first, which takes longer than the recording

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(operation.tags) and not (
            operation is torch.ops.aten.index.Tensor and _counts(args[1])  # rows by number: the shape is known
        ):
            raise NotCapturable(f"the model looks at a tensor's values ({operation})")
        call = Call(operation, args, kwargs or {}, operation(*args, **(kwargs or {})))
        self.calls.append(call)
        if call.writes:
            self.written.add(id(args[0]))
        return call.output


def _counts(indices: Sequence[Any]) -> bool:
    """Whether an index picks by number; one of truth values picks as many as are true."""
    return all(index is None or index.dtype not in (torch.bool, torch.uint8) for index in indices)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)

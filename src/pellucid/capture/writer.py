"""The writer: names for tensors, and a line for each operation that has to be carried out again."""

from __future__ import annotations

import keyword
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pellucid.capture.lines import TAKE_OUT, Line
from pellucid.capture.recorder import Call, NotCapturable

FACTORIES = frozenset(["ones", "zeros", "full", "arange", "scalar_tensor", "ones_like", "zeros_like", "full_like"])
"""Operations whose result is the same each time, so that it is made once, unless somebody writes into it."""


class Writer:
    """Names tensors and turns calls into lines."""

    def __init__(self, inputs: Mapping[str, Tensor], fixed: Mapping[str, Tensor]) -> None:
        self.scope: dict[str, Any] = {"torch": torch}
        self._names = {id(tensor): name for name, tensor in inputs.items()}
        self._taken = Counter([*inputs, "torch", "step", "float", *keyword.kwlist])
        self._given = {_identifier(name) for name in fixed}
        self._placed: set[int] = set()
        self._unchanging: set[int] = set()
        self._transposed: dict[int, Tensor] = {}
        for name, tensor in fixed.items():
            self._keep(tensor, name)

    def line(self, call: Call, written: set[int]) -> Line | None:
        """Write a call down; None where it need not be carried out again."""
        needs = [self.expression(tensor) for tensor in call.tensors]
        if call.writes:
            return self._write(call, [], needs)
        first = call.tensors[0] if call.tensors else None
        if first is not None and call.name in ("detach", "alias", "lift_fresh"):
            self._same(call.output, first)
            return None
        if first is not None and call.name == "t":
            if id(first) in self._transposed:
                self._same(call.output, self._transposed[id(first)])
                return None
            self._transposed[id(call.output)] = first
        hint = f"{needs[0]}_T" if call.name == "t" else "v0"
        outputs = call.output if isinstance(call.output, tuple | list) else [call.output]
        if call.is_view and id(first) in self._placed:
            for output in outputs:
                self._keep(output, hint if call.name == "t" else f"{needs[0]}_{call.name}")
            return None
        given = bool(call.tensors) and all(id(tensor) in self._unchanging for tensor in call.tensors)
        if (given or call.name in FACTORIES) and not call.draws and not {id(output) for output in outputs} & written:
            for output in filter(torch.is_tensor, outputs):
                self._unchanging.add(id(output))
                self._keep(output, f"constant_{call.name}")
            return None
        return self._write(call, [self._call_it(o, hint) if isinstance(o, Tensor) else "_" for o in outputs], needs)

    def place(self, hint: str) -> str:
        """A free name for what stays in the scope."""
        return self._free(_identifier(hint))

    def expression(self, tensor: Tensor) -> str:
        """The name of a tensor; one that nothing recorded made is kept as it is."""
        if id(tensor) not in self._names:
            self._keep(tensor, "given")
        return self._names[id(tensor)]

    def _write(self, call: Call, outputs: list[str], needs: list[str]) -> Line:
        args = [self._literal(value) for value in call.args]
        args += [f"{key}={self._literal(value)}" for key, value in call.kwargs.items()]
        shape = call.output.shape if outputs and isinstance(call.output, Tensor) else None
        text = f"{self._function(call)}({', '.join(args)})"
        takes_out = shape is not None and (call.name, call.operation._overloadname) in TAKE_OUT
        return Line(call.name, outputs, text, needs, shape, takes_out, stays=call.writes or call.draws)

    def _function(self, call: Call) -> str:
        """What is called: torch's own function of that name where there is one, else the operation itself."""
        if type(getattr(torch, call.name, None)) is type(torch.mm):
            return f"torch.{call.name}"
        name = f"aten_{call.name}_{call.operation._schema.overload_name}".strip("_")
        self.scope[name] = call.operation._op
        return name

    def _literal(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return self.expression(value)
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(self._literal, value))}]"
        if isinstance(value, torch.device):
            return f"torch.{value!r}"
        if isinstance(value, float):
            return repr(value) if math.isfinite(value) else f"float('{value}')"
        if value is None or isinstance(value, bool | int | str | torch.dtype | torch.memory_format | torch.layout):
            return repr(value)
        raise NotCapturable(f"an operation takes a {type(value).__name__}")

    def _keep(self, tensor: Tensor, hint: str) -> None:
        """Remember a tensor itself, because it stays where it is."""
        self.scope[self._call_it(tensor, hint)] = tensor.detach()
        self._placed.add(id(tensor))

    def _same(self, tensor: Tensor, other: Tensor) -> None:
        """Another handle of the same memory, in the same shape."""
        self._names[id(tensor)] = self.expression(other)
        for group in (self._placed, self._unchanging):
            if id(other) in group:
                group.add(id(tensor))
        if id(other) in self._transposed:
            self._transposed[id(tensor)] = self._transposed[id(other)]

    def _call_it(self, tensor: Tensor, hint: str) -> str:
        """A name that is free: the hint, or the hint with the next number."""
        name = self._free(_identifier(hint), numbered=hint == "v0")
        self._names[id(tensor)] = name
        return name

    def _free(self, hint: str, numbered: bool = False) -> str:
        stem = "v" if numbered else hint
        while True:
            number = self._taken[stem]
            self._taken[stem] += 1
            name = f"{stem}{number}" if number or numbered else stem
            if name == stem or (name not in self._taken and name not in self._given):
                return name


def _identifier(name: str) -> str:
    """A parameter's name as Python may spell it."""
    return re.sub(r"^(?=\d)", "layer", re.sub(r"\W", "_", name))

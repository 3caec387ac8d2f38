"""Capture: the tensor operations of a gradient, recorded once and written down as a straight line of Python.

Of a small net's step most is bookkeeping: modules that call functions that build a graph that is then walked backwards.
None of that depends on the batch, so a recording of what reaches the kernels can be carried out in its place. It calls
the same kernels on the same numbers, so the bytes are the same. Whoever uses a program should make sure of that now
and then, because a model whose Python decides anew at each step cannot be recorded.

A program is source code that can be read:

    v0 = torch.addmm(hidden_0_bias, input, hidden_0_weight_T)
    v1 = torch.relu(v0)
    ...
    torch.mm(v9_T, input, out=gradient_of_hidden_0_weight)
"""

from __future__ import annotations

import keyword
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

FACTORIES = frozenset(["ones", "zeros", "full", "arange", "scalar_tensor", "ones_like", "zeros_like", "full_like"])
"""Operations whose result is the same each time, so that it is made once, unless somebody writes into it."""
TAKE_OUT = frozenset(
    [
        ("mm", "default"),
        ("addmm", "default"),
        ("bmm", "default"),
        ("sum", "dim_IntList"),
        ("add", "Tensor"),
        ("mul", "Tensor"),
    ]
)
"""Operations whose functions take `out=`: where one of them ends in a gradient, it writes it where it belongs."""

Compute = Callable[[], tuple[Sequence[Tensor], Sequence[Tensor]]]
"""Returns results (a loss) and gradients."""


class NotCapturable(Exception):
    """A recording would not be what the model computes next time; the message says why."""


class Program:
    """A recorded computation. Called with the inputs' new values it fills the gradients and returns the results.

    Attributes:
        source: the Python that is carried out.
    """

    def __init__(self, source: str, names: Mapping[str, Any]) -> None:
        self.source = source
        scope = dict(names)
        exec(compile(source, "<captured step>", "exec"), scope)
        self._step = scope["step"]
        self._without_autograd = torch.inference_mode()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute with inputs of the recorded shapes, in the recorded order. The results take no part in autograd."""
        with self._without_autograd:
            results: tuple[Tensor, ...] = self._step(*inputs)
        return results


def capture(
    compute: Compute, inputs: Mapping[str, Tensor], fixed: Mapping[str, Tensor], places: Mapping[str, Tensor]
) -> Program:
    """Carry a computation out once, record it, and write it down.

    Args:
        inputs: what will be other tensors of the same shapes at the next call.
        fixed: what keeps its place in memory, whatever its values become: parameters and buffers.
        places: where the gradients go, by what they are called, in the order in which `compute` returns them.

    Raises:
        NotCapturable: the model looks at a tensor's values, so that the next call may take another way.
    """
    with _Recorder() as recorder:
        results, gradients = compute()
    writer = _Writer(inputs, fixed)
    places = {writer.place(f"gradient_of_{name}"): place for name, place in places.items()}
    lines = [line for call in recorder.calls if (line := writer.line(call, recorder.written)) is not None]
    returned = [writer.expression(result) for result in results]
    filled = [writer.expression(gradient) for gradient in gradients]
    lines = _needed(lines, returned + filled)
    lines += _into_places(lines, filled, places, returned)
    writer.scope |= places | {line.place[0]: line.place[1] for line in lines if line.place is not None}
    body = [*_letting_go(_needed(lines, returned), returned), f"return ({', '.join(returned)},)"]
    return Program(f"def step({', '.join(inputs)}):\n" + "".join(f"    {text}\n" for text in body), writer.scope)


@dataclass
class _Call:
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


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[_Call] = []  # they keep every tensor alive, so that an id stays one tensor's
        self.written: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # what would be skipped has to be imported first, which takes longer than the recording

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(operation.tags) and not (
            operation is torch.ops.aten.index.Tensor and _counts(args[1])  # rows by number: the shape is known
        ):
            raise NotCapturable(f"the model looks at a tensor's values ({operation})")
        call = _Call(operation, args, kwargs or {}, operation(*args, **(kwargs or {})))
        self.calls.append(call)
        if call.writes:
            self.written.add(id(args[0]))
        return call.output


@dataclass
class _Line:
    """One line of a program.

    Attributes:
        outputs: the names that it makes; none where it writes into an argument.
        text: the call.
        needs: the names that it takes.
        shape: of its only output; None where it makes several, or none.
        takes_out: whether it can write that into a tensor that is there.
        place: the gradient that it is written into, by name, instead of into a new tensor.
    """

    name: str
    outputs: list[str]
    text: str
    needs: list[str]
    shape: torch.Size | None
    takes_out: bool
    stays: bool
    place: tuple[str, Tensor] | None = None

    def __str__(self) -> str:
        if self.place is not None:
            return f"{self.text[:-1]}, out={self.place[0]})"
        if self.shape is not None:
            return f"{self.outputs[0]} = {self.text}"
        return f"{', '.join(self.outputs)}, = {self.text}" if self.outputs else self.text


class _Writer:
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

    def line(self, call: _Call, written: set[int]) -> _Line | None:
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

    def _write(self, call: _Call, outputs: list[str], needs: list[str]) -> _Line:
        args = [self._literal(value) for value in call.args]
        args += [f"{key}={self._literal(value)}" for key, value in call.kwargs.items()]
        shape = call.output.shape if outputs and isinstance(call.output, Tensor) else None
        text = f"{self._function(call)}({', '.join(args)})"
        takes_out = shape is not None and (call.name, call.operation._overloadname) in TAKE_OUT
        return _Line(call.name, outputs, text, needs, shape, takes_out, stays=call.writes or call.draws)

    def _function(self, call: _Call) -> str:
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


def _into_places(
    lines: Sequence[_Line], gradients: Sequence[str], places: Mapping[str, Tensor], returned: Sequence[str]
) -> list[_Line]:
    """Let what makes a gradient write it where it belongs; return the copies where that cannot be."""
    makers = {name: line for line in lines for name in line.outputs}
    uses = Counter(name for line in lines for name in line.needs) + Counter(gradients) + Counter(returned)
    copies = []
    for gradient, (name, place) in zip(gradients, places.items(), strict=True):
        maker = makers.get(gradient)
        if maker is not None and maker.name == "view" and uses[gradient] == 1 and place.is_contiguous():
            inner = makers.get(maker.needs[0])
            if inner is not None and inner.takes_out and inner.shape is not None:
                gradient, place, maker = maker.needs[0], place.view(inner.shape), inner
        if maker is not None and maker.takes_out and uses[gradient] == 1:
            maker.place = (name, place)
        else:
            text = f"{name}.copy_({gradient})"
            copies.append(_Line("copy_", [], text, [gradient], None, takes_out=False, stays=True))
    return copies


def _needed(lines: Sequence[_Line], returned: Sequence[str]) -> list[_Line]:
    """The lines whose outputs somebody takes, and those that change something."""
    wanted, kept = set(returned), []
    for line in reversed(lines):
        if line.stays or line.place is not None or wanted & set(line.outputs):
            wanted.update(line.needs)
            kept.append(line)
    return kept[::-1]


def _letting_go(lines: Sequence[_Line], returned: Sequence[str]) -> Iterator[str]:
    """The lines as text; what is not needed any more is let go, so that its memory serves the next."""
    last = {name: number for number, line in enumerate(lines) for name in [*line.outputs, *line.needs]}
    made = {name for line in lines for name in line.outputs if line.place is None}
    for number, line in enumerate(lines):
        yield str(line)
        done = [name for name in made if last[name] == number and name not in returned]
        if done:
            yield f"del {', '.join(sorted(done))}"


def _counts(indices: Sequence[Any]) -> bool:
    """Whether an index picks by number; one of truth values picks as many as are true."""
    return all(index is None or index.dtype not in (torch.bool, torch.uint8) for index in indices)


def _identifier(name: str) -> str:
    """A parameter's name as Python may spell it."""
    return re.sub(r"^(?=\d)", "layer", re.sub(r"\W", "_", name))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)

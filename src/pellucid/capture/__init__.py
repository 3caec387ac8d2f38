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

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.capture.lines import into_places, letting_go, needed
from pellucid.capture.recorder import NotCapturable, Recorder
from pellucid.capture.writer import Writer

__all__ = ["NotCapturable", "Program", "capture"]

Compute = Callable[[], tuple[Sequence[Tensor], Sequence[Tensor]]]
"""Returns results (a loss) and gradients."""


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
    with Recorder() as recorder:
        results, gradients = compute()
    writer = Writer(inputs, fixed)
    places = {writer.place(f"gradient_of_{name}"): place for name, place in places.items()}
    lines = [line for call in recorder.calls if (line := writer.line(call, recorder.written)) is not None]
    returned = [writer.expression(result) for result in results]
    filled = [writer.expression(gradient) for gradient in gradients]
    lines = needed(lines, returned + filled)
    lines += into_places(lines, filled, places, returned)
    writer.scope |= places | {line.place[0]: line.place[1] for line in lines if line.place is not None}
    body = [*letting_go(needed(lines, returned), returned), f"return ({', '.join(returned)},)"]
    return Program(f"def step({', '.join(inputs)}):\n" + "".join(f"    {text}\n" for text in body), writer.scope)

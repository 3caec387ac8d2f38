"""The floor: PyTorch by hand, as fast as we could write it for each workload alone, keeping nothing.

python floor.py WORKLOAD DATA_FOLDER STEPS PRECISION [--by-hand]

The data lies in tensors; an epoch is gathered in one go, and a batch is a view of it. Nothing is read back per step.
One fused Adam, gradients set to None. Kernels and images lie with their channels last; in bf16, attention stays in
fp32. --by-hand (R1 and R6): the gradients of the layers are written down as products into one flat tensor, with one
Adam over all of it: no autograd, and no means that would work for another net.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from account import Clock, accuracy, nats, tell
from raw import floats
from torch import Tensor, nn
from workload import CONTEXT, WORKLOADS, language_model, net, read, read_text


def batches_of_rows(x: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Whole epochs, each in a new order."""
    while True:
        order = torch.randperm(len(x))
        xs, ys = x.index_select(0, order), y.index_select(0, order)
        if xs.ndim == 4:
            xs = xs.contiguous(memory_format=torch.channels_last)
        yield from zip(xs.split(size), ys.split(size), strict=True)


def batches_of_text(codes: Tensor, size: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """All windows of the run, drawn at once."""
    starts = torch.randint(len(codes) - CONTEXT, (steps, size, 1))
    windows = codes[starts + torch.arange(CONTEXT + 1)]
    return zip(windows[..., :-1].contiguous(), windows[..., 1:].contiguous(), strict=True)


def by_autograd(
    model: nn.Module, batches: Iterator[tuple[Tensor, Tensor]], rate: float, bf16: bool, clock: Clock
) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    model.train()
    for _, (inputs, targets) in zip(range(clock.steps), batches, strict=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs = model(inputs)
        outputs = outputs if isinstance(outputs, Tensor) else outputs[0].flatten(0, 1)
        F.cross_entropy(outputs.float(), targets.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
        clock.step()


@torch.no_grad()
def by_hand(model: nn.Module, batches: Iterator[tuple[Tensor, Tensor]], rate: float, clock: Clock) -> None:
    """Full layers with ReLU between them, and the softmax at the end."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
    values = torch.cat([parameter.reshape(-1) for parameter in parameters])
    gradient, first, second = (torch.zeros_like(values) for _ in range(3))
    steps = torch.zeros(())
    sizes = [parameter.numel() for parameter in parameters]

    def pieces(flat: Tensor) -> list[Tensor]:
        return [piece.view(parameter.shape) for piece, parameter in zip(flat.split(sizes), parameters, strict=True)]

    for parameter, piece in zip(parameters, pieces(values), strict=True):
        parameter.data = piece
    weights, biases = pieces(values)[::2], pieces(values)[1::2]
    weight_gradients, bias_gradients = pieces(gradient)[::2], pieces(gradient)[1::2]
    last = len(layers) - 1
    for _, (inputs, targets) in zip(range(clock.steps), batches, strict=False):
        active = [inputs.flatten(1)]
        for weight, bias in zip(weights[:last], biases[:last], strict=True):
            active.append(torch.addmm(bias, active[-1], weight.t()).relu_())
        error = torch.addmm(biases[last], active[-1], weights[last].t()).softmax(dim=1)
        error.scatter_add_(1, targets[:, None], torch.full((len(targets), 1), -1.0)).div_(len(targets))
        for place in range(last, -1, -1):
            torch.mm(error.t(), active[place], out=weight_gradients[place])
            torch.sum(error, 0, out=bias_gradients[place])
            if place:
                error = torch.ops.aten.threshold_backward(torch.mm(error, weights[place]), active[place], 0)
        steps += 1
        torch._fused_adam_(
            [values], [gradient], [first], [second], [], [steps], lr=rate, beta1=0.9, beta2=0.999, weight_decay=0.0,
            eps=1e-8, amsgrad=False, maximize=False,
        )  # fmt: skip
        clock.step()


def main(name: str, folder: str, steps: int, precision: str, hand: bool) -> None:
    workload = WORKLOADS[name]
    clock = Clock(steps, workload.batch_size)
    bf16 = precision == "bf16"
    if workload.data == "text":
        train, held_out, kinds = read_text(folder)
        model = language_model(name, kinds)
        batches = batches_of_text(torch.from_numpy(train), workload.batch_size, steps)
        by_autograd(model, batches, workload.learning_rate, bf16, clock)
        tell(quality=nats(model, torch.from_numpy(held_out), CONTEXT), clock=clock)
        return
    arrays = read(folder, workload)
    model = net(name)
    x, y = floats(arrays.x_train), torch.from_numpy(arrays.y_train)
    if x.ndim == 4 and name != "R1":
        model = model.to(memory_format=torch.channels_last)
    batches = batches_of_rows(x.flatten(1) if name == "R1" else x, y, workload.batch_size)
    if hand:
        by_hand(model, batches, workload.learning_rate, clock)
    else:
        by_autograd(model, batches, workload.learning_rate, bf16, clock)
    tell(quality=accuracy(model, floats(arrays.x_test), torch.from_numpy(arrays.y_test)), clock=clock)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], "--by-hand" in sys.argv[5:])

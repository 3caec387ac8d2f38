"""The partition function of a restricted Boltzmann machine: exactly by enumeration, or estimated by annealing.

Annealed importance sampling: R. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001; for these
machines: R. Salakhutdinov, I. Murray, "On the quantitative analysis of deep belief networks", ICML 2008. Chains start
in a machine without weights, whose units follow the data's base rates and whose Z is known, and are led to the machine
in many small steps; the ratio that each step adds up is an unbiased estimate of the ratio of the two Z.

Where we differ: the temperatures lie evenly. The estimate of Z is unbiased and its logarithm is too low on average, so
that a likelihood comes out too high where the chains scatter: read the standard error with it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pellucid.nn.energy import Restricted, draw

ENUMERABLE = 20
"""Units of the smaller side up to which all states are summed: a million terms."""
_STATES_AT_ONCE = 1 << 15


class Annealed(NamedTuple):
    """An estimate of log Z, and how far it may be off.

    Attributes:
        log_z: log of the mean of the chains' weights, plus log Z of the machine that they start in.
        standard_error: of `log_z`, from the scatter of the weights (the delta method).
        log_weights: of each chain, `[chains]`.
    """

    log_z: float
    standard_error: float
    log_weights: Tensor


def enumerable(machine: Restricted) -> bool:
    """Whether one side is small enough to sum over all of its states."""
    return min(machine.weights.shape) <= ENUMERABLE


@torch.no_grad()
def exact(machine: Restricted) -> float:
    """Return log Z by summing over all states of the smaller side; the other side is summed in closed form.

    In float64 on the CPU, because not every accelerator has it.

    Example:
        A machine of V visible and H hidden units without weights and biases has 2^(V + H) states of energy 0.
    """
    weights, outer, inner = (
        t.detach().cpu().double() for t in (machine.weights, machine.hidden_bias, machine.visible_bias)
    )  # the states of `outer` are enumerated
    if weights.shape[1] < weights.shape[0]:
        weights, outer, inner = weights.T, inner, outer
    num_units = len(outer)
    places = torch.arange(num_units)
    total = torch.full((), -math.inf, dtype=torch.float64)
    for start in range(0, 2**num_units, _STATES_AT_ONCE):
        numbers = torch.arange(start, min(start + _STATES_AT_ONCE, 2**num_units))
        states = (numbers[:, None] >> places & 1).double()  # (S, outer)
        terms = states @ outer + F.softplus(torch.addmm(inner, states, weights)).sum(dim=1)  # (S,)
        total = torch.logaddexp(total, terms.logsumexp(dim=0))
    return float(total)


@torch.no_grad()
def annealed(machine: Restricted, base_rates: Float[Tensor, " visible"], *, chains: int, temperatures: int) -> Annealed:
    """Return an estimate of log Z; it draws from torch's own generator.

    Args:
        machine: whose Z is asked for.
        base_rates: how often each visible unit is on in the data, above 0 and below 1: where the chains start.
        chains: how many; the standard error falls with their root.
        temperatures: steps from there to the machine; more of them make the chains agree.
    """
    weights, hidden_bias, visible_bias = (
        t.detach() for t in (machine.weights, machine.hidden_bias, machine.visible_bias)
    )
    start = base_rates.logit()
    visible = draw(base_rates.expand(chains, -1))  # (chains, V)
    precise = torch.float32 if weights.device.type == "mps" else torch.float64  # thousands of small numbers add up
    log_weights = torch.zeros(chains, dtype=precise, device=weights.device)
    bias_step = (visible_bias - start) / temperatures
    for number in range(1, temperatures + 1):
        before, beta = (number - 1) / temperatures, number / temperatures
        # log of the unnormalised p at this temperature minus that at the one before, at the same states
        sums = torch.addmm(hidden_bias, visible, weights.T)  # (chains, H)
        ratio = F.softplus(sums * beta) - F.softplus(sums * before)
        log_weights += (visible @ bias_step + ratio.sum(dim=1)).to(precise)
        hidden = draw(sums.mul_(beta).sigmoid_())
        bias = torch.lerp(start, visible_bias, beta)
        visible = draw(torch.addmm(bias, hidden, weights, alpha=beta).sigmoid_())
    log_z_start = len(hidden_bias) * math.log(2) + float(F.softplus(start.cpu().double()).sum())
    largest = log_weights.max()
    shares = (log_weights - largest).exp()
    relative = float(shares.std() / shares.mean()) / math.sqrt(chains) if chains > 1 else math.nan
    return Annealed(log_z_start + float(largest + shares.mean().log()), relative, log_weights)

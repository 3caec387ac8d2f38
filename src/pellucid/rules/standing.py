"""Where each of several models stands that learn side by side: its best score, the weights to keep, when it stopped.

Each is judged by its own validation, and stops by it as if it were alone. It may be computed on while others learn, but
what is kept of it does not change any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

Keep = Literal["best", "last"]


@dataclass
class Member:
    """One of them, in steps and validations."""

    best_step: int | None = None
    best_rank: list[float] = field(default_factory=list)
    without_better: int = 0
    stopped_at: int | None = None


class Standing:
    """Of K models that learn side by side.

    Attributes:
        members: one for each model.
        improvements: how often one of them has been better than it ever was: it grows as long as somebody learns.
        kept: the weights to keep, by name, `[K, *shape]` each; of a model that has none yet, any.
    """

    def __init__(self, tensors: Mapping[str, Tensor], num: int, patience: int | None, keep: Keep) -> None:
        self.members = [Member() for _ in range(num)]
        self.improvements = 0
        self.kept = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        self._patience, self._keep = patience, keep

    def judge(self, place: int, step: int, rank: Sequence[float], tensors: Mapping[str, Tensor]) -> bool:
        """Take note of a model's validation, and keep its weights where they are the ones to keep.

        Args:
            rank: the larger the better, entry by entry.
            tensors: as they stand, `[K, *shape]` each.

        Returns:
            Whether it is better than ever.
        """
        member = self.members[place]
        assert member.stopped_at is None, "it has stopped"
        better = not member.best_rank or list(rank) > member.best_rank
        if better:
            member.best_step, member.best_rank, member.without_better = step, list(rank), 0
            self.improvements += 1
        else:
            member.without_better += 1
        if self._patience is not None and member.without_better >= self._patience:
            member.stopped_at = step
        if better if self._keep == "best" else member.stopped_at is not None:
            self.keep(place, tensors)
        return better

    @torch.no_grad()
    def keep(self, place: int, tensors: Mapping[str, Tensor]) -> None:
        """Keep the weights of a model as they stand."""
        for name, kept in self.kept.items():
            kept[place].copy_(tensors[name][place])

    def is_final(self, place: int) -> bool:
        """Whether what is kept of a model is what it came to, also where the run has gone to its end."""
        member = self.members[place]
        return member.best_step is not None if self._keep == "best" else member.stopped_at is not None

    def state_dict(self) -> dict[str, Any]:
        """All of it."""
        members = {str(place): dict(vars(member)) for place, member in enumerate(self.members)}
        return {"members": members, "improvements": self.improvements, "kept": dict(self.kept)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.members = [Member(**state["members"][str(place)]) for place in range(len(self.members))]
        self.improvements = int(state["improvements"])
        for name, kept in self.kept.items():
            kept.copy_(state["kept"][name])

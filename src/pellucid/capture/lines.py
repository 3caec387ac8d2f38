"""The lines of a program: which are needed, which write a gradient where it belongs, when memory is let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

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


PRODUCTS, ALIGNMENT = ("mm", "addmm", "bmm"), 64
"""A matrix product rounds by how its memory lies; a tensor of its own begins at a multiple of so many bytes."""


@dataclass
class Line:
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


def into_places(
    lines: Sequence[Line], gradients: Sequence[str], places: Mapping[str, Tensor], returned: Sequence[str]
) -> list[Line]:
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
        lies_well = place.data_ptr() % ALIGNMENT == 0
        if maker is not None and maker.takes_out and uses[gradient] == 1 and (lies_well or maker.name not in PRODUCTS):
            maker.place = (name, place)
        else:
            text = f"{name}.copy_({gradient})"
            copies.append(Line("copy_", [], text, [gradient], None, takes_out=False, stays=True))
    return copies


def needed(lines: Sequence[Line], returned: Sequence[str]) -> list[Line]:
    """The lines whose outputs somebody takes, and those that change something."""
    wanted, kept = set(returned), []
    for line in reversed(lines):
        if line.stays or line.place is not None or wanted & set(line.outputs):
            wanted.update(line.needs)
            kept.append(line)
    return kept[::-1]


def letting_go(lines: Sequence[Line], returned: Sequence[str]) -> Iterator[str]:
    """The lines as text; what is not needed any more is let go, so that its memory serves the next."""
    last = {name: number for number, line in enumerate(lines) for name in [*line.outputs, *line.needs]}
    made = {name for line in lines for name in line.outputs if line.place is None}
    for number, line in enumerate(lines):
        yield str(line)
        done = [name for name in made if last[name] == number and name not in returned]
        if done:
            yield f"del {', '.join(sorted(done))}"

"""The perceptron: threshold units that learn from their mistakes.

F. Rosenblatt, "The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain",
Psychological Review 65, 1958, doi:10.1037/h0042519. A unit sums its weighted inputs and fires where the sum is above
zero. The threshold has no useful derivative, so that no gradient flows through it: the paper's own rule (in `rules/`)
moves the weights of the units that were wrong by the input itself.

Where we differ: the paper's units read a layer of fixed random "association units"; ours read the inputs directly. With
more than two classes there is one unit per class, and the largest sum decides where several units fire, or none.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.errors import PellucidError
from pellucid.nn.inputs import flat_size
from pellucid.spec import Spec


class Config(catalogue.Config):
    """Settings of the perceptron."""

    bias: bool = True
    """Whether each unit learns its threshold; without it, the threshold stays at zero."""


class Perceptron(nn.Module):
    """One threshold unit per class, all weights zero at the start."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        if spec.target is None or spec.target.kind != "category":
            given = "no target" if spec.target is None else f"a target of kind {spec.target.kind!r}"
            raise PellucidError(f"perceptron decides between classes, but there is {given}. Choose linear or mlp.")
        self.units = nn.Linear(flat_size(spec, "perceptron"), spec.num_outputs, bias=config.bias)
        # At zero the number of mistakes does not depend on the learning rate (Novikoff's bound has none in it).
        for parameter in self.units.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch classes"]:
        """Return the sums before the threshold; the largest is the decision."""
        sums: Tensor = self.units(x.flatten(1))
        return sums

    def fires(self, x: Float[Tensor, "batch *shape"]) -> Bool[Tensor, "batch classes"]:
        """Return which units fire: those whose sum is above zero."""
        return self.forward(x) > 0

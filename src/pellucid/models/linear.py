"""Linear regression and softmax (logistic) regression: one weighted sum per output.

Softmax regression is Cox, "The Regression Analysis of Binary Sequences", 1958, doi:10.1111/j.2517-6161.1958.tb00292.x,
for any number of classes; with number targets and a squared loss the same map is least squares (Legendre 1805). The
task decides which: the model gives sums, never probabilities. Images are read as one long row of pixels. It is the
baseline that every deeper network has to beat.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.inputs import flat_size
from pellucid.spec import Spec


class Config(catalogue.Config):
    """Settings of linear and softmax regression."""

    bias: bool = True
    """Whether each output has a constant term of its own; without it, every decision boundary passes through zero."""


class Linear(nn.Module):
    """`outputs = W x + b`, starting at zero."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        self.output = nn.Linear(flat_size(spec, "linear"), spec.num_outputs, bias=config.bias)
        # The loss is convex, so any start reaches the same end; from zero, every class begins equally probable.
        for parameter in self.output.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch outputs"]:
        """Return the sums: logits of the classes, or the predicted numbers."""
        sums: Tensor = self.output(x.flatten(1))
        return sums

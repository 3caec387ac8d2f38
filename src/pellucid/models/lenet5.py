"""LeNet-5, the network that read cheques.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition", Proceedings of
the IEEE 86, 1998, doi:10.1109/5.726791. Two convolutions with 5 x 5 windows, each followed by a halving, find strokes
and their combinations; three full layers name the digit. The layers bear the paper's names, C1 to F6.

Two forms:
- `1998` is the paper's: scaled tanh, a trained coefficient and bias per halved map, and a third layer whose maps see
  only some of the maps before, by the paper's Table I. C1 to F6 have its 60,000 trained parameters.
- `modern` is the network as it is taught today: ReLU, max pooling, full connections, PyTorch's first weights; 61,706
  parameters on 28 x 28 digits.

Where we differ: the 1998 output layer compares F6 with fixed drawings of the characters (RBF units); here it is a
linear layer that is trained (850 parameters more). C5 is a full layer, which is what its 5 x 5 convolution is on 5 x 5
maps; so images of other sizes work too. Those below 32 x 32 get a border of 2 zeros, as the paper centres its digits
of 28 x 28 on 32 x 32. The first weights have variance 1 / fan_in, which LeCun, Bottou, Orr and Müller advise for this
very tanh in "Efficient BackProp" (1998); the +-2.4 / fan_in of the paper's appendix A begins on a plateau.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.inputs import image_shape
from pellucid.spec import Spec

# axes: B rows, H and W height and width of the image, h and w those of the last maps


class Config(catalogue.Config):
    """Settings of LeNet-5."""

    form: Literal["modern", "1998"] = "modern"
    """`modern` for ReLU, max pooling and full connections, which learn faster; `1998` for the network of the paper."""


class ScaledTanh(nn.Module):
    """The paper's squashing function, `1.7159 tanh(2/3 x)`: it maps 1 to 1 and -1 to -1, where it is most curved."""

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Squash each number to between -1.7159 and 1.7159."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsampling(nn.Sequential):
    """S2 and S4: the average of each 2 x 2 window, times a trained coefficient, plus a trained bias, squashed.

    A coefficient and a bias per map is a 1 x 1 convolution that keeps the maps apart. The paper sums the window instead
    of averaging it; the coefficient makes up for the 4.
    """

    def __init__(self, num_maps: int) -> None:
        scale = nn.Conv2d(num_maps, num_maps, kernel_size=1, groups=num_maps)
        nn.init.ones_(scale.weight)  # starts as the plain average
        nn.init.zeros_(scale.bias)  # type: ignore[arg-type]
        super().__init__(nn.AvgPool2d(2), scale, ScaledTanh())


TABLE_I = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
"""Which of the 6 maps of S2 each of the 16 maps of C3 sees."""


class PartialConvolution(nn.Module):
    """C3 of 1998: a 5 x 5 convolution whose maps see only some of the maps before, to make them learn different things.

    Only the 60 kernels that exist are parameters. They are laid into a full weight with zeros in between, because one
    dense convolution is many times as fast on a CPU as the grouped ones that would skip the zeros.
    """

    connected: Tensor

    def __init__(self, connections: tuple[tuple[int, ...], ...], num_inputs: int) -> None:
        super().__init__()
        self.shape = (len(connections), num_inputs, 5, 5)
        places = [row * num_inputs + column for row, seen in enumerate(connections) for column in seen]
        self.register_buffer("connected", torch.tensor(places), persistent=False)
        fan_in = torch.tensor([25.0 * len(seen) for seen in connections for _ in seen])
        self.kernels = nn.Parameter(torch.randn(len(places), 5, 5) / fan_in.sqrt().view(-1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(len(connections)))

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch maps inner_height inner_width"]:
        """Return one map per row of the table."""
        rows, columns, *window = self.shape
        weight = self.kernels.new_zeros(rows * columns, *window).index_copy(0, self.connected, self.kernels)
        return F.conv2d(x, weight.view(self.shape), self.bias)


class LeNet5(nn.Module):
    """C1, S2, C3, S4: convolutions and halvings. C5, F6 and the output: full layers."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        channels, height, width = image_shape(spec, "lenet5", smallest=12)
        border = 2 if min(height, width) < 32 else 0
        h, w = (((size + 2 * border - 4) // 2 - 4) // 2 for size in (height, width))  # 5 x 5 on the paper's 32 x 32

        self.c1 = nn.Conv2d(channels, 6, kernel_size=5, padding=border)
        self.c5 = nn.Linear(16 * h * w, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, spec.num_outputs)
        self.c3: nn.Module
        if config.form == "1998":
            self.squash: nn.Module = ScaledTanh()
            self.s2: nn.Module = Subsampling(6)
            self.s4: nn.Module = Subsampling(16)
            self.c3 = PartialConvolution(TABLE_I, num_inputs=6)
            for layer in (self.c1, self.c5, self.f6, self.output):
                start_near_the_bend(layer)
        else:
            self.squash = nn.ReLU()
            self.s2, self.s4 = halving(), halving()
            self.c3 = nn.Conv2d(6, 16, kernel_size=5)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        """Return logits of the classes, or the predicted numbers."""
        maps = self.s2(self.c1(x))  # (B, 6, H / 2, W / 2)
        maps = self.s4(self.c3(maps))  # (B, 16, h, w)
        units = self.squash(self.c5(maps.flatten(1)))  # (B, 120)
        units = self.squash(self.f6(units))  # (B, 84)
        outputs: Tensor = self.output(units)
        return outputs


def halving() -> nn.Sequential:
    """S2 and S4 of today: the largest of each 2 x 2 window, then ReLU.

    ReLU never changes which of two numbers is larger, so that it gives the same values after the pooling as before it,
    for a quarter of the work.
    """
    return nn.Sequential(nn.MaxPool2d(2), nn.ReLU())


def start_near_the_bend(layer: nn.Conv2d | nn.Linear) -> None:
    """Draw weights with variance 1 / fan_in: the sums then start near one, where the scaled tanh bends most."""
    assert layer.bias is not None
    nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
    nn.init.zeros_(layer.bias)

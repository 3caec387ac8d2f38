"""U-Net: a class for every pixel, from what is seen of its surroundings and from where exactly it lies.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
arXiv:1505.04597. A contracting path of convolutions and halvings sees ever more of the picture, ever more coarsely; an
expanding path doubles the resolution again, and at each level meets, by a skip connection, the maps that the
contracting path had there. So what is known of the whole is laid out at the precision of the parts.

Where we differ: convolutions are padded, so that outputs are as large as inputs and nothing is cropped between the
paths (the paper loses 92 pixels at each edge and tiles its pictures with overlap); batch norm follows each convolution;
four levels of 16 to 128 maps in place of five of 64 to 1024; and the first convolution may take every second pixel, the
last layer then giving 2 x 2 outputs for each (Shi et al. 2016, arXiv:1609.05158): four times faster.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.initialisers import initialise
from pellucid.nn.inputs import image_shape
from pellucid.nn.norms import NormName, image_norm
from pellucid.spec import Spec

# axes: B rows, C maps, H height, W width, K outputs per pixel


class Config(catalogue.Config):
    """Settings of the U-Net."""

    widths: tuple[Annotated[int, Field(gt=0)], ...] = Field((16, 32, 64, 128), min_length=2)
    """Maps of each level, from the finest to the coarsest; each level sees at half the resolution of the one above. The
    paper has 64, 128, 256, 512, 1024."""
    stride: Literal[1, 2, 4] = 1
    """What the first convolution divides the resolution by; 1 is the paper's. At 2 a step takes about a quarter of
    the time, and what is thinner than two pixels is hardly found."""
    norm: NormName = "batch"
    """What normalises the maps; the paper has none, and trains for ten hours."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the coarsest maps that is silenced at random in training, each map as a whole; the paper does so."""


class Convolutions(nn.Module):
    """Two 3 x 3 convolutions, each followed by a norm and a ReLU; the first may stride."""

    def __init__(self, in_maps: int, out_maps: int, *, norm: str, stride: int = 1) -> None:
        super().__init__()
        bias = norm != "batch"  # batch norm would subtract it again
        self.convolution1 = nn.Conv2d(in_maps, out_maps, kernel_size=3, stride=stride, padding=1, bias=bias)
        self.norm1 = image_norm(norm, out_maps)
        self.convolution2 = nn.Conv2d(out_maps, out_maps, kernel_size=3, padding=1, bias=bias)
        self.norm2 = image_norm(norm, out_maps)

    def forward(
        self, x: Float[Tensor, "batch in_maps height width"]
    ) -> Float[Tensor, "batch out_maps out_height out_width"]:
        """Return maps at the resolution of the input, or at that divided by the stride."""
        maps: Tensor = F.relu(self.norm1(self.convolution1(x)))
        return F.relu(self.norm2(self.convolution2(maps)))


class Expansion(nn.Module):
    """Twice the resolution by a 2 x 2 up-convolution, beside the maps of the contracting path, and two convolutions."""

    def __init__(self, in_maps: int, out_maps: int, *, norm: str) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_maps, out_maps, kernel_size=2, stride=2)
        self.convolutions = Convolutions(2 * out_maps, out_maps, norm=norm)

    def forward(
        self,
        x: Float[Tensor, "batch in_maps half_height half_width"],
        skipped: Float[Tensor, "batch maps height width"],
    ) -> Float[Tensor, "batch maps height width"]:
        """Return the maps of the level above."""
        maps: Tensor = self.convolutions(torch.cat([skipped, self.up(x)], dim=1))  # (B, 2C, H, W) goes in
        return maps


class UNet(nn.Module):
    """A contracting path, an expanding path, and what connects them at each level."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        channels, _, _ = image_shape(spec, "unet", smallest=8)
        finest, *coarser = config.widths
        self.first = Convolutions(channels, finest, norm=config.norm, stride=config.stride)
        self.contracting = nn.ModuleList(
            Convolutions(above, below, norm=config.norm) for above, below in pairwise(config.widths)
        )
        self.halving = nn.MaxPool2d(2)
        self.dropout = nn.Dropout2d(config.dropout) if config.dropout else nn.Identity()
        self.expanding = nn.ModuleList(
            Expansion(below, above, norm=config.norm) for above, below in reversed(list(pairwise(config.widths)))
        )
        initialise(self, "he")  # the paper's; the output layer keeps PyTorch's smaller weights
        self.output = nn.ConvTranspose2d(finest, spec.num_outputs, kernel_size=config.stride, stride=config.stride)
        self.multiple = config.stride * 2 ** len(coarser)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs height width"]:
        """Return logits of the classes at every pixel."""
        height, width = x.shape[2:]
        below, beside = -height % self.multiple, -width % self.multiple
        if below or beside:  # halvings come out even; what is added repeats the edge, and is cut off again
            x = F.pad(x, (0, beside, 0, below), mode="replicate")
        maps = self.first(x)  # (B, 16, H, W), or at half of both
        skipped = []
        for level in self.contracting:
            skipped.append(maps)
            maps = level(self.halving(maps))  # (B, 2C, H / 2, W / 2)
        maps = self.dropout(maps)
        for level in self.expanding:
            maps = level(maps, skipped.pop())  # (B, C / 2, 2H, 2W)
        outputs: Tensor = self.output(maps)  # (B, K, H, W)
        return outputs[:, :, :height, :width]

"""DCGAN: two convolutional networks that learn against each other, one to paint and one to tell paintings from data.

The game is I. Goodfellow et al., "Generative Adversarial Nets", 2014, arXiv:1406.2661; the networks are A. Radford,
L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
2015, arXiv:1511.06434. The generator projects a latent to a small stack of maps and doubles it by transposed
convolutions; the discriminator is its mirror image, strided convolutions down to one score. Batch norm everywhere but
at the image, ReLU in the generator, leaky ReLU in the discriminator, weights from N(0, 0.02).

Where we differ: the sides of the images come from the data, so the number of stages does too (as many halvings as
leave 4 pixels, and two at least; the paper's four for its 64 x 64), and images are in 0 to 1: the paper's tanh, moved
there by (tanh + 1) / 2, so that the last layer and its gradients are the paper's.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.inputs import image_shape
from pellucid.nn.norms import image_norm
from pellucid.spec import Spec

# axes: B rows, Z latent, C channels (maps), H height, W width

SMALLEST = 4
"""Pixels of the shorter side where halving ends."""
FEWEST_STAGES = 2
"""Of the smallest images: one convolution alone sees no shapes."""
SLOPE = 0.2
"""Of the discriminator's leaky ReLU below zero."""

NormName = Literal["none", "batch", "layer"]


class Config(catalogue.Config):
    """Settings of a DCGAN."""

    latent: int = Field(64, ge=1)
    """Numbers that a sample is made from; the paper's 100 for scenes, fewer are enough for digits."""
    width: int = Field(64, ge=1)
    """Maps of the stage next to the image; every halving doubles them. The paper has 128."""
    norm: NormName = "batch"
    """What normalises the generator's maps; without batch norm it tends to paint one picture only."""
    discriminator_norm: NormName = "batch"
    """What normalises the discriminator's maps. A gradient penalty is a matter of single rows, which batch norm mixes:
    take layer or none for it."""


class Enlargement(nn.Module):
    """A transposed convolution that doubles the sides, a norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, odd: tuple[int, int], norm: str) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(
            in_channels, out_channels, 4, stride=2, padding=1, output_padding=odd, bias=norm != "batch"
        )
        self.norm = image_norm(norm, out_channels)
        self.activation = nn.ReLU()

    def forward(
        self, x: Float[Tensor, "batch maps height width"]
    ) -> Float[Tensor, "batch fewer_maps double_h double_w"]:
        """Return fewer maps at twice the sides."""
        maps: Tensor = self.activation(self.norm(self.convolution(x)))
        return maps


class Reduction(nn.Module):
    """A strided convolution that halves the sides, a norm, leaky ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, norm: str) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=norm != "batch")
        self.norm = image_norm(norm, out_channels)
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Float[Tensor, "batch maps height width"]) -> Float[Tensor, "batch more_maps half_h half_w"]:
        """Return more maps at half the sides."""
        maps: Tensor = self.activation(self.norm(self.convolution(x)))
        return maps


class Generator(nn.Module):
    """A latent, projected to small maps and enlarged stage by stage to an image in 0 to 1."""

    def __init__(
        self, *, latent: int, widths: tuple[int, ...], sides: tuple[tuple[int, int], ...], channels: int, norm: str
    ) -> None:
        super().__init__()
        self.start = (widths[-1], *sides[-1])
        self.projection = nn.Linear(latent, math.prod(self.start), bias=norm != "batch")
        self.norm = image_norm(norm, widths[-1])
        self.activation = nn.ReLU()
        odd = [(height % 2, width % 2) for height, width in sides[:-1]]  # halving dropped a row or a column there
        self.stages = nn.Sequential(
            *(
                Enlargement(more, fewer, odd=left, norm=norm)
                for (fewer, more), left in zip(reversed(list(pairwise(widths))), reversed(odd[1:]), strict=True)
            )
        )
        self.image = nn.ConvTranspose2d(widths[0], channels, 4, stride=2, padding=1, output_padding=odd[0])

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channels height width"]:
        """Return an image for each latent."""
        maps = self.projection(latents).view(-1, *self.start)  # (B, C, H / 2^stages, W / 2^stages)
        maps = self.stages(self.activation(self.norm(maps)))  # (B, width, H / 2, W / 2)
        images: Tensor = (torch.tanh(self.image(maps)) + 1) / 2  # (B, channels, H, W)
        return images


class Discriminator(nn.Module):
    """Images in 0 to 1, reduced stage by stage to one score each: the higher, the likelier to be data."""

    def __init__(self, *, widths: tuple[int, ...], smallest: tuple[int, int], channels: int, norm: str) -> None:
        super().__init__()
        norms = ("none", *[norm] * (len(widths) - 1))  # none at the image, as in the paper
        self.stages = nn.Sequential(
            *(
                Reduction(before, after, norm=name)
                for (before, after), name in zip(pairwise((channels, *widths)), norms, strict=True)
            )
        )
        self.score = nn.Linear(widths[-1] * math.prod(smallest), 1)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, " batch"]:
        """Return the score of each image."""
        maps = self.stages(2 * images - 1)  # (B, C, H / 2^stages, W / 2^stages)
        scores: Tensor = self.score(maps.flatten(1))[:, 0]
        return scores


class DCGAN(nn.Module):
    """The pair. Passed through, it shows the discriminator a batch of images and as many samples of the generator."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        channels, *image = image_shape(spec, "dcgan", smallest=2 * SMALLEST)
        sides = [(image[0], image[1])]
        while min(sides[-1]) // 2 >= SMALLEST or len(sides) <= FEWEST_STAGES:
            sides.append((sides[-1][0] // 2, sides[-1][1] // 2))
        widths = tuple(config.width * 2**stage for stage in range(len(sides) - 1))
        self.latent_size = config.latent
        self.generator = Generator(
            latent=config.latent, widths=widths, sides=tuple(sides), channels=channels, norm=config.norm
        )
        self.discriminator = Discriminator(
            widths=widths, smallest=sides[-1], channels=channels, norm=config.discriminator_norm
        )
        for module in self.modules():
            start_as_published(module)

    def generate(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channels height width"]:
        """Return the generator's image of each latent."""
        images: Tensor = self.generator(latents)
        return images

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch 2"]:
        """Return the scores of the images, and of as many samples from fresh latents."""
        latents = torch.randn(len(images), self.latent_size, device=images.device)
        return torch.stack([self.discriminator(images), self.discriminator(self.generator(latents))], dim=1)  # (B, 2)


def start_as_published(module: nn.Module) -> None:
    """Draw a layer's weights from N(0, 0.02), a norm's scales from N(1, 0.02); biases start at zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)

"""Residual networks for small images, and plain networks of equal depth.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 4.2.
Two 3 x 3 convolutions learn what to add to their input instead of what to make of it, so that a deeper network can do
at least as well as a shallower one: its extra blocks need only add nothing. Three stages of n blocks with 16, 32 and 64
maps, a mean over positions and a linear map make 6n + 2 layers.

Where we differ: the architecture is the paper's; it takes 32 x 32 images, ours may have any size from 8 x 8 on and any
channels. `shortcut = "none"` is the paper's plain network, for the experiment of its Figure 6.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field, field_validator
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.initialisers import initialise
from pellucid.nn.inputs import image_shape
from pellucid.spec import Spec

# axes: B rows, C maps, H height, W width, O outputs

Shortcut = Literal["A", "B", "none"]


class Config(catalogue.Config):
    """Settings of a residual network for small images."""

    depth: int = Field(20, ge=8, le=110)
    """Layers with weights, 6n + 2 for n blocks per stage; 20 is the paper's smallest, at 0.27 million parameters."""
    width: int = Field(16, gt=0)
    """Maps of the first stage, doubled at each of the next two; the paper's networks all have 16."""
    shortcut: Shortcut = "A"
    """What stands in where a block changes the shape: A takes every second pixel and fills up with zero maps, free of
    parameters (the paper's choice here); B learns a 1 x 1 convolution; none leaves out all shortcuts: a plain net."""

    @field_validator("depth")
    @classmethod
    def _depth_is_6n_plus_2(cls, depth: int) -> int:
        if (depth - 2) % 6:
            below = depth - (depth - 2) % 6
            raise ValueError(f"6n + 2 layers (8, 14, 20, 32, 44, 56, 110); the nearest are {below} and {below + 6}")
        return depth


class ZeroPaddedShortcut(nn.Module):
    """Option A: every second pixel, and zeros for the maps that are new."""

    def __init__(self, num_new_maps: int) -> None:
        super().__init__()
        self.num_new_maps = num_new_maps

    def forward(
        self, x: Float[Tensor, "batch in_maps height width"]
    ) -> Float[Tensor, "batch out_maps half_height half_width"]:
        """Return the input at half the resolution, with `num_new_maps` empty maps behind its own."""
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.num_new_maps))


class Block(nn.Module):
    """`relu(shortcut(x) + F(x))`, where F is two convolutions, each followed by batch norm, with a ReLU between."""

    def __init__(self, in_maps: int, out_maps: int, *, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(in_maps, out_maps, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_maps)
        self.convolution2 = nn.Conv2d(out_maps, out_maps, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_maps)
        self.shortcut: nn.Module | None
        if shortcut == "none":
            self.shortcut = None
        elif stride == 1:
            self.shortcut = nn.Identity()
        elif shortcut == "A":
            self.shortcut = ZeroPaddedShortcut(out_maps - in_maps)
        else:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_maps, out_maps, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(out_maps)
            )

    def forward(
        self, x: Float[Tensor, "batch in_maps height width"]
    ) -> Float[Tensor, "batch out_maps out_height out_width"]:
        """Return the input plus what the block has learned to add to it."""
        residual: Tensor = F.relu(self.norm1(self.convolution1(x)))  # (B, C, H / stride, W / stride)
        residual = self.norm2(self.convolution2(residual))
        return F.relu(residual if self.shortcut is None else self.shortcut(x) + residual)


class ResNet(nn.Module):
    """A convolution, three stages of n blocks, a mean over positions, a linear map."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        channels, _, _ = image_shape(spec, "resnet", smallest=8)
        num_blocks = (config.depth - 2) // 6
        widths = (config.width, 2 * config.width, 4 * config.width)
        self.convolution = nn.Conv2d(channels, widths[0], kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.stage1 = stage(widths[0], widths[0], num_blocks, stride=1, shortcut=config.shortcut)
        self.stage2 = stage(widths[0], widths[1], num_blocks, stride=2, shortcut=config.shortcut)
        self.stage3 = stage(widths[1], widths[2], num_blocks, stride=2, shortcut=config.shortcut)
        initialise(self, "he")  # the paper's, for what a ReLU follows; the output layer keeps PyTorch's smaller weights
        self.output = nn.Linear(widths[2], spec.num_outputs)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        """Return logits of the classes, or the predicted numbers."""
        maps = F.relu(self.norm(self.convolution(x)))  # (B, 16, H, W)
        maps = self.stage1(maps)  # (B, 16, H, W)
        maps = self.stage2(maps)  # (B, 32, H / 2, W / 2)
        maps = self.stage3(maps)  # (B, 64, H / 4, W / 4)
        features = maps.mean(dim=(2, 3))  # (B, 64)
        outputs: Tensor = self.output(features)  # (B, O)
        return outputs


def stage(in_maps: int, out_maps: int, num_blocks: int, *, stride: int, shortcut: Shortcut) -> nn.Sequential:
    """Return `num_blocks` blocks, the first of which changes the number of maps and the resolution."""
    first = Block(in_maps, out_maps, stride=stride, shortcut=shortcut)
    return nn.Sequential(
        first, *(Block(out_maps, out_maps, stride=1, shortcut=shortcut) for _ in range(num_blocks - 1))
    )

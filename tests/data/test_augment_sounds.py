"""Augmentations of sounds beside the same by hand, one row after another."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.equalise import Config as EqualiseConfig
from pellucid.data.augmentations.equalise import Equalise, curves
from pellucid.data.augmentations.noise import Config as NoiseConfig
from pellucid.data.augmentations.noise import Noise, noisy
from pellucid.data.augmentations.shift import Config as ShiftConfig
from pellucid.data.augmentations.shift import Shift, moved
from pellucid.data.augmentations.spec_augment import Config as SpecAugmentConfig
from pellucid.data.augmentations.spec_augment import SpecAugment
from pellucid.data.augmentations.speed import Config as SpeedConfig
from pellucid.data.augmentations.speed import Speed, played
from pellucid.errors import DataError
from pellucid.spec import Field, Spec

AUDIO = Spec(Field("audio", (800,), rate=8000))
IMAGE = Spec(Field("image", (1, 40, 60), unit="own"))


def sounds(rows: int = 5) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(-30000, 30000, (rows, 800)).astype(np.int16))


def test_speed_is_interpolation() -> None:
    given, speeds = sounds(), torch.tensor([1.0, 0.8, 1.25, 2.0, 0.5])
    ours = played(given, speeds)
    assert ours.dtype == torch.int16
    assert torch.equal(ours[0], given[0])
    for row, speed in enumerate(speeds.tolist()):
        places = np.arange(800) * speed
        by_hand = np.interp(places, np.arange(801), [*given[row].tolist(), 0], right=0.0)
        assert np.abs(ours[row].numpy() - by_hand).max() <= 4  # places are float32


def test_shift_by_hand() -> None:
    given = sounds()
    by = torch.tensor([0, 3, -3, 700, -799])
    for row, places in enumerate(by.tolist()):
        by_hand = torch.zeros(800, dtype=torch.int16)
        if places >= 0:
            by_hand[places:] = given[row, : 800 - places]
        else:
            by_hand[:places] = given[row, -places:]
        assert torch.equal(moved(given, by)[row], by_hand)


def test_noise_is_softer_by_so_many_decibels() -> None:
    given = sounds(4) // 8  # far from full scale: nothing is cut
    decibels = torch.tensor([0.0, 10.0, 20.0, 30.0])
    white = Draw(3, torch.arange(4)).noise(given.float())
    added = (noisy(given, white, decibels) - given).double()
    ratio = 10 * torch.log10(given.double().square().mean(dim=1) / added.square().mean(dim=1))
    assert torch.allclose(ratio.float(), decibels, atol=0.5)  # of 800 samples
    assert torch.equal(noisy(torch.zeros_like(given), white, decibels), torch.zeros_like(given))
    loud = torch.full((1, 800), 32767, dtype=torch.int16)
    assert int(noisy(loud, torch.full((1, 800), 9.0), torch.zeros(1)).min()) == 32767  # cut, not turned over


def test_noise_draws_its_ratio_for_each_sound() -> None:
    step = Noise(NoiseConfig(loudest=10, softest=30), AUDIO)
    given = sounds(400) // 8
    added = (step.apply({"input": given}, Draw(3, torch.arange(400)))["input"] - given).double()
    ratio = 10 * torch.log10(given.double().square().mean(dim=1) / added.square().mean(dim=1))
    assert 9 < float(ratio.min()) < 11.5
    assert 28.5 < float(ratio.max()) < 31
    with pytest.raises(DataError, match="adds noise to sounds"):
        Noise(NoiseConfig(), IMAGE)
    with pytest.raises(ValueError, match="loudest up to softest"):
        NoiseConfig(loudest=30, softest=10)


def test_curves_are_straight_between_knots() -> None:
    knots = torch.tensor([[0.0, 1.0, -1.0], [2.0, 2.0, 2.0]])
    ours = curves(knots, 41)
    for row, heights in enumerate(knots.numpy()):
        np.testing.assert_allclose(ours[row], np.interp(np.linspace(0, 2, 41), np.arange(3), heights), atol=1e-6)


def test_bands_are_raised_alike_at_all_times_and_in_each_sound_otherwise() -> None:
    step = Equalise(EqualiseConfig(largest=0.5, knots=4), IMAGE)
    given = torch.rand(200, 1, 40, 60)
    added = step.apply({"input": given}, Draw(3, torch.arange(200)))["input"] - given
    assert torch.allclose(added, added[..., :1].expand_as(added), atol=1e-6)
    ends = added[:, 0, [0, -1], 0]  # the first knot and the last: from -0.5 to 0.5, all as likely
    assert 0.45 < ends.abs().max() <= 0.5 + 1e-6
    assert abs(float(ends.mean())) < 0.06
    assert len(ends[:, 0].unique()) == 200
    with pytest.raises(DataError, match="raises bands of spectrograms"):
        Equalise(EqualiseConfig(), AUDIO)


def test_masks_are_rectangles_of_zeros_within_their_shares() -> None:
    step = SpecAugment(SpecAugmentConfig(bands=0.2, frames=0.1, masks=1), IMAGE)
    given = torch.rand(400, 1, 40, 60) + 1
    ours = step.apply({"input": given}, Draw(3, torch.arange(400)))["input"]
    covered = ours == 0
    assert torch.equal(ours[~covered], given[~covered])
    bands, frames = covered[:, 0].all(dim=2), covered[:, 0].all(dim=1)  # (400, 40), (400, 60)
    assert torch.equal(covered[:, 0], bands[:, :, None] | frames[:, None, :])
    for mask, most in ((bands, 8), (frames, 6)):
        widths = mask.sum(dim=1)
        assert set(widths.tolist()) == set(range(most + 1))  # every width occurs, no other
        assert (mask.int().diff(dim=1) == 1).sum(dim=1).max() <= 1  # in one piece
        assert mask.any(dim=0).all()  # and everywhere


@pytest.mark.parametrize(("step", "config"), [(Speed, SpeedConfig()), (Shift, ShiftConfig(seconds=0.02))])
def test_a_row_is_changed_by_seed_and_row_alone(step: type[Speed] | type[Shift], config: SpeedConfig) -> None:
    given, augmentation = sounds(), step(config, AUDIO)
    whole = augmentation.apply({"input": given}, Draw(3, torch.arange(5)))["input"]
    one = augmentation.apply({"input": given[2:3]}, Draw(3, torch.tensor([2])))["input"]
    assert torch.equal(whole[2:3], one)
    assert not torch.equal(whole, given)
    assert not torch.equal(whole, augmentation.apply({"input": given}, Draw(4, torch.arange(5)))["input"])


def test_what_has_no_meaning_is_refused() -> None:
    for step, config, spec in ((Speed, SpeedConfig(), IMAGE), (Shift, ShiftConfig(), IMAGE)):
        with pytest.raises(DataError, match="the input is image"):
            step(config, spec)
    with pytest.raises(DataError, match="the input is none"):
        SpecAugment(SpecAugmentConfig(), AUDIO)
    with pytest.raises(DataError, match=r"seconds = 0.1 is no part of sounds of 0.1 s"):
        Shift(ShiftConfig(), AUDIO)

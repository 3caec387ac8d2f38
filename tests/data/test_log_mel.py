"""Log-mel spectrograms beside SciPy's short-time Fourier transform and the formulas by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import stft

from pellucid.data import log_mel
from pellucid.data.log_mel import LogMel
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.split import rows_hash
from pellucid.errors import DataError
from pellucid.spec import Field


def noise(rows: int, samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3000, (rows, samples)).round().astype(np.int16)


def by_hand(sound: np.ndarray, rate: int, mels: int) -> np.ndarray:
    """One row's logarithms `[mels, frames]`, from the formulas in the module's docstring."""
    window, hop = round(0.025 * rate), round(0.01 * rate)
    length, _ = log_mel.filters(rate, mels)
    _, _, spectrum = stft(
        sound / 32768, rate, "hann", window, window - hop, length, boundary=None, padded=False, scaling="spectrum"
    )
    power = np.abs(spectrum) ** 2  # (L / 2 + 1, F)
    top = 2595 * np.log10(1 + rate / 2 / 700)
    centres = [700 * (10 ** (top * place / (mels + 1) / 2595) - 1) for place in range(mels + 2)]
    sums = np.zeros((mels, power.shape[1]))
    for band in range(mels):
        low, middle, high = centres[band : band + 3]
        for place in range(length // 2 + 1):
            f = place * rate / length
            if low < f <= middle:
                sums[band] += (f - low) / (middle - low) * power[place]
            elif middle < f < high:
                sums[band] += (high - f) / (high - middle) * power[place]
    return np.log(sums / sums.max() + 1e-3)


@pytest.mark.parametrize(("rate", "mels"), [(8000, 40), (16000, 64), (22050, 20)])
def test_beside_scipy(rate: int, mels: int) -> None:
    sounds = noise(3, rate // 2)
    ours = log_mel.log_mel(rate, mels, "cpu")(torch.from_numpy(sounds)).numpy()
    for row, sound in enumerate(sounds):
        expected = by_hand(sound, rate, mels)
        assert ours[row].shape == expected.shape
        np.testing.assert_allclose(ours[row], expected, atol=2e-4)


def test_a_tone_is_heard_in_its_band() -> None:
    for hertz in (250, 1000, 3000):
        sound = (8000 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)).round().astype(np.int16)
        bands = log_mel.log_mel(8000, 40, "cpu")(torch.from_numpy(sound[None]))[0]
        top = log_mel.hertz_to_mel(4000)
        nearest = round(log_mel.hertz_to_mel(hertz) / top * 41) - 1
        assert set(bands.argmax(dim=0).tolist()) == {nearest}


def test_loudness_does_not_matter_and_silence_is_finite() -> None:
    spectrogram = log_mel.log_mel(8000, 40, "cpu")
    sound = torch.from_numpy(noise(1, 4000) // 2)
    assert torch.allclose(spectrogram(sound), spectrogram(3 * sound), atol=1e-3)
    assert torch.equal(spectrogram(torch.zeros(1, 4000, dtype=torch.int16)).unique(), torch.tensor([1e-3]).log())


def test_every_band_holds_a_frequency_and_too_many_are_refused() -> None:
    for rate, mels in ((8000, 40), (8000, 80), (16000, 80), (44100, 128)):
        length, weights = log_mel.filters(rate, mels)
        assert weights.shape == (length // 2 + 1, mels)
        assert weights.max(axis=0).min() > 0
        assert weights.max() <= 1
    with pytest.raises(DataError, match=r"prepare\.mels = 256 bands are too narrow"):
        log_mel.filters(1000, 256)


def test_fitted_on_training_rows_alone() -> None:
    values = noise(700, 1000)
    values[600:] = 0  # held out
    train = np.arange(600)
    step = LogMel.fit("input", values, Field("audio", (1000,), rate=8000), train, 32)
    assert (step.fitted_on["rows"], step.fitted_on["hash"]) == (600, rows_hash(train))
    assert (step.field.kind, step.field.shape) == ("image", (1, 32, 11))
    assert step.raw == Field("audio", (1000,), rate=8000)
    plain = log_mel.log_mel(8000, 32, "cpu")(torch.from_numpy(values[:600])).double().numpy()
    np.testing.assert_allclose(step.mean, plain.mean(axis=(0, 2)), rtol=1e-9)
    np.testing.assert_allclose(step.std, plain.std(axis=(0, 2)), rtol=1e-9)
    prepared = step.bind("cpu")(torch.from_numpy(values[:600]))
    assert prepared.shape == (600, 1, 32, 11)
    assert prepared.mean(dim=(0, 1, 3)).abs().max() < 1e-4
    again = Preprocessing.from_dict(Preprocessing({"input": step}).to_dict())
    assert again.steps == {"input": step}
    assert torch.equal(again.apply("input", torch.from_numpy(values[:9])), prepared[:9])


def test_without_standardising_and_silence_alone() -> None:
    values = np.zeros((4, 1000), np.int16)
    field = Field("audio", (1000,), rate=8000)
    plain = LogMel.fit("input", values, field, np.arange(4), None, standardize=False)
    assert (set(plain.mean), set(plain.std), len(plain.mean)) == ({0.0}, {1.0}, 40)
    silent = LogMel.fit("input", values, field, np.arange(4), None)
    assert silent.bind("cpu")(torch.from_numpy(values)).abs().max() < 1e-5


def test_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(DataError, match=r"have 100 samples and a frame of 25 ms has 200\. Give more data\.seconds"):
        LogMel.fit("input", noise(3, 100), Field("audio", (100,), rate=8000), np.arange(3), None)

"""Log-mel spectrograms: how loud a sound is at each time in bands of frequency that are as wide as the ear has them.

A frame of 25 ms is taken every 10 ms and multiplied by a Hann window; its power spectrum is summed with triangular
weights whose centres are evenly spaced on the mel scale

    mel(f) = 2595 log10(1 + f / 700)        (D. O'Shaughnessy, "Speech Communication", 1987; as HTK has it)

from 0 to half the rate, each 1 at its centre and 0 at its neighbours' centres (S. B. Davis & P. Mermelstein 1980,
doi:10.1109/TASSP.1980.1163420). The sums are divided by the largest of the sound, so that it does not matter how loud
it was recorded; the natural logarithm of that, a floor added, is brought to mean 0 and standard deviation 1 per band,
by the training rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int16
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.batch import tensor_of
from pellucid.data.columns import Rows
from pellucid.data.steps import Apply, seen
from pellucid.errors import DataError
from pellucid.spec import Field

# axes: B rows, S samples, F frames, L samples of a transform, M bands

WINDOW, HOP = 0.025, 0.010
"""Seconds of a frame, and from one to the next: speech hardly changes within the first."""
MELS = 40
"""Bands where a recipe does not say."""
FLOOR, SILENCE = 1e-3, 1e-12
"""Added to every band's share of the loudest, hence 30 dB below it: what is softer is mostly the noise of the room and
the microphone. And the power, of full scale squared, that the loudest is taken to have at least."""
PADDING = 8
"""How many times its frame a transform may be as long, so that the narrowest band holds a frequency."""
FITTED_ROWS = 256
"""Rows whose spectrograms are looked at together when fitting."""
FULL_SCALE = 32768


@dataclass(frozen=True)
class LogMel:
    """A log-mel spectrogram of every row, as an image whose height is bands and whose width is frames.

    Attributes:
        column: the column it was fitted on.
        rate: samples per second.
        samples: of a row.
        mean, std: of each band in nats, one per band, the lowest first. The std of a band that never changes is 1.
        fitted_on: the part, the number of its rows and their hash.
    """

    column: str
    rate: int
    samples: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fitted_on: Mapping[str, Any]
    name = "log_mel"

    @staticmethod
    def fit(
        column: str, values: NDArray[Any], field: Field, rows: Rows, mels: int | None, standardize: bool = True
    ) -> LogMel:
        """Fit on the given rows of int16 `[N, samples]` values; the sums are float64.

        Raises:
            DataError: a row is shorter than a frame, or there are more bands than the spectrum can tell apart.
        """
        (samples,) = field.shape
        window = frame_length(field.rate)
        if samples < window:
            raise DataError(
                f"The sounds have {samples} samples and a frame of {1000 * WINDOW:g} ms has {window}. "
                "Give more data.seconds."
            )
        mean, std = np.zeros(mels or MELS), np.ones(mels or MELS)
        if standardize:
            spectrogram = log_mel(field.rate, len(mean), "cpu")
            total, squares, count = np.zeros(len(mean)), np.zeros(len(mean)), 0
            for start in range(0, len(rows), FITTED_ROWS):
                bands = spectrogram(tensor_of(values[rows[start : start + FITTED_ROWS]])).double()  # (B, M, F)
                total += bands.sum(dim=(0, 2)).numpy()
                squares += bands.square().sum(dim=(0, 2)).numpy()  # logarithms of -7 to 0: no digits are lost
                count += len(bands) * bands.shape[2]
            mean = total / count
            deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
            std = np.where(deviation > 1e-6, deviation, 1.0)
        return LogMel(column, field.rate, samples, tuple(mean.tolist()), tuple(std.tolist()), seen(rows))

    @property
    def raw(self) -> Field:
        """What its rows are before it."""
        return Field("audio", (self.samples,), rate=self.rate)

    @property
    def field(self) -> Field:
        """What a model meets: one channel, bands, frames."""
        frames = 1 + (self.samples - frame_length(self.rate)) // hop_length(self.rate)
        return Field("image", (1, len(self.mean), frames), unit="own")

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return the function from samples `[B, S]` to standardised spectrograms `[B, 1, M, F]`."""
        spectrogram = log_mel(self.rate, len(self.mean), device)
        mean, std = (torch.tensor(each, device=device)[:, None] for each in (self.mean, self.std))

        def apply(values: Tensor) -> Tensor:
            return ((spectrogram(values) - mean) / std).unsqueeze(1)

        return apply

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        return {
            "name": "log_mel",
            "column": self.column,
            "rate": self.rate,
            "samples": self.samples,
            "mean": self.mean,
            "std": self.std,
            "fitted_on": self.fitted_on,
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> LogMel:
        """Read what `to_dict` made."""
        mean, std = tuple(values["mean"]), tuple(values["std"])
        return LogMel(values["column"], values["rate"], values["samples"], mean, std, values["fitted_on"])


def frame_length(rate: int) -> int:
    """Return the samples of a frame."""
    return max(2, round(WINDOW * rate))


def hop_length(rate: int) -> int:
    """Return the samples from the beginning of a frame to that of the next."""
    return max(1, round(HOP * rate))


def log_mel(rate: int, mels: int, device: str) -> Apply:
    """Return the function from int16 samples `[B, S]` to the logarithms of bands `[B, M, F]`, in nats.

    Raises:
        DataError: there are more bands than the spectrum can tell apart.
    """
    window, hop = frame_length(rate), hop_length(rate)
    length, weights = filters(rate, mels)
    hann = torch.hann_window(window, periodic=True, dtype=torch.float64)
    scaled = (hann / (hann.sum() * FULL_SCALE)).float().to(device)
    bands = torch.from_numpy(weights).float().to(device)  # (L / 2 + 1, M)

    def apply(values: Int16[Tensor, "batch samples"]) -> Float[Tensor, "batch mels frames"]:
        frames = values.to(torch.float32).unfold(1, window, hop) * scaled  # (B, F, window)
        spectrum = torch.view_as_real(torch.fft.rfft(frames, length))  # (B, F, L / 2 + 1, 2)
        power = spectrum.square().sum(dim=3)  # (B, F, L / 2 + 1)
        sums = power @ bands  # (B, F, M)
        loudest = sums.amax(dim=(1, 2), keepdim=True).clamp_min_(SILENCE)
        return (sums / loudest + FLOOR).log().transpose(1, 2).contiguous()  # (B, M, F)

    return apply


def filters(rate: int, mels: int) -> tuple[int, NDArray[np.float64]]:
    """Return the samples of a transform and the weight of each of its frequencies in each band, `[L / 2 + 1, mels]`.

    A transform is a power of two no shorter than a frame, and so long (its frame ends in zeros) that every band holds
    a frequency.

    Raises:
        DataError: that would be more than eight times as long.
    """
    window = frame_length(rate)
    length = 1 << (window - 1).bit_length()
    edges = mel_to_hertz(np.linspace(0.0, hertz_to_mel(rate / 2), mels + 2))
    while True:
        frequencies = np.arange(length // 2 + 1) * rate / length
        rising = (frequencies[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - frequencies[:, None]) / (edges[2:] - edges[1:-1])
        weights = np.maximum(0.0, np.minimum(rising, falling))
        if (weights.max(axis=0) > 0).all():
            return length, weights
        length *= 2
        if length > PADDING * 2 * window:
            raise DataError(
                f"prepare.mels = {mels} bands are too narrow for frames of {1000 * WINDOW:g} ms at {rate:,} Hz: the "
                "lowest hold no frequency. Choose fewer."
            )


def hertz_to_mel(frequency: float) -> float:
    """Return a frequency on the mel scale."""
    return float(2595.0 * np.log10(1.0 + frequency / 700.0))


def mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the frequencies in Hz of places on the mel scale."""
    frequencies: NDArray[np.float64] = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return frequencies

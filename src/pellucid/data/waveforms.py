"""One sound from its file to samples at a wanted rate and length. Training and `predict` both come here.

WAV, FLAC and OGG are decoded by libsndfile. What a header says is not believed: it is held against the size of the
file and against limits, and no more is decoded than is wanted.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError

if TYPE_CHECKING:
    from soundfile import SoundFile

FORMATS = {"WAV": ".wav", "WAVEX": ".wav", "RF64": ".wav", "FLAC": ".flac", "OGG": ".ogg"}
"""What is read, as libsndfile calls it, and how such files should end."""
RATES, CHANNELS = (1000, 384_000), 32
"""Samples per second and channels beyond which a header is taken for damaged."""
LOUDEST = 8.0
"""Times full scale, beyond which samples in floating point are taken for another unit."""
FULL_SCALE = 32768
BLOCK = 1 << 16
"""Frames that are decoded at a time."""
RATIO = 2000
"""Largest factor of a change of rate; the filter grows with it. Rates with no such ratio are off by less than one in
two thousand, a hundredth of a semitone. All pairs of 8, 11.025, 16, 22.05, 32, 44.1 and 48 kHz have one."""
UNKNOWN = 0x7FFF_F000
"""Bytes from which a WAV's length means that whoever wrote it could not go back to fill it in."""


class Header(NamedTuple):
    """What a file says of its sound before any of it is decoded.

    Attributes:
        rate: samples per second.
        frames: samples of each channel.
        format: a key of `FORMATS`.
    """

    rate: int
    frames: int
    channels: int
    format: str

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames / self.rate


def header(path: Path) -> Header:
    """Read the header of a sound.

    Raises:
        DataError: it is none, it is empty or cut short, or what it says cannot be.
    """
    with _opened(path) as sound:
        return _checked(path, sound)


def decode(path: Path, rate: int, seconds: float) -> tuple[NDArray[np.int16], Header]:
    """Return a sound as `[samples]`, 32768 being full scale, and what its header says.

    Channels become their mean. Another rate is reached by a polyphase filter (`scipy.signal.resample_poly`, a Kaiser
    window). A longer sound is cut, a shorter one ends in silence; what is louder than full scale is clipped.

    Args:
        path: of a file.
        rate: samples per second that are wanted.
        seconds: the length that is wanted.

    Raises:
        DataError: as `header` does, and where it cannot be decoded or holds NaN.
    """
    wanted = samples_of(rate, seconds)
    with _opened(path) as sound:
        head = _checked(path, sound)
        # What is cut off reaches into what is kept by half the filter, ten samples of the lower rate.
        needed = math.ceil((wanted + 1) * head.rate / rate) + 11 * math.ceil(max(1.0, head.rate / rate))
        mono = np.concatenate([block.mean(axis=1, dtype=np.float64) for block in _blocks(sound, head, needed)])
    if head.rate != rate:
        from scipy.signal import resample_poly

        lower, higher = sorted((rate, head.rate))
        ratio = Fraction(lower, higher).limit_denominator(RATIO)
        ratio = ratio if lower == rate else 1 / ratio
        mono = resample_poly(mono, ratio.numerator, ratio.denominator)
    samples = np.zeros(wanted, np.int16)
    kept = mono[:wanted]
    samples[: len(kept)] = np.clip(np.round(kept * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    return samples, head


def blocks(path: Path) -> Iterator[NDArray[np.float32]]:
    """Yield a whole sound, `[frames, channels]` at a time, 1 being full scale; raise `DataError` as `decode` does."""
    with _opened(path) as sound:
        yield from _blocks(sound, _checked(path, sound), None)


def require() -> None:
    """Raise `DataError` where the package that decodes sounds is not installed."""
    try:
        import soundfile  # noqa: F401
    except ImportError:
        raise DataError("Sounds are decoded by soundfile. Install it: pip install pellucid[audio].") from None
    except OSError as error:  # the package is there, and no libsndfile in it or beside it
        raise DataError(f"soundfile finds no libsndfile ({error}). Install it with your system's packages.") from None


def samples_of(rate: int, seconds: float) -> int:
    """Return how many samples so many seconds are."""
    return max(1, round(rate * seconds))


@contextmanager
def _opened(path: Path) -> Iterator[SoundFile]:
    import soundfile

    try:
        with soundfile.SoundFile(os.fspath(path)) as sound:
            yield sound
    except DataError:
        raise
    except (soundfile.SoundFileRuntimeError, TypeError, ValueError, ArithmeticError, UnicodeError) as error:
        said = getattr(error, "error_string", None) or str(error)
        raise DataError(f"it is not a sound that can be decoded: {said.rstrip('.')}") from None


def _checked(path: Path, sound: SoundFile) -> Header:
    """The header, once it is one that can be."""
    if sound.format not in FORMATS:
        raise DataError(f"it is {sound.format} by its content. Save it as WAV, FLAC or OGG.")
    head = Header(sound.samplerate, sound.frames, sound.channels, sound.format)
    if not RATES[0] <= head.rate <= RATES[1] or head.channels > CHANNELS:
        raise DataError(
            f"it is said to have {head.channels} channels of {head.rate:,} samples per second: expected at most "
            f"{CHANNELS} of {RATES[0]:,} to {RATES[1]:,}. Is it damaged?"
        )
    if head.frames <= 0:
        raise DataError("it holds no samples.")
    if FORMATS[head.format] == ".wav":
        _check_whole(path)
    return head


def _check_whole(path: Path) -> None:
    """Refuse a WAV whose data end before its header says: libsndfile would read what is left."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":  # RIFX and RF64 are rare, and libsndfile's to judge
            return
        place = 12
        while place + 8 <= size:
            file.seek(place)
            name, promised = file.read(4), int.from_bytes(file.read(4), "little")
            if name == b"data":
                there = size - place - 8
                if there < promised < UNKNOWN:
                    raise DataError(f"it is cut short: {promised:,} bytes of sound are promised, {there:,} are there.")
                return
            place += 8 + promised + promised % 2


def _blocks(sound: SoundFile, head: Header, most: int | None) -> Iterator[NDArray[np.float32]]:
    """Yield samples until `most` frames are read; raise `DataError` where fewer are there than the header says."""
    wanted = head.frames if most is None else min(most, head.frames)
    read = 0
    while read < wanted:
        block: NDArray[Any] = sound.read(min(BLOCK, wanted - read), dtype="float32", always_2d=True)
        if not len(block):
            raise DataError(f"it is cut short: {head.frames:,} samples are promised, {read:,} can be decoded.")
        peak = float(np.abs(block).max())  # NaN where any is
        if not peak <= LOUDEST:
            raise DataError(
                f"its samples reach {peak:g}, where 1 is full scale. Save them within -1 to 1."
                if math.isfinite(peak)
                else "it holds NaN or infinity."
            )
        read += len(block)
        yield block

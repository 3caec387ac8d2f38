"""Folders of sounds made for the tests: what each class sounds like can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

PITCHES = {"high": 1800.0, "low": 300.0}


def tone(hertz: float, rate: int, seconds: float, seed: int = 0, level: float = 0.5) -> NDArray[np.float64]:
    """A sine in a little noise, `[samples]`."""
    random = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    return level * np.sin(2 * np.pi * (hertz * time + random.uniform())) + 0.01 * random.standard_normal(len(time))


def classes(root: Path, each: int = 6, rate: int = 8000, seconds: float = 0.3, ending: str = "wav") -> Path:
    """Make a folder per pitch with `each` sounds, no two alike."""
    for place, (name, hertz) in enumerate(PITCHES.items()):
        (root / name).mkdir(parents=True)
        for number in range(each):
            sound = tone(hertz * (1 + 0.02 * number / each), rate, seconds, 1000 * place + number)
            soundfile.write(root / name / f"{number:03}.{ending}", sound, rate)
    return root

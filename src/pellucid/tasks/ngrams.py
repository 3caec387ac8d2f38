"""N-gram models: the next character by counting what followed the last ones. What a net must beat.

C. Shannon, "A mathematical theory of communication", 1948. Probabilities are counts plus one, over their sum (Laplace).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unigram(train: NDArray[np.int64], judged: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Return the nats of each judged token but the first, from how often it is in the training tokens."""
    counts = np.bincount(train, minlength=size) + 1.0
    nats: NDArray[np.float64] = -np.log(counts / counts.sum())[judged[1:]]
    return nats


def bigram(train: NDArray[np.int64], judged: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Return the nats of each judged token but the first, from how often it followed the one before."""
    counts = np.bincount(train[:-1] * size + train[1:], minlength=size * size).reshape(size, size) + 1.0
    nats: NDArray[np.float64] = -np.log(counts / counts.sum(axis=1, keepdims=True))[judged[:-1], judged[1:]]
    return nats

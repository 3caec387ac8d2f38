"""The data sets that scikit-learn ships inside its package: no file, no network."""

from __future__ import annotations

import numpy as np

from pellucid.data.columns import Columns
from pellucid.spec import Field, Spec

SPECS = {
    "digits": Spec(
        Field("image", (1, 8, 8)),
        Field("category", categories=tuple("0123456789")),
    ),
    "diabetes": Spec(
        Field("number", (10,), names=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")),
        Field("number", (1,), names=("progression",)),
    ),
}


def digits() -> Columns:
    """Handwritten digits, `[1797, 1, 8, 8]` in 0 to 1 (17 grey levels), and the digit."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16).astype(np.float32)[:, None]  # (N, 1, 8, 8)
    return _columns("digits", images, bunch.target.astype(np.int64))


def diabetes() -> Columns:
    """Ten measurements of 442 patients in their own units, and the disease's progression after one year."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    return _columns("diabetes", bunch.data.astype(np.float32), bunch.target.astype(np.float32)[:, None])


def _columns(name: str, inputs: np.ndarray, targets: np.ndarray) -> Columns:
    spec = SPECS[name]
    assert spec.target is not None
    return Columns({"input": inputs, "target": targets}, {"input": spec.input, "target": spec.target})

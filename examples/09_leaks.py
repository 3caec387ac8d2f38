"""A score that is too good: four measurements of each patient, drawn into training and validation one by one.

The patients are scikit-learn's 442 with diabetes; 300 of them are measured four times, a little apart. Drawn row by
row, the net's R2 on validation is far above what it reaches on patients that it has never met; drawn patient by
patient, it says what is true.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

import pellucid


def write_measurements(path: Path) -> None:
    X, y = load_diabetes(return_X_y=True)
    X = X / X.std(axis=0)
    random = np.random.default_rng(0)
    known, unseen = np.split(random.permutation(len(X)), [300])
    patient = np.repeat(known, 4)
    measured = X[patient] + 0.1 * random.normal(size=(len(patient), X.shape[1]))
    np.savez(
        path,
        X_train=measured, y_train=y[patient], patient_train=patient,
        X_test=X[unseen], y_test=y[unseen], patient_test=unseen,
    )  # fmt: skip


def main() -> float:
    write_measurements(Path("patients.npz"))
    recipe = pellucid.propose("patients.npz", settings={"data.types.y": "number"}).recipe
    too_good = {}
    for manner, settings in {"row by row": {}, "patient by patient": {"split.group": "patient"}}.items():
        run = pellucid.train(recipe, {"train.epochs": 40, "train.patience": None, **settings}, quiet=True)
        believed, true = run.metrics["r2"], run.evaluate("test")["metrics"]["r2"]["value"]
        print(f"{manner}: R2 {believed:.2f} on validation, {true:.2f} on patients never met")
        too_good[manner] = believed - true
    return too_good["row by row"] - too_good["patient by patient"]


if __name__ == "__main__":
    main()

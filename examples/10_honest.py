"""Is the net worth its trouble? Folds, baselines on the same folds, a comparison and the verdict; the test part last.

The patients are scikit-learn's 442 with diabetes. A net of one hidden layer is cross-validated, beside a linear model
and three more baselines, and then compared with a wider one on the very same folds.
"""

from sklearn.datasets import load_diabetes

import pellucid

SETTINGS = {"train.epochs": 30, "train.patience": 5}


def main() -> float:
    data = load_diabetes(return_X_y=True)
    small, wide = (
        pellucid.crossval(
            "diabetes-mlp", {**SETTINGS, "model.hidden": [width]}, data=data, out=f"width-{width}", quiet=True
        )
        for width in (16, 256)
    )

    rmse = small.result["metrics"]["rmse"]
    print(f"RMSE {rmse['value']:.1f} ({rmse['low']:.1f} to {rmse['high']:.1f}) over {rmse['n']} folds")
    for name, scores in small.result["baselines"].items():
        ahead = scores["rmse"]["difference"]
        shown = "shown" if ahead["p_holm"] < 0.05 else "not shown"
        print(
            f"  against {name}: {ahead['value']:+.1f} ({ahead['low']:+.1f} to {ahead['high']:+.1f}), {shown} to differ"
        )
    for finding in small.result["verdict"]:
        print(finding["message"], finding["next"], sep="\n  next: ")

    compared = pellucid.compare(small, wide)
    print(*compared["sentences"], sep="\n")

    run = pellucid.fit(*data, recipe="diabetes-mlp", settings={**SETTINGS, "model.hidden": [16]}, quiet=True)
    print(f"The test part, opened once: RMSE {run.evaluate('test')['metrics']['rmse']['value']:.1f}")
    return -float(small.result["baselines"]["mean"]["rmse"]["difference"]["high"])


if __name__ == "__main__":
    main()

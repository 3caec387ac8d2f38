"""Let a generator and a discriminator learn against each other on the digits, and watch the samples become digits.

After a sixth of the recipe's epochs the samples are nearer to the data than pixels that are drawn one by one.
"""

import pellucid


def main() -> float:
    run = pellucid.train("digits-dcgan", {"train.epochs": 10, "name": "dcgan"})
    result = run.result()
    print("judged in the features of digits-mlp, a classifier trained on the same rows:")
    everyone = {"the generator": result["metrics"], **result["baselines"]}
    for name, scores in everyone.items():
        distance = scores["frechet_distance"]
        print(f"{name}: Frechet distance {distance['value']:.1f}, coverage {scores['coverage']['value']:.2f}")

    [sheet] = run.predict(settings={"samples": 64, "seed": 1})  # the same seed paints the same digits
    print("samples:", sheet["file"], "am I fine?", run.report)
    rival = min(scores["frechet_distance"]["value"] for scores in result["baselines"].values())
    return result["metrics"]["frechet_distance"]["value"] / rival


if __name__ == "__main__":
    main()

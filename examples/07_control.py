"""Learn to balance a pole by proximal policy optimization, and see which way it would push.

Needs the extra `rl`. A small part of the recipe's experience is enough for several times the return of random actions.
"""

import pellucid


def main() -> float:
    settings = {"train.steps": 8 * 40, "train.evaluate_every": 80, "name": "pole"}
    run = pellucid.train("cartpole-ppo", settings)  # 8 rollouts of 8 x 128 time steps, 40 updates from each
    result = run.result()
    policies = {"the policy": result["metrics"], **result["baselines"]}
    for name, scores in policies.items():
        returned = scores["mean_return"]
        print(f"{name}: {returned['value']:.0f} ({returned['low']:.0f} to {returned['high']:.0f}) points an episode")

    leaning = [[0.0, 0.0, angle, 0.0] for angle in (-0.1, 0.1)]  # position, velocity, angle, angular velocity
    for answer in run.predict(leaning):
        print(answer["prediction"], answer["probabilities"])
    [played] = run.predict()
    print(f"an episode of {played['return']:g} points; report: {run.report}")
    return result["metrics"]["mean_return"]["value"] / result["baselines"]["random_actions"]["mean_return"]["value"]


if __name__ == "__main__":
    main()

"""Recipes of control: small environments that are solved in less than a minute on one core."""

from __future__ import annotations

from typing import Any

from pellucid.recipe import DataSection, PrepareSection, Recipe, SplitSection, TrainSection

MODEL = {"name": "actor_critic"}
TASK = {"name": "control"}
PREPARE = PrepareSection(standardize=False)


def _adam(learning_rate: float) -> dict[str, Any]:
    return {"name": "adam", "learning_rate": learning_rate, "epsilon": 1e-5}


def cartpole_reinforce() -> Recipe:
    """Whole episodes, and a critic as the baseline."""
    return Recipe(
        name="cartpole-reinforce",
        data=DataSection(source="cartpole"),
        split=SplitSection(validation_episodes=20),
        prepare=PREPARE,
        model=MODEL,
        task=TASK,
        rule={"name": "reinforce", "episodes": 16, "optimizer": _adam(5e-3)},
        train=TrainSection(steps=100, evaluate_every=5, log_every=1),  # 100 times 16 episodes of at most 500 steps
    )


def cartpole_a2c() -> Recipe:
    """8 environments, an update every 8 steps."""
    return Recipe(
        name="cartpole-a2c",
        data=DataSection(source="cartpole"),
        prepare=PREPARE,
        model=MODEL,
        task=TASK,
        rule={"name": "a2c", "optimizer": _adam(1e-3), "schedule": {"name": "cosine"}},
        # 300,000 environment steps / (8 environments * 8 steps) = 4,688 rollouts, an update each
        train=TrainSection(steps=4688, evaluate_every=180),
    )


def cartpole_ppo() -> Recipe:
    """8 environments, 128 steps each, 10 passes of 4 minibatches."""
    return Recipe(
        name="cartpole-ppo",
        data=DataSection(source="cartpole"),
        prepare=PREPARE,
        model=MODEL,
        task=TASK,
        rule={"name": "ppo", "epochs": 10, "optimizer": _adam(1e-3), "schedule": {"name": "cosine"}},
        # 300,000 environment steps / (8 environments * 128 steps) = 292 rollouts, 10 passes of 4 minibatches each
        train=TrainSection(steps=292 * 10 * 4, evaluate_every=10 * 10 * 4),
    )


def acrobot_ppo() -> Recipe:
    """As on the pole, with rewards scaled: an episode costs up to 500 points."""
    return Recipe(
        name="acrobot-ppo",
        data=DataSection(source="acrobot"),
        prepare=PREPARE,
        model=MODEL,
        task=TASK,
        rule={
            "name": "ppo",
            "epochs": 10,
            "scale_rewards": True,
            "entropy_bonus": 0.01,
            "optimizer": _adam(1e-3),
            "schedule": {"name": "cosine"},
        },
        train=TrainSection(steps=292 * 10 * 4, evaluate_every=10 * 10 * 4),
    )

"""Environments as worlds: what they dictate, whose seeds are whose, and which ones are refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid import environments, verbs
from pellucid.environments import gym
from pellucid.environments.episodes import Episodes, training_seed
from pellucid.environments.play import play
from pellucid.environments.player import Player
from pellucid.errors import DataError, PellucidError, RecipeError
from pellucid.recipe import SplitSection
from pellucid.spec import Spec
from tests.tenants.worlds import CAMERA, CLOCK, WHEEL


def world(**split: float) -> Episodes:
    return Episodes("CartPole-v1", SplitSection.model_validate(split))


def test_the_spec_names_what_is_seen_and_done() -> None:
    spec = environments.specs("cartpole")
    assert spec.input.shape == (4,)
    assert len(spec.input.names) == 4
    assert spec.target is not None
    assert spec.target.categories == ("left", "right")
    assert spec.environment == "CartPole-v1"
    assert Spec.from_dict(spec.to_dict()) == spec
    assert environments.specs("gymnasium:CartPole-v1") == spec


@pytest.mark.parametrize("name", environments.ENVIRONMENTS)
def test_every_row_can_be_opened(name: str) -> None:
    assert environments.specs(name).num_outputs >= 2


def test_no_episode_is_in_two_parts() -> None:
    opened = world(validation_episodes=200, test_episodes=200)
    opened.seal.open()
    training = {training_seed(seed, place, episode) for seed in range(3) for place in range(8) for episode in range(99)}
    validation, test = set(opened.seeds("validation")), set(opened.seeds("test"))
    assert (len(validation), len(test), len(training)) == (200, 200, 3 * 8 * 99)
    assert len(validation | test | training) == 400 + 3 * 8 * 99


def test_parts_follow_from_the_split_and_are_hashed() -> None:
    assert world().identity == world().identity
    assert world(seed=1).identity["hash"] != world().identity["hash"]
    assert world(seed=1).identity["data_hash"] == world().identity["data_hash"]
    assert world(validation=0).size("validation") == 0
    told = world(validation_episodes=7).to_dict()
    assert told["counts"] == {"train": 0, "validation": 7, "test": 100}
    assert told["hash"] == world(validation_episodes=7).identity["hash"]


def test_an_episode_is_restored_from_its_actions() -> None:
    first, second = Player("Acrobot-v1"), Player("Acrobot-v1")
    first.begin(3)
    for action in (0, 2, 1, 2, 2):
        first.step(action)
    second.restore(3, first.actions)
    assert np.array_equal(first.observation, second.observation)
    assert first.step(0).observation.tolist() == second.step(0).observation.tolist()
    assert first.total == second.total


def test_episodes_are_played_to_their_ends_side_by_side() -> None:
    asked = []

    def left(seen: np.ndarray) -> list[int]:
        asked.append(len(seen))
        return [0] * len(seen)

    opened = world()
    opened.seal.open()
    together = play(opened.players(6), opened.seeds("test")[:6], left)
    alone = [play(opened.players(1), [seed], left) for seed in opened.seeds("test")[:6]]
    assert together.lengths.tolist() == [int(each.lengths[0]) for each in alone]
    assert asked[0] == 6
    assert together.returns.tolist() == together.lengths.tolist()


def test_codes_of_actions_begin_at_zero_whatever_the_environment_counts_from() -> None:
    player = Player(CLOCK)
    player.begin(0)
    assert not player.step(0).terminated
    assert [player.step(1).truncated for _ in range(4)] == [False, False, False, True]


def test_an_unknown_name_answers_with_the_closest() -> None:
    with pytest.raises(DataError, match=r"Gymnasium knows no environment 'CartPole-v9'\. Did you mean 'CartPole-v"):
        environments.specs("gymnasium:CartPole-v9")


def test_numbers_as_actions_are_refused() -> None:
    with pytest.raises(DataError, match=r"takes actions of the kind Box.*choose one of a few actions\. Choose an env"):
        gym.spec(WHEEL)


def test_pictures_as_observations_are_refused() -> None:
    with pytest.raises(DataError, match=r"shows Box.*the models here read one row of numbers"):
        gym.spec(CAMERA)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(PellucidError, match=r"pip install -c constraints\.txt -e '\.\[rl\]'"):
        environments.specs("cartpole")


def test_settings_without_effect_are_refused_at_once() -> None:
    settings = {"train.batch_size": 7, "split.validation": 0.3, "split.kind": "random", "prepare.context": 9}
    with pytest.raises(RecipeError) as told:
        environments.check(verbs.recipe_of("cartpole-ppo", settings))
    assert [problem.partition(" = ")[0] for problem in told.value.problems] == [
        "split.kind",
        "split.validation",
        "prepare.context",
        "train.batch_size",
    ]
    assert (
        "train.batch_size = 7 has no effect on 'cartpole': the rule says how much experience an update sees. "
        "Set the rule's own fields instead (`pellucid show ppo`)."
    ) in str(told.value)


def test_a_run_with_a_setting_without_effect_is_not_begun() -> None:
    with pytest.raises(RecipeError, match=r"1 problem\n  train\.batch_size = 7 has no effect on 'cartpole'"):
        pellucid.train("cartpole-ppo", {"train.batch_size": 7}, out="run", quiet=True)
    assert not Path("run").exists()


def test_no_episodes_may_be_asked_for() -> None:
    recipe = verbs.recipe_of("cartpole-ppo", {"split.validation": 0, "split.test": 0})
    environments.check(recipe)
    opened = environments.open(recipe)
    assert (opened.size("validation"), opened.size("test")) == (0, 0)

"""Calibration: equal to scikit-learn and SciPy, and right by simulation where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from pellucid.evaluation import calibration
from pellucid.evaluation.calibration import Events
from pellucid.tasks.certainty import tempered

Floats = NDArray[np.float64]


def logits_of(rows: int, classes: int, heat: float = 1.0, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Log-probabilities that are `heat` times too sure of classes drawn by the right ones."""
    random = np.random.default_rng(seed)
    logits = 1.5 * random.normal(size=(rows, classes))
    right = np.exp(log_softmax(logits, axis=1))
    targets = (random.random((rows, 1)) > right.cumsum(axis=1)).sum(axis=1)
    return log_softmax(heat * logits, axis=1), np.minimum(targets, classes - 1)


def drawn(rows: int, seed: int, shift: float = 0.0) -> Events:
    """Events that come true with their probability minus a shift."""
    random = np.random.default_rng(seed)
    probability = random.uniform(0.2 + shift, 1, size=rows)
    return Events("it", probability, random.random(rows) < probability - shift)


def test_bins_are_scikit_learns_by_quantile() -> None:
    given = drawn(450, 0)
    bins = calibration.bins_of(given.probability, 10)
    shares, means = calibration_curve(given.outcome, given.probability, n_bins=10, strategy="quantile")
    told = calibration.reliability(given, bins, 200, None)
    assert [each["value"] for each in told] == pytest.approx(shares)
    assert [each["probability"] for each in told] == pytest.approx(means)
    assert sum(each["n"] for each in told) == 450
    assert all(each["low"] <= each["value"] <= each["high"] for each in told)


def test_the_bare_error_is_its_definition() -> None:
    given = drawn(300, 1)
    bins = calibration.bins_of(given.probability)
    by_hand = sum(
        (bins == code).mean() * abs(given.probability[bins == code].mean() - given.outcome[bins == code].mean())
        for code in np.unique(bins)
    )
    found = calibration.calibration_error(given, bins, 200, None)
    assert found["bare"] == pytest.approx(by_hand)
    assert found["low"] <= found["value"] <= found["high"]


def test_the_bare_error_of_a_coin_that_is_sure() -> None:
    given = Events("heads", np.full(100, 0.9), np.arange(100) % 2 == 0)
    assert calibration.bare_error(given, calibration.bins_of(given.probability)) == pytest.approx(0.4)


def test_rows_of_one_probability_share_a_bin() -> None:
    assert set(calibration.bins_of(np.repeat([0.3, 0.9], 100)).tolist()) == {0, 1}
    assert calibration.bins_of(np.full(100, 0.5)).tolist() == [0] * 100
    assert calibration.bins_of(np.linspace(0, 1, 45)).max() == 1  # two bins of twenty rows or more


@pytest.mark.parametrize("clustered", [False, True])
def test_a_calibrated_net_seldom_looks_otherwise(clustered: bool) -> None:
    """Clusters of ten rows share their outcome, so that a test of single rows would err often."""
    p_values = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        clusters = np.repeat(np.arange(60), 5) if clustered else None
        size = 60 if clustered else 300
        probability = random.uniform(0.2, 1, size=size)
        outcome = random.random(size) < probability
        given = Events("it", np.repeat(probability, 300 // size), np.repeat(outcome, 300 // size))
        bins = calibration.bins_of(given.probability, clusters=clusters)
        p_values.append(calibration.calibration_error(given, bins, 99, clusters)["p"])
    assert np.mean(np.array(p_values) < 0.05) <= 0.105  # of 200, 5 % of them and a little more of few clusters


def test_the_corrected_error_is_nearer_to_the_truth_than_the_bare_one() -> None:
    shift, found = 0.05, []
    for seed in range(100):
        given = drawn(500, seed, shift)
        found.append(calibration.calibration_error(given, calibration.bins_of(given.probability), 200, None))
    bare, corrected = (np.mean([each[key] for each in found]) for key in ("bare", "value"))
    assert bare > shift + 0.01
    assert abs(corrected - shift) < 0.7 * abs(bare - shift)
    assert np.mean([each["low"] <= shift <= each["high"] for each in found]) >= 0.88
    assert all(each["low"] <= each["value"] <= each["high"] for each in found)


def test_of_a_calibrated_net_the_interval_holds_none() -> None:
    found = [
        calibration.calibration_error(g, calibration.bins_of(g.probability), 200, None)
        for g in map(drawn, [400] * 100, range(100))
    ]
    assert np.mean([each["low"] == 0 for each in found]) >= 0.93


def test_what_noise_alone_would_show_is_what_it_shows() -> None:
    found = [
        calibration.calibration_error(each, calibration.bins_of(each.probability), 200, None)
        for each in (drawn(300, seed) for seed in range(50))
    ]
    expected = np.mean([each["if_calibrated"]["value"] for each in found])
    assert np.mean([each["bare"] for each in found]) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(("classes", "heat"), [(2, 3.0), (5, 2.0), (10, 0.4), (3, 1.0)])
def test_the_temperature_is_scipys_optimum(classes: int, heat: float) -> None:
    logs, targets = logits_of(400, classes, heat)

    def loss(logarithm: float) -> float:
        return float(log_loss(targets, np.exp(log_softmax(logs / np.exp(logarithm), axis=1)), labels=range(classes)))

    best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    assert calibration.temperature(logs, targets) == pytest.approx(np.exp(best.x), rel=1e-4)


def test_the_temperature_is_found_in_pieces_too(monkeypatch: pytest.MonkeyPatch) -> None:
    logs, targets = logits_of(500, 4, 2.0)
    whole = calibration.temperature(logs, targets)
    monkeypatch.setattr(calibration, "NUMBERS_AT_ONCE", 300)
    assert calibration.temperature(logs, targets) == pytest.approx(whole, rel=1e-9)
    assert whole == pytest.approx(2, rel=0.2)


def test_rows_without_a_mistake_tell_no_temperature_and_rows_that_are_all_wrong_the_largest() -> None:
    targets = np.array([0, 1] * 30)
    logs = log_softmax(np.eye(2)[targets] * 3, axis=1)
    assert calibration.temperature(logs, targets) == 1
    assert calibration.temperature(logs, 1 - targets) == pytest.approx(calibration.LARGEST_TEMPERATURE, rel=1e-3)


def test_impossible_classes_can_be_softened() -> None:
    logs = np.array([[0.0, -np.inf], [-np.inf, 0.0], [0.0, -np.inf]] * 20)
    found = calibration.temperature(logs, np.array([0, 1, 1] * 20))
    assert found == pytest.approx(calibration.LARGEST_TEMPERATURE, rel=1e-3)
    assert np.isfinite(tempered(logs, found)).all()


def test_a_temperature_leaves_every_prediction_and_is_log_softmax() -> None:
    logs, _ = logits_of(300, 6)
    for heat in (0.1, 0.7, 1.0, 5.0):
        softened = tempered(logs.astype(np.float32), heat)
        assert softened == pytest.approx(log_softmax(logs / heat, axis=1), abs=1e-4)
        assert (softened.argmax(axis=1) == logs.argmax(axis=1)).all()


def test_halves_are_disjoint_and_keep_clusters_whole() -> None:
    clusters = np.repeat(np.arange(20), 7)
    (one, other), (again, fitted) = calibration.halves(140, clusters)
    assert sorted([*one, *other]) == list(range(140))
    assert (one.tolist(), other.tolist()) == (fitted.tolist(), again.tolist())
    assert not set(clusters[one]) & set(clusters[other])
    assert len(set(clusters[one])) == 10
    assert calibration.halves(30, None) == []
    assert calibration.halves(100, np.zeros(100, np.int64)) == []


def test_pieces_are_judged_once_and_keep_clusters_whole() -> None:
    clusters = np.repeat(np.arange(20), 7)
    pieces = calibration.crossed(140, clusters, 5)
    assert sorted(np.concatenate([judged for _, judged in pieces]).tolist()) == list(range(140))
    for fitted, judged in pieces:
        assert not set(clusters[fitted]) & set(clusters[judged])
        assert len(fitted) + len(judged) == 140
    assert len(calibration.crossed(90, np.repeat(np.arange(3), 30), 5)) == 3
    assert calibration.crossed(24, None, 5) == []


def test_cross_fitting_never_judges_what_it_was_fitted_on() -> None:
    logs, targets = logits_of(200, 3, 2.0)
    softened, places = calibration.cross_tempered(logs, targets, None)
    assert places.tolist() == list(range(200))
    for fitted, judged in calibration.crossed(200, None, 5):
        assert not set(fitted) & set(judged)
        expected = tempered(logs[judged], calibration.temperature(logs[fitted], targets[fitted]))
        assert softened[judged] == pytest.approx(expected)


def test_events_of_two_classes_are_of_the_second() -> None:
    logs = np.log(np.array([[0.8, 0.2], [0.3, 0.7]]))
    two = calibration.events(logs, np.array([0, 0]), ["no", "yes"])
    assert (two.of, two.probability.tolist(), two.outcome.tolist()) == (
        "the class yes",
        pytest.approx([0.2, 0.7]),
        [False, False],
    )
    three = calibration.events(np.log(np.array([[0.2, 0.5, 0.3]])), np.array([1]), ["a", "b", "c"])
    assert (three.of, three.probability.tolist(), three.outcome.tolist()) == (
        "the predicted class",
        pytest.approx([0.5]),
        [True],
    )

"""Classification scores: known answers, agreement with scikit-learn, absent classes."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import (
    auc,
    calibration_error,
    classification_scores,
    reliability_curve,
)
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.pipeline import brier_losses, class_shares, log_losses

CLASSES = [-1, 0, 1]
laws = settings(deadline=None, max_examples=25)


def draw(seed, n=200, weighted=True):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([1.0, 0.7, 1.2], n)
    y = np.array([rng.choice(CLASSES, p=0.5 * p + 0.5 / 3) for p in proba])
    return y, proba, rng.uniform(0.1, 2.0, n) if weighted else None


def test_perfect_probabilities_score_perfectly():
    y = np.array([-1, 0, 1, 1, 0])
    scores = classification_scores(y, np.eye(3)[y + 1], CLASSES, [0.3, 0.3, 0.4])
    ones = ("skill", "balanced_accuracy", "f1", "auc", "auc_macro", "directional_accuracy")
    for name in (*ones, "accuracy"):
        assert scores[name] == pytest.approx(1.0)
    assert scores["log_loss"] == pytest.approx(0.0, abs=1e-12)
    assert scores["brier"] == 0.0
    assert scores["calibration_error"] == 0.0


@laws
@given(st.integers(0, 1000))
def test_answering_the_shares_has_no_skill(seed):
    y, _, w = draw(seed)
    prior = class_shares(y, CLASSES)
    scores = classification_scores(y, np.tile(prior, (len(y), 1)), CLASSES, prior, weight=w)
    assert scores["skill"] == pytest.approx(0.0, abs=1e-12)
    assert scores["auc"] == pytest.approx(0.5)
    assert scores["auc_macro"] == pytest.approx(0.5)
    assert scores["balanced_accuracy"] == pytest.approx(1 / 3)


@laws
@given(st.integers(0, 1000))
def test_agrees_with_scikit_learn(seed):
    y, p, w = draw(seed)
    answer = np.array(CLASSES)[p.argmax(axis=1)]
    weighted = {"sample_weight": w}
    sided = y != 0
    given_either = (p[:, 2] / (p[:, 0] + p[:, 2]))[sided]
    expected = {
        "log_loss": metrics.log_loss(y, p, **weighted),
        "brier": metrics.brier_score_loss(y, p, scale_by_half=False, **weighted),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, answer, **weighted),
        "f1": metrics.f1_score(y, answer, average="macro", **weighted),
        "accuracy": metrics.accuracy_score(y, answer, **weighted),
        "auc": metrics.roc_auc_score(y[sided], given_either, sample_weight=w[sided]),
        "auc_macro": metrics.roc_auc_score(y, p, multi_class="ovr", **weighted),
        "directional_accuracy": metrics.accuracy_score(
            y[sided], np.where(given_either > 0.5, 1, -1), sample_weight=w[sided]
        ),
    }
    scores = classification_scores(y, p, CLASSES, [0.3, 0.3, 0.4], weight=w)
    assert {name: scores[name] for name in expected} == pytest.approx(expected)
    assert auc(y, p, CLASSES, weight=w) == scores["auc"]


# ---- up against down
def oracle_rows(labels, simulation, p_flat):
    """The exact filter as a forecast, with any chance of flat."""
    up = simulation.truth["p_up"].loc[labels.index].to_numpy()
    return np.column_stack([(1 - p_flat) * (1 - up), p_flat, (1 - p_flat) * up])


@pytest.mark.parametrize("seed", [3, 8])
def test_the_oracle_of_simulated_bars_scores_what_is_attainable(seed):
    """Whatever chance of flat goes with it: up against down is one estimand."""
    simulation = simulate_bars(40_000, seed=seed, edge=0.3)
    labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(simulation.bars)
    labels = labels[~labels["censored"]]
    attainable = simulation.oracle_auc(labels)
    assert attainable == pytest.approx(simulation.attainable.filtered_auc, abs=0.02)
    rng = np.random.default_rng(seed)
    for p_flat in (np.full(len(labels), 0.05), rng.uniform(0.0, 0.9, len(labels))):
        proba = oracle_rows(labels, simulation, p_flat)
        assert auc(labels["label"], proba, CLASSES) == pytest.approx(attainable, abs=1e-9)


def test_the_oracle_of_net_labels_has_a_known_score():
    """0.739 up against down; the mean over classes has 0.658, dragged down by the few flats."""
    simulation = simulate_bars(20_000, seed=0, edge=0.3)
    labeller = TripleBarrierLabeller(horizon=20, contract="ES", costs=Costs(2.0, 0.5))
    labels = labeller.fit_transform(simulation.bars)
    labels = labels[~labels["censored"]]
    share = (labels["label"] == 0).mean()
    proba = oracle_rows(labels, simulation, np.full(len(labels), share))
    scores = classification_scores(labels["label"], proba, CLASSES, [0.3, 0.4, 0.3])
    assert scores["auc"] == pytest.approx(0.739, abs=0.003)
    assert scores["auc_macro"] == pytest.approx(0.658, abs=0.003)


@pytest.mark.parametrize("flat", [0.0, 0.3, 0.8])
def test_noise_scores_one_half_whatever_the_share_of_flat_rows(flat):
    """Volatility tells flat from not, and nothing tells up from down."""
    rng = np.random.default_rng(0)
    n = 40_000
    wild = rng.random(n)
    chance = np.clip(flat + 0.4 * (0.5 - wild) * (flat > 0), 0.0, 1.0)
    y = np.where(rng.random(n) < chance, 0, rng.choice([-1, 1], n))
    tilt = rng.normal(0.0, 0.05, n)
    proba = np.column_stack([(1 - chance) * (0.5 - tilt), chance, (1 - chance) * (0.5 + tilt)])
    scores = classification_scores(
        y, proba.clip(0) / proba.clip(0).sum(1)[:, None], CLASSES, class_shares(y, CLASSES)
    )
    assert scores["auc"] == pytest.approx(0.5, abs=0.01)
    assert scores["directional_accuracy"] == pytest.approx(0.5, abs=0.01)


def test_meta_labels_are_take_against_skip():
    y, p = np.array([0, 1, 1, 0]), np.array([0.2, 0.9, 0.4, 0.5])
    scores = classification_scores(y, np.c_[1 - p, p], [0, 1], [0.5, 0.5])
    assert scores["auc"] == metrics.roc_auc_score(y, p) == 0.75
    assert not {"auc_macro", "directional_accuracy"} & set(scores)
    with pytest.raises(DataError, match="must hold -1 and 1, or two classes; got \\[0, 1, 2\\]"):
        auc([0, 1, 2], np.full((3, 3), 1 / 3), [0, 1, 2])


def test_a_row_that_is_certain_to_be_flat_leans_to_neither_side():
    scores = classification_scores([1, -1, 0], [[0.0, 1.0, 0.0]] * 3, CLASSES, [0.3, 0.3, 0.4])
    assert scores["auc"] == scores["directional_accuracy"] == 0.5


# ---- shares
def test_a_constant_is_not_skilled_beside_a_class_that_training_never_saw():
    y_train = np.resize([-1, 1], 2000)
    prior = class_shares(y_train, CLASSES)
    assert prior[1] == pytest.approx(0.5 / 2000.5)
    y = np.resize([-1, 1] * 9 + [0], 1900)  # 5 % flat
    for constant in ([1 / 3] * 3, prior, [0.495, 0.01, 0.495]):
        scores = classification_scores(y, np.tile(constant, (1900, 1)), CLASSES, prior)
        assert scores["skill"] < 0.25, constant
    assert classification_scores(y, np.full((1900, 3), 1 / 3), CLASSES, prior)["skill"] < 0
    with pytest.raises(DataError, match="half a row"):
        classification_scores(y, np.full((1900, 3), 1 / 3), CLASSES, [0.5, 0.0, 0.5])


def test_shares_of_classes_that_occur_are_plain_shares():
    assert class_shares([1, 1, -1, 0], CLASSES).tolist() == [0.25, 0.25, 0.5]
    with pytest.raises(DataError, match="at least one row"):
        class_shares([], CLASSES)
    with pytest.raises(DataError, match=r"one of 'classes'.*\[2\]"):
        class_shares([2], CLASSES)


def test_losses_of_rows_without_an_answer_are_missing():
    proba = [[np.nan] * 3, [0.2, 0.3, 0.5]]
    assert np.isnan(log_losses([1, 1], proba, CLASSES)).tolist() == [True, False]
    assert np.isnan(brier_losses([1, 1], proba, CLASSES)).tolist() == [True, False]


@laws
@given(st.integers(0, 1000), st.integers(1, 4))
def test_a_weight_counts_like_repeated_rows(seed, times):
    y, p, _ = draw(seed, n=60)
    repeats = np.where(np.arange(60) % 3 == 0, times, 1)
    one = classification_scores(y, p, CLASSES, [0.2, 0.3, 0.5], weight=repeats.astype(float))
    two = classification_scores(
        np.repeat(y, repeats), np.repeat(p, repeats, axis=0), CLASSES, [0.2, 0.3, 0.5]
    )
    for name in set(one) - {"rows"}:
        assert one[name] == pytest.approx(two[name])


def test_a_class_absent_from_the_fold_is_left_out_of_means_without_a_warning():
    y = np.array([-1, 1, 1, -1])
    p = np.array([[0.7, 0.1, 0.2], [0.2, 0.1, 0.7], [0.5, 0.1, 0.4], [0.6, 0.1, 0.3]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = classification_scores(y, p, CLASSES, [0.4, 0.2, 0.4])
    assert scores["auc"] == pytest.approx(1.0)
    assert scores["balanced_accuracy"] == pytest.approx((1.0 + 0.5) / 2)
    assert scores["f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert np.isfinite(scores["log_loss"])


def test_a_fold_of_one_class_has_no_auc():
    y, p = np.array([1, 1]), np.array([[0.2, 0.2, 0.6], [0.1, 0.1, 0.8]])
    scores = classification_scores(y, p, CLASSES, [0.3, 0.3, 0.4])
    assert np.isnan(scores["auc"])
    assert scores["skill"] == pytest.approx(1 - np.log(0.6 * 0.8) / np.log(0.4 * 0.4))


def test_a_class_answered_but_absent_scores_zero_f1():
    scores = classification_scores([1, 1], [[0.9, 0.1], [0.1, 0.9]], [-1, 1], [0.5, 0.5])
    assert scores["f1"] == pytest.approx((0 + 2 / 3) / 2)


def test_rows_without_history_are_left_out_and_counted():
    y, p, _ = draw(0, n=50)
    gaps = p.copy()
    gaps[:10] = np.nan
    scores = classification_scores(y, gaps, CLASSES, [0.3, 0.3, 0.4])
    same = classification_scores(y[10:], p[10:], CLASSES, [0.3, 0.3, 0.4])
    assert scores.pop("rows_missing") == 10
    assert same.pop("rows_missing") == 0
    assert scores == same


def test_nothing_to_score_is_nan():
    scores = classification_scores([1], [[np.nan] * 3], CLASSES, [0.3, 0.3, 0.4])
    assert scores["rows"] == 0
    assert all(np.isnan(v) for k, v in scores.items() if not k.startswith("rows"))


def test_calibration_error_by_hand():
    # top label: bin (.5, .6] has 2 rows at .6, one right; bin (.8, .9] has 3 at .9, all right
    p = np.array([[0.4, 0.6], [0.6, 0.4], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]])
    y = [1, 1, 1, 1, -1]
    expected = (2 * abs(0.5 - 0.6) + 3 * abs(1.0 - 0.9)) / 5
    assert calibration_error(y, p, [-1, 1]) == pytest.approx(expected)
    # with weights 3 and 1 on the first two rows
    expected = (4 * abs(0.75 - 0.6) + 3 * 0.1) / 7
    assert calibration_error(y, p, [-1, 1], weight=[3, 1, 1, 1, 1]) == pytest.approx(expected)


def test_class_wise_calibration_error_by_hand():
    p = np.array([[0.25, 0.75], [0.25, 0.75], [0.25, 0.75], [0.25, 0.75]])
    assert calibration_error([1, 1, 1, -1], p, [-1, 1], kind="class_wise") == pytest.approx(0.0)
    # each class: |.5 - .25|
    assert calibration_error([1, 1, -1, -1], p, [-1, 1], kind="class_wise") == pytest.approx(0.25)


@pytest.mark.parametrize(("n", "expected"), [(2_000, 0.026), (10_000, 0.012)])
def test_binning_noise_of_perfect_probabilities(n, expected):
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(20):
        p = rng.uniform(size=n)
        y = np.where(rng.uniform(size=n) < p, 1, -1)
        errors.append(calibration_error(y, np.c_[1 - p, p], [-1, 1], kind="class_wise"))
    assert np.mean(errors) == pytest.approx(expected, rel=0.25)


def test_bin_edges_belong_to_the_bin_below():
    curve = reliability_curve([1, 0, 1], [0.3, 0.0, 1.0], n_bins=10)
    assert np.flatnonzero(curve["rows"]).tolist() == [0, 2, 9]


def test_skill_rises_with_the_information_in_the_probabilities():
    y, p, _ = draw(5, n=2000)
    prior = class_shares(y, CLASSES)
    skills = [
        classification_scores(y, a * p + (1 - a) * prior, CLASSES, prior)["skill"]
        for a in (0.0, 0.2, 0.5)
    ]
    assert skills[0] == pytest.approx(0.0)
    assert skills[0] < skills[1] < skills[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], [[0.5, 0.5]], CLASSES), "shape"),
        (([2], [[0.2, 0.3, 0.5]], CLASSES), r"one of 'classes'.*\[2\]"),
        (([1], [[0.2, 0.3, 0.6]], CLASSES), "sum to 1"),
        (([1], [[0.2, 0.3, 0.5]], [1, 0, -1]), "increasing"),
    ],
)
def test_what_cannot_be_scored_is_named(arguments, message):
    with pytest.raises(DataError, match=message):
        auc(*arguments)


def test_weights_below_zero_are_named():
    with pytest.raises(DataError, match="non-negative"):
        auc([1], [[0.2, 0.3, 0.5]], CLASSES, weight=[-1.0])


def test_priors_must_be_shares_of_the_classes():
    with pytest.raises(DataError, match="class_shares"):
        classification_scores([1], [[0.2, 0.3, 0.5]], CLASSES, prior=[0.5, 0.5])
    with pytest.raises(ParameterError, match="kind"):
        calibration_error([1], [[0.2, 0.3, 0.5]], CLASSES, kind="adaptive")


@pytest.mark.parametrize("losses", [log_losses, brier_losses])
def test_losses_need_a_column_for_each_class(losses):
    with pytest.raises(DataError, match=r"'proba' must have shape \(n_rows, n_classes\); got"):
        losses([1, -1], [0.2, 0.8], CLASSES)

"""Classification scores: known answers, agreement with scikit-learn, absent classes."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ohlcvml.evaluation import (
    auc,
    balanced_accuracy,
    calibration_error,
    class_priors,
    classification_scores,
    log_loss,
    log_loss_skill,
    macro_f1,
    reliability_curve,
)
from ohlcvml.exceptions import DataError, ParameterError

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
    for name in ("skill", "balanced_accuracy", "f1", "auc", "auc_weighted", "accuracy"):
        assert scores[name] == pytest.approx(1.0)
    assert scores["log_loss"] == pytest.approx(0.0, abs=1e-12)
    assert scores["calibration_error"] == 0.0


@laws
@given(st.integers(0, 1000))
def test_answering_the_priors_has_no_skill(seed):
    y, _, w = draw(seed)
    prior = class_priors(y, CLASSES, w)
    scores = classification_scores(y, np.tile(prior, (len(y), 1)), CLASSES, prior, w)
    assert scores["skill"] == pytest.approx(0.0, abs=1e-12)
    assert scores["auc"] == 0.5
    assert scores["balanced_accuracy"] == pytest.approx(1 / 3)
    assert scores["log_loss"] == pytest.approx(-(prior * np.log(prior)).sum())


@laws
@given(st.integers(0, 1000))
def test_agrees_with_scikit_learn(seed):
    y, p, w = draw(seed)
    answer = np.array(CLASSES)[p.argmax(axis=1)]
    weighted = {"sample_weight": w}
    assert log_loss(y, p, CLASSES, w) == pytest.approx(metrics.log_loss(y, p, **weighted))
    expected = metrics.balanced_accuracy_score(y, answer, **weighted)
    assert balanced_accuracy(y, p, CLASSES, w) == pytest.approx(expected)
    expected = metrics.f1_score(y, answer, average="macro", **weighted)
    assert macro_f1(y, p, CLASSES, w) == pytest.approx(expected)
    for average in ("macro", "weighted"):
        expected = metrics.roc_auc_score(y, p, multi_class="ovr", average=average, **weighted)
        assert auc(y, p, CLASSES, w, average=average) == pytest.approx(expected)


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
    assert macro_f1([1, 1], [[0.9, 0.1], [0.1, 0.9]], [-1, 1]) == pytest.approx((0 + 2 / 3) / 2)


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
    prior = class_priors(y, CLASSES)
    skills = [log_loss_skill(y, a * p + (1 - a) * prior, CLASSES, prior) for a in (0.0, 0.2, 0.5)]
    assert skills[0] == pytest.approx(0.0)
    assert skills[0] < skills[1] < skills[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], [[0.5, 0.5]], CLASSES), "shape"),
        (([2], [[0.2, 0.3, 0.5]], CLASSES), r"one of 'classes'.*\[2\]"),
        (([1], [[0.2, 0.3, 0.6]], CLASSES), "sum to 1"),
        (([1], [[0.2, 0.3, 0.5]], [1, 0, -1]), "increasing"),
        (([1], [[0.2, 0.3, 0.5]], CLASSES, [-1.0]), "non-negative"),
    ],
)
def test_what_cannot_be_scored_is_named(arguments, message):
    with pytest.raises(DataError, match=message):
        log_loss(*arguments)


def test_priors_must_be_shares_of_the_classes():
    with pytest.raises(DataError, match="class_priors"):
        log_loss_skill([1], [[0.2, 0.3, 0.5]], CLASSES, prior=[0.5, 0.5])
    with pytest.raises(ParameterError, match="kind"):
        calibration_error([1], [[0.2, 0.3, 0.5]], CLASSES, kind="adaptive")

"""Marginals from a grid of quantiles, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import norm
from scipy.stats import t as student

from ohlcvml.exceptions import ParameterError
from ohlcvml.models._tails import probability_above, probability_below, quantiles_at, scores_at

DECILES = np.arange(1, 10) / 10


def test_a_normal_law_comes_back_everywhere():
    wanted = np.array([0.001, 0.01, 0.05, 0.15, 0.5, 0.77, 0.95, 0.999])
    values = norm.ppf(DECILES, 0.3, 2.0)
    got, extrapolated = quantiles_at(DECILES, values[None], wanted)
    np.testing.assert_allclose(got[0], norm.ppf(wanted, 0.3, 2.0), rtol=1e-12)
    assert extrapolated.tolist() == [True, True, True, False, False, False, True, True]


def test_a_student_law_reproduces_its_own_quantiles():
    levels = np.arange(1, 200) / 200
    values = student.ppf(levels, 3)
    got, extrapolated = quantiles_at(levels, values[None], levels)
    np.testing.assert_array_equal(got[0], values)
    assert not extrapolated.any()
    between = (levels[:-1] + levels[1:]) / 2
    np.testing.assert_allclose(
        quantiles_at(levels, values[None], between)[0][0],
        student.ppf(between, 3),
        rtol=0.01,
        atol=1e-9,
    )


def test_beyond_the_deciles_a_fat_tail_is_understated():
    """What the docs warn of: the tail law is Gaussian, whatever the truth."""
    got, _ = quantiles_at(DECILES, student.ppf(DECILES, 3)[None], [0.99])
    assert 0.6 < got[0, 0] / student.ppf(0.99, 3) < 0.75


def test_each_side_has_its_own_tail():
    values = np.array([-1.0, 0.0, 3.0])
    got, _ = quantiles_at(np.array([0.1, 0.5, 0.9]), values[None], [0.01, 0.99])
    np.testing.assert_allclose(got[0], [-ndtri(0.99) / ndtri(0.9), 3 * ndtri(0.99) / ndtri(0.9)])


def test_a_grid_on_one_side_of_the_median_continues_straight():
    levels = np.array([0.6, 0.8])
    got, _ = quantiles_at(levels, (2 * ndtri(levels) + 1)[None], [0.05, 0.95])
    np.testing.assert_allclose(got[0], 2 * ndtri([0.05, 0.95]) + 1)


def test_levels_that_miss_the_grid_by_rounding_are_in_it():
    levels = np.array([0.3, 0.5, 0.7])
    _, extrapolated = quantiles_at(levels, np.zeros((1, 3)), [0.1 + 0.2, 1 - 0.7, 0.699999])
    assert not extrapolated.any()


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_quantiles_rise_and_the_scores_are_their_inverse(seed):
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.choice(np.arange(1, 100), 6, replace=False)) / 100
    values = np.sort(rng.standard_t(2, (3, 6)))
    wanted = np.arange(1, 40) / 40
    got, _ = quantiles_at(levels, values, wanted)
    assert (np.diff(got, axis=1) >= 0).all()
    for k in (0, 13, 38):
        np.testing.assert_allclose(ndtr(scores_at(levels, values, got[:, k])), wanted[k], atol=1e-9)


def test_atoms_have_a_lowest_and_a_highest_score():
    levels, values = np.array([0.2, 0.4, 0.6, 0.8]), np.array([[-1.0, 0.0, 0.0, 1.0]])
    at = np.zeros(1)
    assert probability_below(levels, values, at)[0] == pytest.approx(0.4)
    assert probability_above(levels, values, at)[0] == pytest.approx(0.4)
    certain = np.ones((1, 4))
    for x, below, above in ((1.0, 0.0, 0.0), (0.5, 0.0, 1.0), (1.5, 1.0, 0.0)):
        assert probability_below(levels, certain, np.array([x]))[0] == below
        assert probability_above(levels, certain, np.array([x]))[0] == above


def test_infinite_thresholds_are_certain():
    values = norm.ppf(DECILES)[None]
    assert probability_below(DECILES, values, np.array([np.inf]))[0] == 1.0
    assert probability_above(DECILES, values, np.array([-np.inf]))[0] == 1.0


def test_missing_rows_stay_missing():
    values = np.array([[0.0, np.nan, 1.0], [0.0, 0.5, 1.0]])
    levels = np.array([0.1, 0.5, 0.9])
    assert np.isnan(scores_at(levels, values, np.array([0.2, np.nan]))).all()
    got, _ = quantiles_at(levels, values, [0.05, 0.7])
    assert np.isnan(got[0]).all()
    assert np.isfinite(got[1]).all()


@pytest.mark.parametrize("wanted", [[0.0], [1.0], [0.5, np.nan], [[0.5]], 1.5])
def test_levels_outside_the_open_interval_are_refused(wanted):
    with pytest.raises(ParameterError, match="'wanted' must be levels inside"):
        quantiles_at(DECILES, norm.ppf(DECILES)[None], wanted)

"""The two shapes of a forecast: what they hold, what they refuse, how they go on."""

import numpy as np
import pytest
from scipy.special import ndtri

from ohlcvml.exceptions import ParameterError
from ohlcvml.models.paths import PathForecast, QuantileForecast

LEVELS = np.array([0.1, 0.5, 0.9])


def forecast(n=2, n_steps=4, mean=True):
    values = np.sqrt(np.arange(1.0, n_steps + 1))[:, None] * np.array([-1.0, 0.25, 2.0])
    values = np.repeat(values[None], n, axis=0) * np.arange(1, n + 1)[:, None, None]
    return QuantileForecast(LEVELS, values, values.mean(axis=2) if mean else None)


def test_rows_and_steps():
    made = forecast(3)
    assert (len(made), made.n_steps) == (3, 4)
    part = made.take([2, 0])
    np.testing.assert_array_equal(part.values, made.values[[2, 0]])
    np.testing.assert_array_equal(part.mean, made.mean[[2, 0]])
    assert len(made.take(np.array([True, False, True]))) == 2


def test_lists_and_single_precision_become_double():
    made = QuantileForecast([0.25, 0.75], np.zeros((1, 1, 2), dtype=np.float32))
    assert made.values.dtype == made.levels.dtype == np.float64
    assert PathForecast(np.zeros((1, 2, 3), dtype=np.float32)).paths.dtype == np.float64


def test_a_window_with_a_gap_is_missing():
    values = forecast(2).values.copy()
    values[1, 2, 0] = np.nan
    assert QuantileForecast(LEVELS, values).missing.tolist() == [False, True]
    paths = np.zeros((2, 3, 4))
    paths[0, 1, 1] = np.nan
    assert PathForecast(paths).missing.tolist() == [True, False]


def test_a_longer_horizon_keeps_the_centre_and_spreads_with_the_root_of_time():
    made = forecast(1, n_steps=4)
    longer = made.extended(16)
    np.testing.assert_array_equal(longer.values[:, :4], made.values)
    last, far = made.values[0, 3], longer.values[0, 15]
    np.testing.assert_allclose(far[1], last[1])
    np.testing.assert_allclose(far - far[1], 2 * (last - last[1]))
    np.testing.assert_allclose(longer.mean[0, 4:], made.mean[0, 3])


def test_a_random_walk_is_continued_exactly():
    root = np.sqrt(np.arange(1, 31))[None, :, None] * ndtri(LEVELS)
    short = QuantileForecast(LEVELS, root[:, :10])
    np.testing.assert_allclose(short.extended(30).values, root, rtol=1e-12)


def test_a_shorter_horizon_is_cut():
    assert forecast().extended(2).values.shape == (2, 2, 3)
    assert forecast().extended(2).mean.shape == (2, 2)
    paths = PathForecast(np.random.default_rng(0).standard_normal((2, 5, 4)))
    np.testing.assert_array_equal(paths.extended(3).paths, paths.paths[:, :, :3])
    assert paths.extended(9).values.shape == (2, 9, 9)


def test_paths_give_their_marginals():
    values = np.random.default_rng(0).permutation(np.arange(1.0, 101))
    made = PathForecast(values[None, :, None]).quantiles([0.05, 0.5, 0.9])
    np.testing.assert_allclose(made.values[0, 0], [5.5, 50.5, 90.5])
    assert made.mean[0, 0] == 50.5
    assert PathForecast(values[None, :, None]).quantiles().levels.tolist() == [
        0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9,
    ]  # fmt: skip


@pytest.mark.parametrize("levels", [[0.5], [0.0, 0.5], [0.5, 1.0], [0.5, 0.4], [0.5, 0.5]])
def test_levels_are_increasing_and_inside(levels):
    with pytest.raises(ParameterError, match="'levels' must be at least two increasing"):
        QuantileForecast(np.array(levels), np.zeros((1, 1, len(levels))))


@pytest.mark.parametrize(
    ("values", "mean", "says"),
    [
        (np.zeros((2, 3)), None, "'values' must have shape"),
        (np.zeros((2, 4, 2)), None, "'values' must have shape"),
        (np.zeros((2, 0, 3)), None, "'values' must have shape"),
        (np.array([[[0.0, 1.0, np.inf]]]), None, "'values' must be finite"),
        (np.array([[[0.0, 1.0, 0.5]]]), None, "Sort them first"),
        (np.zeros((2, 4, 3)), np.zeros((2, 3)), "'mean' must have shape"),
        (np.zeros((1, 1, 3)), np.full((1, 1), -np.inf), "'mean' must be finite"),
    ],
)
def test_wrong_quantiles_are_refused(values, mean, says):
    with pytest.raises(ParameterError, match=says):
        QuantileForecast(LEVELS, values, mean)


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (np.zeros((2, 3)), "'paths' must have shape"),
        (np.zeros((2, 1, 3)), "at least 2 paths"),
        (np.zeros((2, 2, 0)), "'paths' must have shape"),
        (np.full((1, 2, 1), np.inf), "'paths' must be finite"),
    ],
)
def test_wrong_paths_are_refused(paths, says):
    with pytest.raises(ParameterError, match=says):
        PathForecast(paths)


@pytest.mark.parametrize("made", [forecast(), PathForecast(np.zeros((1, 2, 3)))])
def test_horizon_is_checked(made):
    with pytest.raises(ParameterError, match="'n_steps' must be an integer of at least 1"):
        made.extended(0)

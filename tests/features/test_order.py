"""Rolling order statistics against numpy, value for value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from ohlcvml.streams.kernels._order import (
    _layout,
    _roll,
    new_orders,
    order_params,
    quantile_params,
    rolling_order,
)

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.9, 1.0)
N = 4000


def oracle(values, window):
    """Quantiles by numpy and average ranks by counting, for full windows."""
    windows = sliding_window_view(values, window)
    newest = windows[:, -1:]
    ranks = (windows < newest).sum(axis=1) + ((windows == newest).sum(axis=1) + 1) / 2
    return np.vstack([np.quantile(windows, QUANTILES, axis=1), ranks])


def series():
    rng = np.random.default_rng(0)
    steps = rng.standard_t(3, N)
    level = np.r_[np.zeros(N // 4), rng.normal(0, 1, N // 4), np.full(N // 2, 7.0)]
    return {
        "random": rng.normal(0, 1e-4, N),
        "walk": 5000 + steps.cumsum(),
        "ticks": np.round(5000 + steps.cumsum()),
        "many zeros": np.where(rng.random(N) < 0.5, 0.0, steps),
        "few values": rng.integers(-1, 2, N).astype(float),
        "up": np.arange(N) * 1.0,
        "down": -np.arange(N) * 1.0,
        "saw": (np.arange(N) % 50) * 1.0,
        "constant": np.full(N, 3.0),
        "levels": level,
        "growing": rng.normal(0, 1, N) * np.exp(np.arange(N) / 50),
        "neighbours": 1 + rng.integers(0, 200, N) * np.spacing(1.0),
    }


@pytest.mark.parametrize("window", [1, 2, 31, 32, 60, 100, 240, 1440])
@pytest.mark.parametrize("name", series())
def test_equals_numpy(name, window):
    values = series()[name]
    ours = rolling_order(values, window, QUANTILES, rank=True)
    assert np.isnan(ours[:, : window - 1]).all()
    assert np.array_equal(ours[:, window - 1 :], oracle(values, window))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-5, 5) | st.integers(-2, 2).map(float), min_size=1, max_size=300),
    st.integers(1, 130),
)
def test_equals_numpy_on_anything(values, window):
    values = np.array(values)
    window = min(window, len(values))
    ours = rolling_order(values, window, QUANTILES, rank=True)[:, window - 1 :]
    assert np.array_equal(ours, oracle(values, window))


def test_quantiles_alone_are_those_beside_the_rank():
    values = series()["ticks"]
    both = rolling_order(values, 240, QUANTILES, rank=True)
    assert np.array_equal(rolling_order(values, 240, QUANTILES), both[:-1], equal_nan=True)
    assert np.array_equal(rolling_order(values, 240, rank=True), both[-1:], equal_nan=True)


@pytest.mark.parametrize("name", ["random", "ticks"])
def test_a_million_bars(name):
    steps = np.random.default_rng(1).standard_t(5, 1_000_000)
    values = steps if name == "random" else np.round(5000 + steps.cumsum())
    ours = rolling_order(values, 1440, QUANTILES, rank=True)
    for t in np.r_[np.random.default_rng(2).integers(1440, len(values), 300), len(values) - 1]:
        assert np.array_equal(ours[:, t], oracle(values[t - 1439 : t + 1], 1440)[:, 0])


@pytest.mark.parametrize("window", [7, 60, 480])
def test_the_state_is_the_window_in_order(window):
    values, (blocks, room) = series()["walk"], _layout(window)
    below, share = quantile_params((), (window,))
    state, out = new_orders((window,)), np.empty((1, N))
    _roll(values, window, True, below, share, order_params((window,)), state, out)
    keys, bounds, before, _ = state
    lanes = keys[0].reshape(-1)[: blocks * (room + 4)].reshape(blocks, room + 4)
    assert np.array_equal(lanes[np.isfinite(lanes)], np.sort(values[-window:]))
    counts = np.isfinite(lanes).sum(axis=1)
    assert np.array_equal(np.r_[0, counts.cumsum()], before[0, : blocks + 1])
    largest = np.where(np.isfinite(lanes), lanes, -np.inf).max(axis=1)
    assert (largest <= bounds[0, :blocks]).all()


@pytest.mark.parametrize("window", [1, 31, 32, 99, 100, 240, 1440, 20_000])
def test_no_block_is_full_after_the_keys_are_shared_out(window):
    blocks, room = _layout(window)
    assert room % 16 == 0
    assert (blocks == 1 and room > window) or -(-window // blocks) + 1 < room

"""The online recursion of the jump model: the end of the cheapest path, whatever the rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import simulate_bars
from ohlcvml.regimes import JumpModelRegime
from ohlcvml.regimes._jump_filter import coalescence_rows, run_costs


def random_case(seed, n_states=3, n_inputs=2, n_rows=300):
    """Centroids and rows around them, the state drawn anew now and then."""
    draw = np.random.default_rng(seed)
    centroids = 2 * draw.normal(size=(n_states, n_inputs))
    state = np.repeat(draw.integers(0, n_states, n_rows // 10 + 1), 10)[:n_rows]
    return centroids, np.ascontiguousarray((centroids[state] + draw.normal(size=(n_rows, 2))).T)


def as_params(centroids, penalty, clip=np.inf):
    n_inputs = centroids.shape[1]
    return np.zeros(n_inputs), np.ones(n_inputs), clip, centroids, penalty


def online(values, params, cuts=()):
    """One-hot states of rows, shape (n_rows, n_states), the kernel called once per piece."""
    n_states = len(params[3])
    out = np.empty((n_states, values.shape[1]))
    state = (np.zeros(n_states), np.empty(n_states), np.full(1, -1))
    for first, last in zip([0, *cuts], [*cuts, values.shape[1]], strict=True):
        run_costs((values,), first, last, params, state, out)
    return out.T


def naive(values, centroids, penalty):
    """Costs by every pair of states, never normalised, in the plainest numpy."""
    cost, states = np.zeros(len(centroids)), []
    between = penalty * (1 - np.eye(len(centroids)))
    for row in values.T:
        if np.isnan(row).any():
            states.append(states[-1])
            continue
        cost = (cost[:, None] + between).min(axis=0)
        cost = cost + 0.5 * ((row - centroids) ** 2).sum(axis=1)
        states.append(int(cost.argmin()))
    return states


@given(st.integers(0, 2**32), st.integers(2, 4), st.floats(0, 20))
@settings(deadline=None, max_examples=40)
def test_the_state_is_the_end_of_the_cheapest_path(seed, n_states, penalty):
    centroids, values = random_case(seed, n_states)
    values[0, 40:50] = np.nan
    have = online(values, as_params(centroids, penalty))
    assert have.argmax(axis=1).tolist() == naive(values, centroids, penalty)
    assert (have.sum(axis=1) == 1).all()


@pytest.mark.parametrize("penalty", [0.0, 2.0, 30.0])
def test_the_states_are_those_of_jumpmodels(penalty):
    jump = pytest.importorskip("jumpmodels.jump")
    _, values = random_case(5, n_rows=3000)
    rows = ((values.T - values.mean(axis=1)) / values.std(axis=1)).copy()
    peer = jump.JumpModel(3, jump_penalty=penalty, n_init=2, max_iter=20, random_state=0).fit(rows)
    values = np.ascontiguousarray(rows.T)
    have = online(values, as_params(np.ascontiguousarray(peer.centers_), penalty))
    assert np.array_equal(have.argmax(axis=1), peer.predict_online(rows))


@given(st.lists(st.integers(0, 300), max_size=6))
@settings(deadline=None, max_examples=20)
def test_the_bits_do_not_depend_on_how_rows_are_grouped(cuts):
    centroids, values = random_case(1)
    params = as_params(centroids, 3.0)
    assert np.array_equal(online(values, params, sorted(cuts)), online(values, params))


def test_without_a_penalty_it_is_the_nearest_centroid():
    centroids, values = random_case(2)
    nearest = ((values.T[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
    assert np.array_equal(online(values, as_params(centroids, 0.0)).argmax(axis=1), nearest)


def test_a_state_is_believed_once_it_is_nearer_by_the_penalty():
    """Half squared distances differ by 2 a row from the change on: 5 rows make up for 9."""
    values = np.array([[0.0] * 10 + [2.0] * 10])
    have = online(values, as_params(np.array([[0.0], [2.0]]), 9.0))
    assert have.argmax(axis=1).tolist() == [0] * 14 + [1] * 6


def test_unknown_rows_show_nothing():
    centroids, values = random_case(3)
    values[0, :7] = values[1, 100:150] = np.nan
    have = online(values, as_params(centroids, 4.0))
    assert np.isnan(have[:7]).all()
    assert np.isfinite(have[7:]).all()
    assert (have[100:150] == have[99]).all()
    later = online(np.ascontiguousarray(values[:, 7:]), as_params(centroids, 4.0))
    assert np.array_equal(have[7:], later)


@pytest.mark.parametrize("clip", [3.0, np.inf])
def test_wild_rows_leave_no_trace_over_a_million_rows(clip):
    values = np.tile([[-1.0, -1.0, 1.0, 1.0]], 250_000)  # states that come and go
    values[0, 500_000:500_008] = [np.nan, np.inf, -np.inf, 1e308, -1e308, 1e160, 1e-300, 1e200]
    have = online(values, as_params(np.array([[-1.0], [1.0]]), 1.5, clip))
    period = have[100:104]
    assert np.array_equal(have[500_020:], np.tile(period, (124_995, 1)))
    assert np.isfinite(have).all()


def test_recursions_begun_anywhere_agree_to_the_bit_after_the_rows_it_says():
    centroids, values = random_case(6, n_rows=4000)
    params = as_params(centroids, 8.0)
    rows = coalescence_rows(values, np.array([[0, 4000]]), params)
    whole = online(values, params)
    for start in range(0, 3500, 4):  # the starts that were tried
        cold = online(np.ascontiguousarray(values[:, start : start + rows + 20]), params)
        assert np.array_equal(cold[rows:], whole[start + rows : start + rows + 20])
    assert 3 < rows < 200


def test_memory_is_none_where_it_never_ends():
    between = np.zeros((1, 100))
    params = as_params(np.array([[-1.0], [1.0]]), 5.0)
    assert coalescence_rows(between, np.array([[0, 100]]), params) is None
    regime = JumpModelRegime(n_states=2).fit(pd.DataFrame({"x": np.zeros(50)}))
    assert regime.memory_ is None
    assert regime.lookback is None


def test_a_fitted_lookback_holds():
    bars = simulate_bars(6000, seed=10, volatility_ratio=3.0).bars
    regime = JumpModelRegime()
    assert regime.lookback is None
    whole = regime.fit(bars.iloc[:3000]).transform(bars)
    assert regime.lookback == 4 + regime.memory_
    for row in range(3000, 6000, 50):
        cold = regime.transform(bars.iloc[row - regime.lookback : row + 1])
        assert cold.iloc[-1].equals(whole.iloc[row])

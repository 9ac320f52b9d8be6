"""Laws of the simulated bars: what the truth says about them can be found in them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Sessions, check_bars, simulate_bars
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.streams import average_true_range

CONSTANT = {"volatility_shock": 0.0, "volatility_persistence": 0.0, "intraday_shape": 0.0}


def triple_barrier(bars, k=1.5, horizon=20):
    """Gross barriers, vectorised over rows: an own reading of the rule, for the AUC only."""
    o, h, low, c = (bars[name].to_numpy() for name in ("open", "high", "low", "close"))
    atr = average_true_range(h, low, c, 14, np.array([0, len(bars)]))
    rows = np.arange(50, len(bars) - horizon - 1)
    label, live = np.zeros(len(rows), dtype=int), np.ones(len(rows), dtype=bool)
    up, down = o[rows + 1] + k * atr[rows], o[rows + 1] - k * atr[rows]
    for step in range(1, horizon + 1):
        hit_up, hit_down = h[rows + step] >= up, low[rows + step] <= down
        label[live & hit_up & ~hit_down] = 1
        label[live & hit_down & ~hit_up] = -1
        live &= ~(hit_up | hit_down)
    return pd.DataFrame({"label": label}, index=bars.index[rows])


@given(
    n=st.integers(2, 300),
    seed=st.integers(0, 10_000),
    sessions=st.sampled_from([None, True, "CME_Equity"]),
    tick=st.sampled_from([None, 0.25, 0.1, 0.015625]),
    ratio=st.sampled_from([1.0, 2.0]),
)
@settings(deadline=None, max_examples=25)
def test_bars_keep_their_contract(n, seed, sessions, tick, ratio):
    bars = simulate_bars(
        n, seed=seed, sessions=sessions, tick_size=tick, volatility_ratio=ratio, edge=0.2
    ).bars
    check_bars(bars, "test")
    assert len(bars) == n
    assert bars.index.name == "time"
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    if tick:
        ticks = bars[["open", "high", "low", "close"]].to_numpy() / tick
        assert np.abs(ticks - np.round(ticks)).max() < 1e-6


@pytest.mark.parametrize("sessions", [None, True, "CME_Equity"])
def test_a_longer_simulation_begins_with_the_shorter(sessions):
    long = simulate_bars(6000, seed=3, sessions=sessions, edge=0.3)
    short = simulate_bars(2500, seed=3, sessions=sessions, edge=0.3)
    pd.testing.assert_frame_equal(long.bars.iloc[:2500], short.bars, check_freq=False)
    pd.testing.assert_frame_equal(long.truth.iloc[:2500], short.truth, check_freq=False)


def test_same_seed_same_bars_and_another_seed_other_bars():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (simulate_bars(100, seed=s).bars for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not np.array_equal(first["close"], other["close"])
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_symbols_are_independent_of_their_number():
    three = simulate_bars(400, seed=5, n_symbols=3).bars
    one = simulate_bars(400, seed=5).bars
    assert three.index.names == ["symbol", "time"]
    pd.testing.assert_frame_equal(three.loc["SIM0"], one, check_freq=False)
    moves = np.diff(three["close"].to_numpy().reshape(3, 400))
    assert np.abs(np.corrcoef(moves)[~np.eye(3, dtype=bool)]).max() < 0.2


@pytest.mark.parametrize("settings_", [CONSTANT, {}, {"sessions": True, "volatility_ratio": 2.0}])
def test_without_an_edge_the_price_is_a_martingale(settings_):
    simulation = simulate_bars(100_000, seed=11, tick_size=None, **settings_)
    sigma = simulation.truth["volatility"].to_numpy()
    z = (simulation.bars["close"] / simulation.bars["open"] - 1).to_numpy() / sigma
    assert abs(z.mean()) * np.sqrt(len(z)) < 3.5
    for lag in (1, 2, 5):
        assert abs(np.corrcoef(z[lag:], z[:-lag])[0, 1]) * np.sqrt(len(z)) < 3.5
    assert z.std() == pytest.approx(1.0, abs=0.01)


def test_the_truth_describes_the_returns():
    simulation = simulate_bars(200_000, seed=2, edge=0.3, tick_size=None, volatility_ratio=2.0)
    truth, bars = simulation.truth, simulation.bars
    r = np.log(bars["close"] / bars["open"])
    residual = (r - truth["drift"]) / truth["volatility"]
    for state in (-1, 1):
        z = residual[truth["state"] == state]
        assert abs(z.mean()) < 4 / np.sqrt(len(z)) + 1e-3
        assert z.std() == pytest.approx(1.0, abs=0.01)
    assert (truth["state"].diff().iloc[1:] != 0).mean() == pytest.approx(0.02, abs=0.002)


@pytest.mark.parametrize("kind", [{}, {"volatility_ratio": 2.0}, {"sessions": True}])
def test_the_filter_is_calibrated(kind):
    truth = simulate_bars(600_000, seed=4, edge=0.3, **kind).truth
    bins = np.minimum((truth["p_up"] * 10).astype(int), 9)
    table = (truth["state"] > 0).groupby(bins).mean() - truth["p_up"].groupby(bins).mean()
    assert table.abs().max() < 0.02
    assert truth["p_up"].between(0, 1).all()


def test_the_filter_knows_only_the_past():
    before = simulate_bars(300, seed=9, edge=0.4).truth["p_up"]
    after = simulate_bars(900, seed=9, edge=0.4).truth["p_up"].iloc[:300]
    assert np.array_equal(before, after)


@pytest.mark.parametrize("kind", [{**CONSTANT, "tick_size": None}, {}, {"sessions": True}])
def test_the_attainable_score_is_attained_and_no_more(kind):
    simulation = simulate_bars(200_000, seed=7, edge=0.3, **kind)
    labels = triple_barrier(simulation.bars)
    attainable = simulation.attainable
    assert simulation.oracle_auc(labels) == pytest.approx(attainable.filtered_auc, abs=0.01)
    assert simulation.oracle_auc(labels, "state") == pytest.approx(attainable.state_auc, abs=0.01)


def test_without_an_edge_even_the_true_state_is_worth_nothing():
    simulation = simulate_bars(100_000, seed=8, volume_shift=0.5)
    labels = triple_barrier(simulation.bars)
    assert simulation.oracle_auc(labels, "state") == pytest.approx(0.5, abs=0.012)
    assert simulation.attainable.state_auc == 0.5


def test_volatility_clusters_only_when_asked():
    def memory(**kind):
        s = simulate_bars(50_000, seed=1, tick_size=None, intraday_shape=0.0, **kind)
        size = np.log(s.bars["close"] / s.bars["open"]).abs()
        return size.autocorr(1)

    assert memory(volatility_shock=0.1, volatility_persistence=0.98) > 0.1
    assert abs(memory(volatility_shock=0.0, volatility_persistence=0.0)) < 0.02


def test_built_in_sessions_halt_daily_and_follow_new_york():
    index = simulate_bars(15 * 1380, seed=0, sessions=True, start="2024-03-04").bars.index
    local = index.tz_convert("America/New_York")
    assert set(local.hour) == set(range(24)) - {17}
    assert not (local.dayofweek == 5).any()
    assert set(index.hour[:1380]) == set(range(24)) - {22}  # winter
    assert set(index.hour[-1380:]) == set(range(24)) - {21}  # summer


def test_a_calendar_gives_only_nominal_bars():
    index = simulate_bars(3000, seed=0, sessions="CME_Equity", start="2024-07-03").bars.index
    assert Sessions("CME_Equity").inside(index).all()
    assert (np.diff(index.asi8) > 60 * 10**9).any()


def test_volume_follows_the_state_only_where_asked():
    shifted = simulate_bars(20_000, seed=3, edge=0.3)
    plain = simulate_bars(20_000, seed=3, edge=0.0)
    for simulation, expected in ((shifted, 0.5), (plain, 0.0)):
        log_volume = np.log(simulation.bars["volume"])
        means = log_volume.groupby(simulation.truth["state"]).mean()
        assert means.loc[1] - means.loc[-1] == pytest.approx(expected, abs=0.05)


def test_daily_bars_skip_weekends():
    bars = simulate_bars(30, seed=0, bar_size="1D", sessions=True).bars
    assert (bars.index.dayofweek < 5).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_bars", 0),
        ("seed", -1),
        ("start", "yesterday-ish"),
        ("bar_size", "-1min"),
        ("price", 0.0),
        ("tick_size", 100.0),
        ("sessions", 3.5),
        ("session_gap", -1.0),
        ("volatility", 0.0),
        ("volatility_shock", 0.99),
        ("volatility_persistence", 1.0),
        ("intraday_shape", -0.1),
        ("edge", float("nan")),
        ("flip_probability", 0.6),
        ("volume_shift", float("inf")),
        ("volatility_ratio", 0.0),
        ("n_symbols", 0),
    ],
)
def test_a_bad_parameter_is_named(name, value):
    with pytest.raises(ParameterError, match=name):
        simulate_bars(**{"n_bars": 10, "seed": 0, name: value})


def test_oracle_auc_refuses_labels_it_cannot_score():
    simulation = simulate_bars(50, seed=0)
    one_sided = pd.DataFrame({"label": [1, 1]}, index=simulation.bars.index[:2])
    with pytest.raises(DataError, match="Simulate more bars"):
        simulation.oracle_auc(one_sided)
    foreign = pd.DataFrame({"label": [1, -1]}, index=simulation.bars.index[:2] + pd.Timedelta("9D"))
    with pytest.raises(DataError, match="within the simulated bars"):
        simulation.oracle_auc(foreign)

"""The labellers agree with a naive oracle, whatever the bars and the parameters."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Contract, Costs, Sessions
from ohlcvml.labels import TripleBarrierLabeller, label_positions
from tests.labels.builders import random_bars
from tests.labels.oracle import label_one_symbol

CALENDAR = "CME_Equity"
SPEC = Contract("TEST", tick_size=0.25, tick_value=1.0, calendar=CALENDAR)
# No k times an ATR of bars on a grid of 0.25 equals it: a barrier exactly at entry would be a
# matter of rounding, on which the oracle and the labeller need not agree.
COST = 0.3137
COSTS = Costs(spread=COST)

parameters = st.fixed_dictionaries(
    {
        "horizon": st.integers(1, 12),
        "k_up": st.sampled_from([0.4, 1.0, 1.7]),
        "k_down": st.sampled_from([0.6, 1.3]),
        "atr_window": st.integers(1, 5),
        "entry": st.sampled_from(["next_open", "close"]),
        "both": st.sampled_from(["zero", "open_proximity"]),
        "cost_adjustment": st.sampled_from(["net", "shift", None]),
        "session_exit": st.booleans(),
        "cross_session": st.booleans(),
        "roll": st.sampled_from(["exit", "hold"]),
        "unit": st.sampled_from(["atr", "atr", "ticks", "money", "percent"]),
    }
)
SIZES = {"atr": 1.0, "ticks": 4.0, "money": 3.0, "percent": 0.5}


def sized(params):
    """Barriers about as wide as one ATR, whatever their unit."""
    size = SIZES[params["unit"]]
    return params | {"k_up": params["k_up"] * size, "k_down": params["k_down"] * size}


def compare(bars, labels, labeller, side=0):
    sessions = Sessions(CALENDAR)
    expected = label_one_symbol(
        bars, labeller, sessions, tick=0.25, cost=COST, side=side, point_value=4.0
    )
    start, end = label_positions(labels, bars.index)
    assert start.tolist() == sorted(expected)
    if not expected:
        return
    label, exit_row, code, price, censored, entry = map(
        np.array, zip(*expected.values(), strict=True)
    )
    np.testing.assert_array_equal(labels["label"], label)
    np.testing.assert_array_equal(end, exit_row)
    np.testing.assert_array_equal(labels["exit"], code)
    np.testing.assert_array_equal(labels["censored"], censored)
    np.testing.assert_allclose(labels["ret"], np.log(price / entry), rtol=0, atol=1e-12)
    if side:
        assert (labels["side"] == side).all()
        net = side * labels["ret"] - labels["cost"]
        np.testing.assert_array_equal(labels["net_ret"], net)


@settings(max_examples=50, deadline=None)
@given(parameters, st.integers(0, 2**32 - 1), st.booleans())
def test_random_bars(params, seed, lock):
    rng = np.random.default_rng(seed)
    # twenty-minute bars over two CME closes, an hour's halt among them
    bars = random_bars(rng, 160, freq="20min", start="2024-03-04 18:00", lock=lock)
    labeller = TripleBarrierLabeller(contract=SPEC, costs=COSTS, **sized(params))
    compare(bars, labeller.fit_transform(bars), labeller)


@settings(max_examples=30, deadline=None)
@given(parameters, st.integers(0, 2**32 - 1), st.sampled_from([-1, 1]), st.booleans())
def test_meta_labels_with_rolls(params, seed, side, trailing):
    rng = np.random.default_rng(seed)
    bars = random_bars(rng, 120, freq="20min", start="2024-03-04 18:00", lock=True)
    for name in ("open", "high", "low", "close"):
        bars["raw_" + name] = bars[name] + np.repeat([0.0, 5.0, 2.5], 40)
    bars["contract"] = np.repeat([202403, 202406, 202409], 40)
    if params["cost_adjustment"] == "shift":
        params["cost_adjustment"] = "net"
    labeller = TripleBarrierLabeller(
        contract=SPEC, costs=COSTS, side=side, trailing=trailing, **sized(params)
    )
    compare(bars, labeller.fit_transform(bars), labeller, side)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(5, 40), min_size=2, max_size=4))
def test_symbols_do_not_mix(seed, sizes):
    rng = np.random.default_rng(seed)
    labeller = TripleBarrierLabeller(5, atr_window=2, contract=SPEC, costs=COSTS)
    tables = {f"S{k}": random_bars(rng, n) for k, n in enumerate(sizes)}
    together = labeller.fit_transform(pd.concat(tables, names=["symbol"]))
    for symbol, bars in tables.items():
        alone = labeller.fit_transform(bars)
        assert len(alone) == (together.index.get_level_values(0) == symbol).sum()
        if len(alone):
            pd.testing.assert_frame_equal(together.loc[symbol], alone, check_freq=False)
            compare(bars, alone, labeller)


@settings(max_examples=25, deadline=None)
@given(parameters, st.integers(0, 2**32 - 1), st.integers(20, 110))
def test_nothing_after_end_changes_a_label(params, seed, cut):
    rng = np.random.default_rng(seed)
    bars = random_bars(rng, 120, freq="20min", start="2024-03-04 18:00", dead=0.3)
    labeller = TripleBarrierLabeller(contract=SPEC, costs=COSTS, **params)
    labels = labeller.fit_transform(bars)
    prices = ["open", "high", "low", "close"]
    other = bars.copy()
    other.iloc[cut:, :4] = other.iloc[cut:][prices].to_numpy() * rng.choice([0.5, 2.0]) + 1.0
    other.iloc[cut:, 4] = rng.integers(0, 2, len(bars) - cut) * 10.0
    before = labels[(labels["end"] < bars.index[cut]).to_numpy()]
    again = labeller.fit_transform(other).loc[before.index]
    pd.testing.assert_frame_equal(
        again[["label", "end", "ret", "cost", "net_ret", "exit"]],
        before[["label", "end", "ret", "cost", "net_ret", "exit"]],
    )


@settings(max_examples=25, deadline=None)
@given(parameters, st.integers(0, 2**32 - 1), st.integers(20, 110))
def test_truncated_bars_give_the_same_uncensored_labels(params, seed, cut):
    rng = np.random.default_rng(seed)
    bars = random_bars(rng, 120, freq="20min", start="2024-03-04 18:00", dead=0.3)
    labeller = TripleBarrierLabeller(contract=SPEC, costs=COSTS, **params)
    short = labeller.fit_transform(bars.iloc[:cut])
    certain = short[~short["censored"]].drop(columns="weight")
    full = labeller.fit_transform(bars).drop(columns="weight")
    pd.testing.assert_frame_equal(full.loc[certain.index], certain)
    assert short.loc[short["censored"], "weight"].eq(0).all()

"""The columns of a labels table follow from prices, over more rows than are made at once."""

import numpy as np
import pytest

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.labels import FixedHorizonLabeller, LabelSpec, TripleBarrierLabeller
from ohlcvml.labels._columns import BLOCK

HORIZON, WINDOW, COST = 5, 3, 0.25


@pytest.mark.parametrize("rate", [0.0, 1e-4])
@pytest.mark.parametrize("weighting", [None, "return"])
@pytest.mark.parametrize("unit", ["log", "points"])
@pytest.mark.parametrize("side", [None, -1])
def test_columns_follow_from_prices(side, unit, weighting, rate):
    bars = simulate_bars(2 * BLOCK + 90, seed=1).bars
    prices = ["open", "high", "low", "close"]
    if unit == "points":  # the last rows alone are below zero
        bars.iloc[-20:, :4] -= 2.0 * bars[prices].max().max()
    asked = {"horizon": HORIZON, "atr_window": WINDOW, "weighting": weighting}
    costs = Costs(spread=COST, rate_per_side=rate)
    if side is None:
        labeller = FixedHorizonLabeller(costs=costs, **asked)
    else:  # barriers that are never touched
        labeller = TripleBarrierLabeller(k_up=1e6, k_down=1e6, side=side, costs=costs, **asked)
    labels = labeller.fit_transform(bars)
    assert LabelSpec.of(labels).return_unit == unit
    rows = bars.index.get_indexer(labels.index)
    entry = bars["open"].to_numpy()[rows + 1]
    exit_ = np.append(bars["close"].to_numpy(), np.full(HORIZON, np.nan))[rows + HORIZON]
    cost = COST + 2.0 * rate * np.abs(entry)
    known = ~np.isnan(exit_)
    if unit == "log":
        ret, cost = np.log(exit_ / entry), cost / entry
        np.testing.assert_allclose(labels["ret"], ret, rtol=0, atol=1e-15)
        ret = labels["ret"].to_numpy()
    else:
        ret = exit_ - entry
        np.testing.assert_array_equal(labels["ret"], ret)
    np.testing.assert_array_equal(labels["cost"], cost)
    if side is None:
        label = np.where(np.abs(ret) > cost, np.sign(ret), 0.0)
        net = np.where(label == 0, 0.0, label * ret - cost)
    else:
        net = side * ret - cost
        label = net > 0.0
    np.testing.assert_array_equal(labels["label"], label)
    np.testing.assert_array_equal(labels["net_ret"], np.where(known, net, np.nan))
    np.testing.assert_array_equal(labels["censored"], ~known)
    weight = np.abs(ret) if weighting else np.ones(len(ret))
    np.testing.assert_array_equal(labels["weight"], np.where(known, weight, 0.0))

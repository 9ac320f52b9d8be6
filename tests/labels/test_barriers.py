"""Hand-computed answers for the barriers, their order inside a bar, and their costs.

The ATR at the decision bar is 1 and the entry is 100 unless said; see builders.race_bars.
"""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Contract, Costs
from ohlcvml.exceptions import ParameterError
from ohlcvml.labels import EXIT_CODES, LabelSpec, TripleBarrierLabeller
from tests.labels.builders import first, race_bars

FLAT = (100, 100.2, 99.8, 100)
MES = Contract("MES", tick_size=0.25, tick_value=1.25)


def label(*rows, horizon=3, k=1.5, bars=None, **params):
    params = {"k_up": k, "k_down": k, "cost_adjustment": None, "atr_window": 1} | params
    bars = race_bars(*rows) if bars is None else bars
    return TripleBarrierLabeller(horizon, **params).fit_transform(bars)


def check(row, verdict, code, exit_price, entry=100.0):
    assert (row["label"], row["exit"]) == (verdict, EXIT_CODES[code])
    assert row["ret"] == pytest.approx(np.log(exit_price / entry), abs=1e-12)


def test_upper_barrier_fills_at_the_barrier():
    row = first(label(FLAT, (100, 101.5, 99, 101), FLAT, FLAT))
    check(row, 1, "up", 101.5)
    assert row["end"].minute == 3


def test_lower_barrier_fills_at_the_barrier():
    check(first(label(FLAT, (100, 101.4, 98.5, 99), FLAT, FLAT)), -1, "down", 98.5)


def test_uneven_barriers():
    check(first(label((100, 100.9, 99.4, 100), k_up=1.0, k_down=0.6)), -1, "down", 99.4)


def test_time_exit_is_zero_at_the_close_of_the_last_bar():
    row = first(label(FLAT, FLAT, (100, 101.4, 98.6, 100.7), (100, 110, 90, 100)))
    check(row, 0, "time", 100.7)
    assert row["end"].minute == 4
    assert row["net_ret"] == 0.0


def test_open_beyond_a_barrier_fills_at_the_open():
    up = label(FLAT, (102.5, 103, 90, 95), FLAT, FLAT)
    check(first(up), 1, "up", 102.5)
    check(first(label(FLAT, (97, 110, 96, 97), FLAT, FLAT)), -1, "down", 97)
    assert up.attrs["gap_fills"] >= 1


def test_the_entry_bar_cannot_gap():
    # The jump happens before the entry: barriers stand around 105.
    check(first(label((105, 106.4, 103.6, 105), (105, 106.5, 105, 106), FLAT)), 1, "up", 106.5, 105)


def test_a_touch_on_the_entry_bar_counts():
    check(first(label((100, 101.5, 99, 101), FLAT, FLAT)), 1, "up", 101.5)


def test_both_barriers_in_one_bar():
    labels = label((100, 101.6, 98.4, 100.3), FLAT, FLAT, FLAT)
    check(first(labels), 0, "both", 100.3)
    assert labels.attrs["both"] == 1


@pytest.mark.parametrize(
    ("opening", "verdict", "code", "price"),
    [(101, 1, "up", 101.5), (99, -1, "down", 98.5), (100, 0, "both", 100.3)],
)
def test_both_decided_by_the_barrier_nearer_to_the_open(opening, verdict, code, price):
    rows = FLAT, (opening, 101.6, 98.4, 100.3), FLAT, FLAT
    labels = label(*rows, both="open_proximity")
    check(first(labels), verdict, code, price)
    assert labels.attrs["both"] >= 1  # counted whatever the policy makes of it


def test_entry_at_the_close():
    # Entry 100 at the close of the decision bar; the next bar may open beyond a barrier.
    check(first(label((102, 103, 101, 102), FLAT, FLAT, entry="close")), 1, "up", 102)
    check(first(label(FLAT, FLAT, FLAT, entry="close", horizon=2)), 0, "time", 100)


def test_net_barriers_earn_k_atr_after_costs():
    costs = Costs(spread=0.2)
    short_of_it = first(
        label((100, 101.69, 98.31, 100), FLAT, FLAT, cost_adjustment="net", costs=costs)
    )
    assert short_of_it["label"] == 0
    row = first(label((100, 101.7, 99, 100), FLAT, FLAT, cost_adjustment="net", costs=costs))
    check(row, 1, "up", 101.7)
    assert row["cost"] == pytest.approx(0.002)
    assert row["net_ret"] == pytest.approx(np.log(1.017) - 0.002)


def test_net_return_of_a_short():
    costs = Costs(spread=0.2)
    row = first(label((100, 101, 98.3, 99), FLAT, FLAT, cost_adjustment="net", costs=costs))
    check(row, -1, "down", 98.3)
    assert row["net_ret"] == pytest.approx(-np.log(0.983) - 0.002)


def test_shift_moves_the_target_to_1_35_atr():
    """docs/differences.md: c/ATR = 0.15 and k_up = 1.5 give a target of 1.35 ATR."""
    costs = Costs(spread=0.15)
    params = {"cost_adjustment": "shift", "costs": costs}
    assert first(label((100, 101.34, 98.4, 100), FLAT, FLAT, **params))["label"] == 0
    check(first(label((100, 101.35, 98.4, 100), FLAT, FLAT, **params)), 1, "up", 101.35)
    check(first(label((100, 101.3, 98.35, 100), FLAT, FLAT, **params)), -1, "down", 98.35)


def test_shift_reaches_plus_one_with_a_loss():
    """The reason why "shift" is not the default: +1, and a long still loses."""
    row = first(label((100, 100.5, 99, 100), FLAT, FLAT, k=1.0,
                      cost_adjustment="shift", costs=Costs(spread=0.6)))  # fmt: skip
    assert row["label"] == 1
    assert row["net_ret"] < 0


def test_a_barrier_on_the_wrong_side_makes_the_row_invalid():
    labels = label(FLAT, FLAT, FLAT, FLAT, cost_adjustment="shift", costs=Costs(spread=1.5))
    assert len(labels) == 0
    assert labels.attrs["unused"]["wrong_side"] >= 1


def test_an_atr_of_zero_makes_the_row_invalid():
    bars = race_bars(*[(100, 100, 100, 100)] * 6)
    labels = label(bars=bars, cost_adjustment="net", costs=Costs(spread=0.1))
    assert labels.attrs["unused"]["no_range"] == 5
    assert len(labels) == 1  # the warm-up bar with a range


def test_ticks_round_outward():
    # k = 1.1: 101.1 and 98.9 become 101.25 and 98.75.
    assert first(label((100, 101.2, 98.8, 100), FLAT, FLAT, k=1.1, contract=MES))["label"] == 0
    check(first(label((100, 101.25, 99, 100), FLAT, FLAT, k=1.1, contract=MES)), 1, "up", 101.25)
    check(first(label((100, 101, 98.75, 100), FLAT, FLAT, k=1.1, contract=MES)), -1, "down", 98.75)


def test_a_barrier_on_a_tick_stays_there():
    # 1900.3 is not the float 19003 * 0.1.
    mgc = Contract("MGC", tick_size=0.1, tick_value=1.0)
    bars = race_bars((1899.3, 1900.3, 1899.3, 1899.5), *[(1899.3,) * 4] * 3, level=1899.3)
    check(first(label(bars=bars, k=1.0, contract=mgc)), 1, "up", 1900.3, 1899.3)


def test_one_and_a_half_ticks_of_mes():
    costs = Costs(slippage_ticks=0.75)  # 0.375 points, net of which 101.5 becomes 101.875 → 102
    row = first(
        label((100, 102, 99, 100), FLAT, FLAT, contract=MES, costs=costs, cost_adjustment="net")
    )
    check(row, 1, "up", 102)
    assert row["cost"] == pytest.approx(0.00375)


def test_cost_as_a_rate_of_the_entry_price():
    params = {"costs": Costs(rate_per_side=0.001), "cost_adjustment": "net"}
    row = first(label((100, 101.7, 99, 100), FLAT, FLAT, **params))
    check(row, 1, "up", 101.7)
    assert row["cost"] == pytest.approx(0.002)


META = {"k_up": 2.0, "k_down": 1.0, "costs": Costs(spread=0.2), "cost_adjustment": "net"}


@pytest.mark.parametrize(
    ("side", "bar", "verdict", "code", "price"),
    [
        (1, (100, 102.2, 99.3, 100), 1, "up", 102.2),  # entry + 2 + 0.2
        (1, (100, 102.1, 99.2, 100), 0, "down", 99.2),  # entry − 1 + 0.2
        (1, (100, 102.1, 99.3, 100), 0, "time", 100),
        (-1, (100, 100.7, 97.8, 100), 1, "down", 97.8),  # entry − 2 − 0.2
        (-1, (100, 100.8, 97.9, 100), 0, "up", 100.8),  # entry + 1 − 0.2
    ],
)
def test_meta_labels(side, bar, verdict, code, price):
    labels = label(bar, FLAT, FLAT, FLAT, horizon=1, side=side, **META)
    check(first(labels), verdict, code, price)
    assert LabelSpec.of(labels).classes == (0, 1)
    assert first(labels)["side"] == side
    assert first(labels)["net_ret"] == pytest.approx(side * first(labels)["ret"] - 0.002)


@pytest.mark.parametrize(
    ("side", "close", "both", "verdict", "code"),
    [
        (1, 100.25, False, 1, "time"),  # 0.25 earned, 0.2 paid
        (1, 100.15, False, 0, "time"),
        (-1, 99.75, False, 1, "time"),
        (-1, 99.85, False, 0, "time"),
        (1, 100.25, True, 1, "both"),
        (1, 100.15, True, 0, "both"),
        (-1, 99.75, True, 1, "both"),
    ],
)
def test_meta_take_is_what_following_the_side_earned(side, close, both, verdict, code):
    bar = (100, 103, 97, close) if both else (100, 100.4, 99.6, close)
    check(first(label(bar, FLAT, FLAT, horizon=1, side=side, **META)), verdict, code, close)


def test_meta_take_after_a_stop_in_profit():
    """A trailing stop that leaves with more than the cost was worth taking."""
    rows = (100, 101.5, 99.9, 101.4), (101.4, 101.6, 100.5, 100.6), FLAT
    params = META | {"k_up": 9.0}
    check(first(label(*rows, horizon=2, side=1, trailing=True, **params)), 1, "down", 100.7)
    check(first(label(*rows, horizon=2, side=1, **params)), 1, "time", 100.6)


# A stop 1 below the best price, without costs and without a target in reach.
TRAIL = {"k_up": 50.0, "k_down": 1.0, "trailing": True}


@pytest.mark.parametrize(
    ("rows", "code", "price"),
    [
        # the high of a bar does not move the stop that its low meets: 100.2 stays above 99
        ([(100, 102, 100.2, 101.5), (101.5, 101.6, 101.2, 101.3)], "time", 101.3),
        # from the next bar on it does: 102 − 1
        ([(100, 102, 100.2, 101.5), (101.5, 101.6, 101, 101.3)], "down", 101),
        # the open comes first: 103 − 1, although the bar before only reached 100.5
        ([(100, 100.5, 99.5, 100), (103, 103.2, 101.9, 102.5)], "down", 102),
        # an open below the stop fills there
        ([(100, 102, 100.2, 101.5), (100.4, 103, 100.3, 102)], "down", 100.4),
        # it never moves back: 101 − 1, whatever the open of the next bar
        ([(100, 101, 100.2, 100.5), (100.1, 100.2, 100, 100.05)], "down", 100),
    ],
)
def test_a_trailing_stop(rows, code, price):
    check_trail(rows, 1, code, price)
    mirrored = [(200 - o, 200 - low, 200 - high, 200 - c) for o, high, low, c in rows]
    check_trail(mirrored, -1, {"down": "up"}.get(code, code), 200 - price)


def test_a_trailing_stop_and_a_target_within_reach():
    """The target, both in one bar, no room for a stop, and each symbol by itself."""
    near = TRAIL | {"k_up": 1.0, "side": 1}
    check(first(label(FLAT, (100, 101, 99.5, 100.5), FLAT, **near)), 1, "up", 101)
    check(first(label(FLAT, (100, 101, 99, 100.5), FLAT, **near)), 1, "both", 100.5)
    table = label(FLAT, FLAT, costs=Costs(spread=2.0), **near | {"cost_adjustment": "net"})
    assert table.attrs["unused"]["wrong_side"] > 0
    one, two = race_bars(FLAT, (100, 101, 99.5, 100.5), FLAT), race_bars(FLAT, FLAT, FLAT)
    both = label(bars=pd.concat({"A": one, "B": two}, names=["symbol", "time"]), **near)
    for symbol, alone in (("A", one), ("B", two)):
        pd.testing.assert_frame_equal(both.xs(symbol), label(bars=alone, **near), check_freq=False)


def check_trail(rows, side, code, price):
    row = first(label(*rows, FLAT, horizon=2, side=side, **TRAIL))
    check(row, int(side * (price - 100) > 0), code, price)


@pytest.mark.parametrize(
    ("unit", "k", "distance"),
    [("atr", 1.5, 1.5), ("ticks", 6, 1.5), ("money", 7.5, 1.5), ("percent", 1.5, 1.5)],
)
def test_units_of_distance(unit, k, distance):
    """MES: a tick is 0.25 points and a point is 5 dollars."""
    reach = (100, 100 + distance, 99, 100)
    check(first(label(reach, FLAT, FLAT, k=k, unit=unit, contract=MES)), 1, "up", 100 + distance)
    short = (100, 100 + distance - 0.01, 99, 100)
    assert first(label(short, FLAT, FLAT, k=k, unit=unit, contract=MES))["exit"] == 2


def test_meta_stop_loses_exactly_k_after_costs():
    row = first(label((100, 102.1, 99.2, 100), FLAT, FLAT, side=1, **META))
    assert 100 * (np.exp(row["ret"]) - 1) - 0.2 == pytest.approx(-1.0)


def test_side_from_a_column():
    bars = race_bars((100, 102.2, 97.8, 100), FLAT, FLAT, FLAT, primary=[0.0, np.nan, 1.0, -1.0])
    bars["primary"] = [0.0, -1.0, 0.0, np.nan, 1.0, -1.0]
    labels = label(bars=bars, side="primary", horizon=1, **META)
    assert labels.index.minute.tolist() == [1, 4]
    assert labels["label"].tolist()[0] == 0  # the bar opens between the barriers and holds both
    assert labels.attrs["unused"]["no_side"] == 3


def test_the_cost_formula_wants_costs():
    with pytest.raises(ParameterError, match="Pass contract='MES' and costs=Costs"):
        TripleBarrierLabeller()
    with pytest.raises(ParameterError, match="with 'side'"):
        TripleBarrierLabeller(cost_adjustment="shift", costs=Costs(spread=0.1), side=1)
    with pytest.raises(ParameterError, match="round_trip: parameter 'contract'"):
        TripleBarrierLabeller(costs=Costs(commission_per_side=1.0))
    for unit in ("ticks", "money"):
        with pytest.raises(ParameterError, match=f"contract' must be given with unit='{unit}'"):
            TripleBarrierLabeller(cost_adjustment=None, unit=unit)
    with pytest.raises(ParameterError, match="'side' must be given with trailing=True"):
        TripleBarrierLabeller(cost_adjustment=None, trailing=True)
    with pytest.raises(ParameterError, match="calendar with session_exit"):
        TripleBarrierLabeller(cost_adjustment=None, session_exit=True)

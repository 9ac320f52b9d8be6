"""Hand-computed accounts: every rule of the backtest on a path one can follow."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Contract, Costs
from ohlcvml.evaluation import Execution, backtest, buy_and_hold
from ohlcvml.evaluation.backtest._kernel import EXITS
from ohlcvml.exceptions import DataError
from ohlcvml.labels import EXIT_CODES
from tests.evaluation.tables import (
    BOTH,
    DOWN,
    ROLL,
    SESSION,
    TIME,
    UP,
    make_bars,
    make_labels,
    make_signals,
)
from tests.label_specs import specified

CLOSE = [100.0, 101.0, 103.0, 102.0, 104.0, 103.0, 105.0, 106.0]


def test_a_long_is_filled_at_the_next_open_and_pays_half_at_either_end():
    bars = make_bars(CLOSE, open_=[100.0, 100.5, 101.0, 103.0, 102.0, 104.0, 103.0, 105.0])
    labels = make_labels(bars, [(0, 3, TIME)], cost=0.5, horizon=4)
    run = backtest(bars, make_signals(bars, {0: 1}), labels)
    # unit 1/4: bought at 100.5, marked at 101, 103, sold at 102
    expected = [0.0, (0.5 - 0.25) / 4, 2.0 / 4, (-1.0 - 0.25) / 4]
    np.testing.assert_allclose(run.pnl, expected, atol=1e-12)
    np.testing.assert_allclose(run.position, [0.0, 0.25, 0.25, 0.25])
    assert run.decisions["net"].tolist() == pytest.approx([(1.5 - 0.5) / 4])


def test_a_short_earns_what_the_long_loses_before_costs():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 3, TIME)], cost=0.5)
    long = backtest(bars, make_signals(bars, {0: 1}), labels)
    short = backtest(bars, make_signals(bars, {0: -1}), labels)
    np.testing.assert_allclose(long.pnl + long.costs, -(short.pnl + short.costs), atol=1e-12)
    np.testing.assert_allclose(long.costs, short.costs)


def test_a_barrier_fills_at_its_price_inside_the_bar():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 2, UP, 102.5)], horizon=5)
    run = backtest(bars, make_signals(bars, {0: 1}), labels)
    np.testing.assert_allclose(run.pnl * 5, [0.0, 1.0, 1.5], atol=1e-12)
    assert run.decisions["exit"].tolist() == ["up"]


def test_a_persistent_signal_pays_for_the_change_of_position_only():
    bars = make_bars(np.linspace(100.0, 120.0, 41))
    labels = make_labels(bars, [(i, i + 4, TIME) for i in range(36)], cost=0.8)
    run = backtest(bars, make_signals(bars, dict.fromkeys(range(36), 1)), labels)
    # up to one unit over four bars, down again over four; in between, one closes as one opens
    np.testing.assert_allclose(run.position.iloc[:6], [0.0, 0.25, 0.5, 0.75, 1.0, 1.0])
    assert run.costs.sum() == pytest.approx(0.8)
    assert run.traded.sum() == pytest.approx(2.0)


def test_barrier_exits_net_with_nothing():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 2, UP, 102.0), (2, 4, DOWN, 101.0)], cost=0.4)
    run = backtest(bars, make_signals(bars, {0: 1, 2: 1}), labels)
    assert run.costs.sum() == pytest.approx(2 * 0.4 / 2)


def test_opposite_decisions_closed_together_net_out():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 4, SESSION), (1, 4, SESSION)], cost=0.4, horizon=4)
    both = backtest(bars, make_signals(bars, {0: 1, 1: -1}), labels)
    alone = [backtest(bars, make_signals(bars, {i: s}), labels) for i, s in ((0, 1), (1, -1))]
    assert both.costs.sum() == pytest.approx(2 * 0.2 / 4)  # two openings, no closing order
    assert both.costs.sum() < sum(run.costs.sum() for run in alone)
    assert both.decisions["gross"].sum() == pytest.approx(
        sum(run.decisions["gross"].sum() for run in alone)
    )


def test_bracket_takes_one_whole_contract_at_a_time_and_every_trade_pays_in_full():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 2, TIME), (1, 3, TIME), (2, 4, TIME)], cost=0.4)
    run = backtest(
        bars, make_signals(bars, {0: 1, 1: 1, 2: 1}), labels, execution=Execution(rule="bracket")
    )
    assert run.counts["filled"] == 2
    assert run.counts["busy"] == 1
    assert run.position.max() == 1.0
    assert run.decisions["cost"].tolist() == pytest.approx([0.4, 0.4])


def test_bracket_is_not_flat_at_the_open_of_the_bar_that_touches_the_barrier():
    bars = make_bars(CLOSE)
    rows = [(0, 3, UP, 103.0), (2, 4, TIME), (3, 5, TIME)]
    run = backtest(
        bars,
        make_signals(bars, {0: 1, 2: 1, 3: 1}),
        make_labels(bars, rows),
        execution=Execution(rule="bracket"),
    )
    assert run.decisions.index.tolist() == [bars.index[0], bars.index[3]]


def test_the_cap_opens_no_more_than_there_is_room_for():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(i, 5, TIME) for i in range(4)], horizon=4)
    run = backtest(
        bars,
        make_signals(bars, dict.fromkeys(range(4), -1)),
        labels,
        execution=Execution(max_position=0.6),
    )
    np.testing.assert_allclose(run.position, [0.0, -0.25, -0.5, -0.6, -0.6, -0.6])
    assert (run.counts["filled"], run.counts["reduced"], run.counts["capped"]) == (3, 1, 1)
    assert run.decisions["quantity"].tolist() == pytest.approx([0.25, 0.25, 0.1])


def test_daily_loss_stop_closes_at_the_next_open_and_resets_with_the_session_date():
    close = [100.0, 100.0, 90.0, 89.0, 88.0, 88.0, 90.0, 91.0]
    bars = make_bars(close, open_=close, start="2025-01-06 23:56", freq="1min")
    rows = [(0, 6, TIME), (2, 5, TIME), (4, 7, TIME)]
    labels = make_labels(bars, rows, cost=0.0)
    sides = make_signals(bars, {0: 1, 2: 1, 4: 1})
    run = backtest(
        bars,
        sides,
        labels,
        execution=Execution(rule="bracket", daily_loss_stop=0.05, capital=100.0),
    )
    # loses 10 in bar 2, is out at the open of bar 3; bar 4 is 00:00, another session
    assert run.decisions["exit"].tolist() == ["stop", "time"]
    assert run.decisions["exit_price"].tolist() == pytest.approx([89.0, 91.0])
    assert run.counts["halted"] == 1
    assert run.daily.tolist() == pytest.approx([-0.11, 0.03])


def test_drawdown_stop_ends_trading_for_good():
    close = [100.0, 100.0, 110.0, 104.0, 104.0, 90.0, 90.0]
    bars = make_bars(close, open_=close)
    labels = make_labels(bars, [(0, 5, TIME), (4, 6, TIME)])
    run = backtest(
        bars,
        make_signals(bars, {0: 1, 4: 1}),
        labels,
        execution=Execution(rule="bracket", max_drawdown_stop=0.05, capital=100.0),
    )
    assert run.decisions["exit_price"].tolist() == pytest.approx([104.0])
    assert run.counts["halted"] == 1


def test_a_stop_waits_for_a_bar_that_trades():
    close = [100.0, 100.0, 90.0, 80.0, 85.0, 85.0]
    bars = make_bars(close, open_=close, volume=[1, 1, 1, 0, 1, 1])
    labels = make_labels(bars, [(0, 5, TIME)])
    run = backtest(
        bars,
        make_signals(bars, {0: 1}),
        labels,
        execution=Execution(rule="bracket", daily_loss_stop=0.05, capital=100.0),
    )
    assert run.decisions["exit_time"].tolist() == [bars.index[4]]


def test_positions_are_closed_where_the_next_block_begins_and_pay_for_it():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(i, i + 3, TIME) for i in range(5)], cost=0.6)
    sides = make_signals(bars, dict.fromkeys(range(5), 1))
    whole = backtest(bars, sides, labels)
    cut = backtest(bars, sides, labels, blocks=[0, 0, 0, 1, 1])
    # block 0 decides on bars 0-2; block 1 first decides on bar 3, so all of block 0 ends there
    assert cut.decisions["exit"].tolist() == ["time", "block", "block", "time", "time"]
    assert cut.decisions["exit_time"].iloc[:3].tolist() == [bars.index[3]] * 3
    assert cut.counts["cut"] == 2
    assert cut.costs.sum() == pytest.approx(0.6 + 2 / 3 * 0.6)
    assert whole.costs.sum() < cut.costs.sum()
    assert cut.spans["last"].tolist() == [bars.index[3], bars.index[7]]


def test_raw_prices_are_traded_and_the_roll_gap_is_no_profit():
    raw = np.array([100.0, 101.0, 102.0, 112.0, 113.0, 114.0])  # rolls 3 -> 4: gap of 9
    shift = np.array([0.0, 0.0, 0.0, -9.0, -9.0, -9.0])
    columns = {f"raw_{c}": raw for c in ("open", "close")}
    columns |= {"raw_high": raw + 1.0, "raw_low": raw - 1.0}
    columns |= {"contract": [202503] * 3 + [202506] * 3, "adjustment": shift}
    bars = make_bars(raw + shift, open_=raw + shift, **columns)
    labels = make_labels(bars, [(0, 2, ROLL), (3, 5, TIME)], cost=0.5, horizon=1)
    run = backtest(bars, make_signals(bars, {0: 1, 3: 1}), labels)
    assert run.decisions["gross"].tolist() == pytest.approx([1.0, 1.0])
    assert run.pnl.sum() == pytest.approx(1.0)


def test_a_position_held_through_a_roll_is_marked_without_the_gap_and_pays_twice():
    raw = np.array([100.0, 101.0, 102.0, 112.0, 113.0, 114.0])
    shift = np.array([0.0, 0.0, 0.0, -9.0, -9.0, -9.0])
    columns = {f"raw_{c}": raw for c in ("open", "high", "low", "close")}
    bars = make_bars(
        raw + shift, open_=raw + shift, contract=[1, 1, 1, 2, 2, 2], adjustment=shift, **columns
    )
    labels = make_labels(bars, [(0, 4, TIME, 104.0)], horizon=1)  # 113 in March's terms
    run = backtest(bars, make_signals(bars, {0: 1}), labels, execution=Execution(costs=0.5))
    np.testing.assert_allclose(run.pnl + run.costs, [0.0, 0.0, 1.0, 1.0, 1.0], atol=1e-12)
    assert run.costs.sum() == pytest.approx(1.0)


def test_unadjusted_bars_are_marked_without_the_roll_gap():
    raw = np.array([100.0, 101.0, 102.0, 112.0, 113.0])
    columns = {f"raw_{c}": raw for c in ("open", "high", "low", "close")}
    bars = make_bars(raw, open_=raw, contract=[1, 1, 1, 2, 2], **columns)
    labels = make_labels(bars, [(0, 4, TIME, 103.0)], horizon=1)
    run = backtest(bars, make_signals(bars, {0: 1}), labels)
    assert run.pnl.tolist() == pytest.approx([0.0, 0.0, 1.0, 0.0, 1.0])


def test_ratio_adjusted_bars_are_marked_by_the_return_of_the_new_contract():
    raw = np.array([100.0, 100.0, 200.0, 220.0])
    columns = {f"raw_{c}": raw for c in ("open", "high", "low", "close")}
    adjusted = raw * np.array([1.0, 1.0, 0.55, 0.55])  # 100 -> 110 over the roll
    bars = make_bars(adjusted, open_=adjusted, contract=[1, 1, 2, 2], **columns)
    held = buy_and_hold(bars.iloc[:2])
    assert held.pnl.tolist() == [0.0, 0.0]
    labels = make_labels(bars, [(0, 3, TIME, 138.0)], horizon=1)
    run = backtest(bars, make_signals(bars, {0: 1}), labels)
    assert run.pnl.tolist() == pytest.approx([0.0, 0.0, 200.0 * (1 - 100 / 110), 38 - 18.181818])


def test_funding_is_paid_on_what_is_held_over_the_close():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 3, TIME)], horizon=1)
    swap = pd.Series([0.1, 0.1, 0.1], index=bars.index[1:4])
    long = backtest(bars, make_signals(bars, {0: 1}), labels, execution=Execution(funding=swap))
    short = backtest(bars, make_signals(bars, {0: -1}), labels, execution=Execution(funding=swap))
    assert long.costs.tolist() == pytest.approx([0.0, 0.1, 0.1, 0.0])  # closed before the third
    assert short.costs.sum() == pytest.approx(-0.2)
    assert long.decisions["net"].sum() == pytest.approx(long.pnl.sum())


def test_entry_at_the_close_of_the_decision_bar():
    bars = make_bars(CLOSE, open_=np.array(CLOSE) - 0.5)
    labels = make_labels(bars, [(0, 2, TIME)], cost=0.4, horizon=1, entry="close")
    run = backtest(bars, make_signals(bars, {0: 1}), labels)
    np.testing.assert_allclose(run.pnl + run.costs, [0.0, 1.0, 2.0], atol=1e-12)
    assert run.decisions["entry"].tolist() == [100.0]


def test_a_contract_turns_points_into_money_and_costs_come_from_it():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 3, TIME)], horizon=1)
    mes = Contract("MES", tick_size=0.25, tick_value=1.25)
    fees = Costs(commission_per_side=0.62, slippage_ticks=1.0)
    run = backtest(
        bars, make_signals(bars, {0: 1}), labels, execution=Execution(contract=mes, costs=fees)
    )
    assert run.pnl.sum() == pytest.approx(2.0 * 5.0 - 2 * 0.62 - 2 * 1.25)
    assert run.capital == 100.0 * 5.0
    assert run.currency == "USD"
    assert run.equity.iloc[-1] == pytest.approx(run.capital + run.pnl.sum())


def test_a_decision_before_another_session_is_not_filled_by_default():
    index = pd.DatetimeIndex(["2025-01-06 21:58", "2025-01-06 21:59", "2025-01-06 23:00"], tz="UTC")
    bars = make_bars([100.0, 101.0, 102.0]).set_axis(index.as_unit("ns").rename("time"))
    labels = make_labels(bars, [(1, 2, TIME)], horizon=1)
    es = Contract("ES", 0.25, 12.5, calendar="CME_Equity")
    sides = make_signals(bars, {1: 1})
    execution = Execution(contract=es)
    assert backtest(bars, sides, labels, execution=execution).counts["next_session"] == 1
    over = specified(labels, horizon=1, cross_session=True)
    assert backtest(bars, sides, over, execution=execution).counts["filled"] == 1


def test_every_signal_row_is_counted_once():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 2, TIME), (1, 3, BOTH), (2, 7, TIME)], horizon=5)
    labels["censored"] = [False, False, True]
    run = backtest(bars, make_signals(bars, {0: 1, 1: 0, 2: 1, 3: -1, 4: np.nan}), labels)
    counts = run.counts
    assert (counts["flat"], counts["no_label"], counts["unresolved"]) == (2, 1, 1)
    assert counts["rows"] == 5
    left = ("flat", "no_label", "unresolved", "next_session", "block_over")
    dropped = ("capped", "busy", "halted", "filled")
    assert sum(counts[name] for name in (*left, *dropped)) == 5


def test_daily_holds_every_session_with_bars_flat_ones_included():
    bars = make_bars(np.full(72, 100.0), freq="1h", start="2025-01-06")
    labels = make_labels(bars, [(0, 2, TIME), (50, 52, TIME)], cost=1.0, horizon=1)
    sides = dict.fromkeys(range(60), 0) | {0: 1, 50: 1}
    run = backtest(bars, make_signals(bars, sides), labels)
    assert run.daily.index.strftime("%d").tolist() == ["06", "07", "08"]
    assert run.daily.tolist() == pytest.approx([-0.01, 0.0, -0.01])
    assert run.scores["sessions"] == 3


def test_regime_rows_use_the_regime_known_before_the_bar():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 3, TIME)], horizon=1)
    regime = pd.Series(list("aabbbbbb"), index=bars.index, name="vol")
    run = backtest(bars, make_signals(bars, {0: 1}), labels, regime=regime)
    table = run.regime_scores["net_return"] * run.capital
    # bars 1 and 2 follow bars in regime a: +1 and +2; bar 3 follows one in b: -1
    assert table["vol", "a"] == pytest.approx(3.0)
    assert table["vol", "b"] == pytest.approx(-1.0)
    assert run.regime_scores.loc[("vol", "a"), "decisions"] == 1


def test_labels_of_other_bars_are_refused():
    bars = make_bars(CLOSE)
    signals = make_signals(bars, {0: 1})
    labels = make_labels(bars, [(0, 2, TIME)])
    other = make_bars(np.array(CLOSE) * np.linspace(1.0, 2.0, len(CLOSE)))
    with pytest.raises(DataError, match=r"do not match 'bars'.*outside the range"):
        backtest(other, signals, labels)
    with pytest.raises(DataError, match="other stamps"):
        backtest(bars, signals, labels.set_axis(labels.index + pd.Timedelta("30s")))
    labels["end"] = labels["end"] + pd.Timedelta("30s")
    with pytest.raises(DataError, match="no later bar"):
        backtest(bars, signals, labels)


def test_signals_off_the_bars_or_of_another_size_are_refused():
    bars = make_bars(CLOSE)
    labels = make_labels(bars, [(0, 2, TIME)])
    shifted = make_signals(bars, {0: 1}).set_axis(bars.index[:1] + pd.Timedelta("1s"))
    with pytest.raises(DataError, match="increasing order"):
        backtest(bars, shifted, labels)
    with pytest.raises(DataError, match="-1, 0 or 1"):
        backtest(bars, make_signals(bars, {0: 2}), labels)
    with pytest.raises(DataError, match="columns side"):
        backtest(bars, bars, labels)


def test_several_symbols_are_refused_with_a_remedy():
    bars = pd.concat({"A": make_bars(CLOSE)}, names=["symbol"])
    labels = make_labels(make_bars(CLOSE), [(0, 2, TIME)])
    with pytest.raises(DataError, match=r"one symbol.*xs"):
        backtest(bars, labels.assign(side=1), labels)


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_price_that_is_not_finite_is_refused_and_its_column_named(column, value):
    bars = make_bars([100.0, 101.0, 102.0, 103.0, 104.0])
    labels = make_labels(bars, [(0, 2, TIME)])
    bars.iloc[3, bars.columns.get_loc(column)] = value  # not a bar that is traded
    with pytest.raises(DataError, match=f"column '{column}' of 'bars' must be finite"):
        backtest(bars, make_signals(bars, {0: 1}), labels)


def test_small_and_large_moves_end_at_the_price_of_the_label():
    close = 100.0 * np.r_[1.0, 1.0, 1.0001, 0.999, 1.015, 1.02, 0.7, 3.0, 0.5]
    bars = make_bars(close, open_=np.full(9, 100.0))
    labels = make_labels(bars, [(i, i + 1, TIME) for i in range(8)])
    run = backtest(bars, make_signals(bars, dict.fromkeys(range(8), 1)), labels)
    exact = 100.0 * np.exp(labels["ret"])
    np.testing.assert_allclose(run.decisions["exit_price"], exact, rtol=4e-16)


def test_exits_are_the_labels_own_and_two_more():
    assert list(EXIT_CODES.values()) == list(range(len(EXIT_CODES)))
    assert (*EXIT_CODES, "stop", "block") == EXITS

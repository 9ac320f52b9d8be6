"""Laws of the backtest on random bars, labels and signals, against a slow oracle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.evaluation import Execution, backtest, buy_and_hold
from tests.evaluation.tables import (
    TIME,
    make_bars,
    make_labels,
    make_signals,
    random_case,
    slow_average_active,
)

seeds = st.integers(0, 10_000)
laws = settings(deadline=None, max_examples=30)


@laws
@given(seeds)
def test_agrees_with_the_slow_backtest(seed):
    bars, labels, signals = random_case(seed)
    run = backtest(bars, signals, labels)
    slow = pd.Series(slow_average_active(bars, signals, labels, cost=0.3), bars.index)
    np.testing.assert_allclose(run.pnl, slow[run.pnl.index], atol=1e-10)
    assert run.pnl.sum() == pytest.approx(slow.sum())


@laws
@given(seeds, st.sampled_from(["average_active", "bracket"]), st.sampled_from([0.3, 1.0]))
def test_bars_sessions_and_decisions_hold_the_same_money(seed, execution, cap):
    bars, labels, signals = random_case(seed)
    blocks = np.arange(len(signals)) // 17
    run = backtest(
        bars,
        signals,
        labels,
        blocks=blocks,
        execution=Execution(
            rule=execution,
            max_position=cap,
            daily_loss_stop=0.01,
            funding=pd.Series(0.01, bars.index),
        ),
    )
    net = run.decisions["net"].sum()
    assert run.pnl.sum() == pytest.approx(net, abs=1e-9)
    assert run.daily.sum() * run.capital == pytest.approx(net, abs=1e-9)
    assert run.costs.sum() == pytest.approx(run.decisions["cost"].sum(), abs=1e-9)


@laws
@given(seeds, st.sampled_from([0.2, 0.5, 1.0]))
def test_the_position_never_passes_the_cap_and_ends_flat(seed, cap):
    bars, labels, signals = random_case(seed)
    run = backtest(bars, signals, labels, execution=Execution(max_position=cap))
    assert run.position.abs().max() <= cap + 1e-9
    closed = run.decisions.groupby("exit_time")[["quantity"]].sum().sum()
    assert closed.iloc[0] == pytest.approx(run.decisions["quantity"].sum())
    assert run.counts["capped"] + run.counts["reduced"] == 0 or cap < 1.0


@laws
@given(seeds)
def test_a_decision_pays_at_most_its_own_round_trip(seed):
    bars, labels, signals = random_case(seed)
    run = backtest(bars, signals, labels)
    assert (run.decisions["cost"] <= run.decisions["quantity"] * 0.3 + 1e-12).all()
    free = backtest(bars, signals, labels, execution=Execution(costs=0.0, as_given=True))
    np.testing.assert_allclose(run.pnl + run.costs, free.pnl, atol=1e-12)


@laws
@given(seeds)
def test_the_opposite_signal_earns_the_opposite_before_costs(seed):
    bars, labels, signals = random_case(seed)
    run, mirror = (backtest(bars, signals * s, labels) for s in (1, -1))
    np.testing.assert_allclose(run.pnl + run.costs, -(mirror.pnl + mirror.costs), atol=1e-12)
    np.testing.assert_allclose(run.costs, mirror.costs, atol=1e-12)


@laws
@given(seeds, st.integers(20, 50))
def test_later_bars_and_signals_change_nothing_before_them(seed, cut):
    bars, labels, signals = random_case(seed)
    stops = Execution(daily_loss_stop=0.01, capital=100.0)
    known = labels["end"] <= bars.index[cut]
    early = signals[signals.index.isin(labels.index[known])]
    late = signals[signals.index >= bars.index[cut]]
    both = backtest(bars, pd.concat([early, late]), labels, execution=stops)
    alone = backtest(bars.iloc[: cut + 1], early, labels[known], execution=stops)
    # what closes at the close of the cut may net with what opens after it
    same = alone.pnl.loc[: bars.index[cut - 1]]
    np.testing.assert_allclose(same, both.pnl[same.index], atol=1e-12)


@laws
@given(seeds, st.sampled_from([60, 400]), st.sampled_from([3, 7, 40]), st.booleans())
def test_limits_that_never_bind_change_nothing(seed, n, horizon, in_blocks):
    # Without any limit another pass over the bars is taken than with a stop.
    bars, labels, signals = random_case(seed, n, horizon)
    blocks = np.arange(len(signals)) // 17 if in_blocks else None
    free, far = (
        backtest(
            bars,
            signals,
            labels,
            blocks=blocks,
            execution=Execution(contract="ES", max_drawdown_stop=stop),
        )
        for stop in (None, 1e9)
    )
    assert free.counts == far.counts
    for name in ("pnl", "costs", "traded", "position"):
        np.testing.assert_allclose(getattr(free, name), getattr(far, name), rtol=0, atol=1e-10)
    pd.testing.assert_frame_equal(free.decisions, far.decisions, rtol=1e-9, atol=1e-10)


@laws
@given(seeds)
def test_costs_of_each_decision_or_of_all_are_charged_alike(seed):
    bars, labels, signals = random_case(seed)
    one = backtest(bars, signals, labels, execution=Execution(costs=0.3, as_given=True))
    own = backtest(bars, signals, labels)
    np.testing.assert_allclose(one.costs, own.costs, atol=1e-12)


@laws
@given(seeds)
def test_regimes_split_the_account(seed):
    bars, labels, signals = random_case(seed)
    regime = pd.Series(np.random.default_rng(seed).choice(["calm", "wild"], len(bars)), bars.index)
    run = backtest(bars, signals, labels, regime=regime)
    parts = run.regime_scores
    assert parts["net_return"].sum() == pytest.approx(run.scores["net_return"], abs=1e-12)
    assert parts["decisions"].sum() == run.scores["decisions"]


def test_random_signals_lose_the_costs_on_average():
    rng = np.random.default_rng(0)
    close = 100.0 + rng.normal(0.0, 0.05, 24 * 60).cumsum()
    bars = make_bars(close, freq="1h", start="2025-01-06")
    labels = make_labels(bars, [(i, i + 5, TIME) for i in range(len(bars) - 6)], cost=0.02)
    gross, net, cost = [], [], []
    for _ in range(60):
        sides = pd.DataFrame({"side": rng.choice([-1, 1], len(labels))}, index=labels.index)
        run = backtest(bars, sides, labels)
        gross.append(run.scores["gross_return"])
        net.append(run.scores["net_sharpe"])
        cost.append(run.scores["gross_return"] - run.scores["net_return"])
    error = np.std(gross) / np.sqrt(60)
    assert abs(np.mean(gross)) < 3 * error
    assert min(cost) > 0
    assert np.mean(net) < 0


def test_sharpe_does_not_depend_on_the_size_of_the_bars():
    rng = np.random.default_rng(1)
    close = 100.0 + rng.normal(0.0, 0.1, 24 * 60 * 20).cumsum()
    fine = make_bars(close, freq="1min", start="2025-01-06")
    coarse = make_bars(close[59::60], freq="1h", start="2025-01-06")
    a, b = buy_and_hold(fine), buy_and_hold(coarse)
    assert a.per_year == b.per_year
    assert a.scores["sessions"] == b.scores["sessions"] == 20
    # the same days but for the first, in which the coarse one buys an hour later
    np.testing.assert_allclose(a.daily[1:] * a.capital, b.daily[1:] * b.capital, atol=1e-9)


def test_buy_and_hold_pays_once_and_earns_the_move():
    bars = make_bars([100.0, 101.0, 103.0, 99.0, 104.0])
    held = buy_and_hold(bars, execution=Execution(costs=0.5))
    assert held.pnl.sum() == pytest.approx(104.0 - 100.0 - 0.5)
    assert held.scores["exposure"] == pytest.approx(4 / 5)
    swap = buy_and_hold(bars, execution=Execution(funding=pd.Series(0.1, bars.index)))
    assert swap.costs.sum() == pytest.approx(0.3)  # bought in bar 1, held over three closes


def test_buy_and_hold_without_overnight_is_flat_between_sessions():
    index = pd.date_range("2025-01-06 12:00", periods=72, freq="1h", tz="UTC", name="time")
    close = np.r_[np.full(11, 100.0), np.full(61, 110.0)]  # the session of the 7th opens 23:00
    bars = make_bars(close, open_=close).set_axis(index.as_unit("ns"))
    held = buy_and_hold(bars, execution=Execution(contract="ES", costs=0.5))
    flat = buy_and_hold(bars, overnight=False, execution=Execution(contract="ES", costs=0.5))
    assert held.pnl.sum() == pytest.approx((10.0 - 0.5) * 50.0)
    assert flat.pnl.sum() == pytest.approx(-0.5 * 50.0 * len(flat.decisions))
    assert len(flat.decisions) == flat.scores["sessions"] == 4


def test_buy_and_hold_beside_a_strategy_takes_its_stretch_capital_and_costs():
    bars, labels, signals = random_case(3)
    run = backtest(bars, signals.iloc[10:40], labels, execution=Execution(capital=5000.0))
    held = buy_and_hold(bars, like=run)
    assert held.capital == 5000.0
    assert held.pnl.index.equals(run.pnl.index)
    assert held.costs.sum() == pytest.approx(0.3)


def test_buy_and_hold_rolls_at_a_cost_and_without_the_gap():
    raw = np.array([100.0, 101.0, 102.0, 112.0, 113.0])
    columns = {f"raw_{c}": raw for c in ("open", "high", "low", "close")}
    bars = make_bars(raw, open_=raw, contract=[1, 1, 1, 2, 2], **columns)
    held = buy_and_hold(bars, execution=Execution(costs=0.5))
    assert held.pnl.sum() == pytest.approx(1.0 + 1.0 - 2 * 0.5)


def test_blocks_apart_leave_out_the_sessions_between_them():
    bars = make_bars(np.linspace(100.0, 110.0, 24 * 10), freq="1h", start="2025-01-06")
    rows = [(i, i + 2, TIME) for i in (*range(5, 20), *range(180, 200))]
    labels = make_labels(bars, rows)
    sides = make_signals(bars, {r[0]: 1 for r in rows})
    run = backtest(bars, sides, labels, blocks=[0] * 15 + [1] * 20)
    assert run.daily.index.strftime("%d").tolist() == ["06", "13", "14"]
    assert run.pnl.sum() == pytest.approx(run.daily.sum() * run.capital)

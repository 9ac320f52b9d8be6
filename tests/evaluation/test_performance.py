"""Performance figures: known answers on paths one can follow by hand."""

import copy

import numpy as np
import pytest
from scipy import stats

from ohlcvml.evaluation import (
    Execution,
    backtest,
    calmar_ratio,
    drawdown,
    equal_exposure,
    max_drawdown,
    performance,
    profit_factor,
    sharpe_ratio,
    sides_at,
    sortino_ratio,
    win_rate,
)
from ohlcvml.exceptions import DataError, ParameterError
from tests.evaluation.tables import TIME, make_bars, make_labels, make_signals

DAILY = np.array([0.01, -0.01, 0.02, 0.0])


def test_sharpe_by_hand():
    # mean .005, sd (n - 1) sqrt((.005² + .015² + .015² + .005²) / 3)
    sd = np.sqrt(2 * (0.005**2 + 0.015**2) / 3)
    assert sharpe_ratio(DAILY, 252) == pytest.approx(0.005 / sd * np.sqrt(252))
    assert sharpe_ratio(DAILY, 365) == pytest.approx(0.005 / sd * np.sqrt(365))


def test_interval_is_lo_for_normal_returns_and_wider_for_fat_losses():
    # normal scores have skewness 0 and kurtosis near 3, so Lo's (1 + s²/2) / (n - 1) holds
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    normal = sharpe_ratio(0.5 + z, 1.0)
    s = float(normal)
    half = (normal.high - normal.low) / 2
    assert half == pytest.approx(1.96 * np.sqrt((1 + s * s / 2) / 19_999), rel=2e-3)
    crash = np.where(np.arange(20_000) < 100, -12.0, 0.6)
    skewed = sharpe_ratio((crash - crash.mean()) / crash.std(ddof=1) + s, 1.0)
    assert float(skewed) == pytest.approx(s)
    assert skewed.high - skewed.low > 1.5 * 2 * half


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        s = sharpe_ratio(0.1 + rng.standard_t(6, 250) / np.sqrt(1.5), 252)
        hits += s.low <= 0.1 * np.sqrt(252) <= s.high
    assert 0.93 < hits / 1000 < 0.97


def test_returns_that_do_not_vary_have_sharpe_zero():
    for constant in ([0.0] * 5, [0.01] * 5, [0.1 + 0.2, 0.3, 0.3]):
        s = sharpe_ratio(constant, 252)
        assert float(s) == 0.0
        assert np.isnan(s.low)
    assert sharpe_ratio([], 252) == 0.0


def test_the_interval_covers_where_positions_outlive_sessions():
    """Moving sums over 8 days, in blocks of 4 horizons; taken as independent, days cover less."""
    hits, naive = 0, 0
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=1007)
        daily = 0.05 + np.convolve(noise, np.ones(8) / 8, mode="valid")
        truth = 0.05 / np.sqrt(1 / 8)
        s, alone = sharpe_ratio(daily, 1.0, block=32), sharpe_ratio(daily, 1.0)
        hits += s.low <= truth <= s.high
        naive += alone.low <= truth <= alone.high
    assert 0.91 <= hits / 200 <= 0.98
    assert naive / 200 < 0.7


def test_sharpe_prints_its_interval_and_keeps_what_it_was_made_of():
    rng = np.random.default_rng(1)
    daily = rng.gamma(2.0, size=40) - 1.9
    s = copy.copy(sharpe_ratio(daily, 252, block=4))
    assert (s.sessions, s.blocks) == (40, 10)
    assert str(s).endswith("(95 %, 40 sessions in 10 blocks)")
    assert s.daily.tolist() == daily.tolist()
    assert s.skewness == pytest.approx(stats.skew(daily))
    assert s.kurtosis == pytest.approx(stats.kurtosis(daily, fisher=False))


def test_fewer_than_six_blocks_give_no_interval_and_say_so():
    s = sharpe_ratio(DAILY, 252)
    assert np.isnan(s.low)
    assert "no interval: 4 sessions make 4.0 blocks" in str(s)
    assert np.isnan(sharpe_ratio(np.tile(DAILY, 10), 252, block=8).low)


def test_sortino_by_hand():
    downside = np.sqrt(0.01**2 / 4)
    assert sortino_ratio(DAILY, 252) == pytest.approx(0.005 / downside * np.sqrt(252))
    assert np.isnan(sortino_ratio([0.01, 0.02], 252))
    assert sortino_ratio([0.0, 0.0], 252) == 0.0


def test_drawdown_starts_from_nothing_lost():
    assert drawdown([-1.0, 3.0, -1.0, -1.5, 1.0]).tolist() == [-1.0, 0.0, -1.0, -2.5, -1.5]
    assert max_drawdown([-1.0, 3.0, -1.0, -1.5, 1.0]) == 2.5
    assert max_drawdown([1.0, 2.0]) == 0.0


def test_calmar_by_hand():
    assert calmar_ratio(DAILY, 252) == pytest.approx(0.005 * 252 / 0.01)
    assert calmar_ratio(DAILY, 252, fall=0.02) == pytest.approx(0.005 * 252 / 0.02)
    assert np.isnan(calmar_ratio([0.01], 252))


def test_win_rate_and_profit_factor_by_hand():
    pnl = [3.0, -1.0, 0.0, 1.0, -1.0]
    assert win_rate(pnl) == pytest.approx(2 / 5)
    assert profit_factor(pnl) == pytest.approx(4.0 / 2.0)
    assert np.isnan(win_rate([]))
    assert np.isnan(profit_factor([1.0]))


def test_performance_of_a_small_account_by_hand():
    pnl = np.array([0.0, 2.0, -1.0, 0.0, 3.0, -0.5])
    figures = performance(
        pnl,
        np.array([0, 3]),
        paid=np.array([0.0, 0.5, 0.0, 0.0, 0.5, 0.5]),
        traded=np.array([0.0, 1.0, 0.0, 0.0, 1.0, 2.0]),
        position=np.array([0.0, 1.0, 1.0, 0.0, -1.0, -1.0]),
        decision_pnl=np.array([1.0, 2.5]),
        capital=100.0,
        per_year=250,
    )
    assert figures["net_return"] == pytest.approx(0.035)
    assert figures["gross_return"] == pytest.approx(0.05)
    assert figures["cost_share"] == pytest.approx(1.5 / 5.0)
    assert figures["turnover"] == pytest.approx(4.0 / 2)
    assert figures["exposure"] == pytest.approx(4 / 6)
    assert figures["max_drawdown"] == pytest.approx(0.01)
    assert figures["annual_return"] == pytest.approx(0.0175 * 250)
    assert figures["net_sharpe"] == pytest.approx(0.0175 / (0.0075 * np.sqrt(2)) * np.sqrt(250))


def test_costs_are_no_share_of_a_loss():
    bars = make_bars([100.0, 100.0, 99.0, 98.0])
    labels = make_labels(bars, [(0, 3, TIME)], cost=0.1)
    run = backtest(bars, make_signals(bars, {0: 1}), labels)
    assert np.isnan(run.scores["cost_share"])


def test_capital_scales_returns_and_leaves_ratios_alone():
    rng = np.random.default_rng(2)
    bars = make_bars(100.0 + rng.normal(0, 1, 200).cumsum(), freq="4h")
    labels = make_labels(bars, [(i, i + 3, TIME) for i in range(190)], cost=0.1)
    sides = make_signals(bars, {i: int(rng.integers(-1, 2)) for i in range(190)})
    small, large = (
        backtest(bars, sides, labels, execution=Execution(capital=c)).scores
        for c in (100.0, 1000.0)
    )
    for name in ("net_return", "max_drawdown", "annual_return", "annual_volatility"):
        assert small[name] == pytest.approx(10 * large[name])
    for name in ("net_sharpe", "sortino", "calmar", "win_rate", "turnover", "exposure"):
        assert small[name] == pytest.approx(large[name])


def test_a_missing_session_return_is_refused():
    with pytest.raises(DataError, match="0, not NaN"):
        sharpe_ratio([0.01, np.nan], 252)


@pytest.mark.parametrize("share", [0.1, 0.25, 1.0])
def test_equal_exposure_trades_the_share_it_was_asked_for(share):
    scores = np.random.default_rng(0).normal(size=1000)
    threshold = equal_exposure(np.r_[scores, np.nan], share)
    assert np.abs(sides_at(scores, threshold)).mean() == pytest.approx(share)
    assert (sides_at(scores, threshold) * scores >= 0).all()


def test_equal_exposure_ties_trade_together_and_nothing_is_refused():
    assert equal_exposure([1.0, -1.0, 1.0, 0.5], 0.25) == 1.0
    with pytest.raises(DataError, match="finite"):
        equal_exposure([np.nan], 0.5)
    with pytest.raises(ParameterError, match="share"):
        equal_exposure([1.0], 0.0)

"""Figures by regime: parts of one account, annualised by the sessions of the whole."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.evaluation import backtest, sharpe_ratio
from tests.evaluation.tables import TIME, make_bars, make_labels, make_signals

ADD_UP = ("net_return", "gross_return", "annual_return", "turnover", "decisions")


def case(regime):
    rng = np.random.default_rng(3)
    bars = make_bars(100.0 + rng.normal(0.0, 1.0, 300).cumsum(), freq="3h")
    labels = make_labels(bars, [(i, i + 4, TIME) for i in range(290)], cost=0.2, horizon=4)
    signals = make_signals(bars, {i: int(rng.integers(-1, 2)) for i in range(290)})
    named = pd.Series(np.resize(np.array(regime, dtype=object), 300), bars.index, name="kind")
    return backtest(bars, signals, labels, regime=named)


@pytest.mark.parametrize(
    "regime",
    [
        ["calm"] * 24 + ["wild"] * 16,  # whole sessions, as a slow regime has
        ["calm"] * 5 + ["wild"] * 3,
        [np.nan] * 7 + ["calm"] * 25 + ["wild"] * 8,
    ],
    ids=["sessions", "hours", "gaps"],
)
def test_the_parts_add_up_to_the_whole(regime):
    run = case(regime)
    parts = run.regime_scores
    assert len(parts) > 1
    for name in ADD_UP:
        assert parts[name].sum() == pytest.approx(run.scores[name], rel=1e-9), name
    assert (parts["sessions"] == run.scores["sessions"]).all()


def test_the_sharpe_ratio_of_a_part_counts_the_sessions_without_it_as_flat():
    run = case(["calm"] * 24 + ["wild"] * 16)
    previous = pd.Series(np.resize(["calm"] * 24 + ["wild"] * 16, 300)).shift().to_numpy()
    at = pd.date_range(run.pnl.index[0], periods=300, freq="3h")
    mine = run.pnl[run.pnl.index.isin(at[previous == "calm"])]
    days = mine.groupby(mine.index.normalize().tz_localize(None)).sum()
    expected = sharpe_ratio(days.reindex(run.daily.index, fill_value=0.0), run.per_year)
    assert run.regime_scores.loc[("kind", "calm"), "net_sharpe"] == pytest.approx(float(expected))


def test_blocks_of_the_sharpe_ratio_hold_four_horizons():
    run = case(["calm"])
    assert run.block == 2  # 16 bars of three hours
    assert run.sharpe.blocks == pytest.approx(len(run.daily) // 2, abs=0.2)

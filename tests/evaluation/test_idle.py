"""No skill trades nothing: its scores are those of a run over the same rows without a trade."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Costs, default_costs, simulate_bars
from ohlcvml.evaluation.backtest import open_trading
from ohlcvml.labels import TripleBarrierLabeller


@pytest.mark.parametrize("contract", [None, "ES"])
def test_scores_without_a_run_are_those_of_a_run_that_trades_nothing(contract):
    bars = simulate_bars(4000, seed=0, sessions=True).bars
    costs = default_costs("ES") if contract else Costs(spread=0.5)
    labels = TripleBarrierLabeller(horizon=20, contract=contract, costs=costs).fit_transform(bars)
    trading = open_trading("test", bars, labels, None)
    for rows in (slice(None), slice(700, 2500), slice(3, 4)):
        some = labels.iloc[rows]
        flat = pd.DataFrame({"side": np.zeros(len(some), dtype=np.int8)}, index=some.index)
        pd.testing.assert_series_equal(
            pd.Series(trading.idle_scores(flat)),
            pd.Series(trading.run(flat, some).scores),
            check_exact=True,
        )

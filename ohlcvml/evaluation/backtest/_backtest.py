"""Backtest of a table of signals by the rules of their labels, net of costs."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pandas as pd

from ohlcvml.evaluation.backtest._execution import Execution, refuse_unknown
from ohlcvml.evaluation.backtest._result import Backtest
from ohlcvml.evaluation.backtest._trading import open_trading
from ohlcvml.typing import Bars, Labels


def backtest(
    bars: Bars,
    signals: pd.DataFrame,
    labels: Labels,
    *,
    execution: Execution | None = None,
    blocks: npt.ArrayLike | pd.Series | None = None,
    regime: str | pd.Series | pd.DataFrame | None = None,
    **unknown: Any,
) -> Backtest:
    """Trade the signals by the rules of their labels, in one compiled pass over the bars.

    A decision taken at bar t uses bars up to and including t. It is filled at the open of the next
    bar, or at the close of t where the labels say so, and closed where its own label ended: at the
    barrier, after the horizon, at the session's close, at the roll. Nothing after that bar touches
    it. Raw prices of the traded contract are used where the bars carry them.

    Parameters
    ----------
    bars : pd.DataFrame
        One symbol, uncut.
    signals : pd.DataFrame
        Decisions to evaluate, on bars in increasing order; column ``side`` −1, 0 or +1 (NaN counts
        as 0), as from ``predict_signal``. Rows that are not to be evaluated do not belong in it.
    labels : pd.DataFrame
        The labels table of those bars. It says the entry and session policy, the horizon, the
        contract and the costs. Decisions without a row, or with a censored one, are not traded,
        and are counted.
    execution : Execution, optional
        Rule, capital, limits, funding; contract and costs where they are not the labels' own.
        Default: ``Execution()``.
    blocks : array-like of shape (n_signals,), optional
        Mark of the evaluation stretch of each signal row, e.g. the fold number. Positions of a
        block are closed at the close of the bar at which the next block takes its first decision.
    regime : str, pd.Series or pd.DataFrame, optional
        Regime of each bar, known at its close, or the name of a column of ``bars``; all figures
        are also given by regime (``regime_scores``). A bar's P&L counts to the regime of the bar
        before it, a decision's to that of its own bar.
    **unknown
        Refused: a name that is none of the above is an error that says where it belongs.

    Returns
    -------
    Backtest

    Raises
    ------
    DataError
        Tables that do not belong together: stamps that are not bars, labels that end at a price
        the bars never traded, several symbols; labels that do not say what was assumed in making
        them; a contract or costs that contradict the labels'.
    ParameterError
        A parameter that breaks its rule.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.bars import Costs, simulate_bars
    >>> from ohlcvml.evaluation import Execution, backtest
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> bars = simulate_bars(2000, seed=1).bars
    >>> labeller = FixedHorizonLabeller(horizon=5, costs=Costs(spread=0.25))
    >>> labels = labeller.fit_transform(bars)
    >>> always_long = pd.DataFrame({"side": 1}, index=bars.index)
    >>> result = backtest(bars, always_long, labels)
    >>> round(float(result.position.max()), 9), result.counts["filled"] == len(result.decisions)
    (1.0, True)
    >>> bool(abs(result.decisions["net"].sum() - result.pnl.sum()) < 1e-6)
    True
    >>> backtest(bars, always_long, labels, execution=Execution(rule="bracket")).counts["busy"]
    1584
    """
    refuse_unknown("backtest", unknown, ["execution", "blocks", "regime"])
    return open_trading("backtest", bars, labels, execution, regime).run(signals, labels, blocks)

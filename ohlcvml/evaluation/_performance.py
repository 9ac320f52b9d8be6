"""Performance of a strategy from its daily session P&L.

The unit of every risk figure is one session's net P&L over a fixed capital: no compounding, flat
sessions included. Sharpe and its kin are scaled by the square root of *sessions* a year, never of
bars a year: bars within a session are neither independent nor of equal size, and a 24-hour count
of bars inflates the figure.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ohlcvml._compiling import njit
from ohlcvml.evaluation._sharpe import session_returns, sharpe_ratio
from ohlcvml.typing import FloatArray, IntArray


def sortino_ratio(daily: npt.ArrayLike, per_year: float) -> float:
    """Mean session return over its downside deviation, × √(sessions a year).

    The downside deviation is √(mean of min(r, 0)²) over *all* sessions (target 0). Without a
    losing session it is undefined: 0 if nothing was earned either, else NaN.

    Examples
    --------
    >>> from ohlcvml.evaluation import sortino_ratio
    >>> round(sortino_ratio([0.01, -0.01, 0.02, 0.0], per_year=252), 4)  # .005 / .005 * sqrt(252)
    15.8745
    """
    r = session_returns(daily, "sortino_ratio")
    downside = math.sqrt(float(np.mean(np.minimum(r, 0.0) ** 2))) if len(r) else 0.0
    if downside == 0.0:
        return 0.0 if not (r > 0).any() else float("nan")
    return float(r.mean()) / downside * math.sqrt(per_year)


def drawdown(pnl: npt.ArrayLike) -> FloatArray:
    """Fall of cumulative P&L below its running peak, from a start at 0; zero or negative.

    Parameters
    ----------
    pnl : array-like of shape (n,)
        P&L of each step (bar or session), not cumulative, in any unit.

    Returns
    -------
    np.ndarray of shape (n,)
        In the unit of ``pnl``.

    Examples
    --------
    >>> from ohlcvml.evaluation import drawdown
    >>> drawdown([1.0, -2.0, 1.0, 3.0]).tolist()
    [0.0, -2.0, -1.0, 0.0]
    """
    equity = np.cumsum(session_returns(pnl, "drawdown"))
    return np.asarray(equity - np.maximum(np.maximum.accumulate(equity), 0.0))


@njit(cache=True)
def _deepest(pnl: FloatArray) -> float:
    equity = peak = deepest = 0.0
    for step in pnl:
        equity += step
        peak = max(peak, equity)
        deepest = max(deepest, peak - equity)
    return deepest


def max_drawdown(pnl: npt.ArrayLike) -> float:
    """Largest fall of cumulative P&L below its running peak, as a positive number.

    Without compounding the fall is measured against the fixed capital, not against the peak.

    Examples
    --------
    >>> from ohlcvml.evaluation import max_drawdown
    >>> max_drawdown([0.01, -0.02, 0.005, 0.03])
    0.02
    """
    return float(_deepest(session_returns(pnl, "max_drawdown")))


def calmar_ratio(daily: npt.ArrayLike, per_year: float, *, fall: float | None = None) -> float:
    """Return a year (mean session return × sessions a year) over the maximum drawdown.

    ``fall`` is a drawdown measured more finely, e.g. bar by bar; default that of ``daily``.
    Without a drawdown it is 0 if nothing was earned either, else NaN.

    Examples
    --------
    >>> from ohlcvml.evaluation import calmar_ratio
    >>> round(calmar_ratio([0.01, -0.02, 0.02, 0.01], per_year=252), 4)  # .005 * 252 / .02
    63.0
    """
    r = session_returns(daily, "calmar_ratio")
    depth = max_drawdown(r) if fall is None else fall
    if depth == 0.0:
        return 0.0 if not (r > 0).any() else float("nan")
    return float(r.mean()) * per_year / depth


def win_rate(pnl: npt.ArrayLike) -> float:
    """Share of decisions that earned money after costs; exactly 0 is no win. NaN without any.

    Examples
    --------
    >>> from ohlcvml.evaluation import win_rate
    >>> win_rate([2.0, -1.0, 0.0, 1.0])
    0.5
    """
    return _rate_and_factor(pnl, "win_rate")[0]


def profit_factor(pnl: npt.ArrayLike) -> float:
    """Sum of the winning decisions over the sum of the losing ones; NaN without a loss.

    Examples
    --------
    >>> from ohlcvml.evaluation import profit_factor
    >>> profit_factor([2.0, -1.0, 0.0, 1.0])
    3.0
    """
    return _rate_and_factor(pnl, "profit_factor")[1]


def _rate_and_factor(pnl: npt.ArrayLike, who: str) -> tuple[float, float]:
    values = session_returns(pnl, who)
    wins, won, lost = _won_and_lost(values)
    nan = float("nan")
    return wins / len(values) if len(values) else nan, won / lost if lost > 0 else nan


@njit(cache=True)
def _won_and_lost(pnl: FloatArray) -> tuple[int, float, float]:
    """Number of wins, their sum, and that of the losses as a positive number, in one pass."""
    wins, won, lost = 0, 0.0, 0.0
    for value in pnl:
        wins += value > 0.0
        won += max(value, 0.0)
        lost -= min(value, 0.0)
    return wins, won, lost


@njit(cache=True)
def _totals(
    pnl: FloatArray,
    paid: FloatArray,
    traded: FloatArray,
    position: FloatArray,
    session_starts: IntArray,
) -> tuple[FloatArray, float, float, float, float]:
    """P&L by session, deepest fall, and the sums of costs, trades and |position|, in one pass."""
    daily = np.zeros(len(session_starts))
    equity = peak = fall = costs = volume = held = 0.0
    for s in range(len(daily)):
        stop = session_starts[s + 1] if s + 1 < len(daily) else len(pnl)
        today = 0.0
        for j in range(session_starts[s], stop):
            today += pnl[j]
            equity += pnl[j]
            peak = max(peak, equity)
            fall = max(fall, peak - equity)
            costs += paid[j]
            volume += traded[j]
            held += abs(position[j])
        daily[s] = today
    return daily, fall, costs, volume, held


def performance(
    pnl: FloatArray,
    session_starts: IntArray,
    *,
    paid: FloatArray,
    traded: FloatArray,
    position: FloatArray,
    decision_pnl: FloatArray,
    capital: float,
    per_year: float,
    block: int = 1,
) -> dict[str, float]:
    """All performance figures of one account.

    Parameters
    ----------
    pnl : float64 array of shape (n_bars,)
        Net P&L of each bar, in money.
    session_starts : int64 array of shape (n_sessions,)
        First bar of each session, increasing from 0.
    paid, traded, position : float64 arrays of shape (n_bars,)
        Costs in money, units bought or sold, net units held.
    decision_pnl : float64 array of shape (n_decisions,)
        Net result of each decision that was filled, in money.
    capital : float
        Fixed capital, in money.
    per_year : float
        Sessions a year.
    block : int, default 1
        Sessions in a block of the interval, as for :func:`sharpe_ratio`.

    Returns
    -------
    dict
        ``net_sharpe sharpe_low sharpe_high sessions sortino max_drawdown calmar net_return
        gross_return annual_return annual_volatility win_rate profit_factor turnover cost_share
        exposure decisions``. Returns and drawdown are fractions of capital (drawdown from the
        bar-by-bar equity, positive); ``turnover`` is units bought plus sold a session;
        ``cost_share`` is costs over gross P&L, NaN unless that is positive; ``exposure`` is the
        mean |position| over bars.

    Examples
    --------
    Two sessions of two bars each; one contract is held throughout:

    >>> import numpy as np
    >>> from ohlcvml.evaluation import performance
    >>> figures = performance(
    ...     np.array([10.0, -4.0, 3.0, 5.0]),
    ...     np.array([0, 2]),
    ...     paid=np.array([1.0, 0.0, 0.0, 1.0]),
    ...     traded=np.array([1.0, 0.0, 0.0, 1.0]),
    ...     position=np.ones(4),
    ...     decision_pnl=np.array([14.0]),
    ...     capital=1000.0,
    ...     per_year=252.0,
    ... )
    >>> [round(figures[name], 4) for name in ("net_return", "max_drawdown", "turnover", "exposure")]
    [0.014, 0.004, 1.0, 1.0]
    """
    return daily_and_figures(
        pnl, session_starts, paid, traded, position, decision_pnl, capital, per_year, block
    )[1]


def daily_and_figures(
    pnl: FloatArray,
    session_starts: IntArray,
    paid: FloatArray,
    traded: FloatArray,
    position: FloatArray,
    decision_pnl: FloatArray,
    capital: float,
    per_year: float,
    block: int,
) -> tuple[FloatArray, dict[str, float]]:
    """As :func:`performance`, with the P&L of each session as a fraction of capital before it."""
    daily, fall, costs, volume, held = _totals(pnl, paid, traded, position, session_starts)
    daily, fall = daily / capital, fall / capital
    sharpe = sharpe_ratio(daily, per_year, block=block)
    net = float(daily.sum()) * capital
    gross = net + costs
    rate, factor = _rate_and_factor(decision_pnl, "win_rate")
    some = len(daily) > 0
    return daily, {
        "net_sharpe": float(sharpe),
        "sharpe_low": sharpe.low,
        "sharpe_high": sharpe.high,
        "sessions": float(len(daily)),
        "sortino": sortino_ratio(daily, per_year),
        "max_drawdown": fall,
        "calmar": calmar_ratio(daily, per_year, fall=fall),
        "net_return": net / capital,
        "gross_return": gross / capital,
        "annual_return": float(daily.mean()) * per_year if some else 0.0,
        "annual_volatility": float(daily.std(ddof=1)) * math.sqrt(per_year)
        if len(daily) > 1
        else 0.0,
        "win_rate": rate,
        "profit_factor": factor,
        "turnover": volume / len(daily) if some else 0.0,
        "cost_share": costs / gross if gross > 1e-12 * capital else float("nan"),
        "exposure": held / len(position) if len(position) else 0.0,
        "decisions": float(len(decision_pnl)),
    }

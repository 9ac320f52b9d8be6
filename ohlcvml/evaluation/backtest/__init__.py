"""Backtests: decisions to fills, fills to an account, net of costs."""

from ohlcvml.evaluation.backtest._backtest import backtest
from ohlcvml.evaluation.backtest._exposure import equal_exposure, sides_at
from ohlcvml.evaluation.backtest._hold import buy_and_hold
from ohlcvml.evaluation.backtest._result import Backtest

__all__ = [
    "Backtest",
    "backtest",
    "buy_and_hold",
    "equal_exposure",
    "sides_at",
]

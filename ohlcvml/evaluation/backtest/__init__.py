"""Backtests: decisions to fills, fills to an account, net of costs."""

from ohlcvml.evaluation.backtest._backtest import backtest
from ohlcvml.evaluation.backtest._execution import Execution, check_execution, refuse_unknown
from ohlcvml.evaluation.backtest._exposure import equal_exposure, sides_at
from ohlcvml.evaluation.backtest._hold import buy_and_hold, hold
from ohlcvml.evaluation.backtest._regimes import named_regimes
from ohlcvml.evaluation.backtest._result import Backtest
from ohlcvml.evaluation.backtest._trading import Trading, open_trading

__all__ = [
    "Backtest",
    "Execution",
    "Trading",
    "backtest",
    "buy_and_hold",
    "check_execution",
    "equal_exposure",
    "hold",
    "named_regimes",
    "open_trading",
    "refuse_unknown",
    "sides_at",
]

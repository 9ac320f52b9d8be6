"""Evaluation: scores, backtests and performance, free of look-ahead and net of costs."""

from ohlcvml._home import data_folder
from ohlcvml.evaluation._calibration import calibration_error, reliability_curve
from ohlcvml.evaluation._cross_validate import cross_validate
from ohlcvml.evaluation._cross_validation import CrossValidation
from ohlcvml.evaluation._evaluate import Evaluation, evaluate
from ohlcvml.evaluation._looks import count_look, rows_fingerprint
from ohlcvml.evaluation._performance import (
    calmar_ratio,
    drawdown,
    max_drawdown,
    performance,
    profit_factor,
    sortino_ratio,
    win_rate,
)
from ohlcvml.evaluation._plots import plot_calibration, plot_equity
from ohlcvml.evaluation._pretraining import pretraining_notes
from ohlcvml.evaluation._scores import auc, classification_scores
from ohlcvml.evaluation._sharpe import SharpeEstimate, sharpe_ratio
from ohlcvml.evaluation.backtest import (
    Backtest,
    Execution,
    backtest,
    buy_and_hold,
    equal_exposure,
    sides_at,
)

__all__ = [
    "Backtest",
    "CrossValidation",
    "Evaluation",
    "Execution",
    "SharpeEstimate",
    "auc",
    "backtest",
    "buy_and_hold",
    "calibration_error",
    "calmar_ratio",
    "classification_scores",
    "count_look",
    "cross_validate",
    "data_folder",
    "drawdown",
    "equal_exposure",
    "evaluate",
    "max_drawdown",
    "performance",
    "plot_calibration",
    "plot_equity",
    "pretraining_notes",
    "profit_factor",
    "reliability_curve",
    "rows_fingerprint",
    "sharpe_ratio",
    "sides_at",
    "sortino_ratio",
    "win_rate",
]

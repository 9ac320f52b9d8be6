"""Evaluation: scores, backtests and performance, free of look-ahead and net of costs."""

from ohlcvml.evaluation._backtest import backtest
from ohlcvml.evaluation._backtest_exposure import equal_exposure, sides_at
from ohlcvml.evaluation._backtest_hold import buy_and_hold
from ohlcvml.evaluation._backtest_result import Backtest
from ohlcvml.evaluation._calibration import calibration_error, reliability_curve
from ohlcvml.evaluation._performance import (
    SharpeEstimate,
    calmar_ratio,
    drawdown,
    max_drawdown,
    performance,
    profit_factor,
    sharpe_ratio,
    sortino_ratio,
    win_rate,
)
from ohlcvml.evaluation._scores import (
    auc,
    balanced_accuracy,
    class_priors,
    classification_scores,
    log_loss,
    log_loss_skill,
    macro_f1,
)

__all__ = [
    "Backtest",
    "SharpeEstimate",
    "auc",
    "backtest",
    "balanced_accuracy",
    "buy_and_hold",
    "calibration_error",
    "calmar_ratio",
    "class_priors",
    "classification_scores",
    "drawdown",
    "equal_exposure",
    "log_loss",
    "log_loss_skill",
    "macro_f1",
    "max_drawdown",
    "performance",
    "profit_factor",
    "reliability_curve",
    "sharpe_ratio",
    "sides_at",
    "sortino_ratio",
    "win_rate",
]

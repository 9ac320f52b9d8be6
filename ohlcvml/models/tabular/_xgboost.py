"""Gradient-boosted trees by XGBoost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ohlcvml._checks import integer, jobs, real, string
from ohlcvml._requires import require
from ohlcvml._threads import threads
from ohlcvml.models.tabular._base import CLASS_WEIGHT, BaseTabularClassifier, Float32Array
from ohlcvml.typing import FloatArray, IntArray


class XGBoostClassifier(BaseTabularClassifier):
    """Gradient-boosted decision trees on the features of the decision bar (XGBoost).

    Row t sees the features of bar t alone. Multiclass log-loss, histogram method, sample weights
    from the labels table. Needs the extra ``boosting``.

    Parameters
    ----------
    n_estimators : int, default=200
        Boosting rounds.
    learning_rate : float, default=0.05
    max_depth : int, default=4
    min_child_weight : float, default=50.0
        Least sum of second derivatives in a leaf.
    subsample : float in (0, 1], default=0.8
        Share of rows drawn for each tree.
    colsample_bytree : float in (0, 1], default=0.3
        Share of columns drawn for each tree. Small, as the default feature set has many that are
        alike.
    gamma : float, default=0.0
        Least loss reduction that justifies a split.
    reg_alpha, reg_lambda : float, default=0.0, 1.0
        L1 and L2 penalties on leaf values.
    max_bin : int, default=256
        Bins per column.
    class_weight : {"balanced"}, dict or None, default=None
        Weight of each class, by its label, times the sample weights; "balanced": rows over classes
        times the rows of the class. Probabilities then answer for the weighted classes, not for
        the market's shares, so signals trade more than costs allow: a means against a rare class
        that is never chosen, not a default.
    random_state : int, default=0
    device : str, default="cpu"
        ``"cpu"``, ``"cuda"`` or ``"cuda:0"``. Trees grown on another device may differ in the
        last bits.
    n_jobs : int, default=1
        Threads, -1 for one per core; changes speed only.

    Attributes
    ----------
    booster_ : xgboost.Booster

    References
    ----------
    Chen and Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import XGBoostClassifier
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * XGBoostClassifier(n_estimators=5)
    >>> model.fit(bars, labels).predict_proba(bars).shape
    (800, 3)
    """

    _tags = {
        "python_dependencies": "xgboost",
        "model_family": "boosting",
        "capability:missing_values": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "licence": "Apache-2.0",
    }
    _parameter_rules = {
        "n_estimators": integer(1),
        "learning_rate": real(0.0, open_low=True),
        "max_depth": integer(1),
        "min_child_weight": real(0.0),
        "subsample": real(0.0, 1.0, open_low=True),
        "colsample_bytree": real(0.0, 1.0, open_low=True),
        "gamma": real(0.0),
        "reg_alpha": real(0.0),
        "reg_lambda": real(0.0),
        "max_bin": integer(2),
        "class_weight": CLASS_WEIGHT,
        "random_state": integer(0),
        "device": string(),
        "n_jobs": jobs(),
    }
    importance_kinds = ("gain", "permutation", "shap")

    def __init__(
        self,
        n_estimators: int = 200,
        learning_rate: float = 0.05,
        max_depth: int = 4,
        min_child_weight: float = 50.0,
        subsample: float = 0.8,
        colsample_bytree: float = 0.3,
        gamma: float = 0.0,
        reg_alpha: float = 0.0,
        reg_lambda: float = 1.0,
        max_bin: int = 256,
        class_weight: str | Mapping[int, float] | None = None,
        random_state: int = 0,
        device: str = "cpu",
        n_jobs: int = 1,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.gamma = gamma
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.max_bin = max_bin
        self.class_weight = class_weight
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        super().__init__()

    def _fit_rows(
        self, values: Float32Array, codes: IntArray, n_codes: int, weight: FloatArray | None
    ) -> None:
        xgboost = _xgboost()
        data = xgboost.QuantileDMatrix(
            values, label=codes, weight=weight, max_bin=self.max_bin, nthread=threads(self.n_jobs)
        )
        params = {
            "objective": "multi:softprob",
            "num_class": n_codes,
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "gamma": self.gamma,
            "alpha": self.reg_alpha,
            "lambda": self.reg_lambda,
            "max_bin": self.max_bin,
            "tree_method": "hist",
            "seed": self.random_state,
            "device": self.device,
            "nthread": threads(self.n_jobs),
            "verbosity": 0,
        }
        self.booster_ = xgboost.train(params, data, num_boost_round=self.n_estimators)

    def _predict_rows(self, values: Float32Array) -> FloatArray:
        data = _xgboost().DMatrix(values, nthread=threads(self.n_jobs))
        proba = np.asarray(self.booster_.predict(data), dtype=np.float64)
        return proba / proba.sum(axis=1, keepdims=True)  # float32 sums miss 1 by 1e-7

    def _gain(self) -> FloatArray:
        scores = self.booster_.get_score(importance_type="total_gain")
        return np.array([scores.get(f"f{k}", 0.0) for k in range(len(self._column_names))])

    def _contributions(self, values: Float32Array) -> FloatArray:
        data = _xgboost().DMatrix(values, nthread=threads(self.n_jobs))
        by_class = np.asarray(self.booster_.predict(data, pred_contribs=True))
        return by_class[:, :, :-1].transpose(0, 2, 1).astype(np.float64)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small boosters."""
        return [
            {"n_estimators": 3, "min_child_weight": 0.1},
            {
                "n_estimators": 5,
                "learning_rate": 0.3,
                "max_depth": 2,
                "min_child_weight": 0.0,
                "subsample": 0.6,
                "colsample_bytree": 0.6,
                "gamma": 0.2,
                "reg_alpha": 0.1,
                "reg_lambda": 0.0,
                "max_bin": 8,
                "class_weight": "balanced",
                "random_state": 7,
            },
        ]


def _xgboost() -> Any:
    return require("xgboost", extra="boosting", who="XGBoostClassifier")

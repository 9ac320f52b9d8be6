"""Gradient-boosted trees by LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ohlcvml._checks import integer, jobs, one_of, optional, real
from ohlcvml._threads import threads
from ohlcvml.models.tabular._base import CLASS_WEIGHT, BaseTabularClassifier, Float32Array
from ohlcvml.typing import FloatArray, IntArray


class LightGBMClassifier(BaseTabularClassifier):
    """Gradient-boosted decision trees on the features of the decision bar (LightGBM).

    Row t sees the features of bar t alone. Multiclass log-loss, sample weights from the labels
    table, deterministic for a given seed whatever the number of threads. Every fit bins its own
    training rows: a subset of a shared ``lightgbm.Dataset`` would carry bin edges of test rows.

    Parameters
    ----------
    n_estimators : int, default=200
        Boosting rounds.
    learning_rate : float, default=0.05
    num_leaves : int, default=15
        Leaves per tree.
    max_depth : int or None, default=None
        Depth of a tree; None for no limit.
    min_child_samples : int, default=100
        Least rows in a leaf. Bars are noisy: small leaves learn noise.
    subsample : float in (0, 1], default=0.8
        Share of rows drawn for each tree.
    colsample_bytree : float in (0, 1], default=0.3
        Share of columns drawn for each tree. Small, as the default feature set has many that are
        alike.
    reg_alpha, reg_lambda : float, default=0.0, 1.0
        L1 and L2 penalties on leaf values.
    max_bin : int, default=255
        Bins per column.
    class_weight : {"balanced"}, dict or None, default=None
        Weight of each class, by its label, times the sample weights; "balanced": rows over classes
        times the rows of the class. Probabilities then answer for the weighted classes, not for
        the market's shares, so signals trade more than costs allow: a means against a rare class
        that is never chosen, not a default.
    random_state : int, default=0
    device : {"cpu", "gpu", "cuda"}, default="cpu"
        What lightgbm was built for: "gpu" is OpenCL. Trees grown on another device differ in the
        last bits, and are not the same for every number of threads.
    n_jobs : int, default=1
        Threads, -1 for one per core; changes speed only.

    Attributes
    ----------
    booster_ : lightgbm.Booster

    References
    ----------
    Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree, NeurIPS 2017.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LightGBMClassifier
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * LightGBMClassifier(n_estimators=10)
    >>> proba = model.fit(bars, labels).predict_proba(bars)
    >>> proba.columns.tolist()
    [-1, 0, 1]
    """

    _tags = {
        "python_dependencies": "lightgbm",
        "model_family": "boosting",
        "capability:missing_values": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "licence": "MIT",
    }
    _parameter_rules = {
        "n_estimators": integer(1),
        "learning_rate": real(0.0, open_low=True),
        "num_leaves": integer(2),
        "max_depth": optional(integer(1)),
        "min_child_samples": integer(1),
        "subsample": real(0.0, 1.0, open_low=True),
        "colsample_bytree": real(0.0, 1.0, open_low=True),
        "reg_alpha": real(0.0),
        "reg_lambda": real(0.0),
        "max_bin": integer(2),
        "class_weight": CLASS_WEIGHT,
        "random_state": integer(0),
        "device": one_of("cpu", "gpu", "cuda"),
        "n_jobs": jobs(),
    }
    importance_kinds = ("gain", "permutation", "shap")

    def __init__(
        self,
        n_estimators: int = 200,
        learning_rate: float = 0.05,
        num_leaves: int = 15,
        max_depth: int | None = None,
        min_child_samples: int = 100,
        subsample: float = 0.8,
        colsample_bytree: float = 0.3,
        reg_alpha: float = 0.0,
        reg_lambda: float = 1.0,
        max_bin: int = 255,
        class_weight: str | Mapping[int, float] | None = None,
        random_state: int = 0,
        device: str = "cpu",
        n_jobs: int = 1,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_child_samples = min_child_samples
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
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
        import lightgbm

        params = self._booster_params(n_codes)
        data = lightgbm.Dataset(
            values, codes, weight=weight, params=params, feature_name=_safe_names(values.shape[1])
        )
        self.booster_ = lightgbm.train(params, data, num_boost_round=self.n_estimators)

    def _booster_params(self, n_codes: int) -> dict[str, Any]:
        return {
            "objective": "multiclass",
            "num_class": n_codes,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": -1 if self.max_depth is None else self.max_depth,
            "min_data_in_leaf": self.min_child_samples,
            "bagging_fraction": self.subsample,
            "bagging_freq": 1 if self.subsample < 1 else 0,
            "feature_fraction": self.colsample_bytree,
            "lambda_l1": self.reg_alpha,
            "lambda_l2": self.reg_lambda,
            "max_bin": self.max_bin,
            "seed": self.random_state,
            "num_threads": threads(self.n_jobs),
            "device_type": self.device,
            # The same trees for any number of threads.
            "deterministic": True,
            "force_col_wise": self.device == "cpu",
            "verbose": -1,
        }

    def _predict_rows(self, values: Float32Array) -> FloatArray:
        return np.asarray(self.booster_.predict(values, num_threads=threads(self.n_jobs)))

    def _gain(self) -> FloatArray:
        return np.asarray(self.booster_.feature_importance("gain"), dtype=np.float64)

    def _contributions(self, values: Float32Array) -> FloatArray:
        flat = np.asarray(
            self.booster_.predict(values, pred_contrib=True, num_threads=threads(self.n_jobs))
        )
        by_class = flat.reshape(len(values), -1, values.shape[1] + 1)
        return by_class[:, :, :-1].transpose(0, 2, 1)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small boosters."""
        return [
            {"n_estimators": 3, "min_child_samples": 2},
            {
                "n_estimators": 5,
                "learning_rate": 0.3,
                "num_leaves": 4,
                "max_depth": 2,
                "min_child_samples": 1,
                "subsample": 0.6,
                "colsample_bytree": 0.6,
                "reg_alpha": 0.1,
                "reg_lambda": 0.0,
                "max_bin": 8,
                "class_weight": "balanced",
                "random_state": 7,
            },
        ]


def _safe_names(count: int) -> list[str]:
    """LightGBM refuses some characters in names; ours are kept beside the booster."""
    return [f"f{k}" for k in range(count)]

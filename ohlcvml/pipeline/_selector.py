"""Choosing columns by what the training labels say of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import check_parameters, integer, one_of, optional, real
from ohlcvml.exceptions import DataError
from ohlcvml.features import rank_correlation
from ohlcvml.streams import BarRow, BaseFeature, Channels, Column, Node
from ohlcvml.typing import Bars, FloatArray, IntArray

_BINS = 16  # of a column, at its quantiles, to estimate its mutual information
_CLASSES = 20  # a target with more values is cut at its quintiles


class _SelectNode:
    def __init__(self, source: BarRow, names: list[str], out: FloatArray) -> None:
        self.state: dict[str, Any] = {}
        self._inputs, self._out = [source[name] for name in names], out

    def advance(self) -> None:
        for k, value in enumerate(self._inputs):
            self._out[k] = value[0]

    def compile(self) -> None:
        """Nothing to compile."""


class FeatureSelector(BaseFeature):
    """Keep the columns that tell most about the labels, one of each group of similar columns.

    Row t sees row t only, through what ``fit`` learned: in a
    :class:`~ohlcvml.pipeline.BarPipeline` that is the training label rows of the fold, so the
    choice is made anew in each. Rows with a missing value are left out of the fit. Columns are
    scored; columns whose rank correlations link them (average linkage) keep the best of each
    cluster; of what is left the best ``n_features`` stay, in the order of the input.

    Parameters
    ----------
    score : {"mutual_information", "importance"}, default="mutual_information"
        Mutual information with the label, in nats, of the column cut at its sixteenths; or the gain
        of a small LightGBM model on all columns together. Neither knows that labels overlap, so
        small differences mean little.
    n_features : int or None, default=50
        How many columns to keep at most; None for all that the clusters leave.
    max_correlation : float or None, default=0.95
        Absolute rank correlation, in (0, 1], above which columns are one cluster; None for no
        clusters.

    Attributes
    ----------
    selected_ : list of str
        Names of the columns kept.
    input_names_ : list of str
        The columns it was fitted on; ``transform`` needs them.
    scores_ : array of shape (n_inputs,)
        Score of each input column.
    clusters_ : int array of shape (n_inputs,)
        Cluster of each input column.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import OHLCVFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.pipeline import FeatureSelector
    >>> bars = simulate_bars(6000, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> features = OHLCVFeatures(timeframes=())
    >>> model = features * FeatureSelector(n_features=5) * LogisticClassifier()
    >>> selector = model.fit(bars, labels).transformers_[1]
    >>> len(selector.selected_)
    5
    """

    _tags = {
        "fit_is_empty": False,
        "scitype:instancewise": False,
        "requires_y": True,
        "y_inner_mtype": "pd.Series",
        "capability:categorical_in_X": False,
    }
    _takes_bars = False  # but rows of any columns
    _parameter_rules = {
        "score": one_of("mutual_information", "importance"),
        "n_features": optional(integer(1)),
        "max_correlation": optional(real(0.0, 1.0, open_low=True)),
    }

    selected_: list[str]
    input_names_: list[str]
    scores_: FloatArray
    clusters_: IntArray

    def __init__(
        self,
        score: str = "mutual_information",
        n_features: int | None = 50,
        max_correlation: float | None = 0.95,
    ) -> None:
        self.score = score
        self.n_features = n_features
        self.max_correlation = max_correlation
        super().__init__()

    def __post_init__(self) -> None:
        check_parameters(self)

    def _columns(self) -> list[Column]:
        if not hasattr(self, "selected_"):
            raise DataError(
                "FeatureSelector: the column names are known only after fit. Call fit first."
            )
        return [Column(name, "the column of that name", unit="") for name in self.selected_]

    @property
    def lookback(self) -> int:
        """0: a row depends on itself only."""
        return 0

    def _fit(self, X: Bars, y: Any = None) -> FeatureSelector:
        values = X.to_numpy(dtype=np.float64)
        complete = ~np.isnan(values).any(axis=1)
        if not complete.any():
            raise DataError(
                f"FeatureSelector: fit needs rows without missing values; none of {len(X)} is "
                "complete. Give more history than the lookback, or drop empty columns."
            )
        values, codes = values[complete], _codes(np.asarray(y)[complete])
        score = _information if self.score == "mutual_information" else _gain
        self.input_names_ = [str(name) for name in X.columns]
        self.scores_ = score(values, codes)
        self.clusters_ = _clusters(values, self.max_correlation)
        best_first = np.argsort(-self.scores_, kind="stable")
        _, first = np.unique(self.clusters_[best_first], return_index=True)
        kept = best_first[np.sort(first)][: self.n_features]
        self.selected_ = [self.input_names_[k] for k in np.sort(kept)]
        return self

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        given = [str(name) for name in X.columns]
        missing = [name for name in self.selected_ if name not in given]
        if missing:
            raise DataError(
                f"FeatureSelector: transform needs the columns it was fitted on; {missing} of "
                f"them are not in {given}."
            )
        for k, name in enumerate(self.selected_):
            out[k] = X.iloc[:, given.index(name)].to_numpy(dtype=np.float64)

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        return _SelectNode(source, self.selected_, out)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"n_features": 2, "max_correlation": None},
            {"score": "importance", "n_features": 1, "max_correlation": 0.9},
        ]


def _codes(target: Any) -> IntArray:
    """Classes of the target as 0, 1, ...; a continuous one is cut at its quintiles."""
    values, codes = np.unique(target, return_inverse=True)
    if len(values) <= _CLASSES:
        return np.asarray(codes, dtype=np.int64)
    edges = np.quantile(target.astype(np.float64), [0.2, 0.4, 0.6, 0.8])
    return np.asarray(np.searchsorted(edges, target.astype(np.float64)), dtype=np.int64)


def _information(values: FloatArray, codes: IntArray) -> FloatArray:
    from sklearn.feature_selection import mutual_info_classif

    grid = np.linspace(0, 1, _BINS + 1)[1:-1]
    binned = [np.searchsorted(np.quantile(column, grid), column) for column in values.T]
    return np.asarray(mutual_info_classif(np.column_stack(binned), codes, discrete_features=True))


def _gain(values: FloatArray, codes: IntArray) -> FloatArray:
    """Gain of a small boosted model of lightgbm, one thread, the same trees every time."""
    import lightgbm

    n_codes = int(codes.max()) + 1
    if len(np.unique(codes)) < 2:
        return np.zeros(values.shape[1])
    params = {
        "objective": "multiclass",
        "num_class": n_codes,
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_data_in_leaf": 100,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.3,
        "lambda_l2": 1.0,
        "seed": 0,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "verbose": -1,
    }
    data = lightgbm.Dataset(values.astype(np.float32), codes, params=params)
    booster = lightgbm.train(params, data, num_boost_round=50)
    gain = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    return gain / max(gain.sum(), np.finfo(float).tiny)


def _clusters(values: FloatArray, max_correlation: float | None) -> IntArray:
    n = values.shape[1]
    if max_correlation is None or n < 2:
        return np.arange(n)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distance = 1.0 - np.abs(rank_correlation(values))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(np.clip(distance, 0.0, 1.0), checks=False), method="average")
    return np.asarray(fcluster(tree, 1.0 - max_correlation, criterion="distance"), dtype=np.int64)

"""What a model finds where there is something to find, and where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import check_value, each, integer, real
from ohlcvml.bars import simulate_bars
from ohlcvml.evaluation import auc
from ohlcvml.exceptions import ParameterError
from ohlcvml.features import ReturnFeatures, VolumeFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.pipeline import BarPipeline, BaseBarClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import WalkForward

HORIZON = 20
ATR_ROWS = 14  # rows at the beginning that have no label
PURGE = 60  # bars between training and test rows: max(60, horizon)


def edge_table(
    model: Any,
    *,
    edge: float = 0.3,
    seeds: Sequence[int] = (1000, 1001, 1002),
    n_train: int = 2000,
    n_test: int = 2000,
) -> pd.DataFrame:
    """Train on simulated bars and score on the bars that follow, once for each seed.

    Bars are those of :func:`~ohlcvml.bars.simulate_bars`: the edge is a drift of the returns, so
    models of features, of windows and of price paths can all see it. Labels are a triple barrier
    at 1.5 ATR each way, 20 bars, before costs. A model of rows or windows gets returns and volume
    over at most 10 bars: on a random walk columns that last are biased even walking forward. A
    model of paths gets the bars, a :class:`~ohlcvml.pipeline.BarPipeline` is taken as it is.

    Parameters
    ----------
    model : bar classifier
        Cloned for each seed.
    edge : float, default=0.3
        Drift of a bar in bar volatilities, signed by a hidden state; 0 plants nothing. At 0.3 the
        exact filter of the bars reaches an AUC of 0.72.
    seeds : sequence of int
        Of the bars. Fix them before you look.
    n_train, n_test : int
        Labelled rows, after as many bars as the model says it looks back; those between the two
        are purged.

    Returns
    -------
    pd.DataFrame
        One row per seed: ``auc`` of +1 against -1 on the test rows, ``oracle``
        (that of the exact filter on the same rows), ``rows``, ``label_length`` (mean, in bars) and
        ``standard_error`` of the AUC where there is no edge, ``0.58 * sqrt(label_length / rows)``:
        labels overlap, so rows do not count in full.

    Raises
    ------
    ParameterError
        If ``model`` is no bar classifier or a number is out of range.

    Examples
    --------
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.testing import edge_table
    >>> edge_table(LogisticClassifier())[["auc", "oracle", "rows"]].round(2)
           auc  oracle  rows
    seed
    1000  0.69    0.76  2000
    1001  0.63    0.70  2000
    1002  0.68    0.71  2000
    >>> edge_table(LogisticClassifier(), edge=0.0)["auc"].round(2).tolist()
    [0.49, 0.49, 0.49]
    """
    who = "edge_table"
    check_value(who, "edge", real(), edge)
    check_value(who, "seeds", each(integer(0)), tuple(seeds))
    check_value(who, "n_train", integer(100), n_train)
    check_value(who, "n_test", integer(100), n_test)
    if not isinstance(model, BaseBarClassifier):
        raise ParameterError(
            f"{who}: parameter 'model' must be a classifier of ohlcvml; got "
            f"{type(model).__name__}. Wrap scikit-learn classifiers: SklearnClassifier(estimator)."
        )
    rows = [_score(model, edge, seed, n_train, n_test) for seed in seeds]
    return pd.DataFrame(rows, index=pd.Index(list(seeds), name="seed"))


def _score(model: Any, edge: float, seed: int, n_train: int, n_test: int) -> dict[str, float]:
    labeller = TripleBarrierLabeller(horizon=HORIZON, cost_adjustment=None)
    chain, n_rows = _chain(model), n_train + PURGE + n_test
    history = max(chain.lookback or 0, ATR_ROWS)
    simulation = simulate_bars(history + n_rows + HORIZON + 1, seed=seed, edge=edge)
    labels = labeller.fit_transform(simulation.bars)
    samples = Samples(simulation.bars, labels)[-n_rows:]
    splitter = WalkForward(n_splits=1, initial=1.0 - n_test / len(samples))
    train, test = next(iter(splitter.split(samples)))
    held_out = samples[test]
    proba = chain.fit(samples[train]).predict_proba(held_out)
    length = float((held_out.end_pos - held_out.pos).mean())
    return {
        "auc": auc(held_out.y, proba, held_out.classes),
        "oracle": simulation.oracle_auc(labels.iloc[held_out.rows]),
        "rows": len(held_out),
        "label_length": length,
        "standard_error": 0.58 * float(np.sqrt(length / len(held_out))),
    }


def _chain(model: Any) -> BarPipeline:
    """Short memory only; a pipeline brings its own features, a model of paths wants none."""
    if isinstance(model, BarPipeline):
        return model.clone()
    return BarPipeline.of_model(
        ReturnFeatures((1, 2, 5, 10)) + VolumeFeatures((5, 10)), model.clone()
    )

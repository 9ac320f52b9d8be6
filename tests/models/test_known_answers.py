"""A planted edge is found as far as it can be; where there is none, none is found."""

import numpy as np
import pytest
from scipy.stats import rankdata

from ohlcvml.bars import simulate_bars
from ohlcvml.evaluation import cross_validate
from ohlcvml.features import (
    MomentumFeatures,
    ReturnFeatures,
    ReturnMomentFeatures,
    TrendFeatures,
    VolatilityFeatures,
    VolumeFeatures,
)
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier, LogisticClassifier
from ohlcvml.splits import WalkForward

LABELLER = TripleBarrierLabeller(horizon=20, cost_adjustment=None)


def up_against_down(table):
    """AUC of p_up - p_down on the rows with a side, fold by fold."""
    areas = []
    for _, fold in table[table["label"] != 0].groupby("fold"):
        rank, up = rankdata(fold["p_up"] - fold["p_down"]), (fold["label"] > 0).to_numpy()
        n = up.sum()
        areas.append((rank[up].sum() - n * (n + 1) / 2) / (n * (~up).sum()))
    return np.array(areas)


def walk_forward(model, bars, labels):
    return cross_validate(model, bars, labels, WalkForward(n_splits=4, initial=0.3)).predictions


@pytest.mark.parametrize(
    ("model", "reach"),
    [(LogisticClassifier(), 0.045), (LightGBMClassifier(n_estimators=40), 0.07)],
    ids=["logistic", "lightgbm"],
)
def test_a_planted_edge_is_found(model, reach):
    simulation = simulate_bars(8000, seed=11, edge=0.3)
    labels = LABELLER.fit_transform(simulation.bars)
    features = ReturnFeatures() + TrendFeatures() + MomentumFeatures() + VolatilityFeatures()
    features = features + ReturnMomentFeatures() + VolumeFeatures()
    table = walk_forward(features * model, simulation.bars, labels)
    oracle = simulation.oracle_auc(labels.loc[table.index])
    found = up_against_down(table).mean()
    assert oracle > 0.69
    assert oracle - reach < found < oracle + 0.01


@pytest.mark.parametrize("seed", [1, 2])
def test_where_there_is_no_edge_none_is_found(seed):
    simulation = simulate_bars(8000, seed=seed)
    labels = LABELLER.fit_transform(simulation.bars)
    # short memory only: on a random walk persistent columns are biased even walking forward
    features = ReturnFeatures(lags=(1, 2, 5)) + ReturnMomentFeatures((5,)) + VolumeFeatures((5,))
    table = walk_forward(features * LogisticClassifier(), simulation.bars, labels)
    length = (table["end"] - table.index.to_series()).mean() / np.timedelta64(60, "s")
    error = 0.58 * np.sqrt(length / len(table))
    assert abs(up_against_down(table).mean() - 0.5) < 4 * error < 0.08

"""The selector finds planted columns, drops twins, and sees training label rows only."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.exceptions import DataError
from ohlcvml.features import OHLCVFeatures
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import FeatureSelector
from ohlcvml.splits import PurgedKFold

RNG = np.random.default_rng(0)
LABEL = pd.Series(RNG.integers(-1, 2, 4000))


def table(**columns):
    noise = {f"noise_{k}": RNG.normal(size=4000) for k in range(8)}
    return pd.DataFrame({**noise, **columns})


PLANTED = LABEL + RNG.normal(size=4000)
CURVED = LABEL**2 + 0.5 * RNG.normal(size=4000)  # no linear relation with the label


@pytest.mark.parametrize("score", ["mutual_information", "importance"])
def test_planted_columns_are_found(score):
    selector = FeatureSelector(score, n_features=2).fit(
        table(planted=PLANTED, curved=CURVED), LABEL
    )
    assert selector.selected_ == ["planted", "curved"]
    assert selector.scores_[-2:].min() > 3 * selector.scores_[:-2].max()


@pytest.mark.parametrize("limit", [0.95, None])
def test_of_twins_the_better_one_stays(limit):
    twin = np.exp(PLANTED + 0.05 * RNG.normal(size=4000))
    selector = FeatureSelector(n_features=2, max_correlation=limit)
    selector.fit(table(twin=twin, planted=PLANTED, weak=CURVED + 2 * RNG.normal(size=4000)), LABEL)
    both = {"twin", "planted"} <= set(selector.selected_)
    assert both == (limit is None)
    assert "planted" in selector.selected_ or "twin" in selector.selected_


def test_all_clusters_stay_without_a_number():
    selector = FeatureSelector(n_features=None).fit(table(a=PLANTED, b=-PLANTED), LABEL)
    assert len(selector.selected_) == 9
    assert len(set(selector.clusters_)) == 9


def test_a_fold_chooses_from_its_training_labels_alone(samples):
    cv = PurgedKFold(n_splits=3, embargo=30, bar_index=samples.bars.index)
    train, test = next(iter(cv.split(samples)))
    features = OHLCVFeatures(("returns", "trend", "volatility"), timeframes=())
    model = features * FeatureSelector(n_features=10) * LogisticClassifier()
    chosen = model.clone().fit(samples[train]).transformers_[1]
    changed = samples.labels.copy()
    rows = samples.rows[test]
    changed.iloc[rows, changed.columns.get_loc("label")] = 1
    other = type(samples)(samples.bars, changed)
    again = model.clone().fit(other[train]).transformers_[1]
    assert np.array_equal(chosen.scores_, again.scores_)


def test_rows_come_through_untouched_and_stream():
    data = table(planted=PLANTED)
    data.iloc[5, -1] = np.nan
    selector = FeatureSelector(n_features=3).fit(data, LABEL)
    kept = selector.transform(data)
    assert kept.equals(data[selector.selected_])
    stream = selector.stream()
    bar = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    row = stream.push({**bar, **data.iloc[5]})
    assert np.array_equal(row, kept.iloc[5], equal_nan=True)


def test_panel_door_takes_the_last_bar_of_each_instance():
    instances = RNG.normal(size=(600, 4, 3))
    y = (instances[:, 2, -1] > 0).astype(int)
    model = FeatureSelector(n_features=1) * LogisticClassifier()
    model.fit(instances, y)
    assert np.mean(model.predict(instances) == y) > 0.9


def test_a_target_of_many_values_is_cut_at_its_quintiles():
    """Every fifth of it is a class; a column that tells the fifth is found."""
    target = pd.Series(RNG.normal(size=4000))
    fifth = np.ceil(5 * target.rank(pct=True))
    found = FeatureSelector(n_features=1).fit(table(fifth=fifth), target)
    assert found.selected_ == ["fifth"]
    assert found.scores_[-1] == pytest.approx(np.log(5), abs=0.01)  # all there is to know


def test_one_class_tells_nothing_of_any_column():
    found = FeatureSelector("importance", n_features=2).fit(table(), pd.Series(1, range(4000)))
    assert (found.scores_ == 0.0).all()
    assert len(found.selected_) == 2
    assert found.lookback == 0


def test_errors_name_the_remedy():
    data = table()
    with pytest.raises(DataError, match="none of 4000 is complete"):
        FeatureSelector().fit(data * np.nan, LABEL)
    selector = FeatureSelector().fit(data, LABEL)
    with pytest.raises(DataError, match="needs the columns it was fitted on"):
        selector.transform(data.rename(columns={"noise_0": "other"}))
    with pytest.raises(DataError, match="known only after fit"):
        _ = FeatureSelector().feature_names

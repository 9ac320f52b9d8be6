"""A composite of one model is that model; parts are found by name."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sktime.transformations.base import BaseTransformer

from ohlcvml.exceptions import ParameterError
from ohlcvml.features import OHLCVFeatures, ReturnFeatures
from ohlcvml.models import ForecastClassifier, LogisticClassifier
from ohlcvml.pipeline import BarPipeline
from ohlcvml.pipeline._composite import ABSENT, tag_of
from ohlcvml.registry import adapter_for
from ohlcvml.splits import WalkForward
from tests.pipeline.vote import Vote


class Untagged(BaseTransformer):
    """A step of a third party: it says how far it reaches, not that it is safe."""

    _tags = {"X_inner_mtype": "pd.DataFrame", "fit_is_empty": True, "capability:multivariate": True}
    lookback = 1

    def _transform(self, X, y=None):
        return X.diff()


SHORT = ReturnFeatures(lags=(1, 5)) * LogisticClassifier()
LONG = OHLCVFeatures(("returns", "trend"), timeframes=("5min",)) * LogisticClassifier()
UNSAFE = ReturnFeatures(lags=(30,)) * Untagged() * LogisticClassifier()
PATHS = ForecastClassifier("drift", window=40, n_paths=64)
UNBUNDLED = SHORT.clone()
UNBUNDLED.steps[-1][1].set_tags(**{"capability:bundle": False})
UNBUNDLED = BarPipeline(UNBUNDLED.steps)
SEARCH = GridSearchCV(SHORT, {"LogisticClassifier__C": [0.01]}, cv=WalkForward(2))


@pytest.mark.parametrize("model", [SHORT, LONG, UNSAFE, PATHS, UNBUNDLED, adapter_for(SEARCH)])
def test_a_vote_of_one_model_is_that_model(model, samples, bars):
    vote = Vote([("one", model), ("two", model)])
    assert [tag_of(vote, name) for name in ABSENT] == [tag_of(model, name) for name in ABSENT]
    vote, alone = vote.fit(samples), model.clone().fit(samples)
    assert vote.lookback == alone.lookback
    assert vote._batch_tolerance == alone._batch_tolerance
    pd.testing.assert_frame_equal(vote.predict_proba(bars), alone.predict_proba(bars))
    pd.testing.assert_frame_equal(vote.predict_signal(bars), alone.predict_signal(bars))


def test_the_most_that_a_part_needs_counts(samples, bars):
    parts = [("short", SHORT), ("long", LONG), ("unsafe", UNSAFE), ("paths", PATHS)]
    vote = Vote(parts).fit(samples)
    assert vote.lookback == max(part.lookback for _, part in vote.parts_)
    assert vote.get_tag("representation") == "path"
    assert not vote.get_tag("is_production_safe")
    missing = vote.predict_proba(bars).isna().any(axis=1)
    each = [part.predict_proba(bars).isna().any(axis=1) for _, part in vote.parts_]
    assert missing.equals(pd.concat(each, axis=1).any(axis=1))
    assert vote.fit_report_["without_history"] == max(
        part.fit_report_["without_history"] for _, part in vote.parts_
    )


def test_tags_follow_set_params():
    vote = Vote([("one", SHORT), ("two", SHORT)])
    vote.set_params(two=UNSAFE)
    assert not vote.get_tag("is_production_safe")
    vote.set_params(two=SHORT, one__LogisticClassifier__C=3.0)
    assert vote.get_tag("is_production_safe")
    assert clone(vote)["one"]["LogisticClassifier"].C == 3.0


def test_parts_by_name_number_and_slice(samples, bars):
    model = ReturnFeatures(lags=(1, 5)) * StandardScaler() * LogisticClassifier()
    assert model["ReturnFeatures"] is model.steps[0][1] is model[0]
    assert model.named_steps.LogisticClassifier is model[-1]
    assert len(model) == 3
    fitted = model.clone().fit(samples)
    assert fitted[-1] is fitted.classifier_ is fitted.named_steps["LogisticClassifier"]
    columns = fitted[:-1].transform(bars)
    pd.testing.assert_frame_equal(columns, fitted.features_of(bars))
    assert fitted.get_feature_names_out().tolist() == columns.columns.tolist()
    assert isinstance(model[1:], BarPipeline)
    for wrong in ("nobody", slice(3, None)):
        with pytest.raises(ParameterError, match=r"no part is called|non-empty list"):
            model[wrong]


def test_the_columns_of_a_vote_name_their_part(samples, bars):
    vote = Vote([("one", SHORT), ("two", LONG)]).fit(samples)
    table = vote.features_of(bars)
    assert table.columns.tolist() == vote.get_feature_names_out().tolist()
    pd.testing.assert_series_equal(
        table["one__log_return_5"], vote["one"].features_of(bars)["log_return_5"], check_names=False
    )
    assert vote.features_of(samples).index.equals(samples.index)


@pytest.mark.parametrize("parts", [[], [("one", 3)], [("one", ReturnFeatures())], SHORT])
def test_parts_of_the_wrong_kind(parts):
    with pytest.raises(ParameterError, match=r"non-empty list of|must be a classifier of ohlcvml"):
        Vote(parts)


def test_the_panel_door_of_a_vote():
    from sktime.utils._testing.panel import _make_panel

    panel = _make_panel(24, 2, 10, return_mtype="pd-multiindex", random_state=0)
    y = np.array(["a", "b"] * 12)
    vote = Vote([("one", LogisticClassifier()), ("two", LogisticClassifier())]).fit(panel, y)
    alone = LogisticClassifier().fit(panel, y)
    np.testing.assert_array_equal(vote.predict_proba(panel), alone.predict_proba(panel))


def test_a_model_of_paths_stands_alone():
    with pytest.raises(ParameterError, match="takes bars, not features"):
        ReturnFeatures() * PATHS
    with pytest.raises(ParameterError, match="takes bars, not features"):
        ReturnFeatures() * Vote([("one", SHORT), ("paths", PATHS)])


def test_parts_of_features_by_name(bars):
    united = ReturnFeatures(lags=(1,)) + OHLCVFeatures(("trend",), timeframes=())
    assert united.named_steps.ReturnFeatures.lags == (1,)
    chain = (united * StandardScaler()).fit(bars)
    assert chain.named_steps.StandardScaler.is_fitted
    assert chain.get_feature_names_out().tolist() == chain.transform(bars).columns.tolist()

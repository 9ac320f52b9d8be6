"""Unions, chains and wrapped scikit-learn transformers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sktime.transformations.adapt import TabularToSeriesAdaptor
from sktime.transformations.lag import Lag
from sktime.transformations.series.exponent import ExponentTransformer

from ohlcvml import features
from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.streams import BarFeatureChain, BarFeatureUnion, RowTransformer
from tests.features.conftest import make_bars

BARS = make_bars(400)


def test_a_union_is_flat_and_keeps_names():
    union = ReturnFeatures((1,)) + features.VolumeFeatures((3,)) + ReturnFeatures((5,))
    assert isinstance(union, BarFeatureUnion)
    names = [name for name, _ in union._features]
    assert names == ["ReturnFeatures_1", "VolumeFeatures", "ReturnFeatures_2"]
    table = union.fit_transform(BARS)
    assert list(table) == union.feature_names
    assert table["log_return_5"].equals(ReturnFeatures((5,)).fit_transform(BARS)["log_return_5"])


def test_a_duplicate_column_is_named():
    with pytest.raises(ParameterError, match="'log_return_2' would occur twice"):
        ReturnFeatures((1, 2)) + ReturnFeatures((2, 3))


def test_a_chain_is_flat_and_wraps_scikit_learn():
    chain = ReturnFeatures((1, 2, 5)) * StandardScaler() * PCA(2)
    assert isinstance(chain, BarFeatureChain)
    assert [name for name, _ in chain.steps] == ["ReturnFeatures", "StandardScaler", "PCA"]
    table = chain.fit_transform(BARS)
    returns = ReturnFeatures((1, 2, 5)).fit_transform(BARS).dropna()
    expected = PCA(2).fit_transform(StandardScaler().fit_transform(returns))
    np.testing.assert_allclose(table.dropna(), expected, atol=1e-12)
    assert table.isna().all(axis=1).sum() == 5


def test_wrapped_scaler_learns_from_what_it_was_fitted_on_only():
    chain = (ReturnFeatures((1,)) * StandardScaler()).fit(BARS.iloc[:200])
    later = BARS.copy()
    later.iloc[200:, :4] *= 2
    assert chain.transform(later).iloc[:200].equals(chain.transform(BARS).iloc[:200])


def test_names_of_a_wrapped_transformer():
    selected = (ReturnFeatures((1, 2)) * StandardScaler()).fit(BARS)
    assert selected.feature_names == ["log_return_1", "log_return_2"]
    with pytest.raises(DataError, match="only after fit"):
        _ = (ReturnFeatures((1, 2)) * PCA(1)).feature_names


def test_supervised_wrapped_transformer_takes_y():
    returns = ReturnFeatures((1, 2, 5)).fit_transform(BARS).dropna()
    y = (returns["log_return_2"] > 0).astype(int)
    chosen = RowTransformer(SelectKBest(k=1))
    assert chosen.get_tag("requires_y")
    assert list(chosen.fit(returns, y).transform(returns)) == ["log_return_2"]


def test_stream_of_a_fitted_chain():
    families = ("returns", "momentum", "volume", "bar_shape")
    chain = (features.OHLCVFeatures(families, timeframes=("5min",)) * StandardScaler()).fit(BARS)
    stream = chain.stream()
    rows = np.array([stream.push(bar, time) for time, bar in BARS.iterrows()])
    assert np.array_equal(rows, chain.transform(BARS), equal_nan=True)
    assert stream.names == chain.feature_names


def test_a_transformer_that_mixes_rows_is_refused():
    demean = FunctionTransformer(lambda x: x - x.mean(axis=0))
    with pytest.raises(LeakageError, match="treats rows one by one"):
        (ReturnFeatures((1,)) * demean).fit(BARS)


@pytest.mark.parametrize("step", [TabularToSeriesAdaptor(StandardScaler()), Lag(1)])
def test_steps_that_learn_while_transforming_are_refused(step):
    fits_late = getattr(step, "fit_in_transform", None)
    if fits_late is False:
        step = TabularToSeriesAdaptor(StandardScaler(), fit_in_transform=True)
    with pytest.raises(LeakageError, match=r"fit_in_transform=True|remember_data"):
        ReturnFeatures((1,)) * step


def test_tags_are_the_and_of_the_parts():
    ours = ReturnFeatures((1,)) + features.VolumeFeatures((3,))
    assert ours.get_tag("is_production_safe")
    assert ours.get_tag("fit_is_empty")
    scaled = ours * StandardScaler()
    assert scaled.get_tag("is_production_safe")
    assert not scaled.get_tag("fit_is_empty")
    foreign = ours * ExponentTransformer(2)
    assert not foreign.get_tag("is_production_safe")


def test_tags_follow_set_params():
    chain = ReturnFeatures((1,)) * ExponentTransformer(2)
    chain.set_params(ExponentTransformer=RowTransformer(StandardScaler()))
    assert chain.get_tag("is_production_safe")
    assert not chain.get_tag("fit_is_empty")


def test_nested_parameters_and_clone():
    union = ReturnFeatures((1,)) + ReturnFeatures((2,)) * StandardScaler()
    assert union.get_params()["ReturnFeatures__lags"] == (1,)
    copy = union.clone().set_params(ReturnFeatures__lags=(3,))
    assert copy.fit(BARS).feature_names == ["log_return_3", "log_return_2"]
    assert union.fit(BARS).feature_names == ["log_return_1", "log_return_2"]


def test_set_params_drops_what_was_fitted():
    chain = (ReturnFeatures((1,)) * StandardScaler()).fit(BARS)
    chain.set_params(ReturnFeatures__lags=(2,))
    assert not chain.is_fitted
    assert list(chain.fit_transform(BARS)) == ["log_return_2"]


def test_foreign_sktime_transformer_in_union_and_chain():
    squared = ReturnFeatures((1,)) * ExponentTransformer(2, offset=0)
    table = squared.fit_transform(BARS.assign(volume=1.0))
    np.testing.assert_allclose(
        table.iloc[1:, 0], ReturnFeatures((1,)).fit_transform(BARS).iloc[1:, 0] ** 2
    )
    both = (features.VolumeFeatures((3,)) + squared).fit_transform(BARS)
    assert both.shape == (400, 4)
    with pytest.raises(ParameterError, match="cannot stream"):
        squared.stream()


@pytest.mark.parametrize(
    "second",
    [
        features.TrendFeatures(),
        features.OHLCVFeatures(),
        features.TrendFeatures() + features.VolumeFeatures(),
        features.TrendFeatures() * StandardScaler(),
    ],
    ids=["family", "set", "union", "chain"],
)
def test_features_of_features_are_refused(second):
    with pytest.raises(ParameterError, match="reads bars, but step"):
        ReturnFeatures((1,)) * second


def test_a_model_is_left_to_answer_the_product():
    class Model:
        def __rmul__(self, other):
            return "pipeline of " + type(other).__name__

    assert (ReturnFeatures() * StandardScaler()) * Model() == "pipeline of BarFeatureChain"
    assert ReturnFeatures() * Model() == "pipeline of ReturnFeatures"


def test_a_scikit_learn_classifier_makes_a_bar_pipeline():
    pipeline = ReturnFeatures((1,)) * StandardScaler() * LogisticRegression()
    assert type(pipeline).__name__ == "BarPipeline"
    assert len(pipeline.steps) == 3


def test_wrong_operands():
    with pytest.raises(TypeError):
        ReturnFeatures() + 1
    with pytest.raises(ParameterError, match="non-empty list"):
        BarFeatureUnion([])
    with pytest.raises(ParameterError, match="must be a transformer; got int"):
        BarFeatureChain([("one", ReturnFeatures()), ("two", 3)])


def test_wrapped_transformer_says_what_is_missing():
    with pytest.raises(DataError, match="none of 3 is complete"):
        (features.OHLCVFeatures() * StandardScaler()).fit(BARS.iloc[:3])
    fitted = RowTransformer(StandardScaler()).fit(BARS)
    with pytest.raises(DataError, match="the columns it was fitted on"):
        fitted.transform(BARS[["close", "open", "high", "low", "volume"]])


def test_union_of_panels_equals_union_of_series():
    panel = pd.concat({"a": BARS, "b": make_bars(300, 9)}, names=["symbol", "time"])
    union = ReturnFeatures((1,)) + features.TrendFeatures((3,), (2,), 2)
    table = union.fit_transform(panel)
    assert table.loc["a"].equals(union.fit_transform(BARS))

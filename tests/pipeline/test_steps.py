"""What each kind of step is fitted on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.preprocessing import StandardScaler
from sktime.transformations.compose import FeatureUnion
from sktime.transformations.series.adapt import TabularToSeriesAdaptor
from sktime.transformations.series.lag import Lag

from ohlcvml.exceptions import DataError, OhlcvmlError, ParameterError
from ohlcvml.features import OHLCVFeatures, ReturnFeatures
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import BarPipeline
from ohlcvml.pipeline._steps import fit_step
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold, WalkForward

FEATURES = ReturnFeatures(lags=(1, 5))


def middle_fold(samples):
    cv = PurgedKFold(n_splits=3, embargo=30, bar_index=samples.bars.index)
    return list(cv.split(samples))[1]


def test_a_step_with_state_sees_the_training_stretches_as_a_panel(samples, witness):
    train, test = middle_fold(samples)
    model = (FEATURES * witness * LogisticClassifier()).fit(samples[train])
    shown = model.transformers_[1].shown_
    whole = FEATURES.fit_transform(samples.bars)
    stretches = samples[train].stretches()
    assert shown.index.names == ["stretch", "time"]
    assert shown.index.get_level_values(0).unique().tolist() == [0, 1]
    for k, (first, last) in enumerate(stretches):
        pd.testing.assert_frame_equal(
            shown.loc[k], whole.iloc[first : last + 1], check_freq=False, check_names=False
        )
    assert not shown.index.get_level_values(1).isin(samples[test].index).any()


def test_a_missing_value_cuts_a_stretch(bars, labels, samples, witness):
    table = bars.copy()
    table.iloc[[300, 700, 702]] = np.nan  # bar 701 alone is no succession
    model = BarPipeline([("witness", witness), ("model", LogisticClassifier())])
    model.fit(Samples(bars, labels, features=table))
    shown = model.transformers_[0].shown_
    sizes = shown.groupby(level=0).size()
    first, last = samples.pos[0], samples.pos[-1]
    assert sizes.tolist() == [300 - first, 399, last - 702]
    assert model.fit_report_["short_stretches"] == 1
    assert not shown.isna().any(axis=None)


def test_a_step_of_one_series_is_not_shown_several(samples, lone_witness):
    model = FEATURES * lone_witness * LogisticClassifier()
    with pytest.raises(DataError, match=r"learns from one series only.*2 separate stretches"):
        model.fit(samples[middle_fold(samples)[0]])
    train, _ = next(iter(WalkForward(n_splits=3).split(samples)))
    shown = model.fit(samples[train]).transformers_[1].shown_
    assert shown.index.equals(
        samples.bars.index[samples.pos[train[0]] : samples.pos[train[-1]] + 1]
    )


def test_a_scaler_learns_from_the_training_stretches_alone(samples):
    train, _ = middle_fold(samples)
    model = (StandardScaler() * LogisticClassifier()).fit(samples[train])
    rows = np.concatenate([np.arange(a, b + 1) for a, b in samples[train].stretches()])
    expected = samples.bars.to_numpy()[rows].mean(axis=0)
    np.testing.assert_allclose(model.transformers_[0].transformer_.mean_, expected, rtol=1e-12)


def test_a_supervised_step_learns_from_label_rows(samples):
    train, _ = middle_fold(samples)
    table = FEATURES.fit_transform(samples.bars)
    model = FEATURES * SelectKBest(k=1) * LogisticClassifier()
    model.fit(samples[train])
    rows = table.iloc[samples[train].pos].dropna()
    expected = SelectKBest(k=1).fit(rows, samples[train].y[-len(rows) :])
    np.testing.assert_allclose(model.transformers_[1].transformer_.scores_, expected.scores_)


@pytest.mark.parametrize("step", [StandardScaler(), SelectKBest(k=1)])
def test_two_symbols_are_never_one_series(two_symbols, step, witness):
    model = (FEATURES * witness * step * LogisticClassifier()).fit(two_symbols)
    shown = model.transformers_[1].shown_
    assert shown.groupby(level=0).size().size == 2
    assert model.predict_proba(two_symbols.bars).index.equals(two_symbols.bars.index)


def test_stretches_too_short_are_counted(bars, labels, witness):
    lonely = Samples(bars, labels)[::2]
    with pytest.raises(DataError, match=f"no training stretch .* among {len(lonely)} samples"):
        (FEATURES * witness * LogisticClassifier()).fit(lonely)
    mixed = Samples(bars, labels)[np.r_[0:40, 50, 60:100]]
    model = (FEATURES * witness * LogisticClassifier()).fit(mixed)
    assert model.fit_report_["short_stretches"] == 1


ADAPTED = TabularToSeriesAdaptor(StandardScaler(), fit_in_transform=True)


@pytest.mark.parametrize(
    "step",
    [ADAPTED, Lag(1), FeatureUnion([("a", Lag(1)), ("b", ReturnFeatures())]), ADAPTED * ADAPTED],
    ids=["fit_in_transform", "remember_data", "inside a union", "inside a chain"],
)
def test_steps_that_learn_while_transforming_are_refused(step):
    with pytest.raises(OhlcvmlError, match=r"fit_in_transform=True|keeps its training data"):
        BarPipeline([("step", step), ("model", LogisticClassifier())])
    with pytest.raises(OhlcvmlError, match=r"fit_in_transform|remember_data|keeps its training"):
        _ = step * LogisticClassifier()


def test_fitted_row_wise_adaptors_are_welcome(samples):
    step = TabularToSeriesAdaptor(StandardScaler(), fit_in_transform=False)
    model = BarPipeline([("f", FEATURES), ("scale", step), ("model", LogisticClassifier())])
    train, _ = next(iter(WalkForward(n_splits=3).split(samples)))
    scaler = model.fit(samples[train]).transformers_[1].transformer_
    table = FEATURES.fit_transform(samples.bars)
    rows = table.iloc[samples.pos[train[0]] : samples.pos[train[-1]] + 1].dropna()
    np.testing.assert_allclose(scaler.mean_, rows.mean())


def test_a_step_that_drops_rows_is_refused(samples):
    from sktime.transformations.base import BaseTransformer

    class Dropping(BaseTransformer):
        _tags = {"X_inner_mtype": "pd.DataFrame", "fit_is_empty": True}

        def _transform(self, X, y=None):
            return X.iloc[1:]

    model = BarPipeline([("drop", Dropping()), ("model", LogisticClassifier())])
    with pytest.raises(DataError, match="use no step that drops or adds rows"):
        model.fit(samples)


def test_columns_without_any_value_are_named(bars, labels):
    table = bars.assign(volume=np.nan)
    with pytest.raises(DataError, match=r"columns without any value: volume\."):
        LogisticClassifier().fit(Samples(bars, labels, features=table))


def test_a_step_that_learns_from_labels_names_the_empty_columns(bars, labels):
    table = bars.assign(volume=np.nan)
    model = BarPipeline([("best", SelectKBest(k=2)), ("model", LogisticClassifier())])
    with pytest.raises(DataError, match=r"none of the \d+ is complete .*: \['volume'\]\)"):
        model.fit(Samples(bars, labels, features=table))


def test_features_without_history_tell_so(bars, labels):
    samples = Samples(bars, labels)[:30]
    with pytest.raises(DataError, match="none of the 30 training samples has history"):
        (OHLCVFeatures() * LogisticClassifier()).fit(samples)
    with pytest.raises(DataError, match="at least one sample; got none"):
        LogisticClassifier().fit(samples[:0])


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([("model", ReturnFeatures())], "last of 'steps' must be a classifier of ohlcvml"),
        ([("a", 3), ("model", LogisticClassifier())], "must be a transformer; got int"),
    ],
)
def test_steps_of_the_wrong_kind(steps, message):
    with pytest.raises(ParameterError, match=message):
        BarPipeline(steps)


def test_names_must_differ():
    with pytest.raises(ValueError, match="unique"):
        BarPipeline([("a", ReturnFeatures()), ("a", LogisticClassifier())])


def test_bars_without_volume_have_training_stretches_too(samples, witness):
    bars = samples.bars.assign(volume=np.nan)
    bars.iloc[50, :4] = np.nan
    shown = fit_step(witness, bars, Samples(bars, samples.labels), {}).shown_
    assert bars.index[50] not in shown.index.get_level_values(1)
    assert shown.index.get_level_values(0).unique().tolist() == [0, 1]

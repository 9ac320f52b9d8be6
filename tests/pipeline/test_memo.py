"""What parts, folds and trials share is computed once, to the same bits, and cannot be spoilt."""

import os
from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sktime.transformations.series.func_transform import FunctionTransformer

from ohlcvml.evaluation import cross_validate
from ohlcvml.features import MomentumFeatures, ReturnFeatures
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import FeatureMemo, feature_memo
from ohlcvml.pipeline._memo import FeatureRun, step_key
from ohlcvml.splits import PurgedKFold, WalkForward
from tests.pipeline.vote import Vote, counted

MODEL = ReturnFeatures(lags=(1, 5)) * LogisticClassifier()
GRID = {"LogisticClassifier__C": [1e-3, 1e-2, 1e-1]}


@pytest.fixture(autouse=True)
def forgotten():
    feature_memo.clear()
    yield
    feature_memo.clear()


def log_of_prices(table):
    """Uses its module's imports only, so its source tells all."""
    return np.log(table)


def signs(table):
    """Integers."""
    return np.sign(table).astype("int64")


def itself(table):
    """Gives what it was given."""
    return table


def to_a_power(table, power):
    """Its second argument may be anything."""
    return table**power


class Unknown:
    """Nothing tells one from another."""


FACTOR = 2.0


def times_factor_inside(table):
    """Uses it in a function of its own."""
    return table.apply(lambda column: column * FACTOR)


def of_the_system(table):
    """Uses a module that anyone may change."""
    return table * len(os.environ)


def times_first(table, factors=[2.0]):
    """Uses a list that may change between calls."""
    return table * factors[0]


def times_factor(table):
    """Uses a number of its module, which may change."""
    return table * FACTOR


def test_a_grid_search_computes_the_features_once(samples):
    cv = PurgedKFold(n_splits=3, embargo=0, bar_index=samples.bars.index)
    with counted() as calls:
        search = GridSearchCV(MODEL, GRID, cv=cv, error_score="raise").fit(samples, samples.y)
        search.best_estimator_.predict_signal(samples.bars)
    assert len(calls) == 1


def test_nested_cross_validation_of_a_vote_computes_the_features_once(samples):
    parts = [("one", MODEL), ("two", MODEL.clone().set_params(LogisticClassifier__C=1.0))]
    with counted() as calls:
        cross_validate(Vote(parts), samples.bars, samples.labels, WalkForward(n_splits=3))
        grid = {"one__LogisticClassifier__C": [1e-3, 1e-2]}
        for train, _ in WalkForward(n_splits=2).split(samples):
            inner = WalkForward(n_splits=2)
            GridSearchCV(Vote(parts), grid, cv=inner, error_score="raise").fit(
                samples[train], samples[train].y
            )
    assert len(calls) == 1


@pytest.mark.slow
def test_a_worker_computes_the_features_once_at_most(samples):
    found = Parallel(n_jobs=2)(delayed(_in_worker)(samples, fold) for fold in range(6))
    assert {calls for _, calls in found} == {1}


def _in_worker(samples, fold):
    """How often this process has computed the features so far."""
    if not hasattr(ReturnFeatures, "calls"):
        whole = ReturnFeatures._write
        ReturnFeatures.calls = 0

        def write(self, X, channels, out):
            ReturnFeatures.calls += 1
            whole(self, X, channels, out)

        ReturnFeatures._write = write
    MODEL.clone().fit(samples[50 * fold :]).predict_proba(samples.bars)
    return os.getpid(), ReturnFeatures.calls


def test_bits_are_those_of_no_memo(samples, bars, monkeypatch):
    model = (ReturnFeatures() + MomentumFeatures()) * StandardScaler() * LogisticClassifier()
    with_memo = model.clone().fit(samples).predict_proba(bars)
    monkeypatch.setattr(feature_memo, "limit", 0)
    feature_memo.clear()
    without = model.clone().fit(samples).predict_proba(bars)
    pd.testing.assert_frame_equal(with_memo, without, check_exact=True)
    assert feature_memo.size == 0


def test_a_result_cannot_spoil_the_memo(samples, bars):
    model = MODEL.clone().fit(samples)
    before = model.features_of(samples.bars).copy()
    for spoil in (
        lambda table: table.iloc.__setitem__((slice(None), 0), 7.0),
        lambda table: table.to_numpy().fill(7.0),
        lambda table: table.__setitem__("more", 1.0),
    ):
        with suppress(ValueError, TypeError):  # an error, or a copy
            spoil(model.features_of(samples.bars))
        pd.testing.assert_frame_equal(model.features_of(samples.bars), before)


def test_what_models_are_given_cannot_be_written_to(samples):
    run = FeatureRun(samples._features, passing=False)
    run.apply(ReturnFeatures().fit(samples.bars))
    with pytest.raises(ValueError, match="read-only"):
        run.shared.values[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        run.table.to_numpy()[:] = 0


def test_bars_changed_in_place_are_other_bars(samples):
    bars = samples.bars.copy()
    model = MODEL.clone().fit(bars, samples.labels)
    before = model.features_of(bars).copy()
    bars.iloc[600:, :4] *= 1.01
    expected = ReturnFeatures(lags=(1, 5)).fit_transform(bars)
    pd.testing.assert_frame_equal(model.features_of(bars), expected, check_exact=True)
    assert not model.features_of(bars).equals(before)


def test_a_view_on_the_bars_is_copied(bars):
    bars = bars.copy()
    run = FeatureRun(bars, passing=False)
    run.apply(FunctionTransformer(itself).fit(bars))
    kept = run.table.copy()
    bars.iloc[:, 0] = 0.0
    bars["close"].to_numpy(copy=False)
    pd.testing.assert_frame_equal(run.table, kept)


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        (ReturnFeatures() + MomentumFeatures(), True),
        (FunctionTransformer(log_of_prices), True),
        (FunctionTransformer(times_factor), False),
        (FunctionTransformer(times_factor_inside), False),
        (FunctionTransformer(partial(times_factor)), False),
        (FunctionTransformer(partial(log_of_prices)), True),
        (FunctionTransformer(of_the_system), False),
        (FunctionTransformer(times_first), False),
        (FunctionTransformer(lambda table: table), False),
        (ReturnFeatures() + FunctionTransformer(lambda table: table), False),
        (type("Mine", (ReturnFeatures,), {})(), False),
        (ReturnFeatures() * StandardScaler(), False),
        (FunctionTransformer(to_a_power, kw_args={"power": 2.0}), True),
        (FunctionTransformer(to_a_power, kw_args={"power": partial(times_factor)}), False),
        (FunctionTransformer(to_a_power, kw_args={"power": Unknown()}), False),
    ],
    ids=[
        "ours",
        "function",
        "global number",
        "global number inside",
        "global number in a partial",
        "partial",
        "module of others",
        "list as default",
        "lambda",
        "lambda inside",
        "subclass",
        "state",
        "number beside",
        "function beside",
        "what has no identity beside",
    ],
)
def test_only_what_a_key_tells_all_of_is_kept(step, kept):
    assert (step_key(step) is not None) == kept
    assert step_key(step) == step_key(step.clone())


def test_the_oldest_goes_first_and_the_limit_holds(bars):
    table = ReturnFeatures((1,)).fit_transform(bars)
    one = 12 * table.size
    memo = FeatureMemo(limit=2 * one)
    seen = []
    for key in ("a", "b", "a", "c", "a", "b"):
        memo.get(key, lambda key=key: seen.append(key) or table, None)
        assert memo.size <= memo.limit
    assert seen == ["a", "b", "c", "b"]


def test_what_cannot_be_kept_is_computed_each_time(bars):
    """A table beyond the limit, and one of integers, which no view protects from being written."""
    table = ReturnFeatures((1,)).fit_transform(bars)
    for limit, found in ((12 * table.size - 1, table), (2**30, table.notna().astype("int64"))):
        memo, seen = FeatureMemo(limit=limit), []
        for _ in range(2):
            shared = memo.get("a", lambda found=found, seen=seen: seen.append(1) or found, None)
            pd.testing.assert_frame_equal(shared.features, found)
        assert (len(seen), memo.size) == (2, 0)
    run = FeatureRun(bars, passing=False)
    run.apply(FunctionTransformer(signs).fit(bars))
    assert feature_memo.size == 0
    assert set(run.table.dtypes.astype(str)) == {"int64"}


def test_serving_does_not_grow(samples):
    model = MODEL.clone().fit(samples)
    model.predict_proba(samples.bars.iloc[:200])
    size = feature_memo.size
    for n in range(201, 220):
        model.predict_proba(samples.bars.iloc[n - 200 : n])
        assert feature_memo.size == size
    with counted() as calls:
        model.predict_proba(samples.bars.iloc[:300])
        model.predict_signal(samples.bars.iloc[:300])
    assert len(calls) == 1

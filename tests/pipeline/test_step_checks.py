"""Steps that see the future are refused before a number is made of them, and so are raw prices."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer as SkFunction
from sklearn.preprocessing import StandardScaler
from sktime.transformations.base import BaseTransformer
from sktime.transformations.series.func_transform import FunctionTransformer

from ohlcvml.bars import simulate_bars
from ohlcvml.evaluation import cross_validate, evaluate
from ohlcvml.exceptions import LeakageError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import ForecastClassifier, LogisticClassifier
from ohlcvml.pipeline import BarPipeline, FeatureSelector, _step_checks, check_steps
from ohlcvml.registry import adapter_for
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold, WalkForward
from ohlcvml.streams import RowTransformer
from tests.pipeline.conftest import LABELLER
from tests.pipeline.vote import Vote

RETURNS, MODEL = ReturnFeatures(lags=(1, 5)), LogisticClassifier()
CV = WalkForward(n_splits=2)


class Shifted(BaseTransformer):
    """Tells, ``-by`` bars early, what the price did."""

    _tags = {"X_inner_mtype": "pd.DataFrame", "fit_is_empty": True, "capability:multivariate": True}
    probed = 0

    def __init__(self, by=-10):
        self.by = by
        super().__init__()

    def _transform(self, X, y=None):
        type(self).probed += 1
        return X.pct_change().shift(self.by)


class Vouched(Shifted):
    """The same, and its author says that it is safe."""

    _tags = {"is_production_safe": True}


class Confessed(Shifted):
    """Its author says that it looks ahead."""

    _tags = {"is_production_safe": False}

    def _transform(self, X, y=None):
        return X.pct_change()


class Learnt(Shifted):
    """Centres by the mean of what it transforms."""

    _tags = {"fit_is_empty": False}

    def _transform(self, X, y=None):
        return X - X.mean()


class Notes:
    """Counts; nothing tells one from another."""

    n = 0

    def take(self):
        type(self).n += 1


def returns_noted(table, notes):
    """What it notes in may be anything."""
    notes.take()
    return table.pct_change()


class MyReturns(ReturnFeatures):
    """A subclass of ours that looks ahead and inherits our tag."""

    def _transform(self, X, y=None):
        return super()._transform(X).shift(-3)


class Late(Shifted):
    """Looks ahead in the last hour alone."""

    def _transform(self, X, y=None):
        late = X.index >= pd.Timestamp("2024-01-02 19:00", tz="UTC")
        return pd.concat([X[~late].pct_change(), X[late].diff().shift(self.by)])


class Roll(TransformerMixin, BaseEstimator):
    """A scikit-learn transformer of one's own that shifts large tables alone."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.roll(X, -10, axis=0) if len(X) > 100 else X


BY = 1


def by_the_module(table):
    return table.apply(lambda column: column.pct_change().shift(BY))


class Draw:
    """A distribution of steps."""

    def rvs(self, random_state=None):
        return Shifted(-10)


AHEAD = {
    "late": Late() * MODEL,
    "rows of one's own": RETURNS * Roll() * MODEL,
    "rows of a pipeline": RETURNS * make_pipeline(StandardScaler(), Roll()) * MODEL,
    "behind a listed number": RandomizedSearchCV(
        Shifted(1) * MODEL, {"Shifted__by": [1, -10]}, n_iter=1, cv=CV
    ),
    "behind a draw": RandomizedSearchCV(
        Shifted(1) * MODEL, {"Shifted": Draw()}, n_iter=1, cv=CV, random_state=0
    ),
    "alone": Shifted() * MODEL,
    "after features": RETURNS * Shifted() * MODEL,
    "in a union": (RETURNS + Shifted()) * MODEL,
    "tagged safe": Vouched() * MODEL,
    "tagged unsafe": Confessed() * MODEL,
    "by its mean": Learnt() * MODEL,
    "a lambda": FunctionTransformer(lambda table: table.diff().shift(-1)) * MODEL,
    "a subclass": MyReturns() * MODEL,
    "after a step that learns": RETURNS * StandardScaler() * Shifted() * MODEL,
    "in a part of a vote": Vote([("fine", RETURNS * MODEL), ("ahead", Shifted() * MODEL)]),
    "behind a candidate": GridSearchCV(
        Shifted(1) * MODEL, {"Shifted": [Shifted(1), Shifted(-10)]}, cv=CV
    ),
    "a vote after features": RETURNS * Vote([("a", MODEL), ("b", Shifted() * MODEL)]),
}


@pytest.mark.parametrize("model", AHEAD.values(), ids=AHEAD.keys())
def test_a_step_that_looks_ahead_is_refused(model, samples):
    with pytest.raises(LeakageError, match=r"sees the future|declares that it looks ahead"):
        cross_validate(model, samples.bars, samples.labels, CV)


def test_what_is_let_through_marks_the_result(samples):
    model = Shifted() * MODEL
    result = cross_validate(model, samples.bars, samples.labels, CV, allow_unsafe=True)
    assert result.unsafe_steps == ("Shifted",)
    assert any("allow_unsafe=True" in note and "Shifted" in note for note in result.notes)
    fitted = model.fit(samples[:600])
    with pytest.raises(LeakageError, match="sees the future"):
        evaluate(fitted, samples[700:])
    one = evaluate(fitted, samples[700:], allow_unsafe=True)
    assert one.unsafe_steps == ("Shifted",)
    assert any("allow_unsafe=True" in note for note in one.notes)


@pytest.mark.parametrize(
    "step", [Shifted(1), FunctionTransformer(np.log1p) * Shifted(2), RETURNS + Shifted(1)]
)
def test_a_foreign_step_that_passes_the_probe_is_named_and_no_more(step, samples):
    checks = check_steps(step * MODEL, samples)
    assert checks.unsafe == ()
    assert len(checks.notes) == 1
    assert "probed" in checks.notes[0]
    assert check_steps(RETURNS * StandardScaler() * FeatureSelector() * MODEL, samples).notes == []


def test_a_step_is_probed_once_for_a_configuration_and_a_table(samples):
    bars = samples.bars.assign(volume=samples.bars["volume"] + 1.0)
    fresh, model = Samples(bars, samples.labels), Shifted(2) * MODEL
    Shifted.probed = 0
    check_steps(model, fresh)
    first = Shifted.probed
    check_steps(model.clone(), fresh[:500])
    assert Shifted.probed == first > 0
    check_steps(Shifted(3) * MODEL, fresh)
    assert Shifted.probed > first


def test_the_oldest_verdicts_are_forgotten(samples, monkeypatch):
    monkeypatch.setattr(_step_checks, "_verdicts", type(_step_checks._verdicts)())
    monkeypatch.setattr(_step_checks, "KEPT", 2)
    for by in (4, 5, 6):
        check_steps(Shifted(by) * MODEL, samples)
    assert len(_step_checks._verdicts) == 2
    probed = Shifted.probed
    check_steps(Shifted(6) * MODEL, samples)
    assert Shifted.probed == probed
    check_steps(Shifted(4) * MODEL, samples)
    assert Shifted.probed > probed


def test_a_step_that_no_key_tells_is_probed_each_time(samples):
    model = FunctionTransformer(returns_noted, kw_args={"notes": Notes()}) * MODEL
    for _ in range(2):
        probed = Notes.n
        assert check_steps(model, samples).unsafe == ()
        assert Notes.n > probed


def test_a_verdict_does_not_outlive_a_number_of_the_module(samples, monkeypatch):
    model = FunctionTransformer(by_the_module) * MODEL
    assert check_steps(model, samples).unsafe == ()
    monkeypatch.setitem(by_the_module.__globals__, "BY", -10)
    with pytest.raises(LeakageError, match="sees the future"):
        check_steps(model, samples)


def test_rows_are_tried_beside_many_others():
    shift = RowTransformer(SkFunction(lambda rows: np.roll(rows, -10, axis=0)))
    with pytest.raises(LeakageError, match="when other rows stand beside it"):
        shift.fit(RETURNS.fit_transform(simulate_bars(300, seed=1).bars))


def test_fit_never_probes(samples):
    Shifted.probed = 0
    (Shifted(1) * MODEL).fit(samples)
    assert Shifted.probed == 1


def test_a_step_that_answers_nowhere_is_not_taken_for_safe():
    bars = simulate_bars(200, seed=1).bars
    samples = Samples(bars, LABELLER.fit_transform(bars))
    with pytest.raises(LeakageError, match="gives no value in the first"):
        check_steps(Shifted(500) * MODEL, samples)


RAW = {
    "bare": MODEL,
    "scaled": StandardScaler() * MODEL,
    "chosen": FeatureSelector(n_features=2) * MODEL,
    "in a vote": Vote([("features", RETURNS * MODEL), ("bare", MODEL)]),
    "in a search": GridSearchCV(MODEL, {"C": [0.1, 1.0]}, cv=CV),
}


@pytest.mark.parametrize("model", RAW.values(), ids=RAW.keys())
def test_raw_prices_are_refused(model, samples):
    with pytest.raises(ParameterError, match=r"raw prices.*allow_raw_prices=True"):
        cross_validate(model, samples.bars, samples.labels, PurgedKFold(n_splits=2, embargo=0))


def test_raw_prices_are_let_through_on_demand_and_noted(samples):
    result = cross_validate(MODEL, samples.bars, samples.labels, CV, allow_raw_prices=True)
    assert "the model sees raw prices (allow_raw_prices=True)" in result.notes
    paths = ForecastClassifier("drift", window=20, n_paths=64)
    for model in (RETURNS * Vote([("a", MODEL), ("b", MODEL)]), paths, RETURNS * MODEL):
        assert check_steps(model, samples, allow_raw_prices=False).notes == []


def test_a_search_stands_in_cross_validation_and_chooses_in_the_training_rows(samples):
    model = RETURNS * MODEL
    grid = {"LogisticClassifier__C": [1e-6, 1.0]}
    search = GridSearchCV(model, grid, cv=WalkForward(n_splits=2))
    result = cross_validate(search, samples.bars, samples.labels, CV)
    for fold, (train, test) in enumerate(CV.split(samples)):
        best = GridSearchCV(**search.get_params(deep=False)).fit(samples[train], samples[train].y)
        expected = best.best_estimator_.predict_proba(samples[test])
        mine = result.predictions.loc[result.predictions["fold"] == fold]
        np.testing.assert_array_equal(mine[["p_down", "p_flat", "p_up"]].to_numpy(), expected)
    assert adapter_for(search).lookback == model.lookback
    after = RETURNS * GridSearchCV(MODEL, {"C": [1e-6, 1.0]}, cv=WalkForward(n_splits=2))
    assert after.fit(samples)[-1].search_.best_params_["C"] in (1e-6, 1.0)


def test_an_option_that_needs_another_beside_it_is_tried_in_draws_alone():
    options = [{"f": [Shifted(2)], "f__by": [3]}]
    model = BarPipeline([("f", RETURNS), ("c", MODEL)])
    search = adapter_for(RandomizedSearchCV(model, options, n_iter=1, cv=CV))
    steps = [candidate.get_params()["f"] for candidate in search.candidates()]
    assert [getattr(step, "by", None) for step in steps] == [None, 3, 2]


def test_a_search_whose_cv_is_not_purged_raises(samples):
    grid = {"LogisticClassifier__C": [1e-6, 1.0]}
    search = GridSearchCV(RETURNS * MODEL, grid, cv=3)
    with pytest.raises(LeakageError, match="overlap the label intervals"):
        cross_validate(search, samples.bars, samples.labels, CV)

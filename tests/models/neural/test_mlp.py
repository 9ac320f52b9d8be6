"""DLinear, TiDE, N-BEATS and N-HiTS classifiers: what is theirs beside the laws of every model."""

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from ohlcvml.bars import simulate_bars  # noqa: E402
from ohlcvml.exceptions import DataError, ParameterError  # noqa: E402
from ohlcvml.features import MomentumFeatures, ReturnFeatures  # noqa: E402
from ohlcvml.labels import TripleBarrierLabeller  # noqa: E402
from ohlcvml.models import (  # noqa: E402
    DLinearClassifier,
    LogisticClassifier,
    NBEATSClassifier,
    NHITSClassifier,
    TiDEClassifier,
    TrainingOptions,
)
from ohlcvml.samples import Samples  # noqa: E402

STACKS = {
    NBEATSClassifier: ["trend", "seasonality"],
    NHITSClassifier: ["stack_1", "stack_2", "stack_3"],
}
readable = pytest.mark.parametrize("cls", STACKS)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def problem():
    bars = simulate_bars(700, seed=3, edge=0.3).bars
    labels = TripleBarrierLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    return bars, labels


def chain(cls):
    quick = TrainingOptions(max_epochs=2, batch_size=64, learning_rate=1e-2)
    return (ReturnFeatures() + MomentumFeatures()) * cls(window=12, hidden_size=8, training=quick)


# Components


@readable
def test_components_add_up_to_the_probabilities(cls, problem):
    bars, labels = problem
    model = chain(cls).fit(bars, labels)
    found, proba = model.components(bars), model.predict_proba(bars)
    assert found.columns.unique("component").tolist() == ["level", *STACKS[cls]]
    assert found.index.equals(bars.index)
    assert (found.isna().all(axis=1) == proba.isna().all(axis=1)).all()
    scores = np.exp(found.T.groupby(level="class").sum().T[found.notna().all(axis=1)])
    again = scores.div(scores.sum(axis=1), axis=0)
    pd.testing.assert_frame_equal(
        again, proba.dropna(), check_names=False, rtol=0, atol=1e-6, check_column_type=False
    )


@readable
def test_each_component_sums_to_zero_over_classes_and_moves_with_the_window(cls, problem):
    bars, labels = problem
    found = chain(cls).fit(bars, labels).components(bars).dropna()
    for name in ["level", *STACKS[cls]]:
        assert np.abs(found[name].sum(axis=1)).max() < 1e-9
        assert bool((found[name].std() > 1e-6).all()) == (name != "level")


@readable
def test_a_silent_stack_contributes_nothing(cls, problem):
    bars, labels = problem
    model = chain(cls).fit(bars, labels)
    network, (first, *others) = model.classifier_.network_, STACKS[cls]
    before = model.components(bars).dropna()
    with torch.no_grad():
        for block in network.stacks[others[-1]]:
            block.forecast.weight.zero_()
    after = model.components(bars).dropna()
    assert (after[others[-1]] == 0.0).all(axis=None)
    assert after[["level", first]].equals(before[["level", first]])


@readable
def test_components_of_samples_are_those_of_their_bars(cls, problem):
    bars, labels = problem
    model, samples = chain(cls).fit(bars, labels), Samples(bars, labels)
    got = model.components(samples)
    assert np.allclose(got, model.components(bars).loc[samples.index], equal_nan=True, atol=1e-6)


def test_classes_that_did_not_occur_have_no_component(problem):
    bars, labels = problem
    samples = Samples(bars, labels)
    model = chain(NBEATSClassifier).fit(samples[samples.y != 0])
    assert model.components(bars).columns.unique("class").tolist() == [-1, 1]


def test_components_need_bars_and_stacks(problem):
    bars, labels = problem
    X, y = np.random.default_rng(0).normal(size=(20, 1, 12)), np.arange(20) % 2
    panel = NHITSClassifier(hidden_size=4, training=TrainingOptions(max_epochs=1)).fit(X, y)
    with pytest.raises(DataError, match="fitted on sktime Panel"):
        panel.components(bars)
    with pytest.raises(DataError, match=r"NHITSClassifier.components: needs bars or Samples"):
        panel.components(X)
    samples = Samples(bars, labels)
    constant = chain(NBEATSClassifier).fit(samples[samples.y == 1])
    with pytest.raises(DataError, match="constant, because it was fitted on labels of one class"):
        constant.components(bars)
    logistic = (ReturnFeatures() * LogisticClassifier()).fit(bars, labels)
    with pytest.raises(DataError, match="LogisticClassifier has no parts that add up"):
        logistic.components(bars)


# The rest


def test_ratios_of_nhits_are_one_for_each_stack():
    with pytest.raises(ParameterError, match="'n_freq_downsample' must be as long as"):
        NHITSClassifier(pool_sizes=(4, 2))
    with pytest.raises(ParameterError, match="'n_freq_downsample' must be as long as"):
        NHITSClassifier().set_params(n_freq_downsample=(4,))
    NHITSClassifier().set_params(pool_sizes=(4, 2), n_freq_downsample=(4, 2))


def test_scores_of_dlinear_are_linear_in_the_window():
    X, y = np.random.default_rng(0).normal(size=(60, 2, 10)), np.arange(60) % 3
    model = DLinearClassifier(training=TrainingOptions(max_epochs=2, normalize=None)).fit(X, y)
    scores = lambda X: np.log(model.predict_proba(X))  # noqa: E731
    apart = lambda X: scores(X) - scores(X).mean(axis=1, keepdims=True)  # noqa: E731
    np.testing.assert_allclose(
        apart((X[:20] + X[20:40]) / 2), (apart(X[:20]) + apart(X[20:40])) / 2, atol=1e-5
    )


def test_tide_takes_the_first_column_for_the_series():
    """Swapping covariates is another numbering of weights, swapping the series is another model."""
    torch.manual_seed(0)
    X, y = np.random.default_rng(0).normal(size=(60, 3, 10)), np.arange(60) % 2
    model = TiDEClassifier(hidden_size=8, training=TrainingOptions(max_epochs=1)).fit(X, y)
    assert model.network_.projection.hidden.in_features == 2
    assert model.network_.encoder[0].hidden.in_features == 10 + 10 * 4

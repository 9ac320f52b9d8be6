"""One answer: every way to ask a model reads it."""

import numpy as np
import pytest

from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import ForecastClassifier, LogisticClassifier
from ohlcvml.pipeline import Answer, atr_scale
from ohlcvml.samples import BarPanel
from tests.pipeline.conftest import LABELLER
from tests.pipeline.vote import Vote

LEVELS = (0.1, 0.5, 0.9)


class WithEverything(LogisticClassifier):
    """Has a return head and quantiles, and counts how often it is asked."""

    _own_levels = LEVELS
    calls = []

    def _answer(self, panel: BarPanel, levels):
        type(self).calls.append(len(panel))
        mean = panel.last()[:, 0].astype(float)
        quantiles = mean[:, None] + np.array(levels) - 0.5 if levels else None
        return Answer(self._predict_proba(panel), mean, quantiles, levels if levels else ())


@pytest.fixture(scope="module")
def fitted(bars):
    labels = LABELLER.fit_transform(bars)
    return (ReturnFeatures() * WithEverything()).fit(bars.iloc[:400], labels.loc[: bars.index[300]])


def test_every_way_to_ask_reads_the_answer(fitted, bars):
    WithEverything.calls.clear()
    answer = fitted.answer(bars)
    assert len(WithEverything.calls) == 1
    assert answer.levels == LEVELS
    unknown = ~answer.known
    assert 0 < unknown.sum() < len(bars)
    assert np.isnan(answer.expected_return[unknown]).all()
    assert np.isnan(answer.quantiles[unknown]).all()
    scale, _ = atr_scale(bars, 14)
    proba, signal = fitted.predict_proba(bars), fitted.predict_signal(bars)
    np.testing.assert_array_equal(proba, answer.probabilities)
    np.testing.assert_array_equal(signal["expected_return"], answer.expected_return * scale)
    told = fitted.predict_quantiles(bars, LEVELS)
    np.testing.assert_array_equal(told, answer.quantiles * scale[:, None])
    interval = fitted.predict_interval(bars, 0.8)
    np.testing.assert_allclose(interval, told[[0.1, 0.9]])
    assert len(WithEverything.calls) == 5


def test_samples_without_history_are_nan_in_the_answer_and_shares_for_scikit_learn(samples):
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples[250:])
    early = samples[:80]
    answer, proba = model.answer(early), model.predict_proba(early)
    assert 0 < (~answer.known).sum() < 80
    np.testing.assert_array_equal(proba[answer.known], answer.probabilities[answer.known])
    np.testing.assert_array_equal(
        proba[~answer.known], np.tile(model.class_shares_, ((~answer.known).sum(), 1))
    )
    assert model.predict_signal(early)[~answer.known].isna().all(axis=None)


def test_training_rows_are_refused(fitted, samples):
    with pytest.raises(LeakageError):
        fitted.answer(samples[:50])


def test_levels_need_a_distribution_and_lie_inside_0_and_1(fitted, bars):
    model = (ReturnFeatures() * LogisticClassifier()).fit(bars, LABELLER.fit_transform(bars))
    for ask in (lambda: model.answer(bars, (0.5,)), lambda: model.predict_interval(bars)):
        with pytest.raises(DataError, match="no distribution of returns"):
            ask()
    assert model.answer(bars).quantiles is None
    for bad in ((0.0,), (1.0,), ()):
        with pytest.raises(ParameterError, match=r"in \(0.0, 1.0\)"):
            fitted.predict_quantiles(bars, bad)
    tail = bars.iloc[:3]  # no row has history: nothing is known, which is no lack of quantiles
    assert fitted.predict_quantiles(tail).isna().all(axis=None)


def test_a_path_model_gives_law_and_quantiles_at_once(bars):
    model = ForecastClassifier("drift", window=32, n_paths=128)
    model.fit(bars, LABELLER.fit_transform(bars))
    answer = model.answer(bars)
    np.testing.assert_array_equal(answer.probabilities, model.predict_proba(bars))
    scale, _ = atr_scale(bars, model.label_spec_.atr_window)
    direct = model.predict_quantiles(bars, answer.levels)
    np.testing.assert_array_equal(direct, answer.quantiles * scale[:, None])
    assert len(answer.levels) == 7


def test_answers_are_cut_spread_and_joined():
    one = Answer(np.array([[0.4, 0.6]]), np.array([1.0]), np.array([[0.0, 1.0]]), (0.1, 0.9))
    two = Answer(np.array([[0.5, 0.5], [np.nan, np.nan]]))
    both = Answer.joined([one, two])
    assert both.known.tolist() == [True, True, False]
    np.testing.assert_array_equal(both.expected_return, [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(both.quantiles, [[0.0, 1.0], [np.nan] * 2, [np.nan] * 2])
    np.testing.assert_array_equal(both[1:].probabilities, two.probabilities)
    wide = one.spread(np.array([False, True]))
    assert wide.known.tolist() == [False, True]
    assert wide.quantiles[1].tolist() == [0.0, 1.0]
    assert repr(both) == "Answer(3 rows, 1 unanswered, 2 classes, expected return, 2 quantiles)"
    other = Answer(two.probabilities, None, np.zeros((2, 1)), (0.5,))
    with pytest.raises(DataError, match="same levels"):
        Answer.joined([one, other])
    with pytest.raises(DataError, match="'quantiles' must have the shape"):
        Answer(two.probabilities, None, np.zeros((2, 1)), (0.1, 0.9))


def test_the_table_of_bars_is_no_argument_of_a_model_of_panels(bars):
    X = np.random.default_rng(0).normal(size=(20, 2, 5))
    model = LogisticClassifier().fit(X, np.arange(20) % 2)
    with pytest.raises(DataError, match="an sktime Panel"):
        model.answer(bars)
    with pytest.raises(DataError, match="needs bars or Samples"):
        model.answer(X)


def test_quantiles_of_samples_are_the_rows_of_the_table(fitted, samples, bars):
    later = samples[samples.pos > 450]
    rows = fitted.predict_quantiles(bars, LEVELS).iloc[later.pos]
    np.testing.assert_array_equal(fitted.predict_quantiles(later, LEVELS), rows)


def test_bars_without_any_history_have_no_answer(samples, bars):
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples)
    for asked in (model, Vote([("one", model), ("two", model)]).fit(samples)):
        table = asked.predict_proba(bars.iloc[:3])
        assert table.shape == (3, 3)
        assert table.isna().to_numpy().all()
        assert asked.predict_signal(bars.iloc[:3]).isna().to_numpy().all()

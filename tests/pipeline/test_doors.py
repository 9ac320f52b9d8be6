"""Two doors: bars with labels, or an sktime Panel."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler
from sktime.datatypes import convert_to
from sktime.utils._testing.panel import _make_panel

from ohlcvml.exceptions import DataError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import BarPipeline
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout

FEATURES = ReturnFeatures(lags=(1, 30))
PANEL = _make_panel(n_instances=20, n_columns=2, n_timepoints=12, random_state=0)
CLASSES = np.array(["a", "b"] * 10)


@pytest.fixture(scope="module")
def parts(samples):
    return PurgedHoldout(validation=0.0, test=0.3).parts(samples)


@pytest.fixture(scope="module")
def fitted(samples, parts):
    return (FEATURES * LogisticClassifier()).fit(samples[parts.train])


def test_bars_and_labels_are_samples(bars, labels, samples):
    one = (FEATURES * LogisticClassifier()).fit(bars, labels)
    two = (FEATURES * LogisticClassifier()).fit(samples)
    three = (FEATURES * LogisticClassifier()).fit(samples, samples.y)
    proba = one.predict_proba(bars)
    assert proba.equals(two.predict_proba(bars))
    assert proba.equals(three.predict_proba(bars))


def test_bars_give_a_table_per_bar_and_samples_an_array(fitted, samples, parts, bars):
    test = samples[parts.test]
    table, array = fitted.predict_proba(bars), fitted.predict_proba(test)
    assert table.index.equals(bars.index)
    assert table.columns.tolist() == fitted.classes_.tolist() == [-1, 0, 1]
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, table.to_numpy()[test.pos])
    np.testing.assert_allclose(table.dropna().sum(axis=1), 1.0)


def test_rows_without_history_are_not_guessed(fitted, bars, samples, parts):
    holed = bars.copy()
    holed.iloc[900, 3] = np.nan  # a bar without a close is passed over: the next one has history
    missing = fitted.predict_proba(holed).isna().any(axis=1)
    assert np.flatnonzero(missing).tolist() == [*range(30), 900]
    view = Samples(holed, samples.labels)[parts.test]
    array = fitted.predict_proba(view)
    gone = view.pos == 900
    assert gone.any()
    assert np.array_equal(array[gone], np.tile(fitted.class_shares_, (gone.sum(), 1)))


def test_predict_is_the_most_probable_class(fitted, bars, samples, parts):
    proba, label = fitted.predict_proba(bars), fitted.predict(bars)
    assert label.dtype == "Int8"
    assert label.isna().equals(proba.isna().any(axis=1))
    known = label.dropna().astype(int)
    assert known.equals(proba.dropna().idxmax(axis=1).astype(int).rename("label"))
    assert np.array_equal(fitted.predict(samples[parts.test]), label.iloc[samples[parts.test].pos])


def test_the_door_is_remembered(fitted, bars):
    with pytest.raises(DataError, match="needs bars or Samples; got ndarray"):
        fitted.predict_proba(np.zeros((3, 2, 12)))
    panel = LogisticClassifier().fit(PANEL, CLASSES)
    with pytest.raises(DataError, match="fitted on sktime Panel, so predicting needs an sktime"):
        panel.predict_proba(bars)
    with pytest.raises(DataError, match="predict_signal: needs bars or Samples"):
        panel.predict_signal(PANEL)
    assert panel.predict_proba(PANEL).shape == (20, 2)


def test_refitting_at_the_other_door(bars, labels):
    model = LogisticClassifier().fit(PANEL, CLASSES)
    model.fit(bars, labels)
    assert model.predict_proba(bars).shape == (1200, 3)
    model.fit(PANEL, CLASSES)
    assert model.classes_.tolist() == ["a", "b"]
    assert model.predict_proba(PANEL).shape == (20, 2)


def test_a_multiindex_without_labels_is_a_panel(two_symbols):
    model = LogisticClassifier().fit(two_symbols.bars, np.array([0, 1]))
    assert model._door == "panel"


def test_bars_without_a_labels_table_are_refused(bars, labels):
    with pytest.raises(DataError, match=r"bars need a labels table .*got Series.*TripleBarrier"):
        LogisticClassifier().fit(bars, labels["label"])


def test_labels_of_samples_may_not_be_others(samples):
    model = FEATURES * LogisticClassifier()
    for y in (-samples.y, samples.y[:-1], np.zeros(len(samples)), samples.y.astype(str)):
        with pytest.raises(DataError, match="'y' must be the labels of the Samples"):
            model.fit(samples, y)
    model.fit(samples, samples.y + 1)  # positions in the class set, as scikit-learn encodes
    model.fit(samples, samples.labels)
    flat = samples[samples.y != 0]
    model.fit(flat, flat.y)
    with pytest.raises(DataError, match="needs every class among its labels"):
        model.fit(flat, (flat.y > 0).astype(int))  # 1 would be taken for the class 0


def test_columns_must_be_those_of_fit(bars, labels):
    model = LogisticClassifier().fit(bars, labels)
    with pytest.raises(DataError, match=r"missing \[\], unexpected \['size'\]"):
        model.predict_proba(bars.assign(size=1.0))
    with pytest.raises(DataError, match="order differs"):
        model.predict_proba(bars[["close", "open", "high", "low", "volume"]])


def test_columns_that_features_do_not_read_may_come_and_go(fitted, bars):
    more = fitted.predict_proba(bars.assign(note=1.0))
    assert more.equals(fitted.predict_proba(bars))


def test_an_unfitted_model_says_so(bars):
    with pytest.raises(ValueError, match="not been fitted"):
        (FEATURES * LogisticClassifier()).predict_proba(bars)


# ---- folds that lack classes
def test_a_fold_with_one_class_gives_a_constant_model(samples, bars):
    ups = samples[samples.y == 1]
    model = (FEATURES * LogisticClassifier()).fit(ups)
    proba = model.predict_proba(bars)
    assert proba.dropna().drop_duplicates().to_numpy().tolist() == [[0.0, 0.0, 1.0]]
    assert proba.isna().any(axis=1).sum() == 30
    assert set(model.predict(bars).dropna()) == {1}
    assert model.predict_signal(bars)["p_up"].max() == 1.0


def test_an_absent_class_keeps_its_column(samples, bars):
    model = (FEATURES * LogisticClassifier()).fit(samples[samples.y != 0])
    proba = model.predict_proba(bars).dropna()
    assert proba.columns.tolist() == [-1, 0, 1]
    assert (proba[0] == 0.0).all()
    assert (proba[[-1, 1]] > 0.0).all(axis=None)
    assert model.return_means_[1] == 0.0


# ---- nothing from later rows
@pytest.mark.parametrize("n", [400, 777])
def test_prediction_of_a_prefix_is_the_prefix_of_the_prediction(fitted, bars, n):
    assert fitted.predict_proba(bars.iloc[:n]).equals(fitted.predict_proba(bars).iloc[:n])
    assert fitted.predict_signal(bars.iloc[:n]).equals(fitted.predict_signal(bars).iloc[:n])


def test_two_symbols_answer_as_each_alone(two_symbols):
    cut = two_symbols[: len(two_symbols) // 2]
    model = (FEATURES * LogisticClassifier()).fit(cut)
    both = model.predict_signal(two_symbols.bars)
    for symbol in ("SIM0", "SIM1"):
        alone = model.predict_signal(two_symbols.bars.xs(symbol))
        assert both.xs(symbol).equals(alone)


def test_the_callers_tables_are_left_alone(bars, labels):
    before, kept = bars.copy(), labels.copy()
    (FEATURES * LogisticClassifier()).fit(bars, labels).predict_signal(bars)
    pd.testing.assert_frame_equal(bars, before)
    pd.testing.assert_frame_equal(labels, kept)
    assert labels.attrs == kept.attrs


def test_a_pipeline_at_the_panel_door():
    model = BarPipeline([("scale", StandardScaler()), ("model", LogisticClassifier(C=10.0))])
    model.fit(PANEL, CLASSES)
    rows = model.transformers_[0].transform(convert_to(PANEL, "pd-multiindex"))
    alone = model.classifier_.predict_proba(rows.groupby(level=0).tail(1))
    assert np.array_equal(model.predict_proba(PANEL), alone)


class OfWindows(LogisticClassifier):
    """A model of windows, as networks are: at the panel door it sees every bar."""

    _tags = {"representation": "window"}

    def _fit(self, X, y):
        self.length_ = X.take().shape[-1]
        return super()._fit(X, y)


def test_a_model_of_windows_sees_every_bar_at_the_panel_door():
    model = BarPipeline([("scale", StandardScaler()), ("model", OfWindows())]).fit(PANEL, CLASSES)
    assert model.classifier_.length_ == 12
    assert model.predict_proba(PANEL).shape == (20, 2)


def test_columns_of_a_panel_have_no_names():
    model = LogisticClassifier().fit(PANEL, CLASSES)
    with pytest.raises(DataError, match="this one was fitted on an sktime Panel"):
        model.get_feature_names_out()
    with pytest.raises(DataError, match="features_of: needs bars or Samples; got DataFrame"):
        model.features_of(PANEL)


class InParts(LogisticClassifier):
    """Says what each column adds, as networks of stacks do of their stacks."""

    def components(self, X):
        return self.features_of(X)


def test_components_are_those_of_the_classifier_behind_the_features(bars, labels):
    model = (FEATURES * InParts()).fit(bars, labels)
    pd.testing.assert_frame_equal(model.components(bars), model.features_of(bars))
    model = (FEATURES * LogisticClassifier()).fit(bars, labels)
    with pytest.raises(DataError, match="LogisticClassifier has no parts that add up"):
        model.components(bars)

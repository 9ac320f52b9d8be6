"""Windows that are cut when they are asked for give what windows cut beforehand give."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from ohlcvml.models.paths._windows import BarWindows, WindowBatch
from ohlcvml.samples import BarPanel
from ohlcvml.samples._samples import FeatureTable
from tests.models.zoo import classifiers

# A model of paths cuts its windows out of the bars.
PATHS = [cls for cls in classifiers() if cls.get_class_tag("representation") == "path"]
CLASSES = [cls for cls in classifiers() if cls not in PATHS]
WINDOW = 12

# Windows laid out one after another repeat a bar as often as they overlap, and batches of
# segments are made by where windows lie: what depends on either is set to one value for both.
ALIKE = {
    "window": WINDOW,
    "dropout": 0.0,
    "training__normalize": None,
    "training__batch_size": 4096,
    "training__validation_share": 0.0,
}
# The Panel door has no returns.
CLASSES_ALONE = {"training__return_weight": 0.0, "training__quantile_weight": 0.0}

every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def instance(cls, values):
    model = cls.create_test_instance()
    known = model.get_params(deep=True)
    return model.set_params(**{name: value for name, value in values.items() if name in known})


@pytest.fixture(scope="module")
def parts(problem):
    """Samples of columns of unit size: rows to train on, rows to test on."""
    table = problem.table.copy()
    table.iloc[:] = StandardScaler().fit_transform(table)
    return problem.train.with_features(table), problem.test.with_features(table)


class Dense:
    """Hands out every window as a stretch of its own instead of views on one matrix."""

    def __init__(self, monkeypatch):
        self.monkeypatch, self.asked = monkeypatch, 0

    def __enter__(self):
        lazy_panel = FeatureTable.panel

        def panel(table, ends, window):
            lazy, good = lazy_panel(table, ends, window)
            self.asked += 1
            return BarPanel.from_numpy3d(lazy.take()), good

        self.monkeypatch.setattr(FeatureTable, "panel", panel)
        return self

    def __exit__(self, *_):
        self.monkeypatch.undo()


def assert_same(one, two, tolerance):
    """The same bits, or within the tolerance where batches of other shapes round otherwise."""
    if tolerance == 0.0:
        assert np.array_equal(one, two, equal_nan=True)
    else:
        np.testing.assert_allclose(one, two, rtol=0.0, atol=tolerance)


@every_class
def test_predicting(cls, parts, monkeypatch):
    train, test = parts
    model = instance(cls, {"window": WINDOW}).fit(train)
    lazy = model.predict_proba(test)
    with Dense(monkeypatch) as dense:
        again = model.predict_proba(test)
    assert dense.asked == 1
    assert_same(lazy, again, model._batch_tolerance)


@every_class
def test_fitting(cls, parts, monkeypatch):
    train, test = parts
    lazy = instance(cls, ALIKE).fit(train).predict_proba(test)
    with Dense(monkeypatch) as dense:
        again = instance(cls, ALIKE).fit(train).predict_proba(test)
    assert dense.asked >= 2
    assert_same(lazy, again, 1e-5 if cls._batch_tolerance else 0.0)


@every_class
def test_the_panel_door_is_the_bar_door(cls, parts):
    """Labels that do not overlap weigh the same, so both doors see the same sample."""
    train, test = parts
    train = train[WINDOW::21]
    assert set(train.weight) == {1.0}
    assert set(train.y) == {-1, 1}
    model = instance(cls, {**ALIKE, **CLASSES_ALONE})
    by_bars = model.clone().fit(train).predict_proba(test)
    window = model._window
    by_panel = model.clone().fit(train.take(slice(None), window), train.y.astype(int))
    proba = by_panel.predict_proba(test.take(slice(None), window))
    np.testing.assert_allclose(by_bars[:, [0, 2]], proba, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("cls", PATHS, ids=lambda cls: cls.__name__)
def test_paths(cls, problem, monkeypatch):
    """Windows cut from one table are those that are tables of their own."""
    model = cls.create_test_instance().fit(problem.bars.iloc[:500], problem.labels.iloc[:400])
    bars = problem.bars.iloc[500:900]
    lazy = model.predict_proba(bars)
    asked = []

    def cut(table, ends, length):
        good = ends - length + 1 >= 0
        windows = [problem.bars.loc[:time].tail(length) for time in bars.index[ends[good]]]
        asked.append(len(windows))
        stamps = np.stack([window.index.asi8 for window in windows])
        return WindowBatch(np.stack([window.to_numpy() for window in windows]), stamps), good

    monkeypatch.setattr(BarWindows, "cut", cut)
    assert_same(lazy, model.predict_proba(bars), model._batch_tolerance)
    assert sum(asked) >= lazy.notna().all(axis=1).sum() > 50


def test_dense_windows_are_really_dense(parts, monkeypatch):
    train, _ = parts
    lazy, _ = train.panel(WINDOW)
    with Dense(monkeypatch):
        dense, _ = train.panel(WINDOW)
    assert dense.values.shape == (len(lazy) * WINDOW, lazy.values.shape[1])
    assert np.array_equal(dense.take(), lazy.take())

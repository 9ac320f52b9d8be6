"""Boosters, scikit-learn objects, networks and sktime classifiers keep their bits."""

import io
import json
import os
import zipfile

import numpy as np
import pytest

from ohlcvml.bundle import _allowed, _native, allow_class
from ohlcvml.bundle._codec import Encoder
from ohlcvml.exceptions import BundleError

X = np.random.default_rng(0).normal(size=(90, 4))
Y = np.arange(90) % 3


def test_lightgbm_keeps_all_trees_and_its_best_iteration(roundtrip):
    import lightgbm

    params = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "min_data_in_leaf": 3}
    booster = lightgbm.train(params, lightgbm.Dataset(X, Y), 8)
    booster.best_iteration = 5
    again = roundtrip(booster)
    assert np.array_equal(again.predict(X), booster.predict(X))
    assert np.array_equal(again.predict(X, num_iteration=8), booster.predict(X, num_iteration=8))
    assert not np.array_equal(again.predict(X), again.predict(X, num_iteration=8))


def test_xgboost(roundtrip):
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(X, Y, feature_names=list("abcd"))
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, data, 5)
    again = roundtrip(booster)
    assert np.array_equal(again.predict(data), booster.predict(data))
    assert again.feature_names == list("abcd")


def sklearn_models():
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    return [
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(3, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3),
        DecisionTreeClassifier(random_state=0),
        MLPClassifier((4,), max_iter=200, random_state=0, tol=1e9),
    ]


@pytest.mark.parametrize("estimator", sklearn_models(), ids=lambda e: type(e).__name__)
def test_scikit_learn(roundtrip, estimator):
    estimator.fit(X, Y)
    again = roundtrip(estimator)
    assert np.array_equal(again.predict_proba(X), estimator.predict_proba(X))


def test_scikit_learn_bytes_hold_neither_time_nor_addresses():
    estimator = sklearn_models()[0].fit(X, Y)
    first, second = Encoder(), Encoder()
    first.encode(estimator)
    second.encode(estimator)
    assert first.parts == second.parts
    with zipfile.ZipFile(io.BytesIO(next(iter(first.parts.values())))) as archive:
        assert all(len(name) < 12 for name in archive.namelist())
        assert {member.date_time[0] for member in archive.infolist()} == {1980}


def test_untrusted_scikit_learn_parts_are_named():
    from sklearn.neighbors import KNeighborsClassifier

    estimator = KNeighborsClassifier().fit(X, Y)
    with pytest.raises(BundleError, match=r"\$\['clf'\].*KDTree"):
        Encoder().encode({"clf": estimator})


def test_functions_inside_scikit_learn_objects_are_refused():
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(BundleError, match=r"does not trust: (posix|nt)\.system"):
        Encoder().encode(FunctionTransformer(os.system))


def crafted_skops(estimator, function):
    """Put another class into the schema of a skops file."""
    source = zipfile.ZipFile(io.BytesIO(_native.dump("sklearn", estimator, "$")[0]))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            raw = source.read(name)
            archive.writestr(name, function(raw) if name == "schema.json" else raw)
    return target.getvalue()


def test_a_crafted_skops_file_cannot_name_a_function():
    from sklearn.preprocessing import StandardScaler

    def edit(raw):
        schema = json.loads(raw)
        schema["__class__"], schema["__module__"] = "system", "os"
        return json.dumps(schema)

    raw = crafted_skops(StandardScaler().fit(X), edit)
    with pytest.raises(BundleError, match=r"os\.system|Untrusted"):
        _native.load("sklearn", raw, {}, "$")


def test_a_skops_file_must_hold_an_estimator():
    import skops.io

    for value in (np.exp, [1, 2], np.arange(3)):
        with pytest.raises(BundleError, match="holds"):
            _native.load("sklearn", skops.io.dumps(value), {}, "$")


def test_compressed_skops_files_are_refused():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}" * 100)
    with pytest.raises(BundleError, match="is compressed"):
        _native.load("sklearn", target.getvalue(), {}, "$")


@pytest.mark.parametrize(("field", "value"), [("left_child", 10_000), ("feature", 77)])
def test_trees_that_point_outside_themselves_are_refused(field, value):
    from sklearn.tree import DecisionTreeClassifier

    estimator = DecisionTreeClassifier(random_state=0).fit(X, Y)
    state = estimator.tree_.__getstate__()
    state["nodes"][field][0] = value
    estimator.tree_.__setstate__(state)
    raw = _native.dump("sklearn", estimator, "$")[0]
    with pytest.raises(BundleError, match="points outside itself"):
        _native.load("sklearn", raw, {}, "$")


def test_tree_loops_and_foreign_row_lengths_are_refused():
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    forest = RandomForestClassifier(2, random_state=0).fit(X, Y)
    forest.n_features_in_ = 2  # the forest would hand rows of 2 to trees of 4
    boosting = HistGradientBoostingClassifier(max_iter=1).fit(X, Y)
    boosting._predictors[0][0].nodes["left"][0] = 0
    for estimator in (forest, boosting):
        raw = _native.dump("sklearn", estimator, "$")[0]
        with pytest.raises(BundleError, match="points outside itself"):
            _native.load("sklearn", raw, {}, "$")


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost", "sklearn"])
def test_damaged_parts_are_bundle_errors(kind):
    with pytest.raises(BundleError, match=r"\$\.clf_ cannot be read by"):
        _native.load(kind, b"nothing of the kind", {"best_iteration": 1}, "$.clf_")


def test_sktime_classifier_at_the_panel_door(roundtrip):
    from sktime.classification.dummy import DummyClassifier

    panel = np.random.default_rng(0).normal(size=(12, 2, 5))
    fitted = DummyClassifier().fit(panel, np.array(["a", "b", "c"] * 4))
    again = roundtrip(fitted)
    assert again._y_metadata == fitted._y_metadata
    assert again._class_dictionary == fitted._class_dictionary
    assert np.array_equal(again.predict_proba(panel), fitted.predict_proba(panel))
    assert again.clone().fit(panel, Y[:12]).classes_.tolist() == [0, 1, 2]


def network_class():
    torch = pytest.importorskip("torch")

    class Tiny(torch.nn.Module):
        def __init__(self, width=3):
            super().__init__()
            self.config = {"width": width}
            self.first = torch.nn.Linear(4, width)
            self.last = torch.nn.Linear(width, 4)
            self.tied = self.first
            self.drop = torch.nn.Dropout(0.5)
            self.scale = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16))

        def forward(self, x):
            return self.tied(self.drop(self.last(self.first(x)))) * self.scale.sum()

    return Tiny


@pytest.fixture
def tiny():
    pytest.importorskip("torch")
    return allow_class(network_class())


def test_networks_keep_their_weights_and_the_callers_seed(roundtrip, tiny):
    torch = pytest.importorskip("torch")

    torch.set_num_threads(1)
    network = tiny(width=5).eval()
    before = torch.random.get_rng_state()
    again = roundtrip(network)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not again.training
    x = torch.arange(8.0).reshape(2, 4)
    assert torch.equal(again(x), network(x))


def test_networks_need_a_config_that_rebuilds_them(tiny):
    network = tiny(width=5)
    network.config = {"width": 4}
    with pytest.raises(BundleError, match=r"\$\['net'\]\.config does not rebuild"):
        Encoder().encode({"net": network})
    del network.config
    with pytest.raises(BundleError, match="has no dict 'config'"):
        Encoder().encode(network)


def test_networks_must_be_registered():
    torch = pytest.importorskip("torch")

    with pytest.raises(BundleError, match="Linear, which a bundle cannot hold"):
        Encoder().encode(torch.nn.Linear(2, 2))


def test_public_networks_of_the_zoo_are_on_the_list(monkeypatch, tiny):
    import sys
    import types

    package = types.ModuleType("zoo_networks")
    package.__all__ = ["Tiny"]
    package.Tiny = network_class()
    package.__spec__ = type(sys.__spec__)("zoo_networks", None)
    monkeypatch.setitem(sys.modules, "zoo_networks", package)
    monkeypatch.setattr(_allowed, "NETWORKS", ("zoo_networks",))
    assert _allowed.path_of(package.Tiny) == "zoo_networks.Tiny"
    assert _allowed.class_at("zoo_networks.Tiny", "network") is package.Tiny
    with pytest.raises(BundleError, match="allow-list"):
        _allowed.class_at("zoo_networks.Tiny", "estimator")


def test_the_trust_list_is_code_and_short():
    assert len(_allowed.SKOPS_TRUSTED) < 10
    assert not any(name.startswith(("os.", "builtins.")) for name in _allowed.SKOPS_TRUSTED)


def test_only_classes_can_be_allowed():
    with pytest.raises(BundleError, match="must be a class"):
        allow_class("os.system")
    with pytest.raises(BundleError, match="must be an sktime object"):
        allow_class(dict)

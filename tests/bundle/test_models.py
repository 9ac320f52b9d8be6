"""Every registered estimator goes through a bundle and comes back with the same bits."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.bundle import load, open_bundle, save
from ohlcvml.exceptions import BundleError, DataError
from ohlcvml.features import OHLCVFeatures, ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier, LogisticClassifier, SklearnClassifier
from ohlcvml.registry import all_estimators
from ohlcvml.testing._future import told_size
from tests.registered import installed

CLASSIFIERS = [cls for _, cls in all_estimators("classifier") if installed(cls)]
TRANSFORMERS = [cls for _, cls in all_estimators("transformer")]
BARS = simulate_bars(700, seed=0).bars
LABELLER = TripleBarrierLabeller(
    horizon=20, contract="MES", costs=Costs(0.62, 0.5), cost_adjustment="net"
)
LABELS = LABELLER.fit_transform(BARS)


def all_instances(classes):
    return [
        pytest.param(instance, id=name)
        for cls in classes
        for instance, name in zip(*cls.create_test_instances_and_names(), strict=True)
    ]


def same(a, b):
    return a.columns.equals(b.columns) and np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("model", all_instances(CLASSIFIERS))
def test_classifiers_at_the_bar_door(model, tmp_path):
    model = model.clone()
    if type(model).__name__ != "BarPipeline" and model.get_tag("representation") != "path":
        model = ReturnFeatures(lags=(1, 3)) * model
    model.fit(BARS, LABELS)
    again = load(save(model, tmp_path / "b.zip", bars=BARS, labels=LABELS))
    assert same(again.predict_proba(BARS), model.predict_proba(BARS))
    assert again.predict_signal(BARS).equals(model.predict_signal(BARS))
    assert again.get_params().keys() == model.get_params().keys()


@pytest.mark.parametrize("model", all_instances(CLASSIFIERS))
def test_classifiers_at_the_panel_door(model, tmp_path):
    from sktime.utils._testing.panel import _make_panel

    n_columns = 2 if model.get_tag("capability:multivariate") else 1
    panel = _make_panel(n_instances=20, n_columns=n_columns, n_timepoints=12, random_state=0)
    y = np.array(["a", "b"] * 10)
    model = model.clone().fit(panel, y)
    again = load(save(model, tmp_path / "b"))
    assert np.array_equal(again.predict_proba(panel), model.predict_proba(panel))
    assert again.predict(panel).tolist() == model.predict(panel).tolist()
    assert again._class_dictionary == model._class_dictionary


@pytest.mark.parametrize("transformer", all_instances(TRANSFORMERS))
def test_transformers(transformer, tmp_path):
    # Golden rows need rows without a missing value, and sessions need days for one.
    golden = transformer.get_tag("is_production_safe") and (transformer.lookback or 0) < len(BARS)
    bars = simulate_bars(700, seed=0, bar_size=told_size(transformer)).bars
    y = np.sign(bars["close"].diff()).fillna(0.0) if transformer.get_tag("requires_y") else None
    transformer = transformer.clone().fit(bars, y)
    again = load(save(transformer, tmp_path / "b.zip", bars=bars if golden else None))
    assert again.transform(bars).equals(transformer.transform(bars))


def pipeline():
    features = OHLCVFeatures(("returns", "momentum", "volume"), timeframes=("5min",))
    return features * StandardScaler() * LightGBMClassifier(n_estimators=5)


@pytest.fixture(scope="module")
def fitted():
    return pipeline().fit(BARS, LABELS)


@pytest.fixture
def path(fitted, tmp_path):
    return save(fitted, tmp_path / "b", bars=BARS, labels=LABELS, labeller=LABELLER)


def test_clone_and_refit_after_loading(fitted, path):
    again = load(path)
    refitted = again.clone().fit(BARS, LABELS)
    assert same(refitted.predict_proba(BARS), fitted.predict_proba(BARS))
    assert same(again.fit(BARS, LABELS).predict_proba(BARS), fitted.predict_proba(BARS))


def test_a_refitted_model_gives_the_same_bundle(path, tmp_path):
    again = save(
        pipeline().fit(BARS, LABELS), tmp_path / "c", bars=BARS, labels=LABELS, labeller=LABELLER
    )
    for file in path.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_parameters_can_be_set_after_loading(path):
    again = load(path)
    again.set_params(LightGBMClassifier__n_estimators=3)
    assert again.fit(BARS, LABELS).classifier_.booster_.num_trees() == 9


def test_the_loaded_model_still_refuses_its_training_rows(path):
    from ohlcvml.exceptions import LeakageError
    from ohlcvml.samples import Samples

    with pytest.raises(LeakageError):
        load(path).predict_proba(Samples(BARS, LABELS))


def test_the_labeller_comes_back(path):
    again = open_bundle(path).labeller
    assert again.fit_transform(BARS).equals(LABELS)
    assert again.get_params() == LABELLER.get_params()


def test_the_manifest_tells_features_labels_and_boosters(path):
    manifest = json.loads((path / "manifest.json").read_text())
    assert len(manifest["features"]["columns"]) >= 20
    assert manifest["labels"]["spec"]["classes"] == [-1, 0, 1]
    assert manifest["environment"]["versions"]["lightgbm"]
    assert "ohlcvml.models.LightGBMClassifier" in manifest["classes"]
    (booster,) = path.glob("part-*.txt")
    assert booster.read_text().startswith("tree\n")


def test_signals_of_new_bars(fitted, path):
    bundle = open_bundle(path)
    bars = simulate_bars(2000, seed=0).bars
    late = slice(bundle.lookback, None)
    assert bundle.predict_signal(bars).iloc[late].equals(fitted.predict_signal(bars).iloc[late])
    assert same(bundle.predict_proba(bars).iloc[late], fitted.predict_proba(bars).iloc[late])
    with pytest.raises(DataError, match="must have size"):
        bundle.predict_signal(BARS.iloc[::5])


def test_bars_within_the_lookback_are_not_answered(fitted, path):
    bundle = open_bundle(path)
    assert bundle.lookback == fitted.lookback > 400
    bars = simulate_bars(3000, seed=0).bars
    tail = bars.iloc[-bundle.lookback - 50 :]
    signal, proba = bundle.predict_signal(tail), bundle.predict_proba(tail)
    assert signal["p_up"].notna().sum() == proba[1].notna().sum() == 50
    assert signal.iloc[:-50].isna().all(axis=None)
    # What is answered is what a longer history gives.
    full = fitted.predict_signal(bars).iloc[-50:]
    assert np.allclose(signal.iloc[-50:], full, rtol=0, atol=1e-6)


def test_a_fresh_process_gives_the_same_bits(fitted, path, tmp_path):
    bars = simulate_bars(2000, seed=0).bars
    bars.to_parquet(tmp_path / "bars.parquet")
    code = (
        "import sys, pandas as pd; from ohlcvml.bundle import load;"
        "signal = load(sys.argv[1]).predict_signal(pd.read_parquet(sys.argv[2]));"
        "signal.to_parquet(sys.argv[3])"
    )
    arguments = [path, tmp_path / "bars.parquet", tmp_path / "signal.parquet"]
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True)
    expected = fitted.predict_signal(bars)
    assert np.array_equal(pd.read_parquet(arguments[-1]), expected, equal_nan=True)


def test_changed_features_are_refused(path, monkeypatch):
    kept = OHLCVFeatures._transform

    def renamed(self, X, y=None):
        return kept(self, X, y).rename(columns=lambda name: f"{name}_v2")

    monkeypatch.setattr(OHLCVFeatures, "_transform", renamed)
    with pytest.raises(BundleError, match="features computed here are not those of the bundle"):
        load(path)


def test_scikit_learn_inside_a_pipeline(tmp_path):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline

    inner = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))
    model = (ReturnFeatures() * SklearnClassifier(inner)).fit(BARS, LABELS)
    again = load(save(model, tmp_path / "b", bars=BARS))
    assert same(again.predict_proba(BARS), model.predict_proba(BARS))


def test_the_winner_of_a_grid_search(tmp_path):
    from sklearn.model_selection import GridSearchCV

    from ohlcvml.samples import Samples
    from ohlcvml.splits import PurgedKFold

    cv = PurgedKFold(n_splits=2, embargo=0, bar_index=BARS.index)
    search = GridSearchCV(
        ReturnFeatures() * LogisticClassifier(), {"LogisticClassifier__C": [0.1, 1.0]}, cv=cv
    )
    samples = Samples(BARS, LABELS)
    model = search.fit(samples, samples.y).best_estimator_
    again = load(save(model, tmp_path / "b", bars=BARS))
    assert same(again.predict_proba(BARS), model.predict_proba(BARS))


def test_a_model_of_one_class(tmp_path):
    labels = LABELS.copy()
    labels["label"] = np.int8(1)
    labels.attrs = LABELS.attrs
    model = (ReturnFeatures() * LogisticClassifier()).fit(BARS, labels)
    again = load(save(model, tmp_path / "b", bars=BARS))
    assert same(again.predict_proba(BARS), model.predict_proba(BARS))

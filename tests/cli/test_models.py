"""Every model of the registry is listed, and trained from a file by its name."""

import dataclasses
import re

import pytest
import yaml

from ohlcvml import _requires as requirements
from ohlcvml.bars import simulate_bars
from ohlcvml.bundle import open_bundle
from ohlcvml.exceptions import ParameterError
from ohlcvml.factory import TrainSettings
from ohlcvml.factory._parts import make_model, with_model_file
from ohlcvml.models.configs._configs import model_classes

N_BARS = 600
SMALL = {
    "contract": "ES",
    "horizon": 10,
    "n_splits": 2,
    "embargo": 60,
    "n_jobs": 1,
    "test_size": 0.25,
    "exposure": None,
    "families": "returns,momentum",
}


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "bars.csv"
    simulate_bars(N_BARS, seed=0, edge=0.2, sessions=True).bars.to_csv(path)
    return path


def overrides(cls):
    """The small settings of the laws, as a file can say them."""
    out = {}
    for name, value in cls.get_test_params()[0].items():
        if dataclasses.is_dataclass(value):
            given = dataclasses.asdict(value)
            out[name] = {k: as_yaml(v) for k, v in given.items() if v != getattr(type(value)(), k)}
        elif hasattr(value, "get_params"):
            out[name] = type(value).__name__
            parts, bare = value.get_params(deep=False), type(value)().get_params(deep=False)
            changed = {k: v for k, v in parts.items() if v != bare[k]}
            out.update({f"{name}__{k}": as_yaml(v) for k, v in changed.items()})
        else:
            out[name] = as_yaml(value)
    if "window" in out:  # the file is short
        out["window"] = min(out["window"], 16)
    if "cache" in cls.get_param_names():  # a window is forecast once in a run
        out["cache"] = True
    return out


def as_yaml(value):
    return [as_yaml(item) for item in value] if isinstance(value, (tuple, list)) else value


@pytest.mark.parametrize("name", sorted(model_classes()))
def test_every_model_trains(run, small_file, tmp_path, name):
    cls = model_classes()[name]
    if missing := requirements.missing_packages(cls):
        pytest.skip(f"not installed: {', '.join(missing)}")
    bundle = tmp_path / "bundle" if cls.get_class_tag("capability:bundle") else None
    settings = {**SMALL, "data": str(small_file), "model": name, "params": overrides(cls)}
    settings["create_bundle"] = str(bundle) if bundle else None
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(settings))
    result = run("train", "--config", config)
    assert result.code == 0, result.err
    assert f"Walk-forward, {name}: mean of" in " ".join(result.out.split())
    alone = cls.get_class_tag("representation") == "path"
    assert ("sees the bars themselves" in result.out) == alone
    if bundle:
        assert f"it predicts the same bits on all {N_BARS} bars" in result.out
        steps = open_bundle(bundle).model.steps
        assert len(steps) == (1 if alone else 2)
        assert type(steps[-1][1]) is cls


def test_a_test_period_that_was_pretrained_on_is_told(run, small_file, tmp_path, monkeypatch):
    for module in ("_cross_validate", "_evaluate"):
        name = f"ohlcvml.evaluation.{module}.pretraining_notes"
        monkeypatch.setattr(name, lambda model, first: ["pretrained: seen before"])
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({**SMALL, "data": str(small_file), "model": "logistic"}))
    told = " ".join(run("train", "--config", config).out.split())
    assert told.count("pretrained: seen before") == 3  # walk-forward, k-fold, test set


def test_every_model_is_listed(run, monkeypatch):
    result = run("models")
    assert result.code == 0
    for name, cls in model_classes().items():
        line = next(line for line in result.out.splitlines() if f" {cls.__name__} " in line)
        assert line.split()[0] == name
        assert cls.get_class_tag("licence") in line
        assert ", ".join(requirements.extras_of(cls)) in line


def test_a_model_whose_package_is_missing(run, small_file, monkeypatch):
    absent = lambda cls: ["xgboost"] if cls.__name__ == "XGBoostClassifier" else []  # noqa: E731
    monkeypatch.setattr(requirements, "missing_packages", absent)
    monkeypatch.setattr("ohlcvml.cli._models.missing_packages", absent)
    assert re.search(r"xgboost .* boosting .* no: xgboost", run("models").out)
    result = run("train", "--data", small_file, "--model", "xgboost")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "pip install 'ohlcvml[boosting]'" in result.err


def test_a_file_of_one_model(run, small_file, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("model: LogisticClassifier\nparams: {C: 0.5, max_iter: 50}\n")
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({**SMALL, "data": str(small_file)}))
    bundle = tmp_path / "b"
    result = run("train", "--config", config, "--model", mine, "--param", "C=0.1",
                 "--create-bundle", bundle)  # fmt: skip
    assert result.code == 0, result.err
    assert "Walk-forward, logistic" in result.out
    made = open_bundle(bundle).model.steps[-1][1]
    assert (made.C, made.max_iter, made.tol) == (0.1, 50, 1e-4)
    settings = open_bundle(bundle).manifest["scores"]["settings"]
    assert settings["model"] == "logistic"
    assert settings["params"] == {"C": 0.1, "max_iter": 50}


@pytest.mark.parametrize("given", ["LogisticClassifier", "Logistic", "logistic"])
def test_names_are_the_short_one_in_the_end(given):
    assert with_model_file(TrainSettings(data="x", model=given)).model == "logistic"


def test_an_estimator_by_name_gets_the_seed_of_the_run():
    params = {"estimator": "ExtraTreesClassifier", "estimator__n_estimators": 3}
    made = make_model(TrainSettings(data="x", model="sklearn", params=params, seed=5))
    assert (made.estimator.n_estimators, made.estimator.random_state) == (3, 5)
    own = TrainSettings(data="x", model="sklearn", params={**params, "estimator__random_state": 7})
    assert make_model(own).estimator.random_state == 7


@pytest.mark.parametrize("name", sorted(model_classes()))
def test_seed_and_threads_are_those_of_the_run(name):
    cls = model_classes()[name]
    if requirements.missing_packages(cls):
        pytest.skip("not installed")
    params = overrides(cls)
    params.pop("random_state", None)
    params.pop("n_jobs", None)
    made = make_model(TrainSettings(data="x", model=name, params=params, seed=11, n_jobs=3))
    values = made.get_params(deep=False)
    assert values.get("random_state", 11) == 11
    assert values.get("n_jobs", 3) == 3


def test_a_parameter_is_judged_before_the_file_is_read(run, tmp_path):
    result = run("train", "--data", tmp_path / "none.csv", "--param", "trees=5")
    assert result.code == 1
    assert "got trees" in result.err
    with pytest.raises(ParameterError, match="must be one of"):
        with_model_file(TrainSettings(data="x", model="forest"))

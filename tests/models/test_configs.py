"""Shipped configurations are the constructors' defaults; files of users make models."""

import dataclasses
import math
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from ohlcvml import _requires as requirements
from ohlcvml import models
from ohlcvml.exceptions import MissingDependencyError, ParameterError
from ohlcvml.models import (
    LightGBMClassifier,
    SklearnClassifier,
    make_model,
    model_config,
)
from ohlcvml.models.configs import _named_parts as named_parts
from ohlcvml.models.configs._configs import model_classes
from ohlcvml.models.configs._named_parts import as_part
from ohlcvml.models.paths import ForecastClassifier

SHIPPED = {
    item.name: item
    for item in files("ohlcvml.models.configs").iterdir()
    if item.name.endswith(".yaml")
}
EVERY = pytest.mark.parametrize(("name", "cls"), sorted(model_classes().items()))


def as_yaml(value):
    """What a YAML file says of a default; of an object of options, where it is not the usual."""
    if dataclasses.is_dataclass(value):
        usual = type(value)()
        names = [item.name for item in dataclasses.fields(value)]
        odd = [name for name in names if getattr(value, name) != getattr(usual, name)]
        return {name: as_yaml(getattr(value, name)) for name in odd}
    return [as_yaml(item) for item in value] if isinstance(value, tuple) else value


@EVERY
def test_the_file_says_the_defaults_of_the_constructor(name, cls):
    loaded = yaml.safe_load(SHIPPED[f"{name}.yaml"].read_text())
    defaults = {key: as_yaml(value) for key, value in cls.get_param_defaults().items()}
    assert loaded["model"] == cls.__name__
    assert loaded["params"] == defaults, yaml.safe_dump(defaults, sort_keys=False)
    kinds = {key: type(value) for key, value in loaded["params"].items()}
    assert kinds == {key: type(value) for key, value in defaults.items()}
    assert list(kinds) == list(defaults)


def test_there_is_no_file_without_a_class():
    assert set(SHIPPED) == {f"{name}.yaml" for name in model_classes()}


@EVERY
def test_a_model_of_its_configuration_is_the_model(name, cls):
    if requirements.missing_packages(cls) or set(cls.get_param_names()) - set(
        cls.get_param_defaults()
    ):
        pytest.skip("needs a package or a part")
    made = make_model(name)
    assert type(made) is cls
    assert made.get_params(deep=False) == cls().get_params(deep=False)


@pytest.mark.parametrize("name", ["lightgbm", "LightGBM", "LightGBMClassifier"])
def test_names_of_a_model(name):
    assert model_config(name)["model"] == "LightGBMClassifier"


def test_a_file_of_your_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: LightGBMClassifier\nparams: {n_estimators: 7, learning_rate: 1e-2}\n")
    for given in (path, str(path)):
        made = make_model(given, num_leaves=3)
        assert made == LightGBMClassifier(n_estimators=7, learning_rate=0.01, num_leaves=3)
    path.write_text("model: logistic\n")
    assert model_config(path) == {"model": "LogisticClassifier", "params": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params: {}\n", "must hold the keys model and params, and no other; got params"),
        ("model: lightgbm\nseed: 1\n", "got model, seed.*params:\n  random_state: 1"),
        (
            "model: patchtst\npatch_len: 16\nepochs: 5\n",
            "params:\n  patch_length: 16\n  training:\n    max_epochs: 5",
        ),
        ("model: CatBoost\n", "left out on purpose: use lightgbm or xgboost"),
        ("model: gru\n", "use lstm"),
        ("model: random_forest\n", "RandomForestClassifier"),
        ("- 1\n", "got list"),
        ("model: [1\n", "is not valid YAML"),
        ("model: lightgbm\nparams: [1]\n", r"'params' of .* must hold names and values"),
        ("model: forest\n", "must be one of .*lightgbm.*; got 'forest'"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, text, message):
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=f"(?s){message}"):
        make_model(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ParameterError, match=r"none\.yaml cannot be read"):
        model_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("lightgbm", {"trees": 5}, "parameters of lightgbm must be one of .*; got trees"),
        ("lightgbm", {"n_estimators": "ten"}, "'n_estimators' must be an integer"),
        ("lightgbm", {"n_estimators__x": 1}, "lightgbm has no part that takes n_estimators__x"),
        ("sklearn", {}, "sklearn needs estimator.*estimator=ExtraTreesClassifier"),
        ("sklearn", {"estimator": "os.system"}, "'os.system' is not the class name"),
        ("sklearn", {"estimator": "LinearSVC"}, "'LinearSVC' is not the class name"),
        ("sklearn", {"estimator": "gaussiannb"}, r"Did you mean GaussianNB\?"),
        ("sklearn", {"estimator": "StackingClassifier"}, "cannot be made without parameters"),
        ("sklearn", {"estimator": "GaussianNB", "estimator__k": 1}, "no part that takes"),
    ],
)
def test_overrides_that_no_model_has(name, overrides, message):
    with pytest.raises(ParameterError, match=message):
        make_model(name, **overrides)


def test_parts_are_reached_by_underscores_and_by_mappings(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "model: sklearn\nparams:\n  estimator: KNeighborsClassifier\n"
        "  estimator__n_neighbors: 9\n  estimator__p: 1\n"
    )
    made = make_model(path, estimator__p=3)
    assert isinstance(made, SklearnClassifier)
    assert (made.estimator.n_neighbors, made.estimator.p) == (9, 3)
    other = make_model(path, estimator="GaussianNB")
    assert type(other.estimator).__name__ == "GaussianNB"


def test_training_options_are_reached():
    names = [k for k, c in model_classes().items() if "training" in c.get_param_names()]
    here = [k for k in names if not requirements.missing_packages(model_classes()[k])]
    for name in here:
        for given in ({"training__max_epochs": 2}, {"training": {"max_epochs": 2}}):
            made = make_model(name, **given)
            assert made.training.max_epochs == 2
            assert made.training.batch_size == models.TrainingOptions().batch_size


def test_lists_of_a_file_are_the_tuples_of_the_constructor(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: lightgbm\nparams: {a: [1, [2, 3]], b: {c: [.5]}, d: 1e-3}\n")
    expected = {"a": (1, (2, 3)), "b": {"c": (0.5,)}, "d": 0.001}
    assert model_config(path)["params"] == expected


def test_no_default_is_a_number_yaml_cannot_say():
    for cls in model_classes().values():
        for value in cls.get_param_defaults().values():
            assert not isinstance(value, float) or math.isfinite(value)


def test_a_missing_package_is_told_before_the_model_is_made(monkeypatch):
    monkeypatch.setattr(requirements, "missing_packages", lambda cls: ["xgboost"])
    with pytest.raises(MissingDependencyError) as caught:
        make_model("xgboost")
    assert str(caught.value) == (
        "XGBoostClassifier needs the package xgboost: pip install 'ohlcvml[boosting]'."
    )


def test_packages_that_no_extra_brings_are_named_themselves(monkeypatch):
    monkeypatch.setattr(requirements, "packages_of", lambda cls: ["xgboost>=3", "None-Such>=1"])
    assert requirements.missing_packages(object) == ["None-Such>=1"]
    with pytest.raises(MissingDependencyError, match=r"'ohlcvml\[boosting\]' 'None-Such>=1'"):
        requirements.require_packages(object)


@EVERY
def test_every_package_of_a_model_comes_with_an_extra(name, cls):
    assert bool(requirements.packages_of(cls)) == bool(requirements.extras_of(cls))
    brought = set().union(*(requirements.EXTRAS[extra] for extra in requirements.extras_of(cls)))
    assert {requirements.package_name(p) for p in requirements.packages_of(cls)} <= brought


def test_extras_are_those_of_the_project():
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    names = requirements.package_name
    for extra, packages in requirements.EXTRAS.items():
        assert {names(r) for r in project["optional-dependencies"][extra]} == packages
    assert {names(r) for r in project["dependencies"]} >= requirements.CORE


@pytest.mark.parametrize(
    ("needs", "extras"),
    [
        (["torch"], ["neural"]),
        (["timesfm", "torch>=2.6"], ["foundation"]),
        (["xgboost", "torch"], ["boosting", "neural"]),
        ("LightGBM>=4", []),
        ([], []),
        (["none-such"], []),
    ],
)
def test_the_fewest_and_smallest_extras(monkeypatch, needs, extras):
    tagged = type("Tagged", (), {"get_class_tag": staticmethod(lambda name: needs)})
    assert requirements.extras_of(tagged) == extras


def test_forecasters_are_found_by_their_class_name():
    made = as_part(ForecastClassifier, "forecaster", "NaiveForecaster")
    assert type(made).__name__ == "NaiveForecaster"
    with pytest.raises(ParameterError, match="not the class name of a forecaster of sktime"):
        as_part(ForecastClassifier, "forecaster", "naive")
    assert as_part(ForecastClassifier, "forecaster", "random_walk") == "random_walk"


def test_a_part_whose_package_is_missing(monkeypatch):
    monkeypatch.setattr(named_parts, "_check_estimator_deps", lambda cls, severity: False)
    with pytest.raises(MissingDependencyError, match="ARIMA needs pmdarima, of which something"):
        as_part(ForecastClassifier, "forecaster", "ARIMA")


# What the original plan asks for. Where it has one figure for several parameters, each is here.
PLAN = {
    "patchtst": {
        "patch_length": 16,
        "stride": 8,
        "window": 512,
        "d_model": 256,
        "n_heads": 8,
        "n_layers": 3,
        "causal": True,
    },
    "itransformer": {"d_model": 128, "n_heads": 4, "n_layers": 2},
    "timesnet": {"top_k": 5, "d_model": 64, "kernel_sizes": (3, 5, 7)},
    "autoformer": {"moving_avg": 25, "d_model": 256, "n_heads": 8, "n_layers": 3},
    "smamba": {"d_model": 128, "d_state": 16},
    "nbeats": {"n_blocks": 3, "hidden_size": 256},
    "nhits": {"pool_sizes": (8, 4, 2), "hidden_size": 256},
    "chronosbolt": {
        "model_name": "amazon/chronos-bolt-small",
        "prediction_length": 20,
        "window": 512,
    },
    "timesfm": {"model_name": "google/timesfm-2.5-200m-pytorch", "prediction_length": 20},
}


@pytest.mark.parametrize("name", PLAN)
def test_the_figures_of_the_plan_are_shipped(name):
    params = model_config(name)["params"]
    assert {key: params[key] for key in PLAN[name]} == PLAN[name]


def test_mamba_over_time_has_the_figures_of_the_plan():
    pytest.importorskip("torch")
    from ohlcvml.models.neural.networks import SMambaNetwork

    assert model_config("smamba")["params"]["d_conv"] is None
    over_time = SMambaNetwork(2, 8, scan="time")
    mixers = [part for part in over_time.modules() if hasattr(part, "conv1d")]
    shapes = {(part.conv1d.kernel_size, part.conv1d.in_channels) for part in mixers}
    assert shapes == {((4,), 2 * 128)}

"""The zoo is this list, and what was left out on purpose is not in it."""

import re
from pathlib import Path

import pytest

import ohlcvml.models
from ohlcvml.models.configs._configs import model_classes
from ohlcvml.pipeline import BaseBarClassifier
from ohlcvml.registry import all_estimators

DOCS = Path(__file__).resolve().parents[2] / "docs"

# The exact set: a model that is added or taken away is added to or taken from this list.
ZOO = {
    # boosting, linear, and whatever scikit-learn has
    "LightGBMClassifier",
    "LogisticClassifier",
    "SklearnClassifier",
    "XGBoostClassifier",
    # recurrent and convolutional
    "InceptionTimeClassifier",
    "LSTMClassifier",
    "ResNet1DClassifier",
    "TCNClassifier",
    # transformers
    "AutoformerClassifier",
    "ITransformerClassifier",
    "PatchTSTClassifier",
    "TimesNetClassifier",
    # state space and MLP
    "DLinearClassifier",
    "NBEATSClassifier",
    "NHITSClassifier",
    "SMambaClassifier",
    "TiDEClassifier",
    # distributional
    "DeepARClassifier",
    "QuantileRNNClassifier",
    # foundation
    "Chronos2Classifier",
    "ChronosBoltClassifier",
    "KronosClassifier",
    "TimesFMClassifier",
    # forecasters
    "ForecastClassifier",
}

# Reasons: docs/models_left_out.md.
LEFT_OUT = {
    "CatBoost": "catboost",
    "GRU": r"gru",
    "The non-causal Transformer": r"(vanilla)?transformer",
    "Random forest": "randomforest|forest",
    "SVM": "svm|svc|supportvector",
    "Blending": "blend",
    "BigQuery": "bigquery|cloud|vertex",
}
NAMES = sorted(ZOO)


def public_models():
    items = {name: getattr(ohlcvml.models, name) for name in ohlcvml.models.__all__}
    return {
        name: cls
        for name, cls in items.items()
        if isinstance(cls, type) and issubclass(cls, BaseBarClassifier)
    }


def test_the_zoo_is_exactly_this():
    assert set(public_models()) == ZOO


def test_every_one_is_in_the_registry_and_has_a_short_name():
    listed = {name for name, _ in all_estimators("classifier")}
    assert listed >= ZOO
    assert {cls.__name__ for cls in model_classes().values()} >= ZOO


@pytest.mark.parametrize("name", NAMES)
def test_every_one_says_what_it_is(name):
    cls = public_models()[name]
    assert cls.get_class_tag("representation") in {"row", "window", "path"}
    assert re.fullmatch(r"[A-Za-z0-9.+-]+( AND [A-Za-z0-9.+-]+)*", cls.get_class_tag("licence"))
    assert cls.get_class_tag("model_family")
    assert cls.get_class_tag("is_production_safe")
    cutoff = cls.get_class_tag("training_data_cutoff", "")
    if cls.get_class_tag("model_family") == "foundation":
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", cutoff)
    else:
        assert not cutoff


@pytest.mark.parametrize("name", NAMES)
def test_every_one_stands_in_the_docs(name):
    assert f"\n## {name}\n" in (DOCS / "model_table.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_was_left_out_is_absent(what):
    pattern = re.compile(f"({LEFT_OUT[what]})(classifier|ensemble)?", re.IGNORECASE)
    names = [*ohlcvml.models.__all__, *model_classes(), *(n for n, _ in all_estimators())]
    assert [name for name in names if pattern.fullmatch(name)] == []
    if what == "BigQuery":
        package = Path(ohlcvml.models.__file__).parents[1]
        text = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
        assert "bigquery" not in text.lower()


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_was_left_out_has_its_reason(what):
    page = (DOCS / "models_left_out.md").read_text(encoding="utf-8")
    section = re.search(rf"\n## {what}[^\n]*\n(.*?)(?=\n## |\Z)", page, re.DOTALL)
    assert section is not None
    assert len(section[1].split()) > 20

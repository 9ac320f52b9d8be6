"""Every public name is documented, and what can be called shows how."""

import inspect
from importlib import import_module

import pytest

from ohlcvml.registry import STAGES, all_estimators

PARTS = (*STAGES, "testing", "registry")
# What other calls return, and bases to derive from: described, shown where they come from.
RESULTS = {
    "Attainable", "BarCheck", "BarReport", "Change", "Example", "Finding", "Simulation",
    "HoldoutParts", "SignalModel", "Backtest", "CrossValidation", "Evaluation", "SharpeEstimate",
    "Bundle", "BundleReport", "Check", "LawBroken", "BaseFeature", "BaseRegime",
    "BaseBarClassifier", "BarRow", "Channels", "Column", "GrowingArray", "KernelNode", "Node",
    "ParallelNodes", "SerialNodes", "PriceArrays", "FeatureTable", "TradedPrices",
    "InnerHoldout", "Fold", "OutOfFold", "FutureSeen", "StepChecks",
}  # fmt: skip


def public():
    for part in PARTS:
        package = import_module(f"ohlcvml.{part}")
        for name in package.__all__:
            item = getattr(package, name)
            if inspect.isclass(item) or inspect.isfunction(item):
                yield pytest.param(item, id=f"{part}.{name}")


PUBLIC = list(public())
ESTIMATORS = [pytest.param(cls, id=name) for name, cls in all_estimators()]


@pytest.mark.parametrize("item", PUBLIC)
def test_public_names_are_documented(item):
    text = item.__dict__.get("__doc__") if inspect.isclass(item) else item.__doc__
    assert text
    assert text.strip()[0].isupper() or text.strip()[0] in "`'\""
    if item.__name__ not in RESULTS:
        assert ">>>" in text


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_parameters_are_described(cls):
    section = cls.__doc__.partition("Parameters\n")[2]
    for name in inspect.signature(cls.__init__).parameters:
        assert name == "self" or name in section, name


def test_the_list_of_results_is_not_stale():
    assert {param.values[0].__name__ for param in PUBLIC} >= RESULTS

"""Every public name is documented, and what can be called shows how."""

import inspect
from importlib import import_module

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
    "Run", "TrainingReport", "TrainingResult",
}  # fmt: skip


def public():
    for part in PARTS:
        package = import_module(f"ohlcvml.{part}")
        for name in package.__all__:
            item = getattr(package, name)
            if inspect.isclass(item) or inspect.isfunction(item):
                yield f"{part}.{name}", item


PUBLIC = dict(public())


def test_public_names_are_documented():
    poor = []
    for name, item in PUBLIC.items():
        text = (item.__dict__.get("__doc__") if inspect.isclass(item) else item.__doc__) or ""
        begins = text.strip()[:1]
        shown = item.__name__ in RESULTS or ">>>" in text
        if not (begins.isupper() or begins in ("`", "'", '"')) or not shown:
            poor.append(name)
    assert not poor


def test_parameters_are_described():
    missing = []
    for name, cls in all_estimators():
        section = cls.__doc__.partition("Parameters\n")[2]
        told = inspect.signature(cls.__init__).parameters
        missing += [(name, key) for key in told if key != "self" and key not in section]
    assert not missing


def test_the_list_of_results_is_not_stale():
    assert {item.__name__ for item in PUBLIC.values()} >= RESULTS

"""What has a default is given by name, in public functions and splitters."""

import inspect
from importlib import import_module

from ohlcvml.registry import STAGES, all_estimators


def by_position(call):
    """Parameters after the first that have a default and can be given by position."""
    parameters = [p for p in inspect.signature(call).parameters.values() if p.name != "self"]
    return [
        p.name
        for p in parameters[1:]
        if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is not p.empty
    ]


def test_options_are_given_by_name():
    calls = {
        f"{part}.{name}": getattr(package, name)
        for part in (*STAGES, "testing")
        for package in [import_module(f"ohlcvml.{part}")]
        for name in package.__all__
        if inspect.isfunction(getattr(package, name))
    }
    calls |= {name: cls.__init__ for name, cls in all_estimators("splitter")}
    assert not {name: found for name, call in calls.items() if (found := by_position(call))}

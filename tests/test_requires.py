"""One error where an optional package is missing."""

import ast
from pathlib import Path

import pytest

import ohlcvml
from ohlcvml._requires import require
from ohlcvml.exceptions import MissingDependencyError


def test_a_module_that_is_here_is_returned():
    assert require("os.path", extra=None, who="test").join("a", "b")


@pytest.mark.parametrize(
    ("module", "extra", "message"),
    [
        ("no_such.part", "report", "Who needs the package no_such: pip install 'ohlcvml[report]'."),
        ("no_such", None, "Who needs the package no_such: pip install 'no_such'."),
    ],
)
def test_a_missing_module_names_the_extra(module, extra, message):
    with pytest.raises(MissingDependencyError) as caught:
        require(module, extra=extra, who="Who")
    assert str(caught.value) == message
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_package_is_named_as_it_is_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "chronos", None)
    with pytest.raises(MissingDependencyError, match="needs the package chronos-forecasting: "):
        require("chronos.chronos2", extra="foundation", who="Who")


def test_the_error_is_made_in_one_place():
    """But for parts of other libraries, whose packages come with no extra of ours."""
    package = Path(ohlcvml.__file__).parent
    makers = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == (
                "MissingDependencyError"
            ):
                makers.add(path.relative_to(package).as_posix())
    assert makers == {"_requires.py", "models/configs/_named_parts.py"}

"""Parameter rules: what they accept, and the value each carries that breaks it."""

import os
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from ohlcvml import _checks
from ohlcvml._checks import (
    any_value,
    boolean,
    check_parameters,
    check_value,
    duration,
    each,
    either,
    instance_of,
    integer,
    jobs,
    none,
    odd,
    one_of,
    optional,
    real,
    string,
    threads,
)
from ohlcvml.exceptions import OhlcvmlError, ParameterError

NAN, INF = float("nan"), float("inf")
CASES = {
    "integer": (integer(1, 5), [1, 5, np.int8(3)], [0, 6, 2.0, True, "2", None, np.bool_(1)]),
    "low": (integer(0), [0, 10**12], [-1, 1.5]),
    "any integer": (integer(), [-3, 0], [1.5, "1"]),
    "real": (real(0.0, 1.0), [0, 1, 0.5, np.float32(0.5), Fraction(1, 2)], [-0.1, 1.1, NAN, True]),
    "open": (real(0.0, open_low=True), [1e-9, 5], [0.0, INF, NAN, "1"]),
    "any real": (real(), [-1e9, 3], [INF, -INF, None]),
    "odd": (odd(), [1, 3, np.int64(5)], [0, 2, -1, 1.0, True, "3"]),
    "one_of": (one_of(-1, 1, "a", None), [-1, 1, "a", None], [True, 1.0, 0, "b"]),
    "boolean": (boolean(), [True, False, np.bool_(True)], [0, 1, "yes", None]),
    "string": (string(), ["a"], ["", 3, None]),
    "none": (none(), [None], [0, "", "none"]),
    "instance_of": (instance_of(list, dict), [[], {}], [(), 1]),
    "either": (either(integer(1), one_of(-1)), [1, 7, -1], [0, -2, 1.0]),
    "optional": (optional(real(0.0)), [None, 1.0], [-1.0, "a"]),
    "each": (each(integer(1)), [(1, 2), [3]], [(), (0,), (1, "a"), 1, {1: 2}, "12"]),
    "jobs": (jobs(), [1, 8, -1], [0, -2, 1.5, None]),
    "duration": (
        duration(),
        ["5min", "1D", pd.Timedelta("1h")],
        [5, 0.5, "", "soon", "-1h", "0s", None, pd.NaT, np.timedelta64(1, "h")],
    ),
    "each, empty": (each(string(), empty=True), [(), ["a"]], [("a", 1), "a"]),
}


@pytest.mark.parametrize(("rule", "good", "bad"), CASES.values(), ids=CASES)
def test_what_a_rule_accepts(rule, good, bad):
    assert [value for value in good if not rule.accepts(value)] == []
    assert [value for value in bad if rule.accepts(value)] == []


@pytest.mark.parametrize(("rule", "good", "bad"), CASES.values(), ids=CASES)
def test_the_bad_value_of_a_rule_breaks_it(rule, good, bad):
    assert not rule.accepts(rule.bad)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (integer(), "an integer"),
        (integer(1), "an integer of at least 1"),
        (integer(1, 5), "an integer in [1, 5]"),
        (real(None, 2.0), "a finite number of at most 2.0"),
        (real(0.0, 1.0, open_low=True), "a finite number in (0.0, 1.0]"),
        (real(0.0, open_low=True), "a finite number above 0.0"),
        (optional(one_of("a", "b")), "one of 'a', 'b' or None"),
        (
            each(integer(1)),
            "a non-empty tuple or list whose every item is an integer of at least 1",
        ),
        (instance_of(int, str), "an instance of int or str"),
    ],
)
def test_rules_in_words(rule, text):
    assert rule.text == text


def test_anything_is_accepted_where_it_is_checked_elsewhere():
    assert any_value().accepts(object())


def test_the_message_has_one_form():
    with pytest.raises(ParameterError) as caught:
        check_value("backtest", "capital", real(0.0), -5, "Pass money.")
    assert str(caught.value) == (
        "backtest: parameter 'capital' must be a finite number of at least 0.0; got -5. Pass money."
    )
    assert isinstance(caught.value, OhlcvmlError)
    assert isinstance(caught.value, ValueError)


def test_parameters_are_checked_against_the_rules_of_the_class():
    class Estimator:
        _parameter_rules = {"window": integer(1), "name": string()}

        def __init__(self, window, name):
            self.window, self.name = window, name

    check_parameters(Estimator(3, "a"))
    with pytest.raises(ParameterError, match="Estimator: parameter 'window' must be an integer"):
        check_parameters(Estimator(0, "a"))


def test_one_thread_per_core_stands_for_minus_one():
    assert (threads(3), threads(-1)) == (3, os.cpu_count() or 1)


def test_every_kind_of_rule_is_tested():
    kinds = {name for name in _checks.__all__ if name[0].islower() and "check" not in name}
    tested = {name.partition(" ")[0].rstrip(",") for name in CASES} | {"any_value", "threads"}
    assert kinds <= tested

"""Parameter rules: what they accept, and the value each carries that breaks it."""

import inspect
import os
import subprocess
import sys
from fractions import Fraction

import joblib
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
)
from ohlcvml._threads import one_blas_thread, threads
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


def threads_of_a_process(setup="", **environment):
    """What -1 stands for in a process of its own."""
    code = f"import os\n{setup}\nfrom ohlcvml._threads import threads\nprint(threads(-1))"
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"} | environment
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    return int(run.stdout)


def test_a_number_of_threads_stands_for_itself():
    assert threads(3) == 3


def test_minus_one_stands_for_omp_num_threads(monkeypatch):
    for told, expected in [("7", 7), ("3,2", 3), (" 5 ", 5)]:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert threads(-1) == expected
    for told in ("", "0", "-2", "many"):  # as OpenMP itself: not heard
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert threads(-1) == joblib.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_minus_one_stands_for_the_processors_this_process_may_use():
    pinned = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    assert threads_of_a_process(pinned) == 1
    assert threads_of_a_process(pinned, OMP_NUM_THREADS="3") == 3


QUOTA = """
import builtins, io
files = {files!r}
real_open, real_exists = builtins.open, os.path.exists
os.path.exists = lambda path: path in files if "/cgroup/" in str(path) else real_exists(path)
builtins.open = lambda path, *a, **k: (
    io.StringIO(files[path]) if path in files else real_open(path, *a, **k)
)
"""


@pytest.mark.parametrize(
    "files",
    [
        {"/sys/fs/cgroup/cpu.max": "100000 100000"},
        {
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    ],
    ids=["version 2", "version 1"],
)
def test_minus_one_knows_the_quota_of_a_container(files):
    assert threads_of_a_process(QUOTA.format(files=files)) == 1


def test_one_blas_thread_until_the_last_fit_is_over():
    import scipy.linalg  # noqa: F401  a BLAS of its own, which must be loaded to be counted
    from threadpoolctl import threadpool_info, threadpool_limits

    def counts():
        return {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}

    with threadpool_limits(limits=2, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert counts() == {1}
        second.__exit__(None, None, None)
        assert counts() == ({2} if (os.cpu_count() or 1) > 1 else {1})
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        1 / 0


def test_every_kind_of_rule_is_tested():
    kinds = {
        name
        for name, item in vars(_checks).items()
        if inspect.isfunction(item) and item.__annotations__.get("return") == "Rule"
    }
    tested = {name.partition(" ")[0].rstrip(",") for name in CASES} | {"any_value"}
    assert kinds <= tested

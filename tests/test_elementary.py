"""Elementary functions of our own: close to the exact values, and the same alone as in an array."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml._elementary import cosines, exponentials, logarithms, sines

numbers = st.floats(2.0**-1000, 1e300) | st.floats(0.4, 3.0)
angles = st.floats(-1e5, 1e5)
CASES = [
    (logarithms, np.log, numbers, lambda exact: np.spacing(np.abs(exact))),
    (exponentials, np.exp, st.floats(-700, 700), lambda exact: 2 * np.spacing(exact)),
    (sines, np.sin, angles, lambda _: 2.3e-16),
    (cosines, np.cos, angles, lambda _: 2.3e-16),
]


@pytest.mark.parametrize(("ours", "exact", "values", "error"), CASES)
def test_close_to_the_exact_values_and_one_by_one_the_same(ours, exact, values, error):
    @settings(max_examples=50, deadline=None)
    @given(st.lists(values, min_size=1, max_size=40))
    def check(x):
        x = np.array(x)
        want, have = exact(x.astype(np.longdouble)), ours(x)
        assert (np.abs(have - want) <= error(want.astype(float))).all()
        assert np.array_equal(have, [ours(x[i : i + 1])[0] for i in range(len(x))])

    check()


def test_special_values():
    x = np.array([1.0, np.nan, 0.0, -1.0, np.inf])
    np.testing.assert_array_equal(logarithms(x), [0.0, np.nan, np.nan, np.nan, np.inf])
    powers = np.exp2(np.arange(-50, 50))
    assert (logarithms(powers) == np.log(powers)).all()
    x = np.array([-0.0, -800.0, -np.inf, -1e-320, 800.0, np.inf, np.nan])
    np.testing.assert_array_equal(exponentials(x), [1, 0, 0, 1, np.inf, np.inf, np.nan])

"""Logarithms as vectors."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.features._logarithm import logarithms

numbers = st.floats(2.0**-1000, 1e300)


def logs(values):
    values = np.array(values)
    logarithms(values, len(values), np.empty(len(values)))
    return values


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(numbers, st.floats(0.4, 3.0)), min_size=1, max_size=40))
def test_off_by_two_units_in_the_last_place_at_most(values):
    exact = np.log(np.array(values).astype(np.longdouble))
    assert (np.abs(logs(values) - exact) <= 2 * np.spacing(np.abs(exact.astype(float)))).all()


@given(st.lists(numbers, min_size=1, max_size=40))
def test_many_at_once_have_the_bits_of_one(values):
    assert np.array_equal(logs(values), [logs([value])[0] for value in values])


def test_special_values():
    np.testing.assert_array_equal(logs([1.0, np.nan, 0.0, -1.0]), [0.0, np.nan, np.nan, np.nan])
    assert (logs(np.exp2(np.arange(-50, 50))) == np.log(np.exp2(np.arange(-50, 50)))).all()

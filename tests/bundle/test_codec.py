"""The codec: what goes in comes out, of the same type; what cannot is named by its path."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sktime.datatypes._dtypekind import DtypeKind

from ohlcvml.bars import Contract, Costs, contract
from ohlcvml.bundle._codec import MAX_DEPTH, Decoder, Encoder
from ohlcvml.exceptions import BundleError
from tests.bundle.conftest import Centre


def same(a, b):
    """Equal in type and value, all the way down; NaN equals NaN and -0.0 is not 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, np.ndarray):
        same_form = a.dtype == b.dtype and a.shape == b.shape
        return same_form and (a.tobytes() == b.tobytes() if a.dtype != object else (a == b).all())
    if isinstance(a, (float, np.floating)):
        return np.array(a).tobytes() == np.array(b).tobytes() or (a != a and b != b)
    if isinstance(a, (np.datetime64, np.timedelta64)):
        return a.dtype == b.dtype and a.astype("i8") == b.astype("i8")
    return a == b


def through(value):
    encoder = Encoder()
    node = encoder.encode(value)
    return Decoder(encoder.arrays, encoder.parts).decode(node)


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**130), 2**130),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(list(DtypeKind)),
    st.dates(),
    st.floats(width=32).map(np.float32),
    st.integers(-100, 100).map(np.int8),
    st.text("abc", max_size=3).map(np.str_),
    st.booleans().map(np.bool_),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: np.int64(v).view("M8[ns]")),
)
dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(),
    hnp.unsigned_integer_dtypes(),
    hnp.floating_dtypes(sizes=(16, 32, 64)),
    hnp.datetime64_dtypes(),
    hnp.timedelta64_dtypes(),
    hnp.unicode_string_dtypes(max_len=3),
)
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
keys = st.one_of(st.text(max_size=3), st.integers(), st.text("xy").map(np.str_), st.booleans())
nested = st.recursive(
    plain | arrays,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=50)
@given(nested)
def test_nested_values_come_back_exactly(value):
    assert same(through(value), value)


@settings(deadline=None, max_examples=30)
@given(nested)
def test_encoding_is_deterministic(value):
    first, second = Encoder(), Encoder()
    assert first.encode(value) == second.encode(value)
    assert list(first.arrays) == list(second.arrays)


def test_through_text_and_bytes(roundtrip):
    value = {"a": [1.5, float("inf"), (np.float64(0.1), None)], 3: np.arange(6).reshape(2, 3)}
    assert same(roundtrip(value), value)


def test_column_major_arrays_stay_so():
    value = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    again = through(value)
    assert again.flags.f_contiguous
    assert np.array_equal(again, value)


def test_loaded_arrays_can_be_written(roundtrip):
    again = roundtrip(np.zeros(3))
    again[0] = 1.0
    assert again.tolist() == [1.0, 0.0, 0.0]


def test_string_objects_in_arrays():
    value = np.array(["up", "down"], dtype=object)
    assert same(through(value), value)


def test_shared_objects_stay_one_object():
    array, part = np.arange(3.0), Centre()
    again = through({"x": array, "y": [array, part], "z": (part,)})
    assert again["x"] is again["y"][0]
    assert again["y"][1] is again["z"][0]


def test_equal_but_separate_objects_stay_separate():
    again = through([[1], [1]])
    assert again[0] is not again[1]


def test_cycles_are_refused_by_path():
    inner = [1]
    inner.append({"back": inner})
    with pytest.raises(BundleError, match=r"\$\[1\]\['back'\] refers back to \$,"):
        Encoder().encode(inner)


def test_estimator_keeps_state_and_drops_the_fit_time(bars):
    fitted = Centre(kept=(1, "a")).fit(bars)
    fitted.fit_time_ = 12
    again = through(fitted)
    assert again.get_params() == fitted.get_params()
    assert same(again.mean_, fitted.mean_)
    assert not hasattr(again, "fit_time_")


def test_attributes_deleted_after_construction_stay_deleted():
    value = Centre()
    del value._is_fitted
    assert "_is_fitted" not in vars(through(value))


def test_contracts_costs_and_dates():
    value = [contract("MES"), Contract("X", 1.0, 2.0, valid_from=date(2020, 1, 2)), Costs(0.6, 1.0)]
    assert through(value) == value


def test_a_refusal_names_the_attribute():
    value = Centre(inner=Centre())
    value.inner.clf_ = [0, Centre()]
    value.inner.clf_[1]._foo = lambda: 0
    with pytest.raises(BundleError, match=r"\$\.inner\.clf_\[1\]\._foo is builtins\.function"):
        Encoder().encode(value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        b"raw",
        1j,
        np.array([1j]),
        np.array([object()]),
        np.random.default_rng(0),
        pd.DataFrame({"a": [1]}),
        pd.Timestamp("2025-01-01"),
        print,
        int,
        range(3),
        np.ma.masked_array([1.0]),
        np.zeros(2, dtype=[("a", "f8")]),
        1 << 5000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused(value):
    with pytest.raises(BundleError, match=r"\$\['a'\]"):
        Encoder().encode({"a": value})


def test_unregistered_classes_are_refused():
    class Foreign(Centre):
        pass

    with pytest.raises(BundleError, match=r"\$ is .*Foreign, which a bundle cannot hold"):
        Encoder().encode(Foreign())


def test_deep_nesting_is_refused():
    value = []
    for _ in range(MAX_DEPTH + 5):
        value = [value]
    with pytest.raises(BundleError, match="nested deeper"):
        Encoder().encode(value)


@pytest.mark.parametrize(
    "node",
    [
        {"type": "estimator", "class": "os.system", "parameters": {}, "state": {}},
        {"type": "estimator", "class": "ohlcvml.bars.Costs", "parameters": {}, "state": {}},
        {"type": "enum", "class": "sktime.datatypes._dtypekind.DtypeKind", "name": "__class__"},
        {"type": "dataclass", "class": "subprocess.Popen", "fields": {}},
        {"type": "array", "key": "a0", "dtype": "O", "order": "C"},
        {"type": "strings", "dtype": "O", "shape": [1], "items": [1]},
        {"type": "strings", "dtype": "<U500000000", "shape": [1], "items": ["a"]},
        {"type": "scalar", "dtype": "O", "value": 1},
        {"type": "ref", "id": 7},
        {"type": "nothing"},
        {"no": "type"},
        [1, 2],
        {"type": "sklearn", "file": "../../etc/passwd", "extra": {"type": "dict", "items": []}},
    ],
)
def test_crafted_nodes_are_refused(node):
    with pytest.raises(BundleError, match="load:"):
        Decoder({"a0": np.zeros(1)}, {}).decode(node)


def test_a_bundle_cannot_set_special_attributes():
    path = f"{Centre.__module__}.Centre"
    node = {"type": "estimator", "class": path, "parameters": {}, "state": {"__class__": 1}}
    with pytest.raises(BundleError, match="attribute called '__class__'"):
        Decoder({}, {}).decode(node)


def test_changed_parameters_are_explained():
    path = f"{Centre.__module__}.Centre"
    node = {"type": "estimator", "class": path, "parameters": {"gone": 1}, "state": {}}
    with pytest.raises(BundleError, match="parameters have changed since"):
        Decoder({}, {}).decode(node)

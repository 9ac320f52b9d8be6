"""Policies: what they change, what they leave alone, and that they say so exactly."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import check_bars, simulate_bars, validate_bars
from ohlcvml.exceptions import DataError

CLEAN = simulate_bars(400, seed=2).bars
PRICES = ["open", "high", "low", "close"]


def planted(faults):
    """Bars with faults at the rows given, as (kind, row) pairs."""
    bars = CLEAN.copy()
    order = list(range(len(bars)))
    for kind, row in faults:
        if kind == "nan":
            bars.iloc[row, row % 4] = np.nan
        elif kind == "zero":
            bars.iloc[row, :4] = 0.0
        elif kind == "ohlc":
            bars.iloc[row, 1] = bars.iloc[row, 2] - 1.0
        elif kind == "volume":
            bars.iloc[row, 4] = -5.0
        elif kind == "scale":
            bars.iloc[row, :4] = bars.iloc[row, :4].to_numpy() * 100.0
        elif kind == "duplicate":
            order.insert(order.index(row), row)
        elif kind == "swap":
            at = order.index(row)
            order[at - 1], order[at] = order[at], order[at - 1]
    return bars.iloc[order]


FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["nan", "zero", "ohlc", "volume", "scale", "duplicate", "swap"]),
        st.integers(5, 390),
    ),
    max_size=8,
    unique_by=lambda fault: fault[1] // 3,
)


@given(FAULTS, st.sampled_from(["repair", "drop"]))
@settings(deadline=None, max_examples=40)
def test_what_comes_back_keeps_the_contract_and_untouched_rows_their_bits(faults, policy):
    bars = planted(faults)
    before = bars.copy()
    mended, report = validate_bars(bars, policy=policy)
    pd.testing.assert_frame_equal(bars, before)
    check_bars(mended, "test")
    assert report.ok
    assert validate_bars(mended, policy="report").report.errors == ()
    touched = bars.index[np.concatenate([c.rows for c in report.changes] or [[]]).astype(int)]
    same = mended.index.difference(touched)
    assert np.array_equal(mended.loc[same].to_numpy(), CLEAN.loc[same].to_numpy())
    assert set(mended.index) >= set(CLEAN.index) - set(touched)
    for change in report.changes:
        assert change.index.equals(bars.index[change.rows])
        assert change.count == len(change.rows)


@given(FAULTS)
@settings(deadline=None, max_examples=20)
def test_the_account_of_removed_rows_adds_up(faults):
    mended, report = validate_bars(planted(faults), policy="drop")
    removed = [c.rows for c in report.changes]
    assert all(c.action == "removed" for c in report.changes)
    rows = np.concatenate(removed or [[]])
    assert len(np.unique(rows)) == len(rows) == report.n_bars - report.n_bars_out
    assert report.n_bars_out == len(mended)


def test_bars_without_errors_come_back_themselves():
    bars = CLEAN.copy()
    bars.iloc[5, 4] = 0.0  # an info
    for policy in ("raise", "report", "repair", "drop"):
        checked, report = validate_bars(bars, policy=policy)
        assert checked is bars
        assert report.changes == ()


def test_raise_names_the_errors_and_the_remedy():
    with pytest.raises(DataError, match=r"ohlc \(1\).*2024-01-02 00:30:00") as caught:
        validate_bars(planted([("ohlc", 30), ("nan", 40)]))
    assert "missing_price (1)" in str(caught.value)
    assert "mend with 'repair'" in str(caught.value)


def test_repair_sorts_and_removes_copies():
    bars = CLEAN.iloc[[0, 2, 1, 3, 3, *range(4, 400)]]
    mended, report = validate_bars(bars, policy="repair")
    pd.testing.assert_frame_equal(mended, CLEAN, check_freq=False)
    done = {c.kind: (c.action, c.rows.tolist()) for c in report.changes}
    assert done == {"back_step": ("sorted by time", [2]), "duplicate": ("removed", [4])}


def test_repair_keeps_the_last_of_conflicting_rows_and_drop_none():
    bars = CLEAN.iloc[[*range(10), 9, *range(10, 400)]].copy()
    bars.iloc[10, 4] = 7.0
    assert validate_bars(bars, policy="repair").bars["volume"].iloc[9] == 7.0
    dropped, report = validate_bars(bars, policy="drop")
    assert CLEAN.index[9] not in dropped.index
    assert report.changes[0].rows.tolist() == [9, 10]


def test_a_faulty_row_that_comes_twice_is_accounted_for_once_each():
    bars = planted([("nan", 30), ("ohlc", 60)]).iloc[[*range(31), *range(30, 61), *range(60, 400)]]
    report = validate_bars(bars, policy="repair").report
    done = [(c.kind, c.rows.tolist()) for c in report.changes]
    assert done == [("duplicate", [31, 62]), ("missing_price", [30]), ("ohlc", [61])]


def test_drop_removes_late_rows():
    bars = CLEAN.iloc[[*range(10), 20, *range(10, 20), *range(21, 400)]]
    dropped, report = validate_bars(bars, policy="drop")
    assert report.changes[0].rows.tolist() == list(range(11, 21))
    assert len(dropped) == 390


def test_repair_widens_high_and_low_and_nothing_else():
    bars = planted([("ohlc", 30)])
    mended = validate_bars(bars, policy="repair").bars
    row, given_ = mended.iloc[30], bars.iloc[30]
    assert row["high"] == given_[PRICES].max()
    assert row["low"] == given_[PRICES].min()
    assert (row["open"], row["close"]) == (given_["open"], given_["close"])


def test_repair_removes_a_row_torn_beyond_widening():
    bars = CLEAN.copy()
    bars.iloc[50, 3] *= 100.0  # the close alone
    mended, report = validate_bars(bars, policy="repair")
    assert CLEAN.index[50] not in mended.index
    assert [(c.kind, c.action) for c in report.changes] == [("ohlc", "removed")]


def test_repair_divides_by_the_power_of_ten():
    bars = CLEAN.copy()
    bars.iloc[100:150, :4] = np.round(bars.iloc[100:150, :4] * 1e5)
    bars.iloc[200:, :4] = bars.iloc[200:, :4] / 100.0
    mended, report = validate_bars(bars.iloc[:300], policy="repair")
    np.testing.assert_allclose(mended, CLEAN.iloc[:300], rtol=1e-15)
    assert report.changes[0].count == 150


def test_repair_takes_differences_of_cumulative_volume():
    bars = simulate_bars(3000, seed=0).bars
    running = bars.copy()
    running["volume"] = bars["volume"].groupby(bars.index.date).cumsum()
    mended, report = validate_bars(running, policy="repair")
    pd.testing.assert_frame_equal(mended, bars)
    assert report.changes[0].kind == "cumulative_volume"
    with pytest.raises(DataError, match="cannot mend"):
        validate_bars(running, policy="drop")


def test_repair_of_symbols_does_not_mix_them():
    bars = simulate_bars(200, seed=0, n_symbols=2).bars
    order = [1, 0, *range(2, 200), *range(200, 400), 399]
    mended, report = validate_bars(bars.iloc[order], policy="repair")
    pd.testing.assert_frame_equal(mended, bars)
    assert report.n_symbols == 2
    assert {c.kind for c in report.changes} == {"back_step", "duplicate"}


def test_warnings_change_nothing_unless_named():
    bars = simulate_bars(1000, seed=0).bars
    bars.iloc[500, 1:4] *= [1.05, 1.0, 1.05]
    assert validate_bars(bars, policy="repair").bars is bars
    mended, report = validate_bars(bars, policy="repair", errors=("spike",))
    assert report.changes[0].rows.tolist() == [500]
    assert len(mended) == 999
    assert validate_bars(bars, policy="report", ignore=("spike",)).report.findings == ()


def test_named_off_tick_prices_are_rounded():
    bars = CLEAN.copy()
    bars.iloc[20, 1] += 0.1
    mended = validate_bars(bars, contract="ES", policy="repair", errors=("off_tick",)).bars
    pd.testing.assert_frame_equal(mended, CLEAN)


def test_sessions_never_remove_a_row_silently():
    bars = simulate_bars(3000, seed=0, start="2024-05-06").bars  # around the clock
    for policy in ("repair", "drop"):
        checked, report = validate_bars(bars, contract="ES", policy=policy)
        assert checked is bars
        assert report.count("outside_session") == 120
    named, report = validate_bars(bars, contract="ES", policy="drop", errors=("outside_session",))
    assert len(named) == 3000 - 120
    assert report.changes[0].kind == "outside_session"


def test_what_cannot_be_mended_raises():
    bars = CLEAN.copy()
    bars[PRICES] *= 100.0
    with pytest.raises(DataError, match="scale=1e-2 would fit"):
        validate_bars(bars, contract="ES", policy="repair")
    with pytest.raises(DataError, match="would leave no row"):
        validate_bars(CLEAN * np.nan, policy="drop")


def test_extra_columns_and_attrs_stay():
    bars = planted([("nan", 30), ("ohlc", 60)])
    bars["contract"] = 202403
    bars.attrs["symbol"] = "SIM"
    mended = validate_bars(bars, policy="repair").bars
    assert mended["contract"].dtype == bars["contract"].dtype
    assert mended.attrs == {"symbol": "SIM"}


def test_the_account_is_printed():
    text = str(validate_bars(planted([("nan", 30)]), policy="repair").report)
    assert "changed missing_price" in text
    assert "400 rows in, 399 rows out" in text

"""What a splitter accepts, and what it says to what it does not accept."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.splits import CombinatorialPurgedCV, PurgedHoldout, PurgedKFold, WalkForward

from .cases import Case, minutes

EVERY = [PurgedKFold, CombinatorialPurgedCV, WalkForward, PurgedHoldout]
N = 400
BARS = minutes(N)
CASE = Case(BARS, np.arange(N), np.minimum(np.arange(N) + 8, N - 1))
LABELS = CASE.labels


def rows_of(splits):
    return [(train.tolist(), test.tolist()) for train, test in splits]


EXPECTED = rows_of(PurgedKFold(2, embargo=5).split(LABELS))


@pytest.mark.parametrize("cls", EVERY)
def test_missing_ends_raise_at_the_call(cls):
    cv = cls(embargo=0) if "embargo" in cls._parameter_rules else cls()
    with pytest.raises(DataError, match=r"400 of 400 rows have none.*allow_missing_ends=True"):
        cv.split(BARS)


def test_one_missing_end_raises_too():
    holed = LABELS.copy()
    holed.loc[BARS[7], "end"] = pd.NaT
    with pytest.raises(DataError, match="1 of 400 rows"):
        PurgedKFold(2, embargo=0).split(holed)


@pytest.mark.parametrize("cls", EVERY)
def test_opt_out_is_recorded(cls):
    bars = minutes(3000)
    cv = cls(allow_missing_ends=True)
    record = cv.report(pd.Series(0.0, index=bars)).attrs
    assert record["n_missing_ends"] == 3000
    assert record["allow_missing_ends"] is True
    assert record["purge"] == 60


def test_ends_come_from_groups_constructor_table_or_y():
    ends = LABELS["end"]
    cv, series = PurgedKFold(2, embargo=5), pd.Series(0.0, index=BARS)
    assert rows_of(cv.split(series, groups=ends)) == EXPECTED
    assert rows_of(cv.split(BARS, groups=ends.to_numpy().tolist())) == EXPECTED
    assert rows_of(cv.split(series, LABELS)) == EXPECTED
    assert rows_of(PurgedKFold(2, embargo=5, label_ends=ends).split(series)) == EXPECTED
    assert rows_of(PurgedKFold(2, embargo=5, label_ends=BARS[CASE.last]).split(BARS)) == EXPECTED


def test_groups_go_before_the_table():
    long = BARS[np.minimum(np.arange(N) + 100, N - 1)]
    train, _ = next(iter(PurgedKFold(2, embargo=0).split(LABELS, groups=long)))
    assert train[0] == 300  # p is 100, the longest label


def test_a_series_of_ends_is_matched_by_stamp():
    shuffled = LABELS["end"].sample(frac=1.0, random_state=0)
    cv = PurgedKFold(2, embargo=5, label_ends=shuffled, bar_index=BARS)
    assert rows_of(cv.split(BARS)) == EXPECTED
    part = rows_of(cv.split(BARS[100:300]))
    assert part == rows_of(PurgedKFold(2, embargo=5, bar_index=BARS).split(LABELS.iloc[100:300]))


def test_rows_without_stamps_take_those_of_the_series_of_ends():
    X = np.zeros((N, 3, 4))  # a panel of windows, as sktime has it
    cv = PurgedKFold(2, embargo=5, label_ends=LABELS["end"])
    assert rows_of(cv.split(X)) == EXPECTED
    assert rows_of(cv.split(pd.RangeIndex(N))) == EXPECTED


def test_plain_numbers_are_bars():
    cv = PurgedKFold(2, embargo=5)
    assert rows_of(cv.split(np.zeros((N, 2)), groups=CASE.last)) == EXPECTED
    with pytest.raises(ParameterError, match="no time stamps"):
        PurgedKFold(2).split(np.zeros(N), groups=CASE.last)
    with pytest.raises(ParameterError, match="'embargo' may be a span of time only"):
        PurgedKFold(2, embargo="2h").split(np.zeros(N), groups=CASE.last)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_time_does_not_matter(unit):
    table = LABELS.set_axis(BARS.as_unit(unit))
    table["end"] = table["end"].dt.as_unit("us")
    assert rows_of(PurgedKFold(2, embargo=5, bar_index=BARS).split(table)) == EXPECTED


def test_periods_are_bars_too():
    index = pd.period_range("2000-01", periods=N, freq="M")
    table = pd.DataFrame({"end": index[CASE.last]}, index=index)
    assert rows_of(PurgedKFold(2, embargo=5).split(table)) == EXPECTED


def test_censored_rows_take_no_part():
    table = LABELS.assign(censored=False)
    table.iloc[-8:, table.columns.get_loc("censored")] = True
    table.iloc[-3:, table.columns.get_loc("end")] = pd.NaT
    cv = PurgedKFold(2, embargo=5)
    tested = np.concatenate([test for _, test in cv.split(table)])
    np.testing.assert_array_equal(tested, np.arange(N - 8))
    assert cv.report(table).attrs["n_censored"] == 8


def test_labels_cut_at_the_end_are_still_every_bar():
    assert PurgedKFold(2, embargo=0).report(LABELS.iloc[:-50]).attrs["n_bars"] == 350


def test_a_part_of_the_bars_is_told_by_ends_without_a_row():
    with pytest.raises(DataError, match=r"end on a stamp that has no row.*Pass bar_index"):
        PurgedKFold(2, embargo=0).split(LABELS.drop(BARS[[40, 50]]))


def test_a_part_of_the_bars_is_told_by_its_time_exits():
    part = Case(BARS, np.arange(0, N - 20, 10), np.arange(0, N - 20, 10) + 20, horizon=20).labels
    part["exit"] = 2
    with pytest.raises(DataError, match=r"horizon of 20 bars end at most 2 rows later"):
        PurgedKFold(2, embargo=0).split(part)
    assert PurgedKFold(2, embargo=0, bar_index=BARS).report(part).attrs["n_bars"] == N


def test_an_end_between_two_bars_belongs_to_the_bar_it_lies_in():
    table = LABELS.assign(end=LABELS["end"] + pd.Timedelta("2min"))
    assert rows_of(PurgedKFold(2, embargo=5, bar_index=BARS).split(table)) == EXPECTED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(end=t["end"] - pd.Timedelta("1h")), "must not end before it is taken"),
        (lambda t: t.assign(end=t["end"].dt.tz_localize(None)), "stamps of the same kind"),
        (lambda t: t.assign(end=1), "stamps of the same kind"),
        (lambda t: t.set_axis(t.index + pd.Timedelta("1min")), "row 0 .* is not among"),
        (
            lambda t: t.set_axis(t.index.tz_localize(None)).assign(end=BARS.tz_localize(None)),
            "bar_index must hold stamps",
        ),
        (lambda t: t.set_axis(t.index.astype(str)), "must be time stamps, periods or integers"),
        (lambda t: t.iloc[:0], "got 0 rows"),
        (lambda t: t.assign(censored=True), "all 400 are censored"),
    ],
)
def test_labels_that_do_not_match_the_bars_raise(change, message):
    with pytest.raises(DataError, match=message):
        PurgedKFold(2, embargo=0, bar_index=BARS).split(change(LABELS))


def test_as_many_ends_as_rows():
    with pytest.raises(DataError, match="got 3 ends for 400 rows"):
        PurgedKFold(2, embargo=0).split(BARS, groups=BARS[:3])


def test_an_empty_training_fold_raises_with_its_numbers():
    message = "split 0 of 2 has no training rows: 400 rows on 400 bars, 200 of them tested, purge "
    with pytest.raises(DataError, match=message + "60 bars, embargo 150 bars"):
        list(PurgedKFold(2, embargo=150).split(LABELS))
    with pytest.raises(DataError, match="embargo 0 days 20:00:00"):
        list(PurgedKFold(2, embargo="20h").split(LABELS))
    with pytest.raises(DataError, match="the train part has no rows left: 80 rows on 400 bars"):
        PurgedHoldout(bar_index=BARS).parts(LABELS.iloc[:80])


def test_an_empty_test_fold_raises_with_its_numbers():
    with pytest.raises(DataError, match="got 3 rows for 5 groups"):
        PurgedKFold(5, embargo=0, bar_index=BARS).split(LABELS.iloc[:3])
    crowd = pd.concat([LABELS.iloc[:1]] * 50 + [LABELS.iloc[300:350]])
    with pytest.raises(DataError, match=r"group . of 10 is empty: 100 rows stand on 51 bars"):
        PurgedKFold(10, embargo=0, bar_index=BARS).split(crowd)


def test_integers_stay_exact_beside_missing_ends():
    """No float64 holds them: stamps of ticks are of this size."""
    bars = pd.Index(np.arange(N) + 2**60 + 1)
    ends = [*(CASE.last[:-8] + bars[0]), *[None] * 4, *[pd.NA] * 4]
    splits = PurgedKFold(2, embargo=5, allow_missing_ends=True).split(bars, groups=ends)
    late = LABELS["end"].where(np.arange(N) < N - 8)
    expected = PurgedKFold(2, embargo=5, allow_missing_ends=True).split(BARS, groups=late)
    assert rows_of(splits) == rows_of(expected)


@pytest.mark.parametrize(
    ("rows", "ends", "message"),
    [
        (range(N), np.arange(N) + 0.5, "must be integers or missing"),
        (range(N), ["late"] * N, r"same kind as the rows \(integer\)"),
        (range(N), np.full(N, np.inf), "must be integers or missing"),
        (range(N), range(-1, N - 1), r"row 0 \(0\) ends at -1"),
        (BARS, [None] * N, "400 of 400 rows have none"),
        (BARS, ["late"] * N, "label ends must be stamps of the same kind as the rows"),
        (pd.date_range("3000", periods=N, freq="min", unit="s"), None, "between 1677 and 2262"),
    ],
    ids=["halves", "text", "infinite", "before the row", "none", "text for a time", "year 3000"],
)
def test_ends_that_say_no_bar_are_refused(rows, ends, message):
    with pytest.raises(DataError, match=message):
        PurgedKFold(2, embargo=0).split(pd.Index(rows), groups=ends)


def test_two_ends_for_one_stamp_are_refused():
    twice = pd.concat([LABELS["end"], LABELS["end"].iloc[:1]])
    with pytest.raises(DataError, match="one end per stamp; its index has duplicates"):
        PurgedKFold(2, embargo=0, label_ends=twice, bar_index=BARS).split(BARS)


def test_rows_of_an_array_are_split_as_those_of_a_series():
    cv, values = PurgedKFold(2, embargo=5, label_ends=CASE.last), np.arange(float(N))
    arrays, series = cv.split_series(values), cv.split_series(pd.Series(values))
    for pair, expected in zip(arrays, series, strict=True):
        for one, other in zip(pair, expected, strict=True):
            np.testing.assert_array_equal(np.ravel(one), other)


@pytest.mark.parametrize("cls", EVERY)
def test_every_parameter_has_a_rule_and_keeps_it(cls):
    rules = cls._parameter_rules
    assert set(rules) == set(cls.get_param_names())
    for name, rule in rules.items():
        if rule.text != "anything":
            with pytest.raises(ParameterError, match=f"{cls.__name__}: parameter '{name}' must"):
                cls(**{name: rule.bad})


@pytest.mark.parametrize("embargo", [-1, 1.0, 0.0, 1.5, "soon", "-2h", True, pd.NaT])
def test_an_embargo_is_bars_or_time_or_a_fraction(embargo):
    with pytest.raises(
        ParameterError, match=r"bars .* or a positive span of time .* or a fraction"
    ):
        PurgedKFold(embargo=embargo)


def test_shares_and_groups_must_leave_something_for_training():
    with pytest.raises(ParameterError, match="'validation'"):
        PurgedHoldout(validation=0.6, test=0.5)
    with pytest.raises(ParameterError, match="'n_test_groups'"):
        CombinatorialPurgedCV(4, n_test_groups=4)

"""The time of a bar is told by what the columns hold, whatever they are called."""

import itertools

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import as_bars, read_bars
from ohlcvml.exceptions import DataError

TIME = pd.DatetimeIndex(
    ["2025-01-02 09:30", "2025-01-02 09:31", "2025-01-02 15:00", "2025-01-03 09:30"]
)
UTC = TIME.tz_localize("America/New_York").tz_convert("UTC")
PRICES = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 9.0}


def table(**others):
    """Four bars with further columns; those named ``x_first`` stand before the prices."""
    first = {k.removesuffix("_first"): v for k, v in others.items() if k.endswith("_first")}
    rest = {k: v for k, v in others.items() if not k.endswith("_first")}
    prices = {name: np.full(len(TIME), value) for name, value in PRICES.items()}
    return pd.DataFrame({**first, **prices, **rest})


def write(frame, folder, kind):
    path = folder / f"bars.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "feather":
        frame.to_feather(path)
    elif kind == "index":
        frame.set_index(frame.columns[0]).to_parquet(path)
    else:
        frame.to_parquet(path)
    return path


FULL = TIME.strftime("%Y-%m-%d %H:%M:%S").tolist()
DATE = TIME.strftime("%Y-%m-%d").tolist()
CLOCK = TIME.strftime("%H:%M").tolist()
SECONDS = TIME.strftime("%H:%M:%S").tolist()
OFFSET = [f"{full}-05:00" for full in FULL]
EPOCH = (UTC.as_unit("s").asi8).tolist()
DAYS = [
    ("date", "hour"),
    ("Datum", "Uhrzeit"),
    ("fecha", "hora"),
    ("日期", "时间"),
    ("jour", "heure"),
    ("дата", "время"),
    ("caldt", "of_day"),
    ("trade day", "bar"),
    ("calendar_date", "clock"),
]

READ = {
    "unknown name beside a known date": table(caldt_first=FULL, day=DATE),
    "unknown name after a known date": table(date_first=DATE, caldt=FULL),
    "unknown names only": table(caldt_first=FULL, quelle=DATE),
    "known date always midnight": table(date_first=[f"{d} 00:00:00" for d in DATE], caldt=FULL),
    "unknown epochs beside a date": table(date_first=DATE, window_epoch_s=EPOCH),
    "full beside its date": table(datetime_first=FULL, date=DATE),
    "date before the full": table(date_first=DATE, datetime=FULL),
    "offsets beside their date": table(datetime_first=OFFSET, date=DATE),
    "date before offsets": table(date_first=DATE, datetime=OFFSET),
    "full beside date and time": table(datetime_first=FULL, date=DATE, time=CLOCK),
    "offsets beside date and time": table(datetime_first=OFFSET, date=DATE, time=CLOCK),
    "time before its date": table(time_first=CLOCK, date_first=DATE),
    "date at the end": table(time_first=CLOCK, date=DATE),
    "hours as clock": table(date_first=DATE, hour=[930, 931, 1500, 930]),
    "clock of an unknown name beside what was received": table(
        日期_first=DATE, 时间_first=CLOCK, updated_at=["2026-01-01 00:00:00"] * 4
    ),
} | {
    f"{date} and {clock}, {form}": table(**{f"{date}_first": DATE, f"{clock}_first": cells})
    for (date, clock), (form, cells) in itertools.product(
        DAYS, {"minutes": CLOCK, "seconds": SECONDS}.items()
    )
}


@pytest.mark.parametrize("kind", ["csv", "parquet", "feather", "index"])
def test_the_time_is_what_the_columns_hold(tmp_path, kind):
    wrong = {}
    for name, frame in READ.items():
        try:
            bars = read_bars(write(frame, tmp_path, kind), tz="America/New_York")
        except DataError as error:
            wrong[name] = str(error)
            continue
        if not bars.index.equals(UTC.as_unit("ns")):
            wrong[name] = list(bars.index)
    assert not wrong


def test_typed_times_in_parquet(tmp_path):
    frames = [
        table(trade_first=TIME.date, clock=TIME.time),
        table(date_first=TIME.normalize(), clock=TIME.time),
        table(date_first=TIME.normalize(), caldt=TIME),
        table(date_first=TIME.normalize(), caldt=UTC),
        table(date_first=TIME.normalize(), since_midnight=TIME - TIME.normalize()),
    ]
    for frame, kind in itertools.product(frames, ["parquet", "index"]):
        bars = read_bars(write(frame, tmp_path, kind), tz="America/New_York")
        assert bars.index.equals(UTC.as_unit("ns")), (list(frame.columns), kind)


def test_as_bars_reads_times_the_same_way():
    for name, frame in READ.items():
        bars = as_bars(frame, tz="America/New_York")
        assert bars.index.equals(UTC.as_unit("ns")), name
    dates = table(clock=CLOCK).set_index(TIME.normalize())
    assert as_bars(dates, tz="America/New_York").index.equals(UTC.as_unit("ns"))


def test_hours_alone_are_hours_where_the_column_says_so(tmp_path):
    hours = table(date_first=DATE[:3] + DATE[3:], hour=[9, 10, 15, 9])
    bars = read_bars(write(hours, tmp_path, "csv"), tz="America/New_York")
    assert bars.index.tz_convert("America/New_York").hour.tolist() == [9, 10, 15, 9]
    unsaid = hours.rename(columns={"hour": "time"})
    with pytest.raises(DataError, match="'time' are hours or minutes is undecidable"):
        read_bars(write(unsaid, tmp_path, "csv"), tz="America/New_York")


REFUSED = {
    "a number of the bar": (table(date_first=DATE, no=[1, 2, 3, 1]), "no"),
    "minutes since midnight": (
        table(date_first=DATE, minute_of_day=[570, 571, 900, 570]),
        "minute_of_day",
    ),
    "fraction of a day": (table(date_first=[DATE[0]] * 4, part=[0.1, 0.2, 0.3, 0.4]), "part"),
    "hour and minute apart": (
        table(date_first=[DATE[0]] * 4, hour=[9, 9, 10, 10], minute=[0, 5, 0, 5]),
        "minute",
    ),
    "two contracts": (
        table(date_first=[DATE[0]] * 2 + [DATE[3]] * 2, month=["H25", "M25"] * 2),
        "month",
    ),
    "a finer clock of another name": (
        table(time_first=[f"{d} 09:00" for d in DATE], exact=FULL),
        "exact",
    ),
}


@pytest.mark.parametrize("kind", ["csv", "parquet", "index"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_clock_that_repeats_is_refused_naming_the_column_that_does_not(tmp_path, name, kind):
    frame, column = REFUSED[name]
    path = write(frame, tmp_path, kind)
    with pytest.raises(DataError, match=f"stamps? repeat.*{column!r} tells them apart"):
        read_bars(path, tz="UTC")
    with pytest.raises(DataError, match=f"{column!r} tells them apart"):
        as_bars(frame, tz="UTC")


def test_the_remedies_of_a_repeated_clock_read_the_file(tmp_path):
    two = write(REFUSED["two contracts"][0], tmp_path, "csv")
    exact = write(REFUSED["a finer clock of another name"][0], tmp_path, "parquet")
    assert (
        read_bars(two, tz="UTC", columns={"symbol": "month"})
        .index.get_level_values("symbol")
        .tolist()
        == ["H25"] * 2 + ["M25"] * 2
    )
    bars = read_bars(exact, tz="America/New_York", columns={"time": "exact"})
    assert bars.index.equals(UTC.as_unit("ns"))


def test_what_does_not_tell_rows_apart_refuses_nothing(tmp_path):
    """Copies, a counter of rows, measures, and one late correction are no clocks."""
    twice = [0, 0, 1, 2]
    frames = [
        table(row_first=range(4), time_first=[FULL[i] for i in twice]),
        table(time_first=[FULL[i] for i in twice], vwap=[1.1, 1.2, 1.3, 1.4]),
        table(time_first=[FULL[i] for i in twice], trades=[5, 7, 3, 2]),
        table(time_first=[FULL[i] for i in twice], session=["rth"] * 4),
        table(time_first=[FULL[i] for i in twice], updated_at=FULL),
    ]
    for frame in frames:
        assert len(read_bars(write(frame, tmp_path, "csv"), tz="UTC")) == 4, list(frame.columns)


def test_a_full_stamp_that_contradicts_its_date_is_refused_with_a_remedy(tmp_path):
    path = write(table(date_first=[DATE[3]] * 4, datetime=FULL), tmp_path, "csv")
    with pytest.raises(DataError, match=r"disagree in 3 rows.*columns=\{'time': 'datetime'\}"):
        read_bars(path, tz="America/New_York")
    bars = read_bars(path, tz="America/New_York", columns={"time": "datetime"})
    assert bars.index.equals(UTC.as_unit("ns"))


def test_two_times_of_day_are_not_chosen_between(tmp_path):
    later = (TIME + pd.Timedelta("5h")).strftime("%H:%M").tolist()
    path = write(table(date_first=DATE, time_ct=CLOCK, time_et=later), tmp_path, "csv")
    with pytest.raises(DataError, match=r"disagree.*\{'time': \('date', 'time_ct'\)\}"):
        read_bars(path, tz="America/New_York")
    bars = read_bars(path, tz="America/New_York", columns={"time": ("date", "time_ct")})
    assert bars.index.equals(UTC.as_unit("ns"))


def test_a_clock_in_the_name_of_a_column_counts_its_hours(tmp_path):
    """``Time (GMT+2)`` is no UTC."""
    for name, hour in {
        "time_utc": 9,
        "Time (GMT)": 9,
        "Time (GMT+2)": 7,
        "time utc-5": 14,
        "GMT+02:30": 7,
    }.items():
        bars = read_bars(write(table(**{f"{name}_first": FULL}), tmp_path, "csv"))
        assert bars.index[0].hour == hour, name


@pytest.mark.parametrize(
    "form", ["%Y%m%d", "%Y-%m-%d", "%d/%m/%Y", "%Y%m%d %H%M%S", "%d-%b-%Y %H:%M"]
)
def test_years_of_the_buddhist_era_are_read(tmp_path, form):
    days = pd.date_range("2023-12-27", "2024-03-05", freq="7D").union(
        pd.DatetimeIndex(["2024-02-29"])
    )
    cells = [d.strftime(form.replace("%Y", str(d.year + 543))) for d in days]
    frame = pd.DataFrame({"date": cells, **PRICES})
    bars = read_bars(write(frame, tmp_path, "csv"), tz="UTC")
    assert bars.index.tz_localize(None).equals(days.as_unit("ns"))
    assert bars.attrs["clock"].endswith("years of the Buddhist era")
    frame.loc[2, "date"] = days[2].strftime(form)  # one of ours: one of the two is damage
    with pytest.raises(DataError, match="are not stamps"):
        read_bars(write(frame, tmp_path, "csv"), tz="UTC")


def test_dates_without_a_century_are_refused_with_a_remedy_that_reads_them(tmp_path):
    days = pd.DatetimeIndex(["2018-12-27", "2018-12-28", "2018-12-31"])
    for cells, step in (
        ([1071227, 1071228, 1071231], 19_110_000),  # Taiwan
        ([1181227, 1181228, 1181231], 19_000_000),  # CYYMMDD
    ):
        frame = pd.DataFrame({"date": cells, **PRICES})
        with pytest.raises(DataError, match=r"add 19_000_000 or 19_110_000 to table.'date'."):
            read_bars(write(frame, tmp_path, "csv"), tz="UTC")
        frame["date"] += step
        assert as_bars(frame, tz="UTC").index.tz_localize(None).equals(days.as_unit("ns"))
    frame["date"] = days.strftime("%d/%m/%y")
    with pytest.raises(DataError, match=r"format='%d/%m/%y'.*as_bars"):
        read_bars(write(frame, tmp_path, "csv"), tz="UTC")
    frame["date"] = pd.to_datetime(frame["date"], format="%d/%m/%y")
    assert as_bars(frame, tz="UTC").index.tz_localize(None).equals(days.as_unit("ns"))

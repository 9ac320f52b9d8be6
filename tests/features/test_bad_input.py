"""What is refused, and how the message helps."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml import features
from ohlcvml.exceptions import DataError, DataWarning, ParameterError
from ohlcvml.streams._channels import Channels
from tests.features.conftest import FAMILIES, make_bars

BARS = make_bars(100)


@pytest.mark.parametrize(
    ("cls", "name", "rule"),
    [(cls, name, rule) for cls in FAMILIES for name, rule in cls._parameter_rules.items()],
)
def test_a_bad_parameter_is_named(cls, name, rule):
    with pytest.raises(ParameterError, match=f"{cls.__name__}: parameter '{name}' must be"):
        cls(**{name: rule.bad})


def test_a_window_given_twice_is_named():
    with pytest.raises(ParameterError, match="'log_return_5' would occur twice"):
        features.ReturnFeatures(lags=(5, 5))


@pytest.mark.parametrize("column", ["open", "high", "close", "volume"])
def test_infinite_values_raise(column):
    bars = BARS.copy()
    bars.loc[bars.index[7], column] = np.inf
    with pytest.raises(DataError, match=f"'{column}' of .bars. must be finite or NaN; .* in row 7"):
        features.OHLCVFeatures().fit_transform(bars)
    with pytest.raises(DataError, match=f"'{column}' must be finite or NaN; row 0"):
        features.OHLCVFeatures().stream().push(bars.iloc[7])


@pytest.mark.parametrize("price", [0.0, -37.6])
def test_prices_at_or_below_zero_raise_where_a_log_is_taken(price):
    bars = BARS.copy()
    bars.iloc[7, :4] = price
    with pytest.raises(DataError, match=r"'close' must be positive.*in row 7.*leave the return"):
        features.ReturnFeatures().fit_transform(bars)
    with pytest.raises(DataError, match="'close' must be positive"):
        features.ReturnFeatures().stream().push(bars.iloc[7])
    assert features.TrendFeatures().fit_transform(bars).shape == (100, 9)


def test_a_refused_bar_leaves_the_stream_as_it_was():
    stream, bad = features.OHLCVFeatures().stream(), BARS.iloc[50].copy()
    bad["close"] = -1.0
    for time, bar in BARS.iloc[:50].iterrows():
        stream.push(bar, time)
    before = stream.state
    with pytest.raises(DataError):
        stream.push(bad)
    assert all(np.array_equal(before[k], v, equal_nan=True) for k, v in stream.state.items())


def test_no_volume_at_all_raises_with_the_remedy():
    bars = BARS.assign(volume=np.nan)
    with pytest.raises(DataError, match=r"all of it is NaN.*OHLCVFeatures\(volume=False\)"):
        features.OHLCVFeatures().fit_transform(bars)
    names = list(features.OHLCVFeatures(volume=False).fit_transform(bars))
    every = features.OHLCVFeatures().feature_names
    assert 130 < len(names) < len(every) - 30
    assert [name for name in every if name in names] == names
    assert not any("volume" in name or "vwap" in name for name in names)


def test_a_symbol_without_volume_is_named():
    panel = pd.concat({"ES": BARS, "FX": BARS.assign(volume=np.nan)}, names=["symbol", "time"])
    with pytest.raises(DataError, match="FX"):
        features.VolumeFeatures().fit_transform(panel)


def test_negative_volume_raises():
    bars = BARS.copy()
    bars.loc[bars.index[3], "volume"] = -1
    with pytest.raises(DataError, match=r"'volume' must not be negative; got -1.0 in row 3"):
        features.VolumeFeatures().fit_transform(bars)


def test_some_columns_of_bars_raise():
    with pytest.raises(DataError, match="volume missing"):
        features.ReturnFeatures().fit_transform(BARS.drop(columns="volume"))
    with pytest.raises(DataError, match="volume missing"):
        features.ReturnFeatures().stream().push({"open": 1, "high": 1, "low": 1, "close": 1})


@pytest.mark.parametrize("state", [{}, {"ring": [0.0], "clock": [0, 0]}, {"ring": [0.0] * 60}])
def test_the_state_of_another_stream_is_refused(state):
    with pytest.raises(DataError, match="stream with the same parameters"):
        features.ReturnFeatures().stream(state=state)


def test_a_plain_series_is_taken_as_price():
    price = BARS[["close"]].rename(columns={"close": "price"})
    table = features.ReturnFeatures((1,)).fit_transform(price)
    assert table.equals(features.ReturnFeatures((1,)).fit_transform(BARS))
    stream = features.ReturnFeatures((1,)).stream()
    rows = [stream.push(bar) for bar in price.to_dict("records")]
    assert np.array_equal(rows, table, equal_nan=True)


def test_a_plain_series_below_zero_has_no_log():
    series = pd.DataFrame({"x": [1.0, 2.0, -1.0, 4.0]})
    stream = features.ReturnFeatures((1,)).stream()
    rows = [stream.push(row)[0] for row in series.to_dict("records")]
    np.testing.assert_allclose(rows, [np.nan, np.log(2), np.nan, np.log(2)])
    assert np.array_equal(
        rows, features.ReturnFeatures((1,)).fit_transform(series)["log_return_1"], equal_nan=True
    )


def test_columns_that_are_not_bars_are_ignored():
    known = BARS.assign(known=BARS.index + pd.Timedelta("1min"), contract=202503, name="ESH5")
    assert (
        features.OHLCVFeatures()
        .fit_transform(known)
        .equals(features.OHLCVFeatures().fit_transform(BARS))
    )
    every = features.OHLCVFeatures().feature_names
    assert features.OHLCVFeatures().stream().push(known.iloc[0]).shape == (len(every),)


def test_every_form_of_a_bar_gives_the_same_row():
    rows = []
    for form in ("dict", "series", "tuple", "array"):
        stream = features.OHLCVFeatures().stream()
        for t in range(30):
            bar = BARS.iloc[t]
            named = next(BARS.iloc[t : t + 1].itertuples(index=False))
            forms = {"dict": bar.to_dict(), "series": bar, "tuple": named, "array": bar.to_numpy()}
            row = stream.push(forms[form], BARS.index[t])
        rows.append(row)
    assert all(np.array_equal(row, rows[0], equal_nan=True) for row in rows)


def test_constant_prices_are_undefined_where_nothing_moves():
    time = pd.date_range("2024-01-02", periods=3 * len(BARS), freq="min", tz="UTC", name="time")
    bars = pd.concat([BARS] * 3).set_axis(time)
    bars.iloc[:, :4] = 100.0
    whole = features.OHLCVFeatures(timeframes=())
    last = whole.fit_transform(bars).iloc[-1]
    assert (
        last.filter(regex="^(log_return|return_(mean|std|zscore)|atr_ratio|parkinson)") == 0
    ).all()
    assert last.filter(regex="^(rsi|macd|sma|ema|true_range_ratio)").isna().all()


def test_volume_that_is_zero_throughout_is_told():
    with pytest.warns(DataWarning, match=r"'volume' is 0 in every bar.*volume=False"):
        features.VolumeFeatures().fit_transform(BARS.assign(volume=0.0))


def test_read_only_columns_compile_nothing_anew():
    channels = Channels(BARS, "test")
    assert all(channels[name].flags.writeable for name in ("open", "close", "volume", "time@1min"))
    locked = BARS["close"].to_numpy().copy()
    locked.flags.writeable = False
    table = pd.DataFrame(dict.fromkeys(BARS, locked), index=BARS.index, copy=False)
    assert Channels(table, "test")["close"].flags.writeable

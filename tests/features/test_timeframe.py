"""Coarser timeframes: what ``resample`` makes, joined by the time it is known."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Sessions, known_at, resample, simulate_bars
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.features import MomentumFeatures, ReturnFeatures, TimeframeFeatures, VolumeFeatures
from ohlcvml.streams import BarFeatureUnion, RowTransformer

# Thanksgiving week: a half day on Friday, a weekend, holes where bars are missing.
BARS = simulate_bars(8000, seed=3, start="2024-11-27 12:07", sessions=True).bars
HOLED = BARS.drop(BARS.index[np.random.default_rng(0).random(len(BARS)) < 0.2])
INNER = ReturnFeatures(lags=(1, 3)) + MomentumFeatures(rsi_windows=(3,), macd=(2, 3, 2))


def joined(bars, inner, size, sessions):
    """Oracle: resample, compute, join by known; the first span began before the data."""
    coarse = resample(bars, size, sessions=sessions, bar_size="1min").iloc[1:]
    known = pd.DatetimeIndex(coarse.pop("known"))
    values = inner.fit_transform(coarse).to_numpy()
    at = known.searchsorted(known_at(bars, sessions=sessions, bar_size="1min"), side="right") - 1
    return np.where(at[:, None] >= 0, values[np.maximum(at, 0)], np.nan)


@pytest.mark.parametrize("bars", [BARS, HOLED], ids=["whole", "holed"])
@pytest.mark.parametrize("size", ["5min", "15min", "1h", "7h", "1D"])
@pytest.mark.parametrize("contract", [None, "ES"])
@pytest.mark.filterwarnings("ignore:resample")  # bars after the close, dropped as here
def test_joins_what_resample_makes_by_the_time_it_is_known(bars, size, contract):
    table = TimeframeFeatures(INNER, timeframe=size, contract=contract).fit_transform(bars)
    expected = joined(bars, INNER, size, Sessions.of(contract))
    known = ~np.isnan(expected[:, 0])
    assert known.any()
    assert np.array_equal(table[known], expected[known], equal_nan=True)
    assert table[~known].isna().all(axis=None)


def test_the_last_bar_of_a_span_sees_it_and_the_first_does_not():
    bars = BARS.iloc[8:]  # from 12:15 on
    table = TimeframeFeatures(ReturnFeatures(lags=(1,))).fit_transform(bars)["log_return_1_15min"]
    first = table.first_valid_index()
    assert first.strftime("%H:%M") == "12:44"
    close = bars["close"]
    at = bars.index.get_loc(first)
    assert table[first] == np.log(close.iloc[at]) - np.log(close.iloc[at - 15])


def test_a_span_whose_beginning_was_not_seen_is_left_out():
    late = TimeframeFeatures(ReturnFeatures(lags=(1,))).fit_transform(BARS.iloc[9:])
    assert late.iloc[:, 0].first_valid_index().strftime("%H:%M") == "12:59"


def test_bars_of_another_size_than_told_raise():
    with pytest.raises(DataError, match=r"bar_size='5min'; .* bars follow one another at 1min"):
        TimeframeFeatures(INNER, "1h", bar_size="5min").fit_transform(BARS)
    five = resample(BARS, "5min").drop(columns="known")
    with pytest.raises(DataError, match=r"bar_size='1min'; .* bars follow one another at 5min"):
        TimeframeFeatures(INNER, "1h").fit_transform(five)


@pytest.mark.parametrize("size", ["1min", "30s", "90s", "2D"])
def test_a_timeframe_must_fit(size):
    with pytest.raises(ParameterError, match="'timeframe' must be a multiple of bar_size"):
        TimeframeFeatures(INNER, size)


def test_what_learns_is_refused():
    from sklearn.preprocessing import StandardScaler

    chain = ReturnFeatures() * RowTransformer(StandardScaler())
    with pytest.raises(ParameterError, match=r"learns nothing.*Scale afterwards"):
        TimeframeFeatures(chain)


@pytest.mark.parametrize("contract", [None, "ES"])
def test_stream_across_gaps_session_ends_and_a_restart(contract):
    parts = [("a", TimeframeFeatures(INNER, "5min", contract)), ("b", ReturnFeatures(lags=(2,)))]
    feature = BarFeatureUnion([*parts, ("c", TimeframeFeatures(INNER, "1D", contract))])
    stream, rows = feature.stream(), []
    for at, (time, bar) in enumerate(zip(HOLED.index, HOLED.to_numpy(), strict=True)):
        if at % 1000 == 0:
            stream = feature.stream({name: a.copy() for name, a in stream.state.items()})
        rows.append(stream.push(bar, time))
    assert np.array_equal(np.array(rows), feature.fit_transform(HOLED), equal_nan=True)


def test_symbols_have_their_own_coarse_bars():
    both = pd.concat({"a": HOLED, "b": BARS.iloc[5:], "c": BARS.iloc[:3]}, names=["symbol", "time"])
    feature = TimeframeFeatures(INNER, "1h")
    together = feature.fit_transform(both)
    for symbol, bars in (("a", HOLED), ("b", BARS.iloc[5:]), ("c", BARS.iloc[:3])):
        assert np.array_equal(together.loc[symbol], feature.transform(bars), equal_nan=True)


def test_bars_without_volume_serve_features_that_need_none():
    bars = BARS.assign(volume=np.nan)
    feature = TimeframeFeatures(INNER)
    expected = feature.fit_transform(BARS)
    assert np.array_equal(feature.transform(bars), expected, equal_nan=True)
    with pytest.raises(DataError, match="'volume' must have values"):
        TimeframeFeatures(VolumeFeatures()).fit_transform(bars)


def test_names_and_description_say_the_timeframe():
    table = TimeframeFeatures(ReturnFeatures(lags=(2,)), "60min").describe()
    assert table.index.tolist() == ["log_return_2_1h"]
    assert table["formula"].iloc[0].startswith("of 1h bars: log(close_t)")

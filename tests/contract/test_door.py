"""The one door: malformed tables of bars are refused by name, before anything is fitted."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import as_bars, known_at, resample, simulate_bars
from ohlcvml.bundle import open_bundle, save
from ohlcvml.evaluation import backtest, buy_and_hold, cross_validate
from ohlcvml.exceptions import DataError
from ohlcvml.features import OHLCVFeatures, ReturnFeatures
from ohlcvml.labels import FixedHorizonLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import atr_scale
from ohlcvml.registry import all_estimators
from ohlcvml.samples import Samples
from ohlcvml.splits import WalkForward
from ohlcvml.streams import FeatureStream
from ohlcvml.testing._door import MALFORMED, malformed
from tests.registered import cases

BARS = simulate_bars(600, seed=0).bars
LABELS = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(BARS)
MODEL = (ReturnFeatures() * LogisticClassifier()).fit(BARS, LABELS)


def refused(call, kind):
    """Whether a call raises our error, which names ``as_bars``, on one kind of malformed bars."""
    with pytest.raises(DataError, match="as_bars"):
        call(malformed(BARS, kind))


@pytest.mark.parametrize("kind", MALFORMED)
def test_every_function_that_takes_bars_refuses_what_is_none(kind, tmp_path):
    bundle = open_bundle(save(MODEL, tmp_path / "bundle", bars=BARS))
    for call in (
        known_at,
        lambda bars: resample(bars, "5min"),
        lambda bars: Samples(bars, LABELS),
        lambda bars: cross_validate(MODEL, bars, LABELS, cv=WalkForward(n_splits=2)),
        lambda bars: backtest(bars, MODEL.predict_signal(BARS), LABELS),
        buy_and_hold,
        lambda bars: atr_scale(bars, 14),
        bundle.predict_proba,
        bundle.predict_signal,
        MODEL.predict,
        MODEL.predict_proba,
        MODEL.predict_signal,
    ):
        refused(call, kind)


@pytest.mark.parametrize("cls", cases("classifier"))
def test_every_classifier_refuses_before_it_fits(cls, monkeypatch):
    def fit(*_):
        raise AssertionError("fitted on a malformed table")

    monkeypatch.setattr(cls, "_fit_samples", fit)
    for kind in MALFORMED:
        refused(lambda bars: cls.create_test_instance().fit(bars, LABELS), kind)


def test_bars_of_another_size_than_told_are_refused():
    five = simulate_bars(600, seed=0, bar_size="5min").bars
    labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(five)
    told = OHLCVFeatures(families=("returns", "session"))
    for call in (
        lambda: told.fit_transform(five),
        lambda: (told * LogisticClassifier()).fit(five, labels),
        lambda: known_at(five, bar_size="1min"),
    ):
        with pytest.raises(DataError, match=r"bar_size='1min'.*at 5min.*bar_size='5min'"):
            call()
    hours = OHLCVFeatures(families=("returns", "session"), bar_size="5min")
    assert len(hours.fit_transform(five)) == 600


def test_sparse_bars_keep_their_size():
    sparse = BARS.iloc[np.sort(np.random.default_rng(0).choice(600, 200, replace=False))]
    told = OHLCVFeatures(families=("returns", "session"), timeframes=())
    assert len(told.fit_transform(sparse)) == 200


@pytest.mark.parametrize("zone", ["Etc/UTC", "GMT", "+00:00"])
def test_every_name_of_utc_is_utc(zone):
    table = ReturnFeatures().fit_transform(BARS.tz_convert(zone))
    np.testing.assert_array_equal(table, ReturnFeatures().fit_transform(BARS))
    labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(
        BARS.tz_convert(zone)
    )
    assert len(Samples(BARS.tz_convert(zone), labels)) == len(Samples(BARS, LABELS))


@pytest.mark.parametrize(
    "names", [("Open", "High", "Low", "Close", "Volume"), ("o", "h", "l", "c", "v")]
)
def test_a_stream_refuses_a_bar_in_another_dialect(names):
    stream = FeatureStream(ReturnFeatures())
    with pytest.raises(DataError, match="another case or dialect"):
        stream.push(dict(zip(names, BARS.iloc[0], strict=True)))
    with pytest.raises(DataError, match="must hold the 5 values"):
        stream.push(np.ones(6))


def test_a_stream_refuses_a_stamp_without_a_zone():
    stream = OHLCVFeatures(families=("session",), timeframes=()).stream()
    with pytest.raises(DataError, match=r"time zone.*as_bars"):
        stream.push(BARS.iloc[0], BARS.index[0].tz_localize(None))


def test_columns_of_other_names_are_one_price_or_features():
    price = BARS["close"].rename("price")
    both = pd.DataFrame({"price": price, "other": 1.0})
    assert len(ReturnFeatures().fit_transform(both)) == 600
    with pytest.raises(DataError, match="as_bars"):
        Samples(both, LABELS)  # else expected returns are in units of whichever comes first


def test_only_what_takes_rows_of_any_columns_has_no_door():
    free = {name for name, cls in all_estimators() if not getattr(cls, "_takes_bars", True)}
    assert free == {"FeatureSelector", "RowTransformer"}


def test_what_the_door_refuses_as_bars_mends():
    for kind in MALFORMED:
        mended = as_bars(malformed(BARS, kind), tz="UTC")
        assert mended.attrs["changes"], kind
        if kind not in ("infinity", "levels swapped"):
            pd.testing.assert_frame_equal(mended, BARS, check_freq=False)

"""Batch and stream on real bars: across gaps, session ends and zero volume."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import continuous, read_bars
from ohlcvml.features import OHLCVFeatures, feature_health

FILES = [
    ("es_1m_quotrading_2025", "ES", "1min"),
    ("btcusdt_5m_freqtrade", None, "5min"),
    ("mnq_5m_2025", "MNQ", "5min"),
]


@pytest.mark.parametrize(("name", "contract", "bar_size"), FILES)
def test_stream_gives_the_bits_of_the_batch(shared_data, name, contract, bar_size):
    bars = pd.read_parquet(shared_data / "norm" / f"{name}.parquet").set_index("ts").iloc[:20_000]
    feature = OHLCVFeatures(contract=contract, bar_size=bar_size)
    table, stream = feature.fit_transform(bars), feature.stream()
    rows, times, records = [], bars.index, bars.to_dict("records")
    for at, (time, bar) in enumerate(zip(times, records, strict=True)):
        if at == len(bars) // 2:
            stream = feature.stream(state=stream.state)
        rows.append(stream.push(bar, time))
    assert np.array_equal(rows, table, equal_nan=True)
    late = table.iloc[feature.lookback :].isna().sum()
    assert late[late > 0].to_dict() == {}


def test_across_a_roll_the_stream_gives_the_bits_of_the_batch(shared_data):
    contracts = read_bars(shared_data / "raw" / "mgc_1h_contracts_2018_2024.zip")
    bars = continuous(contracts, contract="MGC").iloc[-6000:]
    rolls = np.flatnonzero(np.diff(bars["contract"]))
    assert len(rolls) >= 3
    feature = OHLCVFeatures(contract="MGC", bar_size="1h")
    table, stream = feature.fit_transform(bars), feature.stream()
    rows = []
    for at, (time, bar) in enumerate(zip(bars.index, bars.to_dict("records"), strict=True)):
        if at == rolls[1]:  # saved just before a roll
            stream = feature.stream(state=stream.state)
        rows.append(stream.push(bar, time))
    assert np.array_equal(rows, table, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "contract", "volume"),
    [("es_1m_quotrading_2025", "ES", True), ("xauusd_1m_histdata_2018", None, False)],
)
def test_no_two_columns_are_one(shared_data, name, contract, volume):
    bars = pd.read_parquet(shared_data / "norm" / f"{name}.parquet").set_index("ts").iloc[:60_000]
    table = OHLCVFeatures(contract=contract, volume=volume).fit_transform(bars)
    health = feature_health(table)
    assert health["twin_correlation"].abs().max() < 0.995
    assert not health["constant"].any()

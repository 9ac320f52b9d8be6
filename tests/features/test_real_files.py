"""Batch and stream on real bars: across gaps, session ends and zero volume."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import OHLCVFeatures

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

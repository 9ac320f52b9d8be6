"""Batch and stream on real bars: across gaps, session ends and zero volume."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import OHLCVFeatures

FILES = ["es_1m_quotrading_2025", "btcusdt_5m_freqtrade", "mnq_5m_2025"]


@pytest.mark.parametrize("name", FILES)
def test_stream_gives_the_bits_of_the_batch(shared_data, name):
    bars = pd.read_parquet(shared_data / "norm" / f"{name}.parquet").set_index("ts").iloc[:20_000]
    feature = OHLCVFeatures()
    table, stream = feature.fit_transform(bars), feature.stream()
    records = bars.to_dict("records")
    half = len(records) // 2
    rows = [stream.push(bar) for bar in records[:half]]
    stream = feature.stream(state=stream.state)
    rows += [stream.push(bar) for bar in records[half:]]
    assert np.array_equal(rows, table, equal_nan=True)
    assert table.iloc[200:].notna().all(axis=None)

"""Every real file reads to the same rows as its normalised twin."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import read_bars

_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
_MANIFEST = _DATA / "manifest.json"
ENTRIES = json.loads(_MANIFEST.read_text()) if _MANIFEST.exists() else []

# Clocks that the files do not state; all other files need nothing but their path.
TZ = {
    "es_1m_quotrading_2025": "UTC",
    "es_dollar_bars_2015_16": "UTC",
    "eurgbp_1h_ejtrader": "Europe/Athens",
    "eurusd_1m_histdata_2018": "America/New_York",
    "gc_1m_lean_2013": "UTC",
    "hg_1d_yfinance_multiheader": "UTC",
    "spy_1m_firstrate_sample": "America/New_York",
    "us30_m5_mt5_plain": "America/New_York+7h",
    "xauusd_1m_histdata_2018": "America/New_York",
    "xauusd_m30_mt5": "Europe/Athens",
}


@pytest.mark.parametrize("entry", ENTRIES, ids=[e["id"] for e in ENTRIES])
def test_raw_file_equals_its_normalised_twin(shared_data, entry):
    bars = read_bars(shared_data / entry["raw"], tz=TZ.get(entry["id"]))
    twin = pd.read_parquet(shared_data / entry["norm"])
    if "symbol" in twin:  # symbols stand together here, days together there
        twin = twin.sort_values(["symbol", "ts"], kind="stable")
        assert bars.index.get_level_values("symbol").tolist() == twin["symbol"].tolist()
    stamps = bars.index.get_level_values("time")
    assert (stamps.name, stamps.dtype) == ("time", "datetime64[ns, UTC]")
    assert np.array_equal(stamps.asi8, twin["ts"].dt.as_unit("ns").astype("int64"))
    for name in ("open", "high", "low", "close", "volume"):
        assert bars[name].dtype == np.float64
        if name in twin:
            # both parsers print decimals: at most the last bit may differ
            np.testing.assert_allclose(bars[name], twin[name].astype(float), rtol=1e-15)


@pytest.mark.parametrize("raw", ["mes_1h_contracts_to2024.zip", "gc_1m_lean_2013.zip"])
def test_symbol_picks_one_real_contract(shared_data, raw):
    both = read_bars(shared_data / "raw" / raw, tz="UTC")
    symbol = both.index[-1][0]
    one = read_bars(shared_data / "raw" / raw, tz="UTC", symbol=symbol)
    pd.testing.assert_frame_equal(one, both.loc[symbol], check_freq=False)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e["id"] in TZ], ids=lambda e: e["id"])
def test_files_without_a_clock_raise_without_tz(shared_data, entry):
    with pytest.raises(ValueError, match="has no time zone"):
        read_bars(shared_data / entry["raw"])


def test_integer_points_scale_to_prices(shared_data):
    path = shared_data / "raw/eurgbp_1h_ejtrader__EURGBPh1.csv.gz"
    bars = read_bars(path, tz="Europe/Athens", scale=1e-5)
    assert bars["close"].between(0.6, 1.0).all()

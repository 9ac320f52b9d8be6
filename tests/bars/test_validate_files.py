"""Real vendor files show the faults they are known for, and no false alarm of the grave kind."""

import pandas as pd
import pytest

from ohlcvml.bars import validate_bars

KNOWN = {
    "hg_1d_yfinance_multiheader": ("HG", {"ohlc": 168, "zero_volume": 8}),
    "gc_1m_lean_2013": ("GC", {"zero_volume": 182}),
    "mnq_5m_2025": ("MNQ", {"off_grid": 1, "zero_volume": 41}),
    "es_1m_quotrading_2025": ("ES", {"outside_session": 780, "clock_shift": 0}),
    "es_5m_tradingview_2024_25": ("ES", {"outside_session": 0, "clock_shift": 0}),
    "6eh4_1m_nautilus_202401": ("6E", {"close_stamp": 22, "clock_shift": 0}),
    "mes_5m_tradingview_2026": ("MES", {"no_volume": 20906}),
    "mes_1h_contracts_to2024": ("MES", {"clock_shift": 0, "outside_session": 0}),
    "mes_1d_yfinance": ("MES", {"zero_volume": 6}),
    "eurgbp_1h_ejtrader": (None, {"wrong_scale": 57600, "no_volume": 57600}),
    "xauusd_1m_histdata_2018": (None, {"no_volume": 353778}),
    "btcusdt_5m_freqtrade": (None, {"gap": 1, "zero_volume": 14}),
    "es_dollar_bars_2015_16": (None, {"gap": 0}),
}
ERRORS = {"hg_1d_yfinance_multiheader": {"ohlc"}, "mnq_5m_2025": {"off_grid"}}


def read(shared_data, name):
    table = pd.read_parquet(shared_data / "norm" / f"{name}.parquet").rename(columns={"ts": "time"})
    table["time"] = pd.DatetimeIndex(table["time"]).as_unit("ns")
    if "volume" not in table:
        table["volume"] = float("nan")
    levels = ["time"]
    if "symbol" in table and len(table["symbol"].unique()) > 1:
        table = table.sort_values("symbol", kind="stable")
        levels = ["symbol", "time"]
    return table.set_index(levels)[["open", "high", "low", "close", "volume"]]


@pytest.mark.parametrize("name", KNOWN)
def test_known_warts_are_found(shared_data, name):
    contract, expected = KNOWN[name]
    report = validate_bars(read(shared_data, name), contract=contract, policy="report").report
    assert {kind: report.count(kind) for kind in expected} == expected
    assert {f.kind for f in report.errors} == ERRORS.get(name, set())


def test_the_stray_last_bar_is_named_and_repaired(shared_data):
    bars = read(shared_data, "mnq_5m_2025")
    mended, report = validate_bars(bars, contract="MNQ", policy="repair")
    assert str(report.find("off_grid").examples[0].time) == "2025-11-14 21:59:59+00:00"
    pd.testing.assert_frame_equal(mended, bars.iloc[:-1])


def test_the_days_without_a_halt_are_named(shared_data):
    report = validate_bars(read(shared_data, "es_1m_quotrading_2025"), contract="ES").report
    days = report.find("outside_session").rows
    stamps = read(shared_data, "es_1m_quotrading_2025").index[days]
    assert {"2025-09-01", "2025-09-02", "2025-09-03"} <= set(stamps.strftime("%Y-%m-%d"))


def test_points_are_told_from_prices_with_a_contract(shared_data):
    bars = read(shared_data, "eurgbp_1h_ejtrader")
    finding = validate_bars(bars, contract="6E", policy="report").report.find("wrong_scale")
    assert finding.severity == "error"
    assert "scale=1e-5" in finding.message

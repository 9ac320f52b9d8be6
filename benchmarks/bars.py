"""Reading, sessions, resampling, judging and rolling bars, beside pandas where it does the same.

    python benchmarks/bars.py --n 1000000

One process, in turn, medians. pandas reads the same text without telling what its columns are, and
resamples without sessions: what ohlcvml adds is in the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ohlcvml.bars import Sessions, read_bars, resample, simulate_bars, validate_bars

HOW = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main(n: int, repeats: int) -> None:
    bars = simulate_bars(n, seed=0, sessions="CME_Equity").bars
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        stamped = bars.reset_index()
        stamped["time"] = stamped["time"].dt.strftime("%Y%m%d %H%M%S")
        stamped.to_csv(path, sep=";", header=False, index=False)
        pairs = {
            "read HistData text": (
                lambda: read_bars(path, tz="UTC"),
                lambda: pd.to_datetime(
                    pd.read_csv(path, sep=";", header=None)[0], format="%Y%m%d %H%M%S", utc=True
                ),
            ),
            "resample to 1h": (
                lambda: resample(bars, "1h", contract="ES"),
                lambda: bars.resample("1h").agg(HOW).dropna(),
            ),
            "session numbers": (lambda: Sessions("CME_Equity").number(bars.index), None),
            "validate": (lambda: validate_bars(bars, contract="ES", policy="report"), None),
        }
        for name, (ours, peer) in pairs.items():
            own = median_seconds(ours, repeats)
            line = f"{name:20s} {own:7.3f} s  {own / n * 1e9:7.1f} ns/bar"
            if peer is not None:
                other = median_seconds(peer, repeats)
                line += f"   pandas {other:7.3f} s   ratio {own / other:.2f}"
            print(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.n, arguments.repeats)

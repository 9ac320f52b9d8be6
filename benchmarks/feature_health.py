"""Health of the default feature set on a file of bars, as Markdown tables.

    python benchmarks/feature_health.py --data ES_1min.parquet --contract ES

What is missing, constant, wild, drifting or nearly the same, by
:func:`ohlcvml.features.feature_health` over the whole file; ``--table FILE`` writes every column's
figures as CSV. Deterministic, so a busy machine gives the same numbers. The command behind the
tables of docs/feature_health.md.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

from ohlcvml.bars import read_bars
from ohlcvml.features import OHLCVFeatures, feature_health

KEEP = 8  # rows of each table
OUTLIERS, DRIFT, TWINS = 0.01, 0.2, 0.95  # what is counted in the summary


def summary(bars: pd.DataFrame, features: OHLCVFeatures, health: pd.DataFrame) -> pd.DataFrame:
    """A few figures on the whole set."""
    described = features.describe().loc[health.index]
    own = described["formula"][~described["formula"].str.startswith("of ")]
    twins = health["twin_correlation"].abs()
    n = len(bars)
    warm_up = health["warm_up"]
    inside = n - int(warm_up[warm_up < n].max())
    figures = {
        "bars": f"{n:,}",
        "first and last": f"{bars.index[0]:%Y-%m-%d} to {bars.index[-1]:%Y-%m-%d}",
        "columns": len(health),
        "formulas, coarser bars not counted": own.nunique(),
        "longest warm-up, bars": f"{n - inside:,} ({warm_up[warm_up < n].idxmax()})",
        "columns without any value": int((warm_up == n).sum()),
        "columns with values missing after it": int((health["missing"] > 0).sum()),
        "largest share missing after it": f"{health['missing'].max():.4f}",
        "constant columns": int(health["constant"].sum()),
        f"columns with over {OUTLIERS:.0%} of outliers": int((health["outliers"] > OUTLIERS).sum()),
        f"columns that drift by over {DRIFT}": int((health["drift"] > DRIFT).sum()),
        "median drift": f"{health['drift'].median():.3f}",
        f"columns with a twin above {TWINS}": int((twins > TWINS).sum()),
        "largest twin correlation": f"{twins.max():.4f}",
    }
    return pd.DataFrame({"figure": list(figures), "value": list(map(str, figures.values()))})


def rows_without_gaps(table: pd.DataFrame, health: pd.DataFrame) -> str:
    """Share of the rows after the last warm-up that have every value."""
    values = table.to_numpy()[int(health["warm_up"].max()) :]
    complete = ~np.isnan(values).any(axis=1)
    return f"{complete.mean():.4f}" if len(values) else "no rows"


def extremes(health: pd.DataFrame, by: str, others: list[str], largest: bool = True) -> str:
    """Columns at the end of one figure, with others beside it."""
    order = health[by].abs().sort_values(ascending=not largest, kind="stable").dropna()
    shown = health.loc[order.index[:KEEP], [by, *others]]
    return markdown(shown.rename_axis("column").reset_index())


def twins(health: pd.DataFrame) -> str:
    """Pairs of the largest rank correlation, each once."""
    order = health["twin_correlation"].abs().sort_values(ascending=False, kind="stable").index
    pairs: dict[frozenset[str], tuple[str, str, float]] = {}
    for name in order:
        twin, value = health.loc[name, ["twin", "twin_correlation"]]
        pairs.setdefault(frozenset((name, twin)), (name, twin, value))
    shown = list(pairs.values())[:KEEP]
    return markdown(pd.DataFrame(shown, columns=["column", "twin", "rank correlation"]))


def markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|---" * table.shape[1] + "|"]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if value == value else ""
    return f"{value:,}" if isinstance(value, (int, np.integer)) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="a file that read_bars reads")
    parser.add_argument("--tz", help="time zone of its stamps, where it does not say")
    parser.add_argument("--contract")
    parser.add_argument("--bar-size", default="1min")
    parser.add_argument("--no-volume", action="store_true")
    parser.add_argument("--table", help="CSV file for the figures of every column")
    args = parser.parse_args()

    bars = read_bars(args.data, tz=args.tz)
    features = OHLCVFeatures(
        contract=args.contract,
        bar_size=args.bar_size,
        volume=not args.no_volume,
        n_jobs=max(1, (os.cpu_count() or 2) // 2),
    )
    table = features.fit_transform(bars)
    health = feature_health(table)
    if args.table:
        health.to_csv(Path(args.table), float_format="%.6g")

    print(markdown(summary(bars, features, health)))
    print(f"\nShare of rows after it that have every value: {rows_without_gaps(table, health)}\n")
    missing = health[health["missing"] > 0]
    for title, text in (
        ("Missing after the warm-up", extremes(missing, "missing", ["warm_up"])),
        ("Constant", ", ".join(health.index[health["constant"]]) or "none"),
        ("Outliers", extremes(health, "outliers", ["drift"])),
        ("Drift", extremes(health, "drift", ["shift", "persistence"])),
        ("Shift", extremes(health, "shift", ["drift"])),
        ("Twins", twins(health)),
    ):
        print(f"## {title}\n\n{text}\n")


if __name__ == "__main__":
    main()

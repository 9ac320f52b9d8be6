"""Small tables by hand, and a slow backtest that knows nothing of the fast one."""

import numpy as np
import pandas as pd

from ohlcvml.labels import LabelSpec
from tests.label_specs import specified

UP, DOWN, TIME, SESSION, ROLL, BOTH = range(6)


def make_bars(close, open_=None, start="2025-01-06 15:00", freq="1min", **columns):
    """Bars whose open is the close before, unless given; high and low span both widely."""
    close = np.asarray(close, dtype=float)
    open_ = np.r_[close[0], close[:-1]] if open_ is None else np.asarray(open_, dtype=float)
    index = pd.date_range(start, periods=len(close), freq=freq, tz="UTC", unit="ns", name="time")
    table = {"open": open_, "high": np.maximum(open_, close) + 5.0}
    table |= {"low": np.minimum(open_, close) - 5.0, "close": close, "volume": 10.0}
    return pd.DataFrame({**table, **columns}, index=index)


def make_labels(bars, rows, cost=0.0, horizon=None, entry="next_open"):
    """Labels from (decision bar, last bar, exit code[, exit price]); the price defaults to close.

    ``cost`` is in price units.
    """
    price = (bars["raw_open"] if "raw_open" in bars else bars["open"]).to_numpy()
    close = (bars["raw_close"] if "raw_close" in bars else bars["close"]).to_numpy()
    out = []
    for i, last, code, *exit_price in rows:
        paid = price[i + 1] if entry == "next_open" else close[i]
        got = exit_price[0] if exit_price else close[last]
        out.append((0, bars.index[last], np.log(got / paid), cost / paid, 0.0, 1.0, code, False))
    names = ["label", "end", "ret", "cost", "net_ret", "weight", "exit", "censored"]
    labels = pd.DataFrame(out, columns=names, index=bars.index[[r[0] for r in rows]])
    labels = labels.astype({"label": "int8", "exit": "int8"})
    span = max(r[1] - r[0] for r in rows)
    labels = specified(labels, horizon=horizon or span, entry=entry)
    return labels


def make_signals(bars, sides):
    """Signals from {bar: side}."""
    return pd.DataFrame({"side": list(sides.values())}, index=bars.index[list(sides)])


def random_case(seed, n=60, horizon=7, cost=0.3):
    """Random bars, labels with random ends and exits, random sides on every labelled bar."""
    rng = np.random.default_rng(seed)
    close = 100.0 + rng.normal(0.0, 1.0, n).cumsum()
    bars = make_bars(close, open_=close + rng.normal(0.0, 0.3, n))
    rows = []
    for i in range(n - horizon - 1):
        if rng.random() < 0.2:
            continue
        last = i + int(rng.integers(1, horizon + 1))
        code = int(rng.choice([UP, DOWN, TIME, SESSION, BOTH]))
        inside = close[last] + rng.uniform(-3.0, 3.0)
        rows.append((i, last, code, inside) if code in (UP, DOWN) else (i, last, code))
    labels = make_labels(bars, rows, cost, horizon)
    sides = {r[0]: int(rng.integers(-1, 2)) for r in rows}
    return bars, labels, make_signals(bars, sides)


def slow_average_active(bars, signals, labels, cost):
    """Per-bar net P&L by adding up decisions one by one, and netting boundary by boundary."""
    n, unit = len(bars), 1.0 / LabelSpec.of(labels).horizon
    open_, close = bars["open"].to_numpy(), bars["close"].to_numpy()
    pnl = np.zeros(n)
    boundary = np.zeros((n + 1, 2))  # before bar j: net and gross units of all orders
    own = {}  # costs are booked in the bar of each order, so keep the orders
    for stamp, side in signals["side"].items():
        if side == 0 or stamp not in labels.index:
            continue
        row = labels.loc[stamp]
        i, last = bars.index.get_loc(stamp), bars.index.get_loc(row["end"])
        got = open_[i + 1] * np.exp(row["ret"])
        path = np.r_[open_[i + 1], close[i + 1 : last], got]
        pnl[i + 1 : last + 1] += unit * side * np.diff(path)
        boundary[i + 1] += unit * side, unit
        own.setdefault(i + 1, []).append((i + 1, unit))
        if row["exit"] in (UP, DOWN):
            pnl[last] -= unit * cost / 2
        else:
            boundary[last + 1] += -unit * side, unit
            own.setdefault(last + 1, []).append((last, unit))
    for j, orders in own.items():
        net, gross = boundary[j]
        for bar, size in orders:
            pnl[bar] -= size * cost / 2 * abs(net) / gross
    return pnl

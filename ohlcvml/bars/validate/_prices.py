"""Checks of prices: missing, non-positive, OHLC order, scale, spikes and jumps, ticks."""

from __future__ import annotations

import numpy as np

from ohlcvml.bars.validate._levels import TICK_TOLERANCE
from ohlcvml.bars.validate._view import Found, View
from ohlcvml.typing import BoolArray, FloatArray, IntArray

COLUMNS = ("open", "high", "low", "close")
BLOCK = 250  # returns whose median size is the local scale
SPIKE, JUMP = 15.0, 40.0  # in local standard deviations


def check_values(view: View, allow_negative: bool) -> tuple[list[Found], BoolArray]:
    """Judge single rows; return which rows hold four usable prices."""
    prices = view.prices
    shown = {name: prices[:, c] for c, name in enumerate(COLUMNS)}
    found: list[Found] = []

    def report(kind: str, bad: BoolArray, detail: str = "", severity: str | None = None) -> None:
        rows = np.flatnonzero(bad)
        if len(rows):
            values = {name: column[rows] for name, column in shown.items()}
            found.append(Found(kind, rows, detail, severity, values))

    finite: BoolArray = np.asarray(np.isfinite(prices).all(axis=1))
    report("missing_price", ~finite)
    with np.errstate(invalid="ignore"):
        low = prices.min(axis=1)
        below = finite & (low <= 0)
        body = prices[:, [0, 3]]
        order = (prices[:, 1] < np.maximum(body.max(axis=1), prices[:, 2])) | (
            prices[:, 2] > np.minimum(body.min(axis=1), prices[:, 1])
        )
    report(
        "non_positive_price",
        below,
        "log-return features will refuse them" if allow_negative else "",
        "info" if allow_negative else None,
    )
    broken = finite & order
    if not allow_negative:
        broken &= ~below
    report("ohlc", broken)
    return found, finite & (low > 0)


def check_scale(view: View, usable: BoolArray) -> tuple[list[Found], FloatArray]:
    """Judge whether the scale changes inside; return the closes brought to one scale (log10)."""
    at = np.flatnonzero(usable)
    level = np.log10(view.prices[at, 3])
    if len(at) < 3:
        return [], level
    step = np.diff(level)
    power = np.rint(step).astype(np.int64)
    power[np.abs(step - power) > 0.05] = 0  # no power of ten: a jump, not a scale
    if not power.any():
        return [], level
    height = np.r_[0, np.cumsum(power)]
    heights, counts = np.unique(height, return_counts=True)
    off = height - heights[counts.argmax()]
    # the whole bar must be off, not the close alone
    others = np.log10(view.prices[at]) - level[:, None]
    off[(np.abs(others) > 0.5).any(axis=1)] = 0
    moved = np.flatnonzero(off)
    if len(moved) == 0:
        return [], level
    powers = ", ".join(f"×1e{p:+d}" for p in np.unique(off[moved])[:4])
    found = Found(
        "scale_change",
        at[moved],
        powers,
        values={"close": view.prices[at[moved], 3]},
        power=off[moved],
    )
    return [found], level - off


def check_spikes(view: View, usable: BoolArray, level: FloatArray) -> list[Found]:
    """Find moves far beyond their neighbours, in closes, highs and lows.

    The local scale is the median absolute log return of 250 returns. A spike comes back by three
    quarters within three bars, or is a high or low that no neighbour reaches; a jump stays.
    """
    at = np.flatnonzero(usable & np.isfinite(view.prices).all(axis=1))
    if len(at) < 50:
        return []
    log_close = level * np.log(10.0)
    move = np.r_[0.0, np.diff(log_close)]
    together = np.r_[False, np.diff(view.time[at]) <= max(view.size, 1)] & ~view.roll[at]
    if view.size == 0:
        together = np.r_[False, np.ones(len(at) - 1, dtype=bool)] & ~view.roll[at]
    scale = _local_scale(np.abs(move), together)
    if scale is None:
        return []
    spike = _reverting(log_close, move, SPIKE * scale)
    spike |= _wicks(view, at, log_close, SPIKE * scale)
    away = together & (np.abs(move) > JUMP * scale)
    beside = spike | np.r_[False, spike[:-1]] | np.r_[spike[1:], False]
    found: list[Found] = []
    for kind, flag in (("spike", spike), ("jump", away & ~beside)):
        rows = np.flatnonzero(flag)
        if len(rows):
            values = {
                "close": view.prices[at[rows], 3],
                "return %": 100.0 * move[rows],
                "local sd %": 100.0 * scale[rows],
            }
            found.append(Found(kind, at[rows], values=values))
    return found


def _local_scale(size: FloatArray, together: BoolArray) -> FloatArray | None:
    """Robust local standard deviation of each return, floored at half of the file's."""
    counted = np.where(together, size, np.nan)
    n_blocks = max(1, len(size) // BLOCK)
    edges = np.linspace(0, len(size), n_blocks + 1).astype(np.int64)
    width = int(np.diff(edges).max())
    padded = np.full((n_blocks, width), np.nan)
    for block in range(n_blocks):
        part = counted[edges[block] : edges[block + 1]]
        padded[block, : len(part)] = part
    known = np.isfinite(padded).sum(axis=1)
    positive = counted[np.isfinite(counted) & (counted > 0)]
    if len(positive) < 20:
        return None
    whole = 1.4826 * float(np.median(positive))
    ordered = np.sort(padded, axis=1)  # NaN last
    middle = ordered[np.arange(n_blocks), np.maximum(known - 1, 0) // 2]
    local = 1.4826 * np.where(known >= 10, middle, whole / 1.4826)
    # a block and its neighbours: news at the edge of a block must not meet a calm scale
    local = np.maximum(
        local, np.maximum(np.r_[local[:1], local[:-1]], np.r_[local[1:], local[-1:]])
    )
    return np.asarray(np.repeat(np.maximum(local, 0.5 * whole), np.diff(edges)))


def _reverting(log_close: FloatArray, move: FloatArray, limit: FloatArray) -> BoolArray:
    """Rows away from the row before by more than the limit, until the price comes back."""
    n = len(log_close)
    spike = np.zeros(n, dtype=bool)
    for t in np.flatnonzero(np.abs(move) > limit):
        if spike[t]:
            continue  # the way back of a spike already found
        stop = min(t + 4, n)
        apart = np.abs(log_close[t + 1 : stop] - log_close[t - 1])
        back = np.flatnonzero(apart <= 0.25 * abs(move[t]))
        back_move = move[t + 1 : stop]
        if len(back) and np.abs(back_move[back[0]]) > limit[t] / 2 and not spike[t - 1]:
            spike[t : t + 1 + back[0]] = True
    return spike


def _wicks(view: View, at: IntArray, log_close: FloatArray, limit: FloatArray) -> BoolArray:
    """Rows whose high or low stands out from the bodies and the extremes beside it."""
    logs = np.log(view.prices[at])
    logs += (log_close - logs[:, 3])[:, None]  # on one scale
    spike = np.zeros(len(at), dtype=bool)
    inner = slice(1, -1)
    high, low = logs[:, 1], -logs[:, 2]
    for extreme, body in ((high, logs[:, [0, 3]].max(axis=1)), (low, -logs[:, [0, 3]].min(axis=1))):
        around = np.maximum(np.maximum(extreme[:-2], extreme[2:]), body[inner])
        spike[inner] |= (extreme[inner] - around) > limit[inner]
    return spike


def check_ticks(view: View, usable: BoolArray, ticks: list[tuple[int, float]]) -> list[Found]:
    """Find prices between ticks.

    Parameters
    ----------
    ticks : list of (int, float)
        From when (nanoseconds) which tick size holds, ascending.
    """
    off = np.zeros(len(view.time), dtype=bool)
    for number, (start, tick) in enumerate(ticks):
        stop = ticks[number + 1][0] if number + 1 < len(ticks) else np.iinfo(np.int64).max
        a, b = np.searchsorted(view.time, [start, stop])
        in_ticks = view.traded[a:b] / tick
        with np.errstate(invalid="ignore"):
            off[a:b] = (np.abs(in_ticks - np.rint(in_ticks)) > TICK_TOLERANCE).any(axis=1)
    rows = np.flatnonzero(off & usable)
    if len(rows) == 0:
        return []
    share = len(rows) / max(1, int(usable.sum()))
    names = ", ".join(f"{tick:g}" for _, tick in ticks)
    values = {name: view.traded[rows, c] for c, name in enumerate(COLUMNS)}
    return [Found("off_tick", rows, f"{share:.1%} of the bars, tick {names}", values=values)]

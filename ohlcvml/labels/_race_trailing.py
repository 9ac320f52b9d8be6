"""The race of a position with a trailing stop: its target against a stop that follows it."""

from __future__ import annotations

import numpy as np

from ohlcvml._compiling import njit
from ohlcvml.labels._race import (
    BOTH,
    CENSORED,
    DOWN,
    GAP,
    INVALID,
    SLACK,
    TIE,
    TIME,
    UNKNOWN,
    UNRESOLVED,
    UP,
    Outcome,
    Terms,
    Track,
)
from ohlcvml.typing import IntArray


@njit(cache=True)
def _race_trailing(  # type: ignore[no-untyped-def]
    rows,
    starts,
    open_,
    close,
    high,
    low,
    scale,
    limit,
    limit_code,
    settle,
    segment,
    offset,
    next_open,
    horizon,
    k_target,
    k_stop,
    sign,
    fixed,
    rate,
    tick,
    nearest,
):
    m = len(rows)
    exit_row, code, price = np.empty(m, np.int64), np.empty(m, np.int8), np.empty(m)
    flags = np.empty(m, np.uint8)
    limited, settles, rolls = len(limit) > 0, len(settle) > 0, len(segment) > 0
    slack = tick * SLACK
    s = 0
    final = starts[1] - 1
    for r in range(m):
        i = rows[r]
        while i > final:
            s += 1
            final = starts[s + 1] - 1
        e = i + 1 if next_open else i
        anchor = open_[e] if next_open else close[e]
        cost = fixed + rate * abs(anchor)
        target = raw_target = anchor + k_target * scale[i] + sign * cost
        stop = raw_stop = anchor - k_stop * scale[i] + sign * cost
        wrong = (target <= anchor) | (stop >= anchor)
        if tick > 0.0:
            target = np.ceil(target / tick - SLACK) * tick
            stop = np.floor(stop / tick + SLACK) * tick
            wrong |= (target - slack <= anchor) | (stop + slack >= anchor)
        if wrong:
            exit_row[r], code[r], price[r], flags[r] = -1, INVALID, np.nan, 0
            continue

        until, x, timed = i + horizon, -1, TIME
        if limited and limit[e] < until:
            until = limit[e]
            x, timed = until, limit_code[e]
        elif until <= final:
            x = settle[until] if settles else until
            if limited and limit[e] < UNKNOWN and (x < 0 or x > limit[e]):
                x, timed = limit[e], limit_code[e]
        flag = CENSORED if x < 0 else 0

        exit_row[r], flags[r] = x, flag
        if x < 0:
            code[r], price[r] = UNRESOLVED, np.nan
        else:
            code[r] = timed
            price[r] = open_[x] if timed == TIME and x != until else close[x]
        rise, cursor = 0.0, e
        for j in range(i + 1, min(until, final) + 1):
            if rolls and j > segment[cursor]:
                shift = offset[j - 1] - offset[j]
                raw_target += shift + sign * cost
                raw_stop += shift + sign * cost
                anchor += shift
                cursor = j
            if high[j] == -np.inf:  # nothing can be sold in this bar, at no price
                continue
            # The open is the first price of a bar, so it moves the stop before the low meets it;
            # the high moves it from the next bar on, because the low may have come before.
            rise = max(rise, open_[j] - anchor)
            target, stop = raw_target, raw_stop + rise
            if tick > 0.0:
                target = np.ceil(target / tick - SLACK) * tick
                stop = np.floor(stop / tick + SLACK) * tick
            high_mark, low_mark, opening = target - slack, stop + slack, open_[j]
            above, below = high[j] >= high_mark, low[j] <= low_mark
            if not (above or below):
                rise = max(rise, high[j] - anchor)
                continue
            exit_row[r] = j
            if above and opening >= high_mark:
                code[r], price[r], flags[r] = UP, opening, flag | GAP
            elif below and opening <= low_mark:
                code[r], price[r], flags[r] = DOWN, opening, flag | GAP
            elif above and below:
                flags[r] = flag | TIE
                nearer = (target - opening) - (opening - stop)
                if nearest and nearer < 0.0:
                    code[r], price[r] = UP, target
                elif nearest and nearer > 0.0:
                    code[r], price[r] = DOWN, stop
                else:
                    code[r], price[r] = BOTH, close[j]
            elif above:
                code[r], price[r] = UP, target
            else:
                code[r], price[r] = DOWN, stop
            break
    return exit_row, code, price, flags


def race_trailing(rows: IntArray, track: Track, terms: Terms, direction: int) -> Outcome:
    """Run the race of longs (``direction`` 1) or shorts (−1) whose stop trails.

    The stop starts where that of :func:`~ohlcvml.labels._race.race` stands and rises with the best
    price that is known to come before: the highs of earlier bars and the bar's own open. So a bar
    never moves the stop by its high and is then stopped by its low. Bars that cannot fill an exit
    do not move it. A short is a long of mirrored prices.
    """
    long = direction > 0
    prices = (track.open, track.close, track.high, track.low)
    if not long:
        prices = (-track.open, -track.close, -track.low, -track.high)
    outcome = Outcome(
        *_race_trailing(
            rows,
            track.starts,
            *prices,
            track.atr,
            track.limit,
            track.limit_code,
            track.settle,
            track.segment,
            track.offset if long else -track.offset,
            terms.next_open,
            terms.horizon,
            terms.k_up if long else terms.k_down,
            terms.k_down if long else terms.k_up,
            abs(terms.up_sign),
            terms.cost,
            terms.rate,
            terms.tick,
            terms.nearest,
        )
    )
    if long:
        return outcome
    code = outcome.code.copy()
    code[outcome.code == UP], code[outcome.code == DOWN] = DOWN, UP
    return outcome._replace(code=code, price=-outcome.price)

"""A second, slow way to the same labels: one symbol, one decision, one bar at a time."""

import math

import numpy as np


def wilder(high, low, close, window):
    out, seen, atr = np.full(len(close), np.nan), [], math.nan
    for t in range(1, len(close)):
        previous = close[t - 1]
        span = max(high[t] - low[t], abs(high[t] - previous), abs(low[t] - previous))
        seen.append(span)
        if len(seen) == window:
            atr = sum(seen) / window
        elif len(seen) > window:
            atr = (atr * (window - 1) + span) / window
        out[t] = atr
    return out


def label_one_symbol(bars, labeller, sessions, *, tick=0.0, cost=0.0, side=0, point_value=1.0):
    """Return {row: (label, exit_row, exit, exit_price, censored, entry)}, unresolved rows as −1."""
    lab, n = labeller, len(bars)
    raw = "raw_" if "raw_open" in bars else ""
    o, h, l, c = (bars[raw + name].tolist() for name in ("open", "high", "low", "close"))  # noqa: E741
    atr = wilder(
        bars["high"].tolist(), bars["low"].tolist(), bars["close"].tolist(), lab.atr_window
    )
    offset = [a - b for a, b in zip(bars["close"], c, strict=True)]
    volume = bars["volume"].tolist()
    lock = bars["limit"].fillna(0).tolist() if "limit" in bars else [0] * n
    contract = bars["contract"].tolist() if "contract" in bars else [0] * n
    number = sessions.number(bars.index).tolist()
    closed = (bars.index >= sessions.close(bars.index)).tolist()

    def buy(j):
        return volume[j] != 0 and lock[j] != 1

    def sell(j):
        return volume[j] != 0 and lock[j] != -1

    def settles(j):
        return {0: buy(j) and sell(j), 1: sell(j), -1: buy(j)}[side]

    def last_row(e, same):
        """Last row of the stretch of e; None while it may go on."""
        j = e
        while j + 1 < n and same(j + 1):
            j += 1
        return None if j == n - 1 else j

    def brackets(entry, i, extra):
        c_ = cost * extra
        one = {
            "atr": atr[i],
            "ticks": tick,
            "money": 1 / point_value,
            "percent": abs(entry) / 100,
        }[lab.unit]
        if side == 0:
            shift = {None: (0, 0), "net": (c_, -c_), "shift": (-c_, -c_)}[lab.cost_adjustment]
            return entry + lab.k_up * one + shift[0], entry - lab.k_down * one + shift[1]
        c_ = 0 if lab.cost_adjustment is None else c_
        if side == 1:
            return entry + lab.k_up * one + c_, entry - lab.k_down * one + c_
        return entry + lab.k_down * one - c_, entry - lab.k_up * one - c_

    def trail(entry, e, i, j):
        """How far the stop has moved for the good when bar j opens, in price units."""
        if not lab.trailing:
            return 0.0
        seen = [(q, o[q]) for q in range(i + 1, j + 1)]
        seen += [(q, h[q] if side == 1 else l[q]) for q in range(i + 1, j)]
        gained = [
            side * (price - entry - (offset[e] - offset[q] if lab.roll == "hold" else 0.0))
            for q, price in seen
            if settles(q)
        ]
        return side * max([0.0, *gained])

    def on_tick(up, down):
        if not tick:
            return up, down
        return math.ceil(up / tick - 1e-6) * tick, math.floor(down / tick + 1e-6) * tick

    answers = {}
    for i in range(n - 1):
        e = i + 1 if lab.entry == "next_open" else i
        if math.isnan(atr[i]) or (lab.unit == "atr" and atr[i] <= 0):
            continue
        if number[i] != number[i + 1] and not lab.cross_session:
            continue
        if not {0: buy(e) and sell(e), 1: buy(e), -1: sell(e)}[side]:
            continue
        limit, why = None, None
        if lab.session_exit:
            if closed[e]:
                continue
            limit = last_row(e, lambda q, e=e: number[q] == number[e] and closed[q] == closed[e])
            why = 3
        if lab.roll == "exit":
            roll = last_row(e, lambda q, e=e: contract[q] == contract[e])
            if roll is not None and (limit is None or roll < limit):
                limit, why = roll, 4
        if limit is not None and limit < i + 1:
            continue
        entry = o[e] if lab.entry == "next_open" else c[e]
        up, down = brackets(entry, i, 1)
        if up <= entry or down >= entry:
            continue
        stop = i + lab.horizon
        timed = 2
        if limit is not None and limit < stop:
            stop, timed = limit, why
            x, price = limit, c[limit]
        else:
            x = next((q for q in range(stop, n) if settles(q)), -1)
            price = math.nan if x < 0 else (c[x] if x == stop else o[x])
            if limit is not None and stop < n and not stop <= x <= limit:
                timed, x, price = why, limit, c[limit]
        answer = (0, x, -1 if x < 0 else timed, price)
        rolls = 0
        for j in range(i + 1, min(stop, n - 1) + 1):
            if lab.roll == "hold":
                rolls += contract[j] != contract[j - 1] and j > e
            move = offset[e] - offset[j] if lab.roll == "hold" else 0.0
            up_j, down_j = (b + move for b in brackets(entry, i, 1 + rolls))
            if side == 1:
                down_j += trail(entry, e, i, j)
            elif side == -1:
                up_j += trail(entry, e, i, j)
            up_j, down_j = on_tick(up_j, down_j)
            can_up = sell(j) if side >= 0 else buy(j)
            can_down = buy(j) if side <= 0 else sell(j)
            tiny = tick * 1e-6
            above = can_up and h[j] >= up_j - tiny
            below = can_down and l[j] <= down_j + tiny
            gap_up = above and o[j] >= up_j - tiny
            gap_down = below and o[j] <= down_j + tiny
            # a stop that trails an open beyond the target may pass it: the target came first
            if gap_up and not (side == -1 and gap_down):
                answer = (1, j, 0, o[j])
            elif gap_down:
                answer = (-1, j, 1, o[j])
            elif above and below:
                near_up, near_down = up_j - o[j], o[j] - down_j
                answer = (0, j, 5, c[j])
                if lab.both == "open_proximity" and near_up < near_down:
                    answer = (1, j, 0, up_j)
                elif lab.both == "open_proximity" and near_down < near_up:
                    answer = (-1, j, 1, down_j)
            elif above:
                answer = (1, j, 0, up_j)
            elif below:
                answer = (-1, j, 1, down_j)
            else:
                continue
            break
        label, price = answer[0], answer[3]
        paid = cost
        if lab.roll == "hold" and answer[1] >= 0:
            price += offset[answer[1]] - offset[e]
            paid *= 1 + sum(contract[q] != contract[q - 1] for q in range(e + 1, answer[1] + 1))
        if side:  # did following it earn more than its cost?
            label = int(answer[1] >= 0 and side * math.log(price / entry) > paid / entry)
        answers[i] = (label, answer[1], answer[2], price, x < 0, entry)
    return answers

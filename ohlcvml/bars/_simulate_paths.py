"""The path of a simulated market, bar by bar, and what a filter knows of its state."""

from __future__ import annotations

import numpy as np

from ohlcvml._compiling import njit
from ohlcvml._elementary import exp, log

VOLUME_SD = 0.5  # of log volume given the state


@njit(cache=True)
def paths(  # type: ignore[no-untyped-def]
    steps, uniform, volume_noise, gap_noise, gap, shape, volatility, gap_size,
    shock, persistence, edge, flip, shift, ratio, prices, log_volume, state, sigma, p_up,
):  # fmt: skip
    n, n_steps = steps.shape
    up_scale, down_scale = 1.0 / np.sqrt(ratio), np.sqrt(ratio)
    mean_square = 0.5 * (up_scale**2 + down_scale**2) + edge**2
    x, h, m, posterior = 0.0, 1.0, 1.0, 0.5
    for t in range(n):
        if t == 0:
            m = 1.0 if uniform[0] < 0.5 else -1.0
        elif uniform[t] < flip:
            m = -m
        level = volatility * np.sqrt(h)
        s = level * shape[t]
        up, down = s * up_scale, s * down_scale
        own = up if m > 0 else down
        if gap[t]:
            jump = level * gap_size
            x += jump * gap_noise[t] - 0.5 * jump * jump
        first = x
        high, low = x, x
        # minus half the variance: without an edge the price itself, not its log, is a martingale
        drift = (edge * m * s - 0.5 * own * own) / n_steps
        for j in range(n_steps):
            x += drift + own * steps[t, j] / np.sqrt(n_steps)
            high, low = max(high, x), min(low, x)
        prices[t, 0], prices[t, 1], prices[t, 2], prices[t, 3] = first, high, low, x
        v = shift * m + volume_noise[t]
        log_volume[t] = 0.5 * log(h) + log(shape[t]) + VOLUME_SD * v
        state[t], sigma[t] = m, own
        # exact forward filter: one Markov step, then Bayes with this bar's return and volume
        r = x - first
        prior = posterior * (1.0 - flip) + (1.0 - posterior) * flip
        prior = min(max(prior, 1e-15), 1.0 - 1e-15)
        z_up = (r - edge * s + 0.5 * up * up) / up
        z_down = (r + edge * s + 0.5 * down * down) / down
        log_odds = log(prior / (1.0 - prior)) + 2.0 * shift * v
        log_odds += 0.5 * (z_down * z_down - z_up * z_up) + log(down / up)
        posterior = 1.0 / (1.0 + exp(-log_odds))
        p_up[t] = posterior
        # GARCH(1, 1) around 1, driven by the observable return, so the filter knows s
        h = (1.0 - persistence) + h * (persistence - shock + shock * (r / s) ** 2 / mean_square)

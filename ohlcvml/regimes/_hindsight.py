"""States of a fitted regime in hindsight: for pictures and controls, never for decisions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from ohlcvml.bars import check_bars
from ohlcvml.exceptions import ParameterError
from ohlcvml.regimes._gaussian_filter import run_filter
from ohlcvml.regimes._gaussian_paths import run_smoother, run_viterbi
from ohlcvml.regimes._hmm import HMMRegime
from ohlcvml.streams import Channels
from ohlcvml.typing import Bars, Features, FloatArray, IntArray


def smoothed_states(regime: HMMRegime, bars: Bars) -> Features:
    """Law of the state given all bars, later ones included. **It looks ahead.**

    Not production safe: with planted regimes, a rule on these probabilities shows several times the
    Sharpe ratio of one on the filtered ones, none of it real (``tests/regimes``). For pictures of
    the past, and to measure that difference.

    Parameters
    ----------
    regime : HMMRegime
        Fitted, without refits.
    bars : pd.DataFrame
        As for ``regime.transform``.

    Returns
    -------
    pd.DataFrame
        On the index of ``bars``, columns ``smoothed_state_0``, ...: each row a law.

    Raises
    ------
    ParameterError
        ``regime`` refits, so there is no one model to look back with.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import HMMRegime, smoothed_states
    >>> bars = simulate_bars(500, seed=0, volatility_ratio=3.0).bars
    >>> regime = HMMRegime(n_states=2, n_init=1).fit(bars)
    >>> list(smoothed_states(regime, bars))
    ['smoothed_state_0', 'smoothed_state_1']
    """
    values, starts = _values(regime, bars, "smoothed_states")
    filtered = np.empty((regime.n_states, len(bars)))
    out = np.empty_like(filtered)
    for first, last in pairwise(starts):
        if last > first:
            law = tuple(regime._initial_state().values())
            run_filter((values,), first, last, regime._kernel_params(), law, filtered)
            run_smoother(first, last, regime.transition_, filtered, out)
    names = [f"smoothed_state_{k}" for k in range(regime.n_states)]
    return pd.DataFrame(out.T, index=bars.index, columns=names, copy=False)


def viterbi_states(regime: HMMRegime, bars: Bars) -> pd.Series:
    """Most likely path of the states through all bars. **It looks ahead.**

    Not production safe: the state of a bar changes when later bars arrive. It is what the
    ``predict`` of most libraries gives; see :func:`smoothed_states`.

    Parameters
    ----------
    regime : HMMRegime
        Fitted, without refits.
    bars : pd.DataFrame

    Returns
    -------
    pd.Series of int64
        State of each bar, on the index of ``bars``, named ``viterbi_state``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import HMMRegime, viterbi_states
    >>> bars = simulate_bars(500, seed=0, volatility_ratio=3.0).bars
    >>> regime = HMMRegime(n_states=2, n_init=1).fit(bars)
    >>> sorted(viterbi_states(regime, bars).unique().tolist())
    [0, 1]
    """
    values, starts = _values(regime, bars, "viterbi_states")
    path = np.empty(len(bars), dtype=np.int64)
    params, n_states = regime._kernel_params(), regime.n_states
    density = np.empty((n_states, len(bars)))
    before = np.zeros((n_states, len(bars)), dtype=np.int64)
    for first, last in pairwise(starts):
        if last > first:
            score, best = np.empty(n_states), np.empty(n_states)
            law = regime.stationary_
            run_viterbi(values, first, last, params, law, score, best, density, before, path)
    return pd.Series(path, index=bars.index, name="viterbi_state")


def _values(regime: HMMRegime, bars: Bars, who: str) -> tuple[FloatArray, IntArray]:
    if regime.refit != "never":
        raise ParameterError(
            f"{who}: 'regime' must have refit='never'; got {regime.refit!r}. A model refitted on "
            "the way has no one set of parameters to look back with: fit another one."
        )
    regime.check_is_fitted()
    check_bars(bars, who, columns="bars or price", bar_sizes=regime._bar_sizes())
    channels = Channels(bars, who)
    return regime._values(bars, channels), channels.starts

"""Simulated bars with known answers: sessions, volatility clustering, regimes, a planted edge."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ohlcvml._checks import boolean, check_value, either, integer, optional, real, string
from ohlcvml._time import nanoseconds
from ohlcvml.bars._names import OHLCV
from ohlcvml.bars._simulate_grid import DAY, daily_cycle, grid_size, grid_stamps, grid_start
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import Bars, BoolArray, FloatArray, Labels

N_STEPS = 8  # price changes inside a bar; high and low are taken over them
VOLUME_LEVEL = 1000.0  # median contracts a bar


@dataclass(frozen=True)
class Attainable:
    """What the best classifier can reach: AUC of up against down for one way of labelling.

    Attributes
    ----------
    filtered_auc : float or None
        AUC of ``truth.p_up``: nobody who sees only the bars can do better on average. To 0.005
        over clustering, sessions and ticks; a sample of n rows scatters more. None where these
        parameters were not measured: use :meth:`Simulation.oracle_auc` with the labels.
    state_auc : float or None
        AUC of the true state, which no one can see.
    labels : str
        The labels it holds for.
    """

    filtered_auc: float | None
    state_auc: float | None
    labels: str = "triple barrier, 1.5 Wilder ATR(14) each way, horizon 20 bars, before costs"


@dataclass(frozen=True, eq=False)
class Simulation:
    """Bars, the truth behind them and what can be attained on them.

    Attributes
    ----------
    bars : pd.DataFrame
        Bars contract; MultiIndex (symbol, time) where ``n_symbols`` > 1.
    truth : pd.DataFrame
        On the index of ``bars``: ``state`` (int8, +1 or -1, of this bar), ``drift`` (edge part of
        this bar's expected log return given the state), ``volatility`` (standard deviation of
        this bar's log return from open to close given the state), ``p_up`` (probability of
        state +1 given this and all earlier bars: the exact forward filter of the model).
    attainable : Attainable
    seed : int
    """

    bars: Bars
    truth: pd.DataFrame
    attainable: Attainable
    seed: int

    def oracle_auc(self, labels: Labels, column: str = "p_up") -> float:
        """AUC of a truth column against the sign of ``labels``, on rows with label -1 or +1.

        Parameters
        ----------
        labels : pd.DataFrame
            Labels table on a subset of ``bars.index``; censored rows are left out.
        column : str
            "p_up" for the filtered oracle, "state" for the true state.
        """
        used = labels["label"].to_numpy() != 0
        if "censored" in labels:
            used &= ~labels["censored"].to_numpy(dtype=bool)
        up = labels["label"].to_numpy()[used] > 0
        n_up, n_down = int(up.sum()), int((~up).sum())
        if n_up == 0 or n_down == 0:
            raise DataError(
                "Simulation.oracle_auc: 'labels' must hold both +1 and -1 on uncensored rows; got "
                f"{n_up} and {n_down}. Simulate more bars."
            )
        score = self.truth[column].reindex(labels.index[used]).to_numpy(dtype=np.float64)
        if np.isnan(score).any():
            raise DataError(
                "Simulation.oracle_auc: the index of 'labels' must lie within the simulated bars; "
                f"{int(np.isnan(score).sum())} rows do not. Label simulation.bars."
            )
        return float((rankdata(score)[up].sum() - n_up * (n_up + 1) / 2) / (n_up * n_down))


def simulate_bars(
    n_bars: int,
    *,
    seed: int,
    start: str | pd.Timestamp = "2024-01-02",
    bar_size: str | pd.Timedelta = "1min",
    price: float = 5000.0,
    tick_size: float | None = 0.25,
    sessions: bool | str | None = None,
    session_gap: float = 3.0,
    volatility: float = 5e-4,
    volatility_shock: float = 0.05,
    volatility_persistence: float = 0.98,
    intraday_shape: float = 0.3,
    edge: float = 0.0,
    flip_probability: float = 0.02,
    volume_shift: float | None = None,
    volatility_ratio: float = 1.0,
    n_symbols: int = 1,
) -> Simulation:
    r"""Simulate bars whose predictability is known.

    A hidden state m = +1 or -1 flips with probability ``flip_probability`` a bar. The log return
    of bar t from open to close is normal with mean ``edge * m * s`` (less half its variance, so
    that without an edge the price is a martingale) and standard deviation s, where s follows
    GARCH(1, 1) times an hour-of-day shape. Log volume moves with s, and by ``volume_shift``
    standard deviations with m. High and low come from 8 steps inside the bar. The same seed gives
    the same bars everywhere, and the first k bars do not depend on ``n_bars``.

    Parameters
    ----------
    n_bars : int
        Bars of each symbol.
    seed : int
        Symbols use independent streams of it; symbol k does not depend on ``n_symbols``.
    start : str or pd.Timestamp
        Earliest stamp; UTC where it names no zone.
    bar_size : str or pd.Timedelta
        Distance of the stamps, for example "1min", "1h", "1D".
    price : float
        Open of the first bar.
    tick_size : float or None
        Prices are rounded to it; None leaves them as they are.
    sessions : bool, str or None
        None or False: around the clock. True: Sunday to Friday from 18:00 to 17:00 New York time,
        clock changes included, holidays not. A calendar name: the hours of
        :class:`ohlcvml.bars.Sessions`. With bars of a day or more, weekdays.
    session_gap : float
        Standard deviation, in bar volatilities, of the jump from a close to the next session's
        open; independent of the state.
    volatility : float
        Typical standard deviation of the log return of one bar.
    volatility_shock, volatility_persistence : float
        GARCH(1, 1) weight of the last squared return, and its sum with the weight of the last
        variance (at least the shock, below 1). Zero and zero give constant volatility.
    intraday_shape : float
        Amplitude of the daily cycle in log volatility, largest at 10:00 New York time with
        sessions and at 10:00 UTC without; 0 for none. Unused with bars of a day or more.
    edge : float
        Drift of a bar in bar volatilities, signed by the state; 0 plants nothing.
    flip_probability : float
        In [0, 0.5].
    volume_shift : float or None
        None: 0.5 with an edge, 0 without.
    volatility_ratio : float
        Volatility in state -1 over that in state +1.
    n_symbols : int
        More than one gives a MultiIndex (symbol, time) with symbols "SIM0", "SIM1", …

    Returns
    -------
    Simulation
        ``bars``, ``truth``, ``attainable``.

    Raises
    ------
    ParameterError
        A parameter breaks its rule.

    Notes
    -----
    The filter sees price and volume before rounding. A rounded tick or contract takes a little of
    that away, so the bound is never too low.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> simulate_bars(500, seed=0).bars.head(2)
                                  open    high     low    close  volume
    time
    2024-01-02 00:00:00+00:00  5000.00  5000.5  4997.0  4997.75  1182.0
    2024-01-02 00:01:00+00:00  4997.75  5000.0  4997.5  4999.25   527.0
    >>> simulate_bars(500, seed=0, edge=0.3).attainable.filtered_auc
    0.722
    """
    who = "simulate_bars"
    check_value(who, "n_bars", integer(1), n_bars)
    check_value(who, "seed", integer(0), seed, "The same seed gives the same bars.")
    check_value(who, "price", real(0, open_low=True), price)
    check_value(who, "tick_size", optional(real(0, open_low=True)), tick_size)
    check_value(who, "sessions", optional(either(boolean(), string())), sessions)
    check_value(who, "session_gap", real(0), session_gap)
    check_value(who, "volatility", real(0, 0.5, open_low=True), volatility)
    check_value(who, "volatility_persistence", real(0, 0.9999), volatility_persistence)
    check_value(who, "volatility_shock", real(0, volatility_persistence), volatility_shock)
    check_value(who, "intraday_shape", real(0, 2), intraday_shape)
    check_value(who, "edge", real(), edge)
    check_value(who, "flip_probability", real(0, 0.5), flip_probability)
    check_value(who, "volume_shift", optional(real()), volume_shift)
    check_value(who, "volatility_ratio", real(0, open_low=True), volatility_ratio)
    check_value(who, "n_symbols", integer(1), n_symbols)
    if tick_size is not None and price < 100 * tick_size:
        raise ParameterError(
            f"{who}: parameter 'tick_size' must be at most a hundredth of the price {price}; got "
            f"{tick_size}. Pass the contract's tick size, or None for unrounded prices."
        )
    size = grid_size(who, bar_size)
    stamps = grid_stamps(n_bars, grid_start(start), size, sessions)
    daily = size.value >= DAY
    shape = daily_cycle(stamps, 0.0 if daily else intraday_shape, bool(sessions))
    gap = np.zeros(n_bars, dtype=bool)
    if sessions:
        gap[1:] = np.diff(nanoseconds(stamps)) > size.value
    shift = (0.5 if edge else 0.0) if volume_shift is None else float(volume_shift)
    model = (
        *(volatility, session_gap, volatility_shock, volatility_persistence),
        *(edge, flip_probability, shift, volatility_ratio),
    )
    tables = [
        _symbol(seed, k, gap, shape, model, price, tick_size, stamps) for k in range(n_symbols)
    ]
    bars, truth = tables[0]
    if n_symbols > 1:
        names = [f"SIM{k}" for k in range(n_symbols)]
        bars = pd.concat([t[0] for t in tables], keys=names, names=["symbol", "time"])
        truth = pd.concat([t[1] for t in tables], keys=names, names=["symbol", "time"])
    attainable = _attainable(edge, flip_probability, shift, volatility_ratio)
    return Simulation(bars=bars, truth=truth, attainable=attainable, seed=int(seed))


def _symbol(
    seed: int,
    number: int,
    gap: BoolArray,
    shape: FloatArray,
    model: tuple[float, ...],
    price: float,
    tick_size: float | None,
    stamps: pd.DatetimeIndex,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and truth of one symbol."""
    from ohlcvml._elementary import exponentials  # numba, which no other part of bars needs
    from ohlcvml.bars._simulate_paths import paths

    n = len(stamps)
    # one stream per quantity: a longer simulation only draws further along each of them
    streams = np.random.SeedSequence([seed, number]).spawn(4)
    states, moves, volumes, gaps = (np.random.Generator(np.random.PCG64(s)) for s in streams)
    volatility, gap_size, shock, persistence, edge, flip, shift, ratio = map(float, model)
    log_prices, log_volume = np.empty((n, 4), order="F"), np.empty(n)
    state, sigma, p_up = np.empty(n), np.empty(n), np.empty(n)
    paths(
        _normal(moves, (n, N_STEPS)), states.random(n), _normal(volumes, n), _normal(gaps, n),
        gap, shape, volatility, gap_size, shock, persistence, edge, flip,
        shift, ratio, log_prices, log_volume, state, sigma, p_up,
    )  # fmt: skip
    table = np.empty((n, 5), order="F")
    table[:, :4] = _on_ticks(price * exponentials(log_prices.T).T, tick_size)
    table[:, 4] = np.maximum(np.round(VOLUME_LEVEL * exponentials(log_volume)), 1.0)
    bars = pd.DataFrame(table, index=stamps, columns=list(OHLCV))
    base = sigma * np.where(state > 0, np.sqrt(ratio), 1.0 / np.sqrt(ratio))
    truth = pd.DataFrame(
        {
            "state": state.astype(np.int8),
            "drift": edge * state * base + 0.0,  # no negative zeros
            "volatility": sigma,
            "p_up": p_up,
        },
        index=stamps,
    )
    return bars, truth


def _normal(generator: np.random.Generator, shape: int | tuple[int, ...]) -> FloatArray:
    """Normal numbers with 40 binary places: the last digits of a rare one differ by machine."""
    return np.asarray(np.rint(generator.standard_normal(shape) * 2.0**40) * 2.0**-40)


def _on_ticks(prices: FloatArray, tick_size: float | None) -> FloatArray:
    if tick_size is None:
        return prices
    exponent = Decimal(str(tick_size)).normalize().as_tuple().exponent
    decimals = max(-int(exponent), 0)
    ticks = np.maximum(np.round(prices / tick_size), 1.0)  # rounding is monotone: low <= high stays
    return np.asarray(np.round(ticks * tick_size, decimals))


def _attainable(edge: float, flip: float, shift: float, ratio: float) -> Attainable:
    """Measured on 400,000 bars; tests/bars/test_simulate.py repeats it."""
    if edge == 0:
        return Attainable(0.5, 0.5)
    if (edge, flip, shift, ratio) == (0.3, 0.02, 0.5, 1.0):
        return Attainable(0.722, 0.738)
    return Attainable(None, None)

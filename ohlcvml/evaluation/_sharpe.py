"""The Sharpe ratio of session returns, with its interval and the returns it was made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ohlcvml._checks import check_value, integer
from ohlcvml.exceptions import DataError
from ohlcvml.pipeline import block_t_influence
from ohlcvml.typing import FloatArray


class SharpeEstimate(float):
    """An annualised Sharpe ratio that carries its interval and the returns it was made of.

    Behaves as a float; printing shows what a bare number hides.

    Attributes
    ----------
    low, high : float
        Ends of the confidence interval (annualised); NaN with fewer than 6 blocks.
    sessions : int
        Number of sessions behind it.
    level : float
        Confidence level of the interval.
    blocks : float
        Effective number of blocks of sessions behind the interval.
    skewness, kurtosis : float
        Of the session returns, raw: 0 and 3 for normal ones. NaN where they do not vary.
    daily : float64 array of shape (sessions,)
        The session returns.

    Examples
    --------
    >>> from ohlcvml.evaluation import sharpe_ratio
    >>> str(sharpe_ratio([0.01, -0.01, 0.02, 0.0], per_year=252))
    '6.15 (no interval: 4 sessions make 4.0 blocks, 6 are needed)'
    >>> str(sharpe_ratio([0.01, -0.01, 0.02, 0.0, 0.01, -0.02, 0.02], per_year=252))
    '4.50 [-12.53, 21.53] (95 %, 7 sessions)'
    """

    low: float
    high: float
    sessions: int
    level: float
    blocks: float
    skewness: float
    kurtosis: float
    daily: FloatArray

    def __new__(
        cls,
        value: float,
        low: float,
        high: float,
        level: float,
        blocks: float,
        daily: FloatArray,
    ) -> SharpeEstimate:
        """Make a float and hang the interval and the returns on it."""
        self = super().__new__(cls, value)
        self.low, self.high, self.level, self.blocks = low, high, level, blocks
        self.daily, self.sessions = daily, len(daily)
        self.skewness, self.kurtosis = _moments(daily)
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:  # type: ignore[override]
        """Let copy.copy rebuild it."""
        return float(self), self.low, self.high, self.level, self.blocks, self.daily

    def __str__(self) -> str:
        """Value, interval, level and sessions."""
        if math.isnan(self.low):
            return (
                f"{float(self):.2f} (no interval: {self.sessions} sessions make "
                f"{self.blocks:.1f} blocks, 6 are needed)"
            )
        grouped = "" if self.blocks > self.sessions - 0.5 else f" in {self.blocks:.0f} blocks"
        return (
            f"{float(self):.2f} [{self.low:.2f}, {self.high:.2f}] "
            f"({100 * self.level:g} %, {self.sessions} sessions{grouped})"
        )


def _moments(daily: FloatArray) -> tuple[float, float]:
    """Skewness and raw kurtosis; NaN where the returns do not vary."""
    if not _varies(daily):
        return float("nan"), float("nan")
    z = (daily - daily.mean()) / daily.std()
    return float(np.mean(z**3)), float(np.mean(z**4))


def _varies(daily: FloatArray) -> bool:
    return len(daily) > 1 and float(daily.std()) > 1e-12 * float(np.abs(daily).max())


def session_returns(daily: npt.ArrayLike, who: str) -> FloatArray:
    """Return one finite number a session as an array; ``who`` asks, for the message."""
    values = np.asarray(daily, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values.sum()):
        raise DataError(
            f"{who}: 'daily' must be a one-dimensional series of finite session returns; got shape "
            f"{values.shape} with {int((~np.isfinite(values)).sum())} values that are not finite. "
            "A session without trades is 0, not NaN."
        )
    return values


def sharpe_ratio(
    daily: npt.ArrayLike, per_year: float, *, level: float = 0.95, block: int = 1
) -> SharpeEstimate:
    """Annualised Sharpe ratio of session returns, with an interval.

    Parameters
    ----------
    daily : array-like of shape (n_sessions,)
        Net P&L of each session as a fraction of fixed capital, flat sessions included.
    per_year : float
        Sessions a year, of the kind that ``daily`` counts.
    level : float, default 0.95
        Level of the interval.
    block : int, default 1
        Sessions in a block of the interval: as many as four label horizons touch.

    Returns
    -------
    SharpeEstimate
        mean / standard deviation (n − 1) × √per_year. Returns that do not vary have Sharpe 0 and
        no interval (NaN); there is none with fewer than 6 blocks either.

    Notes
    -----
    With z the standardised return of a session and s the ratio of one session, z − ½ s (z² − 1)
    is how far the session moves the ratio. Its sums over blocks give the standard error, as in
    :func:`ohlcvml.pipeline.block_t_influence`. For independent sessions that is the error of
    Mertens (2002), which holds for skewed and fat-tailed returns; blocks hold for
    positions that live longer than a session as well.

    Examples
    --------
    >>> from ohlcvml.evaluation import sharpe_ratio
    >>> sharpe = sharpe_ratio([0.01, -0.01, 0.02, 0.0], per_year=252)
    >>> round(float(sharpe), 4)  # 0.005 / 0.0129099 * sqrt(252)
    6.1482
    >>> round(sharpe.skewness, 3), round(sharpe.kurtosis, 3)
    (0.0, 1.64)
    """
    check_value("sharpe_ratio", "block", integer(1), block)
    r = session_returns(daily, "sharpe_ratio")
    n, nan = len(r), float("nan")
    count = max(n // block, min(n, 1))
    if not _varies(r):
        return SharpeEstimate(0.0, nan, nan, level, float(count), r)
    s = float(r.mean()) / float(r.std(ddof=1))
    z = (r - r.mean()) / r.std()
    blocks = np.arange(n) * count // n
    found = block_t_influence(s, z - 0.5 * s * (z * z - 1.0), blocks, level=level)
    year = math.sqrt(per_year)
    return SharpeEstimate(s * year, found.low * year, found.high * year, level, found.blocks, r)

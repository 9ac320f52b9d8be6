"""The inner hold-out: the later rows of a training set, kept from the fit to judge it by."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from ohlcvml._checks import check_value, real
from ohlcvml.exceptions import DataError
from ohlcvml.splits._holdout import PurgedHoldout
from ohlcvml.splits._stamps import Positions

_SHARE = real(0.0, 1.0, open_low=True, open_high=True)
LEAST_ROWS = 50  # of either part: fewer rows neither teach nor judge anything


class InnerHoldout(NamedTuple):
    """Rows of each part, as positions in what was divided."""

    fit: Positions
    later: Positions


def inner_holdout(
    samples: Any, share: float, *, bar_index: pd.Index | None = None, who: str = "inner_holdout"
) -> InnerHoldout:
    """Divide training rows into those to fit on and, later in time, those to judge the fit by.

    The later part is the newest ``share`` of the rows. A row that reaches into its time is in
    neither part: decided at bar i and resolved in bar e, it is fitted on only if max(e, i + p)
    lies before the first later row, where p = max(60, largest horizon of the labels). Early
    stopping, calibration and thresholds are all judged on such rows; both parts must hold at least
    50.

    Parameters
    ----------
    samples : Samples, or a labels table
        Training rows.
    share : float in (0, 1)
        Share of the rows that is kept from the fit.
    bar_index : pd.Index or None, default=None
        Index of every bar, where a labels table stands on a part of them; Samples know it.
    who : str, default="inner_holdout"
        Who asks, for the message.

    Returns
    -------
    InnerHoldout
        ``fit`` and ``later``: ascending positions into ``samples``.

    Raises
    ------
    DataError
        A part has fewer than 50 rows.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.samples import Samples
    >>> from ohlcvml.splits import inner_holdout
    >>> bars = simulate_bars(1000, seed=0).bars
    >>> labeller = FixedHorizonLabeller(horizon=5, cost_adjustment=None)
    >>> samples = Samples(bars, labeller.fit_transform(bars))
    >>> parts = inner_holdout(samples, 0.3)
    >>> len(samples), len(parts.fit), len(parts.later)
    (981, 627, 294)
    """
    check_value(who, "share", _SHARE, share)
    cv = PurgedHoldout(validation=0.0, test=share, bar_index=bar_index)
    counted = cv.report(samples)
    n_fit, n_later = int(counted["n_train"].iloc[0]), int(counted["n_test"].iloc[0])
    if min(n_fit, n_later) < LEAST_ROWS:
        raise DataError(
            f"{who}: the latest {share:.0%} of the training rows are kept to judge the fit by, and "
            f"both parts need at least {LEAST_ROWS} rows; {counted.attrs['n_rows']} rows leave "
            f"{n_fit} to fit on and {n_later} to judge by, after a purge of "
            f"{counted.attrs['purge']} bars between them. Use more bars or fewer splits."
        )
    parts = cv.parts(samples)
    return InnerHoldout(parts.train, parts.test)

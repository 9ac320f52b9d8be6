"""What pictures share. matplotlib is loaded only when one is drawn."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ohlcvml._requires import require

# Colours that stay apart in print and for colour-blind readers (Okabe and Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#777777"


def pyplot(who: str) -> Any:
    """matplotlib.pyplot, or an error that names the extra."""
    return require("matplotlib.pyplot", extra="report", who=who)


def plain_axes(axes: Any) -> None:
    """Light grid beneath, no box."""
    axes.grid(True, color="#dddddd", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)


def date_formatter(axes: Any) -> Any:
    """Dates as short as they can be told apart."""
    import matplotlib.dates as mdates

    return mdates.ConciseDateFormatter(axes.xaxis.get_major_locator())


def count_from_time(axes: Any, time: pd.Index) -> None:
    """Label an axis that counts bars with their stamps, so that nights leave no gap."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    stamps = pd.DatetimeIndex(time)
    span = stamps[-1] - stamps[0]
    form = "%H:%M" if span < pd.Timedelta("1D") else "%d %b %H:%M"
    form = "%d %b %Y" if span > pd.Timedelta("60D") else form

    def label(position: float, _: int) -> str:
        at = round(position)
        return stamps[at].strftime(form) if 0 <= at < len(stamps) else ""

    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(label))
    axes.set_xlim(-0.5, len(stamps) - 0.5)
    axes.set_xlabel(f"time ({stamps.tz or 'no zone'}), {len(stamps):,} bars")

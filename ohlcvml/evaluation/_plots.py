"""Pictures of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._plotting import COLOURS, GREY, date_formatter, plain_axes, pyplot
from ohlcvml.evaluation._calibration import calibration_error, reliability_curve
from ohlcvml.evaluation._performance import drawdown
from ohlcvml.evaluation._sharpe import SharpeEstimate
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 4000


class HasEquity(Protocol):
    """What a line of the picture is drawn from; a Backtest has it."""

    @property
    def pnl(self) -> pd.Series:
        """Net P&L of each bar."""

    @property
    def capital(self) -> float:
        """Fixed capital."""

    @property
    def sharpe(self) -> SharpeEstimate:
        """Annualised net Sharpe ratio."""


def plot_equity(
    backtest: HasEquity,
    *,
    others: Mapping[str, HasEquity] | HasEquity | None = None,
    name: str = "strategy",
    title: str | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw cumulative net P&L with the drawdown beneath.

    Both are in percent of the fixed capital: nothing is reinvested, so losses of equal size look
    equal anywhere on the page.

    Parameters
    ----------
    backtest : Backtest
        The strategy.
    others : dict of str to Backtest, or Backtest, optional
        Further lines; a single one is named buy and hold.
    name : str, default "strategy"
        Name of the strategy in the legend.
    title : str, optional
        Heading; by default the net Sharpe ratio with its interval and session count.
    figure : matplotlib.figure.Figure, optional
        Figure to draw on; default a new one.

    Returns
    -------
    matplotlib.figure.Figure
        With two axes: equity and drawdown. Save it with ``figure.savefig(path)``.

    Raises
    ------
    MissingDependencyError
        Without matplotlib: ``pip install ohlcvml[report]``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import buy_and_hold, plot_equity
    >>> figure = plot_equity(buy_and_hold(simulate_bars(3000, seed=0).bars))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['net P&L, % of capital', 'drawdown, %']
    """
    plt = pyplot("plot_equity")
    if others is not None and not isinstance(others, Mapping):
        others = {"buy and hold": others}
    lines = {name: backtest, **(others or {})}
    fig = plt.figure(figsize=(9.0, 5.4), layout="constrained") if figure is None else figure
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[3.0, 1.2])
    # Later lines go below the strategy, in grey where there is only one.
    colours = [COLOURS[0], *([GREY] if len(lines) == 2 else COLOURS[1:])]
    for rank, (label, run) in enumerate(lines.items()):
        colour = colours[rank % len(colours)]
        at, equity, fall = _thinned(run)
        style = {"color": colour, "zorder": 10 - rank, "lw": 1.8 if rank == 0 else 1.2}
        figures = f"{label}: {equity[-1]:+.1f} %, max. drawdown {-fall.min():.1f} %"
        top.plot(at, equity, label=figures, **style)
        if rank == 0:
            bottom.fill_between(at, fall, 0.0, color=colour, alpha=0.35, lw=0.0, zorder=3)
        bottom.plot(at, fall, color=colour, lw=0.9, zorder=9 - rank)
    if title is None:
        s = backtest.sharpe
        spread = "" if np.isnan(s.low) else f"  [{s.low:.2f}, {s.high:.2f}] at {s.level:.0%}"
        title = f"Net Sharpe {float(s):.2f}{spread}, {s.sessions} sessions"
    top.set_title(title, loc="left", fontsize=11)
    top.set_ylabel("net P&L, % of capital")
    bottom.set_ylabel("drawdown, %")
    top.axhline(0.0, color="black", lw=0.6, zorder=1)
    bottom.set_ylim(top=0.0)
    top.legend(frameon=False, fontsize=9, loc="best")
    bottom.set_xlabel("time (UTC)")
    bottom.xaxis.set_major_formatter(date_formatter(bottom))
    for axes in (top, bottom):
        plain_axes(axes)
    return fig  # type: ignore[no-any-return]


def _thinned(run: HasEquity) -> tuple[pd.Index, FloatArray, FloatArray]:
    """Stamps, equity and drawdown in percent of capital, at most 4,000 points of each.

    Equity is taken at the end of each stretch of bars, drawdown at its lowest.
    """
    pnl = run.pnl.to_numpy() / run.capital * 100.0
    starts = np.arange(0, len(pnl), -(-len(pnl) // _MOST_POINTS))
    ends = np.r_[starts[1:], len(pnl)] - 1
    return run.pnl.index[ends], np.cumsum(pnl)[ends], np.minimum.reduceat(drawdown(pnl), starts)


def plot_calibration(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    *,
    n_bins: int = 10,
    weight: npt.ArrayLike | None = None,
    title: str | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw a reliability curve for each class, with a histogram of the forecasts beneath.

    On the diagonal, what is forecast with probability p happens with frequency p. Bars are two
    standard errors of the observed frequency, as if rows were independent; with overlapping labels
    they are too short.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels.
    proba : array-like of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``classes``; rows with NaN are left out.
    classes : sequence of int
        The labeller's class set.
    n_bins : int, default 10
        Bins of equal width.
    weight : array-like of shape (n_rows,), optional
        Sample weights.
    title : str, optional
        Heading; by default the calibration error (top label).
    figure : matplotlib.figure.Figure, optional
        Figure to draw on; default a new one.

    Returns
    -------
    matplotlib.figure.Figure
        With two axes: reliability and histogram.

    Examples
    --------
    >>> from ohlcvml.evaluation import plot_calibration
    >>> proba = [[0.2, 0.8], [0.2, 0.8], [0.4, 0.6], [0.6, 0.4]]
    >>> figure = plot_calibration([1, 1, -1, -1], proba, [-1, 1])
    >>> len(figure.axes)
    2
    """
    plt = pyplot("plot_calibration")
    p, labels = np.asarray(proba, dtype=np.float64), np.asarray(y)
    if p.ndim != 2 or p.shape != (len(labels), len(classes)):
        raise DataError(
            f"plot_calibration: 'proba' must have shape {(len(labels), len(classes))} to go with "
            f"'y' and 'classes'; got {p.shape}."
        )
    w = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=np.float64)
    good = np.isfinite(p).all(axis=1)
    p, labels, w = p[good], labels[good], w[good]
    fig = plt.figure(figsize=(6.0, 6.6), layout="constrained") if figure is None else figure
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[3.2, 1.0])
    top.plot([0.0, 1.0], [0.0, 1.0], color=GREY, lw=1.0, ls="--", label="perfect")
    for c, label in enumerate(classes):
        colour = COLOURS[c % len(COLOURS)]
        curve = reliability_curve(labels == label, p[:, c], n_bins=n_bins, weight=w)
        curve = curve[curve["rows"] > 0]
        share = curve["observed"].to_numpy()
        error = 2.0 * np.sqrt(share * (1.0 - share) / curve["rows"].to_numpy())
        top.errorbar(
            curve["forecast"], share, yerr=error, color=colour, marker="o", ms=4.0, lw=1.4,
            elinewidth=0.8, capsize=2.0, label=f"class {label:+d}" if label else "class 0",
        )  # fmt: skip
        edges = np.linspace(0.0, 1.0, 4 * n_bins + 1)
        bottom.hist(p[:, c], bins=edges, weights=w, histtype="step", color=colour, lw=1.3)
    if title is None:
        error = calibration_error(labels, p, classes, n_bins=n_bins, weight=w)
        title = f"Calibration error {error:.3f} (top label, {n_bins} bins, {len(p):,} rows)"
    top.set_title(title, loc="left", fontsize=11)
    top.set_ylabel("observed frequency")
    top.set_xlim(0.0, 1.0)
    top.set_ylim(0.0, 1.0)
    bottom.set_xlabel("forecast probability")
    bottom.set_ylabel("rows" if weight is None else "weight")
    top.legend(frameon=False, fontsize=9, loc="upper left")
    for axes in (top, bottom):
        plain_axes(axes)
    return fig  # type: ignore[no-any-return]

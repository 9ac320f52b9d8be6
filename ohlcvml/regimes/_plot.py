"""Regimes shaded under the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ohlcvml._plotting import COLOURS, count_from_time, plain_axes, pyplot
from ohlcvml.bars import price_arrays
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, Features

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_regimes(
    bars: Bars, states: Features, *, title: str | None = None, figure: Figure | None = None
) -> Figure:
    """Draw the close with the most probable state shaded behind, the probabilities beneath.

    Bars stand side by side, without gaps for nights and weekends. Bars without a state stay white.
    The legend says what share of the bars a state holds and how long a visit is on average.

    Parameters
    ----------
    bars : pd.DataFrame
        One symbol's bars, or a stretch of them.
    states : pd.DataFrame
        State probabilities, one column per state, of at least the rows of ``bars``.
    title : str, optional
        Heading.
    figure : matplotlib.figure.Figure, optional
        Figure to draw on; default a new one.

    Returns
    -------
    matplotlib.figure.Figure
        With two axes: price and probabilities.

    Raises
    ------
    DataError
        If rows of the bars have no states.
    MissingDependencyError
        Without matplotlib: ``pip install ohlcvml[report]``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import VolatilityRegime, plot_regimes
    >>> bars = simulate_bars(3000, seed=0).bars
    >>> figure = plot_regimes(bars.iloc[-500:], VolatilityRegime().fit_transform(bars))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['price', 'probability']
    """
    plt = pyplot("plot_regimes")
    if not len(bars) or not bars.index.isin(states.index).all():
        raise DataError(
            f"plot_regimes: 'states' must have the rows of 'bars'; {len(bars)} bars were given and "
            f"{int(bars.index.isin(states.index).sum())} of them have states. Pass what the "
            "transform of these bars gave."
        )
    shown = states.loc[bars.index]
    probability = shown.to_numpy(dtype=np.float64)
    known = ~np.isnan(probability).any(axis=1)
    state = np.where(known, np.nan_to_num(probability).argmax(axis=1), -1)
    fig = plt.figure(figsize=(9.0, 5.0), layout="constrained") if figure is None else figure
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[2.4, 1.0])
    at = np.arange(len(bars))
    top.plot(at, price_arrays(bars, "plot_regimes").close, color="black", lw=0.9)
    edges = np.r_[0, np.flatnonzero(np.diff(state)) + 1, len(state)]
    visits = state[edges[:-1]]
    for k, name in enumerate(shown.columns):
        colour = COLOURS[k % len(COLOURS)]
        own = np.flatnonzero(visits == k)
        spans = [(edges[i] - 0.5, edges[i + 1] - edges[i]) for i in own]
        top.broken_barh(
            spans, (0, 1), transform=top.get_xaxis_transform(), color=colour, alpha=0.22, lw=0.0
        )
        share, length = np.mean(state == k), np.sum(state == k) / max(len(own), 1)
        label = f"{name}: {share:.0%} of bars, {length:.0f} a visit"
        bottom.plot(at, probability[:, k], color=colour, lw=0.9, label=label)
    top.set_ylabel("price")
    bottom.set_ylabel("probability")
    bottom.set_ylim(-0.02, 1.02)
    bottom.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.35))
    if title:
        top.set_title(title, loc="left", fontsize=11)
    for axes in (top, bottom):
        plain_axes(axes)
    count_from_time(bottom, bars.index.get_level_values(-1))
    return fig  # type: ignore[no-any-return]

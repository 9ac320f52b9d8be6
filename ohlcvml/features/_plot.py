"""Features under the bars they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ohlcvml._plotting import COLOURS, GREY, count_from_time, plain_axes, pyplot
from ohlcvml.bars import price_arrays
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, Features

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CANDLES = 400  # more bars are drawn as a line of closes in a band of highs and lows


def plot_features(
    bars: Bars,
    table: Features,
    *,
    columns: Sequence[str] | None = None,
    title: str | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw columns of a feature table under a chart of the bars.

    Bars stand side by side, without gaps for nights and weekends. Up to 400 bars are candles.

    Parameters
    ----------
    bars : pd.DataFrame
        One symbol's bars, or a stretch of them.
    table : pd.DataFrame
        Features; those of the rows of ``bars`` are drawn.
    columns : sequence of str, optional
        Columns to draw, one panel each; by default the first six.
    title : str, optional
        Heading.
    figure : matplotlib.figure.Figure, optional
        Figure to draw on; default a new one.

    Returns
    -------
    matplotlib.figure.Figure
        With one axes for the bars and one for each column.

    Raises
    ------
    DataError
        If rows of the bars or columns are not in the table.
    MissingDependencyError
        Without matplotlib: ``pip install ohlcvml[report]``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, plot_features
    >>> bars = simulate_bars(300, seed=0).bars
    >>> table = MomentumFeatures().fit_transform(bars)
    >>> figure = plot_features(bars.iloc[-120:], table, columns=["rsi_14", "macd_12_26"])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['price', 'rsi_14', 'macd_12_26']
    """
    plt = pyplot("plot_features")
    names = list(map(str, table.columns[:6])) if columns is None else list(columns)
    absent = [name for name in names if name not in table.columns]
    if absent or not bars.index.isin(table.index).all() or not len(bars):
        raise DataError(
            f"plot_features: 'table' must have the rows of 'bars' ({len(bars)}) and the columns "
            f"{names}; {absent or 'rows'} are missing. Pass what the transform of these bars gave."
        )
    shown = table.loc[bars.index, names]
    count = len(names)
    fig = figure or plt.figure(figsize=(9.0, 3.2 + 1.3 * count), layout="constrained")
    top, *panels = fig.subplots(
        1 + count, 1, sharex=True, height_ratios=[2.6, *[1.0] * count], squeeze=False
    )[:, 0]
    plot_bars(top, bars)
    for k, (name, axes) in enumerate(zip(names, panels, strict=True)):
        axes.plot(np.arange(len(shown)), shown[name].to_numpy(), color=COLOURS[k % 6], lw=1.1)
        axes.set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
        plain_axes(axes)
    if title:
        top.set_title(title, loc="left", fontsize=11)
    count_from_time((panels or [top])[-1], bars.index.get_level_values(-1))
    return fig  # type: ignore[no-any-return]


def plot_bars(axes: Any, bars: Bars) -> None:
    """Draw candles, or for many bars a line in a band, at positions 0, 1, ... of an axes."""
    prices = price_arrays(bars, "plot_bars")
    at = np.arange(len(bars))
    if len(bars) > _CANDLES:
        axes.fill_between(at, prices.low, prices.high, color=GREY, alpha=0.35, lw=0.0)
        axes.plot(at, prices.close, color="black", lw=0.8)
    else:
        up = prices.close >= prices.open
        colour = np.where(up, COLOURS[2], COLOURS[1])
        axes.vlines(at, prices.low, prices.high, colors=colour, lw=0.8)
        body = np.abs(prices.close - prices.open)
        axes.bar(at, body, 0.7, np.minimum(prices.open, prices.close), color=colour)
    axes.set_ylabel("price")
    plain_axes(axes)

"""Pictures of features show the numbers of the table."""

import numpy as np
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import DataError, MissingDependencyError
from ohlcvml.features import MomentumFeatures, plot_features

BARS = simulate_bars(1500, seed=0).bars
TABLE = MomentumFeatures().fit_transform(BARS)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.close("all")


def test_panels_are_the_columns():
    figure = plot_features(BARS.iloc[300:500], TABLE, columns=["macd_12_26", "rsi_7"], title="two")
    top, first, second = figure.axes
    assert np.array_equal(first.lines[0].get_ydata(), TABLE["macd_12_26"].iloc[300:500])
    assert np.array_equal(second.lines[0].get_ydata(), TABLE["rsi_7"].iloc[300:500])
    assert top.get_title(loc="left") == "two"
    assert len(top.patches) == 200  # candles


def test_many_bars_are_a_line_of_closes():
    top = plot_features(BARS, TABLE).axes[0]
    assert np.array_equal(top.lines[0].get_ydata(), BARS["close"])
    assert not top.patches
    assert len(plot_features(BARS, TABLE).axes) == 7


def test_ticks_are_stamps_of_bars():
    axes = plot_features(BARS.iloc[:120], TABLE, columns=["rsi_7"]).axes[-1]
    form = axes.xaxis.get_major_formatter()
    assert form(60, 0) == BARS.index[60].strftime("%H:%M")
    assert form(-5, 0) == form(500, 0) == ""


def test_unknown_columns_and_rows_are_refused():
    with pytest.raises(DataError, match="plot_features: 'table' must have the rows"):
        plot_features(BARS, TABLE, columns=["rsi_99"])
    with pytest.raises(DataError, match="rows are missing"):
        plot_features(BARS, TABLE.iloc[:100])


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"plot_features.*ohlcvml\[report\]"):
        plot_features(BARS, TABLE)

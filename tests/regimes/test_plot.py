"""Pictures of regimes show the states of the table."""

import sys

import numpy as np
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import DataError, MissingDependencyError
from ohlcvml.regimes import VolatilityRegime, plot_regimes

BARS = simulate_bars(1500, seed=0).bars
STATES = VolatilityRegime().fit_transform(BARS)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.close("all")


def shaded(axes):
    """Bars under the shade of each state."""
    bars = {}
    for k, spans in enumerate(axes.collections):
        for path in spans.get_paths():
            left, right = path.vertices[:, 0].min(), path.vertices[:, 0].max()
            bars |= dict.fromkeys(range(int(left + 0.5), int(right + 0.5)), k)
    return bars


def test_the_lines_are_the_close_and_the_probabilities():
    figure = plot_regimes(BARS.iloc[300:800], STATES, title="states")
    top, bottom = figure.axes
    assert np.array_equal(top.lines[0].get_ydata(), BARS["close"].iloc[300:800])
    assert top.get_title(loc="left") == "states"
    for k, name in enumerate(STATES):
        assert np.array_equal(bottom.lines[k].get_ydata(), STATES[name].iloc[300:800])


def test_each_bar_lies_in_the_shade_of_its_likeliest_state():
    top = plot_regimes(BARS, STATES).axes[0]
    known = np.flatnonzero(STATES.notna().all(axis=1))
    want = dict(zip(known.tolist(), STATES.to_numpy()[known].argmax(axis=1).tolist(), strict=True))
    assert len(want) == 1500 - 239
    assert shaded(top) == want


def test_the_legend_counts_bars_and_visits():
    states = STATES.iloc[:10].copy()
    states.iloc[:, :] = [[1, 0, 0]] * 4 + [[0, 1, 0]] * 3 + [[1, 0, 0]] * 2 + [[np.nan] * 3]
    texts = plot_regimes(BARS.iloc[:10], states).axes[1].get_legend().get_texts()
    assert [text.get_text() for text in texts] == [
        "volatility_state_low: 60% of bars, 3 a visit",
        "volatility_state_normal: 30% of bars, 3 a visit",
        "volatility_state_high: 0% of bars, 0 a visit",
    ]


def test_bars_without_states_are_refused():
    with pytest.raises(DataError, match="plot_regimes: 'states' must have the rows of 'bars'"):
        plot_regimes(BARS, STATES.iloc[:100])
    with pytest.raises(DataError, match="0 bars were given"):
        plot_regimes(BARS.iloc[:0], STATES)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"plot_regimes.*ohlcvml\[report\]"):
        plot_regimes(BARS, STATES)

"""Pictures show the numbers they claim to show."""

import sys

import numpy as np
import pytest

from ohlcvml.evaluation import backtest, buy_and_hold, plot_calibration, plot_equity
from ohlcvml.exceptions import DataError, MissingDependencyError
from tests.evaluation.tables import random_case


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_the_equity_line_ends_at_the_net_return():
    bars, labels, signals = random_case(1)
    run = backtest(bars, signals, labels)
    figure = run.plot()
    top, bottom = figure.axes
    assert top.lines[0].get_ydata()[-1] == pytest.approx(run.scores["net_return"] * 100)
    lowest = -100 * run.scores["max_drawdown"]
    assert bottom.lines[0].get_ydata().min() == pytest.approx(lowest)
    assert "sessions" in top.get_title(loc="left")


def test_a_second_line_is_named_buy_and_hold():
    bars, labels, signals = random_case(1)
    run = backtest(bars, signals, labels)
    figure = plot_equity(run, others=buy_and_hold(bars, like=run), name="model")
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names[0].startswith("model: ")
    assert names[1].startswith("buy and hold: ")


def test_a_long_drawdown_is_thinned_but_keeps_its_lowest_bar():
    from tests.evaluation.tables import make_bars

    close = 100.0 + np.random.default_rng(0).normal(0, 0.01, 20_000).cumsum()
    held = buy_and_hold(make_bars(close))
    line = held.plot().axes[1].lines[0]
    assert len(line.get_ydata()) <= 4000
    assert line.get_ydata().min() == pytest.approx(-100 * held.scores["max_drawdown"])


def test_calibration_shows_a_curve_for_each_class_and_its_error():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([1, 1, 1], 500)
    y = np.array([rng.choice([-1, 0, 1], p=p) for p in proba])
    figure = plot_calibration(y, proba, [-1, 0, 1])
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["perfect", "class -1", "class 0", "class +1"]
    assert "500 rows" in figure.axes[0].get_title(loc="left")
    with pytest.raises(DataError, match="shape"):
        plot_calibration(y, proba[:, :2], [-1, 0, 1])


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ohlcvml\[report\]'"):
        plot_calibration([1], [[0.5, 0.5]], [-1, 1])

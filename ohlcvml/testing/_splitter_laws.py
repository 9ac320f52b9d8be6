"""Laws of splitters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars import simulate_bars
from ohlcvml.labels import EXIT_CODES, FixedHorizonLabeller, LabelSpec
from ohlcvml.testing._parameters import check_parameters_matter
from ohlcvml.testing._report import LawBroken
from ohlcvml.typing import IntArray, Labels


def random_labels(n_bars: int = 3000, *, horizon: int = 40, seed: int = 0) -> Labels:
    """A labels table on every bar, with label intervals of random length.

    Examples
    --------
    >>> from ohlcvml.testing import random_labels
    >>> labels = random_labels(100, horizon=5)
    >>> int((labels["end"] - labels.index).max() / pd.Timedelta("1min"))
    5
    """
    generator = np.random.default_rng(seed)
    index = pd.date_range("2025-01-06", periods=n_bars + horizon, freq="1min", tz="UTC")
    index.name = "time"
    length = generator.integers(1, horizon + 1, n_bars)
    table = pd.DataFrame(
        {
            "label": generator.choice([-1, 0, 1], n_bars).astype(np.int8),
            "end": index[np.arange(n_bars) + length],
            "ret": 0.0,
            "cost": 0.0,
            "net_ret": 0.0,
            "weight": 1.0,
            "exit": np.int8(EXIT_CODES["time"]),
            "censored": False,
        },
        index=index[:n_bars],
    )
    return LabelSpec.of(_one_label(horizon)).attach(table)


def _one_label(horizon: int) -> Labels:
    """Labels that say what ours pretend to be made with."""
    bars = simulate_bars(horizon + 20, seed=0).bars
    return FixedHorizonLabeller(horizon, cost_adjustment=None).fit_transform(bars)


def _positions(labels: Labels) -> tuple[IntArray, IntArray]:
    start = nanoseconds(labels.index)
    end = nanoseconds(labels["end"], nat="keep")
    return start, end


def _bare(splitter: Any) -> Any:
    """The splitter without the rows of its own that it may carry: the labels bring theirs."""
    known = splitter.get_params(deep=False)
    own = [name for name in ("bar_index", "label_ends") if name in known]
    return splitter.clone().set_params(**dict.fromkeys(own))


def no_training_interval_meets_a_test_interval(splitter: Any) -> None:
    """For labels of random length, no training label is still open while a test label is."""
    labels = random_labels()
    start, end = _positions(labels)
    for fold, (train, test) in enumerate(_bare(splitter).split(labels)):
        begins_before_end = start[test][None, :] <= end[train][:, None]
        ends_after_begin = end[test][None, :] >= start[train][:, None]
        meets = (begins_before_end & ends_after_begin).any(axis=1)
        if meets.any():
            row = train[np.flatnonzero(meets)[0]]
            raise LawBroken(
                f"{type(splitter).__name__}: in fold {fold}, {int(meets.sum())} training labels "
                f"overlap test labels; the first is taken at {labels.index[row]} and resolved at "
                f"{labels['end'].iloc[row]}."
            )


def training_and_test_rows_are_disjoint(splitter: Any) -> None:
    """No row is on both sides, none is out of range, none comes twice."""
    labels = random_labels(seed=1)
    for train, test in _bare(splitter).split(labels):
        rows = np.concatenate([train, test])
        if len(np.unique(rows)) != len(rows) or rows.min() < 0 or rows.max() >= len(labels):
            raise LawBroken(f"{type(splitter).__name__}: rows repeat or are out of range.")


def number_of_splits_is_told(splitter: Any) -> None:
    """``get_n_splits`` is the number of folds that come."""
    labels, splitter = random_labels(), _bare(splitter)
    if splitter.get_n_splits(labels) != len(list(splitter.split(labels))):
        raise LawBroken(f"{type(splitter).__name__}: get_n_splits is not the number of folds.")


def every_parameter_has_an_effect(splitter: Any) -> None:
    """Each parameter moves the folds, or decides whether there are any."""
    days = pd.date_range("2000-01-01", periods=60, freq="D")
    series = pd.Series(np.arange(60.0), index=days)

    def compute(one: Any) -> Any:
        return [*_folds(_bare(one), random_labels()), *_folds(one, series)]

    check_parameters_matter(type(splitter), compute)


def _folds(splitter: Any, X: Any) -> list[Any]:
    try:
        return [(train.tolist(), test.tolist()) for train, test in splitter.split(X)]
    except ValueError as error:
        return [type(error).__name__]


SPLITTER_LAWS = (
    no_training_interval_meets_a_test_interval,
    training_and_test_rows_are_disjoint,
    number_of_splits_is_told,
)
SPLITTER_CLASS_LAWS = (every_parameter_has_an_effect,)

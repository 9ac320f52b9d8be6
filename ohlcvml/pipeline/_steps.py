"""Fitting and applying the transformer steps of a pipeline without leaking."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.bars import OHLCV
from ohlcvml.exceptions import DataError
from ohlcvml.samples import Samples
from ohlcvml.streams import BarFeatureChain, RowTransformer, as_step
from ohlcvml.typing import Features

PRICES = OHLCV[:4]
MIN_STRETCH = 2  # bars; a stretch of one bar has no succession to learn from


def flatten(part: Any) -> list[Any]:
    """List the links of a chain, in order; anything else is a list of itself."""
    step = as_step(part, "*")
    if isinstance(step, BarFeatureChain):
        return [link for _, inner in step.steps for link in flatten(inner)]
    if type(step).__name__ == "TransformerPipeline":
        return [link for _, inner in step.steps_ for link in flatten(inner)]
    return [step]


def named(parts: list[Any]) -> list[tuple[str, Any]]:
    """Name parts after their classes, numbering repetitions."""
    names = [type(part).__name__ for part in parts]
    counts: dict[str, int] = {}
    out = []
    for name, part in zip(names, parts, strict=True):
        counts[name] = counts.get(name, 0) + 1
        out.append((name if names.count(name) == 1 else f"{name}_{counts[name]}", part))
    return out


def fit_step(step: Any, table: Features, samples: Samples, report: dict[str, int]) -> Any:
    """Fit a clone of ``step`` on what the training samples allow it to see.

    Stateless steps have nothing to learn. A supervised step sees the label rows. Any other step
    sees the training stretches: the bars between the first and last label row of each run that the
    splitter left uncut, as (stretch, time) where it takes panels, so that nothing is glued.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.pipeline import fit_step
    >>> from ohlcvml.samples import Samples
    >>> from ohlcvml.streams import RowTransformer
    >>> from sklearn.preprocessing import StandardScaler
    >>> bars = simulate_bars(300, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> scaler = fit_step(RowTransformer(StandardScaler()), bars, Samples(bars, labels)[:50], {})
    >>> int(scaler.transformer_.n_samples_seen_)  # the bars of the training stretch alone
    50
    """
    step = step.clone()
    if step.get_tag("fit_is_empty"):
        return step.fit(table)
    if step.get_tag("requires_y"):
        rows = table.iloc[samples.pos]
        known = rows.notna().all(axis=1).to_numpy()
        if not known.any():
            raise DataError(
                f"BarPipeline: step {type(step).__name__} learns from label rows without missing "
                f"values; none of the {len(rows)} is complete (columns without any value: "
                f"{rows.columns[rows.isna().all()].tolist()}). Give more history than the "
                "features' lookback, or leave out columns that are always NaN."
            )
        y = pd.Series(samples.y[known], index=rows.index[known])
        if isinstance(step, RowTransformer):
            return step.fit(rows[known].reset_index(drop=True), y.reset_index(drop=True))
        return step.fit(rows[known], y)
    stretches = [table.iloc[first : last + 1] for first, last in samples.stretches()]
    if isinstance(step, RowTransformer):
        # To rows one by one, time means nothing; stretches of two symbols would share stamps.
        return step.fit(pd.concat(stretches, ignore_index=True))
    whole = [run for piece in stretches for run in _complete_runs(piece)]
    pieces = [_by_time(run) for run in whole if len(run) >= MIN_STRETCH]
    report["short_stretches"] = report.get("short_stretches", 0) + len(whole) - len(pieces)
    if not pieces:
        raise DataError(
            f"BarPipeline: step {type(step).__name__} has no training stretch of at least "
            f"{MIN_STRETCH} complete bars among {len(samples)} samples. Give more bars than the "
            "features' lookback."
        )
    if "pd-multiindex" in step.get_tag("X_inner_mtype"):
        return step.fit(pd.concat(dict(enumerate(pieces)), names=["stretch", "time"]))
    if len(pieces) > 1:
        raise DataError(
            f"BarPipeline: step {type(step).__name__} learns from one series only, and the "
            f"training rows are {len(pieces)} separate stretches; gluing them would teach it jumps "
            "that never happened. Use a transformer that takes panels, or walk-forward splits."
        )
    return step.fit(pieces[0])


def _complete_runs(piece: Features) -> list[Features]:
    """Cut a stretch at rows with a missing value: what lies around them is not adjacent.

    Of bars only the prices are looked at: an instrument may have no volume, and each step checks
    the further columns that it needs.
    """
    prices = [name for name in PRICES if name in piece.columns]
    complete = (piece[prices] if prices else piece).notna().all(axis=1).to_numpy()
    edges = np.flatnonzero(np.diff(complete, prepend=False, append=False))
    return [piece.iloc[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _by_time(piece: Features) -> Features:
    """The rows of one symbol, on their time alone."""
    if isinstance(piece.index, pd.MultiIndex):
        return piece.droplevel(list(range(piece.index.nlevels - 1)))
    return piece

"""Samples: labelled decision rows as a view on shared bars, features and labels."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._card import Card, Shown
from ohlcvml.bars import symbol_starts
from ohlcvml.exceptions import DataError
from ohlcvml.labels import LabelSpec
from ohlcvml.samples._label_table import LabelTable
from ohlcvml.samples._panel import BarPanel, has_history
from ohlcvml.typing import Bars, BoolArray, Features, FloatArray, IntArray, Labels


class FeatureTable:
    """Features as one float32 matrix, made once and shared by every view and fold."""

    def __init__(self, features: Features) -> None:
        self.features = features

    @cached_property
    def values(self) -> npt.NDArray[np.float32]:
        """Row-major float32 matrix of shape (T, C)."""
        odd = [
            str(name)
            for name, dtype in self.features.dtypes.items()
            if not pd.api.types.is_numeric_dtype(dtype)
        ]
        if odd:
            raise DataError(
                f"Samples: features must be numeric; column(s) {', '.join(odd)} are not. Put a "
                "feature step before the model, for example OHLCVFeatures() * model."
            )
        values = np.ascontiguousarray(self.features.to_numpy(dtype=np.float32))
        infinite = np.isinf(values)
        if infinite.any():
            row, column = np.argwhere(infinite)[0]
            raise DataError(
                f"Samples: features must be finite or NaN; column "
                f"{self.features.columns[column]!r} is infinite at "
                f"{self.features.index[row]} ({int(infinite.sum())} values in all). Look for a "
                "division by zero in the feature that makes it."
            )
        return values

    @cached_property
    def missing_before(self) -> IntArray:
        """Number of rows with a NaN before each row, of shape (T + 1,)."""
        missing = np.isnan(self.values).any(axis=1)
        return np.concatenate([[0], np.cumsum(missing)]).astype(np.int64)

    @cached_property
    def starts(self) -> IntArray:
        """Rows at which the symbols start, followed by T."""
        return symbol_starts(self.features.index)

    def panel(self, ends: IntArray, window: int) -> tuple[BarPanel, BoolArray]:
        """Windows ending at those of ``ends`` that have history, and which these are."""
        good = has_history(self.missing_before, self.starts, ends, window)
        return BarPanel(self.values, ends[good], window), good


class Samples(Shown):
    """Labelled decision points: what model selection slices and models are fitted on.

    A sample is (shared tables, a row number): slicing returns a view on the same bars, features
    and labels, so a fold costs its row numbers and nothing else. Row b may be described by
    everything known up to and including its decision bar ``pos[b]``; its label resolves in the bar
    stamped ``end[b]``. Censored and unresolved labels are never part of it.

    Parameters
    ----------
    bars : pd.DataFrame
        Every bar, not only those with a label.
    labels : pd.DataFrame
        The labels table of a labeller, on a subset of the bar index.
    rows : int array or None, default=None
        Rows of ``labels``; all usable ones by default.
    features : pd.DataFrame or None, default=None
        Columns on the bar index that describe a bar; the bars themselves by default.
    spec : LabelSpec or None, default=None
        What was assumed in making the labels. By default the table says it itself; a table that
        went through ``join``, ``merge`` or a CSV file has lost it.

    Attributes
    ----------
    pos : int64 array
        Position of each decision bar on the bar index.

    Raises
    ------
    DataError
        If the labels do not match the bars, do not say what was assumed in making them, say
        something else than ``spec``, or outlive its horizon in bars that could be traded; or the
        features are not on the bar index.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.samples import Samples
    >>> bars = simulate_bars(200, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> samples = Samples(bars, labels)
    >>> train = samples[:100]
    >>> len(train), train.shape, train.bars is bars
    (100, (100,), True)
    """

    # A stray np.asarray would densify; scikit-learn slices through __getitem__ instead.
    __array__ = None

    def __init__(
        self,
        bars: Bars,
        labels: Labels,
        rows: IntArray | None = None,
        features: Features | None = None,
        spec: LabelSpec | None = None,
    ) -> None:
        self._labels = LabelTable(bars, labels, spec)
        self._features = self._check_features(bars if features is None else features)
        self.rows: IntArray = self._check_rows(rows)
        self._factor: FloatArray | None = None  # of the rows, beside the weights they have

    def _check_features(self, features: Features | FeatureTable) -> FeatureTable:
        if isinstance(features, FeatureTable):  # shared by other views: what it made stays made
            self._check_features(features.features)
            return features
        bars = self._labels.bars
        index = getattr(features, "index", None)
        if index is None or not (index is bars.index or index.equals(bars.index)):
            got = type(features).__name__ if index is None else f"{len(index)} rows"
            raise DataError(
                f"Samples: 'features' must stand on the index of 'bars'; got {got} beside "
                f"{len(bars)} bars. Compute features with transform(bars), and use no step that "
                "drops or adds rows."
            )
        return FeatureTable(features)

    def _check_rows(self, rows: IntArray | None) -> IntArray:
        usable = self._labels.usable
        if rows is None:
            return usable
        given = np.asarray(rows)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise DataError(
                "Samples: 'rows' must be positions of rows of 'labels', integers of shape (n,); "
                f"got {given.dtype} of shape {given.shape}. Of a mask, take np.flatnonzero(mask)."
            )
        rows = given.astype(np.int64, copy=False)
        unusable = ~np.isin(rows, usable)
        if unusable.any():
            raise DataError(
                f"Samples: 'rows' must be resolved, uncensored rows of 'labels'; "
                f"{int(unusable.sum())} of {len(rows)} are not, the first is row "
                f"{rows[unusable][0]}. Leave 'rows' out to take every usable row."
            )
        return rows

    # ---- the sequence that model selection sees
    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int]:
        """(number of samples,)."""
        return (len(self.rows),)

    def __getitem__(self, item: Any) -> Samples:
        """Return a view of some samples; ``item`` is a position, slice, mask or positions."""
        view = object.__new__(Samples)
        view._labels, view._features = self._labels, self._features
        view.rows = np.atleast_1d(self.rows[item])
        view._factor = None if self._factor is None else np.atleast_1d(self._factor[item])
        return view

    def _card(self) -> Card:
        spec = self.spec
        title = (
            f"Samples: {len(self):,} of {len(self._labels.usable):,} labelled rows, "
            f"{len(self.bars):,} bars, {self.features.shape[1]} columns"
        )
        counts = [int((self.y == c).sum()) for c in self.classes]
        shares = (
            f"{c if c == 0 else format(c, '+d')}: {n:,} ({n / max(len(self), 1):.0%})"
            for c, n in zip(self.classes, counts, strict=True)
        )
        rows = [("classes", ", ".join(shares))]
        if len(self):
            time = self.index.get_level_values(-1)
            rows.append(("decided", f"{time.min()} to {time.max()}"))
            rows.append(("weight", self._weight_text()))
        rows.append(("labels", f"{spec.rule} ({spec.kind}), horizon {spec.horizon} bars"))
        rows.append(("contract", "none" if spec.contract is None else spec.contract.symbol))
        rows.append(("costs", "none" if spec.costs is None else str(spec.costs)))
        return Card(title, rows)

    def _weight_text(self) -> str:
        try:
            weight = self.weight
        except DataError:
            return "0 for all rows"
        return f"{weight.min():.3g} to {weight.max():.3g}"

    # ---- the shared tables
    @property
    def bars(self) -> Bars:
        """The bars, uncut."""
        return self._labels.bars

    @property
    def features(self) -> Features:
        """The features on the bar index, uncut; the bars themselves if none were given."""
        return self._features.features

    @property
    def labels(self) -> Labels:
        """The whole labels table, also in a view of some rows."""
        return self._labels.labels

    @property
    def classes(self) -> IntArray:
        """The class set of the labeller, whether or not each occurs in this view."""
        return np.asarray(self.spec.classes, dtype=np.int64)

    @property
    def spec(self) -> LabelSpec:
        """What was assumed in making the labels."""
        return self._labels.spec

    # ---- per sample
    @property
    def pos(self) -> IntArray:
        """Position of each decision bar on the bar index."""
        return self._labels.pos[self.rows]

    @property
    def end_pos(self) -> IntArray:
        """Position of each resolving bar on the bar index."""
        return self._labels.end_pos[self.rows]

    @property
    def index(self) -> pd.Index:
        """Index labels (stamps) of the decision bars."""
        return self.labels.index[self.rows]

    @property
    def y(self) -> npt.NDArray[np.int8]:
        """Class labels, of shape (n,)."""
        return self.labels["label"].to_numpy()[self.rows]

    @property
    def end(self) -> pd.Index:
        """Stamps of the bars that resolved the labels."""
        return pd.Index(self.labels["end"].iloc[self.rows])

    @property
    def weight(self) -> FloatArray:
        """Weights of the samples, of shape (n,), made of the rows of this view alone.

        The column ``weight`` at a mean of 1 over these rows, times average uniqueness and time
        decay among them. Rows that no other row overlaps weigh 1 where the column is constant and
        nothing decays. No bar after the last ``end`` of the view moves a weight.

        Raises
        ------
        DataError
            The column, or what it is multiplied by, is 0 for all rows.
        """
        weight = self._labels.weight(self.rows)
        if self._factor is None:
            return weight
        weight = weight * self._factor
        if len(weight) and not weight.any():
            raise DataError(
                f"Samples.weight: the weights of all {len(weight)} rows are 0, by the column "
                "'weight' of 'labels' times the factors of Samples.weighted or sample_weight. Take "
                "rows that count."
            )
        return weight

    def last(self) -> npt.NDArray[np.float32]:
        """Features at the decision bars, of shape (n, C), NaN where there is no history."""
        return self._features.values[self.pos]

    def take(self, rows: Any, window: int) -> npt.NDArray[np.float32]:
        """Windows of ``window`` bars ending at the decision bars of ``rows``: (B, C, window).

        Raises
        ------
        DataError
            If a window would reach beyond the first bar of its symbol.
        """
        ends = self.pos[rows]
        symbol_start = self._features.starts
        first = symbol_start[np.searchsorted(symbol_start, ends, side="right") - 1]
        if (ends - window + 1 < first).any():
            raise DataError(
                f"Samples.take: 'window' must not exceed the history of a row; got {window} with "
                f"{int((ends - first).min()) + 1} bars available. Use a shorter window or later "
                "rows."
            )
        return BarPanel(self._features.values, ends, window).take()

    def panel(self, window: int = 1) -> tuple[BarPanel, BoolArray]:
        """Lazy windows of the samples that have history, and which these are."""
        return self._features.panel(self.pos, window)

    def with_features(self, features: Features | FeatureTable) -> Samples:
        """Return the same rows described by other columns."""
        view = object.__new__(Samples)
        view._labels, view._features = self._labels, self._check_features(features)
        view.rows, view._factor = self.rows, self._factor
        return view

    def weighted(self, factor: FloatArray | pd.Series) -> Samples:
        """Return the same rows with their weights multiplied by ``factor``, of shape (n,).

        Raises
        ------
        DataError
            If there is not one finite factor of at least 0 for each row, or all are 0, or a Series
            stands on another index than the rows.
        """
        if isinstance(factor, pd.Series) and not factor.index.equals(self.index):
            raise DataError(
                f"Samples.weighted: a Series of weights must stand on the {len(self)} stamps of "
                f"the rows, in their order; got {len(factor)} values on another index. Use "
                "weights.reindex(samples.index)."
            )
        factor = np.asarray(factor, dtype=np.float64)
        fine = factor.shape == self.shape and bool((np.isfinite(factor) & (factor >= 0)).all())
        if not fine or not factor.any():
            raise DataError(
                "Samples.weighted: sample weights must be finite and at least 0, one for each of "
                f"the {len(self)} rows, and not all 0; got shape {factor.shape}, "
                f"{int((~np.isfinite(factor)).sum())} not finite, {int((factor < 0).sum())} below "
                "0. Align them with samples.index."
            )
        view = self[:]
        view._factor = factor if self._factor is None else self._factor * factor
        return view

    def stretches(self) -> list[tuple[int, int]]:
        """Bar ranges [first, last] between the label rows of each run that nobody cut.

        Two rows belong to one run if they are neighbours among the usable rows of the uncut table
        and of one symbol; a splitter's cut (purge, embargo, test block) ends a run, rows that were
        never sampled do not.
        """
        if len(self.rows) == 0:
            return []
        rank = np.searchsorted(self._labels.usable, self.rows)
        pos = self.pos
        starts = self._features.starts
        symbol = np.searchsorted(starts, pos, side="right")
        cut = np.flatnonzero((np.diff(rank) != 1) | (np.diff(symbol) != 0))
        first = np.concatenate([[0], cut + 1])
        last = np.concatenate([cut, [len(pos) - 1]])
        return [(int(pos[a]), int(pos[b])) for a, b in zip(first, last, strict=True)]

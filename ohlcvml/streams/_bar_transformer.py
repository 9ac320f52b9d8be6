"""The base of everything that transforms bars: the one door before sktime's own checks."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd
from sktime.transformations.base import BaseTransformer

from ohlcvml.bars import check_bars


class BaseBarTransformer(BaseTransformer):  # type: ignore[misc]
    """Base of transformers that are given bars: ``fit``, ``transform``, ``update`` check them.

    What they are given is checked by :func:`ohlcvml.bars.check_bars` before sktime sees it, so that
    tables in another case, newest first or with swapped index levels get an error that says what to
    do. A table none of whose names looks like a part of a bar is taken as one price. A class that
    reads rows of any table, whatever their columns, sets ``_takes_bars = False``.

    Please do not grow this class: it is the door and nothing else.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.streams import BaseBarTransformer
    >>> class Range(BaseBarTransformer):
    ...     _tags = {"fit_is_empty": True, "capability:multivariate": True}
    ...
    ...     def _transform(self, X, y=None):
    ...         return (X["high"] - X["low"]).to_frame("range")
    >>> bars = simulate_bars(100, seed=0).bars
    >>> Range().fit_transform(bars).shape
    (100, 1)
    >>> Range().fit_transform(bars[::-1])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: Range: the time index of 'bars' must be strictly increasing ...
    """

    _takes_bars: ClassVar[bool] = True

    def fit(self, X: Any, y: Any = None) -> Any:
        """Fit to bars, or to an sktime Series or Panel.

        Parameters
        ----------
        X : pd.DataFrame of bars, or any sktime Series, Panel or Hierarchical
        y : optional
            For transformers with ``requires_y``.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If ``X`` is a malformed table of bars; the message names ``ohlcvml.bars.as_bars``.
        """
        # Label rows, on which supervised steps are fitted, are further apart than the bars.
        self._check_entry(X, () if self.get_tag("requires_y") else self._bar_sizes())
        return super().fit(X, y)

    def transform(self, X: Any, y: Any = None) -> Any:
        """Transform bars, or an sktime Series or Panel.

        Parameters
        ----------
        X : pd.DataFrame of bars, or any sktime Series, Panel or Hierarchical
        y : optional, ignored

        Returns
        -------
        pd.DataFrame on the index of the bars; for other types as sktime says.

        Raises
        ------
        DataError
            If ``X`` is a malformed table of bars; the message names ``ohlcvml.bars.as_bars``.
        """
        self._check_entry(X, self._bar_sizes())
        return super().transform(X, y)

    def update(self, X: Any, y: Any = None, update_params: bool = True) -> Any:
        """As sktime's, on bars that are checked first."""
        self._check_entry(X, ())
        return super().update(X, y, update_params)

    def _check_entry(self, X: Any, bar_sizes: tuple[Any, ...]) -> None:
        if not self._takes_bars:
            return
        tables = X.values() if isinstance(X, dict) else X if isinstance(X, list) else [X]
        for table in tables:
            if isinstance(table, pd.DataFrame):
                check_bars(table, type(self).__name__, columns="bars or price", bar_sizes=bar_sizes)

    def _bar_sizes(self) -> tuple[Any, ...]:
        """Sizes of bars that this object and its parts were told and use."""
        return (self.bar_size,) if hasattr(self, "bar_size") else ()

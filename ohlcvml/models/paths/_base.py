"""Models that forecast the price path and read barrier probabilities off the forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sktime.classification.base import BaseClassifier

from ohlcvml._checks import boolean, integer
from ohlcvml.exceptions import DataError
from ohlcvml.models._tails import quantiles_at
from ohlcvml.models.paths._barriers import BarrierSpec
from ohlcvml.models.paths._calibration import calibrated, fit_calibration, log_odds, summary
from ohlcvml.models.paths._forecast import Forecast, PathForecast, QuantileForecast
from ohlcvml.models.paths._path_law import barrier_probabilities, threshold_probabilities
from ohlcvml.models.paths._windows import BarWindows, WindowBatch, instance_windows
from ohlcvml.pipeline import Answer, BaseBarClassifier, atr_scale
from ohlcvml.samples import Samples
from ohlcvml.splits import inner_holdout
from ohlcvml.streams.kernels import settling
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray

PATH_RULES: dict[str, Any] = {
    "window": integer(2),
    "prediction_length": integer(1),
    "n_paths": integer(2),
    "calibrate": boolean(),
    "random_state": integer(0),
}
# Of the training rows, the newest share calibrates a forecaster that was fitted on the others.
CALIBRATION_SHARE = 0.3
ATR_TOLERANCE = 1e-9


class _Asked(NamedTuple):
    """Rows (positions into what was asked), their windows, forecast and law (down, none, up)."""

    rows: IntArray
    windows: WindowBatch
    forecast: Forecast
    law: FloatArray | None


class BasePathClassifier(BaseBarClassifier):
    """Base of classifiers that forecast the path of the price.

    A subclass implements ``_forecast(windows, n_steps)``: from a
    :class:`~ohlcvml.models.paths.WindowBatch` of B windows to a ``QuantileForecast`` or
    ``PathForecast`` of the cumulative log return after each window's last close, for at most
    ``n_steps`` closes ahead (fewer are continued, see below). Row b of the answer may depend on
    window b alone. In the bar door a window is ``window`` bars long; in the Panel door it is the
    instance, at most ``window`` long. A window without a forecast is NaN throughout.

    It takes the constructor parameters ``window``, ``prediction_length=20``, ``n_paths=4096``,
    ``calibrate=False`` and ``random_state=0`` (rules: ``PATH_RULES``) and may set:

    ``_learns = True`` and ``_fit_forecaster(series)``, if it has something to learn. ``series`` is
    a list of batches of one window each: the training stretches (bars from the first to the last
    label row of each run that the splitter left uncut), or the instances of a panel. What is
    learned is kept in attributes that a bundle can hold.
    ``_block``: windows asked at once. ``_pads_blocks = True``: every call gets exactly ``_block``
    windows, the last one repeated, so that arithmetic that depends on the size of a batch is the
    same for a row wherever it stands. ``_batch_tolerance``, where even so it is not the same bits.

    What this class does with the forecast:

    **Barrier law.** With labels of a triple barrier or a fixed horizon, the forecast's marginals
    become probabilities of down, neither and up by :func:`barrier_probabilities`. The entry (the
    next open) is not known: barriers stand around the close of the decision bar. A class set
    of two of the three is renormalised. No class shares are learned, so a training fold with one
    class changes nothing.

    **Longer horizons.** Where the labels' horizon exceeds ``prediction_length``, the forecast is
    continued: centre as at the last step, spread growing with the square root of time.

    **Calibration.** ``calibrate=True`` fits a multinomial logistic regression on the log odds of
    that law and a summary of the forecast at the training rows. Labels without barriers need it.
    A training fold with one class is then a constant model. A forecaster that learns is fitted on
    the oldest 70 % of the training rows and calibrated on the rest, purged.

    ``predict_quantiles`` and ``predict_interval`` give the return from the close of row t to the
    close of the horizon, whatever the labels' barriers; calibration does not enter.

    **Panel door.** Series of one channel: its logarithm where every training value is positive,
    else its steps in units of their root mean square. Always calibrated, on the summary alone.
    sktime refuses more channels, but for composites, as with a forecaster inside, where it warns
    and the first one is taken.

    A row is NaN without ``window`` bars in its symbol, with a price missing or not positive among
    them, or without an ATR.
    """

    _tags = {
        "representation": "path",
        "model_family": "forecast",
        "capability:pred_quantiles": True,
        "capability:multivariate": False,  # of panels; bars are taken whole
        "capability:missing_values": False,
        "capability:random_state": True,
        "property:randomness": "derandomized",
    }
    _own_levels = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    _learns = False
    _block = 256
    _pads_blocks = False

    window: int
    prediction_length: int
    n_paths: int
    calibrate: bool
    random_state: int
    horizon_: int

    # ---- what a subclass implements
    def _fit_forecaster(self, series: Sequence[WindowBatch]) -> None:
        """Learn from the training stretches; a zero-shot model learns nothing."""

    def _forecast(self, windows: WindowBatch, n_steps: int) -> Forecast:
        raise NotImplementedError

    # ---- bar door: fitting
    def _fit_samples(self, samples: Samples) -> None:
        who = type(self).__name__
        _check_is_bars(samples.features, who)
        spec = BarrierSpec.from_labels(samples.labels)
        if spec.kind is None and not self.calibrate:
            raise DataError(
                f"{who}: these labels have no barriers or horizon that a forecast can be held "
                "against (those of TripleBarrierLabeller without a side or of "
                "FixedHorizonLabeller have), so their classes must be learned. Use calibrate=True."
            )
        self._barriers = asdict(spec)
        self.horizon_ = int(spec.horizon or self.prediction_length)
        self.fit_report_ = {
            "samples": len(samples),
            "without_history": 0,
            "steps_continued": max(self.horizon_ - self.prediction_length, 0),
        }
        rows = samples
        if self._learns:
            if self.calibrate:
                samples, rows = self._parted(samples)
            self._learn(samples)
        if self.calibrate:
            self._calibrate_on(rows)
        else:
            good = self._has_history(rows.bars, rows.pos)
            self.fit_report_["without_history"] = int((~good).sum())

    def _parted(self, samples: Samples) -> tuple[Samples, Samples]:
        """Rows to fit the forecaster on, and later ones to calibrate it on."""
        parts = inner_holdout(samples, CALIBRATION_SHARE, who=type(self).__name__)
        return samples[parts.fit], samples[parts.later]

    def _learn(self, samples: Samples) -> None:
        table = BarWindows(samples.bars, type(self).__name__)
        found = [table.stretch(first, last) for first, last in samples.stretches()]
        series = [one for one in found if one is not None]
        self.fit_report_["stretches"] = len(series)
        self.fit_report_["stretches_dropped"] = len(found) - len(series)
        if not series:
            raise DataError(
                f"{type(self).__name__}: none of the {len(found)} training stretches has two bars "
                "with positive prices. Give more bars, or fewer splits."
            )
        self._fit_forecaster(series)

    def _calibrate_on(self, samples: Samples) -> None:
        y, weight = samples.y.astype(np.int64), samples.weight
        values, rows = [], []
        for asked in self._ask(samples.bars, samples.pos):
            values.append(self._calibration_inputs(asked))
            rows.append(asked.rows)
        known = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        self.fit_report_["without_history"] = len(samples) - len(known)
        if len(known) == 0:
            raise DataError(
                f"{type(self).__name__}: none of the {len(samples)} training samples to calibrate "
                f"on has {self.window} bars of positive prices before it. Use a smaller "
                "'window', more bars, or calibrate=False."
            )
        if (y[known] == y[known[0]]).all():
            self._constant_class = int(y[known[0]])
            return
        codes = np.searchsorted(self.classes_, y[known])
        self._calibration = fit_calibration(np.concatenate(values), codes, weight[known])

    # ---- bar door: predicting
    @property
    def _spec(self) -> BarrierSpec:
        return BarrierSpec(**self._barriers)

    def _answer_at(
        self,
        X: Bars | Samples,
        pos: IntArray,
        levels: tuple[float, ...] = (),
        probabilities: bool = True,
    ) -> Answer:
        """Quantiles are of the log return from the row's close to that of the horizon, in ATR."""
        bars, alpha = self._bars_of(X), np.asarray(levels, dtype=np.float64)
        proba = np.full((len(pos), self.n_classes_), np.nan)
        returns, beyond = np.full((len(pos), len(alpha)), np.nan), np.zeros(len(alpha), dtype=bool)
        constant = hasattr(self, "_constant_class")
        if constant:
            proba[self._has_history(bars, pos)] = self.classes_ == self._constant_class
        with_law = probabilities and not constant
        for asked in self._ask(bars, pos, with_law) if with_law or levels else ():
            if with_law and self.calibrate:
                values = self._calibration_inputs(asked)
                proba[asked.rows] = calibrated(self._calibration, values, self.n_classes_)
            elif asked.law is not None:
                proba[asked.rows] = self._as_classes(asked.law)
            if levels:
                last = _marginals(asked.forecast, alpha)
                told = quantiles_at(last.levels, last.values[:, -1], alpha)
                returns[asked.rows], outside = told
                beyond |= outside
        if not levels:
            return Answer(proba)
        scale = atr_scale(bars, self.label_spec_.atr_window)[0][pos, None]
        units = returns / np.where(scale > 0, scale, np.nan)
        return Answer(proba, None, units, levels, tuple(alpha[beyond].tolist()))

    @property
    def lookback(self) -> int | None:
        """Bars before a row on which it may depend: the window and, to 1e-9, the barriers' ATR."""
        spec = getattr(self, "label_spec_", None)
        window = 14 if spec is None else spec.atr_window
        return max(self.window - 1, settling(1 / window, ATR_TOLERANCE))

    # ---- one pass over rows
    def _bars_of(self, X: Bars | Samples) -> Bars:
        if isinstance(X, Samples):
            return X.bars
        _check_is_bars(X, type(self).__name__)
        return X

    def _has_history(self, bars: Bars, pos: IntArray) -> BoolArray:
        """Whether each row has a whole window."""
        table = BarWindows(bars, type(self).__name__)
        blocks = (pos[k : k + self._block] for k in range(0, len(pos), self._block))
        good = [table.cut(block, self.window)[1] for block in blocks]
        return np.concatenate(good) if good else np.zeros(0, dtype=bool)

    def _ask(self, bars: Bars, pos: IntArray, with_law: bool = True) -> Iterator[_Asked]:
        """Forecasts of the rows that have one, block by block."""
        table = BarWindows(bars, type(self).__name__)
        spec = self._spec
        rows = np.flatnonzero(table.reach(pos, self.window))
        upper = lower = None
        if with_law and spec.kind is not None:
            upper, lower = spec.distances(bars, pos)
            rows = rows[~(np.isnan(upper[rows]) | np.isnan(lower[rows]))]
        for k in self._progress(range(0, len(rows), self._block)):
            mine = rows[k : k + self._block]
            windows, good = table.cut(pos[mine], self.window)
            mine = mine[good]
            if len(mine) == 0:
                continue
            forecast = self._continued(windows, self.horizon_)
            there = ~forecast.missing
            if not there.all():
                mine, windows, forecast = mine[there], windows.take(there), forecast.take(there)
            if len(mine) == 0:
                continue
            law = None
            if upper is not None and lower is not None:
                law = self._law(forecast, upper[mine], lower[mine])
            yield _Asked(mine, windows, forecast, law)

    def _progress(self, blocks: range) -> Iterable[int]:
        """Show a progress bar where the model has ``verbose=True``."""
        if not getattr(self, "verbose", False):
            return blocks
        from rich.console import Console
        from rich.progress import track

        return track(blocks, f"{type(self).__name__}: forecasts", console=Console(stderr=True))

    def _continued(self, windows: WindowBatch, n_steps: int) -> Forecast:
        """Forecast ``n_steps`` ahead, the model's own steps first."""
        n = len(windows)
        if self._pads_blocks and n < self._block:
            filled = np.minimum(np.arange(self._block), n - 1)
            windows = windows.take(filled)
        forecast = self._forecast(windows, min(n_steps, self.prediction_length))
        if len(forecast) > n:
            forecast = forecast.take(slice(n))
        if forecast.n_steps == n_steps:
            return forecast
        if isinstance(forecast, PathForecast):
            if forecast.n_steps > n_steps:
                return PathForecast(forecast.paths[:, :, :n_steps])
            forecast = forecast.quantiles()
        return forecast.extended(n_steps)

    def _law(self, forecast: Forecast, upper: FloatArray, lower: FloatArray) -> FloatArray:
        """Probabilities of down, neither and up, shape (n, 3)."""
        if self._spec.kind == "fixed":
            return threshold_probabilities(forecast, upper, lower)
        return barrier_probabilities(
            forecast, upper, lower, n_paths=self.n_paths, seed=self.random_state
        )

    def _as_classes(self, law: FloatArray) -> FloatArray:
        """Columns of the labeller's classes; two of the three are renormalised."""
        chosen = law[:, self.classes_ + 1]
        total = chosen.sum(axis=1, keepdims=True)
        even = np.full_like(chosen, 1 / chosen.shape[1])
        return np.divide(chosen, total, out=even, where=total > 0)

    def _calibration_inputs(self, asked: _Asked) -> FloatArray:
        described = summary(asked.forecast, asked.windows.deviation)
        if asked.law is None:
            return described
        return np.concatenate([log_odds(asked.law, 1 / self.n_paths), described], axis=1)

    # ---- panel door
    def _convert_X(self, X: Any, X_mtype: str) -> Any:
        """Instances stay in double precision: single would round the returns of prices."""
        return BaseClassifier._convert_X(self, X, X_mtype)

    def _fit(self, X: FloatArray, y: npt.NDArray[Any]) -> BasePathClassifier:
        series = np.asarray(X, dtype=np.float64)[:, 0]
        self._positive = bool((series > 0).all())
        windows = instance_windows(series, self._positive, self.window)
        if self._learns:
            whole = instance_windows(series, self._positive, series.shape[1])
            self._fit_forecaster([whole.take(slice(k, k + 1)) for k in range(len(whole))])
        codes = np.searchsorted(self.classes_, y).astype(np.int64)
        self._calibration = fit_calibration(self._described(windows), codes, None)
        return self

    def _predict_proba(self, X: FloatArray) -> FloatArray:
        series = np.asarray(X, dtype=np.float64)[:, 0]
        windows = instance_windows(series, self._positive, self.window)
        return calibrated(self._calibration, self._described(windows), self.n_classes_)

    def _described(self, windows: WindowBatch) -> FloatArray:
        steps = self.prediction_length
        blocks = [
            windows.take(slice(k, k + self._block)) for k in range(0, len(windows), self._block)
        ]
        return np.concatenate(
            [np.nan_to_num(summary(self._continued(b, steps), b.deviation)) for b in blocks]
        )


def _check_is_bars(table: Any, who: str) -> None:
    """Raise unless the table holds bars: a path is not found in features."""
    missing = [n for n in ("open", "high", "low", "close", "volume") if n not in table.columns]
    if missing:
        raise DataError(
            f"{who}: a model of price paths takes bars, not features; {', '.join(missing)} missing "
            f"from {len(table.columns)} columns. Fit it without feature steps before it: "
            "model.fit(bars, labels), or BarPipeline([('model', model)])."
        )


def _marginals(forecast: Forecast, levels: FloatArray) -> QuantileForecast:
    """Quantiles of a forecast; those of sampled paths at the levels asked that they resolve."""
    if isinstance(forecast, QuantileForecast):
        return forecast
    edge = 0.5 / forecast.paths.shape[1]
    inside = levels[(levels >= edge) & (levels <= 1 - edge)]
    return forecast.quantiles(np.unique([0.25, 0.5, 0.75, *inside]))

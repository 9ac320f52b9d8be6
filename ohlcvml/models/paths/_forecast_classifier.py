"""Any probabilistic forecaster as a bar classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ohlcvml._checks import Rule, boolean, one_of
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.models.paths._base import PATH_RULES, BasePathClassifier
from ohlcvml.models.paths._forecast import Forecast, QuantileForecast
from ohlcvml.models.paths._neuralforecast import (
    ROUNDING,
    ask_network,
    asks_alone,
    check_network,
    is_network,
    train_network,
)
from ohlcvml.models.paths._per_window import answers_to_updates, forecast_windows, pretrained
from ohlcvml.models.paths._random_walk import LEVELS, drift, random_walk
from ohlcvml.models.paths._windows import WindowBatch
from ohlcvml.registry import adapter
from ohlcvml.typing import FloatArray

CLOSED_FORM = {"random_walk": random_walk, "drift": drift}
PROBED = 8  # windows on which a network shows whether windows move one another


def _is_sktime(value: Any) -> bool:
    """Whether the value is a forecaster of sktime (an object, not a class)."""
    return (
        hasattr(value, "get_tag")
        and not isinstance(value, type)
        and value.get_tag("object_type", None, raise_error=False) == "forecaster"
    )


@adapter
class ForecastClassifier(BasePathClassifier):
    """A probabilistic forecaster of the price path as a bar classifier.

    Row t sees the ``window`` bars up to and including t, of which a forecaster is given the
    closes: their cumulative log return relative to the last of them, on an integer index. Its
    quantiles 1, 2, ... bars ahead are turned into probabilities of the barriers of the labels
    (:class:`BasePathClassifier`).

    Parameters
    ----------
    forecaster : {"random_walk", "drift"}, sktime forecaster or neuralforecast model, \
            default="random_walk"
        "random_walk": Gaussian, without drift and with the window's own variance, the reference
        that every forecaster should beat; "drift": with the window's mean return as drift. Both
        are what sktime's ``NaiveForecaster`` says, in closed form for all rows at once.
        sktime: any with ``capability:pred_int``. neuralforecast: a model object with a loss that
        gives quantiles (``MQLoss``, or ``DistributionLoss``, which is sampled), trained once on
        the training stretches; levels of prices differ between windows, so give it
        ``scaler_type="standard"`` or ``"robust"``.
    window : int, default=64
        Bars a row sees.
    prediction_length : int, default=20
        Bars ahead that are asked of the forecaster.
    strategy : {"refit", "update", "pretrain"} or None, default=None
        How an sktime forecaster comes to each row; None means "refit".
        "refit": a fresh copy is fitted on each window alone. Nothing is learned in ``fit``. Exact,
        and slow (about a hundred rows a second at best).
        "update": fitted once, on the longest training stretch. To each row its window is appended
        as new observations with ``update(update_params=False)``, so a row sees its window, the
        training stretch before it (with a seam between the two), and parameters of the training
        rows. A forecaster that does not answer to such updates is refused.
        "pretrain": sktime's ``pretrain`` on all training stretches together, then ``fit`` on each
        window as its context, for forecasters with ``capability:pretrain``.
    n_paths : int, default=4096
        Quasi-random paths of the barrier law.
    calibrate : bool, default=False
        Fit class probabilities on training rows on top of the law.
    backend : str or None, default=None
        Of ``sktime.utils.parallel.parallelize``, over the windows of an sktime forecaster:
        "loky", "threading", "dask", "ray", ...
    verbose : bool, default=False
        Show a progress bar.
    random_state : int, default=0
        Of the paths, and of sampled distributions. Forecasters and networks bring their own.

    Attributes
    ----------
    horizon_ : int
        Bars ahead of the labels.
    forecaster_ : trained network or pretrained forecaster, where there is one

    Notes
    -----
    In the Panel door "update" fits on the first instance, and the other two learn from all.
    Forecasts of an sktime forecaster are kept in memory for the windows asked last, so the folds
    of a cross-validation ask once. A bundle can hold a model with sktime's ``NaiveForecaster`` or
    ``ThetaForecaster``; allow others with :func:`ohlcvml.bundle.allow_class`. With "update" it
    holds the training stretch and fits again when loaded. It cannot hold neuralforecast models
    and pretrained forecasters.

    Examples
    --------
    >>> from sktime.forecasting.naive import NaiveForecaster
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import ForecastClassifier
    >>> bars = simulate_bars(400, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> model = ForecastClassifier(NaiveForecaster(strategy="drift"), window=32).fit(bars, labels)
    >>> model.predict_proba(bars.iloc[:34]).dropna().round(2).values.tolist()
    [[0.28, 0.17, 0.55], [0.28, 0.19, 0.54], [0.29, 0.19, 0.52]]
    >>> ForecastClassifier("drift", window=32).fit(bars, labels).predict_quantiles(
    ...     bars.iloc[:32], alpha=[0.01, 0.5]
    ... ).round(4).iloc[-1].tolist()
    [-0.0014, 0.0003]
    """

    _tags = {"model_family": "forecast"}
    _parameter_rules = {
        "forecaster": Rule(
            "'random_walk', 'drift', an sktime forecaster or a neuralforecast model (objects, not "
            "classes)",
            lambda value: (
                (isinstance(value, str) and value in CLOSED_FORM)
                or _is_sktime(value)
                or is_network(value)
            ),
            "naive",
        ),
        **PATH_RULES,
        "strategy": one_of(None, "refit", "update", "pretrain"),
        "backend": one_of(None, "loky", "multiprocessing", "threading", "joblib", "dask", "ray"),
        "verbose": boolean(),
    }

    @classmethod
    def _adapts(cls, obj: Any) -> bool:
        """A forecaster of sktime or a model of neuralforecast."""
        return _is_sktime(obj) or is_network(obj)

    forecaster_: Any
    _unit: float
    _training_path: FloatArray

    def __init__(
        self,
        forecaster: Any = "random_walk",
        window: int = 64,
        prediction_length: int = 20,
        strategy: str | None = None,
        n_paths: int = 4096,
        calibrate: bool = False,
        backend: str | None = None,
        verbose: bool = False,
        random_state: int = 0,
    ) -> None:
        self.forecaster = forecaster
        self.window = window
        self.prediction_length = prediction_length
        self.strategy = strategy
        self.n_paths = n_paths
        self.calibrate = calibrate
        self.backend = backend
        self.verbose = verbose
        self.random_state = random_state
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters, and that forecaster and strategy go together."""
        super().__post_init__()
        who = type(self).__name__
        if is_network(self.forecaster):
            check_network(self.forecaster, self.window, who)
        if not _is_sktime(self.forecaster):
            if self.strategy is not None:
                raise ParameterError(
                    f"{who}: parameter 'strategy' must be None unless 'forecaster' is one of "
                    f"sktime; got {self.strategy!r}. The random walks learn nothing, and networks "
                    "of neuralforecast are trained once."
                )
            return
        if not self.forecaster.get_tag("capability:pred_int", False, raise_error=False):
            raise ParameterError(
                f"{who}: parameter 'forecaster' must give quantiles (tag capability:pred_int); "
                f"{type(self.forecaster).__name__} does not. Wrap it, for example in sktime's "
                "NaiveVariance or ConformalIntervals."
            )
        pretrains = self.forecaster.get_tag("capability:pretrain", False, raise_error=False)
        if self.strategy == "pretrain" and not pretrains:
            raise ParameterError(
                f"{who}: parameter 'strategy' must be 'refit' or 'update' for "
                f"{type(self.forecaster).__name__}, which cannot be pretrained "
                "(capability:pretrain); got 'pretrain'."
            )

    def __dynamic_tags__(self) -> None:
        """Networks and pretrained forecasters cannot be written to a bundle."""
        learned = self.strategy == "pretrain" or is_network(self.forecaster)
        self.set_tags(**{"capability:bundle": not learned})

    def set_params(self, **params: Any) -> ForecastClassifier:
        """Set (nested) parameters; tags follow the forecaster."""
        super().set_params(**params)
        self.reset()
        return self

    @property
    def _learns(self) -> bool:  # type: ignore[override]
        return self.strategy in ("update", "pretrain") or is_network(self.forecaster)

    @property
    def _batch_tolerance(self) -> float:  # type: ignore[override]
        """Networks round by the size of a batch."""
        return ROUNDING if is_network(self.forecaster) else 0.0

    # ---- learning
    def _fit_forecaster(self, series: Sequence[WindowBatch]) -> None:
        who = type(self).__name__
        moves = sum((one.length - 1) * float(one.deviation[0]) ** 2 for one in series)
        if moves == 0:
            raise DataError(
                f"{who}: the close never moves in the {len(series)} training stretches, so there "
                "is nothing to learn."
            )
        self._unit = float(np.sqrt(moves / sum(one.length - 1 for one in series)))
        paths = [one.log_path[0] / self._unit for one in series]
        if is_network(self.forecaster):
            self._fit_network(paths)
        elif self.strategy == "pretrain":
            self.forecaster_ = pretrained(self.forecaster, paths, self.prediction_length)
        else:
            self._fit_once(max(paths, key=len))

    def _fit_once(self, path: FloatArray) -> None:
        self._training_path = path
        window = path[-min(self.window, len(path)) :]
        if not answers_to_updates(self.forecaster, window, self.prediction_length, path):
            raise ParameterError(
                f"{type(self).__name__}: parameter 'strategy' must be 'refit' for "
                f"{type(self.forecaster).__name__}: with strategy='update' its forecast does not "
                "move when observations are added and parameters kept."
            )

    def _fit_network(self, paths: list[FloatArray]) -> None:
        who = type(self).__name__
        self.forecaster_ = train_network(self.forecaster, paths, who, self.verbose)
        size = self.forecaster_.input_size
        longest = max(paths, key=len)
        ends = np.linspace(size, len(longest), PROBED).astype(np.int64)
        windows = np.stack([longest[end - size : end] - longest[end - 1] for end in ends])
        self._asks_alone = asks_alone(self.forecaster_, windows, self.random_state)

    # ---- forecasting
    def _forecast(self, windows: WindowBatch, n_steps: int) -> Forecast:
        if isinstance(self.forecaster, str):
            return CLOSED_FORM[self.forecaster](windows, n_steps)
        if is_network(self.forecaster):
            paths = windows.log_path / self._unit
            levels, values = ask_network(
                self.forecaster_, paths, n_steps, self._asks_alone, self.random_state
            )
            return QuantileForecast(levels, values * self._unit)
        if self._learns:
            unit = np.full(len(windows), self._unit)
        else:
            unit = np.where(windows.deviation > 0, windows.deviation, 1.0)
        forecaster = self.forecaster_ if self.strategy == "pretrain" else self.forecaster
        training = self._training_path if self.strategy == "update" else None
        values = forecast_windows(
            forecaster, windows.log_path / unit[:, None], n_steps, training, self.backend
        )
        return QuantileForecast(LEVELS, values * unit[:, None, None])

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Random walk, and an sktime forecaster fitted once."""
        from sktime.forecasting.naive import NaiveForecaster

        return [
            {"forecaster": "drift", "window": 290, "n_paths": 128, "calibrate": True},
            {
                "forecaster": NaiveForecaster(strategy="drift"),
                "window": 675,
                "prediction_length": 4,
                "strategy": "update",
                "n_paths": 64,
                "random_state": 7,
            },
        ]

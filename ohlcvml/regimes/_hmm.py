"""Regimes of a hidden Markov model, filtered."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ohlcvml._checks import either, instance_of, integer, none, one_of, real, string
from ohlcvml.bars import Contract, Sessions
from ohlcvml.exceptions import DataError
from ohlcvml.regimes._base import FEATURES_RULE, BaseRegime, complete_runs
from ohlcvml.regimes._gaussian_filter import Gaussians, run_filter
from ohlcvml.regimes._gaussian_memory import forgetting_rows
from ohlcvml.regimes._hmm_fit import LearningRules, as_gaussians, learn, load_hmmlearn
from ohlcvml.regimes._hmm_refit import (
    RefitNode,
    Schedule,
    empty_law,
    filter_params,
    write_walk_forward,
)
from ohlcvml.streams import (
    DAY,
    NO_TIME,
    BaseFeature,
    Channels,
    Column,
    Node,
    SerialNodes,
    stamps_of,
)
from ohlcvml.typing import Bars, FloatArray, IntArray


class HMMRegime(BaseRegime):
    """Probabilities of the states of a Gaussian hidden Markov model, filtered.

    Row t is the law of the state given the rows up to and including t (the forward recursion),
    through what ``fit`` learned; never the smoothed law or the Viterbi path, which look ahead. The
    filter begins at the first row with the stationary law and runs over all rows without restart.
    A row with an unknown input is one step of the chain without evidence, so its probabilities are
    those predicted from the rows before; so are the first rows, before the inputs have their
    history.

    ``fit`` learns by EM (hmmlearn) on inputs scaled by the mean and deviation of the rows it is
    given. Symbols, training stretches and what lies on either side of an unknown row are sequences
    of their own. Needs the extra ``regimes``.

    Parameters
    ----------
    n_states : int, default=3
        At least 2.
    features : feature of ohlcvml or None, default=None
        Gives the inputs where bars are given; None: :class:`RegimeInputs`. In a chain
        ``features * HMMRegime()`` all columns before it are the inputs.
    covariance_type : {"diag", "full"}, default="diag"
        Whether the inputs are independent within a state.
    order_by : {"variance", "mean"}, default="variance"
        States are numbered in increasing order of the variance, or the mean, of the first input in
        the state.
    n_init : int, default=3
        Random starts of EM; the most likely model is kept.
    max_iter : int, default=100
        Iterations of EM per start at most.
    tol : float, default=1e-5
        EM stops at a smaller gain in log likelihood per row.
    refit : {"never", "walk_forward"}, default="never"
        "walk_forward": at the first bar of every ``refit_every``-th session learn anew from the
        ``refit_window`` sessions before it, and run the filter over these to begin with. Bars
        before the first window use what ``fit`` learned. Bars must be stamped.
    refit_every, refit_window : int, default=5, 60
        In sessions. Which session refits depends on the calendar alone.
    contract : str, Contract or None, default=None
        Whose sessions they are; None: UTC days.
    random_state : int, default=0
        Of the starts.

    Attributes
    ----------
    transition_ : array of shape (n_states, n_states)
    means_ : array of shape (n_states, n_inputs)
        In units of the inputs.
    covariances_ : array of shape (n_states, n_inputs, n_inputs)
    stationary_ : array of shape (n_states,)
        Stationary law of ``transition_``; where the filter begins.
    score_ : float
        Log likelihood per row of the scaled inputs, in ``fit``.
    memory_ : int
        Rows after which, on those of ``fit``, filters begun anywhere agreed within
        ``lookback_tolerance``.
    input_names_ : list of str
    feature_names : list of str
        ``hmm_state_0`` to ``hmm_state_{n_states - 1}``.
    lookback : int or None
        None before ``fit``; then the lookback of the inputs and ``memory_``, measured rather than
        proven. With refits, bars that ``refit_window`` and ``refit_every`` sessions can hold.

    References
    ----------
    Hamilton (1989), A New Approach to the Economic Analysis of Nonstationary Time Series and the
    Business Cycle, Econometrica 57. Rabiner (1989), Proceedings of the IEEE 77.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import HMMRegime
    >>> steady = {"volatility_shock": 0.0, "volatility_persistence": 0.0, "intraday_shape": 0.0}
    >>> simulation = simulate_bars(4000, seed=0, volatility_ratio=3.0, **steady)
    >>> regime = HMMRegime(n_states=2).fit(simulation.bars.iloc[:2000])
    >>> states = regime.transform(simulation.bars)
    >>> list(states), bool(np.allclose(states.sum(axis=1), 1))
    (['hmm_state_0', 'hmm_state_1'], True)
    >>> volatile = simulation.truth["state"] < 0
    >>> round(float((states["hmm_state_1"].gt(0.5) == volatile).iloc[2000:].mean()), 2)
    0.95
    """

    _tags = {
        "python_dependencies": "hmmlearn",
        "capability:random_state": True,
        "property:randomness": "derandomized",
    }
    _parameter_rules = {
        "n_states": integer(2),
        "features": FEATURES_RULE,
        "covariance_type": one_of("diag", "full"),
        "order_by": one_of("variance", "mean"),
        "n_init": integer(1),
        "max_iter": integer(1),
        "tol": real(0.0),
        "refit": one_of("never", "walk_forward"),
        "refit_every": integer(1),
        "refit_window": integer(1),
        "contract": either(string(), instance_of(Contract), none()),
        "random_state": integer(0),
    }
    _kernel = staticmethod(run_filter)

    lookback_is_bound = True

    transition_: FloatArray
    means_: FloatArray
    covariances_: FloatArray
    stationary_: FloatArray
    score_: float
    memory_: int

    def __init__(
        self,
        n_states: int = 3,
        features: BaseFeature | None = None,
        covariance_type: str = "diag",
        order_by: str = "variance",
        n_init: int = 3,
        max_iter: int = 100,
        tol: float = 1e-5,
        refit: str = "never",
        refit_every: int = 5,
        refit_window: int = 60,
        contract: str | Contract | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_states = n_states
        self.features = features
        self.covariance_type = covariance_type
        self.order_by = order_by
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.refit = refit
        self.refit_every = refit_every
        self.refit_window = refit_window
        self.contract = contract
        self.random_state = random_state
        super().__init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        Sessions.of(self.contract)  # says what is wrong with it

    def _columns(self) -> list[Column]:
        formula = "P(state[t] = k | rows up to t), states in the order of order_by"
        source = "Hamilton (1989), Econometrica 57"
        undefined = "the predicted probability where an input is unknown"
        return [
            Column(f"hmm_state_{k}", formula, None, "0 to 1", undefined, source)
            for k in range(self.n_states)
        ]

    @property
    def lookback(self) -> int | None:
        """Rows before row t that weigh more than ``lookback_tolerance``, as far as measured."""
        if not hasattr(self, "memory_"):
            return None
        before = 0 if self.features_ is None else self.features_.lookback
        if before is None:
            return None
        return int(before + max(self.memory_, self.refit_rows_))

    def _rules(self) -> LearningRules:
        return LearningRules(
            n_states=self.n_states,
            covariance_type=self.covariance_type,
            order_by=self.order_by,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=float(self.tol),
            random_state=int(self.random_state),
        )

    @property
    def _session_input(self) -> str:
        return f"session@{Sessions.of(self.contract).calendar or ''}"

    def _schedule(self) -> Schedule:
        return Schedule(int(self.refit_every), int(self.refit_window))

    def fit(self, X: Bars, y: Any = None) -> HMMRegime:
        """Learn from the rows of ``X``: bars, or inputs; see the class."""
        load_hmmlearn(type(self).__name__)  # before sktime says it without the extra
        return super().fit(X, y)

    def _fit(self, X: Bars, y: Any = None) -> HMMRegime:
        super()._fit(X, y)
        self.refit_rows_ = 0
        if self.refit == "walk_forward":
            channels = Channels(X, type(self).__name__)
            rows = _bars_a_session(X, channels[self._session_input], channels.starts)
            self.refit_rows_ = rows * (self.refit_window + self.refit_every)
        return self

    def _learn(self, values: FloatArray, runs: IntArray) -> None:
        estimate = learn(values, runs, self._rules(), type(self).__name__)
        self.transition_, self.means_, self.covariances_, self.score_ = estimate
        model = self._model()
        self.stationary_ = empty_law(model)[0]
        self.memory_ = forgetting_rows(values, runs, model, self.lookback_tolerance)

    def _model(self) -> Gaussians:
        diagonal = self.covariance_type == "diag"
        return as_gaussians(self.transition_, self.means_, self.covariances_, diagonal)

    def _relearn(self, window: FloatArray) -> Gaussians:
        """Model of a refit; that of ``fit`` where the window holds too little to learn from."""
        runs = complete_runs(window, np.array([0, window.shape[1]]))
        try:
            estimate = learn(window, runs, self._rules(), type(self).__name__)
        except DataError:
            return self._model()
        diagonal = self.covariance_type == "diag"
        return as_gaussians(estimate.transition, estimate.means, estimate.covariances, diagonal)

    def _kernel_params(self) -> tuple[Any, ...]:
        return filter_params(self._model())

    def _initial_state(self) -> dict[str, Any]:
        return dict(zip(("law", "weight"), empty_law(self._model()), strict=True))

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        if self.refit == "never":
            super()._write(X, channels, out)
            return
        values, sessions = self._values(X, channels), channels[self._session_input]
        for first, last in zip(channels.starts[:-1], channels.starts[1:], strict=True):
            write_walk_forward(
                values, sessions, first, last, self._model(), self._relearn, self._schedule(), out
            )

    def _node(self, source: Any, out: FloatArray) -> Node:
        if self.refit == "never":
            return super()._node(source, out)
        values, node = self._input_node(source)
        session = source[self._session_input]
        own = RefitNode(values, session, self._model(), self._relearn, self._schedule(), out)
        return SerialNodes({"inputs": node, type(self).__name__: own})

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        from ohlcvml.features import ReturnFeatures

        first = {
            "n_states": 2,
            "n_init": 1,
            "max_iter": 4,
            "refit": "walk_forward",
            "refit_every": 1,
            "refit_window": 1,
        }
        second = {
            "n_states": 3,
            "features": ReturnFeatures(lags=(1, 3)),
            "covariance_type": "full",
            "order_by": "mean",
            "n_init": 2,
            "max_iter": 8,
            "tol": 0.02,
            "refit_every": 2,
            "refit_window": 2,
            "contract": "MES",
            "random_state": 3,
        }
        return [first, second]


def _bars_a_session(X: Bars, sessions: IntArray, starts: IntArray) -> int:
    """Most bars a session holds: in the busiest of these, or as fit into a day; 0 without time."""
    if len(sessions) == 0 or sessions[0] == NO_TIME:
        return 0
    stamps, most = stamps_of(X.index), 1
    for first, last in pairwise(starts):
        most = max(most, int(np.unique(sessions[first:last], return_counts=True)[1].max()))
        if last - first > 1:
            most = max(most, int(DAY // max(np.median(np.diff(stamps[first:last])), 1)))
    return most

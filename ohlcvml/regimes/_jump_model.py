"""Regimes of a statistical jump model, online."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import either, integer, optional, real, string
from ohlcvml.exceptions import ParameterError
from ohlcvml.regimes._base import FEATURES_RULE, BaseRegime
from ohlcvml.regimes._jump_filter import coalescence_rows, run_costs
from ohlcvml.regimes._jump_fit import JumpRules, learn_jumps
from ohlcvml.streams import BaseFeature, Column
from ohlcvml.typing import FloatArray, IntArray


class JumpModelRegime(BaseRegime):
    """State of a statistical jump model: 1 in its column, 0 in the others.

    A path of states costs half the squared distance of each row, in scaled inputs, from the
    centroid of its state, and ``jump_penalty`` for each change of state. ``fit`` finds centroids
    and paths of the least cost by turns, from ``n_init`` starts. Row t is the state in which the
    cheapest path through the rows up to and including t ends: later rows may show that it was
    another, and change nothing.

    A row with an unknown input shows nothing, and the state stays; before the first known row it is
    NaN. Inputs are scaled by the mean and deviation of the rows of ``fit``. Symbols, training
    stretches and what lies on either side of an unknown row are sequences of their own in ``fit``.

    Parameters
    ----------
    n_states : int, default=3
        At least 2.
    features : feature of ohlcvml or None, default=None
        Gives the inputs where bars are given; None: :class:`RegimeInputs`. In a chain
        ``features * JumpModelRegime()`` all columns before it are the inputs.
    jump_penalty : float, default=5.0
        Cost of a change of state; 0 makes it k-means. A state must be nearer by so much, summed
        over rows, before it is believed.
    clip : float or None, default=3.0
        Scaled inputs beyond this many deviations count as so many: so one wild row is not a regime.
    order_by : int or str, default=-1
        States are numbered in increasing order of the centroid in this input, by position or name;
        -1 is the last one, with the default inputs the volatility.
    n_init : int, default=10
        Random starts, and as many nudges of the best of them; the model of the least cost is kept.
    max_iter : int, default=100
        Turns per start at most; fewer where nothing changes any more.
    random_state : int, default=0
        Of the starts.

    Attributes
    ----------
    centroids_ : array of shape (n_states, n_inputs)
        In units of the inputs.
    centre_, scale_ : array of shape (n_inputs,)
        Mean and standard deviation of the inputs in ``fit``.
    objective_ : float
        Least cost found, of all rows of ``fit``.
    memory_ : int or None
        Rows after which, on those of ``fit``, it no longer mattered where the recursion began; None
        if it always did.
    input_names_ : list of str
    feature_names : list of str
        ``jump_state_0`` to ``jump_state_{n_states - 1}``.
    lookback : int or None
        The lookback of the inputs and ``memory_``, measured rather than proven: rows that lie half
        way between two states for long are remembered for as long. None before ``fit``.

    References
    ----------
    Nystrup, Lindstrom and Madsen (2020), Learning hidden Markov models with persistent states by
    penalizing jumps, Expert Systems with Applications 150. Shu, Yu and Mulvey (2024), Downside risk
    reduction using regime-switching signals: a statistical jump model approach, Journal of Asset
    Management 25.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import JumpModelRegime
    >>> steady = {"volatility_shock": 0.0, "volatility_persistence": 0.0, "intraday_shape": 0.0}
    >>> simulation = simulate_bars(4000, seed=0, volatility_ratio=3.0, **steady)
    >>> regime = JumpModelRegime(n_states=2).fit(simulation.bars.iloc[:2000])
    >>> states = regime.transform(simulation.bars)
    >>> states.iloc[2000:].sum().to_dict()
    {'jump_state_0': 1089.0, 'jump_state_1': 911.0}
    >>> volatile = simulation.truth["state"] < 0
    >>> round(float((states["jump_state_1"].eq(1) == volatile).iloc[2000:].mean()), 2)
    0.9
    """

    _tags = {"capability:random_state": True, "property:randomness": "derandomized"}
    _parameter_rules = {
        "n_states": integer(2),
        "features": FEATURES_RULE,
        "jump_penalty": real(0.0),
        "clip": optional(real(0.0, open_low=True)),
        "order_by": either(integer(), string()),
        "n_init": integer(1),
        "max_iter": integer(1),
        "random_state": integer(0),
    }
    _kernel = staticmethod(run_costs)

    lookback_is_bound = True

    centroids_: FloatArray
    centre_: FloatArray
    scale_: FloatArray
    objective_: float
    memory_: int | None

    def __init__(
        self,
        n_states: int = 3,
        features: BaseFeature | None = None,
        jump_penalty: float = 5.0,
        clip: float | None = 3.0,
        order_by: int | str = -1,
        n_init: int = 10,
        max_iter: int = 100,
        random_state: int = 0,
    ) -> None:
        self.n_states = n_states
        self.features = features
        self.jump_penalty = jump_penalty
        self.clip = clip
        self.order_by = order_by
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state
        super().__init__()

    def _columns(self) -> list[Column]:
        formula = (
            "1 where the path through the rows up to t of the least cost ends in state k, else 0; "
            "states in the order of order_by"
        )
        source = "Nystrup, Lindstrom & Madsen (2020), Expert Systems with Applications 150"
        undefined = "NaN before the first row with all inputs; no change where an input is unknown"
        return [
            Column(f"jump_state_{k}", formula, None, "0 or 1", undefined, source)
            for k in range(self.n_states)
        ]

    @property
    def lookback(self) -> int | None:
        """Rows before row t that can change it, as far as measured."""
        memory = getattr(self, "memory_", None)
        if memory is None:
            return None
        before = 0 if self.features_ is None else self.features_.lookback
        return None if before is None else int(before + memory)

    @property
    def _clip(self) -> float:
        return np.inf if self.clip is None else float(self.clip)

    def _learn(self, values: FloatArray, runs: IntArray) -> None:
        who, position = type(self).__name__, self._order_position()
        rules = JumpRules(
            n_states=self.n_states,
            jump_penalty=float(self.jump_penalty),
            clip=self._clip,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=int(self.random_state),
        )
        estimate = learn_jumps(values, runs, rules, who)
        self.centre_, self.scale_, self.objective_ = (
            estimate.centre,
            estimate.scale,
            estimate.objective,
        )
        keys = (*estimate.centroids.T, estimate.centroids[:, position])  # the last one comes first
        ordered = estimate.centroids[np.lexsort(keys)]
        self.centroids_ = self.centre_ + ordered * self.scale_
        self.memory_ = coalescence_rows(values, runs, self._kernel_params())

    def _order_position(self) -> int:
        names, wanted = self.input_names_, self.order_by
        if isinstance(wanted, str):
            if wanted in names:
                return names.index(wanted)
        elif -len(names) <= wanted < len(names):
            return int(wanted) % len(names)
        raise ParameterError(
            f"{type(self).__name__}: parameter 'order_by' must be the position or the name of an "
            f"input; got {wanted!r}, the inputs are {names}."
        )

    def _kernel_params(self) -> tuple[Any, ...]:
        scaled = np.ascontiguousarray((self.centroids_ - self.centre_) / self.scale_)
        return self.centre_, 1.0 / self.scale_, self._clip, scaled, float(self.jump_penalty)

    def _initial_state(self) -> dict[str, Any]:
        n_states = int(self.n_states)
        latest = np.full(1, -1, dtype=np.int64)  # no state yet
        return {"cost": np.zeros(n_states), "loss": np.zeros(n_states), "latest": latest}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        from ohlcvml.features import ReturnFeatures

        first = {"n_states": 2, "jump_penalty": 0.5, "n_init": 1, "max_iter": 1, "clip": 2.0}
        second = {
            "n_states": 3,
            "features": ReturnFeatures(lags=(1, 10)),
            "jump_penalty": 1.0,
            "clip": None,
            "order_by": 0,
            "n_init": 3,
            "max_iter": 20,
            "random_state": 3,
        }
        return [first, second]

"""Learning a Gaussian hidden Markov model by EM, with restarts, on scaled inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ohlcvml._requires import require
from ohlcvml._threads import one_blas_thread
from ohlcvml.exceptions import DataError
from ohlcvml.regimes._gaussian_filter import RAREST, Gaussians
from ohlcvml.typing import FloatArray, IntArray

PIECE = 50  # rows of the random pieces whose mean and variance a restart begins with
LENGTHS = (5.0, 100.0)  # mean stay in a state, in rows, that restarts begin with


class LearningRules(NamedTuple):
    """How to learn; the parameters of :class:`~ohlcvml.regimes.HMMRegime` of the same names."""

    n_states: int
    covariance_type: str
    order_by: str
    n_init: int
    max_iter: int
    tol: float
    random_state: int


class HMMEstimate(NamedTuple):
    """A learned model, in the units of the inputs, states in order.

    Attributes
    ----------
    transition : array of shape (n_states, n_states)
    means : array of shape (n_states, n_inputs)
    covariances : array of shape (n_states, n_inputs, n_inputs)
    score : float
        Log likelihood per row of the scaled inputs.
    """

    transition: FloatArray
    means: FloatArray
    covariances: FloatArray
    score: float


def rows_needed(n_states: int) -> int:
    """Complete rows without which nothing is learned: two for each state."""
    return 2 * n_states


def learn(values: FloatArray, runs: IntArray, rules: LearningRules, who: str) -> HMMEstimate:
    """Learn from the rows of several runs; the best of ``n_init`` starts.

    Parameters
    ----------
    values : array of shape (n_inputs, n_rows)
    runs : int64 array of shape (n_runs, 2)
        First and last + 1 of each run of complete rows. The model is given them as sequences of
        their own: no transition is counted from one to the next.
    rules : LearningRules
    who : str

    Raises
    ------
    DataError
        Fewer complete rows than :func:`rows_needed`.
    MissingDependencyError
        hmmlearn is not installed.
    """
    lengths = runs[:, 1] - runs[:, 0]
    if lengths.sum() < rows_needed(rules.n_states):
        raise DataError(
            f"{who}: fit needs at least {rows_needed(rules.n_states)} complete rows to learn "
            f"{rules.n_states} states; got {int(lengths.sum())} of {values.shape[1]} rows in "
            f"{len(runs)} runs. Give more bars than the inputs' lookback."
        )
    rows = np.concatenate([values[:, first:last].T for first, last in runs])
    centre, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale <= 1e-12 * np.maximum(np.abs(centre), 1e-300)] = 1.0  # an input that never moves
    rows = np.ascontiguousarray((rows - centre) / scale)
    with one_blas_thread():
        fits = [
            _expectation_maximisation(rows, lengths, rules, k, who) for k in range(rules.n_init)
        ]
    sound = [fit for fit in fits if all(np.isfinite(part).all() for part in fit)]
    if not sound:
        raise DataError(
            f"{who}: fit found no model of {rules.n_states} states in {len(rows)} complete rows; "
            f"in every one of n_init={rules.n_init} starts a state was left without rows. Use "
            "fewer states, covariance_type='diag', or more bars."
        )
    best = max(sound, key=lambda fit: fit.score)
    unscaled = best._replace(
        means=centre + best.means * scale,
        covariances=best.covariances * np.outer(scale, scale),
    )
    return _in_order(unscaled, rules.order_by)


def _expectation_maximisation(
    rows: FloatArray, lengths: IntArray, rules: LearningRules, restart: int, who: str
) -> HMMEstimate:
    hmm = load_hmmlearn(who)
    generator = np.random.default_rng([rules.random_state, restart])
    n_states, n_inputs = rules.n_states, rows.shape[1]
    model = hmm.GaussianHMM(
        n_states,
        covariance_type=rules.covariance_type,
        n_iter=rules.max_iter,
        random_state=0,  # not used: every parameter is given a start
        init_params="",
    )
    model.monitor_ = _Monitor(rules.max_iter, rules.tol * len(rows))
    stay = 1.0 - 1.0 / np.exp(generator.uniform(*np.log(LENGTHS)))
    model.startprob_ = np.full(n_states, 1.0 / n_states)
    model.transmat_ = np.full((n_states, n_states), (1.0 - stay) / (n_states - 1))
    np.fill_diagonal(model.transmat_, stay)
    # States last, so a short piece mostly shows one: its mean and, drawn towards that of all rows,
    # its variance are a start that differs in both.
    piece = min(PIECE, len(rows) // n_states)
    firsts = generator.integers(0, len(rows) - piece + 1, n_states)
    pieces = [rows[first : first + piece] for first in firsts]
    variances = np.stack([0.9 * p.var(axis=0) + 0.1 for p in pieces])
    model.n_features = n_inputs
    model.means_ = np.stack([p.mean(axis=0) for p in pieces])
    full = np.stack([np.diag(variance) for variance in variances])
    model.covars_ = variances if rules.covariance_type == "diag" else full
    try:
        with np.errstate(all="ignore"):
            model.fit(rows, lengths)
            never_left = model.transmat_.sum(axis=1) == 0  # seen in the last row of a run only
            model.transmat_[never_left] = 1.0 / n_states
            score = float(model.score(rows, lengths)) / len(rows)
    except ValueError:  # hmmlearn's checks of a model of which a state has lost all its rows
        score = np.nan
    covariances = np.array(model.covars_, dtype=np.float64)
    return HMMEstimate(
        model.transmat_ * (1.0 - n_states * RAREST) + RAREST,
        np.asarray(model.means_, dtype=np.float64),
        0.5 * (covariances + covariances.transpose(0, 2, 1)),
        score,
    )


class _Monitor:
    """When to stop; hmmlearn's own also writes to the log whenever its prior moves the score."""

    def __init__(self, max_iter: int, gain: float) -> None:
        self._max_iter, self._gain = max_iter, gain
        self._scores: list[float] = []

    def _reset(self) -> None:
        self._scores = []

    def report(self, log_prob: float) -> None:
        self._scores.append(log_prob)

    @property
    def converged(self) -> bool:
        scores = self._scores
        late = len(scores) >= self._max_iter
        return late or (len(scores) >= 2 and scores[-1] - scores[-2] < self._gain)


def _in_order(estimate: HMMEstimate, order_by: str) -> HMMEstimate:
    """States in increasing order of the variance, or the mean, of the first input."""
    mean, variance = estimate.means[:, 0], estimate.covariances[:, 0, 0]
    keys = (mean, variance) if order_by == "variance" else (variance, mean)
    order = np.lexsort(keys)
    return HMMEstimate(
        np.ascontiguousarray(estimate.transition[np.ix_(order, order)]),
        np.ascontiguousarray(estimate.means[order]),
        np.ascontiguousarray(estimate.covariances[order]),
        estimate.score,
    )


def as_gaussians(
    transition: FloatArray, means: FloatArray, covariances: FloatArray, diagonal: bool
) -> Gaussians:
    """The model as the filter reads it."""
    factor = np.linalg.cholesky(covariances)
    identity = np.broadcast_to(np.eye(means.shape[1]), covariances.shape)
    whitening = np.linalg.solve(factor, identity) / np.sqrt(2.0)
    constant = -np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return Gaussians(
        transition, means, np.ascontiguousarray(np.tril(whitening)), constant, diagonal
    )


def load_hmmlearn(who: str) -> Any:
    """The module hmmlearn.hmm, or an error that names the extra."""
    return require("hmmlearn.hmm", extra="regimes", who=who)

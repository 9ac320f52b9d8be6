"""Walk-forward refits of a regime: the same rows, windows and bits for a table and a stream."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ohlcvml.regimes._gaussian_filter import BLOCK, Gaussians, run_filter, stationary
from ohlcvml.streams import NO_TIME, GrowingArray, KernelNode
from ohlcvml.typing import FloatArray, IntArray

# From the window of inputs, shape (n_inputs, n_rows), to the model in force after it.
Relearn = Callable[[FloatArray], Gaussians]

_FIRST, _LAST, _SIZE = 0, 1, 2  # of the clock: first and latest session seen, rows kept


class Schedule(NamedTuple):
    """When to refit and on what, in session numbers: so neither depends on where the bars begin.

    A refit takes place at the first bar of a session whose number has passed a multiple m of
    ``every``, on the bars of the sessions m - window to m - 1.
    """

    every: int
    window: int

    def due(self, before: int, now: int) -> bool:
        """Whether a refit lies between two sessions."""
        return now // self.every != before // self.every

    def window_of(self, session: int) -> tuple[int, int]:
        """First session of the window in force in ``session``, and the first after it."""
        end = session // self.every * self.every
        return end - self.window, end


def empty_law(model: Gaussians) -> tuple[FloatArray, FloatArray]:
    """State of a filter that has seen nothing: the stationary law, and room for its weights."""
    return stationary(model.transition), np.zeros(len(model.means))


def filter_params(model: Gaussians) -> tuple[Any, ...]:
    """What ``run_filter`` takes as its parameters: the model, and room for a block of rows."""
    return (*model, np.empty(BLOCK))


def write_walk_forward(
    values: FloatArray,
    sessions: IntArray,
    first: int,
    last: int,
    model: Gaussians,
    relearn: Relearn,
    schedule: Schedule,
    out: FloatArray,
) -> None:
    """Filter the rows [first, last) of one symbol into ``out``, refitting on the way.

    Rows before the first refit whose window they hold use ``model``. At a refit the filter begins
    anew with the new model at the first row of its window, so what follows depends on the rows
    from there on alone.
    """
    numbers = sessions[first:last]
    law = empty_law(model)
    if last == first or numbers[0] == NO_TIME:
        run_filter((values,), first, last, filter_params(model), law, out)
        return
    epochs = numbers // schedule.every
    changes = np.flatnonzero(epochs[1:] != epochs[:-1]) + 1
    edges = [0, *changes.tolist(), last - first]
    for start, stop in pairwise(edges):
        begin, _ = schedule.window_of(int(numbers[start]))
        if start > 0 and numbers[0] <= begin:
            at = int(np.searchsorted(numbers[:start], begin))
            window = np.ascontiguousarray(values[:, first + at : first + start])
            model = relearn(window)
            law = replayed(window, model)
        run_filter((values,), first + start, first + stop, filter_params(model), law, out)


def replayed(window: FloatArray, model: Gaussians) -> tuple[FloatArray, FloatArray]:
    """State of the filter after the rows of a window."""
    law = empty_law(model)
    unused = np.empty((len(model.means), window.shape[1]))
    run_filter((window,), 0, window.shape[1], filter_params(model), law, unused)
    return law


class RefitNode:
    """One bar of :func:`write_walk_forward`; keeps the inputs of as many sessions as a refit needs.

    The state grows with the bars of a window, one row of inputs each.
    """

    def __init__(
        self,
        values: FloatArray,
        session: IntArray,
        model: Gaussians,
        relearn: Relearn,
        schedule: Schedule,
        out: FloatArray,
    ) -> None:
        self._values, self._session = values, session
        self._relearn, self._schedule = relearn, schedule
        # Refits write into these arrays, which the filter holds.
        self._model = model._replace(
            transition=model.transition.copy(),
            means=model.means.copy(),
            whitening=model.whitening.copy(),
            constant=model.constant.copy(),
        )
        law, weight = empty_law(model)
        self._clock = np.array([NO_TIME, NO_TIME, 0], dtype=np.int64)
        self._kept = GrowingArray((BLOCK, len(values)))
        self._numbers = GrowingArray(BLOCK, dtype=np.int64)
        self._law, self._weight = law, weight
        self.state: dict[str, Any] = {
            "law": law,
            "weight": weight,
            "transition": self._model.transition,
            "means": self._model.means,
            "whitening": self._model.whitening,
            "constant": self._model.constant,
            "clock": self._clock,
            "kept": self._kept,
            "numbers": self._numbers,
        }
        filter_state = {"law": law, "weight": weight}
        inputs = (values.reshape(-1, 1),)
        self._filter = KernelNode(run_filter, inputs, filter_params(self._model), filter_state, out)

    def advance(self) -> None:
        """Take in the current row, after a refit where one is due."""
        now, clock = int(self._session[0]), self._clock
        if now != NO_TIME:
            if clock[_FIRST] == NO_TIME:
                clock[_FIRST] = now
            elif self._schedule.due(int(clock[_LAST]), now):
                self._refit(now)
            clock[_LAST] = now
            self._keep(now)
        self._filter.advance()

    def compile(self) -> None:
        """Compile the filter."""
        self._filter.compile()

    def _refit(self, now: int) -> None:
        begin, end = self._schedule.window_of(now)
        size = int(self._clock[_SIZE])
        if self._clock[_FIRST] <= begin:
            at = int(np.searchsorted(self._numbers[:size], begin))
            window = np.ascontiguousarray(np.asarray(self._kept[at:size]).T)
            model = self._relearn(window)
            law, _ = replayed(window, model)
            for own, new in zip(self._model[:-1], model[:-1], strict=True):
                own[...] = new  # type: ignore[index]
            self._law[...] = law
        # Later windows begin no earlier than the next one.
        oldest = end + self._schedule.every - self._schedule.window
        drop = int(np.searchsorted(self._numbers[:size], oldest))
        for kept in (self._kept, self._numbers):
            kept[: size - drop] = kept[drop:size].copy()
            kept[size - drop :] = 0
        self._clock[_SIZE] = size - drop

    def _keep(self, now: int) -> None:
        size = int(self._clock[_SIZE])
        for kept in (self._kept, self._numbers):
            if size == len(kept):
                kept.grow(2 * size)
        self._kept[size] = self._values
        self._numbers[size] = now
        self._clock[_SIZE] = size + 1

"""Interval arithmetic on bar numbers: groups, blocks, purge, embargo, and rows from intervals.

Rows are cut into groups in time, at bar boundaries, so a group is an interval of bar numbers and
every set of rows a splitter needs is a short list of such intervals. Rows in order of time make
each interval one contiguous range of positions: a fold costs a few binary searches and one copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ohlcvml._compiling import njit
from ohlcvml.exceptions import DataError
from ohlcvml.splits._numbering import LabelRows
from ohlcvml.splits._span import BarSpan
from ohlcvml.splits._stamps import Positions
from ohlcvml.typing import IntArray


class Interval(NamedTuple):
    """Rows with low <= bar < high; with a limit, only those whose label ends before it."""

    low: int
    high: int
    limit: int | None = None


class Block(NamedTuple):
    """A maximal run of test rows: first bar decided in, last bar occupied."""

    first: int
    last: int


class Groups(NamedTuple):
    """Groups of rows in time: group g has the rows with edges[g] <= bar < edges[g + 1].

    ``last[g]`` is the last bar they occupy, max over the rows of max(end, bar + p).
    """

    edges: IntArray
    last: IntArray


@njit(cache=True)
def _ranges(bars: Positions, starts: IntArray, low: IntArray, high: IntArray) -> IntArray:
    """Ranges of positions, shape (stretches, intervals, 2), with low <= bar < high."""
    out = np.empty((len(starts) - 1, len(low), 2), np.int64)
    for stretch in range(len(starts) - 1):
        begin = starts[stretch]
        part = bars[begin : starts[stretch + 1]]
        for k in range(len(low)):
            out[stretch, k, 0] = begin + np.searchsorted(part, low[k])
            out[stretch, k, 1] = begin + np.searchsorted(part, high[k])
    return out


def select_rows(rows: LabelRows, intervals: Sequence[Interval]) -> Positions:
    """Positions, ascending, of the rows in any of the intervals (disjoint and in order)."""
    position = rows.positions
    low = np.array([interval.low for interval in intervals], dtype=np.int64)
    high = np.array([interval.high for interval in intervals], dtype=np.int64)
    pieces: list[Positions] = []
    for stretch in _ranges(rows.bars, rows.starts, low, high).tolist():
        for (begin, stop), interval in zip(stretch, intervals, strict=True):
            if stop <= begin:
                continue
            if interval.limit is None or rows.span <= rows.purge:
                pieces.append(position[begin:stop])  # p has taken every label that reaches it
                continue
            # Ends do not come in order. Only rows within the largest span can reach the limit.
            reached = rows.bars.dtype.type(max(interval.limit - rows.span, 0))
            near = begin + int(np.searchsorted(rows.bars[begin:stop], reached))
            reach = rows.ends[near:stop] < interval.limit
            pieces += [position[begin:near], position[near:stop][reach]]
    if not pieces:
        return position[:0].copy()
    return np.concatenate(pieces)


def cut_groups(rows: LabelRows, cuts: IntArray, who: str) -> Groups:
    """Cut the rows in time at the given row counts.

    Parameters
    ----------
    rows : LabelRows
        The rows.
    cuts : int64 array of shape (n_groups + 1,)
        Rows before each boundary, 0 and n_rows included. Rows that share a bar stay together: the
        boundary moves down to the first of them.
    who : str
        Name of the splitter, for messages.
    """
    in_order = rows.bars if len(rows.starts) == 2 else np.sort(rows.bars)
    n_groups = len(cuts) - 1
    if len(in_order) < n_groups or len(in_order) == 0:
        raise DataError(
            f"{who}: every group needs a row; got {len(in_order)} rows for {n_groups} groups. Use "
            "fewer folds or more labels."
        )
    edges: IntArray = np.r_[in_order[cuts[:-1]], in_order[-1] + 1].astype(np.int64)
    empty = np.flatnonzero(np.diff(edges) <= 0)
    if len(empty):
        raise DataError(
            f"{who}: group {int(empty[0])} of {n_groups} is empty: {len(in_order)} rows stand on "
            f"{len(np.unique(in_order))} bars, and rows of one bar stay together. Use fewer folds "
            "or more labels."
        )
    if rows.span <= rows.purge:
        # p is at least every label's length, so the last row of a group reaches furthest
        final = np.searchsorted(in_order, edges[1:].astype(in_order.dtype)) - 1
        return Groups(edges, in_order[final].astype(np.int64) + rows.purge)
    reach = np.maximum(rows.ends, rows.bars + rows.purge)
    group = np.searchsorted(edges, rows.bars, side="right") - 1
    last = np.zeros(n_groups, dtype=np.int64)
    np.maximum.at(last, group, reach)
    return Groups(edges, last)


def blocks_of(groups: Groups, test: Sequence[int]) -> list[Block]:
    """Blocks of the test groups, adjacent groups merged."""
    blocks: list[Block] = []
    previous = -2
    for group in test:
        first, last = int(groups.edges[group]), int(groups.last[group])
        if group == previous + 1:
            first, last = blocks[-1].first, max(blocks.pop().last, last)
        blocks.append(Block(first, last))
        previous = group
    return blocks


def two_sided(
    rows: LabelRows, blocks: Sequence[Block], embargo: BarSpan | None
) -> Iterator[Interval]:
    """Yield what is left for training before, between and after the blocks.

    A row before a block stays if neither its label nor p reaches the block; a row after one, if it
    lies past the block's last bar and the embargo.
    """
    low = 0
    for block in blocks:
        yield Interval(low, block.first - rows.purge, block.first)
        past = block.last if embargo is None else embargo.after(block.last, rows.stamps)
        low = max(low, past + 1)
    yield Interval(low, len(rows.stamps.values))

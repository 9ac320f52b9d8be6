"""Rolling order statistics: exact quantiles and ranks of a window that slides by one value."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ohlcvml.streams.kernels._compiled import compiled, inlined
from ohlcvml.typing import FloatArray, IntArray

# The keys of a window stand sorted in blocks with room to spare, so that a key goes in or out by
# moving the keys of one block. Every search and move is a loop of fixed length without branches,
# which compiles to vector code. On 1M returns, window 1440, one thread, that took 52 ns; full
# blocks that hand a key on from one to the next 105; one sorted array with binary search three
# times as long: their loops end where the data say, and ends mispredicted cost more than the work
# they save. Unsigned positions keep numba from compiling negative ones.
_ONE, _NONE = np.uintp(1), np.uintp(0)
_PAD = np.uintp(4)  # empty keys behind a block, for a look one further
_SMALL, _MIDDLE = 32, 100  # windows below which one block, two blocks are fastest
_FILL = 0.75
_VECTOR = 16  # keys per turn of a compiled loop; a rest is done one by one
_THIN = np.uintp(8)  # blocks from which on the busiest are given less


def _layout(window: int) -> tuple[int, int]:
    blocks = 2 ** int(math.log2(math.sqrt(window)))
    if window < _MIDDLE:
        blocks = 1 if window < _SMALL else 2
    return blocks, _VECTOR * math.ceil(window / blocks / _FILL / _VECTOR)


def order_params(windows: Sequence[int]) -> IntArray:
    """Numbers of blocks and room of each, int64 array of shape (2, len(windows))."""
    return np.array([_layout(window) for window in windows], dtype=np.int64).reshape(-1, 2).T


def new_orders(windows: Sequence[int]) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    """State of empty windows: (keys, bounds, before, spare), a row per window, one spare row.

    Block c of a window holds its keys from position c * (room + 4) on, in order, infinity behind
    them; they are between ``bounds[c - 1]`` and ``bounds[c]``, and ``before[c]`` keys stand in
    blocks before it.
    """
    layouts = [_layout(window) for window in windows]
    lanes = max(blocks * (room + int(_PAD)) for blocks, room in layouts)
    most = max(blocks for blocks, _ in layouts)
    spare = max((blocks + 1) * room for blocks, room in layouts)
    shape = (len(windows), most)
    keys, bounds = np.full((len(windows), lanes), np.inf), np.full(shape, np.inf)
    return keys, bounds, np.zeros((len(windows), most + 1), dtype=np.int32), np.zeros(spare)


def quantile_params(
    quantiles: Sequence[float], windows: Sequence[int]
) -> tuple[IntArray, FloatArray]:
    """Sorted positions below the quantiles and the shares of the way to the next.

    Two arrays of shape (len(quantiles), len(windows)), by numpy's rule "linear".
    """
    at = np.multiply.outer(np.asarray(quantiles), np.asarray(windows) - 1.0)
    below = np.floor(at)
    return below.astype(np.int32), at - below


@inlined
def replace(oldest, newest, full, ranked, blocks, room, keys, bounds, before, spare):  # type: ignore[no-untyped-def]
    """Put a key in and, of a full window, take one out; return its mid-rank.

    That is the number of smaller keys plus half the number of equal ones, of which it is one; 0
    unless ``ranked``. Keys are finite.
    """
    lane = room + _PAD
    leaves, enters = _search(oldest, newest, blocks, bounds)
    if keys[enters * lane + room - _ONE] < np.inf:
        _spread(np.uintp(before[enters]), blocks, room, keys, bounds, before, spare)
        leaves, enters = _search(oldest, newest, blocks, bounds)
    if full:
        # Equal keys may spread over blocks; then the first that holds one gives it.
        while bounds[leaves] == oldest and not _holds(oldest, leaves * lane, room, keys):
            leaves += _ONE
        start = leaves * lane
        for j in range(start, start + room):
            key = keys[j]
            keys[j] = keys[j + _ONE] if key >= oldest else key
    else:
        leaves = blocks
        before[blocks] += np.int32(1)
    start, previous, smaller = enters * lane, -np.inf, _NONE
    for j in range(start, start + room):
        key = keys[j]
        keys[j] = key if key < newest else max(previous, newest)
        previous = key
        if ranked:
            smaller += np.uintp(key < newest)
    for c in range(blocks):
        before[c] += np.int32(c > enters) - np.int32(c > leaves)
    if not ranked:
        return 0.0
    ranks = 2 * (np.int64(smaller) + before[enters]) + 1
    if keys[start + smaller + _ONE] == newest or bounds[enters] == newest:
        ranks += _others(newest, smaller, enters, blocks, room, keys, bounds, before)
    return 0.5 * ranks


@inlined
def _search(oldest, newest, blocks, bounds):  # type: ignore[no-untyped-def]
    leaves, enters = _NONE, _NONE
    for c in range(blocks):
        leaves += np.uintp(bounds[c] < oldest)
        enters += np.uintp(bounds[c] < newest)
    return leaves, enters


@inlined
def quantile(below, share, blocks, room, keys, before):  # type: ignore[no-untyped-def]
    """Quantile of a full window, with the bits of ``numpy.quantile``."""
    at = _find(below, blocks, room, before)
    low, high = keys[at], keys[at + _ONE]
    if share == 0.0:
        return low
    if high == np.inf:  # the next key is in another block
        high = keys[_find(below + np.int32(1), blocks, room, before)]
    if share >= 0.5:
        return high - (high - low) * (1.0 - share)
    return low + (high - low) * share


@inlined
def _find(rank, blocks, room, before):  # type: ignore[no-untyped-def]
    found = np.int32(0)
    for c in range(blocks):
        found += np.int32(before[c] <= rank)
    block = np.uintp(found) - _ONE
    return block * (room + _PAD) + np.uintp(rank - before[block])


@compiled
def _holds(value, start, room, keys):  # type: ignore[no-untyped-def]
    found = False
    for j in range(start, start + room):
        found |= keys[j] == value
    return found


@compiled
def _others(value, smaller, block, blocks, room, keys, bounds, before):  # type: ignore[no-untyped-def]
    """Keys equal to one that has ``smaller`` smaller ones in its block, without itself."""
    last, up_to = block, _NONE
    if bounds[block] == value:
        last = _NONE
        for c in range(blocks):
            last += np.uintp(bounds[c] <= value)
    start = last * (room + _PAD)
    for j in range(start, start + room):
        up_to += np.uintp(keys[j] <= value)
    return np.int64(up_to) - np.int64(smaller) + before[last] - before[block] - 1


@compiled
def _spread(busy, blocks, room, keys, bounds, before, spare):  # type: ignore[no-untyped-def]
    """Share the keys out anew, fewer to the blocks about sorted position ``busy``.

    There a trending series puts its next keys. Called with a block full, so once in many bars.
    """
    lane, total = room + _PAD, np.uintp(before[blocks])
    for c in range(blocks):
        start, to = c * lane, np.uintp(before[c])
        for j in range(room):
            spare[to + j] = keys[start + j]  # what is too much, the next block overwrites
    spare[total] = np.inf
    share, thin, first, last = total // blocks, _NONE, blocks, blocks
    rest, many = total, blocks
    if blocks >= _THIN:
        middle = min(busy * blocks // total, blocks - _ONE)
        first = middle - _ONE if middle > _NONE else _NONE
        last = min(middle + _ONE, blocks - _ONE)
        thin = share // np.uintp(2)
        many = blocks - (last - first + _ONE)
        rest = total - thin * (blocks - many)
        if rest // many + _ONE >= room:
            first, last, rest, many = blocks, blocks, total, blocks
        share = rest // many
    extra, source = rest - share * many, _NONE
    for c in range(blocks):
        count = thin
        if c < first or c > last:
            count = share + (_ONE if extra > _NONE else _NONE)
            extra -= _ONE if extra > _NONE else _NONE
        before[c] = source
        start = c * lane
        for j in range(room):
            keys[start + j] = spare[source + j] if j < count else np.inf
        source += count
        # Half way to the next key: a later key equals it only if these two do, or are neighbours.
        low = spare[source - _ONE] if source > _NONE else -np.inf
        bounds[c] = low + 0.5 * (spare[source] - low) if source > _NONE else low
    bounds[blocks - _ONE] = np.inf


@inlined
def count_ranks(value, slot, windows, places, ring, ranks, t):  # type: ignore[no-untyped-def]
    """Write the percentile ranks of a value in windows that end with it; return the next slot.

    For short windows, ascending, it is faster to count than to keep order: 15 ns at 60, 35 at 240,
    and the longer one takes over the count of the shorter. The ring of shape (2 size,) holds
    each value twice, so that every window is in one piece; NaN at first.
    """
    size = ring.shape[0] // 2
    ring[slot] = ring[slot + size] = value
    end, twice = slot + size + 1, _NONE
    start = end
    for k in range(windows.shape[0]):
        for j in range(np.uintp(end - windows[k]), np.uintp(start)):
            twice += np.uintp(ring[j] < value) + np.uintp(ring[j] <= value)
        start = end - windows[k]
        ranks[places[k], t] = 0.5 * np.int64(twice) / windows[k]
    return slot + 1 if slot + 1 < size else 0


@compiled
def _roll(values, window, ranked, below, share, layout, state, out):  # type: ignore[no-untyped-def]
    keys, bounds, before, spare = state
    blocks, room = np.uintp(layout[0, 0]), np.uintp(layout[1, 0])
    keys, bounds, before, n = keys[0], bounds[0], before[0], below.shape[0]
    for t in range(values.shape[0]):
        full = t >= window
        oldest = values[np.uintp(t - window)] if full else np.inf
        if ranked:
            rank = replace(oldest, values[t], full, True, blocks, room, keys, bounds, before, spare)
            out[n, t] = rank + 0.5 if t >= window - 1 else np.nan
        else:
            replace(oldest, values[t], full, False, blocks, room, keys, bounds, before, spare)
        for k in range(n):
            if t >= window - 1:
                out[k, t] = quantile(below[k, 0], share[k, 0], blocks, room, keys, before)
            else:
                out[k, t] = np.nan


def rolling_order(
    values: FloatArray,
    window: int,
    quantiles: Sequence[float] = (),
    rank: bool = False,
    out: FloatArray | None = None,
) -> FloatArray:
    """Quantiles of the last ``window`` values and the rank of the newest, in one pass.

    Parameters
    ----------
    values : float64 array of shape (n,)
        Finite; value t and those before it make column t.
    window : int
        At least 1.
    quantiles : sequence of float in [0, 1], default=()
        Interpolated as by ``numpy.quantile``.
    rank : bool, default=False
        Add the rank of the newest value, 1 to window, the average among equals.
    out : float64 array of shape (len(quantiles) + rank, n), optional
        Written and returned.

    Returns
    -------
    float64 array of shape (len(quantiles) + rank, n)
        NaN in the first ``window - 1`` columns.

    Examples
    --------
    >>> import numpy as np
    >>> rolling_order(np.array([3.0, 1.0, 2.0, 2.0]), 3, quantiles=(0.5,), rank=True)
    array([[nan, nan, 2. , 2. ],
           [nan, nan, 2. , 2.5]])
    """
    if out is None:
        out = np.empty((len(quantiles) + rank, len(values)))
    below, share = quantile_params(quantiles, (window,))
    _roll(values, window, rank, below, share, order_params((window,)), new_orders((window,)), out)
    return out

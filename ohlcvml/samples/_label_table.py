"""The uncut labels of a set of bars: checked against them, and what they weigh."""

from __future__ import annotations

import numpy as np

from ohlcvml.bars import check_bars, symbol_starts
from ohlcvml.exceptions import DataError
from ohlcvml.labels import (
    LabelSpec,
    average_uniqueness,
    check_labels,
    label_positions,
    time_decay_weights,
)
from ohlcvml.typing import Bars, FloatArray, IntArray, Labels


class LabelTable:
    """The uncut labels of a set of bars, with their positions on the bar index."""

    def __init__(self, bars: Bars, labels: Labels, spec: LabelSpec | None) -> None:
        # Of several columns none of which is named like a price, no one may be taken for it.
        check_bars(
            bars, "Samples", columns="bars" if np.shape(bars)[1:] != (1,) else "bars or price"
        )
        self.bars = bars
        self.spec, self.labels = _specified(labels, bars, spec)
        self.pos, self.end_pos = label_positions(labels, bars.index)
        self.usable: IntArray = np.flatnonzero(
            ~labels["censored"].to_numpy(dtype=bool) & (self.end_pos >= 0)
        )

    def weight(self, rows: IntArray) -> FloatArray:
        """Own weights of ``rows`` times what depends on the rows beside them."""
        if len(rows) == 0:
            return np.empty(0)
        own = self.labels["weight"].to_numpy(dtype=np.float64)[rows]
        level = own.mean()
        if not level > 0.0:
            raise DataError(
                f"Samples.weight: the column 'weight' of 'labels' is 0 for all {len(rows)} rows. "
                "Take rows that count, or label with weighting=None."
            )
        pos = self.pos[rows]
        unique = average_uniqueness(pos, self.end_pos[rows], len(self.bars))
        oldest = self.spec.time_decay
        if oldest < 1.0:
            symbol = np.searchsorted(symbol_starts(self.bars.index), pos, side="right")
            unique = unique * time_decay_weights(unique, symbol, oldest)
        return unique * (own / level)


def _specified(labels: Labels, bars: Bars, spec: LabelSpec | None) -> tuple[LabelSpec, Labels]:
    """Specification of the labels, and the table that carries it; checked."""
    check_labels(labels, bars, "Samples", spec=spec)
    if spec is None:
        return LabelSpec.of(labels, "Samples"), labels
    if "spec" not in labels.attrs:
        return spec, spec.attach(labels)
    told = LabelSpec.of(labels)
    if told != spec:
        odd = [name for name in vars(spec) if getattr(spec, name) != getattr(told, name)]
        raise DataError(
            "Samples: 'spec' must be what 'labels' say themselves in labels.attrs['spec']; they "
            f"differ in {', '.join(odd)}: got {[getattr(spec, name) for name in odd]} beside "
            f"{[getattr(told, name) for name in odd]}. Leave 'spec' out, or label the bars again."
        )
    return spec, labels

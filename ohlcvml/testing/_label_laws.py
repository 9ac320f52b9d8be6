"""Laws of labellers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.bars import simulate_bars
from ohlcvml.labels import LABEL_COLUMNS, LabelSpec
from ohlcvml.samples import Samples
from ohlcvml.streams import changed_futures, future_cuts
from ohlcvml.testing._door import malformed_bars_are_refused
from ohlcvml.testing._parameters import check_parameters_matter
from ohlcvml.testing._report import LawBroken
from ohlcvml.typing import Bars, Labels

PRICES = ["open", "high", "low", "close"]
OUTCOME = ["label", "end", "ret", "cost", "net_ret", "exit"]


def label_bars() -> Bars:
    """Bars with what labels are about: opening gaps, two session breaks and a roll.

    Five-minute bars of a continuous contract, adjusted forward by difference; the roll lies
    inside a session, so that it is no session break as well.
    """
    bars = simulate_bars(
        620, seed=0, bar_size="5min", price=100.0, tick_size=None, sessions=True
    ).bars
    jump = np.random.default_rng(0).normal(scale=0.02, size=len(bars))
    bars["open"] += jump
    bars["high"], bars["low"] = bars[PRICES].max(axis=1), bars[PRICES].min(axis=1)
    rolled = np.arange(len(bars)) >= 400
    for name in PRICES:
        bars[f"raw_{name}"] = bars[name] + 0.5 * rolled
    bars["contract"] = np.where(rolled, 202406, 202403)
    bars["adjustment"] = -0.5 * rolled
    return bars


def nothing_after_the_end_changes_a_label(labeller: Any) -> None:
    """A label resolved before a cut keeps its outcome whatever happens from the cut on."""
    bars = label_bars()
    whole = labeller.fit_transform(bars)
    for cut in future_cuts(bars):
        settled = whole.index[(whole["end"] < bars.index[cut]).to_numpy()]
        for name, changed in changed_futures(bars, cut):
            table = labeller.clone().fit_transform(changed)
            rows = table.loc[table.index.isin(settled) & ~table["censored"].to_numpy(), OUTCOME]
            if not rows.equals(whole.loc[rows.index, OUTCOME]):
                raise LawBroken(
                    f"{type(labeller).__name__}: labels resolved before row {cut} changed when "
                    f"the bars from there on were {name}."
                )


def later_labels_do_not_move_training_weights(labeller: Any) -> None:
    """Samples settled before a cut keep the bits of their weights whatever happens after it."""
    bars = label_bars()
    whole = Samples(bars, labeller.fit_transform(bars))
    for cut in future_cuts(bars):
        for name, changed in changed_futures(bars, cut):
            other = Samples(changed, labeller.clone().fit_transform(changed))
            settled = whole.index[(whole.end < bars.index[cut]) & whole.index.isin(other.index)]
            one = whole[whole.index.isin(settled)].weight
            two = other[other.index.isin(settled)].weight
            if not np.array_equal(one, two):
                raise LawBroken(
                    f"{type(labeller).__name__}: weights of samples settled before row {cut} "
                    f"changed when the bars from there on were {name}."
                )


def table_keeps_its_contract(labeller: Any) -> None:
    """Columns, types and order of the labels table; intervals run forward."""
    bars = label_bars()
    table = labeller.fit_transform(bars)
    meta = ["side"] if LabelSpec.of(table).kind == "meta" else []
    if list(table.columns) != [LABEL_COLUMNS[0], *meta, *LABEL_COLUMNS[1:]]:
        raise LawBroken(f"{type(labeller).__name__}: columns are {list(table.columns)}.")
    used = table[~table["censored"].to_numpy()]
    known = used["end"].notna().to_numpy()
    if not (pd.DatetimeIndex(used["end"][known]) > used.index[known]).all():
        raise LawBroken(f"{type(labeller).__name__}: a label ends before it begins.")
    if not np.isin(used["label"], LabelSpec.of(table).classes).all():
        raise LawBroken(f"{type(labeller).__name__}: a label is not in the class set.")
    if labeller.get_tag("is_production_safe"):
        raise LawBroken(f"{type(labeller).__name__}: a labeller cannot be production safe.")


def every_parameter_has_an_effect(labeller: Any) -> None:
    """Each parameter moves the labels table, or the weights that samples make of it."""
    check_parameters_matter(type(labeller), _labels_and_weights)


def _labels_and_weights(labeller: Any) -> Labels:
    bars = label_bars()
    labels = labeller.fit_transform(bars)
    samples = Samples(bars, labels)
    return labels.assign(sample_weight=pd.Series(samples.weight, index=samples.index))


LABEL_LAWS = (
    nothing_after_the_end_changes_a_label,
    later_labels_do_not_move_training_weights,
    table_keeps_its_contract,
    malformed_bars_are_refused,
)
LABEL_CLASS_LAWS = (every_parameter_has_an_effect,)

"""Specifications for labels tables that tests write by hand."""

from ohlcvml.labels import LabelSpec

PLAIN = LabelSpec(
    kind="direction",
    rule="own",
    classes=(-1, 0, 1),
    horizon=20,
    atr_window=14,
    entry="next_open",
    session_exit=False,
    cross_session=False,
    roll="exit",
    side=None,
    k_up=None,
    k_down=None,
    unit="atr",
    trailing=False,
    cost_adjustment=None,
    both="zero",
    weighting=None,
    time_decay=1.0,
    return_unit="log",
    round_trip=None,
    contract=None,
    costs=None,
)


def specified(table, **changes):
    """The table with a specification: gross labels of one's own, with these changes."""
    return PLAIN.replace(**changes).attach(table)

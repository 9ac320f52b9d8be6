"""Whether a pretrained model may have seen what it is tested on."""

from __future__ import annotations

from typing import Any

import pandas as pd


def pretraining_notes(model: Any, first: pd.Timestamp) -> list[str]:
    """Say where the test period may have been in a model's pretraining data.

    Parameters
    ----------
    model : bar classifier
        Its tag ``training_data_cutoff`` is the ISO date after which no pretraining datum lies,
        ``"unknown"``, or empty where nothing was pretrained.
    first : pd.Timestamp
        Stamp of the first row tested, with a time zone.

    Returns
    -------
    list of str
        Empty where nothing was pretrained or the test period begins after the cutoff.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.evaluation import pretraining_notes
    >>> from ohlcvml.models import LogisticClassifier
    >>> model = LogisticClassifier().set_tags(training_data_cutoff="2024-05-31")
    >>> pretraining_notes(model, pd.Timestamp("2024-06-01", tz="UTC"))
    []
    >>> for note in pretraining_notes(model, pd.Timestamp("2023-01-03 14:30", tz="UTC")):
    ...     print(note)
    pretrained: the model may have seen data up to 2024-05-31, and the test period begins
    2023-01-03; its scores may be in-sample
    """
    cutoff = model.get_tag("training_data_cutoff", "", raise_error=False) or ""
    if not cutoff:
        return []
    day = f"{first:%Y-%m-%d}"
    if cutoff == "unknown":
        return [
            "pretrained on data of unknown dates: nothing shows that the test period, which begins "
            f"{day}, was not among them; its scores may be in-sample"
        ]
    if first >= pd.Timestamp(cutoff, tz="UTC") + pd.Timedelta(days=1):
        return []
    return [
        f"pretrained: the model may have seen data up to {cutoff}, and the test period begins "
        f"{day}; its scores may be in-sample"
    ]

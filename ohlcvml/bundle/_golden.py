"""Golden rows: a block of input bars with the answers, replayed whenever a bundle is loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.bundle._frames import pack_frame, unpack_frame
from ohlcvml.exceptions import BundleError, OhlcvmlError
from ohlcvml.pipeline import feature_memo
from ohlcvml.typing import Bars

ANSWERED_ROWS = 32  # rows with an answer that a block should hold, beyond the lookback
MAX_SYMBOLS = 2
EXACT = "the same bits"
INPUT = "input"


def make_golden(model: Any, bars: Bars) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Cut a block from the tail of ``bars`` and store what ``model`` answers on it.

    Parameters
    ----------
    model : fitted estimator
        Its predict_proba and predict_signal are stored, or its transform.
    bars : pd.DataFrame
        The block is as long as the lookback of the model plus some rows; it is lengthened until
        at least one row has an answer.

    Returns
    -------
    dict
        Description for the manifest.
    dict of str to ndarray
        Contents of golden.safetensors.
    """
    rows = (getattr(model, "lookback", None) or 0) + ANSWERED_ROWS
    while True:
        arrays: dict[str, np.ndarray] = {}
        block = _tail(bars, rows)
        tables = {INPUT: pack_frame(block, INPUT, arrays)}
        # Answer on what will be read back, so that only the model can differ later.
        with feature_memo.bypassed():  # features must come from the code that is here
            answers = _answer(model, unpack_frame(tables[INPUT], INPUT, arrays))
        answered = min(int(table.notna().all(axis=1).sum()) for table in answers.values())
        if answered > 0:
            break
        if rows >= len(bars):
            raise BundleError(
                f"save: the model gives no answer on any of the {len(bars)} bars, so golden rows "
                "would prove nothing. Pass more bars than its lookback, or bars=None for none."
            )
        rows *= 2
    for name, table in answers.items():
        tables[name] = pack_frame(table, name, arrays)
    return {"rows": len(block), "answered_rows": answered, "tables": tables}, arrays


def replay(
    model: Any,
    golden: dict[str, Any],
    arrays: dict[str, np.ndarray],
    tolerance: float,
    differences: list[str],
) -> str:
    """Let ``model`` answer the golden rows again and compare.

    Parameters
    ----------
    model : fitted estimator
    golden : dict
        What :func:`make_golden` returned first.
    arrays : dict of str to ndarray
        Contents of golden.safetensors.
    tolerance : float
        Largest difference allowed where ``differences`` is not empty.
    differences : list of str
        What differs between here and where the bundle was written. If nothing does, the answers
        must be the same bits.

    Returns
    -------
    str
        :data:`EXACT`, or the difference found, which is within the tolerance.

    Raises
    ------
    BundleError
        The answers differ.
    """
    tables = golden["tables"]
    try:
        with feature_memo.bypassed():  # features must come from the code that is here
            answers = _answer(model, unpack_frame(tables[INPUT], INPUT, arrays))
    except OhlcvmlError as error:
        raise BundleError(
            f"load: the model cannot answer its golden rows: {error} The features computed here "
            "are not those of the bundle; use the versions in its manifest."
        ) from error
    worst = 0.0
    if set(answers) != set(tables) - {INPUT}:
        raise BundleError(f"load: the model answers {sorted(answers)}, not {sorted(tables)}.")
    for name, table in answers.items():
        worst = max(worst, _difference(name, table, unpack_frame(tables[name], name, arrays)))
    if worst == 0.0:
        return EXACT
    if not differences:
        raise BundleError(
            f"load: the model does not reproduce its golden rows: they differ by up to {worst:.3g} "
            "although versions and machine are those of the bundle. It is not the model that was "
            "saved; save it again from the training run."
        )
    if not worst <= tolerance:
        raise BundleError(
            "load: the model does not reproduce its golden rows: they differ by up to "
            f"{worst:.3g}, more than {tolerance:g}. Differences from where it was saved: "
            f"{'; '.join(differences)}. Install the versions in the manifest."
        )
    return f"within {worst:.3g} (allowed {tolerance:g}): {'; '.join(differences)}"


def _answer(model: Any, bars: Bars) -> dict[str, pd.DataFrame]:
    if not hasattr(model, "predict_proba"):
        return {"transform": pd.DataFrame(model.transform(bars))}
    answers = {"predict_proba": pd.DataFrame(model.predict_proba(bars))}
    if hasattr(model, "predict_signal"):
        answers["predict_signal"] = model.predict_signal(bars)
    return answers


def _difference(name: str, now: pd.DataFrame, then: pd.DataFrame) -> float:
    """Largest difference; infinite where shape, names or the places of NaN differ."""
    if [str(c) for c in now.columns] != [str(c) for c in then.columns] or len(now) != len(then):
        raise BundleError(
            f"load: {name} of the golden rows has columns {list(now.columns)} and {len(now)} rows; "
            f"the bundle has {list(then.columns)} and {len(then)}."
        )
    worst = 0.0
    for k in range(now.shape[1]):
        a, b = now.iloc[:, k].to_numpy(), then.iloc[:, k].to_numpy()
        if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            continue
        if a.dtype.kind != "f" or b.dtype.kind != "f":
            # Sides follow from the returns beside them, which are compared.
            worst = max(worst, np.finfo(float).tiny)
        elif not np.array_equal(np.isnan(a), np.isnan(b)):
            worst = np.inf
        else:
            worst = max(worst, float(np.nanmax(np.abs(a - b))))
    return worst


def _tail(bars: Bars, rows: int) -> Bars:
    if not isinstance(bars.index, pd.MultiIndex):
        return bars.tail(rows)
    symbols = bars.index.get_level_values(0)
    chosen = symbols.unique()[:MAX_SYMBOLS]
    return bars[symbols.isin(chosen)].groupby(level=0, sort=False).tail(rows)

"""A bundle in memory: the model and what belongs to it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._card import Card, Shown
from ohlcvml.bars import Contract, Costs, check_bars, symbol_starts
from ohlcvml.bundle._manifest import input_schema
from ohlcvml.evaluation import Execution
from ohlcvml.exceptions import BundleError, DataError, ParameterError
from ohlcvml.typing import Bars, BoolArray

# Columns that change what the prices mean: having them or not is never the same schema.
MEANINGFUL = frozenset(
    {"raw_open", "raw_high", "raw_low", "raw_close", "contract", "adjustment", "known"}
)


@dataclass(frozen=True, repr=False)
class Bundle(Shown):
    """What :func:`~ohlcvml.bundle.open_bundle` returns.

    Attributes
    ----------
    path : Path
        Where it was read from.
    manifest : dict
        Contents of manifest.json.
    model : estimator
        The fitted model.
    labeller : estimator or None
    contract : Contract or None
    costs : Costs or None

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.bundle import open_bundle, save
    >>> from ohlcvml.features import MomentumFeatures
    >>> bars = simulate_bars(600, seed=0).bars
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bundle = open_bundle(save(MomentumFeatures().fit(bars), f"{folder}/b", bars=bars))
    >>> bundle.manifest["model"]["class"]
    'ohlcvml.features.MomentumFeatures'
    >>> bundle.check_bars(bars.tail(100)).shape
    (100, 5)
    """

    path: Path
    manifest: dict[str, Any]
    model: Any
    labeller: Any = None
    contract: Contract | None = None
    costs: Costs | None = None

    def check_bars(self, bars: Bars) -> Bars:
        """Return the columns of ``bars`` that the model was built on, in their order.

        Parameters
        ----------
        bars : pd.DataFrame
            Bars of any length. Columns the bundle does not know are left out, unless they change
            the meaning of the prices (``raw_close``, ``contract``, ``known``, ...).

        Raises
        ------
        DataError
            Bar size, columns or kinds of columns differ from the bundle's, or it was saved
            without bars and has nothing to compare with.
        """
        who = f"Bundle({self.path.name})"
        check_bars(bars, who)
        wanted = self.manifest["input"]
        if wanted is None:
            raise DataError(
                f"{who}: was saved without bars, so it cannot tell whether these are of the right "
                "kind. Save with bars=..., or call bundle.model yourself."
            )
        names = [column["name"] for column in wanted["columns"]]
        missing = [name for name in names if name not in bars.columns]
        foreign = sorted(MEANINGFUL & set(map(str, bars.columns)) - set(names))
        if missing or foreign:
            raise DataError(
                f"{who}: the bars must have columns {', '.join(names)}; missing "
                f"{', '.join(missing) or 'none'}; unexpected {', '.join(foreign) or 'none'}. "
                "Prepare them as the training bars were."
            )
        cut = bars[names]
        found = input_schema(cut)
        for want, have in zip(wanted["columns"], found["columns"], strict=True):
            name = want["name"]
            if want["kind"] == "f" and have["kind"] in "iu":
                cut = cut.assign(**{name: cut[name].astype(want["dtype"])})  # whole volumes
            elif want["kind"] != have["kind"]:
                raise DataError(
                    f"{who}: column {name!r} must be {want['dtype']}; got {have['dtype']}."
                )
        # One or two bars have no size of their own to disagree with.
        if found["bar_size"] != wanted["bar_size"] and len(bars) > 2:
            raise DataError(
                f"{who}: bars must have size {_size(wanted['bar_size'])}; got "
                f"{_size(found['bar_size'])}. Use ohlcvml.bars.resample, or a bundle trained on "
                "this bar size."
            )
        return cut

    def _card(self) -> Card:
        manifest = self.manifest
        data, columns = manifest["data"], manifest["features"]["columns"]
        made = manifest["environment"]["versions"].get("ohlcvml")
        rows = [("model", _chain(self.model))]
        if manifest["description"]:
            rows.append(("description", textwrap.shorten(manifest["description"], 100)))
        if data is not None:
            size = "irregular" if data["bar_size"] is None else _freq(data["bar_size"])
            first, last = data["first"][:10], data["last"][:10]
            rows.append(("bars", f"{data['rows']:,} of {size}, {first} to {last}"))
        if columns is not None:
            rows.append(("features", f"{len(columns)} columns"))
        rows.append(("lookback", f"{self.lookback:,} bars"))
        if self.labeller is not None:
            rows.append(("labeller", textwrap.shorten(" ".join(str(self.labeller).split()), 100)))
        rows.append(("contract", "none" if self.contract is None else self.contract.symbol))
        rows.append(("costs", "none" if self.costs is None else str(self.costs)))
        if self.execution is not None:
            rows.append(("execution", repr(self.execution)))
        rows += _score_rows(manifest["scores"] or {})
        rows.append(("saved by", f"ohlcvml {made}"))
        return Card(f"Bundle {self.path.name}", rows)

    @property
    def execution(self) -> Execution | None:
        """How its signals are traded, as it was evaluated; None where it was saved without."""
        plain = self.manifest.get("execution")
        if plain is None:
            return None
        try:
            return Execution.from_dict(plain)
        except (ParameterError, TypeError, KeyError, AttributeError) as error:
            raise BundleError(
                f"Bundle({self.path.name}): the execution in its manifest is damaged: {error}"
            ) from error

    @property
    def lookback(self) -> int:
        """Bars before a row that its answer may depend on; rows with fewer are not answered."""
        return int(getattr(self.model, "lookback", None) or 0)

    def predict_proba(self, bars: Bars) -> pd.DataFrame:
        """Class probabilities per bar, after :meth:`check_bars`.

        NaN for the first ``lookback`` bars of each symbol: recursive features begun there have not
        yet forgotten where they began, so the same bar would be answered otherwise later.
        """
        proba = pd.DataFrame(self.model.predict_proba(self.check_bars(bars)))
        proba.loc[self._cold(bars)] = np.nan
        return proba

    def predict_signal(self, bars: Bars) -> pd.DataFrame:
        """Costed signal per bar, after :meth:`check_bars`; row t sees bars up to and with t.

        The first ``lookback`` bars of each symbol are NaN, as in :meth:`predict_proba`.
        """
        signal = pd.DataFrame(self.model.predict_signal(self.check_bars(bars)))
        signal.loc[self._cold(bars)] = np.nan
        return signal

    def _cold(self, bars: Bars) -> BoolArray:
        """Rows with fewer than ``lookback`` bars of their symbol before them."""
        starts = symbol_starts(bars.index)
        age = np.arange(len(bars)) - np.repeat(starts[:-1], np.diff(starts))
        return age < self.lookback


def _chain(model: Any) -> str:
    """Classes of the steps of a pipeline, or of the model."""
    steps = getattr(model, "steps", None)
    if not isinstance(steps, list):
        return type(model).__name__
    return " → ".join(type(step).__name__ for _, step in steps)


def _freq(size: str) -> str:
    return str(pd.tseries.frequencies.to_offset(pd.Timedelta(size)).freqstr)


def _score_rows(scores: dict[str, Any]) -> list[tuple[str, str]]:
    """One line for each stretch that was scored: its main figures."""
    names = {"log_loss": ".4f", "auc": ".3f", "net_sharpe": "+.2f", "net_return": "+.2%"}
    found = []
    for stretch, values in scores.items():
        if not isinstance(values, dict):
            continue
        said = [
            f"{name.replace('_', ' ')} {format(values[name], form)}"
            for name, form in names.items()
            if isinstance(values.get(name), (int, float))
        ]
        if said:
            found.append((stretch.replace("_", " "), ", ".join(said)))
    return found


def _size(text: str | None) -> str:
    return "irregular" if text is None else str(pd.Timedelta(text))

"""What the settings of a run stand for: costs, labeller, features, model, regimes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.bars import Contract, Costs, bar_size, contract, default_costs
from ohlcvml.exceptions import ParameterError
from ohlcvml.factory._settings import TrainSettings
from ohlcvml.features import FEATURE_FAMILIES, OHLCVFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models.configs import find_model, flat_parameters, is_file_name, model_config
from ohlcvml.models.configs import make_model as configured_model
from ohlcvml.pipeline import BarPipeline, BaseBarClassifier, BaseBarComposite, stands_alone
from ohlcvml.regimes import StructureRegime, TrendRegime, VolatilityRegime
from ohlcvml.registry import adapter_for
from ohlcvml.typing import Bars

# Detectors that learn nothing, so that a bar's regime is what was known at that bar.
DETECTORS = {"volatility": VolatilityRegime, "trend": TrendRegime, "structure": StructureRegime}
Say = Callable[[str], None]


def with_model_file(settings: TrainSettings) -> TrainSettings:
    """Settings that name the model shortly; what its own file says, ``params`` overrides."""
    params, name = settings.params, settings.model
    if is_file_name(name):
        config = model_config(name)
        name = config["model"]
        params = {**flat_parameters(config["params"]), **flat_parameters(params)}
    short, _ = find_model(name)
    return settings.replace(model=short, params=params)


def trading_costs(settings: TrainSettings) -> tuple[Contract | None, Costs | None]:
    """The contract and the costs of a run: the contract's assumed ones unless given."""
    given = {
        "commission_per_side": settings.commission,
        "slippage_ticks": settings.slippage,
        "spread": settings.spread,
    }
    amounts = {name: float(value) for name, value in given.items() if value is not None}
    traded = contract(settings.contract) if settings.contract is not None else None
    if traded is not None:
        base = asdict(default_costs(traded.symbol))
        return traded, Costs(**{**base, **amounts})
    if amounts:
        return None, Costs(**amounts)
    if settings.cost_adjustment == "none":
        return None, None
    raise ParameterError(
        "train: costs are not known. Pass --contract (ES, MGC, ...) for its assumed costs, "
        "--spread in price units, or --cost-adjustment none for gross labels."
    )


def make_labeller(
    settings: TrainSettings, traded: Contract | None, costs: Costs | None
) -> TripleBarrierLabeller:
    """The labeller of a run."""
    return TripleBarrierLabeller(
        horizon=settings.horizon,
        k_up=settings.k_up,
        k_down=settings.k_down,
        cost_adjustment=None if settings.cost_adjustment == "none" else settings.cost_adjustment,
        contract=traded,
        costs=costs,
        cross_session=settings.cross_session,
    )


def make_model(settings: TrainSettings) -> BaseBarClassifier:
    """The model a run trains, with seed and threads set where it has them.

    Parameters not given are those of the shipped configuration. Estimators within the model that
    have no seed of their own get the run's, so that a run repeats itself.
    """
    _, cls = find_model(settings.model)
    given = flat_parameters(settings.params)
    names = cls.get_param_names()
    for name, value in (("random_state", settings.seed), ("n_jobs", settings.n_jobs)):
        if name in names:
            given.setdefault(name, value)
    model = configured_model(settings.model, **given)
    unseeded = {
        name: settings.seed
        for name, value in model.get_params().items()
        if name.endswith("__random_state") and value is None
    }
    return model.set_params(**unseeded) if unseeded else model


def make_chain(
    model: Any, bars: Bars, traded: Contract | None, settings: TrainSettings, say: Say
) -> BaseBarClassifier:
    """Features and model; a chain, a composite and a model of price paths are taken as they are."""
    model = adapter_for(model)
    if isinstance(model, (BarPipeline, BaseBarComposite)):
        return model.clone()
    if not stands_alone(model):
        return BarPipeline.of_model(make_features(bars, traded, settings, say), model)
    unused = " --families is not used." if settings.families is not None else ""
    say(f"{type(model).__name__} sees the bars themselves, no features.{unused}")
    return BarPipeline.of_model(None, model)


def make_features(
    bars: Bars, traded: Contract | None, settings: TrainSettings, say: Say
) -> OHLCVFeatures:
    """The default set, as far as these bars can feed it."""
    shared: dict[str, Any] = {
        "contract": traded,
        "volume": bool(bars["volume"].notna().any()),
        "n_jobs": settings.n_jobs,
    }
    size = bar_size(bars)
    if size is not None:
        shared["bar_size"] = f"{size // pd.Timedelta('1s')}s"
    if settings.families is not None:
        return OHLCVFeatures(tuple(names_in(settings.families)), timeframes=(), **shared)
    if size is not None:
        return OHLCVFeatures(**shared)
    say("Irregular bars: no features of sessions and of coarser timeframes")
    families = tuple(name for name in FEATURE_FAMILIES if name != "session")
    return OHLCVFeatures(families, timeframes=(), **shared)


def regime_of(bars: Bars, settings: TrainSettings) -> pd.DataFrame | None:
    """The most probable regime of each bar, a column for each detector asked for."""
    if settings.regime is None:
        return None
    names = names_in(settings.regime)
    unknown = [name for name in names if name not in DETECTORS]
    if unknown or not names:
        raise ParameterError(
            f"train: parameter 'regime' must name some of {', '.join(DETECTORS)}, with commas "
            f"between; got {settings.regime!r}."
        )
    found = {}
    for name in names:
        table = DETECTORS[name]().fit_transform(bars)
        states = np.asarray([column.removeprefix(f"{name}_state_") for column in table])
        values = table.to_numpy()
        known = ~np.isnan(values).any(axis=1)
        best = states[np.nan_to_num(values).argmax(axis=1)]
        found[name] = pd.Series(best, index=bars.index, dtype=object).where(known)
    return pd.DataFrame(found)


def names_in(given: str | list[str]) -> list[str]:
    """Names with commas between, or a list of them."""
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)


def embargo_of(given: int | float | str | None) -> int | float | str | None:
    """Bars, a share of the bars, or a time span; the command line gives all three as text."""
    if not isinstance(given, str):
        return given
    for kind in (int, float):
        try:
            return kind(given)
        except ValueError:
            continue
    return given

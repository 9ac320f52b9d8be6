"""The main job: bars in; a leak-free, costed evaluation and a bundle out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from ohlcvml.bars import (
    BarReport,
    Contract,
    Costs,
    bar_size,
    contract,
    default_costs,
    read_bars,
    validate_bars,
)
from ohlcvml.bundle import load, save
from ohlcvml.cli._settings import TrainSettings, make_model
from ohlcvml.evaluation import (
    Backtest,
    CrossValidation,
    Evaluation,
    buy_and_hold,
    count_look,
    cross_validate,
    evaluate,
    rows_fingerprint,
)
from ohlcvml.exceptions import BundleError, ParameterError
from ohlcvml.features import FEATURE_FAMILIES, OHLCVFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.pipeline import BarPipeline, BaseBarClassifier, stands_alone
from ohlcvml.samples import Samples
from ohlcvml.splits import HoldoutParts, PurgedHoldout, PurgedKFold, WalkForward
from ohlcvml.typing import Bars, Labels


@dataclass(frozen=True)
class TrainingResult:
    """Everything ``train`` prints."""

    bars: Bars
    labels: Labels
    parts: HoldoutParts
    unused: dict[str, int]
    walk_forward: CrossValidation
    held: Backtest  # buy and hold over the same stretches as the out-of-fold run
    k_fold: CrossValidation
    test: Evaluation
    looks: int | None
    model: BaseBarClassifier
    bundle: Path | None
    notes: list[str]


def prepare_bars(
    path: str,
    *,
    tz: str | None,
    scale: float = 1.0,
    symbol: str | None = None,
    contract_name: str | None = None,
    policy: str = "raise",
) -> tuple[Bars, BarReport, list[str]]:
    """Read and judge a file; a volume that is 0 throughout is no volume, and that is said."""
    bars = read_bars(path, tz=tz, scale=scale, symbol=symbol)
    notes = []
    if len(bars) and (bars["volume"] == 0).all():
        bars["volume"] = np.nan
        notes.append("volume is 0 in every bar: taken as unknown, no volume features")
    elif len(bars) and bars["volume"].isna().all():
        notes.append("the file has no volume: no volume features")
    if isinstance(bars.index, pd.MultiIndex):
        symbols = bars.index.get_level_values(0).unique()
        raise ParameterError(
            f"train: '--data' holds {len(symbols)} symbols ({', '.join(map(str, symbols[:5]))}, "
            "...); choose one with --symbol."
        )
    bars, report = validate_bars(bars, contract=contract_name, policy=policy)
    return bars, report, notes


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


def make_chain(
    bars: Bars, traded: Contract | None, settings: TrainSettings, console: Console
) -> BaseBarClassifier:
    """Features and model; a model of price paths stands alone and is fitted on the bars."""
    model = make_model(settings)
    if not stands_alone(model):
        return BarPipeline.of_model(make_features(bars, traded, settings, console), model)
    unused = " --families is not used." if settings.families is not None else ""
    console.print(f"{settings.model} sees the bars themselves, no features.{unused}")
    return BarPipeline.of_model(None, model)


def make_features(
    bars: Bars, traded: Contract | None, settings: TrainSettings, console: Console
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
        given = settings.families
        chosen = given.split(",") if isinstance(given, str) else given
        return OHLCVFeatures(tuple(chosen), timeframes=(), **shared)
    if size is not None:
        return OHLCVFeatures(**shared)
    console.print("Irregular bars: no features of sessions and of coarser timeframes")
    families = tuple(name for name in FEATURE_FAMILIES if name != "session")
    return OHLCVFeatures(families, timeframes=(), **shared)


def train(
    bars: Bars, settings: TrainSettings, console: Console, notes: list[str]
) -> TrainingResult:
    """Label, evaluate, fit, look at the test set once, write the bundle and prove it."""
    traded, costs = trading_costs(settings)
    labeller = TripleBarrierLabeller(
        horizon=settings.horizon,
        k_up=settings.k_up,
        k_down=settings.k_down,
        cost_adjustment=None if settings.cost_adjustment == "none" else settings.cost_adjustment,
        contract=traded,
        costs=costs,
    )
    model = make_chain(bars, traded, settings, console)
    with console.status("Labels: triple barrier, net of costs"):
        labels = labeller.fit_transform(bars)
        samples = Samples(bars, labels)
    parts = PurgedHoldout(validation=0.0, test=settings.test_size).parts(samples)
    develop, test = samples[parts.train], samples[parts.test]
    shared: dict[str, Any] = {
        "rows": develop.rows,
        "execution": settings.execution,
        "progress": True,
    }
    walk_forward = WalkForward(n_splits=settings.n_splits)
    k_fold_cv = PurgedKFold(n_splits=settings.n_splits, embargo=_embargo(settings.embargo))
    for cv in (walk_forward, k_fold_cv):
        list(cv.split(develop))  # a fold without training rows is told before minutes of fitting
    console.print(f"Walk-forward, {settings.n_splits} folds")
    forward = cross_validate(
        model,
        bars,
        labels,
        walk_forward,
        exposure=settings.exposure,
        **shared,
    )
    assert forward.backtest is not None  # walk-forward tests each row once
    held = buy_and_hold(bars, like=forward.backtest)
    console.print(f"Purged k-fold, {settings.n_splits} folds (two-sided)")
    k_fold = cross_validate(model, bars, labels, k_fold_cv, **shared)
    with console.status("Fitting on all rows before the test set, then one look at it"):
        final = model.clone().fit(develop)
        tested = evaluate(final, test, execution=settings.execution)
        looks = count_look(test, final, contract=traded)
    unused = dict(forward.unused)
    unused.pop("held_out", None)
    unused["purged_before_test"] = len(samples) - len(develop) - len(test)
    unused["train_without_history"] = int(final.fit_report_.get("without_history", 0))
    bundle = None
    if settings.create_bundle is not None:
        with console.status("Writing the bundle, reading it back, comparing every bit"):
            results = (forward, k_fold, tested)
            bundle = _write_bundle(
                final, settings, bars, labels, labeller, traded, costs, results, test
            )
    return TrainingResult(
        bars, labels, parts, unused, forward, held, k_fold, tested, looks, final, bundle, notes
    )


def _embargo(given: int | float | str | None) -> int | float | str | None:
    """Bars, a share of the bars, or a time span; the command line gives all three as text."""
    if not isinstance(given, str):
        return given
    for kind in (int, float):
        try:
            return kind(given)
        except ValueError:
            continue
    return given


def _write_bundle(
    model: BaseBarClassifier,
    settings: TrainSettings,
    bars: Bars,
    labels: Labels,
    labeller: Any,
    traded: Contract | None,
    costs: Costs | None,
    results: tuple[CrossValidation, CrossValidation, Evaluation],
    test: Samples,
) -> Path:
    forward, k_fold, tested = results
    scores = {
        "walk_forward": forward.summary()["mean"].to_dict(),
        "purged_k_fold_two_sided": k_fold.summary()["mean"].to_dict(),
        "test": tested.scores,
        "test_rows": {
            "first": str(test.index[0]),
            "last": str(test.index[-1]),
            "rows": len(test),
            "fingerprint": rows_fingerprint(test),
        },
        "settings": {
            key: value
            for key, value in asdict(settings).items()
            if key not in {"data", "create_bundle", "plot", "overwrite", "n_jobs"}
        },
    }
    assert settings.create_bundle is not None
    path = save(
        model,
        settings.create_bundle,
        bars=bars,
        labels=labels,
        contract=traded,
        costs=costs,
        execution=settings.execution,
        scores=scores,
        labeller=labeller,
        overwrite=settings.overwrite,
    )
    before, after = model.predict_proba(bars), load(path).predict_proba(bars)
    if not np.array_equal(before.to_numpy(), after.to_numpy(), equal_nan=True):
        raise BundleError(f"train: the reloaded bundle {path} predicts other bits than the model.")
    return path

"""The main job: bars in; a leak-free, costed evaluation, a run's folder and a bundle out."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.text import Text

from ohlcvml.bars import check_bars, validate_bars
from ohlcvml.bundle import data_fingerprint, environment
from ohlcvml.evaluation import (
    CrossValidation,
    buy_and_hold,
    count_look,
    cross_validate,
    evaluate,
    rows_fingerprint,
)
from ohlcvml.exceptions import ParameterError
from ohlcvml.factory._bundles import answers_of, write_bundle
from ohlcvml.factory._parts import (
    embargo_of,
    make_chain,
    make_labeller,
    make_model,
    regime_of,
    trading_costs,
    with_model_file,
)
from ohlcvml.factory._places import check_places
from ohlcvml.factory._read import read_data, volume_notes, within, without_empty_volume
from ohlcvml.factory._report import TrainingReport
from ohlcvml.factory._result import TrainingResult
from ohlcvml.factory._runs import keep_run, place_of_run
from ohlcvml.factory._settings import IN_RUN, TrainSettings
from ohlcvml.pipeline import BaseBarClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import (
    CombinatorialPurgedCV,
    HoldoutParts,
    PurgedHoldout,
    PurgedKFold,
    WalkForward,
)
from ohlcvml.typing import Bars, Labels

OWN = "own"  # name in the settings of a model that came as an object


def train(
    data: Any = None,
    *,
    settings: TrainSettings | None = None,
    progress: bool | Console = True,
    **options: Any,
) -> TrainingResult:
    """Read, label, evaluate walk-forward and by k-fold, look at the test set once, keep the run.

    What ``ohlcvml train`` does, and the same report. A model is fitted on all rows before the test
    set and kept in the result, and in a bundle where one is asked for.

    Parameters
    ----------
    data : str, Path or bars (pd.DataFrame)
        A file that :func:`~ohlcvml.bars.read_bars` reads, or bars. Without it, ``settings.data``.
    settings : TrainSettings or None, default=None
        What the run is told; ``options`` stand in place of what they say.
    progress : bool or rich.console.Console, default=True
        Say what is done, with progress bars; on a console of your own.
    **options
        Fields of :class:`TrainSettings`: ``contract="MES"``, ``horizon=24``. ``model`` may be an
        estimator: one of rows or windows gets the default features before it; a pipeline, an
        ensemble and a model of price paths are taken as they are.

    Returns
    -------
    TrainingResult

    Raises
    ------
    ParameterError
        A setting is not what it must be; told before a model is fitted.
    DataError
        The bars are not fit to be used.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.factory import train
    >>> bars = simulate_bars(3000, seed=0, edge=0.2, sessions=True).bars
    >>> result = train(bars, contract="ES", model="logistic", families="returns,trend",
    ...                n_splits=2, embargo=60, exposure=None, no_run=True, progress=False)
    >>> result.report.rows["bars"], result.test.scores["rows"] > 0
    (3000, True)
    """
    console = progress if isinstance(progress, Console) else _console(progress)
    model, settings = _settled(data, settings or TrainSettings(), options)
    check_places(settings)
    return _Training(data, settings, model, console).result()


def train_final(
    data: Any, settings: TrainSettings, model: Any = None
) -> tuple[BaseBarClassifier, Bars, Labels, Any]:
    """The model of a run, fitted on all rows before its test set, and what it is made of."""
    options = {} if model is None else {"model": model}
    settings = settings.replace(run_dir=None, no_run=True, create_bundle=None, plot=None)
    made, settings = _settled(data, settings, options)
    run = _Training(data, settings, made, _console(False))
    samples, labels, parts = run.labelled()
    return run.chain.clone().fit(samples[parts.train]), run.bars, labels, run.labeller


class _Training:
    """One run, step by step."""

    def __init__(self, data: Any, settings: TrainSettings, model: Any, console: Console) -> None:
        self.settings, self.console = settings, console
        self.created = datetime.now(UTC).isoformat(timespec="seconds")
        self.traded, self.costs = trading_costs(settings)
        self.labeller = make_labeller(settings, self.traded, self.costs)
        told = type(model).__name__ if settings.model == OWN else settings.model
        self.place = None
        if not settings.no_run:
            self.place = place_of_run(told, self.created, settings.run_dir)
            if self.place is None and settings.create_bundle == IN_RUN:
                raise ParameterError(
                    "train: parameter 'create_bundle' must name a path where no run can be kept; "
                    "the data folder cannot be written. Pass a path, or set OHLCVML_HOME."
                )
        self.bars, self.notes = self._read(data)
        if self.place is None and not settings.no_run:
            self.notes.append("the run is not kept: the data folder cannot be written")
        self.regime = regime_of(self.bars, settings)
        self.chain = make_chain(model, self.bars, self.traded, settings, self._say)

    def _read(self, data: Any) -> tuple[Bars, list[str]]:
        settings = self.settings
        if isinstance(data, pd.DataFrame):
            return _checked(data, settings)
        with self.console.status(Text(f"Reading {settings.data}")):
            bars, report, notes = read_data(
                settings.data,
                tz=settings.tz,
                scale=settings.scale,
                symbol=settings.symbol,
                contract=settings.contract,
                policy=settings.policy,
                timerange=settings.timerange,
            )
        for text in (str(report), *(f"note: {note}" for note in notes)):
            self._say(text)
        return bars, notes

    def labelled(self) -> tuple[Samples, Labels, HoldoutParts]:
        """Labelled rows, and which of them lie before and in the test set."""
        with self.console.status("Labels: triple barrier, net of costs"):
            labels = self.labeller.fit_transform(self.bars)
            samples = Samples(self.bars, labels)
        parts = PurgedHoldout(validation=0.0, test=self.settings.test_size).parts(samples)
        return samples, labels, parts

    def result(self) -> TrainingResult:
        """Do everything, and put it where it was asked for."""
        settings = self.settings
        samples, labels, parts = self.labelled()
        report, final = self._judged(samples, labels, parts)
        run = None if self.place is None else keep_run(report, self.place)
        bundle: Path | None = None
        if settings.create_bundle is not None:
            target: str | Path = settings.create_bundle
            if target == IN_RUN:
                assert run is not None  # settings without a run have a path
                target = run.bundle_place
            with self.console.status("Writing the bundle, reading it back, comparing every bit"):
                bundle = write_bundle(
                    final, target, report, self.bars, labels, self.labeller, settings.overwrite
                )
        if settings.plot is not None:
            report.plot().savefig(settings.plot, dpi=120)
        path = None if run is None else run.path
        return TrainingResult(report, final, self.labeller, self.bars, labels, bundle, path)

    def _judged(
        self, samples: Samples, labels: Labels, parts: HoldoutParts
    ) -> tuple[TrainingReport, BaseBarClassifier]:
        settings, bars = self.settings, self.bars
        develop, test = samples[parts.train], samples[parts.test]
        embargo = embargo_of(settings.embargo)
        walk_forward = WalkForward(n_splits=settings.n_splits)
        k_fold_cv = PurgedKFold(n_splits=settings.n_splits, embargo=embargo)
        groups = CombinatorialPurgedCV(n_groups=settings.n_splits + 1, embargo=embargo)
        chosen: list[Any] = [walk_forward, k_fold_cv]
        chosen += [] if settings.cv is None else [groups]
        for cv in chosen:
            list(cv.split(develop))  # a fold without training rows is told before minutes of fits
        self._say(f"Walk-forward, {settings.n_splits} folds")
        forward = self._crossed(walk_forward, develop, labels, exposure=settings.exposure)
        assert forward.backtest is not None  # walk-forward tests each row once
        self._say(f"Purged k-fold, {settings.n_splits} folds (two-sided)")
        k_fold = self._crossed(k_fold_cv, develop, labels)
        combinatorial = None
        if settings.cv is not None:
            self._say(f"Combinatorial, {groups.get_n_splits()} splits (two-sided)")
            combinatorial = self._crossed(groups, develop, labels)
        with self.console.status("Fitting on all rows before the test set"):
            final = self.chain.clone().fit(develop)
        tested, looks = None, None
        if not settings.no_test:
            with self.console.status("One look at the test set"):
                tested = evaluate(final, test, execution=settings.execution, regime=self.regime)
                looks = count_look(test, final, contract=self.traded)
        unused = dict(forward.unused)
        unused.pop("held_out", None)
        unused["purged_before_test"] = len(samples) - len(develop) - len(test)
        unused["train_without_history"] = int(final.fit_report_.get("without_history", 0))
        name = type(final.classifier_).__name__ if settings.model == OWN else settings.model
        report = TrainingReport(
            settings=settings.to_dict(),
            name=name,
            created=self.created,
            environment=environment(),
            data=data_fingerprint(bars),
            rows={"bars": len(bars), "train": len(develop), "test": len(test)},
            unused=unused,
            walk_forward=forward,
            held=buy_and_hold(bars, like=forward.backtest),
            k_fold=k_fold,
            combinatorial=combinatorial,
            test=tested,
            test_rows={
                "first": str(test.index[0]),
                "last": str(test.index[-1]),
                "rows": len(test),
                "fingerprint": rows_fingerprint(test),
            },
            looks=looks,
            answers=answers_of(final, bars),
            notes=self.notes,
        )
        return report, final

    def _crossed(self, cv: Any, develop: Samples, labels: Labels, **more: Any) -> CrossValidation:
        return cross_validate(
            self.chain,
            self.bars,
            labels,
            cv,
            rows=develop.rows,
            execution=self.settings.execution,
            regime=self.regime,
            progress=not self.console.quiet,
            **more,
        )

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)


def _settled(
    data: Any, settings: TrainSettings, options: dict[str, Any]
) -> tuple[Any, TrainSettings]:
    """The model and the settings of a run; a wrong parameter is told before a file is read."""
    model = options.pop("model", None)
    if isinstance(data, (str, Path)):
        options["data"] = str(data)
    elif isinstance(data, pd.DataFrame):
        options["data"] = ""
    elif data is not None:
        raise ParameterError(
            "train: parameter 'data' must be the path of a file of bars, or a DataFrame of bars; "
            f"got {type(data).__name__}."
        )
    if model is not None:
        options["model"] = str(model) if isinstance(model, (str, Path)) else OWN
    settings = TrainSettings.from_dict({**settings.to_dict(), **options}, "the call")
    if not settings.data and not isinstance(data, pd.DataFrame):
        raise ParameterError(
            "train: 'data' must name a file of bars; got nothing. Pass --data FILE, or the key "
            "'data' in the YAML file."
        )
    if settings.model == OWN:
        if model is None or isinstance(model, str):
            raise ParameterError(
                f"train: parameter 'model' must be the estimator itself where it is {OWN!r}, as in "
                "the settings of a run whose model was an object; got none. Pass model=..."
            )
        return model, settings
    settings = with_model_file(settings)
    return make_model(settings), settings


def _checked(bars: Bars, settings: TrainSettings) -> tuple[Bars, list[str]]:
    """Bars from memory, judged as those of a file are."""
    check_bars(bars, "train")
    if isinstance(bars.index, pd.MultiIndex):
        raise ParameterError(
            "train: parameter 'data' must be bars of one symbol; got several. Choose one with "
            "bars.xs(symbol)."
        )
    bars = within(bars, settings.timerange)
    notes = volume_notes(bars)
    bars, _ = validate_bars(
        without_empty_volume(bars), contract=settings.contract, policy=settings.policy
    )
    return bars, notes


def _console(progress: bool) -> Console:
    return Console() if progress else Console(file=io.StringIO(), quiet=True)

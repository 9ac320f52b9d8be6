"""Whether the steps of a model may see the future, and whether it has any features at all."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from sklearn.preprocessing import FunctionTransformer
from sktime.transformations.base import BaseTransformer

from ohlcvml._identity import bars_identity, digest
from ohlcvml.exceptions import LeakageError, ParameterError
from ohlcvml.pipeline._bar_pipeline import BarPipeline
from ohlcvml.pipeline._composite import BaseBarComposite, stands_alone
from ohlcvml.pipeline._memo import by_source_alone, is_of_ohlcvml
from ohlcvml.pipeline._search import _SearchedClassifier
from ohlcvml.pipeline._selector import FeatureSelector
from ohlcvml.pipeline._steps import fit_step
from ohlcvml.samples import Samples
from ohlcvml.streams import (
    BarFeatureChain,
    BarFeatureUnion,
    RowTransformer,
    as_step,
    future_cuts,
    future_seen,
)
from ohlcvml.typing import Features

N_CUTS = 4  # of the probe, three changes each; one before the last bars, for what begins late
KEPT = 256  # verdicts; a step is probed once for each configuration and table
_verdicts: OrderedDict[Any, str] = OrderedDict()


@dataclass(frozen=True)
class StepChecks:
    """What a result must say about the steps of its model.

    Attributes
    ----------
    unsafe : tuple of str
        Steps that see the future, or may, and were let through; empty for a sound result.
    notes : list of str
    """

    unsafe: tuple[str, ...]
    notes: list[str]


def check_steps(
    model: Any,
    samples: Samples,
    *,
    allow_unsafe: bool = False,
    allow_raw_prices: bool | None = None,
) -> StepChecks:
    """Refuse a model with a step that sees the future, before a number is made of it.

    Steps of ohlcvml are tested in its own test suite. Any other step counts as unsafe until the
    probe has passed it: the bars after a cut are changed, and what the step gave before must keep
    its bits (:func:`~ohlcvml.streams.future_seen`). A step whose tag ``is_production_safe`` is
    False is unsafe without a probe. Transformers of scikit-learn itself are wrapped and treat rows
    one by one; its ``FunctionTransformer``, and transformers of one's own, are probed. In a search,
    every candidate is looked at. A step that looks ahead in a few rows only may pass.

    Parameters
    ----------
    model : bar classifier, fitted or not
    samples : Samples
        The rows to be used; the probe is made on their bars.
    allow_unsafe : bool, default=False
        Let such steps through, marked in ``unsafe`` and ``notes``.
    allow_raw_prices : bool or None, default=None
        With False, refuse a model of rows or windows that has no feature step before it: levels
        of prices do not come back, so what it learns from them is not there tomorrow, and in
        two-sided splits they leak. None does not look.

    Returns
    -------
    StepChecks

    Raises
    ------
    LeakageError
        If a step sees the future, says so, or gives nothing that could be probed.
    ParameterError
        If the model sees raw prices and may not.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.pipeline import check_steps
    >>> from ohlcvml.samples import Samples
        >>> from sktime.transformations.series.func_transform import FunctionTransformer
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> ahead = FunctionTransformer(lambda table: table.pct_change().shift(-10))
    >>> check_steps(ahead * LogisticClassifier(), Samples(bars, labels))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.LeakageError: BarPipeline: step 'FunctionTransformer' ... the future. ...
    """
    notes: list[str] = []
    if allow_raw_prices is not None and sees_raw_prices(model):
        if not allow_raw_prices:
            raise ParameterError(
                f"{type(model).__name__}: parameter 'model' must have a feature step, for example "
                "OHLCVFeatures() * model; this one would learn from raw prices, whose levels do "
                "not come back and which leak in two-sided splits. Pass allow_raw_prices=True to "
                "allow it."
            )
        notes.append("the model sees raw prices (allow_raw_prices=True)")
    found: dict[str, str] = {}
    _walk(model, samples, found)
    faults = {name: fault for name, fault in found.items() if fault}
    if faults and not allow_unsafe:
        name, fault = next(iter(faults.items()))
        raise LeakageError(
            f"{type(model).__name__}: step {name!r} is not of ohlcvml or not safe, and {fault} "
            "Mend or leave out the step; allow_unsafe=True allows it and marks every result."
        )
    for name, fault in faults.items():
        notes.append(f"unsafe (allow_unsafe=True): step {name!r}: {fault}")
    probed = [name for name in found if name not in faults]
    if probed:
        notes.append(
            f"step(s) {', '.join(probed)} are not of ohlcvml: probed, and the past did not change "
            "with the future"
        )
    return StepChecks(tuple(faults), notes)


def sees_raw_prices(model: Any) -> bool:
    """Whether a model of rows or windows has no feature step between the bars and itself."""
    if isinstance(model, BarPipeline):
        *steps, (_, last) = model.steps
        return all(_keeps_columns(step) for _, step in steps) and sees_raw_prices(last)
    if isinstance(model, BaseBarComposite):
        return any(sees_raw_prices(part) for _, part in model._current())
    if isinstance(model, _SearchedClassifier):
        return sees_raw_prices(model.search.estimator)
    return not stands_alone(model)


def _keeps_columns(step: Any) -> bool:
    """Whether a step scales or chooses columns and makes no features of bars."""
    step = as_step(step, "BarPipeline")
    if isinstance(step, (BarFeatureChain, BarFeatureUnion)):
        return all(_keeps_columns(part) for _, part in step._parts())
    return isinstance(step, (RowTransformer, FeatureSelector))


def _walk(model: Any, samples: Samples, found: dict[str, str]) -> None:
    """Collect, by name, what is wrong with each step that is not ours; "" if nothing."""
    if isinstance(model, _SearchedClassifier):
        for candidate in model.candidates():
            _walk(candidate, samples, found)
    elif isinstance(model, BarPipeline):
        _walk_pipeline(model, samples, found)
    elif isinstance(model, BaseBarComposite):
        for _, part in model._current():
            _walk(part, samples, found)


def _walk_pipeline(model: BarPipeline, samples: Samples, found: dict[str, str]) -> None:
    *steps, (_, classifier) = model._current()
    steps = [(name, as_step(step, "BarPipeline")) for name, step in steps]
    inner = isinstance(classifier, (BaseBarComposite, _SearchedClassifier))
    doubted = [at for at, (_, step) in enumerate(steps) if _foreign(step) or _says_unsafe(step)]
    reach = len(steps) if inner else max(doubted, default=-1) + 1
    table = samples.features
    for at, (name, step) in enumerate(steps[:reach]):
        if at in doubted and _says_unsafe(step):
            found[name] = "its tag is_production_safe is False: it declares that it looks ahead."
        if step.is_fitted:
            fitted = step
        else:
            fitted = fit_step(step, table, samples.with_features(table), {})
        if at in doubted and not found.get(name):
            found[name] = _verdict(step, fitted, table)
        if at + 1 < reach or inner:
            table = fitted.transform(table)
    if inner:
        _walk(classifier, samples.with_features(table), found)


def _verdict(step: Any, fitted: Any, table: Features) -> str:
    key = _verdict_key(step, table)
    if key is not None and key in _verdicts:
        _verdicts.move_to_end(key)
        return _verdicts[key]
    fault = _probe(fitted, table)
    if key is not None:
        _verdicts[key] = fault
        while len(_verdicts) > KEPT:
            _verdicts.popitem(last=False)
    return fault


def _probe(fitted: Any, table: Features) -> str:
    past = fitted.transform(table).iloc[: max(future_cuts(table, count=N_CUTS))]
    if not past.notna().to_numpy().any():
        return (
            f"it gives no value in the first {len(past)} of {len(table)} bars, so nothing shows "
            "that it does not look ahead."
        )
    seen = future_seen(fitted.transform, table, n_cuts=N_CUTS)
    return "" if seen is None else str(seen)


def _verdict_key(step: Any, table: Features) -> Any:
    """The classes themselves, their parameters and the table; None where these do not tell all."""
    made_of = [step, *step.get_params(deep=True).values()]
    functions = [part for part in made_of if isinstance(part, FunctionType)]
    classes = tuple(type(part) for part in made_of if hasattr(part, "get_params"))
    told: list[FunctionType | type] = [*functions, *classes]
    if not all(map(by_source_alone, told)):
        return None  # a number of its module may be another one by now
    try:
        return (classes, digest(step), bars_identity(table))
    except ParameterError:  # a generator of random numbers: nothing tells one from another
        return None


def _parts(step: Any) -> list[Any]:
    """A step and the transformers it is made of."""
    nested = step.get_params(deep=True).values()
    return [part for part in (step, *nested) if isinstance(part, BaseTransformer)]


def _foreign(step: Any) -> bool:
    return not all(is_of_ohlcvml(part) and _treats_rows(part) for part in _parts(step))


def _treats_rows(part: Any) -> bool:
    """Whether what a row transformer holds is of scikit-learn, and no function of one's own."""
    if not isinstance(part, RowTransformer):
        return True
    held = [part.transformer, *part.transformer.get_params(deep=True).values()]
    return not any(isinstance(item, FunctionTransformer) for item in held) and all(
        type(item).__module__.partition(".")[0] == "sklearn"
        for item in held
        if hasattr(item, "get_params") and not isinstance(item, type)
    )


def _says_unsafe(step: Any) -> bool:
    """Whether a step or one of its parts has the tag set to False; composites only repeat it."""
    return any(
        part.get_tag("is_production_safe", None, raise_error=False) is False
        for part in _parts(step)
        if not isinstance(part, (BarFeatureChain, BarFeatureUnion))
    )

"""One call for everything an estimator must satisfy."""

from __future__ import annotations

from typing import Any

from sktime.split.base import BaseSplitter
from sktime.transformations.base import BaseTransformer

from ohlcvml.pipeline import BaseBarClassifier
from ohlcvml.testing._label_laws import LABEL_CLASS_LAWS, LABEL_LAWS
from ohlcvml.testing._model_laws import MODEL_CLASS_LAWS, MODEL_LAWS
from ohlcvml.testing._report import run_laws
from ohlcvml.testing._splitter_laws import SPLITTER_CLASS_LAWS, SPLITTER_LAWS
from ohlcvml.testing._transformer_laws import TRANSFORMER_CLASS_LAWS, TRANSFORMER_LAWS


def check_estimator(
    estimator: Any, *, raise_exceptions: bool = False, sktime_suite: bool = True
) -> dict[str, str | Exception]:
    """Run sktime's checks and the laws of the estimator's stage.

    Parameters
    ----------
    estimator : class or object
        A transformer of bars, a labeller, a splitter or a bar classifier. A class is tried with
        each of its ``get_test_params``.
    raise_exceptions : bool, default=False
        Raise the first failure instead of collecting all.
    sktime_suite : bool, default=True
        Run sktime's own ``check_estimator`` first (a few seconds; needs pytest).

    Returns
    -------
    dict
        Name of each check to ``"PASSED"`` or the exception.

    Examples
    --------
    >>> from ohlcvml.splits import WalkForward
    >>> from ohlcvml.testing import check_estimator
    >>> results = check_estimator(WalkForward(n_splits=3), sktime_suite=False)
    >>> set(results.values())
    {'PASSED'}
    """
    results: dict[str, str | Exception] = {}
    if sktime_suite:
        from sktime.utils.estimator_checks import check_estimator as sktime_check

        checked = sktime_check(estimator, raise_exceptions=raise_exceptions, verbose=False)
        results.update({f"sktime.{name}": result for name, result in checked.items()})
    if isinstance(estimator, type):
        objects, names = estimator.create_test_instances_and_names()  # type: ignore[attr-defined]
        instances = list(zip(names, objects, strict=True))
    else:
        instances = [(type(estimator).__name__, estimator)]
    laws, class_laws = laws_of(instances[0][1])
    results.update(run_laws(laws, instances, raise_exceptions=raise_exceptions))
    if isinstance(estimator, type):
        results.update(run_laws(class_laws, instances[:1], raise_exceptions=raise_exceptions))
    return results


def laws_of(estimator: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the laws for each instance, and those for the class, of the estimator's stage."""
    if isinstance(estimator, BaseBarClassifier):
        return MODEL_LAWS, MODEL_CLASS_LAWS
    if isinstance(estimator, BaseSplitter):
        return SPLITTER_LAWS, SPLITTER_CLASS_LAWS
    if isinstance(estimator, BaseTransformer):
        # Only labellers may say that they look ahead, and then they keep a labeller's laws.
        if estimator.get_tag("is_production_safe", None, raise_error=False) is False:
            return LABEL_LAWS, LABEL_CLASS_LAWS
        return TRANSFORMER_LAWS, TRANSFORMER_CLASS_LAWS
    raise TypeError(
        "check_estimator: 'estimator' must be a transformer, labeller, splitter or bar "
        f"classifier; got {type(estimator).__name__}. Plain sktime estimators are checked by "
        "sktime.utils.estimator_checks.check_estimator."
    )

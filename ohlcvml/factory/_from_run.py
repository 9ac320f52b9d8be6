"""A bundle of a run that is over: its model fitted again and shown to be the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ohlcvml.bundle import data_fingerprint
from ohlcvml.exceptions import BundleError, DataError
from ohlcvml.factory._bundles import answers_of, write_bundle
from ohlcvml.factory._runs import Run, open_run
from ohlcvml.factory._train import train_final


def create_bundle_from_run(
    run: Run | str | Path,
    *,
    path: str | Path | None = None,
    data: Any = None,
    model: Any = None,
    overwrite: bool = False,
) -> Path:
    """Fit the final model of a run again, prove that it is the same, and write its bundle.

    A run keeps no model, only what makes it: the settings and the fingerprint of the bars. The
    model fitted again must give the bits that the first one gave on the run's last bars.

    Parameters
    ----------
    run : Run, or its name or folder
    path : str, Path or None, default=None
        Where to write; by default ``bundles/<model>_h<horizon>`` in the run's folder.
    data : str, Path, bars (pd.DataFrame) or None, default=None
        The bars of the run; by default the file that its settings name.
    model : estimator or None, default=None
        The model, where the run was given an object.
    overwrite : bool, default=False
        Replace a bundle that stands there.

    Returns
    -------
    Path

    Raises
    ------
    DataError
        The bars are others than those of the run.
    BundleError
        The model fitted here gives other answers; the message names the versions of the run.

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.factory import create_bundle_from_run, train
    >>> bars = simulate_bars(2000, seed=0, sessions=True).bars
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = train(bars, contract="ES", model="logistic", families="returns", n_splits=2,
    ...                    embargo=60, exposure=None, run_dir=f"{folder}/run", progress=False)
    ...     create_bundle_from_run(result.run, data=bars).name
    'logistic_h20'
    """
    run = run if isinstance(run, Run) else open_run(run)
    report = run.report
    source = data if data is not None else report.settings["data"]
    if isinstance(source, str) and not source:
        raise DataError(
            f"create_bundle_from_run: {run.name} was given bars from memory, which it does not "
            "keep. Pass them as data=..."
        )
    final, bars, labels, labeller = train_final(source, report.told, model)
    if data_fingerprint(bars) != report.data:
        raise DataError(
            f"create_bundle_from_run: the bars are not those of {run.name}: "
            f"{_difference(report.data, data_fingerprint(bars))}. Pass the data of the run."
        )
    if answers_of(final, bars) != report.answers:
        raise BundleError(
            f"create_bundle_from_run: the model fitted here answers otherwise than that of "
            f"{run.name}. Versions then: {report.environment['versions']}. Train again to get a "
            "run of this environment."
        )
    return write_bundle(final, path or run.bundle_place, report, bars, labels, labeller, overwrite)


def _difference(then: dict[str, Any], now: dict[str, Any]) -> str:
    return "; ".join(
        f"{key} {now.get(key)} here, {then[key]} then" for key in then if then[key] != now.get(key)
    )

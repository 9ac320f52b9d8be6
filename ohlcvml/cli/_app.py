"""The commands. Exit codes: 0 done, 1 error, 2 usage, 3 a check failed, 130 interrupted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ohlcvml.cli._options import settings_of, whole, with_settings
from ohlcvml.cli._printing import console, print_text, tell, warnings_in_one_line
from ohlcvml.cli._runs_app import runs_app, trades
from ohlcvml.exceptions import OhlcvmlError

app = typer.Typer(
    name="ohlcvml",
    help="Leak-free, costed evaluation of models on OHLCV bars, and bundles that serve them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
bars_app = typer.Typer(no_args_is_help=True, help="Check files of bars.")
bundle_app = typer.Typer(no_args_is_help=True, help="Check bundles.")
app.add_typer(bars_app, name="bars")
app.add_typer(bundle_app, name="bundle")

app.add_typer(runs_app, name="runs")
app.command()(trades)

CHECK_FAILED = 3
INTERRUPTED = 130

Tz = Annotated[
    str | None, typer.Option(help="Time zone of stamps that have none: UTC, ZONE, ZONE+7h.")
]
Scale = Annotated[float, typer.Option(help="Multiply prices by this.")]
Symbol = Annotated[str | None, typer.Option(help="Symbol to read, if the file has several.")]
ContractName = Annotated[
    str | None, typer.Option("--contract", help="Contract of the file: ES, MES, GC, MGC, ...")
]
Policy = Annotated[
    str, typer.Option(help="What to do about bad bars: raise, report, repair, drop.")
]


def _version(asked: bool) -> None:
    if asked:
        import ohlcvml

        print_text(f"ohlcvml {ohlcvml.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """A leak-free, costed evaluation of models on OHLCV bars, and bundles that serve them."""


@app.command()
@with_settings
def train(
    *,
    config: Annotated[Path | None, typer.Option(help="YAML file with the same keys.")] = None,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Print the settings as YAML, and stop.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print each fold as well.")] = False,
    **given: Any,
) -> None:
    """Read and label a file, evaluate walk-forward, score the test set once, keep the run.

    Example: ohlcvml train --data ES_1min.csv --tz UTC --contract ES --model lightgbm
    --create-bundle out/es
    """
    settings = settings_of(config, given)
    if show_config:
        _print_settings(settings)
        return
    from ohlcvml.factory import train as run

    _print_result(run(settings=settings, progress=console()), verbose)


@app.command("new-config")
def new_config(
    path: Annotated[Path, typer.Argument(help="YAML file to write.")],
) -> None:
    """Write a YAML file with every setting of `train`, its default and its meaning."""
    from ohlcvml.cli._options import config_text
    from ohlcvml.exceptions import ParameterError

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(config_text())
    except FileExistsError as error:
        raise ParameterError(f"new-config: {path} exists. Choose another name.") from error
    print_text(f"Written to {path}. Use it with `ohlcvml train --config {path}`.")


@app.command()
def demo(
    plot: Annotated[str, typer.Option(help="Where to save the picture.")] = "ohlcvml_demo.png",
    create_bundle: Annotated[str | None, typer.Option(help="Where to write the bundle.")] = None,
    n_bars: Annotated[int, typer.Option(help="Bars to simulate.")] = 20_000,
    model: Annotated[str, typer.Option(help="See `ohlcvml models`.")] = "lightgbm",
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
) -> None:
    """The main job on simulated bars with a planted edge; saves an equity picture."""
    import tempfile

    from ohlcvml.bars import simulate_bars
    from ohlcvml.factory import train as run
    from ohlcvml.models.configs import find_model

    model, _ = find_model(model)
    simulation = simulate_bars(n_bars, seed=seed, edge=0.15, sessions=True)
    print_text(
        f"{n_bars:,} simulated 1-minute bars with a planted edge. What is printed here shows that "
        "the flow works, not that markets are this kind. To be quick, six of the families of "
        "features are used."
    )
    with tempfile.TemporaryDirectory() as folder:
        result = run(
            simulation.bars,
            families=["returns", "trend", "momentum", "volatility", "moments", "volume"],
            model=model,
            params={"n_estimators": 60} if model in {"lightgbm", "xgboost"} else {},
            horizon=20,
            contract="ES",
            n_splits=4,
            exposure=None,
            # The default of a whole day would leave nothing of a few days to train on.
            embargo=None if n_bars >= 10_000 else 120,
            create_bundle=create_bundle or f"{folder}/bundle",
            no_run=True,
            plot=plot,
            progress=console(),
        )
        _print_result(result, verbose=False)


def _print_settings(settings: Any) -> None:
    import yaml

    print_text(yaml.safe_dump(settings.to_dict(), sort_keys=False, allow_unicode=True).rstrip())


def _print_result(result: Any, verbose: bool) -> None:
    console().print(result.report.tables(verbose=verbose))
    if result.bundle is not None:
        print_text(
            f"Bundle written to {result.bundle}; read back, it predicts the same bits on all "
            f"{len(result.bars):,} bars."
        )
    if result.run is not None:
        print_text(f"Run kept in {result.run}")
    if plot := result.report.settings["plot"]:
        print_text(f"Equity picture saved to {plot}")


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Bundle written by train.")],
    data: Annotated[str, typer.Option(help="The file it was trained on.")],
    tz: Tz = None,
    scale: Scale = 1.0,
    symbol: Symbol = None,
    policy: Policy = "raise",
) -> None:
    """Score a bundle on its untouched test set, and count the looks at it."""
    from ohlcvml.cli._serving import evaluate_bundle
    from ohlcvml.factory import looks_text, score_table

    result, looks = evaluate_bundle(bundle, data, tz, scale, symbol, policy)
    rows: list[tuple[str, Any]] = [("model", result.scores)]
    rows += [(str(name), scores) for name, scores in result.baselines.iterrows()]
    caption = "; ".join([looks_text(looks), *result.notes])
    console().print(score_table("Untouched test set", rows, caption=caption))


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(help="Bundle written by train.")],
    data: Annotated[str, typer.Option(help="File of bars.")],
    output: Annotated[Path, typer.Option(help="CSV to write.")],
    tz: Tz = None,
    scale: Scale = 1.0,
    symbol: Symbol = None,
    policy: Policy = "raise",
) -> None:
    """Write one signal per bar. Bars of another size or with other columns are refused."""
    from ohlcvml.cli._serving import predict_file
    from ohlcvml.factory import check_file

    check_file("predict", "--output", output)

    signals, lookback = predict_file(bundle, data, tz, scale, symbol, policy)
    signals.to_csv(output)
    known = signals["confidence"].notna()
    sides = signals["side"].value_counts()
    print_text(
        f"{len(signals):,} bars: {int((~known).sum()):,} not answered (each needs {lookback:,} "
        "bars before it and no missing feature), "
        f"{int(sides.get(1, 0)):,} long, {int(sides.get(-1, 0)):,} short, "
        f"{int(sides.get(0, 0)):,} flat. Written to {output}."
    )


@bundle_app.command("verify")
def bundle_verify(path: Annotated[Path, typer.Argument(help="Bundle directory or zip.")]) -> None:
    """Check hashes, classes, columns and stored answers. Finds damage; proves no author."""
    from ohlcvml.bundle import verify

    report = verify(path)
    print_text(str(report))
    if not report.ok:
        raise typer.Exit(CHECK_FAILED)


@bars_app.command("check")
def bars_check(
    file: Annotated[str, typer.Argument(help="File of bars.")],
    tz: Tz = None,
    scale: Scale = 1.0,
    symbol: Symbol = None,
    contract: ContractName = None,
) -> None:
    """Read a file and say what is in it and what is wrong with it."""
    from ohlcvml.bars import read_bars, validate_bars

    bars = read_bars(file, tz=tz, scale=scale, symbol=symbol)
    _, report = validate_bars(bars, contract=contract, policy="report")
    print_text(str(report))
    if not report.ok:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="Say all of one model.")] = None,
) -> None:
    """List the models: what each sees, its licence, its extra and whether it is installed."""
    from ohlcvml.cli._models import model_text, models_table

    if name is None:
        console().print(models_table())
    else:
        print_text(model_text(name))


def main() -> None:
    """Run a command; expected errors are one message, without a traceback unless ``--debug``."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments  # wherever it stands
    try:
        with warnings_in_one_line(debug):
            app(args=whole([argument for argument in arguments if argument != "--debug"]))
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:
            raise
        tell("stopped", "yellow", "nothing half-written stays")
        sys.exit(INTERRUPTED)
    except (OhlcvmlError, OSError) as error:
        if debug:
            raise
        tell("error", "red", error)
        sys.exit(1)

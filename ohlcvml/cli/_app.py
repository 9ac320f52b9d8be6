"""The commands. Exit codes: 0 done, 1 an error that says what to do, 2 usage, 3 a check failed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

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

CHECK_FAILED = 3
console = Console()

Tz = Annotated[
    str | None, typer.Option(help="Time zone of stamps that have none: UTC, ZONE, ZONE+7h.")
]
Scale = Annotated[float | None, typer.Option(help="Multiply prices by this.")]
Symbol = Annotated[str | None, typer.Option(help="Symbol to read, if the file has several.")]
ContractName = Annotated[
    str | None, typer.Option("--contract", help="Contract of the file: ES, MES, GC, MGC, ...")
]
Policy = Annotated[
    str | None, typer.Option(help="What to do about bad bars: raise, report, repair, drop.")
]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """A leak-free, costed evaluation of models on OHLCV bars, and bundles that serve them."""


@app.command()
def train(
    data: Annotated[str | None, typer.Option(help="File of bars.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file with the same keys.")] = None,
    tz: Tz = None,
    scale: Scale = None,
    symbol: Symbol = None,
    contract: ContractName = None,
    policy: Policy = None,
    families: Annotated[
        str | None, typer.Option(help="Families of features: returns,trend,...; default: all.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A name of `ohlcvml models`, or a YAML file of one model.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="Parameter of the model: name=value; repeatable.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(help="Longest life of a label, in bars.")] = None,
    k_up: Annotated[float | None, typer.Option(help="Upper barrier in ATR.")] = None,
    k_down: Annotated[float | None, typer.Option(help="Lower barrier in ATR.")] = None,
    cost_adjustment: Annotated[str | None, typer.Option(help="net, shift or none.")] = None,
    commission: Annotated[float | None, typer.Option(help="Money per contract and side.")] = None,
    slippage: Annotated[float | None, typer.Option(help="Ticks per side.")] = None,
    spread: Annotated[float | None, typer.Option(help="Price units per round trip.")] = None,
    rule: Annotated[
        str | None, typer.Option(help="How decisions are traded: average_active or bracket.")
    ] = None,
    capital: Annotated[
        float | None, typer.Option(help="Fixed capital; by default one contract's value.")
    ] = None,
    max_position: Annotated[
        float | None, typer.Option(help="Largest position, in contracts.")
    ] = None,
    daily_loss_stop: Annotated[
        float | None, typer.Option(help="Stop for the day after losing this share of capital.")
    ] = None,
    max_drawdown_stop: Annotated[
        float | None, typer.Option(help="Stop for good after falling by this share of capital.")
    ] = None,
    exposure: Annotated[
        float | None, typer.Option(help="Also report the model trading this share of rows.")
    ] = None,
    n_splits: Annotated[int | None, typer.Option(help="Number of folds.")] = None,
    embargo: Annotated[
        str | None, typer.Option(help="Embargo of k-fold: bars, share of bars or time span.")
    ] = None,
    test_size: Annotated[
        float | None, typer.Option(help="Share of rows kept untouched, for one look at the end.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the model.")] = None,
    n_jobs: Annotated[
        int | None, typer.Option(help="Threads; default: all that the process may use.")
    ] = None,
    create_bundle: Annotated[str | None, typer.Option(help="Where to write the bundle.")] = None,
    overwrite: Annotated[
        bool | None, typer.Option("--overwrite", help="Replace an existing bundle.")
    ] = None,
    plot: Annotated[str | None, typer.Option(help="Where to save the equity picture.")] = None,
) -> None:
    """Read and label a file, evaluate walk-forward, score the test set once, write a bundle."""
    given = {k: v for k, v in locals().items() if k not in {"config", "param"}}
    from ohlcvml.cli._settings import make_model, merge_settings, parse_parameters
    from ohlcvml.cli._tables import print_bars
    from ohlcvml.cli._training import prepare_bars

    if param:
        given["params"] = parse_parameters(param)
    settings = merge_settings(config, given)
    make_model(settings)  # a wrong parameter or a missing package is told before a file is read
    with console.status(f"Reading {settings.data}"):
        bars, report, notes = prepare_bars(
            settings.data,
            tz=settings.tz,
            scale=settings.scale,
            symbol=settings.symbol,
            contract_name=settings.contract,
            policy=settings.policy,
        )
    print_bars(console, report, notes)
    _train_and_print(bars, settings, notes)


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
    from ohlcvml.cli._settings import TrainSettings
    from ohlcvml.models.configs import find_model

    model, _ = find_model(model)
    simulation = simulate_bars(n_bars, seed=seed, edge=0.15, sessions=True)
    console.print(
        f"{n_bars:,} simulated 1-minute bars with a planted edge. What is printed here shows that "
        "the flow works, not that markets are this kind. To be quick, six of the families of "
        "features are used.",
    )
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainSettings(
            data="simulated",
            families=["returns", "trend", "momentum", "volatility", "moments", "volume"],
            model=model,
            params={"n_estimators": 60} if model in {"lightgbm", "xgboost"} else {},
            horizon=20,
            contract="ES",
            n_splits=4,
            exposure=None,
            # The default of a whole day would leave nothing of a few days to train on.
            embargo=None if n_bars >= 10_000 else "120",
            create_bundle=create_bundle or f"{folder}/bundle",
            plot=plot,
        )
        _train_and_print(simulation.bars, settings, [])


def _train_and_print(bars: Any, settings: Any, notes: list[str]) -> None:
    from ohlcvml.cli._tables import print_result
    from ohlcvml.cli._training import train as run

    result = run(bars, settings, console, notes)
    print_result(console, result, settings.model)
    if settings.plot:
        from ohlcvml.evaluation import plot_equity

        forward = result.walk_forward.backtest
        assert forward is not None  # walk-forward tests each row once
        figure = plot_equity(
            forward,
            others={"buy and hold": result.held},
            name=settings.model,
            title="Walk-forward, out of fold, net of costs",
        )
        figure.savefig(settings.plot, dpi=120)
        console.print(f"Equity picture saved to {settings.plot}", highlight=False)


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Bundle written by train.")],
    data: Annotated[str, typer.Option(help="The file it was trained on.")],
    tz: Tz = None,
    scale: Scale = None,
    symbol: Symbol = None,
    policy: Policy = None,
) -> None:
    """Score a bundle on its untouched test set, and count the looks at it."""
    from ohlcvml.cli._serving import evaluate_bundle
    from ohlcvml.cli._tables import looks_text, score_table

    result, looks = evaluate_bundle(bundle, data, tz, scale or 1.0, symbol, policy or "raise")
    rows: list[tuple[str, Any]] = [("model", result.scores)]
    rows += [(str(name), scores) for name, scores in result.baselines.iterrows()]
    caption = "; ".join([looks_text(looks), *result.notes])
    console.print(score_table("Untouched test set", rows, caption))


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(help="Bundle written by train.")],
    data: Annotated[str, typer.Option(help="File of bars.")],
    output: Annotated[Path, typer.Option(help="CSV to write.")],
    tz: Tz = None,
    scale: Scale = None,
    symbol: Symbol = None,
    policy: Policy = None,
) -> None:
    """Write one signal per bar. Bars of another size or with other columns are refused."""
    from ohlcvml.cli._serving import predict_file

    signals, lookback = predict_file(bundle, data, tz, scale or 1.0, symbol, policy or "raise")
    signals.to_csv(output)
    known = signals["confidence"].notna()
    sides = signals["side"].value_counts()
    console.print(
        f"{len(signals):,} bars: {int((~known).sum()):,} not answered (each needs {lookback:,} "
        "bars before it and no missing feature), "
        f"{int(sides.get(1, 0)):,} long, {int(sides.get(-1, 0)):,} short, "
        f"{int(sides.get(0, 0)):,} flat. Written to {output}.",
        highlight=False,
    )


@bundle_app.command("verify")
def bundle_verify(path: Annotated[Path, typer.Argument(help="Bundle directory or zip.")]) -> None:
    """Check hashes, classes, columns and stored answers. Finds damage; proves no author."""
    from ohlcvml.bundle import verify

    report = verify(path)
    console.print(str(report), highlight=False)
    if not report.ok:
        raise typer.Exit(CHECK_FAILED)


@bars_app.command("check")
def bars_check(
    file: Annotated[str, typer.Argument(help="File of bars.")],
    tz: Tz = None,
    scale: Scale = None,
    symbol: Symbol = None,
    contract: ContractName = None,
) -> None:
    """Read a file and say what is in it and what is wrong with it."""
    from ohlcvml.bars import read_bars, validate_bars

    bars = read_bars(file, tz=tz, scale=scale or 1.0, symbol=symbol)
    _, report = validate_bars(bars, contract=contract, policy="report")
    console.print(str(report), highlight=False)
    if not report.ok:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def models() -> None:
    """List the models: what each sees, its licence, its extra and whether it is installed."""
    from ohlcvml.cli._tables import models_table

    console.print(models_table())


def _print_error(error: Exception) -> None:
    """Brackets of the message are text: ``ohlcvml[boosting]`` is no style."""
    message = f"[red]error:[/red] {escape(str(error))}"
    Console(stderr=True).print(message, highlight=False, soft_wrap=True)


def main() -> None:
    """Run a command; expected errors are one message, without a traceback unless ``--debug``."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments  # wherever it stands
    try:
        app(args=[argument for argument in arguments if argument != "--debug"])
    except OhlcvmlError as error:
        if debug:
            raise
        _print_error(error)
        sys.exit(1)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        if debug:
            raise
        _print_error(error)
        sys.exit(1)

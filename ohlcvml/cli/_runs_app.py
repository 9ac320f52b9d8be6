"""Commands about runs that are over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ohlcvml.cli._printing import console, print_text

runs_app = typer.Typer(no_args_is_help=True, help="List, show and compare runs that were kept.")

RunName = Annotated[str, typer.Argument(help="Folder of a run, or the beginning of its name.")]


@runs_app.command("list")
def runs_list(
    run_dir: Annotated[
        Path | None, typer.Option(help="Folder of runs.", show_default="runs in the data folder")
    ] = None,
) -> None:
    """List the runs, the latest first."""
    from ohlcvml.factory import list_runs

    table = list_runs(run_dir)
    if table.empty:
        print_text("No runs are kept here. `ohlcvml train` keeps one.")
        return
    _print_table("Runs", table.T if len(table) == 1 else table)


@runs_app.command("show")
def runs_show(
    run: RunName,
    verbose: Annotated[bool, typer.Option("--verbose", help="Each fold as well.")] = False,
) -> None:
    """Print the report of a run again."""
    from ohlcvml.factory import open_run

    found = open_run(run)
    print_text(f"Run {found.path}")
    console().print(found.report.tables(verbose=verbose))


@runs_app.command("compare")
def runs_compare(
    runs: Annotated[list[str], typer.Argument(help="Two runs or more.")],
) -> None:
    """Print scores of runs side by side, and the settings in which they differ."""
    from ohlcvml.factory import compare_runs

    _print_table("Runs side by side", compare_runs(*runs))


@runs_app.command("bundle")
def runs_bundle(
    run: RunName,
    output: Annotated[
        Path | None,
        typer.Option(help="Where to write.", show_default="bundles in the run's folder"),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="File of bars.", show_default="the one the run names")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a bundle.")] = False,
) -> None:
    """Fit the model of a run again, prove that it is the same, and write its bundle."""
    from ohlcvml.factory import create_bundle_from_run

    path = create_bundle_from_run(run, path=output, data=data, overwrite=overwrite)
    print_text(f"Bundle written to {path}; its model answers as that of the run.")


def trades(
    run: RunName,
    output: Annotated[Path, typer.Option(help="CSV to write.")] = Path("trades.csv"),
) -> None:
    """Write entries, exits and reasons of a run to a CSV file."""
    from ohlcvml.factory import open_run

    table = open_run(run).report.trades()
    table.to_csv(output)
    print_text(f"{len(table):,} trades written to {output}")


def _print_table(title: str, table: Any) -> None:
    from ohlcvml.factory import frame_table

    console().print(frame_table(title, table))

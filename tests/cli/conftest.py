"""A command line in this process, and one run of ``train`` that most tests share."""

from types import SimpleNamespace

import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.cli import _printing, main

TRAIN = [
    *("--contract", "ES", "--horizon", "20", "--n-splits", "2", "--embargo", "60"),
    *("--n-jobs", "1", "--param", "n_estimators=10"),
    *("--families", "returns,trend,momentum,volatility,moments,volume"),  # a day has no day before
]


def call(patch, *arguments):
    """Exit code of ``ohlcvml arguments``."""
    patch.setattr("sys.argv", ["ohlcvml", *map(str, arguments)])
    patch.setattr(_printing, "_console", _printing.terminal(width=160))
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command: exit code, standard output, standard error."""
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "records"))

    def runner(*arguments):
        capsys.readouterr()
        code = call(monkeypatch, *arguments)
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return runner


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Files of simulated bars: whole, its tail, five-minute bars, one without a close."""
    folder = tmp_path_factory.mktemp("bars")
    bars = simulate_bars(2500, seed=0, edge=0.2, sessions=True).bars
    tables = {
        "whole": bars,
        "tail": bars.tail(1600),
        "coarse": bars.iloc[::5],
        "short": bars.head(600),
        "no_close": bars.drop(columns="close"),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv")
    return SimpleNamespace(bars=bars, **{name: folder / f"{name}.csv" for name in tables})


@pytest.fixture(scope="session")
def trained(files, tmp_path_factory):
    """Bundle of a small run, its records and what it printed."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OHLCVML_HOME", str(folder / "records"))
        console = _printing.terminal(width=160, record=True, file=(folder / "out.txt").open("w"))
        patch.setattr("sys.argv", [
            "ohlcvml", "train", "--data", str(files.whole), *TRAIN,
            "--create-bundle", str(folder / "bundle"), "--verbose",
            "--capital", "300000", "--max-drawdown-stop", "0.5",
        ])  # fmt: skip
        patch.setattr(_printing, "_console", console)
        with pytest.raises(SystemExit) as end:
            main()
        console.file.close()
    assert not end.value.code
    text = (folder / "out.txt").read_text()
    return SimpleNamespace(bundle=folder / "bundle", records=folder / "records", text=text)

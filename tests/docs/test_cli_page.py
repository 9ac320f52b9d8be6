"""The page on the command line names what there is, with the defaults there are."""

import re

import pytest
import typer
import yaml

from ohlcvml._threads import threads
from ohlcvml.cli._app import app
from ohlcvml.factory import TrainSettings
from tests.docs.pages import DOCS

PAGE = (DOCS / "cli.md").read_text(encoding="utf-8")
CLI = typer.main.get_command(app)


def options(command):
    return {name for parameter in command.params for name in parameter.opts if name[:2] == "--"}


def commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_option_of_train_is_on_the_page():
    table = PAGE.split("## Train")[1].split("```yaml")[0]
    assert [o for o in options(CLI.commands["train"]) - {"--config"} if f"`{o}" not in table] == []


def test_no_option_on_the_page_is_made_up():
    known = {"--help", "--debug", "--version"} | {
        o for _, command in commands(CLI) for o in options(command)
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE)) <= known


@pytest.mark.parametrize("name", [name for name, _ in commands(CLI)])
def test_every_command_is_on_the_page(name):
    # Commands of one group may stand in one cell: `ohlcvml runs list`, `show RUN`.
    assert f"`ohlcvml {name}" in PAGE or re.search(
        rf"`ohlcvml {name.split()[0]} .*`{name.split()[-1]}\b", PAGE
    )


def test_the_yaml_example_has_keys_that_exist():
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    assert TrainSettings(**example).data == "MES_5min.parquet"


def test_the_defaults_on_the_page_are_those_of_the_code():
    defaults = TrainSettings()
    for key in ("policy", "model", "horizon", "cost_adjustment", "rule", "exposure"):
        assert re.search(rf"\| `{key}` \| {getattr(defaults, key)} \|", PAGE), key
    for key in ("n_splits", "test_size", "seed"):
        assert re.search(rf"\| `{key}` \| {getattr(defaults, key)} \|", PAGE), key
    assert f"| `k_up`, `k_down` | {defaults.k_up} |" in PAGE
    assert defaults.n_jobs == threads(-1)
    assert "| `n_jobs` | all | threads, by default all that the process may use" in PAGE

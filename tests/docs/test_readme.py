"""The README's code runs, prints what it should, and its commands are those of CI."""

import re

from tests.docs.pages import ROOT, python_blocks, run_page

README = (ROOT / "README.md").read_text(encoding="utf-8")
BASH = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))


def test_the_notebook_example_runs_and_prints_results(capsys):
    assert run_page(ROOT / "README.md") == 1
    out = capsys.readouterr().out
    assert "attainable AUC 0.722" in out
    for word in ("skill", "no_skill", "buy_and_hold", "net Sharpe", "not used: {"):
        assert word in out
    aucs = [float(line.split()[-1]) for line in out.splitlines() if re.match(r"\d ", line)]
    assert len(aucs) == 4
    assert 0.5 < sum(aucs) / 4 < 0.722  # finds some of the planted edge, and not more than there is


def test_the_notebook_example_is_short():
    ((_, text),) = python_blocks(ROOT / "README.md")
    assert len([line for line in text.splitlines() if line.strip()]) <= 24


def test_ci_runs_the_readmes_test_commands():
    commands = re.findall(r"\.venv/bin/(python -m pytest[^`\n]*)", BASH)
    assert [command.endswith("-m slow") for command in commands] == [False, True]
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    run = [re.sub(r'^(\w+="[^"]*" )+', "", line) for line in lines]  # without what is set for it
    assert [command for command in commands if command.strip() not in run] == []


def test_the_first_command_is_the_demo():
    first, second = [line for line in BASH.splitlines() if line.startswith("python3 -m venv")]
    assert first.endswith("ohlcvml demo")
    assert "pytest" in second
    assert "-c constraints.txt" in first
    assert "-c constraints.txt" in second

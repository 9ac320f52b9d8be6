"""What the command line says of models."""

from __future__ import annotations

import inspect
from typing import Any

from rich import box
from rich.table import Table

from ohlcvml._requires import extras_of, missing_packages
from ohlcvml.models.configs import find_model, model_classes, model_config

SEES = {"row": "features of one bar", "window": "a window of features", "path": "bars alone"}


def models_table() -> Table:
    """Every model: family, what it sees, licence, extra and whether it is installed."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("name", "class", "family", "sees", "licence", "extra", "installed"):
        table.add_column(heading, no_wrap=heading in {"name", "class"})
    families = {name: _tag(cls, "model_family") for name, cls in model_classes().items()}
    order = sorted(model_classes().items(), key=lambda item: (families[item[0]], item[0]))
    for name, cls in order:
        missing = missing_packages(cls)
        table.add_row(
            name,
            cls.__name__,
            families[name],
            SEES[_tag(cls, "representation")],
            _tag(cls, "licence"),
            ", ".join(extras_of(cls)) or "-",
            f"no: {', '.join(missing)}" if missing else "yes",
        )
    return table


def model_text(name: str) -> str:
    """One model: what it is, its parameters, and the values that are used by default."""
    short, cls = find_model(name)
    params = model_config(short)["params"]
    lines = [
        f"{short}: {cls.__name__}, {_tag(cls, 'model_family')}; sees "
        f"{SEES[_tag(cls, 'representation')]}; licence {_tag(cls, 'licence')}",
        "",
        inspect.cleandoc(cls.__doc__ or "").partition("\nExamples\n")[0].rstrip(),
        "",
        f"`ohlcvml train --model {short}` uses, unless --param says otherwise:",
        *(f"  {key}={value}" for key, value in params.items()),
    ]
    return "\n".join(lines)


def _tag(cls: Any, name: str) -> str:
    return str(cls.get_class_tag(name))

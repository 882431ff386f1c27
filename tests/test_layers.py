"""The house's rules, held by reading every import: which module may know which, and what belongs where.

The table is the one of CONTRIBUTING.md. The rules look at source, so each is also shown to fail on a bad piece of it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Lowest row first. A module imports from lower rows, or from its left in its own.
ROWS = (
    ("errors", "config", "nvidia", "runtime", "streams", "metrics", "tables"),
    ("data", "losses", "models", "ranking"),
    ("significance", "evaluation", "training", "judgement", "inspection"),
    ("runs",),
    ("experiment", "comparison", "served", "grouping"),
    ("jobs",),
    ("interop",),
    ("figures",),
    ("public",),  # convncf/__init__.py: the names for those outside
)
PLACE = {name: (row, column) for row, names in enumerate(ROWS) for column, name in enumerate(names)}
# The top row: none of these imports another. `python -m convncf` is the CLI under another name.
TOP = ("app", "cli", "notebooks")

UNPICKLERS = {"_pickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
MAY_UNPICKLE = "convncf/interop/unpickling.py"
LONGEST_FILE = 300
CHECKED = ("convncf", "app", "tools", "benchmarks", "notebooks")


# ---------------------------------------------------------------- reading imports


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and whether the program really loads it."""

    module: str
    line: int
    for_types_only: bool = False

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def imports(tree: ast.Module) -> list[Import]:
    """Every import, also inside functions; `from convncf import x` counts as convncf.x."""
    for_types = {
        id(inner)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for inner in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        for module in _modules(node):
            found.append(Import(module, getattr(node, "lineno", 0), id(node) in for_types))
    return found


def _modules(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (name.name for name in names)
        case ast.ImportFrom(module="convncf" | "app" as package, names=names, level=0):
            yield from (f"{package}.{name.name}" for name in names)
        case ast.ImportFrom(module=module, level=level):
            yield "." * level + (module or "")
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            yield module


# ---------------------------------------------------------------- where a file stands


def unit(path: str) -> str:
    """What a file belongs to: a name in ROWS or TOP, or the folder for tools and benchmarks.

    convncf/data/splitting.py -> data, convncf/cli_json.py -> cli, convncf/__init__.py -> public.
    """
    parts = Path(path).with_suffix("").parts
    if parts[0] != "convncf":
        return parts[0]
    name = parts[1]
    if name == "__init__":
        return "public"
    return "cli" if name == "__main__" or name.startswith("cli_") else name


def unit_of_module(module: str) -> str:
    """The unit that a `convncf…` or `app…` import reaches."""
    package, _, rest = module.partition(".")
    if package == "app":
        return "app"
    name = rest.partition(".")[0]
    if name in ("cli", "__main__") or name.startswith("cli_"):
        return "cli"
    is_module = name in PLACE or (name and any((ROOT / "convncf" / entry).exists() for entry in (name, f"{name}.py")))
    return name if is_module else "public"


def may_import(importer: str, imported: str) -> bool:
    """Does the table allow `importer` to know `imported`?"""
    if importer == imported:
        return True
    if importer in PLACE and imported in PLACE:
        return PLACE[imported] < PLACE[importer]
    return importer in (*TOP, "tools", "benchmarks") and imported in PLACE


# ---------------------------------------------------------------- the rules


def violations(path: str, source: str) -> list[str]:
    """What a file at `path` (relative, with slashes) does against the house, one line of text each."""
    tree = ast.parse(source)
    here = unit(path)
    found = [(0, text) for text in _place_and_length(path, source, here)]
    for imported in imports(tree):
        found += [(imported.line, text) for text in _against(path, here, imported)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += [(node.lineno, text) for text in _calls(path, here, node)]
    return [f"{path}:{line}: {text}" for line, text in sorted(found)]


def _place_and_length(path: str, source: str, here: str) -> Iterator[str]:
    if path.startswith("convncf/") and here not in (*TOP, *PLACE):
        yield f"{here} has no row in the table"
    lines = len(source.splitlines())
    if lines > LONGEST_FILE and not path.startswith("notebooks/"):
        yield f"{lines} lines; split it by noun before it grows past {LONGEST_FILE}"


def _against(path: str, here: str, imported: Import) -> Iterator[str]:
    top, module = imported.top, imported.module
    if module.startswith("."):
        yield "relative import; write the full name"
    if top in ("convncf", "app"):
        target = unit_of_module(module)
        if not may_import(here, target):
            yield f"{here} imports {module}, which is not below it"
        elif here == "figures" and target not in ("figures", "errors") and not imported.for_types_only:
            yield f"figures imports {module}; result types are for TYPE_CHECKING only"
    elif here == "figures" and top not in ("plotly", "numpy", *sys.stdlib_module_names):
        yield f"figures knows plotly and numpy, not {module}"
    if top == "tests" and here not in ("tools", "benchmarks"):  # both drive the app in a browser, as tests do
        yield "the product knows no test"
    if top == "streamlit" and here != "app":
        yield "streamlit outside app"
    if top == "plotly" and here != "figures" and not imported.for_types_only:
        yield "plotly outside convncf/figures"
    if top == "torch" and path.startswith(("app/views/", "app/panels/")):
        yield "torch in a view or panel"
    if top in UNPICKLERS and path != MAY_UNPICKLE:
        yield f"{module} unpickles"


def _calls(path: str, here: str, call: ast.Call) -> Iterator[str]:
    called = ast.unparse(call.func)
    if called == "print" and here not in ("cli", "tools", "benchmarks", "notebooks"):
        yield "print outside the CLI"
    if called == "st.plotly_chart":
        yield "st.plotly_chart makes each figure anew; app/plots.py draws it again in place"
    if path == MAY_UNPICKLE:
        return
    if called == "torch.load" or called.endswith(".read_pickle"):
        yield f"{called} unpickles"
    for keyword in call.keywords:
        if (keyword.arg, ast.unparse(keyword.value)) in (("allow_pickle", "True"), ("weights_only", "False")):
            yield f"{called}({keyword.arg}=…) unpickles"


# ---------------------------------------------------------------- held


def sources() -> list[str]:
    """Every Python file that the rules speak of, relative to the root."""
    files = (file for folder in CHECKED for file in (ROOT / folder).rglob("*.py"))
    return sorted(file.relative_to(ROOT).as_posix() for file in files if ".ipynb_checkpoints" not in file.parts)


@pytest.mark.parametrize("path", sources())
def test_every_file_keeps_the_house(path: str) -> None:
    assert violations(path, (ROOT / path).read_text(encoding="utf-8")) == []


def test_the_rules_look_at_every_folder_with_code() -> None:
    assert {path.split("/")[0] for path in sources()} >= {"convncf", "app", "tools"}


# ---------------------------------------------------------------- the rules can fail


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("convncf/ranking.py", "from convncf.training import Trainer", "not below it"),
        ("convncf/config.py", "from convncf.runtime import home", "not below it"),
        ("convncf/config/schema.py", "import convncf.metrics", "not below it"),
        ("convncf/models/convncf.py", "from convncf import ranking", "not below it"),
        ("convncf/data/splitting.py", "def late():\n    from convncf.experiment import run_experiment", "not below it"),
        ("convncf/runs/store.py", "from convncf import RunStore", "not below it"),
        ("convncf/jobs.py", "from convncf.cli import main", "not below it"),
        ("convncf/cli.py", "from app.state import trace", "not below it"),
        ("app/views/train.py", "from convncf.cli import app", "not below it"),
        ("notebooks/00_quick_start.py", "import app.state", "not below it"),
        ("convncf/jobs.py", "from tests.browser import start_app", "knows no test"),
        ("convncf/gadgets.py", "", "has no row"),
        ("convncf/figures/network.py", "from convncf.inspection import PairTrace", "TYPE_CHECKING only"),
        ("convncf/figures/network.py", "import torch", "plotly and numpy"),
        ("convncf/figures/network.py", "import pandas as pd", "plotly and numpy"),
        ("convncf/training.py", "import streamlit as st", "streamlit outside"),
        ("convncf/training.py", "import importlib\nimportlib.import_module('streamlit.testing')", "streamlit outside"),
        ("app/views/inspect.py", "import plotly.graph_objects as go", "plotly outside"),
        ("convncf/cli.py", "def html():\n    from plotly import io", "plotly outside"),
        ("app/panels/map.py", "from torch import Tensor", "torch in a view"),
        ("app/views/inspect.py", "import torch", "torch in a view"),
        ("convncf/runs.py", "import pickle", "unpickles"),
        ("convncf/interop/recbole.py", "import torch\ntorch.load('x.pth')", "unpickles"),
        ("benchmarks/speed.py", "import numpy as np\nnp.load('x', allow_pickle=True)", "unpickles"),
        ("convncf/runs.py", "load('x', weights_only=False)", "unpickles"),
        ("app/state.py", "import pandas as pd\npd.read_pickle('x')", "unpickles"),
        ("convncf/evaluation.py", "def loud():\n    print('done')", "print outside"),
        ("app/main.py", "print('hello')", "print outside"),
        ("app/panels/map.py", "st.plotly_chart(drawn, key='map')", "in place"),
        ("convncf/training.py", "from .ranking import ranks", "relative import"),
        ("convncf/training.py", "x = 1\n" * 301, "301 lines"),
        ("app/widgets.py", "x = 1\n" * 301, "301 lines"),
    ],
)
def test_a_violation_is_found(path: str, source: str, complaint: str) -> None:
    assert any(complaint in text for text in violations(path, source)), violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("convncf/training.py", "from convncf.evaluation import evaluate\nfrom convncf import models, runtime"),
        ("convncf/metrics.py", "from convncf.runtime import rng\nfrom convncf.errors import ConfigError"),
        ("convncf/data/splitting.py", "from convncf.data.interactions import Interactions"),
        ("convncf/__init__.py", "from convncf.models import ConvNCF"),
        ("convncf/__main__.py", "from convncf.cli import main"),
        ("convncf/cli_json.py", "import convncf\nfrom convncf.cli import main\nprint('{}')"),
        ("app/state.py", "from convncf import ConvNCF, figures\nimport streamlit as st\nimport torch"),
        ("app/views/inspect.py", "import streamlit as st\nfrom app.panels import maps"),
        ("convncf/figures/network.py", "import numpy as np\nimport plotly.graph_objects as go\nimport math"),
        ("convncf/figures/network.py", "if TYPE_CHECKING:\n    from convncf.inspection.trace import PairTrace"),
        ("app/widgets.py", "if TYPE_CHECKING:\n    import plotly.graph_objects as go"),
        (MAY_UNPICKLE, "import pickle\nimport torch\ntorch.load('x.pth', weights_only=False)"),
        ("convncf/models/convncf.py", "x = 1\n" * 300),
    ],
)
def test_what_the_house_allows_is_not_a_violation(path: str, source: str) -> None:
    assert violations(path, source) == []

"""The house's rules, held by reading every import: which module may know which, and what belongs where.

The table is the one of CONTRIBUTING.md. The rules look at source, so each is also shown to fail on a bad piece of it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Lowest row first. A module imports from lower rows, or from its left in its own.
ROWS = (
    ("errors", "config", "runtime"),
    ("data",),
    ("models",),
    ("runs", "evaluation", "training", "inspection"),
    ("workflow",),
    ("experiments", "interop", "jobs"),
    ("figures",),
    ("api",),
    ("metrics", "datasets", "public"),  # convncf/__init__.py and its public modules: the names for those outside
)
PLACE = {name: (row, column) for row, names in enumerate(ROWS) for column, name in enumerate(names)}
# The top row: none of these imports another. `python -m convncf` is the CLI under another name.
TOP = ("app", "cli", "notebooks")

UNPICKLERS = {"_pickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
MAY_UNPICKLE = "convncf/interop/unpickling.py"
LONGEST_FILE = 500
# A model's name or class decides nothing outside its own room: everything else asks its record.
NAMES = {"mf-bpr", "itemknn", "ease"}
# Also the program, and an order of items: only where they are compared with, or ask for a model.
ORDINARY_NAMES = {"convncf", "popularity"}
MAY_NAME_MODELS = ("convncf/models/", "convncf/jobs/demo_runs.py")  # the demo says which models it trains
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
        if path.startswith(("convncf/", "app/")) and not path.startswith(MAY_NAME_MODELS):
            found += [(getattr(node, "lineno", 0), text) for text in _models(node)]
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
    if path.startswith("app/views/") and module.startswith("app.views.") and module.split(".")[2] != path.split("/")[2]:
        yield f"a page imports no other page: {module}; what pages share stands in app/ui"
    if path.startswith("app/ui/") and module.startswith("app.views"):
        yield f"app/ui stands below the pages, and imports {module}"
    if top == "tests" and here not in ("tools", "benchmarks"):  # both drive the app in a browser, as tests do
        yield "the product knows no test"
    if top == "streamlit" and here != "app":
        yield "streamlit outside app"
    if top == "plotly" and here != "figures" and not imported.for_types_only:
        yield "plotly outside convncf/figures"
    if top == "torch" and path.startswith("app/views/"):
        yield "torch in a view"
    if top in UNPICKLERS and path != MAY_UNPICKLE:
        yield f"{module} unpickles"


def _calls(path: str, here: str, call: ast.Call) -> Iterator[str]:
    called = ast.unparse(call.func)
    if called == "print" and here not in ("cli", "tools", "benchmarks", "notebooks"):
        yield "print outside the CLI"
    if called == "st.plotly_chart":
        yield "st.plotly_chart makes each figure anew; app/ui/plots.py draws it again in place"
    if path == MAY_UNPICKLE:
        return
    if called == "torch.load" or called.endswith(".read_pickle"):
        yield f"{called} unpickles"
    for keyword in call.keywords:
        if (keyword.arg, ast.unparse(keyword.value)) in (("allow_pickle", "True"), ("weights_only", "False")):
            yield f"{called}({keyword.arg}=…) unpickles"


@cache
def model_classes() -> frozenset[str]:
    """Classes of single models: those in convncf/models that a record builds (they have `of`), and what these are."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "convncf" / "models").glob("*.py"))
    classes = {node.name: node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    built = {
        name
        for name, node in classes.items()
        if any(isinstance(each, ast.FunctionDef) and each.name == "of" for each in node.body)
    }
    abilities = {"Module", "Protocol", "PairwiseModel", "MappedModel", "LayeredModel"}
    above = {ast.unparse(base).rpartition(".")[2] for name in built for base in classes[name].bases}
    return frozenset(built | (above - abilities))


def _models(node: ast.AST) -> Iterator[str]:
    """Where a model is told by its name or its class."""
    if isinstance(node, ast.Constant) and node.value in NAMES:
        yield f"the name of a model, {node.value!r}: ask its record"
    asked: list[ast.AST] = []
    match node:
        case ast.Compare(left=left, comparators=others):
            asked = [inner for each in (left, *others) for inner in ast.walk(each)]
        case ast.Call(func=ast.Name(id="record" | "ModelConfig"), args=[first, *_]):
            asked = [first]
        case ast.keyword(arg="model", value=value):
            asked = [value]
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
            for name in {ast.unparse(inner).rpartition(".")[2] for inner in ast.walk(kinds)} & model_classes():
                yield f"isinstance of one model, {name}: ask for an ability"
    for inner in asked:
        if isinstance(inner, ast.Constant) and inner.value in ORDINARY_NAMES:
            yield f"the name of a model, {inner.value!r}: ask its record"


# ---------------------------------------------------------------- held


def sources() -> list[str]:
    """Every Python file that the rules speak of, relative to the root."""
    files = (file for folder in CHECKED for file in (ROOT / folder).rglob("*.py"))
    return sorted(file.relative_to(ROOT).as_posix() for file in files if ".ipynb_checkpoints" not in file.parts)


def test_every_file_keeps_the_house() -> None:
    found = [text for path in sources() for text in violations(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert found == []


def circles(code: Mapping[str, str]) -> list[list[str]]:
    """Modules that import each other in a loop, also for types alone or inside functions; `code` by module name."""
    graph: dict[str, set[str]] = {}
    for name, source in code.items():
        reached = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{each.name}" for each in node.names}
                reached |= {module for module in full if module in code} or {node.module} & set(code)
        graph[name] = reached - {name}
    while leaves := [name for name, reached in graph.items() if not reached & set(graph)]:
        for name in leaves:
            del graph[name]
    return [sorted(graph)] if graph else []


def test_no_modules_import_each_other_in_a_circle() -> None:
    packages = (
        path for path in sources() if path.startswith(("convncf/", "app/")) and not path.endswith("__init__.py")
    )
    code = {path.removesuffix(".py").replace("/", "."): (ROOT / path).read_text(encoding="utf-8") for path in packages}
    assert circles(code) == []
    loop = {"a.b": "from a.c import x", "a.c": "def late():\n    from a import d", "a.d": "from a.b import y"}
    assert circles(loop) == [["a.b", "a.c", "a.d"]]


def test_the_rules_look_at_every_folder_with_code() -> None:
    assert {path.split("/")[0] for path in sources()} >= {"convncf", "app", "tools"}


def test_the_tests_that_go_first_are_there() -> None:
    from tests.conftest import LONGEST, SLOW

    assert [name for name in (*LONGEST, *SLOW) if not (ROOT / "tests" / name).exists()] == []


# ---------------------------------------------------------------- the rules can fail


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("convncf/evaluation/ranking.py", "from convncf.training import Trainer", "not below it"),
        ("app/views/learn/page.py", "from app.views.inspect import header", "no other page"),
        ("app/ui/pair.py", "from app.views.inspect import header", "below the pages"),
        ("convncf/config.py", "from convncf.evaluation import report", "not below it"),
        ("convncf/config/schema.py", "import convncf.evaluation.metrics", "not below it"),
        ("convncf/models/convncf.py", "from convncf.evaluation import ranking", "not below it"),
        (
            "convncf/data/splitting.py",
            "def late():\n    from convncf.workflow.running import run_experiment",
            "not below it",
        ),
        ("convncf/runs/store.py", "from convncf import RunStore", "not below it"),
        ("convncf/jobs.py", "from convncf.cli import main", "not below it"),
        ("convncf/cli.py", "from app.ui.address import trace", "not below it"),
        ("app/views/train/page.py", "from convncf.cli import app", "not below it"),
        ("notebooks/00_quick_start.py", "import app.ui.address", "not below it"),
        ("convncf/jobs.py", "from tests.browser import start_app", "knows no test"),
        ("convncf/gadgets.py", "", "has no row"),
        ("convncf/figures/maps.py", "from convncf.inspection import PairTrace", "TYPE_CHECKING only"),
        ("convncf/figures/maps.py", "import torch", "plotly and numpy"),
        ("convncf/figures/maps.py", "import pandas as pd", "plotly and numpy"),
        ("convncf/training.py", "import streamlit as st", "streamlit outside"),
        ("convncf/training.py", "import importlib\nimportlib.import_module('streamlit.testing')", "streamlit outside"),
        ("app/views/inspect/page.py", "import plotly.graph_objects as go", "plotly outside"),
        ("convncf/cli.py", "def html():\n    from plotly import io", "plotly outside"),
        ("app/views/inspect/closer.py", "from torch import Tensor", "torch in a view"),
        ("app/views/inspect/page.py", "import torch", "torch in a view"),
        ("convncf/runs.py", "import pickle", "unpickles"),
        ("convncf/interop/recbole.py", "import torch\ntorch.load('x.pth')", "unpickles"),
        ("benchmarks/speed.py", "import numpy as np\nnp.load('x', allow_pickle=True)", "unpickles"),
        ("convncf/runs.py", "load('x', weights_only=False)", "unpickles"),
        ("app/ui/address.py", "import pandas as pd\npd.read_pickle('x')", "unpickles"),
        ("convncf/evaluation.py", "def loud():\n    print('done')", "print outside"),
        ("app/main.py", "print('hello')", "print outside"),
        ("app/views/learn/map.py", "st.plotly_chart(drawn, key='map')", "in place"),
        ("app/ui/text.py", "WORDS = {'mf-bpr': 'MF-BPR'}", "ask its record"),
        ("convncf/workflow/memory.py", "if config.model.name == 'convncf':\n    pass", "ask its record"),
        ("app/views/inspect/lists.py", "x = name in ('popularity', 'other')", "ask its record"),
        ("convncf/cli/train.py", "resolve(model='convncf')", "ask its record"),
        ("convncf/inspection/trace.py", "isinstance(model, (models.ConvNCF, ItemModel))", "ask for an ability"),
        ("convncf/training.py", "from .ranking import ranks", "relative import"),
        ("convncf/training.py", "x = 1\n" * 501, "501 lines"),
        ("app/ui/widgets.py", "x = 1\n" * 501, "501 lines"),
    ],
)
def test_a_violation_is_found(path: str, source: str, complaint: str) -> None:
    assert any(complaint in text for text in violations(path, source)), violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("convncf/training.py", "from convncf.evaluation import evaluate\nfrom convncf import models"),
        (
            "convncf/evaluation/metrics.py",
            "from convncf.runtime.random import rng\nfrom convncf.errors import ConfigError",
        ),
        ("convncf/data/splitting.py", "from convncf.data.interactions import Interactions"),
        ("convncf/__init__.py", "from convncf.models import ConvNCF"),
        ("convncf/__main__.py", "from convncf.cli import main"),
        ("convncf/cli_json.py", "import convncf\nfrom convncf.cli import main\nprint('{}')"),
        ("app/ui/address.py", "from convncf import ConvNCF, figures\nimport streamlit as st\nimport torch"),
        ("app/views/inspect/page.py", "import streamlit as st\nfrom app.ui import pair"),
        ("convncf/figures/maps.py", "import numpy as np\nimport plotly.graph_objects as go\nimport math"),
        ("convncf/figures/maps.py", "if TYPE_CHECKING:\n    from convncf.inspection.trace import PairTrace"),
        ("app/ui/widgets.py", "if TYPE_CHECKING:\n    import plotly.graph_objects as go"),
        (MAY_UNPICKLE, "import pickle\nimport torch\ntorch.load('x.pth', weights_only=False)"),
        ("convncf/models/convncf.py", "x = 1\n" * 500),
        ("convncf/models/records/factorisation.py", "name = 'mf-bpr'"),
        ("convncf/jobs/demo_runs.py", "WANTED = {'demo-mf': 'mf-bpr'}"),
        ("app/views/data/dataset.py", "terminal(['convncf', 'datasets'])\nORDERS = {'popularity': 'By popularity'}"),
        ("convncf/inspection/trace.py", "isinstance(model, MappedModel)"),
    ],
)
def test_what_the_house_allows_is_not_a_violation(path: str, source: str) -> None:
    assert violations(path, source) == []

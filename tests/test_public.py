"""The public names: written down, in order, all there; and importing stays light."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import convncf

PACKAGE = Path(convncf.__file__).parent
HEAVY = ("torch", "pandas", "scipy", "pyarrow", "plotly", "streamlit", "IPython")


def packages() -> list[str]:
    """convncf and every package within it."""
    inner = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "convncf.") if module.ispkg]
    return ["convncf", *inner]


def kind_then_name(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions and modules; by name within each (ruff's order for `__all__`)."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def loaded_by(statement: str) -> set[str]:
    """The heavy packages that a fresh interpreter holds after one statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_public_names_are_written_down() -> None:
    asked = (
        *("read", "Dataset", "Interactions", "Split", "fit", "load", "evaluate", "compare", "Scorer", "FittedModel"),
        *("Report", "Comparison", "Pair", "ConvNCF", "ConvNCFBPRLoss", "RunConfig", "presets"),
        *("models", "training", "inspection", "figures", "metrics", "datasets", "errors"),
    )
    assert set(asked) <= set(convncf.__all__) <= set(dir(convncf))
    assert not set(convncf.__all__) & {"work", "prepare", "split", "resolve", "load_run", "default_store"}


@pytest.mark.parametrize("package", packages())
def test_all_is_sorted_and_every_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    names = list(getattr(module, "__all__", []))
    assert names == sorted(set(names), key=kind_then_name)
    missing = [name for name in names if not hasattr(module, name)]
    assert missing == []


@pytest.mark.parametrize("name", sorted(convncf.__all__))
def test_every_public_class_and_function_says_what_it_is(name: str) -> None:
    thing = getattr(convncf, name)
    if callable(thing):
        words = thing.__doc__ or ""
        assert words.strip()
        assert not words.startswith(f"{name}("), "the docstring that a dataclass makes for itself"


def test_a_name_that_is_not_there_is_refused() -> None:
    name = "no_such_name"
    with pytest.raises(AttributeError, match=name):
        getattr(convncf, name)


@pytest.mark.parametrize(
    "module",
    [
        "convncf",
        "convncf.errors",
        "convncf.config",
        "convncf.runtime.devices",
        "convncf.runs",
        "convncf.jobs",
        "convncf.cli",
    ],
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    # `convncf --help`, the app's first page and a worker that waits in the queue all pass through these.
    assert loaded_by(f"import {module}") == set()


def test_what_is_heavy_would_be_seen() -> None:
    assert loaded_by("import scipy") == {"scipy"}


def test_training_needs_no_screen() -> None:
    screens = {"plotly", "streamlit", "IPython"}
    asked = "convncf.workflow.running, convncf.inspection, convncf.api.comparison, convncf.api.fitted, convncf.datasets"
    assert loaded_by(f"import {asked}") & screens == set()

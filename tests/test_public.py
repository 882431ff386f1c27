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


def loaded_by(*modules: str) -> list[tuple[str, str]]:
    """(module, heavy package) for each heavy package that the import of a module has loaded, one after the other."""
    code = (
        "import importlib, json, sys\n"
        "loaded = set()\n"
        f"for module in {modules!r}:\n"
        "    importlib.import_module(module)\n"
        f"    new = [name for name in {HEAVY!r} if name in sys.modules and name not in loaded]\n"
        "    loaded.update(new)\n"
        "    print(json.dumps([[module, name] for name in new]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [(module, name) for line in done.stdout.splitlines() for module, name in json.loads(line)]


def test_the_public_names_are_written_down() -> None:
    asked = (
        *("read", "Dataset", "Interactions", "Split", "fit", "load", "evaluate", "compare", "Scorer", "FittedModel"),
        *("Report", "Comparison", "Pair", "ConvNCF", "ConvNCFBPRLoss", "RunConfig", "presets"),
        *("models", "training", "inspection", "figures", "metrics", "datasets", "errors"),
    )
    assert set(asked) <= set(convncf.__all__) <= set(dir(convncf))
    assert not set(convncf.__all__) & {"work", "prepare", "split", "resolve", "load_run", "default_store"}


def test_all_is_sorted_and_every_name_is_there() -> None:
    unsorted, missing = [], []
    for package in packages():
        module = importlib.import_module(package)
        names = list(getattr(module, "__all__", []))
        if names != sorted(set(names), key=kind_then_name):
            unsorted.append(package)
        missing += [f"{package}.{name}" for name in names if not hasattr(module, name)]
    assert (unsorted, missing) == ([], [])


def test_every_public_class_and_function_says_what_it_is() -> None:
    silent = []
    for name in convncf.__all__:
        thing = getattr(convncf, name)
        words = (thing.__doc__ or "").strip()
        if callable(thing) and (not words or words.startswith(f"{name}(")):  # a dataclass makes one for itself
            silent.append(name)
    assert silent == []


def test_a_name_that_is_not_there_is_refused() -> None:
    name = "no_such_name"
    with pytest.raises(AttributeError, match=name):
        getattr(convncf, name)


def test_importing_loads_nothing_heavy() -> None:
    # `convncf --help`, the app's first page and a worker that waits in the queue all pass through these.
    light = ("convncf", *(f"convncf.{name}" for name in ("errors", "config", "runtime", "runs", "jobs", "cli")))
    assert loaded_by(*light) == []


@pytest.mark.slow
def test_training_needs_no_screen_and_what_is_heavy_is_seen() -> None:
    asked = ("convncf.workflow.running", "convncf.inspection", "convncf.api.comparison", "convncf.api.fitted")
    heavy = loaded_by(*asked, "convncf.datasets")
    assert {name for _, name in heavy} & {"plotly", "streamlit", "IPython"} == set()
    assert ("convncf.workflow.running", "torch") in heavy

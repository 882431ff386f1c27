"""Docstrings of the public names: what, arguments, returns, raises, and an example that runs and shows a value."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import convncf

WITHOUT_EXAMPLE = {"DataConfig", "EvalConfig", "ModelConfig", "PretrainConfig", "TrainConfig"}
"""Sections of RunConfig, whose example is one of them all."""


def public() -> Iterator[tuple[str, Any]]:
    """Every public class and function, and the functions of the two modules that are the API's own."""
    for name in convncf.__all__:
        thing = getattr(convncf, name)
        if callable(thing):
            yield name, thing
    for module in (convncf.metrics, convncf.datasets):
        for name, thing in vars(module).items():
            if inspect.isfunction(thing) and thing.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{module.__name__.rpartition('.')[2]}.{name}", thing


def examples() -> list[doctest.DocTest]:
    """The examples of the docstrings, methods included."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [
        case
        for name, thing in public()
        for case in finder.find(thing, name, module=inspect.getmodule(thing))
        if case.examples
    ]
    return sorted(found, key=lambda case: case.name)


@pytest.mark.parametrize("case", examples(), ids=lambda case: str(case.name))
def test_an_example_runs_and_shows_what_it_says(case: doctest.DocTest) -> None:
    told: list[str] = []
    case.globs = {"__name__": "__main__"}  # what a reader has: nothing but what the example imports
    result = doctest.DocTestRunner(verbose=False).run(case, out=told.append)
    assert result.failed == 0, "".join(told)


@pytest.mark.parametrize(("name", "thing"), list(public()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_public_name_has_an_example_that_shows_a_value(name: str, thing: Any) -> None:
    if name in WITHOUT_EXAMPLE or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return
    text = inspect.getdoc(thing) or ""
    assert ">>> " in text, name
    assert any(example.want for example in doctest.DocTestParser().get_examples(text)), name


@pytest.mark.parametrize(("name", "thing"), list(public()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_argument_is_told(name: str, thing: Any) -> None:
    told = inspect.getdoc(thing) or ""
    if inspect.isclass(thing) or "are those of `ndcg`" in told or " ".join(told.split()).count("those of `ndcg`"):
        return
    asked = [argument for argument in inspect.signature(thing).parameters if argument not in ("self", "cls")]
    assert [argument for argument in asked if argument not in told] == []

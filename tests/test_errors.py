"""The tree of errors, as its docstring draws it, and the proposals that their messages carry."""

from __future__ import annotations

import inspect
import re

from convncf import errors
from convncf.errors import ConvNCFError, did_you_mean, nearest

CLASSES = [thing for _, thing in inspect.getmembers(errors, inspect.isclass) if issubclass(thing, Exception)]


def drawn() -> dict[str, str]:
    """Class -> parent, read from the drawing in the module's docstring."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        name = re.search(r"[A-Z]\w+(Error|Stopped)\b", line)
        if name and (line.startswith("    ConvNCFError") or "─" in line):
            depth = name.start() // 4
            parents[name[0]] = above.get(depth - 1, "Exception")
            above[depth] = name[0]
    return parents


def test_the_drawing_is_the_tree() -> None:
    assert drawn() == {thing.__name__: thing.__base__.__name__ for thing in CLASSES if thing.__base__}


def test_every_error_is_of_the_root_says_what_it_is_and_carries_its_message() -> None:
    assert len(CLASSES) > 20
    assert [error.__name__ for error in CLASSES if not issubclass(error, ConvNCFError) or not error.__doc__] == []
    assert {str(error("what, got, to do")) for error in CLASSES} == {"what, got, to do"}


def test_the_nearest_come_best_first_whatever_their_case() -> None:
    assert nearest("Alpine", ["alpha", "ALPINE", "pine", "zebra"])[0] == "ALPINE"
    assert nearest("xyz", ["alpha", "beta"]) == []
    assert len(nearest("aaa", [f"aaa{n}" for n in range(9)])) == 3
    assert len(nearest("aaa", [f"aaa{n}" for n in range(9)], n=5)) == 5


def test_a_proposal_lists_what_is_near_or_all_of_a_few_or_nothing() -> None:
    assert did_you_mean("quik", ["quick", "recbole"]).endswith("mean quick?")
    assert did_you_mean("zzz", ["quick", "recbole"]) == "Known: quick, recbole."
    assert did_you_mean("zzz", []) == "Known: none."
    assert did_you_mean("zzz", [f"run-{n}" for n in range(99)]) == ""

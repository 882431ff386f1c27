"""The faults that the tests must catch: each still applies, and a trial tells a caught one from a missed one."""

from __future__ import annotations

import ast
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tools.faults import FAULTS, Fault
from tools.faults.fault import NotApplicableError
from tools.faults.tree import copied
from tools.faults.trial import Outcome, tried

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = [
    Outcome.from_json(json.loads(line))
    for line in (ROOT / "tools" / "faults" / "outcomes.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_applies_to_the_code_as_it_is(fault: Fault) -> None:
    ast.parse(fault.into(ROOT))
    assert fault.old != fault.new
    assert [name for name in fault.tests if not (ROOT / name).is_file()] == []


def test_each_fault_has_a_name_of_its_own_and_was_caught_when_it_was_taken_in() -> None:
    assert sorted(outcome.name for outcome in OUTCOMES) == sorted({fault.name for fault in FAULTS})
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 40
    assert [outcome.name for outcome in OUTCOMES if not outcome.caught_by] == []


# ---------------------------------------------------------------- a trial, on a tree of three files


TOY = Fault("sum-of-two", "toy", "Two and two make nothing.", "toy/sums.py", "a + b", "a - b", ("tests/test_sums.py",))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with a function and a test of it, and one test that always fails."""
    files = {
        "toy/sums.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
        "toy/more.py": "def less(a: int, b: int) -> int:\n    return a - b\n",
        "tests/test_sums.py": "from toy.sums import add\n\n\ndef test_of_add() -> None:\n    assert add(2, 2) == 4\n",
        "tests/test_nothing.py": "import toy.sums\n\n\ndef test_of_nothing() -> None:\n    assert toy.sums.add\n",
        "tests/test_wrong.py": "def test_that_fails() -> None:\n    raise AssertionError\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def test_a_fault_is_said_by_name_where_its_text_has_moved_or_stands_twice(tree: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"sum-of-two: toy/gone\.py is not there.*toy/sums\.py"):
        replace(TOY, file="toy/gone.py").into(tree)
    with pytest.raises(NotApplicableError, match=r"sum-of-two: toy/sums\.py holds 'a - b' 0 times.*toy/more\.py"):
        replace(TOY, old="a - b").into(tree)
    with pytest.raises(NotApplicableError, match="'a' 3 times"):
        replace(TOY, old="a").into(tree)


@pytest.mark.full  # it starts pytest nine times
def test_what_is_caught_missed_and_not_known_is_told_apart_and_the_tree_stays_as_it_was(tree: Path) -> None:
    before = (tree / "toy" / "sums.py").read_bytes()
    with copied(tree) as copy:
        caught, missed, always, gone, none = (
            tried(fault, copy, whole=False, limit=60)
            for fault in (
                TOY,
                replace(TOY, tests=("tests/test_nothing.py",)),
                replace(TOY, tests=("tests/test_wrong.py",)),
                replace(TOY, file="toy/gone.py"),
                replace(TOY, tests=("tests/test_gone.py",)),
            )
        )
        assert (copy / "toy" / "sums.py").read_bytes() == before
    assert (caught.caught_by, caught.problem) == ("tests/test_sums.py::test_of_add", "")
    assert (missed.caught_by, missed.problem, missed.words) == ("", "", "MISSED")
    assert [outcome.caught_by for outcome in (always, gone, none)] == ["", "", ""]
    assert "tests/test_wrong.py::test_that_fails" in always.problem
    assert "sum-of-two: toy/gone.py" in gone.problem
    assert "test_gone.py" in none.problem
    assert (tree / "toy" / "sums.py").read_bytes() == before


def test_an_outcome_comes_back_from_its_line() -> None:
    outcome = Outcome("sum-of-two", True, "tests/test_sums.py::test_of_add", "", 1.5)
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome

"""The documents speak of what is there: links lead somewhere, and CONTRIBUTING's table names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md"))
TABLE = [line for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
OF_A_MACHINE = re.compile(r"(?<![\w.])/(home|root|work|tmp|Users)/|pypi|pythonhosted", re.IGNORECASE)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.split("|")[1].strip())
def test_the_table_names_what_is_there(line: str) -> None:
    paths = re.findall(r"`([^`]*/[^`]*)`", line)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_table_is_read() -> None:
    assert len(TABLE) >= 12
    assert sum("`" in line for line in TABLE) >= 12


@pytest.mark.parametrize("name", [*DOCUMENTS, "Makefile", "constraints.txt", "pyproject.toml", "tools/setup.sh"])
def test_no_document_names_one_persons_machine_or_a_registry(name: str) -> None:
    assert OF_A_MACHINE.findall((ROOT / name).read_text(encoding="utf-8")) == []


def test_such_names_would_be_found() -> None:
    assert OF_A_MACHINE.search("see /home/someone/clone")
    assert not OF_A_MACHINE.search("the home folder/work of others, app/home/x")

"""The documents speak of what is there: links lead somewhere, and CONTRIBUTING's table names files that exist."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md"))
TABLE = [line for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
OF_A_MACHINE = re.compile(r"(?<![\w.])/(home|root|work|tmp|Users)/|pypi|pythonhosted", re.IGNORECASE)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_relative_link_leads_somewhere() -> None:
    links = [(name, link) for name in DOCUMENTS for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text(name))]
    assert len(links) > 10
    assert [(name, link) for name, link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_table_names_what_is_there() -> None:
    paths = [(line, path) for line in TABLE for path in re.findall(r"`([^`]*/[^`]*)`", line)]
    assert [(line, path) for line, path in paths if not (ROOT / path).exists()] == []


def test_the_table_is_read() -> None:
    assert len(TABLE) >= 12
    assert sum("`" in line for line in TABLE) >= 12


def test_no_document_names_one_persons_machine_or_a_registry() -> None:
    names = [*DOCUMENTS, "Makefile", "constraints.txt", "pyproject.toml", "tools/setup.sh"]
    assert [(name, found[0]) for name in names for found in OF_A_MACHINE.finditer(text(name))] == []


def test_such_names_would_be_found() -> None:
    assert OF_A_MACHINE.search("see /home/someone/clone")
    assert not OF_A_MACHINE.search("the home folder/work of others, app/home/x")


def imported(text: str) -> list[tuple[str, str]]:
    """(module, name) of what a lesson or a document imports from the package, solutions and examples included."""
    lines = "\n".join(line.removeprefix("# ") for line in text.splitlines())
    found = re.findall(r"^\s*from (convncf[\w.]*) import (\([^)]*\)|[^\n(]+)", lines, flags=re.MULTILINE)
    return [
        (module, name.partition(" as ")[0].strip())
        for module, names in found
        for name in names.strip("()\n ").split(",")
        if name.partition(" as ")[0].strip().isidentifier()
    ]


def test_what_lessons_and_documents_import_is_there() -> None:
    files = [*ROOT.glob("notebooks/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]
    asked = [(file.name, *pair) for file in files for pair in imported(file.read_text(encoding="utf-8"))]
    assert len(asked) > 100
    missing = [
        (file, module, name)
        for file, module, name in asked
        if not hasattr(importlib.import_module(module), name) and importlib.util.find_spec(f"{module}.{name}") is None
    ]
    assert missing == []

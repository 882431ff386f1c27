"""The lessons: each is stored as it was run, is in step with its source, keeps the house rules, and runs again."""

from __future__ import annotations

import ast
from pathlib import Path

import jupytext
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from tools import notebooks

SOURCES = notebooks.sources()
each = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)


def stored(source: Path) -> NotebookNode:
    found: NotebookNode = jupytext.read(source.with_suffix(".ipynb"))
    return found


def cells(notebook: NotebookNode) -> list[tuple[str, str, list[str]]]:
    """Kind, text and tags of each cell."""
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def test_there_is_a_first_page() -> None:
    assert SOURCES[0].stem == "00_quick_start"


@each
def test_source_and_output_are_in_step(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert cells(jupytext.reads(text, fmt="py:percent")) == cells(stored(source))
    body = text[text.index("# %%") :]
    again = jupytext.writes(stored(source), fmt="py:percent")
    assert again[again.index("# %%") :] == body


@each
def test_it_was_run_from_top_to_bottom_without_a_fault(source: Path) -> None:
    notebook = stored(source)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert notebooks.complaints(notebook) == []
    assert "language_info" not in notebook.metadata


@each
def test_the_picture_at_the_top_is_the_one_that_it_draws(source: Path) -> None:
    picture = notebooks.PICTURES / f"{source.stem}.png"
    assert f'src="pictures/{picture.name}"' in stored(source).cells[0].source
    assert picture.read_bytes() == notebooks.answer(stored(source))


@each
def test_it_keeps_the_house_rules(source: Path) -> None:
    notebook = stored(source)
    first = notebook.cells[0].source
    assert first.startswith("# ")
    assert "?**" in first, "it starts with a question"
    assert "Time to read: " in first
    assert "Time to run: " in first
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "## What to try next" in text
    assert "## Sources" in text
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 7, f"cell {number + 1} is long"
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            assert "How to read it" in notebook.cells[number + 1].source, f"cell {number + 1} is not explained"


@each
def test_it_speaks_of_the_public_names(source: Path) -> None:
    """What `from convncf import …` asks for is in convncf.__all__, and figures come from convncf.figures."""
    import convncf

    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "convncf":
            assert {name.name for name in node.names} <= {*convncf.__all__, "figures"}


@pytest.mark.slow
@each
def test_a_copy_runs_on_few_epochs(source: Path, chromium: Path) -> None:
    notebook = notebooks.execute(source, environment={"CONVNCF_EPOCHS": "2"}, seconds=300)
    assert notebooks.complaints(notebook) == []
    assert notebooks.counted(notebook) == notebooks.counted(stored(source))


def test_a_bad_notebook_is_not_stored() -> None:
    source = stored(SOURCES[0])
    code = [cell for cell in source.cells if cell.cell_type == "code"]
    code[0].outputs = [
        new_output("stream", name="stderr", text="UserWarning: beware"),  # type: ignore[no-untyped-call]
        new_output("stream", name="stdout", text=f"wrote {notebooks.ROOT}/x.csv"),  # type: ignore[no-untyped-call]
    ]
    figure = next(cell for cell in code if "answer" in cell.metadata.get("tags", []))
    del figure.outputs[0]["data"]["image/png"]
    said = "\n".join(notebooks.complaints(source))
    assert "writes to stderr: UserWarning: beware" in said
    assert f"names {notebooks.ROOT}, a folder of this machine" in said
    assert "a figure without its PNG" in said
    assert notebooks.answer(source) is None

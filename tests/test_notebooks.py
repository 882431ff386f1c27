"""The lessons: each is stored as it was run, is in step with its source, keeps the house rules, and runs again."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tools import notebooks

if TYPE_CHECKING:
    from nbformat import NotebookNode

SOURCES = notebooks.sources()
LESSONS = SOURCES[1:]
SHORT: Final = ("00_quick_start", "03_interaction_map")
"""Those that `make test` runs too; `make full` runs all."""

PUBLIC: Final = ("datasets", "errors", "figures", "inspection", "metrics", "models", "training")
FEW_EPOCHS: Final = {"CONVNCF_EPOCHS": "2"}
LONGEST_SOLUTION: Final = 12
LIVE: Final = "application/vnd.plotly.v1+json"
_SOLUTION: Final = re.compile(
    r"<details><summary>Solution</summary>\n\n```python\n(?P<code>.*?)\n```\n\n(?P<shows>.+?)\n</details>", re.DOTALL
)
_NO_PROSE: Final = re.compile(  # code, formulas, addresses, tags, and places in a paper: "section 4.2"
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|https?://\S+|<[^>]*>"
    r"|(?:sections?|eqs?\.|equations?|figures?|tables?|chapters?)\s+\d+\.\d+",
    re.DOTALL | re.IGNORECASE,
)
_WITH_POINT: Final = re.compile(r"(?<![\d.])\d+\.\d+(?!\d|\.\d)")
_DIRECTIONS: Final = ("down", "across", "rows", "columns", "as above")


@cache
def stored(source: Path) -> NotebookNode:
    """As it lies there. Nothing may change it."""
    return notebooks.read(source.with_suffix(".ipynb"))


def cells(notebook: NotebookNode) -> list[tuple[str, str, list[str]]]:
    """Kind, text and tags of each cell."""
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def exercises(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """Each exercise, and the cell after it, which holds the solution."""
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if cell.cell_type == "markdown" and cell.source.startswith("**Exercise "):
            yield cell.source, after.source if after is not None and after.cell_type == "markdown" else ""


def solutions(notebook: NotebookNode) -> list[str]:
    """The code of the folded solutions that have the form they should have."""
    found = [_SOLUTION.fullmatch(solution.strip()) for _, solution in exercises(notebook)]
    return [match["code"] for match in found if match is not None]


def figures(notebook: NotebookNode) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every live figure with the number of its cell, from 1."""
    for number, output in notebooks.outputs(notebook):
        if LIVE in output.get("data", {}):
            yield number, output.data[LIVE]


def unsourced(notebook: NotebookNode) -> list[str]:
    """Numbers with a decimal point in the text that stand in no cell and no output above it."""
    above, missing, in_sources = "", [], False
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            data = [value for output in cell.outputs for value in [output.get("text", ""), *_words(output)]]
            above += "\n".join([cell.source, *data, ""])
            continue
        in_sources = cell.source.startswith("## Sources") or (in_sources and not cell.source.startswith("#"))
        prose = "" if in_sources else _NO_PROSE.sub(" ", cell.source.split("\n## Sources")[0])
        known = set(_WITH_POINT.findall(above))
        missing += [f"cell {number}: {found}" for found in _WITH_POINT.findall(prose) if found not in known]
    return missing


def _words(output: NotebookNode) -> list[str]:
    return [str(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/")]


def unlabelled(figure: dict[str, Any], told: str) -> list[str]:
    """What a reader of a figure's heatmaps lacks; `told` is the text below it."""
    layout, lacks = figure["layout"], []
    notes = " ".join(note.get("text", "") for note in layout.get("annotations", []))
    for trace in figure["data"]:
        if trace["type"] != "heatmap":
            continue
        bar = trace.get("showscale") is not False and (trace.get("colorbar") or layout.get(trace.get("coloraxis", "")))
        if not bar and "±" not in notes:
            lacks.append("no colour bar and no note of its scale")
        names = (f"{kind}axis{trace.get(f'{kind}axis', kind)[1:]}" for kind in "xy")
        if not any(layout.get(name, {}).get("title", {}).get("text") for name in names) and not any(
            word in told.lower() for word in _DIRECTIONS
        ):
            lacks.append("neither axis has a title, and the text below does not say what runs down and what across")
    return lacks


def test_there_is_a_first_page() -> None:
    assert SOURCES[0].stem == "00_quick_start"


def test_the_list_of_lessons_names_each_and_its_times() -> None:
    text = (notebooks.NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[\w+\]\((\w+)\.ipynb\) \|.*\| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert listed == [(source.stem, *_times(source)) for source in SOURCES]


def _times(source: Path) -> tuple[str, str]:
    """To read and to run, as a lesson says it at its top."""
    first = " ".join(stored(source).cells[0].source.split())
    found = re.search(r"Time to read: (.*?)\. Time to run: (.*?) on two cores\.", first)
    assert found is not None, "times are told as in the quick start"
    return found[1], found[2]


def test_source_and_output_are_in_step() -> None:
    import jupytext

    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        assert cells(jupytext.reads(text, fmt="py:percent")) == cells(stored(source)), source.stem
        body = text[text.index("# %%") :]
        again = jupytext.writes(stored(source), fmt="py:percent")
        assert again[again.index("# %%") :] == body, source.stem


def test_each_was_run_from_top_to_bottom_without_a_fault() -> None:
    for source in SOURCES:
        notebook = stored(source)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), source.stem
        assert "language_info" not in notebook.metadata, source.stem
    assert [(source.stem, found) for source in SOURCES for found in notebooks.complaints(stored(source))] == []


def test_the_picture_at_the_top_is_the_one_that_it_draws() -> None:
    for source in SOURCES:
        picture = notebooks.PICTURES / f"{source.stem}.png"
        assert f'src="pictures/{picture.name}"' in stored(source).cells[0].source
        assert picture.read_bytes() == notebooks.answer(stored(source)), source.stem


def against_the_rules(notebook: NotebookNode) -> Iterator[str]:
    """What a lesson lacks that each has: a question, its times, an end, short cells, and a word on every picture."""
    first = notebook.cells[0].source
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    if not first.startswith("# "):
        yield "no title"
    yield from (f"no {part!r} at its top" for part in ("?**", "Time to read: ", "Time to run: ") if part not in first)
    yield from (f"no {part!r}" for part in ("## What to try next", "## Sources") if part not in text)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and len(cell.source.splitlines()) > notebooks.LONGEST_CELL:
            yield f"cell {number + 1} is long"
        pictured = any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        if pictured and "How to read it" not in notebook.cells[number + 1].source:
            yield f"cell {number + 1} is not explained"


def test_each_keeps_the_house_rules() -> None:
    assert [(source.stem, found) for source in SOURCES for found in against_the_rules(stored(source))] == []


def test_what_is_against_the_rules_is_found() -> None:
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    picture = new_output("display_data", data={"image/png": "x"})  # type: ignore[no-untyped-call]
    long = new_code_cell("\n".join("abcdefgh"), outputs=[picture])  # type: ignore[no-untyped-call]
    notebook = new_notebook(cells=[new_markdown_cell("Hello"), long, new_markdown_cell("Next")])  # type: ignore[no-untyped-call]
    assert len(list(against_the_rules(notebook))) == 8


def test_each_speaks_of_the_public_names() -> None:
    """What `from convncf import …` asks for is in convncf.__all__; any other module is one of its public ones."""
    import convncf

    private, n_asked = [], 0
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] != "convncf":
                continue
            n_asked += 1
            names = {name.name for name in node.names} if node.module == "convncf" else set()
            private += [(source.stem, name) for name in names - set(convncf.__all__)]
            if node.module != "convncf" and (node.module or "").split(".")[1] not in PUBLIC:
                private.append((source.stem, node.module or ""))
    assert n_asked > len(SOURCES)
    assert private == []


def test_every_heatmap_has_a_scale_and_axes() -> None:
    lacking = [
        (source.stem, number, lack)
        for source in SOURCES
        for number, figure in figures(stored(source))
        for lack in unlabelled(figure, stored(source).cells[number].source)  # from 1: that is the cell after it
    ]
    assert lacking == []


def test_every_number_in_the_text_comes_from_a_cell_above() -> None:
    assert [(source.stem, found) for source in SOURCES for found in unsourced(stored(source))] == []


def test_each_lesson_is_held_against_the_package() -> None:
    assert [source.stem for source in LESSONS if notebooks.counted(stored(source)).assertions < 3] == []
    assert [source.stem for source in LESSONS if "from convncf" not in source.read_text(encoding="utf-8")] == []


def test_each_lesson_ends_with_three_exercises_and_their_solutions() -> None:
    titles = [f"**Exercise {n}.**" for n in (1, 2, 3)]
    for source in LESSONS:
        asked = list(exercises(stored(source)))
        assert [question[: len(titles[0])] for question, _ in asked] == titles, source.stem
        codes = solutions(stored(source))
        assert len(codes) == 3, f"{source.stem}: a solution has another form than the others"
        for code in codes:
            assert len(code.splitlines()) <= LONGEST_SOLUTION, source.stem
            assert isinstance(ast.parse(code).body[-1], ast.Assert), f"{source.stem}: it shows that it solves it"


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [pytest.param(s, id=s.stem, marks=[] if s.stem in SHORT else [pytest.mark.full]) for s in SOURCES],
)
def test_a_copy_runs_on_few_epochs_and_then_its_solutions(source: Path, chromium: Path) -> None:
    before = stored(source)
    solved = solutions(before)
    notebook = notebooks.execute(source, environment=FEW_EPOCHS, seconds=300, then=solved)
    assert notebooks.complaints(notebook) == []
    notebook.cells = notebook.cells[: len(notebook.cells) - len(solved)]
    assert notebooks.counted(notebook) == notebooks.counted(before)


def made(*code: str) -> NotebookNode:
    """A notebook of these code cells; the first has drawn two pictures."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    drawn = [new_output("display_data", data={"image/png": "x", "text/plain": "y"}) for _ in range(2)]  # type: ignore[no-untyped-call]
    cells = [new_code_cell(source) for source in code]  # type: ignore[no-untyped-call]
    cells[0].outputs = drawn
    found: NotebookNode = new_notebook(cells=[new_markdown_cell("assert of text"), *cells])  # type: ignore[no-untyped-call]
    return found


def test_a_notebook_is_counted() -> None:
    seven = "\n".join(f"a{line} = {line}" for line in range(7))
    inside = "for x in (1, 2):\n    assert x\n    assert (\n        x == x\n    )"
    of_types = "assert isinstance(a0, int)\nassert a1 is not None"
    counts = notebooks.counted(made(seven, f"{seven}\na7 = 7", inside, of_types, "x = 'assert 1'"))
    assert counts == notebooks.Counts(code_cells=5, pictures=2, assertions=2, long_cells=1)


def test_the_table_has_a_line_for_each_notebook_and_their_sum() -> None:
    head, *lines, last = notebooks.table().splitlines()
    assert [line.split()[0] for line in lines] == [source.stem for source in SOURCES]
    assert {len(line) for line in (head, *lines, last)} == {len(head)}
    numbers = [[0 if value == "–" else int(value) for value in line.split()[1:]] for line in lines]
    assert last.split() == ["in", "all", *(str(sum(column)) for column in zip(*numbers, strict=True))]


def test_a_number_from_nowhere_is_found() -> None:
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    text = "Twice 0.25 is 0.50; see `0.75`, $0.1$, section 3.2 and ![](a_1.5.png). Then 0.31."
    notebook = new_notebook(  # type: ignore[no-untyped-call]
        cells=[
            new_code_cell("half = 0.50", outputs=[new_output("stream", text="0.25 of it")]),  # type: ignore[no-untyped-call]
            new_markdown_cell(text),  # type: ignore[no-untyped-call]
            new_markdown_cell("## Sources\n\nVersion 1.2"),  # type: ignore[no-untyped-call]
        ]
    )
    assert unsourced(notebook) == ["cell 2: 0.31"]


def test_a_heatmap_without_scale_and_axes_is_found() -> None:
    bare = {"data": [{"type": "heatmap", "showscale": False}, {"type": "scatter"}], "layout": {}}
    assert len(unlabelled(bare, "")) == 2
    full = {
        "data": [{"type": "heatmap", "coloraxis": "coloraxis", "xaxis": "x2"}],
        "layout": {"coloraxis": {"cmax": 1}, "xaxis2": {"title": {"text": "item dimension"}}},
    }
    assert unlabelled(full, "") == []


def test_a_bad_notebook_is_not_stored() -> None:
    from nbformat.v4 import new_output

    source = deepcopy(stored(SOURCES[0]))
    code = [cell for cell in source.cells if cell.cell_type == "code"]
    code[0].outputs = [
        new_output("stream", name="stderr", text="UserWarning: beware"),  # type: ignore[no-untyped-call]
        new_output("stream", name="stdout", text=f"wrote {notebooks.ROOT}/x.csv"),  # type: ignore[no-untyped-call]
    ]
    figure = next(cell for cell in code if "answer" in cell.metadata.get("tags", []))
    del figure.outputs[0]["data"]["image/png"]
    said = "\n".join(notebooks.complaints(source))
    assert "stderr: UserWarning: beware" in said
    assert f"names {notebooks.ROOT}" in said
    assert "without its PNG" in said
    assert notebooks.answer(source) is None

"""Run the notebooks and store each with its output, beside the .py it is made from (which is the one to edit).

    python -m tools.notebooks [notebooks/NAME.py …]      (all when none is named)
    python -m tools.notebooks --table                    (run nothing: what is stored, counted)

A notebook is stored only when it ran without an error or a warning and its output names no folder of this machine. The
figure of the cell tagged "answer" is stored as a picture too: it stands at the notebook's top. How long the run took
stands in the notebook's metadata.
"""

from __future__ import annotations

import argparse
import ast
import base64
import os
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from convncf.runtime import threads

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
PICTURES = NOTEBOOKS / "pictures"

LIMIT = 12 * 60
"""Seconds that all lessons together may take on two cores."""

LONGEST_CELL: Final = 7
"""Lines of a code cell: more is more than one idea."""

_HEADER: Final = ("notebook", "seconds", "code cells", "pictures", "assertions", "long cells")

_ONE_CHROME = """
with __import__("contextlib").suppress(Exception):  # without a Chrome the figures are live only, and say so themselves
    __import__("kaleido").Kaleido()  # raises where there is none: the server would wait for it for ever
    __import__("kaleido").start_sync_server()
    # plotly hands over options of a Chrome of its own, though there are none
    __import__("warnings").filterwarnings("ignore", "The kopts argument is ignored", UserWarning)
"""


def read(path: Path) -> NotebookNode:
    """A notebook from its .py or its .ipynb."""
    import jupytext  # here and below: what reads and runs notebooks takes seconds to load

    notebook: NotebookNode = jupytext.read(path)
    return notebook


def sources() -> list[Path]:
    """The lessons' .py files, in the order in which they are read."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))


def execute(
    source: Path, *, environment: Mapping[str, str] | None = None, seconds: int = 600, then: Sequence[str] = ()
) -> NotebookNode:
    """The notebook of a .py, run from top to bottom in a fresh kernel with an empty home.

    `then` is code that runs after the last cell, as cells of their own, which stand at the end of what is returned.
    Raises CellExecutionError where a cell fails; a cell that takes longer than `seconds` is one that failed.
    """
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell

    notebook = read(source)
    notebook.cells += [new_code_cell(code) for code in then]  # type: ignore[no-untyped-call]
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number}"  # else a new one by chance at each run, and a diff with it
    with tempfile.TemporaryDirectory() as home:
        _at_start(Path(home) / "ipython")
        threads.share_processors()  # else torch's idle threads in the kernel take the processor from whoever has work
        settings = os.environ | {"CONVNCF_HOME": home, "PYTHONPATH": str(ROOT)} | dict(environment or {})
        settings |= {"IPYTHONDIR": str(Path(home) / "ipython")}
        place = {"metadata": {"path": str(source.parent)}}
        client = NotebookClient(notebook, kernel_name="python3", timeout=seconds, record_timing=False, resources=place)
        client.coalesce_streams = True  # else a line is stored in as many pieces as it happened to arrive in
        # its sockets are files in that folder: no port is opened, and ipykernel does not warn of one
        manager = client.create_kernel_manager()
        manager.transport, manager.ip = "ipc", str(Path(home) / "kernel")
        client.execute(env=settings)
    notebook.metadata.pop("language_info", None)  # the exact Python of whoever ran it
    for _, output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            output.metadata["image/png"] = _size(output.data["image/png"])
    return notebook


def _at_start(folder: Path) -> None:
    """One Chrome for all pictures of a notebook: without it kaleido starts one for each, which takes most of the time.

    Written as what IPython runs before the first cell, so that no cell has to speak of it.
    """
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-pictures.py").write_text(_ONE_CHROME, encoding="utf-8")


def _size(png: str) -> dict[str, int]:
    """How large a page shows a figure's PNG: half of its pixels, which is the figure's own size."""
    width, height = struct.unpack(">II", base64.b64decode(png)[16:24])
    return {"width": width // 2, "height": height // 2}


def outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Every output with the number of its cell, from 1."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            yield number, output


def pictures(notebook: NotebookNode) -> list[str]:
    """Every PNG among the outputs, in base64."""
    return [output.data["image/png"] for _, output in outputs(notebook) if "image/png" in output.get("data", {})]


def answer(notebook: NotebookNode) -> bytes | None:
    """The PNG of the cell tagged "answer"; none where there is no such cell, or no Chrome to draw it."""
    for cell in notebook.cells:
        if "answer" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output.data["image/png"])
    return None


def complaints(notebook: NotebookNode) -> list[str]:
    """What must not be in a stored notebook, a line each: errors, warnings, folders of this machine, a missing PNG."""
    folders = {str(ROOT), str(Path.home()), tempfile.gettempdir(), sys.prefix} - {"/"}
    found = []
    for number, output in outputs(notebook):
        if output.output_type == "error":
            found.append(f"cell {number}: {output.ename}: {output.evalue}")
        elif output.output_type == "stream" and output.name == "stderr":
            found.append(f"cell {number} writes to stderr: {output.text.strip()[:300]}")
        data: dict[str, Any] = output.get("data", {})
        if "application/vnd.plotly.v1+json" in data and "image/png" not in data:
            found.append(f"cell {number}: a figure without its PNG")
        text = output.get("text", "") + "".join(str(value) for kind, value in data.items() if kind != "image/png")
        found += [f"cell {number} names {folder}, a folder of this machine" for folder in folders if folder in text]
    return found


def store(source: Path, notebook: NotebookNode, seconds: float) -> None:
    """Write NAME.ipynb beside NAME.py, with the seconds that it ran for, and the picture of the answer."""
    import jupytext
    import nbformat

    notebook.metadata["seconds"] = round(seconds)
    nbformat.validate(notebook)
    source.with_suffix(".ipynb").write_text(f"{jupytext.writes(notebook, 'ipynb')}", encoding="utf-8")
    picture = answer(notebook)
    if picture is not None:
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{source.stem}.png").write_bytes(picture)


class Counts(NamedTuple):
    """What is in a notebook."""

    code_cells: int
    pictures: int
    assertions: int
    """Those that hold a value against another; not those that only tell a reader what kind of thing a name is."""
    long_cells: int
    """Code cells of more than LONGEST_CELL lines."""


def counted(notebook: NotebookNode) -> Counts:
    """The notebook in numbers."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    nodes = [node for source in code for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    long = sum(len(source.splitlines()) > LONGEST_CELL for source in code)
    return Counts(len(code), len(pictures(notebook)), sum(not _narrows(node.test) for node in nodes), long)


def _narrows(test: ast.expr) -> bool:
    """Whether it is `isinstance(…)` or `… is not None`, which tell of a type and hold nothing against anything."""
    if isinstance(test, ast.Compare):
        right = test.comparators[0]
        return isinstance(test.ops[0], ast.IsNot) and isinstance(right, ast.Constant) and right.value is None
    return isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "isinstance"


def row(name: str, seconds: float | None, found: Counts) -> str:
    """A line of the table; a notebook that was stored without its seconds has a dash."""
    taken = "–" if seconds is None else f"{seconds:.0f}"
    return _line(name, taken, *(str(number) for number in found))


def _line(name: str, *columns: str) -> str:
    return f"{name:32}" + "".join(f"{value:>{len(head) + 2}}" for head, value in zip(_HEADER[1:], columns, strict=True))


def total(rows: Sequence[tuple[float | None, Counts]]) -> str:
    """The last line of the table."""
    sums = Counts(*(sum(column) for column in zip(*(found for _, found in rows), strict=True)))
    return row("in all", sum(seconds or 0 for seconds, _ in rows), sums)


def table() -> str:
    """All notebooks as they are stored, a line each."""
    stored = [(source.stem, read(source.with_suffix(".ipynb"))) for source in sources()]
    rows = [(notebook.metadata.get("seconds"), counted(notebook)) for _, notebook in stored]
    lines = [row(name, *facts) for (name, _), facts in zip(stored, rows, strict=True)]
    return "\n".join([_line(*_HEADER), *lines, total(rows)])


def main() -> int:
    """Run and store what was asked for; the number of notebooks that could not be stored."""
    parser = argparse.ArgumentParser(description="Run the notebooks and store each with its output.")
    parser.add_argument("source", nargs="*", type=Path, help="notebooks/NAME.py; all when left out")
    parser.add_argument("--table", action="store_true", help="run nothing, and print what is stored, counted")
    asked = parser.parse_args()
    if asked.table:
        print(table())
        return 0
    refused, rows = 0, []
    print(_line(*_HEADER), flush=True)
    for source in asked.source or sources():
        began = time.monotonic()
        notebook = execute(source.resolve())
        seconds = time.monotonic() - began
        rows.append((seconds, counted(notebook)))
        print(row(source.stem, *rows[-1]), flush=True)
        wrong = complaints(notebook)
        if wrong:
            refused += 1
            print("\n".join(["not stored:", *wrong]), file=sys.stderr)
        else:
            store(source.resolve(), notebook, seconds)
    print(total(rows), flush=True)
    if not asked.source and sum(seconds for seconds, _ in rows) > LIMIT:
        print(f"all of them may take {LIMIT // 60} minutes on two cores: make some smaller", file=sys.stderr)
    return refused


if __name__ == "__main__":
    sys.exit(main())

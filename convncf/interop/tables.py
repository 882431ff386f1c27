"""A table as CSV, and as LaTeX for a paper: every text is printed character for character."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from typing import Final

_SPECIAL: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "[": "{[}",  # else \\ of the row before reads it as a length
        "]": "{]}",
        "*": "{*}",  # else \\ of the row before reads it as its star
        "-": "{-}",  # else -- becomes a dash
        "`": r"\textasciigrave{}",
        "'": r"\textquotesingle{}",
        "−": r"\ensuremath{-}",
        "–": r"\textendash{}",
        "±": r"\ensuremath{\pm}",
        "×": r"\ensuremath{\times}",
        "\n": " ",
        "\r": " ",
        "\t": " ",
    }
)


def csv_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Comma-separated values (RFC 4180), the column names first; lines end in a line feed."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()


def latex_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[int],
    bold: Collection[tuple[int, int]] = (),
    caption: str = "",
) -> str:
    """A `table` environment; it needs the packages booktabs, for its rules, and textcomp.

    Columns in `numbers` are aligned right; cells (row, column) in `bold` are bold. All count from 0.
    Raises ValueError where a row has another number of cells than there are columns.
    """
    for place, row in enumerate(rows):
        if len(row) != len(columns):
            raise ValueError(f"row {place} has {len(row)} cells, and the table has {len(columns)} columns: {row!r}")
    lines = [r"\begin{table}", r"\centering"]
    if caption:
        lines.append(rf"\caption{{{escaped(caption)}}}")
    lines.append(
        rf"\begin{{tabular}}{{{''.join('r' if column in numbers else 'l' for column in range(len(columns)))}}}"
    )
    lines += [r"\toprule", _line([escaped(name) for name in columns]), r"\midrule"]
    for place, row in enumerate(rows):
        cells = [escaped(cell) for cell in row]
        lines.append(
            _line([rf"\textbf{{{cell}}}" if (place, column) in bold else cell for column, cell in enumerate(cells)])
        )
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that TeX prints character for character; a line break or tab becomes a space."""
    return text.translate(_SPECIAL)


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"

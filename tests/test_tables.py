"""Tables for a paper: known LaTeX, and text that TeX cannot mistake for a command."""

from __future__ import annotations

import pytest

from convncf.interop.tables import escaped, latex_table


def test_a_small_table_is_known_to_the_letter() -> None:
    found = latex_table(
        ["Metric", "a_b"], [["HR@10", "0.700"], ["AUC", "0.9"]], numbers=[1], bold=[(0, 1)], caption="50% of users"
    )
    assert found == (
        "\\begin{table}\n\\centering\n\\caption{50\\% of users}\n\\begin{tabular}{lr}\n\\toprule\n"
        "Metric & a\\_b \\\\\n\\midrule\n"
        "HR@10 & \\textbf{0.700} \\\\\nAUC & 0.9 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def test_no_caption_leaves_no_line() -> None:
    assert "caption" not in latex_table(["a"], [], numbers=())


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("a & b # c % d $ e _ f", r"a \& b \# c \% d \$ e \_ f"),
        ("x^2 ~ y", r"x\textasciicircum{}2 \textasciitilde{} y"),
        ("1e--3", "1e{-}{-}3"),
        ("two\nlines", "two lines"),
        ("[4, 4]", "{[}4, 4{]}"),
        ("0.7 ± 0.1, −3", r"0.7 \ensuremath{\pm} 0.1, \ensuremath{-}3"),
    ],
)
def test_text_is_printed_and_never_obeyed(text: str, tex: str) -> None:
    assert escaped(text) == tex


def test_a_ragged_row_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row 1 .* 1 .* 2"):
        latex_table(["a", "b"], [["1", "2"], ["3"]], numbers=())

"""What reading files kept, and what it left out and why: a ReadReport as it is stored with the dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from app import widgets
from app.wording import plain

_SHOWN_ABOVE = ("Warning: ", "Left out: ")


def show(report: Mapping[str, Any], words: Callable[[str], str] = str) -> None:
    """Counts in a row, what is likely to be wrong, what was left out, then the other sentences, put by `words`."""
    widgets.facts(
        {
            "Rows read": f"{report['rows']:,}",
            "Kept": f"{report['kept']:,}",
            "Left out": f"{report['n_dropped']:,}",
            "Merged": f"{report['merged']:,}",
            "Users": f"{report['n_users']:,}",
            "Items": f"{report['n_items']:,}",
        }
    )
    for warning in report.get("warnings", ()):  # reports of earlier versions have none
        said = words(warning)
        st.warning(plain(f"{said[:1].upper()}{said[1:]}{'' if said.endswith('?') else '.'}"))
    rows = [
        {"Left out because": dropped["reason"], "Rows": dropped["count"], "On lines": _lines(dropped)}
        for dropped in report["dropped"]
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="content", alt="Rows left out, by reason")
    for sentence in report.get("sentences", ())[1:]:  # the first gives the counts
        if not sentence.startswith(_SHOWN_ABOVE):
            st.caption(plain(words(sentence)))


def _lines(dropped: Mapping[str, Any]) -> str:
    first = ", ".join(str(line) for line in dropped["first_lines"])
    more = ", …" if dropped["count"] > len(dropped["first_lines"]) else ""
    return first + more + (f" of {dropped['file']}" if dropped.get("file") else "")
